/* The logs of a broker and the clocks of their background work.
 *
 * Happy path: directories are locked and listed at start; partitions are opened one by one on the
 * workers; timers drive retention, flushing by time and checkpoints; the turn timer gathers what
 * appends of one turn of the loop ask for. Shutdown goes through steps, each of which waits until
 * no job runs: flush, side files, checkpoints, the clean mark where all is known to be on disk.
 * Failure modes: a directory that fails is told to the owner once, at the end of the turn. Freeing
 * the manager while jobs run keeps the memory until the last one has ended. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutation.h"
#include "base/state.h"
#include "broker/log/checkpoints.h"
#include "broker/log/cleaner.h"
#include "broker/log/file_job.h"
#include "broker/log/flush.h"
#include "broker/log/future.h"
#include "broker/log/log_dir_open.h"
#include "broker/log/log_manager_private.h"
#include "broker/log/leavings.h"
#include "broker/log/metadata_mark.h"
#include "broker/log/served.h"
#include "broker/log/log_open.h"
#include "broker/log/roster.h"
#include "broker/log/stray.h"
#include "broker/log/twin.h"
#include "kafka/meta_properties.h"

enum {
    /* Kafka's replica.high.watermark.checkpoint.interval.ms. */
    WATERMARK_CHECKPOINT_MS = 5000,
    CHECKPOINT_AGAIN_MS = 1000,
    /* Producer state is saved after so much log, which a start would otherwise read again. */
    SNAPSHOT_BYTES = 16 * 1024 * 1024,
    SPACE_ASK_MS = 1000,
    SIDE_JOBS_MAX = 1024, /* begun at a time, of 500 bytes each */
    SIDE_AGAIN_MS = 200,
    SIDE_WAITS_MAX = 50,
    TRASH_BATCH = 256 /* removals in one job */
};

static const struct state_row manager_states[LOG_MANAGER_STATES] = {
    [LOG_MANAGER_OPEN] = {"open", STATE_BIT(LOG_MANAGER_STOPPING)},
    [LOG_MANAGER_STOPPING] = {"stopping", STATE_BIT(LOG_MANAGER_FLUSHING)},
    [LOG_MANAGER_FLUSHING] = {"flushing", STATE_BIT(LOG_MANAGER_SIDE_FILES)},
    [LOG_MANAGER_SIDE_FILES] = {"writing side files", STATE_BIT(LOG_MANAGER_CHECKPOINTS)},
    [LOG_MANAGER_CHECKPOINTS] = {"writing checkpoints", STATE_BIT(LOG_MANAGER_LEAVINGS)},
    [LOG_MANAGER_LEAVINGS] = {"writing what is left", STATE_BIT(LOG_MANAGER_MARKS)},
    [LOG_MANAGER_MARKS] = {"writing clean marks", STATE_BIT(LOG_MANAGER_SHUT)},
    [LOG_MANAGER_SHUT] = {"shut", 0},
};

static void manager_move(struct log_manager *manager, enum log_manager_state to)
{
    STATE_MOVE_TOLD(manager_states, manager->state, to, manager->logger, LOGGER_DEBUG, "logs");
}

/* ---- the end of the turn: what its calls asked for ---- */

static void tell_failed_dirs(struct log_manager *manager)
{
    for (int i = 0; i < manager->config.dir_count && !manager->jobs.abandoned; i++) {
        if (!manager->dirs[i].fail_pending)
            continue;
        manager->dirs[i].fail_pending = false;
        if (manager->events.dir_failed)
            manager->events.dir_failed(manager->data, manager->dirs[i].path);
    }
}

/* Who waits for a log start to be durable does not wait for the interval of its checkpoint. */
static void save_wanted_starts(struct log_manager *manager)
{
    for (int i = 0; i < manager->config.dir_count && !manager->jobs.abandoned; i++) {
        struct log_dir *dir = &manager->dirs[i];
        if (!dir->start_wanted || dir->checkpoint_writing[CHECKPOINT_LOG_START])
            continue;
        dir->start_wanted = false;
        checkpoints_write(dir, CHECKPOINT_LOG_START);
    }
}

static void manager_turn_due(void *data)
{
    struct log_manager *manager = data;
    struct list logs, *step;
    log_jobs_begin(&manager->jobs); /* keeps the manager if a watcher frees it */
    list_init(&logs);
    log_turn_take(&manager->turn, &logs);
    while ((step = list_pop(&logs))) {
        struct log *log = LIST_ENTRY(step, struct log, turn);
        ASSERT(log->manager == manager);
        if (log->flush.state == FLUSH_WANTED || log->flush.state == FLUSH_PUT_OFF)
            flush_start(log);
        if (log->want_notify && !manager->jobs.abandoned)
            log_notify(log); /* may delete this log and others */
    }
    save_wanted_starts(manager);
    tell_failed_dirs(manager);
    (void)log_jobs_end(&manager->jobs);
}

/* ---- timers ---- */

static void timer_arm(struct env_timer *timer, int64_t interval_ms)
{
    if (interval_ms > 0 && interval_ms <= LOG_INTERVAL_MAX_MS)
        env_timer_start(timer, interval_ms);
}

static void each_log(struct log_manager *manager, void (*fn)(struct log *log, int64_t now_ms),
                     int64_t now_ms)
{
    size_t cursor = 0;
    struct log_entry *entry;
    while ((entry = map_next(&manager->entries, &cursor, NULL, NULL)))
        if (entry->log)
            fn(entry->log, now_ms);
}

/* A copy that is being made follows the one that is served. */
static void retain_one(struct log *log, int64_t now_ms)
{
    if (!future_is_copy(log))
        log_retain(log, now_ms);
    if (log->config->producer_id_expiration_ms > 0)
        producer_state_expire(&log->producers, env_now_ms(log->manager->env),
                              log->config->producer_id_expiration_ms);
}

static void retention_due(void *data)
{
    struct log_manager *manager = data;
    bool held = steady_clock_is_held(&manager->clock);
    int64_t now_ms = MUTATION(EXPIRY_BY_WALL_CLOCK) ? env_wall_ms(manager->env)
                                                    : steady_clock_ms(&manager->clock);
    if (steady_clock_is_held(&manager->clock) && !held)
        logger_warn(manager->logger,
                    "the clock of this machine was set ahead by %lld s: what expires by age waits "
                    "until it has stood for a day",
                    (long long)(env_wall_ms(manager->env) - now_ms) / 1000);
    each_log(manager, retain_one, now_ms);
    stray_expire(manager, now_ms);
    timer_arm(&manager->retention_timer, manager->config.retention_check_ms);
}

/* Others write to the disk too, and room comes back without an append. */
static void space_due(void *data)
{
    struct log_manager *manager = data;
    for (int i = 0; i < manager->config.dir_count; i++) {
        log_dir_ask_space(&manager->dirs[i], 0);
        log_dir_look_for_hang(&manager->dirs[i]);
    }
    env_timer_start(&manager->space_timer, SPACE_ASK_MS);
}

static void flush_due(void *data)
{
    struct log_manager *manager = data;
    manager->flush_due_ms = 0;
    each_log(manager, flush_look, env_now_ms(manager->env));
    flush_within(manager, manager->config.flush_check_ms);
}

static void side_files_one(struct log *log, int64_t now_ms)
{
    (void)now_ms;
    log_write_epochs(log);
    if (log->snapshot_bytes >= SNAPSHOT_BYTES)
        log_write_snapshot(log);
}

static void checkpoint_dirs(struct log_manager *manager, enum checkpoint which)
{
    for (int i = 0; i < manager->config.dir_count; i++)
        if (manager->dirs[i].checkpoint_dirty[which])
            checkpoints_write(&manager->dirs[i], which);
}

/* Goes on where it stopped. A minute after a start each log that leads has a file to write: all at
 * once, the jobs of 100,000 of them took 100 MB. False when there are more. */
static bool side_files_begin(struct log_manager *manager)
{
    uint32_t before = manager->jobs.count;
    struct log_entry *entry;
    /* A slow disk, but the recovery points have to come some time. */
    if (manager->side_cursor > 0 && before >= SIDE_JOBS_MAX &&
        manager->side_waits++ < SIDE_WAITS_MAX)
        return false;
    manager->side_waits = 0;
    while ((entry = map_next(&manager->entries, &manager->side_cursor, NULL, NULL))) {
        if (entry->log)
            side_files_one(entry->log, 0);
        ASSERT(manager->jobs.count >= before);
        if (manager->jobs.count - before >= SIDE_JOBS_MAX)
            return false;
    }
    manager->side_cursor = 0;
    return true;
}

static void recovery_point_due(void *data)
{
    struct log_manager *manager = data;
    if (!side_files_begin(manager)) {
        env_timer_start(&manager->checkpoint_timers[CHECKPOINT_RECOVERY_POINT], SIDE_AGAIN_MS);
        return;
    }
    checkpoint_dirs(manager, CHECKPOINT_RECOVERY_POINT);
    /* Sooner when some recovery points had to wait for their epochs. */
    int64_t interval_ms = manager->config.checkpoint_ms;
    for (int i = 0; i < manager->config.dir_count; i++)
        if (manager->dirs[i].checkpoint_dirty[CHECKPOINT_RECOVERY_POINT] &&
            interval_ms > CHECKPOINT_AGAIN_MS)
            interval_ms = CHECKPOINT_AGAIN_MS;
    timer_arm(&manager->checkpoint_timers[CHECKPOINT_RECOVERY_POINT], interval_ms);
}

static void watermark_due(void *data)
{
    struct log_manager *manager = data;
    checkpoint_dirs(manager, CHECKPOINT_HIGH_WATERMARK);
    metadata_mark_write(manager);
    timer_arm(&manager->checkpoint_timers[CHECKPOINT_HIGH_WATERMARK], WATERMARK_CHECKPOINT_MS);
}

static void start_due(void *data)
{
    struct log_manager *manager = data;
    checkpoint_dirs(manager, CHECKPOINT_LOG_START);
    timer_arm(&manager->checkpoint_timers[CHECKPOINT_LOG_START],
              manager->config.start_offset_checkpoint_ms);
}

static void cleaner_due(void *data)
{
    struct log_manager *manager = data;
    cleaner_tick(manager);
    if (!manager->cleaning)
        cleaner_arm(manager);
}

/* Flushes that lacked descriptors or memory. */
static void later_one(struct log *log, int64_t now_ms)
{
    (void)now_ms;
    if (log->flush.state == FLUSH_PUT_OFF)
        flush_start(log);
}

static void later_due(void *data)
{
    struct log_manager *manager = data;
    each_log(manager, later_one, 0);
    log_open_resume(manager);
}

static void timers_init(struct log_manager *manager)
{
    struct env *env = manager->env;
    struct env_timer *checkpoint = manager->checkpoint_timers; /* the cleaner's has none */
    env_timer_init(env, &manager->later_timer, later_due, manager);
    env_timer_init(env, &manager->served_timer, served_due, manager);
    env_timer_init(env, &manager->mark_timer, metadata_mark_due, manager);
    env_timer_init(env, &manager->retention_timer, retention_due, manager);
    env_timer_init(env, &manager->space_timer, space_due, manager);
    env_timer_init(env, &manager->flush_timer, flush_due, manager);
    env_timer_init(env, &checkpoint[CHECKPOINT_RECOVERY_POINT], recovery_point_due, manager);
    env_timer_init(env, &checkpoint[CHECKPOINT_HIGH_WATERMARK], watermark_due, manager);
    env_timer_init(env, &checkpoint[CHECKPOINT_LOG_START], start_due, manager);
    env_timer_init(env, &manager->cleaner_timer, cleaner_due, manager);
}

static void timers_start(struct log_manager *manager)
{
    const struct log_manager_config *config = &manager->config;
    timer_arm(&manager->retention_timer, config->retention_check_ms);
    space_due(manager); /* who is full says so before it is asked to lead */
    flush_within(manager, config->flush_check_ms);
    timer_arm(&manager->checkpoint_timers[CHECKPOINT_RECOVERY_POINT], config->checkpoint_ms);
    timer_arm(&manager->checkpoint_timers[CHECKPOINT_HIGH_WATERMARK], WATERMARK_CHECKPOINT_MS);
    timer_arm(&manager->checkpoint_timers[CHECKPOINT_LOG_START],
              config->start_offset_checkpoint_ms);
    if (config->cleaner_enable)
        cleaner_arm(manager);
}

static void timers_stop(struct log_manager *manager)
{
    log_turn_stop(&manager->turn);
    env_timer_stop(&manager->later_timer);
    env_timer_stop(&manager->served_timer);
    env_timer_stop(&manager->mark_timer);
    log_trash_stop(&manager->trash);
    env_timer_stop(&manager->retention_timer);
    env_timer_stop(&manager->space_timer);
    env_timer_stop(&manager->flush_timer);
    env_timer_stop(&manager->cleaner_timer);
    for (int i = 0; i <= CHECKPOINT_LOG_START; i++)
        env_timer_stop(&manager->checkpoint_timers[i]);
    cleaner_stop(manager);
    future_stop(manager);
}

/* ---- life ---- */

static void manager_drained(void *data);

static void manager_log_gone(struct log_manager *manager)
{
    if (!manager->jobs.abandoned)
        log_open_resume(manager);
}

/* What holds between two events. */
static void manager_check(const struct log_manager *manager)
{
    ASSERT((manager->state > LOG_MANAGER_OPEN) == manager->shutting_down);
    ASSERT(manager->state != LOG_MANAGER_SHUT || manager->jobs.count == 0);
    ASSERT(manager->state == LOG_MANAGER_OPEN || list_empty(&manager->waiting));
    ASSERT(!manager->cleaning || manager->jobs.count > 0);
    ASSERT(!manager->lookup_runs || manager->jobs.count > 0);
    ASSERT(!manager->check_long_runs || manager->jobs.count > 0);
    ASSERT(manager->state == LOG_MANAGER_OPEN || manager->shutdown_done != NULL);
    ASSERT(manager->checks_quick <= manager->jobs.count);
    ASSERT(manager->jobs.abandoned || !manager->turn.closed);
    ASSERT(manager->config.dir_count > 0);
}

static void manager_destroy(struct log_manager *manager)
{
    ASSERT(manager->jobs.abandoned);
    ASSERT(manager->jobs.count == 0);
    ASSERT(list_empty(&manager->waiting));
    ASSERT(list_empty(&manager->check_jobs));
    ASSERT(!manager->lookup_runs);
    ASSERT(!manager->cleaning);
    size_t cursor = 0;
    struct log_entry *entry;
    struct list *step;
    future_close(manager);
    while ((step = list_pop(&manager->closing)))
        log_free(LIST_ENTRY(step, struct log, turn));
    while ((entry = map_next(&manager->entries, &cursor, NULL, NULL))) {
        if (entry->log)
            log_free(entry->log);
        log_entry_free(entry);
    }
    map_close(&manager->entries);
    ASSERT(manager->configs.count == 0);
    map_close(&manager->configs);
    log_trash_close(&manager->trash);
    stray_close(manager);
    roster_close(manager);
    for (int i = 0; i < manager->config.dir_count; i++) {
        mem_free(manager->dirs[i].path);
        mem_free(manager->dirs[i].refusal);
    }
    mem_free(manager->dirs);
    mem_free(manager->cluster_id);
    mem_free(manager);
}

int log_manager_check_dir(struct env *env, const char *dir, struct buf *problem)
{
    return meta_properties_check_owner(env, dir, problem);
}

int log_manager_new(struct env *env, struct logger *logger, const struct log_manager_config *config,
                    const struct log_manager_events *events, void *data, struct buf *problem,
                    struct log_manager **out)
{
    struct log_manager *manager = mem_alloc(sizeof(*manager));
    manager->env = env;
    manager->logger = logger;
    manager->config = *config;
    manager->config.dirs = NULL;
    manager->config.cluster_id = NULL;
    manager->events = events ? *events : (struct log_manager_events){0};
    manager->data = data;
    manager->cluster_id = mem_strdup(config->cluster_id ? config->cluster_id : "");
    manager->dirs = mem_alloc((size_t)config->dir_count * sizeof(*manager->dirs));
    map_init(&manager->entries);
    map_init(&manager->configs);
    map_init(&manager->roster);
    segment_pool_init(&manager->pool,
                      config->open_segments ? config->open_segments : LOG_OPEN_SEGMENTS);
    log_jobs_init(&manager->jobs, manager_drained, manager);
    log_turn_init(&manager->turn, env, manager_turn_due, manager);
    log_trash_init(&manager->trash, env, logger, &manager->jobs);
    manager->log_gone = manager_log_gone;
    list_init(&manager->closing);
    list_init(&manager->waiting);
    list_init(&manager->lookups);
    list_init(&manager->check_lines);
    list_init(&manager->check_longs);
    list_init(&manager->check_jobs);
    timers_init(manager);
    future_init(manager);
    steady_clock_init(&manager->clock, env);
    int rc = 0;
    for (int i = 0; i < config->dir_count && rc == 0; i++)
        rc = log_manager_check_dir(env, config->dirs[i], problem);
    for (int i = 0; i < config->dir_count; i++) {
        manager->dirs[i].manager = manager;
        manager->dirs[i].path = mem_strdup(config->dirs[i]);
        manager->dirs[i].refusal = mem_printf("the disk of log directory %s is nearly full: free "
                                              "space on it",
                                              config->dirs[i]);
        if (rc == 0)
            rc = log_dir_open(&manager->dirs[i], problem);
    }
    for (int i = 0; i < config->dir_count && rc == 0; i++)
        rc = log_dir_list(&manager->dirs[i], problem);
    if (rc < 0) {
        log_manager_free(manager);
        return rc;
    }
    timers_start(manager);
    manager_check(manager);
    *out = manager;
    return 0;
}

void log_manager_free(struct log_manager *manager)
{
    ASSERT(!manager->jobs.abandoned);
    timers_stop(manager);
    log_manager_end_waits(manager);
    log_open_drop_waiting(manager);
    for (int i = 0; i < manager->config.dir_count; i++)
        log_dir_close(&manager->dirs[i]);
    log_turn_close(&manager->turn);
    if (log_jobs_abandon(&manager->jobs))
        manager_destroy(manager);
}

/* ---- questions ---- */

const char *log_manager_cluster_id(const struct log_manager *manager)
{
    return manager->cluster_id;
}

int log_manager_dir_count(const struct log_manager *manager)
{
    return manager->config.dir_count;
}

const char *log_manager_dir(const struct log_manager *manager, int i)
{
    ASSERT(i >= 0);
    ASSERT(i < manager->config.dir_count);
    return manager->dirs[i].path;
}

const struct uuid *log_manager_dir_id(const struct log_manager *manager, int i)
{
    ASSERT(i >= 0);
    ASSERT(i < manager->config.dir_count);
    return &manager->dirs[i].id;
}

int log_manager_set_cluster_id(struct log_manager *manager, const char *cluster_id,
                               struct buf *problem)
{
    for (int i = 0; i < manager->config.dir_count; i++) {
        const char *dir = manager->dirs[i].path;
        struct meta_properties meta;
        int rc = meta_properties_load(manager->env, dir, manager->config.node_id, cluster_id, &meta,
                                      problem);
        if (rc == 0 && meta.dirty) {
            meta.directory_id = manager->dirs[i].id;
            rc = meta_properties_store(manager->env, dir, &meta);
            if (rc < 0)
                buf_printf(problem, "%s/meta.properties can't be written: %s", dir, err_text(rc));
        }
        meta_properties_close(&meta);
        if (rc < 0)
            return rc;
    }
    mem_free(manager->cluster_id);
    manager->cluster_id = mem_strdup(cluster_id);
    return 0;
}

struct log *log_manager_find(struct log_manager *manager, const char *topic, int32_t partition)
{
    struct log_entry *entry = log_entry_get(manager, topic, partition);
    ASSERT(!entry || !entry->log || entry->log->entry == entry);
    return entry ? entry->log : NULL;
}

/* ---- partitions ---- */

/* How little a directory is fit for a new partition. A full one is so for now, a cordoned one by
 * the will of a person, which counts for more. */
static int dir_unfitness(const struct log_dir *dir)
{
    enum { UNFIT_FULL = 1, UNFIT_CORDONED = 2, UNFIT_FAILED = 4 };
    return (dir->full ? UNFIT_FULL : 0) | (dir->cordoned ? UNFIT_CORDONED : 0) |
           (dir->failed ? UNFIT_FAILED : 0);
}

/* The one with the fewest partitions of those that are fit: what a new partition will hold nobody
 * knows, and by free room all that are made at once would go to the same disk. */
static struct log_dir *choose_dir(struct log_manager *manager)
{
    ASSERT(manager->config.dir_count > 0);
    struct log_dir *best = &manager->dirs[0];
    for (int i = 1; i < manager->config.dir_count; i++) {
        struct log_dir *dir = &manager->dirs[i];
        int order = dir_unfitness(dir) - dir_unfitness(best);
        if (order < 0 || (order == 0 && dir->entry_count < best->entry_count))
            best = dir;
    }
    return best;
}

void log_manager_open(struct log_manager *manager, const char *topic, int32_t partition,
                      const struct uuid *topic_id, const struct log_config *config,
                      void (*done)(void *data, int err, struct log *log), void *data)
{
    ASSERT(!manager->shutting_down);
    struct log_entry *entry = log_entry_get(manager, topic, partition);
    if (!entry) {
        char *name = mem_printf("%s-%" PRId32, topic, partition);
        struct log_dir *wanted = future_place(manager, name);
        entry = log_entry_add(wanted ? wanted : choose_dir(manager), name);
        mem_free(name);
    }
    entry = twin_settle(entry, topic_id);
    ASSERT(entry != NULL);
    entry->partition = partition;
    log_open_start(manager, entry, topic_id, config, done, data);
}

/* Moves the directory of a partition to a name that ends in `suffix`; NULL when it can't be. */
static char *move_aside(struct log_entry *entry, const char *suffix)
{
    struct log_dir *dir = entry->dir;
    char *path = mem_printf("%s/%s", dir->path, entry->name);
    char *aside = log_dir_aside(dir, entry->name, suffix);
    int rc =
        dir->failed ? ERR_KAFKA_STORAGE_ERROR : env_path_rename(dir->manager->env, path, aside);
    if (rc < 0 && rc != ERR_NOT_FOUND && !dir->failed)
        log_dir_fail(dir, rc, "rename", path);
    mem_free(path);
    if (rc < 0) {
        mem_free(aside);
        return NULL;
    }
    return aside;
}

void log_manager_delete(struct log_manager *manager, struct log *log)
{
    ASSERT(!manager->shutting_down);
    future_let_go(log, false);
    char *aside = move_aside(log->entry, "-delete");
    if (aside)
        log_trash_add(&manager->trash, aside, log->config->file_delete_delay_ms);
    log_forget(log);
}

void log_manager_set_aside(struct log_manager *manager, struct log *log)
{
    struct log_dir *dir = log->dir;
    ASSERT(!manager->shutting_down);
    future_let_go(log, true);
    int rc = dir->failed ? 0 : stray_move(log->entry, STRAY_UNNAMED);
    if (rc < 0 && rc != ERR_NOT_FOUND)
        log_dir_fail(dir, rc, "rename", log->path); /* nothing takes its place there */
    log_forget(log);
}

int log_manager_discard(struct log_manager *manager, const char *topic, int32_t partition)
{
    ASSERT(!manager->shutting_down);
    struct log_entry *entry = log_entry_get(manager, topic, partition);
    if (!entry || (!entry->exists && !entry->lost))
        return ERR_NOT_FOUND;
    ASSERT(!entry->log && !entry->busy);
    if ((entry->doubled || entry->replaces_others) && twin_set_aside(entry) < 0)
        return ERR_KAFKA_STORAGE_ERROR;
    char *aside = entry->lost ? NULL : move_aside(entry, "-damaged");
    if (!aside && entry->dir->failed)
        return ERR_KAFKA_STORAGE_ERROR; /* else somebody has moved it away already */
    if (aside)
        logger_warn(manager->logger, "the damaged replica %s was set aside as %s", entry->name,
                    aside);
    mem_free(aside);
    roster_remove(manager, &entry->topic_id, partition);
    future_forget_name(manager, entry->name);
    entry->exists = entry->lost = false;
    entry->recovery_point = entry->high_watermark = 0;
    entry->start_offset = entry->cleaned_offset = 0;
    entry->left = (struct log_leavings){0};
    entry->dir->checkpoint_dirty[CHECKPOINT_RECOVERY_POINT] = true;
    return 0;
}

/* ---- clean shutdown ---- */

static void shutdown_flush(struct log *log, int64_t now_ms)
{
    (void)now_ms;
    flush_start(log);
}

static void shutdown_side_files(struct log *log, int64_t now_ms)
{
    (void)now_ms;
    log_write_epochs(log);
    if (log_size(log) > 0)
        log_write_snapshot(log);
    for (uint32_t i = 0; i < log->segment_count; i++)
        segment_close_files(log->segments[i]);
}

/* Why the next start can't trust what lies on the disk of this log; NULL when it can. */
static const char *unclean_log(const struct log *log)
{
    if (log->flushed_offset != log->end_offset || log->flush.state != FLUSH_IDLE || log->sync_dir)
        return "was not flushed";
    if (log->epochs.dirty || log->epochs_writing)
        return "could not save its leader epochs";
    for (uint32_t i = 0; i < log->segment_count; i++)
        if (log->segments[i]->trim || log->segments[i]->after_size >= 0)
            return "was not flushed after a cut";
    return NULL;
}

static const char *unclean_entry(const struct log_entry *entry)
{
    if (entry->folder)
        return NULL; /* an unfinished copy: the next start removes it */
    if (entry->log)
        return unclean_log(entry->log);
    if (MUTATION(MARK_UNOPENED))
        return NULL;
    if (entry->touched)
        return "was not opened";
    return entry->dir->clean ? NULL : "was not looked at since the last crash";
}

/* Whether a start may trust everything in the directory without a look at it. */
static bool dir_is_clean(struct log_dir *dir)
{
    struct log_manager *manager = dir->manager;
    size_t cursor = 0;
    struct log_entry *entry;
    const char *why;
    while ((entry = map_next(&manager->entries, &cursor, NULL, NULL))) {
        if (entry->dir != dir || !(why = unclean_entry(entry)))
            continue;
        logger_info(manager->logger, "%s/%s %s: the next start checks the logs of this directory",
                    dir->path, entry->name, why);
        return false;
    }
    for (int which = 0; which < LOG_CHECKPOINTS; which++)
        if (dir->checkpoint_dirty[which])
            return false;
    return true;
}

static void write_leavings(struct log_dir *dir)
{
    if (!dir->failed && (MUTATION(MARK_UNCHECKED) || dir_is_clean(dir)))
        leavings_write(dir);
}

/* Only when what it vouches for is on the disk. */
static void write_clean_mark(struct log_dir *dir)
{
    struct buf text;
    if (dir->failed || !dir->leavings_written)
        return;
    buf_init(&text);
    int64_t epoch = dir->manager->serves > 0 ? dir->manager->serves : -1;
    buf_printf(&text,
               "{\"version\":0," LOG_MARK_EPOCH_FIELD "%" PRId64 "," LOG_MARK_FIELD "%" PRId64 "}",
               epoch, dir->leavings_crc);
    file_job_start(dir, NULL, mem_printf("%s/.kafka_cleanshutdown", dir->path), &text, 0, NULL);
}

static void shutdown_flushing(struct log_manager *manager)
{
    each_log(manager, shutdown_flush, 0);
}

static void shutdown_writing_side_files(struct log_manager *manager)
{
    each_log(manager, shutdown_side_files, 0);
    metadata_mark_write(manager);
}

static void shutdown_checkpoints(struct log_manager *manager)
{
    for (int i = 0; i < manager->config.dir_count; i++)
        for (int which = 0; which < LOG_CHECKPOINTS; which++)
            checkpoints_write(&manager->dirs[i], (enum checkpoint)which);
}

static void shutdown_leavings(struct log_manager *manager)
{
    for (int i = 0; i < manager->config.dir_count; i++)
        write_leavings(&manager->dirs[i]);
}

static void shutdown_marks(struct log_manager *manager)
{
    for (int i = 0; i < manager->config.dir_count; i++)
        write_clean_mark(&manager->dirs[i]);
}

/* The next step, now that no job runs; each begins jobs or falls through to the one after it. */
static void shutdown_next(struct log_manager *manager)
{
    static void (*const steps[LOG_MANAGER_STATES])(struct log_manager * manager) = {
        [LOG_MANAGER_FLUSHING] = shutdown_flushing,
        [LOG_MANAGER_SIDE_FILES] = shutdown_writing_side_files,
        [LOG_MANAGER_CHECKPOINTS] = shutdown_checkpoints,
        [LOG_MANAGER_LEAVINGS] = shutdown_leavings,
        [LOG_MANAGER_MARKS] = shutdown_marks,
    };
    ASSERT(manager->jobs.count == 0);
    ASSERT(manager->state < LOG_MANAGER_SHUT);
    manager_move(manager, manager->state + 1);
    if (manager->state == LOG_MANAGER_SHUT) {
        manager_check(manager);
        manager->shutdown_done(manager->shutdown_data);
        return;
    }
    manager_check(manager);
    ASSERT(steps[manager->state] != NULL);
    log_jobs_begin(&manager->jobs);
    steps[manager->state](manager);
    (void)log_jobs_end(&manager->jobs);
}

/* No job runs. */
static void manager_drained(void *data)
{
    struct log_manager *manager = data;
    if (manager->jobs.abandoned)
        manager_destroy(manager);
    else if (manager->state >= LOG_MANAGER_STOPPING && manager->state < LOG_MANAGER_SHUT)
        shutdown_next(manager);
}

void log_manager_shutdown(struct log_manager *manager, void (*done)(void *data), void *data)
{
    ASSERT(done != NULL);
    manager_move(manager, LOG_MANAGER_STOPPING);
    timers_stop(manager);
    log_open_drop_waiting(manager);
    __atomic_store_n(&manager->shutting_down, true, __ATOMIC_RELAXED);
    manager->shutdown_done = done;
    manager->shutdown_data = data;
    /* Begins at the end of this turn, when nothing runs or what runs has ended. */
    log_turn_add(&manager->turn, NULL);
    manager_check(manager);
}
