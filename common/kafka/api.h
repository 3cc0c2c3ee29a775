/* The APIs of the Kafka protocol that Millrace knows: key, name, versions, messages.
 *
 * The versions are the union of what Kafka 3.9 and 4.4 answer, from 0. A broker's own table adds
 * the handlers; this one has what a client needs as well. */
#ifndef KAFKA_API_H
#define KAFKA_API_H

#include <stdint.h>

#include "wire/wire.h"

/* X(constant, key, name, messages, last version, first flexible version). InitProducerId 6 is left
 * out: it is unstable in 4.4 and no broker announces it unless told to. */
#define KAFKA_API_LIST(X)                                                                          \
    X(PRODUCE, 0, "Produce", produce, 13, 9)                                                       \
    X(FETCH, 1, "Fetch", fetch, 18, 12)                                                            \
    X(LIST_OFFSETS, 2, "ListOffsets", list_offsets, 11, 6)                                         \
    X(METADATA, 3, "Metadata", metadata, 13, 9)                                                    \
    X(OFFSET_COMMIT, 8, "OffsetCommit", offset_commit, 10, 8)                                      \
    X(OFFSET_FETCH, 9, "OffsetFetch", offset_fetch, 10, 6)                                         \
    X(FIND_COORDINATOR, 10, "FindCoordinator", find_coordinator, 6, 3)                             \
    X(JOIN_GROUP, 11, "JoinGroup", join_group, 9, 6)                                               \
    X(HEARTBEAT, 12, "Heartbeat", heartbeat, 4, 4)                                                 \
    X(LEAVE_GROUP, 13, "LeaveGroup", leave_group, 5, 4)                                            \
    X(SYNC_GROUP, 14, "SyncGroup", sync_group, 5, 4)                                               \
    X(DESCRIBE_GROUPS, 15, "DescribeGroups", describe_groups, 6, 5)                                \
    X(LIST_GROUPS, 16, "ListGroups", list_groups, 5, 3)                                            \
    X(SASL_HANDSHAKE, 17, "SaslHandshake", sasl_handshake, 1, WIRE_NEVER)                          \
    X(API_VERSIONS, 18, "ApiVersions", api_versions, 5, 3)                                         \
    X(CREATE_TOPICS, 19, "CreateTopics", create_topics, 7, 5)                                      \
    X(DELETE_TOPICS, 20, "DeleteTopics", delete_topics, 6, 4)                                      \
    X(DELETE_RECORDS, 21, "DeleteRecords", delete_records, 2, 2)                                   \
    X(INIT_PRODUCER_ID, 22, "InitProducerId", init_producer_id, 5, 2)                              \
    X(OFFSET_FOR_LEADER_EPOCH, 23, "OffsetForLeaderEpoch", offset_for_leader_epoch, 4, 4)          \
    X(ADD_PARTITIONS_TO_TXN, 24, "AddPartitionsToTxn", add_partitions_to_txn, 5, 3)                \
    X(ADD_OFFSETS_TO_TXN, 25, "AddOffsetsToTxn", add_offsets_to_txn, 4, 3)                         \
    X(END_TXN, 26, "EndTxn", end_txn, 5, 3)                                                        \
    X(WRITE_TXN_MARKERS, 27, "WriteTxnMarkers", write_txn_markers, 2, 1)                           \
    X(TXN_OFFSET_COMMIT, 28, "TxnOffsetCommit", txn_offset_commit, 6, 3)                           \
    X(DESCRIBE_CONFIGS, 32, "DescribeConfigs", describe_configs, 4, 4)                             \
    X(ALTER_CONFIGS, 33, "AlterConfigs", alter_configs, 2, 2)                                      \
    X(ALTER_REPLICA_LOG_DIRS, 34, "AlterReplicaLogDirs", alter_replica_log_dirs, 2, 2)             \
    X(DESCRIBE_LOG_DIRS, 35, "DescribeLogDirs", describe_log_dirs, 5, 2)                           \
    X(SASL_AUTHENTICATE, 36, "SaslAuthenticate", sasl_authenticate, 2, 2)                          \
    X(CREATE_PARTITIONS, 37, "CreatePartitions", create_partitions, 3, 2)                          \
    X(DELETE_GROUPS, 42, "DeleteGroups", delete_groups, 3, 2)                                      \
    X(ELECT_LEADERS, 43, "ElectLeaders", elect_leaders, 2, 2)                                      \
    X(INCREMENTAL_ALTER_CONFIGS, 44, "IncrementalAlterConfigs", incremental_alter_configs, 1, 1)   \
    X(ALTER_PARTITION_REASSIGNMENTS, 45, "AlterPartitionReassignments",                            \
      alter_partition_reassignments, 1, 0)                                                         \
    X(LIST_PARTITION_REASSIGNMENTS, 46, "ListPartitionReassignments",                              \
      list_partition_reassignments, 0, 0)                                                          \
    X(OFFSET_DELETE, 47, "OffsetDelete", offset_delete, 0, WIRE_NEVER)                             \
    X(DESCRIBE_CLIENT_QUOTAS, 48, "DescribeClientQuotas", describe_client_quotas, 1, 1)            \
    X(ALTER_CLIENT_QUOTAS, 49, "AlterClientQuotas", alter_client_quotas, 1, 1)                     \
    X(DESCRIBE_USER_SCRAM_CREDENTIALS, 50, "DescribeUserScramCredentials",                         \
      describe_user_scram_credentials, 0, 0)                                                       \
    X(ALTER_USER_SCRAM_CREDENTIALS, 51, "AlterUserScramCredentials", alter_user_scram_credentials, \
      0, 0)                                                                                        \
    X(DESCRIBE_QUORUM, 55, "DescribeQuorum", describe_quorum, 2, 0)                                \
    X(UPDATE_FEATURES, 57, "UpdateFeatures", update_features, 2, 0)                                \
    X(DESCRIBE_CLUSTER, 60, "DescribeCluster", describe_cluster, 2, 0)                             \
    X(DESCRIBE_PRODUCERS, 61, "DescribeProducers", describe_producers, 0, 0)                       \
    X(UNREGISTER_BROKER, 64, "UnregisterBroker", unregister_broker, 0, 0)                          \
    X(DESCRIBE_TRANSACTIONS, 65, "DescribeTransactions", describe_transactions, 0, 0)              \
    X(LIST_TRANSACTIONS, 66, "ListTransactions", list_transactions, 2, 0)                          \
    X(CONSUMER_GROUP_HEARTBEAT, 68, "ConsumerGroupHeartbeat", consumer_group_heartbeat, 1, 0)      \
    X(CONSUMER_GROUP_DESCRIBE, 69, "ConsumerGroupDescribe", consumer_group_describe, 1, 0)         \
    X(GET_TELEMETRY_SUBSCRIPTIONS, 71, "GetTelemetrySubscriptions", get_telemetry_subscriptions,   \
      0, 0)                                                                                        \
    X(PUSH_TELEMETRY, 72, "PushTelemetry", push_telemetry, 0, 0)                                   \
    X(LIST_CONFIG_RESOURCES, 74, "ListConfigResources", list_config_resources, 1, 0)               \
    X(DESCRIBE_TOPIC_PARTITIONS, 75, "DescribeTopicPartitions", describe_topic_partitions, 0, 0)   \
    X(ADD_RAFT_VOTER, 80, "AddRaftVoter", add_raft_voter, 1, 0)                                    \
    X(REMOVE_RAFT_VOTER, 81, "RemoveRaftVoter", remove_raft_voter, 0, 0)                           \
    X(UPDATE_RAFT_VOTER, 82, "UpdateRaftVoter", update_raft_voter, 0, 0)                           \
    X(UNREGISTER_CONTROLLER, 94, "UnregisterController", unregister_controller, 0, 0)

struct kafka_api {
    int16_t key;
    const char *name;     /* "ListOffsets" */
    const char *constant; /* "LIST_OFFSETS" */
    int16_t min, max;
    int16_t flexible_since; /* WIRE_NEVER: in no version */
    const struct wire_desc *request, *response;
};

#define KAFKA_API_ENUM_ROW(constant, key, name, messages, last, flexible)                          \
    KAFKA_API_##constant = key,
enum kafka_api_key { KAFKA_API_LIST(KAFKA_API_ENUM_ROW) KAFKA_API_END };
#undef KAFKA_API_ENUM_ROW

/* The last version of each. */
#define KAFKA_API_LAST_ROW(constant, key, name, messages, last, flexible)                          \
    KAFKA_API_LAST_##constant = last,
enum kafka_api_last { KAFKA_API_LIST(KAFKA_API_LAST_ROW) };
#undef KAFKA_API_LAST_ROW

/* NULL for a key that is not known. Keys run from 0 to below KAFKA_API_END, with gaps. */
const struct kafka_api *kafka_api_find(int16_t key);
/* Kafka's name of any key up to 4.4, of those too that are not in the table; NULL when Kafka has no
 * such key. */
const char *kafka_api_name(int16_t key);

/* The versions of the headers that go with a version of the API. The answer to ApiVersions always
 * has header 0, since its sender may not know the version that was asked (KIP-511). */
int16_t kafka_api_request_header_version(const struct kafka_api *api, int16_t version);
int16_t kafka_api_response_header_version(const struct kafka_api *api, int16_t version);

#endif
