/* A log directory: whether it works, its free space, and what files of it are to be written. */
#ifndef BROKER_LOG_LOG_DIR_H
#define BROKER_LOG_LOG_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/uuid.h"
#include "broker/log/log.h"
#include "broker/log/log_limits.h"

struct env_file;
struct log_manager;

struct log_dir {
    struct log_manager *manager;
    char *path;
    struct env_file *lock;
    struct uuid id;
    int entry_count;
    bool failed;
    bool clean;             /* shut down cleanly the last time */
    int64_t stopped_epoch;  /* the broker epoch in the mark of that stop; 0 = none */
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
    bool cordoned;     /* it gets no new partitions */
    bool full;         /* nearly: clients' appends are refused until there is clearly room again */
    bool hangs;        /* a flush does not end */
    bool flush_late;
    char *refusal;          /* what they are told */
    int64_t space;          /* free bytes, less what was written since it was asked */
    int64_t space_asked_us; /* 0 = never, or it was not told */
};

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

#endif
