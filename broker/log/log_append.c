/* Appends: check, stamp, one write, then the books.
 *
 * Happy path: the batches are checked in the caller's buffer (here, or by a worker before), get
 * their offsets and epoch, go to the active segment in one write, and are noted in indexes, epochs
 * and producers; a flush is asked for. Failure modes: what is wrong with the batches is answered
 * and changes nothing; so is a lack of descriptors, in which a segment that is full takes a little
 * more instead of being rolled; a failed write takes the directory offline, since an unknown part
 * of it may be in the file. */
#include "base/bytes.h"
#include "base/mem.h"
#include "broker/log/append.h"
#include "broker/log/flush.h"
#include "broker/log/log_manager_private.h"

static void ring_push(struct log *log, const struct batch *batch, uint64_t position)
{
    if (!log->ring)
        log->ring = mem_alloc(sizeof(*log->ring));
    struct log_ring *ring = log->ring;
    ASSERT(ring->next < LOG_RING);
    ASSERT(position < log_active(log)->size);
    ring->entries[ring->next] =
        (struct log_ring_entry){batch->base_offset, batch_last_offset(batch), position};
    ring->next = (ring->next + 1) % LOG_RING;
    if (ring->count < LOG_RING)
        ring->count++;
}

/* Offsets, epoch and timestamps into the caller's buffer. */
static void append_stamp(struct log *log, uint8_t *bytes, size_t len, int32_t leader_epoch,
                         int64_t now_ms, struct log_append *result)
{
    int64_t offset = log->end_offset;
    bool append_time = log->config->log_append_time;
    result->base_offset = offset;
    result->append_time_ms = append_time ? now_ms : -1;
    for (size_t at = 0; at < len;) {
        struct batch batch;
        int rc = batch_parse(bytes + at, len - at, &batch);
        ASSERT(rc == 0);
        batch_set_base_offset(bytes + at, offset);
        batch_set_leader_epoch(bytes + at, leader_epoch);
        if (append_time)
            batch_set_append_time(bytes + at, now_ms);
        offset += (int64_t)batch.last_offset_delta + 1;
        at += batch.size;
    }
    result->last_offset = offset - 1;
}

/* ---- rolling ---- */

static bool roll_is_due(struct log *log, const struct segment *segment, const struct batch *batch,
                        int64_t now_ms)
{
    /* Records have to leave the active segment before they can be compacted. */
    int64_t limit = log->config->segment_ms < 0 ? INT64_MAX : log->config->segment_ms;
    if (log->config->cleanup_compact && log->config->max_compaction_lag_ms > 0 &&
        log->config->max_compaction_lag_ms < limit)
        limit = log->config->max_compaction_lag_ms;
    if (limit == INT64_MAX)
        return false;
    /* By the timestamps of the batches where they have any, so that replicas roll alike. */
    int64_t waited = segment->roll_timestamp >= 0 && batch->max_timestamp >= 0
                         ? batch->max_timestamp - segment->roll_timestamp
                         : now_ms - segment->created_ms;
    return waited > limit - log->roll_jitter_ms;
}

/* The indexes have 31 bits for an offset, above that of the segment. One that was begun behind a
 * gap, and stayed empty as there was no descriptor for it, has no place for a leader's batch that
 * lies in the gap. */
static bool append_fits_into(const struct segment *segment, const struct batch *batch)
{
    return batch->base_offset >= segment->base_offset &&
           batch_last_offset(batch) - segment->base_offset <= INT32_MAX;
}

static bool roll_needed(struct log *log, size_t pending, const struct batch *batch, int64_t now_ms)
{
    const struct segment *segment = log_active(log);
    uint64_t size = segment->size + pending;
    uint64_t limit = log->config->segment_bytes < 0 || log->config->segment_bytes > SEGMENT_SIZE_MAX
                         ? SEGMENT_SIZE_MAX
                         : (uint64_t)log->config->segment_bytes;
    if (!append_fits_into(segment, batch))
        return true;
    if (size == 0)
        return false;
    uint64_t index_limit = log->config->segment_index_bytes < 0
                               ? UINT64_MAX
                               : (uint64_t)log->config->segment_index_bytes;
    return size + batch->size > limit || (segment_offset_entries(segment) + 1) * 8u > index_limit ||
           (segment_time_entries(segment) + 2) * 12u > index_limit ||
           roll_is_due(log, segment, batch, now_ms);
}

/* ---- writing ---- */

/* Whether it ends a transaction by an abort. */
static bool is_abort(const struct batch *batch)
{
    struct txn_marker marker;
    return batch_is_control(batch) && txn_marker_read(batch, &marker) == 1 && !marker.commit;
}

static int note_producer(struct log *log, const struct batch *batch)
{
    struct producer_txn txn;
    if (!producer_state_take(&log->producers, batch, env_now_ms(log->manager->env), &txn) ||
        !txn.aborted)
        return 0;
    return log_note_aborted(log, log_active(log), &txn);
}

static int note_batch(struct log *log, const struct batch *batch, uint64_t position)
{
    ASSERT(batch->base_offset >= log->end_offset);
    ASSERT(batch_last_offset(batch) - log_active(log)->base_offset <= INT32_MAX);
    int rc = segment_note(log_active(log), batch, position);
    if (rc < 0)
        return rc;
    ring_push(log, batch, position);
    if (batch->leader_epoch >= 0 && batch->leader_epoch < epochs_latest(&log->epochs))
        epochs_cut_end(&log->epochs, batch->base_offset);
    epochs_assign(&log->epochs, batch->leader_epoch, batch->base_offset);
    rc = note_producer(log, batch);
    if (rc < 0)
        return rc;
    log->end_offset = batch_last_offset(batch) + 1;
    log->unflushed_count += batch->last_offset_delta + 1;
    ASSERT(log->end_offset == log_active(log)->end_offset);
    ASSERT(log->unflushed_count > 0);
    return 0;
}

/* Writes batches that fit into the active segment. `aborts`: a transaction is aborted among
 * them. */
static int write_run(struct log *log, const uint8_t *bytes, size_t len, bool aborts)
{
    struct segment *segment = log_active(log);
    uint64_t position = segment->size;
    if (len == 0)
        return 0;
    if (aborts && !segment->aborted.made)
        log->sync_dir = true;
    int rc = aborts ? segment_open_aborted(segment) : 0;
    if (rc == 0)
        rc = segment_write(segment, bytes, len);
    if (segment->fresh && rc == 0) {
        segment->fresh = false;
        log->sync_dir = true;
    }
    for (size_t at = 0; at < len && rc == 0;) {
        struct batch batch;
        rc = batch_parse(bytes + at, len - at, &batch);
        ASSERT(rc == 0);
        rc = note_batch(log, &batch, position + at);
        at += batch.size;
    }
    ASSERT(rc < 0 || segment->size == position + len);
    log->snapshot_bytes += len;
    return rc;
}

/* The formats allow no more in the active segment. */
static bool roll_is_due_now(struct log *log, const struct batch *batch)
{
    const struct segment *segment = log_active(log);
    return !append_fits_into(segment, batch) || segment->size + batch->size > SEGMENT_SIZE_MAX;
}

/* Without descriptors or memory for it the segment grows a little longer instead. */
static int roll_if_ready(struct log *log, const struct batch *batch)
{
    int rc = log_files_ready(log) ? log_roll(log, batch->base_offset) : ERR_TOO_MANY_FILES;
    return env_is_later(rc) && !roll_is_due_now(log, batch) ? 0 : rc;
}

static int write_batches(struct log *log, const uint8_t *bytes, size_t len, int64_t now_ms)
{
    size_t from = 0, at = 0;
    bool aborts = false;
    while (at < len) {
        struct batch batch;
        int rc = batch_parse(bytes + at, len - at, &batch);
        ASSERT(rc == 0);
        ASSERT(from <= at);
        if (roll_needed(log, at - from, &batch, now_ms)) {
            rc = write_run(log, bytes + from, at - from, aborts);
            from = at;
            aborts = false;
            if (rc == 0)
                rc = roll_if_ready(log, &batch);
            if (rc < 0)
                return rc;
        }
        aborts |= is_abort(&batch);
        at += batch.size;
    }
    ASSERT(at == len);
    ASSERT(from <= len);
    return write_run(log, bytes + from, len - from, aborts);
}

static void ask_for_flush(struct log *log)
{
    if (log->unflushed_since_ms == 0)
        log->unflushed_since_ms = env_now_ms(log->manager->env);
    if (log->config->flush_messages <= 1 || log->unflushed_count >= log->config->flush_messages)
        flush_later(log);
    if (log->config->flush_messages <= 1)
        return;
    flush_look(log, env_now_ms(log->manager->env));
    log_notify_later(log);
}

/* The directory works and has room. */
static int check_dir(struct log *log, size_t len, enum log_origin origin, struct log_append *result)
{
    if (log_is_offline(log)) {
        result->message = "the log directory is offline after a disk error";
        return ERR_KAFKA_STORAGE_ERROR;
    }
    if (!log_dir_has_room(log->dir, len, origin)) {
        result->message = log->dir->refusal;
        return ERR_KAFKA_STORAGE_ERROR;
    }
    return 0;
}

bool log_has_room(const struct log *log)
{
    return log_dir_has_room(log->dir, 0, LOG_FROM_CLIENT);
}

static int write_checked(struct log *log, const uint8_t *bytes, size_t len, int64_t now_ms,
                         struct log_append *result)
{
    struct env_file *file;
    int64_t end = log->end_offset;
    /* Before anything is changed: too many open files are no fault of the disk. */
    int rc = segment_file(log_active(log), &file);
    if (rc == 0)
        rc = write_batches(log, bytes, len, now_ms);
    if (env_is_later(rc)) {
        if (log->end_offset != end) /* batches that came before a roll */
            ask_for_flush(log);
        result->message = "the limit of open files or of memory is reached: raise ulimit -n";
        return ERR_KAFKA_STORAGE_ERROR;
    }
    if (rc < 0)
        return log_fail(log, rc, "append to");
    ASSERT(log->end_offset >= end);
    result->last_offset = log->end_offset - 1;
    ask_for_flush(log);
    log_check_state(log);
    return 0;
}

static int append_replicated(struct log *log, uint8_t *bytes, size_t len, int64_t now_ms,
                             struct log_append *result)
{
    size_t whole;
    int rc = append_check_replicated(log, bytes, len, &whole, result);
    log->gap_to = 0;
    ASSERT(whole <= len);
    if (rc < 0 || whole == 0)
        return rc;
    result->base_offset = (int64_t)bytes_get_u64(bytes);
    return write_checked(log, bytes, whole, now_ms, result);
}

int log_append_prepared(struct log *log, struct append_input *input, int32_t leader_epoch,
                        struct log_append *result)
{
    if (leader_epoch < epochs_latest(&log->epochs)) {
        result->message = "this log has batches of a later leader epoch";
        return ERR_FENCED_LEADER_EPOCH;
    }
    int rc = append_check_producers(log, input, result);
    if (rc < 0 || result->duplicate)
        return rc;
    append_stamp(log, input->bytes, input->len, leader_epoch, input->now_ms, result);
    return write_checked(log, input->bytes, input->len, input->now_ms, result);
}

static int append_new(struct log *log, struct append_input *input, int32_t leader_epoch,
                      struct log_append *result)
{
    int rc = append_prepare(input, log->config, result);
    if (rc == 0)
        rc = log_append_prepared(log, input, leader_epoch, result);
    buf_close(&input->made);
    return rc;
}

void log_expect_gap(struct log *log, int64_t to)
{
    log->gap_to = to;
}

int log_append(struct log *log, uint8_t *bytes, size_t len, enum log_origin origin,
               int32_t leader_epoch, struct log_append *result)
{
    log_check_in_use(log);
    *result = (struct log_append){.base_offset = -1, .last_offset = -1, .append_time_ms = -1};
    int rc = check_dir(log, len, origin, result);
    if (rc < 0)
        return rc;
    int64_t now_ms = env_wall_ms(log->manager->env);
    if (origin == LOG_FROM_LEADER)
        return append_replicated(log, bytes, len, now_ms, result);
    struct append_input input = {.bytes = bytes, .len = len, .origin = origin, .now_ms = now_ms};
    return append_new(log, &input, leader_epoch, result);
}

int log_append_checked(struct log *log, struct log_check *check, int32_t leader_epoch,
                       struct log_append *result)
{
    log_check_in_use(log);
    *result = (struct log_append){.base_offset = -1, .last_offset = -1, .append_time_ms = -1};
    int rc = check_dir(log, check->len, LOG_FROM_CLIENT, result);
    if (rc < 0)
        return rc;
    struct append_input input = {.bytes = check->bytes,
                                 .len = check->len,
                                 .origin = LOG_FROM_CLIENT,
                                 .now_ms = env_wall_ms(log->manager->env)};
    return log_append_prepared(log, &input, leader_epoch, result);
}
