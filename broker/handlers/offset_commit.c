/* OffsetCommit: the answer comes when the offsets are replicated. */
#include "broker/handlers/handlers.h"

#include "broker/broker.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

struct offset_commit {
    struct group_commit op;
    struct request *request;
};

static void offset_commit_done(struct group_commit *op)
{
    struct offset_commit *commit = CONTAINER_OF(op, struct offset_commit, op);
    request_reply(commit->request, &op->response, NULL);
}

void handle_offset_commit(struct request *request)
{
    struct offset_commit *commit = request_alloc(request, sizeof(*commit));
    if (!commit)
        return;
    commit->request = request;
    commit->op.request = request->body;
    commit->op.version = request->version;
    commit->op.arena = &request->arena;
    commit->op.done = offset_commit_done;
    group_manager_commit(request->broker->groups, &commit->op);
}
