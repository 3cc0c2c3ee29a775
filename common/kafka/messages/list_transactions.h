/* ListTransactions (key 66): request and response. */
#ifndef KAFKA_MESSAGES_LIST_TRANSACTIONS_H
#define KAFKA_MESSAGES_LIST_TRANSACTIONS_H

#include "wire/wire.h"

#define LIST_TRANSACTIONS_REQUEST_FIELDS(X, S)                                                     \
    X(S, ARRAY(STRING), state_filters, "StateFilters", FROM(0))                                    \
    X(S, ARRAY(INT64), producer_id_filters, "ProducerIdFilters", FROM(0))                          \
    X(S, INT64, duration_filter, "DurationFilter", FROM(1), DEFAULT(-1))                           \
    X(S, STRING, transactional_id_pattern, "TransactionalIdPattern", FROM(2), NULL_FROM(2),        \
      DEFAULT_NULL)
WIRE_MESSAGE(list_transactions_request, "ListTransactionsRequest", LIST_TRANSACTIONS_REQUEST_FIELDS,
             0, 2, 0)

#define LIST_TRANSACTIONS_RESPONSE_TRANSACTION_STATE_FIELDS(X, S)                                  \
    X(S, STRING, transactional_id, "TransactionalId", FROM(0))                                     \
    X(S, INT64, producer_id, "ProducerId", FROM(0))                                                \
    X(S, STRING, transaction_state, "TransactionState", FROM(0))
WIRE_STRUCT(list_transactions_response_transaction_state, "TransactionState",
            LIST_TRANSACTIONS_RESPONSE_TRANSACTION_STATE_FIELDS)

#define LIST_TRANSACTIONS_RESPONSE_FIELDS(X, S)                                                    \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, ARRAY(STRING), unknown_state_filters, "UnknownStateFilters", FROM(0))                     \
    X(S, ARRAY(STRUCT(list_transactions_response_transaction_state)), transaction_states,          \
      "TransactionStates", FROM(0))
WIRE_MESSAGE(list_transactions_response, "ListTransactionsResponse",
             LIST_TRANSACTIONS_RESPONSE_FIELDS, 0, 2, 0)

#endif
