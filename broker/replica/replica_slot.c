/* One partition in a fetcher: when it is asked for, how, and what the answer does to it.
 *
 * Happy path: it is ready, is named in a fetch, the answer is appended and flushed, and it is ready
 * again. Failure modes: an error of the leader about it, or of our own log, makes it wait a little;
 * an answer that was meant for another offset or epoch is dropped. */
#include "base/check.h"
#include "base/err.h"
#include "base/mutation.h"
#include "base/state.h"
#include "broker/replica/partition_private.h"
#include "broker/replica/replica_fetcher_private.h"
#include "broker/replica/replica_throttle.h"

enum {
    REPLICA_SLOT_RETRY_MS = 20, /* the other side's metadata is usually there by then */
    REPLICA_SLOT_FULL_MS = 500  /* between two tries with a full disk, each of which fetches anew */
};

/* A wrong follower (GAP_ACCEPTED) takes answers in READY too: the simulation is to find the harm of
 * it, and not this table. */
static const struct state_row replica_slot_states[SLOT_STATES] = {
    [SLOT_NEW] = {"new", STATE_BIT(SLOT_READY) | STATE_BIT(SLOT_FLUSHING)},
#ifdef MUTANTS
    [SLOT_READY] = {"ready", STATE_BIT(SLOT_ASKED) | STATE_BIT(SLOT_READY) |
                                 STATE_BIT(SLOT_FLUSHING) | STATE_BIT(SLOT_BACKOFF)},
#else
    [SLOT_READY] = {"ready", STATE_BIT(SLOT_ASKED) | STATE_BIT(SLOT_BACKOFF)},
#endif
    [SLOT_ASKED] = {"asked",
                    STATE_BIT(SLOT_READY) | STATE_BIT(SLOT_FLUSHING) | STATE_BIT(SLOT_BACKOFF)},
    [SLOT_FLUSHING] = {"flushing", STATE_BIT(SLOT_READY)},
    [SLOT_BACKOFF] = {"backoff", STATE_BIT(SLOT_READY)},
};

void replica_slot_check(const struct fetch_slot *slot)
{
    bool listed = slot->state == SLOT_READY || slot->state == SLOT_BACKOFF;
    ASSERT(listed == !list_empty(&slot->ready_link));
    ASSERT(slot->partition->fetch == slot);
    ASSERT(slot->fetcher != NULL);
    ASSERT(slot->state < SLOT_STATES);
    ASSERT(slot->partition->log != NULL);
}

/* No line: each record passes through three of these. */
static void replica_slot_move(struct fetch_slot *slot, enum slot_state to)
{
    STATE_MOVE(replica_slot_states, slot->state, to);
}

void replica_slot_ready(struct fetch_slot *slot)
{
    replica_slot_move(slot, SLOT_READY);
    list_remove(&slot->ready_link);
    list_push(&slot->fetcher->ready, &slot->ready_link);
    replica_slot_check(slot);
    replica_fetcher_wake(slot->fetcher);
}

void replica_slot_flushing(struct fetch_slot *slot)
{
    replica_slot_move(slot, SLOT_FLUSHING);
    list_remove(&slot->ready_link);
    replica_slot_check(slot);
}

static void replica_slot_backoff(struct fetch_slot *slot)
{
    ASSERT(slot->fetcher != NULL);
    struct replica_fetcher *fetcher = slot->fetcher;
    bool full = log_is_full(slot->partition->log);
    struct env_timer *timer = full ? &fetcher->full_timer : &fetcher->retry_timer;
    logger_debug(fetcher->deps->logger, "%s-%d: fetching from the leader %d pauses%s",
                 slot->partition->topic, slot->partition->index, fetcher->leader_id,
                 full ? ": the disk is full" : "");
    replica_slot_move(slot, SLOT_BACKOFF);
    list_remove(&slot->ready_link);
    list_push(full ? &fetcher->full : &fetcher->backoff, &slot->ready_link);
    if (!env_timer_running(timer))
        env_timer_start(timer, full ? REPLICA_SLOT_FULL_MS : REPLICA_SLOT_RETRY_MS);
    replica_slot_check(slot);
}

void replica_slot_hold(struct fetch_slot *slot)
{
    ASSERT(slot->fetcher != NULL);
    ASSERT(throttle_rate_is_set(
        replica_throttle_of_follower(replica_manager_throttle(slot->fetcher->manager))));
    struct replica_fetcher *fetcher = slot->fetcher;
    struct replica_throttle *throttle = replica_manager_throttle(fetcher->manager);
    replica_slot_move(slot, SLOT_BACKOFF);
    list_remove(&slot->ready_link);
    list_push(&fetcher->held, &slot->ready_link);
    if (!env_timer_running(&fetcher->held_timer))
        env_timer_start(&fetcher->held_timer,
                        throttle_rate_wait_ms(replica_throttle_of_follower(throttle), 0));
    replica_slot_check(slot);
}

bool replica_slot_ask(struct fetch_slot *slot, struct fetch_request_fetch_topic *topic,
                      struct arena *arena)
{
    ASSERT(slot->partition->state == PARTITION_FOLLOWER);
    ASSERT(slot->partition->log != NULL);
    replica_slot_move(slot, SLOT_ASKED);
    struct partition *partition = slot->partition;
    struct fetch_request_fetch_partition *item =
        WIRE_ARRAY(arena, &topic->partitions, 1, &fetch_request_fetch_partition_desc);
    if (!item)
        return false;
    slot->asked_in = fetcher_id_add(slot->fetcher->correlation_id, 1);
    slot->leader_epoch = partition->leader_epoch;
    slot->asked_offset = MUTATION(FOLLOWER_COUNTS_UNFLUSHED) ? log_end_offset(partition->log)
                                                             : log_durable_offset(partition->log);
    ASSERT(slot->asked_offset == log_end_offset(partition->log));
    topic->topic_id = partition->topic_id;
    item->partition = partition->index;
    item->current_leader_epoch = slot->leader_epoch;
    item->fetch_offset = slot->asked_offset;
    item->last_fetched_epoch =
        MUTATION(DIVERGENCE_UNCHECKED) ? -1 : log_latest_epoch(partition->log);
    item->log_start_offset = slot->told_start = log_saved_start(partition->log);
    item->partition_max_bytes =
        (int32_t)config_int(slot->fetcher->deps->config, CONFIG_REPLICA_FETCH_MAX_BYTES);
    const struct replica_throttle *throttle = replica_manager_throttle(slot->fetcher->manager);
    if (!replica_throttle_holds(throttle, partition))
        slot->limit = 0; /* it was held to a rate before */
    if (slot->limit && slot->limit < (size_t)item->partition_max_bytes)
        item->partition_max_bytes = (int32_t)slot->limit;
    ASSERT(slot->limit == 0 || item->partition_max_bytes <= (int64_t)slot->limit);
    return true;
}

static void replica_slot_failed(struct fetch_slot *slot, int err)
{
    ASSERT(err < 0);
    struct partition *partition = slot->partition;
    bool passing = err == ERR_UNKNOWN_LEADER_EPOCH || err == ERR_FENCED_LEADER_EPOCH ||
                   err == ERR_NOT_LEADER_OR_FOLLOWER || err == ERR_UNKNOWN_TOPIC_ID ||
                   err == ERR_UNKNOWN_TOPIC_OR_PARTITION || err == ERR_OFFSET_NOT_AVAILABLE;
    /* It is tried again many times a second: said once. */
    if (!passing && slot->told_err != err)
        logger_warn(slot->fetcher->deps->logger, "%s-%d: can't replicate from broker %d: %s",
                    partition->topic, partition->index, slot->fetcher->leader_id, err_text(err));
    slot->told_err = err;
    if (partition->state == PARTITION_FOLLOWER)
        replica_slot_backoff(slot);
}

static int replica_slot_take(struct fetch_slot *slot,
                             const struct fetch_response_partition_data *data)
{
    struct partition *partition = slot->partition;
    int err = err_from_wire(data->error_code);
    if (err == ERR_OFFSET_OUT_OF_RANGE && data->log_start_offset >= 0)
        return partition_restart_at(partition, data->log_start_offset);
    if (err)
        return err;
    if (data->diverging_epoch.end_offset >= 0) {
        logger_debug(slot->fetcher->deps->logger,
                     "%s-%d: epoch %d ends at %lld at the leader: cutting the log from there",
                     partition->topic, partition->index, data->diverging_epoch.epoch,
                     (long long)data->diverging_epoch.end_offset);
        return partition_truncate(partition, data->diverging_epoch.epoch,
                                  data->diverging_epoch.end_offset);
    }
    const struct partition_leader_view leader = {.high_watermark = data->high_watermark,
                                                 .log_start_offset = data->log_start_offset,
                                                 .gap_to = data->snapshot_id.end_offset};
    return partition_replicate(partition, data->records.data,
                               data->records.len > 0 ? (size_t)data->records.len : 0, &leader);
}

static bool replica_slot_is_meant(struct fetch_slot *slot, int32_t answered)
{
    if (slot->partition->state != PARTITION_FOLLOWER)
        return false;
    if (MUTATION(GAP_ACCEPTED) && slot->state == SLOT_READY)
        return true;
    return slot->state == SLOT_ASKED && !fetcher_id_before(answered, slot->asked_in) &&
           slot->leader_epoch == slot->partition->leader_epoch;
}

void replica_slot_answered(struct fetch_slot *slot, int32_t answered,
                           const struct fetch_response_partition_data *data)
{
    ASSERT(slot->partition->fetch == slot);
    struct partition *partition = slot->partition;
    if (!replica_slot_is_meant(slot, answered))
        return;
    if (slot->limit && data->records.len > 0)
        throttle_rate_take(
            replica_throttle_of_follower(replica_manager_throttle(slot->fetcher->manager)),
            (size_t)data->records.len);
    int64_t end_before = log_end_offset(partition->log);
    ASSERT(slot->asked_offset == end_before || MUTATION(GAP_ACCEPTED));
    int err = replica_slot_take(slot, data);
    if (err) {
        replica_slot_failed(slot, err);
        return;
    }
    slot->told_err = 0;
    int64_t end = log_end_offset(partition->log);
    bool same = end == end_before && data->diverging_epoch.end_offset < 0 && !data->error_code;
    if (same)
        return;
    if (end > end_before && log_durable_offset(partition->log) < end &&
        !MUTATION(FOLLOWER_COUNTS_UNFLUSHED))
        replica_slot_flushing(slot);
    else
        replica_slot_ready(slot);
}
