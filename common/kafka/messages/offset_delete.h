/* OffsetDelete (key 47): request and response. */
#ifndef KAFKA_MESSAGES_OFFSET_DELETE_H
#define KAFKA_MESSAGES_OFFSET_DELETE_H

#include "wire/wire.h"

#define OFFSET_DELETE_REQUEST_OFFSET_DELETE_REQUEST_PARTITION_FIELDS(X, S)                         \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))
WIRE_STRUCT(offset_delete_request_offset_delete_request_partition, "OffsetDeleteRequestPartition",
            OFFSET_DELETE_REQUEST_OFFSET_DELETE_REQUEST_PARTITION_FIELDS)

#define OFFSET_DELETE_REQUEST_OFFSET_DELETE_REQUEST_TOPIC_FIELDS(X, S)                             \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(offset_delete_request_offset_delete_request_partition)), partitions,         \
      "Partitions", FROM(0))
WIRE_STRUCT(offset_delete_request_offset_delete_request_topic, "OffsetDeleteRequestTopic",
            OFFSET_DELETE_REQUEST_OFFSET_DELETE_REQUEST_TOPIC_FIELDS)

#define OFFSET_DELETE_REQUEST_FIELDS(X, S)                                                         \
    X(S, STRING, group_id, "GroupId", FROM(0))                                                     \
    X(S, ARRAY(STRUCT(offset_delete_request_offset_delete_request_topic)), topics, "Topics",       \
      FROM(0))
WIRE_MESSAGE(offset_delete_request, "OffsetDeleteRequest", OFFSET_DELETE_REQUEST_FIELDS, 0, 0,
             WIRE_NEVER)

#define OFFSET_DELETE_RESPONSE_OFFSET_DELETE_RESPONSE_PARTITION_FIELDS(X, S)                       \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT16, error_code, "ErrorCode", FROM(0))
WIRE_STRUCT(offset_delete_response_offset_delete_response_partition,
            "OffsetDeleteResponsePartition",
            OFFSET_DELETE_RESPONSE_OFFSET_DELETE_RESPONSE_PARTITION_FIELDS)

#define OFFSET_DELETE_RESPONSE_OFFSET_DELETE_RESPONSE_TOPIC_FIELDS(X, S)                           \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(offset_delete_response_offset_delete_response_partition)), partitions,       \
      "Partitions", FROM(0))
WIRE_STRUCT(offset_delete_response_offset_delete_response_topic, "OffsetDeleteResponseTopic",
            OFFSET_DELETE_RESPONSE_OFFSET_DELETE_RESPONSE_TOPIC_FIELDS)

#define OFFSET_DELETE_RESPONSE_FIELDS(X, S)                                                        \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0), IGNORABLE)                            \
    X(S, ARRAY(STRUCT(offset_delete_response_offset_delete_response_topic)), topics, "Topics",     \
      FROM(0))
WIRE_MESSAGE(offset_delete_response, "OffsetDeleteResponse", OFFSET_DELETE_RESPONSE_FIELDS, 0, 0,
             WIRE_NEVER)

#endif
