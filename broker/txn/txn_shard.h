/* One partition of __transaction_state that this broker leads: the transactional ids that live in
 * it. A client of broker/coordinator. */
#ifndef BROKER_TXN_TXN_SHARD_H
#define BROKER_TXN_TXN_SHARD_H

#include "base/list.h"
#include "base/map.h"
#include "broker/coordinator/machine.h"
#include "broker/txn/txn.h"
#include "broker/txn/txn_sure.h"

struct txn_manager;

struct txn_shard {
    struct machine machine;
    struct txn_manager *manager;
    int32_t epoch;     /* of the coordinator, in markers: the leader epoch of the partition */
    struct map ids;    /* transactional id -> struct txn */
    struct list order; /* the same, and marks of walks */
    struct env_timer start_timer;
    struct txn_proof proof;
    struct list start_mark; /* in `order`: what is behind it has not been started */
};

/* For machine_deps. */
extern const struct machine_client txn_shard_client;

struct txn_shard *txn_shard_new(struct txn_manager *manager, int32_t index, int32_t epoch);
/* Who waits is told `err`, then all ids are forgotten. */
void txn_shard_free(struct txn_shard *shard, int err);

/* NULL: there is none. */
struct txn *txn_shard_find(struct txn_shard *shard, struct wire_str id);
/* One that is not there. */
struct txn *txn_shard_add(struct txn_shard *shard, struct wire_str id);
void txn_shard_remove(struct txn_shard *shard, struct txn *txn);

#endif
