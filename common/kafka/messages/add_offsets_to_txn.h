/* AddOffsetsToTxn (key 25): request and response. */
#ifndef KAFKA_MESSAGES_ADD_OFFSETS_TO_TXN_H
#define KAFKA_MESSAGES_ADD_OFFSETS_TO_TXN_H

#include "wire/wire.h"

#define ADD_OFFSETS_TO_TXN_REQUEST_FIELDS(X, S)                                                    \
    X(S, STRING, transactional_id, "TransactionalId", FROM(0))                                     \
    X(S, INT64, producer_id, "ProducerId", FROM(0))                                                \
    X(S, INT16, producer_epoch, "ProducerEpoch", FROM(0))                                          \
    X(S, STRING, group_id, "GroupId", FROM(0))
WIRE_MESSAGE(add_offsets_to_txn_request, "AddOffsetsToTxnRequest",
             ADD_OFFSETS_TO_TXN_REQUEST_FIELDS, 0, 4, 3)

#define ADD_OFFSETS_TO_TXN_RESPONSE_FIELDS(X, S)                                                   \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))
WIRE_MESSAGE(add_offsets_to_txn_response, "AddOffsetsToTxnResponse",
             ADD_OFFSETS_TO_TXN_RESPONSE_FIELDS, 0, 4, 3)

#endif
