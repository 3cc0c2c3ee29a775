/* Raft's log, vote and snapshot: the calls and the disk queue.
 *
 * Happy path: appends queue up; at the end of the loop turn one job takes them all, writes their
 * records with one call, syncs once, and the loop runs their callbacks in order while the next job is
 * already on its way. Failure modes: the first disk error is reported and ends everything. */
#include "controller/raft_log.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/raft_log_record.h"

enum op_kind { OP_APPEND, OP_TRUNCATE, OP_INSTALL, OP_TRIM };

struct op {
    struct list link;
    enum op_kind kind;
    uint64_t index; /* TRUNCATE; TRIM: entries up to it may go */
    struct raft_log_entry *entries;
    size_t count;
    struct raft_log_snapshot snapshot; /* INSTALL */
    void (*done)(void *data);
    void *data;
};

/* A snapshot being saved or read beside the queue. */
struct side_job {
    struct env_work work;
    struct raft_log *log;
    struct raft_log_snapshot snapshot;
    uint64_t drop_to;
    int err;
    char *bytes; /* what was read */
    void (*saved)(void *data);
    void (*read)(void *data, const struct raft_log_snapshot *snapshot);
    void *data;
};

static void queue_kick(struct raft_log *log);
static void queue_start(void *data);

/* ---- life ---- */

int raft_log_open(struct env *env, struct logger *logger, const char *dir,
                  void (*failed)(void *data, const char *sentence), void *data, struct buf *problem,
                  struct raft_log **out)
{
    int err = env_dir_make(env, dir);
    if (err) {
        buf_printf(problem, "can't make the controller's directory %s: %s", dir, err_text(err));
        return err;
    }
    struct raft_log *log = mem_alloc(sizeof(*log));
    log->env = env;
    log->logger = logger;
    log->dir = mem_strdup(dir);
    log->failed = failed;
    log->data = data;
    list_init(&log->segments);
    list_init(&log->waiting);
    list_init(&log->writing);
    env_timer_init(env, &log->start, queue_start, log);
    char *path = raft_log_path(log, "lock");
    err = env_path_lock(env, path, &log->lock);
    mem_free(path);
    if (err)
        buf_printf(problem, "can't lock the controller's directory %s: %s", dir, err_text(err));
    else
        err = raft_log_load(log, problem);
    if (err) {
        raft_log_free(log);
        return err;
    }
    *out = log;
    return 0;
}

const struct raft_log_state *raft_log_state(const struct raft_log *log)
{
    return &log->state;
}

void raft_log_forget(struct raft_log *log)
{
    for (size_t i = 0; i < log->loaded_count; i++)
        mem_free(log->loaded[i]);
    mem_free(log->loaded);
    mem_free(log->loaded_snapshot);
    mem_free(log->state.entries);
    log->loaded = NULL;
    log->loaded_count = 0;
    log->loaded_snapshot = NULL;
    memset(&log->state, 0, sizeof(log->state));
}

bool raft_log_fresh(const struct raft_log *log)
{
    return log->term == 0 && log->next_index == 1 && log->vote_number == 0;
}

static void op_free(struct op *op)
{
    mem_free(op->entries);
    mem_free(op);
}

static void ops_free(struct list *ops)
{
    struct list *step;
    while ((step = list_pop(ops)))
        op_free(LIST_ENTRY(step, struct op, link));
}

static void log_release(struct raft_log *log)
{
    if (!log->freed || log->running)
        return;
    ops_free(&log->waiting);
    ops_free(&log->writing);
    struct list *step;
    while ((step = list_pop(&log->segments)))
        mem_free(LIST_ENTRY(step, struct raft_log_segment, link));
    if (log->file)
        env_file_close(log->file);
    if (log->vote_file)
        env_file_close(log->vote_file);
    if (log->lock)
        env_file_close(log->lock);
    mem_free(log->dir);
    mem_free(log);
}

void raft_log_free(struct raft_log *log)
{
    if (!log)
        return;
    env_timer_stop(&log->start);
    raft_log_forget(log);
    log->freed = true;
    log_release(log);
}

static void log_fail(struct raft_log *log, const char *doing, int err)
{
    if (log->dead || log->freed)
        return;
    log->dead = true;
    char *sentence = mem_printf("the controller can't %s in %s: %s", doing, log->dir,
                                err_text(err));
    log->failed(log->data, sentence);
    mem_free(sentence);
}

static void check_closed(struct raft_log *log)
{
    bool queued = !log->dead && !list_empty(&log->waiting);
    if (!log->closed || log->busy || log->saves || queued)
        return;
    void (*closed)(void *data) = log->closed;
    log->closed = NULL;
    closed(log->closed_data);
}

void raft_log_close(struct raft_log *log, void (*done)(void *data), void *data)
{
    log->closed = done;
    log->closed_data = data;
    env_timer_start(&log->start, 0); /* comes from the loop even when nothing is queued */
}

/* ---- term and vote ---- */

static int vote_store(struct raft_log *log, uint64_t term, uint64_t vote)
{
    if (log->dead)
        return ERR_IO;
    uint8_t slot[RAFT_LOG_VOTE_SIZE];
    bool first = log->vote_number == 0;
    int err = 0;
    /* The first time both slots are written, so that later only one is ever unsettled. */
    for (int i = first ? 0 : 1; !err && i < 2; i++) {
        uint64_t number = log->vote_number + 1;
        raft_log_vote_put(slot, number, term, vote);
        err = env_file_write(log->vote_file, slot, sizeof(slot),
                             (number % 2) * RAFT_LOG_VOTE_SLOT);
        log->vote_number = number;
    }
    if (!err)
        err = env_file_sync(log->vote_file);
    if (!err && first)
        err = env_dir_sync(log->env, log->dir);
    if (err) {
        log_fail(log, "store its vote", err);
        return err;
    }
    log->term = term;
    log->vote = vote;
    return 0;
}

int raft_log_set_term(struct raft_log *log, uint64_t term)
{
    return vote_store(log, term, 0);
}

int raft_log_set_vote(struct raft_log *log, uint64_t vote)
{
    return vote_store(log, log->term, vote);
}

/* ---- the queue: submitting ---- */

static struct op *op_new(struct raft_log *log, enum op_kind kind)
{
    struct op *op = mem_alloc(sizeof(*op));
    op->kind = kind;
    list_push(&log->waiting, &op->link);
    queue_kick(log);
    return op;
}

void raft_log_append(struct raft_log *log, const struct raft_log_entry *entries, size_t count,
                     void (*done)(void *data), void *data)
{
    ASSERT(count > 0);
    struct op *op = op_new(log, OP_APPEND);
    op->entries = mem_dup(entries, count * sizeof(*entries));
    op->count = count;
    op->done = done;
    op->data = data;
    log->unfinished++;
}

void raft_log_truncate(struct raft_log *log, uint64_t index)
{
    op_new(log, OP_TRUNCATE)->index = index;
}

void raft_log_install(struct raft_log *log, const struct raft_log_snapshot *snapshot,
                      void (*done)(void *data), void *data)
{
    struct op *op = op_new(log, OP_INSTALL);
    op->snapshot = *snapshot;
    op->done = done;
    op->data = data;
    log->unfinished++;
}

size_t raft_log_unfinished(const struct raft_log *log)
{
    return log->unfinished;
}

static void queue_kick(struct raft_log *log)
{
    if (!log->busy && !env_timer_running(&log->start))
        env_timer_start(&log->start, 0);
}

/* ---- the queue: the writer job ---- */

static int snapshot_store(struct raft_log *log, const struct raft_log_snapshot *snapshot)
{
    struct buf bytes;
    buf_init(&bytes);
    char *path = raft_log_path(log, "snapshot");
    int err = raft_log_snapshot_put(&bytes, snapshot);
    if (!err)
        err = env_file_replace(log->env, path, bytes.data, bytes.len);
    mem_free(path);
    buf_close(&bytes);
    return err;
}

static int encode(struct raft_log *log, struct buf *bytes, struct raft_log_record *record)
{
    record->position = log->position + bytes->len;
    record->durable = log->durable;
    return raft_log_record_put(bytes, record);
}

static int encode_append(struct raft_log *log, struct buf *bytes, const struct op *op)
{
    struct raft_log_segment *newest =
        LIST_ENTRY(log->segments.prev, struct raft_log_segment, link);
    int err = 0;
    for (size_t i = 0; !err && i < op->count; i++) {
        const struct raft_log_entry *entry = &op->entries[i];
        struct raft_log_record record = {.kind = RAFT_LOG_ENTRY,
                                         .type = entry->type,
                                         .index = log->next_index++,
                                         .term = entry->term,
                                         .data = entry->data,
                                         .len = entry->len};
        if (entry->len > RAFT_LOG_ENTRY_MAX)
            return ERR_TOO_LARGE;
        if (record.index > newest->index_max)
            newest->index_max = record.index;
        err = encode(log, bytes, &record);
    }
    return err;
}

/* Writes what is encoded; it is durable afterwards. */
static int flush(struct raft_log *log, struct buf *bytes)
{
    if (bytes->len == 0)
        return 0;
    int err = env_file_write(log->file, bytes->data, bytes->len, log->file_size);
    if (!err)
        err = env_file_sync(log->file);
    log->file_size += bytes->len;
    log->position += bytes->len;
    log->durable = log->position;
    bytes->len = 0;
    return err;
}

/* Removes segments from the oldest on, each for good before the next, so that no gap can appear. */
static int trim(struct raft_log *log, uint64_t index)
{
    int err = 0;
    while (!err && log->segments.next != log->segments.prev) {
        struct raft_log_segment *oldest =
            LIST_ENTRY(log->segments.next, struct raft_log_segment, link);
        if (oldest->index_max > index)
            break;
        char *path = raft_log_segment_path(log, oldest->number);
        err = env_path_remove(log->env, path);
        if (!err)
            err = env_dir_sync(log->env, log->dir);
        mem_free(path);
        list_remove(&oldest->link);
        mem_free(oldest);
    }
    return err;
}

static int write_op(struct raft_log *log, struct buf *bytes, struct op *op)
{
    struct raft_log_record record = {.kind = RAFT_LOG_TRUNCATE, .index = op->index};
    int err;
    switch (op->kind) {
    case OP_APPEND:
        return encode_append(log, bytes, op);
    case OP_TRUNCATE:
        log->next_index = op->index;
        return encode(log, bytes, &record);
    case OP_INSTALL:
        err = flush(log, bytes);
        if (!err)
            err = snapshot_store(log, &op->snapshot);
        record.kind = RAFT_LOG_VOID;
        record.index = op->snapshot.index;
        log->next_index = op->snapshot.index + 1;
        return err ? err : encode(log, bytes, &record);
    default:
        err = flush(log, bytes);
        return err ? err : trim(log, op->index);
    }
}

static void writer_run(struct env_work *work)
{
    struct raft_log *log = CONTAINER_OF(work, struct raft_log, work);
    struct buf bytes;
    buf_init(&bytes);
    log->error = 0;
    if (!log->file || log->file_size >= RAFT_LOG_SEGMENT_SIZE)
        log->error = raft_log_begin_segment(log);
    LIST_EACH(step, &log->writing)
    {
        if (!log->error)
            log->error = write_op(log, &bytes, LIST_ENTRY(step, struct op, link));
    }
    if (!log->error)
        log->error = flush(log, &bytes);
    buf_close(&bytes);
}

static void writer_done(struct env_work *work)
{
    struct raft_log *log = CONTAINER_OF(work, struct raft_log, work);
    log->running--;
    log->busy = false;
    if (log->freed) {
        log_release(log);
        return;
    }
    if (log->error) {
        log_fail(log, "write its log", log->error);
        return;
    }
    struct list finished;
    list_init(&finished);
    list_splice(&finished, &log->writing);
    if (!list_empty(&log->waiting))
        queue_start(log); /* the disk works while the callbacks run */
    log->running++;
    struct list *step;
    while (!log->freed && (step = list_pop(&finished))) {
        struct op *op = LIST_ENTRY(step, struct op, link);
        log->unfinished -= op->done != NULL;
        if (op->done)
            op->done(op->data);
        op_free(op);
    }
    ops_free(&finished);
    log->running--;
    if (log->freed)
        log_release(log);
    else
        check_closed(log);
}

static void queue_start(void *data)
{
    struct raft_log *log = data;
    if (log->busy)
        return;
    if (log->dead || list_empty(&log->waiting)) {
        check_closed(log);
        return;
    }
    list_splice(&log->writing, &log->waiting);
    log->busy = true;
    log->running++;
    env_work_submit(log->env, &log->work, writer_run, writer_done);
}

/* ---- snapshots beside the queue ---- */

static struct side_job *side_new(struct raft_log *log)
{
    struct side_job *job = mem_alloc(sizeof(*job));
    job->log = log;
    log->running++;
    log->saves++;
    return job;
}

/* True when the job's callbacks may run; otherwise everything is over. */
static bool side_end(struct side_job *job, const char *doing)
{
    struct raft_log *log = job->log;
    log->running--;
    log->saves--;
    if (!log->freed && !log->dead && !job->err)
        return true;
    if (job->err)
        log_fail(log, doing, job->err);
    log_release(log);
    mem_free(job->bytes);
    mem_free(job);
    return false;
}

static void save_run(struct env_work *work)
{
    struct side_job *job = CONTAINER_OF(work, struct side_job, work);
    job->err = snapshot_store(job->log, &job->snapshot);
}

static void save_done(struct env_work *work)
{
    struct side_job *job = CONTAINER_OF(work, struct side_job, work);
    if (!side_end(job, "store a snapshot"))
        return;
    struct raft_log *log = job->log;
    op_new(log, OP_TRIM)->index = job->drop_to;
    job->saved(job->data);
    mem_free(job);
}

void raft_log_save(struct raft_log *log, const struct raft_log_snapshot *snapshot, uint64_t drop_to,
                   void (*done)(void *data), void *data)
{
    struct side_job *job = side_new(log);
    job->snapshot = *snapshot;
    job->drop_to = drop_to;
    job->saved = done;
    job->data = data;
    env_work_submit(log->env, &job->work, save_run, save_done);
}

static void read_run(struct env_work *work)
{
    struct side_job *job = CONTAINER_OF(work, struct side_job, work);
    char *path = raft_log_path(job->log, "snapshot");
    size_t len;
    job->err = env_file_load(job->log->env, path, RAFT_LOG_FILE_MAX, &job->bytes, &len);
    if (!job->err && !raft_log_snapshot_get((uint8_t *)job->bytes, len, &job->snapshot))
        job->err = ERR_CORRUPT;
    mem_free(path);
}

static void read_done(struct env_work *work)
{
    struct side_job *job = CONTAINER_OF(work, struct side_job, work);
    if (!side_end(job, "read its snapshot"))
        return;
    struct raft_log *log = job->log;
    log->running++;
    job->read(job->data, &job->snapshot);
    log->running--;
    mem_free(job->bytes);
    mem_free(job);
    if (log->freed)
        log_release(log);
    else
        check_closed(log);
}

void raft_log_read_snapshot(struct raft_log *log,
                            void (*done)(void *data, const struct raft_log_snapshot *snapshot),
                            void *data)
{
    struct side_job *job = side_new(log);
    job->read = done;
    job->data = data;
    env_work_submit(log->env, &job->work, read_run, read_done);
}
