/* SaslAuthenticate (key 36): request and response. */
#ifndef KAFKA_MESSAGES_SASL_AUTHENTICATE_H
#define KAFKA_MESSAGES_SASL_AUTHENTICATE_H

#include "wire/wire.h"

#define SASL_AUTHENTICATE_REQUEST_FIELDS(X, S) X(S, BYTES, auth_bytes, "AuthBytes", FROM(0))
WIRE_MESSAGE(sasl_authenticate_request, "SaslAuthenticateRequest", SASL_AUTHENTICATE_REQUEST_FIELDS,
             0, 2, 2)

#define SASL_AUTHENTICATE_RESPONSE_FIELDS(X, S)                                                    \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))                             \
    X(S, BYTES, auth_bytes, "AuthBytes", FROM(0))                                                  \
    X(S, INT64, session_lifetime_ms, "SessionLifetimeMs", FROM(1), IGNORABLE)
WIRE_MESSAGE(sasl_authenticate_response, "SaslAuthenticateResponse",
             SASL_AUTHENTICATE_RESPONSE_FIELDS, 0, 2, 2)

#endif
