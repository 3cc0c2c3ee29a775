/* What compaction has to know of producers and their transactions.
 *
 * Happy path: the loop says what the state of producers needs; the worker reads the indexes of
 * aborted transactions of its sources, sorts them by producer and marker, and so can tell of each
 * batch where it belongs; markers it meets in the order of the indexes. Failure modes: more of them
 * than memory is given for: what was compacted before has no data of any more, and of the rest only
 * the beginning is compacted now, so short that its transactions fit; a source that goes meanwhile,
 * and then all is in vain. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "broker/log/cleaner.h"
#include "broker/log/log_private.h"

/* ---- producers ---- */

/* Above all offsets. */
static uintptr_t marker_of_epoch(int16_t epoch)
{
    return UINTPTR_MAX - (uint16_t)epoch;
}

static uintptr_t producer_needs(const struct producer *producer)
{
    if (producer->batch_count > 0)
        return (uintptr_t)producer->batches[producer->batch_count - 1].last_offset + 1;
    if (producer->marker_offset >= 0)
        return (uintptr_t)producer->marker_offset + 1;
    /* The last one is older than the snapshot that the state was read from: any may be it. */
    return producer->coordinator_epoch >= 0 ? marker_of_epoch(producer->epoch) : 0;
}

void cleaner_take_producers(struct cleaning *c, const struct log *log)
{
    size_t cursor = 0;
    const struct producer *producer;
    map_init(&c->producers);
    while ((producer = map_next(&log->producers.map, &cursor, NULL, NULL)))
        if (producer_needs(producer))
            map_put_u64(&c->producers, (uint64_t)producer->id, (void *)producer_needs(producer));
}

static bool is_needed(const struct cleaning *c, const struct batch *batch, uintptr_t what)
{
    return batch_has_producer(batch) &&
           (uintptr_t)map_get_u64(&c->producers, (uint64_t)batch->producer_id) == what;
}

bool cleaner_is_last_batch(const struct cleaning *c, const struct batch *batch)
{
    return is_needed(c, batch, (uintptr_t)batch_last_offset(batch) + 1);
}

bool cleaner_is_last_marker(const struct cleaning *c, const struct batch *batch)
{
    return is_needed(c, batch, (uintptr_t)batch_last_offset(batch) + 1) ||
           is_needed(c, batch, marker_of_epoch(batch->producer_epoch));
}

/* ---- transactions ---- */

void cleaner_txns_init(struct cleaner_txns *txns, const struct cleaning *cleaning)
{
    *txns = (struct cleaner_txns){.cleaning = cleaning};
    map_init(&txns->seen);
}

void cleaner_txns_close(struct cleaner_txns *txns)
{
    txn_index_close(&txns->walk.index);
    mem_free(txns->entries);
    map_close(&txns->seen);
}

static int txns_compare(const void *a, const void *b)
{
    const struct txn_index_entry *one = a, *other = b;
    if (one->producer_id != other->producer_id)
        return one->producer_id < other->producer_id ? -1 : 1;
    return one->last_offset < other->last_offset ? -1 : one->last_offset > other->last_offset;
}

static int open_source(const struct cleaning *c, const struct cleaning_source *source,
                       struct txn_index *index)
{
    *index = (struct txn_index){.count = source->aborted};
    char *path = segment_path(source->segment, ".txnindex");
    int rc = env_file_open(c->env, path, ENV_OPEN_READ, &index->file);
    mem_free(path);
    return rc == ERR_NOT_FOUND ? ERR_CANCELED : rc;
}

/* What a load looks for: transactions with data in [from, end), at most `max` of them. */
struct txns_range {
    int64_t from;
    int64_t end;
    size_t max;
};

/* ERR_TOO_LARGE when there are more. */
static int txns_add(struct cleaner_txns *txns, const struct txns_range *range,
                    const struct txn_index_entry *entry)
{
    if (entry->first_offset >= range->end || entry->last_offset < range->from)
        return 0;
    if (txns->count >= range->max)
        return ERR_TOO_LARGE;
    if (txns->count == txns->cap) {
        size_t cap = txns->cap ? 2 * txns->cap : TXN_INDEX_BLOCK;
        struct txn_index_entry *entries =
            mem_try_realloc(txns->entries, cap * sizeof(*txns->entries));
        if (!entries)
            return ERR_NO_MEMORY;
        txns->entries = entries;
        txns->cap = cap;
    }
    ASSERT(txns->count < txns->cap);
    txns->entries[txns->count++] = *entry;
    return 0;
}

static int load_source(struct cleaner_txns *txns, const struct txns_range *range,
                       const struct cleaning_source *source)
{
    struct txn_index_entry block[TXN_INDEX_BLOCK];
    struct txn_index index;
    int rc = open_source(txns->cleaning, source, &index);
    for (uint32_t at = 0; rc == 0 && at < index.count;) {
        uint32_t n = index.count - at < TXN_INDEX_BLOCK ? index.count - at : TXN_INDEX_BLOCK;
        rc = txn_index_read(&index, at, n, block);
        for (uint32_t i = 0; i < n && rc == 0; i++)
            rc = txns_add(txns, range, &block[i]);
        at += n;
    }
    txn_index_close(&index);
    return rc;
}

static int load_later(struct cleaner_txns *txns, const struct txns_range *range)
{
    const struct log_aborted *later = &txns->cleaning->later;
    int rc = 0;
    for (size_t i = 0; i < later->count && rc == 0; i++)
        rc = txns_add(txns, range,
                      &(struct txn_index_entry){.producer_id = later->txns[i].producer_id,
                                                .first_offset = later->txns[i].first_offset,
                                                .last_offset = later->txns[i].last_offset});
    return rc;
}

static int load_range(struct cleaner_txns *txns, const struct txns_range *range)
{
    const struct cleaning *c = txns->cleaning;
    int rc = 0;
    txns->count = 0;
    for (uint32_t i = 0; i < c->source_count && rc == 0; i++)
        if (c->sources[i].aborted > 0 && c->sources[i].end_offset > range->from)
            rc = load_source(txns, range, &c->sources[i]);
    return rc == 0 ? load_later(txns, range) : rc;
}

/* The range becomes half as long until its transactions fit. Those of one offset are as many as
 * were open there, which the number of producers bounds: they are loaded in any case. */
int cleaner_txns_load(struct cleaner_txns *txns, int64_t *end)
{
    const struct cleaning *c = txns->cleaning;
    ASSERT(c->source_count > 0);
    size_t max = c->map_bytes / 2 / sizeof(*txns->entries);
    *end = c->sources[c->source_count - 1].end_offset;
    ASSERT(*end > c->first_dirty);
    struct txns_range range = {0, *end, max};
    int rc = load_range(txns, &range);
    range.from = c->first_dirty;
    for (int64_t len = *end - c->first_dirty; rc == ERR_TOO_LARGE; len = (len + 1) / 2) {
        ASSERT(len > 0);
        *end = range.end = c->first_dirty + len;
        if (len == 1)
            range.max = SIZE_MAX;
        rc = load_range(txns, &range);
    }
    if (rc == 0 && txns->count > 1)
        qsort(txns->entries, txns->count, sizeof(*txns->entries), txns_compare);
    return rc;
}

/* The first transaction of the producer that ends at or past `offset`. */
static const struct txn_index_entry *txns_find(const struct cleaner_txns *txns, int64_t producer_id,
                                               int64_t offset)
{
    struct txn_index_entry wanted = {.producer_id = producer_id, .last_offset = offset};
    size_t low = 0, high = txns->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (txns_compare(&txns->entries[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    ASSERT(low <= txns->count);
    return low < txns->count && txns->entries[low].producer_id == producer_id ? &txns->entries[low]
                                                                              : NULL;
}

bool cleaner_txns_is_aborted(const struct cleaner_txns *txns, const struct batch *batch)
{
    if (!batch_is_transactional(batch) || batch_is_control(batch) || txns->count == 0)
        return false;
    const struct txn_index_entry *txn = txns_find(txns, batch->producer_id, batch->base_offset);
    return txn && txn->first_offset <= batch->base_offset;
}

/* ---- markers ---- */

/* The entry that the walk is at: 1, or 0 at the end of the source's. */
static int walk_entry(struct cleaner_txns *txns, struct txn_index_entry *entry)
{
    ASSERT(txns->walk.source < txns->cleaning->source_count);
    const struct cleaning_source *source = &txns->cleaning->sources[txns->walk.source];
    ASSERT(txns->walk.at <= source->aborted);
    uint32_t left = source->aborted - txns->walk.at;
    int rc = 0;
    if (left == 0)
        return 0;
    if (!txn_index_is_open(&txns->walk.index))
        rc = open_source(txns->cleaning, source, &txns->walk.index);
    if (rc == 0 && txns->walk.at - txns->walk.block_at >= txns->walk.block_count) {
        txns->walk.block_at = txns->walk.at;
        txns->walk.block_count = left < TXN_INDEX_BLOCK ? left : TXN_INDEX_BLOCK;
        rc = txn_index_read(&txns->walk.index, txns->walk.at, txns->walk.block_count,
                            txns->walk.block);
    }
    if (rc < 0)
        return rc;
    ASSERT(txns->walk.at >= txns->walk.block_at);
    *entry = txns->walk.block[txns->walk.at - txns->walk.block_at];
    return 1;
}

int cleaner_txns_of_marker(struct cleaner_txns *txns, const struct batch *batch,
                           struct txn_index_entry *txn)
{
    const struct cleaning *c = txns->cleaning;
    int rc;
    while (batch->base_offset >= c->sources[txns->walk.source].end_offset) {
        txn_index_close(&txns->walk.index);
        txns->walk.source++;
        txns->walk.at = txns->walk.block_at = txns->walk.block_count = 0;
        ASSERT(txns->walk.source < c->source_count);
    }
    while ((rc = walk_entry(txns, txn)) == 1 && txn->last_offset < batch->base_offset)
        txns->walk.at++;
    return rc == 1 ? txn->last_offset == batch->base_offset : rc;
}
