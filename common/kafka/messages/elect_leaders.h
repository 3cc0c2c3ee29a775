/* ElectLeaders (key 43): request and response. */
#ifndef KAFKA_MESSAGES_ELECT_LEADERS_H
#define KAFKA_MESSAGES_ELECT_LEADERS_H

#include "wire/wire.h"

#define ELECT_LEADERS_REQUEST_TOPIC_PARTITIONS_FIELDS(X, S)                                        \
    X(S, STRING, topic, "Topic", FROM(0))                                                          \
    X(S, ARRAY(INT32), partitions, "Partitions", FROM(0))
WIRE_STRUCT(elect_leaders_request_topic_partitions, "TopicPartitions",
            ELECT_LEADERS_REQUEST_TOPIC_PARTITIONS_FIELDS)

#define ELECT_LEADERS_REQUEST_FIELDS(X, S)                                                         \
    X(S, INT8, election_type, "ElectionType", FROM(1))                                             \
    X(S, ARRAY(STRUCT(elect_leaders_request_topic_partitions)), topic_partitions,                  \
      "TopicPartitions", FROM(0), NULL_FROM(0))                                                    \
    X(S, INT32, timeout_ms, "TimeoutMs", FROM(0), DEFAULT(60000))
WIRE_MESSAGE(elect_leaders_request, "ElectLeadersRequest", ELECT_LEADERS_REQUEST_FIELDS, 0, 2, 2)

#define ELECT_LEADERS_RESPONSE_PARTITION_RESULT_FIELDS(X, S)                                       \
    X(S, INT32, partition_id, "PartitionId", FROM(0))                                              \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))
WIRE_STRUCT(elect_leaders_response_partition_result, "PartitionResult",
            ELECT_LEADERS_RESPONSE_PARTITION_RESULT_FIELDS)

#define ELECT_LEADERS_RESPONSE_REPLICA_ELECTION_RESULT_FIELDS(X, S)                                \
    X(S, STRING, topic, "Topic", FROM(0))                                                          \
    X(S, ARRAY(STRUCT(elect_leaders_response_partition_result)), partition_result,                 \
      "PartitionResult", FROM(0))
WIRE_STRUCT(elect_leaders_response_replica_election_result, "ReplicaElectionResult",
            ELECT_LEADERS_RESPONSE_REPLICA_ELECTION_RESULT_FIELDS)

#define ELECT_LEADERS_RESPONSE_FIELDS(X, S)                                                        \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(1))                                                  \
    X(S, ARRAY(STRUCT(elect_leaders_response_replica_election_result)), replica_election_results,  \
      "ReplicaElectionResults", FROM(0))
WIRE_MESSAGE(elect_leaders_response, "ElectLeadersResponse", ELECT_LEADERS_RESPONSE_FIELDS, 0, 2, 2)

#endif
