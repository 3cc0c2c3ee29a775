/* AddRaftVoter (key 80): request and response. */
#ifndef KAFKA_MESSAGES_ADD_RAFT_VOTER_H
#define KAFKA_MESSAGES_ADD_RAFT_VOTER_H

#include "wire/wire.h"

#define ADD_RAFT_VOTER_REQUEST_LISTENER_FIELDS(X, S)                                               \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, STRING, host, "Host", FROM(0))                                                            \
    X(S, UINT16, port, "Port", FROM(0))
WIRE_STRUCT(add_raft_voter_request_listener, "Listener", ADD_RAFT_VOTER_REQUEST_LISTENER_FIELDS)

#define ADD_RAFT_VOTER_REQUEST_FIELDS(X, S)                                                        \
    X(S, STRING, cluster_id, "ClusterId", FROM(0), NULL_FROM(0))                                   \
    X(S, INT32, timeout_ms, "TimeoutMs", FROM(0))                                                  \
    X(S, INT32, voter_id, "VoterId", FROM(0))                                                      \
    X(S, UUID, voter_directory_id, "VoterDirectoryId", FROM(0))                                    \
    X(S, ARRAY(STRUCT(add_raft_voter_request_listener)), listeners, "Listeners", FROM(0))          \
    X(S, BOOL, ack_when_committed, "AckWhenCommitted", FROM(1), DEFAULT(true))
WIRE_MESSAGE(add_raft_voter_request, "AddRaftVoterRequest", ADD_RAFT_VOTER_REQUEST_FIELDS, 0, 1, 0)

#define ADD_RAFT_VOTER_RESPONSE_FIELDS(X, S)                                                       \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0), IGNORABLE)
WIRE_MESSAGE(add_raft_voter_response, "AddRaftVoterResponse", ADD_RAFT_VOTER_RESPONSE_FIELDS, 0, 1,
             0)

#endif
