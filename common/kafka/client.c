/* A small admin client.
 *
 * Happy path: the first bootstrap server that answers serves every CLIENT_ANY; a call to a certain
 * node asks Metadata once for its address. Failure modes: nobody answers (the sentence lists each
 * address with its reason); a broker is advertised at an address that can't be reached from here;
 * the broker does not have the API; a connection breaks in the middle: the call fails, and the next
 * one dials again. */
#include "kafka/client.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/messages/metadata.h"

/* More bootstrap servers than that help nobody. */
enum { CLIENT_BOOTSTRAP_MAX = 64 };
/* Brokers of one cluster that a tool may talk to. */
enum { CLIENT_NODES_MAX = 1024 };
/* The largest answer: describing 100,000 partitions takes about 10 MB. */
enum { CLIENT_FRAME_MAX = 128 << 20 };

enum { CLIENT_DEFAULT_PORT = 9092 };

enum { CLIENT_BROKERS = 1, CLIENT_CONTROLLERS = 2 /* types of endpoints */ };

struct client_node {
    int32_t id; /* -1 = a bootstrap server */
    char *host;
    uint16_t port;
    char address[ENV_ADDRESS_TEXT_MAX + 256]; /* host:port */
    struct client_conn *conn;
};

struct client {
    struct env *env;
    struct client_config config;
    char *option, *client_id;
    struct buf problem;
    struct client_node bootstrap[CLIENT_BOOTSTRAP_MAX];
    int bootstrap_count;
    struct client_node *any; /* the bootstrap server that answered */
    struct client_node *nodes[CLIENT_NODES_MAX];
    int node_count;
    int32_t controller; /* -1 = not known */
    /* What a blocking step waits for. */
    bool finished;
    int err;
    struct client_answer *answer;
};

/* ---- life ---- */

static const char *client_kind(const struct client *client)
{
    return client->config.controllers ? "controller" : "broker";
}

static void client_node_set(struct client_node *node, int32_t id, const char *host, size_t host_len,
                            uint16_t port)
{
    ASSERT(host != NULL);
    ASSERT(port != 0);
    node->id = id;
    node->host = mem_strndup(host, host_len);
    node->port = port;
    bool v6 = strchr(node->host, ':') != NULL;
    snprintf(node->address, sizeof(node->address), v6 ? "[%s]:%u" : "%s:%u", node->host, port);
}

static bool client_parse_port(const char *text, size_t len, uint16_t *port)
{
    unsigned value = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *port = (uint16_t)value;
    return value > 0 && value <= UINT16_MAX;
}

/* "host", "host:port", "[v6]", "[v6]:port". */
static bool client_add_bootstrap(struct client *client, const char *text, size_t len)
{
    const char *colon = memrchr(text, ':', len);
    uint16_t port = CLIENT_DEFAULT_PORT;
    bool bracket = len > 0 && text[0] == '[';
    const char *scheme = memmem(text, len, "://", 3);
    if (scheme) /* PLAINTEXT://host:port, as in listeners */
        return client_add_bootstrap(client, scheme + 3, len - (size_t)(scheme + 3 - text));
    if (bracket && text[len - 1] == ']')
        colon = NULL;
    size_t host_len = colon ? (size_t)(colon - text) : len;
    if (colon && !client_parse_port(colon + 1, len - host_len - 1, &port))
        return false;
    if (bracket) {
        if (host_len < 3 || text[host_len - 1] != ']')
            return false;
        text++;
        host_len -= 2;
    } else if (memchr(text, ':', host_len)) {
        return false;
    }
    if (host_len == 0 || host_len > 255 || client->bootstrap_count == CLIENT_BOOTSTRAP_MAX)
        return false;
    ASSERT(client->bootstrap_count < CLIENT_BOOTSTRAP_MAX);
    client_node_set(&client->bootstrap[client->bootstrap_count++], -1, text, host_len, port);
    return true;
}

int client_check_bootstrap(const char *bootstrap, const char *option, struct buf *problem)
{
    struct client_config config = {.bootstrap = bootstrap, .option = option, .client_id = ""};
    struct client *client;
    int err = client_new(NULL, &config, problem, &client); /* dials nothing, hence needs no loop */
    if (!err)
        client_free(client);
    return err;
}

int client_new(struct env *env, const struct client_config *config, struct buf *problem,
               struct client **out)
{
    struct client *client = mem_alloc(sizeof(*client));
    client->env = env;
    client->config = *config;
    client->option = mem_strdup(config->option);
    client->client_id = mem_strdup(config->client_id);
    client->controller = -1;
    buf_init(&client->problem);
    const char *at = config->bootstrap;
    while (*at) {
        size_t len = strcspn(at, ",");
        size_t blank = strspn(at, " ");
        size_t end = len;
        while (end > blank && at[end - 1] == ' ')
            end--;
        if (blank < end && !client_add_bootstrap(client, at + blank, end - blank)) {
            buf_printf(problem, "%s %.*s is not an address: write it as host:port", config->option,
                       (int)(end - blank), at + blank);
            client_free(client);
            return ERR_INVALID;
        }
        at += len + (at[len] == ',');
    }
    if (client->bootstrap_count == 0) {
        buf_printf(problem, "%s names no broker: write it as host:port", config->option);
        client_free(client);
        return ERR_INVALID;
    }
    *out = client;
    return 0;
}

static void client_node_close(struct client_node *node)
{
    client_conn_close(node->conn);
    node->conn = NULL;
    mem_free(node->host);
}

static void client_forget_nodes(struct client *client)
{
    for (int i = 0; i < client->node_count; i++) {
        client_node_close(client->nodes[i]);
        mem_free(client->nodes[i]);
    }
    client->node_count = 0;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    client_forget_nodes(client);
    for (int i = 0; i < client->bootstrap_count; i++)
        client_node_close(&client->bootstrap[i]);
    buf_close(&client->problem);
    mem_free(client->option);
    mem_free(client->client_id);
    mem_free(client);
}

const char *client_problem(struct client *client)
{
    return buf_text(&client->problem);
}

void client_set_problem(struct client *client, const char *format, ...)
{
    va_list args;
    client->problem.len = 0;
    va_start(args, format);
    buf_vprintf(&client->problem, format, args);
    va_end(args);
}

/* ---- waiting ---- */

static void client_finish(struct client *client, int err)
{
    client->finished = true;
    client->err = err;
    env_stop(client->env);
}

static int client_run(struct client *client)
{
    while (!client->finished)
        env_run(client->env);
    return client->err;
}

static void client_on_wait_over(void *data)
{
    client_finish(data, 0);
}

void client_wait(struct client *client, int64_t ms)
{
    struct env_timer timer;
    ASSERT(ms >= 0);
    env_timer_init(client->env, &timer, client_on_wait_over, client);
    client->finished = false;
    env_timer_start(&timer, ms);
    int err = client_run(client);
    ASSERT(err == 0);
}

/* ---- connecting ---- */

static void client_on_ready(void *data, int err)
{
    client_finish(data, err);
}

static int client_dial(struct client *client, struct client_node *node)
{
    if (node->conn && client_conn_usable(node->conn))
        return 0;
    client_conn_close(node->conn);
    node->conn = NULL;
    struct client_conn_config config = {
        .host = node->host,
        .port = node->port,
        .client_id = client->client_id,
        .timeout_ms = client->config.connect_timeout_ms,
        .frame_max = CLIENT_FRAME_MAX,
    };
    client->finished = false;
    int err = client_conn_new(client->env, &config, client_on_ready, client, &node->conn);
    if (err == 0)
        err = client_run(client);
    if (err) {
        client_conn_close(node->conn);
        node->conn = NULL;
    }
    return err;
}

static const char *client_dial_reason(int err)
{
    ASSERT(err < 0);
    switch (err) {
    case ERR_EOF:
    case ERR_RESET:
        return "the other side hung up: is this a plain Kafka listener?";
    case ERR_MALFORMED:
    case ERR_TOO_LARGE:
        return "what came back is not the Kafka protocol";
    default:
        return err_text(err);
    }
}

static int client_dial_any(struct client *client)
{
    struct buf tried;
    int err = ERR_UNREACHABLE;
    if (client->any && client_dial(client, client->any) == 0)
        return 0;
    client->any = NULL;
    buf_init(&tried);
    for (int i = 0; i < client->bootstrap_count && !client->any; i++) {
        struct client_node *node = &client->bootstrap[i];
        err = client_dial(client, node);
        if (err == 0)
            client->any = node;
        else
            buf_printf(&tried, "%s%s (%s)", tried.len ? ", " : "", node->address,
                       client_dial_reason(err));
    }
    if (err)
        client_set_problem(client,
                           "no %s answers: tried %s. Start one, or give its address with "
                           "%s host:port",
                           client_kind(client), buf_text(&tried), client->option);
    buf_close(&tried);
    return err;
}

/* ---- the brokers of the cluster ---- */

static void client_add_node(struct client *client, int32_t id, struct wire_str host, int32_t port)
{
    struct client_node *node = mem_alloc(sizeof(*node));
    ASSERT(client->node_count < CLIENT_NODES_MAX);
    if (host.len > 0 && port > 0 && port <= UINT16_MAX)
        client_node_set(node, id, host.data, (size_t)host.len, (uint16_t)port);
    client->nodes[client->node_count++] = node;
}

static int client_learn_controllers(struct client *client)
{
    struct describe_cluster_request request;
    struct client_answer answer = {0};
    wire_defaults(&describe_cluster_request_desc, &request);
    request.endpoint_type = CLIENT_CONTROLLERS;
    int version = client_version(client, CLIENT_ANY, KAFKA_API_DESCRIBE_CLUSTER, INT16_MAX);
    if (version < 0)
        return version;
    int err = client_call(client, CLIENT_ANY, KAFKA_API_DESCRIBE_CLUSTER, (int16_t)version,
                          &request, &answer);
    if (err)
        return err;
    const struct describe_cluster_response *response = answer.response;
    err = response->error_code ? err_from_wire(response->error_code) : 0;
    if (err)
        client_set_problem(client, "%s: %s", client->any->address, err_text(err));
    client_forget_nodes(client);
    client->controller = response->controller_id;
    for (int32_t i = 0; i < response->brokers.count && i < CLIENT_NODES_MAX; i++)
        client_add_node(client, response->brokers.items[i].broker_id,
                        response->brokers.items[i].host, response->brokers.items[i].port);
    client_answer_free(&answer);
    return err;
}

static int client_learn_nodes(struct client *client)
{
    if (client->config.controllers)
        return client_learn_controllers(client);
    struct metadata_request request;
    struct client_answer answer = {0};
    wire_defaults(&metadata_request_desc, &request);
    request.allow_auto_topic_creation = false;
    int version = client_version(client, CLIENT_ANY, KAFKA_API_METADATA, INT16_MAX);
    if (version < 0)
        return version;
    request.allow_auto_topic_creation = version < 4;
    int err =
        client_call(client, CLIENT_ANY, KAFKA_API_METADATA, (int16_t)version, &request, &answer);
    if (err)
        return err;
    const struct metadata_response *response = answer.response;
    client_forget_nodes(client);
    client->controller = response->controller_id;
    for (int32_t i = 0; i < response->brokers.count && i < CLIENT_NODES_MAX; i++)
        client_add_node(client, response->brokers.items[i].node_id, response->brokers.items[i].host,
                        response->brokers.items[i].port);
    client_answer_free(&answer);
    return 0;
}

static struct client_node *client_find(struct client *client, int32_t id)
{
    ASSERT(client->node_count <= CLIENT_NODES_MAX);
    for (int i = 0; i < client->node_count; i++)
        if (client->nodes[i]->id == id && client->nodes[i]->host)
            return client->nodes[i];
    return NULL;
}

static int client_dial_node(struct client *client, int32_t id, struct client_node **out)
{
    struct client_node *node = client_find(client, id);
    int err = node ? 0 : client_learn_nodes(client);
    if (err)
        return err;
    node = client_find(client, id);
    if (!node) {
        client_set_problem(client, "%s %d is not %s: those that %s names are without it",
                           client_kind(client), id,
                           client->config.controllers ? "in the quorum" : "alive",
                           client->any ? client->any->address : "the cluster");
        return ERR_BROKER_NOT_AVAILABLE;
    }
    err = client_dial(client, node);
    if (err)
        client_set_problem(client,
                           "%s %d is advertised as %s, which can't be reached from here (%s): set "
                           "%s of that %s to an address that clients reach",
                           client_kind(client), id, node->address, client_dial_reason(err),
                           client->config.controllers ? "listeners" : "advertised.listeners",
                           client_kind(client));
    ASSERT(node != NULL);
    ASSERT(err <= 0);
    *out = node;
    return err;
}

/* The connected node for a target. */
static int client_reach(struct client *client, int32_t target, struct client_node **out)
{
    int err;
    if (target == CLIENT_CONTROLLER) {
        if (client->controller < 0)
            err = client_learn_nodes(client);
        else
            err = 0;
        if (err)
            return err;
        if (client->controller < 0) {
            client_set_problem(client, "the cluster has no controller at the moment: try again");
            return ERR_NOT_CONTROLLER;
        }
        target = client->controller;
    }
    if (target >= 0)
        return client_dial_node(client, target, out);
    err = client_dial_any(client);
    *out = client->any;
    return err;
}

int8_t client_endpoint_type(const struct client *client)
{
    return client->config.controllers ? CLIENT_CONTROLLERS : CLIENT_BROKERS;
}

void client_forget_controller(struct client *client)
{
    client->controller = -1;
}

const struct client_conn *client_connection(struct client *client, int32_t target)
{
    struct client_node *node = NULL;
    return client_reach(client, target, &node) == 0 ? node->conn : NULL;
}

const char *client_address(struct client *client, int32_t target)
{
    if (target == CLIENT_CONTROLLER)
        target = client->controller;
    const struct client_node *node = target < 0 ? client->any : client_find(client, target);
    return node ? node->address : "?";
}

/* ---- calls ---- */

int client_version(struct client *client, int32_t target, int16_t key, int16_t limit)
{
    struct client_node *node = NULL;
    int err = client_reach(client, target, &node);
    if (err)
        return err;
    int version = client_conn_version(node->conn, key, limit);
    if (version < 0)
        client_set_problem(client, "the %s at %s has no %s that this program can use: %s",
                           client_kind(client), node->address, kafka_api_find(key)->name,
                           client->config.controllers ? "ask a broker, with --bootstrap-server"
                                                      : "the two are too far apart in age");
    return version;
}

static void client_on_answer(void *data, int err, struct client_answer *answer)
{
    struct client *client = data;
    if (err == 0)
        *client->answer = *answer;
    client_finish(client, err);
}

int client_call(struct client *client, int32_t target, int16_t key, int16_t version,
                const void *request, struct client_answer *answer)
{
    struct client_node *node = NULL;
    *answer = (struct client_answer){0};
    int err = client_reach(client, target, &node);
    if (err)
        return err;
    client->finished = false;
    client->answer = answer;
    err = client_conn_send(node->conn, key, version, request, client->config.request_timeout_ms,
                           client_on_answer, client);
    if (err) {
        client_set_problem(client, "%s %d to %s can't be sent: %s", kafka_api_find(key)->name,
                           version, node->address, err_text(err));
        return err;
    }
    err = client_run(client);
    if (err)
        client_set_problem(client, "the broker at %s did not answer %s: %s", node->address,
                           kafka_api_find(key)->name, err_text(err));
    return err;
}
