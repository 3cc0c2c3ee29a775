/* OffsetForLeaderEpoch (key 23): request and response. */
#ifndef KAFKA_MESSAGES_OFFSET_FOR_LEADER_EPOCH_H
#define KAFKA_MESSAGES_OFFSET_FOR_LEADER_EPOCH_H

#include "wire/wire.h"

#define OFFSET_FOR_LEADER_EPOCH_REQUEST_OFFSET_FOR_LEADER_PARTITION_FIELDS(X, S)                   \
    X(S, INT32, partition, "Partition", FROM(0))                                                   \
    X(S, INT32, current_leader_epoch, "CurrentLeaderEpoch", FROM(2), DEFAULT(-1), IGNORABLE)       \
    X(S, INT32, leader_epoch, "LeaderEpoch", FROM(0))
WIRE_STRUCT(offset_for_leader_epoch_request_offset_for_leader_partition, "OffsetForLeaderPartition",
            OFFSET_FOR_LEADER_EPOCH_REQUEST_OFFSET_FOR_LEADER_PARTITION_FIELDS)

#define OFFSET_FOR_LEADER_EPOCH_REQUEST_OFFSET_FOR_LEADER_TOPIC_FIELDS(X, S)                       \
    X(S, STRING, topic, "Topic", FROM(0))                                                          \
    X(S, ARRAY(STRUCT(offset_for_leader_epoch_request_offset_for_leader_partition)), partitions,   \
      "Partitions", FROM(0))
WIRE_STRUCT(offset_for_leader_epoch_request_offset_for_leader_topic, "OffsetForLeaderTopic",
            OFFSET_FOR_LEADER_EPOCH_REQUEST_OFFSET_FOR_LEADER_TOPIC_FIELDS)

#define OFFSET_FOR_LEADER_EPOCH_REQUEST_FIELDS(X, S)                                               \
    X(S, INT32, replica_id, "ReplicaId", FROM(3), DEFAULT(-2), IGNORABLE)                          \
    X(S, ARRAY(STRUCT(offset_for_leader_epoch_request_offset_for_leader_topic)), topics, "Topics", \
      FROM(0))
WIRE_MESSAGE(offset_for_leader_epoch_request, "OffsetForLeaderEpochRequest",
             OFFSET_FOR_LEADER_EPOCH_REQUEST_FIELDS, 0, 4, 4)

#define OFFSET_FOR_LEADER_EPOCH_RESPONSE_EPOCH_END_OFFSET_FIELDS(X, S)                             \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, INT32, partition, "Partition", FROM(0))                                                   \
    X(S, INT32, leader_epoch, "LeaderEpoch", FROM(1), DEFAULT(-1), IGNORABLE)                      \
    X(S, INT64, end_offset, "EndOffset", FROM(0), DEFAULT(-1))
WIRE_STRUCT(offset_for_leader_epoch_response_epoch_end_offset, "EpochEndOffset",
            OFFSET_FOR_LEADER_EPOCH_RESPONSE_EPOCH_END_OFFSET_FIELDS)

#define OFFSET_FOR_LEADER_EPOCH_RESPONSE_OFFSET_FOR_LEADER_TOPIC_RESULT_FIELDS(X, S)               \
    X(S, STRING, topic, "Topic", FROM(0))                                                          \
    X(S, ARRAY(STRUCT(offset_for_leader_epoch_response_epoch_end_offset)), partitions,             \
      "Partitions", FROM(0))
WIRE_STRUCT(offset_for_leader_epoch_response_offset_for_leader_topic_result,
            "OffsetForLeaderTopicResult",
            OFFSET_FOR_LEADER_EPOCH_RESPONSE_OFFSET_FOR_LEADER_TOPIC_RESULT_FIELDS)

#define OFFSET_FOR_LEADER_EPOCH_RESPONSE_FIELDS(X, S)                                              \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(2), IGNORABLE)                            \
    X(S, ARRAY(STRUCT(offset_for_leader_epoch_response_offset_for_leader_topic_result)), topics,   \
      "Topics", FROM(0))
WIRE_MESSAGE(offset_for_leader_epoch_response, "OffsetForLeaderEpochResponse",
             OFFSET_FOR_LEADER_EPOCH_RESPONSE_FIELDS, 0, 4, 4)

#endif
