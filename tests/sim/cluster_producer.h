/* The idempotent producer of a simulated cluster: for each partition a producer id, acks=all, five
 * batches in flight, and every batch is sent again, in order, until it is acknowledged. So at the
 * end each batch must be in the log once, in order, at the offset that was answered (KIP-98). */
#ifndef SIM_CLUSTER_PRODUCER_H
#define SIM_CLUSTER_PRODUCER_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

struct batch;
struct cluster;
struct cluster_producer;

struct cluster_producer *cluster_producer_new(struct cluster *cluster, struct env *env,
                                              const int64_t *pause_ms);
/* NULL is nothing. */
void cluster_producer_free(struct cluster_producer *producer);
void cluster_producer_start(struct cluster_producer *producer);
/* Makes no new batches; goes on with those that it has. */
void cluster_producer_drain(struct cluster_producer *producer);
/* Everything made is acknowledged. */
bool cluster_producer_idle(const struct cluster_producer *producer);
void cluster_producer_stop(struct cluster_producer *producer);
int64_t cluster_producer_acked_in(const struct cluster_producer *producer, int partition);

/* One walk over a log, starting from zeros. */
struct cluster_producer_tally {
    int64_t next; /* number of the batch that must come next */
    const char *problem;
};
/* False when the batch is ours and not the one that must come next, at its offset. */
bool cluster_producer_check(const struct cluster_producer *producer, int partition,
                            const struct batch *batch, struct cluster_producer_tally *tally);
/* After the walk: all that is acknowledged was there, and no answer on the way was wrong. */
bool cluster_producer_whole(const struct cluster_producer *producer, int partition,
                            struct cluster_producer_tally *tally);

#endif
