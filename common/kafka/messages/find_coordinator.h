/* FindCoordinator (key 10): request and response. */
#ifndef KAFKA_MESSAGES_FIND_COORDINATOR_H
#define KAFKA_MESSAGES_FIND_COORDINATOR_H

#include "wire/wire.h"

#define FIND_COORDINATOR_REQUEST_FIELDS(X, S)                                                      \
    X(S, STRING, key, "Key", ONLY(0, 3))                                                           \
    X(S, INT8, key_type, "KeyType", FROM(1))                                                       \
    X(S, ARRAY(STRING), coordinator_keys, "CoordinatorKeys", FROM(4))
WIRE_MESSAGE(find_coordinator_request, "FindCoordinatorRequest", FIND_COORDINATOR_REQUEST_FIELDS, 0,
             6, 3)

#define FIND_COORDINATOR_RESPONSE_COORDINATOR_FIELDS(X, S)                                         \
    X(S, STRING, key, "Key", FROM(4))                                                              \
    X(S, INT32, node_id, "NodeId", FROM(4))                                                        \
    X(S, STRING, host, "Host", FROM(4))                                                            \
    X(S, INT32, port, "Port", FROM(4))                                                             \
    X(S, INT16, error_code, "ErrorCode", FROM(4))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(4), NULL_FROM(4), IGNORABLE)
WIRE_STRUCT(find_coordinator_response_coordinator, "Coordinator",
            FIND_COORDINATOR_RESPONSE_COORDINATOR_FIELDS)

#define FIND_COORDINATOR_RESPONSE_FIELDS(X, S)                                                     \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(1), IGNORABLE)                            \
    X(S, INT16, error_code, "ErrorCode", ONLY(0, 3))                                               \
    X(S, STRING, error_message, "ErrorMessage", ONLY(1, 3), NULL_ONLY(1, 3), IGNORABLE)            \
    X(S, INT32, node_id, "NodeId", ONLY(0, 3))                                                     \
    X(S, STRING, host, "Host", ONLY(0, 3))                                                         \
    X(S, INT32, port, "Port", ONLY(0, 3))                                                          \
    X(S, ARRAY(STRUCT(find_coordinator_response_coordinator)), coordinators, "Coordinators",       \
      FROM(4))
WIRE_MESSAGE(find_coordinator_response, "FindCoordinatorResponse", FIND_COORDINATOR_RESPONSE_FIELDS,
             0, 6, 3)

#endif
