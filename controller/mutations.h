/* How fast clients may create and delete partitions (KIP-599): the quota controller_mutation_rate,
 * by a bucket of tokens for who shares it. The active controller keeps the buckets, which are no
 * metadata: another one begins with full ones. */
#ifndef CONTROLLER_MUTATIONS_H
#define CONTROLLER_MUTATIONS_H

#include "controller/decision.h"
#include "env/env.h"

struct mutations;

enum { MUTATIONS_BUCKETS_MAX = 10000 /* as many as brokers remember clients; below 2 MB */ };

/* A bucket holds what the rate brings in that time: controller.quota.window.num of
 * controller.quota.window.size.seconds. */
struct mutations *mutations_new(struct env *env, int64_t window_s);
void mutations_free(struct mutations *mutations);

/* The command under way creates or deletes so many partitions. False: its client has used up its
 * quota, and asked to be refused then (Command.strict); nothing is taken. Else they are taken, even
 * if there are not so many. How long the client should wait is in decision->throttle_ms. */
bool mutations_take(struct decision *decision, double partitions) MUST_CHECK;

#endif
