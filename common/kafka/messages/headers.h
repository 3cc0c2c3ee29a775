/* Request and response headers; which version goes with which request: kafka/api.h. */
#ifndef KAFKA_MESSAGES_HEADERS_H
#define KAFKA_MESSAGES_HEADERS_H

#include "wire/wire.h"

#define REQUEST_HEADER_FIELDS(X, S)                                                                \
    X(S, INT16, request_api_key, "RequestApiKey", FROM(0))                                         \
    X(S, INT16, request_api_version, "RequestApiVersion", FROM(0))                                 \
    X(S, INT32, correlation_id, "CorrelationId", FROM(0))                                          \
    X(S, STRING, client_id, "ClientId", FROM(1), NULL_FROM(1), NOT_COMPACT)
WIRE_MESSAGE(request_header, "RequestHeader", REQUEST_HEADER_FIELDS, 0, 2, 2)

#define RESPONSE_HEADER_FIELDS(X, S) X(S, INT32, correlation_id, "CorrelationId", FROM(0))
WIRE_MESSAGE(response_header, "ResponseHeader", RESPONSE_HEADER_FIELDS, 0, 1, 1)

#endif
