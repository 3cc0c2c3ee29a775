/* A window over a segment file that moves forward from batch to batch.
 *
 * Happy path: the next header lies in the window, and no read is needed. A header or body outside
 * it moves the window there. The window grows only as far as a batch that lies inside the file, so
 * a damaged length can't make it larger than the file. */
#include "broker/log/batch_scan.h"

#include "base/err.h"
#include "base/mem.h"

void batch_scan_init(struct batch_scan *scan, struct env_file *file, uint64_t from, uint64_t limit,
                     size_t block)
{
    ASSERT(block >= BATCH_HEADER_SIZE);
    *scan = (struct batch_scan){.file = file, .next = from, .limit = limit, .position = from};
    scan->buffer = mem_realloc(NULL, block); /* read into before it is looked at */
    scan->cap = block;
}

void batch_scan_close(struct batch_scan *scan)
{
    mem_free(scan->buffer);
    scan->buffer = NULL;
}

int batch_scan_flush(struct batch_scan *scan)
{
    ASSERT(scan->kept_len == 0 || scan->kept_at >= scan->buffer_at);
    ASSERT(scan->kept_len == 0 ||
           scan->kept_at + scan->kept_len <= scan->buffer_at + scan->buffer_len);
    const uint8_t *bytes = scan->buffer + (scan->kept_at - scan->buffer_at);
    size_t len = scan->kept_len;
    scan->kept_len = 0;
    return len > 0 ? env_file_write(scan->file, bytes, len, scan->kept_at) : 0;
}

int batch_scan_rewrite(struct batch_scan *scan)
{
    int rc = 0;
    if (scan->kept_len > 0 && scan->kept_at + scan->kept_len != scan->position)
        rc = batch_scan_flush(scan);
    if (scan->kept_len == 0)
        scan->kept_at = scan->position;
    scan->kept_len = (size_t)(scan->next - scan->kept_at);
    ASSERT(scan->kept_at + scan->kept_len == scan->next);
    return rc;
}

/* Makes the file's bytes [at, at + len) readable; NULL with *err when they can't be. */
static const uint8_t *scan_window(struct batch_scan *scan, uint64_t at, size_t len, int *err)
{
    ASSERT(scan->buffer != NULL);
    ASSERT(at <= scan->limit);
    if (at >= scan->buffer_at && at + len <= scan->buffer_at + scan->buffer_len)
        return scan->buffer + (at - scan->buffer_at);
    *err = batch_scan_flush(scan);
    if (*err < 0)
        return NULL;
    if (len > scan->cap) {
        uint8_t *larger = mem_try_realloc(scan->buffer, len);
        if (!larger) {
            *err = ERR_NO_MEMORY;
            return NULL;
        }
        scan->buffer = larger;
        scan->cap = len;
    }
    ASSERT(len <= scan->cap);
    uint64_t left = scan->limit - at;
    size_t want = left < scan->cap ? (size_t)left : scan->cap;
    ssize_t got = scan->now ? env_file_read_now(scan->file, scan->buffer, want, at)
                            : env_file_read(scan->file, scan->buffer, want, at);
    scan->buffer_at = at;
    scan->buffer_len = got < 0 ? 0 : (size_t)got;
    if (got >= 0 && (size_t)got >= len)
        return scan->buffer;
    *err = got < 0 ? (int)got : ERR_CORRUPT;
    return NULL;
}

int batch_scan_next(struct batch_scan *scan)
{
    scan->position = scan->next;
    if (scan->next >= scan->limit)
        return 0;
    if (scan->limit - scan->next < BATCH_HEADER_SIZE)
        return ERR_CORRUPT;
    int err = 0;
    const uint8_t *header = scan_window(scan, scan->next, BATCH_HEADER_SIZE, &err);
    if (!header)
        return err;
    if (batch_parse_header(header, BATCH_HEADER_SIZE, &scan->batch) < 0)
        return ERR_CORRUPT;
    scan->batch.bytes = scan->batch.records = NULL;
    if (scan->batch.size > scan->limit - scan->next)
        return ERR_CORRUPT;
    scan->next += scan->batch.size;
    ASSERT(scan->next <= scan->limit);
    return 1;
}

int batch_scan_body(struct batch_scan *scan)
{
    int err = 0;
    ASSERT(scan->next == scan->position + scan->batch.size);
    const uint8_t *bytes = scan_window(scan, scan->position, scan->batch.size, &err);
    if (!bytes)
        return err;
    scan->batch.bytes = bytes;
    scan->batch.records = bytes + BATCH_HEADER_SIZE;
    return 0;
}
