/* The one list of errors: name, number, Kafka's wire code, and a sentence for a person.
 *
 * A function returns 0 or a negative ERR_x. Codes of libuv, of raft and errno become one of these
 * in the file that made the call. The Kafka errors are -(1000 + wire code), so that the two
 * directions are one addition; our own are small numbers and carry the wire code a client is shown
 * instead. Source of the wire codes: the error table of the Kafka protocol. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdint.h>

/* X(name, number, wire code, sentence) */
#define ERR_OWN_LIST(X)                                                                            \
    X(AGAIN, -1, -1, "the call would block: try again later")                                      \
    X(EOF, -2, -1, "the other side closed the connection")                                         \
    X(IO, -3, 56, "the disk reported an input or output error")                                    \
    X(NOT_FOUND, -4, -1, "no such file or entry")                                                  \
    X(EXISTS, -5, -1, "it exists already")                                                         \
    X(NO_SPACE, -6, 56, "the disk is full: free space in the log directory")                       \
    X(ACCESS, -7, -1, "permission denied: check the owner and the mode of the path")               \
    X(REFUSED, -8, -1, "connection refused: nothing listens at that address")                      \
    X(RESET, -9, -1, "the connection was reset by the other side")                                 \
    X(TIMED_OUT, -10, 7, "no answer in time")                                                      \
    X(HOST_UNKNOWN, -11, -1, "the host name does not resolve")                                     \
    X(ADDRESS_IN_USE, -12, -1, "the address is in use by another process")                         \
    X(CANCELED, -13, -1, "the operation was canceled")                                             \
    X(NO_MEMORY, -14, -1, "the memory limit for this is used up")                                  \
    X(MALFORMED, -15, 42, "the bytes do not follow the protocol")                                  \
    X(TOO_LARGE, -16, 10, "the size is over the limit")                                            \
    X(LOCKED, -17, -1, "the directory is in use by another process")                               \
    X(INVALID, -18, 42, "the value is not valid")                                                  \
    X(CORRUPT, -19, 56, "the data on disk is damaged")                                             \
    X(CLOSED, -20, -1, "it is closed")                                                             \
    X(UNREACHABLE, -21, -1, "the network or host is unreachable")                                  \
    X(NOT_LEADER, -22, 6, "this node does not lead")                                               \
    X(UNKNOWN_OPTION, -23, -1, "the option or setting is not known")                               \
    X(UNSUPPORTED, -24, 35, "this is not supported")                                               \
    X(TOO_MANY_FILES, -25, -1, "the limit of open files is reached: raise ulimit -n")              \
    X(NO_FILE, -26, 56, "what is in the place of a file is none: move it away")                    \
    X(READ_ONLY, -27, 56, "the file system can only be read: mount it for writing too")            \
    X(CAME_LATE, -28, 42, "its sender has gone on over a newer connection since")

#define ERR_KAFKA_LIST(X)                                                                          \
    X(UNKNOWN_SERVER_ERROR, -999, -1, "unknown server error")                                      \
    X(OFFSET_OUT_OF_RANGE, -1001, 1, "offset out of range")                                        \
    X(CORRUPT_MESSAGE, -1002, 2, "corrupt message")                                                \
    X(UNKNOWN_TOPIC_OR_PARTITION, -1003, 3, "unknown topic or partition")                          \
    X(INVALID_FETCH_SIZE, -1004, 4, "invalid fetch size")                                          \
    X(LEADER_NOT_AVAILABLE, -1005, 5, "leader not available")                                      \
    X(NOT_LEADER_OR_FOLLOWER, -1006, 6, "not leader or follower")                                  \
    X(REQUEST_TIMED_OUT, -1007, 7, "request timed out")                                            \
    X(BROKER_NOT_AVAILABLE, -1008, 8, "broker not available")                                      \
    X(REPLICA_NOT_AVAILABLE, -1009, 9, "replica not available")                                    \
    X(MESSAGE_TOO_LARGE, -1010, 10, "message too large")                                           \
    X(STALE_CONTROLLER_EPOCH, -1011, 11, "stale controller epoch")                                 \
    X(OFFSET_METADATA_TOO_LARGE, -1012, 12, "offset metadata too large")                           \
    X(NETWORK_EXCEPTION, -1013, 13, "network exception")                                           \
    X(COORDINATOR_LOAD_IN_PROGRESS, -1014, 14, "coordinator load in progress")                     \
    X(COORDINATOR_NOT_AVAILABLE, -1015, 15, "coordinator not available")                           \
    X(NOT_COORDINATOR, -1016, 16, "not coordinator")                                               \
    X(INVALID_TOPIC_EXCEPTION, -1017, 17, "invalid topic exception")                               \
    X(RECORD_LIST_TOO_LARGE, -1018, 18, "record list too large")                                   \
    X(NOT_ENOUGH_REPLICAS, -1019, 19, "not enough replicas")                                       \
    X(NOT_ENOUGH_REPLICAS_AFTER_APPEND, -1020, 20, "not enough replicas after append")             \
    X(INVALID_REQUIRED_ACKS, -1021, 21, "invalid required acks")                                   \
    X(ILLEGAL_GENERATION, -1022, 22, "illegal generation")                                         \
    X(INCONSISTENT_GROUP_PROTOCOL, -1023, 23, "inconsistent group protocol")                       \
    X(INVALID_GROUP_ID, -1024, 24, "invalid group id")                                             \
    X(UNKNOWN_MEMBER_ID, -1025, 25, "unknown member id")                                           \
    X(INVALID_SESSION_TIMEOUT, -1026, 26, "invalid session timeout")                               \
    X(REBALANCE_IN_PROGRESS, -1027, 27, "rebalance in progress")                                   \
    X(INVALID_COMMIT_OFFSET_SIZE, -1028, 28, "invalid commit offset size")                         \
    X(TOPIC_AUTHORIZATION_FAILED, -1029, 29, "topic authorization failed")                         \
    X(GROUP_AUTHORIZATION_FAILED, -1030, 30, "group authorization failed")                         \
    X(CLUSTER_AUTHORIZATION_FAILED, -1031, 31, "cluster authorization failed")                     \
    X(INVALID_TIMESTAMP, -1032, 32, "invalid timestamp")                                           \
    X(UNSUPPORTED_SASL_MECHANISM, -1033, 33, "unsupported sasl mechanism")                         \
    X(ILLEGAL_SASL_STATE, -1034, 34, "illegal sasl state")                                         \
    X(UNSUPPORTED_VERSION, -1035, 35, "unsupported version")                                       \
    X(TOPIC_ALREADY_EXISTS, -1036, 36, "topic already exists")                                     \
    X(INVALID_PARTITIONS, -1037, 37, "invalid partitions")                                         \
    X(INVALID_REPLICATION_FACTOR, -1038, 38, "invalid replication factor")                         \
    X(INVALID_REPLICA_ASSIGNMENT, -1039, 39, "invalid replica assignment")                         \
    X(INVALID_CONFIG, -1040, 40, "invalid config")                                                 \
    X(NOT_CONTROLLER, -1041, 41, "not controller")                                                 \
    X(INVALID_REQUEST, -1042, 42, "invalid request")                                               \
    X(UNSUPPORTED_FOR_MESSAGE_FORMAT, -1043, 43, "unsupported for message format")                 \
    X(POLICY_VIOLATION, -1044, 44, "policy violation")                                             \
    X(OUT_OF_ORDER_SEQUENCE_NUMBER, -1045, 45, "out of order sequence number")                     \
    X(DUPLICATE_SEQUENCE_NUMBER, -1046, 46, "duplicate sequence number")                           \
    X(INVALID_PRODUCER_EPOCH, -1047, 47, "invalid producer epoch")                                 \
    X(INVALID_TXN_STATE, -1048, 48, "invalid txn state")                                           \
    X(INVALID_PRODUCER_ID_MAPPING, -1049, 49, "invalid producer id mapping")                       \
    X(INVALID_TRANSACTION_TIMEOUT, -1050, 50, "invalid transaction timeout")                       \
    X(CONCURRENT_TRANSACTIONS, -1051, 51, "concurrent transactions")                               \
    X(TRANSACTION_COORDINATOR_FENCED, -1052, 52, "transaction coordinator fenced")                 \
    X(TRANSACTIONAL_ID_AUTHORIZATION_FAILED, -1053, 53, "transactional id authorization failed")   \
    X(SECURITY_DISABLED, -1054, 54, "security disabled")                                           \
    X(OPERATION_NOT_ATTEMPTED, -1055, 55, "operation not attempted")                               \
    X(KAFKA_STORAGE_ERROR, -1056, 56, "kafka storage error")                                       \
    X(LOG_DIR_NOT_FOUND, -1057, 57, "log dir not found")                                           \
    X(SASL_AUTHENTICATION_FAILED, -1058, 58, "sasl authentication failed")                         \
    X(UNKNOWN_PRODUCER_ID, -1059, 59, "unknown producer id")                                       \
    X(REASSIGNMENT_IN_PROGRESS, -1060, 60, "reassignment in progress")                             \
    X(DELEGATION_TOKEN_AUTH_DISABLED, -1061, 61, "delegation token auth disabled")                 \
    X(DELEGATION_TOKEN_NOT_FOUND, -1062, 62, "delegation token not found")                         \
    X(DELEGATION_TOKEN_OWNER_MISMATCH, -1063, 63, "delegation token owner mismatch")               \
    X(DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, -1064, 64, "delegation token request not allowed")     \
    X(DELEGATION_TOKEN_AUTHORIZATION_FAILED, -1065, 65, "delegation token authorization failed")   \
    X(DELEGATION_TOKEN_EXPIRED, -1066, 66, "delegation token expired")                             \
    X(INVALID_PRINCIPAL_TYPE, -1067, 67, "invalid principal type")                                 \
    X(NON_EMPTY_GROUP, -1068, 68, "non empty group")                                               \
    X(GROUP_ID_NOT_FOUND, -1069, 69, "group id not found")                                         \
    X(FETCH_SESSION_ID_NOT_FOUND, -1070, 70, "fetch session id not found")                         \
    X(INVALID_FETCH_SESSION_EPOCH, -1071, 71, "invalid fetch session epoch")                       \
    X(LISTENER_NOT_FOUND, -1072, 72, "listener not found")                                         \
    X(TOPIC_DELETION_DISABLED, -1073, 73, "topic deletion disabled")                               \
    X(FENCED_LEADER_EPOCH, -1074, 74, "fenced leader epoch")                                       \
    X(UNKNOWN_LEADER_EPOCH, -1075, 75, "unknown leader epoch")                                     \
    X(UNSUPPORTED_COMPRESSION_TYPE, -1076, 76, "unsupported compression type")                     \
    X(STALE_BROKER_EPOCH, -1077, 77, "stale broker epoch")                                         \
    X(OFFSET_NOT_AVAILABLE, -1078, 78, "offset not available")                                     \
    X(MEMBER_ID_REQUIRED, -1079, 79, "member id required")                                         \
    X(PREFERRED_LEADER_NOT_AVAILABLE, -1080, 80, "preferred leader not available")                 \
    X(GROUP_MAX_SIZE_REACHED, -1081, 81, "group max size reached")                                 \
    X(FENCED_INSTANCE_ID, -1082, 82, "fenced instance id")                                         \
    X(ELIGIBLE_LEADERS_NOT_AVAILABLE, -1083, 83, "eligible leaders not available")                 \
    X(ELECTION_NOT_NEEDED, -1084, 84, "election not needed")                                       \
    X(NO_REASSIGNMENT_IN_PROGRESS, -1085, 85, "no reassignment in progress")                       \
    X(GROUP_SUBSCRIBED_TO_TOPIC, -1086, 86, "group subscribed to topic")                           \
    X(INVALID_RECORD, -1087, 87, "invalid record")                                                 \
    X(UNSTABLE_OFFSET_COMMIT, -1088, 88, "unstable offset commit")                                 \
    X(THROTTLING_QUOTA_EXCEEDED, -1089, 89, "throttling quota exceeded")                           \
    X(PRODUCER_FENCED, -1090, 90, "producer fenced")                                               \
    X(RESOURCE_NOT_FOUND, -1091, 91, "resource not found")                                         \
    X(DUPLICATE_RESOURCE, -1092, 92, "duplicate resource")                                         \
    X(UNACCEPTABLE_CREDENTIAL, -1093, 93, "unacceptable credential")                               \
    X(INCONSISTENT_VOTER_SET, -1094, 94, "inconsistent voter set")                                 \
    X(INVALID_UPDATE_VERSION, -1095, 95, "invalid update version")                                 \
    X(FEATURE_UPDATE_FAILED, -1096, 96, "feature update failed")                                   \
    X(PRINCIPAL_DESERIALIZATION_FAILURE, -1097, 97, "principal deserialization failure")           \
    X(SNAPSHOT_NOT_FOUND, -1098, 98, "snapshot not found")                                         \
    X(POSITION_OUT_OF_RANGE, -1099, 99, "position out of range")                                   \
    X(UNKNOWN_TOPIC_ID, -1100, 100, "unknown topic id")                                            \
    X(DUPLICATE_BROKER_REGISTRATION, -1101, 101, "duplicate broker registration")                  \
    X(BROKER_ID_NOT_REGISTERED, -1102, 102, "broker id not registered")                            \
    X(INCONSISTENT_TOPIC_ID, -1103, 103, "inconsistent topic id")                                  \
    X(INCONSISTENT_CLUSTER_ID, -1104, 104, "inconsistent cluster id")                              \
    X(TRANSACTIONAL_ID_NOT_FOUND, -1105, 105, "transactional id not found")                        \
    X(FETCH_SESSION_TOPIC_ID_ERROR, -1106, 106, "fetch session topic id error")                    \
    X(INELIGIBLE_REPLICA, -1107, 107, "ineligible replica")                                        \
    X(NEW_LEADER_ELECTED, -1108, 108, "new leader elected")                                        \
    X(OFFSET_MOVED_TO_TIERED_STORAGE, -1109, 109, "offset moved to tiered storage")                \
    X(FENCED_MEMBER_EPOCH, -1110, 110, "fenced member epoch")                                      \
    X(UNRELEASED_INSTANCE_ID, -1111, 111, "unreleased instance id")                                \
    X(UNSUPPORTED_ASSIGNOR, -1112, 112, "unsupported assignor")                                    \
    X(STALE_MEMBER_EPOCH, -1113, 113, "stale member epoch")                                        \
    X(MISMATCHED_ENDPOINT_TYPE, -1114, 114, "mismatched endpoint type")                            \
    X(UNSUPPORTED_ENDPOINT_TYPE, -1115, 115, "unsupported endpoint type")                          \
    X(UNKNOWN_CONTROLLER_ID, -1116, 116, "unknown controller id")                                  \
    X(UNKNOWN_SUBSCRIPTION_ID, -1117, 117, "unknown subscription id")                              \
    X(TELEMETRY_TOO_LARGE, -1118, 118, "telemetry too large")                                      \
    X(INVALID_REGISTRATION, -1119, 119, "invalid registration")                                    \
    X(TRANSACTION_ABORTABLE, -1120, 120, "transaction abortable")                                  \
    X(INVALID_RECORD_STATE, -1121, 121, "invalid record state")                                    \
    X(SHARE_SESSION_NOT_FOUND, -1122, 122, "share session not found")                              \
    X(INVALID_SHARE_SESSION_EPOCH, -1123, 123, "invalid share session epoch")                      \
    X(FENCED_STATE_EPOCH, -1124, 124, "fenced state epoch")                                        \
    X(INVALID_VOTER_KEY, -1125, 125, "invalid voter key")                                          \
    X(DUPLICATE_VOTER, -1126, 126, "duplicate voter")                                              \
    X(VOTER_NOT_FOUND, -1127, 127, "voter not found")                                              \
    X(INVALID_REGULAR_EXPRESSION, -1128, 128, "invalid regular expression")                        \
    X(REBOOTSTRAP_REQUIRED, -1129, 129, "rebootstrap required")                                    \
    X(STREAMS_INVALID_TOPOLOGY, -1130, 130, "streams invalid topology")                            \
    X(STREAMS_INVALID_TOPOLOGY_EPOCH, -1131, 131, "streams invalid topology epoch")                \
    X(STREAMS_TOPOLOGY_FENCED, -1132, 132, "streams topology fenced")                              \
    X(SHARE_SESSION_LIMIT_REACHED, -1133, 133, "share session limit reached")                      \
    X(GROUP_DELETION_FAILED, -1134, 134, "group deletion failed")                                  \
    X(STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED, -1135, 135,                                      \
      "streams topology description update failed")                                                \
    X(CONTROLLER_ID_NOT_REGISTERED, -1136, 136, "controller id not registered")

#define ERR_ENUM_ROW(name, number, wire, sentence) ERR_##name = number,
enum err { ERR_OWN_LIST(ERR_ENUM_ROW) ERR_KAFKA_LIST(ERR_ENUM_ROW) };
#undef ERR_ENUM_ROW

/* "UNKNOWN_TOPIC_OR_PARTITION", "NONE" for 0, "UNKNOWN" for a number that is not listed. */
const char *err_name(int err);

/* The sentence for a person; never NULL. */
const char *err_text(int err);

/* The code that a Kafka client is sent for `err`; 0 for 0. */
int16_t err_to_wire(int err);

/* The ERR_x of a code received from a Kafka broker; 0 for 0, ERR_UNKNOWN_SERVER_ERROR if unknown.
 */
int err_from_wire(int16_t code);

/* The ERR_x of an errno value (positive); ERR_IO for one that has no closer word. */
int err_from_errno(int error_number);

#endif
