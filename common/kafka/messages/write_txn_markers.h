/* WriteTxnMarkers (key 27): request and response. */
#ifndef KAFKA_MESSAGES_WRITE_TXN_MARKERS_H
#define KAFKA_MESSAGES_WRITE_TXN_MARKERS_H

#include "wire/wire.h"

#define WRITE_TXN_MARKERS_REQUEST_WRITABLE_TXN_MARKER_TOPIC_FIELDS(X, S)                           \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(INT32), partition_indexes, "PartitionIndexes", FROM(0))
WIRE_STRUCT(write_txn_markers_request_writable_txn_marker_topic, "WritableTxnMarkerTopic",
            WRITE_TXN_MARKERS_REQUEST_WRITABLE_TXN_MARKER_TOPIC_FIELDS)

#define WRITE_TXN_MARKERS_REQUEST_WRITABLE_TXN_MARKER_FIELDS(X, S)                                 \
    X(S, INT64, producer_id, "ProducerId", FROM(0))                                                \
    X(S, INT16, producer_epoch, "ProducerEpoch", FROM(0))                                          \
    X(S, BOOL, transaction_result, "TransactionResult", FROM(0))                                   \
    X(S, ARRAY(STRUCT(write_txn_markers_request_writable_txn_marker_topic)), topics, "Topics",     \
      FROM(0))                                                                                     \
    X(S, INT32, coordinator_epoch, "CoordinatorEpoch", FROM(0))                                    \
    X(S, INT8, transaction_version, "TransactionVersion", FROM(2), IGNORABLE)
WIRE_STRUCT(write_txn_markers_request_writable_txn_marker, "WritableTxnMarker",
            WRITE_TXN_MARKERS_REQUEST_WRITABLE_TXN_MARKER_FIELDS)

#define WRITE_TXN_MARKERS_REQUEST_FIELDS(X, S)                                                     \
    X(S, ARRAY(STRUCT(write_txn_markers_request_writable_txn_marker)), markers, "Markers", FROM(0))
WIRE_MESSAGE(write_txn_markers_request, "WriteTxnMarkersRequest", WRITE_TXN_MARKERS_REQUEST_FIELDS,
             0, 2, 1)

#define WRITE_TXN_MARKERS_RESPONSE_WRITABLE_TXN_MARKER_PARTITION_RESULT_FIELDS(X, S)               \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT16, error_code, "ErrorCode", FROM(0))
WIRE_STRUCT(write_txn_markers_response_writable_txn_marker_partition_result,
            "WritableTxnMarkerPartitionResult",
            WRITE_TXN_MARKERS_RESPONSE_WRITABLE_TXN_MARKER_PARTITION_RESULT_FIELDS)

#define WRITE_TXN_MARKERS_RESPONSE_WRITABLE_TXN_MARKER_TOPIC_RESULT_FIELDS(X, S)                   \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(write_txn_markers_response_writable_txn_marker_partition_result)),           \
      partitions, "Partitions", FROM(0))
WIRE_STRUCT(write_txn_markers_response_writable_txn_marker_topic_result,
            "WritableTxnMarkerTopicResult",
            WRITE_TXN_MARKERS_RESPONSE_WRITABLE_TXN_MARKER_TOPIC_RESULT_FIELDS)

#define WRITE_TXN_MARKERS_RESPONSE_WRITABLE_TXN_MARKER_RESULT_FIELDS(X, S)                         \
    X(S, INT64, producer_id, "ProducerId", FROM(0))                                                \
    X(S, ARRAY(STRUCT(write_txn_markers_response_writable_txn_marker_topic_result)), topics,       \
      "Topics", FROM(0))
WIRE_STRUCT(write_txn_markers_response_writable_txn_marker_result, "WritableTxnMarkerResult",
            WRITE_TXN_MARKERS_RESPONSE_WRITABLE_TXN_MARKER_RESULT_FIELDS)

#define WRITE_TXN_MARKERS_RESPONSE_FIELDS(X, S)                                                    \
    X(S, ARRAY(STRUCT(write_txn_markers_response_writable_txn_marker_result)), markers, "Markers", \
      FROM(0))
WIRE_MESSAGE(write_txn_markers_response, "WriteTxnMarkersResponse",
             WRITE_TXN_MARKERS_RESPONSE_FIELDS, 0, 2, 1)

#endif
