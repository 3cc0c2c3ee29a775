/* DescribeTransactions (key 65): request and response. */
#ifndef KAFKA_MESSAGES_DESCRIBE_TRANSACTIONS_H
#define KAFKA_MESSAGES_DESCRIBE_TRANSACTIONS_H

#include "wire/wire.h"

#define DESCRIBE_TRANSACTIONS_REQUEST_FIELDS(X, S)                                                 \
    X(S, ARRAY(STRING), transactional_ids, "TransactionalIds", FROM(0))
WIRE_MESSAGE(describe_transactions_request, "DescribeTransactionsRequest",
             DESCRIBE_TRANSACTIONS_REQUEST_FIELDS, 0, 0, 0)

#define DESCRIBE_TRANSACTIONS_RESPONSE_TOPIC_DATA_FIELDS(X, S)                                     \
    X(S, STRING, topic, "Topic", FROM(0))                                                          \
    X(S, ARRAY(INT32), partitions, "Partitions", FROM(0))
WIRE_STRUCT(describe_transactions_response_topic_data, "TopicData",
            DESCRIBE_TRANSACTIONS_RESPONSE_TOPIC_DATA_FIELDS)

#define DESCRIBE_TRANSACTIONS_RESPONSE_TRANSACTION_STATE_FIELDS(X, S)                              \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, transactional_id, "TransactionalId", FROM(0))                                     \
    X(S, STRING, transaction_state, "TransactionState", FROM(0))                                   \
    X(S, INT32, transaction_timeout_ms, "TransactionTimeoutMs", FROM(0))                           \
    X(S, INT64, transaction_start_time_ms, "TransactionStartTimeMs", FROM(0))                      \
    X(S, INT64, producer_id, "ProducerId", FROM(0))                                                \
    X(S, INT16, producer_epoch, "ProducerEpoch", FROM(0))                                          \
    X(S, ARRAY(STRUCT(describe_transactions_response_topic_data)), topics, "Topics", FROM(0))
WIRE_STRUCT(describe_transactions_response_transaction_state, "TransactionState",
            DESCRIBE_TRANSACTIONS_RESPONSE_TRANSACTION_STATE_FIELDS)

#define DESCRIBE_TRANSACTIONS_RESPONSE_FIELDS(X, S)                                                \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, ARRAY(STRUCT(describe_transactions_response_transaction_state)), transaction_states,      \
      "TransactionStates", FROM(0))
WIRE_MESSAGE(describe_transactions_response, "DescribeTransactionsResponse",
             DESCRIBE_TRANSACTIONS_RESPONSE_FIELDS, 0, 0, 0)

#endif
