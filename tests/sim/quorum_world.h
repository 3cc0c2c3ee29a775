/* What the tests of a quorum that changes share: one world, and its rules, which are looked at
 * while it runs: one leader in a term, one cluster for ever. What breaks one is in `world.broken`.
 */
#ifndef SIM_QUORUM_WORLD_H
#define SIM_QUORUM_WORLD_H

#include "controller_world.h"

enum { SECOND = 1000 * 1000, MS = 1000 };

extern struct world world;
extern char quorum_cluster[64]; /* its id, once there is one */

/* The nodes are not started. */
void quorum_begin(uint64_t seed, int count);
/* Looks at the rules now. */
void quorum_look(void);
void quorum_run_for(int64_t us);
/* Who votes, as the active controller has it. */
int quorum_voters(void);
bool quorum_have_voters(int count, int64_t limit_us);
/* A person asks at that node for an addition or a removal, and waits for no answer. */
void quorum_change(int from, bool add, int id);
/* Of the active controller. */
struct consensus *quorum_active(void);
/* Whether it has that member there. */
bool quorum_knows_place(int32_t id, const char *host, uint32_t port);
/* Ends those that a disk error has stopped. */
void quorum_reap(void);
/* $SIM_SEEDS and $SIM_FIRST. */
uint64_t quorum_seeds(uint64_t usual);
uint64_t quorum_first(void);

#endif
