/* DeleteGroups: the answer comes when the removal of every group named is stored. */
#include "broker/handlers/handlers.h"

#include "broker/broker.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

struct delete_groups {
    struct group_delete op;
    struct request *request;
};

static void delete_groups_done(struct group_delete *op)
{
    struct delete_groups *delete = CONTAINER_OF(op, struct delete_groups, op);
    request_reply(delete->request, &op->response, NULL);
}

void handle_delete_groups(struct request *request)
{
    struct delete_groups *delete = request_alloc(request, sizeof(*delete));
    if (!delete)
        return;
    delete->request = request;
    delete->op.request = request->body;
    delete->op.arena = &request->arena;
    delete->op.done = delete_groups_done;
    group_manager_delete(request->broker->groups, &delete->op);
}
