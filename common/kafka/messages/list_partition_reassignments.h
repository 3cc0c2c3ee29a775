/* ListPartitionReassignments (key 46): request and response. */
#ifndef KAFKA_MESSAGES_LIST_PARTITION_REASSIGNMENTS_H
#define KAFKA_MESSAGES_LIST_PARTITION_REASSIGNMENTS_H

#include "wire/wire.h"

#define LIST_PARTITION_REASSIGNMENTS_REQUEST_LIST_PARTITION_REASSIGNMENTS_TOPICS_FIELDS(X, S)      \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(INT32), partition_indexes, "PartitionIndexes", FROM(0))
WIRE_STRUCT(list_partition_reassignments_request_list_partition_reassignments_topics,
            "ListPartitionReassignmentsTopics",
            LIST_PARTITION_REASSIGNMENTS_REQUEST_LIST_PARTITION_REASSIGNMENTS_TOPICS_FIELDS)

#define LIST_PARTITION_REASSIGNMENTS_REQUEST_FIELDS(X, S)                                          \
    X(S, INT32, timeout_ms, "TimeoutMs", FROM(0), DEFAULT(60000))                                  \
    X(S, ARRAY(STRUCT(list_partition_reassignments_request_list_partition_reassignments_topics)),  \
      topics, "Topics", FROM(0), NULL_FROM(0), DEFAULT_NULL)
WIRE_MESSAGE(list_partition_reassignments_request, "ListPartitionReassignmentsRequest",
             LIST_PARTITION_REASSIGNMENTS_REQUEST_FIELDS, 0, 0, 0)

#define LIST_PARTITION_REASSIGNMENTS_RESPONSE_ONGOING_PARTITION_REASSIGNMENT_FIELDS(X, S)          \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, ARRAY(INT32), replicas, "Replicas", FROM(0))                                              \
    X(S, ARRAY(INT32), adding_replicas, "AddingReplicas", FROM(0))                                 \
    X(S, ARRAY(INT32), removing_replicas, "RemovingReplicas", FROM(0))
WIRE_STRUCT(list_partition_reassignments_response_ongoing_partition_reassignment,
            "OngoingPartitionReassignment",
            LIST_PARTITION_REASSIGNMENTS_RESPONSE_ONGOING_PARTITION_REASSIGNMENT_FIELDS)

#define LIST_PARTITION_REASSIGNMENTS_RESPONSE_ONGOING_TOPIC_REASSIGNMENT_FIELDS(X, S)              \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(list_partition_reassignments_response_ongoing_partition_reassignment)),      \
      partitions, "Partitions", FROM(0))
WIRE_STRUCT(list_partition_reassignments_response_ongoing_topic_reassignment,
            "OngoingTopicReassignment",
            LIST_PARTITION_REASSIGNMENTS_RESPONSE_ONGOING_TOPIC_REASSIGNMENT_FIELDS)

#define LIST_PARTITION_REASSIGNMENTS_RESPONSE_FIELDS(X, S)                                         \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))                             \
    X(S, ARRAY(STRUCT(list_partition_reassignments_response_ongoing_topic_reassignment)), topics,  \
      "Topics", FROM(0))
WIRE_MESSAGE(list_partition_reassignments_response, "ListPartitionReassignmentsResponse",
             LIST_PARTITION_REASSIGNMENTS_RESPONSE_FIELDS, 0, 0, 0)

#endif
