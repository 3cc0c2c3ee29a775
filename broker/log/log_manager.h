/* All logs of a broker: the log directories with their locks, meta.properties and checkpoints, and
 * the background work on them (opening with recovery, flushing, retention, deletion, compaction).
 *
 * Start: log_manager_new checks and locks the directories (a few milliseconds); each partition is
 * then opened by log_manager_open, in parallel on the worker pool, so that one that needs a scan
 * keeps no other one waiting. After a clean shutdown nothing is scanned. */
#ifndef BROKER_LOG_LOG_MANAGER_H
#define BROKER_LOG_LOG_MANAGER_H

#include "base/buf.h"
#include "base/logger.h"
#include "broker/log/log.h"

struct log_manager_config {
    const char *const *dirs; /* log.dirs */
    int dir_count;
    int32_t node_id;
    const char *cluster_id;     /* NULL when it is not known yet: taken from meta.properties */
    int64_t retention_check_ms; /* log.retention.check.interval.ms */
    int64_t flush_check_ms;     /* log.flush.scheduler.interval.ms */
    int64_t checkpoint_ms;      /* log.flush.offset.checkpoint.interval.ms */
    int64_t start_offset_checkpoint_ms; /* log.flush.start.offset.checkpoint.interval.ms */
    int64_t cleaner_backoff_ms;         /* log.cleaner.backoff.ms */
    bool cleaner_enable;                /* log.cleaner.enable */
    size_t cleaner_dedupe_bytes;        /* log.cleaner.dedupe.buffer.size; 0 = its default */
    /* log.dir.stray.retention.ms: directories that the metadata did not name are removed after so
     * long; 0 and -1 = never. */
    int64_t stray_retention_ms;
    /* Segments that may have open files, three descriptors each; 0 = 2048. */
    uint32_t open_segments;
    /* log.dir.reserve.bytes: free bytes of a disk below which appends are refused (replicated ones
     * below half of it), so that what is small can still be written; taken again when twice as much
     * is free. 0 = 8 MiB. */
    int64_t disk_reserve_bytes;
};

struct log_manager_events {
    /* A directory failed; every log in it is offline. */
    void (*dir_failed)(void *data, const char *dir);
};

/* Whether the directory may be used: ERR_INVALID, with a sentence in `problem`, for one of Apache
 * Kafka. Only looks, and changes nothing; log_manager_new asks it of all its directories first. */
int log_manager_check_dir(struct env *env, const char *dir, struct buf *problem) MUST_CHECK;
/* Makes missing directories, locks each (.lock), reads or writes meta.properties (version=1,
 * node.id or broker.id, cluster.id, directory.id). On an error `problem` gets one sentence that
 * names the directory, what is wrong and the remedy: directory locked by another process,
 * meta.properties of another broker.id or cluster, unreadable. Strings of `config` are copied. */
int log_manager_new(struct env *env, struct logger *logger, const struct log_manager_config *config,
                    const struct log_manager_events *events, void *data, struct buf *problem,
                    struct log_manager **manager) MUST_CHECK;
/* The newest entry of the cluster's metadata that this broker has applied: what is told is kept for
 * the next process, which is asked for it after a start. 0 = none. */
void log_manager_saw_metadata(struct log_manager *manager, int64_t index, int64_t term);
void log_manager_metadata_seen(const struct log_manager *manager, int64_t *index, int64_t *term);
/* The cluster id of meta.properties, or "" when the directories are new. */
const char *log_manager_cluster_id(const struct log_manager *manager);
/* Writes the cluster id into new directories, once it is known; ERR_INCONSISTENT_CLUSTER_ID (with a
 * sentence in `problem`) when they belong to another one. */
int log_manager_set_cluster_id(struct log_manager *manager, const char *cluster_id,
                               struct buf *problem) MUST_CHECK;
/* Whether any of the directories works still. */
bool log_manager_dirs_work(const struct log_manager *manager);
int log_manager_dir_count(const struct log_manager *manager);
const char *log_manager_dir(const struct log_manager *manager, int i);
struct log_dir_view {
    const char *path; /* borrowed */
    bool failed;      /* offline after a disk error */
    bool full;        /* nearly: clients' records are refused */
    bool cordoned;    /* it gets no new partitions */
};
/* The number of the directory with that path, with or without slashes at its end; -1. */
int log_manager_find_dir(const struct log_manager *manager, const char *path, size_t len);
struct log_dir_view log_manager_dir_view(const struct log_manager *manager, int i);
/* cordoned.log.dirs: new partitions are placed in other directories, as long as one of those works
 * (KIP-1066). */
void log_manager_set_cordoned(struct log_manager *manager, const char *list);
/* Whether each directory that works is cordoned. */
bool log_manager_is_cordoned(const struct log_manager *manager);
/* The directory.id of directory i. */
const struct uuid *log_manager_dir_id(const struct log_manager *manager, int i);

/* The broker epoch under which directory i last served; 0 = it does not say, LOG_SERVED_NEW = it
 * does not, and has no partitions. */
enum { LOG_SERVED_NEW = -1 };
int64_t log_manager_dir_served(const struct log_manager *manager, int i);
/* The broker epoch of the process before this one, if it stopped cleanly with each directory that
 * has partitions; 0 = one of them does not say so. A process that never registered vouches for
 * nothing: the one before it may have crashed. */
int64_t log_manager_stopped_epoch(const struct log_manager *manager);
/* The broker is registered under `epoch`, and has served with directory i under before[i] (0 = not
 * known, and so is each from `count` on): each directory that works notes the epoch durably, and
 * then comes `done`, perhaps before this returns. What is older is logged. Nothing is opened, and
 * no record acknowledged, under an epoch that is not noted. */
void log_manager_serve(struct log_manager *manager, int64_t epoch, const int64_t *before,
                       size_t count, void (*done)(void *data), void *data);

/* Opens the log of a partition, or creates it in the directory with the fewest
 * logs of those that work, are not cordoned and have room. When the
 * directory holds another topic id, that other log is set aside first. `done` comes later on the
 * loop: 0 and the log, or ERR_CORRUPT (damaged, its files are gone, or it is in two directories: it
 * must be fetched anew, see log_manager_discard), ERR_KAFKA_STORAGE_ERROR. A partition is opened at
 * most once at a time. */
void log_manager_open(struct log_manager *manager, const char *topic, int32_t partition,
                      const struct uuid *topic_id, const struct log_config *config,
                      void (*done)(void *data, int err, struct log *log), void *data);
/* Closes and deletes a partition's log; the files go in the background (renamed to -delete first).
 */
void log_manager_delete(struct log_manager *manager, struct log *log);
/* Closes it and keeps its directory as a stray: for one that the metadata does not name any more,
 * without a record that says so. */
void log_manager_set_aside(struct log_manager *manager, struct log *log);
/* For a replica that ended in ERR_CORRUPT: what there is of it is set aside, so that the next open
 * starts empty. Only for one that may not be asked to lead before it has caught up. */
int log_manager_discard(struct log_manager *manager, const char *topic,
                        int32_t partition) MUST_CHECK;
/* Whether the metadata names the partition; `topic_id` is NULL when its directory does not tell. */
typedef bool (*log_manager_wanted_fn)(void *data, const char *topic, int32_t partition,
                                      const struct uuid *topic_id);
/* Directories on disk for which `wanted` is false ("strays") are set aside under another name, told
 * and kept; an error while looking leaves a directory alone. Called once the broker has caught up
 * with the metadata. */
void log_manager_set_strays_aside(struct log_manager *manager, log_manager_wanted_fn wanted,
                                  void *data);
struct log_stray_view {
    const char *dir;
    const char *name; /* of the folder in it */
    int32_t partition;
    int64_t size; /* -1 = not known yet */
};
/* The i-th directory that was set aside, of now or of an earlier run; false past the end. The
 * strings are borrowed until the next call that changes the manager. */
bool log_manager_stray(const struct log_manager *manager, size_t i, struct log_stray_view *view);
/* Settings of compaction that may change while it runs: the pause, from now on, and the memory of
 * the next run (0 = its default). */
void log_manager_set_cleaner(struct log_manager *manager, int64_t backoff_ms, size_t dedupe_bytes);
/* A replica is to lie in directory number `i`: it moves there (KIP-113) while it is served, or is
 * made there when it is opened. 0: it moves, or lies there already. ERR_REPLICA_NOT_AVAILABLE:
 * there is none of that name yet, and it is remembered until one is made, or the broker ends;
 * ERR_POLICY_VIOLATION: likewise, but too many are remembered.
 * ERR_KAFKA_STORAGE_ERROR: one of the directories has failed, or no partitions are to come into
 * that one (KIP-1066), or a move of it ends, or left its old folder behind.
 * ERR_INVALID_TOPIC_EXCEPTION: its name is too long. A move that the end of the process interrupts
 * is begun anew by the next one. */
int log_manager_alter_dir(struct log_manager *manager, const char *topic, int32_t partition,
                          int i) MUST_CHECK;
/* replica.alter.log.dirs.io.max.bytes.per.second: what all moves together copy; 0 = nothing,
 * INT64_MAX = no limit. */
void log_manager_set_move_rate(struct log_manager *manager, int64_t rate);
/* The log with this directory name, or NULL. */
struct log *log_manager_find(struct log_manager *manager, const char *topic, int32_t partition);

/* Every lookup by time and every check of a batch that waits ends with ERR_NOT_LEADER_OR_FOLLOWER,
 * and so does each later one: comes before the shutdown, as long as what their callers use is
 * there. */
void log_manager_end_waits(struct log_manager *manager);
/* Memory for requests is short: each batch that waits for the worker of long looks, what its client
 * sent behind it for workers, and what a client that is gone left for them, is refused with
 * ERR_KAFKA_STORAGE_ERROR, which clients try again. */
void log_manager_shed_checks(struct log_manager *manager);
/* Clean shutdown: flushes everything, writes checkpoints and producer snapshots, then calls `done`.
 * A directory gets the clean-shutdown mark only when each of its logs was opened, and is on disk
 * whole, or was not touched since the mark of the last time. Opens that are under way end without
 * their callback. No other call on the manager or its logs but log_manager_free after it, and
 * log_slice_release (asserted). */
void log_manager_shutdown(struct log_manager *manager, void (*done)(void *data), void *data);
/* Frees all; without log_manager_shutdown this is what a crash leaves. Unlocks the directories. All
 * slices are released before; jobs that still run on workers end by themselves, without callbacks,
 * while the env runs. */
void log_manager_free(struct log_manager *manager);

#endif
