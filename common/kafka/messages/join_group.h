/* JoinGroup (key 11): request and response. */
#ifndef KAFKA_MESSAGES_JOIN_GROUP_H
#define KAFKA_MESSAGES_JOIN_GROUP_H

#include "wire/wire.h"

#define JOIN_GROUP_REQUEST_JOIN_GROUP_REQUEST_PROTOCOL_FIELDS(X, S)                                \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, BYTES, metadata, "Metadata", FROM(0))
WIRE_STRUCT(join_group_request_join_group_request_protocol, "JoinGroupRequestProtocol",
            JOIN_GROUP_REQUEST_JOIN_GROUP_REQUEST_PROTOCOL_FIELDS)

#define JOIN_GROUP_REQUEST_FIELDS(X, S)                                                            \
    X(S, STRING, group_id, "GroupId", FROM(0))                                                     \
    X(S, INT32, session_timeout_ms, "SessionTimeoutMs", FROM(0))                                   \
    X(S, INT32, rebalance_timeout_ms, "RebalanceTimeoutMs", FROM(1), DEFAULT(-1), IGNORABLE)       \
    X(S, STRING, member_id, "MemberId", FROM(0))                                                   \
    X(S, STRING, group_instance_id, "GroupInstanceId", FROM(5), NULL_FROM(5), DEFAULT_NULL)        \
    X(S, STRING, protocol_type, "ProtocolType", FROM(0))                                           \
    X(S, ARRAY(STRUCT(join_group_request_join_group_request_protocol)), protocols, "Protocols",    \
      FROM(0))                                                                                     \
    X(S, STRING, reason, "Reason", FROM(8), NULL_FROM(8), DEFAULT_NULL, IGNORABLE)
WIRE_MESSAGE(join_group_request, "JoinGroupRequest", JOIN_GROUP_REQUEST_FIELDS, 0, 9, 6)

#define JOIN_GROUP_RESPONSE_JOIN_GROUP_RESPONSE_MEMBER_FIELDS(X, S)                                \
    X(S, STRING, member_id, "MemberId", FROM(0))                                                   \
    X(S, STRING, group_instance_id, "GroupInstanceId", FROM(5), NULL_FROM(5), DEFAULT_NULL,        \
      IGNORABLE)                                                                                   \
    X(S, BYTES, metadata, "Metadata", FROM(0))
WIRE_STRUCT(join_group_response_join_group_response_member, "JoinGroupResponseMember",
            JOIN_GROUP_RESPONSE_JOIN_GROUP_RESPONSE_MEMBER_FIELDS)

#define JOIN_GROUP_RESPONSE_FIELDS(X, S)                                                           \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(2), IGNORABLE)                            \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, INT32, generation_id, "GenerationId", FROM(0), DEFAULT(-1))                               \
    X(S, STRING, protocol_type, "ProtocolType", FROM(7), NULL_FROM(7), DEFAULT_NULL, IGNORABLE)    \
    X(S, STRING, protocol_name, "ProtocolName", FROM(0), NULL_FROM(7))                             \
    X(S, STRING, leader, "Leader", FROM(0))                                                        \
    X(S, BOOL, skip_assignment, "SkipAssignment", FROM(9))                                         \
    X(S, STRING, member_id, "MemberId", FROM(0))                                                   \
    X(S, ARRAY(STRUCT(join_group_response_join_group_response_member)), members, "Members", FROM(0))
WIRE_MESSAGE(join_group_response, "JoinGroupResponse", JOIN_GROUP_RESPONSE_FIELDS, 0, 9, 6)

#endif
