/* A client's connection to one broker at a time. Happy path: dial, be told the versions, send.
 * Failure modes: whatever goes wrong, the next node is tried after a short pause. */
#include "cluster_line.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "cluster.h"

static void line_ready(void *data, int err)
{
    struct cluster_line *line = data;
    if (err) {
        cluster_line_next(line);
        return;
    }
    line->usable = true;
    line->ready(line->data);
}

static void line_dial(void *data)
{
    struct cluster_line *line = data;
    char host[16];
    snprintf(host, sizeof(host), "n%d", line->node);
    struct client_conn_config config = {.host = host,
                                        .port = CLUSTER_BROKER_PORT,
                                        .client_id = "sim",
                                        .timeout_ms = CLUSTER_LINE_TIMEOUT_MS,
                                        .frame_max = 4 << 20};
    if (client_conn_new(line->env, &config, line_ready, line, &line->conn))
        cluster_line_next(line);
}

void cluster_line_init(struct cluster_line *line, struct env *env, const int64_t *pause_ms,
                       int node, void (*ready)(void *data), void *data)
{
    line->env = env;
    line->pause_ms = pause_ms;
    line->node = node;
    line->ready = ready;
    line->data = data;
    env_timer_init(env, &line->timer, line_dial, line);
}

void cluster_line_open(struct cluster_line *line)
{
    line->open = true;
    env_timer_start(&line->timer, 0);
}

static void line_hang_up(struct cluster_line *line)
{
    if (line->conn)
        client_conn_close(line->conn);
    line->conn = NULL;
    line->usable = false;
    env_timer_stop(&line->timer);
}

void cluster_line_close(struct cluster_line *line)
{
    line->open = false;
    line_hang_up(line);
}

static int64_t line_redial_ms(const struct cluster_line *line)
{
    return *line->pause_ms < CLUSTER_LINE_DIAL_MS ? *line->pause_ms : CLUSTER_LINE_DIAL_MS;
}

void cluster_line_next(struct cluster_line *line)
{
    line_hang_up(line);
    line->node = (line->node + 1) % CLUSTER_NODES;
    if (line->open)
        env_timer_start(&line->timer, line_redial_ms(line));
}

struct client_conn *cluster_line_leave(struct cluster_line *line)
{
    struct client_conn *conn = line->conn;
    ASSERT(line->usable);
    line->conn = NULL;
    line->usable = false;
    return conn;
}

void cluster_line_send(struct cluster_line *line, int16_t key, int16_t version, const void *request,
                       void (*done)(void *data, int err, struct client_answer *answer), void *data)
{
    if (!line->usable ||
        client_conn_send(line->conn, key, version, request, CLUSTER_LINE_TIMEOUT_MS, done, data))
        cluster_line_next(line);
}

void cluster_line_produce(struct arena *arena, struct produce_request *request, int partition,
                          int16_t acks, int32_t timeout_ms, uint8_t *bytes, size_t len)
{
    wire_defaults(&produce_request_desc, request);
    request->acks = acks;
    request->timeout_ms = timeout_ms;
    struct produce_request_topic_produce_data *topic =
        WIRE_ARRAY(arena, &request->topic_data, 1, &produce_request_topic_produce_data_desc);
    ASSERT(topic);
    struct produce_request_partition_produce_data *data =
        WIRE_ARRAY(arena, &topic->partition_data, 1, &produce_request_partition_produce_data_desc);
    ASSERT(data);
    topic->name = wire_str_from(cluster_topic);
    data->index = partition;
    data->records.data = bytes;
    data->records.len = (int64_t)len;
}
