/* Writes a small file on the worker pool: checkpoints, snapshots, epochs. */
#ifndef BROKER_LOG_FILE_JOB_H
#define BROKER_LOG_FILE_JOB_H

#include <stdint.h>

#include "base/buf.h"
#include "env/env.h"

struct log;
struct log_dir;
struct log_manager;

enum file_job_way { FILE_JOB_REPLACES, FILE_JOB_UNLESS_CUT, FILE_JOB_IN_PLACE };

struct file_job {
    struct env_work work;
    struct log_manager *manager;
    struct log_dir *dir;
    struct log *log; /* NULL for a file of the directory */
    char *path;
    struct buf data;
    int err;
    int64_t offset;      /* for `done` */
    uint32_t generation; /* of the log when the job began */
    enum file_job_way way;
    uint64_t at; /* where the bytes go, in place */
    void (*done)(struct file_job *job);
};

/* Replaces the file. Takes `path` and `data`. `done` is called on the loop unless the manager is
 * freed first; the job is freed after it. A full disk is logged and left to the next time; any
 * other error takes the directory offline. */
void file_job_start(struct log_dir *dir, struct log *log, char *path, struct buf *data,
                    int64_t offset, void (*done)(struct file_job *job));
/* Puts `data` over the bytes at `at` of a file that has them already: it needs no room, and one
 * sync. A power cut may leave any of its sectors as it was. */
void file_job_start_in_place(struct log_dir *dir, char *path, struct buf *data, uint64_t at,
                             int64_t offset, void (*done)(struct file_job *job));
/* The same as the first for a file that is wrong once the log is cut: it gets its name on the loop,
 * and not when the log was cut meanwhile (job->err is then ERR_CANCELED). The name becomes durable
 * later. */
void file_job_start_unless_cut(struct log *log, char *path, struct buf *data, int64_t offset,
                               void (*done)(struct file_job *job));

#endif
