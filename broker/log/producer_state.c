/* Idempotent producers of one log: checks before an append, notes after it, snapshots.
 *
 * Happy path: the sequence of a batch follows the last one of its producer and epoch; it is noted
 * and the oldest of the five batches is forgotten. A batch that is one of the five is a duplicate.
 * Failure modes: anything else is refused with the error that clients expect; a snapshot with a
 * wrong checksum or size is ERR_CORRUPT, and the state is then built from an older one or from
 * batches. */
#include "broker/log/producer_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    SNAPSHOT_VERSION = 1,
    SNAPSHOT_CRC_AT = 2,
    SNAPSHOT_CRC_FROM = 6,
    SNAPSHOT_HEADER_LEN = 10,
    SNAPSHOT_ENTRY_LEN = 46,
    ROOM_LOOKS = 64 /* at producers with open transactions, for one that has none */
};

STATIC_ASSERT(SNAPSHOT_CRC_AT == sizeof(int16_t), "behind the version");
STATIC_ASSERT(SNAPSHOT_CRC_FROM == SNAPSHOT_CRC_AT + sizeof(uint32_t), "behind the checksum");
STATIC_ASSERT(SNAPSHOT_HEADER_LEN == SNAPSHOT_CRC_FROM + sizeof(int32_t), "behind the count");
STATIC_ASSERT(SNAPSHOT_ENTRY_LEN == 4 * sizeof(int64_t) + 3 * sizeof(int32_t) + sizeof(int16_t),
              "an entry's fields, without gaps");
STATIC_ASSERT(PRODUCER_BATCHES <= UINT8_MAX, "they are counted in a byte");

/* In producer_state->ended. */
struct ended_txn {
    struct list link;
    int64_t first_offset;
    int64_t last_offset;
};

/* What holds after each change, as far as that is seen at once. */
static void state_check(const struct producer_state *state)
{
    ASSERT(state->open_txns <= state->map.count);
    ASSERT(list_empty(&state->used) == (state->map.count == 0));
    ASSERT(list_empty(&state->open) == (state->open_txns == 0));
    ASSERT(list_empty(&state->ended) == (state->ended_first == INT64_MAX));
    ASSERT(!state->total || state->map.count <= __atomic_load_n(state->total, __ATOMIC_RELAXED));
    ASSERT(state->ended_first >= 0);
}

void producer_state_check_all(const struct producer_state *state)
{
    size_t count = 0;
    uint32_t open = 0;
    LIST_EACH(step, &state->used) {
        const struct producer *producer = LIST_ENTRY(step, struct producer, used);
        ASSERT(producer_state_get(state, producer->id) == producer);
        ASSERT(producer->batch_count <= PRODUCER_BATCHES);
        ASSERT((producer->txn_start_offset >= 0) != list_empty(&producer->open));
        open += producer->txn_start_offset >= 0;
        count++;
    }
    ASSERT(count == state->map.count);
    ASSERT(open == state->open_txns);
    int64_t last = -1;
    LIST_EACH(step, &state->open) {
        const struct producer *producer = LIST_ENTRY(step, struct producer, open);
        ASSERT(producer->txn_start_offset >= last);
        last = producer->txn_start_offset;
    }
    state_check(state);
}

void producer_state_init(struct producer_state *state, size_t *total)
{
    map_init(&state->map);
    list_init(&state->used);
    list_init(&state->open);
    list_init(&state->ended);
    state->ended_first = INT64_MAX;
    state->open_txns = 0;
    state->total = total;
    state_check(state);
}

static void state_drop(struct producer_state *state, struct producer *producer)
{
    ASSERT(producer->txn_start_offset < 0);
    ASSERT(list_empty(&producer->open));
    list_remove(&producer->used);
    void *former = map_del_u64(&state->map, (uint64_t)producer->id);
    ASSERT(former == producer);
    if (state->total)
        (void)__atomic_sub_fetch(state->total, 1, __ATOMIC_RELAXED);
    mem_free(producer);
    state_check(state);
}

void producer_state_close(struct producer_state *state)
{
    if (state->total)
        (void)__atomic_sub_fetch(state->total, state->map.count, __ATOMIC_RELAXED);
    struct list *step;
    while ((step = list_pop(&state->used)))
        mem_free(LIST_ENTRY(step, struct producer, used));
    while ((step = list_pop(&state->ended)))
        mem_free(LIST_ENTRY(step, struct ended_txn, link));
    list_init(&state->open); /* they were in it */
    map_close(&state->map);
    state->open_txns = 0;
}

void producer_state_clear(struct producer_state *state)
{
    producer_state_close(state);
    producer_state_init(state, state->total);
}

static void state_exchange_lists(struct list *a, struct list *b)
{
    struct list held;
    list_init(&held);
    list_splice(&held, a);
    list_splice(a, b);
    list_splice(b, &held);
}

void producer_state_exchange(struct producer_state *a, struct producer_state *b)
{
    struct map map = a->map;
    uint32_t open_txns = a->open_txns;
    int64_t ended_first = a->ended_first;
    ASSERT(a->total == b->total);
    ASSERT(a != b);
    a->map = b->map;
    b->map = map;
    a->open_txns = b->open_txns;
    b->open_txns = open_txns;
    a->ended_first = b->ended_first;
    b->ended_first = ended_first;
    state_exchange_lists(&a->used, &b->used);
    state_exchange_lists(&a->open, &b->open);
    state_exchange_lists(&a->ended, &b->ended);
    state_check(a);
    state_check(b);
}

struct producer *producer_state_get(const struct producer_state *state, int64_t id)
{
    return map_get_u64(&state->map, (uint64_t)id);
}

int32_t producer_last_sequence(const struct producer *producer)
{
    ASSERT(producer->batch_count <= PRODUCER_BATCHES);
    return producer->batch_count ? producer->batches[producer->batch_count - 1].last_sequence : -1;
}

/* ---- checks ---- */

static const struct producer_batch *find_duplicate(const struct producer *producer,
                                                   const struct batch *batch)
{
    for (int i = 0; i < producer->batch_count; i++) {
        const struct producer_batch *known = &producer->batches[i];
        if (known->offset_delta == batch->last_offset_delta &&
            known->last_sequence == batch_last_sequence(batch))
            return known;
    }
    return NULL;
}

static int check_sequence(const struct producer *producer, const struct batch *batch,
                          struct producer_verdict *verdict)
{
    if (batch->producer_epoch > producer->epoch) {
        if (batch->base_sequence == 0)
            return 0;
        verdict->message = "a new producer epoch must start at sequence 0";
        return ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    }
    ASSERT(batch->producer_epoch == producer->epoch);
    const struct producer_batch *known = find_duplicate(producer, batch);
    if (known) {
        verdict->duplicate = *known;
        verdict->is_duplicate = true;
        return 0;
    }
    if (batch->base_sequence == batch_sequence_add(producer_last_sequence(producer), 1))
        return 0;
    verdict->message = "the sequence number does not follow the last one of this producer";
    return ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

int producer_state_check(const struct producer_state *state, const struct batch *batch,
                         bool sequences, struct producer_verdict *verdict)
{
    *verdict = (struct producer_verdict){0};
    const struct producer *producer = producer_state_get(state, batch->producer_id);
    if (!producer)
        return 0;
    ASSERT(producer->id == batch->producer_id);
    if (batch->producer_epoch < producer->epoch) {
        verdict->message = "the producer has a newer epoch: another instance took over";
        return ERR_INVALID_PRODUCER_EPOCH;
    }
    int rc = sequences ? check_sequence(producer, batch, verdict) : 0;
    if (rc < 0 || verdict->is_duplicate)
        return rc;
    if (producer->txn_start_offset >= 0 && !batch_is_transactional(batch)) {
        verdict->message = "the producer has a transaction open here, and the batch is not in it";
        return ERR_INVALID_TXN_STATE;
    }
    return 0;
}

int producer_state_check_marker(const struct producer_state *state, const struct txn_marker *marker,
                                bool bumped, const char **message)
{
    const struct producer *producer = producer_state_get(state, marker->producer_id);
    ASSERT(!producer || producer->id == marker->producer_id);
    bool late = producer && bumped && marker->producer_epoch == producer->epoch &&
                producer->txn_start_offset >= 0;
    if (producer && (marker->producer_epoch < producer->epoch || late)) {
        *message = "the transaction marker is of an older producer epoch";
        return ERR_INVALID_PRODUCER_EPOCH;
    }
    /* No coordinator has a negative epoch. By it is told who has had a marker at all, so recovery
     * would not look for what such a one has aborted. */
    if (marker->coordinator_epoch < 0 ||
        (producer && marker->coordinator_epoch < producer->coordinator_epoch)) {
        *message = "the transaction marker is of an older coordinator";
        return ERR_TRANSACTION_COORDINATOR_FENCED;
    }
    return 0;
}

/* ---- notes ---- */

/* One with an open transaction is never forgotten; it goes to the end, so that the next look does
 * not meet it again. */
static void state_make_room(struct producer_state *state)
{
    if (!state->total || state->map.count < PRODUCERS_SPARED ||
        __atomic_load_n(state->total, __ATOMIC_RELAXED) < PRODUCERS_MAX)
        return;
    for (int looks = 0; looks < ROOM_LOOKS; looks++) {
        struct producer *oldest = LIST_ENTRY(state->used.next, struct producer, used);
        ASSERT(!list_empty(&state->used));
        if (oldest->txn_start_offset < 0) {
            state_drop(state, oldest);
            return;
        }
        list_remove(&oldest->used);
        list_push(&state->used, &oldest->used);
    }
}

static struct producer *state_add(struct producer_state *state, int64_t id)
{
    state_make_room(state);
    struct producer *producer = mem_alloc(sizeof(*producer));
    list_push(&state->used, &producer->used);
    list_init(&producer->open);
    if (state->total)
        (void)__atomic_add_fetch(state->total, 1, __ATOMIC_RELAXED);
    producer->id = id;
    producer->epoch = -1;
    producer->coordinator_epoch = -1;
    producer->txn_start_offset = producer->marker_offset = -1;
    void *former = map_put_u64(&state->map, (uint64_t)id, producer);
    ASSERT(former == NULL);
    state_check(state);
    return producer;
}

static struct producer *state_enter(struct producer_state *state, const struct batch *batch,
                                    int64_t now_ms)
{
    struct producer *producer = producer_state_get(state, batch->producer_id);
    if (!producer)
        producer = state_add(state, batch->producer_id);
    if (batch->producer_epoch != producer->epoch) {
        producer->epoch = batch->producer_epoch;
        producer->batch_count = 0;
    }
    producer->last_timestamp = batch->max_timestamp;
    producer->seen_ms = now_ms;
    list_remove(&producer->used);
    list_push(&state->used, &producer->used);
    ASSERT(producer->id == batch->producer_id);
    ASSERT(producer->batch_count <= PRODUCER_BATCHES);
    return producer;
}

/* The last one in the log so far, or the caller sorts them. */
static void producer_open_txn(struct producer_state *state, struct producer *producer,
                              int64_t start_offset)
{
    ASSERT(producer->txn_start_offset < 0);
    ASSERT(start_offset >= 0);
    ASSERT(list_empty(&producer->open));
    producer->txn_start_offset = start_offset;
    list_push(&state->open, &producer->open);
    state->open_txns++;
    state_check(state);
}

static void producer_close_txn(struct producer_state *state, struct producer *producer)
{
    ASSERT(producer->txn_start_offset >= 0);
    ASSERT(state->open_txns > 0);
    ASSERT(!list_empty(&producer->open));
    producer->txn_start_offset = -1;
    list_remove(&producer->open);
    state->open_txns--;
    state_check(state);
}

static void state_add_ended(struct producer_state *state, const struct producer_txn *txn)
{
    struct ended_txn *ended = mem_alloc(sizeof(*ended));
    *ended = (struct ended_txn){.first_offset = txn->first_offset, .last_offset = txn->last_offset};
    list_init(&ended->link);
    list_push(&state->ended, &ended->link);
    if (txn->first_offset < state->ended_first)
        state->ended_first = txn->first_offset;
    ASSERT(state->ended_first <= txn->first_offset);
    ASSERT(txn->first_offset < txn->last_offset);
}

static void note_data(struct producer_state *state, const struct batch *batch, int64_t now_ms)
{
    struct producer *producer = state_enter(state, batch, now_ms);
    if (batch_is_transactional(batch) && producer->txn_start_offset < 0)
        producer_open_txn(state, producer, batch->base_offset);
    if (batch->base_sequence < 0)
        return;
    if (producer->batch_count == PRODUCER_BATCHES) {
        memmove(producer->batches, producer->batches + 1,
                (PRODUCER_BATCHES - 1) * sizeof(producer->batches[0]));
        producer->batch_count--;
    }
    ASSERT(producer->batch_count < PRODUCER_BATCHES);
    producer->batches[producer->batch_count++] = (struct producer_batch){
        .last_offset = batch_last_offset(batch),
        .timestamp = batch->max_timestamp,
        .last_sequence = batch_last_sequence(batch),
        .offset_delta = batch->last_offset_delta,
    };
}

static bool note_marker(struct producer_state *state, const struct batch *batch,
                        const struct txn_marker *marker, int64_t now_ms, struct producer_txn *txn)
{
    struct producer *producer = state_enter(state, batch, now_ms);
    producer->coordinator_epoch = marker->coordinator_epoch;
    producer->marker_offset = batch->base_offset;
    if (producer->txn_start_offset < 0)
        return false; /* sent twice, or nothing was written here */
    *txn = (struct producer_txn){.producer_id = producer->id,
                                 .first_offset = producer->txn_start_offset,
                                 .last_offset = batch_last_offset(batch),
                                 .aborted = !marker->commit};
    producer_close_txn(state, producer);
    state_add_ended(state, txn);
    return true;
}

bool producer_state_take(struct producer_state *state, const struct batch *batch, int64_t now_ms,
                         struct producer_txn *txn)
{
    struct txn_marker marker;
    struct producer_txn unused;
    if (!batch_has_producer(batch))
        return false;
    if (batch_is_control(batch))
        return txn_marker_read(batch, &marker) == 1 &&
               note_marker(state, batch, &marker, now_ms, txn ? txn : &unused);
    note_data(state, batch, now_ms);
    return false;
}

void producer_state_settle(struct producer_state *state, int64_t high_watermark)
{
    struct list *step;
    bool any = false;
    while (!list_empty(&state->ended)) {
        struct ended_txn *ended = LIST_ENTRY(state->ended.next, struct ended_txn, link);
        if (ended->last_offset >= high_watermark)
            break;
        list_remove(&ended->link);
        mem_free(ended);
        any = true;
    }
    if (!any)
        return;
    state->ended_first = INT64_MAX;
    for (step = state->ended.next; step != &state->ended; step = step->next) {
        const struct ended_txn *ended = LIST_ENTRY(step, struct ended_txn, link);
        if (ended->first_offset < state->ended_first)
            state->ended_first = ended->first_offset;
    }
    state_check(state);
}

bool producer_state_reaches(const struct producer_state *state, int64_t offset)
{
    size_t cursor = 0;
    const struct producer *producer;
    if (!list_empty(&state->ended) &&
        LIST_ENTRY(state->ended.prev, struct ended_txn, link)->last_offset >= offset)
        return true;
    while ((producer = map_next(&state->map, &cursor, NULL, NULL))) {
        /* Without a data batch only a marker is known, whose offset is not kept. */
        if (producer->batch_count == 0 || producer->txn_start_offset >= offset ||
            producer->coordinator_epoch >= 0 ||
            producer->batches[producer->batch_count - 1].last_offset >= offset)
            return true;
    }
    return false;
}

int64_t producer_state_first_open(const struct producer_state *state)
{
    ASSERT(list_empty(&state->open) == (state->open_txns == 0));
    return list_empty(&state->open)
               ? INT64_MAX
               : LIST_ENTRY(state->open.next, struct producer, open)->txn_start_offset;
}

int64_t producer_state_last_open(const struct producer_state *state)
{
    return list_empty(&state->open)
               ? -1
               : LIST_ENTRY(state->open.prev, struct producer, open)->txn_start_offset;
}

int64_t producer_state_first_undecided(const struct producer_state *state)
{
    int64_t open = producer_state_first_open(state);
    return open < state->ended_first ? open : state->ended_first;
}

bool producer_state_has_markers(const struct producer_state *state)
{
    size_t cursor = 0;
    const struct producer *producer;
    while ((producer = map_next(&state->map, &cursor, NULL, NULL)))
        if (producer->coordinator_epoch >= 0)
            return true;
    return false;
}

void producer_state_expire(struct producer_state *state, int64_t now_ms, int64_t expiration_ms)
{
    LIST_EACH(step, &state->used) {
        struct producer *producer = LIST_ENTRY(step, struct producer, used);
        if (now_ms - producer->seen_ms < expiration_ms)
            return; /* the others wrote later */
        if (producer->txn_start_offset < 0)
            state_drop(state, producer);
    }
}

/* ---- snapshots ---- */

static void entry_encode(const struct producer *producer, const struct producer_batch *batch,
                         int64_t timestamp, uint8_t *out)
{
    bytes_put_u64(out, (uint64_t)producer->id);
    bytes_put_u16(out + 8, (uint16_t)producer->epoch);
    bytes_put_u32(out + 10, (uint32_t)batch->last_sequence);
    bytes_put_u64(out + 14, (uint64_t)batch->last_offset);
    bytes_put_u32(out + 22, (uint32_t)batch->offset_delta);
    bytes_put_u64(out + 26, (uint64_t)timestamp);
    bytes_put_u32(out + 34, (uint32_t)producer->coordinator_epoch);
    bytes_put_u64(out + 38, (uint64_t)producer->txn_start_offset);
}

/* One entry for each batch, the newest last: who keeps only one for a producer keeps that. */
static uint8_t *entries_encode(const struct producer *producer, uint8_t *out)
{
    static const struct producer_batch none = {-1, -1, -1, 0};
    ASSERT(producer->batch_count <= PRODUCER_BATCHES);
    int last = producer->batch_count - 1;
    for (int i = 0; i < last; i++, out += SNAPSHOT_ENTRY_LEN)
        entry_encode(producer, &producer->batches[i], producer->batches[i].timestamp, out);
    entry_encode(producer, last < 0 ? &none : &producer->batches[last], producer->last_timestamp,
                 out);
    return out + SNAPSHOT_ENTRY_LEN;
}

static size_t entries_count(const struct producer_state *state)
{
    size_t count = 0, cursor = 0;
    const struct producer *producer;
    while ((producer = map_next(&state->map, &cursor, NULL, NULL)))
        count += producer->batch_count ? producer->batch_count : 1;
    return count;
}

int producer_state_format(const struct producer_state *state, struct buf *out)
{
    size_t count = entries_count(state);
    ASSERT(count >= state->map.count);
    size_t size = SNAPSHOT_HEADER_LEN + count * SNAPSHOT_ENTRY_LEN;
    if (count > INT32_MAX || buf_reserve(out, size) < 0)
        return ERR_NO_MEMORY;
    ASSERT(out->cap - out->len >= size);
    uint8_t *head = out->data + out->len, *at = head + SNAPSHOT_HEADER_LEN;
    size_t cursor = 0;
    const struct producer *producer;
    while ((producer = map_next(&state->map, &cursor, NULL, NULL)))
        at = entries_encode(producer, at);
    ASSERT(at == head + size);
    bytes_put_u16(head, SNAPSHOT_VERSION);
    bytes_put_u32(head + SNAPSHOT_CRC_FROM, (uint32_t)count);
    bytes_put_u32(head + SNAPSHOT_CRC_AT,
                  crc32c(0, head + SNAPSHOT_CRC_FROM, size - SNAPSHOT_CRC_FROM));
    out->len += size;
    return 0;
}

/* False for a further entry of a producer that does not go on where the one before it ended. */
static bool entry_decode(struct producer_state *state, const uint8_t *in, int64_t now_ms)
{
    int64_t id = (int64_t)bytes_get_u64(in);
    int16_t epoch = (int16_t)bytes_get_u16(in + 8);
    struct producer_batch batch = {
        .last_offset = (int64_t)bytes_get_u64(in + 14),
        .timestamp = (int64_t)bytes_get_u64(in + 26),
        .last_sequence = (int32_t)bytes_get_u32(in + 10),
        .offset_delta = (int32_t)bytes_get_u32(in + 22),
    };
    struct producer *producer = producer_state_get(state, id);
    if (producer) {
        int count = producer->batch_count;
        if (epoch != producer->epoch || count == 0 || count == PRODUCER_BATCHES ||
            batch.last_offset <= producer->batches[count - 1].last_offset)
            return false;
    } else {
        producer = state_add(state, id);
        producer->epoch = epoch;
    }
    producer->last_timestamp = batch.timestamp;
    producer->coordinator_epoch = (int32_t)bytes_get_u32(in + 34);
    producer->seen_ms = now_ms;
    int64_t txn_start = (int64_t)bytes_get_u64(in + 38);
    if (txn_start >= 0 && producer->txn_start_offset < 0)
        producer_open_txn(state, producer, txn_start);
    ASSERT(producer->batch_count < PRODUCER_BATCHES);
    if (batch.last_sequence >= 0)
        producer->batches[producer->batch_count++] = batch;
    return true;
}

static int open_compare(const void *a, const void *b)
{
    int64_t one = (*(struct producer *const *)a)->txn_start_offset;
    int64_t other = (*(struct producer *const *)b)->txn_start_offset;
    return one < other ? -1 : one > other;
}

/* A snapshot has them in no order. */
static void state_sort_open(struct producer_state *state)
{
    if (state->open_txns < 2)
        return;
    struct producer **all = mem_alloc(state->open_txns * sizeof(struct producer *));
    uint32_t count = 0;
    struct list *step;
    while ((step = list_pop(&state->open)))
        all[count++] = LIST_ENTRY(step, struct producer, open);
    ASSERT(count == state->open_txns);
    qsort(all, count, sizeof(struct producer *), open_compare);
    for (uint32_t i = 0; i < count; i++)
        list_push(&state->open, &all[i]->open);
    mem_free(all);
}

int producer_state_parse(struct producer_state *state, const uint8_t *data, size_t len,
                         int64_t now_ms)
{
    producer_state_clear(state);
    if (len < SNAPSHOT_HEADER_LEN || bytes_get_u16(data) != SNAPSHOT_VERSION ||
        crc32c(0, data + SNAPSHOT_CRC_FROM, len - SNAPSHOT_CRC_FROM) !=
            bytes_get_u32(data + SNAPSHOT_CRC_AT))
        return ERR_CORRUPT;
    uint32_t count = bytes_get_u32(data + SNAPSHOT_CRC_FROM);
    if ((len - SNAPSHOT_HEADER_LEN) % SNAPSHOT_ENTRY_LEN != 0 ||
        (len - SNAPSHOT_HEADER_LEN) / SNAPSHOT_ENTRY_LEN != count)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = data + SNAPSHOT_HEADER_LEN + (size_t)i * SNAPSHOT_ENTRY_LEN;
        if (!entry_decode(state, entry, now_ms)) {
            producer_state_clear(state);
            return ERR_CORRUPT;
        }
    }
    state_sort_open(state);
    state_check(state);
    return 0;
}
