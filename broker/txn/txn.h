/* One transactional id: its producer, and the transaction that it is in.
 *
 *                 +------------------+   add     +---------+  end     +-----------------+
 *   NEW --> EMPTY | COMPLETE_COMMIT  | --------> | ONGOING | -------> | PREPARE_COMMIT  |
 *            ^    | COMPLETE_ABORT   |           +---------+          | PREPARE_ABORT   |
 *            |    +------------------+             |  late, or fenced  +-----------------+
 *            |       |       |   ^                 v                      ^         |
 *            +-------+       |   |        PREPARE_EPOCH_FENCE ------------+         | all markers
 *             a producer     v   +--------------------------------------------------+ are written
 *             begins anew   DEAD, when it expires
 *
 * What is stored is the state: it moves when the record that says so is replicated and replayed,
 * for a new coordinator as for this one. Two states are only here, and stop all others meanwhile:
 * PREPARE_EPOCH_FENCE (the producer is fenced, the abort that says so is not stored yet) and DEAD
 * (the tombstone is on its way). One write of an id is on its way at a time; what comes meanwhile
 * waits (txn_wait.h), or is told CONCURRENT_TRANSACTIONS and comes again. By transaction.version 2
 * a producer may abort when nothing is open, too: EMPTY and COMPLETE_* -> PREPARE_ABORT. Sources:
 * KIP-98, KIP-360, KIP-890. */
#ifndef BROKER_TXN_TXN_H
#define BROKER_TXN_TXN_H

#include "base/list.h"
#include "broker/coordinator/machine.h"
#include "broker/txn/txn_partitions.h"

struct txn_markers;
struct txn_record;
struct txn_shard;
struct txn_producer;

/* Kafka's byte for each, in a record, is one less; NEW has none. */
enum txn_state {
    TXN_NEW, /* just made: its first record is on its way, or was read and not looked at yet */
    TXN_EMPTY,
    TXN_ONGOING,
    TXN_PREPARE_COMMIT,
    TXN_PREPARE_ABORT,
    TXN_COMPLETE_COMMIT,
    TXN_COMPLETE_ABORT,
    TXN_DEAD,
    TXN_PREPARE_EPOCH_FENCE,
    TXN_STATES
};

enum {
    TXN_ID_MAX = INT16_MAX, /* bytes: what the key of a record can hold */
    TXN_NO_EPOCH = -1,
    TXN_NO_PRODUCER = -1,
    TXN_KEY_TYPE = 0, /* of its records */
    /* The last epoch that a producer gets: one more is left for fencing it. */
    TXN_EPOCH_MAX = INT16_MAX - 1,
    /* The transaction.version from which each end raises the epoch (KIP-890). */
    TXN_VERSION_BUMPS = 2,
    /* A record that names partitions keeps so much room for what it will say later on. */
    TXN_RECORD_SLACK = 64
};

/* What a record says. */
struct txn_value {
    int64_t producer_id;
    int64_t next_producer_id; /* when the end that is prepared is complete; -1: the same */
    int16_t epoch;
    int16_t
        version; /* transaction.version by which the producer acts; 0 where a record is silent */
    int32_t timeout_ms;
    int64_t start_ms;  /* wall clock, of the transaction; -1: there is none */
    int64_t update_ms; /* wall clock, of the record */
    struct txn_partitions partitions;
};

struct txn {
    enum txn_state state;
    struct txn_shard *shard;
    char *id;
    int32_t id_len;
    struct list link; /* in the shard's order */
    struct txn_value value;
    enum txn_state stored; /* what the newest record says */
    /* What the producer was before: so that its request can be told from an older producer's when
     * the answer to it was lost. -1: not known (a new coordinator does not learn the epoch). */
    int64_t last_producer_id;
    int16_t last_epoch;
    /* The transaction was added to over a connection that was accepted then, monotonic; the newest
     * one counts. In one that was loaded: when that was. 0: not known. */
    int64_t opened_us;
    struct list waits;           /* struct txn_wait */
    struct txn_record *record;   /* on its way to the log; most ids have none: see txn.c */
    struct env_timer timer;      /* ONGOING: its time is over; PREPARE_EPOCH_FENCE: again */
    struct txn_markers *markers; /* PREPARE_*: what is still to be written; else NULL */
    int64_t charged;
};

const char *txn_state_name(enum txn_state state);
/* The name as Kafka tells it: "Ongoing". */
const char *txn_state_title(enum txn_state state);

struct txn *txn_new(struct txn_shard *shard, struct wire_str id);
/* Not while a write is on its way: the machine ends it first. */
void txn_free(struct txn *txn);

static inline struct wire_str txn_id(const struct txn *txn)
{
    return (struct wire_str){txn->id, txn->id_len};
}

/* No transaction, and none is being ended. */
bool txn_is_idle(const struct txn *txn);
bool txn_is_preparing(const struct txn *txn);
/* A new producer can't get a higher epoch: it needs a new id. */
bool txn_epoch_is_used_up(const struct txn *txn);
/* Whether it is the one whose id it is now, or will be when the markers are written: 0,
 * ERR_INVALID_PRODUCER_ID_MAPPING or ERR_PRODUCER_FENCED. The last epoch of all is nobody's: a
 * fence uses it. */
int txn_check_producer(const struct txn *txn, const struct txn_producer *producer) MUST_CHECK;
/* Whether a producer that is refused stays so, whatever a coordinator that we do not know of may
 * have stored since: epochs never go back. Else the refusal is to be proven (txn_sure.h). */
bool txn_refusal_stays(const struct txn *txn, const struct txn_producer *producer);
/* What a request that would change it is told now: 0 or ERR_CONCURRENT_TRANSACTIONS. */
int txn_busy(const struct txn *txn) MUST_CHECK;

/* ---- writing ---- */

/* What the next record says: begins with what is so. The caller changes it, and closes it. */
struct txn_next {
    enum txn_state state;
    int64_t producer_id;
    int64_t previous_producer_id; /* this and the next: for records that can say it */
    int64_t next_producer_id;
    int16_t epoch;
    int16_t version; /* likewise */
    int32_t timeout_ms;
    int64_t start_ms;
    const struct txn_partitions *partitions; /* borrowed; NULL = none */
};

void txn_next_init(struct txn_next *next, const struct txn *txn, enum txn_state state);
/* 0: written(txn, waiter, err) comes later, after the record was replayed. Otherwise the error at
 * once. Only while no write is on its way. */
int txn_write(struct txn *txn, const struct txn_next *next,
              void (*written)(struct txn *txn, void *waiter, int err), void *waiter) MUST_CHECK;
/* As txn_write, of two records that are stored together: the end of a transaction is complete, and
 * the next one begins. */
int txn_write_both(struct txn *txn, const struct txn_next *completed, const struct txn_next *begun,
                   void (*written)(struct txn *txn, void *waiter, int err),
                   void *waiter) MUST_CHECK;
/* What the record that is on its way says it will be; TXN_NEW: none is. */
enum txn_state txn_writing_to(const struct txn *txn);
/* The tombstone; the id is freed when it is stored. */
int txn_write_tombstone(struct txn *txn) MUST_CHECK;

/* ---- events ---- */

/* A record of the log, of that id: when it is loaded, or stored. */
void txn_replay(struct txn *txn, const struct transaction_log_value *value);
/* Everything was read. It may free it. */
void txn_start(struct txn *txn);
/* The shard serves no more: timers and requests to other brokers end. */
void txn_stop(struct txn *txn);
/* ONGOING, and no write is on its way: the producer is fenced by a higher epoch, and the
 * transaction aborted, as often as it takes. */
void txn_fence(struct txn *txn);
/* PREPARE_*: every marker is written. ERR_x: it is tried again later by who asks. */
int txn_complete(struct txn *txn) MUST_CHECK;
/* The log did not take that, perhaps: it is tried again later if so. */
void txn_completed(struct txn *txn, int err);

#endif
