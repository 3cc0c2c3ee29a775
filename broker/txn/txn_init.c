/* InitProducerId with a transactional id: a producer begins, and fences all that came before it
 * under this id.
 *
 * Happy path: the next epoch of the producer id, in a record of state Empty. What was open is
 * aborted first: the answer is CONCURRENT_TRANSACTIONS, and the client asks again until that is
 * over. A producer that names who it is (KIP-360) only goes on when it is the newest; when its
 * answer was lost and it asks again, it gets the same. Failure modes: no id can be had, or the
 * record can't be stored: nothing has changed, but that a spare producer id is lost. */
#include "base/err.h"
#include "broker/txn/txn_private.h"

static void init_try(struct txn_init *init);

static void init_stored(struct txn *txn, void *waiter, int err)
{
    struct txn_init *init = waiter;
    ASSERT(init != NULL);
    if (!err) {
        txn->last_producer_id = init->last_producer_id;
        txn->last_epoch = init->last_epoch;
    } else if (txn->state == TXN_NEW) {
        txn_shard_remove(txn->shard, txn);
    }
    init->done(init, err);
}

/* The record of a producer that begins. */
static void init_write(struct txn_init *init, struct txn *txn, int64_t producer_id, int16_t epoch)
{
    struct txn_next next;
    bool made = txn->state == TXN_NEW;
    txn_next_init(&next, txn, TXN_EMPTY);
    next.producer_id = init->new_producer_id = producer_id;
    next.previous_producer_id = init->last_producer_id;
    next.epoch = init->new_epoch = epoch;
    next.version = 0; /* not known before it writes */
    next.timeout_ms = init->timeout_ms;
    next.start_ms = -1;
    next.partitions = NULL;
    int err = txn_write(txn, &next, init_stored, init);
    if (!err)
        return;
    if (made)
        txn_shard_remove(txn->shard, txn);
    init->done(init, err);
}

static void init_id_given(struct producer_id_wait *wait, int err, int64_t id)
{
    struct txn_init *init = CONTAINER_OF(wait, struct txn_init, wait);
    init->spare_id = id;
    if (err)
        init->done(init, err);
    else
        init_try(init);
}

/* Whether there is a producer id to give; else one is on its way, and it is tried again then. */
static bool init_has_id(struct txn_init *init)
{
    if (init->spare_id >= 0)
        return true;
    init->wait.done = init_id_given;
    producer_ids_take(init->manager->deps.ids, &init->wait);
    return false;
}

static void init_new(struct txn_init *init, struct txn_shard *shard)
{
    if (!txn_manager_has_room(init->manager)) {
        init->done(init, ERR_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    if (init_has_id(init))
        init_write(init, txn_shard_add(shard, init->id), init->spare_id, 0);
}

/* What is no id at all is one that nobody has. */
static bool init_is_named(const struct txn_init *init)
{
    return init->producer_id != TXN_NO_PRODUCER;
}

/* Whether the producer that asks may: one that names nobody may always. */
static bool init_is_newest(const struct txn_init *init, const struct txn *txn)
{
    if (!init_is_named(init))
        return true;
    if (init->epoch > TXN_EPOCH_MAX)
        return false;
    if (init->producer_id == txn->value.producer_id)
        return init->epoch == txn->value.epoch || init->epoch == txn->last_epoch;
    /* It had used up the id before this one, and did not hear that it got a new one. */
    return init->producer_id == txn->last_producer_id && init->epoch == txn->last_epoch &&
           init->epoch >= TXN_EPOCH_MAX;
}

/* No transaction is open. */
static void init_next(struct txn_init *init, struct txn *txn)
{
    bool named = init_is_named(init);
    bool repeats =
        named && (init->producer_id != txn->value.producer_id || init->epoch != txn->value.epoch);
    if (repeats) {
        init_write(init, txn, txn->value.producer_id, txn->value.epoch);
    } else if (!txn_epoch_is_used_up(txn)) {
        init->last_epoch = named ? txn->value.epoch : TXN_NO_EPOCH;
        init_write(init, txn, txn->value.producer_id, (int16_t)(txn->value.epoch + 1));
    } else if (init_has_id(init)) {
        init->last_producer_id = txn->value.producer_id;
        init->last_epoch = named ? txn->value.epoch : TXN_NO_EPOCH;
        init_write(init, txn, init->spare_id, 0);
    }
}

static void init_sure(struct txn_sure *sure, int err)
{
    struct txn_init *init = CONTAINER_OF(sure, struct txn_init, sure);
    if (err)
        init->done(init, err);
    else
        init_try(init);
}

static void init_try(struct txn_init *init)
{
    struct txn_producer named = {init->id, init->producer_id, init->epoch};
    struct txn_shard *shard = NULL;
    int err = txn_manager_locate(init->manager, init->id, &shard);
    struct txn *txn = err ? NULL : txn_shard_find(shard, init->id);
    if (!err && !txn) {
        init_new(init, shard);
        return;
    }
    if (!err)
        err = txn_busy(txn);
    if (!err && !init_is_newest(init, txn))
        err = ERR_PRODUCER_FENCED;
    if (txn_manager_doubts(init->manager, &named, err, &init->sure, init_sure))
        return;
    if (!err && txn->state == TXN_ONGOING) {
        txn_fence(txn);
        err = ERR_CONCURRENT_TRANSACTIONS;
    }
    if (err) {
        init->done(init, err);
        return;
    }
    init->last_producer_id = txn->last_producer_id;
    init->last_epoch = txn->last_epoch;
    init_next(init, txn);
}

void txn_manager_init_producer(struct txn_manager *manager, struct txn_init *init)
{
    init->manager = manager;
    init->spare_id = TXN_NO_PRODUCER;
    init->last_producer_id = TXN_NO_PRODUCER;
    init->last_epoch = TXN_NO_EPOCH;
    init->wait.done = NULL;
    init->sure = (struct txn_sure){.asked = false};
    list_init(&init->wait.link);
    if (wire_str_is_empty(init->id) || init_is_named(init) != (init->epoch != TXN_NO_EPOCH))
        init->done(init, ERR_INVALID_REQUEST);
    else if (init->timeout_ms <= 0 || init->timeout_ms > manager->deps.settings.timeout_max_ms)
        init->done(init, ERR_INVALID_TRANSACTION_TIMEOUT);
    else
        init_try(init);
}
