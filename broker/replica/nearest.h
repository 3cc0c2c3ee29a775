/* Which follower a consumer should read from: fetch from the nearest replica (KIP-392). The rules
 * are those of Kafka's RackAwareReplicaSelector, and of the leader that asks it. */
#ifndef BROKER_REPLICA_NEAREST_H
#define BROKER_REPLICA_NEAREST_H

#include "broker/replica/partition.h"

/* True: the consumer of args->rack, which came by args->listener, reads better from broker *id. It
 * is a live follower of that rack and listener, in sync, whose log has what is asked for. False
 * when there is none, when the leader is in the rack itself, and at a follower. */
bool nearest_find(const struct partition *partition, const struct partition_read_args *args,
                  int32_t *id);

#endif
