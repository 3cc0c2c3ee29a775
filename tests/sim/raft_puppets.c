/* Puppets and their node 0: see raft_puppets.h. */
#include "raft_puppets.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "controller/consensus.h"
#include "meta/channel.h"

struct sim *sim;
struct sim_node *node0;
struct env *env0;
struct controller *controller;
struct logger logger;
struct puppet puppets[2];
bool node0_failed;
const struct controller_voter voters[3] = {
    {0, "node0", PORT}, {1, "node1", PORT}, {2, "node2", PORT}};

/* ---- puppets ---- */

static void puppet_frame(void *owner, struct link *link, Meta__Frame *frame)
{
    struct puppet *puppet = owner;
    (void)link;
    if (puppet->seen_count < SEEN_MAX)
        puppet->seen[puppet->seen_count++] = frame;
    else
        meta__frame__free_unpacked(frame, NULL);
}

static void puppet_broken(void *owner, struct link *link, int err)
{
    struct puppet *puppet = owner;
    (void)err;
    for (int i = 0; i < GREETINGS_MAX; i++)
        if (puppet->greetings[i] == link)
            puppet->greetings[i] = NULL;
    if (puppet->in == link)
        puppet->in = NULL;
    if (puppet->out == link)
        puppet->out = NULL;
    link_close(link);
}

static const struct link_handlers puppet_handlers = {.frame = puppet_frame,
                                                     .broken = puppet_broken};

static void say_identity(struct puppet *puppet, struct link *link, const Meta__Identify *identify)
{
    Meta__Identity identity = META__IDENTITY__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    for (size_t i = 0; i < identify->n_incarnations; i++)
        if (memcmp(identify->incarnations[i].data, puppet->incarnation.bytes, 16) == 0)
            identity.incarnation = identify->incarnations[i];
    puppet->asked++;
    if (puppet->mute)
        return;
    frame.body_case = META__FRAME__BODY_IDENTITY;
    frame.identity = &identity;
    link_send(link, &frame);
}

/* The first frame of a connection: Hello, or a question. */
static void greeting_frame(void *owner, struct link *link, Meta__Frame *frame)
{
    struct puppet *puppet = owner;
    if (frame->body_case == META__FRAME__BODY_IDENTIFY) {
        say_identity(puppet, link, frame->identify);
        meta__frame__free_unpacked(frame, NULL);
        return;
    }
    for (int i = 0; i < GREETINGS_MAX; i++)
        if (puppet->greetings[i] == link)
            puppet->greetings[i] = NULL;
    if (puppet->in)
        link_close(puppet->in);
    puppet->in = link;
    link_set_owner(link, CHANNEL_FRAME_MAX, &puppet_handlers, puppet);
    puppet_frame(puppet, link, frame);
}

static const struct link_handlers greeting_handlers = {.frame = greeting_frame,
                                                       .broken = puppet_broken};

static void puppet_accepted(void *data, struct env_stream *stream)
{
    struct puppet *puppet = data;
    int place = 0;
    while (place < GREETINGS_MAX && puppet->greetings[place])
        place++;
    ASSERT(place < GREETINGS_MAX);
    puppet->greetings[place] =
        link_new(puppet->env, stream, CHANNEL_FRAME_MAX, &greeting_handlers, puppet);
}

static void puppet_dialled(void *data, int status, struct env_stream *stream)
{
    struct puppet *puppet = data;
    puppet->dial = NULL;
    if (status)
        return;
    puppet->out = link_new(puppet->env, stream, CHANNEL_FRAME_MAX, &puppet_handlers, puppet);
    Meta__Hello hello = META__HELLO__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    hello.role = META__HELLO__ROLE__VOTER;
    hello.node_id = puppet->id;
    hello.incarnation = (ProtobufCBinaryData){16, puppet->incarnation.bytes};
    frame.body_case = META__FRAME__BODY_HELLO;
    frame.hello = &hello;
    link_send(puppet->out, &frame);
}

void puppet_dial(struct puppet *puppet)
{
    int err = env_connect(puppet->env, "node0", PORT, 300, puppet_dialled, puppet, &puppet->dial);
    ASSERT(err == 0);
}

void puppet_forget(struct puppet *puppet)
{
    while (puppet->seen_count)
        meta__frame__free_unpacked(puppet->seen[--puppet->seen_count], NULL);
}

static void puppet_close(struct puppet *puppet)
{
    puppet_forget(puppet);
    if (puppet->dial)
        env_connect_cancel(puppet->dial);
    for (int i = 0; i < GREETINGS_MAX; i++)
        if (puppet->greetings[i])
            link_close(puppet->greetings[i]);
    if (puppet->in)
        link_close(puppet->in);
    if (puppet->out)
        link_close(puppet->out);
    if (puppet->listener)
        env_listener_close(puppet->listener);
}

/* How often node 0 said this to the puppet. */
int puppet_saw(const struct puppet *puppet, Meta__Frame__BodyCase what)
{
    int count = 0;
    for (int i = 0; i < puppet->seen_count; i++)
        count += puppet->seen[i]->body_case == what;
    return count;
}

const Meta__Frame *puppet_last(const struct puppet *puppet, Meta__Frame__BodyCase what)
{
    for (int i = puppet->seen_count - 1; i >= 0; i--)
        if (puppet->seen[i]->body_case == what)
            return puppet->seen[i];
    return NULL;
}

void say_vote(struct puppet *puppet, uint64_t term, bool pre_vote)
{
    Meta__RequestVoteResult body = META__REQUEST_VOTE_RESULT__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    body.term = term;
    body.vote_granted = true;
    body.pre_vote = pre_vote ? raft_tribool_true : raft_tribool_false;
    frame.body_case = META__FRAME__BODY_REQUEST_VOTE_RESULT;
    frame.request_vote_result = &body;
    link_send(puppet->out, &frame);
}

void say_appended(struct puppet *puppet, uint64_t term, uint64_t last)
{
    Meta__AppendEntriesResult body = META__APPEND_ENTRIES_RESULT__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    body.term = term;
    body.last_log_index = last;
    frame.body_case = META__FRAME__BODY_APPEND_ENTRIES_RESULT;
    frame.append_entries_result = &body;
    link_send(puppet->out, &frame);
}

/* Entries of type barrier, which carry nothing, from prev + 1 on. */
void say_append(struct puppet *puppet, uint64_t term, uint64_t prev, uint64_t prev_term,
                uint64_t entry_term, int count, uint64_t commit)
{
    Meta__AppendEntries body = META__APPEND_ENTRIES__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    Meta__RaftEntry entry = META__RAFT_ENTRY__INIT, *entries[16];
    uint8_t zeros[8] = {0};
    entry.term = entry_term;
    entry.type = RAFT_BARRIER;
    entry.data = (ProtobufCBinaryData){sizeof(zeros), zeros};
    for (int i = 0; i < count; i++)
        entries[i] = &entry;
    body.term = term;
    body.prev_log_index = prev;
    body.prev_log_term = prev_term;
    body.leader_commit = commit;
    body.n_entries = (size_t)count;
    body.entries = entries;
    frame.body_case = META__FRAME__BODY_APPEND_ENTRIES;
    frame.append_entries = &body;
    link_send(puppet->out, &frame);
}

void say_timeout_now(struct puppet *puppet, uint64_t term, uint64_t last, uint64_t last_term)
{
    Meta__TimeoutNow body = META__TIMEOUT_NOW__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    body.term = term;
    body.last_log_index = last;
    body.last_log_term = last_term;
    frame.body_case = META__FRAME__BODY_TIMEOUT_NOW;
    frame.timeout_now = &body;
    link_send(puppet->out, &frame);
}

void say_request_vote(struct puppet *puppet, uint64_t term, uint64_t last, uint64_t last_term)
{
    Meta__RequestVote body = META__REQUEST_VOTE__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    body.term = term;
    body.candidate_id = (uint64_t)puppet->id + 1;
    body.last_log_index = last;
    body.last_log_term = last_term;
    body.disrupt_leader = true;
    frame.body_case = META__FRAME__BODY_REQUEST_VOTE;
    frame.request_vote = &body;
    link_send(puppet->out, &frame);
}

/* ---- the world ---- */

static void on_fail_stop(void *data, const char *sentence)
{
    (void)data;
    (void)sentence;
    node0_failed = true;
}

int start_node0(const struct controller_voter *list, struct buf *problem)
{
    struct controller_config config = {
        .node_id = 0,
        .dir = "/data",
        .listen_port = PORT,
        .voters = list,
        .voter_count = 3,
        .cluster_id = "",
        .heartbeat_ms = 50,
        .election_timeout_ms = 300,
        .broker_session_timeout_ms = 2000,
        .leader_rebalance_check_ms = 300000,
        .snapshot_entries = 1000,
        .fail_stop = on_fail_stop,
    };
    env0 = sim_env_new(node0);
    logger_init(&logger, "node0", NULL, NULL);
    logger.level = getenv("MILLRACE_VERBOSE") ? LOGGER_DEBUG : LOGGER_ERROR + 1;
    return controller_new(env0, &logger, &config, problem, &controller);
}

void begin(void)
{
    static const char *const names[] = {"node1", "node2"};
    struct buf problem;
    buf_init(&problem);
    node0_failed = false;
    controller = NULL;
    sim = sim_new(1);
    node0 = sim_node_new(sim, "node0");
    sim_disk_set_sync_us(node0, 100, 100);
    for (int i = 0; i < 2; i++) {
        struct puppet *puppet = &puppets[i];
        memset(puppet, 0, sizeof(*puppet));
        puppet->id = i + 1;
        puppet->node = sim_node_new(sim, names[i]);
        puppet->env = sim_env_new(puppet->node);
        puppet->incarnation.bytes[0] = (uint8_t)(i + 1);
        int err = env_listen(puppet->env, NULL, PORT, puppet_accepted, puppet, &puppet->listener);
        ASSERT(err == 0);
    }
    int started = start_node0(voters, &problem);
    ASSERT(started == 0);
    buf_close(&problem);
    puppet_dial(&puppets[0]);
    puppet_dial(&puppets[1]);
    sim_run_for(sim, 5 * MS);
    ASSERT(puppets[0].out && puppets[1].out && puppets[0].in);
}

void stop_node0(void)
{
    sim_node_kill(node0);
    sim_env_reap(env0);
    controller_free(controller);
    controller = NULL;
}

void finish(void)
{
    if (controller)
        stop_node0();
    puppet_close(&puppets[0]);
    puppet_close(&puppets[1]);
    sim_free(sim);
}

bool saw_candidate(void *data)
{
    (void)data;
    const Meta__Frame *frame = puppet_last(&puppets[0], META__FRAME__BODY_REQUEST_VOTE);
    return frame && !frame->request_vote->pre_vote;
}

bool saw_pre_vote(void *data)
{
    (void)data;
    return puppet_last(&puppets[0], META__FRAME__BODY_REQUEST_VOTE) != NULL;
}

/* Node 0 stands for election; the term that it asks votes for. */
uint64_t let_stand(void)
{
    bool asked = sim_run_until(sim, saw_pre_vote, NULL, sim_now_us(sim) + 3 * SECOND);
    ASSERT(asked);
    uint64_t term = puppet_last(&puppets[0], META__FRAME__BODY_REQUEST_VOTE)->request_vote->term;
    say_vote(&puppets[0], term, true);
    bool stands = sim_run_until(sim, saw_candidate, NULL, sim_now_us(sim) + SECOND);
    ASSERT(stands);
    return term;
}

bool is_active(void *data)
{
    (void)data;
    return controller_is_active(controller);
}

/* Node 0 leads and is active; its term. */
uint64_t let_lead(void)
{
    uint64_t term = let_stand();
    say_vote(&puppets[0], term, false);
    sim_run_for(sim, 20 * MS);
    say_appended(&puppets[0], term, (uint64_t)consensus_next_index(controller->consensus) - 1);
    bool leads = sim_run_until(sim, is_active, NULL, sim_now_us(sim) + SECOND);
    ASSERT(leads);
    return term;
}
