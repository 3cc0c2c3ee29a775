/* The writer of a simulated cluster.
 *
 * For each partition there is a lane with a connection of its own: it tries a broker, sends Produce,
 * and on "not leader", an error or silence goes to the next broker. So it needs no metadata. */
#include "cluster_client.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "kafka/api.h"
#include "kafka/batch.h"
#include "kafka/messages/headers.h"
#include "kafka/messages/produce.h"
#include "wire/frame.h"

enum {
    CLIENT_VERSION = 9,
    CLIENT_TIMEOUT_MS = 800,
    CLIENT_PAUSE_MS = 5,
    CLIENT_RECORDS = 3 /* in a batch */
};

struct lane {
    struct cluster_client *client;
    int partition;
    int node;
    struct env_connect *connect;
    struct frame_conn *conn;
    struct env_timer timer; /* the next try, or the end of patience */
    bool waiting;
    int64_t first; /* number of the first record of the batch on its way */
    struct map acked; /* offset + 1 of the first record -> number + 1, as pointers */
    int64_t acked_count;
};

struct cluster_client {
    struct env *env;
    char *topic;
    int nodes;
    uint16_t port;
    struct lane *lanes;
    int lane_count;
    int64_t next;
    bool running;
};

static void lane_try(void *data);

static void lane_drop(struct lane *lane, int64_t pause_ms)
{
    if (lane->connect)
        env_connect_cancel(lane->connect);
    if (lane->conn)
        frame_conn_close(lane->conn);
    lane->connect = NULL;
    lane->conn = NULL;
    lane->waiting = false;
    lane->node = (lane->node + 1) % lane->client->nodes;
    if (lane->client->running)
        env_timer_start(&lane->timer, pause_ms);
    else
        env_timer_stop(&lane->timer);
}

static int lane_build(struct lane *lane, struct wire_out *out, struct arena *arena,
                      struct batch_builder *builder)
{
    lane->first = lane->client->next;
    for (int i = 0; i < CLIENT_RECORDS; i++) {
        char value[32];
        int len = snprintf(value, sizeof(value), "%lld", (long long)lane->client->next++);
        int err = batch_builder_append(builder, env_wall_ms(lane->client->env), WIRE_BYTES_NULL,
                                       (struct wire_bytes){(const uint8_t *)value, len}, NULL, 0);
        if (err)
            return err;
    }
    int err = batch_builder_finish(builder);
    if (err)
        return err;
    struct request_header header = {.request_api_key = KAFKA_API_PRODUCE,
                                    .request_api_version = CLIENT_VERSION,
                                    .correlation_id = 1,
                                    .client_id = wire_str_from("sim")};
    struct produce_request request;
    wire_defaults(&produce_request_desc, &request);
    request.acks = -1;
    request.timeout_ms = CLIENT_TIMEOUT_MS;
    struct produce_request_topic_produce_data *topic =
        WIRE_ARRAY(arena, &request.topic_data, 1, &produce_request_topic_produce_data_desc);
    struct produce_request_partition_produce_data *data = WIRE_ARRAY(
        arena, &topic->partition_data, 1, &produce_request_partition_produce_data_desc);
    topic->name = wire_str_from(lane->client->topic);
    data->index = lane->partition;
    data->records.data = builder->bytes.data;
    data->records.len = (int64_t)builder->bytes.len;
    err = wire_encode(&request_header_desc, 2, &header, out);
    return err ? err : wire_encode(&produce_request_desc, CLIENT_VERSION, &request, out);
}

static void lane_send(struct lane *lane)
{
    struct wire_out out;
    struct arena arena;
    struct batch_builder builder;
    wire_out_init(&out);
    arena_init(&arena, SIZE_MAX);
    batch_builder_init(&builder, COMPRESS_NONE);
    int err = lane_build(lane, &out, &arena, &builder);
    ASSERT(err == 0);
    uint8_t *frame = mem_alloc(wire_out_size(&out));
    size_t len = 0;
    size_t cursor = 0;
    struct env_chunk chunk;
    while (wire_out_next(&out, &cursor, &chunk)) {
        memcpy(frame + len, chunk.data, chunk.len);
        len += chunk.len;
    }
    err = frame_conn_send_copy(lane->conn, frame, len);
    ASSERT(err == 0);
    mem_free(frame);
    wire_out_close(&out);
    arena_close(&arena);
    batch_builder_close(&builder);
    lane->waiting = true;
    env_timer_start(&lane->timer, CLIENT_TIMEOUT_MS);
}

static void lane_acked(struct lane *lane, int64_t offset)
{
    map_put_u64(&lane->acked, (uint64_t)offset, (void *)(uintptr_t)(lane->first + 1));
    lane->acked_count++;
}

static void lane_frame(void *data, uint8_t *bytes, size_t len)
{
    struct lane *lane = data;
    struct response_header header;
    struct produce_response response;
    struct arena arena;
    size_t used = 0;
    size_t body = 0;
    arena_init(&arena, SIZE_MAX);
    int err = wire_decode(&response_header_desc, 1, bytes, len, &arena, &header, &used);
    if (!err)
        err = wire_decode(&produce_response_desc, CLIENT_VERSION, bytes + used, len - used, &arena,
                          &response, &body);
    ASSERT(err == 0);
    const struct produce_response_partition_produce_response *answer =
        &response.responses.items[0].partition_responses.items[0];
    int64_t offset = answer->base_offset;
    int16_t code = answer->error_code;
    arena_close(&arena);
    lane->waiting = false;
    if (code) {
        lane_drop(lane, CLIENT_PAUSE_MS);
        return;
    }
    lane_acked(lane, offset);
    env_timer_start(&lane->timer, CLIENT_PAUSE_MS);
}

static void lane_broken(void *data, int err)
{
    (void)err;
    lane_drop(data, CLIENT_PAUSE_MS);
}

static const struct frame_handlers lane_handlers = {.frame = lane_frame, .broken = lane_broken};

static void lane_connected(void *data, int status, struct env_stream *stream)
{
    struct lane *lane = data;
    lane->connect = NULL;
    if (!status)
        status = frame_conn_new(lane->client->env, stream, 1 << 20, NULL, &lane_handlers, lane,
                                &lane->conn);
    if (status)
        lane_drop(lane, CLIENT_PAUSE_MS);
    else
        lane_send(lane);
}

static void lane_try(void *data)
{
    struct lane *lane = data;
    if (lane->waiting) {
        lane_drop(lane, CLIENT_PAUSE_MS); /* no answer: unknown */
        return;
    }
    if (!lane->client->running)
        return;
    if (lane->conn) {
        lane_send(lane);
        return;
    }
    char host[16];
    snprintf(host, sizeof(host), "n%d", lane->node);
    if (env_connect(lane->client->env, host, lane->client->port, CLIENT_TIMEOUT_MS, lane_connected,
                    lane, &lane->connect))
        lane_drop(lane, CLIENT_PAUSE_MS);
}

struct cluster_client *cluster_client_new(struct env *env, const char *topic, int partitions,
                                          int nodes, uint16_t port)
{
    struct cluster_client *client = mem_alloc(sizeof(*client));
    client->env = env;
    client->topic = mem_strdup(topic);
    client->nodes = nodes;
    client->port = port;
    client->lane_count = partitions;
    client->lanes = mem_alloc((size_t)partitions * sizeof(*client->lanes));
    for (int i = 0; i < partitions; i++) {
        struct lane *lane = &client->lanes[i];
        lane->client = client;
        lane->partition = i;
        map_init(&lane->acked);
        env_timer_init(env, &lane->timer, lane_try, lane);
    }
    return client;
}

void cluster_client_free(struct cluster_client *client)
{
    cluster_client_stop(client);
    for (int i = 0; i < client->lane_count; i++)
        map_close(&client->lanes[i].acked);
    mem_free(client->lanes);
    mem_free(client->topic);
    mem_free(client);
}

void cluster_client_start(struct cluster_client *client)
{
    client->running = true;
    for (int i = 0; i < client->lane_count; i++)
        env_timer_start(&client->lanes[i].timer, 0);
}

void cluster_client_stop(struct cluster_client *client)
{
    client->running = false;
    for (int i = 0; i < client->lane_count; i++)
        lane_drop(&client->lanes[i], 0);
}

int64_t cluster_client_acked(const struct cluster_client *client)
{
    int64_t count = 0;
    for (int i = 0; i < client->lane_count; i++)
        count += client->lanes[i].acked_count;
    return count;
}

int64_t cluster_client_acked_in(const struct cluster_client *client, int partition)
{
    return client->lanes[partition].acked_count;
}

/* The first record of a batch carries its number as text. */
static int64_t client_number(const struct batch *batch)
{
    struct record_iter iter;
    struct record record;
    struct buf scratch;
    buf_init(&scratch);
    int64_t number = -1;
    if (!batch_records(batch, 1 << 20, &scratch, &iter) && record_iter_next(&iter, &record) == 1 &&
        record.value.len > 0 && record.value.len < 20) {
        number = 0;
        for (int32_t i = 0; i < record.value.len; i++)
            number = number * 10 + (record.value.data[i] - '0');
    }
    buf_close(&scratch);
    return number;
}

bool cluster_client_check(const struct cluster_client *client, int partition,
                          const struct batch *batch, int64_t *found)
{
    uintptr_t expected =
        (uintptr_t)map_get_u64(&client->lanes[partition].acked, (uint64_t)batch->base_offset);
    if (!expected)
        return true;
    (*found)++;
    return client_number(batch) + 1 == (int64_t)expected;
}
