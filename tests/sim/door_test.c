/* The door for Kafka's clients at a controller's listener: it opens for the first of them, shuts
 * when nobody comes, and opens again. */
#include "../unit/tap.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/door.h"
#include "controller/controller.h"
#include "kafka/api.h"
#include "sim.h"
#include "tests/lib/config_maker.h"
#include "wire/frame.h"

enum { SECOND = 1000 * 1000, PORT = 9093, HOLDS = 8 };

static struct sim *sim;
static struct sim_node *node;
static struct env *env;
static struct logger logger;
static struct config *config;
static struct controller *controller;
static struct door *door;
static struct buf lines;
static struct client {
    struct env_connect *connect;
    struct frame_conn *conn;
    int answers;
    bool closed;
} clients[HOLDS];

static void on_line(void *data, const char *line, int len)
{
    (void)data;
    buf_printf(&lines, "%.*s", len, line);
}

static int count_lines(const char *words)
{
    int count = 0;
    for (const char *at = buf_text(&lines); (at = strstr(at, words)); at++)
        count++;
    return count;
}

static void on_client(void *data, struct frame_opening *opening)
{
    (void)data;
    door_take(door, opening);
}

static void on_fail_stop(void *data, const char *sentence)
{
    (void)data;
    printf("# %s\n", sentence);
    CHECK(!"a controller that works");
}

static void begin(void)
{
    static const struct controller_voter voter = {0, "localhost", PORT};
    struct controller_config settings = {
        .dir = "/data",
        .listen_port = PORT,
        .voters = &voter,
        .voter_count = 1,
        .heartbeat_ms = 50,
        .election_timeout_ms = 400,
        .broker_session_timeout_ms = 1000,
        .default_partitions = 1,
        .default_replication_factor = 1,
        .snapshot_entries = 100,
        .fail_stop = on_fail_stop,
        .client = on_client,
    };
    struct buf problem;
    buf_init(&problem);
    buf_init(&lines);
    memset(clients, 0, sizeof(clients));
    sim = sim_new(1);
    node = sim_node_new(sim, "localhost");
    env = sim_env_new(node);
    logger_init(&logger, "test", NULL, NULL);
    logger.level = LOGGER_DEBUG;
    logger.sink = on_line;
    config =
        config_make("broker.id=0\nlog.dirs=/logs\ncontroller.quorum.voters=0@localhost:9093\n");
    door = door_new(env, &logger, config);
    CHECK_INT(controller_new(env, &logger, &settings, &problem, &controller), 0);
    sim_run_for(sim, 2 * SECOND);
    CHECK(controller_is_active(controller));
    buf_close(&problem);
}

static void client_close(struct client *client)
{
    if (client->conn)
        frame_conn_close(client->conn);
    client->conn = NULL;
}

static void finish(void)
{
    for (int i = 0; i < HOLDS; i++)
        client_close(&clients[i]);
    door_free(door);
    controller_free(controller);
    config_free(config);
    sim_free(sim);
    buf_close(&lines);
}

/* ---- clients ---- */

static void on_answer(void *data, uint8_t *bytes, size_t len)
{
    struct client *client = data;
    CHECK(len > 4);
    CHECK_INT(bytes_get_u32(bytes), client->answers);
    client->answers++;
}

static void on_closed(void *data, int err)
{
    struct client *client = data;
    (void)err;
    client->closed = true;
    client_close(client);
}

static void on_connected(void *data, int status, struct env_stream *stream)
{
    static const struct frame_handlers handlers = {.frame = on_answer, .broken = on_closed};
    struct client *client = data;
    CHECK_INT(status, 0);
    CHECK_INT(frame_conn_new(env, transport_plain(stream), 1 << 20, NULL, &handlers, client,
                             &client->conn),
              0);
}

static void client_open(struct client *client)
{
    CHECK_INT(env_connect(env, "localhost", PORT, 1000, on_connected, client, &client->connect), 0);
    sim_run_for(sim, SECOND / 10);
    CHECK(client->conn != NULL);
}

/* Header version 1, no client id; the correlation id says how many answers came before. */
static void client_ask(struct client *client, int16_t key, int16_t version, const void *body,
                       size_t len)
{
    uint8_t request[64] = {0};
    bytes_put_u16(request, (uint16_t)key);
    bytes_put_u16(request + 2, (uint16_t)version);
    bytes_put_u32(request + 4, (uint32_t)client->answers);
    bytes_put_u16(request + 8, UINT16_MAX);
    CHECK(len <= sizeof(request) - 10);
    memcpy(request + 10, body, len);
    CHECK_INT(frame_conn_send_copy(client->conn, request, 10 + len), 0);
}

static void client_ask_versions(struct client *client)
{
    int before = client->answers;
    client_ask(client, KAFKA_API_API_VERSIONS, 0, "", 0);
    sim_run_for(sim, SECOND / 10);
    CHECK_INT(client->answers, before + 1);
}

/* ---- tests ---- */

static void it_is_shut_when_nobody_comes(void)
{
    begin();
    CHECK_INT(count_lines("opened for the first client"), 0);
    for (int round = 1; round <= 3; round++) {
        client_open(&clients[0]);
        client_ask_versions(&clients[0]);
        CHECK_INT(count_lines("opened for the first client"), round);
        sim_run_for(sim, 100 * SECOND); /* somebody is there */
        client_ask_versions(&clients[0]);
        CHECK_INT(count_lines("nobody has been here"), round - 1);
        client_close(&clients[0]);
        clients[0].answers = 0;
        sim_run_for(sim, 30 * SECOND);
        CHECK_INT(count_lines("nobody has been here"), round - 1);
        sim_run_for(sim, 60 * SECOND);
        CHECK_INT(count_lines("nobody has been here"), round);
    }
    finish();
}

/* Requests that wait for the controller, or for a worker, when the process ends. */
static void it_goes_with_requests_that_wait(void)
{
    static const uint8_t topics[] = {0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1,    0,    1,
                                     0, 0, 0, 0, 0, 0, 0,   0, 0, 0, 0x75, 0x30, 0};
    for (int wait_us = 0; wait_us < 4000; wait_us += 100) {
        begin();
        for (int i = 0; i < HOLDS; i++)
            client_open(&clients[i]);
        for (int i = 0; i < HOLDS; i++)
            client_ask(&clients[i], KAFKA_API_CREATE_TOPICS, 1, topics, sizeof(topics));
        sim_run_for(sim, wait_us);
        finish();
    }
}

TAP_MAIN(TAP_TEST(it_is_shut_when_nobody_comes), TAP_TEST(it_goes_with_requests_that_wait))
