/* A reader of committed records (isolation level read_committed, KIP-98): reads each partition from
 * whichever replica answers, leaves out what it is told was aborted, and now and then goes back,
 * also into the middle of a transaction. What it was shown once, or what was kept from it, must
 * stay so; what is shown goes into the book of transactions. */
#ifndef SIM_CLUSTER_COMMITTED_H
#define SIM_CLUSTER_COMMITTED_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

struct cluster_book;
struct cluster_committed;

/* The book outlives it. */
struct cluster_committed *cluster_committed_new(struct env *env, const int64_t *pause_ms,
                                                struct cluster_book *book);
/* NULL is nothing. */
void cluster_committed_free(struct cluster_committed *reader);
void cluster_committed_start(struct cluster_committed *reader);
void cluster_committed_stop(struct cluster_committed *reader);
/* From now on it only goes forward. */
void cluster_committed_catch_up(struct cluster_committed *reader);
/* Up to here it has read. */
int64_t cluster_committed_end(const struct cluster_committed *reader, int partition);
/* What it saw that must not be, in words; NULL when all is well. */
const char *cluster_committed_problem(const struct cluster_committed *reader);

#endif
