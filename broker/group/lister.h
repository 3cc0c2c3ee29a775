/* ListGroups in turns: one walk over the groups of all partitions at a time, requests behind each
 * other, so that neither many groups nor many who ask hold up the loop.
 *
 * A group that was there when its request's walk began is listed unless it goes meanwhile, and
 * once; one that is made meanwhile may be. */
#ifndef BROKER_GROUP_LISTER_H
#define BROKER_GROUP_LISTER_H

#include "base/list.h"
#include "env/env.h"

struct group_list;
struct group_manager;
struct shard;

enum { LISTER_STEPS = 2000 }; /* of one turn: groups and members looked at; some 2 ms */

struct lister {
    struct group_manager *manager;
    struct env_timer timer; /* the next turn */
    struct list waiting;    /* struct group_list; the first is being answered */
    bool running;           /* the first has begun */
    struct shard *shard;    /* where it is; NULL between two */
    int32_t next_shard;
    struct list *next;  /* in the shard's groups: what is still to be seen begins there */
    int64_t steps;      /* since the start: tests count them */
    int64_t most_steps; /* of one turn */
};

void lister_init(struct lister *lister, struct group_manager *manager);
/* Who waits still is told that there is no coordinator. */
void lister_close(struct lister *lister);
void lister_add(struct lister *lister, struct group_list *list);
/* The shard goes, or loads again: the walk goes on with the next one. */
void lister_leave(struct lister *lister, const struct shard *shard);
/* The group goes. */
void lister_skip(struct lister *lister, const struct list *group);

#endif
