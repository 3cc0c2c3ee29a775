/* The producer state of a log on disk: snapshots, written in the background, and loading.
 *
 * Happy path: the newest snapshot is read, and the batches behind it. Failure modes: a damaged or
 * missing snapshot makes an older one be used, in the end the whole log is read. */
#include <string.h>

#include "base/mem.h"
#include "broker/log/batch_scan.h"
#include "broker/log/file_job.h"
#include "broker/log/log_manager_private.h"

enum {
    LOAD_SNAPSHOT_MAX = 256 * 1024 * 1024, /* five million producers */
    LOAD_BLOCK = 16 * 1024                 /* read-ahead over batch headers */
};

bool log_knows_producer(const struct log *log, int64_t producer_id, int16_t epoch)
{
    const struct producer *producer = producer_state_get(&log->producers, producer_id);
    return producer && producer->epoch == epoch;
}

struct log_txn log_find_txn(const struct log *log, int64_t producer_id, int16_t epoch)
{
    const struct producer *producer = producer_state_get(&log->producers, producer_id);
    if (!producer)
        return (struct log_txn){.guard = -1};
    return (struct log_txn){.known = true,
                            .open = producer->epoch == epoch && producer->txn_start_offset >= 0,
                            .guard = producer->marker_offset};
}

void log_each_producer(const struct log *log, bool (*fn)(void *data, const struct log_producer *),
                       void *data)
{
    size_t cursor = 0;
    const struct producer *producer;
    while ((producer = map_next(&log->producers.map, &cursor, NULL, NULL))) {
        struct log_producer view = {
            .producer_id = producer->id,
            .producer_epoch = producer->epoch,
            .last_sequence = producer_last_sequence(producer),
            .last_timestamp_ms = producer->last_timestamp,
            .coordinator_epoch = producer->coordinator_epoch,
            .current_txn_start_offset = producer->txn_start_offset,
        };
        if (!fn(data, &view))
            return;
    }
}

/* ---- snapshots ---- */

void log_forget_snapshot(struct log *log, int64_t offset)
{
    for (uint32_t i = 0; i < log->snapshot_count; i++) {
        if (log->snapshots[i] != offset)
            continue;
        log->snapshot_count--;
        memmove(&log->snapshots[i], &log->snapshots[i + 1],
                (log->snapshot_count - i) * sizeof(log->snapshots[0]));
        return;
    }
}

static void snapshot_remove(struct log *log, uint32_t i)
{
    ASSERT(i < log->snapshot_count);
    char name[SEGMENT_NAME_MAX];
    segment_name(log->snapshots[i], ".snapshot", name);
    log_trash_add_renamed(&log->manager->trash, mem_printf("%s/%s", log->path, name));
    log_forget_snapshot(log, log->snapshots[i]);
}

static bool is_segment_base(const struct log *log, int64_t offset)
{
    return log->segments[log_segment_at(log, offset)]->base_offset == offset;
}

/* Snapshots at segment bases go with their segment; of the others the last two are kept, the older
 * of them for the case that a power cut takes the end of the log that the newer one stands for. */
static void snapshots_prune(struct log *log)
{
    for (uint32_t i = 0; i + 2 < log->snapshot_count;) {
        if (log->snapshots[i] < log->start_offset || !is_segment_base(log, log->snapshots[i]))
            snapshot_remove(log, i);
        else
            i++;
    }
}

static void snapshot_written(struct file_job *job)
{
    struct log *log = job->log;
    if (job->err < 0) {
        log->snapshot_offset = log->snapshot_count ? log->snapshots[log->snapshot_count - 1] : -1;
        return;
    }
    uint32_t at = log->snapshot_count;
    while (at > 0 && log->snapshots[at - 1] > job->offset)
        at--;
    if (at > 0 && log->snapshots[at - 1] == job->offset)
        return;
    log->snapshots =
        mem_realloc(log->snapshots, (log->snapshot_count + 1) * sizeof(log->snapshots[0]));
    memmove(&log->snapshots[at + 1], &log->snapshots[at],
            (log->snapshot_count - at) * sizeof(log->snapshots[0]));
    log->snapshots[at] = job->offset;
    log->snapshot_count++;
    ASSERT(at == 0 || log->snapshots[at - 1] < job->offset);
    ASSERT(at + 1 == log->snapshot_count || log->snapshots[at + 1] > job->offset);
    snapshots_prune(log);
}

void log_write_snapshot(struct log *log)
{
    ASSERT(log->snapshot_offset <= log->end_offset);
    if (log->snapshot_offset == log->end_offset || log_is_offline(log))
        return;
    struct buf data;
    buf_init(&data);
    if (producer_state_format(&log->producers, &data) < 0) {
        buf_close(&data); /* the next start reads more of the log */
        return;
    }
    char name[SEGMENT_NAME_MAX];
    segment_name(log->end_offset, ".snapshot", name);
    log->snapshot_offset = log->end_offset;
    log->snapshot_bytes = 0;
    file_job_start_unless_cut(log, mem_printf("%s/%s", log->path, name), &data, log->end_offset,
                              snapshot_written);
}

/* ---- loading ---- */

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
                              env_now_ms(log->manager->env));
    mem_free(data);
    if (rc == 0 && producer_state_last_open(&log->producers) >= offset) {
        producer_state_clear(&log->producers); /* it knows what it can't have seen */
        rc = ERR_CORRUPT;
    }
    return rc;
}

/* Calls fn for each batch of the segment in [from, end), with its bytes if it is a control batch.
 * After a clean stop nothing has looked at the batches, and no checksum covers their offsets. */
static int each_batch(struct segment *segment, int64_t from, int64_t end,
                      int (*fn)(void *data, struct segment *segment, const struct batch *batch),
                      void *data)
{
    struct segment_spot spot;
    int rc = segment_find(segment, from, &spot);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    struct batch_scan scan;
    int64_t next = segment->base_offset;
    batch_scan_init(&scan, segment->file, spot.position, segment->size, LOAD_BLOCK);
    while ((rc = batch_scan_next(&scan)) == 1 && scan.batch.base_offset < end) {
        if (scan.batch.base_offset < next) {
            rc = ERR_CORRUPT;
            break;
        }
        next = batch_last_offset(&scan.batch) + 1;
        if (!batch_has_producer(&scan.batch))
            continue;
        if (batch_is_control(&scan.batch) && (rc = batch_scan_body(&scan)) < 0)
            break;
        if ((rc = fn(data, segment, &scan.batch)) < 0)
            break;
    }
    batch_scan_close(&scan);
    return rc < 0 ? rc : 0;
}

/* The same for the log. */
static int each_batch_of(struct log *log, int64_t from, int64_t end,
                         int (*fn)(void *data, struct segment *segment, const struct batch *batch),
                         void *data)
{
    int rc = 0;
    if (from < end)
        for (uint32_t i = log_segment_at(log, from); i < log->segment_count && rc == 0; i++) {
            rc = each_batch(log->segments[i], from, end, fn, data);
            if (!log->segments[i]->pool) /* else that closes them when there are too many */
                segment_close_files(log->segments[i]);
        }
    return rc;
}

struct replay {
    struct log *log;
    struct log_rebuild *rebuild; /* may be NULL */
};

static int replay_batch(void *data, struct segment *segment, const struct batch *batch)
{
    const struct replay *replay = data;
    struct log *log = replay->log;
    struct producer_txn txn;
    if (!producer_state_take(&log->producers, batch, env_now_ms(log->manager->env), &txn) ||
        !replay->rebuild || !txn.aborted || txn.last_offset < replay->rebuild->from)
        return 0;
    log_rebuild_add(replay->rebuild, log, segment, &txn);
    return 0;
}

static int count_marker(void *data, struct segment *segment, const struct batch *batch)
{
    uint32_t *count = data;
    (void)segment;
    *count += batch_is_control(batch);
    return 0;
}

/* Loads the newest snapshot at or below `limit`; *from is where the batches go on. */
static void load_newest(struct log *log, int64_t limit, int64_t *from)
{
    ASSERT(log->segment_count > 0);
    *from = log->segments[0]->base_offset;
    producer_state_clear(&log->producers);
    for (uint32_t i = log->snapshot_count; i-- > 0;) {
        if (log->snapshots[i] > limit)
            continue;
        if (load_snapshot(log, log->snapshots[i]) == 0) {
            *from = log->snapshots[i];
            log->snapshot_offset = *from;
            return;
        }
    }
}

/* A snapshot does not tell which transactions ended before it, and readers must not take those for
 * decided whose marker is not committed: then an older one has to do. */
static int load_undecided(struct log *log, int64_t *from)
{
    uint32_t markers = 0;
    if (*from <= log->high_watermark || !producer_state_has_markers(&log->producers))
        return 0;
    int rc = each_batch_of(log, log->high_watermark, *from, count_marker, &markers);
    if (rc == 0 && markers > 0)
        load_newest(log, log->high_watermark, from);
    return rc;
}

int log_load_producers(struct log *log, int64_t end_offset, struct log_rebuild *rebuild)
{
    ASSERT(end_offset <= log->end_offset);
    struct replay replay = {log, rebuild};
    int64_t from;
    load_newest(log, rebuild && rebuild->from < end_offset ? rebuild->from : end_offset, &from);
    int rc = load_undecided(log, &from);
    if (rc == 0)
        rc = each_batch_of(log, from, end_offset, replay_batch, &replay);
    producer_state_settle(&log->producers, log->high_watermark);
    return rc;
}

void log_drop_snapshots_above(struct log *log, int64_t offset)
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
        log->snapshot_offset = log->snapshot_count ? log->snapshots[log->snapshot_count - 1] : -1;
    ASSERT(log->snapshot_offset <= offset);
}
