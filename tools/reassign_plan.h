/* Plans of kafka-reassign-partitions: which replicas partitions have, or shall have, and the JSON
 * files that say so: {"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2],
 * "log_dirs":["any","any"]}]} */
#ifndef TOOLS_REASSIGN_PLAN_H
#define TOOLS_REASSIGN_PLAN_H

#include "tools/tool.h"

struct plan_ids {
    int32_t *ids;
    int32_t count;
};

struct plan_item {
    char *topic;
    int32_t partition;
    struct plan_ids replicas;
    char **dirs; /* the log directory for each of them, NULL = any; NULL when all are so */
    struct plan_ids adding, removing; /* of those that are being moved */
};

struct plan {
    struct plan_item *items; /* by topic and partition, once it is sorted */
    size_t count;
};

void plan_free(struct plan *plan);
/* Everything is copied; NULL ids = none. */
struct plan_item *plan_add(struct plan *plan, const char *topic, int32_t partition,
                           const int32_t *replicas, int32_t count);
void plan_set_ids(struct plan_ids *ids, const int32_t *from, int32_t count);
bool plan_ids_have(const struct plan_ids *ids, int32_t id);
bool plan_ids_equal(const struct plan_ids *a, const struct plan_ids *b);
void plan_sort(struct plan *plan);
/* In a plan that is sorted: how many items from `i` on are of its topic. */
size_t plan_of_topic(const struct plan *plan, size_t i);
/* In a plan that is sorted; NULL when it is not there. */
const struct plan_item *plan_find(const struct plan *plan, const char *topic, int32_t partition);

/* Reads the file that --OPTION names, and sorts. 0, or 1 with the message printed: no such file, no
 * such JSON, a partition or a broker that is there twice, a log directory that is no path. */
int plan_read(const struct tool_run *run, const char *option, struct plan *plan);
/* The ids of --OPTION, "1,2,3": at least one, none twice. The caller's to mem_free. */
int plan_read_ids(const struct tool_run *run, const char *option, struct plan_ids *ids);
/* The names of {"topics":[{"topic":"t"}]}, as items of partition -1. */
int plan_read_topics(const struct tool_run *run, const char *option, struct plan *plan);
/* One line of JSON, as Kafka writes it. */
void plan_print(const struct plan *plan);
/* "t-0,t-1" */
void plan_print_names(const struct plan *plan);
/* "1,2" */
void plan_put_ids(const struct plan_ids *ids, struct buf *out);

#endif
