/* DescribeGroups (key 15): request and response. */
#ifndef KAFKA_MESSAGES_DESCRIBE_GROUPS_H
#define KAFKA_MESSAGES_DESCRIBE_GROUPS_H

#include "wire/wire.h"

#define DESCRIBE_GROUPS_REQUEST_FIELDS(X, S)                                                       \
    X(S, ARRAY(STRING), groups, "Groups", FROM(0))                                                 \
    X(S, BOOL, include_authorized_operations, "IncludeAuthorizedOperations", FROM(3))
WIRE_MESSAGE(describe_groups_request, "DescribeGroupsRequest", DESCRIBE_GROUPS_REQUEST_FIELDS, 0, 6,
             5)

#define DESCRIBE_GROUPS_RESPONSE_DESCRIBED_GROUP_MEMBER_FIELDS(X, S)                               \
    X(S, STRING, member_id, "MemberId", FROM(0))                                                   \
    X(S, STRING, group_instance_id, "GroupInstanceId", FROM(4), NULL_FROM(4), DEFAULT_NULL,        \
      IGNORABLE)                                                                                   \
    X(S, STRING, client_id, "ClientId", FROM(0))                                                   \
    X(S, STRING, client_host, "ClientHost", FROM(0))                                               \
    X(S, BYTES, member_metadata, "MemberMetadata", FROM(0))                                        \
    X(S, BYTES, member_assignment, "MemberAssignment", FROM(0))
WIRE_STRUCT(describe_groups_response_described_group_member, "DescribedGroupMember",
            DESCRIBE_GROUPS_RESPONSE_DESCRIBED_GROUP_MEMBER_FIELDS)

#define DESCRIBE_GROUPS_RESPONSE_DESCRIBED_GROUP_FIELDS(X, S)                                      \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(6), NULL_FROM(6), DEFAULT_NULL)               \
    X(S, STRING, group_id, "GroupId", FROM(0))                                                     \
    X(S, STRING, group_state, "GroupState", FROM(0))                                               \
    X(S, STRING, protocol_type, "ProtocolType", FROM(0))                                           \
    X(S, STRING, protocol_data, "ProtocolData", FROM(0))                                           \
    X(S, ARRAY(STRUCT(describe_groups_response_described_group_member)), members, "Members",       \
      FROM(0))                                                                                     \
    X(S, INT32, authorized_operations, "AuthorizedOperations", FROM(3), DEFAULT(INT32_MIN))
WIRE_STRUCT(describe_groups_response_described_group, "DescribedGroup",
            DESCRIBE_GROUPS_RESPONSE_DESCRIBED_GROUP_FIELDS)

#define DESCRIBE_GROUPS_RESPONSE_FIELDS(X, S)                                                      \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(1), IGNORABLE)                            \
    X(S, ARRAY(STRUCT(describe_groups_response_described_group)), groups, "Groups", FROM(0))
WIRE_MESSAGE(describe_groups_response, "DescribeGroupsResponse", DESCRIBE_GROUPS_RESPONSE_FIELDS, 0,
             6, 5)

#endif
