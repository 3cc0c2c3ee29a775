/* Moving replicas between log directories: see future.h for the steps.
 *
 * Happy path: the copy is opened in the other directory, catches up, takes the place of the old log
 * in one turn of the loop, and the old folder goes. All steps are made from one timer, never from
 * inside a call. Failure modes: either directory fails before the swap: the move ends, and nothing
 * has changed; the new one is full: the copy waits for room; the old log is cut: the copy begins
 * anew; a disk is too slow to hold the acknowledgements for it: they go on, and it is tried again;
 * the old log has a damaged batch: the move ends, with a line. A directory that fails after the
 * swap is treated like any other that fails: the copy is the replica then. */
#include "broker/log/future_private.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/state.h"
#include "broker/log/log_open.h"
#include "broker/log/stray.h"

enum {
    FUTURE_WANTED_MAX = 10000, /* partitions that are not here, for which a directory is kept */
    FUTURE_NAME_MAX = 255      /* of a folder, on every file system that we know */
};

#define FUTURE_SUFFIX "-future"

static const struct state_row future_states[FUTURE_STATES] = {
    [FUTURE_OPENING] = {"opening", STATE_BIT(FUTURE_COPYING) | STATE_BIT(FUTURE_OVER)},
    [FUTURE_COPYING] = {"copying", STATE_BIT(FUTURE_HOLDING)},
    [FUTURE_HOLDING] = {"holding", STATE_BIT(FUTURE_COPYING) | STATE_BIT(FUTURE_SETTLING)},
    [FUTURE_SETTLING] = {"settling", STATE_BIT(FUTURE_RETIRING)},
    [FUTURE_RETIRING] = {"retiring", 0},
    [FUTURE_OVER] = {"over", 0},
};

static void future_check(const struct future *f)
{
    bool swapped = f->state == FUTURE_SETTLING || f->state == FUTURE_RETIRING;
    ASSERT((f->from == NULL) == (swapped || f->state == FUTURE_OVER));
    ASSERT((f->to == NULL) == (f->state == FUTURE_OPENING || f->state == FUTURE_OVER));
    ASSERT(f->entry != NULL);
    ASSERT(f->entry->dir == (swapped ? f->old_dir : f->dir));
    ASSERT((f->old_path != NULL) == swapped);
    ASSERT(!f->from || f->from->future == f);
    ASSERT(!f->to || f->to->origin == f);
    ASSERT(!f->from || f->from->dir != f->dir);
}

void future_move(struct future *f, enum future_state to)
{
    STATE_MOVE_TOLD(future_states, f->state, to, f->manager->logger, LOGGER_DEBUG,
                    "the copy in %s of %s", f->dir->path, f->to ? f->to->path : "a log");
    future_check(f);
}

/* ---- when it is looked at ---- */

void future_wait(struct future *f, int64_t ms)
{
    struct log_manager *manager = f->manager;
    int64_t now_ms = env_now_ms(manager->env);
    ASSERT(ms > 0);
    f->due_ms = now_ms + ms;
    if (manager->shutting_down)
        return;
    if (!env_timer_running(&manager->future_timer) ||
        manager->future_timer.due_us > f->due_ms * 1000)
        env_timer_start(&manager->future_timer, ms);
}

void future_wake(struct future *f)
{
    f->woken = true;
    if (!f->manager->shutting_down && !f->manager->jobs.abandoned)
        env_timer_start_soon(&f->manager->future_timer);
}

/* The durable end of the copy or of the old log moved, or a directory failed. */
static void future_stirred(struct log *log)
{
    ASSERT(log->future || log->origin);
    future_wake(log->future ? log->future : log->origin);
}

/* ---- its end ---- */

static void future_forget_job(struct future *f)
{
    if (f->job)
        f->job->future = NULL;
    f->job = NULL;
}

static void future_free(struct future *f)
{
    future_forget_job(f);
    if (f->rename)
        future_rename_forget(f);
    list_remove(&f->link);
    mem_free(f->old_path);
    mem_free(f);
}

void future_release(struct log *log)
{
    log->held = INT64_MAX;
    if (log->state == LOG_OPEN)
        log_notify_later(log);
}

/* At a start, where the loop waits for the disk anyway. */
static void future_remove_now(struct log_dir *dir, const char *path)
{
    struct log_manager *manager = dir->manager;
    const char *name = strrchr(path, '/') + 1;
    char *aside = log_dir_aside(dir, name, "-delete");
    int rc = env_path_rename(manager->env, path, aside);
    if (rc == 0)
        log_trash_add(&manager->trash, aside, 0);
    else
        mem_free(aside);
    if (rc < 0 && rc != ERR_NOT_FOUND)
        logger_warn(manager->logger, "could not remove %s: %s. The next start does it", path,
                    err_text(rc));
}

/* The copy was not needed. */
static void future_drop_copy(struct log_entry *entry, struct log *copy)
{
    ASSERT(entry->folder != NULL);
    struct log_dir *dir = entry->dir;
    char *path = mem_printf("%s/%s", dir->path, entry->folder);
    log_entry_remove(entry);
    future_rename_start(dir, path, FUTURE_TO_TRASH, 0, NULL);
    if (!copy)
        return;
    copy->origin = NULL;
    copy->entry = NULL;
    log_move(copy, LOG_CLOSING);
    list_remove(&copy->turn);
    if (copy->jobs == 0)
        log_free(copy);
    else
        list_push(&dir->manager->closing, &copy->turn);
}

void future_cancel(struct future *f)
{
    struct log *from = f->from;
    ASSERT(from != NULL);
    from->future = NULL;
    future_release(from);
    f->from = NULL;
    future_forget_job(f);
    if (f->state == FUTURE_OPENING) {
        future_move(f, FUTURE_OVER); /* what opens it comes back to it */
        return;
    }
    struct log *to = f->to;
    f->to = NULL;
    future_drop_copy(f->entry, to);
    future_free(f);
}

/* ---- where partitions shall lie ---- */

static struct log_dir *future_wanted(const struct log_manager *manager, const char *name)
{
    return map_get(&manager->wanted_dirs, name, strlen(name));
}

void future_forget_name(struct log_manager *manager, const char *name)
{
    map_del(&manager->wanted_dirs, name, strlen(name));
}

/* One that is full gets it later, by a move that waits for room. */
struct log_dir *future_place(struct log_manager *manager, const char *name)
{
    struct log_dir *dir = future_wanted(manager, name);
    if (dir && dir->cordoned) {
        logger_warn(manager->logger,
                    "%s is not made in %s, as was asked for, since that is cordoned", name,
                    dir->path);
        future_forget_name(manager, name);
        dir = NULL;
    }
    return dir && !dir->failed && !dir->full ? dir : NULL;
}

void future_want(struct log_manager *manager, const char *name, struct log_dir *dir)
{
    ASSERT(dir->manager == manager);
    map_put(&manager->wanted_dirs, name, strlen(name), dir);
}

/* It begins to move if it lies elsewhere than wanted. */
static void future_opened(struct log *log)
{
    struct log_manager *manager = log->manager;
    const char *name = log->entry->name;
    struct log_dir *dir = future_wanted(manager, name);
    if (!dir || future_is_copy(log))
        return;
    future_forget_name(manager, name);
    if (dir != log->dir && future_begin(log, dir) < 0)
        logger_warn(manager->logger, "%s could not begin to move to %s again", log->path,
                    dir->path);
}

bool future_take_name(struct log_dir *dir, const char *name)
{
    if (!stray_is_aside(name, FUTURE_SUFFIX))
        return false;
    const char *id = strrchr(name, '.');
    char *stem = mem_strndup(name, (size_t)(id - name));
    char *path = mem_printf("%s/%s", dir->path, name);
    future_want(dir->manager, stem, dir);
    future_remove_now(dir, path);
    mem_free(path);
    mem_free(stem);
    return true;
}

bool future_is_copy(const struct log *log)
{
    return log->entry && log->entry->folder;
}

/* ---- after the swap ---- */

/* The checkpoints of its directory need not tell of the old folder any more. */
static void future_forget_old(struct future *f)
{
    struct log_dir *dir = f->old_dir;
    ASSERT(!f->entry->log);
    log_entry_remove(f->entry);
    f->entry = NULL;
    for (int which = 0; which < LOG_CHECKPOINTS; which++)
        dir->checkpoint_dirty[which] = true;
}

/* Who was sent elsewhere meanwhile goes on. */
void future_finish(struct future *f, bool gone)
{
    struct log *log = f->to;
    ASSERT(f->from == NULL);
    ASSERT(log->origin == f);
    ASSERT(log->future == NULL);
    if (!log_is_offline(log))
        logger_info(f->manager->logger, "%s has moved here from %s", log->path, f->old_dir->path);
    if (gone)
        future_forget_old(f);
    log->origin = NULL;
    future_release(log);
    future_free(f);
    future_opened(log);
}

struct future_job *future_job_new(struct future *f)
{
    struct future_job *job = mem_alloc(sizeof(*job));
    ASSERT(!f->job);
    job->manager = f->manager;
    job->future = f;
    f->job = job;
    return job;
}

/* The name of the copy, its files and the roster are durable: the old folder goes. */
static void future_retire(struct future *f)
{
    struct log_manager *manager = f->manager;
    if (f->old_dir->failed) { /* the next start removes it */
        future_finish(f, false);
        return;
    }
    future_move(f, FUTURE_RETIRING);
    future_rename_start(f->old_dir, mem_strdup(f->old_path), FUTURE_RETIRED,
                        f->to->config->file_delete_delay_ms, f);
    f->held_since_ms = env_now_ms(manager->env);
    future_wait(f, FUTURE_HOLD_MS);
}

/* No worker is spent on a disk that hangs: the old folder goes when it works again, or a start
 * removes it. The new name is durable, so nothing waits for that. */
static void future_leave_hanging(struct future *f)
{
    ASSERT(f->old_dir->hangs);
    if (f->to->held != INT64_MAX)
        future_release(f->to);
    future_wait(f, FUTURE_AGAIN_MS);
}

static void future_settle(struct future *f)
{
    const struct log *to = f->to;
    bool settled = !to->sync_parent && (to->recorded || !to->flush.job);
    if (log_is_offline(to))
        future_finish(f, false); /* the old folder stays: a start tells which of them counts */
    else if (settled && f->old_dir->hangs)
        future_leave_hanging(f);
    else if (settled)
        future_retire(f);
}

void future_let_go(struct log *log, bool keep)
{
    struct future *f = log->origin;
    future_forget_name(log->manager, log->entry->name);
    if (log->future)
        future_cancel(log->future);
    if (!f)
        return;
    ASSERT(!f->from);
    struct log_dir *dir = f->old_dir;
    if (f->state == FUTURE_SETTLING)
        future_rename_start(dir, mem_strdup(f->old_path), keep ? FUTURE_TO_STRAY : FUTURE_TO_TRASH,
                            0, NULL);
    future_forget_old(f);
    log->origin = NULL;
    log->held = INT64_MAX;
    future_free(f);
}

/* ---- steps ---- */

/* A disk that hangs, which may be why the replica moved, holds nothing back for ever. */
static void future_hold_no_longer(struct future *f)
{
    int64_t left_ms = f->held_since_ms + FUTURE_HOLD_MS - env_now_ms(f->manager->env);
    if (left_ms > 0)
        future_wait(f, left_ms);
    else
        future_release(f->to);
}

static void future_step(struct future *f)
{
    future_check(f);
    if (f->state == FUTURE_RETIRING)
        future_hold_no_longer(f);
    if (f->job || f->rename || f->state == FUTURE_OPENING || f->state == FUTURE_OVER)
        return;
    if (f->state == FUTURE_SETTLING)
        future_settle(f);
    else if (log_is_offline(f->from) || log_is_offline(f->to))
        future_failed(f, ERR_KAFKA_STORAGE_ERROR);
    else if (!f->from->swapped || f->from->compaction.state == COMPACTION_RUNNING)
        future_put_off(f); /* compaction begins no more, but ends */
    else
        future_step_copy(f);
}

static void future_due(void *data)
{
    struct log_manager *manager = data;
    struct list all, *step;
    int64_t next_ms = INT64_MAX, now_ms = env_now_ms(manager->env);
    list_init(&all);
    list_splice(&all, &manager->futures);
    while ((step = list_pop(&all))) {
        struct future *f = LIST_ENTRY(step, struct future, link);
        list_push(&manager->futures, &f->link);
        if (!f->woken && (f->due_ms == 0 || f->due_ms > now_ms))
            continue;
        f->woken = false;
        f->due_ms = 0;
        future_step(f); /* it may be gone */
    }
    LIST_EACH(left, &manager->futures) {
        const struct future *f = LIST_ENTRY(left, struct future, link);
        int64_t due_ms = f->woken ? now_ms : f->due_ms;
        if ((f->woken || f->due_ms > 0) && due_ms < next_ms)
            next_ms = due_ms;
    }
    if (next_ms != INT64_MAX && !manager->shutting_down)
        env_timer_start(&manager->future_timer, next_ms > now_ms ? next_ms - now_ms : 0);
}

/* ---- its beginning ---- */

static void future_copy_opened(void *data, int err, struct log *log)
{
    struct future *f = data;
    struct log_manager *manager = f->manager;
    if (f->state == FUTURE_OVER || err) {
        if (f->state == FUTURE_OPENING) {
            logger_warn(manager->logger, "%s does not move to %s: %s", f->from->path, f->dir->path,
                        err_text(err));
            f->from->future = NULL;
        }
        future_drop_copy(f->entry, log);
        future_free(f);
        return;
    }
    ASSERT(log->entry == f->entry);
    f->to = log;
    log->origin = f;
    log->recorded = true; /* no name of it is put on the roster, or taken away: it is a copy */
    log->sync_dir = log->sync_parent = true;
    f->generation = f->from->generation - 1;
    future_move(f, FUTURE_COPYING);
    future_wake(f);
}

/* The directory in which an earlier move of it left the old folder behind, or NULL. There is room
 * for one of them in the map. */
static const struct log_dir *future_left_in(const struct log *log)
{
    const struct log_manager *manager = log->manager;
    const struct log_dir *left = NULL;
    for (int i = 0; i < manager->config.dir_count && !left; i++) {
        const struct log_entry *entry = log_entry_find(&manager->dirs[i], log->entry->name);
        if (entry && entry->folder && !entry->log && !entry->busy)
            left = &manager->dirs[i];
    }
    return left;
}

static struct log_entry *future_entry(struct log *log, struct log_dir *dir)
{
    struct log_entry *entry = mem_alloc(sizeof(*entry));
    entry->name = mem_strdup(log->entry->name);
    entry->partition = log->entry->partition;
    entry->dir = dir;
    entry->folder =
        mem_printf("%s.%016" PRIx64 FUTURE_SUFFIX, entry->name, env_random(dir->manager->env));
    entry->origin = mem_strdup(log->path);
    entry->replaces = log->incarnation;
    entry->replaces_dir = log->dir->id;
    dir->entry_count++;
    log_entry_map(entry, true);
    return entry;
}

int future_begin(struct log *log, struct log_dir *dir)
{
    enum { TAIL_LEN = 1 + 16 + sizeof(FUTURE_SUFFIX) - 1 };
    struct log_manager *manager = log->manager;
    ASSERT(log->state == LOG_OPEN);
    ASSERT(!future_is_copy(log));
    if (dir->failed || log->dir->failed || uuid_is_zero(&log->topic_id))
        return ERR_KAFKA_STORAGE_ERROR;
    if (strlen(log->entry->name) + TAIL_LEN > FUTURE_NAME_MAX)
        return ERR_INVALID_TOPIC_EXCEPTION;
    if (log->future && log->future->dir == dir)
        return 0;
    if (log->origin) { /* it has just moved: one move after the other */
        future_want(manager, log->entry->name, dir);
        return 0;
    }
    if (log->future)
        future_cancel(log->future);
    if (log->dir == dir)
        return 0;
    const struct log_dir *left = future_left_in(log);
    if (left)
        logger_warn(manager->logger,
                    "%s does not move to %s: it came from %s, which failed before the old folder "
                    "was removed. Restart the broker when that directory works again",
                    log->path, dir->path, left->path);
    if (left || log_entry_find(dir, log->entry->name)) /* the copy of before is being opened */
        return ERR_KAFKA_STORAGE_ERROR;
    struct future *f = mem_alloc(sizeof(*f));
    struct log_config config = *log->config;
    config.doubted = false;
    f->manager = manager;
    f->from = log;
    f->dir = dir;
    f->entry = future_entry(log, dir);
    log->future = f;
    list_push(&manager->futures, &f->link);
    logger_info(manager->logger, "%s begins to move to %s", log->path, dir->path);
    log_open_start(manager, f->entry, &log->topic_id, &config, future_copy_opened, f);
    future_check(f);
    return 0;
}

/* ---- the manager's ---- */

int log_manager_alter_dir(struct log_manager *manager, const char *topic, int32_t partition, int i)
{
    struct log_entry *entry = log_entry_get(manager, topic, partition);
    ASSERT(strchr(topic, '/') == NULL); /* such names are those of copies */
    ASSERT(i >= 0);
    ASSERT(i < manager->config.dir_count);
    struct log_dir *dir = &manager->dirs[i];
    if (dir->failed)
        return ERR_KAFKA_STORAGE_ERROR;
    if (dir->cordoned && (!entry || entry->dir != dir)) /* staying is nothing new */
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    if (entry && entry->log)
        return future_begin(entry->log, dir);
    char *name = mem_printf("%s-%" PRId32, topic, partition);
    bool fits = manager->wanted_dirs.count < FUTURE_WANTED_MAX || future_wanted(manager, name);
    if (fits)
        future_want(manager, name, dir);
    mem_free(name);
    if (!fits) {
        logger_warn(manager->logger,
                    "the directory of %s-%" PRId32 " is not kept in mind: that is done for %d "
                    "partitions that are not here. Ask for it when the partition was made",
                    topic, partition, FUTURE_WANTED_MAX);
        return ERR_POLICY_VIOLATION;
    }
    return entry ? 0 : ERR_REPLICA_NOT_AVAILABLE;
}

void log_manager_set_move_rate(struct log_manager *manager, int64_t rate)
{
    ASSERT(rate >= 0);
    manager->future_rate = rate;
    manager->future_due_us = 0;
    LIST_EACH(step, &manager->futures)
        future_wake(LIST_ENTRY(step, struct future, link));
}

bool log_move_view(const struct log *log, struct log_move_view *view)
{
    const struct log *to = log->future ? log->future->to : NULL;
    if (!to)
        return false;
    *view = (struct log_move_view){
        .dir = to->dir->path,
        .size = log_size(to),
        .lag = log->end_offset > to->end_offset ? log->end_offset - to->end_offset : 0,
    };
    return true;
}

void future_init(struct log_manager *manager)
{
    list_init(&manager->futures);
    list_init(&manager->renames);
    map_init(&manager->wanted_dirs);
    manager->future_rate = INT64_MAX;
    manager->stirred = future_stirred;
    manager->opened = future_opened;
    env_timer_init(manager->env, &manager->future_timer, future_due, manager);
}

void future_stop(struct log_manager *manager)
{
    env_timer_stop(&manager->future_timer);
}

void future_close(struct log_manager *manager)
{
    struct list *step;
    future_stop(manager);
    while ((step = list_pop(&manager->futures)))
        future_free(LIST_ENTRY(step, struct future, link));
    map_close(&manager->wanted_dirs);
}
