/* What a log knows of each idempotent producer: its epoch, its last five batches and its open
 * transaction. Every replica keeps it, built from the batches that it appends. A snapshot of it
 * goes into <offset>.snapshot, in Kafka's format, so that a start need not read the whole log.
 *
 * Rules: KIP-98 and KIP-360. */
#ifndef BROKER_LOG_PRODUCER_STATE_H
#define BROKER_LOG_PRODUCER_STATE_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "kafka/txn_marker.h"

enum {
    PRODUCER_BATCHES = 5, /* max.in.flight.requests.per.connection of an idempotent producer */
    /* Anybody can write under ids that nobody gave out. So many are known in all logs of a broker,
     * some 130 MB; when more come, the log they are written to forgets those that wrote longest
     * ago. Kafka has no such limit. */
    PRODUCERS_MAX = 500000,
    PRODUCERS_SPARED = 1000 /* of a log are never forgotten for that */
};

struct producer_batch {
    int64_t last_offset;
    int64_t timestamp;
    int32_t last_sequence;
    int32_t offset_delta; /* last minus first, of offsets and of sequences */
};

struct producer {
    struct list used; /* in producer_state->used */
    struct list open; /* in producer_state->open, while it has a transaction open */
    int64_t id;
    int64_t last_timestamp;    /* of its last batch or marker */
    int64_t seen_ms;           /* of the last append, or of the start; monotonic */
    int64_t txn_start_offset;  /* of its open transaction; -1 = none */
    int64_t marker_offset;     /* of its last marker, if it came since the snapshot; -1 */
    int32_t coordinator_epoch; /* of the last marker; -1 */
    int16_t epoch;
    uint8_t batch_count;
    struct producer_batch batches[PRODUCER_BATCHES]; /* oldest first */
};

/* A transaction that has ended. */
struct producer_txn {
    int64_t producer_id;
    int64_t first_offset; /* of its data */
    int64_t last_offset;  /* of its marker */
    bool aborted;
};

struct producer_state {
    struct map map;   /* by id */
    struct list used; /* those that wrote longest ago first */
    struct list open; /* those with an open transaction, by its start */
    uint32_t open_txns;
    /* Transactions whose marker is not committed yet: it may be lost still, so for readers they are
     * open. In the order of their markers. */
    struct list ended;
    int64_t ended_first; /* the smallest first offset of them; INT64_MAX */
    size_t *total; /* of all logs of the broker, some of which are on workers; NULL = no limit */
};

/* How a batch stands to what is known of its producer. */
struct producer_verdict {
    struct producer_batch duplicate; /* the batch that it repeats */
    bool is_duplicate;
    const char *message; /* why it was refused */
};

/* `total` stays as it is when the state is cleared. */
void producer_state_init(struct producer_state *state, size_t *total);
void producer_state_close(struct producer_state *state);
void producer_state_clear(struct producer_state *state);
/* Each gets what the other one has. Both count in the same total. */
void producer_state_exchange(struct producer_state *a, struct producer_state *b);
struct producer *producer_state_get(const struct producer_state *state, int64_t id);
/* -1 when it has sent no data batch in this epoch. */
int32_t producer_last_sequence(const struct producer *producer);

/* Whether the batch may be appended. With `sequences` false they are not looked at (our own
 * coordinators send none). ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, ERR_INVALID_PRODUCER_EPOCH;
 * ERR_INVALID_TXN_STATE: no transactional one, while the producer has a transaction open. */
int producer_state_check(const struct producer_state *state, const struct batch *batch,
                         bool sequences, struct producer_verdict *verdict) MUST_CHECK;
/* The same for a transaction marker. `bumped`: the coordinator raised the epoch for it
 * (transaction.version 2), so one of the producer's own epoch belongs to an earlier transaction,
 * unless it is that of the last one, sent once more. ERR_INVALID_PRODUCER_EPOCH,
 * ERR_TRANSACTION_COORDINATOR_FENCED. */
int producer_state_check_marker(const struct producer_state *state, const struct txn_marker *marker,
                                bool bumped, const char **message) MUST_CHECK;

/* What always holds; looks at every producer, so it is for tests. */
void producer_state_check_all(const struct producer_state *state);

/* Takes in an appended batch; the bytes of a control batch must be at hand. True when it has
 * ended a transaction, which `txn` (may be NULL) then tells. */
bool producer_state_take(struct producer_state *state, const struct batch *batch, int64_t now_ms,
                         struct producer_txn *txn);
/* Markers below the high watermark count. */
void producer_state_settle(struct producer_state *state, int64_t high_watermark);
/* Whether anything it knows lies at or past `offset`, so that cutting there needs a rebuild. */
bool producer_state_reaches(const struct producer_state *state, int64_t offset);
/* The first offset of the earliest open transaction; INT64_MAX when there is none. */
int64_t producer_state_first_open(const struct producer_state *state);
/* Of the latest open transaction; -1 when there is none. */
int64_t producer_state_last_open(const struct producer_state *state);
/* The first one, with those whose marker is not committed yet. */
int64_t producer_state_first_undecided(const struct producer_state *state);
/* Whether any marker is known: without, no transaction can have ended. */
bool producer_state_has_markers(const struct producer_state *state);
/* Forgets producers that were not seen for `expiration_ms` and have no open transaction. */
void producer_state_expire(struct producer_state *state, int64_t now_ms, int64_t expiration_ms);

/* Snapshot: int16 version 1, uint32 CRC-32C of what follows, int32 count, entries of 46 bytes, one
 * for each of a producer's last batches, the newest last. Kafka writes the newest only, and when it
 * reads keeps the last one of a producer; but with that alone, a producer that had several batches
 * in flight at a restart can't repeat them. ERR_NO_MEMORY. */
int producer_state_format(const struct producer_state *state, struct buf *out) MUST_CHECK;
/* Replaces the state. ERR_CORRUPT (then it is empty). */
int producer_state_parse(struct producer_state *state, const uint8_t *data, size_t len,
                         int64_t now_ms) MUST_CHECK;

#endif
