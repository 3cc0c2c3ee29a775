/* Safety under faults: whole clusters from many seeds (T-23, T-24). Environment: SIM_SEEDS (how
 * many, 1000), SIM_SEED (only this one, with a trace of the faults), SIM_VERBOSE (logs of the
 * nodes). */
#include "../unit/tap.h"

#include <stdlib.h>
#include <time.h>

#include "cluster.h"

enum {
    SEEDS = 1000,
    READY_MS = 10000,
    LIVE_MS = 5000,
    WHOLE_MS = 30000,
    FAULTS = 8 /* in a run */
};

static void fault_tell(const char *what, int node)
{
    if (getenv("SIM_SEED"))
        printf("# fault: %s %d\n", what, node);
}

/* All at once, and two of them, by chance which, come back. */
static void crash(struct cluster *cluster)
{
    struct sim *sim = cluster_sim(cluster);
    bool power = sim_random(sim) % 2 == 0;
    int missing = (int)(sim_random(sim) % CLUSTER_NODES);
    fault_tell(power ? "power cut of all, who stays down:" : "crash of all, who stays down:",
               missing);
    for (int i = 0; i < CLUSTER_NODES; i++)
        cluster_kill(cluster, i, power);
    for (int i = 0; i < CLUSTER_NODES; i++)
        if (i != missing)
            cluster_restart(cluster, i);
}

/* One fault by chance. Never are more than two nodes down for long, so that there is something to
 * check. */
static void fault(struct cluster *cluster)
{
    struct sim *sim = cluster_sim(cluster);
    int node = (int)(sim_random(sim) % CLUSTER_NODES);
    int other = (node + 1 + (int)(sim_random(sim) % (CLUSTER_NODES - 1))) % CLUSTER_NODES;
    int up = 0;
    for (int i = 0; i < CLUSTER_NODES; i++)
        up += cluster_is_up(cluster, i);
    switch (sim_random(sim) % 11) {
    case 0:
    case 1:
    case 2:
        if (up > 1) {
            fault_tell("kill", node);
            cluster_kill(cluster, node, false);
        }
        break;
    case 3:
        if (up > 1) {
            fault_tell("power cut", node);
            cluster_kill(cluster, node, true);
        }
        break;
    case 4:
    case 5:
    case 6:
        fault_tell("restart", node);
        cluster_restart(cluster, node);
        break;
    case 7:
        fault_tell("cut", node);
        sim_cut(sim, cluster_node(cluster, node), cluster_node(cluster, other),
                sim_random(sim) % 2 == 0);
        break;
    case 8:
        fault_tell("heal", -1);
        sim_heal_all(sim);
        break;
    case 9:
        if (cluster_is_up(cluster, node)) {
            fault_tell("pause", node);
            sim_node_pause(cluster_node(cluster, node), (int64_t)(sim_random(sim) % 3000) * 1000);
        }
        break;
    case 10:
        crash(cluster);
        break;
    }
}

/* Runs one seed; prints the problem and returns false when a rule is broken. */
static bool run_seed(uint64_t seed, uint64_t *hash, int64_t *acked)
{
    static const int64_t pauses_ms[8] = {20, 20, 40, 40, 80, 80, 80, 160};
    struct cluster_options options = {.seed = seed,
                                      .min_insync = 1 + (int)(seed % 2),
                                      .pause_ms = pauses_ms[seed / 2 % 8]};
    struct cluster *cluster = cluster_new(&options);
    bool ok = cluster_ready(cluster, READY_MS);
    cluster_start_clients(cluster, CLUSTER_CLIENTS);
    for (int i = 0; ok && i < FAULTS; i++) {
        ok = cluster_run(cluster, 20 + (int64_t)(sim_random(cluster_sim(cluster)) % 600));
        fault(cluster);
        ok = ok && cluster_check_logs(cluster);
    }
    ok = ok && cluster_finish(cluster, LIVE_MS, WHOLE_MS);
    *hash = sim_trace_hash(cluster_sim(cluster));
    *acked += cluster_acked(cluster, -1);
    if (!ok)
        printf("# seed %llu: %s\n", (unsigned long long)seed, cluster_problem(cluster));
    cluster_free(cluster);
    return ok;
}

static void faults_lose_nothing(void)
{
    const char *only = getenv("SIM_SEED");
    const char *count = getenv("SIM_SEEDS");
    uint64_t seeds = count ? strtoull(count, NULL, 10) : SEEDS;
    int64_t acked = 0;
    uint64_t hash;
    int failed = 0;
    if (only) {
        CHECK(run_seed(strtoull(only, NULL, 10), &hash, &acked));
        return;
    }
    for (uint64_t seed = 1; seed <= seeds && failed < 5; seed++)
        failed += !run_seed(seed, &hash, &acked);
    uint64_t fresh = (uint64_t)time(NULL);
    printf("# fresh seed %llu\n", (unsigned long long)fresh);
    failed += !run_seed(fresh, &hash, &acked);
    printf("# %llu seeds, %lld batches acknowledged\n", (unsigned long long)seeds,
           (long long)acked);
    CHECK_INT(failed, 0);
    CHECK(acked > 0);
}

static void one_seed_gives_one_trace(void)
{
    uint64_t first, second;
    int64_t acked = 0;
    CHECK(run_seed(7, &first, &acked));
    CHECK(run_seed(7, &second, &acked));
    CHECK(first == second);
}

TAP_MAIN(TAP_TEST(one_seed_gives_one_trace), TAP_TEST(faults_lose_nothing))
