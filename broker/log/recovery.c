/* Loading a log from its directory, on a worker.
 *
 * Happy path after a clean shutdown: names and sizes of the segments, the batches behind the last
 * index entry of the active one, the epochs and the newest producer snapshot; nothing else is read.
 * After a crash the batches past the recovery point are also checked in full, and synced.
 *
 * Failure modes:
 * - The end is torn: past the recovery point a batch is cut or wrong, and nothing good comes after
 * it, or where it should be there are zeros, as a power cut leaves them where a write never reached
 * the disk (then nothing behind it was ever flushed either). It is cut off.
 * - A bad batch has good ones behind it, or lies below the recovery point, or the log ends below
 * the recovery point: ERR_CORRUPT. Such a log is never served as a shorter one.
 * - Indexes, epochs or snapshots are damaged or missing: made again from the batches. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutation.h"
#include "broker/log/batch_scan.h"
#include "broker/log/cleaner.h"
#include "broker/log/flush.h"
#include "broker/log/leavings.h"
#include "broker/log/log_manager_private.h"
#include "broker/log/recovery.h"

enum {
    SEARCH_BLOCK = 256 * 1024,
    EPOCHS_FILE_MAX = 16 * 1024 * 1024,
    HEADER_BLOCK = 4096,
    DISK_SECTOR = 512 /* the smallest unit that a disk writes or does not */
};

/* A .after marker: see log_marks.c. */
struct recovery_mark {
    int64_t base_offset;
    uint64_t size;
};

struct recovery {
    struct log *log;
    struct env *env;
    struct buf *note;
    int64_t recovery_point;
    int64_t flushed; /* at least as high: below it all was on the disk once */
    bool clean;
    bool epochs_known; /* the file was good */
    bool controls;     /* control batches lie past the recovery point */
    int64_t begin;     /* of the .begin marker; -1 */
    struct recovery_mark *marks;
    uint32_t mark_count;
};

/* ---- the directory ---- */

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
                                          (uint32_t)r->log->config->index_interval_bytes);
    segment->fresh = false;
    ASSERT(r->log->segment_count == 0 || log_active(r->log)->base_offset < base_offset);
    log_push_segment(r->log, segment);
    return 0;
}

static void add_snapshot(struct log *log, int64_t offset)
{
    ASSERT(log->snapshot_count == 0 || log->snapshots[log->snapshot_count - 1] < offset);
    log->snapshots =
        mem_realloc(log->snapshots, (log->snapshot_count + 1) * sizeof(log->snapshots[0]));
    log->snapshots[log->snapshot_count++] = offset;
}

/* Behind the .log file of its segment, as names are sorted. */
static int take_aborted(struct recovery *r, int64_t base_offset, const char *path)
{
    struct log *log = r->log;
    if (log->segment_count == 0 || log_active(log)->base_offset != base_offset)
        return env_path_remove(r->env, path);
    log_active(log)->aborted.made = true;
    return 0;
}

static int take_name(struct recovery *r, const char *name)
{
    int64_t offset = 0;
    const char *suffix = segment_parse_name(name, &offset);
    char *path = mem_printf("%s/%s", r->log->path, name);
    int rc = 0;
    if (has_suffix(name, ".deleted") || has_suffix(name, ".tmp") || has_suffix(name, ".cleaned") ||
        has_suffix(name, ".swap")) {
        rc = env_path_remove(r->env, path);
    } else if (strcmp(name, LOG_GAPS_FILE) == 0) {
        r->log->gaps = true;
    } else if (suffix && strcmp(suffix, ".log") == 0) {
        rc = add_segment(r, offset, path);
    } else if (suffix && strcmp(suffix, ".snapshot") == 0) {
        add_snapshot(r->log, offset);
    } else if (suffix && strcmp(suffix, ".txnindex") == 0) {
        rc = take_aborted(r, offset, path);
    } else if (suffix && strcmp(suffix, ".begin") == 0) {
        r->begin = offset;
    } else if (suffix && strcmp(suffix, ".start") == 0) {
        r->log->start_marker = offset; /* they come sorted: the highest, if a crash left two */
    } else if (suffix && strncmp(suffix, ".after-", 7) == 0) {
        r->marks = mem_realloc(r->marks, (r->mark_count + 1) * sizeof(*r->marks));
        r->marks[r->mark_count++] = (struct recovery_mark){offset, strtoull(suffix + 7, NULL, 10)};
    } else if (suffix && strcmp(suffix, ".truncated") == 0) {
        if (offset < r->recovery_point)
            r->recovery_point = offset;
        /* The lowest one (they come sorted) stays until the recovery point is written. */
        if (r->log->cut_marker < 0)
            r->log->cut_marker = offset;
        else
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
    bool swap = false;
    int rc = env_dir_list(r->env, r->log->path, &names, &count);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        int64_t offset;
        const char *suffix = segment_parse_name(names[i], &offset);
        swap |= suffix && strcmp(suffix, ".log.swap") == 0;
    }
    for (size_t i = 0; rc == 0 && !swap && i < count; i++)
        rc = take_name(r, names[i]);
    env_dir_list_free(names, count);
    if (swap) {
        rc = cleaner_finish_swaps(r->env, r->log->path);
        if (rc == ERR_CORRUPT)
            buf_printf(r->note,
                       "%s: a .log.swap file, of a compaction that a crash cut short, is bad",
                       r->log->path);
        r->clean = false; /* a stop leaves none behind */
        return rc < 0 ? rc : list_files(r);
    }
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
    r->controls |= batch_is_control(batch) && batch_last_offset(batch) >= r->recovery_point;
    if (!MUTATION(EPOCHS_NOT_REBUILT))
        epochs_assign(&r->log->epochs, batch->leader_epoch, batch->base_offset);
}

/* Whether the base offset at `at` is wrong because the sector that its first bytes are in, and
 * maybe those of the length, was never written: they are zeros then, so it is smaller than any that
 * may be there. */
static bool is_front_unwritten(const uint8_t *header, uint64_t at, int64_t base_offset,
                               int64_t min_offset)
{
    size_t front = (size_t)(DISK_SECTOR - at % DISK_SECTOR), zeros = 0;
    while (zeros < front && zeros < BATCH_HEADER_SIZE && header[zeros] == 0)
        zeros++;
    return base_offset < min_offset && zeros == front;
}

/* Whether a good batch starts at `at`, where `header` was read. No checksum covers its base offset:
 * one that is damaged must not make the batch look like something that was never written. */
static int is_good_batch(struct env_file *file, const uint8_t *header, uint64_t at, uint64_t size,
                         int64_t min_offset)
{
    struct batch batch;
    if (header[BATCH_MAGIC_AT] != BATCH_MAGIC ||
        batch_parse_header(header, BATCH_HEADER_SIZE, &batch) < 0 || batch.size > size - at ||
        is_front_unwritten(header, at, batch.base_offset, min_offset))
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

/* Looks for a good batch in the segment's file at or past `from`, where offsets begin with
 * `min_offset`: 1 and where, 0, or an error. */
static int search_good(struct segment *segment, uint64_t from, int64_t min_offset, uint64_t *at)
{
    struct env_file *file;
    int rc = segment->size < BATCH_HEADER_SIZE ? 0 : segment_file(segment, &file);
    *at = segment->size;
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
            rc = is_good_batch(file, block + i, from + i, segment->size, min_offset);
            if (rc > 0)
                *at = from + i;
        }
        from += last + 1;
    }
    mem_free(block);
    return rc;
}

/* How many zeros at the front of a batch with this base offset can't be right. */
static ssize_t zeros_max(int64_t base_offset)
{
    ssize_t zeros = 1;
    for (int shift = 56; shift > 0 && base_offset >> shift == 0; shift -= 8)
        zeros++;
    return zeros;
}

/* Whether [from, to) holds a sector, or the rest of one, that was never written: only zeros. Bytes
 * of a segment are written once, so what was flushed is never like that by itself. A batch at or
 * past `offset` should start at `from`. */
static int search_unwritten(struct segment *segment, uint64_t from, uint64_t to, int64_t offset)
{
    uint8_t sector[DISK_SECTOR];
    struct env_file *file;
    ssize_t enough = zeros_max(offset);
    int rc = segment_file(segment, &file);
    ASSERT(from <= to);
    while (rc == 0 && from < to) {
        uint64_t end = (from / DISK_SECTOR + 1) * DISK_SECTOR;
        end = end < to ? end : to;
        ssize_t got = env_file_read(file, sector, (size_t)(end - from), from);
        if (got < 0)
            return (int)got;
        ssize_t zeros = 0;
        while (zeros < got && sector[zeros] == 0)
            zeros++;
        rc = zeros == got && got >= enough;
        from = end;
    }
    return rc;
}

static int remove_aborted(struct recovery *r, const struct segment *segment)
{
    char *path = segment_path(segment, ".txnindex");
    int rc = env_path_remove(r->env, path);
    mem_free(path);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Removes the segments behind number `at`; where that one ends is for the scan to find. */
static int remove_behind(struct recovery *r, uint32_t at)
{
    struct log *log = r->log;
    ASSERT(at < log->segment_count);
    int rc = 0;
    log->segments[at]->end_offset = log->segments[at]->base_offset;
    while (log->segment_count > at + 1 && rc == 0) {
        struct segment *last = log->segments[--log->segment_count];
        char *path = segment_path(last, ".log");
        rc = env_path_remove(r->env, path);
        log->sync_dir = true; /* before a stop is clean: the old name may come back else */
        mem_free(path);
        if (rc == 0 && last->aborted.made)
            rc = remove_aborted(r, last);
        segment_drop(last);
    }
    return rc;
}

/* Cuts the file to the segment's size, once the names that led to it are durable. */
static int trim_durably(struct recovery *r, struct segment *segment)
{
    int rc = env_dir_sync(r->env, r->log->path);
    return rc < 0 ? rc : segment_trim(segment);
}

/* Whether what is bad at `bad` in segment `at` is the torn end of what was never flushed: 1 or 0.
 */
static int is_torn(struct recovery *r, uint32_t at, uint64_t bad)
{
    struct log *log = r->log;
    struct segment *segment = log->segments[at];
    uint64_t good;
    ASSERT(at < log->segment_count);
    /* A batch that is good but out of order counts too: then the offset before it is damaged. */
    int found = search_good(segment, bad, segment->end_offset, &good), unwritten = 0;
    if (found >= 0)
        unwritten = search_unwritten(segment, bad, good, segment->end_offset);
    for (uint32_t i = at + 1; i < log->segment_count && found == 0; i++)
        found = search_good(log->segments[i], 0, log->segments[i]->base_offset, &good);
    if (found < 0 || unwritten < 0)
        return found < 0 ? found : unwritten;
    return found == 0 || unwritten;
}

/* The batch at `bad` in segment `at` is wrong: cuts it off when it is the torn end. */
static int cut_torn_end(struct recovery *r, uint32_t at, uint64_t bad)
{
    struct log *log = r->log;
    struct segment *segment = log->segments[at];
    int64_t end = segment->end_offset;
    ASSERT(bad <= segment->size);
    if (end < r->flushed) {
        buf_printf(r->note,
                   "%s has a bad batch at offset %" PRId64
                   " although it was flushed up to %" PRId64,
                   log->path, end, r->flushed);
        return ERR_CORRUPT;
    }
    int torn = is_torn(r, at, bad);
    if (torn < 0)
        return torn;
    if (torn == 0) {
        buf_printf(r->note, "%s has a bad batch at offset %" PRId64 " with good ones behind it",
                   log->path, end);
        return ERR_CORRUPT;
    }
    buf_printf(r->note, "%s: cut %" PRIu64 " bytes of unfinished writes at offset %" PRId64,
               log->path, segment->size - bad, end);
    int rc = remove_behind(r, at);
    if (rc == 0)
        rc = segment_cut(segment, bad, end);
    return rc < 0 ? rc : trim_durably(r, segment);
}

/* ---- markers: how large a segment was when the next one began ---- */

/* The segment's file is larger: it still has what was cut off. */
static int trim_to_mark(struct recovery *r, struct segment *segment, uint64_t size)
{
    ASSERT(size <= segment->size);
    segment->size = size;
    segment->verified = false;
    return trim_durably(r, segment);
}

static int short_of_mark(struct recovery *r, const struct segment *segment)
{
    buf_printf(r->note,
               "%s: the segment at offset %" PRId64 " is shorter than it was when it was flushed",
               r->log->path, segment->base_offset);
    return ERR_CORRUPT;
}

/* A segment that has no marker was begun when all before it was flushed, or the flush came since.
 */
static void find_flushed(struct recovery *r)
{
    const struct log *log = r->log;
    r->flushed = r->recovery_point;
    for (uint32_t i = 1; i < log->segment_count; i++) {
        int64_t base_offset = log->segments[i]->base_offset;
        bool marked = false;
        for (uint32_t k = 0; k < r->mark_count; k++)
            marked |= r->marks[k].base_offset == base_offset;
        if (!marked && base_offset > r->flushed)
            r->flushed = base_offset;
    }
}

/* Brings segments to the size that their marker tells. What is smaller lost its end, and what
 * follows it goes. */
static int apply_marks(struct recovery *r)
{
    struct log *log = r->log;
    int rc = 0;
    for (uint32_t i = 0; i < r->mark_count && rc == 0; i++) {
        const struct recovery_mark *mark = &r->marks[i];
        uint32_t at = log_segment_at(log, mark->base_offset);
        if (at == 0 || log->segments[at]->base_offset != mark->base_offset)
            continue;
        struct segment *before = log->segments[at - 1];
        if (before->size > mark->size)
            rc = trim_to_mark(r, before, mark->size);
        else if (before->size < mark->size && mark->base_offset > r->recovery_point)
            rc = remove_behind(r, at - 1);
        else if (before->size < mark->size)
            rc = short_of_mark(r, before);
    }
    return rc;
}

/* All that they stood for is synced. */
static int remove_marks(struct recovery *r)
{
    int rc = 0;
    for (uint32_t i = 0; i < r->mark_count && rc == 0; i++) {
        char name[SEGMENT_NAME_MAX], suffix[SEGMENT_NAME_MAX / 2];
        snprintf(suffix, sizeof(suffix), ".after-%" PRIu64, r->marks[i].size);
        segment_name(r->marks[i].base_offset, suffix, name);
        char *path = mem_printf("%s/%s", r->log->path, name);
        rc = env_path_remove(r->env, path);
        mem_free(path);
    }
    return rc;
}

/* ---- scanning ---- */

/* A segment has to reach to the next one, except where compaction may have taken its end. */
static int check_reach(struct recovery *r, uint32_t at)
{
    struct segment *segment = r->log->segments[at];
    int64_t next = r->log->segments[at + 1]->base_offset;
    struct segment_spot spot;
    int rc = segment_find(segment, next - 1, &spot);
    ASSERT(at + 1 < r->log->segment_count);
    segment_close_files(segment); /* there may be more of them than descriptors */
    if (rc != ERR_NOT_FOUND && rc != ERR_CORRUPT)
        return rc;
    buf_printf(r->note,
               "%s: the records before offset %" PRId64
               " are missing: the segment at offset %" PRId64 " ends below it",
               r->log->path, next, segment->base_offset);
    return ERR_CORRUPT;
}

/* What lies below the first segment has to be gone on purpose. */
static int check_start(struct recovery *r, const struct log_entry *entry)
{
    const struct log *log = r->log;
    int64_t first = log->segments[0]->base_offset, start = log->start_marker;
    start = r->begin > start ? r->begin : start;
    start = entry->start_offset > start ? entry->start_offset : start;
    if (first <= (start > 0 ? start : 0))
        return 0;
    buf_printf(r->note,
               "%s begins at offset %" PRId64 " although nothing past %" PRId64 " was deleted: the "
               "files before it are missing",
               log->path, first, start > 0 ? start : 0);
    return ERR_CORRUPT;
}

/* After a crash all segments are looked at; after a clean stop the two that it wrote last. */
static int check_gaps(struct recovery *r)
{
    const struct log *log = r->log;
    int rc = 0;
    uint32_t at = r->clean && log->segment_count > 2 ? log->segment_count - 2 : 0;
    for (; !log->gaps && at + 1 < log->segment_count && rc == 0; at++)
        rc = check_reach(r, at);
    return rc;
}

/* A segment ends where the next one begins; compaction may have left less in it, never more. */
static int end_at(struct recovery *r, struct segment *segment, int64_t base_offset)
{
    if (segment->end_offset > base_offset) {
        buf_printf(r->note, "%s has offset %" PRId64 " in two segments", r->log->path, base_offset);
        return ERR_CORRUPT;
    }
    segment->end_offset = base_offset;
    return 0;
}

static int scan_segments(struct recovery *r)
{
    struct log *log = r->log;
    ASSERT(log->segment_count > 0);
    int64_t trusted = r->clean ? INT64_MAX : r->recovery_point;
    uint32_t first = log->segment_count - 1;
    while (!r->clean && first > 0 && log->segments[first]->base_offset > r->recovery_point)
        first--;
    for (uint32_t i = first; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        uint64_t bad = 0;
        if (__atomic_load_n(&log->manager->shutting_down, __ATOMIC_RELAXED))
            return ERR_CANCELED; /* the broker stops: the next start begins anew */
        if (segment->size == 0)
            continue;
        int rc = segment_recover(segment, trusted, take_batch, r, &bad);
        if (rc == 0 && i + 1 < log->segment_count) {
            rc = segment_seal(segment);
            if (rc == 0)
                rc = end_at(r, segment, log->segments[i + 1]->base_offset);
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
    if (r->clean)
        return 0;
    /* No records are new, but names may be: a cut makes and removes files. The first flush makes
     * them durable, before anything that is written is. */
    log->sync_dir = true;
    if (log->end_offset <= r->recovery_point)
        return 0;
    for (uint32_t i = log_segment_at(log, r->recovery_point); i < log->segment_count && rc == 0;
         i++) {
        struct env_file *file;
        if (log->segments[i]->size == 0)
            continue;
        rc = segment_file(log->segments[i], &file);
        if (rc == 0)
            rc = env_file_sync(file);
        bool sealed = i + 1 < log->segment_count; /* a later start trusts its indexes */
        if (rc == 0 && sealed)
            rc = flush_index(r->env, log->segments[i], ".index");
        if (rc == 0 && sealed)
            rc = flush_index(r->env, log->segments[i], ".timeindex");
    }
    if (rc == 0)
        rc = env_dir_sync(r->env, log->path);
    if (rc == 0)
        log->sync_dir = false;
    return rc;
}

/* The first batch with a last offset >= `offset`, in any segment. */
static int find_batch(struct log *log, int64_t offset, struct segment_spot *spot)
{
    int rc = ERR_NOT_FOUND;
    for (uint32_t i = log_segment_at(log, offset); i < log->segment_count && rc == ERR_NOT_FOUND;
         i++)
        rc = segment_find(log->segments[i], offset, spot);
    return rc;
}

/* Whether the batch where epoch number `i` starts, if it has any, is of that epoch: 1, 0, or an
 * error. */
static int epoch_fits(struct log *log, uint32_t i)
{
    const struct epochs_entry *entry = &log->epochs.entries[i];
    int64_t end = i + 1 < log->epochs.count ? entry[1].start_offset : INT64_MAX;
    struct segment_spot spot;
    int rc = find_batch(log, entry->start_offset, &spot);
    ASSERT(i < log->epochs.count);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 1 : rc;
    if (spot.batch.leader_epoch < 0 || spot.batch.base_offset >= end)
        return 1;
    return spot.batch.leader_epoch == entry->epoch;
}

/* After a crash the file may be of another moment than the log: the log may start lower, or have an
 * end that was cut already when the file was written. */
static int check_epochs(struct recovery *r)
{
    const struct epochs *epochs = &r->log->epochs;
    struct segment_spot spot;
    if (r->clean || MUTATION(EPOCHS_NOT_REBUILT))
        return 0;
    int rc = find_batch(r->log, 0, &spot);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    if (spot.batch.leader_epoch >= 0 &&
        (epochs->count == 0 || epochs->entries[0].epoch > spot.batch.leader_epoch))
        r->epochs_known = false;
    else if (epochs->count > 0 && epochs->entries[0].start_offset > spot.batch.base_offset)
        epochs->entries[0].start_offset = spot.batch.base_offset;
    for (uint32_t i = 0; i < epochs->count && r->epochs_known; i++) {
        rc = epoch_fits(r->log, i);
        if (rc < 0)
            return rc;
        r->epochs_known = rc > 0;
    }
    return 0;
}

/* The epochs of all batches, when the file does not tell them. */
static int rebuild_epochs(struct recovery *r)
{
    int rc = check_epochs(r);
    if (rc < 0 || r->epochs_known || r->log->end_offset == r->log->segments[0]->base_offset)
        return rc;
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

/* No segment is there. */
static void start_empty(struct recovery *r, int64_t base_offset)
{
    struct log *log = r->log;
    ASSERT(log->segment_count == 0);
    ASSERT(base_offset >= 0);
    log_push_segment(log, segment_new(r->env, log->path, base_offset, 0,
                                      (uint32_t)log->config->index_interval_bytes));
    log->end_offset = base_offset;
}

/* A .begin marker has done its duty once there is a segment's file. */
static int remove_begin(struct recovery *r)
{
    struct env_file *file;
    if (r->begin < 0)
        return 0;
    int rc = segment_file(r->log->segments[0], &file);
    return rc < 0 ? rc : log_unmark_begin(r->log, r->begin);
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

/* What is below the high watermark was flushed here and acknowledged, and only a leader that did
 * not have it cuts it off: there is a marker then. */
static int check_committed(struct recovery *r, const struct log_entry *entry)
{
    const struct log *log = r->log;
    if (log->config->flush_messages > 1 || log->cut_marker >= 0 ||
        log->end_offset >= entry->high_watermark)
        return 0;
    buf_printf(r->note,
               "%s ends at offset %" PRId64 " although its records up to %" PRId64
               " were committed",
               log->path, log->end_offset, entry->high_watermark);
    return ERR_CORRUPT;
}

static int load_batches(struct recovery *r, const struct log_entry *entry)
{
    struct log *log = r->log;
    if (log->segment_count == 0) {
        int64_t base = r->begin >= 0 ? r->begin : entry->start_offset;
        if (r->begin < 0 && (log->recorded || r->recovery_point > base)) {
            buf_printf(r->note, "%s: the files with the records are gone", log->path);
            return ERR_CORRUPT;
        }
        r->recovery_point = 0;
        start_empty(r, base > 0 ? base : 0);
        return remove_begin(r);
    }
    find_flushed(r);
    int rc = r->clean ? leavings_check(log, &entry->left, r->note) : 0;
    if (rc == 0)
        rc = check_start(r, entry);
    if (rc == 0)
        rc = apply_marks(r);
    if (rc == 0)
        rc = scan_segments(r);
    if (rc == 0)
        rc = check_gaps(r);
    if (rc == 0 && log->end_offset < r->flushed) {
        buf_printf(r->note, "%s ends at offset %" PRId64 " although it was flushed up to %" PRId64,
                   log->path, log->end_offset, r->flushed);
        rc = ERR_CORRUPT;
    }
    if (rc == 0)
        rc = check_committed(r, entry);
    if (rc == 0)
        rc = sync_scanned(r);
    if (rc == 0)
        rc = remove_marks(r);
    if (rc == 0)
        rc = remove_begin(r);
    return rc < 0 ? rc : rebuild_epochs(r);
}

int recovery_run(struct log *log, const struct log_entry *entry, bool clean, struct buf *note)
{
    struct recovery r = {
        .log = log,
        .env = log->manager->env,
        .note = note,
        .recovery_point = entry->recovery_point,
        .clean =
            clean && (entry->left.known || MUTATION(MARK_UNCHECKED) || MUTATION(MARK_UNOPENED)),
        .begin = -1,
    };
    log->gaps = entry->cleaned_offset > 0; /* compacted before there was a file that says so */
    int rc = list_files(&r);
    /* So may be one of a version before the roster, also where only its leader compacted. */
    if (rc == 0 && log->segment_count > 0 && log->config->cleanup_compact && !log->recorded)
        rc = log_mark_gaps(log);
    if (rc == 0)
        rc = load_epochs(&r);
    if (rc == 0)
        rc = load_batches(&r, entry);
    mem_free(r.marks);
    if (rc < 0)
        return rc;
    log->start_offset = log->segments[0]->base_offset;
    log->start_saved = entry->start_offset;
    if (log->start_offset > entry->start_offset && log->start_marker < log->start_offset &&
        note->len == 0)
        buf_printf(note,
                   "%s begins at offset %" PRId64 ", and at %" PRId64
                   " when its start was last saved: if not retention has removed the files "
                   "between them before the crash, restore them from a backup",
                   log->path, log->start_offset, entry->start_offset);
    if (entry->start_offset > log->start_offset)
        log->start_offset =
            entry->start_offset < log->end_offset ? entry->start_offset : log->end_offset;
    log->flushed_offset = log->end_offset;
    log->cleaned_offset =
        entry->cleaned_offset < log->end_offset ? entry->cleaned_offset : log->end_offset;
    log->high_watermark =
        entry->high_watermark < log->end_offset ? entry->high_watermark : log->end_offset;
    if (log->high_watermark < log->start_offset)
        log->high_watermark = log->start_offset;
    ASSERT(log->start_offset <= log->high_watermark);
    ASSERT(log->high_watermark <= log->end_offset);
    epochs_cut_end(&log->epochs, log->end_offset + 1);
    epochs_cut_start(&log->epochs, log->start_offset);
    rc = drop_late_snapshots(&r);
    if (rc == 0)
        rc = MUTATION(PRODUCERS_FORGOTTEN)
                 ? 0
                 : log_recover_producers(log, r.clean ? log->end_offset : r.recovery_point,
                                         r.controls, r.clean ? &entry->left : NULL, note);
    for (uint32_t i = 0; i < log->segment_count; i++)
        segment_close_files(log->segments[i]);
    return rc;
}
