/* The idempotent producer of a simulated cluster.
 *
 * Happy path: InitProducerId once, then batches, five in flight on one connection. Failure modes:
 * any error or silence, then all that is not acknowledged goes to the next broker again, from the
 * first on. An answer that breaks the rules of sequences is kept as a problem. */
#include "cluster_producer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "cluster.h"
#include "cluster_line.h"
#include "kafka/batch.h"
#include "kafka/messages/init_producer_id.h"
#include "tests/lib/batch_maker.h"

enum {
    PRODUCER_IN_FLIGHT = 5,
    PRODUCER_RECORDS = 2, /* in a batch */
    PRODUCER_ID_VERSION = 4
};

struct producer_lane;

struct flight {
    struct producer_lane *lane;
    int64_t number;
    bool sent;  /* on this connection */
    bool acked; /* an earlier one is not */
};

struct producer_lane {
    struct cluster_producer *producer;
    struct cluster_line line;
    struct env_timer pump;
    int partition;
    int64_t id;    /* -1 = not given yet */
    int64_t first; /* number of the first batch without acknowledgement */
    int64_t next;  /* of the next batch to be made */
    bool draining;
    struct flight flights[PRODUCER_IN_FLIGHT]; /* by number */
    struct map acked;                          /* number + 1 -> base offset + 1, as pointers */
    const char *problem;
};

struct cluster_producer {
    struct cluster *cluster;
    struct env *env;
    struct producer_lane lanes[CLUSTER_PARTITIONS];
};

static struct flight *lane_flight(struct producer_lane *lane, int64_t number)
{
    return &lane->flights[number % PRODUCER_IN_FLIGHT];
}

static void lane_move_on(struct producer_lane *lane)
{
    env_timer_stop(&lane->pump);
    for (int i = 0; i < PRODUCER_IN_FLIGHT; i++)
        lane->flights[i].sent = false;
    cluster_line_next(&lane->line);
}

/* ---- answers ---- */

static void lane_took(struct producer_lane *lane, struct flight *flight, int64_t offset)
{
    void *known =
        map_put_u64(&lane->acked, (uint64_t)flight->number + 1, (void *)(uintptr_t)(offset + 1));
    if (known && (int64_t)(uintptr_t)known != offset + 1)
        lane->problem = "one batch was acknowledged at two offsets";
    cluster_acknowledged(lane->producer->cluster, lane->partition, offset);
    flight->acked = true;
    while (lane->first < lane->next && lane_flight(lane, lane->first)->acked)
        lane->first++;
    if (!env_timer_running(&lane->pump))
        env_timer_start(&lane->pump, *lane->line.pause_ms);
}

static void flight_answered(void *data, int err, struct client_answer *answer)
{
    struct flight *flight = data;
    struct producer_lane *lane = flight->lane;
    int64_t offset = -1;
    if (!err) {
        const struct produce_response *response = answer->response;
        const struct produce_response_partition_produce_response *item =
            &response->responses.items[0].partition_responses.items[0];
        err = err_from_wire(item->error_code);
        offset = item->base_offset;
    }
    client_answer_free(answer);
    if (!err) {
        lane_took(lane, flight, offset);
        return;
    }
    if (getenv("SIM_VERBOSE"))
        printf("# producer %d: number %lld first %lld err %d %s\n", lane->partition,
               (long long)flight->number, (long long)lane->first, err, err_text(err));
    /* What is acknowledged is never lost, so the first batch that is not always fits. A leader that
     * was cut off and has not heard of its successors knows less, and may say so. */
    if (flight->number == lane->first &&
        cluster_leads_last(lane->producer->cluster, lane->partition, lane->line.node) &&
        (err == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER || err == ERR_DUPLICATE_SEQUENCE_NUMBER ||
         err == ERR_INVALID_PRODUCER_EPOCH))
        lane->problem = "the next batch in order was refused as out of order";
    if (err == ERR_UNKNOWN_TOPIC_OR_PARTITION)
        lane->problem = "a broker said that there is no such topic";
    /* Refused for good: a batch behind it may have been taken meanwhile as the first of its
     * producer. Kafka's clients go on under a new epoch then, and so with new sequences. */
    if (err == ERR_INVALID_TIMESTAMP && lane->acked.count == 0)
        lane->id = -1;
    lane_move_on(lane);
}

static void lane_pump(void *data);

static void lane_identified(void *data, int err, struct client_answer *answer)
{
    struct producer_lane *lane = data;
    if (!err) {
        const struct init_producer_id_response *response = answer->response;
        err = response->error_code;
        if (!err)
            lane->id = response->producer_id;
    }
    client_answer_free(answer);
    if (err)
        lane_move_on(lane);
    else
        lane_pump(lane);
}

/* ---- sending ---- */

static void lane_identify(struct producer_lane *lane)
{
    struct init_producer_id_request request;
    wire_defaults(&init_producer_id_request_desc, &request);
    request.transactional_id = WIRE_STR_NULL;
    cluster_line_send(&lane->line, KAFKA_API_INIT_PRODUCER_ID, PRODUCER_ID_VERSION, &request,
                      lane_identified, lane);
}

static struct buf flight_build(const struct flight *flight)
{
    char value[32];
    snprintf(value, sizeof(value), "p%lld", (long long)flight->number);
    return batch_make((struct batch_spec){.count = PRODUCER_RECORDS,
                                          .value = value,
                                          .timestamp = env_wall_ms(flight->lane->producer->env),
                                          .producer_id = flight->lane->id,
                                          .idempotent = true,
                                          .sequence = (int32_t)(flight->number * PRODUCER_RECORDS),
                                          .leader_epoch = -1});
}

static void flight_send(struct flight *flight)
{
    struct producer_lane *lane = flight->lane;
    struct arena arena;
    struct produce_request request;
    struct buf batch = flight_build(flight);
    arena_init(&arena, SIZE_MAX);
    cluster_line_produce(&arena, &request, lane->partition, PARTITION_ACKS_ALL,
                         CLUSTER_LINE_TIMEOUT_MS, batch.data, batch.len);
    flight->sent = true;
    cluster_line_send(&lane->line, KAFKA_API_PRODUCE, CLUSTER_PRODUCE_VERSION, &request,
                      flight_answered, flight);
    arena_close(&arena);
    buf_close(&batch);
}

static void lane_pump(void *data)
{
    struct producer_lane *lane = data;
    while (!lane->draining && lane->next - lane->first < PRODUCER_IN_FLIGHT) {
        struct flight *flight = lane_flight(lane, lane->next);
        *flight = (struct flight){.lane = lane, .number = lane->next};
        lane->next++;
    }
    for (int64_t number = lane->first; number < lane->next; number++) {
        struct flight *flight = lane_flight(lane, number);
        if (flight->acked || flight->sent)
            continue;
        flight_send(flight);
        if (!lane->line.usable) {
            lane_move_on(lane);
            return;
        }
    }
}

static void lane_ready(void *data)
{
    struct producer_lane *lane = data;
    for (int i = 0; i < PRODUCER_IN_FLIGHT; i++)
        lane->flights[i].sent = false;
    if (lane->id < 0)
        lane_identify(lane);
    else
        lane_pump(lane);
}

/* ---- life ---- */

struct cluster_producer *cluster_producer_new(struct cluster *cluster, struct env *env,
                                              const int64_t *pause_ms)
{
    struct cluster_producer *producer = mem_alloc(sizeof(*producer));
    producer->cluster = cluster;
    producer->env = env;
    for (int i = 0; i < CLUSTER_PARTITIONS; i++) {
        struct producer_lane *lane = &producer->lanes[i];
        lane->producer = producer;
        lane->partition = i;
        lane->id = -1;
        map_init(&lane->acked);
        cluster_line_init(&lane->line, env, pause_ms, i % CLUSTER_NODES, lane_ready, lane);
        env_timer_init(env, &lane->pump, lane_pump, lane);
    }
    return producer;
}

void cluster_producer_free(struct cluster_producer *producer)
{
    if (!producer)
        return;
    cluster_producer_stop(producer);
    for (int i = 0; i < CLUSTER_PARTITIONS; i++)
        map_close(&producer->lanes[i].acked);
    mem_free(producer);
}

void cluster_producer_start(struct cluster_producer *producer)
{
    for (int i = 0; i < CLUSTER_PARTITIONS; i++)
        cluster_line_open(&producer->lanes[i].line);
}

void cluster_producer_drain(struct cluster_producer *producer)
{
    for (int i = 0; i < CLUSTER_PARTITIONS; i++)
        producer->lanes[i].draining = true;
}

bool cluster_producer_idle(const struct cluster_producer *producer)
{
    for (int i = 0; i < CLUSTER_PARTITIONS; i++)
        if (producer->lanes[i].first < producer->lanes[i].next)
            return false;
    return true;
}

void cluster_producer_stop(struct cluster_producer *producer)
{
    for (int i = 0; i < CLUSTER_PARTITIONS; i++) {
        cluster_line_close(&producer->lanes[i].line);
        env_timer_stop(&producer->lanes[i].pump);
    }
}

int64_t cluster_producer_acked_in(const struct cluster_producer *producer, int partition)
{
    return producer->lanes[partition].first;
}

/* ---- checks ---- */

bool cluster_producer_check(const struct cluster_producer *producer, int partition,
                            const struct batch *batch, struct cluster_producer_tally *tally)
{
    const struct producer_lane *lane = &producer->lanes[partition];
    if (lane->id < 0 || batch->producer_id != lane->id)
        return true;
    int64_t number = batch->base_sequence / PRODUCER_RECORDS;
    uintptr_t offset = (uintptr_t)map_get_u64(&lane->acked, (uint64_t)number + 1);
    if (number < tally->next)
        tally->problem = "a batch is there twice, or out of order";
    else if (number > tally->next)
        tally->problem = "a batch is missing";
    else if (offset && (int64_t)offset != batch->base_offset + 1)
        tally->problem = "a batch is not at the offset that was answered";
    tally->next = number + 1;
    return !tally->problem;
}

bool cluster_producer_whole(const struct cluster_producer *producer, int partition,
                            struct cluster_producer_tally *tally)
{
    const struct producer_lane *lane = &producer->lanes[partition];
    if (!tally->problem)
        tally->problem = lane->problem;
    if (!tally->problem && tally->next < lane->first)
        tally->problem = "acknowledged batches at the end are missing";
    return !tally->problem;
}
