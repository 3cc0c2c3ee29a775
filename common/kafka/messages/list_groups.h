/* ListGroups (key 16): request and response. */
#ifndef KAFKA_MESSAGES_LIST_GROUPS_H
#define KAFKA_MESSAGES_LIST_GROUPS_H

#include "wire/wire.h"

#define LIST_GROUPS_REQUEST_FIELDS(X, S)                                                           \
    X(S, ARRAY(STRING), states_filter, "StatesFilter", FROM(4))                                    \
    X(S, ARRAY(STRING), types_filter, "TypesFilter", FROM(5))
WIRE_MESSAGE(list_groups_request, "ListGroupsRequest", LIST_GROUPS_REQUEST_FIELDS, 0, 5, 3)

#define LIST_GROUPS_RESPONSE_LISTED_GROUP_FIELDS(X, S)                                             \
    X(S, STRING, group_id, "GroupId", FROM(0))                                                     \
    X(S, STRING, protocol_type, "ProtocolType", FROM(0))                                           \
    X(S, STRING, group_state, "GroupState", FROM(4), IGNORABLE)                                    \
    X(S, STRING, group_type, "GroupType", FROM(5), IGNORABLE)
WIRE_STRUCT(list_groups_response_listed_group, "ListedGroup",
            LIST_GROUPS_RESPONSE_LISTED_GROUP_FIELDS)

#define LIST_GROUPS_RESPONSE_FIELDS(X, S)                                                          \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(1), IGNORABLE)                            \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, ARRAY(STRUCT(list_groups_response_listed_group)), groups, "Groups", FROM(0))
WIRE_MESSAGE(list_groups_response, "ListGroupsResponse", LIST_GROUPS_RESPONSE_FIELDS, 0, 5, 3)

#endif
