/* DescribeQuorum (key 55): request and response. */
#ifndef KAFKA_MESSAGES_DESCRIBE_QUORUM_H
#define KAFKA_MESSAGES_DESCRIBE_QUORUM_H

#include "wire/wire.h"

#define DESCRIBE_QUORUM_REQUEST_PARTITION_DATA_FIELDS(X, S)                                        \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))
WIRE_STRUCT(describe_quorum_request_partition_data, "PartitionData",
            DESCRIBE_QUORUM_REQUEST_PARTITION_DATA_FIELDS)

#define DESCRIBE_QUORUM_REQUEST_TOPIC_DATA_FIELDS(X, S)                                            \
    X(S, STRING, topic_name, "TopicName", FROM(0))                                                 \
    X(S, ARRAY(STRUCT(describe_quorum_request_partition_data)), partitions, "Partitions", FROM(0))
WIRE_STRUCT(describe_quorum_request_topic_data, "TopicData",
            DESCRIBE_QUORUM_REQUEST_TOPIC_DATA_FIELDS)

#define DESCRIBE_QUORUM_REQUEST_FIELDS(X, S)                                                       \
    X(S, ARRAY(STRUCT(describe_quorum_request_topic_data)), topics, "Topics", FROM(0))
WIRE_MESSAGE(describe_quorum_request, "DescribeQuorumRequest", DESCRIBE_QUORUM_REQUEST_FIELDS, 0, 2,
             0)

#define DESCRIBE_QUORUM_RESPONSE_REPLICA_STATE_FIELDS(X, S)                                        \
    X(S, INT32, replica_id, "ReplicaId", FROM(0))                                                  \
    X(S, UUID, replica_directory_id, "ReplicaDirectoryId", FROM(2))                                \
    X(S, INT64, log_end_offset, "LogEndOffset", FROM(0))                                           \
    X(S, INT64, last_fetch_timestamp, "LastFetchTimestamp", FROM(1), DEFAULT(-1), IGNORABLE)       \
    X(S, INT64, last_caught_up_timestamp, "LastCaughtUpTimestamp", FROM(1), DEFAULT(-1), IGNORABLE)
WIRE_STRUCT(describe_quorum_response_replica_state, "ReplicaState",
            DESCRIBE_QUORUM_RESPONSE_REPLICA_STATE_FIELDS)

#define DESCRIBE_QUORUM_RESPONSE_PARTITION_DATA_FIELDS(X, S)                                       \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(2), NULL_FROM(2), IGNORABLE)                  \
    X(S, INT32, leader_id, "LeaderId", FROM(0))                                                    \
    X(S, INT32, leader_epoch, "LeaderEpoch", FROM(0))                                              \
    X(S, INT64, high_watermark, "HighWatermark", FROM(0))                                          \
    X(S, ARRAY(STRUCT(describe_quorum_response_replica_state)), current_voters, "CurrentVoters",   \
      FROM(0))                                                                                     \
    X(S, ARRAY(STRUCT(describe_quorum_response_replica_state)), observers, "Observers", FROM(0))
WIRE_STRUCT(describe_quorum_response_partition_data, "PartitionData",
            DESCRIBE_QUORUM_RESPONSE_PARTITION_DATA_FIELDS)

#define DESCRIBE_QUORUM_RESPONSE_TOPIC_DATA_FIELDS(X, S)                                           \
    X(S, STRING, topic_name, "TopicName", FROM(0))                                                 \
    X(S, ARRAY(STRUCT(describe_quorum_response_partition_data)), partitions, "Partitions", FROM(0))
WIRE_STRUCT(describe_quorum_response_topic_data, "TopicData",
            DESCRIBE_QUORUM_RESPONSE_TOPIC_DATA_FIELDS)

#define DESCRIBE_QUORUM_RESPONSE_LISTENER_FIELDS(X, S)                                             \
    X(S, STRING, name, "Name", FROM(2))                                                            \
    X(S, STRING, host, "Host", FROM(2))                                                            \
    X(S, UINT16, port, "Port", FROM(2))
WIRE_STRUCT(describe_quorum_response_listener, "Listener", DESCRIBE_QUORUM_RESPONSE_LISTENER_FIELDS)

#define DESCRIBE_QUORUM_RESPONSE_NODE_FIELDS(X, S)                                                 \
    X(S, INT32, node_id, "NodeId", FROM(2))                                                        \
    X(S, ARRAY(STRUCT(describe_quorum_response_listener)), listeners, "Listeners", FROM(2))
WIRE_STRUCT(describe_quorum_response_node, "Node", DESCRIBE_QUORUM_RESPONSE_NODE_FIELDS)

#define DESCRIBE_QUORUM_RESPONSE_FIELDS(X, S)                                                      \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(2), NULL_FROM(2), IGNORABLE)                  \
    X(S, ARRAY(STRUCT(describe_quorum_response_topic_data)), topics, "Topics", FROM(0))            \
    X(S, ARRAY(STRUCT(describe_quorum_response_node)), nodes, "Nodes", FROM(2))
WIRE_MESSAGE(describe_quorum_response, "DescribeQuorumResponse", DESCRIBE_QUORUM_RESPONSE_FIELDS, 0,
             2, 0)

#endif
