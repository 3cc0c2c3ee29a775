/* A transactional id: states and writes.
 *
 * Happy path: a request makes the next record, which is appended; when it is replicated it is
 * replayed into memory, the state moves, and what the new state has to do begins: a transaction has
 * its time, a prepared one its markers. Failure modes: the log refuses a record, and nothing has
 * changed; it has taken it and can't say whether it stays, then all of the partition is read again;
 * an abort that nobody asked for is tried again until it is stored. */
#include "broker/txn/txn.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/state.h"
#include "broker/txn/txn_markers.h"
#include "broker/txn/txn_private.h"
#include "meta/features.h"

enum {
    TXN_RETRY_MS = 1000,     /* before an abort of ours is tried again */
    TXN_LATE_RETRY_MS = 100, /* a write was on its way when the time was over */
    TXN_OVERHEAD = 200,      /* its place in the map and list, and what the heap adds */

    TXN_ARENA_MAX = 64 << 20 /* the topics of one record */
};

#define TXN_IDLE_NEXT                                                                              \
    STATE_BIT(TXN_EMPTY) | STATE_BIT(TXN_ONGOING) | STATE_BIT(TXN_PREPARE_ABORT) |                 \
        STATE_BIT(TXN_DEAD)
#define TXN_LOADED                                                                                 \
    STATE_BIT(TXN_EMPTY) | STATE_BIT(TXN_ONGOING) | STATE_BIT(TXN_PREPARE_COMMIT) |                \
        STATE_BIT(TXN_PREPARE_ABORT) | STATE_BIT(TXN_COMPLETE_COMMIT) |                            \
        STATE_BIT(TXN_COMPLETE_ABORT)

static const struct state_row txn_states[TXN_STATES] = {
    [TXN_NEW] = {"new", TXN_LOADED},
    [TXN_EMPTY] = {"empty", TXN_IDLE_NEXT},
    [TXN_ONGOING] = {"ongoing", STATE_BIT(TXN_ONGOING) | STATE_BIT(TXN_PREPARE_COMMIT) |
                                    STATE_BIT(TXN_PREPARE_ABORT) |
                                    STATE_BIT(TXN_PREPARE_EPOCH_FENCE)},
    [TXN_PREPARE_COMMIT] = {"prepare commit", STATE_BIT(TXN_COMPLETE_COMMIT)},
    [TXN_PREPARE_ABORT] = {"prepare abort", STATE_BIT(TXN_COMPLETE_ABORT)},
    [TXN_COMPLETE_COMMIT] = {"complete commit", TXN_IDLE_NEXT},
    [TXN_COMPLETE_ABORT] = {"complete abort", TXN_IDLE_NEXT},
    /* Back: the log did not take the tombstone. */
    [TXN_DEAD] = {"dead", STATE_BIT(TXN_EMPTY) | STATE_BIT(TXN_COMPLETE_COMMIT) |
                              STATE_BIT(TXN_COMPLETE_ABORT)},
    [TXN_PREPARE_EPOCH_FENCE] = {"prepare epoch fence", STATE_BIT(TXN_PREPARE_ABORT)},
};

static const char *const txn_titles[TXN_STATES] = {
    [TXN_NEW] = "Empty",
    [TXN_EMPTY] = "Empty",
    [TXN_ONGOING] = "Ongoing",
    [TXN_PREPARE_COMMIT] = "PrepareCommit",
    [TXN_PREPARE_ABORT] = "PrepareAbort",
    [TXN_COMPLETE_COMMIT] = "CompleteCommit",
    [TXN_COMPLETE_ABORT] = "CompleteAbort",
    [TXN_DEAD] = "Dead",
    [TXN_PREPARE_EPOCH_FENCE] = "PrepareEpochFence",
};
STATIC_ASSERT(TXN_EMPTY == 1, "the status in a record is one less");
STATIC_ASSERT(TXN_PREPARE_EPOCH_FENCE == 8, "and Kafka's last one is 7");

/* A record on its way. */
struct txn_record {
    struct machine_write write;
    struct txn *txn;
    enum txn_state says;
    void (*written)(struct txn *txn, void *waiter, int err);
    void *waiter; /* whose request it is */
};

static const struct txn_manager_deps *txn_deps(const struct txn *txn)
{
    return txn_manager_deps(txn->shard->manager);
}

/* ---- states ---- */

const char *txn_state_name(enum txn_state state)
{
    ASSERT(state < TXN_STATES);
    return txn_states[state].name;
}

const char *txn_state_title(enum txn_state state)
{
    ASSERT(state < TXN_STATES);
    return txn_titles[state];
}

bool txn_is_idle(const struct txn *txn)
{
    return txn->state == TXN_EMPTY || txn->state == TXN_COMPLETE_COMMIT ||
           txn->state == TXN_COMPLETE_ABORT;
}

bool txn_is_preparing(const struct txn *txn)
{
    return txn->state == TXN_PREPARE_COMMIT || txn->state == TXN_PREPARE_ABORT;
}

/* What holds between two events. */
static void txn_check(const struct txn *txn)
{
    ASSERT(txn->id_len > 0);
    ASSERT(txn->id_len <= TXN_ID_MAX);
    ASSERT(!txn->record || txn->record->txn == txn);
    ASSERT((txn->markers != NULL) == txn_is_preparing(txn));
    ASSERT(txn->state == TXN_ONGOING || txn->state == TXN_PREPARE_EPOCH_FENCE ||
           !env_timer_running(&txn->timer));
    ASSERT(!txn_is_idle(txn) || txn->value.partitions.count == 0);
    ASSERT(txn->state != TXN_DEAD || txn->record);
    ASSERT(txn->state == TXN_DEAD || txn->state == TXN_PREPARE_EPOCH_FENCE ||
           txn->state == TXN_NEW || txn->state == txn->stored);
    ASSERT(txn->charged >= 0);
}

static void txn_move(struct txn *txn, enum txn_state to)
{
    STATE_MOVE_TOLD(txn_states, txn->state, to, txn_deps(txn)->logger, LOGGER_DEBUG,
                    "transactional id %.*s", WIRE_STR_ARGS(txn_id(txn)));
}

bool txn_epoch_is_used_up(const struct txn *txn)
{
    return txn->value.epoch >= TXN_EPOCH_MAX;
}

/* Its end has told the producer the new id, under which it may begin before the markers of the old
 * one are written. */
static bool txn_is_next_producer(const struct txn *txn, const struct txn_producer *producer)
{
    return txn_is_preparing(txn) && txn->value.next_producer_id >= 0 && producer->epoch == 0 &&
           txn->value.next_producer_id == producer->producer_id;
}

bool txn_refusal_stays(const struct txn *txn, const struct txn_producer *producer)
{
    return txn->value.producer_id == producer->producer_id && producer->epoch < txn->value.epoch;
}

int txn_check_producer(const struct txn *txn, const struct txn_producer *producer)
{
    if (txn_is_next_producer(txn, producer))
        return 0;
    if (txn->value.producer_id != producer->producer_id)
        return ERR_INVALID_PRODUCER_ID_MAPPING;
    bool fenced = txn->value.epoch != producer->epoch || producer->epoch > TXN_EPOCH_MAX;
    return fenced ? ERR_PRODUCER_FENCED : 0;
}

int txn_busy(const struct txn *txn)
{
    bool free = !txn->record && (txn_is_idle(txn) || txn->state == TXN_ONGOING);
    return free ? 0 : ERR_CONCURRENT_TRANSACTIONS;
}

/* ---- life ---- */

static void txn_charge(struct txn *txn)
{
    int64_t bytes = (int64_t)sizeof(*txn) + TXN_OVERHEAD + 2 * (int64_t)txn->id_len +
                    txn->value.partitions.bytes;
    txn_manager_charge(txn->shard->manager, bytes - txn->charged);
    txn->charged = bytes;
}

static void txn_late(void *data);

struct txn *txn_new(struct txn_shard *shard, struct wire_str id)
{
    ASSERT(id.len > 0);
    ASSERT(id.len <= TXN_ID_MAX);
    struct txn *txn = mem_alloc(sizeof(*txn));
    txn->shard = shard;
    txn->id = wire_str_dup(id);
    txn->id_len = id.len;
    txn->value.producer_id = txn->value.next_producer_id = TXN_NO_PRODUCER;
    txn->value.epoch = TXN_NO_EPOCH;
    txn->value.start_ms = -1;
    txn->last_producer_id = TXN_NO_PRODUCER;
    txn->last_epoch = TXN_NO_EPOCH;
    txn_partitions_init(&txn->value.partitions);
    list_init(&txn->waits);
    list_push(&shard->order, &txn->link);
    env_timer_init(txn_deps(txn)->env, &txn->timer, txn_late, txn);
    txn_charge(txn);
    return txn;
}

void txn_stop(struct txn *txn)
{
    env_timer_stop(&txn->timer);
    if (txn->markers)
        txn_markers_stop(txn->markers);
}

void txn_free(struct txn *txn)
{
    ASSERT(!txn->record);
    ASSERT(list_empty(&txn->waits));
    env_timer_stop(&txn->timer);
    if (txn->markers)
        txn_markers_free(txn->markers);
    list_remove(&txn->link);
    txn_partitions_close(&txn->value.partitions);
    txn_manager_charge(txn->shard->manager, -txn->charged);
    mem_free(txn->id);
    mem_free(txn);
}

/* ---- writing ---- */

void txn_next_init(struct txn_next *next, const struct txn *txn, enum txn_state state)
{
    ASSERT(state >= TXN_EMPTY);
    ASSERT(state <= TXN_COMPLETE_ABORT);
    *next = (struct txn_next){.state = state,
                              .producer_id = txn->value.producer_id,
                              .previous_producer_id = txn->last_producer_id,
                              .next_producer_id = TXN_NO_PRODUCER,
                              .epoch = txn->value.epoch,
                              .version = txn->value.version,
                              .timeout_ms = txn->value.timeout_ms,
                              .start_ms = txn->value.start_ms,
                              .partitions = &txn->value.partitions};
}

/* Version 1 of a record is Kafka's from transaction.version 1 on. */
static int16_t txn_record_version(const struct txn *txn)
{
    const struct image *image = metadata_image(txn_deps(txn)->metadata);
    return features_level_of(image, FEATURE_TRANSACTION_VERSION) >= 1 ? 1 : 0;
}

static int txn_encode(const struct txn *txn, const struct txn_next *next, struct records *records)
{
    struct transaction_log_key key = {.transactional_id = txn_id(txn)};
    struct transaction_log_value value;
    struct arena arena;
    int16_t version = txn_record_version(txn);
    int err = 0;
    arena_init(&arena, TXN_ARENA_MAX);
    if (next) {
        wire_defaults(&transaction_log_value_desc, &value);
        value.producer_id = next->producer_id;
        value.producer_epoch = next->epoch;
        value.transaction_timeout_ms = next->timeout_ms;
        value.transaction_status = (int8_t)(next->state - 1);
        value.transaction_last_update_timestamp_ms = records->wall_ms;
        value.transaction_start_timestamp_ms = next->start_ms;
        value.transaction_partitions.count = next->state == TXN_EMPTY ? -1 : 0;
        if (version >= 1) {
            value.previous_producer_id = next->previous_producer_id;
            value.next_producer_id = next->next_producer_id;
            value.client_transaction_version = next->version;
        }
        if (next->partitions && next->partitions->count > 0)
            err = txn_partitions_fill(next->partitions, &arena, &value);
    }
    if (!err)
        records_put(records, TXN_KEY_TYPE, &transaction_log_key_desc, &key, version,
                    &transaction_log_value_desc, next ? &value : NULL);
    arena_close(&arena);
    return err;
}

static void txn_stored(struct machine_write *write, int err)
{
    struct txn_record *record = CONTAINER_OF(write, struct txn_record, write);
    struct txn *txn = record->txn;
    struct machine *machine = &txn->shard->machine;
    struct list waits;
    ASSERT(txn->record == record);
    txn->record = NULL;
    if (err && !write->op.refused)
        machine_reload(machine); /* it may be in the log, and memory does not have it */
    txn_waits_take(txn, &waits);
    record->written(txn, record->waiter, err); /* the id may be gone then */
    txn_waits_ask(&waits);
    mem_free(record);
}

enum txn_state txn_writing_to(const struct txn *txn)
{
    return txn->record ? txn->record->says : TXN_NEW;
}

/* No state at all is the tombstone. */
static int txn_submit(struct txn *txn, const struct txn_next *next, const struct txn_next *then,
                      void (*written)(struct txn *txn, void *waiter, int err), void *waiter)
{
    ASSERT(!txn->record);
    ASSERT(written != NULL);
    struct machine *machine = &txn->shard->machine;
    struct records records;
    int err = machine_check(machine);
    if (err)
        return err;
    size_t max = machine_batch_max(machine);
    records_init(&records, env_wall_ms(txn_deps(txn)->env));
    records.batch_max = max < RECORDS_RECORD_MAX ? max : RECORDS_RECORD_MAX;
    const struct txn_next *last = then ? then : next;
    if (last && last->state == TXN_ONGOING && records.batch_max > TXN_RECORD_SLACK)
        records.batch_max -= TXN_RECORD_SLACK;
    struct txn_record *record = mem_alloc(sizeof(*record));
    record->txn = txn;
    record->says = last ? last->state : TXN_DEAD;
    record->written = written;
    record->waiter = waiter;
    err = txn_encode(txn, next, &records);
    if (!err && then)
        err = txn_encode(txn, then, &records);
    if (!err)
        err = machine_write(machine, &records, &record->write, txn_stored);
    records_close(&records);
    if (err)
        mem_free(record);
    else
        txn->record = record;
    return err;
}

int txn_write(struct txn *txn, const struct txn_next *next,
              void (*written)(struct txn *txn, void *waiter, int err), void *waiter)
{
    int err = txn_submit(txn, next, NULL, written, waiter);
    txn_check(txn);
    return err;
}

int txn_write_both(struct txn *txn, const struct txn_next *completed, const struct txn_next *begun,
                   void (*written)(struct txn *txn, void *waiter, int err), void *waiter)
{
    ASSERT(txn_is_preparing(txn));
    ASSERT(begun->state == TXN_ONGOING);
    int err = txn_submit(txn, completed, begun, written, waiter);
    txn_check(txn);
    return err;
}

static void txn_buried(struct txn *txn, void *waiter, int err)
{
    (void)waiter;
    ASSERT(txn->state == TXN_DEAD);
    if (!err)
        txn_shard_remove(txn->shard, txn);
    else
        txn_move(txn, txn->stored);
}

int txn_write_tombstone(struct txn *txn)
{
    ASSERT(txn_is_idle(txn));
    int err = txn_submit(txn, NULL, NULL, txn_buried, NULL);
    if (!err)
        txn_move(txn, TXN_DEAD);
    txn_check(txn);
    return err;
}

/* ---- from the log into memory ---- */

/* 0 when it was taken over. */
static int txn_take(struct txn *txn, const struct transaction_log_value *value)
{
    int state = value->transaction_status + 1;
    struct txn_partitions partitions;
    if (state < TXN_EMPTY || state >= TXN_STATES)
        return ERR_MALFORMED;
    txn_partitions_init(&partitions);
    bool idle = state == TXN_EMPTY || state == TXN_COMPLETE_COMMIT || state == TXN_COMPLETE_ABORT;
    /* Nothing is open then, whatever a damaged record names. */
    int err = idle ? 0 : txn_partitions_read(&partitions, value);
    if (err) {
        txn_partitions_close(&partitions);
        return err;
    }
    txn_partitions_close(&txn->value.partitions);
    txn->value = (struct txn_value){.producer_id = value->producer_id,
                                    .next_producer_id = value->next_producer_id,
                                    .epoch = value->producer_epoch,
                                    .version = value->client_transaction_version,
                                    .timeout_ms = value->transaction_timeout_ms,
                                    .start_ms = value->transaction_start_timestamp_ms,
                                    .update_ms = value->transaction_last_update_timestamp_ms,
                                    .partitions = partitions};
    if (value->previous_producer_id >= 0)
        txn->last_producer_id = value->previous_producer_id;
    txn->stored = (enum txn_state)state;
    txn_charge(txn);
    return 0;
}

/* What the state that it is in now has to do. A coordinator that takes over counts the time of a
 * transaction anew, by its own steady clock: wall clocks of two brokers differ, and one that is set
 * must abort nothing. (Kafka goes on from the time in the record.) */
static void txn_enter(struct txn *txn)
{
    ASSERT(txn->markers == NULL);
    if (txn->state == TXN_ONGOING)
        env_timer_start(&txn->timer, txn->value.timeout_ms > 0 ? txn->value.timeout_ms : 0);
    else if (txn_is_preparing(txn))
        txn->markers = txn_markers_new(txn);
    txn_check(txn);
}

void txn_replay(struct txn *txn, const struct transaction_log_value *value)
{
    bool serves = machine_is_active(&txn->shard->machine);
    bool was_ongoing = txn->state == TXN_ONGOING;
    if (!serves && txn->state != TXN_NEW)
        return; /* all of it will be read again */
    int err = txn_take(txn, value);
    if (err == ERR_NO_MEMORY)
        machine_starve(&txn->shard->machine);
    else if (err)
        logger_warn(txn_deps(txn)->logger, "transactional id %.*s: a record can't be read: %s",
                    WIRE_STR_ARGS(txn_id(txn)), err_text(err));
    if (err || !serves)
        return;
    if (txn->markers)
        txn_markers_free(txn->markers);
    txn->markers = NULL;
    txn_move(txn, txn->stored);
    if (txn->state != TXN_ONGOING)
        env_timer_stop(&txn->timer);
    if (txn->state != TXN_ONGOING || !was_ongoing)
        txn_enter(txn);
    txn_check(txn);
}

void txn_start(struct txn *txn)
{
    if (txn->state != TXN_NEW) /* it was made since */
        return;
    /* Kafka writes neither of the last two; nothing of it was read: all its records are damaged. */
    if (txn->stored < TXN_EMPTY || txn->stored > TXN_COMPLETE_ABORT) {
        txn_shard_remove(txn->shard, txn);
        return;
    }
    txn_move(txn, txn->stored);
    /* What was sent over a connection that is older than this may be of before we coordinated. */
    txn->opened_us = env_now_us(txn_deps(txn)->env);
    txn_enter(txn);
}

/* ---- the end ---- */

static void txn_fence_stored(struct txn *txn, void *waiter, int err)
{
    (void)waiter;
    /* Left here by a failure: a producer that was fenced stays so. */
    if (err && machine_is_active(&txn->shard->machine))
        env_timer_start(&txn->timer, TXN_RETRY_MS);
    txn_check(txn);
}

static void txn_abort_fenced(struct txn *txn)
{
    struct txn_next next;
    ASSERT(txn->state == TXN_PREPARE_EPOCH_FENCE);
    txn_next_init(&next, txn, TXN_PREPARE_ABORT);
    if (next.epoch < INT16_MAX)
        next.epoch++;
    else
        next.version = 0; /* its markers are not above the epoch of what they end */
    if (txn_write(txn, &next, txn_fence_stored, NULL))
        env_timer_start(&txn->timer, TXN_RETRY_MS);
    txn_check(txn);
}

void txn_fence(struct txn *txn)
{
    ASSERT(txn->state == TXN_ONGOING);
    ASSERT(!txn->record);
    env_timer_stop(&txn->timer);
    txn_move(txn, TXN_PREPARE_EPOCH_FENCE);
    txn->last_epoch = TXN_NO_EPOCH;
    txn_abort_fenced(txn);
}

static void txn_late(void *data)
{
    struct txn *txn = data;
    if (txn->state == TXN_PREPARE_EPOCH_FENCE) {
        txn_abort_fenced(txn);
        return;
    }
    ASSERT(txn->state == TXN_ONGOING);
    if (txn->record) {
        env_timer_start(&txn->timer, TXN_LATE_RETRY_MS);
        return;
    }
    logger_info(txn_deps(txn)->logger,
                "transactional id %.*s: its transaction was not ended within %d ms: it is aborted, "
                "and producer %lld with epoch %d is fenced",
                WIRE_STR_ARGS(txn_id(txn)), txn->value.timeout_ms,
                (long long)txn->value.producer_id, txn->value.epoch);
    txn_fence(txn);
}

void txn_completed(struct txn *txn, int err)
{
    if (err && txn->markers && machine_is_active(&txn->shard->machine))
        txn_markers_again(txn->markers);
    txn_check(txn);
}

static void txn_complete_stored(struct txn *txn, void *waiter, int err)
{
    (void)waiter;
    txn_completed(txn, err);
}

int txn_complete(struct txn *txn)
{
    struct txn_next next;
    ASSERT(txn_is_preparing(txn));
    txn_next_init(&next, txn,
                  txn->state == TXN_PREPARE_COMMIT ? TXN_COMPLETE_COMMIT : TXN_COMPLETE_ABORT);
    next.partitions = NULL;
    if (txn->value.next_producer_id >= 0) { /* its epochs are used up */
        next.previous_producer_id = txn->value.producer_id;
        next.producer_id = txn->value.next_producer_id;
        next.epoch = 0;
    }
    if (txn_add_follows(txn, &next))
        return 0;
    return txn_write(txn, &next, txn_complete_stored, NULL);
}
