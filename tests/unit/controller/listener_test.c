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
    (void)problem;
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

static void world_open(struct world *w)
{
    static const struct listener_handlers handlers = {.voter = no_voter,
                                                      .broker = take_broker,
                                                      .cluster_id = cluster_id,
                                                      .incarnation = incarnation};
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

static void dialler_hello(struct dialler *dialler)
{
    char cluster[] = "cluster-1";
    Meta__Hello hello = META__HELLO__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    hello.role = META__HELLO__ROLE__BROKER;
    hello.node_id = 7;
    hello.cluster_id = cluster;
    frame.body_case = META__FRAME__BODY_HELLO;
    frame.hello = &hello;
    CHECK_INT(channel_send(dialler->conn, &frame), 0);
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
    world_open(&w);
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

TAP_MAIN(TAP_TEST(silent_connections_hold_few_descriptors))
