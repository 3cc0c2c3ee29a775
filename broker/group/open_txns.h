/* Which groups of a shard hold offsets of which open transaction, so that a marker looks at those
 * alone. Kept by who replays (replay.c): a group is in it as long as its offsets have a set of that
 * producer. */
#ifndef BROKER_GROUP_OPEN_TXNS_H
#define BROKER_GROUP_OPEN_TXNS_H

#include <stdint.h>

#include "base/map.h"

struct group;

struct open_txns {
    struct map producers; /* producer id -> struct map of groups, by their address */
};

void open_txns_init(struct open_txns *txns);
/* Everything is forgotten; it may be filled anew. */
void open_txns_clear(struct open_txns *txns);
void open_txns_add(struct open_txns *txns, int64_t producer_id, struct group *group);
void open_txns_remove(struct open_txns *txns, int64_t producer_id, struct group *group);
/* The producer's groups, which are in the index no more; NULL when there are none. The map is the
 * caller's, for open_txns_free: a marker walks it once. */
struct map *open_txns_take(struct open_txns *txns, int64_t producer_id);
void open_txns_free(struct map *groups);

#endif
