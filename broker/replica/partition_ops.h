/* How the rest of the broker reaches partitions: by operations on a reference, never by a pointer.
 *
 *     submit --> queue --> at the partition --> (a worker, other replicas) --> done
 *
 * An operation is a struct that the caller embeds, fills in and submits; it stays the room's until
 * `done`, which always comes later, on the caller's loop, never from inside the submit or the
 * cancel. It comes in the same turn where nothing has to be waited for: the queue is looked through
 * at the end of the turn, and what is submitted meanwhile is done with it. In `done` the struct is
 * the caller's again: it may be freed, or submitted anew. partition_op_cancel ends an operation at
 * any moment before; `done` does not come then. Operations begin in the order in which they were
 * submitted. Nothing is allocated for one, but where a worker has to look.
 *
 * A partition that is not here, or not any more, ends the operation with an error:
 * ERR_UNKNOWN_TOPIC_ID or ERR_UNKNOWN_TOPIC_OR_PARTITION when the cluster has no such one, else
 * ERR_NOT_LEADER_OR_FOLLOWER: also while this broker, which starts, does not know that yet. */
#ifndef BROKER_REPLICA_PARTITION_OPS_H
#define BROKER_REPLICA_PARTITION_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/list.h"
#include "base/uuid.h"
#include "env/env.h"

struct append_check;
struct append_line;
struct cold_read;
struct offset_lookup;
struct partition_client;
struct partitions;
struct segment;

/* ---- names ---- */

struct partition_ref {
    struct uuid topic_id;
    int32_t index;
    bool by_name; /* its caller knows the topic by name: so do the errors that it gets */
};

/* 0: the metadata has a replica of it here. Else why no operation on it would be taken, as above;
 * by name never ERR_UNKNOWN_TOPIC_ID. */
int partitions_by_name(const struct partitions *partitions, const char *name, size_t name_len,
                       int32_t index, struct partition_ref *ref) MUST_CHECK;
int partitions_by_id(const struct partitions *partitions, const struct uuid *topic_id,
                     int32_t index, struct partition_ref *ref) MUST_CHECK;

/* Whether what this broker leads may be served at all: not after the process stood still for longer
 * than its session, until a controller has answered it. Every operation asks this itself. */
bool partitions_may_serve(const struct partitions *partitions);

/* ---- operations ---- */

enum partition_op_state {
    PARTITION_OP_IDLE, /* the caller's: not submitted, done or cancelled */
    PARTITION_OP_QUEUED,
    PARTITION_OP_IN_LINE, /* an append behind others of its client that workers look at */
    PARTITION_OP_WORKING, /* a worker looks at it, or for it */
    PARTITION_OP_WAITING  /* done here, and not yet safe */
};

enum partition_op_kind {
    PARTITION_OP_APPEND,
    PARTITION_OP_READ,
    PARTITION_OP_OFFSETS,
    PARTITION_OP_EPOCH,
    PARTITION_OP_DELETE,
    PARTITION_OP_DESCRIBE,
    PARTITION_OP_PRODUCERS,
    PARTITION_OP_DIRS,
    PARTITION_OP_LINES,
    PARTITION_OP_KINDS
};

/* The first member of each operation. Zeroed memory is an idle one. */
struct partition_op {
    struct partition_ref ref;
    void (*done)(struct partition_op *op);
    int err; /* of the answer */
    /* The rest is the room's. */
    uint8_t kind;
    uint8_t state;
    struct list link;
    struct partitions *partitions;
};

static inline bool partition_op_is_open(const struct partition_op *op)
{
    return op->state != PARTITION_OP_IDLE;
}
/* Nothing happens to an idle one. What was appended or deleted stays so. */
void partition_op_cancel(struct partition_op *op);

/* ---- waiting for a change ---- */

enum partition_change {
    PARTITION_CHANGED_END = 1,     /* the log end moved */
    PARTITION_CHANGED_HW = 2,      /* the high watermark moved */
    PARTITION_CHANGED_START = 4,   /* the log start moved */
    PARTITION_CHANGED_ROLE = 8,    /* leader or epoch changed, or the replica went away */
    PARTITION_CHANGED_FORGOT = 16, /* what a follower acknowledged does not count any more */
    PARTITION_CHANGED_STABLE = 64, /* the last stable offset moved */
    PARTITION_CHANGED_FACTS = 32 /* what an append has to reckon with: in-sync set, room, limits */
};

/* Embedded by who wants to hear of changes: a read or a describe begins it, and from then on no
 * change is missed. It ends with partition_unwatch, or when the replica goes away: then `watching`
 * is false before `changed` is called. */
struct partition_interest {
    struct list link;
    bool watching;
    bool news; /* one of the changes came since the last read or describe */
    uint8_t mask;
    void (*changed)(struct partition_interest *interest, unsigned change);
};
/* Also when it does not watch. */
void partition_unwatch(struct partition_interest *interest);

/* ---- append ---- */

enum { PARTITION_ACKS_NONE = 0, PARTITION_ACKS_LEADER = 1, PARTITION_ACKS_ALL = -1 };

enum { PARTITION_BAD_RECORDS_MAX = 16 }; /* of a refused batch, that are told one by one */

struct partition_appended {
    int64_t base_offset;    /* of the first batch; for a duplicate that of the original; or -1 */
    int64_t append_time_ms; /* -1 unless LogAppendTime */
    int64_t log_start_offset;
    const char *message; /* static text that says what was wrong, or NULL */
    int32_t bad_count;   /* the first records that were wrong, when it is known which */
    int32_t bad[PARTITION_BAD_RECORDS_MAX];          /* their numbers in the batch */
    const char *bad_text[PARTITION_BAD_RECORDS_MAX]; /* and what is wrong with them */
};

/* The room's: waits until records, or a log start, are safe. */
struct partition_wait {
    struct list link;
    int64_t offset; /* last offset that must be safe; with `start` the log start */
    bool all;       /* on all in-sync replicas, else on our disk */
    bool start;     /* a deletion waits, not an append */
    void (*done)(struct partition_wait *wait, int err);
};

/* The room's: a place in the line of a client's batches (append_order.h). */
struct append_turn {
    void (*take)(struct append_turn *turn);
    struct list link;
    struct append_line *line; /* NULL when it is in none */
    bool ready;
};

/* Errors: those of the log (a bad batch, its producer, the disk), ERR_NOT_LEADER_OR_FOLLOWER (with
 * `appended`: leadership was lost, outcome unknown), ERR_NOT_ENOUGH_REPLICAS,
 * ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, ERR_INVALID_REQUIRED_ACKS, ERR_INVALID_TXN_STATE,
 * ERR_KAFKA_STORAGE_ERROR. */
struct partition_append_op {
    struct partition_op op;
    uint8_t *bytes; /* whole batches; changed in place, and not needed once it is appended */
    size_t len;
    int16_t acks;
    bool from_broker;                /* a coordinator's */
    bool is_marker;                  /* a transaction marker, of the transaction's coordinator */
    bool is_bumped;                  /* with it: of transaction.version 2 (see log.h) */
    bool is_messages;                /* a message set of magic 0 or 1: a batch is made of it */
    struct partition_client *client; /* whose batch it is; NULL for a broker's */
    uint64_t topic_key;              /* with a client: its word for the topic, hashed */
    /* What the caller has against the bytes, told where the partition would take them else. */
    int verdict;
    const char *verdict_text;
    /* A transactional batch that would begin a transaction in the partition: the caller finds out
     * from the transaction's coordinator whether it may (KIP-890), and calls
     * partition_append_verified, at once or later. Meanwhile the op stands in its client's line.
     * NULL: it may. Not after a cancel. */
    void (*verify)(struct partition_append_op *op);
    bool bumps; /* with it: the producer has a new epoch for each transaction (transaction.version
                 * 2), so one that the partition does not know begins at sequence 0 */
    /* May be NULL: it is appended, and `done` comes when it is safe. */
    void (*taken)(struct partition_append_op *op);
    /* With a client: nobody waits any more while a worker reads the bytes. Hands over the block (of
     * mem_alloc) that they lie in. */
    void *(*give_block)(struct partition_append_op *op);
    /* The answer. */
    bool appended;
    struct partition_appended result;
    int32_t leader; /* with ERR_NOT_LEADER_OR_FOLLOWER, as far as known: else -1 */
    int32_t leader_epoch;
    /* The rest is the room's. */
    struct partition_wait wait;
    struct append_turn turn;
    struct append_check *check;
    bool verifying;      /* the caller is asked */
    bool verified;       /* it has said that the batch is in an open transaction, */
    int64_t guard;       /* which counts as long as no marker of the producer came */
    int32_t guard_epoch; /* in this leader epoch */
};
void partitions_append(struct partitions *partitions, struct partition_append_op *op);
/* The answer to `verify`: 0, or the error that the append ends with, and static text or NULL. A
 * transaction that ended meanwhile is ERR_INVALID_TXN_STATE all the same. */
void partition_append_verified(struct partition_append_op *op, int err, const char *message);
/* Between `verify` and its answer: the question goes out, so markers up to now do not matter. */
void partition_append_verify_anew(struct partition_append_op *op);
/* Likewise: a marker came meanwhile, so that an answer of 0 would be ERR_INVALID_TXN_STATE. */
bool partition_append_is_outdated(const struct partition_append_op *op);

/* One client of the appends: its batches for a partition are appended in the order in which they
 * were submitted, also when workers look at some of them; and what an idempotent producer sent
 * behind a batch that was refused is refused too (refused.h). */
struct partition_client *partition_client_new(struct partitions *partitions);
/* It is gone. What it has submitted goes on, but for batches of idempotent producers that are not
 * appended yet: they are sent again, and in order. */
void partition_client_leave(struct partition_client *client);
/* A batch for partition `index` was refused (err) before it became an operation. */
void partition_client_note_refused(struct partition_client *client, uint64_t topic_key,
                                   int32_t index, uint8_t *bytes, size_t len, int err);

/* ---- read ---- */

/* Bytes of a partition as they lie somewhere: a range of a file, which is held until release, or
 * memory, which is freed then. */
struct partition_slice {
    struct env_chunk chunk; /* len 0: nothing */
    struct segment *segment;
};
void partition_slice_release(struct partition_slice *slice);
/* The first `len` bytes; blocks, so it is for workers. 0 or ERR_KAFKA_STORAGE_ERROR. */
int partition_slice_copy(const struct partition_slice *slice, uint8_t *bytes,
                         size_t len) MUST_CHECK;
/* Takes over memory of mem_alloc in the place of what is there. */
void partition_slice_set_memory(struct partition_slice *slice, uint8_t *bytes, size_t len);

struct partition_read_args {
    int32_t replica_id;           /* -1 = a consumer */
    int64_t replica_epoch;        /* broker epoch of the follower; -1 = not said */
    int32_t current_leader_epoch; /* -1 = not checked */
    int32_t last_fetched_epoch;   /* -1 = not said (no divergence check) */
    int64_t offset;
    int64_t log_start_offset; /* of the follower; -1 for consumers */
    size_t max_bytes;
    bool min_one;
    bool follower_ok; /* a consumer may read from a follower (Fetch v11+) */
    bool own;         /* this broker's coordinator: reads the leader's log to its end */
    bool committed;   /* a consumer that reads only what is decided: below the last stable offset */
    bool no_zstd;     /* an old client: not from a topic whose codec is zstd */
    size_t throttled; /* bytes of this answer that a throttle counts: replica_throttle.h */
    /* A consumer's rack, and the listener that it came by, where it may be sent to a follower near
     * it (KIP-392); NULL = it may not. */
    const char *rack;
    const char *listener;
};

/* A transaction of which the reader drops the records, from this offset to its abort marker. */
struct partition_aborted {
    int64_t producer_id;
    int64_t first_offset;
};

struct partition_read {
    struct partition_slice slice;      /* to be released when it is sent */
    struct partition_aborted *aborted; /* of `committed`: those in the slice, by their offset */
    size_t aborted_count;
    int64_t base_offset; /* of the first batch in it */
    bool no_room;   /* it is empty because of max_bytes: with more room there may be something */
    bool throttled; /* its bytes count for the throttle, when they are sent */
    int64_t high_watermark;
    int64_t last_stable_offset;
    int64_t log_start_offset;
    bool elsewhere; /* a consumer is to read from `nearest`, a follower near it; no bytes */
    int32_t nearest;
    bool diverging; /* the follower's log differs: cut to diverging_offset or below, no bytes */
    int32_t diverging_epoch;
    int64_t diverging_offset;
};

/* A read for a consumer or a follower; what the page cache does not have is brought there by a
 * worker first. A follower's read is its acknowledgement of all below
 * args.offset when it says so in a fetch (`acknowledges`), and when what it said last had been
 * forgotten. Errors: ERR_NOT_LEADER_OR_FOLLOWER, ERR_FENCED_LEADER_EPOCH,
 * ERR_UNKNOWN_LEADER_EPOCH, ERR_OFFSET_OUT_OF_RANGE, ERR_OFFSET_NOT_AVAILABLE,
 * ERR_UNSUPPORTED_COMPRESSION_TYPE, ERR_KAFKA_STORAGE_ERROR. */
struct partition_read_op {
    struct partition_op op;
    struct partition_read_args args;
    bool acknowledges;
    struct partition_interest *interest; /* may be NULL; begins to watch, whatever is read */
    /* The answer. */
    struct partition_read read;
    int32_t leader; /* -1 when it is not known */
    int32_t leader_epoch;
    bool known; /* a follower's: what it said last counts */
    /* The rest is the room's. */
    struct cold_read *cold; /* a worker brings into memory what is to be read */
    uint8_t colds;          /* how often one did */
    bool throttled;         /* it was limited by the throttle */
};
void partitions_read(struct partitions *partitions, struct partition_read_op *op);
/* The slice, and the rest of what the answer holds. */
void partition_read_release(struct partition_read *read);
/* So many bytes of reads that are `throttled` were sent. */
void partitions_throttled(struct partitions *partitions, size_t bytes);
/* A follower of ours has fetched, whatever it asked for. */
void partitions_heard(struct partitions *partitions, int32_t replica_id);

/* ---- offsets ---- */

struct partition_offset {
    int64_t offset;
    int64_t timestamp_ms;
    int32_t leader_epoch;
};

/* ListOffsets: `timestamp` -1 latest, -2 earliest, -3 the largest timestamp, -4 earliest local,
 * or milliseconds. `follower` reads up to the log end, a consumer up to the high watermark or,
 * `committed`, the last stable offset. ERR_OFFSET_NOT_AVAILABLE right after an election, when
 * what is asked for may be committed and is not known to be yet. */
struct partition_offsets_op {
    struct partition_op op;
    int32_t current_leader_epoch;
    int64_t timestamp;
    bool follower;
    bool committed;                /* a consumer that reads up to the last stable offset */
    struct partition_offset found; /* the answer: -1 where there is none */
    struct offset_lookup *lookup;  /* the room's: a worker looks into a batch */
};
void partitions_offsets(struct partitions *partitions, struct partition_offsets_op *op);

/* The rules of OffsetForLeaderEpoch; only a leader answers. */
struct partition_epoch_op {
    struct partition_op op;
    int32_t current_leader_epoch;
    int32_t epoch;
    int32_t found; /* the answer */
    int64_t end_offset;
};
void partitions_epoch(struct partitions *partitions, struct partition_epoch_op *op);

/* DeleteRecords, -1 = up to the high watermark. Done when the log starts there on the disk of every
 * in-sync replica, so that no crash brings the records back. ERR_POLICY_VIOLATION: a topic that is
 * compacted only keeps the last record of each key. */
struct partition_delete_op {
    struct partition_op op;
    int64_t offset;
    int64_t low_watermark;      /* the answer: the lowest log start of the in-sync replicas */
    struct partition_wait wait; /* the room's */
};
void partitions_delete(struct partitions *partitions, struct partition_delete_op *op);

/* ---- facts ---- */

enum partition_state { PARTITION_OPENING, PARTITION_FOLLOWER, PARTITION_LEADER, PARTITION_OFFLINE };

/* As it is at that moment. Offsets are -1 without a log. */
struct partition_facts {
    enum partition_state state;
    int32_t leader;
    int32_t leader_epoch;
    int64_t high_watermark;
    int64_t log_start_offset;
    int64_t log_end_offset;
    int append_err;   /* what an append with acks=all would be refused with now */
    size_t batch_max; /* the largest batch that is taken: max.message.bytes */
};
struct partition_describe_op {
    struct partition_op op;
    struct partition_interest *interest; /* may be NULL; begins to watch */
    struct partition_facts facts;        /* the answer */
};
void partitions_describe(struct partitions *partitions, struct partition_describe_op *op);

struct partition_producer {
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t last_sequence;
    int64_t last_timestamp_ms;
    int32_t coordinator_epoch;
    int64_t current_txn_start_offset; /* -1 */
};
/* The idempotent producers that the log knows, a follower's as well as the leader's. */
struct partition_producers_op {
    struct partition_op op;
    struct partition_producer *producers; /* the answer, of mem_alloc, the caller's to free */
    size_t count;
};
void partitions_producers(struct partitions *partitions, struct partition_producers_op *op);

/* The replica of a topic (a name that may be one) is to lie in that log directory: it moves there
 * in the background, and is served meanwhile. 0; ERR_LOG_DIR_NOT_FOUND; ERR_REPLICA_NOT_AVAILABLE:
 * it is not here, and the directory is remembered for when it is; the others as in
 * log_manager_alter_dir. */
int partitions_alter_dir(struct partitions *partitions, const char *topic, size_t topic_len,
                         int32_t index, const char *path, size_t path_len) MUST_CHECK;

/* What lies in the log directories. Text is borrowed until `done` returns. */
struct partition_dir {
    const char *path;
    bool failed;
    bool cordoned;
    int64_t size; /* of its disk; -1 = not known */
    int64_t free;
    size_t first; /* of its entries */
    size_t count;
};
struct partition_dir_entry {
    const char *topic;
    int32_t index;
    int64_t size;
    /* Of the log end behind the high watermark; of a copy behind the log that is served; -1: the
     * folder of no known partition. */
    int64_t lag;
    bool future; /* a copy, which takes the place of the replica when it has caught up */
};
struct partition_dirs_op {
    struct partition_op op;             /* without a ref */
    const struct partition_ref *wanted; /* until `done` */
    size_t wanted_count;
    bool all; /* all replicas here, and the folders that the metadata did not name */
    /* The answer, freed after `done`. ERR_NO_MEMORY. */
    struct partition_dir *dirs;
    size_t dir_count;
    struct partition_dir_entry
        *entries; /* of a directory sorted by topic and index, then folders */
    /* The rest is the room's. */
    struct dirs_disks *disks; /* what a worker has found out, or finds out, of the disks */
};
void partitions_dirs(struct partitions *partitions, struct partition_dirs_op *op);

/* Lines about replicas, for people: of at most `max` replicas from `cursor` (0 at first) on, those
 * in trouble or the others. */
struct partition_lines_op {
    struct partition_op op; /* without a ref */
    size_t cursor;
    size_t max;
    size_t lines_max;
    bool ailing;
    /* The answer. */
    struct buf text;  /* a line each, the caller's */
    size_t lines;     /* in the text */
    size_t counts[4]; /* all that were looked at, by enum partition_state */
    bool ended;       /* there are no more */
};
void partitions_lines(struct partitions *partitions, struct partition_lines_op *op);

#endif
