/* Takes away transactional ids that nobody has used for transactional.id.expiration.ms: one walk
 * over all of them every transaction.remove.expired.transaction.cleanup.interval.ms, in turns of
 * the loop. What can't be written now is met by the next walk. */
#ifndef BROKER_TXN_TXN_EXPIRY_H
#define BROKER_TXN_TXN_EXPIRY_H

#include "broker/txn/txn_walk.h"
#include "env/env.h"
#include "env/steady_clock.h"

enum {
    TXN_EXPIRY_STEPS = 2000,     /* ids looked at in one turn: a millisecond or so */
    TXN_EXPIRY_TOMBSTONES = 100, /* written in one turn */
    TXN_EXPIRY_PAUSE_MS = 10     /* and between two turns that wrote some */
};

struct txn_expiry {
    struct txn_walk walk;
    struct steady_clock clock;
    struct env_timer timer; /* the next turn, or the next walk */
    bool walking;
    int64_t written;    /* tombstones, in this walk */
    int64_t most_steps; /* of one turn: tests look at it */
};

void txn_expiry_init(struct txn_expiry *expiry, struct txn_manager *manager);
void txn_expiry_close(struct txn_expiry *expiry);
/* There is something to look at: the next walk comes after an interval, if none is planned. */
void txn_expiry_start(struct txn_expiry *expiry);

#endif
