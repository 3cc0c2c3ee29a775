/* SaslHandshake (key 17): request and response. */
#ifndef KAFKA_MESSAGES_SASL_HANDSHAKE_H
#define KAFKA_MESSAGES_SASL_HANDSHAKE_H

#include "wire/wire.h"

#define SASL_HANDSHAKE_REQUEST_FIELDS(X, S) X(S, STRING, mechanism, "Mechanism", FROM(0))
WIRE_MESSAGE(sasl_handshake_request, "SaslHandshakeRequest", SASL_HANDSHAKE_REQUEST_FIELDS, 0, 1,
             WIRE_NEVER)

#define SASL_HANDSHAKE_RESPONSE_FIELDS(X, S)                                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, ARRAY(STRING), mechanisms, "Mechanisms", FROM(0))
WIRE_MESSAGE(sasl_handshake_response, "SaslHandshakeResponse", SASL_HANDSHAKE_RESPONSE_FIELDS, 0, 1,
             WIRE_NEVER)

#endif
