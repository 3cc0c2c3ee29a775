/* CreateTopics (key 19): request and response. */
#ifndef KAFKA_MESSAGES_CREATE_TOPICS_H
#define KAFKA_MESSAGES_CREATE_TOPICS_H

#include "wire/wire.h"

#define CREATE_TOPICS_REQUEST_CREATABLE_REPLICA_ASSIGNMENT_FIELDS(X, S)                            \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, ARRAY(INT32), broker_ids, "BrokerIds", FROM(0))
WIRE_STRUCT(create_topics_request_creatable_replica_assignment, "CreatableReplicaAssignment",
            CREATE_TOPICS_REQUEST_CREATABLE_REPLICA_ASSIGNMENT_FIELDS)

#define CREATE_TOPICS_REQUEST_CREATABLE_TOPIC_CONFIG_FIELDS(X, S)                                  \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, STRING, value, "Value", FROM(0), NULL_FROM(0))
WIRE_STRUCT(create_topics_request_creatable_topic_config, "CreatableTopicConfig",
            CREATE_TOPICS_REQUEST_CREATABLE_TOPIC_CONFIG_FIELDS)

#define CREATE_TOPICS_REQUEST_CREATABLE_TOPIC_FIELDS(X, S)                                         \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, INT32, num_partitions, "NumPartitions", FROM(0))                                          \
    X(S, INT16, replication_factor, "ReplicationFactor", FROM(0))                                  \
    X(S, ARRAY(STRUCT(create_topics_request_creatable_replica_assignment)), assignments,           \
      "Assignments", FROM(0))                                                                      \
    X(S, ARRAY(STRUCT(create_topics_request_creatable_topic_config)), configs, "Configs", FROM(0))
WIRE_STRUCT(create_topics_request_creatable_topic, "CreatableTopic",
            CREATE_TOPICS_REQUEST_CREATABLE_TOPIC_FIELDS)

#define CREATE_TOPICS_REQUEST_FIELDS(X, S)                                                         \
    X(S, ARRAY(STRUCT(create_topics_request_creatable_topic)), topics, "Topics", FROM(0))          \
    X(S, INT32, timeout_ms, "timeoutMs", FROM(0), DEFAULT(60000))                                  \
    X(S, BOOL, validate_only, "validateOnly", FROM(1))
WIRE_MESSAGE(create_topics_request, "CreateTopicsRequest", CREATE_TOPICS_REQUEST_FIELDS, 0, 7, 5)

#define CREATE_TOPICS_RESPONSE_CREATABLE_TOPIC_CONFIGS_FIELDS(X, S)                                \
    X(S, STRING, name, "Name", FROM(5))                                                            \
    X(S, STRING, value, "Value", FROM(5), NULL_FROM(5))                                            \
    X(S, BOOL, read_only, "ReadOnly", FROM(5))                                                     \
    X(S, INT8, config_source, "ConfigSource", FROM(5), DEFAULT(-1), IGNORABLE)                     \
    X(S, BOOL, is_sensitive, "IsSensitive", FROM(5))
WIRE_STRUCT(create_topics_response_creatable_topic_configs, "CreatableTopicConfigs",
            CREATE_TOPICS_RESPONSE_CREATABLE_TOPIC_CONFIGS_FIELDS)

#define CREATE_TOPICS_RESPONSE_CREATABLE_TOPIC_RESULT_FIELDS(X, S)                                 \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, UUID, topic_id, "TopicId", FROM(7), IGNORABLE)                                            \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(1), NULL_FROM(0), IGNORABLE)                  \
    X(S, INT16, topic_config_error_code, "TopicConfigErrorCode", FROM(5), TAG(0), IGNORABLE)       \
    X(S, INT32, num_partitions, "NumPartitions", FROM(5), DEFAULT(-1), IGNORABLE)                  \
    X(S, INT16, replication_factor, "ReplicationFactor", FROM(5), DEFAULT(-1), IGNORABLE)          \
    X(S, ARRAY(STRUCT(create_topics_response_creatable_topic_configs)), configs, "Configs",        \
      FROM(5), NULL_FROM(5), IGNORABLE)
WIRE_STRUCT(create_topics_response_creatable_topic_result, "CreatableTopicResult",
            CREATE_TOPICS_RESPONSE_CREATABLE_TOPIC_RESULT_FIELDS)

#define CREATE_TOPICS_RESPONSE_FIELDS(X, S)                                                        \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(2), IGNORABLE)                            \
    X(S, ARRAY(STRUCT(create_topics_response_creatable_topic_result)), topics, "Topics", FROM(0))
WIRE_MESSAGE(create_topics_response, "CreateTopicsResponse", CREATE_TOPICS_RESPONSE_FIELDS, 0, 7, 5)

#endif
