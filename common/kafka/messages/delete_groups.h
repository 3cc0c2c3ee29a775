/* DeleteGroups (key 42): request and response. */
#ifndef KAFKA_MESSAGES_DELETE_GROUPS_H
#define KAFKA_MESSAGES_DELETE_GROUPS_H

#include "wire/wire.h"

#define DELETE_GROUPS_REQUEST_FIELDS(X, S) X(S, ARRAY(STRING), groups_names, "GroupsNames", FROM(0))
WIRE_MESSAGE(delete_groups_request, "DeleteGroupsRequest", DELETE_GROUPS_REQUEST_FIELDS, 0, 3, 2)

#define DELETE_GROUPS_RESPONSE_DELETABLE_GROUP_RESULT_FIELDS(X, S)                                 \
    X(S, STRING, group_id, "GroupId", FROM(0))                                                     \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(3), NULL_FROM(3), DEFAULT_NULL, IGNORABLE)
WIRE_STRUCT(delete_groups_response_deletable_group_result, "DeletableGroupResult",
            DELETE_GROUPS_RESPONSE_DELETABLE_GROUP_RESULT_FIELDS)

#define DELETE_GROUPS_RESPONSE_FIELDS(X, S)                                                        \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, ARRAY(STRUCT(delete_groups_response_deletable_group_result)), results, "Results", FROM(0))
WIRE_MESSAGE(delete_groups_response, "DeleteGroupsResponse", DELETE_GROUPS_RESPONSE_FIELDS, 0, 3, 2)

#endif
