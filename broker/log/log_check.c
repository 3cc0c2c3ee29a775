/* Looks at batches on the worker pool, before they are appended: those that are compressed, that
 * get another codec, or that are large.
 *
 * Happy path: a check waits in the line of its client; the lines take turns, each with one check at
 * a time, and a few workers serve all of them. Failure modes: what would open to more than the
 * quick limits is stopped, and looked at anew where all such ones wait for each other: so a bomb
 * holds one worker and one large piece of memory, whoever sends it, and the others go on. What
 * waits there keeps its received bytes: when others need that memory, all of it is refused. A check
 * that the broker's end, or the log's, catches ends with ERR_NOT_LEADER_OR_FOLLOWER; one that a
 * worker has then leaves its bytes to the job. */
#include "broker/log/append.h"
#include "broker/log/log_manager_private.h"

#include "base/mem.h"
#include "kafka/batch.h"

enum {
    /* Quick looks under way; with the long one, five heavy jobs. How many of them run at once is
     * env's choice (env_work_submit_heavy), which keeps workers for flushes. */
    CHECK_QUICK_JOBS = 4,
    /* A plain batch of this size takes a millisecond or two, however small its records are. */
    CHECK_PLAIN_MAX = (1 << 20) + 4096
};

struct log_check_line {
    struct list link;   /* in manager->check_lines, while it may begin a check */
    struct list checks; /* that have not begun */
    uint32_t pending;   /* all that have not ended */
    bool busy;          /* one of them has begun */
    bool left;          /* by its client: freed with its last check */
};

struct log_check_job {
    struct env_work work;
    struct list link;        /* in manager->check_jobs */
    struct log_check *check; /* NULL when nobody waits any more */
    struct log_manager *manager;
    struct log *log; /* kept by log->jobs */
    struct log_config config;
    struct append_input input;
    struct log_append result;
    void *block; /* what `input` points into, when it is ours */
    int err;
};

/* ---- lines ---- */

struct log_check_line *log_check_line_new(void)
{
    struct log_check_line *line = mem_alloc(sizeof(*line));
    *line = (struct log_check_line){0};
    list_init(&line->link);
    list_init(&line->checks);
    return line;
}

void log_check_line_leave(struct log_check_line *line)
{
    ASSERT(!line->left);
    line->left = true;
    if (line->pending == 0)
        mem_free(line);
}

/* It may begin the next of its checks when its turn comes. */
static void line_settle(struct log_check_line *line, struct log_manager *manager)
{
    if (!line->busy && !list_empty(&line->checks) && list_empty(&line->link))
        list_push(&manager->check_lines, &line->link);
}

/* One of its checks has ended. */
static void line_give_back(struct log_check_line *line)
{
    ASSERT(line->pending > 0);
    if (--line->pending == 0 && line->left)
        mem_free(line);
}

/* ---- the jobs ---- */

static void check_run(struct env_work *work)
{
    struct log_check_job *job = CONTAINER_OF(work, struct log_check_job, work);
    job->err = append_prepare(&job->input, &job->config, &job->result);
}

static void check_done(struct env_work *work);

static void check_submit(struct log_manager *manager, struct log_check *check, bool quick)
{
    ASSERT(check->job == NULL);
    ASSERT(check->line->busy);
    struct log_check_job *job = mem_alloc(sizeof(*job));
    *job = (struct log_check_job){.check = check,
                                  .manager = manager,
                                  .log = check->log,
                                  .config = *log_config(check->log),
                                  .input = {.bytes = check->bytes,
                                            .len = check->len,
                                            .origin = LOG_FROM_CLIENT,
                                            .is_messages = check->is_messages,
                                            .now_ms = env_wall_ms(manager->env),
                                            .quick = quick},
                                  .result = {.base_offset = -1, .append_time_ms = -1}};
    buf_init(&job->input.made);
    check->job = job;
    list_push(&manager->check_jobs, &job->link);
    log_jobs_begin(&manager->jobs);
    env_work_submit_heavy(manager->env, &job->work, check_run, check_done);
}

static void check_pump(struct log_manager *manager)
{
    struct list *step;
    while (manager->checks_quick < CHECK_QUICK_JOBS && (step = list_pop(&manager->check_lines))) {
        struct log_check_line *line = LIST_ENTRY(step, struct log_check_line, link);
        ASSERT(!line->busy);
        ASSERT(!list_empty(&line->checks));
        struct log_check *check = LIST_ENTRY(list_pop(&line->checks), struct log_check, link);
        line->busy = true;
        manager->checks_quick++;
        check_submit(manager, check, true);
    }
    if (!manager->check_long_runs && (step = list_pop(&manager->check_longs))) {
        manager->check_long_runs = true;
        check_submit(manager, LIST_ENTRY(step, struct log_check, link), false);
    }
    ASSERT(manager->checks_quick <= CHECK_QUICK_JOBS);
}

/* Calls out last: the check is its owner's again. */
static void check_end(struct log_check *check, int err)
{
    check->err = err;
    line_give_back(check->line);
    check->done(check);
}

static void check_take(struct log_check_job *job)
{
    struct log_check *check = job->check;
    struct log *log = check->log;
    ASSERT(check->job == job);
    ASSERT(check->line->busy);
    ASSERT(job->manager == log->manager);
    check->job = NULL;
    if (job->err == ERR_AGAIN) { /* its line waits with it */
        list_push(&job->manager->check_longs, &check->link);
        return;
    }
    /* What moved goes on with another log. */
    bool gone = log->state == LOG_CLOSING && !log->moved;
    int err = gone ? ERR_NOT_LEADER_OR_FOLLOWER : job->err;
    check->bytes = job->input.bytes;
    check->len = job->input.len;
    check->made = job->input.made;
    check->result = job->result;
    buf_init(&job->input.made);
    check->line->busy = false;
    line_settle(check->line, job->manager);
    log_job_end(log);
    check_end(check, err);
}

static void check_done(struct env_work *work)
{
    struct log_check_job *job = CONTAINER_OF(work, struct log_check_job, work);
    struct log_manager *manager = job->manager;
    list_remove(&job->link);
    if (job->input.quick) {
        ASSERT(manager->checks_quick > 0);
        manager->checks_quick--;
    } else {
        ASSERT(manager->check_long_runs);
        manager->check_long_runs = false;
    }
    if (job->check)
        check_take(job);
    else
        log_job_end(job->log);
    buf_close(&job->input.made);
    mem_free(job->block);
    mem_free(job);
    if (log_jobs_end(&manager->jobs))
        check_pump(manager);
}

/* ---- for the outside ---- */

bool log_wants_check(const struct log *log, const uint8_t *bytes, size_t len, size_t plain)
{
    const struct log_config *config = log->config;
    struct batch batch;
    if (batch_parse_frame(bytes, len, &batch) < 0)
        return false; /* refused at once */
    bool rewritten = config->compression >= 0 && (int)batch_codec(&batch) != config->compression;
    bool opened = append_opens(config) && batch_codec(&batch) != COMPRESS_NONE;
    return rewritten || opened || plain + len > CHECK_PLAIN_MAX;
}

int log_check_start(struct log_check *check, struct log *log, struct log_check_line *line)
{
    struct log_manager *manager = log->manager;
    if (manager->waits_ended)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    log_check_in_use(log);
    check->log = log;
    check->line = line;
    check->job = NULL;
    check->err = 0;
    buf_init(&check->made);
    log->jobs++;
    line->pending++;
    list_push(&line->checks, &check->link);
    line_settle(line, manager);
    check_pump(manager);
    return 1;
}

bool log_check_is_running(const struct log_check *check)
{
    return check->job != NULL;
}

void log_check_close(struct log_check *check)
{
    buf_close(&check->made);
}

void log_check_keep(struct log_check *check, void *block)
{
    ASSERT(check->job != NULL);
    ASSERT(!check->job->block);
    check->job->block = block;
}

void log_check_cancel(struct log_check *check)
{
    struct log_check_line *line = check->line;
    struct log_manager *manager = check->log->manager;
    ASSERT(line->pending > 0);
    if (check->job) {
        check->job->check = NULL; /* the log stays with the job */
        line->busy = false;
    } else {
        bool begun = false;
        LIST_EACH(step, &manager->check_longs)
            begun |= step == &check->link;
        if (begun)
            line->busy = false;
        list_remove(&check->link);
        log_job_end(check->log);
    }
    if (list_empty(&line->checks))
        list_remove(&line->link);
    line_settle(line, manager);
    line_give_back(line);
    check_pump(manager);
}

static void check_end_waiting(struct list *waiting, int err, const char *message)
{
    struct list *step;
    while ((step = list_pop(waiting))) {
        struct log_check *check = LIST_ENTRY(step, struct log_check, link);
        check->result =
            (struct log_append){.base_offset = -1, .append_time_ms = -1, .message = message};
        log_job_end(check->log);
        check_end(check, err);
    }
}

/* Takes what has not begun and waits for a quick look out of its lines: of all clients, or of those
 * that are gone. */
static void check_collect_quick(struct log_manager *manager, bool only_left, struct list *waiting)
{
    struct list kept, *step;
    list_init(&kept);
    while ((step = list_pop(&manager->check_lines))) {
        struct log_check_line *line = LIST_ENTRY(step, struct log_check_line, link);
        if (only_left && !line->left)
            list_push(&kept, step);
        else
            list_splice(waiting, &line->checks);
    }
    list_splice(&manager->check_lines, &kept);
    LIST_EACH(running, &manager->check_jobs) {
        struct log_check *check = LIST_ENTRY(running, struct log_check_job, link)->check;
        if (check && (!only_left || check->line->left))
            list_splice(waiting, &check->line->checks);
    }
}

/* Takes what waits for the slow worker, and what its clients sent behind it. */
static void check_collect_long(struct log_manager *manager, struct list *waiting)
{
    struct list *step;
    while ((step = list_pop(&manager->check_longs))) {
        struct log_check_line *line = LIST_ENTRY(step, struct log_check, link)->line;
        ASSERT(line->busy);
        line->busy = false;
        list_push(waiting, step);
        list_splice(waiting, &line->checks);
    }
}

void log_manager_shed_checks(struct log_manager *manager)
{
    struct list waiting;
    list_init(&waiting);
    check_collect_quick(manager, true, &waiting);
    check_collect_long(manager, &waiting);
    check_end_waiting(&waiting, ERR_KAFKA_STORAGE_ERROR,
                      "others need the memory of batches that take long to open: try again, with "
                      "smaller ones (queued.max.request.bytes)");
}

void log_end_checks(struct log_manager *manager)
{
    struct list waiting;
    list_init(&waiting);
    check_collect_quick(manager, false, &waiting);
    check_collect_long(manager, &waiting);
    LIST_EACH(running, &manager->check_jobs) {
        struct log_check_job *job = LIST_ENTRY(running, struct log_check_job, link);
        struct log_check *check = job->check;
        job->check = NULL; /* the log stays with the job */
        if (check)
            check_end(check, ERR_NOT_LEADER_OR_FOLLOWER);
    }
    check_end_waiting(&waiting, ERR_NOT_LEADER_OR_FOLLOWER, NULL);
}
