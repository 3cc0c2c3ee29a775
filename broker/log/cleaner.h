/* Compaction (cleanup.policy=compact): of each key only the newest record is kept.
 *
 * The loop chooses a log with a large part that was never compacted, each in its turn; a worker
 * reads that part into a map of keys, writes the old segments anew without what is obsolete, and
 * the loop swaps them in. One log at a time; memory is bounded by the map and one batch. Rules:
 * KIP-58 (lags), KIP-534 (delete horizon), and the "Log compaction" section of the Kafka
 * documentation. */
#ifndef BROKER_LOG_CLEANER_H
#define BROKER_LOG_CLEANER_H

#include "base/map.h"
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "broker/log/log.h"
#include "broker/log/txn_index.h"
#include "env/env.h"
#include "kafka/batch.h"

struct log;
struct log_manager;
struct segment;

/* A segment that is read. The segment is pinned; the numbers are those of when the job began. */
struct cleaning_source {
    struct segment *segment;
    uint64_t size;
    int64_t base_offset;
    int64_t end_offset;
    uint32_t aborted; /* entries in its index of aborted transactions */
};

/* Sources that become one segment. */
struct cleaning_group {
    uint32_t first;
    uint32_t count;
    struct segment *cleaned; /* its files end in .cleaned; NULL when nothing is left */
};

/* One run over one log: what the worker needs, and what it leaves. */
struct cleaning {
    struct env_work work;
    struct env *env;
    struct log *log; /* for the loop only */
    struct log_manager *manager;
    char *path;
    struct cleaning_source *sources; /* from the log start on */
    uint32_t source_count;
    int64_t first_dirty; /* below it was compacted before */
    uint64_t hash_key[2];
    size_t map_bytes;         /* half as much is given for aborted transactions */
    struct map producers;     /* id -> what must stay of it: see cleaner_txns.c */
    struct log_aborted later; /* aborted transactions with data here and a marker behind it */
    uint64_t segment_bytes;
    uint32_t index_interval;
    int64_t reserve; /* bytes to be left on the disk */
    int64_t delete_retention_ms;
    int64_t now_ms;
    size_t records_max; /* of a decompressed batch */
    bool stop;          /* set by the loop: give up; read and written atomically */
    /* results */
    struct cleaning_group *groups;
    uint32_t group_count;
    int64_t cleaned_to; /* below it all is compacted now */
    uint64_t bytes_before;
    uint64_t bytes_after;
    int err;
};

/* ---- cleaner_txns.c ---- */

/* What the state of producers needs: of each its last data batch, or else its last marker. */
void cleaner_take_producers(struct cleaning *cleaning, const struct log *log);
bool cleaner_is_last_batch(const struct cleaning *cleaning, const struct batch *batch);
bool cleaner_is_last_marker(const struct cleaning *cleaning, const struct batch *batch);

/* The aborted transactions that have data in what is compacted now, by producer and marker; and a
 * walk over all that the sources name, in the order of their markers. */
struct cleaner_txns {
    const struct cleaning *cleaning;
    struct txn_index_entry *entries;
    size_t count, cap;
    struct map seen; /* producers of whose transaction data was read, and no marker yet */
    struct {
        uint32_t source;
        uint32_t at;            /* in its index */
        struct txn_index index; /* its own descriptor: the loop's may be closed by the pool */
        uint32_t block_at, block_count;
        struct txn_index_entry block[TXN_INDEX_BLOCK];
    } walk;
};
void cleaner_txns_init(struct cleaner_txns *txns, const struct cleaning *cleaning);
void cleaner_txns_close(struct cleaner_txns *txns);
/* On the worker. Where there are more than memory is given for, the run ends before: at *end, which
 * is past the first dirty offset in any case. ERR_NO_MEMORY; ERR_CANCELED: a source is going. */
int cleaner_txns_load(struct cleaner_txns *txns, int64_t *end) MUST_CHECK;
/* Whether the data batch, below that end, belongs to a transaction that was aborted. */
bool cleaner_txns_is_aborted(const struct cleaner_txns *txns, const struct batch *batch);
/* 1: the transaction that this abort marker ends; 0 when it had no data. Markers come by rising
 * offset. */
int cleaner_txns_of_marker(struct cleaner_txns *txns, const struct batch *batch,
                           struct txn_index_entry *txn) MUST_CHECK;

/* ---- cleaner_rewrite.c ---- */

/* The worker's part. ERR_CANCELED when it was told to stop, ERR_CORRUPT, ERR_NO_SPACE, ERR_IO. */
void cleaner_rewrite(struct cleaning *cleaning);

/* For the start of a log: finishes the swaps in its directory. */
int cleaner_finish_swaps(struct env *env, const char *dir) MUST_CHECK;

/* The next look after log.cleaner.backoff.ms; 0 = none comes. */
void cleaner_arm(struct log_manager *manager);
/* Starts a run on the log that needs one most, if any does and none is running. */
void cleaner_tick(struct log_manager *manager);
/* Makes a running job end soon. */
void cleaner_stop(struct log_manager *manager);

#endif
