/* Throttles of replication (KIP-73): what replicas that are not in sync copy is held to a rate, so
 * that a move of replicas leaves room for clients. One for what this broker leads and sends, one
 * for what it follows and asks for; a topic says which of its replicas they are for
 * (leader.replication.throttled.replicas, follower.*), the broker how fast (*.rate). In-sync
 * replicas are never held back, nor is their share counted.
 *
 * An allowance grows with time at the rate; what is copied is taken from it, and it may become
 * negative: a first batch comes whole. So the mean is the rate, whatever the batches are. What was
 * not used for replication.quota.window.size.seconds / replication.quota.window.num is lost: no
 * burst after a pause. */
#ifndef BROKER_REPLICA_REPLICA_THROTTLE_H
#define BROKER_REPLICA_REPLICA_THROTTLE_H

#include "broker/replica/replica_manager_private.h"

/* A rate, and what it allows now; times are of env_now_us. */
struct throttle_rate {
    int64_t rate;  /* bytes a second; INT64_MAX = none */
    int64_t burst; /* the most that is kept */
    int64_t left;  /* what may be copied now; negative after a batch that was larger */
    int64_t since_us;
};

enum { THROTTLE_RATE_MAX = 1 << 30 }; /* KiB a second: a faster one counts as none */

void throttle_rate_set(struct throttle_rate *throttle, int64_t rate, int64_t window_us,
                       int64_t now_us);
bool throttle_rate_is_set(const struct throttle_rate *throttle);
/* How many bytes may be copied now; 0 = none, SIZE_MAX = any number. */
size_t throttle_rate_allows(struct throttle_rate *throttle, int64_t now_us);
void throttle_rate_take(struct throttle_rate *throttle, size_t bytes);
/* In how many ms, at least 1, a copy is worth while again, when `taken` bytes are still to be taken
 * from what is left. */
int64_t throttle_rate_wait_ms(const struct throttle_rate *throttle, size_t taken);

struct replica_throttle;

struct replica_throttle *replica_throttle_new(struct replica_manager *manager);
/* No partition waits any more. */
void replica_throttle_free(struct replica_throttle *throttle);

/* Whether a topic's setting is one of the two lists of throttled replicas. */
bool replica_throttle_is_list(const char *key);
/* The topic's lists may be others, or it has a new partition here. Its lists are read at the end of
 * the frame, once for all of its partitions: they may be long. */
void replica_throttle_note(struct replica_throttle *throttle, const struct uuid *topic_id);
/* The end of the frame: each partition of those topics here is told whether it is listed. */
void replica_throttle_settle(struct replica_throttle *throttle);

/* Of a leader's answer to the replica, which has `taken` throttled bytes in it already: how many
 * more may be read; SIZE_MAX: as many as there are. 0: the partition's interests are told
 * (PARTITION_CHANGED_END) when that changes. */
size_t replica_throttle_for_read(struct replica_throttle *throttle, struct partition *partition,
                                 int32_t replica_id, size_t taken);
/* So many bytes of that were sent. */
void replica_throttle_sent(struct replica_throttle *throttle, size_t bytes);

/* Whether what we copy of the partition is held to a rate now. */
bool replica_throttle_holds(const struct replica_throttle *throttle,
                            const struct partition *partition);
/* The rate of all that we copy of such partitions. */
struct throttle_rate *replica_throttle_of_follower(struct replica_throttle *throttle);

#endif
