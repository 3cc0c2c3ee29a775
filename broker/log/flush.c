/* Flushes in groups: while one runs on a worker, all that is appended waits for the next one.
 *
 * Happy path: an append asks for a flush; at the end of the loop's turn it starts, with the active
 * segment and all before it that still have something unflushed, their indexes and, for new files,
 * the directories. When it is done the durable offset is what the end was when it began.
 * Failure modes: the first error is final. It is never tried again, since the system may have
 * dropped the pages: the whole directory goes offline. */
#include <string.h>

#include "base/mem.h"
#include "broker/log/checkpoints.h"
#include "broker/log/log_internal.h"

struct flush_job {
    struct env_work work;
    struct log_manager *manager;
    struct log *log;
    struct segment **segments; /* pinned */
    uint32_t count;
    char *path;
    char *parent;
    int64_t target;
    uint32_t generation;
    bool sync_dir;
    bool sync_parent;
    int err;
};

void flush_later(struct log *log)
{
    log->want_flush = true;
    if (!log->flush)
        log_manager_turn(log->manager, log);
}

/* Indexes of a segment that gets no more appends are made durable with it: a start then trusts
 * them. */
static int flush_index(struct env *env, const struct segment *segment, const char *suffix)
{
    char *path = segment_path(segment, suffix);
    struct env_file *file;
    int rc = env_file_open(env, path, ENV_OPEN_WRITE, &file);
    mem_free(path);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    rc = env_file_sync(file);
    env_file_close(file);
    return rc;
}

static int flush_metadata(struct env *env, const char *dir)
{
    char *path = mem_printf("%s/partition.metadata", dir);
    struct env_file *file;
    int rc = env_file_open(env, path, ENV_OPEN_WRITE, &file);
    mem_free(path);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    rc = env_file_sync(file);
    env_file_close(file);
    return rc;
}

static void flush_run(struct env_work *work)
{
    struct flush_job *job = CONTAINER_OF(work, struct flush_job, work);
    int rc = 0;
    for (uint32_t i = 0; i < job->count && rc == 0; i++) {
        rc = env_file_sync(job->segments[i]->file);
        if (rc == 0 && i + 1 < job->count)
            rc = flush_index(work->env, job->segments[i], ".index");
        if (rc == 0 && i + 1 < job->count)
            rc = flush_index(work->env, job->segments[i], ".timeindex");
    }
    if (rc == 0 && job->sync_parent)
        rc = flush_metadata(work->env, job->path);
    if (rc == 0 && job->sync_dir)
        rc = env_dir_sync(work->env, job->path);
    if (rc == 0 && job->sync_parent)
        rc = env_dir_sync(work->env, job->parent);
    job->err = rc;
}

static void flush_job_free(struct flush_job *job)
{
    mem_free(job->segments);
    mem_free(job->path);
    mem_free(job->parent);
    mem_free(job);
}

static void flush_finish(struct flush_job *job, struct log *log)
{
    if (job->err < 0) {
        log_dir_fail(log->dir, job->err, "flush", log->path);
    } else if (job->generation == log->generation && job->target > log->flushed_offset) {
        log->flushed_offset = job->target;
        log->dir->checkpoint_dirty[CHECKPOINT_RECOVERY_POINT] = true;
    }
    if (log->want_flush && !log_is_offline(log))
        flush_start(log);
    log_notify(log);
}

static void flush_done(struct env_work *work)
{
    struct flush_job *job = CONTAINER_OF(work, struct flush_job, work);
    struct log *log = job->log;
    struct log_manager *manager = job->manager;
    for (uint32_t i = 0; i < job->count; i++)
        segment_unpin(job->segments[i]);
    log->flush = NULL;
    log->jobs--;
    if (!manager->freed && log->closing) {
        if (log->jobs == 0)
            log_free(log);
    } else if (!manager->freed) {
        flush_finish(job, log); /* the log may be gone after it */
    }
    flush_job_free(job);
    (void)log_manager_job_end(manager);
}

/* Pins the segments that have something unflushed, the last one always. */
static int flush_collect(struct log *log, struct flush_job *job)
{
    uint32_t first = log->segment_count - 1;
    while (first > 0 && log->segments[first - 1]->end_offset > log->flushed_offset)
        first--;
    job->segments = mem_alloc((log->segment_count - first) * sizeof(struct segment *));
    for (uint32_t i = first; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        if (segment->size == 0 && !segment->file && segment->fresh)
            continue; /* it has no file yet */
        int rc = segment_pin(segment);
        if (rc < 0)
            return rc;
        job->segments[job->count++] = segment;
    }
    return 0;
}

void flush_start(struct log *log)
{
    log->want_flush = false;
    if (log->flush || log_is_offline(log))
        return;
    if (log->flushed_offset == log->end_offset && !log->sync_active && !log->sync_dir)
        return;
    struct flush_job *job = mem_alloc(sizeof(*job));
    job->manager = log->manager;
    job->log = log;
    job->target = log->end_offset;
    job->generation = log->generation;
    job->sync_dir = log->sync_dir;
    job->sync_parent = log->sync_parent;
    job->path = mem_strdup(log->path);
    job->parent = mem_strdup(log->dir->path);
    int rc = flush_collect(log, job);
    if (rc < 0) {
        for (uint32_t i = 0; i < job->count; i++)
            segment_unpin(job->segments[i]);
        flush_job_free(job);
        log_dir_fail(log->dir, rc, "flush", log->path);
        return;
    }
    log->sync_dir = log->sync_parent = log->sync_active = false;
    log->unflushed_count = 0;
    log->unflushed_since_ms = 0;
    log->flush = job;
    log->jobs++;
    log_manager_job_begin(log->manager);
    env_work_submit(log->manager->env, &job->work, flush_run, flush_done);
}
