/* Reads: from an offset to a range of a segment file.
 *
 * Happy path: the batch is among the newest ones, whose positions are remembered; no disk access at
 * all. Otherwise the segment's index finds it. The end of what may be read (the high watermark) is
 * looked up the same way and remembered, since many reads have the same one.
 * What the page cache does not have is for a worker where the caller asks so (log_warm.c).
 * Failure modes: a damaged log is ERR_CORRUPT for the reader; a disk error takes the directory
 * offline. */
#include "base/mem.h"
#include "broker/log/log_manager_private.h"

enum { READ_WARM_MAX = 16 << 20 }; /* bytes that a worker brings into memory at a time */

/* Where a batch lies. */
struct read_spot {
    uint64_t position;
    uint64_t len;
    int64_t base_offset;
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
    ASSERT(best->position < best_end);
    ASSERT(best_end <= log_active(log)->size);
    *spot = (struct read_spot){best->position, best_end - best->position, best->base_offset,
                               best->last_offset};
    return true;
}

/* `cold` may be NULL: the disk is waited for. */
static int spot_find(struct log *log, struct segment *segment, int64_t offset,
                     struct read_spot *spot, struct log_cold *cold)
{
    if (segment == log_active(log) && ring_find(log, offset, spot))
        return 0;
    struct segment_spot found;
    int rc =
        cold ? segment_find_now(segment, offset, &found) : segment_find(segment, offset, &found);
    if (rc == ERR_AGAIN)
        *cold = (struct log_cold){.segment = segment, .offset = offset};
    if (rc < 0)
        return rc;
    *spot = (struct read_spot){found.position, found.batch.size, found.batch.base_offset,
                               batch_last_offset(&found.batch)};
    return 0;
}

/* The position in `segment` that reads below `end_offset` may go up to. */
static int read_bound(struct log *log, struct segment *segment, int64_t end_offset,
                      uint64_t *position, struct log_cold *cold)
{
    *position = segment->size;
    if (end_offset >= segment->end_offset)
        return 0;
    if (log->bound_segment == segment && log->bound_offset == end_offset) {
        *position = log->bound_position;
        return 0;
    }
    struct read_spot spot;
    int rc = spot_find(log, segment, end_offset, &spot, cold);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    ASSERT(spot.position < segment->size);
    *position = spot.position;
    log->bound_segment = segment;
    log->bound_offset = end_offset;
    log->bound_position = spot.position;
    return 0;
}

/* An error of a read: a damaged log is told as it is, a failing disk takes the directory offline.
 */
int log_read_failed(struct log *log, int err)
{
    ASSERT(err < 0);
    if (log_tell_damage(log, err))
        return err;
    return env_is_later(err) || err == ERR_MESSAGE_TOO_LARGE ? err : log_fail(log, err, "read");
}

/* Pins the segment that a cold read has met. */
static int read_again(struct log *log, struct log_cold *cold, size_t max_bytes)
{
    ASSERT(cold->segment != NULL);
    int rc = segment_pin(cold->segment);
    cold->len = max_bytes < READ_WARM_MAX ? max_bytes : READ_WARM_MAX;
    return rc < 0 ? log_read_failed(log, rc) : ERR_AGAIN;
}

/* Whether what is sent is in memory, as its first and last byte tell; what is small is read to see
 * that, and then it is here. */
static bool read_is_warm(struct log_slice *slice)
{
    ASSERT(slice->len > 0);
    ASSERT(slice->file != NULL);
    uint8_t byte;
    slice->bytes = slice->len <= LOG_SLICE_COPIED ? mem_try_alloc(slice->len) : NULL;
    if (slice->bytes) {
        ssize_t got = env_file_read_now(slice->file, slice->bytes, slice->len, slice->position);
        if (got == (ssize_t)slice->len)
            return true;
        mem_free(slice->bytes);
        slice->bytes = NULL;
        return got != ERR_AGAIN; /* who sends the range meets the error */
    }
    return env_file_read_now(slice->file, &byte, 1, slice->position) != ERR_AGAIN &&
           env_file_read_now(slice->file, &byte, 1, slice->position + slice->len - 1) != ERR_AGAIN;
}

static int read_slice(struct log *log, int64_t offset, size_t max_bytes, int64_t end_offset,
                      bool min_one, struct log_slice *slice, struct log_cold *cold)
{
    log_check_in_use(log);
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
    /* Not even the smallest batch fits: no look at the disk for it. */
    slice->no_room = !min_one && max_bytes < BATCH_HEADER_SIZE;
    if (slice->no_room)
        return 0;
    /* An offset that compaction removed may be past the last batch of its segment. */
    for (uint32_t i = log_segment_at(log, offset); i < log->segment_count && rc == ERR_NOT_FOUND;
         i++) {
        segment = log->segments[i];
        ASSERT(segment->owned);
        rc = spot_find(log, segment, offset, &spot, cold);
    }
    if (rc == ERR_NOT_FOUND || (rc == 0 && spot.last_offset >= end_offset))
        return 0;
    slice->no_room = rc == 0 && !min_one && spot.len > max_bytes;
    if (slice->no_room)
        return 0;
    uint64_t bound = 0;
    if (rc == 0)
        rc = read_bound(log, segment, end_offset, &bound, cold);
    if (rc == ERR_AGAIN)
        return read_again(log, cold, max_bytes);
    if (rc == 0)
        rc = segment_pin(segment);
    if (rc < 0)
        return log_read_failed(log, rc);
    uint64_t len = bound - spot.position;
    if (len > max_bytes)
        len = spot.len > max_bytes ? spot.len : max_bytes;
    *slice = (struct log_slice){.segment = segment,
                                .file = segment->file,
                                .position = spot.position,
                                .len = (size_t)len,
                                .base_offset = spot.base_offset};
    return 0;
}

int log_read(struct log *log, int64_t offset, size_t max_bytes, int64_t end_offset, bool min_one,
             struct log_slice *slice)
{
    return read_slice(log, offset, max_bytes, end_offset, min_one, slice, NULL);
}

int log_read_now(struct log *log, int64_t offset, size_t max_bytes, int64_t end_offset,
                 bool min_one, struct log_slice *slice, struct log_cold *cold)
{
    int rc = read_slice(log, offset, max_bytes, end_offset, min_one, slice, cold);
    if (rc < 0 || slice->len == 0 || read_is_warm(slice))
        return rc;
    *cold = (struct log_cold){.segment = slice->segment, .offset = offset};
    rc = read_again(log, cold, slice->len);
    log_slice_release(slice);
    return rc;
}

/* Up to which offset the slice may reach. */
static int slice_end(const struct log_slice *slice, int64_t end_offset, bool now, int64_t *end)
{
    ASSERT(slice->segment != NULL);
    uint64_t position = slice->position + slice->len;
    int rc = segment_offset_above(slice->segment, position, now, end);
    *end = *end < end_offset ? *end : end_offset;
    return rc;
}

int log_read_aborted(struct log *log, int64_t offset, int64_t end_offset,
                     const struct log_slice *slice, struct log_aborted *found,
                     struct log_cold *cold)
{
    int64_t end;
    log_check_in_use(log);
    *found = (struct log_aborted){0};
    ASSERT(slice->len > 0);
    if (!log->has_aborted)
        return 0;
    int rc = slice_end(slice, end_offset, cold != NULL, &end);
    if (rc == ERR_AGAIN)
        *cold = (struct log_cold){.segment = slice->segment, .offset = offset};
    if (rc == 0)
        rc = log_find_aborted(log, offset, end, cold, found);
    if (rc == ERR_AGAIN)
        return read_again(log, cold, slice->len);
    return rc < 0 ? log_read_failed(log, rc) : 0;
}

void log_slice_release(struct log_slice *slice)
{
    ASSERT(slice->segment != NULL || slice->bytes == NULL);
    if (slice->segment)
        segment_unpin(slice->segment);
    mem_free(slice->bytes);
    *slice = (struct log_slice){0};
}
