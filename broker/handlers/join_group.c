/* JoinGroup: see the group coordinator; the answer comes when the join phase ends. */
#include "broker/handlers/handlers.h"

#include "broker/broker.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

struct join_group {
    struct group_join op;
    struct request *request;
};

static void join_group_done(struct group_join *op)
{
    struct join_group *join = CONTAINER_OF(op, struct join_group, op);
    request_reply(join->request, &op->response, NULL);
}

void handle_join_group(struct request *request)
{
    struct join_group *join = request_alloc(request, sizeof(*join));
    if (!join)
        return;
    join->request = request;
    join->op.request = request->body;
    join->op.version = request->version;
    join->op.client_id = request->client_id;
    join->op.client_host = request_host(request);
    join->op.arena = &request->arena;
    join->op.done = join_group_done;
    group_manager_join(request->broker->groups, &join->op);
}
