/* Greetings: who says Hello is handed over, and silent ones hold few descriptors. */
#include "../until.h"

#include <sys/resource.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/listener.h"
#include "env/env.h"
#include "meta/channel.h"
#include "wire/frame.h"

enum { FILES = 256, MOST = FILES / CHANNEL_GREETINGS_PART, DIALLED = 40 };

struct dialler {
    struct env *env;
    struct env_connect *connect;
    struct frame_conn *conn;
    bool closed;
};

struct world {
    struct env *env;
    struct logger logger;
    struct buf lines;
    struct listener *listener;
    struct link *broker; /* that was handed over */
    bool broken;
    struct frame_opening clients[DIALLED];
    int client_count;
};

static void world_line(void *data, const char *line, int len)
{
    buf_printf(&((struct world *)data)->lines, "%.*s", len, line);
}

static int no_voter(void *data, struct link *link, const Meta__Hello *hello, struct buf *problem)
{
    (void)data;
    (void)link;
    (void)hello;
    buf_printf(problem, "no voter of ours");
    return ERR_INVALID_REQUEST;
}

static void broker_frame(void *owner, struct link *link, Meta__Frame *frame)
{
    (void)owner;
    (void)link;
    meta__frame__free_unpacked(frame, NULL);
}

static void broker_broken(void *owner, struct link *link, int err)
{
    struct world *w = owner;
    (void)link;
    (void)err;
    w->broken = true;
}

static int take_broker(void *data, struct link *link, const Meta__Hello *hello, struct buf *problem)
{
    static const struct link_handlers handlers = {.frame = broker_frame, .broken = broker_broken};
    struct world *w = data;
    (void)problem;
    CHECK_INT(hello->node_id, 7);
    w->broker = link;
    link_set_owner(link, CHANNEL_COMMAND_MAX, &handlers, w);
    return 0;
}

static const char *cluster_id(void *data)
{
    (void)data;
    return "cluster-1";
}

static const struct uuid *incarnation(void *data)
{
    static const struct uuid ours = {"incarnation"};
    (void)data;
    return &ours;
}

static void take_client(void *data, struct frame_opening *opening)
{
    struct world *w = data;
    CHECK(w->client_count < DIALLED);
    w->clients[w->client_count++] = *opening;
}

static void world_open(struct world *w, bool clients)
{
    static struct listener_handlers handlers = {.voter = no_voter,
                                                .broker = take_broker,
                                                .cluster_id = cluster_id,
                                                .incarnation = incarnation};
    handlers.client = clients ? take_client : NULL;
    const struct rlimit limit = {FILES, FILES};
    *w = (struct world){0};
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_INT(env_new(&w->env), 0);
    CHECK_INT(env_files_limit(w->env), FILES);
    buf_init(&w->lines);
    logger_init(&w->logger, "test", NULL, NULL);
    w->logger.sink = world_line;
    w->logger.sink_data = w;
    CHECK_INT(listener_new(w->env, &w->logger, "127.0.0.1", 0, &handlers, w, &w->listener), 0);
}

static void world_close(struct world *w)
{
    if (w->broker)
        link_close(w->broker);
    for (int i = 0; i < w->client_count; i++)
        frame_opening_close(&w->clients[i]);
    listener_free(w->listener);
    env_free(w->env);
    buf_close(&w->lines);
}

/* ---- who dials ---- */

static void dialler_frame(void *data, uint8_t *bytes, size_t len)
{
    (void)data;
    (void)bytes;
    (void)len;
}

static void dialler_close(struct dialler *dialler)
{
    if (dialler->conn)
        frame_conn_close(dialler->conn);
    dialler->conn = NULL;
}

static void dialler_broken(void *data, int err)
{
    struct dialler *dialler = data;
    (void)err;
    dialler->closed = true;
    dialler_close(dialler);
}

static void dialler_connected(void *data, int status, struct env_stream *stream)
{
    static const struct frame_handlers handlers = {.frame = dialler_frame,
                                                   .broken = dialler_broken};
    struct dialler *dialler = data;
    CHECK_INT(status, 0);
    CHECK_INT(frame_conn_new(dialler->env, transport_plain(stream), 1 << 20, NULL, &handlers,
                             dialler, &dialler->conn),
              0);
}

static void dialler_open(struct world *w, struct dialler *dialler)
{
    *dialler = (struct dialler){.env = w->env};
    CHECK_INT(env_connect(w->env, "127.0.0.1", listener_port(w->listener), UNTIL_MS,
                          dialler_connected, dialler, &dialler->connect),
              0);
    UNTIL(w->env, dialler->conn || dialler->closed);
}

static void dialler_hello_as(struct dialler *dialler, Meta__Hello__Role role)
{
    char cluster[] = "cluster-1";
    Meta__Hello hello = META__HELLO__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    hello.role = role;
    hello.node_id = 7;
    hello.cluster_id = cluster;
    frame.body_case = META__FRAME__BODY_HELLO;
    frame.hello = &hello;
    CHECK_INT(channel_send(dialler->conn, &frame), 0);
}

static void dialler_hello(struct dialler *dialler)
{
    dialler_hello_as(dialler, META__HELLO__ROLE__BROKER);
}

static int closed_of(const struct dialler *dialled, int count)
{
    int closed = 0;
    for (int i = 0; i < count; i++)
        closed += dialled[i].closed;
    return closed;
}

/* The oldest of them go; a node that comes is heard, and what it was handed to is not counted. */
static void silent_connections_hold_few_descriptors(void)
{
    struct world w;
    struct dialler silent[DIALLED], node, last;
    world_open(&w, false);
    for (int i = 0; i < DIALLED; i++)
        dialler_open(&w, &silent[i]);
    UNTIL(w.env, closed_of(silent, DIALLED) == DIALLED - MOST);
    CHECK_INT(closed_of(silent, DIALLED - MOST), DIALLED - MOST);
    dialler_open(&w, &node);
    dialler_hello(&node);
    UNTIL(w.env, w.broker);
    dialler_open(&w, &last);
    UNTIL(w.env, closed_of(silent, DIALLED) == DIALLED - MOST + 1);
    CHECK(!node.closed && !last.closed && !w.broken);
    const char *line = strstr(buf_text(&w.lines), "it is the oldest of 16 to the controller's");
    CHECK(line != NULL);
    CHECK(!strstr(line + 1, "it is the oldest")); /* said once a minute */
    for (int i = 0; i < DIALLED; i++)
        dialler_close(&silent[i]);
    dialler_close(&node);
    dialler_close(&last);
    world_close(&w);
}

/* The first request of a client, which is no frame of the channel. */
static void dialler_request(struct dialler *dialler, size_t len)
{
    uint8_t *request = mem_alloc(len);
    request[1] = 18; /* ApiVersions */
    request[3] = 3;
    CHECK_INT(frame_conn_send_copy(dialler->conn, request, len), 0);
    mem_free(request);
}

/* With all that came. They hold none of the descriptors of those who greet. */
static void clients_of_kafka_are_handed_on(void)
{
    struct world w;
    struct dialler clients[MOST], node;
    size_t len;
    world_open(&w, true);
    for (int i = 0; i < MOST; i++) {
        dialler_open(&w, &clients[i]);
        len = i % 2 ? 20 : CHANNEL_HELLO_MAX + 1000;
        dialler_request(&clients[i], len);
        UNTIL(w.env, w.client_count == i + 1);
        const struct frame_opening *opening = &w.clients[i];
        CHECK(opening->end - opening->start > 6);
        CHECK(i % 2 == 0 || opening->end - opening->start == 4 + len);
        CHECK_INT(opening->block[opening->start + 5], 18);
    }
    CHECK_INT(closed_of(clients, MOST), 0);
    dialler_open(&w, &node);
    dialler_hello(&node);
    UNTIL(w.env, w.broker);
    CHECK_INT(closed_of(clients, MOST), 0);
    for (int i = 0; i < MOST; i++)
        dialler_close(&clients[i]);
    dialler_close(&node);
    world_close(&w);
}

/* Where clients are served, who says nothing has the other half of the descriptors. */
static void silent_connections_leave_room_for_clients(void)
{
    struct world w;
    struct dialler silent[MOST], client;
    world_open(&w, true);
    for (int i = 0; i < MOST; i++)
        dialler_open(&w, &silent[i]);
    UNTIL(w.env, closed_of(silent, MOST) == MOST / 2);
    dialler_open(&w, &client);
    dialler_request(&client, 20);
    UNTIL(w.env, w.client_count == 1);
    CHECK(!client.closed);
    for (int i = 0; i < MOST; i++)
        dialler_close(&silent[i]);
    dialler_close(&client);
    world_close(&w);
}

/* Nobody serves them: they are turned away. */
static void clients_without_a_server_are_closed(void)
{
    struct world w;
    struct dialler client;
    world_open(&w, false);
    dialler_open(&w, &client);
    dialler_request(&client, 20);
    UNTIL(w.env, client.closed);
    CHECK(strstr(buf_text(&w.lines), "does not speak the controller protocol"));
    world_close(&w);
}

/* It dials anew all the time. */
static void who_is_refused_again_and_again_is_told_once(void)
{
    struct world w;
    struct dialler voter;
    int lines = 0;
    world_open(&w, false);
    for (int i = 0; i < 5; i++) {
        dialler_open(&w, &voter);
        dialler_hello_as(&voter, META__HELLO__ROLE__VOTER);
        UNTIL(w.env, voter.closed);
    }
    for (const char *at = buf_text(&w.lines); (at = strstr(at, "refused a connection")); at++)
        lines++;
    CHECK_INT(lines, 1);
    world_close(&w);
}

TAP_MAIN(TAP_TEST(who_is_refused_again_and_again_is_told_once),
         TAP_TEST(clients_of_kafka_are_handed_on),
         TAP_TEST(silent_connections_leave_room_for_clients),
         TAP_TEST(clients_without_a_server_are_closed),
         TAP_TEST(silent_connections_hold_few_descriptors))
