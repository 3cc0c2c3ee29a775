/* Opening a partition's log: its directory, partition.metadata, then recovery, all on a worker.
 *
 * Happy path: the directory is there and of this topic id, or is made, with an incarnation of its
 * own (checkpoints.h). A new directory costs two calls and no sync: it is made durable with its
 * first flush.
 * Failure modes: a directory of another topic id is set aside and kept; a damaged log is closed
 * and reported as ERR_CORRUPT, like one whose files are gone, and a file in its directory
 * (replica.damaged) says so to all later starts: what one recovery found wrong the next one may not
 * look at again. A disk error takes the log directory offline; on a full disk it is tried again. */
#include "broker/log/log_open.h"

#include <string.h>

#include "base/mem.h"
#include "base/mutation.h"
#include "broker/log/checkpoints.h"
#include "broker/log/flush.h"
#include "broker/log/future.h"
#include "broker/log/log_manager_private.h"
#include "broker/log/partition_metadata.h"
#include "broker/log/recovery.h"
#include "broker/log/roster.h"
#include "broker/log/stray.h"
#include "broker/log/twin.h"

enum { DAMAGE_FILE_MAX = 4096 };

struct log_open_job {
    struct env_work work;
    struct list waiting;
    struct log_manager *manager;
    struct log_entry *entry;
    struct log_entry known; /* a copy for the worker */
    struct uuid topic_id;   /* as asked for */
    struct uuid made_as;    /* the incarnation, if the directory is made: see checkpoints.h */
    struct log *log;
    char *aside; /* where a directory of another topic id goes */
    bool was_moved;
    struct buf note;
    int err;
    void (*done)(void *data, int err, struct log *log);
    void *data;
};

/* Whether there are records in the directory. Blocks. */
static int has_records(struct env *env, const char *dir, bool *has)
{
    char **names;
    size_t count;
    int rc = env_dir_list(env, dir, &names, &count);
    *has = false;
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        int64_t offset;
        struct env_file *file;
        const char *suffix = segment_parse_name(names[i], &offset);
        char *path = mem_printf("%s/%s", dir, names[i]);
        if (rc == 0 && suffix && strcmp(suffix, ".log") == 0)
            rc = env_file_open(env, path, ENV_OPEN_READ, &file);
        else
            file = NULL;
        if (rc == 0 && file) {
            *has |= env_file_size(file) != 0;
            env_file_close(file);
        }
        mem_free(path);
    }
    env_dir_list_free(names, count);
    return rc;
}

/* The directory does not say that it is of this topic. If it had been, and held a record that
 * counts, the roster would know: else it is of another one, and not to be mixed with ours. */
static int set_dir_aside(struct env *env, struct log_open_job *job, int found)
{
    struct log *log = job->log;
    bool records = true;
    int rc = found == 0 ? 0 : has_records(env, log->path, &records);
    if (rc < 0)
        return rc;
    if (log->recorded) {
        buf_printf(&job->note, "%s/partition.metadata %s, although this broker had the topic here",
                   log->path, found == 0 ? "names another topic id" : "does not name the topic id");
        return ERR_CORRUPT;
    }
    if (!records)
        return 0; /* made and never flushed: it becomes this topic's */
    rc = env_path_rename(env, log->path, job->aside);
    job->was_moved = rc == 0;
    return rc;
}

/* Whether the directory was made when the records were taken for lost already: that it is empty
 * then tells nothing of what was here before. */
static int read_doubt(struct env *env, struct log *log)
{
    char *path = mem_printf("%s/" LOG_DOUBT_FILE, log->path), *text = NULL;
    size_t len;
    int rc = env_file_load(env, path, DAMAGE_FILE_MAX, &text, &len);
    log->proven = rc == ERR_NOT_FOUND && !log->recorded;
    mem_free(text);
    mem_free(path);
    return env_is_later(rc) || rc == ERR_IO ? rc : 0;
}

/* Before partition.metadata: a directory that names its topic has its doubt with it. */
static int write_doubt(struct env *env, struct log *log)
{
    static const char text[] = "made when the records that had been here were taken for lost\n";
    char *path = mem_printf("%s/" LOG_DOUBT_FILE, log->path);
    int rc = env_file_replace(env, path, text, strlen(text));
    mem_free(path);
    return rc;
}

/* The doubt goes along with a copy. What can't be told counts as doubted. */
static bool is_doubted(struct env *env, const char *origin)
{
    char *path = origin ? mem_printf("%s/" LOG_DOUBT_FILE, origin) : NULL;
    bool doubted = path && env_path_exists(env, path);
    mem_free(path);
    return doubted;
}

/* A copy names what it copies, and what that one took the place of. */
static int write_metadata(struct env *env, const struct log_open_job *job)
{
    const struct log *log = job->log;
    const char *origin = job->known.origin;
    struct partition_metadata was, metadata = {.topic_id = log->topic_id,
                                               .incarnation = log->incarnation,
                                               .replaces = job->known.replaces,
                                               .replaces_dir = job->known.replaces_dir};
    int rc = origin ? partition_metadata_read(env, origin, &was) : ERR_NOT_FOUND;
    if (rc == 0)
        partition_metadata_inherit(&metadata, &was, &log->dir->id);
    /* It is no fault of this directory's disk when that of the other can't be read. */
    if (rc < 0 && rc != ERR_NOT_FOUND && rc != ERR_MALFORMED)
        return env_is_later(rc) ? rc : ERR_KAFKA_STORAGE_ERROR;
    return partition_metadata_write(env, log->path, &metadata);
}

/* The directory of this very topic, made if need be. */
static int prepare_dir(struct env *env, struct log_open_job *job)
{
    struct log *log = job->log;
    struct partition_metadata found;
    bool fresh = !job->known.exists;
    int rc = 0;
    if (!fresh) {
        rc = partition_metadata_read(env, log->path, &found);
        log->incarnation = found.incarnation;
        if (rc == 0 && uuid_is_zero(&log->topic_id))
            log->topic_id = found.topic_id;
        if (rc == 0 && uuid_equal(&found.topic_id, &log->topic_id)) {
            log->sync_parent = !log->recorded;
            checkpoints_forget_others(&job->known, &log->incarnation);
            return log->config->doubted ? read_doubt(env, log) : 0;
        }
        if (rc == 0 || rc == ERR_NOT_FOUND || rc == ERR_MALFORMED)
            rc = set_dir_aside(env, job, rc);
        fresh = job->was_moved;
    }
    if (rc < 0)
        return rc;
    if (fresh) {
        job->known.recovery_point = job->known.high_watermark = 0;
        job->known.start_offset = job->known.cleaned_offset = 0;
        job->known.left = (struct log_leavings){0};
        rc = env_dir_make(env, log->path);
    }
    if (!uuid_is_zero(&log->topic_id)) /* else there is no file to name it */
        log->incarnation = job->made_as;
    checkpoints_forget_others(&job->known, &log->incarnation);
    log->sync_parent = true;
    if (rc == 0 && (log->config->doubted || is_doubted(env, job->known.origin)))
        rc = write_doubt(env, log);
    return rc < 0 ? rc : write_metadata(env, job);
}

/* What an earlier start found: ERR_CORRUPT, or 0 when there is nothing of that kind. */
static int read_damage(struct env *env, struct log_open_job *job)
{
    char *path = mem_printf("%s/" LOG_DAMAGE_FILE, job->log->path), *text = NULL;
    size_t len = 0;
    int rc = env_file_load(env, path, DAMAGE_FILE_MAX, &text, &len);
    if (rc == 0 || rc == ERR_TOO_LARGE)
        buf_printf(&job->note, "%s (so says %s, from an earlier start)",
                   len > 0 ? text : "it is damaged", path);
    mem_free(text);
    mem_free(path);
    return rc == 0 || rc == ERR_TOO_LARGE ? ERR_CORRUPT : rc == ERR_NOT_FOUND ? 0 : rc;
}

/* If it can't be written, the directory gets no clean mark, and the next start looks again. */
static void write_damage(struct env *env, struct log_open_job *job)
{
    char *path = mem_printf("%s/" LOG_DAMAGE_FILE, job->log->path);
    int rc = env_file_replace(env, path, buf_text(&job->note), job->note.len);
    if (rc < 0)
        buf_printf(&job->note, " (%s can't be written: %s)", path, err_text(rc));
    mem_free(path);
}

/* Names what is in the place of a file and is none. */
static void open_note_no_file(struct env *env, struct log_open_job *job)
{
    char **names;
    size_t count;
    if (env_dir_list(env, job->log->path, &names, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        char *path = mem_printf("%s/%s", job->log->path, names[i]);
        struct env_file *file;
        int rc = env_file_open(env, path, ENV_OPEN_READ, &file);
        if (rc == 0)
            env_file_close(file);
        else if (rc == ERR_NO_FILE)
            buf_printf(&job->note, "%s%s", job->note.len > 0 ? ", " : "", path);
        mem_free(path);
    }
    env_dir_list_free(names, count);
}

static void open_run(struct env_work *work)
{
    struct log_open_job *job = CONTAINER_OF(work, struct log_open_job, work);
    if (job->err < 0)
        return;
    if (job->known.lost) {
        buf_printf(&job->note, "%s is gone, although this broker had records of it",
                   job->log->path);
        job->err = ERR_CORRUPT;
        return;
    }
    if (__atomic_load_n(&job->manager->shutting_down, __ATOMIC_RELAXED)) {
        job->err = ERR_CANCELED; /* a stop does not wait for recoveries that have not begun */
        return;
    }
    job->err = prepare_dir(work->env, job);
    if (job->err == 0)
        job->err = read_damage(work->env, job);
    if (job->err == 0) {
        job->err = recovery_run(job->log, &job->known, job->log->dir->clean, &job->note);
        if (job->err == ERR_CORRUPT)
            write_damage(work->env, job);
    }
    if (job->err == ERR_NO_FILE) {
        job->note.len = 0;
        open_note_no_file(work->env, job);
    }
}

static void open_job_free(struct log_open_job *job)
{
    mem_free(job->aside);
    buf_close(&job->note);
    mem_free(job);
}

/* The log enters the loop. */
static void open_adopt(struct log_open_job *job)
{
    struct log *log = job->log;
    ASSERT(job->entry->busy == false);
    ASSERT(job->entry->log == NULL);
    ASSERT(log->segment_count > 0);
    ASSERT(log->manager == job->manager);
    log->entry = job->entry;
    job->entry->log = log;
    log_move(log, LOG_OPEN);
    if (log->cut_marker >= 0)
        log->dir->checkpoint_dirty[CHECKPOINT_RECOVERY_POINT] =
            log->dir->checkpoint_dirty[CHECKPOINT_HIGH_WATERMARK] = true;
    ASSERT(log->segments[0]->file == NULL);
    for (uint32_t i = 0; i < log->segment_count; i++)
        log->segments[i]->pool = &job->manager->pool;
    if (!log->recorded && log->end_offset > log->segments[0]->base_offset) {
        log->sync_dir = true; /* it has records: a flush puts it on the roster */
        flush_later(log);
    }
    log_check_state(log);
    if (job->entry->replaces_others)
        twin_remove_replaced(job->entry);
    if (job->note.len > 0)
        logger_warn(job->manager->logger, "%s", buf_text(&job->note));
}

/* The one line about it: whoever opens the log says no more. */
static void open_tell_damage(struct log_open_job *job)
{
    const char *remedy = "if none is in sync, restore the directory (a copy without the file "
                         "replica.damaged) and restart the broker, or let a replica with fewer "
                         "records lead (kafka-leader-election --election-type unclean)";
    logger_error(job->manager->logger,
                 "%s. The replica is not served here, and is fetched anew once another one "
                 "leads%s%s",
                 job->note.len > 0 ? buf_text(&job->note) : job->log->path,
                 job->known.doubled ? "" : "; ", job->known.doubled ? "" : remedy);
}

static void open_refuse(struct log_open_job *job)
{
    struct log_dir *dir = job->log->dir;
    ASSERT(job->err < 0);
    if (job->err == ERR_CORRUPT) {
        open_tell_damage(job);
    } else if (job->err != ERR_KAFKA_STORAGE_ERROR && job->err != ERR_CANCELED) {
        if (job->err == ERR_IO)
            log_dir_fail(dir, job->err, "open", job->log->path);
        else if (job->err == ERR_NO_FILE)
            logger_error(job->manager->logger,
                         "could not open %s: what is in the place of a file is none: move %s "
                         "away and restart the broker",
                         job->log->path, job->note.len > 0 ? buf_text(&job->note) : "it");
        else
            logger_error(job->manager->logger, "could not open %s: %s", job->log->path,
                         err_text(job->err));
        job->err = ERR_KAFKA_STORAGE_ERROR;
    }
    log_free(job->log);
    job->log = NULL;
}

/* Tried again, from the beginning, when there are descriptors, memory or space again. */
static void open_put_off(struct log_open_job *job)
{
    struct log *old = job->log;
    struct log_manager *manager = job->manager;
    int64_t now_ms = env_now_ms(manager->env);
    ASSERT(list_empty(&job->waiting));
    if (manager->lack_told_ms == 0 || now_ms - manager->lack_told_ms >= LOG_LACK_TOLD_MS) {
        manager->lack_told_ms = now_ms;
        logger_warn(manager->logger, "could not open %s: %s. It is tried again until it can",
                    old->path, err_text(job->err));
    }
    job->log = log_alloc(manager, old->dir, old->path, &job->topic_id, old->config);
    job->log->sync_dir = old->sync_dir;
    job->log->sync_parent = old->sync_parent;
    job->log->recorded = old->recorded;
    job->log->proven = !old->config->doubted;
    log_free(old);
    if (job->was_moved) /* what lies there now is a part of the new one */
        job->known.exists = false;
    job->err = 0;
    job->note.len = 0;
    list_push(&manager->waiting, &job->waiting);
    if (!env_timer_running(&manager->later_timer))
        env_timer_start(&manager->later_timer, LOG_LATER_MS);
}

static void open_done(struct env_work *work)
{
    struct log_open_job *job = CONTAINER_OF(work, struct log_open_job, work);
    struct log_manager *manager = job->manager;
    if (manager->jobs.abandoned) {
        log_free(job->log);
    } else {
        bool later = env_is_later(job->err) || job->err == ERR_NO_SPACE;
        if (later && !manager->shutting_down) {
            open_put_off(job);
            return;
        }
        ASSERT(job->entry->busy);
        job->entry->busy = false;
        job->entry->exists |= job->err != ERR_CANCELED && !job->known.lost;
        job->entry->recovery_point = job->known.recovery_point;
        job->entry->high_watermark = job->known.high_watermark;
        job->entry->start_offset = job->known.start_offset;
        job->entry->cleaned_offset = job->known.cleaned_offset;
        if (job->was_moved) {
            logger_warn(manager->logger,
                        "%s is of an older topic of that name: it is kept, set aside as %s. Remove "
                        "that folder when its records are of no use",
                        job->log->path, job->aside);
            stray_add(job->entry->dir, job->aside);
        }
        if (job->err == 0)
            open_adopt(job);
        else
            open_refuse(job);
        if (job->err == 0 && !manager->shutting_down)
            manager->opened(job->log);
        /* A broker that stops has nobody left to tell. */
        if (!manager->shutting_down)
            job->done(job->data, job->err, job->log);
    }
    open_job_free(job);
    (void)log_jobs_end(&manager->jobs);
}

/* Jobs of a deleted log may still write to the path, or one take the folder there away. */
static bool must_wait(const struct log_open_job *job)
{
    if (future_name_is_taken(job->manager, job->log->path))
        return true;
    LIST_EACH(step, &job->manager->closing)
        if (strcmp(LIST_ENTRY(step, struct log, turn)->path, job->log->path) == 0)
            return true;
    return false;
}

static void open_submit(struct log_open_job *job)
{
    if (must_wait(job))
        list_push(&job->manager->waiting, &job->waiting);
    else
        env_work_submit(job->manager->env, &job->work, open_run, open_done);
}

void log_open_start(struct log_manager *manager, struct log_entry *entry,
                    const struct uuid *topic_id, const struct log_config *config,
                    void (*done)(void *data, int err, struct log *log), void *data)
{
    ASSERT(!entry->busy);
    ASSERT(!entry->log);
    ASSERT(done != NULL);
    struct log_open_job *job = mem_alloc(sizeof(*job));
    bool recorded = !entry->folder && !MUTATION(LOST_IS_EMPTY) &&
                    roster_has(manager, topic_id, entry->partition);
    entry->topic_id = *topic_id;
    entry->lost = recorded && !entry->exists;
    char *path = mem_printf("%s/%s", entry->dir->path, entry->folder ? entry->folder : entry->name);
    job->manager = manager;
    job->entry = entry;
    job->known = *entry;
    job->topic_id = *topic_id;
    env_random_bytes(manager->env, job->made_as.bytes, sizeof(job->made_as.bytes));
    job->log = log_alloc(manager, entry->dir, path, topic_id, config);
    job->log->recorded = recorded || uuid_is_zero(topic_id);
    job->log->proven = !config->doubted;
    job->aside = stray_path(entry->dir, entry->name);
    job->err = entry->dir->failed ? ERR_KAFKA_STORAGE_ERROR : 0;
    job->done = done;
    job->data = data;
    buf_init(&job->note);
    if (entry->doubled && job->err == 0) {
        twin_tell(entry, &job->note);
        job->err = ERR_CORRUPT;
    }
    list_init(&job->waiting);
    mem_free(path);
    entry->busy = entry->touched = true;
    log_jobs_begin(&manager->jobs);
    open_submit(job);
}

void log_open_resume(struct log_manager *manager)
{
    struct list waiting;
    list_init(&waiting);
    list_splice(&waiting, &manager->waiting);
    struct list *step;
    while ((step = list_pop(&waiting)))
        open_submit(LIST_ENTRY(step, struct log_open_job, waiting));
}

void log_open_drop_waiting(struct log_manager *manager)
{
    struct list *step;
    while ((step = list_pop(&manager->waiting))) {
        struct log_open_job *job = LIST_ENTRY(step, struct log_open_job, waiting);
        log_free(job->log);
        open_job_free(job);
        log_jobs_cancel(&manager->jobs);
    }
}
