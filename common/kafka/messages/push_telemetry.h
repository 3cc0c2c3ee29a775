/* PushTelemetry (key 72): request and response. */
#ifndef KAFKA_MESSAGES_PUSH_TELEMETRY_H
#define KAFKA_MESSAGES_PUSH_TELEMETRY_H

#include "wire/wire.h"

#define PUSH_TELEMETRY_REQUEST_FIELDS(X, S)                                                        \
    X(S, UUID, client_instance_id, "ClientInstanceId", FROM(0))                                    \
    X(S, INT32, subscription_id, "SubscriptionId", FROM(0))                                        \
    X(S, BOOL, terminating, "Terminating", FROM(0))                                                \
    X(S, INT8, compression_type, "CompressionType", FROM(0))                                       \
    X(S, BYTES, metrics, "Metrics", FROM(0))
WIRE_MESSAGE(push_telemetry_request, "PushTelemetryRequest", PUSH_TELEMETRY_REQUEST_FIELDS, 0, 0, 0)

#define PUSH_TELEMETRY_RESPONSE_FIELDS(X, S)                                                       \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))
WIRE_MESSAGE(push_telemetry_response, "PushTelemetryResponse", PUSH_TELEMETRY_RESPONSE_FIELDS, 0, 0,
             0)

#endif
