/* Expired transactional ids: see the header. An id that is in use, or that somebody is writing, is
 * passed over. What expires is told by the steady clock, so that a clock that jumps ahead takes
 * nothing away. Failure mode: the log does not take a tombstone; the id stays. */
#include "broker/txn/txn_expiry.h"

#include "broker/txn/txn_private.h"

static bool txn_expiry_is_due(struct txn_expiry *expiry, const struct txn *txn)
{
    int64_t now_ms = steady_clock_ms(&expiry->clock);
    int64_t since_ms = txn->value.update_ms;
    if (txn->record || !txn_is_idle(txn) || since_ms > now_ms)
        return false;
    /* Whatever time the record names: unsigned, so that nothing overflows. */
    return (uint64_t)now_ms - (uint64_t)since_ms >=
           (uint64_t)expiry->walk.manager->deps.settings.expiration_ms;
}

static void txn_expiry_plan(struct txn_expiry *expiry, int64_t ms)
{
    env_timer_start(&expiry->timer, ms);
}

static void txn_expiry_turn(void *data)
{
    struct txn_expiry *expiry = data;
    struct txn_manager *manager = expiry->walk.manager;
    struct txn *txn = NULL;
    int steps = 0, written = 0;
    if (!expiry->walking) {
        txn_walk_begin(&expiry->walk, manager);
        expiry->written = 0;
    }
    expiry->walking = true;
    while (steps < TXN_EXPIRY_STEPS && written < TXN_EXPIRY_TOMBSTONES &&
           (txn = txn_walk_next(&expiry->walk))) {
        steps++;
        if (txn_expiry_is_due(expiry, txn) && txn_write_tombstone(txn) == 0)
            written++;
    }
    if (steps > expiry->most_steps)
        expiry->most_steps = steps;
    expiry->written += written;
    expiry->walking = txn != NULL;
    if (txn) {
        txn_expiry_plan(expiry, written > 0 ? TXN_EXPIRY_PAUSE_MS : 0);
        return;
    }
    if (expiry->written > 0)
        logger_info(manager->deps.logger, "%lld transactional ids expired",
                    (long long)expiry->written);
    if (manager->shards.count > 0)
        txn_expiry_plan(expiry, manager->deps.settings.expiration_check_ms);
}

void txn_expiry_init(struct txn_expiry *expiry, struct txn_manager *manager)
{
    *expiry = (struct txn_expiry){.walking = false};
    txn_walk_begin(&expiry->walk, manager);
    steady_clock_init(&expiry->clock, manager->deps.env);
    env_timer_init(manager->deps.env, &expiry->timer, txn_expiry_turn, expiry);
}

void txn_expiry_close(struct txn_expiry *expiry)
{
    ASSERT(!expiry->walk.shard);
    env_timer_stop(&expiry->timer);
}

void txn_expiry_start(struct txn_expiry *expiry)
{
    if (!env_timer_running(&expiry->timer))
        txn_expiry_plan(expiry, expiry->walk.manager->deps.settings.expiration_check_ms);
}
