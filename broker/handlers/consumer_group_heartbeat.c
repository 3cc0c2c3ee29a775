/* ConsumerGroupHeartbeat (KIP-848): the answer comes when what it changed is stored. */
#include "broker/handlers/handlers.h"

#include "broker/broker.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

struct consumer_group_heartbeat {
    struct group_consumer_heartbeat op;
    struct request *request;
};

static void consumer_group_heartbeat_done(struct group_consumer_heartbeat *op)
{
    struct consumer_group_heartbeat *beat = CONTAINER_OF(op, struct consumer_group_heartbeat, op);
    request_reply(beat->request, &op->response, NULL);
}

void handle_consumer_group_heartbeat(struct request *request)
{
    struct consumer_group_heartbeat *beat = request_alloc(request, sizeof(*beat));
    if (!beat)
        return;
    beat->request = request;
    beat->op.request = request->body;
    beat->op.version = request->version;
    beat->op.client_id = request->client_id;
    beat->op.client_host = request_host(request);
    beat->op.arena = &request->arena;
    beat->op.done = consumer_group_heartbeat_done;
    beat->op.expression = NULL;
    group_manager_consumer_heartbeat(request->broker->groups, &beat->op);
}
