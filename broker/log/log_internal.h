/* The inside of a log and of the manager, for the files of this folder only. */
#ifndef BROKER_LOG_LOG_INTERNAL_H
#define BROKER_LOG_LOG_INTERNAL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/logger.h"
#include "base/map.h"
#include "broker/log/epochs.h"
#include "broker/log/log.h"
#include "broker/log/log_manager.h"
#include "broker/log/producer_state.h"
#include "broker/log/segment.h"
#include "env/steady_clock.h"

enum {
    /* Batches whose position is remembered, for reads at the tail and for the high watermark: more
     * than a producer has in flight. */
    LOG_RING = 32,
    /* Segments with open files (three descriptors each) when the owner does not say. */
    LOG_OPEN_SEGMENTS = 2048,
    /* Descriptors that one roll may need: the old segment's indexes, its marker, the new file with
     * its indexes. An append, a cut or a removal needs no more. */
    LOG_ROLL_FILES = 8,
    LOG_LACK_TOLD_MS = 10000,       /* between two lines about it, or about damage */
    LOG_LATER_MS = 100,             /* until what lacked descriptors or memory is tried again */
    LOG_CHECKPOINTS = 4,            /* enum checkpoint */
    LOG_SERVED_MAX = 256,           /* broker epochs that a directory notes: served.h */
    LOG_NAME_MAX = 249 + 1 + 10 + 1 /* topic, dash, partition, NUL */
};

/* In a partition's directory: what a start found wrong with it; and see log_mark_gaps. */
#define LOG_DAMAGE_FILE "replica.damaged"
#define LOG_GAPS_FILE   "replica.gaps"
#define LOG_DOUBT_FILE  "replica.doubted"

/* In the mark of a clean stop, before the checksum of .segments. */
#define LOG_MARK_FIELD "\"segments\":"

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
    struct log_config config;
    struct segment **segments; /* by base offset; the last one is active; never empty */
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
    void *watch_data;
    bool want_notify;
    bool sync_dir;          /* files were made since the directory was synced */
    bool sync_parent;       /* so was the directory itself */
    bool recorded;          /* named in the roster: see roster.h */
    int64_t gap_to;         /* where a batch of the leader may begin; 0 = only at the end */
    bool proven;            /* never had records that could be lost: see log_is_proven */
    int64_t cleaned_offset; /* below it all was compacted */
    int64_t damage_told_ms; /* 0 = never */
    bool unreadable_told;   /* a batch that nobody can read was told of */
    bool gaps;              /* offsets may be missing between its segments: see log_mark_gaps */
    bool epochs_writing;
};

/* What a clean stop left of a log: see leavings.h. */
struct log_leavings {
    bool known;
    uint32_t segments; /* that hold anything */
    uint32_t crc;
    uint64_t bytes;
};

/* What is known of a partition's directory, open or not. */
struct log_entry {
    char *name; /* "topic-0" */
    int32_t partition;
    struct uuid topic_id; /* that it was opened for */
    struct log_dir *dir;
    struct log *log; /* NULL while closed */
    int64_t recovery_point;
    int64_t high_watermark;
    int64_t start_offset;
    int64_t cleaned_offset;
    struct uuid incarnations[LOG_CHECKPOINTS]; /* whose these four are, by enum checkpoint */
    struct log_leavings left;                  /* of the last stop, when it was clean */
    bool exists;                               /* on disk */
    bool busy;                                 /* being opened */
    bool touched;                              /* this process began to open it */
    bool lost;                                 /* the roster has it, and there are no files */
    bool doubled;                              /* other directories have it too: see twin.h */
    bool twin;                                 /* such another one: in the map under its path */
};

struct log_dir {
    struct log_manager *manager;
    char *path;
    struct env_file *lock;
    struct uuid id;
    int entry_count;
    bool failed;
    bool clean;             /* shut down cleanly the last time */
    bool leavings_written;  /* by this stop: see leavings.h */
    int64_t metadata_index; /* in its .metadata-index */
    bool metadata_writing;
    int64_t served[LOG_SERVED_MAX]; /* the broker epochs in its .served-epochs, the newest last */
    uint32_t served_count;
    bool served_laid; /* one in each slot of that file, so that the next needs no room */
    bool served_writing;
    int64_t leavings_crc;                   /* as the mark of the clean stop has it; -1 = none */
    bool fail_pending;                      /* to be told to the owner */
    bool checkpoint_dirty[LOG_CHECKPOINTS]; /* by enum checkpoint: differs from the file */
    bool checkpoint_writing[LOG_CHECKPOINTS];
    bool start_wanted; /* somebody waits for the checkpoint of the log starts */
    bool full;         /* nearly: clients' appends are refused until there is clearly room again */
    bool hangs;        /* a flush does not end */
    bool flush_late;
    char *refusal;          /* what they are told */
    int64_t space;          /* free bytes, less what was written since it was asked */
    int64_t space_asked_us; /* 0 = never, or it was not told */
};

/* Files and directories to be removed. */
struct log_trash {
    struct list link;
    char *path;
    int64_t due_us;
};

/* A directory that the metadata did not name, set aside. */
struct log_stray {
    struct log_dir *dir;
    char *path;
    int64_t since_ms; /* wall clock; -1 = not known */
    int64_t size;     /* -1 = not known yet */
};

struct log_manager {
    struct env *env;
    struct logger *logger;
    struct log_manager_config config;
    struct log_manager_events events;
    void *data;
    char *cluster_id; /* "" = not known */
    struct log_dir *dirs;
    struct map entries; /* name -> struct log_entry */
    struct map roster;  /* names of what had records: see roster.h */
    struct segment_pool pool;
    struct steady_clock clock; /* for what expires */
    struct list turn;
    struct list trash;
    struct log_stray *strays;
    size_t stray_count;
    struct list closing; /* deleted logs that wait for their jobs (log->turn) */
    struct list waiting; /* opens that wait for such a log */
    struct list lookups; /* by time, that wait for a worker; it has the first */
    bool lookup_runs;
    bool waits_ended;        /* nobody waits for a worker any more */
    struct list check_lines; /* with a check that may begin, in turn */
    struct list check_longs; /* checks that take more than a quick look; one at a time */
    struct list check_jobs;  /* on the worker pool */
    uint32_t checks_quick;   /* of them */
    bool check_long_runs;
    size_t producers; /* known in all logs; workers count too */
    struct env_timer turn_timer;
    struct env_timer later_timer; /* logs whose flush lacked descriptors */
    struct env_timer trash_timer;
    struct env_timer retention_timer;
    struct env_timer space_timer;
    struct env_timer flush_timer;
    int64_t flush_due_ms;                                /* when it fires; 0 = it does not */
    struct env_timer checkpoint_timers[LOG_CHECKPOINTS]; /* by enum checkpoint */
    struct env_timer cleaner_timer;
    int64_t lack_told_ms;      /* of descriptors; 0 = never */
    struct cleaning *cleaning; /* the run that goes on, or NULL */
    uint64_t clean_turns;      /* runs of compaction so far */
    int64_t metadata_index;    /* the newest entry that was applied, also before this process */
    int64_t metadata_term;
    int64_t serves; /* the broker epoch that every directory is to note: see served.h */
    void (*served_done)(void *data);
    void *served_data;
    struct env_timer served_timer;
    struct env_timer mark_timer; /* metadata_mark.h */
    uint32_t jobs;
    bool freed; /* waiting for the last job */
    void (*shutdown_done)(void *data);
    void *shutdown_data;
    bool shutting_down; /* workers read it too, to end early */
    bool shut;          /* and that is done */
    int shutdown_step;
};

/* Nothing may change or read a log that is being closed: what is marked as clean stays so. */
static inline void log_check_in_use(const struct log *log)
{
    ASSERT(!log->manager->shutting_down);
}

/* ---- log.c ---- */

struct log *log_alloc(struct log_manager *manager, struct log_dir *dir, const char *path,
                      const struct uuid *topic_id, const struct log_config *config);
void log_move(struct log *log, enum log_state to);
/* What holds whenever a call of log.h returns, as far as that is seen at once. */
void log_check_state(const struct log *log);
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
/* Calls the watcher at the end of this turn of the loop. */
void log_notify_later(struct log *log);
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
 */
int log_load_producers(struct log *log, int64_t end_offset) MUST_CHECK;
/* Removes the snapshots past `offset`. */
void log_drop_snapshots_above(struct log *log, int64_t offset);
/* Its file went with a segment. */
void log_forget_snapshot(struct log *log, int64_t offset);

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

/* ---- append_check.c ---- */

enum {
    /* A batch may open to a hundred times the largest one that is taken, and never to more than
     * this. */
    APPEND_OPEN_RATIO = 100,
    APPEND_OPEN_MAX = 128 << 20,
    /* What a quick look at a batch may decompress, and hold of it at once: nearly all batches open
     * to less. The others have to wait for each other (log_check.c). */
    APPEND_QUICK_OUT = 16 << 20,
    APPEND_QUICK_HOLD = 8 << 20,
    APPEND_MESSAGES_MAX = 64 << 20 /* what a message set of an old client may open to */
};

/* Batches on their way into a log. */
struct append_input {
    uint8_t *bytes;
    size_t len;
    enum log_origin origin;
    int64_t now_ms;   /* wall clock */
    bool is_messages; /* of magic 0 and 1, to be made a batch */
    bool quick;       /* ERR_AGAIN where it would take more than the quick limits */
    struct buf made;  /* `bytes` are here when they are not those that came */
};

/* Checks batches of a client or of one of our coordinators without the log; `bytes` may then be
 * others, and have their true largest timestamps. 0 or what log_append returns. Any thread. */
int append_prepare(struct append_input *input, const struct log_config *config,
                   struct log_append *result) MUST_CHECK;
/* The part that asks the log: sequences of producers. */
int append_check_producers(struct log *log, const struct append_input *input,
                           struct log_append *result) MUST_CHECK;
/* Checks batches from the leader; *whole is the length of the complete ones. */
int append_check_replicated(struct log *log, const uint8_t *bytes, size_t len, size_t *whole,
                            struct log_append *result) MUST_CHECK;

/* ---- append_records.c ---- */

/* Whether the records of a client's batch are looked at. */
bool append_opens(const struct log_config *config);
/* What a batch may open to. */
size_t append_open_max(const struct log_config *config);
/* Looks at all records of the batch and puts the largest timestamp into its header. */
int append_check_records(const struct append_input *input, const struct log_config *config,
                         uint8_t *bytes, size_t size, struct log_append *result) MUST_CHECK;
/* The error of a codec as one of log_append, with a message; ERR_AGAIN for a quick look. */
int append_open_failed(const struct append_input *input, int err,
                       struct log_append *result) MUST_CHECK;

/* ---- append_rewrite.c ---- */

/* Gives the batches the topic's codec. They are checked otherwise. */
int append_rewrite(struct append_input *input, const struct log_config *config,
                   struct log_append *result) MUST_CHECK;

/* ---- log_append.c ---- */

/* Appends what append_prepare has let through. */
int log_append_prepared(struct log *log, struct append_input *input, int32_t leader_epoch,
                        struct log_append *result) MUST_CHECK;

/* ---- log_check.c ---- */

/* Answers who waits. */
void log_end_checks(struct log_manager *manager);

/* ---- flush.c ---- */

/* A flush of what is in the log now begins at the end of this turn, or when the running one ends.
 */
void flush_later(struct log *log);
void flush_start(struct log *log);
/* A look at all logs in at most that time; 0, and further ahead than a life, is never. */
void flush_within(struct log_manager *manager, int64_t ms);
/* Flushes what has waited for flush.ms, else has the log looked at when it will have. */
void flush_look(struct log *log, int64_t now_ms);
/* Syncs an index file of a segment, if there is one. Blocks. */
int flush_index(struct env *env, const struct segment *segment, const char *suffix) MUST_CHECK;

/* ---- log_retention.c ---- */

/* Deletes segments that are over the limits of time and size. */
void log_retain(struct log *log, int64_t now_ms);

/* ---- recovery.c ---- */

/* Loads the log from its directory, on a worker. `note` gets sentences for the operator.
 * ERR_CORRUPT, ERR_IO, ... */
int recovery_run(struct log *log, const struct log_entry *entry, bool clean,
                 struct buf *note) MUST_CHECK;

/* ---- log_dir.c ---- */

/* Locks the directory and checks meta.properties. On an error `problem` says what to do. */
int log_dir_open(struct log_dir *dir, struct buf *problem) MUST_CHECK;
/* Takes the clean-shutdown mark and lists the partitions. */
int log_dir_list(struct log_dir *dir, struct buf *problem) MUST_CHECK;
void log_dir_close(struct log_dir *dir);
/* A fresh name to move a partition's directory to; the caller's to mem_free. */
char *log_dir_aside(struct log_dir *dir, const char *name, const char *suffix);
void log_dir_fail(struct log_dir *dir, int err, const char *action, const char *path);
/* Free bytes that are left for checkpoints, snapshots, deletions, and for the controller. */
int64_t log_dir_reserve(const struct log_dir *dir);
/* Asks how much is free: a directory becomes full when `len` more bytes would touch the reserve,
 * and has room again when twice the reserve is free. Its logs are told of either. */
void log_dir_ask_space(struct log_dir *dir, size_t len);
/* Whether the disk hangs: called each second. Its logs are told of a change. */
void log_dir_look_for_hang(struct log_dir *dir);
/* Whether `len` more bytes may be appended. */
bool log_dir_has_room(struct log_dir *dir, size_t len, enum log_origin origin);

/* ---- log_manager.c ---- */

void log_manager_turn(struct log_manager *manager, struct log *log);
/* Takes `path` (a file, or a directory *-delete) and removes it after the delay. */
void log_manager_trash(struct log_manager *manager, char *path, int64_t delay_ms);
/* Takes the path of a file whose name may be used again soon: it is renamed to .deleted at once,
 * and then removed. */
void log_manager_trash_renamed(struct log_manager *manager, char *path);
/* A log that was being deleted is gone. */
void log_manager_closed(struct log_manager *manager);
struct log_entry *log_manager_add_entry(struct log_manager *manager, struct log_dir *dir,
                                        const char *name);
void log_manager_remove_entry(struct log_entry *entry);
void log_manager_job_begin(struct log_manager *manager);
/* False when the manager has been freed: the job's results go nowhere. */
bool log_manager_job_end(struct log_manager *manager);

#endif
