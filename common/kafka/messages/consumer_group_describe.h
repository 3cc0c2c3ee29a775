/* ConsumerGroupDescribe (key 69): request and response. */
#ifndef KAFKA_MESSAGES_CONSUMER_GROUP_DESCRIBE_H
#define KAFKA_MESSAGES_CONSUMER_GROUP_DESCRIBE_H

#include "wire/wire.h"

#define CONSUMER_GROUP_DESCRIBE_REQUEST_FIELDS(X, S)                                               \
    X(S, ARRAY(STRING), group_ids, "GroupIds", FROM(0))                                            \
    X(S, BOOL, include_authorized_operations, "IncludeAuthorizedOperations", FROM(0))
WIRE_MESSAGE(consumer_group_describe_request, "ConsumerGroupDescribeRequest",
             CONSUMER_GROUP_DESCRIBE_REQUEST_FIELDS, 0, 1, 0)

#define CONSUMER_GROUP_DESCRIBE_RESPONSE_TOPIC_PARTITIONS_FIELDS(X, S)                             \
    X(S, UUID, topic_id, "TopicId", FROM(0))                                                       \
    X(S, STRING, topic_name, "TopicName", FROM(0))                                                 \
    X(S, ARRAY(INT32), partitions, "Partitions", FROM(0))
WIRE_STRUCT(consumer_group_describe_response_topic_partitions, "TopicPartitions",
            CONSUMER_GROUP_DESCRIBE_RESPONSE_TOPIC_PARTITIONS_FIELDS)

#define CONSUMER_GROUP_DESCRIBE_RESPONSE_ASSIGNMENT_FIELDS(X, S)                                   \
    X(S, ARRAY(STRUCT(consumer_group_describe_response_topic_partitions)), topic_partitions,       \
      "TopicPartitions", FROM(0))
WIRE_STRUCT(consumer_group_describe_response_assignment, "Assignment",
            CONSUMER_GROUP_DESCRIBE_RESPONSE_ASSIGNMENT_FIELDS)

#define CONSUMER_GROUP_DESCRIBE_RESPONSE_MEMBER_FIELDS(X, S)                                       \
    X(S, STRING, member_id, "MemberId", FROM(0))                                                   \
    X(S, STRING, instance_id, "InstanceId", FROM(0), NULL_FROM(0), DEFAULT_NULL)                   \
    X(S, STRING, rack_id, "RackId", FROM(0), NULL_FROM(0), DEFAULT_NULL)                           \
    X(S, INT32, member_epoch, "MemberEpoch", FROM(0))                                              \
    X(S, STRING, client_id, "ClientId", FROM(0))                                                   \
    X(S, STRING, client_host, "ClientHost", FROM(0))                                               \
    X(S, ARRAY(STRING), subscribed_topic_names, "SubscribedTopicNames", FROM(0))                   \
    X(S, STRING, subscribed_topic_regex, "SubscribedTopicRegex", FROM(0), NULL_FROM(0),            \
      DEFAULT_NULL)                                                                                \
    X(S, STRUCT(consumer_group_describe_response_assignment), assignment, "Assignment", FROM(0))   \
    X(S, STRUCT(consumer_group_describe_response_assignment), target_assignment,                   \
      "TargetAssignment", FROM(0))                                                                 \
    X(S, INT8, member_type, "MemberType", FROM(1), DEFAULT(-1), IGNORABLE)
WIRE_STRUCT(consumer_group_describe_response_member, "Member",
            CONSUMER_GROUP_DESCRIBE_RESPONSE_MEMBER_FIELDS)

#define CONSUMER_GROUP_DESCRIBE_RESPONSE_DESCRIBED_GROUP_FIELDS(X, S)                              \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0), DEFAULT_NULL)               \
    X(S, STRING, group_id, "GroupId", FROM(0))                                                     \
    X(S, STRING, group_state, "GroupState", FROM(0))                                               \
    X(S, INT32, group_epoch, "GroupEpoch", FROM(0))                                                \
    X(S, INT32, assignment_epoch, "AssignmentEpoch", FROM(0))                                      \
    X(S, STRING, assignor_name, "AssignorName", FROM(0))                                           \
    X(S, ARRAY(STRUCT(consumer_group_describe_response_member)), members, "Members", FROM(0))      \
    X(S, INT32, authorized_operations, "AuthorizedOperations", FROM(0), DEFAULT(INT32_MIN))
WIRE_STRUCT(consumer_group_describe_response_described_group, "DescribedGroup",
            CONSUMER_GROUP_DESCRIBE_RESPONSE_DESCRIBED_GROUP_FIELDS)

#define CONSUMER_GROUP_DESCRIBE_RESPONSE_FIELDS(X, S)                                              \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, ARRAY(STRUCT(consumer_group_describe_response_described_group)), groups, "Groups", FROM(0))
WIRE_MESSAGE(consumer_group_describe_response, "ConsumerGroupDescribeResponse",
             CONSUMER_GROUP_DESCRIBE_RESPONSE_FIELDS, 0, 1, 0)

#endif
