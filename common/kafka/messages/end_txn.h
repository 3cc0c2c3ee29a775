/* EndTxn (key 26): request and response. */
#ifndef KAFKA_MESSAGES_END_TXN_H
#define KAFKA_MESSAGES_END_TXN_H

#include "wire/wire.h"

#define END_TXN_REQUEST_FIELDS(X, S)                                                               \
    X(S, STRING, transactional_id, "TransactionalId", FROM(0))                                     \
    X(S, INT64, producer_id, "ProducerId", FROM(0))                                                \
    X(S, INT16, producer_epoch, "ProducerEpoch", FROM(0))                                          \
    X(S, BOOL, committed, "Committed", FROM(0))
WIRE_MESSAGE(end_txn_request, "EndTxnRequest", END_TXN_REQUEST_FIELDS, 0, 5, 3)

#define END_TXN_RESPONSE_FIELDS(X, S)                                                              \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, INT64, producer_id, "ProducerId", FROM(5), DEFAULT(-1), IGNORABLE)                        \
    X(S, INT16, producer_epoch, "ProducerEpoch", FROM(5), DEFAULT(-1), IGNORABLE)
WIRE_MESSAGE(end_txn_response, "EndTxnResponse", END_TXN_RESPONSE_FIELDS, 0, 5, 3)

#endif
