/* UnregisterController (key 94): request and response. */
#ifndef KAFKA_MESSAGES_UNREGISTER_CONTROLLER_H
#define KAFKA_MESSAGES_UNREGISTER_CONTROLLER_H

#include "wire/wire.h"

#define UNREGISTER_CONTROLLER_REQUEST_FIELDS(X, S)                                                 \
    X(S, INT32, controller_id, "ControllerId", FROM(0))
WIRE_MESSAGE(unregister_controller_request, "UnregisterControllerRequest",
             UNREGISTER_CONTROLLER_REQUEST_FIELDS, 0, 0, 0)

#define UNREGISTER_CONTROLLER_RESPONSE_FIELDS(X, S)                                                \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))
WIRE_MESSAGE(unregister_controller_response, "UnregisterControllerResponse",
             UNREGISTER_CONTROLLER_RESPONSE_FIELDS, 0, 0, 0)

#endif
