/* An answer that is held back until its leader leads no more. It carries a record that nobody else
 * has; before it arrives, one of the followers is elected, and the other one follows that. What
 * comes late changes neither log, and the old leader cuts the record. Environment: SIM_SEEDS (how
 * many, 40). */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/err.h"
#include "broker/replica/partition.h"
#include "cluster.h"
#include "cluster_line.h"
#include "kafka/batch.h"
#include "tests/lib/batch_maker.h"

enum {
    SEEDS = 40,
    READY_MS = 10000,
    WAIT_MS = 5000,
    LATE_US = 500000, /* what was held back has come by then */
    WHOLE_US = 30000000,
    YIELD_MS = 300,
    YIELD_TRIES = 20,
    QUIET_MS = 300 /* all fetches wait at the leader by then */
};

struct stale {
    struct cluster *cluster;
    int old, first, third; /* who leads, who is elected, who only follows */
    struct cluster_line line;
    int64_t pause_ms;
    bool written;
};

static bool stale_until(struct stale *stale, bool (*reached)(struct stale *))
{
    int64_t limit_us = sim_now_us(cluster_sim(stale->cluster)) + WAIT_MS * 1000;
    while (!reached(stale))
        if (sim_now_us(cluster_sim(stale->cluster)) > limit_us || !cluster_step(stale->cluster))
            return false;
    return true;
}

/* ---- the record that only the old leader has ---- */

static void stale_produced(void *data, int err, struct client_answer *answer)
{
    struct stale *stale = data;
    const struct produce_response *response = answer->response;
    if (!err)
        err = response->responses.items[0].partition_responses.items[0].error_code;
    stale->written = !err;
    client_answer_free(answer);
}

static void stale_produce(void *data)
{
    struct stale *stale = data;
    struct arena arena;
    struct produce_request request;
    struct buf batch = batch_make((struct batch_spec){.count = 1, .value = "late", .timestamp = 1});
    arena_init(&arena, SIZE_MAX);
    cluster_line_produce(&arena, &request, 0, 1, WAIT_MS, batch.data, batch.len);
    cluster_line_send(&stale->line, KAFKA_API_PRODUCE, CLUSTER_PRODUCE_VERSION, &request,
                      stale_produced, stale);
    arena_close(&arena);
    buf_close(&batch);
}

static bool stale_is_written(struct stale *stale)
{
    return stale->written;
}

/* ---- the course ---- */

static bool stale_is_whole(struct stale *stale)
{
    for (int i = 0; i < CLUSTER_NODES; i++)
        cluster_restart(stale->cluster, i);
    return cluster_is_full(stale->cluster) && cluster_is_whole(stale->cluster);
}

static bool stale_has_moved(struct stale *stale)
{
    const struct image_partition *newest = cluster_newest(stale->cluster, 0);
    return newest && newest->leader >= 0 && newest->leader != stale->first;
}

/* One leads both partitions, and not the first replica: its followers keep their lines to it when
 * the first partition moves. The active controller is another. */
static bool stale_begin(struct stale *stale)
{
    struct cluster *cluster = stale->cluster;
    if (!cluster_ready(cluster, READY_MS))
        return false;
    stale->first = cluster_newest(cluster, 0)->replicas.ids[0];
    cluster_kill(cluster, stale->first, false);
    if (!stale_until(stale, stale_has_moved) || !stale_until(stale, stale_is_whole))
        return false;
    stale->old = cluster_leader(cluster, 0);
    stale->third = CLUSTER_NODES - stale->first - stale->old;
    for (int i = 0; i < YIELD_TRIES && cluster_active(cluster) != stale->third; i++)
        if (!cluster_yield(cluster, cluster_active(cluster), YIELD_MS))
            return false;
    return cluster_leader(cluster, 1) == stale->old && cluster_active(cluster) == stale->third &&
           stale->old != stale->first && cluster_run(cluster, QUIET_MS);
}

static bool stale_leads_anew(struct stale *stale)
{
    struct partition *leader = cluster_partition(stale->cluster, stale->first, 0);
    struct partition *follower = cluster_partition(stale->cluster, stale->third, 0);
    return leader && follower && partition_state(leader) == PARTITION_LEADER &&
           partition_leader(follower) == stale->first;
}

static bool stale_elect(struct stale *stale)
{
    cluster_elect(stale->cluster, 0, false);
    return stale_until(stale, stale_leads_anew);
}

/* 1 = the logs of the two stayed as they were, 0 = not so, -1 = it did not come to that. */
static int stale_course(struct stale *stale)
{
    struct cluster *cluster = stale->cluster;
    struct sim *sim = cluster_sim(cluster);
    if (!stale_begin(stale))
        return -1;
    int64_t end = cluster_end(cluster, stale->old, 0);
    sim_cut(sim, cluster_node(cluster, stale->old), cluster_node(cluster, stale->first), false);
    sim_cut(sim, cluster_node(cluster, stale->old), cluster_node(cluster, stale->third), false);
    cluster_disturb(cluster, true);
    stale->line.node = stale->old;
    cluster_line_open(&stale->line);
    if (!stale_until(stale, stale_is_written) || cluster_end(cluster, stale->old, 0) == end ||
        !stale_elect(stale))
        return -1;
    sim_heal_all(sim);
    bool same = true;
    int64_t healed_us = sim_now_us(sim);
    while (same && (sim_now_us(sim) < healed_us + LATE_US || !stale_is_whole(stale))) {
        if (sim_now_us(sim) > healed_us + WHOLE_US || !cluster_step(cluster))
            return 0;
        same = cluster_end(cluster, stale->first, 0) == end &&
               cluster_end(cluster, stale->third, 0) == end;
    }
    return same && cluster_end(cluster, stale->old, 0) == end;
}

static int stale_run(uint64_t seed)
{
    struct cluster_options options = {.seed = seed, .min_insync = 1};
    struct stale stale = {.cluster = cluster_new(&options), .pause_ms = 1};
    cluster_line_init(&stale.line, cluster_client_env(stale.cluster), &stale.pause_ms, 0,
                      stale_produce, &stale);
    int result = stale_course(&stale);
    if (cluster_problem(stale.cluster)[0])
        result = 0;
    if (!result)
        printf("# seed %llu: a late answer was taken: %s\n", (unsigned long long)seed,
               cluster_problem(stale.cluster)[0] ? cluster_problem(stale.cluster)
                                                 : "a log has changed");
    cluster_line_close(&stale.line);
    cluster_free(stale.cluster);
    return result;
}

static void a_late_answer_changes_nothing(void)
{
    const char *text = getenv("SIM_SEEDS");
    uint64_t seeds = text ? strtoull(text, NULL, 10) : SEEDS;
    int failed = 0, came = 0;
    for (uint64_t seed = 1; seed <= seeds && failed < 5; seed++) {
        int result = stale_run(seed);
        failed += result == 0;
        came += result > 0;
    }
    printf("# %d of %d seeds came to it\n", came, (int)seeds);
    CHECK_INT(failed, 0);
    CHECK(came >= (int)seeds / 3);
}

TAP_MAIN(TAP_TEST(a_late_answer_changes_nothing))
