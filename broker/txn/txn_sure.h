/* Proof that this broker still coordinates, for answers that are told from memory and are final.
 *
 * A broker that was cut off, or stood still, may have been succeeded without having heard of it. No
 * change that it answers is in danger: it is replicated first. But what memory says may be old: a
 * producer that got its epoch from the successor would be told that it is fenced, give up, and
 * leave its transaction open until its time is over. So a request that would be refused for good,
 * or told that all is done already, waits until a record of nobody is replicated, and is looked at
 * again. We led after it had come then. What comes meanwhile waits for the next one, so there is
 * one at a time, however many ask.
 *
 * The record is a tombstone of the empty id, which no producer can have: loads pass it over, here
 * and in Kafka, and compaction leaves one. An epoch that is lower than the one in memory needs no
 * proof, since epochs never go back. */
#ifndef BROKER_TXN_TXN_SURE_H
#define BROKER_TXN_TXN_SURE_H

#include <stdbool.h>

#include "base/list.h"
#include "broker/coordinator/machine.h"

struct txn_shard;

/* Of a shard. */
struct txn_proof {
    struct machine_write write;
    struct list next;    /* struct txn_sure that wait for the next record */
    struct list written; /* for the one that is on its way; none is while it is empty */
};

/* Embedded in a request; zeroed memory is one that has not asked yet. */
struct txn_sure {
    struct list link;
    bool asked;
    /* Once. 0: look again, the answer counts now. Otherwise what the request is told: an error of a
     * coordinator. May come before txn_sure_asks returns. */
    void (*done)(struct txn_sure *sure, int err);
};

void txn_proof_init(struct txn_proof *proof);
/* Nobody may wait any more. */
void txn_proof_close(struct txn_proof *proof);

/* True: the request waits, or has been told. It asks once: false from then on. */
bool txn_sure_asks(struct txn_shard *shard, struct txn_sure *sure,
                   void (*done)(struct txn_sure *sure, int err));

#endif
