/* The markers of one transaction that is being ended: to the leader of every partition that it
 * wrote to, until each has said that the marker is stored.
 *
 * A leader that is not there, or not any more, is asked again after a pause, longer each time, as
 * the metadata names it then. What belongs to a topic that was deleted is done. */
#ifndef BROKER_TXN_TXN_MARKERS_H
#define BROKER_TXN_TXN_MARKERS_H

#include <stdint.h>

struct txn;
struct txn_markers;

enum {
    TXN_MARKERS_CALL_MAX = 2000, /* partitions of one request: what a leader appends in one turn */
    TXN_MARKERS_TIMEOUT_MS = 30000,
    TXN_MARKERS_PAUSE_MS = 20, /* doubled by each failure, up to TXN_MARKERS_PAUSE_MAX_MS */
    TXN_MARKERS_PAUSE_MAX_MS = 1000
};

/* Of a transaction that is PREPARE_*: begins at the end of this turn of the loop. When all are
 * written it has the transaction completed (txn_complete). */
struct txn_markers *txn_markers_new(struct txn *txn);
void txn_markers_free(struct txn_markers *markers);
/* Nothing is sent any more, and no answer is heard. */
void txn_markers_stop(struct txn_markers *markers);
/* The transaction could not be completed: after a pause it is tried again. */
void txn_markers_again(struct txn_markers *markers);
/* Partitions whose marker is not known to be stored. */
int32_t txn_markers_left(const struct txn_markers *markers);

#endif
