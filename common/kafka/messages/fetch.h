/* Fetch (key 1): request and response. */
#ifndef KAFKA_MESSAGES_FETCH_H
#define KAFKA_MESSAGES_FETCH_H

#include "wire/wire.h"

#define FETCH_REQUEST_REPLICA_STATE_FIELDS(X, S)                                                   \
    X(S, INT32, replica_id, "ReplicaId", FROM(15), DEFAULT(-1))                                    \
    X(S, INT64, replica_epoch, "ReplicaEpoch", FROM(15), DEFAULT(-1))
WIRE_STRUCT(fetch_request_replica_state, "ReplicaState", FETCH_REQUEST_REPLICA_STATE_FIELDS)

#define FETCH_REQUEST_FETCH_PARTITION_FIELDS(X, S)                                                 \
    X(S, INT32, partition, "Partition", FROM(0))                                                   \
    X(S, INT32, current_leader_epoch, "CurrentLeaderEpoch", FROM(9), DEFAULT(-1), IGNORABLE)       \
    X(S, INT64, fetch_offset, "FetchOffset", FROM(0))                                              \
    X(S, INT32, last_fetched_epoch, "LastFetchedEpoch", FROM(12), DEFAULT(-1))                     \
    X(S, INT64, log_start_offset, "LogStartOffset", FROM(5), DEFAULT(-1), IGNORABLE)               \
    X(S, INT32, partition_max_bytes, "PartitionMaxBytes", FROM(0))                                 \
    X(S, UUID, replica_directory_id, "ReplicaDirectoryId", FROM(17), TAG(0), IGNORABLE)            \
    X(S, INT64, high_watermark, "HighWatermark", FROM(18), TAG(1), DEFAULT(INT64_MAX), IGNORABLE)
WIRE_STRUCT(fetch_request_fetch_partition, "FetchPartition", FETCH_REQUEST_FETCH_PARTITION_FIELDS)

#define FETCH_REQUEST_FETCH_TOPIC_FIELDS(X, S)                                                     \
    X(S, STRING, topic, "Topic", ONLY(0, 12), IGNORABLE)                                           \
    X(S, UUID, topic_id, "TopicId", FROM(13), IGNORABLE)                                           \
    X(S, ARRAY(STRUCT(fetch_request_fetch_partition)), partitions, "Partitions", FROM(0))
WIRE_STRUCT(fetch_request_fetch_topic, "FetchTopic", FETCH_REQUEST_FETCH_TOPIC_FIELDS)

#define FETCH_REQUEST_FORGOTTEN_TOPIC_FIELDS(X, S)                                                 \
    X(S, STRING, topic, "Topic", ONLY(7, 12), IGNORABLE)                                           \
    X(S, UUID, topic_id, "TopicId", FROM(13), IGNORABLE)                                           \
    X(S, ARRAY(INT32), partitions, "Partitions", FROM(7))
WIRE_STRUCT(fetch_request_forgotten_topic, "ForgottenTopic", FETCH_REQUEST_FORGOTTEN_TOPIC_FIELDS)

#define FETCH_REQUEST_FIELDS(X, S)                                                                 \
    X(S, STRING, cluster_id, "ClusterId", FROM(12), NULL_FROM(12), TAG(0), DEFAULT_NULL,           \
      IGNORABLE)                                                                                   \
    X(S, INT32, replica_id, "ReplicaId", ONLY(0, 14), DEFAULT(-1))                                 \
    X(S, STRUCT(fetch_request_replica_state), replica_state, "ReplicaState", FROM(15), TAG(1))     \
    X(S, INT32, max_wait_ms, "MaxWaitMs", FROM(0))                                                 \
    X(S, INT32, min_bytes, "MinBytes", FROM(0))                                                    \
    X(S, INT32, max_bytes, "MaxBytes", FROM(3), DEFAULT(INT32_MAX), IGNORABLE)                     \
    X(S, INT8, isolation_level, "IsolationLevel", FROM(4), IGNORABLE)                              \
    X(S, INT32, session_id, "SessionId", FROM(7), IGNORABLE)                                       \
    X(S, INT32, session_epoch, "SessionEpoch", FROM(7), DEFAULT(-1), IGNORABLE)                    \
    X(S, ARRAY(STRUCT(fetch_request_fetch_topic)), topics, "Topics", FROM(0))                      \
    X(S, ARRAY(STRUCT(fetch_request_forgotten_topic)), forgotten_topics_data,                      \
      "ForgottenTopicsData", FROM(7))                                                              \
    X(S, STRING, rack_id, "RackId", FROM(11), IGNORABLE)
WIRE_MESSAGE(fetch_request, "FetchRequest", FETCH_REQUEST_FIELDS, 0, 18, 12)

#define FETCH_RESPONSE_EPOCH_END_OFFSET_FIELDS(X, S)                                               \
    X(S, INT32, epoch, "Epoch", FROM(12), DEFAULT(-1))                                             \
    X(S, INT64, end_offset, "EndOffset", FROM(12), DEFAULT(-1))
WIRE_STRUCT(fetch_response_epoch_end_offset, "EpochEndOffset",
            FETCH_RESPONSE_EPOCH_END_OFFSET_FIELDS)

#define FETCH_RESPONSE_LEADER_ID_AND_EPOCH_FIELDS(X, S)                                            \
    X(S, INT32, leader_id, "LeaderId", FROM(12), DEFAULT(-1))                                      \
    X(S, INT32, leader_epoch, "LeaderEpoch", FROM(12), DEFAULT(-1))
WIRE_STRUCT(fetch_response_leader_id_and_epoch, "LeaderIdAndEpoch",
            FETCH_RESPONSE_LEADER_ID_AND_EPOCH_FIELDS)

#define FETCH_RESPONSE_SNAPSHOT_ID_FIELDS(X, S)                                                    \
    X(S, INT64, end_offset, "EndOffset", FROM(0), DEFAULT(-1))                                     \
    X(S, INT32, epoch, "Epoch", FROM(0), DEFAULT(-1))
WIRE_STRUCT(fetch_response_snapshot_id, "SnapshotId", FETCH_RESPONSE_SNAPSHOT_ID_FIELDS)

#define FETCH_RESPONSE_ABORTED_TRANSACTION_FIELDS(X, S)                                            \
    X(S, INT64, producer_id, "ProducerId", FROM(4))                                                \
    X(S, INT64, first_offset, "FirstOffset", FROM(4))
WIRE_STRUCT(fetch_response_aborted_transaction, "AbortedTransaction",
            FETCH_RESPONSE_ABORTED_TRANSACTION_FIELDS)

#define FETCH_RESPONSE_PARTITION_DATA_FIELDS(X, S)                                                 \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, INT64, high_watermark, "HighWatermark", FROM(0))                                          \
    X(S, INT64, last_stable_offset, "LastStableOffset", FROM(4), DEFAULT(-1), IGNORABLE)           \
    X(S, INT64, log_start_offset, "LogStartOffset", FROM(5), DEFAULT(-1), IGNORABLE)               \
    X(S, STRUCT(fetch_response_epoch_end_offset), diverging_epoch, "DivergingEpoch", FROM(12),     \
      TAG(0))                                                                                      \
    X(S, STRUCT(fetch_response_leader_id_and_epoch), current_leader, "CurrentLeader", FROM(12),    \
      TAG(1))                                                                                      \
    X(S, STRUCT(fetch_response_snapshot_id), snapshot_id, "SnapshotId", FROM(12), TAG(2))          \
    X(S, ARRAY(STRUCT(fetch_response_aborted_transaction)), aborted_transactions,                  \
      "AbortedTransactions", FROM(4), NULL_FROM(4), IGNORABLE)                                     \
    X(S, INT32, preferred_read_replica, "PreferredReadReplica", FROM(11), DEFAULT(-1))             \
    X(S, RECORDS, records, "Records", FROM(0), NULL_FROM(0))
WIRE_STRUCT(fetch_response_partition_data, "PartitionData", FETCH_RESPONSE_PARTITION_DATA_FIELDS)

#define FETCH_RESPONSE_FETCHABLE_TOPIC_RESPONSE_FIELDS(X, S)                                       \
    X(S, STRING, topic, "Topic", ONLY(0, 12), IGNORABLE)                                           \
    X(S, UUID, topic_id, "TopicId", FROM(13), IGNORABLE)                                           \
    X(S, ARRAY(STRUCT(fetch_response_partition_data)), partitions, "Partitions", FROM(0))
WIRE_STRUCT(fetch_response_fetchable_topic_response, "FetchableTopicResponse",
            FETCH_RESPONSE_FETCHABLE_TOPIC_RESPONSE_FIELDS)

#define FETCH_RESPONSE_NODE_ENDPOINT_FIELDS(X, S)                                                  \
    X(S, INT32, node_id, "NodeId", FROM(16))                                                       \
    X(S, STRING, host, "Host", FROM(16))                                                           \
    X(S, INT32, port, "Port", FROM(16))                                                            \
    X(S, STRING, rack, "Rack", FROM(16), NULL_FROM(16), DEFAULT_NULL)
WIRE_STRUCT(fetch_response_node_endpoint, "NodeEndpoint", FETCH_RESPONSE_NODE_ENDPOINT_FIELDS)

#define FETCH_RESPONSE_FIELDS(X, S)                                                                \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(1), IGNORABLE)                            \
    X(S, INT16, error_code, "ErrorCode", FROM(7), IGNORABLE)                                       \
    X(S, INT32, session_id, "SessionId", FROM(7))                                                  \
    X(S, ARRAY(STRUCT(fetch_response_fetchable_topic_response)), responses, "Responses", FROM(0))  \
    X(S, ARRAY(STRUCT(fetch_response_node_endpoint)), node_endpoints, "NodeEndpoints", FROM(16),   \
      TAG(0))
WIRE_MESSAGE(fetch_response, "FetchResponse", FETCH_RESPONSE_FIELDS, 0, 18, 12)

#endif
