/* A node under fuzzing. Happy path: it elects itself, registers, serves, and makes the topic "t"
 * when a client asks for it. Failure modes: none are allowed: whatever clients send, the node goes
 * on. */
#include "fuzz_node.h"

#include <stdarg.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/broker.h"
#include "broker/cluster/metadata.h"
#include "broker/log/log_manager.h"
#include "config/config.h"
#include "controller/controller.h"
#include "kafka/api.h"
#include "kafka/messages/metadata.h"
#include "tests/lib/config_maker.h"
#include "tools/server/controller_settings.h"

enum {
    STEPS_MAX = 24,
    TICK_US = 3000,
    WAIT_US = 100 * 1000,
    LONGER_US = 3 * 1000 * 1000,
    CONTROLLER_START_US = 100 * 1000,
    START_US = 20 * 1000 * 1000,
    ANSWER_US = 30 * 1000 * 1000,
    READ_MAX = 4096,
    KEEP_MAX = 1 << 20
};

/* ---- connections ---- */

static void conn_push(struct fuzz_conn *conn)
{
    while (conn->stream && conn->written < conn->out.len) {
        struct env_chunk chunk = {.data = conn->out.data + conn->written,
                                  .len = conn->out.len - conn->written};
        ssize_t taken = env_stream_write(conn->stream, &chunk, 1);
        if (taken < 0)
            conn->over = true;
        if (taken <= 0)
            return;
        conn->written += (size_t)taken;
        if ((size_t)taken < chunk.len)
            return; /* `writable` comes */
    }
}

static void conn_writable(void *data)
{
    conn_push(data);
}

static void conn_readable(void *data)
{
    struct fuzz_conn *conn = data;
    uint8_t bytes[READ_MAX];
    ssize_t got;
    while ((got = env_stream_read(conn->stream, bytes, sizeof(bytes))) > 0)
        if (conn->keep && conn->in.len < KEEP_MAX)
            FUZZ_REQUIRE(buf_append(&conn->in, bytes, (size_t)got) == 0);
    if (got == ERR_AGAIN)
        env_stream_want_read(conn->stream, true);
    else
        conn->over = true;
}

static void conn_open(void *data, int status, struct env_stream *stream)
{
    struct fuzz_conn *conn = data;
    conn->connect = NULL;
    conn->stream = stream;
    conn->over = status < 0;
    if (status < 0)
        return;
    env_stream_set(stream, conn_readable, conn_writable, conn);
    env_stream_want_read(stream, true);
    conn_push(conn);
}

void fuzz_conn_open(struct fuzz_conn *conn, struct fuzz_node *node, uint16_t port)
{
    *conn = (struct fuzz_conn){.env = node->client_env};
    int err = env_connect(node->client_env, "n0", port, 10000, conn_open, conn, &conn->connect);
    FUZZ_REQUIRE(err == 0);
}

void fuzz_conn_send(struct fuzz_conn *conn, const void *data, size_t len)
{
    FUZZ_REQUIRE(buf_append(&conn->out, data, len) == 0);
    conn_push(conn);
}

void fuzz_conn_send_frame(struct fuzz_conn *conn, const void *data, size_t len)
{
    uint8_t size[4];
    bytes_put_u32(size, (uint32_t)len);
    FUZZ_REQUIRE(buf_append(&conn->out, size, sizeof(size)) == 0);
    fuzz_conn_send(conn, data, len);
}

void fuzz_conn_close(struct fuzz_conn *conn)
{
    if (conn->connect)
        env_connect_cancel(conn->connect);
    if (conn->stream)
        env_stream_close(conn->stream);
    buf_close(&conn->in);
    buf_close(&conn->out);
    *conn = (struct fuzz_conn){0};
}

/* ---- the node ---- */

static void node_line(void *data, const char *line, int len)
{
    (void)data;
    if (getenv("FUZZ_VERBOSE"))
        fprintf(stderr, "# %.*s", len, line);
}

static void node_broker_failed(void *data)
{
    struct fuzz_node *node = data;
    node->failed = true;
}

static void node_controller_failed(void *data, const char *sentence)
{
    struct fuzz_node *node = data;
    if (!node->may_stop)
        fprintf(stderr, "# the controller stops: %s\n", sentence);
    node->failed = true;
}

static struct config *node_config(void)
{
    static const char *const settings[][2] = {{"broker.id", "0"},
                                              {"listeners", "PLAINTEXT://n0:9092"},
                                              {"controller.quorum.voters", "0@n0:19092"},
                                              {"log.dirs", "/data"},
                                              {"num.partitions", "2"},
                                              {"offsets.topic.num.partitions", "2"},
                                              {"offsets.topic.replication.factor", "1"},
                                              {"group.initial.rebalance.delay.ms", "0"},
                                              {"internal.segment.bytes", "16384"},
                                              {"auto.leader.rebalance.enable", "false"}};
    struct props props;
    props_init(&props);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        props_set(&props, settings[i][0], settings[i][1]);
    return config_make_from(&props);
}

static void node_start_controller(struct fuzz_node *node, const char *cluster_id, int voter_count)
{
    static const struct controller_voter voters[] = {{0, "n0", FUZZ_NODE_CONTROLLER_PORT},
                                                     {1, "n1", FUZZ_NODE_CONTROLLER_PORT},
                                                     {2, "n2", FUZZ_NODE_CONTROLLER_PORT}};
    struct controller_settings settings;
    controller_settings_init(&settings, node->config);
    settings.config.dir = "/data/controller";
    settings.config.voters = voters;
    settings.config.voter_count = voter_count;
    settings.config.cluster_id = cluster_id;
    settings.config.found_known = true;
    settings.config.election_timeout_ms = 300;
    settings.config.snapshot_entries = 16;
    settings.config.fail_stop = node_controller_failed;
    settings.config.fail_data = node;
    struct buf problem;
    buf_init(&problem);
    int err = controller_new(node->controller_env, &node->logger, &settings.config, &problem,
                             &node->controller);
    FUZZ_REQUIRE(err == 0);
    buf_close(&problem);
    controller_settings_close(&settings);
}

/* ---- the client that must not suffer ---- */

/* Metadata version 1 for the topic "t", which makes it when it is missing. */
static const uint8_t metadata_request[] = {
    0, KAFKA_API_METADATA, 0, 1, 0, 0, 0, 9, 0, 1, 'h', 0, 0, 0, 1, 0, 1, 't'};

static bool node_is_answered(void *data)
{
    struct fuzz_node *node = data;
    const struct buf *in = &node->healthy.in;
    return node->failed || node->healthy.over ||
           (in->len >= 4 && in->len - 4 >= bytes_get_u32(in->data));
}

static void node_ask(struct fuzz_node *node)
{
    struct arena arena;
    struct metadata_response response;
    size_t used;
    node->healthy.in.len = 0;
    fuzz_conn_send_frame(&node->healthy, metadata_request, sizeof(metadata_request));
    bool answered =
        sim_run_until(node->sim, node_is_answered, node, sim_now_us(node->sim) + ANSWER_US);
    FUZZ_REQUIRE(answered && !node->failed && !node->healthy.over);
    struct buf *in = &node->healthy.in;
    FUZZ_REQUIRE(in->len >= 8 && bytes_get_u32(in->data + 4) == 9);
    arena_init(&arena, 64 << 20);
    FUZZ_REQUIRE(wire_decode(&metadata_response_desc, 1, in->data + 8, in->len - 8, &arena,
                             &response, &used) == 0);
    FUZZ_REQUIRE(used == in->len - 8 && response.topics.count == 1);
    arena_close(&arena);
}

static bool node_is_welcome(void *data)
{
    struct fuzz_node *node = data;
    return node->failed || node->healthy.over || node->healthy.in.len > 4;
}

/* A controller that lives says something to a Hello. */
static void node_greet(struct fuzz_node *node)
{
    static const uint8_t hello[] = {0x0a, 0x16, 0x08, 0x01, 0x10, 0x12, 0x22, 16,
                                    'i',  'n',  'c',  'a',  'r',  'n',  'a',  't',
                                    'i',  'o',  'n',  '0',  '1',  '2',  '3',  '4'};
    fuzz_conn_close(&node->healthy);
    fuzz_conn_open(&node->healthy, node, FUZZ_NODE_CONTROLLER_PORT);
    node->healthy.keep = true;
    fuzz_conn_send_frame(&node->healthy, hello, sizeof(hello));
    bool answered =
        sim_run_until(node->sim, node_is_welcome, node, sim_now_us(node->sim) + ANSWER_US);
    FUZZ_REQUIRE(answered && !node->failed && node->healthy.in.len > 4);
}

void fuzz_node_check(struct fuzz_node *node)
{
    if (node->broker)
        node_ask(node);
    else if (!node->failed || !node->may_stop)
        node_greet(node);
}

static bool node_serves(void *data)
{
    struct fuzz_node *node = data;
    return node->broker->state == BROKER_SERVING && !node->healthy.connect;
}

static bool node_has_topic(void *data)
{
    const struct image_topic *topic = fuzz_node_topic(data);
    return topic && topic->partition_count == 2 && topic->partitions[0].leader == 0;
}

const struct image_topic *fuzz_node_topic(const struct fuzz_node *node)
{
    return image_topic_by_name(metadata_image(node->broker->metadata), "t", 1);
}

void fuzz_node_run(struct fuzz_node *node, int64_t us)
{
    sim_run_for(node->sim, us);
}

static void node_make(struct fuzz_node *node)
{
    *node = (struct fuzz_node){.sim = sim_new(1)};
    node->host = sim_node_new(node->sim, "n0");
    struct sim_node *client = sim_node_new(node->sim, "client");
    node->broker_env = sim_env_new(node->host);
    node->controller_env = sim_env_new(node->host);
    node->client_env = sim_env_new(client);
    logger_init(&node->logger, "node", NULL, NULL);
    node->logger.sink = node_line;
}

void fuzz_node_start(struct fuzz_node *node)
{
    struct buf problem;
    node_make(node);
    node->config = node_config();
    buf_init(&problem);
    int err = broker_new(node->broker_env, &node->logger, node->config, node_broker_failed, node,
                         &problem, &node->broker);
    FUZZ_REQUIRE(err == 0);
    buf_close(&problem);
    node_start_controller(node, log_manager_cluster_id(node->broker->logs), 1);
    fuzz_conn_open(&node->healthy, node, FUZZ_NODE_BROKER_PORT);
    node->healthy.keep = true;
    FUZZ_REQUIRE(sim_run_until(node->sim, node_serves, node, START_US));
    node_ask(node);
    FUZZ_REQUIRE(sim_run_until(node->sim, node_has_topic, node, sim_now_us(node->sim) + START_US));
}

void fuzz_node_start_controller(struct fuzz_node *node, int voters)
{
    node_make(node);
    node->config = node_config();
    sim_node_new(node->sim, "n1");
    sim_node_new(node->sim, "n2");
    node_start_controller(node, voters == 1 ? FUZZ_NODE_CLUSTER_ID : "", voters);
    fuzz_node_run(node, CONTROLLER_START_US);
}

void fuzz_node_stop(struct fuzz_node *node)
{
    for (size_t i = 0; i < FUZZ_STEP_CONNS; i++)
        fuzz_conn_close(&node->conns[i]);
    fuzz_conn_close(&node->healthy);
    sim_node_kill(node->host);
    sim_env_reap(node->broker_env);
    sim_env_reap(node->controller_env);
    if (node->broker)
        broker_free(node->broker);
    controller_free(node->controller);
    config_free(node->config);
    sim_free(node->sim);
}

/* ---- steps ---- */

void fuzz_step_put(struct buf *out, uint8_t what, const void *data, size_t len)
{
    uint8_t head[FUZZ_STEP_HEAD] = {what};
    bytes_put_u32(head + 1, (uint32_t)len);
    FUZZ_REQUIRE(buf_append(out, head, sizeof(head)) == 0 && buf_append(out, data, len) == 0);
}

void fuzz_node_steps(struct fuzz_node *node, uint16_t port, const uint8_t *data, size_t len)
{
    for (int i = 0; i < STEPS_MAX && len >= FUZZ_STEP_HEAD; i++) {
        uint8_t what = data[0];
        size_t body = bytes_get_u32(data + 1);
        if (body > len - FUZZ_STEP_HEAD)
            body = len - FUZZ_STEP_HEAD;
        struct fuzz_conn *conn = &node->conns[what & FUZZ_STEP_CONN];
        if (what & FUZZ_STEP_CLOSE || conn->over)
            fuzz_conn_close(conn);
        if (!conn->env) {
            fuzz_conn_open(conn, node, port);
            conn->keep = node->keep;
        }
        if (what & FUZZ_STEP_RAW)
            fuzz_conn_send(conn, data + FUZZ_STEP_HEAD, body);
        else
            fuzz_conn_send_frame(conn, data + FUZZ_STEP_HEAD, body);
        data += FUZZ_STEP_HEAD + body;
        len -= FUZZ_STEP_HEAD + body;
        fuzz_node_run(node, what & FUZZ_STEP_LONGER ? LONGER_US
                            : what & FUZZ_STEP_WAIT ? WAIT_US
                                                    : TICK_US);
    }
    fuzz_node_run(node, WAIT_US);
}
