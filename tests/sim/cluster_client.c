/* The writer of a simulated cluster.
 *
 * For each partition there is a lane with a line of its own: it tries a broker, sends Produce, and
 * on "not leader", an error or silence goes to the next broker. So it needs no metadata. */
#include "cluster_client.h"

#include <stdio.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "cluster.h"
#include "cluster_line.h"
#include "kafka/batch.h"
#include "tests/lib/batch_maker.h"

enum { CLIENT_RECORDS = 3 /* in a batch */ };

struct lane {
    struct cluster_client *client;
    struct cluster_line line;
    struct env_timer pause; /* between batches */
    int partition;
    int64_t first;    /* number of the first record of the batch on its way */
    struct map acked; /* offset + 1 of the first record -> number + 1, as pointers */
    int64_t acked_count;
};

struct cluster_client {
    struct cluster *cluster;
    struct env *env;
    int16_t acks;
    int large; /* bytes of the next batch's last value; 0 = an ordinary batch */
    int64_t next;
    struct lane lanes[CLUSTER_PARTITIONS];
};

static void lane_answered(void *data, int err, struct client_answer *answer)
{
    struct lane *lane = data;
    if (!err) {
        const struct produce_response *response = answer->response;
        const struct produce_response_partition_produce_response *item =
            &response->responses.items[0].partition_responses.items[0];
        err = item->error_code;
        if (!err) {
            if (lane->client->acks == PARTITION_ACKS_ALL)
                cluster_acknowledged(lane->client->cluster, lane->partition, item->base_offset);
            map_put_u64(&lane->acked, (uint64_t)item->base_offset,
                        (void *)(uintptr_t)(lane->first + 1));
            lane->acked_count++;
        }
    }
    client_answer_free(answer);
    if (err)
        cluster_line_next(&lane->line);
    else
        env_timer_start(&lane->pause, *lane->line.pause_ms);
}

static struct buf lane_build(struct lane *lane)
{
    char texts[CLIENT_RECORDS][32];
    struct batch_record records[CLIENT_RECORDS + 1];
    int64_t now_ms = env_wall_ms(lane->client->env);
    int32_t large = (int32_t)lane->client->large;
    lane->first = lane->client->next;
    for (int i = 0; i < CLIENT_RECORDS; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%lld", (long long)lane->client->next++);
        records[i] = (struct batch_record){WIRE_BYTES_NULL, batch_text(texts[i]), now_ms, 0};
    }
    uint8_t *bytes = mem_alloc((size_t)large + 1);
    records[CLIENT_RECORDS] = (struct batch_record){WIRE_BYTES_NULL, {bytes, large}, now_ms, 0};
    struct buf batch = batch_make((struct batch_spec){
        .count = CLIENT_RECORDS + (large > 0), .leader_epoch = -1, .records = records});
    mem_free(bytes);
    lane->client->large = 0;
    return batch;
}

static void lane_send(void *data)
{
    struct lane *lane = data;
    int16_t acks = lane->client->acks;
    struct arena arena;
    struct produce_request request;
    struct buf batch = lane_build(lane);
    arena_init(&arena, SIZE_MAX);
    cluster_line_produce(&arena, &request, lane->partition, acks, CLUSTER_LINE_TIMEOUT_MS,
                         batch.data, batch.len);
    cluster_line_send(&lane->line, KAFKA_API_PRODUCE, CLUSTER_PRODUCE_VERSION, &request,
                      acks ? lane_answered : NULL, lane);
    arena_close(&arena);
    buf_close(&batch);
    if (!acks && lane->line.usable)
        env_timer_start(&lane->pause, *lane->line.pause_ms * 4);
}

struct cluster_client *cluster_client_new(struct cluster *cluster, struct env *env,
                                          const int64_t *pause_ms, int16_t acks)
{
    struct cluster_client *client = mem_alloc(sizeof(*client));
    client->cluster = cluster;
    client->env = env;
    client->acks = acks;
    for (int i = 0; i < CLUSTER_PARTITIONS; i++) {
        struct lane *lane = &client->lanes[i];
        lane->client = client;
        lane->partition = i;
        map_init(&lane->acked);
        cluster_line_init(&lane->line, env, pause_ms, 0, lane_send, lane);
        env_timer_init(env, &lane->pause, lane_send, lane);
    }
    return client;
}

void cluster_client_enlarge(struct cluster_client *client, int bytes)
{
    client->large = bytes;
}

void cluster_client_free(struct cluster_client *client)
{
    if (!client)
        return;
    cluster_client_stop(client);
    for (int i = 0; i < CLUSTER_PARTITIONS; i++)
        map_close(&client->lanes[i].acked);
    mem_free(client);
}

void cluster_client_start(struct cluster_client *client)
{
    for (int i = 0; i < CLUSTER_PARTITIONS; i++)
        cluster_line_open(&client->lanes[i].line);
}

void cluster_client_stop(struct cluster_client *client)
{
    for (int i = 0; i < CLUSTER_PARTITIONS; i++) {
        cluster_line_close(&client->lanes[i].line);
        env_timer_stop(&client->lanes[i].pause);
    }
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
    return !batch_has_producer(batch) && client_number(batch) + 1 == (int64_t)expected;
}
