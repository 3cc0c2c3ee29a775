/* RemoveRaftVoter (key 81): request and response. */
#ifndef KAFKA_MESSAGES_REMOVE_RAFT_VOTER_H
#define KAFKA_MESSAGES_REMOVE_RAFT_VOTER_H

#include "wire/wire.h"

#define REMOVE_RAFT_VOTER_REQUEST_FIELDS(X, S)                                                     \
    X(S, STRING, cluster_id, "ClusterId", FROM(0), NULL_FROM(0))                                   \
    X(S, INT32, voter_id, "VoterId", FROM(0))                                                      \
    X(S, UUID, voter_directory_id, "VoterDirectoryId", FROM(0))
WIRE_MESSAGE(remove_raft_voter_request, "RemoveRaftVoterRequest", REMOVE_RAFT_VOTER_REQUEST_FIELDS,
             0, 0, 0)

#define REMOVE_RAFT_VOTER_RESPONSE_FIELDS(X, S)                                                    \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0), IGNORABLE)
WIRE_MESSAGE(remove_raft_voter_response, "RemoveRaftVoterResponse",
             REMOVE_RAFT_VOTER_RESPONSE_FIELDS, 0, 0, 0)

#endif
