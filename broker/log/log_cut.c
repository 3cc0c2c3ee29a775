/* Changes of a log's shape: rolling, cutting the end, moving the start, dropping segments.
 *
 * Happy path: files are renamed at once and removed in the background. A cut never writes into a
 * segment again: the rest of it is sealed at its new size, which the next flush applies to the
 * file, and a new segment begins. So a file's bytes are written once, and what a power cut left out
 * of it reads as zeros. log_marks.c makes sure that a start understands what it finds. Failure
 * modes: any disk error takes the directory offline. */
#include <string.h>

#include "base/mem.h"
#include "broker/log/checkpoints.h"
#include "broker/log/flush.h"
#include "broker/log/log_manager_private.h"

/* ---- dropping ---- */

struct drop {
    struct log *log;
    int64_t delay_ms;
};

static void drop_renamed(void *data, char *path)
{
    struct drop *drop = data;
    log_trash_add(&drop->log->manager->trash, path, drop->delay_ms);
}

static int drop_segment(struct log *log, struct segment *segment)
{
    ASSERT(segment->owned);
    struct drop drop = {log, log->config->file_delete_delay_ms};
    log->sync_dir = true; /* before a stop is clean: the old name may come back else */
    /* The marker goes last: as long as the file is there it has something to say. */
    int rc = segment_rename_deleted(segment, drop_renamed, &drop);
    if (rc == 0)
        rc = log_unmark_after(log, segment);
    log_forget_snapshot(log, segment->base_offset);
    segment_drop(segment);
    return rc;
}

int log_drop_segments(struct log *log, uint32_t at, uint32_t count)
{
    ASSERT(at + count < log->segment_count);
    if (count == 0)
        return 0;
    struct env_file *file;
    uint32_t done = 0;
    /* The name of the first file left tells a start where the log is, so there has to be one. */
    int rc = count + 1 == log->segment_count ? segment_file(log_active(log), &file) : 0;
    while (done < count && rc == 0) /* in order, so that an error leaves no hole */
        rc = drop_segment(log, log->segments[at + done++]);
    ASSERT(done <= count);
    log->segment_count -= done;
    memmove(log->segments + at, log->segments + at + done,
            (log->segment_count - at) * sizeof(*log->segments));
    ASSERT(log->segment_count > 0);
    ASSERT(at < log->segment_count);
    log_forget_positions(log);
    return rc;
}

int log_drop_first(struct log *log, uint32_t count)
{
    ASSERT(count < log->segment_count);
    int rc = count > 0 ? log_mark_start(log, log->segments[count]->base_offset) : 0;
    if (rc < 0)
        return rc;
    rc = log_drop_segments(log, 0, count);
    return rc == ERR_NO_SPACE ? ERR_IO : rc; /* in its middle: not to be tried again */
}

void log_insert_segment(struct log *log, uint32_t at, struct segment *segment)
{
    ASSERT(at <= log->segment_count);
    ASSERT(segment->owned);
    log_push_segment(log, segment);
    memmove(log->segments + at + 1, log->segments + at,
            (log->segment_count - 1 - at) * sizeof(*log->segments));
    log->segments[at] = segment;
    ASSERT(at == 0 || log->segments[at - 1]->base_offset < segment->base_offset);
    ASSERT(at + 1 == log->segment_count ||
           log->segments[at + 1]->base_offset > segment->base_offset);
}

static int drop_last(struct log *log, uint32_t keep)
{
    ASSERT(keep <= log->segment_count);
    int rc = 0;
    while (log->segment_count > keep && rc == 0)
        rc = drop_segment(log, log->segments[--log->segment_count]);
    ASSERT(rc < 0 || log->segment_count == keep);
    return rc;
}

/* ---- rolling ---- */

/* Its marker comes first: when that can't be made, nothing has changed. */
static int push_empty(struct log *log, int64_t base_offset)
{
    struct segment *segment = segment_new(log->manager->env, log->path, base_offset, 0,
                                          (uint32_t)log->config->index_interval_bytes);
    int rc = log->segment_count > 0 ? log_mark_after(log, segment, log_active(log)) : 0;
    if (rc < 0) {
        segment_drop(segment);
        return rc;
    }
    segment->pool = &log->manager->pool;
    log_push_segment(log, segment);
    log_forget_positions(log);
    int64_t jitter = log->config->segment_jitter_ms;
    log->roll_jitter_ms =
        jitter > 0 ? (int64_t)(env_random(log->manager->env) % (uint64_t)jitter) : 0;
    return 0;
}

/* Drops all segments but the first `keep`, and begins a new one. When none is kept, the name of the
 * new file is what tells a start where the log is, so at any time there is a name that does. */
static int begin_anew(struct log *log, uint32_t keep, int64_t base_offset)
{
    ASSERT(keep < log->segment_count);
    ASSERT(base_offset >= 0);
    struct env_file *file;
    int rc = keep == 0 ? log_mark_begin(log, base_offset) : 0;
    if (rc == 0 && keep == 0)
        rc = log_mark_start(log, base_offset);
    if (rc < 0)
        return rc; /* nothing has changed */
    rc = drop_last(log, keep);
    if (rc == 0)
        rc = push_empty(log, base_offset);
    if (rc == 0 && keep == 0)
        rc = segment_file(log_active(log), &file);
    if (rc == 0 && keep == 0)
        rc = log_unmark_begin(log, base_offset);
    ASSERT(rc < 0 || log->segment_count == keep + 1);
    ASSERT(rc < 0 || log_active(log)->base_offset == base_offset);
    return env_is_later(rc) ? ERR_IO : rc; /* in its middle: it can't be tried again */
}

int log_roll(struct log *log, int64_t base_offset)
{
    ASSERT(base_offset >= log->end_offset);
    ASSERT(log->segment_count > 0);
    struct segment *old = log_active(log);
    int rc = base_offset > log->end_offset ? log_mark_gaps(log) : 0;
    if (rc < 0)
        return rc;
    if (old->size == 0)
        return begin_anew(log, log->segment_count - 1, base_offset);
    ASSERT(base_offset > old->base_offset);
    rc = segment_seal(old);
    if (rc == 0)
        rc = push_empty(log, base_offset);
    if (rc < 0)
        return rc;
    log->sync_dir = true;
    log_write_snapshot(log);
    flush_later(log);
    return 0;
}

/* ---- cutting the end ---- */

/* The counters after the end moved down to `offset`. */
static void after_cut(struct log *log, int64_t offset)
{
    ASSERT(offset >= 0);
    ASSERT(offset <= log->end_offset);
    log->generation++;
    log->end_offset = offset;
    if (log->flushed_offset > offset)
        log->flushed_offset = offset;
    if (log->cleaned_offset > offset)
        log->cleaned_offset = offset;
    if (log->start_offset > offset) { /* the batch that held the start is gone */
        log->start_offset = offset;
        log->dir->checkpoint_dirty[CHECKPOINT_LOG_START] = true;
    }
    log->sync_dir = true;
    log_forget_positions(log);
    epochs_cut_end(&log->epochs, offset);
    log_drop_snapshots_above(log, offset);
    log_set_high_watermark(log, log->high_watermark);
    log_write_epochs(log);
    flush_later(log);
    log_notify_later(log);
    log_check_state(log);
}

/* Where a start would find the end if it knew nothing of the cut, or less: offsets that compaction
 * took away may lie in front of `end`, and only the new segment's name tells of them. */
static int64_t end_for_certain(struct log *log, uint32_t at, const struct segment_spot *spot,
                               int64_t end)
{
    struct segment_spot before;
    if (spot->position == 0)
        return at > 0 ? log->segments[at - 1]->base_offset : end;
    bool whole =
        segment_find(log->segments[at], end - 1, &before) == 0 && before.position < spot->position;
    return whole ? end : log->segments[at]->base_offset;
}

/* Whether a log that is cut to `end` at `spot` of segment `at` has offsets missing before it. */
static bool leaves_gap(struct log *log, uint32_t at, const struct segment_spot *spot, int64_t end)
{
    if (spot->position == 0)
        return end > log->segments[at]->base_offset;
    return end_for_certain(log, at, spot, end) < end;
}

/* Cuts the segments so that nothing at or past `offset` is left; *end is where the log then ends.
 */
static int cut_segments(struct log *log, int64_t offset, int64_t *end)
{
    uint32_t at = log_segment_at(log, offset);
    struct segment *segment = log->segments[at];
    struct segment_spot spot = {.position = segment->size};
    int rc = segment_find(segment, offset, &spot);
    *end = offset;
    if (rc == 0 && spot.batch.base_offset < segment->base_offset)
        return ERR_CORRUPT; /* nothing else would do for an end of this segment */
    if (rc == 0 && spot.batch.base_offset < offset)
        *end = spot.batch.base_offset;
    else if (rc == ERR_NOT_FOUND)
        spot.position = segment->size;
    if (rc < 0 && rc != ERR_NOT_FOUND)
        return rc;
    struct env_file *file;
    rc = leaves_gap(log, at, &spot, *end) ? log_mark_gaps(log) : 0;
    if (rc == 0)
        rc = log_mark_cut(log, end_for_certain(log, at, &spot, *end));
    if (rc == 0 && spot.position == 0) {
        rc = begin_anew(log, at, *end);
    } else if (rc == 0) {
        rc = drop_last(log, at + 1);
        if (rc == 0)
            rc = segment_cut(segment, spot.position, *end);
        if (rc == 0)
            rc = push_empty(log, *end);
    }
    ASSERT(*end <= offset);
    /* The name of the new file tells a start where the log ends. */
    return rc < 0 ? rc : segment_file(log_active(log), &file);
}

int log_truncate(struct log *log, int64_t offset)
{
    log_check_in_use(log);
    if (log_is_offline(log))
        return ERR_KAFKA_STORAGE_ERROR;
    if (offset < log->start_offset)
        return log_reset(log, offset);
    if (offset >= log->end_offset) {
        /* An epoch that began there without a batch may be another one on the leader. */
        epochs_cut_end(&log->epochs, offset);
        log_write_epochs(log);
        return 0;
    }
    int64_t end;
    int rc;
    if (!log_files_ready(log))
        return ERR_KAFKA_STORAGE_ERROR; /* asked again by whoever follows */
    rc = cut_segments(log, offset, &end);
    if (rc < 0)
        return log_fail(log, rc, "truncate");
    ASSERT(end <= offset);
    after_cut(log, end);
    ASSERT(log->end_offset == end);
    if (producer_state_reaches(&log->producers, end)) {
        rc = log_load_producers(log, end, NULL);
        if (rc < 0)
            return log_fail(log, rc, "reload the producers of");
    }
    return 0;
}

int log_reset(struct log *log, int64_t offset)
{
    log_check_in_use(log);
    if (log_is_offline(log) || !log_files_ready(log))
        return ERR_KAFKA_STORAGE_ERROR;
    int rc = log_mark_cut(log, offset);
    if (rc == 0)
        rc = begin_anew(log, 0, offset);
    if (rc < 0)
        return log_fail(log, rc, "reset");
    epochs_clear(&log->epochs);
    producer_state_clear(&log->producers);
    log->start_offset = offset;
    log->flushed_offset = offset;
    log->end_offset = offset;
    log->high_watermark = offset;
    log->dir->checkpoint_dirty[CHECKPOINT_LOG_START] = true;
    log->dir->checkpoint_dirty[CHECKPOINT_HIGH_WATERMARK] = true;
    after_cut(log, offset);
    log_drop_snapshots_above(log, -1);
    ASSERT(log->segment_count == 1);
    ASSERT(log->epochs.count == 0);
    ASSERT(log->producers.map.count == 0);
    return 0;
}

int log_advance_start(struct log *log, int64_t offset)
{
    log_check_in_use(log);
    if (log_is_offline(log))
        return ERR_KAFKA_STORAGE_ERROR;
    if (offset > log->high_watermark)
        return ERR_OFFSET_OUT_OF_RANGE;
    if (offset <= log->start_offset)
        return 0;
    if (!log_files_ready(log))
        return ERR_KAFKA_STORAGE_ERROR;
    log->start_offset = offset;
    log->dir->checkpoint_dirty[CHECKPOINT_LOG_START] = true;
    epochs_cut_start(&log->epochs, offset);
    log_check_state(log);
    uint32_t count = 0;
    while (count + 1 < log->segment_count && log->segments[count + 1]->base_offset <= offset)
        count++;
    ASSERT(count < log->segment_count);
    int rc = log_drop_first(log, count);
    if (rc == ERR_NO_SPACE)
        return 0; /* they go with the next ones */
    if (rc < 0)
        return log_fail(log, rc, "remove segments of");
    log_check_state(log);
    return 0;
}
