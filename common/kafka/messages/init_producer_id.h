/* InitProducerId (key 22): request and response. */
#ifndef KAFKA_MESSAGES_INIT_PRODUCER_ID_H
#define KAFKA_MESSAGES_INIT_PRODUCER_ID_H

#include "wire/wire.h"

#define INIT_PRODUCER_ID_REQUEST_FIELDS(X, S)                                                      \
    X(S, STRING, transactional_id, "TransactionalId", FROM(0), NULL_FROM(0))                       \
    X(S, INT32, transaction_timeout_ms, "TransactionTimeoutMs", FROM(0))                           \
    X(S, INT64, producer_id, "ProducerId", FROM(3), DEFAULT(-1))                                   \
    X(S, INT16, producer_epoch, "ProducerEpoch", FROM(3), DEFAULT(-1))                             \
    X(S, BOOL, enable2_pc, "Enable2Pc", FROM(6))                                                   \
    X(S, BOOL, keep_prepared_txn, "KeepPreparedTxn", FROM(6))
WIRE_MESSAGE(init_producer_id_request, "InitProducerIdRequest", INIT_PRODUCER_ID_REQUEST_FIELDS, 0,
             6, 2)

#define INIT_PRODUCER_ID_RESPONSE_FIELDS(X, S)                                                     \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0), IGNORABLE)                            \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, INT64, producer_id, "ProducerId", FROM(0), DEFAULT(-1))                                   \
    X(S, INT16, producer_epoch, "ProducerEpoch", FROM(0))                                          \
    X(S, INT64, ongoing_txn_producer_id, "OngoingTxnProducerId", FROM(6), DEFAULT(-1))             \
    X(S, INT16, ongoing_txn_producer_epoch, "OngoingTxnProducerEpoch", FROM(6), DEFAULT(-1))
WIRE_MESSAGE(init_producer_id_response, "InitProducerIdResponse", INIT_PRODUCER_ID_RESPONSE_FIELDS,
             0, 6, 2)

#endif
