/* What the parts of this folder stand on, and whom they tell of leaders. Made by the broker. */
#ifndef BROKER_REPLICA_REPLICA_DEPS_H
#define BROKER_REPLICA_REPLICA_DEPS_H

#include "base/logger.h"
#include "broker/cluster/controller_channel.h"
#include "broker/cluster/live_settings.h"
#include "broker/cluster/metadata.h"
#include "config/config.h"
#include "env/env.h"

struct log_manager;

/* Everything is borrowed and outlives the replica manager. */
struct replica_deps {
    struct env *env;
    struct logger *logger;
    struct logger *role_logger; /* for what comes once a partition */
    const struct config *config;
    struct live_settings *live;
    int32_t node_id;
    struct metadata *metadata;
    struct controller_channel *channel;
    struct log_manager *logs;
    /* May be NULL: a partition became ours to lead (or stopped to be). */
    void (*leader_changed)(void *data, const char *topic, int32_t index, bool leader);
    void *data;
};

#endif
