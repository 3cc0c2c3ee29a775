/* The bytes that consumers put into JoinGroup and SyncGroup: an int16 version, then the fields. */
#ifndef KAFKA_MESSAGES_CONSUMER_PROTOCOL_H
#define KAFKA_MESSAGES_CONSUMER_PROTOCOL_H

#include "wire/wire.h"

#define CONSUMER_PROTOCOL_SUBSCRIPTION_TOPIC_PARTITION_FIELDS(X, S)                                \
    X(S, STRING, topic, "Topic", FROM(1))                                                          \
    X(S, ARRAY(INT32), partitions, "Partitions", FROM(1))
WIRE_STRUCT(consumer_protocol_subscription_topic_partition, "TopicPartition",
            CONSUMER_PROTOCOL_SUBSCRIPTION_TOPIC_PARTITION_FIELDS)

#define CONSUMER_PROTOCOL_SUBSCRIPTION_FIELDS(X, S)                                                \
    X(S, ARRAY(STRING), topics, "Topics", FROM(0))                                                 \
    X(S, BYTES, user_data, "UserData", FROM(0), NULL_FROM(0), DEFAULT_NULL)                        \
    X(S, ARRAY(STRUCT(consumer_protocol_subscription_topic_partition)), owned_partitions,          \
      "OwnedPartitions", FROM(1), IGNORABLE)                                                       \
    X(S, INT32, generation_id, "GenerationId", FROM(2), DEFAULT(-1), IGNORABLE)                    \
    X(S, STRING, rack_id, "RackId", FROM(3), NULL_FROM(3), DEFAULT_NULL, IGNORABLE)
WIRE_MESSAGE(consumer_protocol_subscription, "ConsumerProtocolSubscription",
             CONSUMER_PROTOCOL_SUBSCRIPTION_FIELDS, 0, 3, WIRE_NEVER)

#define CONSUMER_PROTOCOL_ASSIGNMENT_TOPIC_PARTITION_FIELDS(X, S)                                  \
    X(S, STRING, topic, "Topic", FROM(0))                                                          \
    X(S, ARRAY(INT32), partitions, "Partitions", FROM(0))
WIRE_STRUCT(consumer_protocol_assignment_topic_partition, "TopicPartition",
            CONSUMER_PROTOCOL_ASSIGNMENT_TOPIC_PARTITION_FIELDS)

#define CONSUMER_PROTOCOL_ASSIGNMENT_FIELDS(X, S)                                                  \
    X(S, ARRAY(STRUCT(consumer_protocol_assignment_topic_partition)), assigned_partitions,         \
      "AssignedPartitions", FROM(0))                                                               \
    X(S, BYTES, user_data, "UserData", FROM(0), NULL_FROM(0), DEFAULT_NULL)
WIRE_MESSAGE(consumer_protocol_assignment, "ConsumerProtocolAssignment",
             CONSUMER_PROTOCOL_ASSIGNMENT_FIELDS, 0, 3, WIRE_NEVER)

#endif
