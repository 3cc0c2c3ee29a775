/* The log of one partition on disk: segments of record batches, their indexes, the leader epochs
 * and the state of idempotent producers, in Kafka's own on-disk format.
 *
 *     log start            high watermark     durable end       end
 *        |  segment 0  |  segment 1  |  active segment  .........|
 *        [ consumers read up to the high watermark ) [ not flushed )
 *
 * A log belongs to the broker loop; all calls come from there. None waits for the disk but for a
 * read of what the page cache does not have. What blocks (opening with recovery, flushing,
 * deleting) runs on the worker pool and reports by callback. Batches are written as they arrive:
 * only base offset, leader epoch, the largest timestamp with its type, and the checksum are set, in
 * the caller's buffer. The records of a client's batch are looked at before, here or by a worker
 * (log_check). A batch is made anew only where compression.type asks for another codec, and of the
 * messages of an old client.
 *
 * A disk error (ERR_IO, ERR_NO_SPACE from a flush or write) is final for the log directory: the log
 * is then `offline`, every call that can fail returns ERR_KAFKA_STORAGE_ERROR, nothing is retried.
 * A lack of descriptors or memory is none: see env_is_later. */
#ifndef BROKER_LOG_LOG_H
#define BROKER_LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/list.h"
#include "base/uuid.h"
#include "broker/log/log_config.h"
#include "env/env.h"

struct log;
struct log_check_job;
struct log_check_line;
struct log_manager;
struct segment;

enum { LOG_BAD_RECORDS_MAX = 16 }; /* of a refused batch, that are told one by one */
#define LOG_BAD_TIME                                                                               \
    "the timestamp is too old or too far in the future: see message.timestamp.before.max.ms and "  \
    "message.timestamp.after.max.ms"
#define LOG_NO_KEY "a record of a compacted topic needs a key"

enum log_origin {
    LOG_FROM_CLIENT, /* checked in full: one or more batches, offsets are assigned */
    LOG_FROM_BROKER, /* our own coordinators: as client, but without sequences and a largest size */
    LOG_MARKER,      /* a transaction marker and nothing else: only so are control batches taken */
    LOG_MARKER_BUMPED, /* of transaction.version 2: its epoch is above that of the transaction */
    LOG_FROM_LEADER /* replicated: copied byte for byte; each batch begins where the one before it
                     * ends, unless compaction left a gap (see log_expect_gap) */
};

struct log_append {
    int64_t base_offset; /* of the first batch; for a duplicate that of the original */
    int64_t last_offset;
    int64_t append_time_ms; /* -1 unless LogAppendTime */
    bool duplicate;      /* an idempotent batch that is in the log already; nothing was written */
    const char *message; /* static text that says what was wrong, or NULL */
    int32_t bad_count;   /* the first records that were wrong, when it is known which */
    int32_t bad[LOG_BAD_RECORDS_MAX]; /* their numbers in the batch */
    uint32_t bad_times;               /* bit i: bad[i] has a bad timestamp; else no key */
};

/* Appends whole batches; `bytes` is changed in place (offsets, epoch, timestamp) and is not kept.
 * Producer sequences are checked against what is appended. Errors: ERR_CORRUPT_MESSAGE,
 * ERR_INVALID_RECORD, ERR_MESSAGE_TOO_LARGE, ERR_INVALID_TIMESTAMP,
 * ERR_UNSUPPORTED_COMPRESSION_TYPE, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, ERR_INVALID_PRODUCER_EPOCH,
 * ERR_INVALID_TXN_STATE, ERR_TRANSACTION_COORDINATOR_FENCED,
 * ERR_RECORD_LIST_TOO_LARGE (over segment.bytes), ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT,
 * ERR_FENCED_LEADER_EPOCH (leader_epoch is below that of a batch in the log),
 * ERR_KAFKA_STORAGE_ERROR (offline, or the disk is nearly full: see message and log_is_offline). On
 * an error nothing is appended. LOG_FROM_LEADER ignores an incomplete last batch and
 * `leader_epoch`, and stops before a gap that may not be there; base_offset is -1 when no batch was
 * complete. */
int log_append(struct log *log, uint8_t *bytes, size_t len, enum log_origin origin,
               int32_t leader_epoch, struct log_append *result) MUST_CHECK;

/* A client's batch that a worker looks at before it is appended, embedded by the caller. The fields
 * above the line are set before the start; `bytes` must stay until `done`, which is called once, on
 * the loop. With err 0 log_append_checked may follow, in the same log or another one of its topic;
 * else `result` has the reason. log_check_close comes last. */
struct log_check {
    void (*done)(struct log_check *check);
    uint8_t *bytes; /* changed in place */
    size_t len;
    bool is_messages; /* a message set of magic 0 or 1: the batch is made of it */
    /* ---- */
    int err;
    struct log_append result;
    struct buf made;
    struct log *log;
    struct log_check_line *line;
    struct log_check_job *job;
    struct list link;
};
/* Whether a batch is for a worker: compressed, to be compressed otherwise, or together with `plain`
 * bytes that were looked at just before more than the loop has time for. */
bool log_wants_check(const struct log *log, const uint8_t *bytes, size_t len, size_t plain);
/* The checks of one client: one is under way at a time, and clients take turns. The line lives on
 * until its last check is done. */
struct log_check_line *log_check_line_new(void);
void log_check_line_leave(struct log_check_line *line);
/* 1: `done` comes. ERR_NOT_LEADER_OR_FOLLOWER: the broker ends. */
int log_check_start(struct log_check *check, struct log *log,
                    struct log_check_line *line) MUST_CHECK;
/* In `done`: a worker goes on to use the bytes, since it can't be stopped. log_check_keep gives it
 * the block (of mem_alloc) that they lie in. */
bool log_check_is_running(const struct log_check *check);
void log_check_keep(struct log_check *check, void *block);
/* Nobody waits for `done` any more. Before it a running one gets its bytes by log_check_keep. */
void log_check_cancel(struct log_check *check);
int log_append_checked(struct log *log, struct log_check *check, int32_t leader_epoch,
                       struct log_append *result) MUST_CHECK;
void log_check_close(struct log_check *check);

/* For the next append from the leader: its first batch may begin at `to` although the log ends
 * before, since the leader's log has nothing between. Without it only a topic that is compacted may
 * have gaps. */
void log_expect_gap(struct log *log, int64_t to);

/* A range of a segment file, to be sent as it is; holds the segment until released. */
struct log_slice {
    struct segment *segment;
    struct env_file *file;
    uint64_t position;
    size_t len;
    uint8_t *bytes;      /* of log_read_now, a copy of a small range, from mem_alloc; else NULL */
    int64_t base_offset; /* of the first batch; only with len > 0 */
    bool no_room;        /* len is 0 because of max_bytes: with more room there may be something */
};

/* Bytes from the batch that holds `offset` (its head may lie before) up to at most max_bytes, never
 * at or past `end_offset`, from one segment. A first batch that is larger than max_bytes is
 * returned whole with `min_one`, and not at all without; a later one may be cut off. len is 0
 * without no_room when there is nothing to read. ERR_OFFSET_OUT_OF_RANGE outside [log start, end].
 */
int log_read(struct log *log, int64_t offset, size_t max_bytes, int64_t end_offset, bool min_one,
             struct log_slice *slice) MUST_CHECK;
void log_slice_release(struct log_slice *slice);

enum { LOG_SLICE_COPIED = 4096 };

/* What a read found that it would have to wait for the disk for. */
struct log_cold {
    struct segment *segment; /* pinned */
    int64_t offset;          /* what was looked for in it */
    size_t len;
};
/* As log_read, but ERR_AGAIN, and `cold`, where it would wait for the disk: log_warm comes next. A
 * range of LOG_SLICE_COPIED bytes or less comes as a copy, too: to send a few bytes from a file
 * costs more than to send them from memory. */
int log_read_now(struct log *log, int64_t offset, size_t max_bytes, int64_t end_offset,
                 bool min_one, struct log_slice *slice, struct log_cold *cold) MUST_CHECK;
/* A transaction whose records in a read are not for readers of committed ones. */
struct log_aborted_txn {
    int64_t producer_id;
    int64_t first_offset;
    int64_t last_offset; /* of its marker */
};
struct log_aborted {
    struct log_aborted_txn *txns; /* by their first offset */
    size_t count;
    size_t cap;
};
void log_aborted_close(struct log_aborted *aborted);
/* What was aborted of the transactions in the bytes of a slice, which was read from `offset` on
 * with this `end_offset`: all of them, and perhaps some behind it. `cold` NULL: the disk is
 * waited for; else ERR_AGAIN as in log_read_now. ERR_CORRUPT: it can't be told, so nothing may
 * be read. */
int log_read_aborted(struct log *log, int64_t offset, int64_t end_offset,
                     const struct log_slice *slice, struct log_aborted *found,
                     struct log_cold *cold) MUST_CHECK;
/* A worker brings into memory what the read needs: the indexes of the segment, and the bytes that
 * it would look at and send. Embedded by the caller, who keeps it until `done`, which always
 * comes. */
struct log_warm {
    void (*done)(struct log_warm *warm);
    /* The rest is the log's. */
    struct env_work work;
    struct log *log; /* kept by log->jobs */
    struct log_manager *manager;
    struct log_cold cold;
    uint64_t size;
    char *index_path;
    char *times_path;
    char *aborted_path; /* NULL: it has none */
};
void log_warm(struct log_warm *warm, struct log *log, const struct log_cold *cold);

/* What always holds of a log; looks at each segment and producer, so it is for tests. */
void log_check_whole(const struct log *log);

int64_t log_start_offset(const struct log *log);
int64_t log_end_offset(const struct log *log);
/* Whether this can't be the empty beginning that took the place of lost records: it has some, or
 * its directory was here before anybody doubted it, and never had any. */
bool log_is_proven(const struct log *log);
/* Whether its log directory was there when the broker served under that epoch: a disk that was away
 * then lacks what was written. */
bool log_served_under(const struct log *log, int64_t broker_epoch);
/* Below it everything survives a power cut of this machine (see flush_messages). */
int64_t log_durable_offset(const struct log *log);
/* What this replica last knew to be committed; from the checkpoint after a restart. */
int64_t log_high_watermark(const struct log *log);
/* The partition tells it; retention and checkpoints use it. */
void log_set_high_watermark(struct log *log, int64_t offset);
/* The high watermark, or the start of the earliest transaction below it that is open, or whose
 * marker is not below the high watermark. */
int64_t log_last_stable_offset(const struct log *log);
/* Bytes of all segments. */
int64_t log_size(const struct log *log);
const struct uuid *log_topic_id(const struct log *log);
bool log_is_offline(const struct log *log);
/* Whether the disk has room for clients' appends. The broker's own find some megabytes more, so who
 * asks before it changes anything is not refused a moment later. */
bool log_has_room(const struct log *log);
/* Its disk is nearly full (appends of clients are refused, and soon those of replication), or
 * hangs: a flush has been under way for seconds, so that nothing here can be acknowledged. */
bool log_is_full(const struct log *log);
/* The log directory (of log.dirs) that it lies in. */
const char *log_dir_path(const struct log *log);
const struct log_config *log_config(const struct log *log);
void log_set_config(struct log *log, const struct log_config *config);

/* fn(data) is called on the loop whenever the durable end or the saved log start has moved, the log
 * went offline, or log_is_full has changed. One watcher; NULL to stop. Never called from inside a
 * call of this header. */
void log_watch(struct log *log, void (*fn)(void *data), void *data);
/* For who watches, and can go on with another log: fn(data, other) is called on the loop, not from
 * inside a call of this header, when the log has moved to another log directory. `other` holds the
 * same, is watched in its place, and all that was true of the one before is true of it, but that
 * lookups and reads under way on workers end with ERR_NOT_LEADER_OR_FOLLOWER, or begin again. The
 * log of before must not be used any more. Until it is called for a log, that does not move, nor
 * while `fn` is NULL: what was begun of a move waits. */
void log_watch_swap(struct log *log, void (*fn)(void *data, struct log *other));
/* Where a log moves to, and how far its copy is. False when it does not move. */
struct log_move_view {
    const char *dir; /* the log directory; borrowed */
    int64_t size;
    int64_t lag; /* records that the copy lacks */
};
bool log_move_view(const struct log *log, struct log_move_view *view);

/* Leader epochs (KIP-101, KIP-279): (epoch, first offset) pairs, rebuilt from batches. */
int32_t log_latest_epoch(const struct log *log); /* -1 when there is none */
/* Records that `epoch` starts at the log end, also when it stays empty; durable on return of the
 * next checkpoint at the latest. Ignored when a later or equal epoch is known. */
int log_assign_epoch(struct log *log, int32_t epoch) MUST_CHECK;
/* The largest epoch <= `epoch` and its end offset, by the rules of OffsetForLeaderEpoch; (-1, -1)
 * when unknown. */
void log_end_of_epoch(const struct log *log, int32_t epoch, int32_t *found, int64_t *end_offset);

/* Cuts at the batch boundary at or below `offset`; epochs, indexes and producers are cut with it.
 */
int log_truncate(struct log *log, int64_t offset) MUST_CHECK;
/* Drops everything and starts empty at `offset`. */
int log_reset(struct log *log, int64_t offset) MUST_CHECK;
/* Moves the log start forward (DeleteRecords, a follower after its leader); whole segments below it
 * are deleted in the background. ERR_OFFSET_OUT_OF_RANGE past the high watermark. */
int log_advance_start(struct log *log, int64_t offset) MUST_CHECK;
/* The log start that survives a crash: at most log_start_offset. */
int64_t log_saved_start(const struct log *log);
/* Makes the log start of now durable, in the background; the watcher is called when it is. On a
 * full disk that is only when the checkpoint's next interval finds room. */
void log_save_start(struct log *log);

/* ListOffsets: the first record with timestamp >= `timestamp_ms`, or the one with the largest
 * timestamp. A start returns 0 (answered in `offset` and `timestamp_ms`, -1 when there is none),
 * ERR_x, or 1: a batch has to be opened on a worker, and `done` is called later with `err` and the
 * answer, once; the caller keeps the struct until then. ERR_NOT_LEADER_OR_FOLLOWER: the log is not
 * what it was any more. A batch that opens to too much is answered by its first offset, and one
 * that nobody can read is left out. */
struct log_lookup_job;
struct log_lookup {
    void (*done)(struct log_lookup *lookup);
    int err;
    int64_t offset;
    int64_t timestamp_ms;
    /* The rest is the log's. */
    int64_t asked_ms;
    struct list link;
    struct log_lookup_job *job;
};
int log_lookup_start(struct log_lookup *lookup, struct log *log, int64_t timestamp_ms) MUST_CHECK;
int log_lookup_start_max(struct log_lookup *lookup, struct log *log) MUST_CHECK;

/* For DescribeProducers: walks the producers that are known; return false from fn to stop. */
struct log_producer {
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t last_sequence;
    int64_t last_timestamp_ms;
    int32_t coordinator_epoch;
    int64_t current_txn_start_offset; /* -1 */
};
/* Whether batches of the producer under this epoch are known. */
bool log_knows_producer(const struct log *log, int64_t producer_id, int16_t epoch);

/* Where a producer stands with its transactions. The guard changes with every marker of it: what
 * was found out of its transaction (KIP-890) counts as long as the guard is the same, under one
 * leader epoch. */
struct log_txn {
    bool known; /* the producer, under whatever epoch */
    bool open;  /* under this epoch */
    int64_t guard;
};
struct log_txn log_find_txn(const struct log *log, int64_t producer_id, int16_t epoch);
void log_each_producer(const struct log *log, bool (*fn)(void *data, const struct log_producer *),
                       void *data);

#endif
