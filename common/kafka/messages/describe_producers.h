/* DescribeProducers (key 61): request and response. */
#ifndef KAFKA_MESSAGES_DESCRIBE_PRODUCERS_H
#define KAFKA_MESSAGES_DESCRIBE_PRODUCERS_H

#include "wire/wire.h"

#define DESCRIBE_PRODUCERS_REQUEST_TOPIC_REQUEST_FIELDS(X, S)                                      \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(INT32), partition_indexes, "PartitionIndexes", FROM(0))
WIRE_STRUCT(describe_producers_request_topic_request, "TopicRequest",
            DESCRIBE_PRODUCERS_REQUEST_TOPIC_REQUEST_FIELDS)

#define DESCRIBE_PRODUCERS_REQUEST_FIELDS(X, S)                                                    \
    X(S, ARRAY(STRUCT(describe_producers_request_topic_request)), topics, "Topics", FROM(0))
WIRE_MESSAGE(describe_producers_request, "DescribeProducersRequest",
             DESCRIBE_PRODUCERS_REQUEST_FIELDS, 0, 0, 0)

#define DESCRIBE_PRODUCERS_RESPONSE_PRODUCER_STATE_FIELDS(X, S)                                    \
    X(S, INT64, producer_id, "ProducerId", FROM(0))                                                \
    X(S, INT32, producer_epoch, "ProducerEpoch", FROM(0))                                          \
    X(S, INT32, last_sequence, "LastSequence", FROM(0), DEFAULT(-1))                               \
    X(S, INT64, last_timestamp, "LastTimestamp", FROM(0), DEFAULT(-1))                             \
    X(S, INT32, coordinator_epoch, "CoordinatorEpoch", FROM(0))                                    \
    X(S, INT64, current_txn_start_offset, "CurrentTxnStartOffset", FROM(0), DEFAULT(-1))
WIRE_STRUCT(describe_producers_response_producer_state, "ProducerState",
            DESCRIBE_PRODUCERS_RESPONSE_PRODUCER_STATE_FIELDS)

#define DESCRIBE_PRODUCERS_RESPONSE_PARTITION_RESPONSE_FIELDS(X, S)                                \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0), DEFAULT_NULL)               \
    X(S, ARRAY(STRUCT(describe_producers_response_producer_state)), active_producers,              \
      "ActiveProducers", FROM(0))
WIRE_STRUCT(describe_producers_response_partition_response, "PartitionResponse",
            DESCRIBE_PRODUCERS_RESPONSE_PARTITION_RESPONSE_FIELDS)

#define DESCRIBE_PRODUCERS_RESPONSE_TOPIC_RESPONSE_FIELDS(X, S)                                    \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(describe_producers_response_partition_response)), partitions, "Partitions",  \
      FROM(0))
WIRE_STRUCT(describe_producers_response_topic_response, "TopicResponse",
            DESCRIBE_PRODUCERS_RESPONSE_TOPIC_RESPONSE_FIELDS)

#define DESCRIBE_PRODUCERS_RESPONSE_FIELDS(X, S)                                                   \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, ARRAY(STRUCT(describe_producers_response_topic_response)), topics, "Topics", FROM(0))
WIRE_MESSAGE(describe_producers_response, "DescribeProducersResponse",
             DESCRIBE_PRODUCERS_RESPONSE_FIELDS, 0, 0, 0)

#endif
