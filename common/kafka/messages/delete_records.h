/* DeleteRecords (key 21): request and response. */
#ifndef KAFKA_MESSAGES_DELETE_RECORDS_H
#define KAFKA_MESSAGES_DELETE_RECORDS_H

#include "wire/wire.h"

#define DELETE_RECORDS_REQUEST_DELETE_RECORDS_PARTITION_FIELDS(X, S)                               \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT64, offset, "Offset", FROM(0))
WIRE_STRUCT(delete_records_request_delete_records_partition, "DeleteRecordsPartition",
            DELETE_RECORDS_REQUEST_DELETE_RECORDS_PARTITION_FIELDS)

#define DELETE_RECORDS_REQUEST_DELETE_RECORDS_TOPIC_FIELDS(X, S)                                   \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(delete_records_request_delete_records_partition)), partitions, "Partitions", \
      FROM(0))
WIRE_STRUCT(delete_records_request_delete_records_topic, "DeleteRecordsTopic",
            DELETE_RECORDS_REQUEST_DELETE_RECORDS_TOPIC_FIELDS)

#define DELETE_RECORDS_REQUEST_FIELDS(X, S)                                                        \
    X(S, ARRAY(STRUCT(delete_records_request_delete_records_topic)), topics, "Topics", FROM(0))    \
    X(S, INT32, timeout_ms, "TimeoutMs", FROM(0))
WIRE_MESSAGE(delete_records_request, "DeleteRecordsRequest", DELETE_RECORDS_REQUEST_FIELDS, 0, 2, 2)

#define DELETE_RECORDS_RESPONSE_DELETE_RECORDS_PARTITION_RESULT_FIELDS(X, S)                       \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT64, low_watermark, "LowWatermark", FROM(0))                                            \
    X(S, INT16, error_code, "ErrorCode", FROM(0))
WIRE_STRUCT(delete_records_response_delete_records_partition_result, "DeleteRecordsPartitionResult",
            DELETE_RECORDS_RESPONSE_DELETE_RECORDS_PARTITION_RESULT_FIELDS)

#define DELETE_RECORDS_RESPONSE_DELETE_RECORDS_TOPIC_RESULT_FIELDS(X, S)                           \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(delete_records_response_delete_records_partition_result)), partitions,       \
      "Partitions", FROM(0))
WIRE_STRUCT(delete_records_response_delete_records_topic_result, "DeleteRecordsTopicResult",
            DELETE_RECORDS_RESPONSE_DELETE_RECORDS_TOPIC_RESULT_FIELDS)

#define DELETE_RECORDS_RESPONSE_FIELDS(X, S)                                                       \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, ARRAY(STRUCT(delete_records_response_delete_records_topic_result)), topics, "Topics",     \
      FROM(0))
WIRE_MESSAGE(delete_records_response, "DeleteRecordsResponse", DELETE_RECORDS_RESPONSE_FIELDS, 0, 2,
             2)

#endif
