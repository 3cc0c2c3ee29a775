/* Partitions of a transaction: added by its producer, and verified by their leaders.
 *
 * Happy path: the set with the new partitions is stored, and answered when it is replicated; the
 * first one begins the transaction. What is there already is answered at once. What comes while the
 * transaction before is being ended waits for that, and is stored with the record that says so.
 * Failure modes: the record would be larger than the log takes, and nothing is added. */
#include "base/check.h"
#include "base/err.h"
#include "broker/txn/txn_private.h"

/* Partitions that a transaction gets also when the memory for ids is used up: who has an id already
 * goes on, also when somebody fills the rest. */
enum { ADD_ALWAYS_MAX = 100 };

static bool add_has_all(const struct txn_partitions *set, const struct txn_add *add)
{
    for (int32_t i = 0; i < add->topic_count; i++)
        for (int32_t j = 0; j < add->topics[i].partitions.count; j++)
            if (!txn_partitions_has(set, add->topics[i].name, add->topics[i].partitions.items[j]))
                return false;
    return true;
}

static void add_stored(struct txn *txn, void *waiter, int err)
{
    struct txn_add *add = waiter;
    ASSERT(err <= 0);
    (void)txn;
    ASSERT(add != NULL);
    add->done(add, err);
}

static int add_fill(struct txn_partitions *set, const struct txn_add *add)
{
    int err = 0;
    for (int32_t i = 0; !err && i < add->topic_count; i++)
        err = txn_partitions_add(set, add->topics[i].name, add->topics[i].partitions.items,
                                 add->topics[i].partitions.count);
    return err;
}

/* The transaction as it goes on, or begins, with that set. */
static void add_next(struct txn_next *next, const struct txn *txn, const struct txn_add *add,
                     const struct txn_partitions *set)
{
    ASSERT(set != NULL);
    txn_next_init(next, txn, TXN_ONGOING);
    next->partitions = set;
    next->version = add->bumps ? TXN_VERSION_BUMPS : 0;
    if (txn->state != TXN_ONGOING)
        next->start_ms = env_wall_ms(txn->shard->manager->deps.env);
}

static int add_write(struct txn *txn, struct txn_add *add)
{
    struct txn_partitions set;
    struct txn_next next;
    const struct txn_manager *manager = txn->shard->manager;
    ASSERT(txn->record == NULL);
    if (txn->value.partitions.count >= ADD_ALWAYS_MAX && !txn_manager_has_room(manager))
        return ERR_COORDINATOR_NOT_AVAILABLE;
    txn_partitions_init(&set);
    int err = txn_partitions_add_set(&set, &txn->value.partitions);
    if (!err)
        err = add_fill(&set, add);
    add_next(&next, txn, add, &set);
    if (!err)
        err = txn_write(txn, &next, add_stored, add);
    if (!err)
        txn_wait_end(&add->wait);
    txn_partitions_close(&set);
    return err == ERR_NO_MEMORY ? ERR_COORDINATOR_NOT_AVAILABLE : err;
}

/* The newest connection that its producer has used: see txn_end.c. */
static void add_note_connection(struct txn *txn, const struct txn_add *add)
{
    if (txn->state != TXN_ONGOING || add->opened_us > txn->opened_us)
        txn->opened_us = add->opened_us;
}

/* ---- waiting for the id ---- */

static void add_try(struct txn_add *add);

static void add_again(struct txn_wait *wait)
{
    add_try(CONTAINER_OF(wait, struct txn_add, wait));
}

static void add_over(struct txn_wait *wait, int err)
{
    struct txn_add *add = CONTAINER_OF(wait, struct txn_add, wait);
    ASSERT(err < 0);
    add->done(add, err);
}

static void add_end(struct txn_add *add, int err)
{
    ASSERT(err <= 0);
    txn_wait_end(&add->wait);
    add->done(add, err);
}

/* One over a connection that its producer has left came late: it does not begin the next one. */
static bool add_waits(struct txn *txn, struct txn_add *add)
{
    bool late = add->opened_us > 0 && add->opened_us < txn->opened_us;
    return !late && txn_wait(txn, &add->wait, add->wait_ms);
}

static void add_sure(struct txn_sure *sure, int err)
{
    struct txn_add *add = CONTAINER_OF(sure, struct txn_add, sure);
    ASSERT(err <= 0);
    if (err)
        add_end(add, err);
    else
        add_try(add);
}

static void add_try(struct txn_add *add)
{
    struct txn *txn = NULL;
    int err = txn_manager_find(add->manager, &add->producer, &txn);
    if (txn_manager_doubts(add->manager, &add->producer, err, &add->sure, add_sure))
        return;
    if (!err)
        err = txn_busy(txn);
    if (err == ERR_CONCURRENT_TRANSACTIONS && add_waits(txn, add))
        return;
    if (!err)
        add_note_connection(txn, add);
    if (!err && (txn->state != TXN_ONGOING || !add_has_all(&txn->value.partitions, add))) {
        err = add_write(txn, add);
        if (!err)
            return;
    }
    add_end(add, err);
}

void txn_manager_add(struct txn_manager *manager, struct txn_add *add)
{
    ASSERT(add->done != NULL);
    ASSERT(add->topic_count >= 0);
    add->manager = manager;
    add->wait = (struct txn_wait){.again = add_again, .over = add_over};
    add->sure = (struct txn_sure){.asked = false};
    add_try(add);
}

/* ---- behind the end of the transaction before ---- */

static void add_followed(struct txn *txn, void *waiter, int err)
{
    struct txn_add *add = waiter;
    ASSERT(err <= 0);
    txn_completed(txn, err);
    add->done(add, err);
}

static int add_write_behind(struct txn *txn, const struct txn_next *completed, struct txn_add *add)
{
    struct txn_partitions set;
    struct txn_next next;
    txn_partitions_init(&set);
    int err = add_fill(&set, add);
    add_next(&next, txn, add, &set);
    next.producer_id = completed->producer_id;
    next.previous_producer_id = completed->previous_producer_id;
    next.epoch = completed->epoch;
    if (!err)
        err = txn_write_both(txn, completed, &next, add_followed, add);
    txn_partitions_close(&set);
    return err;
}

bool txn_add_follows(struct txn *txn, const struct txn_next *completed)
{
    if (list_empty(&txn->waits))
        return false;
    struct txn_wait *wait = LIST_ENTRY(txn->waits.next, struct txn_wait, link);
    struct txn_add *add = CONTAINER_OF(wait, struct txn_add, wait);
    /* Another one is told what it is when the id is free, and this one if it has no room. */
    if (add->producer.producer_id != completed->producer_id ||
        add->producer.epoch != completed->epoch || add->producer.epoch > TXN_EPOCH_MAX ||
        add_write_behind(txn, completed, add))
        return false;
    txn_wait_end(wait);
    txn->opened_us = add->opened_us;
    return true;
}

/* ---- questions ---- */

/* Its partitions are being written. */
static bool add_is_open(const struct txn *txn)
{
    return txn_writing_to(txn) == TXN_ONGOING;
}

int txn_verify_partition(const struct txn *txn, struct wire_str topic, int32_t partition)
{
    if (txn->state == TXN_ONGOING && txn_partitions_has(&txn->value.partitions, topic, partition))
        return 0;
    /* What is on its way may hold it. */
    return add_is_open(txn) ? ERR_CONCURRENT_TRANSACTIONS : ERR_TRANSACTION_ABORTABLE;
}

static void verify_try(struct txn_add *add);

static void verify_sure(struct txn_sure *sure, int err)
{
    struct txn_add *add = CONTAINER_OF(sure, struct txn_add, sure);
    ASSERT(err <= 0);
    if (err)
        add->verified(add, NULL, err);
    else
        verify_try(add);
}

static bool verify_denies(const struct txn *txn, const struct txn_add *add)
{
    for (int32_t i = 0; i < add->topic_count; i++)
        for (int32_t j = 0; j < add->topics[i].partitions.count; j++)
            if (txn_verify_partition(txn, add->topics[i].name,
                                     add->topics[i].partitions.items[j]) ==
                ERR_TRANSACTION_ABORTABLE)
                return true;
    return false;
}

static void verify_try(struct txn_add *add)
{
    struct txn *txn = NULL;
    int err = txn_manager_find(add->manager, &add->producer, &txn);
    if (!err && !add_is_open(txn))
        err = txn_busy(txn);
    int worst = !err && verify_denies(txn, add) ? ERR_TRANSACTION_ABORTABLE : err;
    if (!txn_manager_doubts(add->manager, &add->producer, worst, &add->sure, verify_sure))
        add->verified(add, txn, err);
}

void txn_manager_verify(struct txn_manager *manager, struct txn_add *add)
{
    ASSERT(add->verified != NULL);
    add->manager = manager;
    add->sure = (struct txn_sure){.asked = false};
    verify_try(add);
}
