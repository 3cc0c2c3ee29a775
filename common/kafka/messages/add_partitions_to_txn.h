/* AddPartitionsToTxn (key 24): request and response. */
#ifndef KAFKA_MESSAGES_ADD_PARTITIONS_TO_TXN_H
#define KAFKA_MESSAGES_ADD_PARTITIONS_TO_TXN_H

#include "wire/wire.h"

#define ADD_PARTITIONS_TO_TXN_REQUEST_ADD_PARTITIONS_TO_TXN_TOPIC_FIELDS(X, S)                     \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(INT32), partitions, "Partitions", FROM(0))
WIRE_STRUCT(add_partitions_to_txn_request_add_partitions_to_txn_topic, "AddPartitionsToTxnTopic",
            ADD_PARTITIONS_TO_TXN_REQUEST_ADD_PARTITIONS_TO_TXN_TOPIC_FIELDS)

#define ADD_PARTITIONS_TO_TXN_REQUEST_ADD_PARTITIONS_TO_TXN_TRANSACTION_FIELDS(X, S)               \
    X(S, STRING, transactional_id, "TransactionalId", FROM(4))                                     \
    X(S, INT64, producer_id, "ProducerId", FROM(4))                                                \
    X(S, INT16, producer_epoch, "ProducerEpoch", FROM(4))                                          \
    X(S, BOOL, verify_only, "VerifyOnly", FROM(4))                                                 \
    X(S, ARRAY(STRUCT(add_partitions_to_txn_request_add_partitions_to_txn_topic)), topics,         \
      "Topics", FROM(4))
WIRE_STRUCT(add_partitions_to_txn_request_add_partitions_to_txn_transaction,
            "AddPartitionsToTxnTransaction",
            ADD_PARTITIONS_TO_TXN_REQUEST_ADD_PARTITIONS_TO_TXN_TRANSACTION_FIELDS)

#define ADD_PARTITIONS_TO_TXN_REQUEST_FIELDS(X, S)                                                 \
    X(S, ARRAY(STRUCT(add_partitions_to_txn_request_add_partitions_to_txn_transaction)),           \
      transactions, "Transactions", FROM(4))                                                       \
    X(S, STRING, v3_and_below_transactional_id, "V3AndBelowTransactionalId", ONLY(0, 3))           \
    X(S, INT64, v3_and_below_producer_id, "V3AndBelowProducerId", ONLY(0, 3))                      \
    X(S, INT16, v3_and_below_producer_epoch, "V3AndBelowProducerEpoch", ONLY(0, 3))                \
    X(S, ARRAY(STRUCT(add_partitions_to_txn_request_add_partitions_to_txn_topic)),                 \
      v3_and_below_topics, "V3AndBelowTopics", ONLY(0, 3))
WIRE_MESSAGE(add_partitions_to_txn_request, "AddPartitionsToTxnRequest",
             ADD_PARTITIONS_TO_TXN_REQUEST_FIELDS, 0, 5, 3)

#define ADD_PARTITIONS_TO_TXN_RESPONSE_ADD_PARTITIONS_TO_TXN_PARTITION_RESULT_FIELDS(X, S)         \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT16, partition_error_code, "PartitionErrorCode", FROM(0))
WIRE_STRUCT(add_partitions_to_txn_response_add_partitions_to_txn_partition_result,
            "AddPartitionsToTxnPartitionResult",
            ADD_PARTITIONS_TO_TXN_RESPONSE_ADD_PARTITIONS_TO_TXN_PARTITION_RESULT_FIELDS)

#define ADD_PARTITIONS_TO_TXN_RESPONSE_ADD_PARTITIONS_TO_TXN_TOPIC_RESULT_FIELDS(X, S)             \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(add_partitions_to_txn_response_add_partitions_to_txn_partition_result)),     \
      results_by_partition, "ResultsByPartition", FROM(0))
WIRE_STRUCT(add_partitions_to_txn_response_add_partitions_to_txn_topic_result,
            "AddPartitionsToTxnTopicResult",
            ADD_PARTITIONS_TO_TXN_RESPONSE_ADD_PARTITIONS_TO_TXN_TOPIC_RESULT_FIELDS)

#define ADD_PARTITIONS_TO_TXN_RESPONSE_ADD_PARTITIONS_TO_TXN_RESULT_FIELDS(X, S)                   \
    X(S, STRING, transactional_id, "TransactionalId", FROM(4))                                     \
    X(S, ARRAY(STRUCT(add_partitions_to_txn_response_add_partitions_to_txn_topic_result)),         \
      topic_results, "TopicResults", FROM(4))
WIRE_STRUCT(add_partitions_to_txn_response_add_partitions_to_txn_result, "AddPartitionsToTxnResult",
            ADD_PARTITIONS_TO_TXN_RESPONSE_ADD_PARTITIONS_TO_TXN_RESULT_FIELDS)

#define ADD_PARTITIONS_TO_TXN_RESPONSE_FIELDS(X, S)                                                \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(4), IGNORABLE)                                       \
    X(S, ARRAY(STRUCT(add_partitions_to_txn_response_add_partitions_to_txn_result)),               \
      results_by_transaction, "ResultsByTransaction", FROM(4))                                     \
    X(S, ARRAY(STRUCT(add_partitions_to_txn_response_add_partitions_to_txn_topic_result)),         \
      results_by_topic_v3_and_below, "ResultsByTopicV3AndBelow", ONLY(0, 3))
WIRE_MESSAGE(add_partitions_to_txn_response, "AddPartitionsToTxnResponse",
             ADD_PARTITIONS_TO_TXN_RESPONSE_FIELDS, 0, 5, 3)

#endif
