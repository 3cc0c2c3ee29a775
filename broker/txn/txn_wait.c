/* Requests that wait until their id is free: see the header. Failure modes: the id stays busy, and
 * they are told so when their time is over; the partition is lost, and they are told that. */
#include "broker/txn/txn_wait.h"

#include "base/err.h"
#include "broker/txn/txn_private.h"

static void txn_wait_late(void *data)
{
    struct txn_wait *wait = data;
    ASSERT(!list_empty(&wait->link));
    list_remove(&wait->link);
    wait->over(wait, ERR_CONCURRENT_TRANSACTIONS);
}

static int txn_waits_count(const struct txn *txn)
{
    int count = 0;
    for (const struct list *step = txn->waits.next; step != &txn->waits; step = step->next)
        count++;
    return count;
}

bool txn_wait(struct txn *txn, struct txn_wait *wait, int64_t wait_ms)
{
    ASSERT(wait->again != NULL);
    ASSERT(wait->over != NULL);
    bool first = !wait->link.next;
    if (first && (wait_ms <= 0 || txn_waits_count(txn) >= TXN_WAITS_MAX))
        return false;
    if (first) {
        env_timer_init(txn_manager_deps(txn->shard->manager)->env, &wait->timer, txn_wait_late,
                       wait);
        env_timer_start(&wait->timer, wait_ms);
        list_init(&wait->link);
    }
    ASSERT(env_timer_running(&wait->timer));
    ASSERT(list_empty(&wait->link));
    list_push(&txn->waits, &wait->link);
    return true;
}

void txn_wait_end(struct txn_wait *wait)
{
    if (!wait->link.next)
        return;
    env_timer_stop(&wait->timer);
    list_remove(&wait->link);
}

void txn_waits_take(struct txn *txn, struct list *waits)
{
    list_init(waits);
    list_splice(waits, &txn->waits);
}

void txn_waits_ask(struct list *waits)
{
    struct list *step;
    while ((step = list_pop(waits))) {
        struct txn_wait *wait = LIST_ENTRY(step, struct txn_wait, link);
        wait->again(wait);
    }
}

void txn_waits_refuse(struct txn *txn, int err)
{
    struct list waits, *step;
    txn_waits_take(txn, &waits);
    while ((step = list_pop(&waits))) {
        struct txn_wait *wait = LIST_ENTRY(step, struct txn_wait, link);
        txn_wait_end(wait);
        wait->over(wait, err);
    }
}
