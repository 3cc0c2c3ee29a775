/* Flushes in groups: while one runs on a worker, all that is appended waits for the next one.
 *
 * Happy path: an append asks for a flush; at the end of the loop's turn it starts: the directories
 * when there are new files, then the active segment and all before it that still have something
 * unflushed, with their indexes. When it is done the durable offset is what the end was when it
 * began. Failure modes: the first error is final. It is never tried again, since the system may
 * have dropped the pages: the whole directory goes offline. A file that could not be opened for
 * want of descriptors or memory was not synced, and the whole flush is done again a bit later. */
#include <string.h>

#include "base/mem.h"
#include "base/mutation.h"
#include "base/state.h"
#include "broker/log/checkpoints.h"
#include "broker/log/flush.h"
#include "broker/log/log_manager_private.h"
#include "broker/log/roster.h"

enum { METADATA_FILE_MAX = 4096 }; /* far above what is in it: a version and an id */
static const int64_t FLUSH_WITHIN_MAX_MS = INT64_C(1000) * 86400 * 365 * 100; /* it fits a timer */

struct flush_part {
    struct segment *segment; /* pinned */
    uint64_t size;
    bool trim;    /* the file goes to `size` first */
    bool sealed;  /* it gets no more appends */
    bool aborted; /* its index of aborted transactions was written, or cut */
    uint32_t aborted_count;
};

struct flush_job {
    struct env_work work;
    struct log_manager *manager;
    struct log *log;
    struct flush_part *parts;
    uint32_t count;
    int64_t first_base; /* of the first part */
    char *path;
    char *parent;
    char *record; /* the name for the roster, or NULL */
    int64_t target;
    uint32_t generation;
    bool sync_dir;
    bool sync_parent;
    int err;
};

/* No line: under load each append makes it go round. */
static void flush_move(struct log *log, enum flush_state to)
{
    static const struct state_row states[FLUSH_STATES] = {
        [FLUSH_IDLE] = {"idle", STATE_BIT(FLUSH_IDLE) | STATE_BIT(FLUSH_WANTED) |
                                    STATE_BIT(FLUSH_RUNNING) | STATE_BIT(FLUSH_PUT_OFF)},
        [FLUSH_WANTED] = {"wanted", STATE_BIT(FLUSH_IDLE) | STATE_BIT(FLUSH_PUT_OFF)},
        [FLUSH_RUNNING] = {"running", STATE_BIT(FLUSH_AGAIN) | STATE_BIT(FLUSH_IDLE)},
        [FLUSH_AGAIN] = {"running again", STATE_BIT(FLUSH_WANTED)},
        [FLUSH_PUT_OFF] = {"put off", STATE_BIT(FLUSH_IDLE)},
    };
    STATE_MOVE(states, log->flush.state, to);
}

void flush_later(struct log *log)
{
    if (log->flush.state == FLUSH_IDLE)
        flush_move(log, FLUSH_WANTED);
    else if (log->flush.state == FLUSH_RUNNING)
        flush_move(log, FLUSH_AGAIN);
    if (!log->flush.job)
        log_turn_add(&log->manager->turn, &log->turn);
    ASSERT(log->flush.state != FLUSH_IDLE);
    ASSERT(log->flush.state != FLUSH_RUNNING);
}

/* Kafka looks only every log.flush.scheduler.interval.ms, which by default is never. */
void flush_within(struct log_manager *manager, int64_t ms)
{
    if (ms <= 0 || ms > FLUSH_WITHIN_MAX_MS || manager->shutting_down)
        return;
    int64_t due_ms = env_now_ms(manager->env) + ms;
    if (manager->flush_due_ms > 0 && manager->flush_due_ms <= due_ms)
        return;
    manager->flush_due_ms = due_ms;
    env_timer_start(&manager->flush_timer, ms);
}

void flush_look(struct log *log, int64_t now_ms)
{
    int64_t wait_ms = log->config->flush_ms;
    if (log->unflushed_since_ms == 0 || wait_ms < 0)
        return;
    int64_t passed_ms = now_ms - log->unflushed_since_ms;
    if (passed_ms >= wait_ms)
        flush_later(log);
    else
        flush_within(log->manager, wait_ms - passed_ms);
}

/* Indexes of a segment that gets no more appends are made durable with it: a start then trusts
 * them. */
int flush_index(struct env *env, const struct segment *segment, const char *suffix)
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

/* Written once more, in place: after a sync that failed in an earlier process the kernel may hold
 * what is not on the disk for clean. */
static int flush_metadata(struct env *env, const char *dir)
{
    char *path = mem_printf("%s/partition.metadata", dir), *text = NULL;
    struct env_file *file;
    size_t len;
    int rc = env_file_load(env, path, METADATA_FILE_MAX, &text, &len);
    if (rc == 0)
        rc = env_file_open(env, path, ENV_OPEN_WRITE, &file);
    mem_free(path);
    if (rc == 0) {
        rc = env_file_write(file, text, len, 0);
        if (rc == 0)
            rc = env_file_sync(file);
        env_file_close(file);
    }
    mem_free(text);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* The directory is synced: a start knows of the cut, if there was one. What was cut gets no more
 * entries. */
static int flush_aborted(struct env *env, const struct flush_part *part)
{
    struct env_file *file;
    char *path = segment_path(part->segment, ".txnindex");
    int rc = env_file_open(env, path, ENV_OPEN_WRITE, &file);
    mem_free(path);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    if (part->trim)
        rc = env_file_truncate(file, (uint64_t)part->aborted_count * TXN_INDEX_ENTRY_LEN);
    if (rc == 0)
        rc = env_file_sync(file);
    env_file_close(file);
    return rc;
}

static int flush_part(struct env *env, const struct flush_part *part)
{
    ASSERT(part->segment->file != NULL);
    int rc = part->trim ? env_file_truncate(part->segment->file, part->size) : 0;
    if (rc == 0)
        rc = env_file_sync(part->segment->file);
    if (rc == 0 && part->sealed)
        rc = flush_index(env, part->segment, ".index");
    if (rc == 0 && part->sealed)
        rc = flush_index(env, part->segment, ".timeindex");
    /* A start trusts what lies below the recovery point. */
    if (rc == 0 && part->aborted)
        rc = flush_aborted(env, part);
    return rc;
}

/* Names come first: the markers of a cut have to be durable before the file is cut. */
static void flush_run(struct env_work *work)
{
    struct flush_job *job = CONTAINER_OF(work, struct flush_job, work);
    int rc = job->sync_parent ? flush_metadata(work->env, job->path) : 0;
    if (rc == 0 && job->sync_dir)
        rc = env_dir_sync(work->env, job->path);
    if (rc == 0 && job->sync_parent)
        rc = env_dir_sync(work->env, job->parent);
    for (uint32_t i = 0; i < job->count && rc == 0; i++)
        rc = flush_part(work->env, &job->parts[i]);
    /* It has files from now on; that they are gone would be a loss. */
    if (rc == 0 && job->record)
        rc = roster_write(job->manager, job->parent, job->record);
    job->err = rc;
}

static void flush_job_free(struct flush_job *job)
{
    mem_free(job->parts);
    mem_free(job->path);
    mem_free(job->parent);
    mem_free(job->record);
    mem_free(job);
}

/* The files are as large as they should be, unless they were cut again. Lets go of the segments. */
static void flush_release(struct flush_job *job)
{
    for (uint32_t i = 0; i < job->count; i++) {
        struct segment *segment = job->parts[i].segment;
        if (job->err == 0 && job->parts[i].trim && segment->size == job->parts[i].size)
            segment->trim = false;
        if (job->err < 0)
            segment->aborted.dirty |= job->parts[i].aborted;
        segment_unpin(segment);
    }
}

/* What was waiting for these segments to be on disk. */
static int flush_unmark(struct flush_job *job, struct log *log)
{
    ASSERT(job->generation == log->generation);
    int rc = 0;
    for (uint32_t i = log->segment_count; i-- > 1 && rc == 0;) {
        struct segment *segment = log->segments[i];
        if (segment->base_offset < job->first_base)
            break;
        if (segment->base_offset <= log->flushed_offset && !log->segments[i - 1]->trim)
            rc = log_unmark_after(log, segment);
    }
    return rc;
}

/* Nothing is durable that was not before, and nothing was told to be. */
static void flush_put_off(struct log *log, int err)
{
    struct log_manager *manager = log->manager;
    ASSERT(!log->flush.job);
    ASSERT(env_is_later(err));
    int64_t now_ms = env_now_ms(manager->env);
    if (manager->lack_told_ms == 0 || now_ms - manager->lack_told_ms >= LOG_LACK_TOLD_MS) {
        manager->lack_told_ms = now_ms;
        logger_warn(manager->logger, "could not flush %s: %s. It is tried again until it can",
                    log->path, err_text(err));
    }
    flush_move(log, FLUSH_PUT_OFF);
    (void)segment_pool_evict(&manager->pool, LOG_ROLL_FILES, log_active(log));
    if (!manager->shutting_down && !env_timer_running(&manager->later_timer))
        env_timer_start(&manager->later_timer, LOG_LATER_MS);
}

static void flush_finish(struct flush_job *job, struct log *log)
{
    if (MUTATION(FLUSH_ERROR_IGNORED))
        job->err = 0;
    if (env_is_later(job->err)) {
        log->sync_dir |= job->sync_dir;
        log->sync_parent |= job->sync_parent;
        flush_put_off(log, job->err);
        return;
    }
    if (job->err == 0 && job->record) {
        roster_add(log->manager, job->record);
        log->recorded = true;
    }
    if (job->err == 0 && job->generation == log->generation) {
        if (job->target > log->flushed_offset) {
            log->flushed_offset = job->target;
            log->dir->checkpoint_dirty[CHECKPOINT_RECOVERY_POINT] = true;
        }
        job->err = flush_unmark(job, log);
        ASSERT(log->flushed_offset <= log->end_offset);
    }
    if (job->err < 0)
        log_dir_fail(log->dir, job->err, "flush", log->path);
    if (log->flush.state == FLUSH_WANTED && !log_is_offline(log))
        flush_start(log);
    log_notify(log);
}

static void flush_done(struct env_work *work)
{
    struct flush_job *job = CONTAINER_OF(work, struct flush_job, work);
    struct log *log = job->log;
    struct log_manager *manager = job->manager;
    ASSERT(log->flush.job == job);
    ASSERT(log->jobs > 0);
    flush_release(job);
    ASSERT(job->err <= 0);
    flush_move(log, log->flush.state == FLUSH_AGAIN ? FLUSH_WANTED : FLUSH_IDLE);
    log->flush.job = NULL;
    log->jobs--;
    if (!manager->jobs.abandoned && log->state == LOG_CLOSING) {
        if (job->record)
            roster_remove_name(manager, job->record); /* written after it was taken away */
        if (log->jobs == 0)
            log_free(log);
    } else if (!manager->jobs.abandoned) {
        flush_finish(job, log); /* the log may be gone after it */
    }
    flush_job_free(job);
    (void)log_jobs_end(&manager->jobs);
}

/* Whether the segment has something to flush, or its marker waits for the one before it. */
static bool flush_wants(const struct log *log, const struct segment *segment)
{
    return segment->end_offset > log->flushed_offset || segment->trim || segment->after_size >= 0;
}

/* Pins the segments that have something unflushed, the last one always. */
static int flush_collect(struct log *log, struct flush_job *job)
{
    ASSERT(log->segment_count > 0);
    ASSERT(job->count == 0);
    uint32_t first = log->segment_count - 1;
    while (first > 0 && !MUTATION(FLUSH_LAST_ONLY) &&
           (flush_wants(log, log->segments[first - 1]) || log->segments[first]->after_size >= 0))
        first--;
    job->first_base = log->segments[first]->base_offset;
    job->parts = mem_alloc((log->segment_count - first) * sizeof(*job->parts));
    for (uint32_t i = first; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        if (segment->size == 0 && !segment->file && segment->fresh)
            continue; /* it has no file yet */
        int rc = segment_pin(segment);
        if (rc < 0)
            return rc;
        job->parts[job->count++] = (struct flush_part){segment,
                                                       segment->size,
                                                       segment->trim,
                                                       i + 1 < log->segment_count,
                                                       segment->aborted.dirty,
                                                       segment->aborted.count};
        segment->aborted.dirty = false; /* or the flush is done anew */
    }
    ASSERT(job->count <= log->segment_count - first);
    return 0;
}

void flush_start(struct log *log)
{
    /* A running flush does not cover what came after it began: another one follows. */
    if (log->flush.state == FLUSH_RUNNING)
        flush_move(log, FLUSH_AGAIN);
    if (log->flush.job)
        return;
    flush_move(log, FLUSH_IDLE);
    if (log_is_offline(log))
        return;
    if (log->flushed_offset == log->end_offset && !log->sync_dir)
        return;
    struct flush_job *job = mem_alloc(sizeof(*job));
    ASSERT(log->flushed_offset <= log->end_offset);
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
        job->err = rc;
        flush_release(job);
        flush_job_free(job);
        if (env_is_later(rc))
            flush_put_off(log, rc);
        else
            log_dir_fail(log->dir, rc, "flush", log->path);
        return;
    }
    if (!log->recorded && job->count > 0) {
        /* What the roster says that we have is durable before it: an earlier process may have made
         * the names and ended before it could sync them. */
        job->record = roster_name(&log->topic_id, log->entry->partition);
        job->sync_dir = job->sync_parent = true;
    }
    log->sync_dir = log->sync_parent = false;
    log->unflushed_count = 0;
    log->unflushed_since_ms = 0;
    ASSERT(log->state == LOG_OPEN);
    flush_move(log, FLUSH_RUNNING);
    log->flush.job = job;
    log->flush.since_ms = env_now_ms(log->manager->env);
    log->jobs++;
    log_jobs_begin(&log->manager->jobs);
    env_work_submit(log->manager->env, &job->work, flush_run, flush_done);
}
