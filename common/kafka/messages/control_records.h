/* Keys and values of control records, entries of the transaction index, the header records of
 * metadata logs. An int16 version precedes the fields of ControlRecordTypeSchema, EndTxnMarker and
 * AbortedTxn; in the others it is their first field. */
#ifndef KAFKA_MESSAGES_CONTROL_RECORDS_H
#define KAFKA_MESSAGES_CONTROL_RECORDS_H

#include "wire/wire.h"

#define CONTROL_RECORD_TYPE_SCHEMA_FIELDS(X, S) X(S, INT16, type, "Type", FROM(0))
WIRE_MESSAGE(control_record_type_schema, "ControlRecordTypeSchema",
             CONTROL_RECORD_TYPE_SCHEMA_FIELDS, 0, 0, WIRE_NEVER)

#define END_TXN_MARKER_FIELDS(X, S) X(S, INT32, coordinator_epoch, "CoordinatorEpoch", FROM(0))
WIRE_MESSAGE(end_txn_marker, "EndTxnMarker", END_TXN_MARKER_FIELDS, 0, 0, WIRE_NEVER)

#define LEADER_CHANGE_MESSAGE_VOTER_FIELDS(X, S)                                                   \
    X(S, INT32, voter_id, "VoterId", FROM(0))                                                      \
    X(S, UUID, voter_directory_id, "VoterDirectoryId", FROM(1))
WIRE_STRUCT(leader_change_message_voter, "Voter", LEADER_CHANGE_MESSAGE_VOTER_FIELDS)

#define LEADER_CHANGE_MESSAGE_FIELDS(X, S)                                                         \
    X(S, INT16, version, "Version", FROM(0))                                                       \
    X(S, INT32, leader_id, "LeaderId", FROM(0))                                                    \
    X(S, ARRAY(STRUCT(leader_change_message_voter)), voters, "Voters", FROM(0))                    \
    X(S, ARRAY(STRUCT(leader_change_message_voter)), granting_voters, "GrantingVoters", FROM(0))
WIRE_MESSAGE(leader_change_message, "LeaderChangeMessage", LEADER_CHANGE_MESSAGE_FIELDS, 0, 1, 0)

#define SNAPSHOT_HEADER_RECORD_FIELDS(X, S)                                                        \
    X(S, INT16, version, "Version", FROM(0))                                                       \
    X(S, INT64, last_contained_log_timestamp, "LastContainedLogTimestamp", FROM(0))
WIRE_MESSAGE(snapshot_header_record, "SnapshotHeaderRecord", SNAPSHOT_HEADER_RECORD_FIELDS, 0, 0, 0)

#define SNAPSHOT_FOOTER_RECORD_FIELDS(X, S) X(S, INT16, version, "Version", FROM(0))
WIRE_MESSAGE(snapshot_footer_record, "SnapshotFooterRecord", SNAPSHOT_FOOTER_RECORD_FIELDS, 0, 0, 0)

#define KRAFT_VERSION_RECORD_FIELDS(X, S)                                                          \
    X(S, INT16, version, "Version", FROM(0))                                                       \
    X(S, INT16, kraft_version, "KRaftVersion", FROM(0))
WIRE_MESSAGE(kraft_version_record, "KRaftVersionRecord", KRAFT_VERSION_RECORD_FIELDS, 0, 0, 0)

#define VOTERS_RECORD_ENDPOINT_FIELDS(X, S)                                                        \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, STRING, host, "Host", FROM(0))                                                            \
    X(S, UINT16, port, "Port", FROM(0))
WIRE_STRUCT(voters_record_endpoint, "Endpoint", VOTERS_RECORD_ENDPOINT_FIELDS)

#define VOTERS_RECORD_KRAFT_VERSION_FEATURE_FIELDS(X, S)                                           \
    X(S, INT16, min_supported_version, "MinSupportedVersion", FROM(0))                             \
    X(S, INT16, max_supported_version, "MaxSupportedVersion", FROM(0))
WIRE_STRUCT(voters_record_kraft_version_feature, "KRaftVersionFeature",
            VOTERS_RECORD_KRAFT_VERSION_FEATURE_FIELDS)

#define VOTERS_RECORD_VOTER_FIELDS(X, S)                                                           \
    X(S, INT32, voter_id, "VoterId", FROM(0))                                                      \
    X(S, UUID, voter_directory_id, "VoterDirectoryId", FROM(0))                                    \
    X(S, ARRAY(STRUCT(voters_record_endpoint)), endpoints, "Endpoints", FROM(0))                   \
    X(S, STRUCT(voters_record_kraft_version_feature), kraft_version_feature,                       \
      "KRaftVersionFeature", FROM(0))
WIRE_STRUCT(voters_record_voter, "Voter", VOTERS_RECORD_VOTER_FIELDS)

#define VOTERS_RECORD_FIELDS(X, S)                                                                 \
    X(S, INT16, version, "Version", FROM(0))                                                       \
    X(S, ARRAY(STRUCT(voters_record_voter)), voters, "Voters", FROM(0))
WIRE_MESSAGE(voters_record, "VotersRecord", VOTERS_RECORD_FIELDS, 0, 0, 0)

#define ABORTED_TXN_FIELDS(X, S)                                                                   \
    X(S, INT64, producer_id, "ProducerId", FROM(0))                                                \
    X(S, INT64, first_offset, "FirstOffset", FROM(0))                                              \
    X(S, INT64, last_offset, "LastOffset", FROM(0))                                                \
    X(S, INT64, last_stable_offset, "LastStableOffset", FROM(0))
WIRE_MESSAGE(aborted_txn, "AbortedTxn", ABORTED_TXN_FIELDS, 0, 0, WIRE_NEVER)

#endif
