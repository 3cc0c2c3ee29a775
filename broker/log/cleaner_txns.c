/* What compaction has to know of producers and their transactions.
 *
 * Happy path: the loop says what the state of producers needs; the worker reads the indexes of
 * aborted transactions of its sources, sorts them by producer and marker, and so can tell of each
 * batch and marker where it belongs. Failure modes: more of them than memory is given for, and then
 * the log is not compacted now; a source that goes meanwhile, and then all is in vain. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "broker/log/cleaner.h"
#include "broker/log/log_private.h"

enum { TXNS_MAX = (64 << 20) / sizeof(struct txn_index_entry) };

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

void cleaner_txns_init(struct cleaner_txns *txns)
{
    *txns = (struct cleaner_txns){0};
    map_init(&txns->seen);
}

void cleaner_txns_close(struct cleaner_txns *txns)
{
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

/* The worker has its own descriptor: the loop's may be closed by the pool. */
static int load_source(struct cleaner_txns *txns, const struct cleaning *c,
                       const struct cleaning_source *source)
{
    struct txn_index index = {.count = source->aborted};
    char *path = segment_path(source->segment, ".txnindex");
    int rc = env_file_open(c->env, path, ENV_OPEN_READ, &index.file);
    mem_free(path);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? ERR_CANCELED : rc;
    for (uint32_t at = 0; at < index.count && rc == 0;) {
        uint32_t n = index.count - at < TXN_INDEX_BLOCK ? index.count - at : TXN_INDEX_BLOCK;
        rc = txn_index_read(&index, at, n, txns->entries + txns->count);
        txns->count += n;
        at += n;
    }
    txn_index_close(&index);
    return rc;
}

static void load_later(struct cleaner_txns *txns, const struct cleaning *c)
{
    for (size_t i = 0; i < c->later.count; i++)
        txns->entries[txns->count++] =
            (struct txn_index_entry){.producer_id = c->later.txns[i].producer_id,
                                     .first_offset = c->later.txns[i].first_offset,
                                     .last_offset = c->later.txns[i].last_offset};
}

int cleaner_txns_load(struct cleaner_txns *txns, const struct cleaning *c)
{
    size_t total = c->later.count;
    int rc = 0;
    for (uint32_t i = 0; i < c->source_count; i++)
        total += c->sources[i].aborted;
    if (total == 0)
        return 0;
    if (total > TXNS_MAX || !(txns->entries = mem_try_alloc(total * sizeof(*txns->entries))))
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < c->source_count && rc == 0; i++)
        if (c->sources[i].aborted > 0)
            rc = load_source(txns, c, &c->sources[i]);
    if (rc < 0)
        return rc;
    load_later(txns, c);
    ASSERT(txns->count == total);
    qsort(txns->entries, txns->count, sizeof(*txns->entries), txns_compare);
    return 0;
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

const struct txn_index_entry *cleaner_txns_of_marker(const struct cleaner_txns *txns,
                                                     const struct batch *batch)
{
    const struct txn_index_entry *txn = txns_find(txns, batch->producer_id, batch->base_offset);
    return txn && txn->last_offset == batch->base_offset ? txn : NULL;
}
