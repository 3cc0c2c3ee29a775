/* LeaveGroup: one member, from v3 on a list of members. */
#include "broker/handlers/handlers.h"

#include "broker/broker.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

struct leave_group {
    struct group_leave op;
    struct request *request;
};

static void leave_group_done(struct group_leave *op)
{
    struct leave_group *leave = CONTAINER_OF(op, struct leave_group, op);
    request_reply(leave->request, &op->response, NULL);
}

void handle_leave_group(struct request *request)
{
    struct leave_group *leave = request_alloc(request, sizeof(*leave));
    if (!leave)
        return;
    leave->request = request;
    leave->op.request = request->body;
    leave->op.version = request->version;
    leave->op.arena = &request->arena;
    leave->op.done = leave_group_done;
    group_manager_leave(request->broker->groups, &leave->op);
}
