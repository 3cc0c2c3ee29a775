/* Changes of a log's shape: rolling, cutting the end, moving the start, dropping segments.
 *
 * Happy path: files are renamed or truncated at once, and removed in the background. A cut below the
 * checkpointed recovery point leaves a small marker file until the checkpoint is lowered, so that a
 * crash in between is not taken for a log that lost its end.
 * Failure modes: any disk error takes the directory offline. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "broker/log/batch_scan.h"
#include "broker/log/checkpoints.h"
#include "broker/log/log_internal.h"

enum {
    LOAD_SNAPSHOT_MAX = 256 * 1024 * 1024, /* five million producers */
    LOAD_BLOCK = 16 * 1024                 /* read-ahead over batch headers */
};

/* ---- dropping ---- */

struct drop {
    struct log *log;
    int64_t delay_ms;
};

static void drop_renamed(void *data, char *path)
{
    struct drop *drop = data;
    log_manager_trash(drop->log->manager, path, drop->delay_ms);
}

static int drop_segment(struct log *log, struct segment *segment)
{
    struct drop drop = {log, log->config.file_delete_delay_ms};
    int rc = segment_rename_deleted(segment, drop_renamed, &drop);
    for (uint32_t i = 0; i < log->snapshot_count; i++) {
        if (log->snapshots[i] != segment->base_offset)
            continue;
        log->snapshot_count--;
        memmove(&log->snapshots[i], &log->snapshots[i + 1],
                (log->snapshot_count - i) * sizeof(log->snapshots[0]));
        break;
    }
    segment_drop(segment);
    return rc;
}

int log_drop_first(struct log *log, uint32_t count)
{
    ASSERT(count <= log->segment_count);
    int rc = 0;
    for (uint32_t i = 0; i < count; i++) {
        int dropped = drop_segment(log, log->segments[i]);
        rc = rc < 0 ? rc : dropped;
    }
    log->segment_count -= count;
    memmove(log->segments, log->segments + count, log->segment_count * sizeof(*log->segments));
    log_forget_positions(log);
    return rc;
}

static int drop_last(struct log *log, uint32_t keep)
{
    int rc = 0;
    while (log->segment_count > keep) {
        int dropped = drop_segment(log, log->segments[--log->segment_count]);
        rc = rc < 0 ? rc : dropped;
    }
    return rc;
}

/* ---- rolling ---- */

static void push_empty(struct log *log, int64_t base_offset)
{
    struct segment *segment = segment_new(log->manager->env, log->path, base_offset, 0,
                                          (uint32_t)log->config.index_interval_bytes);
    segment->pool = &log->manager->pool;
    log_push_segment(log, segment);
    if (log->ring)
        log->ring->count = 0;
    int64_t jitter = log->config.segment_jitter_ms;
    log->roll_jitter_ms =
        jitter > 0 ? (int64_t)(env_random(log->manager->env) % (uint64_t)jitter) : 0;
}

int log_roll(struct log *log, int64_t base_offset)
{
    struct segment *old = log_active(log);
    int rc = 0;
    if (old->size == 0) {
        log->segment_count--;
        rc = drop_segment(log, old);
    } else {
        rc = segment_seal(old);
        log->sync_dir = true;
        log_write_snapshot(log);
        flush_later(log);
    }
    log_forget_positions(log);
    push_empty(log, base_offset);
    return rc;
}

/* ---- producers ---- */

static int load_snapshot(struct log *log, int64_t offset)
{
    char name[SEGMENT_NAME_MAX], *data;
    size_t len;
    segment_name(offset, ".snapshot", name);
    char *path = mem_printf("%s/%s", log->path, name);
    int rc = env_file_load(log->manager->env, path, LOAD_SNAPSHOT_MAX, &data, &len);
    mem_free(path);
    if (rc < 0)
        return rc;
    rc = producer_state_parse(&log->producers, (const uint8_t *)data, len,
                              env_wall_ms(log->manager->env));
    mem_free(data);
    return rc;
}

/* The batches of one segment in [from, end) go through the producer state. */
static int replay_segment(struct log *log, struct segment *segment, int64_t from, int64_t end)
{
    struct segment_spot spot;
    int rc = segment_find(segment, from, &spot);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    struct batch_scan scan;
    int64_t now_ms = env_wall_ms(log->manager->env);
    batch_scan_init(&scan, segment->file, spot.position, segment->size, LOAD_BLOCK);
    while ((rc = batch_scan_next(&scan)) == 1 && scan.batch.base_offset < end) {
        if (!batch_has_producer(&scan.batch))
            continue;
        if (batch_is_control(&scan.batch) && (rc = batch_scan_body(&scan)) < 0)
            break;
        producer_state_take(&log->producers, &scan.batch, now_ms);
    }
    batch_scan_close(&scan);
    return rc < 0 ? rc : 0;
}

int log_load_producers(struct log *log, int64_t end_offset)
{
    int64_t from = log->segments[0]->base_offset;
    producer_state_clear(&log->producers);
    for (uint32_t i = log->snapshot_count; i-- > 0;) {
        if (log->snapshots[i] > end_offset)
            continue;
        if (load_snapshot(log, log->snapshots[i]) == 0) {
            from = log->snapshots[i];
            log->snapshot_offset = from;
            break;
        }
    }
    int rc = 0;
    if (from < end_offset)
        for (uint32_t i = log_segment_at(log, from); i < log->segment_count && rc == 0; i++)
            rc = replay_segment(log, log->segments[i], from, end_offset);
    return rc;
}

static void drop_snapshots_above(struct log *log, int64_t offset)
{
    while (log->snapshot_count > 0 && log->snapshots[log->snapshot_count - 1] > offset) {
        char name[SEGMENT_NAME_MAX];
        segment_name(log->snapshots[--log->snapshot_count], ".snapshot", name);
        char *path = mem_printf("%s/%s", log->path, name);
        int rc = env_path_remove(log->manager->env, path);
        mem_free(path);
        if (rc < 0 && rc != ERR_NOT_FOUND)
            log_dir_fail(log->dir, rc, "remove a snapshot", log->path);
    }
    if (log->snapshot_offset > offset)
        log->snapshot_offset =
            log->snapshot_count ? log->snapshots[log->snapshot_count - 1] : -1;
}

/* ---- cutting the end ---- */

/* Says on disk that the log may end at `offset` although the recovery point is higher. */
static int mark_cut(struct log *log, int64_t offset)
{
    if (log->entry->recovery_point <= offset ||
        (log->cut_marker >= 0 && log->cut_marker <= offset))
        return 0;
    char name[SEGMENT_NAME_MAX];
    struct env_file *file;
    segment_name(offset, ".truncated", name);
    char *path = mem_printf("%s/%s", log->path, name);
    int rc = env_file_open(log->manager->env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file);
    mem_free(path);
    if (rc < 0)
        return rc;
    env_file_close(file);
    if (log->cut_marker >= 0) {
        segment_name(log->cut_marker, ".truncated", name);
        log_manager_trash(log->manager, mem_printf("%s/%s", log->path, name), 0);
    }
    log->cut_marker = offset;
    log->dir->checkpoint_dirty[CHECKPOINT_RECOVERY_POINT] = true;
    return 0;
}

/* The counters after the end moved down to `offset`. */
static void after_cut(struct log *log, int64_t offset)
{
    log->generation++;
    log->end_offset = offset;
    if (log->flushed_offset > offset)
        log->flushed_offset = offset;
    log->sync_active = true;
    log_forget_positions(log);
    epochs_cut_end(&log->epochs, offset);
    drop_snapshots_above(log, offset);
    log_set_high_watermark(log, log->high_watermark);
    log_write_epochs(log);
    flush_later(log);
    log_notify_later(log);
}

/* Cuts the segments so that nothing at or past `offset` is left; *end is where the log then ends. */
static int cut_segments(struct log *log, int64_t offset, int64_t *end)
{
    uint32_t at = log_segment_at(log, offset);
    struct segment *segment = log->segments[at];
    struct segment_spot spot = {.position = segment->size};
    int rc = segment_find(segment, offset, &spot);
    *end = offset;
    if (rc == 0 && spot.batch.base_offset < offset)
        *end = spot.batch.base_offset;
    else if (rc == ERR_NOT_FOUND)
        spot.position = segment->size;
    if (rc < 0 && rc != ERR_NOT_FOUND)
        return rc;
    rc = mark_cut(log, *end);
    if (rc == 0)
        rc = drop_last(log, at + 1);
    return rc < 0 ? rc : segment_truncate(segment, spot.position, *end);
}

int log_truncate(struct log *log, int64_t offset)
{
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
    int rc = cut_segments(log, offset, &end);
    if (rc < 0)
        return log_fail(log, rc, "truncate");
    after_cut(log, end);
    if (producer_state_reaches(&log->producers, end)) {
        rc = log_load_producers(log, end);
        if (rc < 0)
            return log_fail(log, rc, "reload the producers of");
    }
    return 0;
}

int log_reset(struct log *log, int64_t offset)
{
    if (log_is_offline(log))
        return ERR_KAFKA_STORAGE_ERROR;
    int rc = mark_cut(log, offset);
    int dropped = drop_last(log, 0);
    rc = rc < 0 ? rc : dropped;
    epochs_clear(&log->epochs);
    producer_state_clear(&log->producers);
    push_empty(log, offset);
    log->start_offset = offset;
    log->flushed_offset = offset;
    log->end_offset = offset;
    log->high_watermark = offset;
    log->dir->checkpoint_dirty[CHECKPOINT_LOG_START] = true;
    log->dir->checkpoint_dirty[CHECKPOINT_HIGH_WATERMARK] = true;
    /* The name of the first file tells a restart where the log is. */
    struct env_file *file;
    if (rc == 0)
        rc = segment_file(log_active(log), &file);
    if (rc < 0)
        return log_fail(log, rc, "reset");
    after_cut(log, offset);
    while (log->snapshot_count > 0 && log->snapshots[0] < offset)
        drop_snapshots_above(log, -1);
    log->sync_dir = true;
    return 0;
}

int log_advance_start(struct log *log, int64_t offset)
{
    if (log_is_offline(log))
        return ERR_KAFKA_STORAGE_ERROR;
    if (offset > log->high_watermark)
        return ERR_OFFSET_OUT_OF_RANGE;
    if (offset <= log->start_offset)
        return 0;
    log->start_offset = offset;
    log->dir->checkpoint_dirty[CHECKPOINT_LOG_START] = true;
    epochs_cut_start(&log->epochs, offset);
    uint32_t count = 0;
    while (count + 1 < log->segment_count && log->segments[count + 1]->base_offset <= offset)
        count++;
    int rc = log_drop_first(log, count);
    return rc < 0 ? log_fail(log, rc, "remove segments of") : 0;
}
