/* DescribeGroups: classic groups with their members. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

void handle_describe_groups(struct request *request)
{
    const struct describe_groups_request *body = request->body;
    struct describe_groups_response response;
    wire_defaults(&describe_groups_response_desc, &response);
    struct describe_groups_response_described_group *out =
        WIRE_ARRAY(&request->arena, &response.groups, body->groups.count,
                   &describe_groups_response_described_group_desc);
    if (!out) {
        request_fail(request, ERR_NO_MEMORY, "names more groups than fit in memory");
        return;
    }
    for (int32_t i = 0; i < body->groups.count; i++) {
        group_manager_describe(request->broker->groups, body->groups.items[i], request->version,
                               &request->arena, &out[i]);
        if (body->include_authorized_operations && !out[i].error_code)
            out[i].authorized_operations = ACL_ALL_OF_GROUP;
    }
    request_reply(request, &response, NULL);
}
