/* TxnOffsetCommit (key 28): request and response. */
#ifndef KAFKA_MESSAGES_TXN_OFFSET_COMMIT_H
#define KAFKA_MESSAGES_TXN_OFFSET_COMMIT_H

#include "wire/wire.h"

#define TXN_OFFSET_COMMIT_REQUEST_TXN_OFFSET_COMMIT_REQUEST_PARTITION_FIELDS(X, S)                 \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT64, committed_offset, "CommittedOffset", FROM(0))                                      \
    X(S, INT32, committed_leader_epoch, "CommittedLeaderEpoch", FROM(2), DEFAULT(-1), IGNORABLE)   \
    X(S, STRING, committed_metadata, "CommittedMetadata", FROM(0), NULL_FROM(0))
WIRE_STRUCT(txn_offset_commit_request_txn_offset_commit_request_partition,
            "TxnOffsetCommitRequestPartition",
            TXN_OFFSET_COMMIT_REQUEST_TXN_OFFSET_COMMIT_REQUEST_PARTITION_FIELDS)

#define TXN_OFFSET_COMMIT_REQUEST_TXN_OFFSET_COMMIT_REQUEST_TOPIC_FIELDS(X, S)                     \
    X(S, STRING, name, "Name", ONLY(0, 5), IGNORABLE)                                              \
    X(S, UUID, topic_id, "TopicId", FROM(6), IGNORABLE)                                            \
    X(S, ARRAY(STRUCT(txn_offset_commit_request_txn_offset_commit_request_partition)), partitions, \
      "Partitions", FROM(0))
WIRE_STRUCT(txn_offset_commit_request_txn_offset_commit_request_topic,
            "TxnOffsetCommitRequestTopic",
            TXN_OFFSET_COMMIT_REQUEST_TXN_OFFSET_COMMIT_REQUEST_TOPIC_FIELDS)

#define TXN_OFFSET_COMMIT_REQUEST_FIELDS(X, S)                                                     \
    X(S, STRING, transactional_id, "TransactionalId", FROM(0))                                     \
    X(S, STRING, group_id, "GroupId", FROM(0))                                                     \
    X(S, INT64, producer_id, "ProducerId", FROM(0))                                                \
    X(S, INT16, producer_epoch, "ProducerEpoch", FROM(0))                                          \
    X(S, INT32, generation_id_or_member_epoch, "GenerationIdOrMemberEpoch", FROM(3), DEFAULT(-1))  \
    X(S, STRING, member_id, "MemberId", FROM(3))                                                   \
    X(S, STRING, group_instance_id, "GroupInstanceId", FROM(3), NULL_FROM(3), DEFAULT_NULL)        \
    X(S, ARRAY(STRUCT(txn_offset_commit_request_txn_offset_commit_request_topic)), topics,         \
      "Topics", FROM(0))
WIRE_MESSAGE(txn_offset_commit_request, "TxnOffsetCommitRequest", TXN_OFFSET_COMMIT_REQUEST_FIELDS,
             0, 6, 3)

#define TXN_OFFSET_COMMIT_RESPONSE_TXN_OFFSET_COMMIT_RESPONSE_PARTITION_FIELDS(X, S)               \
    X(S, INT32, partition_index, "PartitionIndex", FROM(0))                                        \
    X(S, INT16, error_code, "ErrorCode", FROM(0))
WIRE_STRUCT(txn_offset_commit_response_txn_offset_commit_response_partition,
            "TxnOffsetCommitResponsePartition",
            TXN_OFFSET_COMMIT_RESPONSE_TXN_OFFSET_COMMIT_RESPONSE_PARTITION_FIELDS)

#define TXN_OFFSET_COMMIT_RESPONSE_TXN_OFFSET_COMMIT_RESPONSE_TOPIC_FIELDS(X, S)                   \
    X(S, STRING, name, "Name", ONLY(0, 5), IGNORABLE)                                              \
    X(S, UUID, topic_id, "TopicId", FROM(6), IGNORABLE)                                            \
    X(S, ARRAY(STRUCT(txn_offset_commit_response_txn_offset_commit_response_partition)),           \
      partitions, "Partitions", FROM(0))
WIRE_STRUCT(txn_offset_commit_response_txn_offset_commit_response_topic,
            "TxnOffsetCommitResponseTopic",
            TXN_OFFSET_COMMIT_RESPONSE_TXN_OFFSET_COMMIT_RESPONSE_TOPIC_FIELDS)

#define TXN_OFFSET_COMMIT_RESPONSE_FIELDS(X, S)                                                    \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, ARRAY(STRUCT(txn_offset_commit_response_txn_offset_commit_response_topic)), topics,       \
      "Topics", FROM(0))
WIRE_MESSAGE(txn_offset_commit_response, "TxnOffsetCommitResponse",
             TXN_OFFSET_COMMIT_RESPONSE_FIELDS, 0, 6, 3)

#endif
