/* Where replicas shall be, worked out over plain arrays: no cluster, no clock, no randomness, so
 * that the same arrays give the same plan.
 *
 * The caller adds brokers and partitions, calls one planner, and reads `replicas` beside `before`.
 * Racks: a planner never gives a rack one more replica of a partition than the rack that it takes
 * from has, so no partition stands on fewer racks than before. Evenness: no single path of moves
 * that the racks allow makes the counts more even than they are at the end. */
#ifndef TOOLS_PLACEMENT_H
#define TOOLS_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

struct placement_broker {
    int32_t id;
    int32_t rack; /* a number for each rack; the same for all where racks don't count */
    bool takes;   /* may have more or less than now: it is live, and not left out */
    bool leaves;  /* loses all replicas; takes none */
};

struct placement_partition {
    int32_t topic;     /* a number for each topic, from 0 */
    int32_t count;     /* replicas */
    int32_t *replicas; /* indexes of brokers, the preferred leader first */
    int32_t *before;   /* the same, before a planner came */
    int64_t bytes;     /* of one replica */
};

/* Zeroed memory is an empty one. */
struct placement {
    struct placement_broker *brokers;
    struct placement_partition *partitions;
    int32_t broker_count, partition_count, topic_count;
    int64_t bytes_slack; /* brokers whose bytes differ by no more than this count as even */
};

struct placement_load {
    int32_t replicas, leaders; /* leaders: partitions that prefer it */
    int64_t bytes;
};

void placement_free(struct placement *p);
/* Its index. */
int32_t placement_add_broker(struct placement *p, const struct placement_broker *broker);
/* The index of the broker with the id; -1: it is not there. */
int32_t placement_find_broker(const struct placement *p, int32_t id);
/* `replicas`: indexes of different brokers, at least one; copied. Its index. */
int32_t placement_add(struct placement *p, int32_t topic, int64_t bytes, const int32_t *replicas,
                      int32_t count);

/* Gives what brokers that leave have to those that take: as even a number of replicas as can be
 * without moving others, and of leaders. ERR_INVALID_REPLICATION_FACTOR: a partition has as many
 * replicas as brokers would be left; *stuck is its index, and the placement is of no use. */
int placement_drain(struct placement *p, int32_t *stuck) MUST_CHECK;
/* Evens out, over the brokers that take: racks of each partition, replicas, bytes (down to the
 * slack), leaders. Moves as few as it can; what is even stays as it is. */
void placement_balance(struct placement *p);

/* What each broker has, or had before; `loads` has room for all. */
void placement_loads(const struct placement *p, bool before, struct placement_load *loads);
/* Whether the replicas, or their order, differ from before. */
bool placement_changed(const struct placement_partition *partition);
/* Replicas that were not there before: each is copied. */
int32_t placement_moved(const struct placement_partition *partition);

#endif
