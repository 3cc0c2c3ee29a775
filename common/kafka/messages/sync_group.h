/* SyncGroup (key 14): request and response. */
#ifndef KAFKA_MESSAGES_SYNC_GROUP_H
#define KAFKA_MESSAGES_SYNC_GROUP_H

#include "wire/wire.h"

#define SYNC_GROUP_REQUEST_SYNC_GROUP_REQUEST_ASSIGNMENT_FIELDS(X, S)                              \
    X(S, STRING, member_id, "MemberId", FROM(0))                                                   \
    X(S, BYTES, assignment, "Assignment", FROM(0))
WIRE_STRUCT(sync_group_request_sync_group_request_assignment, "SyncGroupRequestAssignment",
            SYNC_GROUP_REQUEST_SYNC_GROUP_REQUEST_ASSIGNMENT_FIELDS)

#define SYNC_GROUP_REQUEST_FIELDS(X, S)                                                            \
    X(S, STRING, group_id, "GroupId", FROM(0))                                                     \
    X(S, INT32, generation_id, "GenerationId", FROM(0))                                            \
    X(S, STRING, member_id, "MemberId", FROM(0))                                                   \
    X(S, STRING, group_instance_id, "GroupInstanceId", FROM(3), NULL_FROM(3), DEFAULT_NULL)        \
    X(S, STRING, protocol_type, "ProtocolType", FROM(5), NULL_FROM(5), DEFAULT_NULL, IGNORABLE)    \
    X(S, STRING, protocol_name, "ProtocolName", FROM(5), NULL_FROM(5), DEFAULT_NULL, IGNORABLE)    \
    X(S, ARRAY(STRUCT(sync_group_request_sync_group_request_assignment)), assignments,             \
      "Assignments", FROM(0))
WIRE_MESSAGE(sync_group_request, "SyncGroupRequest", SYNC_GROUP_REQUEST_FIELDS, 0, 5, 4)

#define SYNC_GROUP_RESPONSE_FIELDS(X, S)                                                           \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(1), IGNORABLE)                            \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, protocol_type, "ProtocolType", FROM(5), NULL_FROM(5), DEFAULT_NULL, IGNORABLE)    \
    X(S, STRING, protocol_name, "ProtocolName", FROM(5), NULL_FROM(5), DEFAULT_NULL, IGNORABLE)    \
    X(S, BYTES, assignment, "Assignment", FROM(0))
WIRE_MESSAGE(sync_group_response, "SyncGroupResponse", SYNC_GROUP_RESPONSE_FIELDS, 0, 5, 4)

#endif
