/* AlterReplicaLogDirs (key 34): request and response. */
#ifndef KAFKA_MESSAGES_ALTER_REPLICA_LOG_DIRS_H
#define KAFKA_MESSAGES_ALTER_REPLICA_LOG_DIRS_H

#include "wire/wire.h"

#define ALTER_REPLICA_LOG_DIRS_REQUEST_ALTER_REPLICA_LOG_DIR_TOPIC_FIELDS(X, S)                    \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, ARRAY(INT32), partitions, "Partitions", FROM(0))
WIRE_STRUCT(alter_replica_log_dirs_request_alter_replica_log_dir_topic, "AlterReplicaLogDirTopic",
            ALTER_REPLICA_LOG_DIRS_REQUEST_ALTER_REPLICA_LOG_DIR_TOPIC_FIELDS)

#define ALTER_REPLICA_LOG_DIRS_REQUEST_ALTER_REPLICA_LOG_DIR_FIELDS(X, S)                          \
    X(S, STRING, path, "Path", FROM(0))                                                            \
    X(S, ARRAY(STRUCT(alter_replica_log_dirs_request_alter_replica_log_dir_topic)), topics,        \
      "Topics", FROM(0))
WIRE_STRUCT(alter_replica_log_dirs_request_alter_replica_log_dir, "AlterReplicaLogDir",
            ALTER_REPLICA_LOG_DIRS_REQUEST_ALTER_REPLICA_LOG_DIR_FIELDS)

#define ALTER_REPLICA_LOG_DIRS_REQUEST_FIELDS(X, S)                                                \
    X(S, ARRAY(STRUCT(alter_replica_log_dirs_request_alter_replica_log_dir)), dirs, "Dirs", FROM(0))
WIRE_MESSAGE(alter_replica_log_dirs_request, "AlterReplicaLogDirsRequest",
             ALTER_REPLICA_LOG_DIRS_REQUEST_FIELDS, 0, 2, 2)

#define ALTER_REPLICA_LOG_DIRS_RESPONSE_ALTER_REPLICA_LOG_DIR_PARTITION_RESULT_FIELDS(X, S)        \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT16, error_code, "ErrorCode", FROM(0))
WIRE_STRUCT(alter_replica_log_dirs_response_alter_replica_log_dir_partition_result,
            "AlterReplicaLogDirPartitionResult",
            ALTER_REPLICA_LOG_DIRS_RESPONSE_ALTER_REPLICA_LOG_DIR_PARTITION_RESULT_FIELDS)

#define ALTER_REPLICA_LOG_DIRS_RESPONSE_ALTER_REPLICA_LOG_DIR_TOPIC_RESULT_FIELDS(X, S)            \
    X(S, STRING, topic_name, "TopicName", FROM(0))                                                 \
    X(S, ARRAY(STRUCT(alter_replica_log_dirs_response_alter_replica_log_dir_partition_result)),    \
      partitions, "Partitions", FROM(0))
WIRE_STRUCT(alter_replica_log_dirs_response_alter_replica_log_dir_topic_result,
            "AlterReplicaLogDirTopicResult",
            ALTER_REPLICA_LOG_DIRS_RESPONSE_ALTER_REPLICA_LOG_DIR_TOPIC_RESULT_FIELDS)

#define ALTER_REPLICA_LOG_DIRS_RESPONSE_FIELDS(X, S)                                               \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, ARRAY(STRUCT(alter_replica_log_dirs_response_alter_replica_log_dir_topic_result)),        \
      results, "Results", FROM(0))
WIRE_MESSAGE(alter_replica_log_dirs_response, "AlterReplicaLogDirsResponse",
             ALTER_REPLICA_LOG_DIRS_RESPONSE_FIELDS, 0, 2, 2)

#endif
