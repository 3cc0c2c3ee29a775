/* EndTxn: the end of a transaction by its producer.
 *
 * Happy path: the end is stored as prepared, and answered: from now on whoever coordinates this id
 * carries it out. What is asked once more is answered by what has become of it. Failure modes: the
 * other end than the one before is INVALID_TXN_STATE; while markers are on their way it is
 * CONCURRENT_TRANSACTIONS. */
#include "base/err.h"
#include "broker/txn/txn_private.h"

static void end_stored(struct txn *txn, int err)
{
    struct txn_end *end = txn->waiter;
    ASSERT(end != NULL);
    end->done(end, err);
}

/* What is told without a change; 1: the transaction is open, and is to be ended. */
static int end_look(const struct txn *txn, bool commit)
{
    if (txn->writing)
        return ERR_CONCURRENT_TRANSACTIONS;
    switch (txn->state) {
    case TXN_ONGOING:
        return 1;
    case TXN_PREPARE_COMMIT:
        return commit ? ERR_CONCURRENT_TRANSACTIONS : ERR_INVALID_TXN_STATE;
    case TXN_PREPARE_ABORT:
        return commit ? ERR_INVALID_TXN_STATE : ERR_CONCURRENT_TRANSACTIONS;
    case TXN_COMPLETE_COMMIT:
        return commit ? 0 : ERR_INVALID_TXN_STATE;
    case TXN_COMPLETE_ABORT:
        return commit ? ERR_INVALID_TXN_STATE : 0;
    case TXN_PREPARE_EPOCH_FENCE:
        return ERR_CONCURRENT_TRANSACTIONS;
    default:
        return ERR_INVALID_TXN_STATE;
    }
}

void txn_manager_end(struct txn_manager *manager, struct txn_end *end)
{
    struct txn *txn = NULL;
    int err = txn_manager_find(manager, &end->producer, &txn);
    int look = err ? err : end_look(txn, end->commit);
    if (look == 1) {
        struct txn_next next;
        txn_next_init(&next, txn, end->commit ? TXN_PREPARE_COMMIT : TXN_PREPARE_ABORT);
        look = txn_write(txn, &next, end_stored, end);
        if (!look)
            return;
    }
    end->done(end, look);
}
