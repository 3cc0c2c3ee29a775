/* One row and one handler for each API that is served; the rules of handlers are those of
 * net/request.h. */
#ifndef BROKER_HANDLERS_HANDLERS_H
#define BROKER_HANDLERS_HANDLERS_H

#include "broker/net/api_table.h"

/* X(constant of kafka/api.h, name, knows): handle_NAME answers that API. One that `knows` may say
 * that a topic or a broker is not there: it waits until this broker has heard of the cluster. */
#define HANDLERS_LIST(X)                                                                           \
    X(PRODUCE, produce, false)                                                                     \
    X(FETCH, fetch, false)                                                                         \
    X(LIST_OFFSETS, list_offsets, false)                                                           \
    X(METADATA, metadata, true)                                                                    \
    X(OFFSET_COMMIT, offset_commit, false)                                                         \
    X(OFFSET_FETCH, offset_fetch, false)                                                           \
    X(FIND_COORDINATOR, find_coordinator, false)                                                   \
    X(JOIN_GROUP, join_group, false)                                                               \
    X(HEARTBEAT, heartbeat, false)                                                                 \
    X(LEAVE_GROUP, leave_group, false)                                                             \
    X(SYNC_GROUP, sync_group, false)                                                               \
    X(DESCRIBE_GROUPS, describe_groups, false)                                                     \
    X(LIST_GROUPS, list_groups, false)                                                             \
    X(API_VERSIONS, api_versions, false)                                                           \
    X(CREATE_TOPICS, create_topics, false)                                                         \
    X(DELETE_TOPICS, delete_topics, true)                                                          \
    X(DELETE_RECORDS, delete_records, false)                                                       \
    X(INIT_PRODUCER_ID, init_producer_id, false)                                                   \
    X(OFFSET_FOR_LEADER_EPOCH, offset_for_leader_epoch, false)                                     \
    X(DESCRIBE_CONFIGS, describe_configs, true)                                                    \
    X(ALTER_CONFIGS, alter_configs, true)                                                          \
    X(DESCRIBE_LOG_DIRS, describe_log_dirs, true)                                                  \
    X(CREATE_PARTITIONS, create_partitions, false)                                                 \
    X(DELETE_GROUPS, delete_groups, false)                                                         \
    X(ELECT_LEADERS, elect_leaders, false)                                                         \
    X(INCREMENTAL_ALTER_CONFIGS, incremental_alter_configs, true)                                  \
    X(ALTER_PARTITION_REASSIGNMENTS, alter_partition_reassignments, false)                         \
    X(LIST_PARTITION_REASSIGNMENTS, list_partition_reassignments, true)                            \
    X(OFFSET_DELETE, offset_delete, false)                                                         \
    X(DESCRIBE_QUORUM, describe_quorum, false)                                                     \
    X(DESCRIBE_CLUSTER, describe_cluster, true)                                                    \
    X(DESCRIBE_PRODUCERS, describe_producers, false)                                               \
    X(UNREGISTER_BROKER, unregister_broker, false)                                                 \
    X(CONSUMER_GROUP_HEARTBEAT, consumer_group_heartbeat, false)                                   \
    X(CONSUMER_GROUP_DESCRIBE, consumer_group_describe, false)                                     \
    X(LIST_CONFIG_RESOURCES, list_config_resources, true)                                          \
    X(DESCRIBE_TOPIC_PARTITIONS, describe_topic_partitions, true)

#define HANDLERS_PROTOTYPE(constant, name, knows) void handle_##name(struct request *request);
HANDLERS_LIST(HANDLERS_PROTOTYPE)
#undef HANDLERS_PROTOTYPE

/* What a server is given (net/server.h). */
extern const struct api_table handlers_table;

#endif
