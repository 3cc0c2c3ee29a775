/* LeaveGroup (key 13): request and response. */
#ifndef KAFKA_MESSAGES_LEAVE_GROUP_H
#define KAFKA_MESSAGES_LEAVE_GROUP_H

#include "wire/wire.h"

#define LEAVE_GROUP_REQUEST_MEMBER_IDENTITY_FIELDS(X, S)                                           \
    X(S, STRING, member_id, "MemberId", FROM(3))                                                   \
    X(S, STRING, group_instance_id, "GroupInstanceId", FROM(3), NULL_FROM(3), DEFAULT_NULL)        \
    X(S, STRING, reason, "Reason", FROM(5), NULL_FROM(5), DEFAULT_NULL, IGNORABLE)
WIRE_STRUCT(leave_group_request_member_identity, "MemberIdentity",
            LEAVE_GROUP_REQUEST_MEMBER_IDENTITY_FIELDS)

#define LEAVE_GROUP_REQUEST_FIELDS(X, S)                                                           \
    X(S, STRING, group_id, "GroupId", FROM(0))                                                     \
    X(S, STRING, member_id, "MemberId", ONLY(0, 2))                                                \
    X(S, ARRAY(STRUCT(leave_group_request_member_identity)), members, "Members", FROM(3))
WIRE_MESSAGE(leave_group_request, "LeaveGroupRequest", LEAVE_GROUP_REQUEST_FIELDS, 0, 5, 4)

#define LEAVE_GROUP_RESPONSE_MEMBER_RESPONSE_FIELDS(X, S)                                          \
    X(S, STRING, member_id, "MemberId", FROM(3))                                                   \
    X(S, STRING, group_instance_id, "GroupInstanceId", FROM(3), NULL_FROM(3))                      \
    X(S, INT16, error_code, "ErrorCode", FROM(3))
WIRE_STRUCT(leave_group_response_member_response, "MemberResponse",
            LEAVE_GROUP_RESPONSE_MEMBER_RESPONSE_FIELDS)

#define LEAVE_GROUP_RESPONSE_FIELDS(X, S)                                                          \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(1), IGNORABLE)                            \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, ARRAY(STRUCT(leave_group_response_member_response)), members, "Members", FROM(3))
WIRE_MESSAGE(leave_group_response, "LeaveGroupResponse", LEAVE_GROUP_RESPONSE_FIELDS, 0, 5, 4)

#endif
