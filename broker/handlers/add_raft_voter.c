/* AddRaftVoter: a controller becomes a voter of the metadata quorum. The answer comes when the
 * change is committed, also to who would be content with less (AckWhenCommitted). */
#include "broker/handlers/handlers.h"

#include "broker/cluster/command.h"
#include "broker/handlers/verdict.h"
#include "kafka/messages/add_raft_voter.h"

enum { ADD_RAFT_VOTER_SLACK_MS = 2000 /* the controller's own answer comes before ours */ };

struct add_raft_voter {
    struct verdict verdict;
    struct add_raft_voter_response response;
};

void handle_add_raft_voter(struct request *request)
{
    const struct add_raft_voter_request *body = request->body;
    struct add_raft_voter *add = request_alloc(request, sizeof(*add));
    if (!add)
        return;
    wire_defaults(&add_raft_voter_response_desc, &add->response);
    add->verdict = (struct verdict){.request = request,
                                    .response = &add->response,
                                    .error_code = &add->response.error_code,
                                    .error_message = &add->response.error_message};
    Meta__Member voter = META__MEMBER__INIT;
    Meta__AddVoter message = META__ADD_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    struct uuid directory_id = body->voter_directory_id;
    char *host, *cluster_id;
    if (!verdict_text(&add->verdict, body->cluster_id, &cluster_id))
        return;
    voter.id = body->voter_id;
    if (!uuid_is_zero(&directory_id))
        voter.directory_id = (ProtobufCBinaryData){sizeof(directory_id.bytes), directory_id.bytes};
    if (body->listeners.count > 0) {
        if (!verdict_text(&add->verdict, body->listeners.items[0].host, &host))
            return;
        voter.host = host;
        voter.port = body->listeners.items[0].port;
    }
    int64_t timeout_ms = body->timeout_ms > 0 ? body->timeout_ms : COMMAND_TIMEOUT_DEFAULT_MS;
    message.voter = &voter;
    message.timeout_ms = timeout_ms;
    message.cluster_id = cluster_id;
    command.body_case = META__COMMAND__BODY_ADD_VOTER;
    command.add_voter = &message;
    verdict_ask(&add->verdict, &command, timeout_ms + ADD_RAFT_VOTER_SLACK_MS);
}
