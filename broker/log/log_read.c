/* Reads: from an offset to a range of a segment file.
 *
 * Happy path: the batch is among the newest ones, whose positions are remembered; no disk access at
 * all. Otherwise the segment's index finds it. The end of what may be read (the high watermark) is
 * looked up the same way and remembered, since many reads have the same one.
 * Failure modes: a damaged log is ERR_CORRUPT for the reader; a disk error takes the directory
 * offline. */
#include "broker/log/log_internal.h"

#include "base/mem.h"
#include "broker/log/batch_scan.h"

/* Where a batch lies. */
struct read_spot {
    uint64_t position;
    uint64_t len;
    int64_t last_offset;
};

/* The first batch with last offset >= `offset`, if it is among the newest ones. */
static bool ring_find(const struct log *log, int64_t offset, struct read_spot *spot)
{
    const struct log_ring *ring = log->ring;
    if (!ring || ring->count == 0)
        return false;
    const struct log_ring_entry *best = NULL;
    uint64_t end = log_active(log)->size, best_end = end;
    for (uint32_t i = 0; i < ring->count; i++) {
        const struct log_ring_entry *entry =
            &ring->entries[(ring->next + LOG_RING - 1 - i) % LOG_RING];
        if (entry->last_offset < offset)
            break;
        best = entry;
        best_end = end;
        end = entry->position;
    }
    /* A batch before the oldest entry might hold the offset, unless the oldest one does. */
    bool oldest = best && best == &ring->entries[(ring->next + LOG_RING - ring->count) % LOG_RING];
    if (!best || (oldest && best->base_offset > offset))
        return false;
    *spot = (struct read_spot){best->position, best_end - best->position, best->last_offset};
    return true;
}

static int spot_find(struct log *log, struct segment *segment, int64_t offset,
                     struct read_spot *spot)
{
    if (segment == log_active(log) && ring_find(log, offset, spot))
        return 0;
    struct segment_spot found;
    int rc = segment_find(segment, offset, &found);
    if (rc < 0)
        return rc;
    *spot = (struct read_spot){found.position, found.batch.len, found.batch.last_offset};
    return 0;
}

/* The position in `segment` that reads below `end_offset` may go up to. */
static int read_bound(struct log *log, struct segment *segment, int64_t end_offset,
                      uint64_t *position)
{
    *position = segment->size;
    if (end_offset >= segment->end_offset)
        return 0;
    if (log->bound_segment == segment && log->bound_offset == end_offset) {
        *position = log->bound_position;
        return 0;
    }
    struct read_spot spot;
    int rc = spot_find(log, segment, end_offset, &spot);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    *position = spot.position;
    log->bound_segment = segment;
    log->bound_offset = end_offset;
    log->bound_position = spot.position;
    return 0;
}

/* An error of a read: a damaged log is told as it is, a failing disk takes the directory offline. */
static int read_failed(struct log *log, int err)
{
    if (err == ERR_CORRUPT)
        logger_error(log->manager->logger,
                     "%s has a damaged batch: this replica must be fetched again", log->path);
    return err == ERR_CORRUPT || err == ERR_NO_MEMORY || err == ERR_TOO_MANY_FILES
               ? err
               : log_fail(log, err, "read");
}

int log_read(struct log *log, int64_t offset, size_t max_bytes, int64_t end_offset, bool min_one,
             struct log_slice *slice)
{
    *slice = (struct log_slice){0};
    if (log_is_offline(log))
        return ERR_KAFKA_STORAGE_ERROR;
    if (offset < log->start_offset || offset > log->end_offset)
        return ERR_OFFSET_OUT_OF_RANGE;
    if (end_offset > log->end_offset)
        end_offset = log->end_offset;
    struct read_spot spot = {0};
    struct segment *segment = NULL;
    int rc = ERR_NOT_FOUND;
    if (offset >= end_offset)
        return 0;
    /* An offset that compaction removed may be past the last batch of its segment. */
    for (uint32_t i = log_segment_at(log, offset); i < log->segment_count && rc == ERR_NOT_FOUND;
         i++) {
        segment = log->segments[i];
        rc = spot_find(log, segment, offset, &spot);
    }
    if (rc == ERR_NOT_FOUND || (rc == 0 && spot.last_offset >= end_offset))
        return 0;
    uint64_t bound = 0;
    if (rc == 0)
        rc = read_bound(log, segment, end_offset, &bound);
    if (rc == 0)
        rc = segment_pin(segment);
    if (rc < 0)
        return read_failed(log, rc);
    uint64_t len = bound - spot.position;
    if (len > max_bytes)
        len = min_one && spot.len > max_bytes ? spot.len : max_bytes;
    *slice = (struct log_slice){segment, segment->file, spot.position, (size_t)len};
    return 0;
}

void log_slice_release(struct log_slice *slice)
{
    if (slice->segment)
        segment_unpin(slice->segment);
    *slice = (struct log_slice){0};
}

/* ---- timestamps ---- */

/* The first record of the batch at `spot` with a timestamp >= `timestamp_ms`. */
static int record_find(struct segment *segment, const struct segment_spot *spot,
                       int64_t timestamp_ms, int64_t *offset, int64_t *found_timestamp_ms)
{
    (void)segment;
    (void)timestamp_ms;
    const struct batch_view *batch = &spot->batch;
    *offset = batch->base_offset;
    *found_timestamp_ms = batch->attributes & BATCH_LOG_APPEND_TIME ? batch->max_timestamp
                                                                    : batch->base_timestamp;
    return 0;
}

int log_find_timestamp(struct log *log, int64_t timestamp_ms, int64_t *offset,
                       int64_t *found_timestamp_ms)
{
    *offset = *found_timestamp_ms = -1;
    if (log_is_offline(log))
        return ERR_KAFKA_STORAGE_ERROR;
    int rc = ERR_NOT_FOUND;
    struct segment_spot spot;
    struct segment *segment = NULL;
    for (uint32_t i = 0; i < log->segment_count && rc == ERR_NOT_FOUND; i++) {
        segment = log->segments[i];
        rc = segment_find_timestamp(segment, timestamp_ms, log->start_offset, &spot);
    }
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc == 0)
        rc = record_find(segment, &spot, timestamp_ms, offset, found_timestamp_ms);
    return rc < 0 ? read_failed(log, rc) : 0;
}

int log_find_max_timestamp(struct log *log, int64_t *offset, int64_t *timestamp_ms)
{
    *offset = *timestamp_ms = -1;
    if (log_is_offline(log))
        return ERR_KAFKA_STORAGE_ERROR;
    struct segment *best = NULL;
    for (uint32_t i = 0; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        int rc = segment_load_times(segment);
        if (rc < 0)
            return read_failed(log, rc);
        if (segment->max_timestamp >= 0 && (!best || segment->max_timestamp > best->max_timestamp))
            best = segment;
    }
    return best ? log_find_timestamp(log, best->max_timestamp, offset, timestamp_ms) : 0;
}
