/* What `millrace drain`, `balance` and `decommission` share: the state of a cluster as a planner
 * needs it, the plan on the screen, and carrying it out.
 *
 * move_state.c reads, placement.h plans, move_report.c prints, move_run.c moves. All of it can be
 * ended at any moment: what has begun is in the controller's hands, and the next call reads where
 * the cluster is and plans what is left. Functions give 0, or 1 with the message printed. */
#ifndef TOOLS_MOVE_H
#define TOOLS_MOVE_H

#include "kafka/messages/describe_log_dirs.h"
#include "kafka/messages/metadata.h"
#include "tools/placement.h"
#include "tools/reassign_plan.h"
#include "tools/report.h"

enum { MOVE_NOBODY = -1 }; /* in place of the broker that is drained: all are balanced */

#define MOVE_OPTIONS                                                                               \
    TOOL_CONNECT_OPTIONS, OPTION("plan", NULL, "Print what would be moved, and move nothing."),    \
        OPTION("cancel", NULL,                                                                     \
               "End the moves that are under way: their replicas of before are those again."),     \
        OPTION("throttle", "BYTES/S",                                                              \
               "The most that is copied, from and to each broker, until it is done."),             \
        OPTION("at-once", "N", "The most partitions that move at the same time; 20."),             \
        OPTION("exclude", "ID,...",                                                                \
               "Brokers that are given nothing, such as those that leave next."),                  \
        OPTION("disable-rack-aware", NULL, "Pay no attention to racks."),                          \
        OPTION("format", "json|table",                                                             \
               "One JSON object, or tables only, on stdout; progress goes to stderr."),            \
        TOOL_LAST_OPTIONS

typedef struct metadata_response_metadata_response_partition move_row;

enum move_broker { MOVE_BROKER_UNKNOWN, MOVE_BROKER_DOWN, MOVE_BROKER_UP };

struct move_state {
    struct tool_run *run;
    int32_t leaves;                /* the id of the broker that is drained, or MOVE_NOBODY */
    enum move_broker broker;       /* how it is */
    struct client_answer metadata; /* of all topics */
    struct plan moves;             /* what is under way */
    struct plan
        current; /* replicas of each partition: those that a move will leave, if one is under
                            way and can end */
    struct placement placement; /* its partition i is item i of `current` */
    const move_row **rows;      /* what Metadata says of item i */
    int64_t *bytes;             /* of one replica of item i */
};

/* The broker's id is the first argument. */
int move_read_broker(const struct tool_run *run, int32_t *broker);
/* Whether the options go with --plan or --cancel. */
int move_check_actions(const struct tool_run *run);
/* Connects, and from then on asks whichever broker answers but the one that leaves. */
int move_connect(struct tool_run *run, int32_t leaves);
/* Whether the broker is registered, and whether the controller hears it. */
int move_find_broker(struct tool_run *run, int32_t broker, enum move_broker *found);
/* The ids of the brokers that the controller does not hear; the caller's to mem_free. */
int move_find_down(struct tool_run *run, struct plan_ids *down);
/* The state is closed by the caller in any case. */
int move_state_read(struct tool_run *run, int32_t leaves, struct move_state *state);
/* Safe on zeroed memory, and twice. */
void move_state_close(struct move_state *state);
/* Drains or balances the placement. Says why where that can't be. */
int move_plan(struct move_state *state);

/* One partition of the work: it changes, or a move of it is under way. */
struct move_item {
    int32_t index;  /* in the state's arrays */
    bool under_way; /* and its replicas are right: it is only waited for */
    int32_t copies; /* replicas that have nothing yet */
};

/* What the plan has to do; the caller's to mem_free. */
struct move_item *move_items(const struct move_state *state, size_t *count);
/* The replicas that item i shall have, as ids; the caller's to mem_free. */
int32_t *move_target(const struct move_state *state, int32_t index);
/* Whether the broker has its data: it is a replica, and no move is only adding it. */
bool move_holds(const struct move_state *state, int32_t index, int32_t id);

/* The size of a replica, of the partitions that were asked about. */
typedef void move_take_size(void *data, int32_t broker, const char *topic, int32_t partition,
                            int64_t size);
/* What a broker has of them. 0 or ERR_x; the sentence is the client's, and is not printed.
 * `cordoned`, where it is not NULL: whether all of its log directories that work are. */
int move_ask_sizes(struct client *client, int32_t broker,
                   const struct describe_log_dirs_request *request, move_take_size *take,
                   void *data, bool *cordoned) MUST_CHECK;

/* The plan, and what it brings. */
void move_report_plan(const struct move_state *state, enum report_format format);

/* What was done. */
struct move_result {
    size_t partitions;
    int64_t bytes;
    bool interrupted;
};
/* Prints it: "BROKER is drained" in words, or as an object. */
void move_report_result(const struct tool_run *run, int32_t broker, const char *state,
                        const struct move_result *result);

/* Reads, plans and moves until the broker (or MOVE_NOBODY) has nothing left to move. On Ctrl-C it
 * says how to go on, and `interrupted` is set. */
int move_all(struct tool_run *run, int32_t leaves, struct move_result *result);
/* --cancel: of the broker's moves, or of all. */
int move_cancel(struct tool_run *run, int32_t leaves);
/* --plan */
int move_show(struct tool_run *run, int32_t leaves);
/* The exit status of a run that Ctrl-C or SIGTERM ended. */
int move_signal_status(void);

/* Catches SIGINT and SIGTERM from now on. */
int move_catch_signals(struct tool_run *run);
bool move_interrupted(void);

/* A line that says how far it is: on a terminal always the same one, else one after the other when
 * something has changed. */
struct move_line {
    FILE *out;
    bool live;
    char *last;
    int64_t last_ms;
};
void move_line_open(const struct tool_run *run, struct move_line *line);
void move_line_print(const struct tool_run *run, struct move_line *line, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* What is printed next begins on a line of its own. */
void move_line_close(struct move_line *line);

#endif
