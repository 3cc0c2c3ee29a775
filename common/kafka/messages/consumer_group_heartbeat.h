/* ConsumerGroupHeartbeat (key 68): request and response. */
#ifndef KAFKA_MESSAGES_CONSUMER_GROUP_HEARTBEAT_H
#define KAFKA_MESSAGES_CONSUMER_GROUP_HEARTBEAT_H

#include "wire/wire.h"

#define CONSUMER_GROUP_HEARTBEAT_REQUEST_TOPIC_PARTITIONS_FIELDS(X, S)                             \
    X(S, UUID, topic_id, "TopicId", FROM(0))                                                       \
    X(S, ARRAY(INT32), partitions, "Partitions", FROM(0))
WIRE_STRUCT(consumer_group_heartbeat_request_topic_partitions, "TopicPartitions",
            CONSUMER_GROUP_HEARTBEAT_REQUEST_TOPIC_PARTITIONS_FIELDS)

#define CONSUMER_GROUP_HEARTBEAT_REQUEST_FIELDS(X, S)                                              \
    X(S, STRING, group_id, "GroupId", FROM(0))                                                     \
    X(S, STRING, member_id, "MemberId", FROM(0))                                                   \
    X(S, INT32, member_epoch, "MemberEpoch", FROM(0))                                              \
    X(S, STRING, instance_id, "InstanceId", FROM(0), NULL_FROM(0), DEFAULT_NULL)                   \
    X(S, STRING, rack_id, "RackId", FROM(0), NULL_FROM(0), DEFAULT_NULL)                           \
    X(S, INT32, rebalance_timeout_ms, "RebalanceTimeoutMs", FROM(0), DEFAULT(-1))                  \
    X(S, ARRAY(STRING), subscribed_topic_names, "SubscribedTopicNames", FROM(0), NULL_FROM(0),     \
      DEFAULT_NULL)                                                                                \
    X(S, STRING, subscribed_topic_regex, "SubscribedTopicRegex", FROM(1), NULL_FROM(1),            \
      DEFAULT_NULL)                                                                                \
    X(S, STRING, server_assignor, "ServerAssignor", FROM(0), NULL_FROM(0), DEFAULT_NULL)           \
    X(S, ARRAY(STRUCT(consumer_group_heartbeat_request_topic_partitions)), topic_partitions,       \
      "TopicPartitions", FROM(0), NULL_FROM(0), DEFAULT_NULL)
WIRE_MESSAGE(consumer_group_heartbeat_request, "ConsumerGroupHeartbeatRequest",
             CONSUMER_GROUP_HEARTBEAT_REQUEST_FIELDS, 0, 1, 0)

#define CONSUMER_GROUP_HEARTBEAT_RESPONSE_TOPIC_PARTITIONS_FIELDS(X, S)                            \
    X(S, UUID, topic_id, "TopicId", FROM(0))                                                       \
    X(S, ARRAY(INT32), partitions, "Partitions", FROM(0))
WIRE_STRUCT(consumer_group_heartbeat_response_topic_partitions, "TopicPartitions",
            CONSUMER_GROUP_HEARTBEAT_RESPONSE_TOPIC_PARTITIONS_FIELDS)

#define CONSUMER_GROUP_HEARTBEAT_RESPONSE_ASSIGNMENT_FIELDS(X, S)                                  \
    X(S, ARRAY(STRUCT(consumer_group_heartbeat_response_topic_partitions)), topic_partitions,      \
      "TopicPartitions", FROM(0))
WIRE_STRUCT(consumer_group_heartbeat_response_assignment, "Assignment",
            CONSUMER_GROUP_HEARTBEAT_RESPONSE_ASSIGNMENT_FIELDS)

#define CONSUMER_GROUP_HEARTBEAT_RESPONSE_FIELDS(X, S)                                             \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0), DEFAULT_NULL)               \
    X(S, STRING, member_id, "MemberId", FROM(0), NULL_FROM(0), DEFAULT_NULL)                       \
    X(S, INT32, member_epoch, "MemberEpoch", FROM(0))                                              \
    X(S, INT32, heartbeat_interval_ms, "HeartbeatIntervalMs", FROM(0))                             \
    X(S, NULLABLE(consumer_group_heartbeat_response_assignment), assignment, "Assignment",         \
      FROM(0), NULL_FROM(0), DEFAULT_NULL)
WIRE_MESSAGE(consumer_group_heartbeat_response, "ConsumerGroupHeartbeatResponse",
             CONSUMER_GROUP_HEARTBEAT_RESPONSE_FIELDS, 0, 1, 0)

#endif
