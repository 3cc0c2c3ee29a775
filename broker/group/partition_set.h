/* A set of partitions, named by topic id and index: sorted, so that two sets are compared or
 * combined in one walk. */
#ifndef BROKER_GROUP_PARTITION_SET_H
#define BROKER_GROUP_PARTITION_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"

struct partition_name {
    struct uuid topic_id;
    int32_t partition;
};

struct partition_set {
    struct partition_name *items;
    size_t count;
    size_t cap;
};

void partition_set_init(struct partition_set *set);
void partition_set_close(struct partition_set *set);
void partition_set_clear(struct partition_set *set);
/* Cheap at the end of the order; a duplicate is ignored. */
void partition_set_add(struct partition_set *set, const struct uuid *topic_id, int32_t partition);
/* For a set that comes in any order: all are appended, then settled once, before any other use. */
void partition_set_append(struct partition_set *set, const struct uuid *topic_id,
                          int32_t partition);
void partition_set_settle(struct partition_set *set);
bool partition_set_has(const struct partition_set *set, const struct uuid *topic_id,
                       int32_t partition);
bool partition_set_equal(const struct partition_set *a, const struct partition_set *b);
/* Whether every partition of `a` is in `b`. */
bool partition_set_within(const struct partition_set *a, const struct partition_set *b);
bool partition_set_meets(const struct partition_set *a, const struct partition_set *b);
void partition_set_copy(struct partition_set *to, const struct partition_set *from);
/* Gives `to` what `from` has; `from` is empty then. */
void partition_set_move(struct partition_set *to, struct partition_set *from);
/* set = set and b; set = set without b; set = set or b. */
void partition_set_intersect(struct partition_set *set, const struct partition_set *b);
void partition_set_subtract(struct partition_set *set, const struct partition_set *b);
void partition_set_unite(struct partition_set *set, const struct partition_set *b);

/* Runs of one topic, for messages: the next run from *at on, its length in *count. NULL at the end.
 */
const struct partition_name *partition_set_next_topic(const struct partition_set *set, size_t *at,
                                                      size_t *count);
/* How many topics. */
size_t partition_set_topics(const struct partition_set *set);

#endif
