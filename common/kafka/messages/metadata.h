/* Metadata (key 3): request and response. */
#ifndef KAFKA_MESSAGES_METADATA_H
#define KAFKA_MESSAGES_METADATA_H

#include "wire/wire.h"

#define METADATA_REQUEST_METADATA_REQUEST_TOPIC_FIELDS(X, S)                                       \
    X(S, UUID, topic_id, "TopicId", FROM(10), IGNORABLE)                                           \
    X(S, STRING, name, "Name", FROM(0), NULL_FROM(10))
WIRE_STRUCT(metadata_request_metadata_request_topic, "MetadataRequestTopic",
            METADATA_REQUEST_METADATA_REQUEST_TOPIC_FIELDS)

#define METADATA_REQUEST_FIELDS(X, S)                                                              \
    X(S, ARRAY(STRUCT(metadata_request_metadata_request_topic)), topics, "Topics", FROM(0),        \
      NULL_FROM(1))                                                                                \
    X(S, BOOL, allow_auto_topic_creation, "AllowAutoTopicCreation", FROM(4), DEFAULT(1))           \
    X(S, BOOL, include_cluster_authorized_operations, "IncludeClusterAuthorizedOperations",        \
      ONLY(8, 10))                                                                                 \
    X(S, BOOL, include_topic_authorized_operations, "IncludeTopicAuthorizedOperations", FROM(8))
WIRE_MESSAGE(metadata_request, "MetadataRequest", METADATA_REQUEST_FIELDS, 0, 13, 9)

#define METADATA_RESPONSE_METADATA_RESPONSE_BROKER_FIELDS(X, S)                                    \
    X(S, INT32, node_id, "NodeId", FROM(0))                                                        \
    X(S, STRING, host, "Host", FROM(0))                                                            \
    X(S, INT32, port, "Port", FROM(0))                                                             \
    X(S, STRING, rack, "Rack", FROM(1), NULL_FROM(1), DEFAULT_NULL, IGNORABLE)
WIRE_STRUCT(metadata_response_metadata_response_broker, "MetadataResponseBroker",
            METADATA_RESPONSE_METADATA_RESPONSE_BROKER_FIELDS)

#define METADATA_RESPONSE_METADATA_RESPONSE_PARTITION_FIELDS(X, S)                                 \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT32, leader_id, "LeaderId", FROM(0))                                                    \
    X(S, INT32, leader_epoch, "LeaderEpoch", FROM(7), DEFAULT(-1), IGNORABLE)                      \
    X(S, ARRAY(INT32), replica_nodes, "ReplicaNodes", FROM(0))                                     \
    X(S, ARRAY(INT32), isr_nodes, "IsrNodes", FROM(0))                                             \
    X(S, ARRAY(INT32), offline_replicas, "OfflineReplicas", FROM(5), IGNORABLE)
WIRE_STRUCT(metadata_response_metadata_response_partition, "MetadataResponsePartition",
            METADATA_RESPONSE_METADATA_RESPONSE_PARTITION_FIELDS)

#define METADATA_RESPONSE_METADATA_RESPONSE_TOPIC_FIELDS(X, S)                                     \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, name, "Name", FROM(0), NULL_FROM(12))                                             \
    X(S, UUID, topic_id, "TopicId", FROM(10), IGNORABLE)                                           \
    X(S, BOOL, is_internal, "IsInternal", FROM(1), IGNORABLE)                                      \
    X(S, ARRAY(STRUCT(metadata_response_metadata_response_partition)), partitions, "Partitions",   \
      FROM(0))                                                                                     \
    X(S, INT32, topic_authorized_operations, "TopicAuthorizedOperations", FROM(8),                 \
      DEFAULT(INT32_MIN))
WIRE_STRUCT(metadata_response_metadata_response_topic, "MetadataResponseTopic",
            METADATA_RESPONSE_METADATA_RESPONSE_TOPIC_FIELDS)

#define METADATA_RESPONSE_FIELDS(X, S)                                                             \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(3), IGNORABLE)                            \
    X(S, ARRAY(STRUCT(metadata_response_metadata_response_broker)), brokers, "Brokers", FROM(0))   \
    X(S, STRING, cluster_id, "ClusterId", FROM(2), NULL_FROM(2), DEFAULT_NULL, IGNORABLE)          \
    X(S, INT32, controller_id, "ControllerId", FROM(1), DEFAULT(-1), IGNORABLE)                    \
    X(S, ARRAY(STRUCT(metadata_response_metadata_response_topic)), topics, "Topics", FROM(0))      \
    X(S, INT32, cluster_authorized_operations, "ClusterAuthorizedOperations", ONLY(8, 10),         \
      DEFAULT(INT32_MIN))                                                                          \
    X(S, INT16, error_code, "ErrorCode", FROM(13), IGNORABLE)
WIRE_MESSAGE(metadata_response, "MetadataResponse", METADATA_RESPONSE_FIELDS, 0, 13, 9)

#endif
