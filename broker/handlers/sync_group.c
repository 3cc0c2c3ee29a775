/* SyncGroup: the answer comes when the assignment is stored. */
#include "broker/handlers/handlers.h"

#include "broker/broker.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

struct sync_group {
    struct group_sync op;
    struct request *request;
};

static void sync_group_done(struct group_sync *op)
{
    struct sync_group *sync = CONTAINER_OF(op, struct sync_group, op);
    request_reply(sync->request, &op->response, NULL);
}

void handle_sync_group(struct request *request)
{
    struct sync_group *sync = request_alloc(request, sizeof(*sync));
    if (!sync)
        return;
    sync->request = request;
    sync->op.request = request->body;
    sync->op.version = request->version;
    sync->op.arena = &request->arena;
    sync->op.done = sync_group_done;
    group_manager_sync(request->broker->groups, &sync->op);
}
