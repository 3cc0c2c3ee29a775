/* Asks the coordinators of transactions whether partitions are in them, before their leaders take a
 * batch (KIP-890): otherwise a batch that comes late would join the next transaction, or one that
 * nobody ends. It may also have them added (transaction.version 2).
 *
 * What is asked in one turn of the loop goes to each coordinator as one request
 * (AddPartitionsToTxn v4+), and one is on its way to each at a time: what comes meanwhile goes with
 * the next, so that partitions of one transaction are added together. */
#ifndef BROKER_TXN_TXN_VERIFIER_H
#define BROKER_TXN_TXN_VERIFIER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "broker/txn/txn_manager.h"

struct broker_lines;
struct txn_verifier;

enum {
    TXN_VERIFIER_CALL_MAX = 1000, /* partitions of one request; the rest goes with the next */
    /* Of a request. A broker has read those of 8 KB whatever memory others hold, its clients'
     * batches that wait for just these answers included. A longer one, which is one question with a
     * very long name, waits for memory. */
    TXN_VERIFIER_BYTES_MAX = 7 << 10,
    TXN_VERIFIER_TIMEOUT_MS = 10000 /* below the 30 s that clients wait */
};

/* Borrowed, and outlives the verifier. The lines are its own: nobody else may hold it up. */
struct txn_verifier_deps {
    struct env *env;
    const struct metadata *metadata;
    struct broker_lines *lines;
    /* While a transaction can't take a partition, since the one before it is being ended, it is
     * asked again after retry_ms, for retry_max_ms in all: most clients wait longer than that. */
    int64_t retry_ms;
    int64_t retry_max_ms;
};

struct txn_verifier *txn_verifier_new(const struct txn_verifier_deps *deps);
/* Who waits is told ERR_COORDINATOR_NOT_AVAILABLE. */
void txn_verifier_free(struct txn_verifier *verifier);

/* Whether partitions are to ask about batches of producers that add their partitions themselves
 * (transaction.partition.verification.enable); at first they are. */
void txn_verifier_set_wanted(struct txn_verifier *verifier, bool wanted);
bool txn_verifier_is_wanted(const struct txn_verifier *verifier);

/* Embedded by who asks; zeroed memory is one that is not open. Slices stay until done or cancel. */
struct txn_verify {
    struct txn_producer producer;
    struct wire_str topic;
    int32_t partition;
    bool add; /* it becomes part of the transaction, which begins with it if none is open */
    /* Once, later on the loop. 0: it is in the open transaction. ERR_TRANSACTION_ABORTABLE or
     * ERR_INVALID_TXN_STATE: it is not. Else it is not known: ERR_INVALID_PRODUCER_ID_MAPPING,
     * ERR_PRODUCER_FENCED, ERR_CONCURRENT_TRANSACTIONS, other errors of a coordinator, and those of
     * a call of broker_lines. */
    void (*done)(struct txn_verify *verify, int err);
    /* May be NULL: the question goes out, for the first time or once more. What the caller keeps to
     * see whether the answer still counts is to begin anew: while the question waited, the
     * transaction before may have been ended. */
    void (*asking)(struct txn_verify *verify);
    /* May be NULL; with `add`. The answer is 0: whether it counts no more by what the caller kept,
     * since a marker of the producer came. The coordinator may have had the question wait for just
     * that marker. So it is asked again, within the same time; what is outdated to the end is
     * ERR_CONCURRENT_TRANSACTIONS. */
    bool (*outdated)(const struct txn_verify *verify);
    /* The rest is the verifier's. */
    bool open;
    int64_t asked_ms; /* env_now_ms */
    struct list link;
    struct verify_call *call; /* it is on its way; at this place of it */
    int32_t place;
};
void txn_verifier_ask(struct txn_verifier *verifier, struct txn_verify *verify);
/* Nothing happens to one that is not open. */
void txn_verify_cancel(struct txn_verify *verify);

#endif
