/* The consumer of a simulated cluster: reads each partition from whichever replica answers, leader
 * or follower, and now and then again from somewhere before; once by itself, and once together with
 * the others in fetch sessions. What it saw once must be the same for ever. */
#ifndef SIM_CLUSTER_CONSUMER_H
#define SIM_CLUSTER_CONSUMER_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

struct batch;
struct cluster_consumer;

struct cluster_consumer *cluster_consumer_new(struct env *env, const int64_t *pause_ms);
/* NULL is nothing. */
void cluster_consumer_free(struct cluster_consumer *consumer);
void cluster_consumer_start(struct cluster_consumer *consumer);
void cluster_consumer_stop(struct cluster_consumer *consumer);
/* From now on it only goes forward. */
void cluster_consumer_catch_up(struct cluster_consumer *consumer);
/* Up to here it has read it in both ways. */
int64_t cluster_consumer_end(const struct cluster_consumer *consumer, int partition);
/* What it saw that must not be, in words; NULL when all is well. */
const char *cluster_consumer_problem(const struct cluster_consumer *consumer);
/* Batches that it has seen. */
int64_t cluster_consumer_seen_in(const struct cluster_consumer *consumer, int partition);
/* A batch of a log: false when it was another one that was seen there; *found counts. */
bool cluster_consumer_check(const struct cluster_consumer *consumer, int partition,
                            const struct batch *batch, int64_t *found);

#endif
