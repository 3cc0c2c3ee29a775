/* Removes files in the background, so that neither a call nor the loop waits for it.
 *
 * Happy path: what is due goes to a worker, TRASH_BATCH at a time. Failure modes: what can't be
 * removed is told in one line a batch and stays; so does what is not due when the broker stops.
 * The next start finds both by their names. */
#include "broker/log/log_trash.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/log/log_limits.h"

enum { TRASH_BATCH = 256 /* removals in one job */ };

/* One file or directory. */
struct trash_item {
    struct list link;
    char *path;
    int64_t due_us;
};

struct trash_job {
    struct env_work work;
    struct log_trash *trash;
    char *paths[TRASH_BATCH];
    size_t count;
    int err;
    size_t err_at;
};

static void log_trash_run(struct env_work *work)
{
    struct trash_job *job = CONTAINER_OF(work, struct trash_job, work);
    for (size_t i = 0; i < job->count; i++) {
        size_t len = strlen(job->paths[i]);
        bool is_dir = len > 7 && strcmp(job->paths[i] + len - 7, "-delete") == 0;
        int rc = is_dir ? env_dir_remove(work->env, job->paths[i])
                        : env_path_remove(work->env, job->paths[i]);
        if (rc < 0 && rc != ERR_NOT_FOUND) {
            job->err = rc;
            job->err_at = i;
        }
    }
}

static void log_trash_done(struct env_work *work)
{
    struct trash_job *job = CONTAINER_OF(work, struct trash_job, work);
    struct log_jobs *jobs = job->trash->jobs;
    if (job->err < 0 && !jobs->abandoned)
        logger_warn(job->trash->logger, "could not remove %s: %s", job->paths[job->err_at],
                    err_text(job->err));
    for (size_t i = 0; i < job->count; i++)
        mem_free(job->paths[i]);
    mem_free(job);
    (void)log_jobs_end(jobs);
}

static void log_trash_arm(struct log_trash *trash)
{
    int64_t due_us = INT64_MAX;
    LIST_EACH(step, &trash->items) {
        struct trash_item *item = LIST_ENTRY(step, struct trash_item, link);
        due_us = item->due_us < due_us ? item->due_us : due_us;
    }
    int64_t delay_us = due_us - env_now_us(trash->env);
    if (due_us != INT64_MAX)
        env_timer_start_us(&trash->timer, delay_us > 0 ? delay_us : 0);
}

static void log_trash_due(void *data)
{
    struct log_trash *trash = data;
    int64_t now_us = env_now_us(trash->env);
    struct trash_job *job = mem_alloc(sizeof(*job));
    job->trash = trash;
    LIST_EACH(step, &trash->items) {
        struct trash_item *item = LIST_ENTRY(step, struct trash_item, link);
        if (item->due_us > now_us || job->count == TRASH_BATCH)
            continue;
        job->paths[job->count++] = item->path;
        list_remove(&item->link);
        mem_free(item);
    }
    ASSERT(job->count <= TRASH_BATCH);
    log_jobs_begin(trash->jobs);
    env_work_submit(trash->env, &job->work, log_trash_run, log_trash_done);
    log_trash_arm(trash);
}

void log_trash_init(struct log_trash *trash, struct env *env, struct logger *logger,
                    struct log_jobs *jobs)
{
    *trash = (struct log_trash){.env = env, .logger = logger, .jobs = jobs};
    list_init(&trash->items);
    env_timer_init(env, &trash->timer, log_trash_due, trash);
}

void log_trash_add(struct log_trash *trash, char *path, int64_t delay_ms)
{
    ASSERT(path != NULL);
    struct trash_item *item = mem_alloc(sizeof(*item));
    if (delay_ms > LOG_INTERVAL_MAX_MS)
        delay_ms = LOG_INTERVAL_MAX_MS;
    item->path = path;
    item->due_us = env_now_us(trash->env) + (delay_ms > 0 ? delay_ms * 1000 : 0);
    list_push(&trash->items, &item->link);
    if (!env_timer_running(&trash->timer) || trash->timer.due_us > item->due_us)
        log_trash_arm(trash);
}

void log_trash_add_renamed(struct log_trash *trash, char *path)
{
    char *to = mem_printf("%s.deleted", path);
    int rc = env_path_rename(trash->env, path, to);
    if (rc == 0)
        log_trash_add(trash, to, 0);
    else
        mem_free(to);
    if (rc < 0 && rc != ERR_NOT_FOUND)
        logger_warn(trash->logger, "could not remove %s: %s", path, err_text(rc));
    mem_free(path);
}

void log_trash_stop(struct log_trash *trash)
{
    env_timer_stop(&trash->timer);
}

void log_trash_close(struct log_trash *trash)
{
    struct list *step;
    log_trash_stop(trash);
    while ((step = list_pop(&trash->items))) {
        struct trash_item *item = LIST_ENTRY(step, struct trash_item, link);
        mem_free(item->path);
        mem_free(item);
    }
}
