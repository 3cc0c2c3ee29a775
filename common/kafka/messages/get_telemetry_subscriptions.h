/* GetTelemetrySubscriptions (key 71): request and response. */
#ifndef KAFKA_MESSAGES_GET_TELEMETRY_SUBSCRIPTIONS_H
#define KAFKA_MESSAGES_GET_TELEMETRY_SUBSCRIPTIONS_H

#include "wire/wire.h"

#define GET_TELEMETRY_SUBSCRIPTIONS_REQUEST_FIELDS(X, S)                                           \
    X(S, UUID, client_instance_id, "ClientInstanceId", FROM(0))
WIRE_MESSAGE(get_telemetry_subscriptions_request, "GetTelemetrySubscriptionsRequest",
             GET_TELEMETRY_SUBSCRIPTIONS_REQUEST_FIELDS, 0, 0, 0)

#define GET_TELEMETRY_SUBSCRIPTIONS_RESPONSE_FIELDS(X, S)                                          \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, UUID, client_instance_id, "ClientInstanceId", FROM(0))                                    \
    X(S, INT32, subscription_id, "SubscriptionId", FROM(0))                                        \
    X(S, ARRAY(INT8), accepted_compression_types, "AcceptedCompressionTypes", FROM(0))             \
    X(S, INT32, push_interval_ms, "PushIntervalMs", FROM(0))                                       \
    X(S, INT32, telemetry_max_bytes, "TelemetryMaxBytes", FROM(0))                                 \
    X(S, BOOL, delta_temporality, "DeltaTemporality", FROM(0))                                     \
    X(S, ARRAY(STRING), requested_metrics, "RequestedMetrics", FROM(0))
WIRE_MESSAGE(get_telemetry_subscriptions_response, "GetTelemetrySubscriptionsResponse",
             GET_TELEMETRY_SUBSCRIPTIONS_RESPONSE_FIELDS, 0, 0, 0)

#endif
