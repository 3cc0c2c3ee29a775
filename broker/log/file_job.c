/* One small file, replaced on a worker; or written and synced there under another name, and renamed
 * on the loop; or written in place.
 *
 * Failure modes: ERR_NO_SPACE, and a lack of descriptors or memory, leave the old file, and the
 * caller tries again at the next interval; other errors are final for the directory. */
#include "broker/log/file_job.h"
#include "broker/log/log_manager_private.h"

#include "base/mem.h"

static char *temporary_path(const struct file_job *job)
{
    return mem_printf("%s.tmp", job->path);
}

static int file_job_write(struct env_work *work, const struct file_job *job, const char *path,
                          int flags)
{
    struct env_file *file;
    int err = env_file_open(work->env, path, ENV_OPEN_WRITE | flags, &file);
    if (err)
        return err;
    err = env_file_write(file, job->data.data, job->data.len, job->at);
    if (err == 0)
        err = env_file_sync(file);
    env_file_close(file);
    return err;
}

static void file_job_run(struct env_work *work)
{
    struct file_job *job = CONTAINER_OF(work, struct file_job, work);
    char *path;
    switch (job->way) {
    case FILE_JOB_REPLACES:
        job->err = env_file_replace(work->env, job->path, job->data.data, job->data.len);
        break;
    case FILE_JOB_UNLESS_CUT:
        path = temporary_path(job);
        job->err = file_job_write(work, job, path, ENV_OPEN_CREATE | ENV_OPEN_TRUNCATE);
        mem_free(path);
        break;
    case FILE_JOB_IN_PLACE:
        job->err = file_job_write(work, job, job->path, 0);
        break;
    }
}

/* Gives the file its name, if it is still wanted. */
static void file_job_rename(struct file_job *job)
{
    struct env *env = job->manager->env;
    char *path = temporary_path(job);
    if (job->err == 0 && job->generation != job->log->generation)
        job->err = ERR_CANCELED;
    if (job->err == 0)
        job->err = env_path_rename(env, path, job->path);
    else if (env_path_remove(env, path) < 0)
        logger_debug(job->manager->logger, "%s stays behind", path);
    mem_free(path);
}

static void file_job_report(struct file_job *job)
{
    if (job->err == ERR_NO_SPACE || env_is_later(job->err))
        logger_warn(job->manager->logger, "%s was not written: %s", job->path, err_text(job->err));
    else if (job->err < 0 && job->err != ERR_CANCELED)
        log_dir_fail(job->dir, job->err, "write", job->path);
    if (job->done)
        job->done(job);
}

static void file_job_done(struct env_work *work)
{
    struct file_job *job = CONTAINER_OF(work, struct file_job, work);
    struct log *log = job->log;
    struct log_manager *manager = job->manager;
    /* The directory of a deleted log is gone, and nobody wants the file any more. */
    bool gone = log && log->state == LOG_CLOSING;
    ASSERT(!log || log->jobs > 0);
    if (log)
        log->jobs--;
    if (!manager->jobs.abandoned && !gone) {
        if (job->way == FILE_JOB_UNLESS_CUT)
            file_job_rename(job);
        file_job_report(job);
    } else if (!manager->jobs.abandoned && log->jobs == 0) {
        log_free(log);
    }
    mem_free(job->path);
    buf_close(&job->data);
    mem_free(job);
    (void)log_jobs_end(&manager->jobs);
}

static struct file_job *file_job_new(struct log_dir *dir, struct log *log, char *path,
                                     struct buf *data, int64_t offset,
                                     void (*done)(struct file_job *job))
{
    ASSERT(path != NULL);
    ASSERT(dir->manager != NULL);
    ASSERT(!log || log->dir == dir);
    struct file_job *job = mem_alloc(sizeof(*job));
    job->manager = dir->manager;
    job->dir = dir;
    job->log = log;
    job->path = path;
    job->data = *data;
    buf_init(data);
    job->offset = offset;
    job->done = done;
    if (log)
        log->jobs++;
    log_jobs_begin(&dir->manager->jobs);
    return job;
}

void file_job_start(struct log_dir *dir, struct log *log, char *path, struct buf *data,
                    int64_t offset, void (*done)(struct file_job *job))
{
    struct file_job *job = file_job_new(dir, log, path, data, offset, done);
    env_work_submit(dir->manager->env, &job->work, file_job_run, file_job_done);
}

void file_job_start_in_place(struct log_dir *dir, char *path, struct buf *data, uint64_t at,
                             int64_t offset, void (*done)(struct file_job *job))
{
    struct file_job *job = file_job_new(dir, NULL, path, data, offset, done);
    job->way = FILE_JOB_IN_PLACE;
    job->at = at;
    env_work_submit(dir->manager->env, &job->work, file_job_run, file_job_done);
}

void file_job_start_unless_cut(struct log *log, char *path, struct buf *data, int64_t offset,
                               void (*done)(struct file_job *job))
{
    struct file_job *job = file_job_new(log->dir, log, path, data, offset, done);
    job->way = FILE_JOB_UNLESS_CUT;
    job->generation = log->generation;
    env_work_submit(log->manager->env, &job->work, file_job_run, file_job_done);
}
