/* The start of a file channel: what its files have is found on the worker pool, so that the loop
 * answers meanwhile, however much there is to read.
 *
 * Happy path: the channel is there at once, takes no puts and hands nothing out; the job ends, and
 * it serves. Failure modes: files that can't be read are told, and tried again: without them no
 * number can be given; on a full disk it hands out what it has, and takes puts when there is room;
 * a channel that is closed meanwhile ends the reading at the next chunk. */
#include <inttypes.h>

#include "base/mem.h"
#include "base/plural.h"
#include "tools/agent/file_record.h"
#include "tools/agent/file_store.h"

enum { FILE_FIRST = 1, FILE_RECOVERY_RETRY_MS = 10000 };

struct file_recovery {
    struct env_work work;
    struct file_store *store;
    struct file_recovered found;
    struct ring_file_slots slots;
    struct file_takes *takes; /* NULL = it can't be written */
    struct buf problem;
    int err, takes_err;
};

static const struct state_row file_states[] = {
    [FILE_READING] = {"reading", STATE_BIT(FILE_SERVING)},
    [FILE_SERVING] = {"serving", 0},
};

static void file_recovery_move(struct file_store *store, enum file_state to)
{
    STATE_MOVE(file_states, store->state, to);
}

/* Numbers begin with 1: ranges that begin at 0 are heads. */
static void file_recovery_set_first(struct file_recovered *found)
{
    if (found->next == 0) {
        found->next = FILE_FIRST;
        file_ranges_close(&found->done);
        file_ranges_init(&found->done, FILE_FIRST);
    }
    if (found->done.head > found->next)
        found->next = found->done.head;
}

static void file_recovery_run(struct env_work *work)
{
    struct file_recovery *job = CONTAINER_OF(work, struct file_recovery, work);
    struct file_store *store = job->store;
    const char *dir = store->segments.checkpoint_dir;
    job->err = file_segments_recover(&store->segments, &job->found, &job->problem);
    if (job->err)
        return;
    file_recovery_set_first(&job->found);
    job->err = file_takes_recover(store->env, dir, &job->found, &job->slots);
    if (job->err)
        buf_printf(&job->problem, "can't keep the takes in %s: %s", dir, err_text(job->err));
    else
        job->takes_err = file_takes_open(store->env, dir, job->slots.newest, &job->takes);
}

static void file_recovery_free(struct file_recovery *job)
{
    file_takes_close(job->takes);
    file_ranges_close(&job->found.done);
    ring_file_slots_free(&job->slots);
    buf_close(&job->problem);
    mem_free(job);
}

/* The store takes over what was found. */
static void file_recovery_serve(struct file_store *store, struct file_recovery *job)
{
    store->done = job->found.done;
    job->found.done = (struct file_ranges){0};
    store->takes = job->takes;
    job->takes = NULL;
    if (!store->takes)
        logger_error(&store->logger,
                     "can't write to %s: %s: sinks empty the channel all the same, and kill -9 may "
                     "bring many events again until this works",
                     store->segments.checkpoint_dir, err_text(job->takes_err));
    store->next = store->settled = store->log_next = job->found.next;
    store->count = (size_t)file_ranges_left(&store->done, store->next);
    struct file_segment *row = file_segments_of(&store->segments, store->done.head);
    store->behind = store->count > 0;
    store->load_seq = store->done.head;
    store->load_number = row ? row->number : 0;
    store->load_offset = FILE_SEGMENT_HEADER;
    if (store->count > 0)
        logger_info(&store->logger, "%zu %s in it", store->count,
                    plural(store->count, "event is", "events are"));
    file_write_open(store);
    for (size_t i = 0; i < job->slots.count; i++) { /* so that the log has them, too */
        struct file_range taken = file_takes_slot(&job->slots, i);
        file_write_take(store, taken.first, taken.end);
    }
    file_recovery_move(store, FILE_SERVING);
    env_timer_start(&store->checkpoint, store->checkpoint_ms);
    file_write_start(store);
    file_load_start(store);
}

static void file_recovery_done(struct env_work *work)
{
    struct file_recovery *job = CONTAINER_OF(work, struct file_recovery, work);
    struct file_store *store = job->store;
    struct channel *channel = store->channel;
    if (channel && job->err) {
        logger_error(&store->logger, "%s: trying on", buf_text(&job->problem));
        env_timer_start(&store->retry, FILE_RECOVERY_RETRY_MS);
    } else if (channel) {
        file_recovery_serve(store, job);
        channel_has_room(channel);
        channel_has_events(channel);
    }
    file_recovery_free(job);
    file_store_job_ended(store);
}

void file_recovery_start(struct file_store *store)
{
    ASSERT(store->state == FILE_READING);
    struct file_recovery *job = mem_alloc(sizeof(*job));
    job->store = store;
    buf_init(&job->problem);
    store->jobs++;
    env_work_submit(store->env, &job->work, file_recovery_run, file_recovery_done);
}
