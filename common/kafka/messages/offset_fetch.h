/* OffsetFetch (key 9): request and response. */
#ifndef KAFKA_MESSAGES_OFFSET_FETCH_H
#define KAFKA_MESSAGES_OFFSET_FETCH_H

#include "wire/wire.h"

#define OFFSET_FETCH_REQUEST_OFFSET_FETCH_REQUEST_TOPIC_FIELDS(X, S)                               \
    X(S, STRING, name, "Name", ONLY(0, 7))                                                         \
    X(S, ARRAY(INT32), partition_indexes, "PartitionIndexes", ONLY(0, 7))
WIRE_STRUCT(offset_fetch_request_offset_fetch_request_topic, "OffsetFetchRequestTopic",
            OFFSET_FETCH_REQUEST_OFFSET_FETCH_REQUEST_TOPIC_FIELDS)

#define OFFSET_FETCH_REQUEST_OFFSET_FETCH_REQUEST_TOPICS_FIELDS(X, S)                              \
    X(S, STRING, name, "Name", ONLY(8, 9), IGNORABLE)                                              \
    X(S, UUID, topic_id, "TopicId", FROM(10), IGNORABLE)                                           \
    X(S, ARRAY(INT32), partition_indexes, "PartitionIndexes", FROM(8))
WIRE_STRUCT(offset_fetch_request_offset_fetch_request_topics, "OffsetFetchRequestTopics",
            OFFSET_FETCH_REQUEST_OFFSET_FETCH_REQUEST_TOPICS_FIELDS)

#define OFFSET_FETCH_REQUEST_OFFSET_FETCH_REQUEST_GROUP_FIELDS(X, S)                               \
    X(S, STRING, group_id, "GroupId", FROM(8))                                                     \
    X(S, STRING, member_id, "MemberId", FROM(9), NULL_FROM(9), DEFAULT_NULL, IGNORABLE)            \
    X(S, INT32, member_epoch, "MemberEpoch", FROM(9), DEFAULT(-1), IGNORABLE)                      \
    X(S, ARRAY(STRUCT(offset_fetch_request_offset_fetch_request_topics)), topics, "Topics",        \
      FROM(8), NULL_FROM(8))
WIRE_STRUCT(offset_fetch_request_offset_fetch_request_group, "OffsetFetchRequestGroup",
            OFFSET_FETCH_REQUEST_OFFSET_FETCH_REQUEST_GROUP_FIELDS)

#define OFFSET_FETCH_REQUEST_FIELDS(X, S)                                                          \
    X(S, STRING, group_id, "GroupId", ONLY(0, 7))                                                  \
    X(S, ARRAY(STRUCT(offset_fetch_request_offset_fetch_request_topic)), topics, "Topics",         \
      ONLY(0, 7), NULL_ONLY(2, 7))                                                                 \
    X(S, ARRAY(STRUCT(offset_fetch_request_offset_fetch_request_group)), groups, "Groups",         \
      FROM(8))                                                                                     \
    X(S, BOOL, require_stable, "RequireStable", FROM(7))
WIRE_MESSAGE(offset_fetch_request, "OffsetFetchRequest", OFFSET_FETCH_REQUEST_FIELDS, 0, 10, 6)

#define OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_PARTITION_FIELDS(X, S)                         \
    X(S, INT32, partition_index, "PartitionIndex", ONLY(0, 7))                                     \
    X(S, INT64, committed_offset, "CommittedOffset", ONLY(0, 7))                                   \
    X(S, INT32, committed_leader_epoch, "CommittedLeaderEpoch", ONLY(5, 7), DEFAULT(-1),           \
      IGNORABLE)                                                                                   \
    X(S, STRING, metadata, "Metadata", ONLY(0, 7), NULL_ONLY(0, 7))                                \
    X(S, INT16, error_code, "ErrorCode", ONLY(0, 7))
WIRE_STRUCT(offset_fetch_response_offset_fetch_response_partition, "OffsetFetchResponsePartition",
            OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_PARTITION_FIELDS)

#define OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_TOPIC_FIELDS(X, S)                             \
    X(S, STRING, name, "Name", ONLY(0, 7))                                                         \
    X(S, ARRAY(STRUCT(offset_fetch_response_offset_fetch_response_partition)), partitions,         \
      "Partitions", ONLY(0, 7))
WIRE_STRUCT(offset_fetch_response_offset_fetch_response_topic, "OffsetFetchResponseTopic",
            OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_TOPIC_FIELDS)

#define OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_PARTITIONS_FIELDS(X, S)                        \
    X(S, INT32, partition_index, "PartitionIndex", FROM(8))                                        \
    X(S, INT64, committed_offset, "CommittedOffset", FROM(8))                                      \
    X(S, INT32, committed_leader_epoch, "CommittedLeaderEpoch", FROM(8), DEFAULT(-1), IGNORABLE)   \
    X(S, STRING, metadata, "Metadata", FROM(8), NULL_FROM(8))                                      \
    X(S, INT16, error_code, "ErrorCode", FROM(8))
WIRE_STRUCT(offset_fetch_response_offset_fetch_response_partitions, "OffsetFetchResponsePartitions",
            OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_PARTITIONS_FIELDS)

#define OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_TOPICS_FIELDS(X, S)                            \
    X(S, STRING, name, "Name", ONLY(8, 9), IGNORABLE)                                              \
    X(S, UUID, topic_id, "TopicId", FROM(10), IGNORABLE)                                           \
    X(S, ARRAY(STRUCT(offset_fetch_response_offset_fetch_response_partitions)), partitions,        \
      "Partitions", FROM(8))
WIRE_STRUCT(offset_fetch_response_offset_fetch_response_topics, "OffsetFetchResponseTopics",
            OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_TOPICS_FIELDS)

#define OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_GROUP_FIELDS(X, S)                             \
    X(S, STRING, group_id, "GroupId", FROM(8))                                                     \
    X(S, ARRAY(STRUCT(offset_fetch_response_offset_fetch_response_topics)), topics, "Topics",      \
      FROM(8))                                                                                     \
    X(S, INT16, error_code, "ErrorCode", FROM(8))
WIRE_STRUCT(offset_fetch_response_offset_fetch_response_group, "OffsetFetchResponseGroup",
            OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_GROUP_FIELDS)

#define OFFSET_FETCH_RESPONSE_FIELDS(X, S)                                                         \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(3), IGNORABLE)                            \
    X(S, ARRAY(STRUCT(offset_fetch_response_offset_fetch_response_topic)), topics, "Topics",       \
      ONLY(0, 7))                                                                                  \
    X(S, INT16, error_code, "ErrorCode", ONLY(2, 7), IGNORABLE)                                    \
    X(S, ARRAY(STRUCT(offset_fetch_response_offset_fetch_response_group)), groups, "Groups",       \
      FROM(8))
WIRE_MESSAGE(offset_fetch_response, "OffsetFetchResponse", OFFSET_FETCH_RESPONSE_FIELDS, 0, 10, 6)

#endif
