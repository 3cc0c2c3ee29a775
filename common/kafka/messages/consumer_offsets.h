/* Records of __consumer_offsets: an int16 (the record type of a key, the version of a value)
 * precedes the fields. */
#ifndef KAFKA_MESSAGES_CONSUMER_OFFSETS_H
#define KAFKA_MESSAGES_CONSUMER_OFFSETS_H

#include "wire/wire.h"

#define LEGACY_OFFSET_COMMIT_KEY_FIELDS(X, S)                                                      \
    X(S, STRING, group, "group", ONLY(0, 0))                                                       \
    X(S, STRING, topic, "topic", ONLY(0, 0))                                                       \
    X(S, INT32, partition, "partition", ONLY(0, 0))
WIRE_MESSAGE(legacy_offset_commit_key, "LegacyOffsetCommitKey", LEGACY_OFFSET_COMMIT_KEY_FIELDS, 0,
             0, WIRE_NEVER)

#define LEGACY_OFFSET_COMMIT_VALUE_FIELDS(X, S)                                                    \
    X(S, INT64, offset, "offset", ONLY(0, 0))                                                      \
    X(S, STRING, metadata, "metadata", ONLY(0, 0))                                                 \
    X(S, INT64, commit_timestamp, "commitTimestamp", ONLY(0, 0))
WIRE_MESSAGE(legacy_offset_commit_value, "LegacyOffsetCommitValue",
             LEGACY_OFFSET_COMMIT_VALUE_FIELDS, 0, 0, WIRE_NEVER)

#define OFFSET_COMMIT_KEY_FIELDS(X, S)                                                             \
    X(S, STRING, group, "group", ONLY(0, 0))                                                       \
    X(S, STRING, topic, "topic", ONLY(0, 0))                                                       \
    X(S, INT32, partition, "partition", ONLY(0, 0))
WIRE_MESSAGE(offset_commit_key, "OffsetCommitKey", OFFSET_COMMIT_KEY_FIELDS, 0, 0, WIRE_NEVER)

#define OFFSET_COMMIT_VALUE_FIELDS(X, S)                                                           \
    X(S, INT64, offset, "offset", FROM(0))                                                         \
    X(S, INT32, leader_epoch, "leaderEpoch", FROM(3), DEFAULT(-1), IGNORABLE)                      \
    X(S, STRING, metadata, "metadata", FROM(0))                                                    \
    X(S, INT64, commit_timestamp, "commitTimestamp", FROM(0))                                      \
    X(S, INT64, expire_timestamp, "expireTimestamp", ONLY(1, 1), DEFAULT(-1), IGNORABLE)           \
    X(S, UUID, topic_id, "topicId", FROM(4), TAG(0), IGNORABLE)
WIRE_MESSAGE(offset_commit_value, "OffsetCommitValue", OFFSET_COMMIT_VALUE_FIELDS, 0, 4, 4)

#define GROUP_METADATA_KEY_FIELDS(X, S) X(S, STRING, group, "group", ONLY(0, 0))
WIRE_MESSAGE(group_metadata_key, "GroupMetadataKey", GROUP_METADATA_KEY_FIELDS, 0, 0, WIRE_NEVER)

#define GROUP_METADATA_VALUE_MEMBER_METADATA_FIELDS(X, S)                                          \
    X(S, STRING, member_id, "memberId", FROM(0))                                                   \
    X(S, STRING, group_instance_id, "groupInstanceId", FROM(3), NULL_FROM(3), DEFAULT_NULL,        \
      IGNORABLE)                                                                                   \
    X(S, STRING, client_id, "clientId", FROM(0))                                                   \
    X(S, STRING, client_host, "clientHost", FROM(0))                                               \
    X(S, INT32, rebalance_timeout, "rebalanceTimeout", FROM(1), DEFAULT(-1), IGNORABLE)            \
    X(S, INT32, session_timeout, "sessionTimeout", FROM(0))                                        \
    X(S, BYTES, subscription, "subscription", FROM(0))                                             \
    X(S, BYTES, assignment, "assignment", FROM(0))
WIRE_STRUCT(group_metadata_value_member_metadata, "MemberMetadata",
            GROUP_METADATA_VALUE_MEMBER_METADATA_FIELDS)

#define GROUP_METADATA_VALUE_FIELDS(X, S)                                                          \
    X(S, STRING, protocol_type, "protocolType", FROM(0))                                           \
    X(S, INT32, generation, "generation", FROM(0))                                                 \
    X(S, STRING, protocol, "protocol", FROM(0), NULL_FROM(0))                                      \
    X(S, STRING, leader, "leader", FROM(0), NULL_FROM(0))                                          \
    X(S, INT64, current_state_timestamp, "currentStateTimestamp", FROM(2), DEFAULT(-1), IGNORABLE) \
    X(S, ARRAY(STRUCT(group_metadata_value_member_metadata)), members, "members", FROM(0))
WIRE_MESSAGE(group_metadata_value, "GroupMetadataValue", GROUP_METADATA_VALUE_FIELDS, 0, 4, 4)

#define CONSUMER_GROUP_METADATA_KEY_FIELDS(X, S) X(S, STRING, group_id, "GroupId", ONLY(0, 0))
WIRE_MESSAGE(consumer_group_metadata_key, "ConsumerGroupMetadataKey",
             CONSUMER_GROUP_METADATA_KEY_FIELDS, 0, 0, WIRE_NEVER)

#define CONSUMER_GROUP_METADATA_VALUE_FIELDS(X, S)                                                 \
    X(S, INT32, epoch, "Epoch", FROM(0))                                                           \
    X(S, INT64, metadata_hash, "MetadataHash", FROM(0), TAG(0))
WIRE_MESSAGE(consumer_group_metadata_value, "ConsumerGroupMetadataValue",
             CONSUMER_GROUP_METADATA_VALUE_FIELDS, 0, 0, 0)

#define CONSUMER_GROUP_PARTITION_METADATA_KEY_FIELDS(X, S)                                         \
    X(S, STRING, group_id, "GroupId", ONLY(0, 0))
WIRE_MESSAGE(consumer_group_partition_metadata_key, "ConsumerGroupPartitionMetadataKey",
             CONSUMER_GROUP_PARTITION_METADATA_KEY_FIELDS, 0, 0, WIRE_NEVER)

#define CONSUMER_GROUP_PARTITION_METADATA_VALUE_PARTITION_METADATA_FIELDS(X, S)                    \
    X(S, INT32, partition, "Partition", FROM(0))                                                   \
    X(S, ARRAY(STRING), racks, "Racks", FROM(0))
WIRE_STRUCT(consumer_group_partition_metadata_value_partition_metadata, "PartitionMetadata",
            CONSUMER_GROUP_PARTITION_METADATA_VALUE_PARTITION_METADATA_FIELDS)

#define CONSUMER_GROUP_PARTITION_METADATA_VALUE_TOPIC_METADATA_FIELDS(X, S)                        \
    X(S, UUID, topic_id, "TopicId", FROM(0))                                                       \
    X(S, STRING, topic_name, "TopicName", FROM(0))                                                 \
    X(S, INT32, num_partitions, "NumPartitions", FROM(0))                                          \
    X(S, ARRAY(STRUCT(consumer_group_partition_metadata_value_partition_metadata)),                \
      partition_metadata, "PartitionMetadata", FROM(0))
WIRE_STRUCT(consumer_group_partition_metadata_value_topic_metadata, "TopicMetadata",
            CONSUMER_GROUP_PARTITION_METADATA_VALUE_TOPIC_METADATA_FIELDS)

#define CONSUMER_GROUP_PARTITION_METADATA_VALUE_FIELDS(X, S)                                       \
    X(S, ARRAY(STRUCT(consumer_group_partition_metadata_value_topic_metadata)), topics, "Topics",  \
      FROM(0))
WIRE_MESSAGE(consumer_group_partition_metadata_value, "ConsumerGroupPartitionMetadataValue",
             CONSUMER_GROUP_PARTITION_METADATA_VALUE_FIELDS, 0, 0, 0)

#define CONSUMER_GROUP_MEMBER_METADATA_KEY_FIELDS(X, S)                                            \
    X(S, STRING, group_id, "GroupId", ONLY(0, 0))                                                  \
    X(S, STRING, member_id, "MemberId", ONLY(0, 0))
WIRE_MESSAGE(consumer_group_member_metadata_key, "ConsumerGroupMemberMetadataKey",
             CONSUMER_GROUP_MEMBER_METADATA_KEY_FIELDS, 0, 0, WIRE_NEVER)

#define CONSUMER_GROUP_MEMBER_METADATA_VALUE_CLASSIC_PROTOCOL_FIELDS(X, S)                         \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, BYTES, metadata, "Metadata", FROM(0))
WIRE_STRUCT(consumer_group_member_metadata_value_classic_protocol, "ClassicProtocol",
            CONSUMER_GROUP_MEMBER_METADATA_VALUE_CLASSIC_PROTOCOL_FIELDS)

#define CONSUMER_GROUP_MEMBER_METADATA_VALUE_CLASSIC_MEMBER_METADATA_FIELDS(X, S)                  \
    X(S, INT32, session_timeout_ms, "SessionTimeoutMs", FROM(0))                                   \
    X(S, ARRAY(STRUCT(consumer_group_member_metadata_value_classic_protocol)),                     \
      supported_protocols, "SupportedProtocols", FROM(0))
WIRE_STRUCT(consumer_group_member_metadata_value_classic_member_metadata, "ClassicMemberMetadata",
            CONSUMER_GROUP_MEMBER_METADATA_VALUE_CLASSIC_MEMBER_METADATA_FIELDS)

#define CONSUMER_GROUP_MEMBER_METADATA_VALUE_FIELDS(X, S)                                          \
    X(S, STRING, instance_id, "InstanceId", FROM(0), NULL_FROM(0))                                 \
    X(S, STRING, rack_id, "RackId", FROM(0), NULL_FROM(0))                                         \
    X(S, STRING, client_id, "ClientId", FROM(0))                                                   \
    X(S, STRING, client_host, "ClientHost", FROM(0))                                               \
    X(S, ARRAY(STRING), subscribed_topic_names, "SubscribedTopicNames", FROM(0))                   \
    X(S, STRING, subscribed_topic_regex, "SubscribedTopicRegex", FROM(0), NULL_FROM(0))            \
    X(S, INT32, rebalance_timeout_ms, "RebalanceTimeoutMs", FROM(0), DEFAULT(-1))                  \
    X(S, STRING, server_assignor, "ServerAssignor", FROM(0), NULL_FROM(0))                         \
    X(S, NULLABLE(consumer_group_member_metadata_value_classic_member_metadata),                   \
      classic_member_metadata, "ClassicMemberMetadata", FROM(0), NULL_FROM(0), TAG(0))
WIRE_MESSAGE(consumer_group_member_metadata_value, "ConsumerGroupMemberMetadataValue",
             CONSUMER_GROUP_MEMBER_METADATA_VALUE_FIELDS, 0, 0, 0)

#define CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY_FIELDS(X, S)                                 \
    X(S, STRING, group_id, "GroupId", ONLY(0, 0))
WIRE_MESSAGE(consumer_group_target_assignment_metadata_key,
             "ConsumerGroupTargetAssignmentMetadataKey",
             CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY_FIELDS, 0, 0, WIRE_NEVER)

#define CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE_FIELDS(X, S)                               \
    X(S, INT32, assignment_epoch, "AssignmentEpoch", FROM(0))                                      \
    X(S, INT64, assignment_timestamp, "AssignmentTimestamp", FROM(0), TAG(0), IGNORABLE)
WIRE_MESSAGE(consumer_group_target_assignment_metadata_value,
             "ConsumerGroupTargetAssignmentMetadataValue",
             CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE_FIELDS, 0, 0, 0)

#define CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY_FIELDS(X, S)                                   \
    X(S, STRING, group_id, "GroupId", ONLY(0, 0))                                                  \
    X(S, STRING, member_id, "MemberId", ONLY(0, 0))
WIRE_MESSAGE(consumer_group_target_assignment_member_key, "ConsumerGroupTargetAssignmentMemberKey",
             CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY_FIELDS, 0, 0, WIRE_NEVER)

#define CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE_TOPIC_PARTITION_FIELDS(X, S)                 \
    X(S, UUID, topic_id, "TopicId", FROM(0))                                                       \
    X(S, ARRAY(INT32), partitions, "Partitions", FROM(0))
WIRE_STRUCT(consumer_group_target_assignment_member_value_topic_partition, "TopicPartition",
            CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE_TOPIC_PARTITION_FIELDS)

#define CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE_FIELDS(X, S)                                 \
    X(S, ARRAY(STRUCT(consumer_group_target_assignment_member_value_topic_partition)),             \
      topic_partitions, "TopicPartitions", FROM(0))
WIRE_MESSAGE(consumer_group_target_assignment_member_value,
             "ConsumerGroupTargetAssignmentMemberValue",
             CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE_FIELDS, 0, 0, 0)

#define CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY_FIELDS(X, S)                                  \
    X(S, STRING, group_id, "GroupId", ONLY(0, 0))                                                  \
    X(S, STRING, member_id, "MemberId", ONLY(0, 0))
WIRE_MESSAGE(consumer_group_current_member_assignment_key,
             "ConsumerGroupCurrentMemberAssignmentKey",
             CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY_FIELDS, 0, 0, WIRE_NEVER)

#define CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE_TOPIC_PARTITIONS_FIELDS(X, S)               \
    X(S, UUID, topic_id, "TopicId", FROM(0))                                                       \
    X(S, ARRAY(INT32), partitions, "Partitions", FROM(0))                                          \
    X(S, ARRAY(INT32), assignment_epochs, "AssignmentEpochs", FROM(0), NULL_FROM(0), TAG(0))
WIRE_STRUCT(consumer_group_current_member_assignment_value_topic_partitions, "TopicPartitions",
            CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE_TOPIC_PARTITIONS_FIELDS)

#define CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE_FIELDS(X, S)                                \
    X(S, INT32, member_epoch, "MemberEpoch", FROM(0))                                              \
    X(S, INT32, previous_member_epoch, "PreviousMemberEpoch", FROM(0))                             \
    X(S, INT8, state, "State", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(consumer_group_current_member_assignment_value_topic_partitions)),           \
      assigned_partitions, "AssignedPartitions", FROM(0))                                          \
    X(S, ARRAY(STRUCT(consumer_group_current_member_assignment_value_topic_partitions)),           \
      partitions_pending_revocation, "PartitionsPendingRevocation", FROM(0))
WIRE_MESSAGE(consumer_group_current_member_assignment_value,
             "ConsumerGroupCurrentMemberAssignmentValue",
             CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE_FIELDS, 0, 0, 0)

#define CONSUMER_GROUP_REGULAR_EXPRESSION_KEY_FIELDS(X, S)                                         \
    X(S, STRING, group_id, "GroupId", ONLY(0, 0))                                                  \
    X(S, STRING, regular_expression, "RegularExpression", ONLY(0, 0))
WIRE_MESSAGE(consumer_group_regular_expression_key, "ConsumerGroupRegularExpressionKey",
             CONSUMER_GROUP_REGULAR_EXPRESSION_KEY_FIELDS, 0, 0, WIRE_NEVER)

#define CONSUMER_GROUP_REGULAR_EXPRESSION_VALUE_FIELDS(X, S)                                       \
    X(S, ARRAY(STRING), topics, "Topics", FROM(0))                                                 \
    X(S, INT64, version, "Version", FROM(0))                                                       \
    X(S, INT64, timestamp, "Timestamp", FROM(0))
WIRE_MESSAGE(consumer_group_regular_expression_value, "ConsumerGroupRegularExpressionValue",
             CONSUMER_GROUP_REGULAR_EXPRESSION_VALUE_FIELDS, 0, 0, 0)

#endif
