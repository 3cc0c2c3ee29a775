/* Peers that call themselves brokers at a controller's listener and mean harm: they get a bounded
 * share, and the real broker is served. */
#include "../unit/tap.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/sessions.h"
#include "controller_world.h"
#include "meta/channel.h"

enum { SECOND = 1000 * 1000, MS = 1000, CROWD = 600, CLAIMS = 30, QUESTIONS = 150000 };

static struct world world;
static struct sim_node *node;
static struct env *env;
static struct caller {
    struct env_connect *dial;
    struct link *link;
    struct uuid incarnation;
    int id;
    int answers;
    int refused; /* the last error of a command */
    bool closed;
} callers[CROWD];

static void caller_frame(void *owner, struct link *link, Meta__Frame *frame)
{
    struct caller *caller = owner;
    (void)link;
    if (frame->body_case == META__FRAME__BODY_COMMAND_REPLY) {
        caller->answers++;
        caller->refused =
            frame->command_reply->error ? frame->command_reply->error : caller->refused;
        CHECK(!frame->command_reply->error || frame->command_reply->message[0]);
    }
    meta__frame__free_unpacked(frame, NULL);
}

static void caller_end(struct caller *caller)
{
    if (caller->link)
        link_close(caller->link);
    caller->link = NULL;
    caller->closed = true;
}

static void caller_broken(void *owner, struct link *link, int err)
{
    (void)link, (void)err;
    caller_end(owner);
}

static const struct link_handlers caller_handlers = {.frame = caller_frame,
                                                     .broken = caller_broken};

static void caller_dialled(void *data, int status, struct env_stream *stream)
{
    struct caller *caller = data;
    Meta__Hello hello = META__HELLO__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    caller->dial = NULL;
    CHECK_INT(status, 0);
    if (status)
        return;
    caller->link = link_new(env, stream, CHANNEL_FRAME_MAX, &caller_handlers, caller);
    env_random_bytes(env, caller->incarnation.bytes, sizeof(caller->incarnation.bytes));
    hello.role = META__HELLO__ROLE__BROKER;
    hello.node_id = caller->id;
    hello.cluster_id = (char *)(uintptr_t)image_cluster_id(world.members[0].controller->image);
    hello.incarnation = (ProtobufCBinaryData){16, caller->incarnation.bytes};
    frame.body_case = META__FRAME__BODY_HELLO;
    frame.hello = &hello;
    link_send(caller->link, &frame);
}

static void call(struct caller *caller, int id)
{
    *caller = (struct caller){.id = id};
    CHECK_INT(env_connect(env, world.voters[0].host, world.voters[0].port, 300, caller_dialled,
                          caller, &caller->dial),
              0);
    sim_run_for(world.sim, 5 * MS);
}

static void begin(void)
{
    memset(callers, 0, sizeof(callers));
    world_init(&world, 1, 1);
    CHECK(world_settle(&world, 5 * SECOND));
    node = sim_node_new(world.sim, "stranger");
    env = sim_env_new(node);
}

static void finish(void)
{
    for (int i = 0; i < CROWD; i++)
        caller_end(&callers[i]);
    world_close(&world);
}

static int count_sessions(int32_t id)
{
    struct session *session = NULL;
    int count = 0;
    while ((session = sessions_next(world.members[0].controller->sessions, session)))
        count += id < 0 || session->broker_id == id;
    return count;
}

/* The real broker is registered, and asks. */
static bool is_served(void)
{
    Meta__DescribeQuorum describe = META__DESCRIBE_QUORUM__INIT;
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_DESCRIBE_QUORUM;
    command.describe_quorum = &describe;
    const Meta__CommandReply *reply = world_ask(&world, 0, &command);
    return reply && reply->error == 0 && !world.members[0].fake->fenced;
}

static void a_crowd_of_strangers_gets_its_share(void)
{
    begin();
    for (int i = 0; i < CROWD; i++)
        call(&callers[i], 100 + i);
    CHECK(count_sessions(-1) <= SESSIONS_STRANGERS_MAX + 1);
    CHECK(callers[0].closed && !callers[CROWD - 1].closed);
    CHECK(is_served());
    finish();
}

static void who_takes_the_id_of_a_broker_drives_it_not_out(void)
{
    begin();
    for (int i = 0; i < CLAIMS; i++)
        call(&callers[i], 0);
    CHECK(count_sessions(0) <= SESSIONS_OF_ONE);
    CHECK(is_served());
    finish();
}

/* It asks and asks, and reads no answer. */
static void answers_that_nobody_reads_do_not_pile_up(void)
{
    Meta__DescribeQuorum describe = META__DESCRIBE_QUORUM__INIT;
    Meta__Command command = META__COMMAND__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    begin();
    call(&callers[0], 100);
    link_pause(callers[0].link, true);
    command.body_case = META__COMMAND__BODY_DESCRIBE_QUORUM;
    command.describe_quorum = &describe;
    frame.body_case = META__FRAME__BODY_COMMAND;
    frame.command = &command;
    size_t most = 0;
    for (int i = 0; i < QUESTIONS && callers[0].link; i++) {
        command.id = (uint64_t)i;
        link_send(callers[0].link, &frame);
        if (i % 100)
            continue;
        sim_run_for(world.sim, MS);
        struct session *session = NULL;
        while ((session = sessions_next(world.members[0].controller->sessions, session)))
            most = link_unread(session->peer) > most ? link_unread(session->peer) : most;
    }
    sim_run_for(world.sim, SECOND);
    CHECK(most > 0 && most < 2 * 1024 * 1024);
    CHECK(is_served());
    if (callers[0].link)
        link_pause(callers[0].link, false); /* who reads them all the same gets all */
    sim_run_for(world.sim, 20 * SECOND);
    CHECK_INT(callers[0].answers, QUESTIONS);
    finish();
}

TAP_MAIN(TAP_TEST(a_crowd_of_strangers_gets_its_share),
         TAP_TEST(who_takes_the_id_of_a_broker_drives_it_not_out),
         TAP_TEST(answers_that_nobody_reads_do_not_pile_up))
