/* AddRaftVoter: a controller becomes a voter of the metadata quorum. The answer comes when the
 * change is committed, also to who would be content with less (AckWhenCommitted). */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/cluster/command.h"
#include "broker/handlers/raft_voter.h"
#include "broker/handlers/verdict.h"
#include "kafka/messages/add_raft_voter.h"

enum { ADD_RAFT_VOTER_SLACK_MS = 2000 /* the controller's own answer comes before ours */ };

struct add_raft_voter {
    struct verdict verdict;
    struct add_raft_voter_response response;
};

/* NULL: there is none. */
static const struct add_raft_voter_request_listener *
add_voter_listener(const struct request *request)
{
    const struct add_raft_voter_request *body = request->body;
    for (int32_t i = 0; i < body->listeners.count; i++)
        if (raft_voter_is_listener(request, body->listeners.items[i].name))
            return &body->listeners.items[i];
    return NULL;
}

/* What is wrong with it whoever leads; false: it has been answered. */
static bool add_voter_check(struct add_raft_voter *add,
                            const struct add_raft_voter_request_listener *listener)
{
    struct request *request = add->verdict.request;
    const struct add_raft_voter_request *body = request->body;
    if (raft_voter_is_no_cluster(body->cluster_id)) {
        verdict_refuse(&add->verdict, ERR_INCONSISTENT_CLUSTER_ID, RAFT_VOTER_NO_CLUSTER);
        return false;
    }
    const char *sentence = listener ? NULL : raft_voter_say_no_listener(request);
    if (sentence)
        verdict_refuse(&add->verdict, ERR_INVALID_REQUEST, sentence);
    else if (!listener)
        request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
    return listener != NULL;
}

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
    const struct add_raft_voter_request_listener *listener = add_voter_listener(request);
    if (!add_voter_check(add, listener) ||
        !verdict_text(&add->verdict, body->cluster_id, &cluster_id) ||
        !verdict_text(&add->verdict, listener->host, &host))
        return;
    voter.id = body->voter_id;
    if (!uuid_is_zero(&directory_id))
        voter.directory_id = (ProtobufCBinaryData){sizeof(directory_id.bytes), directory_id.bytes};
    voter.host = host;
    voter.port = listener->port;
    int64_t timeout_ms = body->timeout_ms > 0 ? body->timeout_ms : COMMAND_TIMEOUT_DEFAULT_MS;
    message.voter = &voter;
    message.timeout_ms = timeout_ms;
    message.cluster_id = cluster_id;
    command.body_case = META__COMMAND__BODY_ADD_VOTER;
    command.add_voter = &message;
    verdict_ask(&add->verdict, &command, timeout_ms + ADD_RAFT_VOTER_SLACK_MS);
}
