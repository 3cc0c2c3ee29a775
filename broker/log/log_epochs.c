/* The leader epochs of a log: questions, and their file, leader-epoch-checkpoint.
 *
 * Happy path: the file is replaced in the background after a change. Failure mode: it could not be
 * written for want of room; the next checkpoint tries again. */
#include "base/mem.h"
#include "broker/log/epochs.h"
#include "broker/log/file_job.h"
#include "broker/log/log_manager_private.h"

int32_t log_latest_epoch(const struct log *log)
{
    return epochs_latest(&log->epochs);
}

int log_assign_epoch(struct log *log, int32_t epoch)
{
    log_check_in_use(log);
    if (log_is_offline(log))
        return ERR_KAFKA_STORAGE_ERROR;
    epochs_assign(&log->epochs, epoch, log->end_offset);
    return 0;
}

void log_end_of_epoch(const struct log *log, int32_t epoch, int32_t *found, int64_t *end_offset)
{
    epochs_end_of(&log->epochs, epoch, log->end_offset, found, end_offset);
}

static void log_epochs_written(struct file_job *job)
{
    job->log->epochs_writing = false;
    if (job->err < 0)
        job->log->epochs.dirty = true;
    else if (job->log->epochs.dirty && job->log->state != LOG_CLOSING)
        log_write_epochs(job->log);
}

void log_write_epochs(struct log *log)
{
    if (!log->epochs.dirty || log->epochs_writing || log_is_offline(log))
        return;
    struct buf text;
    buf_init(&text);
    epochs_format(&log->epochs, &text);
    log->epochs.dirty = false;
    log->epochs_writing = true;
    file_job_start(log->dir, log, mem_printf("%s/leader-epoch-checkpoint", log->path), &text, 0,
                   log_epochs_written);
}
