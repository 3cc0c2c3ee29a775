/* The copy of a log that moves to another directory: catching up, holding, the swap.
 *
 * Happy path: a worker reads a piece of the old log and the loop appends it, until what is left is
 * small; then the old log's durable end is held, the copy is flushed up to there, and in one turn
 * it gets the rest, the name and the partition. Failure modes: see future.c. */
#include "broker/log/future_private.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "broker/log/flush.h"

enum {
    FUTURE_CHUNK = 1 << 20, /* read and appended at a time: a millisecond of the loop */
    /* A copy that lacks no more than this is about to be caught up. */
    FUTURE_TAIL_MAX = 256 << 10,
    /* What may be appended while the disks are waited for, and is copied within the turn. */
    FUTURE_SWAP_MAX = 4 << 20,
    FUTURE_SLOW_MS = 10000 /* until disks that were too slow are waited for again */
};

/* ---- the swap ---- */

static void future_take_epochs(struct future *f)
{
    struct log *to = f->to;
    if (epochs_equal(&to->epochs, &f->from->epochs))
        return;
    epochs_copy(&to->epochs, &f->from->epochs);
    epochs_cut_end(&to->epochs, to->end_offset + 1);
}

/* The copy gets the partition's name, on the disk and in memory. */
static void future_rename(struct future *f, char *path)
{
    struct log *to = f->to;
    mem_free(to->path);
    to->path = path;
    for (uint32_t i = 0; i < to->segment_count; i++)
        segment_set_dir(to->segments[i], path);
}

/* What the checkpoints of its directory say of it. */
static void future_set_points(struct log_entry *entry, const struct log_entry *like)
{
    entry->recovery_point = like->recovery_point;
    entry->high_watermark = like->high_watermark;
    entry->start_offset = like->start_offset;
    entry->cleaned_offset = like->cleaned_offset;
    memcpy(entry->incarnations, like->incarnations, sizeof(entry->incarnations));
}

/* The entry of the partition is the copy's from now on, and the copy's stands for the old folder:
 * until that is gone for good, a crash may make it the replica again, with what the checkpoints of
 * its directory say. */
static void future_take_entry(struct future *f)
{
    struct log *from = f->from, *to = f->to;
    struct log_entry *entry = from->entry, *old = f->entry, before = *entry;
    ASSERT(entry != old);
    ASSERT(entry->log == from);
    log_entry_drop(old);
    old->dir = from->dir;
    entry->dir = f->dir;
    future_set_points(entry, old);
    future_set_points(old, &before);
    entry->left = (struct log_leavings){0};
    entry->log = to;
    to->entry = entry;
    from->entry = NULL;
    old->log = NULL;
    old->exists = false; /* the folder of the copy is no more */
    log_entry_map(old, true);
    for (int which = 0; which < LOG_CHECKPOINTS; which++)
        f->dir->checkpoint_dirty[which] = true;
}

static void future_close_old(struct log *from)
{
    struct log_manager *manager = from->manager;
    ASSERT(from->future == NULL);
    ASSERT(from->entry == NULL);
    from->moved = true;
    log_move(from, LOG_CLOSING);
    list_remove(&from->turn);
    if (from->jobs == 0)
        log_free(from);
    else
        list_push(&manager->closing, &from->turn);
}

static void future_swap(struct future *f)
{
    struct log *from = f->from, *to = f->to;
    void (*swapped)(void *data, struct log *log) = from->swapped;
    char *path = mem_printf("%s/%s", f->dir->path, from->entry->name);
    ASSERT(to->jobs == 0);
    ASSERT(to->end_offset == from->end_offset);
    ASSERT(to->start_offset == from->start_offset);
    ASSERT(to->flushed_offset >= from->held);
    int rc = env_path_rename(f->manager->env, to->path, path);
    if (rc < 0) {
        mem_free(path);
        log_dir_fail(f->dir, rc, "rename", to->path);
        future_cancel(f);
        return;
    }
    future_rename(f, path);
    future_take_epochs(f);
    log_set_config(to, from->config); /* it may have changed since the hold began */
    log_set_high_watermark(to, from->high_watermark);
    producer_state_exchange(&to->producers, &from->producers);
    to->proven = from->proven;
    to->held = from->held; /* until the old folder is gone for good */
    /* Its next flush makes all names durable, and then that it has records (roster.h). */
    to->recorded = false;
    to->sync_dir = to->sync_parent = true;
    f->old_dir = from->dir;
    f->old_path = mem_strdup(from->path);
    future_take_entry(f);
    from->future = NULL;
    f->from = NULL;
    log_watch(to, from->watch, from->watch_data);
    to->swapped = swapped;
    log_watch(from, NULL, NULL);
    future_move(f, FUTURE_SETTLING);
    log_write_epochs(to);
    log_write_snapshot(to);
    flush_later(to);
    log_check_state(to);
    future_close_old(from);
    swapped(to->watch_data, to);
}

/* ---- copying ---- */

/* The old log's own word on what the copy lacks of its front. 0, or an error. */
static int future_follow_start(struct future *f)
{
    struct log *from = f->from, *to = f->to;
    int rc = to->end_offset < from->start_offset ? log_reset(to, from->start_offset) : 0;
    if (rc < 0)
        return rc;
    log_set_high_watermark(to, from->high_watermark);
    if (to->start_offset < from->start_offset && from->start_offset <= to->high_watermark)
        rc = log_advance_start(to, from->start_offset);
    return rc;
}

/* Appends what was read of the old log, from batch `base_offset` on. */
static int future_take(struct future *f, uint8_t *bytes, size_t len, int64_t base_offset)
{
    struct log *to = f->to;
    struct log_append result;
    int rc = 0;
    /* The log start may lie in a batch, and batches come whole. */
    if (base_offset < to->end_offset && to->start_offset == to->end_offset)
        rc = log_reset(to, base_offset);
    if (base_offset > to->end_offset)
        log_expect_gap(to, base_offset);
    if (rc == 0)
        rc = log_append(to, bytes, len, LOG_FROM_LEADER, -1, &result);
    if (rc < 0)
        return rc;
    f->full_told = false;
    return result.base_offset < 0 ? ERR_AGAIN : future_follow_start(f);
}

/* Or it waits, where nothing has failed. */
void future_failed(struct future *f, int err)
{
    struct log_manager *manager = f->manager;
    struct log *from = f->from;
    ASSERT(err < 0);
    if (log_is_offline(from) || log_is_offline(f->to)) {
        logger_warn(manager->logger, "%s does not move to %s: %s has failed", from->path,
                    f->dir->path, log_is_offline(from) ? from->dir->path : f->dir->path);
        future_cancel(f);
    } else if (err == ERR_KAFKA_STORAGE_ERROR || err == ERR_AGAIN || env_is_later(err)) {
        future_wait(f, FUTURE_AGAIN_MS);
    } else {
        logger_error(manager->logger,
                     "%s does not move to %s: what follows offset %" PRId64
                     " can't be copied: %s. It stays where it is",
                     from->path, f->dir->path, f->to->end_offset, err_text(err));
        future_cancel(f);
    }
}

static size_t future_chunk(const struct log_manager *manager)
{
    return manager->future_rate > 0 && manager->future_rate < FUTURE_CHUNK
               ? (size_t)manager->future_rate
               : FUTURE_CHUNK;
}

/* Whether the pace of all moves together allows the next piece; else it waits. */
static bool future_may_read(struct future *f)
{
    struct log_manager *manager = f->manager;
    int64_t wait_us = manager->future_due_us - env_now_us(manager->env);
    if (manager->future_rate == 0)
        future_wait(f, FUTURE_AGAIN_MS);
    else if (wait_us > 0)
        future_wait(f, wait_us / 1000 + 1);
    return manager->future_rate > 0 && wait_us <= 0;
}

static void future_count(struct future *f, size_t len)
{
    struct log_manager *manager = f->manager;
    int64_t now_us = env_now_us(manager->env);
    if (manager->future_rate == INT64_MAX || manager->future_rate == 0)
        return;
    if (manager->future_due_us < now_us)
        manager->future_due_us = now_us;
    manager->future_due_us += (int64_t)len * 1000 * 1000 / manager->future_rate;
    list_remove(&f->link); /* others come first now */
    list_push(&manager->futures, &f->link);
}

static void future_read_done(struct env_work *work)
{
    struct future_job *job = CONTAINER_OF(work, struct future_job, work);
    struct log_manager *manager = job->manager;
    struct future *f = job->future;
    bool abandoned = manager->jobs.abandoned;
    if (f)
        f->job = NULL;
    if (f && !abandoned && !manager->shutting_down) {
        int rc = job->err;
        if (rc == 0 && job->generation == f->from->generation)
            rc = future_take(f, job->bytes, job->slice.len, job->slice.base_offset);
        if (rc < 0)
            future_failed(f, rc);
        else
            future_wake(f);
    }
    log_slice_release(&job->slice);
    mem_free(job->bytes);
    if (abandoned)
        job->from->jobs--;
    else
        log_job_end(job->from);
    mem_free(job);
    (void)log_jobs_end(&manager->jobs);
}

static void future_read(struct env_work *work)
{
    struct future_job *job = CONTAINER_OF(work, struct future_job, work);
    const struct log_slice *slice = &job->slice;
    ASSERT(slice->len > 0);
    job->bytes = mem_try_alloc(slice->len);
    if (!job->bytes) {
        job->err = ERR_NO_MEMORY;
        return;
    }
    ssize_t got = env_file_read(slice->file, job->bytes, slice->len, slice->position);
    if (got != (ssize_t)slice->len)
        job->err = got < 0 ? (int)got : ERR_CORRUPT;
}

static void future_start_read(struct future *f, struct log_slice *slice)
{
    struct log_manager *manager = f->manager;
    ASSERT(slice->segment != NULL);
    struct future_job *job = future_job_new(f);
    job->from = f->from;
    job->slice = *slice;
    job->generation = f->from->generation;
    *slice = (struct log_slice){0};
    future_count(f, job->slice.len);
    f->from->jobs++;
    log_jobs_begin(&manager->jobs);
    env_work_submit_heavy(manager->env, &job->work, future_read, future_read_done);
}

static void future_warmed(struct log_warm *warm)
{
    struct future_job *job = CONTAINER_OF(warm, struct future_job, warm);
    struct future *f = job->future;
    if (f) {
        f->job = NULL;
        future_wake(f);
    }
    mem_free(job);
}

/* The bytes of a slice that are in memory; NULL when they are not. The caller's. */
static uint8_t *future_bytes_now(struct log_slice *slice)
{
    uint8_t *bytes = slice->bytes;
    slice->bytes = NULL;
    if (bytes)
        return bytes;
    bytes = mem_try_alloc(slice->len);
    if (bytes &&
        env_file_read_now(slice->file, bytes, slice->len, slice->position) != (ssize_t)slice->len) {
        mem_free(bytes);
        bytes = NULL;
    }
    return bytes;
}

/* Copies what is left, `max` bytes at most, within this turn. ERR_AGAIN: there is more, or it is
 * not in memory. */
static int future_copy_now(struct future *f, size_t max)
{
    struct log *from = f->from, *to = f->to;
    int rc = 0;
    while (rc == 0 && to->end_offset < from->end_offset) {
        struct log_slice slice;
        struct log_cold cold;
        rc =
            log_read_now(from, to->end_offset, FUTURE_CHUNK, from->end_offset, true, &slice, &cold);
        if (rc == ERR_AGAIN)
            segment_unpin(cold.segment);
        if (rc < 0)
            break;
        uint8_t *bytes = slice.len > 0 && slice.len <= max ? future_bytes_now(&slice) : NULL;
        if (bytes) {
            max -= slice.len;
            future_count(f, slice.len);
        }
        rc = bytes ? future_take(f, bytes, slice.len, slice.base_offset) : ERR_AGAIN;
        mem_free(bytes);
        log_slice_release(&slice);
    }
    return rc;
}

/* Whether the slice ends where the log does. */
static bool future_is_tail(const struct log *from, const struct log_slice *slice)
{
    return slice->segment == log_active(from) &&
           slice->position + slice->len == slice->segment->size;
}

static void future_copy(struct future *f)
{
    struct log *from = f->from;
    struct log_slice slice;
    struct log_cold cold;
    if (!future_may_read(f))
        return;
    int rc = log_read_now(from, f->to->end_offset, future_chunk(f->manager), from->end_offset, true,
                          &slice, &cold);
    if (rc == ERR_AGAIN) {
        struct future_job *job = future_job_new(f);
        job->warm.done = future_warmed;
        log_warm(&job->warm, from, &cold);
        return;
    }
    if (rc == 0 && slice.len == 0)
        rc = ERR_AGAIN; /* a log that ends behind its last batch: the next one tells */
    if (rc < 0) {
        future_failed(f, rc);
        return;
    }
    int64_t first = f->to->end_offset;
    bool tail = slice.len <= FUTURE_TAIL_MAX && future_is_tail(from, &slice);
    rc = tail ? future_copy_now(f, FUTURE_TAIL_MAX) : ERR_AGAIN;
    bool stuck = rc == ERR_AGAIN && f->to->end_offset == first;
    if (stuck) { /* it is long, or not all of it is in memory */
        mem_free(slice.bytes);
        slice.bytes = NULL;
        future_start_read(f, &slice);
    } else if (rc < 0 && rc != ERR_AGAIN) {
        future_failed(f, rc);
    } else {
        future_wake(f);
    }
    log_slice_release(&slice);
}

/* ---- holding ---- */

/* An old log that has records is on the roster before: else its own first flush would put it there
 * when the copy is the replica, or deleted. */
static bool future_is_recorded(const struct log *from)
{
    return from->recorded || !from->flush.job;
}

static void future_hold(struct future *f)
{
    struct log *from = f->from, *to = f->to;
    ASSERT(to->end_offset >= from->end_offset);
    ASSERT(from->held == INT64_MAX);
    if (!future_is_recorded(from)) {
        future_wait(f, FUTURE_SOON_MS);
        return;
    }
    from->held = log_durable_offset(from);
    f->held_since_ms = env_now_ms(f->manager->env);
    log_set_config(to, from->config);
    future_take_epochs(f);
    log_write_epochs(to);
    log_save_start(to);
    flush_later(to);
    future_move(f, FUTURE_HOLDING);
    future_wait(f, FUTURE_SOON_MS);
}

static void future_unhold(struct future *f, int64_t wait_ms)
{
    future_release(f->from);
    future_move(f, FUTURE_COPYING);
    future_wait(f, wait_ms);
}

void future_put_off(struct future *f)
{
    ASSERT(f->from != NULL);
    if (f->state == FUTURE_HOLDING)
        future_unhold(f, FUTURE_AGAIN_MS);
    else
        future_wait(f, FUTURE_AGAIN_MS);
}

/* Whether nobody writes into a folder of the name that the copy is to have, or takes it away: the
 * jobs of a log that has moved away may. */
static bool future_name_is_free(const struct future *f)
{
    bool is_free = true;
    char *path = mem_printf("%s/%s", f->dir->path, f->from->entry->name);
    is_free &= !future_name_is_taken(f->manager, path);
    LIST_EACH(step, &f->manager->closing)
        is_free &= strcmp(LIST_ENTRY(step, struct log, turn)->path, path) != 0;
    mem_free(path);
    return is_free;
}

static bool future_is_ready(const struct future *f)
{
    const struct log *from = f->from, *to = f->to;
    return future_name_is_free(f) && to->jobs == 0 && to->flushed_offset >= from->held &&
           future_is_recorded(from) && log_saved_start(to) >= log_saved_start(from);
}

static void future_try_swap(struct future *f)
{
    struct log *from = f->from, *to = f->to;
    ASSERT(f->state == FUTURE_HOLDING);
    if (env_now_ms(f->manager->env) - f->held_since_ms > FUTURE_HOLD_MS) {
        future_unhold(f, FUTURE_SLOW_MS);
        return;
    }
    if (!future_is_ready(f)) {
        future_wait(f, FUTURE_SOON_MS);
        return;
    }
    int rc = future_copy_now(f, FUTURE_SWAP_MAX);
    if (rc == 0)
        rc = future_follow_start(f);
    if (rc == ERR_AGAIN)
        future_unhold(f, FUTURE_SOON_MS);
    else if (rc < 0)
        future_failed(f, rc);
    else if (to->start_offset != from->start_offset || !future_is_ready(f))
        future_wait(f, FUTURE_SOON_MS); /* the rest made a segment be rolled, as it may */
    else
        future_swap(f);
}

/* ---- a step ---- */

/* The old log was cut: what the copy has may be other records. */
static int future_begin_anew(struct future *f)
{
    struct log *from = f->from, *to = f->to;
    if (f->state == FUTURE_HOLDING)
        future_unhold(f, FUTURE_SOON_MS);
    bool fresh = to->end_offset == 0 && from->start_offset == 0;
    int rc = fresh ? 0 : log_reset(to, from->start_offset);
    if (rc == 0)
        f->generation = from->generation;
    return rc;
}

static void future_tell_full(struct future *f)
{
    if (!f->full_told)
        logger_warn(
            f->manager->logger,
            "%s waits to move to %s, whose disk is nearly full or hangs: free space there, or "
            "move it elsewhere",
            f->from->path, f->dir->path);
    f->full_told = true;
    future_wait(f, FUTURE_AGAIN_MS);
}

void future_step_copy(struct future *f)
{
    struct log *from = f->from, *to = f->to;
    int rc = f->generation != from->generation ? future_begin_anew(f) : 0;
    if (rc == 0)
        rc = future_follow_start(f);
    if (rc < 0)
        future_failed(f, rc);
    else if (f->state == FUTURE_HOLDING)
        future_try_swap(f);
    else if (f->dir->full || f->dir->hangs)
        future_tell_full(f);
    else if (to->end_offset < from->end_offset)
        future_copy(f);
    else
        future_hold(f);
}
