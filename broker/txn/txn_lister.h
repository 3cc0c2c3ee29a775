/* ListTransactions in turns of the loop: one walk over the ids of all partitions at a time,
 * requests behind each other, so that neither many ids nor many who ask hold up the loop. An
 * expression for ids (v2+) is compiled and matched on the worker pool, by the engine with limits
 * that the expressions of groups have. */
#ifndef BROKER_TXN_TXN_LISTER_H
#define BROKER_TXN_TXN_LISTER_H

#include "broker/txn/txn_walk.h"
#include "env/env.h"

struct txn_list;
struct txn_match;

enum {
    TXN_LISTER_STEPS = 2000, /* ids of one turn: a millisecond or so */
    TXN_LISTER_SLICE = 16    /* ids that a worker matches in one job: 0.2 s at the very worst */
};

struct txn_lister {
    struct txn_walk walk;
    struct env_timer timer;  /* the next turn */
    struct list waiting;     /* struct txn_list; the first is being answered */
    bool walking;            /* the first has begun */
    struct txn_match *match; /* it is matched against an expression: then nothing else runs */
    int32_t seen;            /* of what is listed, by the expression */
    int32_t kept;            /* of those, at the front of the list */
    int64_t most_steps;      /* of one turn: tests look at it */
};

void txn_lister_init(struct txn_lister *lister, struct txn_manager *manager);
/* Who waits still is told that there is no coordinator. */
void txn_lister_close(struct txn_lister *lister);
void txn_lister_add(struct txn_lister *lister, struct txn_list *list);

#endif
