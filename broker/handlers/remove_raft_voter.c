/* RemoveRaftVoter: a controller is no longer a voter of the metadata quorum. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/cluster/command.h"
#include "broker/handlers/raft_voter.h"
#include "broker/handlers/verdict.h"
#include "kafka/messages/remove_raft_voter.h"

struct remove_raft_voter {
    struct verdict verdict;
    struct remove_raft_voter_response response;
};

void handle_remove_raft_voter(struct request *request)
{
    const struct remove_raft_voter_request *body = request->body;
    struct remove_raft_voter *remove = request_alloc(request, sizeof(*remove));
    if (!remove)
        return;
    wire_defaults(&remove_raft_voter_response_desc, &remove->response);
    remove->verdict = (struct verdict){.request = request,
                                       .response = &remove->response,
                                       .error_code = &remove->response.error_code,
                                       .error_message = &remove->response.error_message};
    Meta__RemoveVoter message = META__REMOVE_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    struct uuid directory_id = body->voter_directory_id;
    char *cluster_id;
    if (raft_voter_is_no_cluster(body->cluster_id)) {
        verdict_refuse(&remove->verdict, ERR_INCONSISTENT_CLUSTER_ID, RAFT_VOTER_NO_CLUSTER);
        return;
    }
    if (!verdict_text(&remove->verdict, body->cluster_id, &cluster_id))
        return;
    message.id = body->voter_id;
    message.directory_id = (ProtobufCBinaryData){sizeof(directory_id.bytes), directory_id.bytes};
    message.cluster_id = cluster_id;
    command.body_case = META__COMMAND__BODY_REMOVE_VOTER;
    command.remove_voter = &message;
    verdict_ask(&remove->verdict, &command, COMMAND_TIMEOUT_DEFAULT_MS);
}
