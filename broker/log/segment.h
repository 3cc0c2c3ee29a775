/* One segment of a log: a .log file of record batches with its offset index and time index.
 *
 * Files are opened when they are first needed and closed again by the pool when too many are open,
 * so that a segment costs a few hundred bytes while it is idle. A pin keeps the file open and the
 * segment alive: slices that are being sent and flushes hold one. A segment that the log has
 * dropped lives until its last pin is gone.
 *
 * Segments belong to the loop, or to the one worker that opens their log. */
#ifndef BROKER_LOG_SEGMENT_H
#define BROKER_LOG_SEGMENT_H

#include "base/list.h"
#include "kafka/batch.h"
#include "broker/log/index.h"
#include "broker/log/txn_index.h"
#include "env/env.h"

enum {
    SEGMENT_NAME_MAX = 64,       /* "00000000000000000000.timeindex.deleted" and a NUL */
    SEGMENT_SIZE_MAX = INT32_MAX /* positions in the offset index are 31 bits */
};

/* The segments with open files, the one used longest ago first. */
struct segment_pool {
    struct list open;
    uint32_t count;
    uint32_t cap;
};

/* Of a segment that is in use: most of many are not. */
struct segment_indexes {
    struct index offsets;
    struct index times;
};

struct segment {
    struct env *env;
    char *dir;
    struct segment_pool *pool; /* NULL while a worker owns it */
    struct list lru;
    struct env_file *file;
    int64_t base_offset;
    int64_t end_offset; /* past the last batch; of a sealed segment the base of the next one */
    uint64_t size;
    int64_t max_timestamp;           /* -1 = none */
    int64_t max_timestamp_offset;    /* the last offset of the batch that has it */
    int64_t roll_timestamp;          /* max timestamp of the first batch; -1 = not known */
    int64_t created_ms;              /* wall clock */
    uint64_t unindexed;              /* bytes since the last index entry */
    struct segment_indexes *indexes; /* NULL while they are closed */
    struct txn_index aborted;        /* transactions whose abort marker is here */
    const char
        *extra; /* behind the suffixes of its file names: "", or ".cleaned" while it is made */
    uint32_t index_interval;
    uint32_t pins;
    bool owned;         /* by a log */
    bool now;           /* segment_find_now runs */
    bool verified;      /* the indexes were checked since start */
    bool known;         /* max_timestamp is loaded */
    bool fresh;         /* its directory entry may not be durable yet */
    bool trim;          /* was cut: the file may be longer than `size` until the next flush */
    int64_t after_size; /* in the name of its .after marker (log_marks.c); -1 = there is none */
};

/* A batch in a segment. */
struct segment_spot {
    uint64_t position;
    struct batch batch;
};

void segment_pool_init(struct segment_pool *pool, uint32_t cap);
/* Closes up to `count` of those used longest ago, but not `keep`; false when there was none. */
bool segment_pool_evict(struct segment_pool *pool, uint32_t count, const struct segment *keep);

/* Entries of its indexes, as far as that is known: 0 while they are closed. */
static inline uint32_t segment_offset_entries(const struct segment *segment)
{
    return segment->indexes ? segment->indexes->offsets.count : 0;
}
static inline uint32_t segment_time_entries(const struct segment *segment)
{
    return segment->indexes ? segment->indexes->times.count : 0;
}

/* For segment.c: a use of one whose file is open, and its end. Without a pool, nothing. */
void segment_pool_touch(struct segment *segment);
void segment_pool_leave(struct segment *segment);
/* Nobody reads or sends from it. */
bool segment_is_idle(const struct segment *segment);

/* What always holds. */
void segment_check(const struct segment *segment);
/* What always holds; looks at each of them, so it is for tests. */
void segment_pool_check(const struct segment_pool *pool);

/* Its directory has another name now. Nobody has it pinned. */
void segment_set_dir(struct segment *segment, const char *dir);
/* Touches no file. `size` is that of the .log file, 0 when there is none yet. */
struct segment *segment_new(struct env *env, const char *dir, int64_t base_offset, uint64_t size,
                            uint32_t index_interval);
/* The log lets go of it: freed now or with the last pin. Index entries in memory are written out.
 */
void segment_drop(struct segment *segment);
/* Opens the .log file if need be (it is made when absent) and keeps it open. */
int segment_pin(struct segment *segment) MUST_CHECK;
void segment_unpin(struct segment *segment);
/* Writes out index entries and closes the files; the .log file of a pinned one stays open. */
void segment_close_files(struct segment *segment);
/* The .log file, open; valid until the next call on any segment. */
int segment_file(struct segment *segment, struct env_file **file) MUST_CHECK;

/* "00000000000000000042.index" in `name`. */
void segment_name(int64_t base_offset, const char *suffix, char name[SEGMENT_NAME_MAX]);
/* The other way round: the suffix of such a name and its offset, or NULL for another name. */
const char *segment_parse_name(const char *name, int64_t *base_offset);
/* The path of such a file; the caller's to mem_free. */
char *segment_path(const struct segment *segment, const char *suffix);

/* Writes whole batches at the end in one write; segment_note must follow for each. ERR_IO,
 * ERR_NO_SPACE; the size is as before then, but the file may hold a part. */
int segment_write(struct segment *segment, const void *bytes, size_t len) MUST_CHECK;
/* Takes a batch that lies at `position` into the indexes and the counters. */
int segment_note(struct segment *segment, const struct batch *batch, uint64_t position) MUST_CHECK;
/* Opens the index of aborted transactions, so that nothing but the disk can refuse an entry. Before
 * an abort marker is written. */
int segment_open_aborted(struct segment *segment) MUST_CHECK;
/* Opens it if need be; `now`: what would wait for the disk is ERR_AGAIN. */
int segment_aborted(struct segment *segment, bool now, struct txn_index **index) MUST_CHECK;
/* The abort marker of a transaction lies in the segment. */
int segment_note_aborted(struct segment *segment, const struct txn_index_entry *entry) MUST_CHECK;
/* An offset at or past which nothing lies before `position`, as the index tells; ERR_AGAIN as in
 * segment_find_now. */
int segment_offset_above(struct segment *segment, uint64_t position, bool now,
                         int64_t *offset) MUST_CHECK;
/* No more appends: adds the last time index entry and writes the indexes out. */
int segment_seal(struct segment *segment) MUST_CHECK;

/* The first batch whose last offset is >= `offset`. ERR_NOT_FOUND past the last batch; ERR_CORRUPT
 * when the log is damaged there. A damaged index is rebuilt on the way. */
int segment_find(struct segment *segment, int64_t offset, struct segment_spot *spot) MUST_CHECK;
/* The same, but ERR_AGAIN where it would wait for the disk. */
int segment_find_now(struct segment *segment, int64_t offset, struct segment_spot *spot) MUST_CHECK;
/* The first batch that has a timestamp >= `timestamp_ms` and an offset >= `offset`; ERR_NOT_FOUND.
 */
int segment_find_timestamp(struct segment *segment, int64_t timestamp_ms, int64_t offset,
                           struct segment_spot *spot) MUST_CHECK;
/* Makes max_timestamp known. */
int segment_load_times(struct segment *segment) MUST_CHECK;
/* The max timestamp of the first batch, -1 when it has none or the segment is empty. */
int segment_first_timestamp(struct segment *segment, int64_t *timestamp_ms) MUST_CHECK;

/* Checks the indexes, then the batches behind the last index entry at or below `trusted`: their
 * headers, and the checksums of those at or past `trusted`. `each` (may be NULL) is called for each
 * batch scanned. On ERR_CORRUPT *bad_position says where; all before it has been taken in. */
int segment_recover(struct segment *segment, int64_t trusted,
                    void (*each)(void *data, const struct batch *batch), void *data,
                    uint64_t *bad_position) MUST_CHECK;
/* Forgets the aborted transactions whose marker is at or past `end_offset`. */
int segment_cut_aborted(struct segment *segment, int64_t end_offset) MUST_CHECK;
/* Cuts at `position`; the segment then ends at `end_offset`. The file itself is cut by segment_trim
 * or by a flush, and before that nothing may be appended. */
int segment_cut(struct segment *segment, uint64_t position, int64_t end_offset) MUST_CHECK;
/* Cuts the file to the size; durable when it returns. Blocks. */
int segment_trim(struct segment *segment) MUST_CHECK;
/* Renames the files to *.deleted; calls `renamed` with each new path, which is the callee's. */
int segment_rename_deleted(struct segment *segment, void (*renamed)(void *data, char *path),
                           void *data) MUST_CHECK;

#endif
