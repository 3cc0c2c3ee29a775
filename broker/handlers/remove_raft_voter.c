/* RemoveRaftVoter: a controller is no longer a voter of the metadata quorum. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/handlers/origin.h"
#include "broker/net/request.h"
#include "kafka/messages/remove_raft_voter.h"

struct remove_raft_voter {
    struct request *request;
    struct remove_raft_voter_response response;
};

static void remove_raft_voter_result(void *data, int err, const char *sentence,
                                     const Meta__CommandReply *reply)
{
    struct remove_raft_voter *remove = data;
    (void)reply;
    remove->response.error_code = err_to_wire(err);
    remove->response.error_message = command_keep(&remove->request->arena, sentence);
}

static void remove_raft_voter_finish(void *data, int err)
{
    struct remove_raft_voter *remove = data;
    (void)err;
    request_reply(remove->request, &remove->response, NULL);
}

static const struct command_events remove_raft_voter_events = {
    .result = remove_raft_voter_result,
    .finish = remove_raft_voter_finish,
};

void handle_remove_raft_voter(struct request *request)
{
    const struct remove_raft_voter_request *body = request->body;
    struct remove_raft_voter *remove = request_alloc(request, sizeof(*remove));
    if (!remove)
        return;
    remove->request = request;
    wire_defaults(&remove_raft_voter_response_desc, &remove->response);
    Meta__RemoveVoter message = META__REMOVE_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    struct uuid directory_id = body->voter_directory_id;
    char *cluster_id = wire_str_dup(body->cluster_id);
    message.id = body->voter_id;
    message.directory_id = (ProtobufCBinaryData){sizeof(directory_id.bytes), directory_id.bytes};
    message.cluster_id = cluster_id ? cluster_id : message.cluster_id;
    command.body_case = META__COMMAND__BODY_REMOVE_VOTER;
    command.remove_voter = &message;
    command_send(request->broker->channel, origin_of(request), &command, COMMAND_TIMEOUT_DEFAULT_MS,
                 &remove_raft_voter_events, remove);
    mem_free(cluster_id);
}
