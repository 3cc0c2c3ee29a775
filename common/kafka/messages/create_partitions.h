/* CreatePartitions (key 37): request and response. */
#ifndef KAFKA_MESSAGES_CREATE_PARTITIONS_H
#define KAFKA_MESSAGES_CREATE_PARTITIONS_H

#include "wire/wire.h"

#define CREATE_PARTITIONS_REQUEST_CREATE_PARTITIONS_ASSIGNMENT_FIELDS(X, S)                        \
    X(S, ARRAY(INT32), broker_ids, "BrokerIds", FROM(0))
WIRE_STRUCT(create_partitions_request_create_partitions_assignment, "CreatePartitionsAssignment",
            CREATE_PARTITIONS_REQUEST_CREATE_PARTITIONS_ASSIGNMENT_FIELDS)

#define CREATE_PARTITIONS_REQUEST_CREATE_PARTITIONS_TOPIC_FIELDS(X, S)                             \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, INT32, count, "Count", FROM(0))                                                           \
    X(S, ARRAY(STRUCT(create_partitions_request_create_partitions_assignment)), assignments,       \
      "Assignments", FROM(0), NULL_FROM(0))
WIRE_STRUCT(create_partitions_request_create_partitions_topic, "CreatePartitionsTopic",
            CREATE_PARTITIONS_REQUEST_CREATE_PARTITIONS_TOPIC_FIELDS)

#define CREATE_PARTITIONS_REQUEST_FIELDS(X, S)                                                     \
    X(S, ARRAY(STRUCT(create_partitions_request_create_partitions_topic)), topics, "Topics",       \
      FROM(0))                                                                                     \
    X(S, INT32, timeout_ms, "TimeoutMs", FROM(0))                                                  \
    X(S, BOOL, validate_only, "ValidateOnly", FROM(0))
WIRE_MESSAGE(create_partitions_request, "CreatePartitionsRequest", CREATE_PARTITIONS_REQUEST_FIELDS,
             0, 3, 2)

#define CREATE_PARTITIONS_RESPONSE_CREATE_PARTITIONS_TOPIC_RESULT_FIELDS(X, S)                     \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0), DEFAULT_NULL)
WIRE_STRUCT(create_partitions_response_create_partitions_topic_result,
            "CreatePartitionsTopicResult",
            CREATE_PARTITIONS_RESPONSE_CREATE_PARTITIONS_TOPIC_RESULT_FIELDS)

#define CREATE_PARTITIONS_RESPONSE_FIELDS(X, S)                                                    \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, ARRAY(STRUCT(create_partitions_response_create_partitions_topic_result)), results,        \
      "Results", FROM(0))
WIRE_MESSAGE(create_partitions_response, "CreatePartitionsResponse",
             CREATE_PARTITIONS_RESPONSE_FIELDS, 0, 3, 2)

#endif
