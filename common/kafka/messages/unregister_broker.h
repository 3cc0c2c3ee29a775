/* UnregisterBroker (key 64): request and response. */
#ifndef KAFKA_MESSAGES_UNREGISTER_BROKER_H
#define KAFKA_MESSAGES_UNREGISTER_BROKER_H

#include "wire/wire.h"

#define UNREGISTER_BROKER_REQUEST_FIELDS(X, S) X(S, INT32, broker_id, "BrokerId", FROM(0))
WIRE_MESSAGE(unregister_broker_request, "UnregisterBrokerRequest", UNREGISTER_BROKER_REQUEST_FIELDS,
             0, 0, 0)

#define UNREGISTER_BROKER_RESPONSE_FIELDS(X, S)                                                    \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))
WIRE_MESSAGE(unregister_broker_response, "UnregisterBrokerResponse",
             UNREGISTER_BROKER_RESPONSE_FIELDS, 0, 0, 0)

#endif
