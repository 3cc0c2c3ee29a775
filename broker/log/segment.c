/* Segments: lazily opened files, appends with sparse index entries, lookups, cutting.
 *
 * Happy path of a lookup: the offset index names a batch at most one index interval before the
 * wanted one, a scan of headers finds it. Failure modes: an index entry that does not match the
 * batch it points to makes the indexes be rebuilt from the log, once; a batch header that makes no
 * sense is ERR_CORRUPT for the caller; disk errors are passed on. */
#include "broker/log/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/mutation.h"
#include "broker/log/batch_scan.h"

enum {
    SEGMENT_EVICT = 8,               /* closed at a time when descriptors have run out */
    SEGMENT_SKIP_BLOCK = 4096,       /* read-ahead where only headers matter: one page */
    SEGMENT_CHECK_BLOCK = 256 * 1024 /* and where every byte is looked at */
};

void segment_check(const struct segment *segment)
{
    ASSERT(segment->base_offset >= 0);
    ASSERT(segment->end_offset >= segment->base_offset);
    ASSERT(segment->file != NULL || segment->pins == 0);
    ASSERT(segment->file != NULL || list_empty(&segment->lru));
    ASSERT(segment->pool != NULL || list_empty(&segment->lru));
    ASSERT(segment->owned || segment->pool == NULL);
    ASSERT(segment->owned || segment->pins > 0);
    ASSERT(segment->file != NULL || segment->indexes == NULL);
    ASSERT(segment->file != NULL || !txn_index_is_open(&segment->aborted));
    ASSERT(segment->pool == NULL || segment->file == NULL || !list_empty(&segment->lru));
    if (!segment->indexes)
        return;
    ASSERT(segment->indexes->offsets.kind == INDEX_OFFSET);
    ASSERT(segment->indexes->times.kind == INDEX_TIME);
    index_check(&segment->indexes->offsets);
    index_check(&segment->indexes->times);
}

struct segment *segment_new(struct env *env, const char *dir, int64_t base_offset, uint64_t size,
                            uint32_t index_interval)
{
    ASSERT(base_offset >= 0);
    struct segment *segment = mem_alloc(sizeof(*segment));
    segment->env = env;
    segment->dir = mem_strdup(dir);
    segment->base_offset = segment->end_offset = base_offset;
    segment->size = size;
    segment->max_timestamp = segment->max_timestamp_offset = segment->roll_timestamp = -1;
    segment->created_ms = env_wall_ms(env);
    segment->index_interval = index_interval;
    segment->owned = true;
    segment->extra = "";
    segment->after_size = -1;
    segment->known = segment->fresh = size == 0;
    list_init(&segment->lru);
    return segment;
}

void segment_set_dir(struct segment *segment, const char *dir)
{
    ASSERT(segment->pins == 0);
    segment_close_files(segment); /* the indexes know their paths */
    ASSERT(segment->file == NULL);
    mem_free(segment->dir);
    segment->dir = mem_strdup(dir);
}

/* Index entries that can't be written are lost: the index is then only sparser. */
static bool index_write_out(struct index *index)
{
    return !index_is_open(index) || index_flush(index) == 0;
}

/* Without a write. */
static void segment_close_indexes(struct segment *segment)
{
    if (segment->indexes) {
        index_close(&segment->indexes->offsets);
        index_close(&segment->indexes->times);
        mem_free(segment->indexes);
        segment->indexes = NULL;
    }
    txn_index_close(&segment->aborted);
}

void segment_close_files(struct segment *segment)
{
    if (segment->indexes && !index_write_out(&segment->indexes->offsets))
        segment->verified = false;
    if (segment->indexes && !index_write_out(&segment->indexes->times))
        segment->verified = false;
    segment_close_indexes(segment);
    if (!segment->file || !segment_is_idle(segment))
        return; /* somebody reads or sends from it: it stays open until they are done */
    env_file_close(segment->file);
    segment->file = NULL;
    ASSERT(segment->pins == 0 || MUTATION(CLOSED_IN_USE));
    segment_pool_leave(segment);
    ASSERT(list_empty(&segment->lru));
}

static void segment_free(struct segment *segment)
{
    ASSERT(segment->pins == 0);
    ASSERT(!segment->owned);
    segment_close_files(segment);
    txn_index_forget(&segment->aborted);
    mem_free(segment->dir);
    mem_free(segment);
}

void segment_drop(struct segment *segment)
{
    ASSERT(segment->owned);
    segment->owned = false;
    /* A reader may keep it for longer than the pool is there. */
    segment_pool_leave(segment);
    segment->pool = NULL;
    if (segment->pins == 0)
        segment_free(segment);
}

void segment_name(int64_t base_offset, const char *suffix, char name[SEGMENT_NAME_MAX])
{
    ASSERT(base_offset >= 0);
    snprintf(name, SEGMENT_NAME_MAX, "%020" PRId64 "%s", base_offset, suffix);
}

const char *segment_parse_name(const char *name, int64_t *base_offset)
{
    size_t digits = strspn(name, "0123456789");
    if (digits != 20 || name[20] != '.')
        return NULL;
    *base_offset = (int64_t)strtoull(name, NULL, 10);
    return *base_offset >= 0 ? name + 20 : NULL;
}

char *segment_path(const struct segment *segment, const char *suffix)
{
    char name[SEGMENT_NAME_MAX];
    segment_name(segment->base_offset, suffix, name);
    return mem_printf("%s/%s%s", segment->dir, name, segment->extra);
}

int segment_file(struct segment *segment, struct env_file **file)
{
    if (!segment->file) {
        char *path = segment_path(segment, ".log");
        int flags = ENV_OPEN_WRITE | ENV_OPEN_CREATE;
        int rc = env_file_open(segment->env, path, flags, &segment->file);
        if (env_is_later(rc) && segment->pool &&
            segment_pool_evict(segment->pool, SEGMENT_EVICT, segment))
            rc = env_file_open(segment->env, path, flags, &segment->file);
        mem_free(path);
        if (rc < 0)
            return rc;
    }
    ASSERT(segment->file != NULL);
    segment_pool_touch(segment);
    *file = segment->file;
    return 0;
}

int segment_pin(struct segment *segment)
{
    struct env_file *file;
    int rc = segment_file(segment, &file);
    if (rc < 0)
        return rc;
    segment->pins++;
    segment_check(segment);
    return 0;
}

void segment_unpin(struct segment *segment)
{
    ASSERT(segment->pins > 0);
    ASSERT(segment->file != NULL);
    segment->pins--;
    if (segment->pins == 0 && !segment->owned)
        segment_free(segment);
}

/* ---- indexes ---- */

static int index_open_at(struct segment *segment, struct index *index, const char *suffix)
{
    if (index_is_open(index))
        return 0;
    char *path = segment_path(segment, suffix);
    int rc = index_open(index, segment->env, path, !segment->verified);
    mem_free(path);
    return rc;
}

/* What would wait for the disk is ERR_AGAIN, from now on. */
static void segment_set_now(struct segment *segment, bool now)
{
    segment->now = now;
    if (segment->indexes)
        segment->indexes->offsets.now = segment->indexes->times.now = now;
}

static struct segment_indexes *segment_make_indexes(struct segment *segment)
{
    if (!segment->indexes) {
        segment->indexes = mem_alloc(sizeof(*segment->indexes));
        index_init(&segment->indexes->offsets, INDEX_OFFSET);
        index_init(&segment->indexes->times, INDEX_TIME);
        segment_set_now(segment, segment->now);
    }
    return segment->indexes;
}

static int segment_open_indexes(struct segment *segment)
{
    struct segment_indexes *open = segment->indexes;
    if (open && index_is_open(&open->offsets) && index_is_open(&open->times))
        return 0;
    /* The log file goes along, so that the pool knows of all three. */
    struct env_file *file;
    int rc = segment_file(segment, &file);
    if (rc == 0)
        rc = index_open_at(segment, &segment_make_indexes(segment)->offsets, ".index");
    if (rc == 0)
        rc = index_open_at(segment, &segment->indexes->times, ".timeindex");
    if (env_is_later(rc) && segment->pool &&
        segment_pool_evict(segment->pool, SEGMENT_EVICT, segment))
        return segment_open_indexes(segment);
    ASSERT(rc < 0 || segment->file != NULL);
    ASSERT(rc < 0 || index_is_open(&segment->indexes->offsets));
    ASSERT(rc < 0 || index_is_open(&segment->indexes->times));
    return rc;
}

int segment_open_aborted(struct segment *segment)
{
    struct env_file *file;
    if (txn_index_is_open(&segment->aborted))
        return 0;
    int rc = segment_file(segment, &file); /* so that the pool closes both */
    if (rc < 0)
        return rc;
    char *path = segment_path(segment, ".txnindex");
    rc = txn_index_open(&segment->aborted, segment->env, path);
    if (env_is_later(rc) && segment->pool &&
        segment_pool_evict(segment->pool, SEGMENT_EVICT, segment))
        rc = txn_index_open(&segment->aborted, segment->env, path);
    mem_free(path);
    ASSERT(rc < 0 || txn_index_is_open(&segment->aborted));
    return rc;
}

int segment_aborted(struct segment *segment, bool now, struct txn_index **index)
{
    int rc = segment_open_aborted(segment);
    segment->aborted.now = now;
    *index = &segment->aborted;
    return rc;
}

int segment_note_aborted(struct segment *segment, const struct txn_index_entry *entry)
{
    int rc = segment_open_aborted(segment);
    ASSERT(entry->last_offset >= segment->base_offset);
    return rc < 0 ? rc : txn_index_append(&segment->aborted, entry);
}

static void note_times(struct segment *segment, const struct batch *batch)
{
    if (batch->base_offset <= segment->base_offset || segment->roll_timestamp < 0)
        segment->roll_timestamp = batch->max_timestamp;
    if (batch->max_timestamp > segment->max_timestamp) {
        segment->max_timestamp = batch->max_timestamp;
        segment->max_timestamp_offset = batch_last_offset(batch);
    }
}

static int note_time_entry(struct segment *segment)
{
    if (segment->max_timestamp < 0)
        return 0;
    return index_append(&segment->indexes->times,
                        (struct index_entry){segment->max_timestamp,
                                             segment->max_timestamp_offset - segment->base_offset});
}

int segment_note(struct segment *segment, const struct batch *batch, uint64_t position)
{
    ASSERT(position + batch->size <= segment->size);
    ASSERT(batch->base_offset >= segment->end_offset);
    ASSERT(batch_last_offset(batch) >= batch->base_offset);
    ASSERT(batch_last_offset(batch) - segment->base_offset <= INT32_MAX);
    note_times(segment, batch);
    int rc = 0;
    if (segment->unindexed > segment->index_interval) {
        rc = segment_open_indexes(segment);
        if (rc == 0)
            rc = index_append(&segment->indexes->offsets,
                              (struct index_entry){batch_last_offset(batch) - segment->base_offset,
                                                   (int64_t)position});
        if (rc == 0)
            rc = note_time_entry(segment);
        if (env_is_later(rc)) /* the index is sparser then: the next batch tries again */
            rc = 0;
        else
            segment->unindexed = 0;
    }
    segment->unindexed += batch->size;
    segment->end_offset = batch_last_offset(batch) + 1;
    segment_check(segment);
    return rc;
}

/* Whether the indexes, as far as their form tells, lack something. */
static bool indexes_lost(const struct segment *segment)
{
    const struct index *offsets = &segment->indexes->offsets, *times = &segment->indexes->times;
    if (segment->size == 0)
        return false;
    return offsets->damaged || times->damaged || times->count == 0 ||
           (offsets->count == 0 && segment->size > segment->index_interval) ||
           (offsets->count > 0 && (uint64_t)offsets->last.value >= segment->size);
}

/* Forgets the indexes and what was learned from batches. */
static int segment_forget(struct segment *segment)
{
    segment->end_offset = segment->base_offset;
    segment->max_timestamp = segment->max_timestamp_offset = segment->roll_timestamp = -1;
    segment->unindexed = 0;
    int rc = index_clear(&segment->indexes->offsets);
    return rc < 0 ? rc : index_clear(&segment->indexes->times);
}

/* ---- recovery ---- */

/* Whether the batch at the index entry's position is the one that the entry was made for. */
static bool entry_matches(const struct segment *segment, const struct index_entry *entry,
                          const struct batch *batch)
{
    int64_t offset = segment->base_offset + entry->key;
    return batch->base_offset >= segment->base_offset && batch->base_offset <= offset;
}

/* Where to start a scan: the last index entry below `trusted` that points to its batch, else the
 * beginning with empty indexes. */
static int recover_start(struct segment *segment, int64_t trusted, uint64_t *from)
{
    struct index_entry entry;
    *from = 0;
    bool first = !segment->verified;
    int rc = segment_open_indexes(segment);
    if (rc == 0 && first && indexes_lost(segment))
        return segment_forget(segment);
    if (rc == 0 && trusted < INT64_MAX)
        rc = index_truncate(&segment->indexes->offsets,
                            trusted > segment->base_offset ? trusted - segment->base_offset : 0);
    if (rc < 0 || segment->indexes->offsets.count == 0)
        return rc < 0 ? rc : segment_forget(segment);
    entry = segment->indexes->offsets.last;
    rc = index_truncate(&segment->indexes->times, entry.key + 1);
    uint8_t header[BATCH_HEADER_SIZE];
    struct batch batch;
    if (rc < 0)
        return rc;
    ssize_t got = env_file_read(segment->file, header, sizeof(header), (uint64_t)entry.value);
    if (got < 0)
        return (int)got;
    if (batch_parse_header(header, (size_t)got, &batch) < 0 ||
        !entry_matches(segment, &entry, &batch))
        return segment_forget(segment);
    *from = (uint64_t)entry.value;
    segment->end_offset = batch.base_offset;
    if (segment->indexes->times.count > 0) {
        segment->max_timestamp = segment->indexes->times.last.key;
        segment->max_timestamp_offset = segment->base_offset + segment->indexes->times.last.value;
    }
    return 0;
}

/* A batch that was perhaps never flushed: 1 when it is good. It is written once more, since a page
 * that a failed sync left behind counts as clean: no later sync would bring it to the disk, though
 * it reads well as long as it is in memory. */
static int recover_batch(struct batch_scan *scan)
{
    int rc = batch_scan_body(scan);
    if (rc < 0)
        return rc;
    if (batch_check_crc(&scan->batch) != 0)
        return ERR_CORRUPT;
    rc = MUTATION(FAILED_SYNC_TRUSTED) ? 0 : batch_scan_rewrite(scan);
    return rc < 0 ? rc : 1;
}

int segment_recover(struct segment *segment, int64_t trusted,
                    void (*each)(void *data, const struct batch *batch), void *data,
                    uint64_t *bad_position)
{
    uint64_t from;
    segment->max_timestamp = segment->max_timestamp_offset = -1;
    segment->end_offset = segment->base_offset;
    segment->unindexed = 0;
    int rc = recover_start(segment, trusted, &from);
    if (rc < 0)
        return rc;
    struct batch_scan scan;
    size_t block = trusted < INT64_MAX ? SEGMENT_CHECK_BLOCK : SEGMENT_SKIP_BLOCK;
    if (block > segment->size)
        block = segment->size > SEGMENT_SKIP_BLOCK ? (size_t)segment->size : SEGMENT_SKIP_BLOCK;
    batch_scan_init(&scan, segment->file, from, segment->size, block);
    while ((rc = batch_scan_next(&scan)) == 1) {
        if (scan.batch.base_offset < segment->end_offset ||
            batch_last_offset(&scan.batch) - segment->base_offset > INT32_MAX)
            rc = ERR_CORRUPT;
        if (rc == 1 && batch_last_offset(&scan.batch) >= trusted && !MUTATION(TORN_END_TRUSTED))
            rc = recover_batch(&scan);
        if (rc < 0)
            break;
        rc = segment_note(segment, &scan.batch, scan.position);
        if (rc < 0)
            break;
        if (each)
            each(data, &scan.batch);
    }
    *bad_position = scan.position;
    int flushed = batch_scan_flush(&scan);
    batch_scan_close(&scan);
    if (flushed < 0)
        return flushed;
    if (rc == 0 || rc == ERR_CORRUPT)
        segment->known = segment->verified = true;
    segment_check(segment);
    return rc;
}

/* Makes the indexes anew from the log. */
static int segment_rebuild(struct segment *segment)
{
    int64_t end_offset = segment->end_offset;
    segment_set_now(segment, false); /* half of it is no use */
    uint64_t bad;
    int rc = segment_open_indexes(segment);
    if (rc == 0)
        rc = segment_forget(segment);
    if (rc == 0)
        rc = segment_recover(segment, INT64_MAX, NULL, NULL, &bad);
    if (rc == 0)
        rc = note_time_entry(segment);
    segment->end_offset = end_offset;
    return rc;
}

/* Indexes that are open and, as far as their form tells, complete. */
static int segment_ready(struct segment *segment)
{
    bool first = !segment->verified;
    int rc = segment_open_indexes(segment);
    if (rc < 0 || !first)
        return rc;
    if (indexes_lost(segment))
        return segment_rebuild(segment);
    segment->verified = true;
    return 0;
}

/* ---- appends ---- */

int segment_write(struct segment *segment, const void *bytes, size_t len)
{
    struct env_file *file;
    ASSERT(!segment->trim); /* the file may be longer than the size */
    ASSERT(segment->owned);
    ASSERT(len > 0);
    int rc = segment_file(segment, &file);
    if (rc == 0)
        rc = env_file_write(file, bytes, len, segment->size);
    if (rc < 0)
        return rc;
    if (segment->size == 0) {
        segment->verified = segment->known = true;
        segment->created_ms = env_wall_ms(segment->env);
    }
    segment->size += len;
    return 0;
}

int segment_seal(struct segment *segment)
{
    int rc = segment_open_indexes(segment);
    if (rc == 0)
        rc = note_time_entry(segment);
    if (rc == 0)
        rc = index_flush(&segment->indexes->offsets);
    if (rc == 0)
        rc = index_flush(&segment->indexes->times);
    return rc;
}

/* ---- lookups ---- */

/* Walks from `from` to the first batch that `wanted` takes. ERR_NOT_FOUND, ERR_CORRUPT. */
static int segment_walk(struct segment *segment, uint64_t from, int64_t offset,
                        int64_t timestamp_ms, struct segment_spot *spot)
{
    struct batch_scan scan;
    int rc;
    batch_scan_init(&scan, segment->file, from, segment->size, SEGMENT_SKIP_BLOCK);
    scan.now = segment->now;
    while ((rc = batch_scan_next(&scan)) == 1)
        if (batch_last_offset(&scan.batch) >= offset && scan.batch.max_timestamp >= timestamp_ms)
            break;
    spot->position = scan.position;
    spot->batch = scan.batch;
    ASSERT(rc != 1 || spot->position < segment->size);
    batch_scan_close(&scan);
    return rc == 1 ? 0 : rc == 0 ? ERR_NOT_FOUND : rc;
}

/* The position of an index entry at or before `offset`, checked against the batch there;
 * ERR_CORRUPT when they differ. */
static int segment_hint(struct segment *segment, int64_t offset, uint64_t *position)
{
    struct index_entry entry;
    uint8_t header[BATCH_HEADER_SIZE];
    struct batch batch;
    *position = 0;
    ASSERT(segment->file != NULL);
    ASSERT(index_is_open(&segment->indexes->offsets));
    int rc = index_find(&segment->indexes->offsets, offset - segment->base_offset, &entry);
    if (rc <= 0)
        return rc;
    uint64_t at = (uint64_t)entry.value;
    ssize_t got = segment->now ? env_file_read_now(segment->file, header, sizeof(header), at)
                               : env_file_read(segment->file, header, sizeof(header), at);
    if (got < 0)
        return (int)got;
    if ((uint64_t)entry.value >= segment->size ||
        batch_parse_header(header, (size_t)got, &batch) < 0 ||
        !entry_matches(segment, &entry, &batch))
        return ERR_CORRUPT;
    *position = (uint64_t)entry.value;
    return 0;
}

static int segment_hint_or_rebuild(struct segment *segment, int64_t offset, uint64_t *position)
{
    int rc = segment_hint(segment, offset, position);
    if (rc != ERR_CORRUPT)
        return rc;
    rc = segment_rebuild(segment);
    return rc < 0 ? rc : segment_hint(segment, offset, position);
}

int segment_find(struct segment *segment, int64_t offset, struct segment_spot *spot)
{
    if (segment->size == 0)
        return ERR_NOT_FOUND;
    uint64_t from;
    int rc = segment_ready(segment);
    if (rc == 0)
        rc = segment_hint_or_rebuild(segment, offset, &from);
    return rc < 0 ? rc : segment_walk(segment, from, offset, INT64_MIN, spot);
}

int segment_find_now(struct segment *segment, int64_t offset, struct segment_spot *spot)
{
    ASSERT(!segment->now);
    segment_set_now(segment, true);
    int rc = segment_find(segment, offset, spot);
    segment_set_now(segment, false);
    return rc;
}

int segment_offset_above(struct segment *segment, uint64_t position, bool now, int64_t *offset)
{
    struct index_entry entry;
    *offset = segment->end_offset;
    if (segment->size == 0 || position >= segment->size)
        return 0;
    ASSERT(!segment->now);
    segment_set_now(segment, now);
    int rc = segment_ready(segment);
    if (rc == 0)
        rc = index_find_value(&segment->indexes->offsets, (int64_t)position, &entry);
    segment_set_now(segment, false);
    if (rc > 0)
        *offset = segment->base_offset + entry.key;
    return rc < 0 ? rc : 0;
}

/* The batch that a time index entry was made for; ERR_CORRUPT when there is none such. */
static int time_entry_spot(struct segment *segment, const struct index_entry *entry,
                           struct segment_spot *spot)
{
    int64_t offset = segment->base_offset + entry->value;
    uint64_t from;
    int rc = segment_hint(segment, offset, &from);
    if (rc == 0)
        rc = segment_walk(segment, from, offset, INT64_MIN, spot);
    if (rc == 0 && spot->batch.max_timestamp != entry->key)
        rc = ERR_CORRUPT;
    return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
}

/* The batch of the last time index entry with a time <= `timestamp_ms`; 1, or 0 when there is none.
 * A wrong entry makes the indexes be rebuilt. */
static int time_find(struct segment *segment, int64_t timestamp_ms, struct segment_spot *spot)
{
    struct index_entry entry;
    int rc = index_find(&segment->indexes->times, timestamp_ms, &entry);
    if (rc <= 0)
        return rc;
    rc = time_entry_spot(segment, &entry, spot);
    if (rc == ERR_CORRUPT) {
        rc = segment_rebuild(segment);
        if (rc == 0)
            rc = index_find(&segment->indexes->times, timestamp_ms, &entry);
        if (rc <= 0)
            return rc;
        rc = time_entry_spot(segment, &entry, spot);
    }
    return rc < 0 ? rc : 1;
}

int segment_load_times(struct segment *segment)
{
    struct segment_spot spot;
    if (segment->known)
        return 0;
    int rc = segment_ready(segment);
    if (rc < 0 || segment->known)
        return rc;
    rc = time_find(segment, INT64_MAX, &spot);
    if (rc > 0 && !segment->known) {
        segment->max_timestamp = spot.batch.max_timestamp;
        segment->max_timestamp_offset = batch_last_offset(&spot.batch);
    }
    segment->known = segment->known || rc >= 0;
    return rc < 0 ? rc : 0;
}

int segment_find_timestamp(struct segment *segment, int64_t timestamp_ms, int64_t offset,
                           struct segment_spot *spot)
{
    int rc = segment_load_times(segment);
    if (rc < 0)
        return rc;
    if (segment->size == 0 || segment->max_timestamp < timestamp_ms)
        return ERR_NOT_FOUND;
    rc = segment_ready(segment);
    if (rc < 0)
        return rc;
    /* All records up to that batch are older than the wanted time. */
    struct segment_spot before = {0};
    rc = time_find(segment, timestamp_ms > INT64_MIN ? timestamp_ms - 1 : timestamp_ms, &before);
    return rc < 0 ? rc : segment_walk(segment, before.position, offset, timestamp_ms, spot);
}

int segment_first_timestamp(struct segment *segment, int64_t *timestamp_ms)
{
    *timestamp_ms = segment->roll_timestamp;
    if (segment->size == 0 || segment->roll_timestamp >= 0)
        return 0;
    struct segment_spot spot;
    struct env_file *file;
    int rc = segment_file(segment, &file);
    if (rc == 0)
        rc = segment_walk(segment, 0, INT64_MIN, INT64_MIN, &spot);
    if (rc == 0)
        *timestamp_ms = segment->roll_timestamp = spot.batch.max_timestamp;
    return rc;
}

/* ---- cutting and removing ---- */

int segment_cut_aborted(struct segment *segment, int64_t end_offset)
{
    struct txn_index *index;
    if (segment->aborted.count == 0 || segment->aborted.last_offset < end_offset)
        return 0; /* most are not opened: there may be more of them than descriptors */
    if (end_offset <= segment->base_offset) {
        txn_index_clear(&segment->aborted);
        return 0;
    }
    int rc = segment_aborted(segment, false, &index);
    return rc < 0 ? rc : txn_index_drop(index, end_offset);
}

int segment_cut(struct segment *segment, uint64_t position, int64_t end_offset)
{
    uint64_t bad;
    ASSERT(position <= segment->size);
    ASSERT(end_offset >= segment->base_offset);
    ASSERT(segment->owned);
    int rc = segment_open_indexes(segment);
    if (rc < 0)
        return rc;
    segment->size = position;
    segment->trim = true;
    rc = index_truncate(&segment->indexes->offsets, end_offset - segment->base_offset);
    if (rc == 0)
        rc = index_truncate(&segment->indexes->times, end_offset - segment->base_offset);
    if (rc == 0)
        rc = segment_cut_aborted(segment, end_offset);
    if (rc == 0)
        rc = segment_recover(segment, INT64_MAX, NULL, NULL, &bad);
    if (rc == 0)
        rc = segment_seal(segment);
    segment->end_offset = end_offset;
    segment_check(segment);
    return rc;
}

int segment_trim(struct segment *segment)
{
    struct env_file *file;
    int rc = segment_file(segment, &file);
    if (rc == 0)
        rc = env_file_truncate(file, segment->size);
    if (rc == 0)
        rc = env_file_sync(file);
    if (rc == 0)
        segment->trim = false;
    return rc;
}

int segment_rename_deleted(struct segment *segment, void (*renamed)(void *data, char *path),
                           void *data)
{
    static const char *const suffixes[] = {".log", ".index", ".timeindex", ".snapshot",
                                           ".txnindex"};
    ASSERT(segment->owned);
    /* Entries in memory must not make new files under the old names. */
    segment_close_indexes(segment);
    size_t count = ARRAY_LEN(suffixes) - !segment->aborted.made;
    for (size_t i = 0; i < count; i++) {
        char *from = segment_path(segment, suffixes[i]);
        char *to = mem_printf("%s.deleted", from);
        int rc = env_path_rename(segment->env, from, to);
        mem_free(from);
        if (rc == 0)
            renamed(data, to);
        else
            mem_free(to);
        if (rc < 0 && rc != ERR_NOT_FOUND)
            return rc;
    }
    return 0;
}
