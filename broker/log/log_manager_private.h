/* The inside of the manager of all logs: for those files that speak for several logs, or for one in
 * the name of all. */
#ifndef BROKER_LOG_LOG_MANAGER_PRIVATE_H
#define BROKER_LOG_LOG_MANAGER_PRIVATE_H

#include "base/logger.h"
#include "base/map.h"
#include "broker/log/log_dir.h"
#include "broker/log/log_entry.h"
#include "broker/log/log_jobs.h"
#include "broker/log/log_manager.h"
#include "broker/log/log_private.h"
#include "broker/log/log_trash.h"
#include "broker/log/log_turn.h"
#include "env/steady_clock.h"

/* A directory that the metadata did not name, set aside. */
struct log_stray {
    struct log_dir *dir;
    char *path;
    int64_t since_ms; /* wall clock; -1 = not known */
    int64_t size;     /* -1 = not known yet */
};

/* A clean shutdown goes through these, in this order; each waits until no job of the one before it
 * runs. */
enum log_manager_state {
    LOG_MANAGER_OPEN,
    LOG_MANAGER_STOPPING, /* what runs may end */
    LOG_MANAGER_FLUSHING,
    LOG_MANAGER_SIDE_FILES, /* epochs, producers, how far the metadata was seen */
    LOG_MANAGER_CHECKPOINTS,
    LOG_MANAGER_LEAVINGS, /* what each log consists of, where all is on disk */
    LOG_MANAGER_MARKS,    /* and that a start may believe that */
    LOG_MANAGER_SHUT,
    LOG_MANAGER_STATES
};

struct log_manager {
    enum log_manager_state state;
    struct env *env;
    struct logger *logger;
    struct log_manager_config config;
    struct log_manager_events events;
    void *data;
    char *cluster_id; /* "" = not known */
    struct log_dir *dirs;
    struct map entries; /* name -> struct log_entry */
    struct map configs; /* what logs were told, each once: log_config.c */
    struct map roster;  /* names of what had records: see roster.h */
    struct segment_pool pool;
    struct steady_clock clock; /* for what expires */
    struct log_jobs jobs;
    struct log_turn turn;
    struct log_trash trash;
    struct log_stray *strays;
    size_t stray_count;
    struct list closing; /* deleted logs that wait for their jobs (log->turn) */
    struct list waiting; /* opens that wait for such a log */
    struct list lookups; /* by time, that wait for a worker; it has the first */
    bool lookup_runs;
    bool waits_ended;        /* nobody waits for a worker any more */
    struct list check_lines; /* with a check that may begin, in turn */
    struct list check_longs; /* checks that take more than a quick look; one at a time */
    struct list check_jobs;  /* on the worker pool */
    uint32_t checks_quick;   /* of them */
    bool check_long_runs;
    size_t producers;             /* known in all logs; workers count too */
    struct env_timer later_timer; /* logs whose flush lacked descriptors */
    struct env_timer retention_timer;
    struct env_timer space_timer;
    struct env_timer flush_timer;
    int64_t flush_due_ms;                                /* when it fires; 0 = it does not */
    struct env_timer checkpoint_timers[LOG_CHECKPOINTS]; /* by enum checkpoint */
    size_t side_cursor;  /* among the entries: whose side files are next; 0 = from the beginning */
    uint32_t side_waits; /* how often they were put off since, because too many were under way */
    struct env_timer cleaner_timer;
    int64_t lack_told_ms;      /* of descriptors; 0 = never */
    struct cleaning *cleaning; /* the run that goes on, or NULL */
    uint64_t clean_turns;      /* runs of compaction so far */
    int64_t metadata_index;    /* the newest entry that was applied, also before this process */
    int64_t metadata_term;
    int64_t serves; /* the broker epoch that every directory is to note: see served.h */
    void (*served_done)(void *data);
    void *served_data;
    struct env_timer served_timer;
    struct env_timer mark_timer; /* metadata_mark.h */
    void (*shutdown_done)(void *data);
    void *shutdown_data;
    bool shutting_down; /* past OPEN, for the workers too, which read it to end early */
    /* A log that was being deleted is gone: its name can be opened again. */
    void (*log_gone)(struct log_manager *manager);
    /* future.c: logs that move to another directory. */
    struct list futures;
    struct list renames;    /* of old folders, on workers: those names are taken until then */
    struct map wanted_dirs; /* name -> struct log_dir, for partitions that are not open */
    struct env_timer future_timer;
    int64_t future_rate;   /* bytes a second; INT64_MAX = no limit */
    int64_t future_due_us; /* when the next piece may be copied */
    /* Something changed about a log that moves, or about its copy. */
    void (*stirred)(struct log *log);
    /* A log was opened. */
    void (*opened)(struct log *log);
};

/* Nothing may change or read a log that is being closed: what is marked as clean stays so. */
static inline void log_check_in_use(const struct log *log)
{
    ASSERT(!log->manager->shutting_down);
}

/* Calls the watcher at the end of this turn of the loop. */
static inline void log_notify_later(struct log *log)
{
    log->want_notify = true;
    log_turn_add(&log->manager->turn, &log->turn);
}

/* log_check.c: answers who waits. */
void log_end_checks(struct log_manager *manager);

#endif
