/* Loading a log from its directory, on a worker.
 *
 * Happy path after a clean shutdown: names and sizes of the segments, the batches behind the last
 * index entry of the active one, the epochs and the newest producer snapshot; nothing else is read.
 * After a crash the batches past the recovery point are also checked in full, and synced.
 *
 * Failure modes:
 * - The end is torn (the last batch is cut or wrong and nothing good comes after it, past the recovery
 *   point): it is cut off. So it is when good ones come after it, but between them is a hole, a sector
 *   that was never written: a power cut leaves that of writes that were not flushed.
 * - A bad batch has good ones behind it and no hole, or lies below the recovery point, or the log ends below the
 *   recovery point: ERR_CORRUPT. Such a log is never served as a shorter one.
 * - Indexes, epochs or snapshots are damaged or missing: made again from the batches. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "broker/log/batch_scan.h"
#include "broker/log/log_internal.h"

enum {
    SEARCH_BLOCK = 256 * 1024,
    EPOCHS_FILE_MAX = 16 * 1024 * 1024,
    HEADER_BLOCK = 4096,
    SECTOR = 512 /* the smallest unit that disks write */
};

struct recovery {
    struct log *log;
    struct env *env;
    struct buf *note;
    int64_t recovery_point;
    bool clean;
    bool epochs_known; /* the file was good */
};

/* ---- the directory ---- */

/* "<20 digits><suffix>": the suffix and the number; NULL for another name. */
static const char *parse_name(const char *name, int64_t *offset)
{
    size_t digits = strspn(name, "0123456789");
    if (digits != 20 || name[0] > '9' || name[20] != '.')
        return NULL;
    *offset = (int64_t)strtoull(name, NULL, 10);
    return *offset >= 0 ? name + 20 : NULL;
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);
    return len >= suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

static int add_segment(struct recovery *r, int64_t base_offset, const char *path)
{
    struct env_file *file;
    int rc = env_file_open(r->env, path, ENV_OPEN_READ, &file);
    if (rc < 0)
        return rc;
    int64_t size = env_file_size(file);
    env_file_close(file);
    if (size < 0)
        return (int)size;
    if (size > SEGMENT_SIZE_MAX) {
        buf_printf(r->note, "%s is larger than a segment can be", path);
        return ERR_CORRUPT;
    }
    struct segment *segment = segment_new(r->env, r->log->path, base_offset, (uint64_t)size,
                                          (uint32_t)r->log->config.index_interval_bytes);
    segment->fresh = false;
    log_push_segment(r->log, segment);
    return 0;
}

static void add_snapshot(struct log *log, int64_t offset)
{
    log->snapshots =
        mem_realloc(log->snapshots, (log->snapshot_count + 1) * sizeof(log->snapshots[0]));
    log->snapshots[log->snapshot_count++] = offset;
}

static int take_name(struct recovery *r, const char *name)
{
    int64_t offset = 0;
    const char *suffix = parse_name(name, &offset);
    char *path = mem_printf("%s/%s", r->log->path, name);
    int rc = 0;
    if (has_suffix(name, ".deleted") || has_suffix(name, ".tmp") || has_suffix(name, ".cleaned")) {
        rc = env_path_remove(r->env, path);
    } else if (suffix && strcmp(suffix, ".log") == 0) {
        rc = add_segment(r, offset, path);
    } else if (suffix && strcmp(suffix, ".snapshot") == 0) {
        add_snapshot(r->log, offset);
    } else if (suffix && strcmp(suffix, ".truncated") == 0) {
        if (offset < r->recovery_point)
            r->recovery_point = offset;
        rc = env_path_remove(r->env, path);
    }
    mem_free(path);
    return rc;
}

/* Names come sorted, so segments and snapshots are in the order of their offsets. */
static int list_files(struct recovery *r)
{
    char **names;
    size_t count;
    int rc = env_dir_list(r->env, r->log->path, &names, &count);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (rc == 0)
            rc = take_name(r, names[i]);
        mem_free(names[i]);
    }
    mem_free(names);
    for (uint32_t i = 0; i + 1 < r->log->segment_count; i++)
        r->log->segments[i]->end_offset = r->log->segments[i + 1]->base_offset;
    return rc;
}

static int load_epochs(struct recovery *r)
{
    char *path = mem_printf("%s/leader-epoch-checkpoint", r->log->path), *text;
    size_t len;
    int rc = env_file_load(r->env, path, EPOCHS_FILE_MAX, &text, &len);
    mem_free(path);
    if (rc == ERR_NOT_FOUND || rc == ERR_TOO_LARGE)
        return 0;
    if (rc < 0)
        return rc;
    r->epochs_known = epochs_parse(&r->log->epochs, text, len) == 0;
    mem_free(text);
    return 0;
}

/* ---- batches ---- */

static void take_batch(void *data, const struct batch *batch)
{
    struct recovery *r = data;
    epochs_assign(&r->log->epochs, batch->leader_epoch, batch->base_offset);
}

/* Whether a good batch at or past `min_offset` starts at `at`, where `header` was read. */
static int is_good_batch(struct env_file *file, const uint8_t *header, uint64_t at, uint64_t size,
                         int64_t min_offset)
{
    struct batch batch;
    if (header[BATCH_MAGIC_AT] != BATCH_MAGIC ||
        batch_parse_header(header, BATCH_HEADER_SIZE, &batch) < 0 || batch.size > size - at ||
        batch.base_offset < min_offset ||
        batch.base_offset - min_offset > INT32_MAX)
        return 0;
    uint8_t *body = mem_try_alloc(batch.size);
    if (!body)
        return ERR_NO_MEMORY;
    ssize_t got = env_file_read(file, body, batch.size, at);
    int good = (int)got;
    if (got >= 0)
        good = got == (ssize_t)batch.size && batch_parse(body, batch.size, &batch) == 0 &&
               batch_check_crc(&batch) == 0;
    mem_free(body);
    return good;
}

/* Whether any good batch lies in the segment's file at or past `from`: 1 and where, 0, or an error. */
static int search_good(struct segment *segment, uint64_t from, int64_t min_offset, uint64_t *where)
{
    struct env_file *file;
    int rc = segment->size < BATCH_HEADER_SIZE ? 0 : segment_file(segment, &file);
    if (rc < 0 || segment->size < BATCH_HEADER_SIZE)
        return rc;
    uint8_t *block = mem_alloc(SEARCH_BLOCK);
    while (rc == 0 && from + BATCH_HEADER_SIZE <= segment->size) {
        ssize_t got = env_file_read(file, block, SEARCH_BLOCK, from);
        if (got < BATCH_HEADER_SIZE) {
            rc = got < 0 ? (int)got : 0;
            break;
        }
        uint64_t last = (uint64_t)got - BATCH_HEADER_SIZE;
        for (uint64_t i = 0; i <= last && rc == 0; i++) {
            *where = from + i;
            rc = is_good_batch(file, block + i, from + i, segment->size, min_offset);
        }
        from += last + 1;
    }
    mem_free(block);
    return rc;
}

/* Whether `len` bytes at the front of the bad batch tell that they were never written: all zeros,
 * where not even the offset that has to stand there is. */
static bool is_blank(const uint8_t *bytes, size_t len, int64_t offset)
{
    uint8_t expected[sizeof(offset)];
    bytes_put_u64(expected, (uint64_t)offset);
    bool told = len > sizeof(expected);
    for (size_t i = 0; i < len; i++) {
        if (bytes[i])
            return false;
        told |= i < sizeof(expected) && expected[i];
    }
    return told;
}

/* Whether a power cut explains the bytes from the bad batch at `bad`, of `offset`, to the good one at
 * `good`: a sector that was not written yet reads as zeros. What was flushed has no such hole. 1, 0,
 * or an error. */
static int has_hole(struct segment *segment, uint64_t bad, uint64_t good, int64_t offset)
{
    uint8_t sector[SECTOR];
    struct env_file *file;
    int rc = segment_file(segment, &file);
    for (uint64_t at = bad; rc == 0 && at < good;) {
        uint64_t next = (at / SECTOR + 1) * SECTOR;
        if (next > good)
            break;
        ssize_t got = env_file_read(file, sector, (size_t)(next - at), at);
        if (got < (ssize_t)(next - at))
            return got < 0 ? (int)got : 0;
        /* Away from the front only a whole sector counts: records may have some zeros. */
        if (at == bad ? is_blank(sector, (size_t)got, offset)
                      : is_blank(sector, (size_t)got, INT64_MAX))
            rc = 1;
        at = next;
    }
    return rc;
}

/* Good batches at `good` of segment `found_at`, behind a bad one: 0 when they may be cut too, as a
 * power cut wrote them and not what is before them. */
static int judge_good(struct recovery *r, uint32_t at, uint64_t bad, uint32_t found_at,
                      uint64_t good)
{
    struct log *log = r->log;
    struct segment *segment = log->segments[at];
    int hole = has_hole(segment, bad, found_at == at ? good : segment->size, segment->end_offset);
    if (hole != 0)
        return hole < 0 ? hole : 0;
    buf_printf(r->note, "%s has a bad batch at offset %" PRId64 " with good ones behind it",
               log->path, segment->end_offset);
    return ERR_CORRUPT;
}

/* The batch at `bad` in segment `at` is wrong: cuts it off when it is the torn end. */
static int cut_torn_end(struct recovery *r, uint32_t at, uint64_t bad)
{
    struct log *log = r->log;
    struct segment *segment = log->segments[at];
    int64_t end = segment->end_offset;
    if (end < r->recovery_point) {
        buf_printf(r->note,
                   "%s has a bad batch at offset %" PRId64 " although it was flushed up to %" PRId64,
                   log->path, end, r->recovery_point);
        return ERR_CORRUPT;
    }
    /* A batch that is good but out of order counts too: then the offset before it is damaged. */
    uint32_t found_at = at;
    uint64_t good = bad;
    int found = search_good(segment, bad, segment->base_offset, &good);
    while (found == 0 && ++found_at < log->segment_count)
        found = search_good(log->segments[found_at], 0, log->segments[found_at]->base_offset, &good);
    if (found > 0)
        found = judge_good(r, at, bad, found_at, good);
    if (found < 0)
        return found;
    buf_printf(r->note, "%s: cut %" PRIu64 " bytes of an unfinished write at offset %" PRId64,
               log->path, segment->size - bad, end);
    while (log->segment_count > at + 1) {
        struct segment *last = log->segments[--log->segment_count];
        char *path = segment_path(last, ".log");
        int rc = env_path_remove(r->env, path);
        mem_free(path);
        segment_drop(last);
        if (rc < 0)
            return rc;
    }
    return segment_truncate(segment, bad, end);
}

static int scan_segments(struct recovery *r)
{
    struct log *log = r->log;
    int64_t trusted = r->clean ? INT64_MAX : r->recovery_point;
    uint32_t first = log->segment_count - 1;
    while (!r->clean && first > 0 && log->segments[first]->base_offset > r->recovery_point)
        first--;
    for (uint32_t i = first; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        uint64_t bad = 0;
        if (segment->size == 0)
            continue;
        int rc = segment_recover(segment, trusted, take_batch, r, &bad);
        if (rc == 0 && i + 1 < log->segment_count) {
            rc = segment_seal(segment);
            if (rc == 0 && segment->end_offset > log->segments[i + 1]->base_offset)
                rc = ERR_CORRUPT;
            else if (rc == 0)
                segment->end_offset = log->segments[i + 1]->base_offset;
        } else if (rc == ERR_CORRUPT) {
            rc = cut_torn_end(r, i, bad);
        }
        if (rc < 0)
            return rc;
    }
    log->end_offset = log_active(log)->end_offset;
    return 0;
}

/* What the scan found good may still be only in the page cache of a process that died. */
static int sync_scanned(struct recovery *r)
{
    struct log *log = r->log;
    int rc = 0;
    if (r->clean || log->end_offset <= r->recovery_point)
        return 0;
    for (uint32_t i = log_segment_at(log, r->recovery_point); i < log->segment_count && rc == 0;
         i++) {
        struct env_file *file;
        if (log->segments[i]->size == 0)
            continue;
        rc = segment_file(log->segments[i], &file);
        if (rc == 0)
            rc = env_file_sync(file);
    }
    return rc < 0 ? rc : env_dir_sync(r->env, log->path);
}

/* The epochs of all batches, when the file does not tell them. */
static int rebuild_epochs(struct recovery *r)
{
    int rc = 0;
    if (r->epochs_known || r->log->end_offset == r->log->segments[0]->base_offset)
        return 0;
    epochs_clear(&r->log->epochs);
    for (uint32_t i = 0; i < r->log->segment_count && rc == 0; i++) {
        struct segment *segment = r->log->segments[i];
        struct env_file *file;
        struct batch_scan scan;
        if (segment->size == 0)
            continue;
        rc = segment_file(segment, &file);
        if (rc < 0)
            break;
        batch_scan_init(&scan, file, 0, segment->size, HEADER_BLOCK);
        while ((rc = batch_scan_next(&scan)) == 1)
            take_batch(r, &scan.batch);
        batch_scan_close(&scan);
    }
    r->log->epochs.dirty = true;
    return rc;
}

/* ---- the whole ---- */

static int start_empty(struct recovery *r, int64_t base_offset)
{
    struct log *log = r->log;
    while (log->segment_count > 0)
        segment_drop(log->segments[--log->segment_count]);
    log_push_segment(log, segment_new(r->env, log->path, base_offset, 0,
                                      (uint32_t)log->config.index_interval_bytes));
    log->end_offset = base_offset;
    return 0;
}

static int drop_late_snapshots(struct recovery *r)
{
    struct log *log = r->log;
    int rc = 0;
    while (log->snapshot_count > 0 && log->snapshots[log->snapshot_count - 1] > log->end_offset &&
           rc == 0) {
        char name[SEGMENT_NAME_MAX];
        segment_name(log->snapshots[--log->snapshot_count], ".snapshot", name);
        char *path = mem_printf("%s/%s", log->path, name);
        rc = env_path_remove(r->env, path);
        mem_free(path);
    }
    return rc;
}

static int load_batches(struct recovery *r, const struct log_entry *entry)
{
    struct log *log = r->log;
    if (log->segment_count == 0) {
        r->recovery_point = 0;
        return start_empty(r, entry->start_offset > 0 ? entry->start_offset : 0);
    }
    int rc = scan_segments(r);
    if (rc == 0 && log->end_offset < r->recovery_point) {
        buf_printf(r->note, "%s ends at offset %" PRId64 " although it was flushed up to %" PRId64,
                   log->path, log->end_offset, r->recovery_point);
        rc = ERR_CORRUPT;
    }
    if (rc == 0)
        rc = sync_scanned(r);
    return rc < 0 ? rc : rebuild_epochs(r);
}

int recovery_run(struct log *log, const struct log_entry *entry, bool clean, struct buf *note)
{
    struct recovery r = {
        .log = log,
        .env = log->manager->env,
        .note = note,
        .recovery_point = entry->recovery_point,
        .clean = clean,
    };
    int rc = list_files(&r);
    if (rc == 0)
        rc = load_epochs(&r);
    if (rc == 0)
        rc = load_batches(&r, entry);
    if (rc < 0)
        return rc;
    log->start_offset = log->segments[0]->base_offset;
    if (entry->start_offset > log->start_offset)
        log->start_offset =
            entry->start_offset < log->end_offset ? entry->start_offset : log->end_offset;
    log->flushed_offset = log->end_offset;
    log->high_watermark = entry->high_watermark < log->end_offset ? entry->high_watermark
                                                                  : log->end_offset;
    if (log->high_watermark < log->start_offset)
        log->high_watermark = log->start_offset;
    epochs_cut_end(&log->epochs, log->end_offset + 1);
    epochs_cut_start(&log->epochs, log->start_offset);
    rc = drop_late_snapshots(&r);
    if (rc == 0)
        rc = log_load_producers(log, log->end_offset);
    for (uint32_t i = 0; i < log->segment_count; i++)
        segment_close_files(log->segments[i]);
    return rc;
}
