/* Moves of replicas between the log directories of a broker, as plans of kafka-reassign-partitions
 * ask for them in log_dirs. */
#ifndef TOOLS_REASSIGN_DIRS_H
#define TOOLS_REASSIGN_DIRS_H

#include "tools/reassign_plan.h"

enum reassign_dir_state {
    REASSIGN_DIR_DONE,
    REASSIGN_DIR_MOVING,
    REASSIGN_DIR_ELSEWHERE, /* it moves to another directory than that of the plan */
    REASSIGN_DIR_STILL,     /* it lies in another directory, and does not move */
    REASSIGN_DIR_NOWHERE    /* in no directory that works */
};

struct reassign_dir {
    const struct plan_item *item; /* of the plan, which outlives it */
    int32_t broker;
    const char *target;     /* the plan's */
    char *current, *future; /* NULL: none */
    enum reassign_dir_state state;
    bool started;
};

/* One for each replica of which the plan names a directory, by topic, partition and broker. */
struct reassign_dirs {
    struct reassign_dir *rows;
    size_t count;
};

void reassign_dirs_init(struct reassign_dirs *dirs, const struct plan *plan);
void reassign_dirs_free(struct reassign_dirs *dirs);
/* Asks the brokers to move them, and again for replicas that are not there yet, until --timeout is
 * over; tells which moves have begun. 0, or 1 with the message printed, as the others. */
int reassign_dirs_start(struct tool_run *run, struct reassign_dirs *dirs);
/* Where they are. */
int reassign_dirs_ask(struct tool_run *run, struct reassign_dirs *dirs);
/* Sends those that move back to where they are, after reassign_dirs_ask; how many these were. */
int reassign_dirs_cancel(struct tool_run *run, struct reassign_dirs *dirs, size_t *count);
/* A line each, in Kafka's words. */
void reassign_dirs_print(const struct reassign_dirs *dirs);
/* Whether any moves still. */
bool reassign_dirs_move(const struct reassign_dirs *dirs);
/* What is left to do for a partition of the plan: the worst of its replicas. */
enum reassign_dir_state reassign_dirs_of(const struct reassign_dirs *dirs,
                                         const struct plan_item *item);

#endif
