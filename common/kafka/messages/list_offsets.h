/* ListOffsets (key 2): request and response. */
#ifndef KAFKA_MESSAGES_LIST_OFFSETS_H
#define KAFKA_MESSAGES_LIST_OFFSETS_H

#include "wire/wire.h"

#define LIST_OFFSETS_REQUEST_LIST_OFFSETS_PARTITION_FIELDS(X, S)                                   \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT32, current_leader_epoch, "CurrentLeaderEpoch", FROM(4), DEFAULT(-1), IGNORABLE)       \
    X(S, INT64, timestamp, "Timestamp", FROM(0))                                                   \
    X(S, INT32, max_num_offsets, "MaxNumOffsets", ONLY(0, 0), DEFAULT(1))
WIRE_STRUCT(list_offsets_request_list_offsets_partition, "ListOffsetsPartition",
            LIST_OFFSETS_REQUEST_LIST_OFFSETS_PARTITION_FIELDS)

#define LIST_OFFSETS_REQUEST_LIST_OFFSETS_TOPIC_FIELDS(X, S)                                       \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(list_offsets_request_list_offsets_partition)), partitions, "Partitions",     \
      FROM(0))
WIRE_STRUCT(list_offsets_request_list_offsets_topic, "ListOffsetsTopic",
            LIST_OFFSETS_REQUEST_LIST_OFFSETS_TOPIC_FIELDS)

#define LIST_OFFSETS_REQUEST_FIELDS(X, S)                                                          \
    X(S, INT32, replica_id, "ReplicaId", FROM(0))                                                  \
    X(S, INT8, isolation_level, "IsolationLevel", FROM(2))                                         \
    X(S, ARRAY(STRUCT(list_offsets_request_list_offsets_topic)), topics, "Topics", FROM(0))        \
    X(S, INT32, timeout_ms, "TimeoutMs", FROM(10), IGNORABLE)
WIRE_MESSAGE(list_offsets_request, "ListOffsetsRequest", LIST_OFFSETS_REQUEST_FIELDS, 0, 11, 6)

#define LIST_OFFSETS_RESPONSE_LIST_OFFSETS_PARTITION_RESPONSE_FIELDS(X, S)                         \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, ARRAY(INT64), old_style_offsets, "OldStyleOffsets", ONLY(0, 0))                           \
    X(S, INT64, timestamp, "Timestamp", FROM(1), DEFAULT(-1))                                      \
    X(S, INT64, offset, "Offset", FROM(1), DEFAULT(-1))                                            \
    X(S, INT32, leader_epoch, "LeaderEpoch", FROM(4), DEFAULT(-1))
WIRE_STRUCT(list_offsets_response_list_offsets_partition_response, "ListOffsetsPartitionResponse",
            LIST_OFFSETS_RESPONSE_LIST_OFFSETS_PARTITION_RESPONSE_FIELDS)

#define LIST_OFFSETS_RESPONSE_LIST_OFFSETS_TOPIC_RESPONSE_FIELDS(X, S)                             \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(list_offsets_response_list_offsets_partition_response)), partitions,         \
      "Partitions", FROM(0))
WIRE_STRUCT(list_offsets_response_list_offsets_topic_response, "ListOffsetsTopicResponse",
            LIST_OFFSETS_RESPONSE_LIST_OFFSETS_TOPIC_RESPONSE_FIELDS)

#define LIST_OFFSETS_RESPONSE_FIELDS(X, S)                                                         \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(2), IGNORABLE)                            \
    X(S, ARRAY(STRUCT(list_offsets_response_list_offsets_topic_response)), topics, "Topics",       \
      FROM(0))
WIRE_MESSAGE(list_offsets_response, "ListOffsetsResponse", LIST_OFFSETS_RESPONSE_FIELDS, 0, 11, 6)

#endif
