/* The worker's part of compaction: keys of the dirty part into a map, then all segments anew.
 *
 * Happy path: a batch of which everything stays is copied as it is; one of which a part stays is
 * made again with the same offsets, sequences and epoch; one of which nothing stays goes, unless it
 * is the last one of a producer, whose sequence it carries: then it stays without records.
 * - A record stays when its key has no newer one, up to where the map reaches.
 * - A tombstone (null value) gets a delete horizon when it is first seen here, in the header of its
 *   batch, and goes once that has passed. Until then consumers can see that the key was deleted.
 * - Records of an aborted transaction go, and shadow nobody; all that is here is decided.
 * - A marker stays as long as there was data of its transaction. Then it gets a delete horizon, as
 *   tombstones do, and goes once that has passed, unless the epoch of its producer hangs on it. A
 *   batch without records counts as data too: with it a start would find the transaction open.
 *
 * Failure modes: when the map is full the run ends at that record, perhaps inside of a batch, and
 * the next one goes on from there: each run gets further by as many keys as the map holds. On any
 * error the new files are left for the loop to remove, and the log is as it was. */
#include "broker/log/cleaner.h"

#include <string.h>

#include "base/mem.h"
#include "broker/log/batch_scan.h"
#include "broker/log/cleaner_map.h"
#include "broker/log/log_private.h"

enum {
    READ_BLOCK = 256 * 1024,
    WRITE_BLOCK = 1024 * 1024 /* batches that go into one write */
};

struct rewriter {
    struct cleaning *cleaning;
    struct cleaner_map map;
    struct cleaner_txns txns;
    struct segment *out; /* of the current group; NULL before its first batch */
    struct buf pending;  /* batches that are not written yet */
    struct buf scratch;  /* decompressed records */
    struct record_header *headers;
    int32_t header_cap;
    int64_t group_base;
};

static bool must_stop(const struct cleaning *cleaning)
{
    return __atomic_load_n(&cleaning->stop, __ATOMIC_RELAXED);
}

/* Whether compaction looks into the batch at all. */
static bool is_plain(const struct rewriter *r, const struct batch *batch)
{
    return !batch_is_control(batch) && batch->record_count > 0 &&
           !cleaner_txns_is_aborted(&r->txns, batch);
}

/* ---- the map ---- */

/* The keys of a batch. 1 at the record that the run ends at: it does when the map is full. */
static int map_batch(struct rewriter *r, const struct batch *batch)
{
    struct record_iter records;
    struct record record;
    int rc = batch_records(batch, r->cleaning->records_max, &r->scratch, &records);
    while (rc >= 0 && (rc = record_iter_next(&records, &record)) == 1) {
        int64_t offset = batch->base_offset + record.offset_delta;
        if (offset >= r->cleaning->cleaned_to)
            return 1;
        if (record.key.len < 0 || offset < r->cleaning->first_dirty)
            continue;
        rc = cleaner_map_put(&r->map, record.key.data, (size_t)record.key.len, offset);
        if (rc == 1) {
            r->cleaning->cleaned_to = offset;
            return 1;
        }
    }
    return rc;
}

/* 1 when the map is full. */
static int map_source(struct rewriter *r, const struct cleaning_source *source)
{
    struct batch_scan scan;
    int rc;
    batch_scan_init(&scan, source->segment->file, 0, source->size, READ_BLOCK);
    while ((rc = batch_scan_next(&scan)) == 1) {
        if (must_stop(r->cleaning))
            rc = ERR_CANCELED;
        else if (scan.batch.base_offset >= r->cleaning->cleaned_to)
            break;
        else if (batch_last_offset(&scan.batch) < r->cleaning->first_dirty ||
                 !is_plain(r, &scan.batch))
            continue;
        if (rc == 1)
            rc = batch_scan_body(&scan);
        if (rc == 0)
            rc = map_batch(r, &scan.batch);
        if (rc)
            break;
    }
    batch_scan_close(&scan);
    return rc;
}

static int map_build(struct rewriter *r)
{
    struct cleaning *c = r->cleaning;
    int rc = 0;
    for (uint32_t i = 0; i < c->source_count && rc == 0; i++)
        if (c->sources[i].end_offset > c->first_dirty)
            rc = map_source(r, &c->sources[i]);
    return rc < 0 ? rc : 0;
}

/* ---- writing ---- */

static int out_remove_files(struct rewriter *r)
{
    static const char *const suffixes[] = {".log", ".index", ".timeindex", ".txnindex"};
    size_t count = ARRAY_LEN(suffixes) - !r->out->aborted.made;
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        char *path = segment_path(r->out, suffixes[i]);
        rc = env_path_remove(r->cleaning->env, path);
        rc = rc == ERR_NOT_FOUND ? 0 : rc;
        mem_free(path);
    }
    return rc;
}

static int out_open(struct rewriter *r)
{
    struct cleaning *c = r->cleaning;
    ASSERT(r->out == NULL);
    r->out = segment_new(c->env, c->path, r->group_base, 0, c->index_interval);
    r->out->extra = ".cleaned";
    return out_remove_files(r); /* of a run before that did not end */
}

/* Gives the space back, above all when there was not enough of it. */
static void out_discard(struct rewriter *r)
{
    if (!r->out)
        return;
    segment_close_files(r->out);
    if (out_remove_files(r) < 0)
        r->out->verified = false; /* the next start removes them */
    segment_drop(r->out);
    r->out = NULL;
}

/* Appends have to stop at the reserve, so compaction must not take it either. */
static bool out_has_room(const struct rewriter *r)
{
    int64_t space = env_path_space(r->cleaning->env, r->cleaning->path);
    return space < 0 || space - (int64_t)r->pending.len >= r->cleaning->reserve;
}

static int out_note(struct rewriter *r, const struct batch *batch, uint64_t position)
{
    struct txn_index_entry txn;
    int rc = segment_note(r->out, batch, position);
    if (rc < 0 || !batch_is_control(batch))
        return rc;
    rc = cleaner_txns_of_marker(&r->txns, batch, &txn);
    return rc == 1 ? segment_note_aborted(r->out, &txn) : rc;
}

static int out_flush(struct rewriter *r)
{
    if (r->pending.len == 0)
        return 0;
    int rc = out_has_room(r) ? 0 : ERR_NO_SPACE;
    if (rc == 0 && !r->out)
        rc = out_open(r);
    uint64_t position = rc == 0 ? r->out->size : 0;
    if (rc == 0)
        rc = segment_write(r->out, r->pending.data, r->pending.len);
    for (size_t at = 0; at < r->pending.len && rc == 0;) {
        struct batch batch;
        rc = batch_parse(r->pending.data + at, r->pending.len - at, &batch);
        ASSERT(rc == 0);
        rc = out_note(r, &batch, position + at);
        at += batch.size;
    }
    r->pending.len = 0;
    return rc;
}

static int out_append(struct rewriter *r, const uint8_t *bytes, size_t len)
{
    int rc = 0;
    if (r->pending.len > 0 && r->pending.len + len > WRITE_BLOCK)
        rc = out_flush(r);
    return rc < 0 ? rc : buf_append(&r->pending, bytes, len);
}

static int sync_index(struct index *index)
{
    return index->file ? env_file_sync(index->file) : 0;
}

/* Makes the new segment durable and hands it over. */
static int out_finish(struct rewriter *r, struct cleaning_group *group)
{
    int rc = out_flush(r);
    if (rc < 0 || !r->out)
        return rc;
    rc = segment_seal(r->out);
    if (rc == 0)
        rc = env_file_sync(r->out->file);
    if (rc == 0)
        rc = sync_index(&r->out->indexes->offsets);
    if (rc == 0)
        rc = sync_index(&r->out->indexes->times);
    if (rc == 0 && r->out->aborted.dirty)
        rc = env_file_sync(r->out->aborted.file);
    r->out->aborted.dirty = false;
    segment_close_files(r->out);
    group->cleaned = r->out;
    r->cleaning->bytes_after += r->out->size;
    r->out = NULL;
    return rc;
}

/* ---- what stays ---- */

/* The horizon of the batch's tombstones; -1 when it has none yet. */
static int64_t horizon_of(const struct batch *batch)
{
    return batch->attributes & BATCH_DELETE_HORIZON ? batch->base_timestamp : -1;
}

static bool record_stays(struct rewriter *r, const struct batch *batch, const struct record *record)
{
    int64_t offset = batch->base_offset + record->offset_delta;
    int64_t horizon = horizon_of(batch);
    if (offset >= r->cleaning->cleaned_to || batch_is_control(batch))
        return true;
    if (record->key.len < 0)
        return false;
    if (cleaner_map_get(&r->map, record->key.data, (size_t)record->key.len) > offset)
        return false;
    return record->value.len >= 0 || horizon < 0 || r->cleaning->now_ms < horizon;
}

/* What a look at the records says of a batch. */
struct verdict {
    int32_t kept;
    bool tombstones; /* among what is kept */
};

static int judge(struct rewriter *r, const struct batch *batch, struct verdict *verdict)
{
    struct record_iter records;
    struct record record;
    *verdict = (struct verdict){0};
    int rc = batch_records(batch, r->cleaning->records_max, &r->scratch, &records);
    while (rc >= 0 && (rc = record_iter_next(&records, &record)) == 1) {
        if (!record_stays(r, batch, &record))
            continue;
        verdict->kept++;
        verdict->tombstones |= record.value.len < 0 &&
                               batch->base_offset + record.offset_delta < r->cleaning->cleaned_to;
    }
    ASSERT(rc < 0 || verdict->kept <= batch->record_count);
    return rc;
}

/* The headers of a record as an array. */
static int take_headers(struct rewriter *r, const struct record *record)
{
    if (record->header_count > r->header_cap) {
        struct record_header *headers =
            mem_try_realloc(r->headers, (size_t)record->header_count * sizeof(*headers));
        if (!headers)
            return ERR_NO_MEMORY;
        r->headers = headers;
        r->header_cap = record->header_count;
    }
    const uint8_t *cursor = record->headers;
    for (int32_t i = 0; i < record->header_count; i++)
        if (!record_header_next(record, &cursor, &r->headers[i]))
            return ERR_MALFORMED;
    return 0;
}

static void builder_like(struct batch_builder *builder, const struct batch *batch)
{
    batch_builder_init(builder, batch_codec(batch));
    builder->attributes = batch->attributes;
    builder->base_offset = batch->base_offset;
    builder->leader_epoch = batch->leader_epoch;
    builder->producer_id = batch->producer_id;
    builder->producer_epoch = batch->producer_epoch;
    builder->base_sequence = batch->base_sequence;
}

/* Ends the batch with the offsets that it had. */
static int builder_end(struct rewriter *r, struct batch_builder *builder, const struct batch *batch)
{
    builder->last_offset_delta = batch->last_offset_delta;
    if (batch->attributes & BATCH_LOG_APPEND_TIME || builder->record_count == 0)
        builder->max_timestamp = batch->max_timestamp;
    int rc = batch_builder_finish(builder);
    return rc < 0 ? rc : out_append(r, builder->bytes.data, builder->bytes.len);
}

/* The batch with the records that stay; `horizon_ms` >= 0 marks when its tombstones may go. */
static int rewrite_batch(struct rewriter *r, const struct batch *batch, int64_t horizon_ms)
{
    struct batch_builder builder;
    struct record_iter records;
    struct record record;
    builder_like(&builder, batch);
    if (horizon_ms >= 0) {
        builder.attributes |= BATCH_DELETE_HORIZON;
        builder.base_timestamp = horizon_ms;
        builder.base_timestamp_set = true;
    } else {
        builder.attributes &= (int16_t)~BATCH_DELETE_HORIZON;
    }
    int rc = batch_records(batch, r->cleaning->records_max, &r->scratch, &records);
    while (rc >= 0 && (rc = record_iter_next(&records, &record)) == 1) {
        if (!record_stays(r, batch, &record))
            continue;
        rc = take_headers(r, &record);
        int64_t time =
            (int64_t)((uint64_t)batch->base_timestamp + (uint64_t)record.timestamp_delta);
        if (rc == 0)
            rc = batch_builder_append_at(&builder, record.offset_delta, time, record.key,
                                         record.value, r->headers, record.header_count);
    }
    if (rc == 0)
        rc = builder_end(r, &builder, batch);
    batch_builder_close(&builder);
    return rc;
}

/* The batch without records, for the producer's sequence. */
static int rewrite_empty(struct rewriter *r, const struct batch *batch)
{
    struct batch_builder builder;
    builder_like(&builder, batch);
    builder.attributes &= (int16_t)~BATCH_DELETE_HORIZON;
    builder.base_timestamp = batch->max_timestamp;
    int rc = builder_end(r, &builder, batch);
    batch_builder_close(&builder);
    return rc;
}

/* A control batch: only markers of transactions ever go. */
static int take_control(struct rewriter *r, const struct batch *batch)
{
    const struct cleaning *c = r->cleaning;
    struct txn_marker marker;
    bool is_marker = batch_has_producer(batch) && txn_marker_read(batch, &marker) == 1;
    bool had_data = is_marker && map_del_u64(&r->txns.seen, (uint64_t)batch->producer_id);
    int64_t horizon = horizon_of(batch);
    if (!is_marker || had_data || batch->base_offset >= c->cleaned_to ||
        cleaner_is_last_marker(c, batch) || (horizon >= 0 && c->now_ms < horizon))
        return out_append(r, batch->bytes, batch->size);
    return horizon < 0 ? rewrite_batch(r, batch, c->now_ms + c->delete_retention_ms) : 0;
}

/* What is left of a batch without records. */
static int take_empty(struct rewriter *r, const struct batch *batch)
{
    return cleaner_is_last_batch(r->cleaning, batch) ? rewrite_empty(r, batch) : 0;
}

static int take_batch(struct rewriter *r, const struct batch *batch)
{
    struct verdict verdict = {0};
    if (batch_is_control(batch))
        return take_control(r, batch);
    if (batch_is_transactional(batch))
        map_put_u64(&r->txns.seen, (uint64_t)batch->producer_id, r);
    if (batch->record_count == 0)
        return cleaner_is_last_batch(r->cleaning, batch) ? out_append(r, batch->bytes, batch->size)
                                                         : 0;
    if (batch->base_offset >= r->cleaning->cleaned_to)
        return out_append(r, batch->bytes, batch->size);
    if (!is_plain(r, batch))
        return take_empty(r, batch);
    int rc = judge(r, batch, &verdict);
    if (rc < 0)
        return rc;
    int64_t horizon = horizon_of(batch);
    bool new_horizon = verdict.tombstones && horizon < 0;
    if (new_horizon)
        horizon = r->cleaning->now_ms + r->cleaning->delete_retention_ms;
    if (verdict.kept == batch->record_count && !new_horizon)
        return out_append(r, batch->bytes, batch->size);
    if (verdict.kept > 0)
        return rewrite_batch(r, batch, verdict.tombstones ? horizon : -1);
    return take_empty(r, batch);
}

static int rewrite_source(struct rewriter *r, const struct cleaning_source *source)
{
    struct batch_scan scan;
    int64_t next = source->base_offset;
    int rc;
    batch_scan_init(&scan, source->segment->file, 0, source->size, READ_BLOCK);
    while ((rc = batch_scan_next(&scan)) == 1) {
        rc = must_stop(r->cleaning) ? ERR_CANCELED : batch_scan_body(&scan);
        /* A damaged batch must not get a good checksum by being made again; none covers its
         * offset. */
        if (rc == 0 && (batch_check_crc(&scan.batch) < 0 || scan.batch.base_offset < next ||
                        batch_last_offset(&scan.batch) >= source->end_offset))
            rc = ERR_CORRUPT;
        next = batch_last_offset(&scan.batch) + 1;
        if (rc == 0)
            rc = take_batch(r, &scan.batch);
        if (rc < 0)
            break;
    }
    batch_scan_close(&scan);
    r->cleaning->bytes_before += source->size;
    return rc;
}

/* ---- groups ---- */

/* How many sources from `first` on fit into one segment. */
static uint32_t group_size(const struct cleaning *c, uint32_t first)
{
    ASSERT(first < c->source_count);
    uint64_t bytes = c->sources[first].size;
    uint32_t count = 1;
    while (first + count < c->source_count) {
        const struct cleaning_source *next = &c->sources[first + count];
        bytes += next->size;
        if (bytes > c->segment_bytes ||
            next->end_offset - c->sources[first].base_offset > INT32_MAX ||
            next->base_offset >= c->cleaned_to)
            break;
        count++;
    }
    return count;
}

static int rewrite_group(struct rewriter *r, uint32_t first, uint32_t count)
{
    struct cleaning *c = r->cleaning;
    ASSERT(count > 0);
    ASSERT(first + count <= c->source_count);
    ASSERT(c->group_count < c->source_count);
    struct cleaning_group *group = &c->groups[c->group_count++];
    *group = (struct cleaning_group){.first = first, .count = count};
    r->group_base = c->sources[first].base_offset;
    int rc = 0;
    for (uint32_t i = 0; i < count && rc == 0; i++)
        rc = rewrite_source(r, &c->sources[first + i]);
    if (rc == 0)
        rc = out_finish(r, group);
    out_discard(r);
    return rc;
}

static int rewrite_all(struct rewriter *r)
{
    struct cleaning *c = r->cleaning;
    c->groups = mem_alloc(c->source_count * sizeof(*c->groups));
    int rc = 0;
    for (uint32_t first = 0; first < c->source_count && rc == 0;) {
        if (c->sources[first].base_offset >= c->cleaned_to)
            break;
        uint32_t count = group_size(c, first);
        rc = rewrite_group(r, first, count);
        first += count;
    }
    return rc < 0 ? rc : env_dir_sync(c->env, c->path);
}

void cleaner_rewrite(struct cleaning *cleaning)
{
    struct rewriter r = {.cleaning = cleaning};
    buf_init(&r.pending);
    buf_init(&r.scratch);
    cleaner_map_init(&r.map, cleaning->hash_key, cleaning->map_bytes);
    cleaner_txns_init(&r.txns, cleaning);
    int rc = cleaner_txns_load(&r.txns, &cleaning->cleaned_to);
    if (rc == 0)
        rc = map_build(&r);
    if (rc == 0)
        rc = rewrite_all(&r);
    cleaning->err = rc == ERR_MALFORMED || rc == ERR_TOO_LARGE ? ERR_CORRUPT : rc;
    cleaner_map_close(&r.map);
    cleaner_txns_close(&r.txns);
    buf_close(&r.pending);
    buf_close(&r.scratch);
    mem_free(r.headers);
}
