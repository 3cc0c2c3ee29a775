/* A server on a free port of this host, without a broker behind it, and clients in the same loop.
 * The table of APIs is the including test's choice. */
#ifndef TESTS_UNIT_BROKER_NET_FIXTURE_H
#define TESTS_UNIT_BROKER_NET_FIXTURE_H

#include "../../until.h"

#include "base/err.h"
#include "base/mem.h"
#include "broker/net/request.h"
#include "broker/net/server.h"
#include "kafka/api.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/headers.h"
#include "kafka/messages/sync_group.h"
#include "tests/lib/config_maker.h"
#include "wire/frame.h"

enum { ANSWERS_MAX = 200, SYNC_VERSION = 4, FETCH_VERSION = 17 };

struct client {
    struct env *env;
    struct env_connect *connect;
    struct frame_conn *conn;
    struct buf answers[ANSWERS_MAX]; /* whole frames */
    int count;
    size_t asked; /* bytes of the last request, with their size */
    bool closed;
};

struct fixture {
    struct env *env;
    struct logger logger;
    struct buf lines;
    struct buf problem;
    struct config *config;
    struct server_deps deps;
    struct server *server;
    int32_t others[4]; /* brokers of the cluster beside ours, up to 0 */
};

static inline void fixture_line(void *data, const char *line, int len)
{
    struct fixture *f = data;
    buf_printf(&f->lines, "%.*s", len, line);
}

static inline int64_t fixture_count_others(void *data)
{
    const struct fixture *f = data;
    int64_t count = 0;
    while (f->others[count])
        count++;
    return count;
}

static inline bool fixture_is_other(void *data, int32_t id)
{
    const struct fixture *f = data;
    for (int i = 0; f->others[i]; i++)
        if (f->others[i] == id)
            return true;
    return false;
}

static inline void fixture_starved(void *data)
{
    (void)data;
}

/* All but the server; `settings` are those beside the listener. */
static inline void fixture_init(struct fixture *f, const struct api_table *apis,
                                const char *settings)
{
    static const struct server_events events = {.count_other_brokers = fixture_count_others,
                                                .is_other_broker = fixture_is_other,
                                                .starved = fixture_starved};
    *f = (struct fixture){0};
    buf_init(&f->lines);
    buf_init(&f->problem);
    char *text = mem_printf("broker.id=1\ncontroller.quorum.voters=1@localhost:19092\n"
                            "listeners=PLAINTEXT://127.0.0.1:0\n%s",
                            settings);
    f->config = config_make(text);
    mem_free(text);
    CHECK_INT(env_new(&f->env), 0);
    logger_init(&f->logger, "test", NULL, NULL);
    f->logger.sink = fixture_line;
    f->logger.sink_data = f;
    f->deps = (struct server_deps){.env = f->env,
                                   .logger = &f->logger,
                                   .apis = apis,
                                   .listeners_setting = "listeners",
                                   .limits_text = "max.connections, max.connections.per.ip",
                                   .events = &events,
                                   .data = f};
    f->deps.listeners = config_listeners(f->config, &f->deps.listener_count);
    server_limits_read(&f->deps.limits, f->config);
}

static inline void fixture_open(struct fixture *f, const struct api_table *apis,
                                const char *settings)
{
    fixture_init(f, apis, settings);
    CHECK_INT(server_new(&f->deps, &f->problem, &f->server), 0);
}

static inline void fixture_close(struct fixture *f)
{
    if (f->server)
        server_free(f->server);
    config_free(f->config);
    env_free(f->env);
    buf_close(&f->lines);
    buf_close(&f->problem);
}

static inline bool fixture_says(struct fixture *f, const char *text)
{
    return strstr(buf_text(&f->lines), text) != NULL;
}

/* How many lines say so. */
static inline int fixture_count(struct fixture *f, const char *text)
{
    int count = 0;
    for (const char *at = buf_text(&f->lines); (at = strstr(at, text)); at++)
        count++;
    return count;
}

/* ---- clients ---- */

static inline void client_frame(void *data, uint8_t *bytes, size_t len)
{
    struct client *client = data;
    CHECK(client->count < ANSWERS_MAX);
    buf_init(&client->answers[client->count]);
    CHECK_INT(buf_append(&client->answers[client->count++], bytes, len), 0);
}

static inline void client_broken(void *data, int err)
{
    struct client *client = data;
    (void)err;
    client->closed = true;
    frame_conn_close(client->conn);
    client->conn = NULL;
}

static inline void client_connected(void *data, int status, struct env_stream *stream)
{
    static const struct frame_handlers handlers = {.frame = client_frame, .broken = client_broken};
    struct client *client = data;
    client->connect = NULL;
    CHECK_INT(status, 0);
    CHECK_INT(frame_conn_new(client->env, transport_plain(stream), INT32_MAX, NULL, &handlers,
                             client, &client->conn),
              0);
}

/* Its line is there; whether the server has taken it shows later. */
static inline void client_open(struct fixture *f, struct client *client)
{
    *client = (struct client){.env = f->env};
    CHECK_INT(env_connect(f->env, "127.0.0.1", server_port(f->server, 0), UNTIL_MS,
                          client_connected, client, &client->connect),
              0);
    UNTIL(f->env, client->conn);
}

static inline void client_close(struct client *client)
{
    if (client->conn)
        frame_conn_close(client->conn);
    client->conn = NULL;
    for (int i = 0; i < client->count; i++)
        buf_close(&client->answers[i]);
    client->count = 0;
}

/* `body` is a struct of the API; NULL: bytes that are none. */
static inline void client_send(struct client *client, int16_t key, int16_t version,
                               int32_t correlation_id, const void *body)
{
    const struct kafka_api *api = kafka_api_find(key);
    struct request_header header = {.request_api_key = key,
                                    .request_api_version = version,
                                    .correlation_id = correlation_id,
                                    .client_id = wire_str_from("tester")};
    struct wire_out out;
    wire_out_init(&out);
    int16_t header_version = api ? kafka_api_request_header_version(api, version) : 1;
    CHECK_INT(wire_encode(&request_header_desc, header_version, &header, &out), 0);
    if (body)
        CHECK_INT(wire_encode(api->request, version, body, &out), 0);
    else
        wire_put_i32(&out, -1);
    client->asked = out.memory.len + 4;
    CHECK_INT(frame_conn_send_copy(client->conn, out.memory.data, out.memory.len), 0);
    wire_out_close(&out);
}

/* A SyncGroup with an assignment of `size` bytes. */
static inline void client_ask(struct client *client, int32_t correlation_id, size_t size)
{
    struct sync_group_request request;
    struct sync_group_request_sync_group_request_assignment item;
    uint8_t *bytes = mem_alloc(size + 1);
    wire_defaults(&sync_group_request_desc, &request);
    wire_defaults(&sync_group_request_sync_group_request_assignment_desc, &item);
    request.group_id = wire_str_from("group");
    item.assignment = (struct wire_bytes){bytes, (int32_t)size};
    request.assignments.items = &item;
    request.assignments.count = 1;
    client_send(client, KAFKA_API_SYNC_GROUP, SYNC_VERSION, correlation_id, &request);
    mem_free(bytes);
}

/* A fetch of that broker, of a consumer when it is -1. */
static inline void client_fetch(struct client *client, int32_t replica_id)
{
    struct fetch_request request;
    wire_defaults(&fetch_request_desc, &request);
    request.replica_state.replica_id = replica_id;
    client_send(client, KAFKA_API_FETCH, FETCH_VERSION, 1, &request);
}

/* The correlation id of the i-th answer. */
static inline int32_t client_answered(const struct client *client, int i)
{
    CHECK(i < client->count && client->answers[i].len >= 4);
    const uint8_t *bytes = client->answers[i].data;
    return (int32_t)((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
                     bytes[3]);
}

#endif
