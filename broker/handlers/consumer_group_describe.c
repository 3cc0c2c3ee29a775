/* ConsumerGroupDescribe: groups of the consumer protocol with their members. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

static void describe_one(struct request *request, struct wire_str group_id,
                         struct consumer_group_describe_response_described_group *out)
{
    const struct consumer_group_describe_request *body = request->body;
    group_manager_consumer_describe(request->broker->groups, group_id, &request->arena, out);
    if (body->include_authorized_operations && !out->error_code)
        out->authorized_operations = ACL_ALL_OF_GROUP;
}

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
    /* Those that name no group come first, as in Kafka. */
    for (int named = 0; named <= 1; named++)
        for (int32_t i = 0; i < body->group_ids.count; i++)
            if (named == !wire_str_is_empty(body->group_ids.items[i]))
                describe_one(request, body->group_ids.items[i], out++);
    request_reply(request, &response, NULL);
}
