/* Produce (key 0): request and response. */
#ifndef KAFKA_MESSAGES_PRODUCE_H
#define KAFKA_MESSAGES_PRODUCE_H

#include "wire/wire.h"

#define PRODUCE_REQUEST_PARTITION_PRODUCE_DATA_FIELDS(X, S)                                        \
    X(S, INT32, index, "Index", FROM(0))                                                           \
    X(S, RECORDS, records, "Records", FROM(0), NULL_FROM(0))
WIRE_STRUCT(produce_request_partition_produce_data, "PartitionProduceData",
            PRODUCE_REQUEST_PARTITION_PRODUCE_DATA_FIELDS)

#define PRODUCE_REQUEST_TOPIC_PRODUCE_DATA_FIELDS(X, S)                                            \
    X(S, STRING, name, "Name", ONLY(0, 12), IGNORABLE)                                             \
    X(S, UUID, topic_id, "TopicId", FROM(13), IGNORABLE)                                           \
    X(S, ARRAY(STRUCT(produce_request_partition_produce_data)), partition_data, "PartitionData",   \
      FROM(0))
WIRE_STRUCT(produce_request_topic_produce_data, "TopicProduceData",
            PRODUCE_REQUEST_TOPIC_PRODUCE_DATA_FIELDS)

#define PRODUCE_REQUEST_FIELDS(X, S)                                                               \
    X(S, STRING, transactional_id, "TransactionalId", FROM(3), NULL_FROM(3), DEFAULT_NULL)         \
    X(S, INT16, acks, "Acks", FROM(0))                                                             \
    X(S, INT32, timeout_ms, "TimeoutMs", FROM(0))                                                  \
    X(S, ARRAY(STRUCT(produce_request_topic_produce_data)), topic_data, "TopicData", FROM(0))
WIRE_MESSAGE(produce_request, "ProduceRequest", PRODUCE_REQUEST_FIELDS, 0, 13, 9)

#define PRODUCE_RESPONSE_BATCH_INDEX_AND_ERROR_MESSAGE_FIELDS(X, S)                                \
    X(S, INT32, batch_index, "BatchIndex", FROM(8))                                                \
    X(S, STRING, batch_index_error_message, "BatchIndexErrorMessage", FROM(8), NULL_FROM(8),       \
      DEFAULT_NULL)
WIRE_STRUCT(produce_response_batch_index_and_error_message, "BatchIndexAndErrorMessage",
            PRODUCE_RESPONSE_BATCH_INDEX_AND_ERROR_MESSAGE_FIELDS)

#define PRODUCE_RESPONSE_LEADER_ID_AND_EPOCH_FIELDS(X, S)                                          \
    X(S, INT32, leader_id, "LeaderId", FROM(10), DEFAULT(-1))                                      \
    X(S, INT32, leader_epoch, "LeaderEpoch", FROM(10), DEFAULT(-1))
WIRE_STRUCT(produce_response_leader_id_and_epoch, "LeaderIdAndEpoch",
            PRODUCE_RESPONSE_LEADER_ID_AND_EPOCH_FIELDS)

#define PRODUCE_RESPONSE_PARTITION_PRODUCE_RESPONSE_FIELDS(X, S)                                   \
    X(S, INT32, index, "Index", FROM(0))                                                           \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, INT64, base_offset, "BaseOffset", FROM(0))                                                \
    X(S, INT64, log_append_time_ms, "LogAppendTimeMs", FROM(2), DEFAULT(-1), IGNORABLE)            \
    X(S, INT64, log_start_offset, "LogStartOffset", FROM(5), DEFAULT(-1), IGNORABLE)               \
    X(S, ARRAY(STRUCT(produce_response_batch_index_and_error_message)), record_errors,             \
      "RecordErrors", FROM(8), IGNORABLE)                                                          \
    X(S, STRING, error_message, "ErrorMessage", FROM(8), NULL_FROM(8), DEFAULT_NULL, IGNORABLE)    \
    X(S, STRUCT(produce_response_leader_id_and_epoch), current_leader, "CurrentLeader", FROM(10),  \
      TAG(0))
WIRE_STRUCT(produce_response_partition_produce_response, "PartitionProduceResponse",
            PRODUCE_RESPONSE_PARTITION_PRODUCE_RESPONSE_FIELDS)

#define PRODUCE_RESPONSE_TOPIC_PRODUCE_RESPONSE_FIELDS(X, S)                                       \
    X(S, STRING, name, "Name", ONLY(0, 12), IGNORABLE)                                             \
    X(S, UUID, topic_id, "TopicId", FROM(13), IGNORABLE)                                           \
    X(S, ARRAY(STRUCT(produce_response_partition_produce_response)), partition_responses,          \
      "PartitionResponses", FROM(0))
WIRE_STRUCT(produce_response_topic_produce_response, "TopicProduceResponse",
            PRODUCE_RESPONSE_TOPIC_PRODUCE_RESPONSE_FIELDS)

#define PRODUCE_RESPONSE_NODE_ENDPOINT_FIELDS(X, S)                                                \
    X(S, INT32, node_id, "NodeId", FROM(10))                                                       \
    X(S, STRING, host, "Host", FROM(10))                                                           \
    X(S, INT32, port, "Port", FROM(10))                                                            \
    X(S, STRING, rack, "Rack", FROM(10), NULL_FROM(10), DEFAULT_NULL)
WIRE_STRUCT(produce_response_node_endpoint, "NodeEndpoint", PRODUCE_RESPONSE_NODE_ENDPOINT_FIELDS)

#define PRODUCE_RESPONSE_FIELDS(X, S)                                                              \
    X(S, ARRAY(STRUCT(produce_response_topic_produce_response)), responses, "Responses", FROM(0))  \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(1), IGNORABLE)                            \
    X(S, ARRAY(STRUCT(produce_response_node_endpoint)), node_endpoints, "NodeEndpoints", FROM(10), \
      TAG(0))
WIRE_MESSAGE(produce_response, "ProduceResponse", PRODUCE_RESPONSE_FIELDS, 0, 13, 9)

#endif
