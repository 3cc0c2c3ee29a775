/* Records of __transaction_state: an int16 (0 in a key, the version of a value) precedes the
 * fields. */
#ifndef KAFKA_MESSAGES_TRANSACTION_STATE_H
#define KAFKA_MESSAGES_TRANSACTION_STATE_H

#include "wire/wire.h"

#define TRANSACTION_LOG_KEY_FIELDS(X, S)                                                           \
    X(S, STRING, transactional_id, "TransactionalId", ONLY(0, 0))
WIRE_MESSAGE(transaction_log_key, "TransactionLogKey", TRANSACTION_LOG_KEY_FIELDS, 0, 0, WIRE_NEVER)

#define TRANSACTION_LOG_VALUE_PARTITIONS_SCHEMA_FIELDS(X, S)                                       \
    X(S, STRING, topic, "Topic", FROM(0))                                                          \
    X(S, ARRAY(INT32), partition_ids, "PartitionIds", FROM(0))
WIRE_STRUCT(transaction_log_value_partitions_schema, "PartitionsSchema",
            TRANSACTION_LOG_VALUE_PARTITIONS_SCHEMA_FIELDS)

#define TRANSACTION_LOG_VALUE_FIELDS(X, S)                                                         \
    X(S, INT64, producer_id, "ProducerId", FROM(0))                                                \
    X(S, INT64, previous_producer_id, "PreviousProducerId", FROM(1), TAG(0), DEFAULT(-1))          \
    X(S, INT64, next_producer_id, "NextProducerId", FROM(1), TAG(1), DEFAULT(-1))                  \
    X(S, INT16, producer_epoch, "ProducerEpoch", FROM(0))                                          \
    X(S, INT16, next_producer_epoch, "NextProducerEpoch", FROM(1), TAG(3), DEFAULT(-1))            \
    X(S, INT32, transaction_timeout_ms, "TransactionTimeoutMs", FROM(0))                           \
    X(S, INT8, transaction_status, "TransactionStatus", FROM(0))                                   \
    X(S, ARRAY(STRUCT(transaction_log_value_partitions_schema)), transaction_partitions,           \
      "TransactionPartitions", FROM(0), NULL_FROM(0))                                              \
    X(S, INT64, transaction_last_update_timestamp_ms, "TransactionLastUpdateTimestampMs", FROM(0)) \
    X(S, INT64, transaction_start_timestamp_ms, "TransactionStartTimestampMs", FROM(0))            \
    X(S, INT16, client_transaction_version, "ClientTransactionVersion", FROM(1), TAG(2))
WIRE_MESSAGE(transaction_log_value, "TransactionLogValue", TRANSACTION_LOG_VALUE_FIELDS, 0, 1, 1)

#endif
