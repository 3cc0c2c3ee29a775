/* What the files of the transaction coordinator share besides the public functions. */
#ifndef BROKER_TXN_TXN_PRIVATE_H
#define BROKER_TXN_TXN_PRIVATE_H

#include "broker/coordinator/machine.h"
#include "broker/txn/txn.h"
#include "broker/txn/txn_expiry.h"
#include "broker/txn/txn_lister.h"
#include "broker/txn/txn_manager.h"
#include "broker/txn/txn_shard.h"
#include "broker/txn/txn_wait.h"

struct txn_manager {
    struct txn_manager_deps deps;
    struct machine_deps machine_deps; /* of all shards */
    struct map shards;                /* partition -> struct txn_shard */
    struct txn_expiry expiry;
    struct txn_lister lister;
    int64_t bytes; /* charged by ids */
    bool full;     /* it was logged that there is no room */
};

/* The shard that serves the id now: 0, ERR_INVALID_REQUEST (no id may be such), ERR_NOT_COORDINATOR
 * (also as long as there is no such topic), ERR_COORDINATOR_LOAD_IN_PROGRESS. */
int txn_manager_locate(const struct txn_manager *manager, struct wire_str id,
                       struct txn_shard **shard) MUST_CHECK;
/* The id, and that it is this producer who asks: also ERR_INVALID_PRODUCER_ID_MAPPING,
 * ERR_PRODUCER_FENCED. */
int txn_manager_find(const struct txn_manager *manager, const struct txn_producer *producer,
                     struct txn **txn) MUST_CHECK;

/* Whether that answer waits for proof (txn_sure.h): it is final, and not sure to stay so. Then
 * `done` comes, perhaps before this returns, and says whether to look again. */
bool txn_manager_doubts(struct txn_manager *manager, const struct txn_producer *producer, int err,
                        struct txn_sure *sure, void (*done)(struct txn_sure *sure, int err));

/* The end of a transaction can be completed as that says. If its producer waits already to begin
 * the next one, both are stored with one append; true: they are on their way. */
bool txn_add_follows(struct txn *txn, const struct txn_next *completed) MUST_CHECK;

#endif
