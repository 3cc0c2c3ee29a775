/* OffsetCommit (key 8): request and response. */
#ifndef KAFKA_MESSAGES_OFFSET_COMMIT_H
#define KAFKA_MESSAGES_OFFSET_COMMIT_H

#include "wire/wire.h"

#define OFFSET_COMMIT_REQUEST_OFFSET_COMMIT_REQUEST_PARTITION_FIELDS(X, S)                         \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT64, committed_offset, "CommittedOffset", FROM(0))                                      \
    X(S, INT32, committed_leader_epoch, "CommittedLeaderEpoch", FROM(6), DEFAULT(-1), IGNORABLE)   \
    X(S, INT64, commit_timestamp, "CommitTimestamp", ONLY(1, 1), DEFAULT(-1))                      \
    X(S, STRING, committed_metadata, "CommittedMetadata", FROM(0), NULL_FROM(0))
WIRE_STRUCT(offset_commit_request_offset_commit_request_partition, "OffsetCommitRequestPartition",
            OFFSET_COMMIT_REQUEST_OFFSET_COMMIT_REQUEST_PARTITION_FIELDS)

#define OFFSET_COMMIT_REQUEST_OFFSET_COMMIT_REQUEST_TOPIC_FIELDS(X, S)                             \
    X(S, STRING, name, "Name", ONLY(0, 9), IGNORABLE)                                              \
    X(S, UUID, topic_id, "TopicId", FROM(10), IGNORABLE)                                           \
    X(S, ARRAY(STRUCT(offset_commit_request_offset_commit_request_partition)), partitions,         \
      "Partitions", FROM(0))
WIRE_STRUCT(offset_commit_request_offset_commit_request_topic, "OffsetCommitRequestTopic",
            OFFSET_COMMIT_REQUEST_OFFSET_COMMIT_REQUEST_TOPIC_FIELDS)

#define OFFSET_COMMIT_REQUEST_FIELDS(X, S)                                                         \
    X(S, STRING, group_id, "GroupId", FROM(0))                                                     \
    X(S, INT32, generation_id_or_member_epoch, "GenerationIdOrMemberEpoch", FROM(1), DEFAULT(-1),  \
      IGNORABLE)                                                                                   \
    X(S, STRING, member_id, "MemberId", FROM(1), IGNORABLE)                                        \
    X(S, STRING, group_instance_id, "GroupInstanceId", FROM(7), NULL_FROM(7), DEFAULT_NULL)        \
    X(S, INT64, retention_time_ms, "RetentionTimeMs", ONLY(2, 4), DEFAULT(-1), IGNORABLE)          \
    X(S, ARRAY(STRUCT(offset_commit_request_offset_commit_request_topic)), topics, "Topics",       \
      FROM(0))
WIRE_MESSAGE(offset_commit_request, "OffsetCommitRequest", OFFSET_COMMIT_REQUEST_FIELDS, 0, 10, 8)

#define OFFSET_COMMIT_RESPONSE_OFFSET_COMMIT_RESPONSE_PARTITION_FIELDS(X, S)                       \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT16, error_code, "ErrorCode", FROM(0))
WIRE_STRUCT(offset_commit_response_offset_commit_response_partition,
            "OffsetCommitResponsePartition",
            OFFSET_COMMIT_RESPONSE_OFFSET_COMMIT_RESPONSE_PARTITION_FIELDS)

#define OFFSET_COMMIT_RESPONSE_OFFSET_COMMIT_RESPONSE_TOPIC_FIELDS(X, S)                           \
    X(S, STRING, name, "Name", ONLY(0, 9), IGNORABLE)                                              \
    X(S, UUID, topic_id, "TopicId", FROM(10), IGNORABLE)                                           \
    X(S, ARRAY(STRUCT(offset_commit_response_offset_commit_response_partition)), partitions,       \
      "Partitions", FROM(0))
WIRE_STRUCT(offset_commit_response_offset_commit_response_topic, "OffsetCommitResponseTopic",
            OFFSET_COMMIT_RESPONSE_OFFSET_COMMIT_RESPONSE_TOPIC_FIELDS)

#define OFFSET_COMMIT_RESPONSE_FIELDS(X, S)                                                        \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(3), IGNORABLE)                            \
    X(S, ARRAY(STRUCT(offset_commit_response_offset_commit_response_topic)), topics, "Topics",     \
      FROM(0))
WIRE_MESSAGE(offset_commit_response, "OffsetCommitResponse", OFFSET_COMMIT_RESPONSE_FIELDS, 0, 10,
             8)

#endif
