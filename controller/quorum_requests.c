/* The quorum: what it is, and changes of it.
 *
 * Happy path: a description is answered at once; a change is handed to consensus and answered when
 * it is committed. Failure modes: the session that asked is gone, then nobody is told. */
#include "controller/quorum_requests.h"

#include "base/err.h"
#include "base/mem.h"
#include "controller/sessions.h"

enum { QUORUM_OBSERVERS_MAX = 1000 };

static void send_reply(struct session *session, Meta__CommandReply *reply)
{
    Meta__Frame frame = META__FRAME__INIT;
    frame.body_case = META__FRAME__BODY_COMMAND_REPLY;
    frame.command_reply = reply;
    link_send(session->peer, &frame);
}

/* ---- the state ---- */

static void add_replica(Meta__QuorumState__Replica *replicas, Meta__QuorumState__Replica **pointers,
                        size_t *count, const Meta__QuorumState__Replica *replica)
{
    replicas[*count] = *replica;
    pointers[*count] = &replicas[*count];
    (*count)++;
}

/* Monotonic to wall clock; -1 stays. */
static int64_t wall_of(const struct controller *controller, int64_t ms)
{
    return ms < 0 ? -1 : env_wall_ms(controller->env) - (env_now_ms(controller->env) - ms);
}

/* Members of the quorum that vote, or that follow to vote later. */
static size_t list_members(struct controller *controller, bool votes,
                           Meta__QuorumState__Replica *replicas,
                           Meta__QuorumState__Replica **pointers)
{
    size_t count = 0;
    struct consensus_voter voter;
    struct consensus_members *members = &controller->members;
    bool changes = consensus_members(controller->consensus, members);
    for (int i = 0; consensus_voter(controller->consensus, i, &voter); i++) {
        if (voter.votes != votes)
            continue;
        Meta__QuorumState__Replica replica = META__QUORUM_STATE__REPLICA__INIT;
        replica.id = voter.id;
        replica.log_end = voter.log_end;
        replica.last_fetch_ms = wall_of(controller, voter.heard_ms);
        replica.last_caught_up_ms = wall_of(controller, voter.caught_up_ms);
        if (!changes) {
            replica.host = (char *)(uintptr_t)controller->config.voters[i].host;
            replica.port = controller->config.voters[i].port;
        } else if ((size_t)i < members->count) {
            replica.host = members->items[i].host;
            replica.port = members->items[i].port;
            replica.directory_id = members->items[i].directory_id;
        }
        add_replica(replicas, pointers, &count, &replica);
    }
    return count;
}

static bool is_member(const struct controller *controller, int32_t id)
{
    struct consensus_voter voter;
    for (int i = 0; consensus_voter(controller->consensus, i, &voter); i++)
        if (voter.id == id)
            return true;
    return false;
}

/* Brokers see no entries of the quorum itself: one that has applied all that is meant for brokers
 * is behind nobody, whatever stands after that. */
static int64_t applied_end(const struct controller *controller, const struct session *session)
{
    int64_t committed = consensus_committed(controller->consensus);
    bool all = session->applied_index >= stream_applied(controller->stream);
    return all && committed > session->applied_index ? committed : session->applied_index;
}

static size_t list_observers(struct controller *controller, Meta__QuorumState__Replica *replicas,
                             Meta__QuorumState__Replica **pointers, size_t room)
{
    size_t count = list_members(controller, false, replicas, pointers);
    struct session *session = NULL;
    while (count < room && (session = sessions_next(controller->sessions, session))) {
        if (!session->registered || is_member(controller, session->broker_id))
            continue;
        Meta__QuorumState__Replica replica = META__QUORUM_STATE__REPLICA__INIT;
        replica.id = session->broker_id;
        replica.log_end = applied_end(controller, session);
        replica.last_fetch_ms = wall_of(controller, session->heartbeat_ms);
        replica.last_caught_up_ms = replica.last_fetch_ms;
        add_replica(replicas, pointers, &count, &replica);
    }
    return count;
}

static void describe_quorum(struct session *session, uint64_t id)
{
    struct controller *controller = session->controller;
    struct consensus_voter voter;
    size_t members = 0;
    while (consensus_voter(controller->consensus, (int)members, &voter))
        members++;
    size_t room = 2 * members + QUORUM_OBSERVERS_MAX;
    Meta__QuorumState__Replica *replicas = mem_alloc(room * sizeof(*replicas));
    Meta__QuorumState__Replica **pointers = mem_alloc(room * sizeof(Meta__QuorumState__Replica *));
    Meta__QuorumState state = META__QUORUM_STATE__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    state.leader_id = consensus_leader(controller->consensus);
    state.leader_epoch = consensus_term(controller->consensus);
    state.high_watermark = consensus_committed(controller->consensus);
    state.voters = pointers;
    state.n_voters = list_members(controller, true, replicas, pointers);
    state.observers = pointers + members;
    state.n_observers = list_observers(controller, replicas + members, pointers + members,
                                       members + QUORUM_OBSERVERS_MAX);
    reply.id = id;
    reply.quorum = &state;
    reply.index = stream_applied(controller->stream); /* brokers see no entries of the quorum */
    send_reply(session, &reply);
    mem_free(pointers);
    mem_free(replicas);
}

/* ---- changes ---- */

/* A change of the quorum that a session waits for. */
struct quorum_change {
    struct controller *controller;
    uint64_t session;
    uint64_t id;
};

static void change_done(void *data, int err, const char *sentence)
{
    struct quorum_change *change = data;
    struct session *session =
        err == ERR_CANCELED ? NULL : sessions_find(change->controller->sessions, change->session);
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    reply.id = change->id;
    reply.error = err_to_wire(err);
    reply.message = (char *)(uintptr_t)sentence;
    reply.index = stream_applied(change->controller->stream);
    if (session)
        send_reply(session, &reply);
    mem_free(change);
}

static struct quorum_change *change_new(const struct session *session, uint64_t id)
{
    struct quorum_change *change = mem_alloc(sizeof(*change));
    change->controller = session->controller;
    change->session = session->number;
    change->id = id;
    return change;
}

/* A controller whose disk has just failed refuses the changes. */
bool quorum_requests_command(struct session *session, const Meta__Command *command)
{
    struct consensus *consensus = session->controller->consensus;
    switch (command->body_case) {
    case META__COMMAND__BODY_DESCRIBE_QUORUM:
        describe_quorum(session, command->id);
        return true;
    case META__COMMAND__BODY_ADD_VOTER:
        consensus_add_voter(consensus, command->add_voter, change_done,
                            change_new(session, command->id));
        return true;
    case META__COMMAND__BODY_REMOVE_VOTER:
        consensus_remove_voter(consensus, command->remove_voter, change_done,
                               change_new(session, command->id));
        return true;
    case META__COMMAND__BODY_UPDATE_VOTER:
        consensus_update_voter(consensus, command->update_voter, change_done,
                               change_new(session, command->id));
        return true;
    case META__COMMAND__BODY_UNREGISTER_CONTROLLER:
        consensus_unregister(consensus, command->unregister_controller->id, change_done,
                             change_new(session, command->id));
        return true;
    default:
        return false;
    }
}
