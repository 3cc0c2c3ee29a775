/* OffsetDelete: removes committed offsets of topics that no member reads (KIP-496). */
#include "broker/handlers/handlers.h"

#include "broker/broker.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

struct offset_delete {
    struct group_offset_delete op;
    struct request *request;
};

static void offset_delete_done(struct group_offset_delete *op)
{
    struct offset_delete *delete = CONTAINER_OF(op, struct offset_delete, op);
    request_reply(delete->request, &op->response, NULL);
}

void handle_offset_delete(struct request *request)
{
    struct offset_delete *delete = request_alloc(request, sizeof(*delete));
    if (!delete)
        return;
    delete->request = request;
    delete->op.request = request->body;
    delete->op.arena = &request->arena;
    delete->op.done = offset_delete_done;
    group_manager_delete_offsets(request->broker->groups, &delete->op);
}
