/* Folders of a move that get another name on a worker.
 *
 * Happy path: the worker renames, and syncs the directory where somebody waits for that; then the
 * folder is trash, or a stray. Failure modes: a folder that is gone already is no error; one that
 * can't be renamed stays for the next start, and takes its log directory offline where records
 * count on it. A stop waits for what runs, and leaves the rest to the next start. */
#include <string.h>

#include "base/mem.h"
#include "broker/log/future_private.h"
#include "broker/log/log_open.h"
#include "broker/log/stray.h"

struct future_rename {
    struct list link; /* in manager->renames */
    struct env_work work;
    struct log_dir *dir;
    struct future *future; /* who waits, or NULL */
    enum future_rename_to to;
    int64_t delay_ms;
    char *path, *aside;
    int err;      /* of the rename */
    int sync_err; /* of what made it durable */
};

bool future_name_is_taken(const struct log_manager *manager, const char *path)
{
    LIST_EACH(step, &manager->renames)
        if (strcmp(LIST_ENTRY(step, struct future_rename, link)->path, path) == 0)
            return true;
    return false;
}

static void future_rename_run(struct env_work *work)
{
    struct future_rename *r = CONTAINER_OF(work, struct future_rename, work);
    r->err = env_path_rename(work->env, r->path, r->aside);
    if (r->err == 0 && r->to == FUTURE_RETIRED)
        r->sync_err = env_dir_sync(work->env, r->dir->path);
}

static void future_rename_failed(struct future_rename *r)
{
    struct log_dir *dir = r->dir;
    if (dir->failed)
        return;
    if (r->sync_err < 0)
        log_dir_fail(dir, r->sync_err, "sync", dir->path);
    else if (r->to == FUTURE_RETIRED)
        log_dir_fail(dir, r->err, "rename", r->path);
    else
        logger_warn(dir->manager->logger, "could not remove %s: %s. The next start does it",
                    r->path, err_text(r->err));
}

static void future_rename_take(struct future_rename *r)
{
    if (r->to == FUTURE_TO_STRAY) {
        stray_add(r->dir, r->aside);
        return;
    }
    log_trash_add(&r->dir->manager->trash, r->aside, r->delay_ms);
    r->aside = NULL; /* it is the trash's */
}

/* What it is called now is found by the next start too. */
static void future_rename_end(struct future_rename *r)
{
    struct log_manager *manager = r->dir->manager;
    struct future *f = r->future;
    bool gone = r->err == ERR_NOT_FOUND || (r->err == 0 && r->sync_err == 0);
    if (r->err == 0)
        future_rename_take(r);
    if (!gone)
        future_rename_failed(r);
    if (f) {
        f->rename = NULL;
        future_finish(f, gone);
    }
    log_open_resume(manager);
}

static void future_rename_done(struct env_work *work)
{
    struct future_rename *r = CONTAINER_OF(work, struct future_rename, work);
    struct log_manager *manager = r->dir->manager;
    list_remove(&r->link);
    if (!manager->jobs.abandoned && !manager->shutting_down)
        future_rename_end(r);
    else if (r->future)
        future_rename_forget(r->future);
    mem_free(r->path);
    mem_free(r->aside);
    mem_free(r);
    (void)log_jobs_end(&manager->jobs);
}

void future_rename_start(struct log_dir *dir, char *path, enum future_rename_to to,
                         int64_t delay_ms, struct future *f)
{
    struct log_manager *manager = dir->manager;
    const char *name = strrchr(path, '/') + 1;
    ASSERT((f != NULL) == (to == FUTURE_RETIRED));
    ASSERT(!future_name_is_taken(manager, path));
    if (dir->failed || manager->shutting_down) { /* the next start finds it */
        ASSERT(!f);
        mem_free(path);
        return;
    }
    struct future_rename *r = mem_alloc(sizeof(*r));
    r->dir = dir;
    r->to = to;
    r->delay_ms = delay_ms;
    r->path = path;
    r->aside = to == FUTURE_TO_STRAY ? stray_path(dir, name) : log_dir_aside(dir, name, "-delete");
    r->future = f;
    if (f) {
        ASSERT(!f->rename);
        f->rename = r;
    }
    list_push(&manager->renames, &r->link);
    log_jobs_begin(&manager->jobs);
    env_work_submit(manager->env, &r->work, future_rename_run, future_rename_done);
}

void future_rename_forget(struct future *f)
{
    ASSERT(f->rename->future == f);
    f->rename->future = NULL;
    f->rename = NULL;
}
