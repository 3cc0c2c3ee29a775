/* One row and one handler for each API that is served; the rules of handlers are those of
 * net/request.h. */
#ifndef BROKER_HANDLERS_HANDLERS_H
#define BROKER_HANDLERS_HANDLERS_H

#include "broker/net/api_table.h"

/* X(constant of kafka/api.h, name, knows, operation, resource): handle_NAME answers that API. One
 * that `knows` may say that a topic or a broker is not there: it waits until this broker has heard
 * of the cluster. Operation and resource (kafka/acl.h) are what Kafka authorises it by. Where it
 * asks for several, they are those that concern the whole request, or most of it: what else it
 * touches (the topics of a commit, single resources whose settings change) is not named here. */
#define HANDLERS_LIST(X)                                                                           \
    X(PRODUCE, produce, false, WRITE, TOPIC)                                                       \
    X(FETCH, fetch, false, READ, TOPIC)                                                            \
    X(LIST_OFFSETS, list_offsets, false, DESCRIBE, TOPIC)                                          \
    X(METADATA, metadata, true, DESCRIBE, TOPIC)                                                   \
    X(OFFSET_COMMIT, offset_commit, false, READ, GROUP)                                            \
    X(OFFSET_FETCH, offset_fetch, false, DESCRIBE, GROUP)                                          \
    X(FIND_COORDINATOR, find_coordinator, false, DESCRIBE, GROUP)                                  \
    X(JOIN_GROUP, join_group, false, READ, GROUP)                                                  \
    X(HEARTBEAT, heartbeat, false, READ, GROUP)                                                    \
    X(LEAVE_GROUP, leave_group, false, READ, GROUP)                                                \
    X(SYNC_GROUP, sync_group, false, READ, GROUP)                                                  \
    X(DESCRIBE_GROUPS, describe_groups, false, DESCRIBE, GROUP)                                    \
    X(LIST_GROUPS, list_groups, false, DESCRIBE, CLUSTER)                                          \
    X(API_VERSIONS, api_versions, false, NONE, NONE)                                               \
    X(CREATE_TOPICS, create_topics, false, CREATE, CLUSTER)                                        \
    X(DELETE_TOPICS, delete_topics, true, DELETE, TOPIC)                                           \
    X(DELETE_RECORDS, delete_records, false, DELETE, TOPIC)                                        \
    X(INIT_PRODUCER_ID, init_producer_id, false, IDEMPOTENT_WRITE, CLUSTER)                        \
    X(OFFSET_FOR_LEADER_EPOCH, offset_for_leader_epoch, false, DESCRIBE, TOPIC)                    \
    X(DESCRIBE_CONFIGS, describe_configs, true, DESCRIBE_CONFIGS, CLUSTER)                         \
    X(ALTER_CONFIGS, alter_configs, true, ALTER_CONFIGS, CLUSTER)                                  \
    X(ALTER_REPLICA_LOG_DIRS, alter_replica_log_dirs, true, ALTER, CLUSTER)                        \
    X(DESCRIBE_LOG_DIRS, describe_log_dirs, true, DESCRIBE, CLUSTER)                               \
    X(CREATE_PARTITIONS, create_partitions, false, ALTER, TOPIC)                                   \
    X(DELETE_GROUPS, delete_groups, false, DELETE, GROUP)                                          \
    X(ELECT_LEADERS, elect_leaders, false, ALTER, CLUSTER)                                         \
    X(INCREMENTAL_ALTER_CONFIGS, incremental_alter_configs, true, ALTER_CONFIGS, CLUSTER)          \
    X(ALTER_PARTITION_REASSIGNMENTS, alter_partition_reassignments, false, ALTER, CLUSTER)         \
    X(LIST_PARTITION_REASSIGNMENTS, list_partition_reassignments, true, DESCRIBE, CLUSTER)         \
    X(OFFSET_DELETE, offset_delete, false, DELETE, GROUP)                                          \
    X(DESCRIBE_CLIENT_QUOTAS, describe_client_quotas, true, DESCRIBE_CONFIGS, CLUSTER)             \
    X(ALTER_CLIENT_QUOTAS, alter_client_quotas, false, ALTER_CONFIGS, CLUSTER)                     \
    X(DESCRIBE_USER_SCRAM_CREDENTIALS, describe_user_scram_credentials, false, DESCRIBE, CLUSTER)  \
    X(ALTER_USER_SCRAM_CREDENTIALS, alter_user_scram_credentials, false, ALTER, CLUSTER)           \
    X(DESCRIBE_QUORUM, describe_quorum, false, DESCRIBE, CLUSTER)                                  \
    X(DESCRIBE_CLUSTER, describe_cluster, false, DESCRIBE, CLUSTER)                                \
    X(DESCRIBE_PRODUCERS, describe_producers, false, READ, TOPIC)                                  \
    X(UNREGISTER_BROKER, unregister_broker, false, ALTER, CLUSTER)                                 \
    X(CONSUMER_GROUP_HEARTBEAT, consumer_group_heartbeat, false, READ, GROUP)                      \
    X(CONSUMER_GROUP_DESCRIBE, consumer_group_describe, false, DESCRIBE, GROUP)                    \
    X(GET_TELEMETRY_SUBSCRIPTIONS, get_telemetry_subscriptions, false, NONE, NONE)                 \
    X(PUSH_TELEMETRY, push_telemetry, false, NONE, NONE)                                           \
    X(LIST_CONFIG_RESOURCES, list_config_resources, true, DESCRIBE_CONFIGS, CLUSTER)               \
    X(DESCRIBE_TOPIC_PARTITIONS, describe_topic_partitions, true, DESCRIBE, TOPIC)                 \
    X(ADD_RAFT_VOTER, add_raft_voter, false, ALTER, CLUSTER)                                       \
    X(REMOVE_RAFT_VOTER, remove_raft_voter, false, ALTER, CLUSTER)                                 \
    X(ADD_PARTITIONS_TO_TXN, add_partitions_to_txn, false, WRITE, TRANSACTIONAL_ID)                \
    X(ADD_OFFSETS_TO_TXN, add_offsets_to_txn, false, WRITE, TRANSACTIONAL_ID)                      \
    X(END_TXN, end_txn, false, WRITE, TRANSACTIONAL_ID)                                            \
    X(WRITE_TXN_MARKERS, write_txn_markers, false, CLUSTER_ACTION, CLUSTER)                        \
    X(TXN_OFFSET_COMMIT, txn_offset_commit, false, READ, GROUP)                                    \
    X(UPDATE_FEATURES, update_features, false, ALTER, CLUSTER)                                     \
    X(DESCRIBE_TRANSACTIONS, describe_transactions, false, DESCRIBE, TRANSACTIONAL_ID)             \
    X(LIST_TRANSACTIONS, list_transactions, false, DESCRIBE, TRANSACTIONAL_ID)                     \
    X(UNREGISTER_CONTROLLER, unregister_controller, false, ALTER, CLUSTER)

#define HANDLERS_PROTOTYPE(constant, name, ...) void handle_##name(struct request *request);
HANDLERS_LIST(HANDLERS_PROTOTYPE)

/* What is served at the controller's listener, too: what Kafka serves there (KIP-919). These
 * handlers use no more of a broker than broker/door.c makes. X(constant, key), the latter as it is
 * given. */
#define HANDLERS_CONTROLLER_LIST(X, key)                                                           \
    X(API_VERSIONS, key)                                                                           \
    X(CREATE_TOPICS, key)                                                                          \
    X(DELETE_TOPICS, key)                                                                          \
    X(DESCRIBE_CONFIGS, key)                                                                       \
    X(ALTER_CONFIGS, key)                                                                          \
    X(CREATE_PARTITIONS, key)                                                                      \
    X(ELECT_LEADERS, key)                                                                          \
    X(INCREMENTAL_ALTER_CONFIGS, key)                                                              \
    X(ALTER_PARTITION_REASSIGNMENTS, key)                                                          \
    X(LIST_PARTITION_REASSIGNMENTS, key)                                                           \
    X(DESCRIBE_CLIENT_QUOTAS, key)                                                                 \
    X(ALTER_CLIENT_QUOTAS, key)                                                                    \
    X(DESCRIBE_USER_SCRAM_CREDENTIALS, key)                                                        \
    X(ALTER_USER_SCRAM_CREDENTIALS, key)                                                           \
    X(DESCRIBE_QUORUM, key)                                                                        \
    X(UPDATE_FEATURES, key)                                                                        \
    X(DESCRIBE_CLUSTER, key)                                                                       \
    X(UNREGISTER_BROKER, key)                                                                      \
    X(UNREGISTER_CONTROLLER, key)                                                                  \
    X(ADD_RAFT_VOTER, key)                                                                         \
    X(REMOVE_RAFT_VOTER, key)

/* And what is served there alone. */
#define HANDLERS_QUORUM_LIST(X)                                                                    \
    X(UPDATE_RAFT_VOTER, update_raft_voter, false, CLUSTER_ACTION, CLUSTER)

HANDLERS_QUORUM_LIST(HANDLERS_PROTOTYPE)
#undef HANDLERS_PROTOTYPE

/* What a server is given (net/server.h): that of a broker, and that of the controller's listener.
 */
extern const struct api_table handlers_table, handlers_controller_table;
/* The one by which the request came. */
const struct api_table *handlers_table_of(const struct request *request);

#endif
