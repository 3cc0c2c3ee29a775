/* The consumer of a simulated cluster.
 *
 * Happy path: a fetch from the position, under the newest leader epoch that it has heard of; what
 * comes is compared with what was seen there before, or remembered. Failure modes: an error or
 * silence, then the next broker is asked. A position that was reached once and is out of range now,
 * a gap, or a batch that changed is a problem. */
#include "cluster_consumer.h"

#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "cluster.h"
#include "cluster_line.h"
#include "kafka/batch.h"
#include "kafka/messages/fetch.h"

enum {
    CONSUMER_VERSION = 12,
    CONSUMER_WAIT_MS = 100,
    CONSUMER_BYTES = 4096, /* at most: several batches, far from all; at least: none whole */
    CONSUMER_REWIND = 24,  /* one fetch in so many goes back */
    CONSUMER_CHANGE = 8    /* and one goes to another broker */
};

struct consumer_lane {
    struct cluster_consumer *consumer;
    struct cluster_line line;
    struct env_timer pause;
    int partition;
    int64_t position;
    int64_t end;     /* of what was seen */
    int32_t epoch;   /* the newest leader epoch that was heard of */
    struct map seen; /* base offset -> digest */
    int64_t seen_count;
};

struct cluster_consumer {
    struct env *env;
    const char *problem;
    bool forward;
    struct consumer_lane lanes[CLUSTER_PARTITIONS];
};

static uintptr_t consumer_digest(const struct batch *batch)
{
    return ((uintptr_t)batch->crc << 32 ^ (uintptr_t)(uint32_t)batch->leader_epoch << 1 ^
            (uintptr_t)batch->size << 16) |
           1;
}

static void lane_see(struct consumer_lane *lane, const struct batch *batch, int64_t high_watermark)
{
    struct cluster_consumer *consumer = lane->consumer;
    uintptr_t digest = consumer_digest(batch);
    void *known = map_get_u64(&lane->seen, (uint64_t)batch->base_offset);
    if (known && (uintptr_t)known != digest)
        consumer->problem = "a consumer read another batch than the one it had read there before";
    else if (batch->base_offset > lane->position)
        consumer->problem = "a consumer was shown a gap";
    else if (batch_last_offset(batch) >= high_watermark)
        consumer->problem = "a consumer was shown records past the high watermark";
    if (!known) {
        map_put_u64(&lane->seen, (uint64_t)batch->base_offset, (void *)digest);
        lane->seen_count++;
    }
    if (batch->leader_epoch > lane->epoch)
        lane->epoch = batch->leader_epoch;
    lane->position = batch_last_offset(batch) + 1;
    if (lane->position > lane->end)
        lane->end = lane->position;
}

static void lane_take(struct consumer_lane *lane, const struct fetch_response_partition_data *data)
{
    size_t at = 0;
    size_t len = data->records.len > 0 ? (size_t)data->records.len : 0;
    struct batch batch;
    while (at < len && batch_parse(data->records.data + at, len - at, &batch) == 0) {
        lane_see(lane, &batch, data->high_watermark);
        at += batch.size;
    }
}

/* The error of the answer; what it brought is taken. */
static int lane_read(struct consumer_lane *lane, const struct fetch_response *response)
{
    if (response->error_code)
        return err_from_wire(response->error_code);
    if (response->responses.count != 1 || response->responses.items[0].partitions.count != 1) {
        lane->consumer->problem = "an answer to a full fetch leaves out a partition";
        return ERR_UNKNOWN_SERVER_ERROR;
    }
    const struct fetch_response_partition_data *data =
        &response->responses.items[0].partitions.items[0];
    int err = err_from_wire(data->error_code);
    if (data->current_leader.leader_epoch > lane->epoch)
        lane->epoch = data->current_leader.leader_epoch;
    if (err == ERR_OFFSET_OUT_OF_RANGE)
        lane->consumer->problem = "a position that a consumer had reached is out of range";
    if (err == ERR_UNKNOWN_TOPIC_OR_PARTITION)
        lane->consumer->problem = "a broker told a consumer that there is no such topic";
    if (!err)
        lane_take(lane, data);
    return err;
}

static void lane_answered(void *data, int err, struct client_answer *answer)
{
    struct consumer_lane *lane = data;
    struct env *env = lane->consumer->env;
    if (!err)
        err = lane_read(lane, answer->response);
    client_answer_free(answer);
    if (lane->consumer->forward)
        lane->position = lane->end;
    else if (lane->end > 0 && env_random(env) % CONSUMER_REWIND == 0)
        lane->position = (int64_t)(env_random(env) % (uint64_t)lane->end);
    if (err || env_random(env) % CONSUMER_CHANGE == 0)
        cluster_line_next(&lane->line);
    else
        env_timer_start(&lane->pause, *lane->line.pause_ms);
}

static void lane_fetch(void *data)
{
    struct consumer_lane *lane = data;
    struct arena arena;
    struct fetch_request request;
    arena_init(&arena, SIZE_MAX);
    wire_defaults(&fetch_request_desc, &request);
    request.max_wait_ms = CONSUMER_WAIT_MS;
    request.min_bytes = 1;
    request.session_epoch = -1;
    struct fetch_request_fetch_topic *topic =
        WIRE_ARRAY(&arena, &request.topics, 1, &fetch_request_fetch_topic_desc);
    ASSERT(topic);
    struct fetch_request_fetch_partition *partition =
        WIRE_ARRAY(&arena, &topic->partitions, 1, &fetch_request_fetch_partition_desc);
    ASSERT(partition);
    topic->topic = wire_str_from(cluster_topic);
    partition->partition = lane->partition;
    partition->current_leader_epoch = lane->epoch;
    partition->fetch_offset = lane->position;
    uint64_t limits = env_random(lane->consumer->env);
    partition->partition_max_bytes = 1 + (int32_t)(limits % CONSUMER_BYTES);
    request.max_bytes = 1 + (int32_t)(limits / CONSUMER_BYTES % CONSUMER_BYTES);
    cluster_line_send(&lane->line, KAFKA_API_FETCH, CONSUMER_VERSION, &request, lane_answered,
                      lane);
    arena_close(&arena);
}

/* ---- life ---- */

struct cluster_consumer *cluster_consumer_new(struct env *env, const int64_t *pause_ms)
{
    struct cluster_consumer *consumer = mem_alloc(sizeof(*consumer));
    consumer->env = env;
    for (int i = 0; i < CLUSTER_PARTITIONS; i++) {
        struct consumer_lane *lane = &consumer->lanes[i];
        lane->consumer = consumer;
        lane->partition = i;
        lane->epoch = -1;
        map_init(&lane->seen);
        cluster_line_init(&lane->line, env, pause_ms, i % CLUSTER_NODES, lane_fetch, lane);
        env_timer_init(env, &lane->pause, lane_fetch, lane);
    }
    return consumer;
}

void cluster_consumer_free(struct cluster_consumer *consumer)
{
    if (!consumer)
        return;
    cluster_consumer_stop(consumer);
    for (int i = 0; i < CLUSTER_PARTITIONS; i++)
        map_close(&consumer->lanes[i].seen);
    mem_free(consumer);
}

void cluster_consumer_start(struct cluster_consumer *consumer)
{
    for (int i = 0; i < CLUSTER_PARTITIONS; i++)
        cluster_line_open(&consumer->lanes[i].line);
}

void cluster_consumer_stop(struct cluster_consumer *consumer)
{
    for (int i = 0; i < CLUSTER_PARTITIONS; i++) {
        cluster_line_close(&consumer->lanes[i].line);
        env_timer_stop(&consumer->lanes[i].pause);
    }
}

void cluster_consumer_catch_up(struct cluster_consumer *consumer)
{
    consumer->forward = true;
}

int64_t cluster_consumer_end(const struct cluster_consumer *consumer, int partition)
{
    return consumer->lanes[partition].end;
}

const char *cluster_consumer_problem(const struct cluster_consumer *consumer)
{
    return consumer->problem;
}

int64_t cluster_consumer_seen_in(const struct cluster_consumer *consumer, int partition)
{
    return consumer->lanes[partition].seen_count;
}

bool cluster_consumer_check(const struct cluster_consumer *consumer, int partition,
                            const struct batch *batch, int64_t *found)
{
    uintptr_t known =
        (uintptr_t)map_get_u64(&consumer->lanes[partition].seen, (uint64_t)batch->base_offset);
    if (!known)
        return true;
    (*found)++;
    return known == consumer_digest(batch);
}
