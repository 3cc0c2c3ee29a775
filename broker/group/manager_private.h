/* What the files of the coordinator share besides the public functions. */
#ifndef BROKER_GROUP_MANAGER_PRIVATE_H
#define BROKER_GROUP_MANAGER_PRIVATE_H

#include "broker/group/group_manager.h"
#include "broker/group/lister.h"
#include "broker/group/matcher.h"
#include "broker/group/shard.h"
#include "broker/group/sweep.h"

/* A topic as last seen. */
struct manager_topic {
    int32_t partitions;
};

struct group_manager {
    struct group_manager_deps deps;
    struct machine_deps machine_deps; /* of all shards */
    struct map shards;                /* partition -> struct shard */
    struct map topics;                /* topic id -> struct manager_topic, of every topic known */
    uint64_t topics_version;
    struct matcher *matcher;
    struct metadata_listener listener;
    struct sweep sweep;
    struct lister lister;
    int64_t bytes; /* charged by groups */
    bool full;     /* it was logged that there is no room */
};

/* By the settings of this broker, and the feature group.version of the cluster. */
bool group_manager_has_consumers(const struct group_manager *manager);

/* The shard that serves the group now: 0, ERR_INVALID_GROUP_ID, ERR_NOT_COORDINATOR (also as long
 * as there is no such topic), ERR_COORDINATOR_LOAD_IN_PROGRESS (also while the group is being
 * deleted). The empty id is one that only offsets may be stored under, as in Kafka. */
int group_manager_locate(struct group_manager *manager, struct wire_str group_id, bool allow_empty,
                         struct shard **shard) MUST_CHECK;

#endif
