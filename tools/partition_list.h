/* A list of partitions, as the JSON files of Kafka's tools name them:
 * {"version":1,"partitions":[{"topic":"t","partition":0,"offset":5}]} */
#ifndef TOOLS_PARTITION_LIST_H
#define TOOLS_PARTITION_LIST_H

#include "tools/tool.h"

struct partition_item {
    char *topic;
    int32_t partition;
    int64_t offset; /* of those files that have it; else 0 */
};

struct partition_list {
    struct partition_item *items;
    size_t count;
};

/* Reads the file that --OPTION names; with `offsets`, each partition must have one of -1 or more.
 * What else stands there is of no effect, as with Kafka. 0, or 1 with the message printed: a file
 * that can't be read, that is no such list, or that names a partition twice. */
int partition_list_read(const struct tool_run *run, const char *option, bool offsets,
                        struct partition_list *list);
/* `topic` is copied. */
void partition_list_add(struct partition_list *list, const char *topic, int32_t partition,
                        int64_t offset);
void partition_list_free(struct partition_list *list);
/* By topic and number, as qsort wants it. */
int partition_item_compare(const void *a, const void *b);

#endif
