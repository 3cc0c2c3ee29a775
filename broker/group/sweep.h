/* Takes away what nobody needs any more: offsets past their retention (KIP-211), offsets of deleted
 * topics, and groups of which nothing is left.
 *
 * One walk over all groups at a time, in slices, so that neither many groups nor many offsets hold
 * up the loop. It begins every offsets.retention.check.interval.ms, when topics were deleted, and
 * when a partition was loaded. What can't be written now is tried again in the next walk. */
#ifndef BROKER_GROUP_SWEEP_H
#define BROKER_GROUP_SWEEP_H

#include "base/list.h"
#include "broker/group/shard.h"
#include "env/env.h"
#include "env/steady_clock.h"

enum {
    SWEEP_STEPS = 4000,     /* of one turn: groups and offsets looked at; some 2 ms */
    SWEEP_TOMBSTONES = 1000 /* of one write: 70 kB */
};

struct sweep {
    struct group_manager *manager;
    struct steady_clock clock; /* for what expires */
    struct env_timer timer;    /* the next slice, or the next walk */
    bool running;
    bool again;          /* asked for while it runs: what was passed already must be looked at */
    struct shard *shard; /* where it is; NULL between two */
    int32_t next_shard;
    struct list mark; /* in the shard's list of groups: what is behind it is still to be seen */
    /* inside of one large group */
    size_t topic_cursor;
    size_t partition_cursor;
    bool inside;
    bool waiting;       /* for the tombstones of the slice before */
    int64_t steps;      /* since the start: tests count them */
    int64_t most_steps; /* of one turn */
};

void sweep_init(struct sweep *sweep, struct group_manager *manager);
void sweep_close(struct sweep *sweep);
/* Begins a walk in the next turn, or after the one that runs. */
void sweep_start(struct sweep *sweep);
/* The shard goes: the walk goes on with the next one. */
void sweep_leave(struct sweep *sweep, const struct shard *shard);

#endif
