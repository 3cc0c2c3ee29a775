/* Members that mean harm to a group, its neighbours and their coordinator, by chance: subscriptions
 * that are huge or unreadable, slow expressions, assignments over every limit, claims in the names
 * of others, commits that nobody may make. They never use the id of another in its own epoch: to a
 * coordinator that would be the other one. Whom they keep from working, they do so only until their
 * sessions end. */
#ifndef SIM_GROUP_HOSTILE_H
#define SIM_GROUP_HOSTILE_H

#include "group_world.h"

struct group_hostile {
    struct group_world *world;
    const char *group; /* under attack */
    uint64_t next;     /* names a member or group */
    int taken;         /* so often one of them was a member */
    int refused;
    const char *problem; /* what was granted and may be granted to nobody; NULL = nothing was */
    struct list calls;   /* not answered yet */
    /* Before each request that may be given a part, and when it was: masks of "t" and "u". What the
     * first returns the second is told; not every request is. */
    void *(*asks)(void *data);
    void (*given)(void *ticket, int32_t epoch, uint64_t *masks);
    void *data;
};

/* All but the group, the world and the hooks; and when the world has gone. */
void group_hostile_init(struct group_hostile *hostile);
void group_hostile_close(struct group_hostile *hostile);
/* One harmful act by chance. `id` and `epoch` (or generation): those of some member. */
void group_hostile_act(struct group_hostile *hostile, const char *id, int32_t epoch);

#endif
