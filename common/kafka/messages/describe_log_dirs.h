/* DescribeLogDirs (key 35): request and response. */
#ifndef KAFKA_MESSAGES_DESCRIBE_LOG_DIRS_H
#define KAFKA_MESSAGES_DESCRIBE_LOG_DIRS_H

#include "wire/wire.h"

#define DESCRIBE_LOG_DIRS_REQUEST_DESCRIBABLE_LOG_DIR_TOPIC_FIELDS(X, S)                           \
    X(S, STRING, topic, "Topic", FROM(0))                                                          \
    X(S, ARRAY(INT32), partitions, "Partitions", FROM(0))
WIRE_STRUCT(describe_log_dirs_request_describable_log_dir_topic, "DescribableLogDirTopic",
            DESCRIBE_LOG_DIRS_REQUEST_DESCRIBABLE_LOG_DIR_TOPIC_FIELDS)

#define DESCRIBE_LOG_DIRS_REQUEST_FIELDS(X, S)                                                     \
    X(S, ARRAY(STRUCT(describe_log_dirs_request_describable_log_dir_topic)), topics, "Topics",     \
      FROM(0), NULL_FROM(0))
WIRE_MESSAGE(describe_log_dirs_request, "DescribeLogDirsRequest", DESCRIBE_LOG_DIRS_REQUEST_FIELDS,
             0, 5, 2)

#define DESCRIBE_LOG_DIRS_RESPONSE_DESCRIBE_LOG_DIRS_PARTITION_FIELDS(X, S)                        \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT64, partition_size, "PartitionSize", FROM(0))                                          \
    X(S, INT64, offset_lag, "OffsetLag", FROM(0))                                                  \
    X(S, BOOL, is_future_key, "IsFutureKey", FROM(0))
WIRE_STRUCT(describe_log_dirs_response_describe_log_dirs_partition, "DescribeLogDirsPartition",
            DESCRIBE_LOG_DIRS_RESPONSE_DESCRIBE_LOG_DIRS_PARTITION_FIELDS)

#define DESCRIBE_LOG_DIRS_RESPONSE_DESCRIBE_LOG_DIRS_TOPIC_FIELDS(X, S)                            \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(describe_log_dirs_response_describe_log_dirs_partition)), partitions,        \
      "Partitions", FROM(0))
WIRE_STRUCT(describe_log_dirs_response_describe_log_dirs_topic, "DescribeLogDirsTopic",
            DESCRIBE_LOG_DIRS_RESPONSE_DESCRIBE_LOG_DIRS_TOPIC_FIELDS)

#define DESCRIBE_LOG_DIRS_RESPONSE_DESCRIBE_LOG_DIRS_RESULT_FIELDS(X, S)                           \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, log_dir, "LogDir", FROM(0))                                                       \
    X(S, ARRAY(STRUCT(describe_log_dirs_response_describe_log_dirs_topic)), topics, "Topics",      \
      FROM(0))                                                                                     \
    X(S, INT64, total_bytes, "TotalBytes", FROM(4), DEFAULT(-1), IGNORABLE)                        \
    X(S, INT64, usable_bytes, "UsableBytes", FROM(4), DEFAULT(-1), IGNORABLE)                      \
    X(S, BOOL, is_cordoned, "IsCordoned", FROM(5), IGNORABLE)
WIRE_STRUCT(describe_log_dirs_response_describe_log_dirs_result, "DescribeLogDirsResult",
            DESCRIBE_LOG_DIRS_RESPONSE_DESCRIBE_LOG_DIRS_RESULT_FIELDS)

#define DESCRIBE_LOG_DIRS_RESPONSE_FIELDS(X, S)                                                    \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(3), IGNORABLE)                                       \
    X(S, ARRAY(STRUCT(describe_log_dirs_response_describe_log_dirs_result)), results, "Results",   \
      FROM(0))
WIRE_MESSAGE(describe_log_dirs_response, "DescribeLogDirsResponse",
             DESCRIBE_LOG_DIRS_RESPONSE_FIELDS, 0, 5, 2)

#endif
