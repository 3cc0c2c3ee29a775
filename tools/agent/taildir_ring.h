/* The latest positions of a taildir source, beside its position file: written with each batch and
 * never synced, so that a kill -9 costs no lines twice. After a start of the machine they count for
 * nothing, since they may be older than the position file then. */
#ifndef AGENT_TAILDIR_RING_H
#define AGENT_TAILDIR_RING_H

#include "tools/agent/taildir_positions.h"

struct taildir_ring;

/* The file `path`, which is made if it is absent. What it knows goes into the positions. NULL where
 * it can't be written: there is none then. */
struct taildir_ring *taildir_ring_open(struct env *env, const char *path,
                                       struct taildir_positions *positions);
void taildir_ring_close(struct taildir_ring *ring); /* NULL is nothing */
/* False when it can't be written. */
bool taildir_ring_add(struct taildir_ring *ring, const struct taildir_position *position);

#endif
