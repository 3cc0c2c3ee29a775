/* EndTxn: the end of a transaction by its producer.
 *
 * Happy path: the end is stored as prepared, and answered: from now on whoever coordinates this id
 * carries it out. By transaction.version 2 the same record raises the producer's epoch, so that
 * nothing that comes late belongs to the next transaction; when the epochs are used up, the
 * producer goes on under a new id. What is asked once more is answered by what has become of it.
 * Failure modes: the other end than the one before is INVALID_TXN_STATE; while markers are on their
 * way it is CONCURRENT_TRANSACTIONS. What is answered without a record that says so waits for proof
 * that we coordinate (txn_sure.h): to a successor it may be the end of the next transaction.
 *
 * Nothing in the end of an older producer tells it from that of its transaction before: one that
 * was asked for twice, and came late the first time, would end the next transaction in the middle.
 * But a producer asks twice only after it has given up a connection, and then goes on by a newer
 * one. So an end by an older connection than that of what it would end came late. Whoever uses
 * several connections at once is only made to dial anew: then the end's is the newest. */
#include "base/check.h"
#include "base/err.h"
#include "base/mutation.h"
#include "broker/txn/txn_private.h"

enum { END_WRITE = 1 /* it is to be stored; else what is answered at once */ };

static void end_try(struct txn_end *end);

static void end_stored(struct txn *txn, void *waiter, int err)
{
    struct txn_end *end = waiter;
    ASSERT(err <= 0);
    (void)txn;
    ASSERT(end != NULL);
    end->done(end, err);
}

/* Whether it has been asked before: the epoch, or the id, has gone on with the first time. */
static bool end_is_again(const struct txn *txn, const struct txn_end *end)
{
    const struct txn_producer *producer = &end->producer;
    if (!end->bumps || txn->value.version < TXN_VERSION_BUMPS || producer->epoch < 0)
        return false;
    if (producer->producer_id == txn->value.producer_id)
        return producer->epoch + 1 == txn->value.epoch;
    return producer->producer_id == txn->last_producer_id && producer->epoch == TXN_EPOCH_MAX &&
           txn->value.epoch == 0;
}

/* Whether that producer may end anything. */
static int end_check(const struct txn *txn, const struct txn_end *end)
{
    if (!txn)
        return ERR_INVALID_PRODUCER_ID_MAPPING;
    if (end_is_again(txn, end))
        return 0;
    return txn_check_producer(txn, &end->producer);
}

/* Nothing is open: the last transaction ended as `committed` says, or there was none. */
static int end_look_idle(const struct txn *txn, const struct txn_end *end, bool again)
{
    bool was_commit = txn->state == TXN_COMPLETE_COMMIT;
    ASSERT(txn_is_idle(txn));
    if (end->bumps && !again)
        return end->commit ? ERR_INVALID_TXN_STATE : END_WRITE;
    return txn->state != TXN_EMPTY && was_commit == end->commit ? 0 : ERR_INVALID_TXN_STATE;
}

/* A transaction is open. */
static int end_look_ongoing(const struct txn *txn, const struct txn_end *end, bool again)
{
    bool late = !end->bumps && end->opened_us > 0 && end->opened_us < txn->opened_us;
    ASSERT(txn->state == TXN_ONGOING);
    if (MUTATION(TXN_LATE_END))
        return END_WRITE;
    if (again)
        return ERR_PRODUCER_FENCED;
    return late ? ERR_CAME_LATE : END_WRITE;
}

/* By its epoch it may be the end of the next transaction, whose batches were all in vain. Kafka
 * takes it for the other end of this one, and its producer is out. */
static int end_look_preparing(const struct txn *txn, const struct txn_end *end, bool again)
{
    bool same = (txn->state == TXN_PREPARE_COMMIT) == end->commit;
    bool next = end->bumps && !again;
    ASSERT(txn_is_preparing(txn));
    return same || next ? ERR_CONCURRENT_TRANSACTIONS : ERR_INVALID_TXN_STATE;
}

static int end_look(const struct txn *txn, const struct txn_end *end)
{
    bool again = end_is_again(txn, end);
    if (txn->record)
        return ERR_CONCURRENT_TRANSACTIONS;
    switch (txn->state) {
    case TXN_ONGOING:
        return end_look_ongoing(txn, end, again);
    case TXN_PREPARE_COMMIT:
    case TXN_PREPARE_ABORT:
        return end_look_preparing(txn, end, again);
    case TXN_PREPARE_EPOCH_FENCE:
        return ERR_CONCURRENT_TRANSACTIONS;
    case TXN_EMPTY:
    case TXN_COMPLETE_COMMIT:
    case TXN_COMPLETE_ABORT:
        return end_look_idle(txn, end, again);
    default:
        return ERR_INVALID_TXN_STATE;
    }
}

static void end_id_given(struct producer_id_wait *wait, int err, int64_t id)
{
    struct txn_end *end = CONTAINER_OF(wait, struct txn_end, wait);
    ASSERT(err <= 0);
    end->spare_id = id;
    if (err)
        end->done(end, err);
    else
        end_try(end);
}

/* Who the producer is from now on: false when an id for it is on its way. */
static bool end_bump(struct txn_end *end, const struct txn *txn, struct txn_next *next)
{
    ASSERT(end->bumps);
    if (txn_epoch_is_used_up(txn) && end->spare_id < 0) {
        end->wait.done = end_id_given;
        producer_ids_take(end->manager->deps.ids, &end->wait);
        return false;
    }
    ASSERT(next->epoch <= TXN_EPOCH_MAX);
    next->version = TXN_VERSION_BUMPS;
    next->epoch++; /* one more than a producer gets is left for this */
    end->new_producer_id = txn->value.producer_id;
    end->new_epoch = next->epoch;
    if (txn_epoch_is_used_up(txn)) {
        next->next_producer_id = end->new_producer_id = end->spare_id;
        end->new_epoch = 0;
    }
    return true;
}

static void end_write(struct txn_end *end, struct txn *txn)
{
    struct txn_next next;
    ASSERT(txn->record == NULL);
    txn_next_init(&next, txn, end->commit ? TXN_PREPARE_COMMIT : TXN_PREPARE_ABORT);
    next.version = 0; /* as this end is asked for, whatever its partitions were added by */
    if (end->bumps && !end_bump(end, txn, &next))
        return;
    int err = txn_write(txn, &next, end_stored, end);
    if (err)
        end->done(end, err);
}

static void end_sure(struct txn_sure *sure, int err)
{
    struct txn_end *end = CONTAINER_OF(sure, struct txn_end, sure);
    ASSERT(err <= 0);
    if (err)
        end->done(end, err);
    else
        end_try(end);
}

static void end_try(struct txn_end *end)
{
    struct txn_shard *shard = NULL;
    int err = txn_manager_locate(end->manager, end->producer.id, &shard);
    struct txn *txn = err ? NULL : txn_shard_find(shard, end->producer.id);
    if (!err)
        err = end_check(txn, end);
    int look = err ? err : end_look(txn, end);
    /* What a raised epoch tells of the end before it stays so. */
    bool told = look == ERR_INVALID_TXN_STATE || look == 0;
    bool stays = told && end_is_again(txn, end);
    if (!stays && txn_manager_doubts(end->manager, &end->producer,
                                     told ? ERR_INVALID_TXN_STATE : look, &end->sure, end_sure))
        return;
    if (look == END_WRITE) {
        end_write(end, txn);
        return;
    }
    if (!look) {
        end->new_producer_id = txn->value.producer_id;
        end->new_epoch = txn->value.epoch;
    }
    end->done(end, look);
}

void txn_manager_end(struct txn_manager *manager, struct txn_end *end)
{
    ASSERT(end->done != NULL);
    end->manager = manager;
    end->spare_id = end->new_producer_id = TXN_NO_PRODUCER;
    end->new_epoch = TXN_NO_EPOCH;
    list_init(&end->wait.link);
    end->sure = (struct txn_sure){.asked = false};
    end_try(end);
}
