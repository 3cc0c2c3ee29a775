/* The inside of the file channel: a log of puts and takes on disk, and the events that are next in
 * memory. It outlives its channel while jobs of it are on the worker pool. */
#ifndef AGENT_FILE_STORE_H
#define AGENT_FILE_STORE_H

#include "base/state.h"
#include "tools/agent/channel.h"
#include "tools/agent/file_segments.h"
#include "tools/agent/file_takes.h"

/* Events that follow each other, in memory. */
struct file_piece {
    struct list link;
    uint64_t first;
    size_t count;
    size_t bytes; /* of the bodies that are left */
    size_t at;    /* those before it have been taken */
    struct event *events;
};

struct file_write;
struct file_load;

enum file_state { FILE_READING, FILE_SERVING };

struct file_store {
    struct channel *channel; /* NULL = closed: the last job frees the store */
    enum file_state state;   /* while its files are read the segments are that job's alone */
    struct env *env;
    struct logger logger;
    struct file_segments segments;
    struct file_ranges done;
    struct file_takes *takes; /* NULL = it can't be written */
    uint64_t next;            /* the sequence number of the next event */
    uint64_t settled;         /* puts below it have ended, well or not */
    uint64_t log_next;        /* the end of the last put that is in the log */
    size_t count, capacity;
    uint64_t segment_max;
    int64_t space_min;
    bool syncs;
    /* writing */
    struct env_file *file; /* the last segment; NULL = the next write makes one */
    uint64_t number, offset;
    struct file_write *filling, *running;
    struct env_timer retry;
    int jobs;
    /* reading */
    struct list ready; /* struct file_piece, in order */
    size_t ready_bytes;
    bool behind; /* what follows `ready` is on disk only: from load_seq on */
    uint64_t load_seq, load_number, load_offset;
    size_t load_size;
    struct file_load *load;
    /* checkpoints */
    struct env_timer checkpoint;
    int64_t checkpoint_ms;
    uint64_t synced_to; /* the segments before this number are on disk, as far as they are there */
    bool checkpointing, changed, checkpoint_on_close;
    bool checkpoint_due; /* when the write that is under way ends */
    bool told;           /* a failure has been logged, and nothing has been written since */
};

/* ERR_x with a sentence in `problem`. */
int file_store_open(struct channel *channel, struct file_store **store,
                    struct buf *problem) MUST_CHECK;
/* No transaction is open. */
void file_store_close(struct file_store *store);
/* As those of a channel's type. */
int file_store_put(struct file_store *store, struct put *put) MUST_CHECK;
void file_store_forget(struct file_store *store, const struct put *put);
void file_store_take(struct file_store *store, struct take *take, size_t max);
void file_store_commit(struct file_store *store, uint64_t first, size_t count);
void file_store_rollback(struct file_store *store, const struct take *take);

/* ---- between its files ---- */

/* file_recovery.c: finds what the files have; the store serves when that has ended. */
void file_recovery_start(struct file_store *store);
/* file_write.c: a write of what has been put and taken, when none is under way. */
void file_write_start(struct file_store *store);
int file_write_put(struct file_store *store, struct put *put) MUST_CHECK;
void file_write_take(struct file_store *store, uint64_t first, uint64_t end);
void file_write_forget(struct file_store *store, const struct put *put);
/* The same at once, for a close. */
void file_write_last(struct file_store *store);
void file_write_open(struct file_store *store);
/* file_load.c: reads on, when there is room for it. */
void file_load_start(struct file_store *store);
/* A put is in the log, at the place: its events are the next ones, or are read later. */
void file_load_arrived(struct file_store *store, struct file_piece *piece, uint64_t number,
                       uint64_t offset);
/* file_channel.c: begins a checkpoint, or notes that it is due when a write ends. */
void file_store_checkpoint(struct file_store *store);
struct file_piece *file_piece_new(uint64_t first, size_t count);
void file_piece_free(struct file_piece *piece); /* with its events */
/* A job of the pool has ended; the store may be gone after it. */
void file_store_job_ended(struct file_store *store);

#endif
