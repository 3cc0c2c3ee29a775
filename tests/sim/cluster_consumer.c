/* The consumer of a simulated cluster.
 *
 * A lane reads from one broker at a time: one for each partition, whose fetches stand alone, and
 * one that reads all of them in a fetch session.
 *
 * Happy path: a fetch from the position, under the newest leader epoch that it has heard of; what
 * comes is compared with what was seen there before, or remembered. Failure modes: an error or
 * silence, then the next broker is asked; a session that the broker does not know, then a new one.
 * A position that was reached once and is out of range now, a gap, or a batch that changed is a
 * problem. */
#include "cluster_consumer.h"

#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "cluster.h"
#include "cluster_line.h"
#include "cluster_session.h"
#include "kafka/batch.h"

enum {
    CONSUMER_VERSION = 12,
    CONSUMER_WAIT_MS = 100,
    CONSUMER_BYTES = 4096, /* at most: several batches, far from all; at least: none whole */
    CONSUMER_REWIND = 24,  /* one fetch in so many goes back */
    CONSUMER_CHANGE = 8,   /* and one goes to another broker, */
    CONSUMER_STAY = 32,    /* which a session does less often: it ends then */
    CONSUMER_SPOIL = 48,   /* one in so many means a session that is not there */
    CONSUMER_FORGET = 16,  /* and one leaves a partition out, or takes it in again */
    CONSUMER_LANES = CLUSTER_PARTITIONS + 1,
    CONSUMER_CATCH_UP_MS = 2 /* between the fetches of a session that goes to the end */
};

/* A partition in a lane. */
struct consumer_part {
    bool reads;    /* the lane does at all */
    bool left_out; /* for a while */
    int64_t position;
    int64_t end;       /* of what was seen */
    int32_t epoch;     /* the newest leader epoch that was heard of */
    int32_t max_bytes; /* of an answer */
};

struct consumer_lane {
    struct cluster_consumer *consumer;
    struct cluster_line line;
    struct env_timer pause;
    struct cluster_session session;
    int32_t max_bytes; /* of a whole answer, at most */
    struct consumer_part parts[CLUSTER_PARTITIONS];
};

struct cluster_consumer {
    struct env *env;
    const char *problem;
    bool forward;
    struct map seen[CLUSTER_PARTITIONS]; /* base offset -> digest */
    int64_t seen_count[CLUSTER_PARTITIONS];
    struct consumer_lane lanes[CONSUMER_LANES];
};

static uintptr_t consumer_digest(const struct batch *batch)
{
    return ((uintptr_t)batch->crc << 32 ^ (uintptr_t)(uint32_t)batch->leader_epoch << 1 ^
            (uintptr_t)batch->size << 16) |
           1;
}

static void lane_see(struct consumer_lane *lane, int p, const struct batch *batch,
                     int64_t high_watermark)
{
    struct cluster_consumer *consumer = lane->consumer;
    struct consumer_part *part = &lane->parts[p];
    uintptr_t digest = consumer_digest(batch);
    void *known = map_get_u64(&consumer->seen[p], (uint64_t)batch->base_offset);
    if (known && (uintptr_t)known != digest)
        consumer->problem = "a consumer read another batch than the one it had read there before";
    else if (batch->base_offset > part->position)
        consumer->problem = "a consumer was shown a gap";
    else if (batch_last_offset(batch) < part->position)
        consumer->problem = "a consumer was sent what is before its position";
    else if (batch_last_offset(batch) >= high_watermark)
        consumer->problem = "a consumer was shown records past the high watermark";
    if (!known) {
        map_put_u64(&consumer->seen[p], (uint64_t)batch->base_offset, (void *)digest);
        consumer->seen_count[p]++;
    }
    if (batch->leader_epoch > part->epoch)
        part->epoch = batch->leader_epoch;
    part->position = batch_last_offset(batch) + 1;
    if (part->position > part->end)
        part->end = part->position;
}

static void lane_take(struct consumer_lane *lane, const struct fetch_response_partition_data *data)
{
    size_t at = 0;
    size_t len = data->records.len > 0 ? (size_t)data->records.len : 0;
    struct batch batch;
    while (at < len && batch_parse(data->records.data + at, len - at, &batch) == 0) {
        lane_see(lane, data->partition_index, &batch, data->high_watermark);
        at += batch.size;
    }
}

static int lane_read_partition(struct consumer_lane *lane,
                               const struct fetch_response_partition_data *data)
{
    struct consumer_part *part = &lane->parts[data->partition_index];
    int err = err_from_wire(data->error_code);
    if (data->current_leader.leader_epoch > part->epoch)
        part->epoch = data->current_leader.leader_epoch;
    if (err == ERR_OFFSET_OUT_OF_RANGE)
        lane->consumer->problem = "a position that a consumer had reached is out of range";
    if (err == ERR_UNKNOWN_TOPIC_OR_PARTITION)
        lane->consumer->problem = "a broker told a consumer that there is no such topic";
    if (!err)
        lane_take(lane, data);
    return err;
}

/* The error of the answer; what it brought is taken. */
static int lane_read(struct consumer_lane *lane, const struct fetch_response *response)
{
    int err = cluster_session_take(&lane->session, response, &lane->consumer->problem);
    if (err)
        return err;
    for (int32_t i = 0; i < response->responses.count; i++) {
        const struct fetch_response_fetchable_topic_response *topic = &response->responses.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            int failed = lane_read_partition(lane, &topic->partitions.items[j]);
            if (failed)
                err = failed;
        }
    }
    return err;
}

/* Where the next fetch goes on. */
static void lane_move(struct consumer_lane *lane)
{
    struct env *env = lane->consumer->env;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        struct consumer_part *part = &lane->parts[p];
        if (lane->consumer->forward)
            part->position = part->end;
        else if (part->reads && part->end > 0 && env_random(env) % CONSUMER_REWIND == 0)
            part->position = (int64_t)(env_random(env) % (uint64_t)part->end);
    }
}

/* A session that goes to the end stays where it is: only so does it show what it never gets. */
static bool lane_changes(const struct consumer_lane *lane)
{
    if (lane->session.kept && lane->consumer->forward)
        return false;
    return env_random(lane->consumer->env) %
               (lane->session.kept ? CONSUMER_STAY : CONSUMER_CHANGE) ==
           0;
}

static void lane_answered(void *data, int err, struct client_answer *answer)
{
    struct consumer_lane *lane = data;
    if (!err)
        err = lane_read(lane, answer->response);
    client_answer_free(answer);
    lane_move(lane);
    bool renewed = err == ERR_FETCH_SESSION_ID_NOT_FOUND || err == ERR_INVALID_FETCH_SESSION_EPOCH;
    if ((err && !renewed) || lane_changes(lane))
        cluster_line_next(&lane->line);
    else if (lane->session.kept && lane->consumer->forward)
        env_timer_start(&lane->pause, CONSUMER_CATCH_UP_MS);
    else
        env_timer_start(&lane->pause, *lane->line.pause_ms);
}

/* A session lives as long as its limits stay: what changes is named again. */
static void lane_draw(struct consumer_lane *lane)
{
    struct env *env = lane->consumer->env;
    bool anew = !lane->session.kept || lane->session.epoch == 0;
    if (anew)
        lane->max_bytes = lane->session.kept && env_random(env) % 2 ? 1 : CONSUMER_BYTES;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        struct consumer_part *part = &lane->parts[p];
        if (!part->reads)
            continue;
        if (anew)
            part->max_bytes = 1 + (int32_t)(env_random(env) % CONSUMER_BYTES);
        if (lane->consumer->forward)
            part->left_out = false;
        else if (lane->session.kept && env_random(env) % CONSUMER_FORGET == 0)
            part->left_out = !part->left_out;
    }
    if (lane->session.kept && !lane->consumer->forward && env_random(env) % CONSUMER_SPOIL == 0)
        cluster_session_spoil(&lane->session);
}

static void lane_fetch(void *data)
{
    struct consumer_lane *lane = data;
    struct cluster_want wants[CLUSTER_PARTITIONS];
    struct arena arena;
    struct fetch_request request;
    lane_draw(lane);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        const struct consumer_part *part = &lane->parts[p];
        wants[p] = (struct cluster_want){.wanted = part->reads && !part->left_out,
                                         .offset = part->position,
                                         .epoch = part->epoch,
                                         .max_bytes = part->max_bytes};
    }
    arena_init(&arena, SIZE_MAX);
    wire_defaults(&fetch_request_desc, &request);
    request.max_wait_ms = CONSUMER_WAIT_MS;
    request.min_bytes = 1;
    request.max_bytes = 1 + (int32_t)(env_random(lane->consumer->env) % (uint64_t)lane->max_bytes);
    cluster_session_ask(&lane->session, wants, &arena, &request);
    cluster_line_send(&lane->line, KAFKA_API_FETCH, CONSUMER_VERSION, &request, lane_answered,
                      lane);
    arena_close(&arena);
}

/* A connection is up. Its broker does not know the session of the last one, which a client may try
 * all the same. */
static void lane_ready(void *data)
{
    struct consumer_lane *lane = data;
    cluster_session_lost(&lane->session);
    lane_fetch(lane);
}

/* ---- life ---- */

static void lane_init(struct cluster_consumer *consumer, int i, const int64_t *pause_ms)
{
    struct consumer_lane *lane = &consumer->lanes[i];
    lane->consumer = consumer;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        lane->parts[p] =
            (struct consumer_part){.reads = i == p || i == CLUSTER_PARTITIONS, .epoch = -1};
    cluster_session_init(&lane->session, consumer->env, i == CLUSTER_PARTITIONS);
    cluster_line_init(&lane->line, consumer->env, pause_ms, i % CLUSTER_NODES, lane_ready, lane);
    env_timer_init(consumer->env, &lane->pause, lane_fetch, lane);
}

struct cluster_consumer *cluster_consumer_new(struct env *env, const int64_t *pause_ms)
{
    struct cluster_consumer *consumer = mem_alloc(sizeof(*consumer));
    consumer->env = env;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        map_init(&consumer->seen[p]);
    for (int i = 0; i < CONSUMER_LANES; i++)
        lane_init(consumer, i, pause_ms);
    return consumer;
}

void cluster_consumer_free(struct cluster_consumer *consumer)
{
    if (!consumer)
        return;
    cluster_consumer_stop(consumer);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        map_close(&consumer->seen[p]);
    mem_free(consumer);
}

void cluster_consumer_start(struct cluster_consumer *consumer)
{
    for (int i = 0; i < CONSUMER_LANES; i++)
        cluster_line_open(&consumer->lanes[i].line);
}

void cluster_consumer_stop(struct cluster_consumer *consumer)
{
    for (int i = 0; i < CONSUMER_LANES; i++) {
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
    int64_t end = INT64_MAX;
    for (int i = 0; i < CONSUMER_LANES; i++) {
        const struct consumer_part *part = &consumer->lanes[i].parts[partition];
        if (part->reads && part->end < end)
            end = part->end;
    }
    return end;
}

const char *cluster_consumer_problem(const struct cluster_consumer *consumer)
{
    return consumer->problem;
}

int64_t cluster_consumer_seen_in(const struct cluster_consumer *consumer, int partition)
{
    return consumer->seen_count[partition];
}

bool cluster_consumer_check(const struct cluster_consumer *consumer, int partition,
                            const struct batch *batch, int64_t *found)
{
    uintptr_t known =
        (uintptr_t)map_get_u64(&consumer->seen[partition], (uint64_t)batch->base_offset);
    if (!known)
        return true;
    (*found)++;
    return known == consumer_digest(batch);
}
