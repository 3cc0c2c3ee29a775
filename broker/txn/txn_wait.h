/* Requests that wait until their transactional id is free.
 *
 * A client begins its next transaction while the markers of the one before are still on their way.
 * Told CONCURRENT_TRANSACTIONS it would come again after 20 ms or more; so it waits here for the
 * few milliseconds that it takes. It is asked anew then, as if it had only come now. */
#ifndef BROKER_TXN_TXN_WAIT_H
#define BROKER_TXN_TXN_WAIT_H

#include <stdbool.h>

#include "base/list.h"
#include "env/env.h"

struct txn;

enum {
    /* A client that asks for itself: what it sends meanwhile over the same connection waits, too.
     * Clients come again after 20 to 100 ms. */
    TXN_WAIT_MS = 100,
    /* A broker that asks for many producers: their answers wait together. */
    TXN_WAIT_BATCHED_MS = 10,
    /* Requests that wait for one id: a few brokers in the name of its one producer. */
    TXN_WAITS_MAX = 16
};

/* Embedded in a request; zeroed memory is one that does not wait and never did. */
struct txn_wait {
    struct list link; /* in the order in which they came */
    struct env_timer timer;
    void (*again)(struct txn_wait *wait);         /* the id may be free */
    void (*over)(struct txn_wait *wait, int err); /* it has waited long enough, or in vain */
};

/* False when too many wait for the id already, or its time is over. One that is asked again and
 * waits once more has what is left of its time. */
bool txn_wait(struct txn *txn, struct txn_wait *wait, int64_t wait_ms);
/* It waits no more. */
void txn_wait_end(struct txn_wait *wait);

/* ---- for the id ---- */

/* Takes all that wait from it; they are the caller's to ask again. */
void txn_waits_take(struct txn *txn, struct list *waits);
void txn_waits_ask(struct list *waits);
void txn_waits_refuse(struct txn *txn, int err);

#endif
