/* One partition of __consumer_offsets that this broker leads: the groups that live in it. A client
 * of broker/coordinator: what a group does is appended to the shard's machine and answered when it
 * is replicated. */
#ifndef BROKER_GROUP_SHARD_H
#define BROKER_GROUP_SHARD_H

#include "base/list.h"
#include "base/map.h"
#include "broker/coordinator/machine.h"
#include "broker/group/open_txns.h"
#include "broker/group/txn_guards.h"
#include "env/env.h"

struct group;
struct group_manager;

struct shard {
    struct machine machine;
    struct group_manager *manager;
    struct map groups; /* id -> struct group */
    struct open_txns open_txns;
    struct txn_guards guards; /* of commits whose transaction is asked about */
    struct list order;        /* the same groups, and the mark of the sweep */
    struct env_timer start_timer;
    struct list start_mark; /* in `order`: what is behind it has not been started */
    int64_t deaf_ms;        /* when it was last seen to answer nothing; -1 = never */
    int64_t stuck_ms;       /* the same of changes, and so of heartbeats of the consumer protocol */
};

/* For machine_deps. */
extern const struct machine_client shard_client;

struct shard *shard_new(struct group_manager *manager, int32_t index);
/* Unfinished operations are told `err`, then everything of the groups is forgotten. */
void shard_free(struct shard *shard, int err);

/* As machine_may_answer and machine_check. When not, members that ask are turned away, and it
 * remembers that. */
int shard_may_answer(struct shard *shard) MUST_CHECK;
int shard_may_change(struct shard *shard) MUST_CHECK;
/* A member has been silent for `limit_ms`: 0, or for how long it is to be waited for still, since
 * it was not heard for a part of that: it has all of the time again from then on. `changes`: what
 * it says is heard only while changes are taken. */
int64_t shard_patience_ms(struct shard *shard, int64_t limit_ms, bool changes);

/* The group, or NULL; shard_group makes it. */
struct group *shard_find(struct shard *shard, struct wire_str id);
struct group *shard_group(struct shard *shard, struct wire_str id);

#endif
