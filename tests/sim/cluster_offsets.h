/* Asks again and again where the groups of the transactional ids are, with and without waiting for
 * transactions that are open (require_stable, KIP-447), and holds it against the book. */
#ifndef SIM_CLUSTER_OFFSETS_H
#define SIM_CLUSTER_OFFSETS_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

struct cluster_book;
struct cluster_offsets;

/* The book outlives it. */
struct cluster_offsets *cluster_offsets_new(struct env *env, const int64_t *pause_ms,
                                            struct cluster_book *book);
/* NULL is nothing. */
void cluster_offsets_free(struct cluster_offsets *offsets);
void cluster_offsets_start(struct cluster_offsets *offsets);
/* Every group is where the book says that it must be. */
bool cluster_offsets_fit(const struct cluster_offsets *offsets);
/* Prints where each group is and must be. */
void cluster_offsets_tell(const struct cluster_offsets *offsets);
/* What it saw that must not be, in words; NULL when all is well. */
const char *cluster_offsets_problem(const struct cluster_offsets *offsets);

#endif
