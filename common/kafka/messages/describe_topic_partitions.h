/* DescribeTopicPartitions (key 75): request and response. */
#ifndef KAFKA_MESSAGES_DESCRIBE_TOPIC_PARTITIONS_H
#define KAFKA_MESSAGES_DESCRIBE_TOPIC_PARTITIONS_H

#include "wire/wire.h"

#define DESCRIBE_TOPIC_PARTITIONS_REQUEST_TOPIC_REQUEST_FIELDS(X, S)                               \
    X(S, STRING, name, "Name", FROM(0))
WIRE_STRUCT(describe_topic_partitions_request_topic_request, "TopicRequest",
            DESCRIBE_TOPIC_PARTITIONS_REQUEST_TOPIC_REQUEST_FIELDS)

#define DESCRIBE_TOPIC_PARTITIONS_REQUEST_CURSOR_FIELDS(X, S)                                      \
    X(S, STRING, topic_name, "TopicName", FROM(0))                                                 \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))
WIRE_STRUCT(describe_topic_partitions_request_cursor, "Cursor",
            DESCRIBE_TOPIC_PARTITIONS_REQUEST_CURSOR_FIELDS)

#define DESCRIBE_TOPIC_PARTITIONS_REQUEST_FIELDS(X, S)                                             \
    X(S, ARRAY(STRUCT(describe_topic_partitions_request_topic_request)), topics, "Topics",         \
      FROM(0))                                                                                     \
    X(S, INT32, response_partition_limit, "ResponsePartitionLimit", FROM(0), DEFAULT(2000))        \
    X(S, NULLABLE(describe_topic_partitions_request_cursor), cursor, "Cursor", FROM(0),            \
      NULL_FROM(0), DEFAULT_NULL)
WIRE_MESSAGE(describe_topic_partitions_request, "DescribeTopicPartitionsRequest",
             DESCRIBE_TOPIC_PARTITIONS_REQUEST_FIELDS, 0, 0, 0)

#define DESCRIBE_TOPIC_PARTITIONS_RESPONSE_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_PARTITION_FIELDS(X,  \
                                                                                               S)  \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT32, leader_id, "LeaderId", FROM(0))                                                    \
    X(S, INT32, leader_epoch, "LeaderEpoch", FROM(0), DEFAULT(-1), IGNORABLE)                      \
    X(S, ARRAY(INT32), replica_nodes, "ReplicaNodes", FROM(0))                                     \
    X(S, ARRAY(INT32), isr_nodes, "IsrNodes", FROM(0))                                             \
    X(S, ARRAY(INT32), eligible_leader_replicas, "EligibleLeaderReplicas", FROM(0), NULL_FROM(0),  \
      DEFAULT_NULL)                                                                                \
    X(S, ARRAY(INT32), last_known_elr, "LastKnownElr", FROM(0), NULL_FROM(0), DEFAULT_NULL)        \
    X(S, ARRAY(INT32), offline_replicas, "OfflineReplicas", FROM(0), IGNORABLE)
WIRE_STRUCT(describe_topic_partitions_response_describe_topic_partitions_response_partition,
            "DescribeTopicPartitionsResponsePartition",
            DESCRIBE_TOPIC_PARTITIONS_RESPONSE_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_PARTITION_FIELDS)

#define DESCRIBE_TOPIC_PARTITIONS_RESPONSE_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_TOPIC_FIELDS(X, S)   \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, name, "Name", FROM(0), NULL_FROM(0))                                              \
    X(S, UUID, topic_id, "TopicId", FROM(0), IGNORABLE)                                            \
    X(S, BOOL, is_internal, "IsInternal", FROM(0), IGNORABLE)                                      \
    X(S,                                                                                           \
      ARRAY(STRUCT(                                                                                \
          describe_topic_partitions_response_describe_topic_partitions_response_partition)),       \
      partitions, "Partitions", FROM(0))                                                           \
    X(S, INT32, topic_authorized_operations, "TopicAuthorizedOperations", FROM(0),                 \
      DEFAULT(INT32_MIN))
WIRE_STRUCT(describe_topic_partitions_response_describe_topic_partitions_response_topic,
            "DescribeTopicPartitionsResponseTopic",
            DESCRIBE_TOPIC_PARTITIONS_RESPONSE_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_TOPIC_FIELDS)

#define DESCRIBE_TOPIC_PARTITIONS_RESPONSE_CURSOR_FIELDS(X, S)                                     \
    X(S, STRING, topic_name, "TopicName", FROM(0))                                                 \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))
WIRE_STRUCT(describe_topic_partitions_response_cursor, "Cursor",
            DESCRIBE_TOPIC_PARTITIONS_RESPONSE_CURSOR_FIELDS)

#define DESCRIBE_TOPIC_PARTITIONS_RESPONSE_FIELDS(X, S)                                            \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0), IGNORABLE)                            \
    X(S,                                                                                           \
      ARRAY(STRUCT(describe_topic_partitions_response_describe_topic_partitions_response_topic)),  \
      topics, "Topics", FROM(0))                                                                   \
    X(S, NULLABLE(describe_topic_partitions_response_cursor), next_cursor, "NextCursor", FROM(0),  \
      NULL_FROM(0), DEFAULT_NULL)
WIRE_MESSAGE(describe_topic_partitions_response, "DescribeTopicPartitionsResponse",
             DESCRIBE_TOPIC_PARTITIONS_RESPONSE_FIELDS, 0, 0, 0)

#endif
