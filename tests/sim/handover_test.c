/* A broker that stops hands its partitions over and tells its clients. One whose produce was under
 * way hears at once who leads now, may ask for metadata on the same connection, and is let go right
 * after; one that has not asked for anything is let go last. Environment: SIM_SEEDS (how many, 50).
 */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/err.h"
#include "broker/broker.h"
#include "cluster.h"
#include "cluster_line.h"
#include "kafka/batch.h"
#include "kafka/client_conn.h"
#include "kafka/messages/metadata.h"
#include "tests/lib/batch_maker.h"

enum {
    SEEDS = 50,
    READY_MS = 10000,
    WAIT_MS = 5000,
    PAUSE_MS = 1000, /* of a follower: shorter than its session, longer than the hand-over */
    BEFORE_MS = 5,   /* a produce is waiting for that follower by then */
    ASK_MS = 4,      /* the client thinks; the answer then takes longer than it is kept otherwise */
    LATENCY_US = 200,
    AFTER_MS = 20, /* the others are let go no earlier after the one that was told */
    WHOLE_MS = 30000,
    PRODUCE_VERSION = 10,
    METADATA_VERSION = 12
};

struct teller {
    struct cluster *cluster;
    int leader, paused; /* nodes */
    struct client_conn *asking, *idle;
    struct env_timer pause;
    int ready;
    int produced; /* wire code; -1 = not answered */
    int32_t named, epoch, endpoint;
    int32_t metadata_leader; /* -2 = not answered */
};

static void teller_ready(void *data, int err)
{
    struct teller *teller = data;
    CHECK_INT(err, 0);
    teller->ready++;
}

static void teller_dial(struct teller *teller, struct client_conn **conn)
{
    char host[16];
    snprintf(host, sizeof(host), "n%d", teller->leader);
    struct client_conn_config config = {.host = host,
                                        .port = CLUSTER_BROKER_PORT,
                                        .client_id = "sim",
                                        .timeout_ms = WAIT_MS,
                                        .frame_max = 1 << 20};
    CHECK_INT(
        client_conn_new(cluster_client_env(teller->cluster), &config, teller_ready, teller, conn),
        0);
}

static void teller_told_metadata(void *data, int err, struct client_answer *answer)
{
    struct teller *teller = data;
    const struct metadata_response *response = answer->response;
    teller->metadata_leader = err ? -1 : response->topics.items[0].partitions.items[0].leader_id;
    client_answer_free(answer);
}

static void teller_ask(void *data)
{
    struct teller *teller = data;
    struct arena arena;
    struct metadata_request request;
    arena_init(&arena, SIZE_MAX);
    wire_defaults(&metadata_request_desc, &request);
    struct metadata_request_metadata_request_topic *topic =
        WIRE_ARRAY(&arena, &request.topics, 1, &metadata_request_metadata_request_topic_desc);
    CHECK(topic != NULL);
    topic->name = wire_str_from(cluster_topic);
    CHECK_INT(client_conn_send(teller->asking, KAFKA_API_METADATA, METADATA_VERSION, &request,
                               WAIT_MS, teller_told_metadata, teller),
              0);
    arena_close(&arena);
}

static void teller_told(void *data, int err, struct client_answer *answer)
{
    struct teller *teller = data;
    const struct produce_response *response = answer->response;
    CHECK_INT(err, 0);
    if (!err) {
        const struct produce_response_partition_produce_response *item =
            &response->responses.items[0].partition_responses.items[0];
        teller->produced = item->error_code;
        teller->named = item->current_leader.leader_id;
        teller->epoch = item->current_leader.leader_epoch;
        if (response->node_endpoints.count == 1)
            teller->endpoint = response->node_endpoints.items[0].node_id;
        env_timer_start(&teller->pause, ASK_MS);
    }
    client_answer_free(answer);
}

static void teller_produce(struct teller *teller)
{
    struct arena arena;
    struct produce_request request;
    struct buf batch = batch_make((struct batch_spec){.count = 1, .value = "told", .timestamp = 1});
    arena_init(&arena, SIZE_MAX);
    cluster_line_produce(&arena, &request, 0, PARTITION_ACKS_ALL, WAIT_MS, batch.data, batch.len);
    CHECK_INT(client_conn_send(teller->asking, KAFKA_API_PRODUCE, PRODUCE_VERSION, &request,
                               WAIT_MS, teller_told, teller),
              0);
    arena_close(&arena);
    buf_close(&batch);
}

/* Nobody who is needed for the hand-over is paused. */
static void teller_choose(struct teller *teller)
{
    teller->leader = cluster_leader(teller->cluster, 0);
    for (int i = 0; i < CLUSTER_NODES; i++)
        if (i != teller->leader && i != cluster_active(teller->cluster))
            teller->paused = i;
}

static bool until(struct teller *teller, bool (*reached)(const struct teller *))
{
    int64_t limit_us = sim_now_us(cluster_sim(teller->cluster)) + WAIT_MS * 1000;
    while (!reached(teller) && sim_now_us(cluster_sim(teller->cluster)) < limit_us)
        if (!cluster_step(teller->cluster))
            return false;
    return reached(teller);
}

static bool both_are_ready(const struct teller *teller)
{
    return teller->ready == 2;
}

static bool one_is_let_go(const struct teller *teller)
{
    return !client_conn_usable(teller->asking) || !client_conn_usable(teller->idle);
}

static bool all_are_let_go(const struct teller *teller)
{
    return !client_conn_usable(teller->asking) && !client_conn_usable(teller->idle);
}

static void check_told(const struct teller *teller)
{
    const struct image_partition *newest = cluster_newest(teller->cluster, 0);
    CHECK_INT(teller->produced, err_to_wire(ERR_NOT_LEADER_OR_FOLLOWER));
    CHECK(newest->leader != teller->leader);
    CHECK_INT(teller->named, newest->leader);
    CHECK_INT(teller->epoch, newest->leader_epoch);
    CHECK_INT(teller->endpoint, newest->leader);
    CHECK_INT(teller->metadata_leader, newest->leader);
    CHECK(!client_conn_usable(teller->asking));
    CHECK(client_conn_usable(teller->idle));
}

static void run_handover(uint64_t seed)
{
    struct cluster_options options = {.seed = seed, .min_insync = 2};
    struct cluster *cluster = cluster_new(&options);
    struct teller teller = {
        .cluster = cluster, .produced = -1, .named = -1, .endpoint = -1, .metadata_leader = -2};
    CHECK(cluster_ready(cluster, READY_MS));
    sim_set_latency(cluster_sim(cluster), LATENCY_US / 2, LATENCY_US, 0, 0);
    env_timer_init(cluster_client_env(cluster), &teller.pause, teller_ask, &teller);
    teller_choose(&teller);
    teller_dial(&teller, &teller.asking);
    teller_dial(&teller, &teller.idle);
    CHECK(until(&teller, both_are_ready));
    cluster_pause(cluster, teller.paused, PAUSE_MS);
    teller_produce(&teller);
    CHECK(cluster_run(cluster, BEFORE_MS));
    CHECK_INT(teller.produced, -1);
    cluster_stop(cluster, teller.leader);
    CHECK(until(&teller, one_is_let_go));
    check_told(&teller);
    CHECK(cluster_run(cluster, AFTER_MS));
    CHECK(client_conn_usable(teller.idle));
    CHECK(until(&teller, all_are_let_go));
    client_conn_close(teller.asking);
    client_conn_close(teller.idle);
    CHECK(cluster_finish(cluster, 0, WHOLE_MS));
    if (cluster_problem(cluster)[0])
        printf("# seed %llu: %s\n", (unsigned long long)seed, cluster_problem(cluster));
    cluster_free(cluster);
}

static void who_was_told_is_let_go_first(void)
{
    const char *count = getenv("SIM_SEEDS");
    uint64_t seeds = count ? strtoull(count, NULL, 10) : SEEDS;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        if (getenv("SIM_VERBOSE"))
            printf("# seed %llu\n", (unsigned long long)seed);
        run_handover(seed);
    }
}

TAP_MAIN(TAP_TEST(who_was_told_is_let_go_first))
