/* A walk over all transactional ids that this broker serves, some at a time: partition by
 * partition, in the order in which the ids came. One that is there all the time is met once; what
 * comes or goes meanwhile may be. */
#ifndef BROKER_TXN_TXN_WALK_H
#define BROKER_TXN_TXN_WALK_H

#include <stdint.h>

#include "base/list.h"

struct txn;
struct txn_manager;
struct txn_shard;

struct txn_walk {
    struct txn_manager *manager;
    struct txn_shard *shard; /* where it is; NULL between two */
    int32_t next_shard;
    struct list *next; /* in the shard's order: what is still to be seen begins there */
};

void txn_walk_begin(struct txn_walk *walk, struct txn_manager *manager);
/* NULL at the end. */
struct txn *txn_walk_next(struct txn_walk *walk);
/* The id goes. */
void txn_walk_skip(struct txn_walk *walk, const struct txn *txn);
/* The shard goes, or loads again: the walk goes on with the next one. */
void txn_walk_leave(struct txn_walk *walk, const struct txn_shard *shard);

#endif
