/* Aborted transactions of a log: what is noted when one ends, and which of them overlap a read.
 *
 * Happy path: an entry goes into the index of the segment that holds the abort marker. A read
 * begins at the segment that it reads from, and goes on through later ones until an entry says
 * that nothing below the end of the read was open any more. While one transaction is open for long
 * very many others may end: memory tells of each thousand of them whether one of them begins below
 * the end of the read, and only where that is so the file is looked at. Failure modes: what the
 * page cache does not have is for a worker (log_warm.c); an index that is damaged while the log is
 * open is told of, and the read fails: without its entries aborted records would be shown. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/mutation.h"
#include "broker/log/leavings.h"
#include "broker/log/log_manager_private.h"

/* What is to be noted right after the transaction has ended. */
static struct txn_index_entry entry_of(const struct log *log, const struct producer_txn *txn)
{
    int64_t open = producer_state_first_open(&log->producers);
    return (struct txn_index_entry){.producer_id = txn->producer_id,
                                    .first_offset = txn->first_offset,
                                    .last_offset = txn->last_offset,
                                    .last_stable_offset =
                                        open < txn->last_offset ? open : txn->last_offset + 1};
}

int log_note_aborted(struct log *log, struct segment *segment, const struct producer_txn *txn)
{
    struct txn_index_entry entry = entry_of(log, txn);
    log->has_aborted = true;
    return segment_note_aborted(segment, &entry);
}

/* The transactions that a read in [from, end) has to know. */
struct aborted_search {
    int64_t from;
    int64_t end;
    bool now;
    struct log_aborted *found;
};

static void search_add(struct log_aborted *found, const struct txn_index_entry *entry)
{
    if (found->count == found->cap) {
        found->cap = found->cap ? found->cap * 2 : 16;
        found->txns = mem_realloc(found->txns, found->cap * sizeof(*found->txns));
    }
    ASSERT(found->count < found->cap);
    found->txns[found->count++] =
        (struct log_aborted_txn){entry->producer_id, entry->first_offset, entry->last_offset};
}

/* 1 when no later entry can overlap the read. */
static int search_segment(const struct aborted_search *search, struct segment *segment)
{
    struct txn_index_entry entries[TXN_INDEX_BLOCK];
    struct txn_index *index = &segment->aborted;
    uint32_t at = txn_index_skip(index, 0, search->end);
    if (index->last_offset < search->from || at == index->count)
        return 0;
    int rc = segment_aborted(segment, search->now, &index);
    if (rc == 0 && segment->base_offset < search->from)
        rc = txn_index_find(index, search->from, &at);
    while (rc == 0 && (at = txn_index_skip(index, at, search->end)) < index->count) {
        uint32_t n = index->count - at < TXN_INDEX_BLOCK ? index->count - at : TXN_INDEX_BLOCK;
        ASSERT(n > 0);
        rc = txn_index_read(index, at, n, entries);
        for (uint32_t i = 0; i < n && rc == 0; i++) {
            if (entries[i].first_offset < search->end)
                search_add(search->found, &entries[i]);
            rc = entries[i].last_stable_offset >= search->end;
        }
        at += n;
    }
    return rc;
}

static int aborted_compare(const void *a, const void *b)
{
    const struct log_aborted_txn *one = a, *other = b;
    return one->first_offset < other->first_offset ? -1 : one->first_offset > other->first_offset;
}

/* `cold` NULL: the disk is waited for. */
int log_find_aborted(struct log *log, int64_t from, int64_t end, struct log_cold *cold,
                     struct log_aborted *found)
{
    struct aborted_search search = {from, end, cold != NULL, found};
    int rc = 0;
    *found = (struct log_aborted){0};
    for (uint32_t i = log_segment_at(log, from);
         log->has_aborted && i < log->segment_count && rc == 0; i++) {
        struct segment *segment = log->segments[i];
        if (segment->aborted.count == 0)
            continue;
        rc = search_segment(&search, segment);
        if (rc == ERR_AGAIN)
            *cold = (struct log_cold){.segment = segment, .offset = from};
    }
    if (rc >= 0 && found->count > 1)
        qsort(found->txns, found->count, sizeof(*found->txns), aborted_compare);
    if (rc < 0)
        log_aborted_close(found);
    return rc < 0 ? rc : 0;
}

void log_aborted_close(struct log_aborted *aborted)
{
    mem_free(aborted->txns);
    *aborted = (struct log_aborted){0};
}

/* ---- when a log is opened ---- */

/* Counts what the indexes have. *from becomes the base of the first one that is damaged. Past
 * `trusted` an index may have entries for batches that never reached the disk. */
static int recover_indexes(struct log *log, int64_t trusted, int64_t *from)
{
    struct env *env = log->manager->env;
    int rc = 0;
    for (uint32_t i = 0; i < log->segment_count && rc == 0; i++) {
        struct segment *segment = log->segments[i];
        if (!segment->aborted.made)
            continue;
        char *path = segment_path(segment, ".txnindex");
        rc = txn_index_load(&segment->aborted, env, path, segment->base_offset,
                            trusted < log->end_offset ? INT64_MAX : segment->end_offset);
        mem_free(path);
        if (rc != ERR_CORRUPT)
            continue;
        *from = segment->base_offset < *from ? segment->base_offset : *from;
        segment->aborted.dirty = true;
        rc = 0;
    }
    return rc;
}

void log_rebuild_add(struct log_rebuild *rebuild, const struct log *log, struct segment *segment,
                     const struct producer_txn *txn)
{
    if (rebuild->count == rebuild->cap) {
        rebuild->cap = rebuild->cap ? rebuild->cap * 2 : 16;
        rebuild->found = mem_realloc(rebuild->found, rebuild->cap * sizeof(*rebuild->found));
    }
    ASSERT(rebuild->count < rebuild->cap);
    rebuild->found[rebuild->count++] = (struct log_rebuilt){segment, entry_of(log, txn)};
    segment->aborted.dirty = true;
}

/* The entries that stay, and those that were found. */
static int rebuild_format(const struct log_rebuild *rebuild, struct segment *segment,
                          struct buf *out)
{
    struct txn_index_entry entry;
    struct txn_index *index;
    int rc = segment->aborted.count > 0 ? segment_aborted(segment, false, &index) : 0;
    for (uint32_t i = 0; i < segment->aborted.count && rc == 0; i++) {
        rc = txn_index_read(index, i, 1, &entry);
        uint8_t bytes[TXN_INDEX_ENTRY_LEN];
        txn_index_encode(&entry, bytes);
        if (rc == 0)
            rc = buf_append(out, bytes, sizeof(bytes));
    }
    for (size_t i = 0; i < rebuild->count && rc == 0; i++) {
        uint8_t bytes[TXN_INDEX_ENTRY_LEN];
        if (rebuild->found[i].segment != segment)
            continue;
        txn_index_encode(&rebuild->found[i].entry, bytes);
        rc = buf_append(out, bytes, sizeof(bytes));
    }
    return rc;
}

/* In one step, and durable: a crash in the middle must leave no index that looks good and lacks
 * something below the recovery point. */
static int rebuild_segment(const struct log_rebuild *rebuild, struct segment *segment)
{
    struct buf bytes;
    buf_init(&bytes);
    int rc = rebuild_format(rebuild, segment, &bytes);
    txn_index_close(&segment->aborted);
    char *path = segment_path(segment, ".txnindex");
    if (rc == 0)
        rc = env_file_replace(segment->env, path, bytes.data, bytes.len);
    if (rc == 0)
        rc = txn_index_load(&segment->aborted, segment->env, path, segment->base_offset, INT64_MAX);
    if (rc == 0)
        segment->aborted.dirty = false;
    mem_free(path);
    buf_close(&bytes);
    return rc;
}

int log_recover_producers(struct log *log, int64_t trusted, bool controls,
                          const struct log_leavings *left, struct buf *note)
{
    struct log_rebuild rebuild = {.from = INT64_MAX};
    int rc = recover_indexes(log, trusted, &rebuild.from);
    if (rc == 0 && left && !leavings_vouch(log, left, note))
        rebuild.from = log->segments[0]->base_offset;
    if (controls && trusted < rebuild.from && !MUTATION(TXN_ABORTED_FORGOTTEN))
        rebuild.from = trusted;
    int64_t cut = trusted < rebuild.from ? trusted : rebuild.from;
    for (uint32_t i = 0; i < log->segment_count && rc == 0; i++)
        rc = segment_cut_aborted(log->segments[i], cut);
    if (rc == 0)
        rc = log_load_producers(log, log->end_offset, &rebuild);
    if (rc == ERR_CORRUPT && note->len == 0)
        buf_printf(note, "%s: a batch is damaged, or not where its offset belongs", log->path);
    for (uint32_t i = 0; i < log->segment_count && rc == 0; i++) {
        if (log->segments[i]->aborted.dirty) {
            rc = rebuild_segment(&rebuild, log->segments[i]);
            segment_close_files(log->segments[i]);
        }
        log->has_aborted |= log->segments[i]->aborted.count > 0;
    }
    mem_free(rebuild.found);
    return rc;
}
