/* What a file channel writes, on the worker pool: one write at a time, of all that has gathered
 * since the last one.
 *
 * Happy path: puts are encoded as they come, ranges of takes are merged; a write appends both to
 * the last segment, or begins a new one, and syncs if there are puts in it; then the puts end.
 * Takes need no sync of their own: one that is lost with the power is events that come again.
 *
 * Failure modes: a write that fails ends its puts with the error. Their numbers are skipped, since
 * some of them may be on disk, and the next write begins a new segment. The takes are kept for
 * it. */
#include "tools/agent/file_store.h"

#include <string.h>

#include "base/mem.h"
#include "tools/agent/file_record.h"

enum {
    FILE_PENDING_MAX = 16 << 20, /* bytes that wait for a write: then puts wait */
    FILE_RETRY_MS = 1000
};

/* A put in a write. */
struct file_put {
    struct list link;
    struct put *put; /* NULL = its source is gone */
    struct file_piece *piece;
};

struct file_write {
    struct env_work work;
    struct file_store *store;
    struct buf data;
    struct list puts;
    struct file_ranges takes; /* its head is 0 */
    bool taken;               /* sinks took some of them; the others are of puts that failed */
    struct file_gone *gone;   /* files to remove */
    size_t gone_count;
    bool syncs;
    /* of the run */
    bool rolls;
    struct file_segment row;
    struct env_file *file;
    uint64_t number, first, offset;
    int64_t space_min;
    int err;
};

static struct file_write *file_write_new(struct file_store *store)
{
    struct file_write *write = mem_alloc(sizeof(*write));
    write->store = store;
    buf_init(&write->data);
    list_init(&write->puts);
    return write;
}

static void file_write_free(struct file_write *write)
{
    ASSERT(list_empty(&write->puts));
    for (size_t i = 0; i < write->gone_count; i++)
        mem_free(write->gone[i].path);
    mem_free(write->gone);
    file_ranges_close(&write->takes);
    buf_close(&write->data);
    mem_free(write);
}

void file_write_open(struct file_store *store)
{
    store->filling = file_write_new(store);
}

/* ---- what is to be written ---- */

/* The head of these ranges stays at 0: events begin with 1. */
static void file_write_take_also(struct file_write *write, uint64_t first, uint64_t end)
{
    ASSERT(first > 0);
    file_ranges_add(&write->takes, first, end);
}

int file_write_put(struct file_store *store, struct put *put)
{
    struct file_write *write = store->filling;
    if (write->data.len > FILE_PENDING_MAX)
        return ERR_AGAIN;
    int err = file_record_put(&write->data, store->next, put->events, put->count);
    if (err)
        return err == ERR_NO_MEMORY ? ERR_AGAIN : err;
    struct file_put *waiting = mem_alloc(sizeof(*waiting));
    waiting->put = put;
    waiting->piece = file_piece_new(store->next, put->count);
    for (size_t i = 0; i < put->count; i++) {
        waiting->piece->events[i] = event_ref(&put->events[i]);
        waiting->piece->bytes += put->events[i].len;
    }
    list_push(&write->puts, &waiting->link);
    write->syncs = store->syncs;
    store->next += put->count;
    return TRANSACTION_PENDING;
}

void file_write_take(struct file_store *store, uint64_t first, uint64_t end)
{
    file_write_take_also(store->filling, first, end);
    store->filling->taken = true;
}

static bool file_write_forget_in(struct file_write *write, const struct put *put)
{
    if (!write)
        return false;
    LIST_EACH(step, &write->puts) {
        struct file_put *waiting = LIST_ENTRY(step, struct file_put, link);
        if (waiting->put != put)
            continue;
        waiting->put = NULL;
        return true;
    }
    return false;
}

void file_write_forget(struct file_store *store, const struct put *put)
{
    bool found =
        file_write_forget_in(store->filling, put) || file_write_forget_in(store->running, put);
    ASSERT(found);
}

/* ---- the write ---- */

static int file_write_begin_segment(struct file_write *write)
{
    return file_segments_make(&write->store->segments, write->number, write->first, &write->row,
                              &write->file);
}

static int file_write_check_space(struct file_write *write)
{
    const struct file_segments *segments = &write->store->segments;
    if (list_empty(&write->puts) || write->space_min == 0)
        return 0;
    int64_t space =
        env_path_space(segments->env, segments->dirs[write->number % segments->dirs_count]);
    return space >= 0 && space < write->space_min ? ERR_NO_SPACE : 0;
}

static void file_write_run(struct env_work *work)
{
    struct file_write *write = CONTAINER_OF(work, struct file_write, work);
    struct env *env = write->store->env;
    write->err = file_write_check_space(write);
    if (!write->err && write->rolls)
        write->err = file_write_begin_segment(write);
    if (!write->err && write->data.len > 0)
        write->err = env_file_write(write->file, write->data.data, write->data.len, write->offset);
    if (!write->err && write->syncs)
        write->err = env_file_sync(write->file);
    /* Also when the disk is full: that is how it gets room. They say nothing that the log needs:
     * takes stand behind their puts, and all of those are done. */
    for (size_t i = 0; i < write->gone_count; i++)
        file_segments_drop(env, &write->gone[i]);
}

/* The puts end. Their sources may put again, so all that is known of the write is noted by now. */
static void file_write_tell(struct file_store *store, struct file_write *write)
{
    struct list *link;
    ASSERT(!store->running);
    if (store->checkpoint_due && store->channel)
        file_store_checkpoint(store); /* a source that puts again begins the next write */
    while ((link = list_pop(&write->puts))) {
        struct file_put *waiting = LIST_ENTRY(link, struct file_put, link);
        struct put *put = waiting->put;
        mem_free(waiting);
        if (put && store->channel)
            channel_put_ended(store->channel, put, write->err);
    }
}

/* The puts have their events in the log. */
static void file_write_succeeded(struct file_store *store, struct file_write *write)
{
    if (write->data.len > 0) {
        struct file_segment *row = file_segments_find(&store->segments, write->number);
        ASSERT(row); /* the last one is never trimmed */
        store->offset = row->end = write->offset + write->data.len;
    }
    store->told = false;
    LIST_EACH(step, &write->puts) {
        struct file_put *waiting = LIST_ENTRY(step, struct file_put, link);
        store->log_next = store->settled = waiting->piece->first + waiting->piece->count;
        file_load_arrived(store, waiting->piece, write->number, write->offset);
    }
    file_write_tell(store, write);
}

static void file_write_failed(struct file_store *store, struct file_write *write)
{
    if (!store->told)
        logger_error(&store->logger, "can't write to %s: %s: sources wait until it works again",
                     store->segments.dirs[write->number % store->segments.dirs_count],
                     err_text(write->err));
    store->told = true;
    if (store->file)
        env_file_close(store->file);
    store->file = NULL;
    for (size_t i = 0; i < write->takes.count; i++)
        file_write_take_also(store->filling, write->takes.rows[i].first, write->takes.rows[i].end);
    store->filling->taken |= write->taken;
    LIST_EACH(step, &write->puts) {
        struct file_put *waiting = LIST_ENTRY(step, struct file_put, link);
        uint64_t first = waiting->piece->first, end = first + waiting->piece->count;
        store->settled = end;
        store->count -= waiting->piece->count;
        file_ranges_add(&store->done, first, end);
        file_write_take_also(store->filling, first, end);
        file_piece_free(waiting->piece);
    }
    env_timer_start(&store->retry, FILE_RETRY_MS);
    file_write_tell(store, write);
}

/* What has been written or not; for both kinds of writes. */
static void file_write_finish(struct file_store *store, struct file_write *write)
{
    bool made = write->rolls && write->file;
    store->running = NULL;
    if (made) {
        file_segments_add(&store->segments, &write->row);
        if (store->file)
            env_file_close(store->file);
        store->file = write->file;
        store->number = write->number;
        store->offset = write->offset;
    }
    store->changed = true;
    if (write->err)
        file_write_failed(store, write);
    else
        file_write_succeeded(store, write);
    file_write_free(write);
}

static void file_write_done(struct env_work *work)
{
    struct file_write *write = CONTAINER_OF(work, struct file_write, work);
    struct file_store *store = write->store;
    bool failed = write->err != 0;
    file_write_finish(store, write);
    if (!failed && store->channel)
        channel_has_room(store->channel);
    if (!failed && store->channel)
        file_write_start(store);
    file_store_job_ended(store);
}

/* Takes what has gathered, and says where it goes. NULL when there is nothing. Numbers of puts that
 * failed go along with others: alone they would be a segment for each trial on a full disk. */
static struct file_write *file_write_take_over(struct file_store *store)
{
    struct file_write *write = store->filling;
    file_segments_trim(&store->segments, store->done.head, &write->gone, &write->gone_count);
    if (write->data.len == 0 && !write->taken && write->gone_count == 0)
        return NULL;
    for (size_t i = 0; i < write->takes.count; i++)
        file_record_take(&write->data, write->takes.rows[i].first,
                         write->takes.rows[i].end - write->takes.rows[i].first);
    write->rolls = !store->file || store->offset + write->data.len > store->segment_max;
    write->file = write->rolls ? NULL : store->file;
    write->number = write->rolls ? store->segments.number_next : store->number;
    write->offset = write->rolls ? FILE_SEGMENT_HEADER : store->offset;
    write->first = store->log_next;
    write->space_min = store->space_min;
    store->filling = file_write_new(store);
    store->running = write;
    return write;
}

void file_write_start(struct file_store *store)
{
    if (store->running || !store->channel)
        return;
    bool puts = !list_empty(&store->filling->puts);
    if (!puts && env_timer_running(&store->retry))
        return; /* takes alone wait until the disk has had some time */
    struct file_write *write = file_write_take_over(store);
    if (!write)
        return;
    store->jobs++;
    env_work_submit(store->env, &write->work, file_write_run, file_write_done);
}

void file_write_last(struct file_store *store)
{
    ASSERT(!store->running);
    store->filling->taken = store->filling->takes.count > 0; /* there is no later write */
    struct file_write *write = file_write_take_over(store);
    if (write) {
        write->syncs = true;
        file_write_run(&write->work);
        file_write_finish(store, write);
    }
    struct list *link;
    while ((link = list_pop(&store->filling->puts))) {
        struct file_put *waiting = LIST_ENTRY(link, struct file_put, link);
        file_piece_free(waiting->piece);
        mem_free(waiting);
    }
    file_write_free(store->filling);
    store->filling = NULL;
}
