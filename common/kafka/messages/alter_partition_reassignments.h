/* AlterPartitionReassignments (key 45): request and response. */
#ifndef KAFKA_MESSAGES_ALTER_PARTITION_REASSIGNMENTS_H
#define KAFKA_MESSAGES_ALTER_PARTITION_REASSIGNMENTS_H

#include "wire/wire.h"

#define ALTER_PARTITION_REASSIGNMENTS_REQUEST_REASSIGNABLE_PARTITION_FIELDS(X, S)                  \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, ARRAY(INT32), replicas, "Replicas", FROM(0), NULL_FROM(0), DEFAULT_NULL)
WIRE_STRUCT(alter_partition_reassignments_request_reassignable_partition, "ReassignablePartition",
            ALTER_PARTITION_REASSIGNMENTS_REQUEST_REASSIGNABLE_PARTITION_FIELDS)

#define ALTER_PARTITION_REASSIGNMENTS_REQUEST_REASSIGNABLE_TOPIC_FIELDS(X, S)                      \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(alter_partition_reassignments_request_reassignable_partition)), partitions,  \
      "Partitions", FROM(0))
WIRE_STRUCT(alter_partition_reassignments_request_reassignable_topic, "ReassignableTopic",
            ALTER_PARTITION_REASSIGNMENTS_REQUEST_REASSIGNABLE_TOPIC_FIELDS)

#define ALTER_PARTITION_REASSIGNMENTS_REQUEST_FIELDS(X, S)                                         \
    X(S, INT32, timeout_ms, "TimeoutMs", FROM(0), DEFAULT(60000))                                  \
    X(S, BOOL, allow_replication_factor_change, "AllowReplicationFactorChange", FROM(1),           \
      DEFAULT(1))                                                                                  \
    X(S, ARRAY(STRUCT(alter_partition_reassignments_request_reassignable_topic)), topics,          \
      "Topics", FROM(0))
WIRE_MESSAGE(alter_partition_reassignments_request, "AlterPartitionReassignmentsRequest",
             ALTER_PARTITION_REASSIGNMENTS_REQUEST_FIELDS, 0, 1, 0)

#define ALTER_PARTITION_REASSIGNMENTS_RESPONSE_REASSIGNABLE_PARTITION_RESPONSE_FIELDS(X, S)        \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))
WIRE_STRUCT(alter_partition_reassignments_response_reassignable_partition_response,
            "ReassignablePartitionResponse",
            ALTER_PARTITION_REASSIGNMENTS_RESPONSE_REASSIGNABLE_PARTITION_RESPONSE_FIELDS)

#define ALTER_PARTITION_REASSIGNMENTS_RESPONSE_REASSIGNABLE_TOPIC_RESPONSE_FIELDS(X, S)            \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(alter_partition_reassignments_response_reassignable_partition_response)),    \
      partitions, "Partitions", FROM(0))
WIRE_STRUCT(alter_partition_reassignments_response_reassignable_topic_response,
            "ReassignableTopicResponse",
            ALTER_PARTITION_REASSIGNMENTS_RESPONSE_REASSIGNABLE_TOPIC_RESPONSE_FIELDS)

#define ALTER_PARTITION_REASSIGNMENTS_RESPONSE_FIELDS(X, S)                                        \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, BOOL, allow_replication_factor_change, "AllowReplicationFactorChange", FROM(1),           \
      DEFAULT(1), IGNORABLE)                                                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))                             \
    X(S, ARRAY(STRUCT(alter_partition_reassignments_response_reassignable_topic_response)),        \
      responses, "Responses", FROM(0))
WIRE_MESSAGE(alter_partition_reassignments_response, "AlterPartitionReassignmentsResponse",
             ALTER_PARTITION_REASSIGNMENTS_RESPONSE_FIELDS, 0, 1, 0)

#endif
