/* ConsumerGroupDescribe: groups of the consumer protocol with their members. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

enum { CONSUMER_GROUP_OPERATIONS = 0x148 }; /* read, delete, describe: there is no authorizer */

void handle_consumer_group_describe(struct request *request)
{
    const struct consumer_group_describe_request *body = request->body;
    struct consumer_group_describe_response response;
    wire_defaults(&consumer_group_describe_response_desc, &response);
    struct consumer_group_describe_response_described_group *out =
        WIRE_ARRAY(&request->arena, &response.groups, body->group_ids.count,
                   &consumer_group_describe_response_described_group_desc);
    if (!out) {
        request_fail(request, ERR_NO_MEMORY, "names more groups than fit in memory");
        return;
    }
    for (int32_t i = 0; i < body->group_ids.count; i++) {
        group_manager_consumer_describe(request->broker->groups, body->group_ids.items[i],
                                        &request->arena, &out[i]);
        if (body->include_authorized_operations)
            out[i].authorized_operations = CONSUMER_GROUP_OPERATIONS;
    }
    request_reply(request, &response, NULL);
}
