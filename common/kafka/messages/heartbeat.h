/* Heartbeat (key 12): request and response. */
#ifndef KAFKA_MESSAGES_HEARTBEAT_H
#define KAFKA_MESSAGES_HEARTBEAT_H

#include "wire/wire.h"

#define HEARTBEAT_REQUEST_FIELDS(X, S)                                                             \
    X(S, STRING, group_id, "GroupId", FROM(0))                                                     \
    X(S, INT32, generation_id, "GenerationId", FROM(0))                                            \
    X(S, STRING, member_id, "MemberId", FROM(0))                                                   \
    X(S, STRING, group_instance_id, "GroupInstanceId", FROM(3), NULL_FROM(3), DEFAULT_NULL)
WIRE_MESSAGE(heartbeat_request, "HeartbeatRequest", HEARTBEAT_REQUEST_FIELDS, 0, 4, 4)

#define HEARTBEAT_RESPONSE_FIELDS(X, S)                                                            \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(1), IGNORABLE)                            \
    X(S, INT16, error_code, "ErrorCode", FROM(0))
WIRE_MESSAGE(heartbeat_response, "HeartbeatResponse", HEARTBEAT_RESPONSE_FIELDS, 0, 4, 4)

#endif
