/* UpdateRaftVoter (KIP-853): a voter says where it listens now, and which versions of the quorum's
 * protocol it can. Controllers here tell each other that by themselves; the request is for who else
 * speaks for one. Answered when the change is committed, with who leads; the answer has no room for
 * a sentence, so a refusal is in the log. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/handlers/origin.h"
#include "broker/handlers/raft_voter.h"
#include "kafka/messages/update_raft_voter.h"

enum {
    UPDATE_VOTER_VERSION = 1, /* kraft.version of a quorum that changes */
    UPDATE_VOTER_QUORUM_MAX = 64
};

struct update_voter {
    struct request *request;
    struct update_raft_voter_response response;
};

static void update_voter_fill_leader(struct update_voter *update)
{
    struct request *request = update->request;
    struct controller_address quorum[UPDATE_VOTER_QUORUM_MAX];
    int32_t active = controller_channel_active(request->broker->channel);
    int64_t epoch = controller_channel_active_epoch(request->broker->channel);
    size_t count =
        controller_channel_quorum(request->broker->channel, quorum, UPDATE_VOTER_QUORUM_MAX);
    ASSERT(count <= UPDATE_VOTER_QUORUM_MAX);
    for (size_t i = 0; i < count; i++) {
        if (quorum[i].id != active)
            continue;
        update->response.current_leader.leader_id = active;
        update->response.current_leader.leader_epoch = (int32_t)epoch;
        update->response.current_leader.host = command_keep(&request->arena, quorum[i].host);
        update->response.current_leader.port = quorum[i].port;
    }
}

static void update_voter_result(void *data, int err, const char *sentence,
                                const Meta__CommandReply *reply)
{
    struct update_voter *update = data;
    (void)reply;
    update->response.error_code = err_to_wire(err);
    if (err)
        request_warn(update->request, "UpdateRaftVoter of %s is refused: %s",
                     request_peer(update->request), sentence[0] ? sentence : err_text(err));
    update_voter_fill_leader(update);
}

static void update_voter_finish(void *data, int err)
{
    struct update_voter *update = data;
    (void)err;
    request_reply(update->request, &update->response, NULL);
}

static const struct command_events update_voter_events = {.result = update_voter_result,
                                                          .finish = update_voter_finish};

static void update_voter_refuse(struct update_voter *update, int err, const char *sentence)
{
    update_voter_result(update, err, sentence, NULL);
    update_voter_finish(update, 0);
}

/* NULL: there is none. */
static const struct update_raft_voter_request_listener *
update_voter_listener(const struct request *request)
{
    const struct update_raft_voter_request *body = request->body;
    for (int32_t i = 0; i < body->listeners.count; i++)
        if (raft_voter_is_listener(request, body->listeners.items[i].name))
            return &body->listeners.items[i];
    return NULL;
}

static void update_voter_send(struct update_voter *update, char *host, uint16_t port,
                              char *cluster_id)
{
    struct request *request = update->request;
    const struct update_raft_voter_request *body = request->body;
    struct uuid directory_id = body->voter_directory_id;
    Meta__Member voter = META__MEMBER__INIT;
    Meta__UpdateVoter message = META__UPDATE_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    voter.id = body->voter_id;
    voter.host = host;
    voter.port = port;
    voter.directory_id = (ProtobufCBinaryData){sizeof(directory_id.bytes), directory_id.bytes};
    message.voter = &voter;
    message.cluster_id = cluster_id;
    message.leader_epoch = body->current_leader_epoch;
    command.body_case = META__COMMAND__BODY_UPDATE_VOTER;
    command.update_voter = &message;
    command_send(request->broker->channel, origin_of(request), &command, COMMAND_TIMEOUT_DEFAULT_MS,
                 &update_voter_events, update);
}

void handle_update_raft_voter(struct request *request)
{
    const struct update_raft_voter_request *body = request->body;
    struct update_voter *update = request_alloc(request, sizeof(*update));
    char *host = NULL, *cluster_id = NULL;
    if (!update)
        return;
    update->request = request;
    wire_defaults(&update_raft_voter_response_desc, &update->response);
    const struct update_raft_voter_request_listener *listener = update_voter_listener(request);
    int err = listener ? command_text(&request->arena, listener->host, &host) : ERR_INVALID;
    if (!err)
        err = command_text(&request->arena, body->cluster_id, &cluster_id);
    if (err == ERR_NO_MEMORY) {
        request_fail(request, err, "asks for more than fits in memory");
    } else if (raft_voter_is_no_cluster(body->cluster_id)) {
        update_voter_refuse(update, ERR_INCONSISTENT_CLUSTER_ID, RAFT_VOTER_NO_CLUSTER);
    } else if (err) {
        update_voter_refuse(update, ERR_INVALID_REQUEST,
                            "it names no listener by which controllers reach the voter");
    } else if (body->k_raft_version_feature.min_supported_version > UPDATE_VOTER_VERSION ||
               body->k_raft_version_feature.max_supported_version < UPDATE_VOTER_VERSION) {
        update_voter_refuse(update, ERR_INVALID_REQUEST,
                            "the voter can't speak kraft.version 1, which is in force");
    } else {
        update_voter_send(update, host, listener->port, cluster_id);
    }
}
