/* AddRaftVoter: a controller becomes a voter of the metadata quorum. The answer comes when the
 * change is committed, also to who would be content with less (AckWhenCommitted). */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/handlers/origin.h"
#include "broker/net/request.h"
#include "kafka/messages/add_raft_voter.h"

enum { ADD_RAFT_VOTER_SLACK_MS = 2000 /* the controller's own answer comes before ours */ };

struct add_raft_voter {
    struct request *request;
    struct add_raft_voter_response response;
};

static void add_raft_voter_result(void *data, int err, const char *sentence,
                                  const Meta__CommandReply *reply)
{
    struct add_raft_voter *add = data;
    (void)reply;
    add->response.error_code = err_to_wire(err);
    add->response.error_message = command_keep(&add->request->arena, sentence);
}

static void add_raft_voter_finish(void *data, int err)
{
    struct add_raft_voter *add = data;
    (void)err;
    request_reply(add->request, &add->response, NULL);
}

static const struct command_events add_raft_voter_events = {
    .result = add_raft_voter_result,
    .finish = add_raft_voter_finish,
};

void handle_add_raft_voter(struct request *request)
{
    const struct add_raft_voter_request *body = request->body;
    struct add_raft_voter *add = request_alloc(request, sizeof(*add));
    if (!add)
        return;
    add->request = request;
    wire_defaults(&add_raft_voter_response_desc, &add->response);
    Meta__Member voter = META__MEMBER__INIT;
    Meta__AddVoter message = META__ADD_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    struct uuid directory_id = body->voter_directory_id;
    char *host = NULL, *cluster_id = wire_str_dup(body->cluster_id);
    voter.id = body->voter_id;
    if (!uuid_is_zero(&directory_id))
        voter.directory_id = (ProtobufCBinaryData){sizeof(directory_id.bytes), directory_id.bytes};
    if (body->listeners.count > 0) {
        host = wire_str_dup(body->listeners.items[0].host);
        voter.host = host ? host : voter.host;
        voter.port = body->listeners.items[0].port;
    }
    int64_t timeout_ms = body->timeout_ms > 0 ? body->timeout_ms : COMMAND_TIMEOUT_DEFAULT_MS;
    message.voter = &voter;
    message.timeout_ms = timeout_ms;
    message.cluster_id = cluster_id ? cluster_id : message.cluster_id;
    command.body_case = META__COMMAND__BODY_ADD_VOTER;
    command.add_voter = &message;
    command_send(request->broker->channel, origin_of(request), &command,
                 timeout_ms + ADD_RAFT_VOTER_SLACK_MS, &add_raft_voter_events, add);
    mem_free(host);
    mem_free(cluster_id);
}
