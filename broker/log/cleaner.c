/* The loop's part of compaction: which log, what of it, and swapping the new segments in.
 *
 * Happy path: every log.cleaner.backoff.ms a log is taken whose dirty share reaches
 * min.cleanable.dirty.ratio, or of which a record waits longer than max.compaction.lag.ms. They
 * take turns: the one whose last run is longest ago, of equal ones that with the largest share.
 * Never touched are the active segment, anything at or past the last stable offset or not flushed
 * yet, and segments younger than min.compaction.lag.ms. The worker's files are called .cleaned; the
 * swap renames them to .swap, the old ones to .deleted, then .swap to their names: a start that
 * finds a .swap goes on from there, and one that finds a .cleaned removes it. Failure modes: a full
 * disk or a damaged batch leaves the log as it was, and the log is left alone until the next start
 * or, for the full disk, for a while. */
#include "broker/log/cleaner.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/state.h"
#include "broker/log/checkpoints.h"
#include "broker/log/log_manager_private.h"

enum {
    CLEANER_MAP_BYTES = 128 * 1024 * 1024,   /* the default of the setting */
    CLEANER_RECORDS_MAX = 128 * 1024 * 1024, /* what a batch may open to, as for appends */
    CLEANER_RETRY_MS = 5 * 60 * 1000,        /* after a full disk */
    CLEANER_PAUSE_MAX_MS = INT32_MAX         /* 24 days: as good as never */
};

static void cleaner_move(struct log *log, enum compaction_state to)
{
    static const struct state_row states[COMPACTION_STATES] = {
        [COMPACTION_IDLE] = {"idle", STATE_BIT(COMPACTION_RUNNING) | STATE_BIT(COMPACTION_REFUSED)},
        [COMPACTION_RUNNING] = {"running", STATE_BIT(COMPACTION_IDLE)},
        [COMPACTION_REFUSED] = {"refused", 0},
    };
    STATE_MOVE_TOLD(states, log->compaction.state, to, log->manager->logger, LOGGER_DEBUG,
                    "compaction of %s", log->path);
}

/* ---- which log ---- */

/* How many segments from the first one may be compacted. */
static uint32_t cleanable_count(struct log *log, int64_t now_ms)
{
    int64_t stable = log_last_stable_offset(log);
    uint32_t count = 0;
    while (count + 1 < log->segment_count) {
        struct segment *segment = log->segments[count];
        int64_t end = log->segments[count + 1]->base_offset;
        if (end > stable || end > log->flushed_offset || segment->trim ||
            log->segments[count + 1]->after_size >= 0)
            break;
        if (log->config->min_compaction_lag_ms > 0) {
            if (segment_load_times(segment) < 0 ||
                segment->max_timestamp > now_ms - log->config->min_compaction_lag_ms)
                break;
        }
        count++;
    }
    ASSERT(count < log->segment_count);
    return count;
}

/* Whether the oldest dirty record has waited longer than it may. */
static bool lag_is_over(struct log *log, uint32_t count, int64_t now_ms)
{
    int64_t limit = log->config->max_compaction_lag_ms, first;
    if (limit <= 0 || limit == INT64_MAX)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (log->segments[i + 1]->base_offset <= log->cleaned_offset)
            continue;
        return segment_first_timestamp(log->segments[i], &first) == 0 && first >= 0 &&
               now_ms - first > limit;
    }
    return false;
}

/* The share of the cleanable part that was never compacted; below 0 when there is nothing to do. */
static double dirty_share(struct log *log, int64_t now_ms)
{
    uint64_t clean = 0, dirty = 0;
    if (!log->config->cleanup_compact || log->compaction.state != COMPACTION_IDLE ||
        log_is_offline(log) || now_ms < log->compaction.after_ms)
        return -1;
    uint32_t count = cleanable_count(log, now_ms);
    for (uint32_t i = 0; i < count; i++) {
        if (log->segments[i + 1]->base_offset <= log->cleaned_offset)
            clean += log->segments[i]->size;
        else
            dirty += log->segments[i]->size;
    }
    if (dirty == 0)
        return -1;
    double share = (double)dirty / (double)(dirty + clean);
    if (lag_is_over(log, count, now_ms))
        return 1 + share;
    return share >= log->config->min_cleanable_dirty_ratio ? share : -1;
}

/* A copy that is made of a log while it is compacted might have an old record of a key, and not
 * the tombstone behind it. */
static bool moves(const struct log *log)
{
    return log->future || log->origin;
}

static struct log *choose_log(struct log_manager *manager, int64_t now_ms)
{
    struct log *best = NULL;
    double best_share = -1;
    size_t cursor = 0;
    struct log_entry *entry;
    while ((entry = map_next(&manager->entries, &cursor, NULL, NULL))) {
        double share = entry->log && !moves(entry->log) ? dirty_share(entry->log, now_ms) : -1;
        if (share < 0 || (best && best->compaction.turn < entry->log->compaction.turn) ||
            (best && best->compaction.turn == entry->log->compaction.turn && share <= best_share))
            continue;
        best = entry->log;
        best_share = share;
    }
    return best;
}

/* ---- a run ---- */

static void cleaning_free(struct cleaning *c)
{
    for (uint32_t i = 0; i < c->source_count; i++)
        if (c->sources[i].segment)
            segment_unpin(c->sources[i].segment);
    for (uint32_t i = 0; i < c->group_count; i++)
        if (c->groups[i].cleaned)
            segment_drop(c->groups[i].cleaned);
    map_close(&c->producers);
    log_aborted_close(&c->later);
    mem_free(c->sources);
    mem_free(c->groups);
    mem_free(c->path);
    mem_free(c);
}

static int take_sources(struct cleaning *c, struct log *log, uint32_t count)
{
    ASSERT(count > 0);
    ASSERT(count < log->segment_count);
    c->sources = mem_alloc(count * sizeof(*c->sources));
    for (uint32_t i = 0; i < count; i++) {
        struct segment *segment = log->segments[i];
        int rc = segment_pin(segment);
        if (rc < 0)
            return rc;
        c->sources[c->source_count++] =
            (struct cleaning_source){segment, segment->size, segment->base_offset,
                                     log->segments[i + 1]->base_offset, segment->aborted.count};
    }
    int64_t end = c->sources[count - 1].end_offset;
    ASSERT(end <= log->flushed_offset);
    return log_find_aborted(log, end, end, NULL, &c->later);
}

static struct cleaning *cleaning_new(struct log *log, int64_t now_ms)
{
    struct log_manager *manager = log->manager;
    struct cleaning *c = mem_alloc(sizeof(*c));
    c->env = manager->env;
    c->log = log;
    c->manager = manager;
    c->path = mem_strdup(log->path);
    c->first_dirty = log->cleaned_offset;
    c->map_bytes = manager->config.cleaner_dedupe_bytes ? manager->config.cleaner_dedupe_bytes
                                                        : CLEANER_MAP_BYTES;
    c->segment_bytes =
        log->config->segment_bytes > 0 && log->config->segment_bytes < SEGMENT_SIZE_MAX
            ? (uint64_t)log->config->segment_bytes
            : SEGMENT_SIZE_MAX;
    c->index_interval = (uint32_t)log->config->index_interval_bytes;
    c->reserve = log_dir_reserve(log->dir);
    c->delete_retention_ms = log->config->delete_retention_ms;
    c->now_ms = now_ms;
    c->records_max = CLEANER_RECORDS_MAX;
    env_random_bytes(manager->env, c->hash_key, sizeof(c->hash_key));
    cleaner_take_producers(c, log);
    return c;
}

/* ---- the swap ---- */

static const char *const swap_suffixes[] = {".index", ".timeindex", ".txnindex", ".log"};

/* Few segments have an index of aborted transactions. */
static bool has_file(const struct segment *segment, const char *suffix)
{
    return segment->aborted.made || strcmp(suffix, ".txnindex") != 0;
}

/* Renames the files of a new segment from one extra suffix to another; the log comes last, since it
 * is what a start looks for. */
static int rename_cleaned(struct cleaning *c, struct segment *segment, const char *from,
                          const char *to)
{
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(swap_suffixes) && rc == 0; i++) {
        if (!has_file(segment, swap_suffixes[i]))
            continue;
        segment->extra = from;
        char *old = segment_path(segment, swap_suffixes[i]);
        segment->extra = to;
        char *new = segment_path(segment, swap_suffixes[i]);
        rc = env_path_rename(c->env, old, new);
        if (rc == ERR_NOT_FOUND && strcmp(swap_suffixes[i], ".log") != 0)
            rc = 0; /* a small segment has no index */
        mem_free(old);
        mem_free(new);
    }
    return rc;
}

/* What was not swapped in; a swap that failed half way is for the next start to finish. */
static void remove_cleaned(struct cleaning *c)
{
    for (uint32_t i = 0; i < c->group_count; i++) {
        struct segment *segment = c->groups[i].cleaned;
        if (!segment || strcmp(segment->extra, ".cleaned") != 0)
            continue;
        for (size_t j = 0; j < ARRAY_LEN(swap_suffixes); j++)
            if (has_file(segment, swap_suffixes[j]))
                log_trash_add_renamed(&c->manager->trash, segment_path(segment, swap_suffixes[j]));
    }
}

/* Whether the log still has the segments that were read, in their places: the number of the first.
 */
static bool sources_are_there(const struct cleaning *c, uint32_t *at)
{
    const struct log *log = c->log;
    *at = 0;
    while (*at < log->segment_count && log->segments[*at] != c->sources[0].segment)
        (*at)++;
    if (*at + c->source_count >= log->segment_count)
        return false;
    for (uint32_t i = 0; i < c->source_count; i++)
        if (log->segments[*at + i] != c->sources[i].segment || log->segments[*at + i]->trim)
            return false;
    return true;
}

static void adopt(struct cleaning *c, struct cleaning_group *group)
{
    const struct cleaning_source *last = &c->sources[group->first + group->count - 1];
    ASSERT(group->count > 0);
    ASSERT(group->cleaned->file == NULL);
    ASSERT(group->cleaned->end_offset <= last->end_offset);
    group->cleaned->pool = &c->manager->pool;
    group->cleaned->end_offset = last->end_offset;
    group->cleaned->fresh = false;
}

/* One group: the new segment takes the place of `count` old ones at number `at` of the log. */
static int swap_group(struct cleaning *c, struct cleaning_group *group, uint32_t at)
{
    struct log *log = c->log;
    struct segment *cleaned = group->cleaned;
    ASSERT(at + group->count < log->segment_count);
    int rc = cleaned ? rename_cleaned(c, cleaned, ".cleaned", ".swap") : 0;
    if (rc == 0 && at == 0 && !cleaned)
        rc = log_drop_first(log, group->count);
    else if (rc == 0)
        rc = log_drop_segments(log, at, group->count);
    if (rc < 0 || !cleaned)
        return rc;
    rc = rename_cleaned(c, cleaned, ".swap", "");
    adopt(c, group);
    log_insert_segment(log, at, cleaned);
    group->cleaned = NULL;
    return rc;
}

static int swap_all(struct cleaning *c)
{
    uint32_t at;
    if (!sources_are_there(c, &at))
        return ERR_CANCELED;
    int rc = log_mark_gaps(c->log);
    for (uint32_t i = 0; i < c->group_count && rc == 0; i++) {
        bool left = c->groups[i].cleaned != NULL;
        rc = swap_group(c, &c->groups[i], at);
        at += left;
    }
    log_forget_positions(c->log);
    c->log->sync_dir = true;
    return rc;
}

/* ---- the end of a run ---- */

static void tell(struct cleaning *c)
{
    logger_info(c->manager->logger,
                "%s: compacted up to offset %" PRId64 ": %" PRIu64 " bytes became %" PRIu64,
                c->path, c->cleaned_to, c->bytes_before, c->bytes_after);
}

/* What it means for the log that it could not be compacted. A damaged file keeps it from that, and
 * from nothing else. */
static void cleaning_failed(struct cleaning *c, int rc)
{
    struct log *log = c->log;
    ASSERT(rc < 0);
    if (rc == ERR_NO_SPACE || env_is_later(rc)) {
        log->compaction.after_ms = c->now_ms + CLEANER_RETRY_MS;
        logger_warn(c->manager->logger, "%s was not compacted: %s", c->path, err_text(rc));
    } else if (rc == ERR_CORRUPT) {
        cleaner_move(log, COMPACTION_REFUSED);
        logger_error(c->manager->logger,
                     "%s is not compacted any more: it has a damaged batch, and must be fetched "
                     "again from another replica, or a damaged .txnindex, which a restart of the "
                     "broker makes again",
                     c->path);
    } else if (rc != ERR_CANCELED) {
        log_fail(log, rc, "compact");
    }
}

static void cleaning_end(struct cleaning *c)
{
    struct log *log = c->log;
    int rc = c->err == 0 && !log_is_offline(log) ? swap_all(c) : c->err;
    if (rc == 0) {
        ASSERT(c->cleaned_to > c->first_dirty);
        ASSERT(c->cleaned_to <= log->end_offset);
        log->cleaned_offset = c->cleaned_to;
        log->dir->checkpoint_dirty[CHECKPOINT_CLEANER] = true;
        checkpoints_write(log->dir, CHECKPOINT_CLEANER);
        tell(c);
        return;
    }
    remove_cleaned(c);
    cleaning_failed(c, rc);
}

static void cleaning_run(struct env_work *work)
{
    cleaner_rewrite(CONTAINER_OF(work, struct cleaning, work));
}

static void cleaning_done(struct env_work *work)
{
    struct cleaning *c = CONTAINER_OF(work, struct cleaning, work);
    struct log_manager *manager = c->manager;
    struct log *log = c->log;
    bool closing = log->state == LOG_CLOSING;
    ASSERT(manager->cleaning == c);
    ASSERT(log->jobs > 0);
    manager->cleaning = NULL;
    cleaner_move(log, COMPACTION_IDLE);
    if (!manager->jobs.abandoned && !closing)
        cleaning_end(c);
    cleaning_free(c);
    if (manager->jobs.abandoned)
        log->jobs--;
    else
        log_job_end(log);
    if (!manager->jobs.abandoned && !manager->shutting_down)
        env_timer_start_us(&manager->cleaner_timer, 0);
    (void)log_jobs_end(&manager->jobs);
}

void cleaner_arm(struct log_manager *manager)
{
    int64_t ms = manager->config.cleaner_backoff_ms;
    if (ms > 0)
        env_timer_start(&manager->cleaner_timer,
                        ms > CLEANER_PAUSE_MAX_MS ? CLEANER_PAUSE_MAX_MS : ms);
}

void log_manager_set_cleaner(struct log_manager *manager, int64_t backoff_ms, size_t dedupe_bytes)
{
    struct log_manager_config *config = &manager->config;
    bool same = config->cleaner_backoff_ms == backoff_ms;
    config->cleaner_backoff_ms = backoff_ms;
    config->cleaner_dedupe_bytes = dedupe_bytes;
    if (!same && config->cleaner_enable && !manager->cleaning && !manager->shutting_down)
        cleaner_arm(manager);
}

void cleaner_tick(struct log_manager *manager)
{
    int64_t now_ms = steady_clock_ms(&manager->clock);
    if (manager->cleaning || manager->shutting_down)
        return;
    struct log *log = choose_log(manager, now_ms);
    if (!log)
        return;
    struct cleaning *c = cleaning_new(log, now_ms);
    int rc = take_sources(c, log, cleanable_count(log, now_ms));
    if (rc < 0) {
        cleaning_failed(c, rc);
        cleaning_free(c);
        return;
    }
    manager->cleaning = c;
    log->compaction.turn = ++manager->clean_turns;
    cleaner_move(log, COMPACTION_RUNNING);
    log->jobs++;
    log_jobs_begin(&manager->jobs);
    env_work_submit(manager->env, &c->work, cleaning_run, cleaning_done);
}

void cleaner_stop(struct log_manager *manager)
{
    if (manager->cleaning)
        __atomic_store_n(&manager->cleaning->stop, true, __ATOMIC_RELAXED);
}
