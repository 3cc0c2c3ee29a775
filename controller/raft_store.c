/* Raft's log, vote and snapshot: the calls and the disk queue.
 *
 * Happy path: appends queue up; at the end of the loop turn one job takes them all, writes their
 * records with one call, syncs once, and the loop runs their callbacks in order while the next job
 * is already on its way. Failure modes: the first disk error is reported and ends everything. */
#include "controller/raft_store.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/mutation.h"
#include "controller/raft_store_record.h"

enum { WRITER_FILES = 4 /* that a roll, a snapshot or a sync of the directory may open */ };

enum op_kind { OP_APPEND, OP_TRUNCATE, OP_INSTALL, OP_TRIM };

struct op {
    struct list link;
    enum op_kind kind;
    uint64_t index; /* TRUNCATE; TRIM: entries up to it may go */
    struct raft_store_entry *entries;
    size_t count;
    struct raft_store_snapshot snapshot; /* INSTALL */
    void (*done)(void *data);
    void *data;
};

/* A snapshot being saved or read beside the queue. */
struct side_job {
    struct env_work work;
    struct raft_store *store;
    struct raft_store_snapshot snapshot;
    uint64_t drop_to;
    int err;
    char *bytes; /* what was read */
    void (*saved)(void *data, int err);
    void (*read)(void *data, const struct raft_store_snapshot *snapshot);
    void *data;
};

static void queue_kick(struct raft_store *store);
static void queue_start(void *data);

/* ---- life ---- */

int raft_store_open(struct env *env, struct logger *logger, const char *dir,
                    void (*failed)(void *data, const char *sentence), void *data,
                    struct buf *problem, struct raft_store **out)
{
    int err = env_dir_make_durable(env, dir);
    ASSERT(failed != NULL);
    if (err) {
        buf_printf(problem,
                   "can't make the controller's directory %s: %s: set metadata.log.dir (or "
                   "log.dirs) to a directory that this user may write",
                   dir, err_text(err));
        return err;
    }
    struct raft_store *store = mem_alloc(sizeof(*store));
    store->env = env;
    store->logger = logger;
    store->dir = mem_strdup(dir);
    store->failed = failed;
    store->data = data;
    list_init(&store->segments);
    list_init(&store->waiting);
    list_init(&store->writing);
    env_timer_init(env, &store->start, queue_start, store);
    char *path = raft_store_path(store, "lock");
    err = env_path_lock(env, path, &store->lock);
    mem_free(path);
    if (err)
        buf_printf(problem,
                   "can't lock the controller's directory %s: %s: stop the node that uses it, or "
                   "set metadata.log.dir (or log.dirs) to another one",
                   dir, err_text(err));
    else
        err = raft_store_load(store, problem);
    if (err) {
        raft_store_free(store);
        return err;
    }
    *out = store;
    return 0;
}

const struct raft_store_state *raft_store_state(const struct raft_store *store)
{
    return &store->state;
}

void raft_store_forget(struct raft_store *store)
{
    for (size_t i = 0; i < store->loaded_count; i++)
        mem_free(store->loaded[i]);
    mem_free(store->loaded);
    mem_free(store->loaded_snapshot);
    mem_free(store->state.entries);
    store->loaded = NULL;
    store->loaded_count = 0;
    store->loaded_snapshot = NULL;
    memset(&store->state, 0, sizeof(store->state));
}

const char *raft_store_dir(const struct raft_store *store)
{
    return store->dir;
}

bool raft_store_fresh(const struct raft_store *store)
{
    return store->term == 0 && store->vote == 0 && store->next_index == 1;
}

/* What holds between two events. */
static void store_check(const struct raft_store *store)
{
    ASSERT(store->running >= 0);
    ASSERT(store->saves >= 0);
    ASSERT(!store->busy || store->running > 0);
    ASSERT(store->busy || list_empty(&store->writing) || store->dead);
    ASSERT(store->saves <= store->running);
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

static void store_release(struct raft_store *store)
{
    if (!store->freed || store->running)
        return;
    ASSERT(!store->busy);
    ops_free(&store->waiting);
    ops_free(&store->writing);
    struct list *step;
    while ((step = list_pop(&store->segments)))
        mem_free(LIST_ENTRY(step, struct raft_store_segment, link));
    if (store->file)
        env_file_close(store->file);
    if (store->vote_file)
        env_file_close(store->vote_file);
    if (store->lock)
        env_file_close(store->lock);
    mem_free(store->dir);
    mem_free(store);
}

void raft_store_free(struct raft_store *store)
{
    if (!store)
        return;
    env_timer_stop(&store->start);
    raft_store_forget(store);
    store->freed = true;
    store_release(store);
}

static void store_fail(struct raft_store *store, const char *doing, int err)
{
    ASSERT(err < 0);
    if (store->dead || store->freed)
        return;
    ASSERT(store->failed != NULL);
    store->dead = true;
    char *sentence =
        mem_printf("the controller can't %s in %s: %s", doing, store->dir, err_text(err));
    store->failed(store->data, sentence);
    mem_free(sentence);
}

static void check_closed(struct raft_store *store)
{
    bool queued = !store->dead && !list_empty(&store->waiting);
    ASSERT(!store->freed);
    if (!store->closed || store->busy || store->saves || queued)
        return;
    if (!store->dead && raft_store_save_reached(store))
        logger_warn(store->logger, "could not note in %s how far the log is", store->dir);
    void (*closed)(void *data) = store->closed;
    store->closed = NULL;
    closed(store->closed_data);
}

void raft_store_close(struct raft_store *store, void (*done)(void *data), void *data)
{
    ASSERT(!store->closed);
    ASSERT(done != NULL);
    store->closed = done;
    store->closed_data = data;
    env_timer_start(&store->start, 0); /* comes from the loop even when nothing is queued */
}

/* ---- term and vote ---- */

static int vote_store(struct raft_store *store, uint64_t term, uint64_t vote)
{
    if (store->dead)
        return ERR_IO;
    ASSERT(store->vote_file != NULL);
    uint8_t slot[RAFT_STORE_VOTE_SIZE];
    uint64_t number = ++store->vote_number;
    raft_store_vote_put(slot, number, term, vote);
    int err =
        env_file_write(store->vote_file, slot, sizeof(slot), (number % 2) * RAFT_STORE_VOTE_SLOT);
    if (!err)
        err = MUTATION(VOTE_UNSYNCED) ? 0 : env_file_sync(store->vote_file);
    if (err) {
        store_fail(store, "store its vote", err);
        return err;
    }
    store->term = term;
    store->vote = vote;
    return 0;
}

int raft_store_set_term(struct raft_store *store, uint64_t term)
{
    ASSERT(term >= store->term);
    return vote_store(store, term, 0);
}

int raft_store_raise_term(struct raft_store *store, uint64_t term, uint64_t vote)
{
    int err = vote_store(store, term, vote);
    store->state.term = store->term;
    store->state.vote = store->vote;
    return err;
}

int raft_store_set_vote(struct raft_store *store, uint64_t vote)
{
    ASSERT(store->vote == 0 || store->vote == vote);
    return vote_store(store, store->term, vote);
}

/* ---- the queue: submitting ---- */

static struct op *op_new(struct raft_store *store, enum op_kind kind)
{
    struct op *op = mem_alloc(sizeof(*op));
    ASSERT(!store->freed);
    op->kind = kind;
    list_push(&store->waiting, &op->link);
    queue_kick(store);
    return op;
}

void raft_store_append(struct raft_store *store, const struct raft_store_entry *entries,
                       size_t count, void (*done)(void *data), void *data)
{
    ASSERT(count > 0);
    ASSERT(entries != NULL);
    ASSERT(!store->freed);
    struct op *op = op_new(store, OP_APPEND);
    op->entries = mem_dup(entries, count * sizeof(*entries));
    op->count = count;
    op->done = done;
    op->data = data;
    store->unfinished++;
}

void raft_store_truncate(struct raft_store *store, uint64_t index)
{
    ASSERT(index > 0);
    op_new(store, OP_TRUNCATE)->index = index;
}

void raft_store_install(struct raft_store *store, const struct raft_store_snapshot *snapshot,
                        void (*done)(void *data), void *data)
{
    struct op *op = op_new(store, OP_INSTALL);
    op->snapshot = *snapshot;
    op->done = done;
    op->data = data;
    store->unfinished++;
}

size_t raft_store_unfinished(const struct raft_store *store)
{
    return store->unfinished;
}

static void queue_kick(struct raft_store *store)
{
    if (!store->busy && !env_timer_running(&store->start))
        env_timer_start_soon(&store->start);
}

/* ---- the queue: the writer job ---- */

static int snapshot_store(struct raft_store *store, const struct raft_store_snapshot *snapshot)
{
    struct buf bytes;
    buf_init(&bytes);
    char *path = raft_store_path(store, "snapshot");
    int err = raft_store_snapshot_put(&bytes, snapshot);
    if (!err)
        err = env_file_replace(store->env, path, bytes.data, bytes.len);
    mem_free(path);
    buf_close(&bytes);
    return err;
}

static int encode(struct raft_store *store, struct buf *bytes, struct raft_store_record *record)
{
    ASSERT(bytes->len % 8 == 0);
    record->position = store->position + bytes->len;
    record->durable = store->durable;
    return raft_store_record_put(bytes, record);
}

static int encode_append(struct raft_store *store, struct buf *bytes, const struct op *op)
{
    ASSERT(!list_empty(&store->segments));
    ASSERT(op->count > 0);
    ASSERT(store->next_index > 0);
    struct raft_store_segment *newest =
        LIST_ENTRY(store->segments.prev, struct raft_store_segment, link);
    int err = 0;
    for (size_t i = 0; !err && i < op->count; i++) {
        const struct raft_store_entry *entry = &op->entries[i];
        struct raft_store_record record = {.kind = RAFT_STORE_ENTRY,
                                           .type = entry->type,
                                           .index = store->next_index++,
                                           .term = entry->term,
                                           .data = entry->data,
                                           .len = entry->len};
        if (entry->len > RAFT_STORE_ENTRY_MAX)
            return ERR_TOO_LARGE;
        if (record.index > newest->index_max)
            newest->index_max = record.index;
        err = encode(store, bytes, &record);
    }
    return err;
}

/* Writes what is encoded; it is durable afterwards. */
static int flush(struct raft_store *store, struct buf *bytes)
{
    if (bytes->len == 0)
        return 0;
    ASSERT(store->file != NULL);
    ASSERT(bytes->len % 8 == 0);
    int err = env_file_write(store->file, bytes->data, bytes->len, store->file_size);
    if (!err)
        err = MUTATION(RAFT_UNSYNCED) ? 0 : env_file_sync(store->file);
    store->file_size += bytes->len;
    store->position += bytes->len;
    store->durable = store->position;
    ASSERT(store->reached <= store->durable);
    bytes->len = 0;
    return err;
}

/* Removes segments from the oldest on, each for good before the next, so that no gap can appear. */
static int trim(struct raft_store *store, uint64_t index)
{
    int err = 0;
    while (!err && store->segments.next != store->segments.prev) {
        struct raft_store_segment *oldest =
            LIST_ENTRY(store->segments.next, struct raft_store_segment, link);
        if (oldest->index_max > index)
            break;
        char *path = raft_store_segment_path(store, oldest->number);
        err = env_path_remove(store->env, path);
        if (!err)
            err = env_dir_sync(store->env, store->dir);
        mem_free(path);
        list_remove(&oldest->link);
        mem_free(oldest);
    }
    return err;
}

static int write_op(struct raft_store *store, struct buf *bytes, struct op *op)
{
    struct raft_store_record record = {.kind = RAFT_STORE_TRUNCATE, .index = op->index};
    int err;
    ASSERT(op->kind <= OP_TRIM);
    switch (op->kind) {
    case OP_APPEND:
        return encode_append(store, bytes, op);
    case OP_TRUNCATE:
        store->next_index = op->index;
        return encode(store, bytes, &record);
    case OP_INSTALL:
        err = flush(store, bytes);
        if (!err)
            err = snapshot_store(store, &op->snapshot);
        record.kind = RAFT_STORE_VOID;
        record.index = op->snapshot.index;
        store->next_index = op->snapshot.index + 1;
        return err ? err : encode(store, bytes, &record);
    default:
        err = flush(store, bytes);
        return err ? err : trim(store, op->index);
    }
}

static void writer_run(struct env_work *work)
{
    struct raft_store *store = CONTAINER_OF(work, struct raft_store, work);
    struct buf bytes;
    ASSERT(store->busy);
    ASSERT(!list_empty(&store->writing));
    buf_init(&bytes);
    store->error = 0;
    /* Without descriptors the segment grows a little longer instead: a failure would be final. */
    bool ready = env_files_ready(work->env, WRITER_FILES);
    if (!store->file || (store->file_size >= RAFT_STORE_SEGMENT_SIZE && ready))
        store->error = raft_store_begin_segment(store);
    LIST_EACH(step, &store->writing) {
        if (!store->error)
            store->error = write_op(store, &bytes, LIST_ENTRY(step, struct op, link));
    }
    if (!store->error)
        store->error = flush(store, &bytes);
    if (!store->error && store->durable - store->reached >= RAFT_STORE_REACHED_STEP)
        store->error = raft_store_save_reached(store);
    buf_close(&bytes);
}

static void writer_done(struct env_work *work)
{
    struct raft_store *store = CONTAINER_OF(work, struct raft_store, work);
    ASSERT(store->busy);
    ASSERT(store->running > 0);
    ASSERT(!list_empty(&store->writing));
    store->running--;
    store->busy = false;
    if (store->freed) {
        store_release(store);
        return;
    }
    if (store->error) {
        store_fail(store, "write its log", store->error);
        return;
    }
    struct list finished;
    list_init(&finished);
    list_splice(&finished, &store->writing);
    if (!list_empty(&store->waiting))
        queue_start(store); /* the disk works while the callbacks run */
    store->running++;
    struct list *step;
    while (!store->freed && (step = list_pop(&finished))) {
        struct op *op = LIST_ENTRY(step, struct op, link);
        ASSERT(!op->done || store->unfinished > 0);
        store->unfinished -= op->done != NULL;
        if (op->done)
            op->done(op->data);
        op_free(op);
    }
    ops_free(&finished);
    store->running--;
    if (store->freed)
        store_release(store);
    else
        check_closed(store);
}

static void queue_start(void *data)
{
    struct raft_store *store = data;
    if (store->busy)
        return;
    if (store->dead || list_empty(&store->waiting)) {
        check_closed(store);
        return;
    }
    ASSERT(list_empty(&store->writing));
    list_splice(&store->writing, &store->waiting);
    store->busy = true;
    store->running++;
    store_check(store);
    env_work_submit(store->env, &store->work, writer_run, writer_done);
}

/* ---- snapshots beside the queue ---- */

static struct side_job *side_new(struct raft_store *store)
{
    struct side_job *job = mem_alloc(sizeof(*job));
    job->store = store;
    store->running++;
    store->saves++;
    return job;
}

/* True when the job's callbacks may run; otherwise everything is over. Without descriptors or
 * memory nothing has been confirmed that is not on the disk: Raft asks again. */
static bool side_end(struct side_job *job, const char *doing)
{
    struct raft_store *store = job->store;
    bool later = env_is_later(job->err);
    ASSERT(store->running > 0);
    ASSERT(store->saves > 0);
    store->running--;
    store->saves--;
    if (!store->freed && !store->dead && (!job->err || later)) {
        if (later)
            logger_warn(store->logger, "the controller can't %s in %s now: %s", doing, store->dir,
                        err_text(job->err));
        return true;
    }
    if (job->err && !later)
        store_fail(store, doing, job->err);
    store_release(store);
    mem_free(job->bytes);
    mem_free(job);
    return false;
}

static void save_run(struct env_work *work)
{
    struct side_job *job = CONTAINER_OF(work, struct side_job, work);
    (void)env_files_ready(work->env, WRITER_FILES); /* held back while there are some */
    job->err = snapshot_store(job->store, &job->snapshot);
}

static void save_done(struct env_work *work)
{
    struct side_job *job = CONTAINER_OF(work, struct side_job, work);
    if (!side_end(job, "store a snapshot"))
        return;
    ASSERT(job->saved != NULL);
    struct raft_store *store = job->store;
    if (!job->err)
        op_new(store, OP_TRIM)->index = job->drop_to;
    else if (store->closed)
        queue_kick(store); /* it waited for this */
    job->saved(job->data, job->err);
    mem_free(job);
}

void raft_store_save(struct raft_store *store, const struct raft_store_snapshot *snapshot,
                     uint64_t drop_to, void (*done)(void *data, int err), void *data)
{
    struct side_job *job = side_new(store);
    ASSERT(done != NULL);
    ASSERT(drop_to <= snapshot->index);
    job->snapshot = *snapshot;
    job->drop_to = drop_to;
    job->saved = done;
    job->data = data;
    env_work_submit(store->env, &job->work, save_run, save_done);
}

static void read_run(struct env_work *work)
{
    struct side_job *job = CONTAINER_OF(work, struct side_job, work);
    char *path = raft_store_path(job->store, "snapshot");
    size_t len;
    job->err = env_file_load(job->store->env, path, RAFT_STORE_FILE_MAX, &job->bytes, &len);
    if (!job->err && !raft_store_snapshot_get((uint8_t *)job->bytes, len, &job->snapshot))
        job->err = ERR_CORRUPT;
    mem_free(path);
}

static void read_done(struct env_work *work)
{
    struct side_job *job = CONTAINER_OF(work, struct side_job, work);
    if (!side_end(job, "read its snapshot"))
        return;
    ASSERT(job->read != NULL);
    struct raft_store *store = job->store;
    store->running++;
    job->read(job->data, job->err ? NULL : &job->snapshot);
    store->running--;
    mem_free(job->bytes);
    mem_free(job);
    if (store->freed)
        store_release(store);
    else
        check_closed(store);
}

void raft_store_read_snapshot(struct raft_store *store,
                              void (*done)(void *data, const struct raft_store_snapshot *snapshot),
                              void *data)
{
    struct side_job *job = side_new(store);
    ASSERT(done != NULL);
    job->read = done;
    job->data = data;
    env_work_submit(store->env, &job->work, read_run, read_done);
}
