/* UpdateRaftVoter (key 82): request and response. */
#ifndef KAFKA_MESSAGES_UPDATE_RAFT_VOTER_H
#define KAFKA_MESSAGES_UPDATE_RAFT_VOTER_H

#include "wire/wire.h"

#define UPDATE_RAFT_VOTER_REQUEST_LISTENER_FIELDS(X, S)                                            \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, STRING, host, "Host", FROM(0))                                                            \
    X(S, UINT16, port, "Port", FROM(0))
WIRE_STRUCT(update_raft_voter_request_listener, "Listener",
            UPDATE_RAFT_VOTER_REQUEST_LISTENER_FIELDS)

#define UPDATE_RAFT_VOTER_REQUEST_K_RAFT_VERSION_FEATURE_FIELDS(X, S)                              \
    X(S, INT16, min_supported_version, "MinSupportedVersion", FROM(0))                             \
    X(S, INT16, max_supported_version, "MaxSupportedVersion", FROM(0))
WIRE_STRUCT(update_raft_voter_request_k_raft_version_feature, "KRaftVersionFeature",
            UPDATE_RAFT_VOTER_REQUEST_K_RAFT_VERSION_FEATURE_FIELDS)

#define UPDATE_RAFT_VOTER_REQUEST_FIELDS(X, S)                                                     \
    X(S, STRING, cluster_id, "ClusterId", FROM(0), NULL_FROM(0))                                   \
    X(S, INT32, current_leader_epoch, "CurrentLeaderEpoch", FROM(0))                               \
    X(S, INT32, voter_id, "VoterId", FROM(0))                                                      \
    X(S, UUID, voter_directory_id, "VoterDirectoryId", FROM(0))                                    \
    X(S, ARRAY(STRUCT(update_raft_voter_request_listener)), listeners, "Listeners", FROM(0))       \
    X(S, STRUCT(update_raft_voter_request_k_raft_version_feature), k_raft_version_feature,         \
      "KRaftVersionFeature", FROM(0))
WIRE_MESSAGE(update_raft_voter_request, "UpdateRaftVoterRequest", UPDATE_RAFT_VOTER_REQUEST_FIELDS,
             0, 0, 0)

#define UPDATE_RAFT_VOTER_RESPONSE_CURRENT_LEADER_FIELDS(X, S)                                     \
    X(S, INT32, leader_id, "LeaderId", FROM(0), DEFAULT(-1))                                       \
    X(S, INT32, leader_epoch, "LeaderEpoch", FROM(0), DEFAULT(-1))                                 \
    X(S, STRING, host, "Host", FROM(0))                                                            \
    X(S, INT32, port, "Port", FROM(0))
WIRE_STRUCT(update_raft_voter_response_current_leader, "CurrentLeader",
            UPDATE_RAFT_VOTER_RESPONSE_CURRENT_LEADER_FIELDS)

#define UPDATE_RAFT_VOTER_RESPONSE_FIELDS(X, S)                                                    \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRUCT(update_raft_voter_response_current_leader), current_leader, "CurrentLeader",       \
      FROM(0), TAG(0))
WIRE_MESSAGE(update_raft_voter_response, "UpdateRaftVoterResponse",
             UPDATE_RAFT_VOTER_RESPONSE_FIELDS, 0, 0, 0)

#endif
