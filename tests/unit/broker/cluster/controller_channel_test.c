/* The line to the controllers: whom it follows, what is sent to whom, what becomes of commands. The
 * test is the voters, on free ports of this host. */
#include "../../until.h"

#include "base/err.h"
#include "base/mem.h"
#include "broker/cluster/controller_channel.h"
#include "common/meta/channel.h"
#include "wire/frame.h"

enum { VOTERS_MAX = 3, FRAMES_MAX = 200, NODE = 4, LONG_MS = 600000 };

struct voter {
    struct world *world;
    struct env_listener *listener;
    struct frame_conn *conn;
    int lines;                       /* connections so far */
    Meta__Frame *frames[FRAMES_MAX]; /* all that came */
    int frame_count;
    bool answers; /* heartbeats, with this: */
    Meta__HeartbeatReply reply;
};

struct world {
    struct env *env;
    struct logger logger;
    struct buf lines;
    struct metadata *metadata;
    struct controller_channel *channel;
    struct voter voters[VOTERS_MAX];
    int count;
    Meta__Register registration;
    char cluster_id[64];
    int64_t epoch; /* as last registered */
    int registered, unfenced, resumed, may_shutdown, refused;
    int lacks; /* so often no file can be opened */
    bool observes;
};

/* ---- events ---- */

static int note_cluster(void *data, const char *cluster_id)
{
    struct world *w = data;
    if (w->lacks > 0) {
        w->lacks--;
        return ERR_TOO_MANY_FILES;
    }
    snprintf(w->cluster_id, sizeof(w->cluster_id), "%s", cluster_id);
    return 0;
}

static void note_registered(void *data, int64_t broker_epoch, const int64_t *dir_epochs,
                            size_t dir_count)
{
    struct world *w = data;
    (void)dir_epochs;
    (void)dir_count;
    w->registered++;
    w->epoch = broker_epoch;
}

static void note_unfenced(void *data)
{
    ((struct world *)data)->unfenced++;
}

static void note_resumed(void *data)
{
    ((struct world *)data)->resumed++;
}

static void note_may_shutdown(void *data)
{
    ((struct world *)data)->may_shutdown++;
}

static void note_refused(void *data, const char *reason)
{
    (void)reason;
    ((struct world *)data)->refused++;
}

static const struct controller_channel_events events = {
    .cluster_known = note_cluster,
    .registered = note_registered,
    .unfenced = note_unfenced,
    .resumed = note_resumed,
    .may_shutdown = note_may_shutdown,
    .refused = note_refused,
};

/* ---- voters ---- */

static void voter_send(struct voter *voter, Meta__Frame__BodyCase body, void *message)
{
    Meta__Frame frame = META__FRAME__INIT;
    frame.body_case = body;
    frame.hello = message; /* the members of the union are all pointers */
    CHECK_INT(channel_send(voter->conn, &frame), 0);
}

static void voter_frame(void *data, uint8_t *bytes, size_t len)
{
    struct voter *voter = data;
    CHECK(voter->frame_count < FRAMES_MAX);
    Meta__Frame *frame = channel_unpack(bytes, len);
    CHECK(frame != NULL);
    voter->frames[voter->frame_count++] = frame;
    if (voter->answers && frame->body_case == META__FRAME__BODY_HEARTBEAT)
        voter_send(voter, META__FRAME__BODY_HEARTBEAT_REPLY, &voter->reply);
}

static void voter_lose(struct voter *voter)
{
    if (voter->conn)
        frame_conn_close(voter->conn);
    voter->conn = NULL;
}

static void voter_broken(void *data, int err)
{
    (void)err;
    voter_lose(data);
}

static void voter_accepted(void *data, struct env_stream *stream)
{
    static const struct frame_handlers handlers = {.frame = voter_frame, .broken = voter_broken};
    struct voter *voter = data;
    voter_lose(voter);
    voter->lines++;
    CHECK_INT(frame_conn_new(voter->world->env, transport_plain(stream), 1 << 20, NULL, &handlers,
                             voter, &voter->conn),
              0);
}

/* How many frames of a kind have come. */
static int voter_count(const struct voter *voter, Meta__Frame__BodyCase body)
{
    int count = 0;
    for (int i = 0; i < voter->frame_count; i++)
        count += voter->frames[i]->body_case == body;
    return count;
}

/* The newest frame of a kind. */
static const Meta__Frame *voter_last(const struct voter *voter, Meta__Frame__BodyCase body)
{
    for (int i = voter->frame_count - 1; i >= 0; i--)
        if (voter->frames[i]->body_case == body)
            return voter->frames[i];
    CHECK(!"such a frame");
    return NULL;
}

static void voter_welcome(struct voter *voter, int32_t leader, int64_t term, bool active)
{
    char cluster[] = "cluster-1";
    Meta__Welcome welcome = META__WELCOME__INIT;
    welcome.cluster_id = cluster;
    welcome.leader_id = leader;
    welcome.leader_epoch = term;
    welcome.active = active;
    voter_send(voter, META__FRAME__BODY_WELCOME, &welcome);
}

static void voter_register(struct voter *voter, int err, int64_t broker_epoch)
{
    char message[] = "why";
    Meta__Registered registered = META__REGISTERED__INIT;
    registered.error = err_to_wire(err);
    registered.message = message;
    registered.broker_epoch = broker_epoch;
    voter_send(voter, META__FRAME__BODY_REGISTERED, &registered);
}

/* ---- the world ---- */

static void world_line(void *data, const char *line, int len)
{
    buf_printf(&((struct world *)data)->lines, "%.*s", len, line);
}

/* So many voters, with ids from 1 on; each has been greeted. */
static void world_open(struct world *w, int count, int64_t session_ms)
{
    static struct controller_address addresses[VOTERS_MAX];
    *w = (struct world){.count = count, .observes = w->observes};
    CHECK_INT(env_new(&w->env), 0);
    buf_init(&w->lines);
    logger_init(&w->logger, "test", NULL, NULL);
    w->logger.sink = world_line;
    w->logger.sink_data = w;
    w->metadata = metadata_new(w->env, &w->logger);
    meta__register__init(&w->registration);
    w->registration.broker_id = NODE;
    for (int i = 0; i < count; i++) {
        struct voter *voter = &w->voters[i];
        voter->world = w;
        meta__heartbeat_reply__init(&voter->reply);
        CHECK_INT(env_listen(w->env, "127.0.0.1", 0, voter_accepted, voter, &voter->listener), 0);
        addresses[i] =
            (struct controller_address){i + 1, "127.0.0.1", env_listener_port(voter->listener)};
    }
    struct controller_channel_config config = {.node_id = NODE,
                                               .incarnation = {"incarnation"},
                                               .voters = addresses,
                                               .voter_count = count,
                                               .setting = "voters",
                                               .settings_file = "file",
                                               .registration =
                                                   w->observes ? NULL : &w->registration,
                                               .fixed = true,
                                               .heartbeat_ms = 10,
                                               .session_ms = session_ms};
    w->channel = controller_channel_new(w->env, &w->logger, w->metadata, &config, &events, w);
    for (int i = 0; i < count; i++)
        UNTIL(w->env, voter_count(&w->voters[i], META__FRAME__BODY_HELLO) == 1);
}

static void world_close(struct world *w)
{
    if (w->channel)
        controller_channel_free(w->channel);
    metadata_free(w->metadata);
    for (int i = 0; i < w->count; i++) {
        struct voter *voter = &w->voters[i];
        voter_lose(voter);
        env_listener_close(voter->listener);
        for (int n = 0; n < voter->frame_count; n++)
            meta__frame__free_unpacked(voter->frames[n], NULL);
    }
    env_free(w->env);
    buf_close(&w->lines);
}

/* The voter is the active controller, in this term, and takes the broker in with that epoch. */
static void world_follow(struct world *w, struct voter *voter, int64_t term, int64_t epoch)
{
    int before = w->registered, asked = voter_count(voter, META__FRAME__BODY_REGISTER);
    voter_welcome(voter, 1 + (int32_t)(voter - w->voters), term, true);
    UNTIL(w->env, voter_count(voter, META__FRAME__BODY_REGISTER) > asked);
    voter_register(voter, 0, epoch);
    UNTIL(w->env, w->registered > before);
}

/* ---- registration ---- */

static void the_active_controller_is_followed(void)
{
    struct world w = {0};
    struct voter *voter = &w.voters[0];
    world_open(&w, 1, LONG_MS);
    const Meta__Hello *hello = voter_last(voter, META__FRAME__BODY_HELLO)->hello;
    CHECK_INT(hello->role, META__HELLO__ROLE__BROKER);
    CHECK_INT(hello->node_id, NODE);
    CHECK_STR(hello->cluster_id, "");
    CHECK_INT(hello->incarnation.len, 16);
    voter_welcome(voter, -1, 3, false);
    voter_welcome(voter, 1, 4, true);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_FOLLOW) == 1);
    CHECK_STR(w.cluster_id, "cluster-1");
    CHECK_STR(controller_channel_cluster_id(w.channel), "cluster-1");
    CHECK_INT(controller_channel_active(w.channel), 1);
    CHECK_INT(voter_last(voter, META__FRAME__BODY_REGISTER)->register_->broker_id, NODE);
    CHECK_INT(voter_last(voter, META__FRAME__BODY_FOLLOW)->follow->from_index, 0);
    CHECK(!controller_channel_is_registered(w.channel));
    int64_t beaten_ms = env_now_ms(w.env) + 30; /* three beats */
    UNTIL(w.env, env_now_ms(w.env) > beaten_ms);
    CHECK_INT(voter_count(voter, META__FRAME__BODY_HEARTBEAT), 0);
    voter_register(voter, 0, 7);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_HEARTBEAT) > 0);
    CHECK_INT(w.epoch, 7);
    CHECK_INT(controller_channel_broker_epoch(w.channel), 7);
    CHECK_INT(voter_last(voter, META__FRAME__BODY_HEARTBEAT)->heartbeat->broker_epoch, 7);
    CHECK(controller_channel_is_fenced(w.channel));
    voter_send(voter, META__FRAME__BODY_HEARTBEAT_REPLY, &voter->reply);
    UNTIL(w.env, w.unfenced == 1);
    CHECK(!controller_channel_is_fenced(w.channel));
    world_close(&w);
}

/* The cluster's id could not be stored for lack of descriptors: it is heard again. */
static void a_lack_of_files_is_no_end(void)
{
    struct world w = {0};
    struct voter *voter = &w.voters[0];
    world_open(&w, 1, LONG_MS);
    w.lacks = 2;
    for (int i = 0; i < 2; i++) {
        voter_welcome(voter, 1, 4, true);
        UNTIL(w.env, voter_count(voter, META__FRAME__BODY_HELLO) == i + 2);
        CHECK_STR(controller_channel_cluster_id(w.channel), "");
        CHECK_STR(voter_last(voter, META__FRAME__BODY_HELLO)->hello->cluster_id, "");
    }
    world_follow(&w, voter, 4, 7);
    CHECK_STR(w.cluster_id, "cluster-1");
    CHECK_INT(w.refused, 0);
    world_close(&w);
}

/* One that was cut off may think that it still leads; it does so in an older term. */
static void the_newest_term_wins(void)
{
    struct world w = {0};
    struct voter *a = &w.voters[0], *b = &w.voters[1];
    world_open(&w, 2, LONG_MS);
    world_follow(&w, b, 5, 7);
    int beats = voter_count(b, META__FRAME__BODY_HEARTBEAT);
    voter_welcome(a, 1, 4, true);
    UNTIL(w.env, voter_count(b, META__FRAME__BODY_HEARTBEAT) > beats + 2);
    CHECK_INT(voter_count(a, META__FRAME__BODY_REGISTER), 0);
    world_follow(&w, a, 6, 9);
    CHECK_INT(controller_channel_active(w.channel), 1);
    CHECK_INT(controller_channel_broker_epoch(w.channel), 9);
    UNTIL(w.env, b->lines == 2); /* its stream went on: it has to be a new one */
    world_close(&w);
}

static void who_leads_no_more_is_left(void)
{
    struct world w = {0};
    struct voter *a = &w.voters[0], *b = &w.voters[1];
    world_open(&w, 2, LONG_MS);
    world_follow(&w, a, 5, 7);
    voter_welcome(a, 2, 6, false);
    UNTIL(w.env, a->lines == 2);
    CHECK(!controller_channel_is_registered(w.channel));
    world_follow(&w, b, 6, 8);
    CHECK(controller_channel_is_registered(w.channel));
    world_close(&w);
}

static void a_forgotten_registration_is_made_again(void)
{
    struct world w = {0};
    struct voter *voter = &w.voters[0];
    world_open(&w, 1, LONG_MS);
    world_follow(&w, voter, 5, 7);
    Meta__HeartbeatReply reply = META__HEARTBEAT_REPLY__INIT;
    reply.error = err_to_wire(ERR_STALE_BROKER_EPOCH);
    voter_send(voter, META__FRAME__BODY_HEARTBEAT_REPLY, &reply);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_REGISTER) == 2);
    CHECK(!controller_channel_is_registered(w.channel));
    voter_register(voter, 0, 8);
    UNTIL(w.env, w.epoch == 8);
    CHECK_INT(voter->lines, 1);
    world_close(&w);
}

/* The session of our own earlier life may still run; anything else is for good. */
static void refusals_of_a_registration(void)
{
    struct world w = {0};
    struct voter *voter = &w.voters[0];
    world_open(&w, 1, LONG_MS);
    voter_welcome(voter, 1, 4, true);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_REGISTER) == 1);
    voter_register(voter, ERR_DUPLICATE_BROKER_REGISTRATION, -1);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_HELLO) == 2);
    CHECK_INT(w.refused, 0);
    voter_welcome(voter, 1, 4, true);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_REGISTER) == 2);
    voter_register(voter, ERR_INVALID_REQUEST, -1);
    UNTIL(w.env, w.refused == 1);
    world_close(&w);
}

static void voter_reject(struct voter *voter, const char *cluster_id)
{
    char message[] = "another cluster", cluster[32];
    Meta__Welcome welcome = META__WELCOME__INIT;
    snprintf(cluster, sizeof(cluster), "%s", cluster_id);
    welcome.error = err_to_wire(ERR_INCONSISTENT_CLUSTER_ID);
    welcome.message = message;
    welcome.cluster_id = cluster;
    voter_send(voter, META__FRAME__BODY_WELCOME, &welcome);
}

/* A new broker names the cluster that it has met, and is refused by the whole of it or by none. */
static void a_stranger_among_the_voters_ends_nobody(void)
{
    struct world w = {0};
    world_open(&w, 3, LONG_MS);
    voter_reject(&w.voters[0], "cluster-1");
    UNTIL(w.env, voter_count(&w.voters[0], META__FRAME__BODY_HELLO) == 2);
    CHECK_STR(voter_last(&w.voters[0], META__FRAME__BODY_HELLO)->hello->cluster_id, "cluster-1");
    world_follow(&w, &w.voters[0], 2, 7);
    voter_lose(&w.voters[1]);
    UNTIL(w.env, voter_count(&w.voters[1], META__FRAME__BODY_HELLO) == 2);
    CHECK_STR(voter_last(&w.voters[1], META__FRAME__BODY_HELLO)->hello->cluster_id, "cluster-1");
    voter_reject(&w.voters[1], "cluster-2");
    UNTIL(w.env, w.voters[1].conn == NULL);
    CHECK_INT(w.refused, 0);
    CHECK(controller_channel_is_registered(w.channel));
    voter_lose(&w.voters[2]);
    UNTIL(w.env, voter_count(&w.voters[2], META__FRAME__BODY_HELLO) == 2);
    voter_reject(&w.voters[2], "cluster-2"); /* two of three */
    UNTIL(w.env, w.refused == 1);
    world_close(&w);
}

static void frames_that_cannot_be_read_end_the_line(void)
{
    struct world w = {0};
    struct voter *voter = &w.voters[0];
    world_open(&w, 1, LONG_MS);
    CHECK_INT(frame_conn_send_copy(voter->conn, "\xff\xff\xff", 3), 0);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_HELLO) == 2);
    Meta__Hello hello = META__HELLO__INIT; /* is for the other side to say */
    voter_send(voter, META__FRAME__BODY_HELLO, &hello);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_HELLO) == 3);
    CHECK(strstr(buf_text(&w.lines), "sent a frame that can't be used") != NULL);
    static const int64_t epochs[] = {0, -1, INT64_MIN}; /* no index of an entry */
    for (int i = 0; i < 3; i++) {
        voter_welcome(voter, 1, 4 + i, true);
        UNTIL(w.env, voter_count(voter, META__FRAME__BODY_FOLLOW) == i + 1);
        voter_register(voter, 0, epochs[i]);
        UNTIL(w.env, voter_count(voter, META__FRAME__BODY_HELLO) == 4 + i);
        CHECK(!controller_channel_is_registered(w.channel));
    }
    CHECK_INT(w.refused, 0);
    world_close(&w);
}

/* ---- the stream and the beats ---- */

static void voter_entries(struct voter *voter, int64_t after, int64_t committed)
{
    Meta__Entries entries = META__ENTRIES__INIT;
    entries.after_index = after;
    entries.committed_index = committed;
    voter_send(voter, META__FRAME__BODY_ENTRIES, &entries);
}

/* A gap, and what an old controller says, change nothing; the next one is asked from where we are.
 */
static void the_stream_goes_on_where_it_was(void)
{
    struct world w = {0};
    struct voter *a = &w.voters[0], *b = &w.voters[1];
    world_open(&w, 2, LONG_MS);
    world_follow(&w, a, 5, 7);
    voter_entries(a, 0, 12);
    UNTIL(w.env, metadata_index(w.metadata) == 12);
    voter_entries(b, 12, 99); /* nobody follows it */
    voter_welcome(b, 1, 5, false);
    voter_entries(a, 20, 25);
    UNTIL(w.env, a->lines == 2);
    CHECK_INT(metadata_index(w.metadata), 12);
    world_follow(&w, b, 6, 8);
    CHECK_INT(voter_last(b, META__FRAME__BODY_FOLLOW)->follow->from_index, 13);
    world_close(&w);
}

static void heartbeats_say_what_is_wanted(void)
{
    struct world w = {0};
    struct voter *voter = &w.voters[0];
    world_open(&w, 1, LONG_MS);
    controller_channel_recovering(w.channel, true);
    world_follow(&w, voter, 5, 7);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_HEARTBEAT) > 0);
    CHECK(voter_last(voter, META__FRAME__BODY_HEARTBEAT)->heartbeat->want_fence);
    controller_channel_hold(w.channel, true);
    controller_channel_recovering(w.channel, false);
    int beats = voter_count(voter, META__FRAME__BODY_HEARTBEAT);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_HEARTBEAT) > beats);
    CHECK(voter_last(voter, META__FRAME__BODY_HEARTBEAT)->heartbeat->want_fence);
    controller_channel_hold(w.channel, false);
    UNTIL(w.env, !voter_last(voter, META__FRAME__BODY_HEARTBEAT)->heartbeat->want_fence);
    Meta__HeartbeatReply reply = META__HEARTBEAT_REPLY__INIT;
    reply.may_shutdown = true; /* nobody has asked for it */
    voter_send(voter, META__FRAME__BODY_HEARTBEAT_REPLY, &reply);
    UNTIL(w.env, w.unfenced == 1);
    CHECK_INT(w.may_shutdown, 0);
    controller_channel_want_shutdown(w.channel);
    UNTIL(w.env, voter_last(voter, META__FRAME__BODY_HEARTBEAT)->heartbeat->want_shutdown);
    voter_send(voter, META__FRAME__BODY_HEARTBEAT_REPLY, &reply);
    UNTIL(w.env, w.may_shutdown == 1);
    world_close(&w);
}

/* Others may lead by now: it serves when a controller has answered, and the metadata of that answer
 * is here. */
static void who_stood_still_waits_for_a_controller(void)
{
    enum { SESSION_MS = 40 };
    struct world w = {0};
    struct voter *voter = &w.voters[0];
    world_open(&w, 1, SESSION_MS);
    voter->answers = true;
    voter->reply.index = 5;
    world_follow(&w, voter, 5, 7);
    int64_t stands_ms = env_now_ms(w.env) + 2 * SESSION_MS;
    while (env_now_ms(w.env) < stands_ms)
        ; /* stands still: the loop does not run */
    CHECK(!controller_channel_may_serve(w.channel));
    w.resumed = 0;
    int beats = voter_count(voter, META__FRAME__BODY_HEARTBEAT);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_HEARTBEAT) > beats + 3);
    CHECK_INT(w.resumed, 0); /* answered, but not there yet */
    CHECK(!controller_channel_may_serve(w.channel));
    voter_entries(voter, 0, 5);
    UNTIL(w.env, w.resumed > 0);
    world_close(&w);
}

/* ---- commands ---- */

struct asking {
    struct controller_call call;
    int calls;
    int err;
    int64_t index; /* of the reply */
};

static void asking_done(struct controller_call *call, int err, const Meta__CommandReply *reply)
{
    struct asking *asking = CONTAINER_OF(call, struct asking, call);
    asking->calls++;
    asking->err = err;
    asking->index = reply ? reply->index : -1;
}

static void world_ask(struct world *w, struct asking *asking, int64_t timeout_ms)
{
    Meta__UnregisterBroker body = META__UNREGISTER_BROKER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_UNREGISTER_BROKER;
    command.unregister_broker = &body;
    *asking = (struct asking){.index = -1};
    controller_channel_call(w->channel, &asking->call, &command, timeout_ms, asking_done);
    CHECK_INT(asking->calls, 0);
}

static void voter_reply(struct voter *voter, uint64_t id, int err)
{
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    reply.id = id;
    reply.error = err_to_wire(err);
    reply.index = 40;
    voter_send(voter, META__FRAME__BODY_COMMAND_REPLY, &reply);
}

static void commands_wait_for_a_controller(void)
{
    struct world w = {0};
    struct voter *voter = &w.voters[0];
    struct asking first, second;
    world_open(&w, 1, LONG_MS);
    world_ask(&w, &first, 100000);
    voter_welcome(voter, 1, 4, true);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_FOLLOW) == 1);
    world_ask(&w, &second, 100000); /* nobody knows us yet */
    voter_register(voter, 0, 7);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_COMMAND) == 2);
    uint64_t id = voter_last(voter, META__FRAME__BODY_COMMAND)->command->id;
    voter_reply(voter, id + 100, 0); /* to nobody */
    voter_reply(voter, id, ERR_INVALID_REQUEST);
    UNTIL(w.env, second.calls == 1);
    CHECK_INT(second.err, ERR_INVALID_REQUEST);
    CHECK_INT(first.calls, 0);
    voter_reply(voter, first.call.id, 0);
    UNTIL(w.env, first.calls == 1);
    CHECK_INT(first.err, 0);
    CHECK_INT(first.index, 40);
    CHECK_INT(voter_count(voter, META__FRAME__BODY_COMMAND), 2); /* none was sent before */
    world_close(&w);
}

static void a_command_without_memory_goes_with_a_heartbeat(void)
{
    struct world w = {0};
    struct voter *voter = &w.voters[0];
    struct asking asking;
    world_open(&w, 1, LONG_MS);
    world_follow(&w, voter, 4, 7);
    CHECK(mem_fail_at(1));
    world_ask(&w, &asking, 100000);
    CHECK(mem_fail_at(0));
    CHECK(!asking.call.sent);
    UNTIL(w.env, voter_count(voter, META__FRAME__BODY_COMMAND) == 1);
    voter_reply(voter, asking.call.id, 0);
    UNTIL(w.env, asking.calls == 1);
    CHECK_INT(asking.err, 0);
    world_close(&w);
}

/* Its outcome is not known; commands are made so that the second of two does no harm. */
static void commands_go_to_the_next_controller(void)
{
    struct world w = {0};
    struct voter *a = &w.voters[0], *b = &w.voters[1];
    struct asking lost, sent_back;
    world_open(&w, 2, LONG_MS);
    world_follow(&w, a, 5, 7);
    world_ask(&w, &sent_back, 100000);
    world_ask(&w, &lost, 100000);
    UNTIL(w.env, voter_count(a, META__FRAME__BODY_COMMAND) == 2);
    voter_reply(a, sent_back.call.id, ERR_NOT_CONTROLLER);
    voter_welcome(a, 2, 6, false);
    UNTIL(w.env, a->lines == 2);
    CHECK_INT(sent_back.calls, 0);
    world_follow(&w, b, 6, 8);
    UNTIL(w.env, voter_count(b, META__FRAME__BODY_COMMAND) == 2);
    voter_reply(b, sent_back.call.id, 0);
    voter_reply(b, lost.call.id, 0);
    UNTIL(w.env, sent_back.calls == 1 && lost.calls == 1);
    CHECK_INT(sent_back.err, 0);
    CHECK_INT(lost.err, 0);
    world_close(&w);
}

static void commands_end_in_any_case(void)
{
    struct world w = {0};
    struct voter *voter = &w.voters[0];
    struct asking late, cancelled, left;
    world_open(&w, 1, LONG_MS);
    world_follow(&w, voter, 5, 7);
    world_ask(&w, &late, 1);
    UNTIL(w.env, late.calls == 1);
    CHECK_INT(late.err, ERR_REQUEST_TIMED_OUT);
    world_ask(&w, &cancelled, 100000);
    controller_call_cancel(&cancelled.call);
    world_ask(&w, &left, 100000);
    voter_reply(voter, late.call.id, 0);
    voter_reply(voter, cancelled.call.id, 0);
    controller_channel_free(w.channel);
    w.channel = NULL;
    CHECK_INT(left.calls, 1);
    CHECK_INT(left.err, ERR_BROKER_NOT_AVAILABLE);
    CHECK_INT(late.calls, 1);
    CHECK_INT(cancelled.calls, 0);
    world_close(&w);
}

/* It asks, and follows, and is no broker to anybody. No refusal ends it. */
static void who_observes_only_asks(void)
{
    struct world w = {.observes = true};
    struct voter *a = &w.voters[0], *b = &w.voters[1];
    struct controller_address quorum[VOTERS_MAX];
    struct asking asking;
    world_open(&w, 2, 30);
    CHECK_INT(controller_channel_quorum(w.channel, quorum, VOTERS_MAX), 2);
    CHECK_INT(quorum[1].id, 2);
    CHECK_INT(quorum[1].port, env_listener_port(b->listener));
    world_ask(&w, &asking, 100000);
    voter_welcome(a, 1, 5, true);
    UNTIL(w.env, voter_count(a, META__FRAME__BODY_COMMAND) == 1);
    CHECK_INT(voter_count(a, META__FRAME__BODY_FOLLOW), 1);
    voter_reply(a, asking.call.id, 0);
    UNTIL(w.env, asking.calls == 1);
    int64_t silent_ms = env_now_ms(w.env) + 60; /* twice as long as a session */
    UNTIL(w.env, env_now_ms(w.env) > silent_ms);
    CHECK_INT(a->lines, 1);
    CHECK_INT(voter_count(a, META__FRAME__BODY_REGISTER), 0);
    CHECK_INT(voter_count(a, META__FRAME__BODY_HEARTBEAT), 0);
    char why[] = "why";
    Meta__Welcome refused = META__WELCOME__INIT;
    refused.error = err_to_wire(ERR_BROKER_NOT_AVAILABLE);
    refused.message = why;
    voter_send(a, META__FRAME__BODY_WELCOME, &refused);
    voter_send(b, META__FRAME__BODY_WELCOME, &refused);
    UNTIL(w.env, a->lines == 2 && b->lines == 2);
    CHECK_INT(w.refused + w.registered, 0);
    world_close(&w);
}

/* The newest term tells; a quorum that changes is told by its controllers alone. */
static void the_quorum_is_as_the_controllers_tell(void)
{
    struct world w = {.observes = true};
    struct controller_address quorum[VOTERS_MAX];
    char cluster[] = "cluster-1", host[] = "host";
    Meta__Member member = META__MEMBER__INIT, *members[] = {&member};
    Meta__Welcome welcome = META__WELCOME__INIT;
    world_open(&w, 1, LONG_MS);
    welcome.cluster_id = cluster;
    welcome.voters = members;
    welcome.n_voters = 1;
    member.host = host;
    for (int64_t term = 5; term >= 4; term--) {
        member.id = (int32_t)term;
        member.port = (uint32_t)(9000 + term);
        welcome.leader_epoch = term;
        voter_send(&w.voters[0], META__FRAME__BODY_WELCOME, &welcome);
    }
    voter_welcome(&w.voters[0], 1, 6, true); /* and says nothing of it */
    UNTIL(w.env, voter_count(&w.voters[0], META__FRAME__BODY_FOLLOW) == 1);
    CHECK_INT(controller_channel_quorum(w.channel, quorum, VOTERS_MAX), 1);
    CHECK_INT(quorum[0].id, 5);
    CHECK_STR(quorum[0].host, "host");
    CHECK_INT(quorum[0].port, 9005);
    world_close(&w);
}

TAP_MAIN(TAP_TEST(who_observes_only_asks), TAP_TEST(the_quorum_is_as_the_controllers_tell),
         TAP_TEST(the_active_controller_is_followed), TAP_TEST(a_lack_of_files_is_no_end),
         TAP_TEST(the_newest_term_wins), TAP_TEST(who_leads_no_more_is_left),
         TAP_TEST(a_forgotten_registration_is_made_again), TAP_TEST(refusals_of_a_registration),
         TAP_TEST(a_stranger_among_the_voters_ends_nobody),
         TAP_TEST(frames_that_cannot_be_read_end_the_line),
         TAP_TEST(the_stream_goes_on_where_it_was), TAP_TEST(heartbeats_say_what_is_wanted),
         TAP_TEST(who_stood_still_waits_for_a_controller), TAP_TEST(commands_wait_for_a_controller),
         TAP_TEST(a_command_without_memory_goes_with_a_heartbeat),
         TAP_TEST(commands_go_to_the_next_controller), TAP_TEST(commands_end_in_any_case))
