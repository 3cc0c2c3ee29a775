/* Members of the consumer protocol as a client keeps them, in a world of the test's own. */
#ifndef SIM_GROUP_PEER_H
#define SIM_GROUP_PEER_H

#include "../unit/tap.h"

#include "group_world.h"

static struct group_world world;

/* A member as a client keeps it. */
struct peer {
    char id[GROUP_WORLD_TEXT];
    const char *instance;
    int32_t epoch;
    uint64_t owned[2];
    uint64_t held[2]; /* and what it was told to give up and reads on until its next heartbeat */
    bool told;        /* the next heartbeat says what it owns */
};

static const uint64_t nothing[2];

static inline struct group_world_beat *answered(struct group_world_beat *beat)
{
    CHECK(group_world_until(&world, &beat->done, 1000));
    return beat;
}

/* What the client does with an answer: takes over the assignment, and says so with the next one. */
static inline void peer_take(struct peer *peer, const struct group_world_beat *beat)
{
    peer->epoch = beat->epoch;
    peer->told = false;
    if (!beat->has_assignment)
        return;
    peer->told = memcmp(peer->owned, beat->assigned, sizeof(peer->owned)) != 0;
    memcpy(peer->owned, beat->assigned, sizeof(peer->owned));
    peer->held[0] |= peer->owned[0];
    peer->held[1] |= peer->owned[1];
}

static inline struct group_world_beat *peer_join(struct peer *peer, const char *name,
                                                 const char *topics)
{
    memset(peer, 0, sizeof(*peer));
    snprintf(peer->id, sizeof(peer->id), "%s", name);
    struct group_world_beat *beat =
        answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = name, .topics = topics,
                                  .owned = nothing, .rebalance_ms = 20000));
    if (!beat->err)
        peer_take(peer, beat);
    return beat;
}

static inline struct group_world_beat *peer_beat(struct peer *peer)
{
    memcpy(peer->held, peer->owned, sizeof(peer->held));
    struct group_world_beat *beat = answered(
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = peer->id, .epoch = peer->epoch,
                         .instance = peer->instance, .owned = peer->told ? peer->owned : NULL));
    if (!beat->err)
        peer_take(peer, beat);
    return beat;
}

static inline int count(uint64_t bits)
{
    return __builtin_popcountll(bits);
}

static inline struct group_world_beat *join_static(struct peer *peer, const char *id,
                                                   const char *instance)
{
    memset(peer, 0, sizeof(*peer));
    snprintf(peer->id, sizeof(peer->id), "%s", id);
    peer->instance = instance;
    struct group_world_beat *beat =
        answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = id, .instance = instance,
                                  .topics = "t", .owned = nothing, .rebalance_ms = 1000));
    if (!beat->err)
        peer_take(peer, beat);
    return beat;
}

#endif
