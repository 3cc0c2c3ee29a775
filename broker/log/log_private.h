/* The inside of one log, for the files of this folder that work on it. */
#ifndef BROKER_LOG_LOG_PRIVATE_H
#define BROKER_LOG_LOG_PRIVATE_H

#include "base/err.h"
#include "base/list.h"
#include "broker/log/epochs.h"
#include "broker/log/log.h"
#include "broker/log/log_limits.h"
#include "broker/log/producer_state.h"
#include "broker/log/segment.h"

struct log_leavings;
struct append_input;
struct log_dir;
struct log_entry;
struct log_manager;

struct log_ring_entry {
    int64_t base_offset;
    int64_t last_offset;
    uint64_t position; /* in the active segment */
};

/* The newest batches of the active segment, in a circle. */
struct log_ring {
    struct log_ring_entry entries[LOG_RING];
    uint32_t next;
    uint32_t count;
};

struct flush_job;
struct future;
struct cleaning;

enum log_state {
    LOG_OPENING, /* a worker's */
    LOG_OPEN,    /* the loop's */
    LOG_CLOSING, /* deleted: freed when no job has it any more */
    LOG_STATES
};

enum flush_state {
    FLUSH_IDLE,
    FLUSH_WANTED, /* begins at the end of this turn */
    FLUSH_RUNNING,
    FLUSH_AGAIN,   /* runs, and another one follows */
    FLUSH_PUT_OFF, /* lacked descriptors or memory: tried again by the manager's later_timer */
    FLUSH_STATES
};

struct log_flush {
    enum flush_state state;
    struct flush_job *job; /* on a worker, or NULL */
    int64_t since_ms;      /* when it began; monotonic */
};

enum compaction_state {
    COMPACTION_IDLE,
    COMPACTION_RUNNING,
    COMPACTION_REFUSED, /* a run found damage */
    COMPACTION_STATES
};

struct log_compaction {
    enum compaction_state state;
    uint64_t turn;    /* the number of its last run; 0 = none yet */
    int64_t after_ms; /* wall clock: none before */
};

struct log {
    enum log_state state;
    struct log_manager *manager;
    struct log_dir *dir;
    struct log_entry *entry;
    char *path;
    struct uuid topic_id;
    struct uuid incarnation; /* of its directory: see checkpoints.h; zero = made without one */
    const struct log_config *config; /* shared: see log_config_keep */
    struct segment **segments;       /* by base offset; the last one is active; never empty */
    uint32_t segment_count;
    uint32_t segment_cap;
    int64_t start_offset;
    int64_t start_saved; /* as the checkpoint has it */
    int64_t end_offset;
    int64_t flushed_offset; /* below it everything was synced */
    int64_t high_watermark;
    int64_t snapshot_offset; /* of the newest producer snapshot; -1 */
    int64_t *snapshots;      /* offsets of snapshot files, rising */
    uint32_t snapshot_count;
    int64_t cut_marker;         /* offset of the .truncated file; -1 when there is none */
    int64_t cut_marker_saved;   /* what it was when the recovery point was last written, */
    int64_t cut_marker_seen;    /* and the high watermark */
    int64_t start_marker;       /* offset of the .start file; -1 when there is none */
    int64_t unflushed_count;    /* records since the last flush was begun */
    int64_t unflushed_since_ms; /* monotonic; 0 = nothing is unflushed */
    int64_t roll_jitter_ms;
    uint64_t snapshot_bytes; /* appended since the newest snapshot */
    struct log_ring *ring;   /* NULL until the first append */
    int64_t bound_offset;    /* memo: in bound_segment, bound_offset is at bound_position */
    uint64_t bound_position;
    const struct segment *bound_segment;
    struct epochs epochs;
    struct producer_state producers;
    struct log_flush flush;
    struct log_compaction compaction;
    uint32_t generation; /* rises with every cut: what was flushed or written before is void */
    uint32_t jobs;       /* on the worker pool */
    struct list turn;    /* in manager->turn */
    void (*watch)(void *data);
    void (*swapped)(void *data, struct log *log); /* see log_watch_swap; NULL: not now */
    void *watch_data;
    struct future *future; /* it moves to another directory: see future.h */
    struct future *origin; /* it is the copy, or was until a moment ago */
    int64_t held;          /* no more counts as durable; INT64_MAX = all that is */
    bool want_notify;
    bool sync_dir;          /* files were made since the directory was synced */
    bool sync_parent;       /* so was the directory itself */
    bool recorded;          /* named in the roster: see roster.h */
    int64_t gap_to;         /* where a batch of the leader may begin; 0 = only at the end */
    bool proven;            /* never had records that could be lost: see log_is_proven */
    int64_t cleaned_offset; /* below it all was compacted */
    int64_t damage_told_ms; /* 0 = never */
    bool unreadable_told;   /* a batch that nobody can read was told of */
    bool moved;             /* closing, because its copy took its place */
    bool gaps;              /* offsets may be missing between its segments: see log_mark_gaps */
    bool epochs_writing;
    bool has_aborted; /* an index of aborted transactions has entries, or had some */
};

/* ---- log.c ---- */

struct log *log_alloc(struct log_manager *manager, struct log_dir *dir, const char *path,
                      const struct uuid *topic_id, const struct log_config *config);
void log_move(struct log *log, enum log_state to);
/* What holds whenever a call of log.h returns, as far as that is seen at once. */
void log_check_state(const struct log *log);
/* The one copy of such settings that all logs with them share; each lets go of it. For the loop: a
 * worker only reads what its log has. */
const struct log_config *log_config_keep(struct log_manager *manager,
                                         const struct log_config *config);
void log_config_release(struct log_manager *manager, const struct log_config *config);
/* Closes all files; what is not flushed stays with the operating system. */
void log_free(struct log *log);
/* Closes a log whose directory was moved away, and forgets its entry. */
void log_forget(struct log *log);
static inline struct segment *log_active(const struct log *log)
{
    return log->segments[log->segment_count - 1];
}
/* The number of the last segment with base offset <= `offset`; 0 when all are above. */
uint32_t log_segment_at(const struct log *log, int64_t offset);
void log_push_segment(struct log *log, struct segment *segment);
void log_notify(struct log *log);
/* An error of a read: what is the log's state or the moment's lack is told as it is, a failing disk
 * takes the directory offline. */
int log_read_failed(struct log *log, int err);
/* A disk call failed: the directory and all its logs go offline. Returns ERR_KAFKA_STORAGE_ERROR.
 */
int log_fail(struct log *log, int err, const char *action);
/* Whether a roll could open what it needs; idle segments are closed to make room. Asked before
 * anything is changed: an operation that must not end in its middle does not begin. */
bool log_files_ready(struct log *log);
/* Whether an error means that the files are damaged and the disk is well; it is then said in the
 * log, now and then. */
bool log_tell_damage(struct log *log, int err);
/* A job of this log ended; the log may be gone afterwards. */
void log_job_end(struct log *log);
void log_write_epochs(struct log *log);
void log_forget_positions(struct log *log);

/* ---- log_cut.c ---- */

/* Begins a new active segment at `base_offset`. An error of env_is_later has changed nothing. */
int log_roll(struct log *log, int64_t base_offset) MUST_CHECK;
/* Deletes the first `count` segments. ERR_NO_SPACE: nothing was changed; it may be tried again. */
int log_drop_first(struct log *log, uint32_t count) MUST_CHECK;
/* Deletes `count` segments from number `at` on, in the background; the active one is not among
 * them. */
int log_drop_segments(struct log *log, uint32_t at, uint32_t count) MUST_CHECK;
/* Puts a segment in as number `at`. */
void log_insert_segment(struct log *log, uint32_t at, struct segment *segment);

/* ---- log_producers.c ---- */

/* The state of producers goes to <end>.snapshot, in the background. */
void log_write_snapshot(struct log *log);
/* Producer state up to `end_offset` from the newest snapshot at or below it and the batches since.
 * `rebuild` (may be NULL) gets the aborted transactions whose marker is at or past its `from`. */
struct log_rebuild;
int log_load_producers(struct log *log, int64_t end_offset, struct log_rebuild *rebuild) MUST_CHECK;
/* Removes the snapshots past `offset`. */
void log_drop_snapshots_above(struct log *log, int64_t offset);
/* Its file went with a segment. */
void log_forget_snapshot(struct log *log, int64_t offset);

/* ---- log_txns.c ---- */

/* A transaction that was aborted goes into the index of the segment with its marker. */
int log_note_aborted(struct log *log, struct segment *segment,
                     const struct producer_txn *txn) MUST_CHECK;
/* The aborted transactions with data below `end` and a marker at or past `from`, by their first
 * offset. `cold` as in log_read_now, its segment not pinned; NULL: the disk is waited for. */
int log_find_aborted(struct log *log, int64_t from, int64_t end, struct log_cold *cold,
                     struct log_aborted *found) MUST_CHECK;

/* Entries that are found while batches are read, by rising offset. */
struct log_rebuild {
    int64_t from;
    struct log_rebuilt {
        struct segment *segment;
        struct txn_index_entry entry;
    } * found;
    size_t count;
    size_t cap;
};
void log_rebuild_add(struct log_rebuild *rebuild, const struct log *log, struct segment *segment,
                     const struct producer_txn *txn);
/* Producers and the indexes of aborted transactions when a log is opened. What was not synced when
 * the process before ended lies past `trusted`; `controls`: there are control batches behind it.
 * `left`: what a clean stop left, else NULL. Indexes that are not as it says are made again from
 * all batches; `note` may get a sentence then. */
int log_recover_producers(struct log *log, int64_t trusted, bool controls,
                          const struct log_leavings *left, struct buf *note) MUST_CHECK;

/* ---- log_marks.c ---- */

/* The log is about to be cut at `offset`. */
int log_mark_cut(struct log *log, int64_t offset) MUST_CHECK;
/* The recovery point is on disk: the marker that was there when it was written goes. */
void log_unmark_cut(struct log *log);
/* Offsets are about to be missing between segments: compaction took them, here or on the leader. In
 * any other log a segment that ends before the next one begins has lost something. */
int log_mark_gaps(struct log *log) MUST_CHECK;
/* All segments are about to make way for a new one at `offset`; and it is there. */
int log_mark_begin(struct log *log, int64_t offset) MUST_CHECK;
int log_unmark_begin(struct log *log, int64_t offset) MUST_CHECK;
/* The first segment is about to be one at `offset`: what lies below goes on purpose. */
int log_mark_start(struct log *log, int64_t offset) MUST_CHECK;
/* `segment` is about to be begun behind `before`. */
int log_mark_after(struct log *log, struct segment *segment,
                   const struct segment *before) MUST_CHECK;
/* The one before it is flushed, or `segment` goes. */
int log_unmark_after(struct log *log, struct segment *segment) MUST_CHECK;

/* ---- log_append.c ---- */

/* Appends what append_prepare has let through. */
int log_append_prepared(struct log *log, struct append_input *input, int32_t leader_epoch,
                        struct log_append *result) MUST_CHECK;

/* ---- log_retention.c ---- */

/* Deletes segments that are over the limits of time and size. */
void log_retain(struct log *log, int64_t now_ms);

#endif
