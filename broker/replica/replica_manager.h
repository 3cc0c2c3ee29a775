/* All replicas of this broker: finds them, opens and closes them as the metadata says, hands
 * followers to the fetcher of their leader, and proposals for in-sync sets to isr_proposals.h. */
#ifndef BROKER_REPLICA_REPLICA_MANAGER_H
#define BROKER_REPLICA_REPLICA_MANAGER_H

#include "base/buf.h"
#include "broker/replica/replica_deps.h"

struct partitions;
struct replica_manager;

struct replica_manager *replica_manager_new(const struct replica_deps *deps);
/* Operations that are under way end with ERR_NOT_LEADER_OR_FOLLOWER; what workers look at was ended
 * by log_manager_end_waits. */
void replica_manager_free(struct replica_manager *manager);
/* controller_channel_may_serve is true again: what was held back goes on. */
void replica_manager_resume(struct replica_manager *manager);
/* The controller has registered us, and the log directories have noted the broker epoch. */
void replica_manager_registered(struct replica_manager *manager);

/* What operations on partitions go through (partition_ops.h); it ends with the manager. */
struct partitions *replica_manager_partitions(const struct replica_manager *manager);
size_t replica_manager_count(const struct replica_manager *manager);
/* Appends what replication holds, for people. */
void replica_manager_summarise(const struct replica_manager *manager, struct buf *out);

/* Whether the metadata has reached our own registration: before that, what it says of our id was
 * said of an earlier process. */
bool replica_manager_is_current(const struct replica_manager *manager);

/* When (env_now_ms) the line to a broker that we follow broke and has not come up again; 0: it is
 * up, or we follow none of its partitions. */
int64_t replica_manager_lost_ms(const struct replica_manager *manager, int32_t broker_id);

#endif
