/* One small file, replaced on a worker.
 *
 * Failure modes: ERR_NO_SPACE leaves the old file, and the caller tries again at the next interval;
 * other errors are final for the directory. */
#include "broker/log/file_job.h"

#include "base/mem.h"

static void file_job_run(struct env_work *work)
{
    struct file_job *job = CONTAINER_OF(work, struct file_job, work);
    job->err = env_file_replace(work->env, job->path, job->data.data, job->data.len);
}

static void file_job_done(struct env_work *work)
{
    struct file_job *job = CONTAINER_OF(work, struct file_job, work);
    struct log *log = job->log;
    struct log_manager *manager = job->manager;
    if (log)
        log->jobs--;
    if (!manager->freed) {
        /* The directory of a deleted log is gone, and nobody wants the file any more. */
        bool gone = log && log->closing;
        if (job->err == ERR_NO_SPACE)
            logger_warn(manager->logger, "%s was not written: %s", job->path, err_text(job->err));
        else if (job->err < 0 && !gone)
            log_dir_fail(job->dir, job->err, "write", job->path);
        if (job->done)
            job->done(job);
        if (gone && log->jobs == 0)
            log_free(log);
    }
    mem_free(job->path);
    buf_close(&job->data);
    mem_free(job);
    (void)log_manager_job_end(manager);
}

void file_job_start(struct log_dir *dir, struct log *log, char *path, struct buf *data,
                    int64_t offset, void (*done)(struct file_job *job))
{
    struct file_job *job = mem_alloc(sizeof(*job));
    job->manager = dir->manager;
    job->dir = dir;
    job->log = log;
    job->path = path;
    job->data = *data;
    buf_init(data);
    job->offset = offset;
    job->done = done;
    if (log) {
        log->jobs++;
        job->generation = log->generation;
    }
    log_manager_job_begin(dir->manager);
    env_work_submit(dir->manager->env, &job->work, file_job_run, file_job_done);
}
