/* A log's life, its small questions, its watcher and its side files.
 *
 * Happy path: recovery builds it on a worker, the loop appends and reads, the manager frees it.
 * Failure modes: log_fail takes the whole directory offline, and from then on every call answers
 * ERR_KAFKA_STORAGE_ERROR. */
#include "base/mem.h"
#include "base/state.h"
#include "broker/log/checkpoints.h"
#include "broker/log/log_manager_private.h"
#include "broker/log/roster.h"

struct log *log_alloc(struct log_manager *manager, struct log_dir *dir, const char *path,
                      const struct uuid *topic_id, const struct log_config *config)
{
    struct log *log = mem_alloc(sizeof(*log));
    log->manager = manager;
    log->dir = dir;
    log->path = mem_strdup(path);
    log->topic_id = *topic_id;
    log->config = log_config_keep(manager, config);
    log->snapshot_offset = log->bound_offset = -1;
    log->cut_marker = log->cut_marker_saved = log->cut_marker_seen = -1;
    log->start_marker = -1;
    log->held = INT64_MAX;
    epochs_init(&log->epochs);
    producer_state_init(&log->producers, &manager->producers);
    list_init(&log->turn);
    return log;
}

void log_move(struct log *log, enum log_state to)
{
    static const struct state_row states[LOG_STATES] = {
        [LOG_OPENING] = {"opening", STATE_BIT(LOG_OPEN)},
        [LOG_OPEN] = {"open", STATE_BIT(LOG_CLOSING)},
        [LOG_CLOSING] = {"closing", 0},
    };
    STATE_MOVE_TOLD(states, log->state, to, log->manager->logger, LOGGER_DEBUG, "%s", log->path);
}

/* A log directory that failed in the middle of a change is left as it is: nothing is served from it
 * any more. */
void log_check_state(const struct log *log)
{
    const struct segment *active = log->segment_count > 0 ? log_active(log) : NULL;
    if (log_is_offline(log))
        return;
    ASSERT(active != NULL);
    ASSERT(log->segment_count <= log->segment_cap);
    ASSERT(log->start_offset >= 0);
    ASSERT(log->flushed_offset >= 0);
    ASSERT(log->high_watermark >= 0);
    ASSERT(log->state != LOG_OPEN || log->dir == log->entry->dir);
    ASSERT((log->unflushed_since_ms == 0) || log->unflushed_since_ms > 0);
    ASSERT(log->ring == NULL || log->ring->next < LOG_RING);
    ASSERT(active->end_offset >= log->end_offset); /* a new one may begin behind a gap */
    ASSERT(active->size == 0 || active->end_offset == log->end_offset);
    ASSERT(log->segments[0]->base_offset <= log->end_offset); /* compaction may leave no first */
    ASSERT(log->start_offset <= log->end_offset);
    ASSERT(log->flushed_offset <= log->end_offset);
    ASSERT(log->high_watermark <= log->end_offset);
    ASSERT(log->cleaned_offset <= log->end_offset);
    ASSERT(log->cut_marker >= -1);
    ASSERT(log->start_marker >= -1);
    ASSERT(log->snapshot_count == 0 || log->snapshots != NULL);
    ASSERT(log->epochs.count == 0 ||
           log->epochs.entries[log->epochs.count - 1].start_offset <= log->end_offset);
    ASSERT(log->bound_segment == NULL || log->bound_position <= log->bound_segment->size);
    ASSERT(log->held >= 0);
    ASSERT(log->future == NULL || log->future != log->origin);
    ASSERT(log->snapshot_offset <= log->end_offset);
    ASSERT((log->state == LOG_OPEN) == (log->entry != NULL));
    ASSERT((log->flush.job != NULL) ==
           (log->flush.state == FLUSH_RUNNING || log->flush.state == FLUSH_AGAIN));
    ASSERT(log->flush.job == NULL || log->jobs > 0);
    ASSERT(log->compaction.state != COMPACTION_RUNNING || log->jobs > 0);
    ASSERT(log->unflushed_count >= 0);
    ASSERT(log->ring == NULL || log->ring->count <= LOG_RING);
    ASSERT(log->held == INT64_MAX || log->future || log->origin);
    ASSERT((log->bound_segment == NULL) == (log->bound_offset < 0));
    segment_check(active);
}

/* A segment of which compaction left less ends below the next one. */
static void log_check_segments(const struct log *log)
{
    for (uint32_t i = 0; i < log->segment_count; i++) {
        const struct segment *segment = log->segments[i];
        segment_check(segment);
        ASSERT(segment->owned);
        ASSERT(segment->pool == &log->manager->pool);
        ASSERT(i == 0 || segment->base_offset > log->segments[i - 1]->base_offset);
        ASSERT(i == 0 || segment->base_offset >= log->segments[i - 1]->end_offset);
    }
}

void log_check_whole(const struct log *log)
{
    log_check_state(log);
    if (log_is_offline(log))
        return;
    log_check_segments(log);
    for (uint32_t i = 1; i < log->snapshot_count; i++)
        ASSERT(log->snapshots[i] > log->snapshots[i - 1]);
    epochs_check(&log->epochs);
    ASSERT(log->epochs.count == 0 ||
           log->epochs.entries[log->epochs.count - 1].start_offset <= log->end_offset);
    producer_state_check_all(&log->producers);
    segment_pool_check(&log->manager->pool);
}

void log_free(struct log *log)
{
    ASSERT(log->jobs == 0);
    ASSERT(log->flush.job == NULL);
    list_remove(&log->turn);
    if (log->state == LOG_CLOSING)
        log->manager->log_gone(log->manager);
    for (uint32_t i = 0; i < log->segment_count; i++)
        segment_drop(log->segments[i]);
    mem_free(log->segments);
    mem_free(log->snapshots);
    mem_free(log->ring);
    epochs_close(&log->epochs);
    producer_state_close(&log->producers);
    log_config_release(log->manager, log->config);
    mem_free(log->path);
    mem_free(log);
}

void log_forget(struct log *log)
{
    struct log_manager *manager = log->manager;
    struct log_entry *entry = log->entry;
    ASSERT(entry != NULL);
    ASSERT(entry->log == log);
    for (int which = 0; which < LOG_CHECKPOINTS; which++)
        log->dir->checkpoint_dirty[which] = true;
    roster_remove(manager, &log->topic_id, entry->partition);
    log_entry_remove(entry);
    log->entry = NULL;
    log_move(log, LOG_CLOSING);
    list_remove(&log->turn);
    if (log->jobs == 0)
        log_free(log);
    else
        list_push(&manager->closing, &log->turn);
}

void log_job_end(struct log *log)
{
    ASSERT(log->jobs > 0);
    log->jobs--;
    if (log->state == LOG_CLOSING && log->jobs == 0)
        log_free(log);
}

uint32_t log_segment_at(const struct log *log, int64_t offset)
{
    ASSERT(log->segment_count > 0);
    uint32_t low = 0, high = log->segment_count;
    ASSERT(log->segments != NULL);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (log->segments[middle]->base_offset <= offset)
            low = middle;
        else
            high = middle;
    }
    ASSERT(low < log->segment_count);
    return low;
}

void log_push_segment(struct log *log, struct segment *segment)
{
    if (log->segment_count == log->segment_cap) {
        log->segment_cap = log->segment_cap ? log->segment_cap * 2 : 1;
        log->segments = mem_realloc(log->segments, log->segment_cap * sizeof(*log->segments));
    }
    ASSERT(segment->owned);
    ASSERT(log->segment_count < log->segment_cap);
    log->segments[log->segment_count++] = segment;
}

void log_forget_positions(struct log *log)
{
    if (log->ring)
        log->ring->count = 0;
    log->bound_segment = NULL;
    log->bound_offset = -1;
}

/* ---- questions ---- */

int64_t log_start_offset(const struct log *log)
{
    return log->start_offset;
}

int64_t log_saved_start(const struct log *log)
{
    return log->start_saved < log->start_offset ? log->start_saved : log->start_offset;
}

void log_save_start(struct log *log)
{
    if (log->start_saved >= log->start_offset)
        return;
    log->dir->start_wanted = true;
    log_turn_add(&log->manager->turn, NULL);
}

int64_t log_end_offset(const struct log *log)
{
    return log->end_offset;
}

bool log_is_proven(const struct log *log)
{
    return log->proven || log->end_offset > 0;
}

int64_t log_durable_offset(const struct log *log)
{
    ASSERT(log->flushed_offset <= log->end_offset);
    int64_t durable = log->config->flush_messages <= 1 ? log->flushed_offset : log->end_offset;
    return durable < log->held ? durable : log->held;
}

int64_t log_high_watermark(const struct log *log)
{
    return log->high_watermark;
}

void log_set_high_watermark(struct log *log, int64_t offset)
{
    ASSERT(log->start_offset <= log->end_offset);
    if (offset > log->end_offset)
        offset = log->end_offset;
    if (offset < log->start_offset)
        offset = log->start_offset;
    if (offset == log->high_watermark)
        return;
    log->high_watermark = offset;
    producer_state_settle(&log->producers, offset);
    log->dir->checkpoint_dirty[CHECKPOINT_HIGH_WATERMARK] = true;
    ASSERT(log->start_offset <= log->high_watermark);
    ASSERT(log->high_watermark <= log->end_offset);
}

int64_t log_last_stable_offset(const struct log *log)
{
    int64_t undecided = producer_state_first_undecided(&log->producers);
    if (undecided < log->start_offset) /* its beginning was deleted */
        undecided = log->start_offset;
    return undecided < log->high_watermark ? undecided : log->high_watermark;
}

int64_t log_size(const struct log *log)
{
    int64_t size = 0;
    for (uint32_t i = 0; i < log->segment_count; i++)
        size += (int64_t)log->segments[i]->size;
    return size;
}

const struct uuid *log_topic_id(const struct log *log)
{
    return &log->topic_id;
}

bool log_is_offline(const struct log *log)
{
    return log->dir->failed;
}

bool log_is_full(const struct log *log)
{
    return log->dir->full || log->dir->hangs;
}

const char *log_dir_path(const struct log *log)
{
    return log->dir->path;
}

/* ---- the watcher and failures ---- */

void log_watch(struct log *log, void (*fn)(void *data), void *data)
{
    log->watch = fn;
    log->watch_data = data;
    log->swapped = NULL;
}

void log_watch_swap(struct log *log, void (*fn)(void *data, struct log *log))
{
    ASSERT(log->watch != NULL);
    log->swapped = fn;
    if (log->future)
        log->manager->stirred(log);
}

void log_notify(struct log *log)
{
    log->want_notify = false;
    if (log->future || log->origin)
        log->manager->stirred(log);
    if (log->watch && log->state != LOG_CLOSING)
        log->watch(log->watch_data);
}

bool log_files_ready(struct log *log)
{
    struct log_manager *manager = log->manager;
    while (!env_files_ready(manager->env, LOG_ROLL_FILES))
        if (!segment_pool_evict(&manager->pool, LOG_ROLL_FILES, log_active(log)))
            return false;
    return true;
}

int log_fail(struct log *log, int err, const char *action)
{
    ASSERT(err < 0);
    log_dir_fail(log->dir, err, action, log->path);
    return ERR_KAFKA_STORAGE_ERROR;
}

bool log_tell_damage(struct log *log, int err)
{
    int64_t now_ms = env_now_ms(log->manager->env);
    if (err != ERR_CORRUPT && err != ERR_NO_FILE)
        return false;
    if (log->damage_told_ms > 0 && now_ms - log->damage_told_ms < LOG_LACK_TOLD_MS)
        return true; /* whoever reads can cause it again and again */
    log->damage_told_ms = now_ms;
    if (err == ERR_CORRUPT)
        logger_error(log->manager->logger,
                     "%s has a damaged batch: this replica must be fetched again, or restored if "
                     "it is the only one",
                     log->path);
    else
        logger_error(log->manager->logger,
                     "%s has a folder in the place of one of its files: move it away and restart "
                     "the broker",
                     log->path);
    return true;
}
