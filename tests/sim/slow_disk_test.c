/* Disks on which every read of what is not in memory takes long, as of an archive that spins:
 * the loop of a broker never waits for one, whoever reads what. The longest turn is measured in
 * virtual time. Environment: SIM_SEEDS (how many, 20). */
#include "../unit/tap.h"

#include <stdlib.h>

#include "cluster.h"

enum {
    SEEDS = 20,
    READY_MS = 10000,
    LIVE_MS = 5000,
    WHOLE_MS = 30000,
    WRITE_MS = 1500, /* more batches than a log remembers the places of */
    COLD_US = 30000, /* of one read */
    READ_MS = 3000,
    TURN_US = 5000 /* what a turn may stand still for: a sync of a small file */
};

static uint64_t seeds(void)
{
    const char *count = getenv("SIM_SEEDS");
    return count ? strtoull(count, NULL, 10) : SEEDS;
}

static void chill(struct cluster *cluster, int64_t us)
{
    for (int i = 0; i < CLUSTER_NODES; i++)
        sim_disk_chill(cluster_node(cluster, i), us);
}

/* The first reader comes when nothing of the logs is in memory, and writers go on beside it. */
static bool run_cold(uint64_t seed, uint64_t *reads)
{
    struct cluster_options options = {.seed = seed, .min_insync = 2};
    struct cluster *cluster = cluster_new(&options);
    bool ok = cluster_ready(cluster, READY_MS);
    cluster_start_clients(cluster, CLUSTER_WRITER | CLUSTER_PRODUCER);
    ok = ok && cluster_run(cluster, WRITE_MS);
    chill(cluster, COLD_US);
    cluster_start_clients(cluster, CLUSTER_CONSUMER);
    ok = ok && cluster_run(cluster, READ_MS);
    for (int i = 0; i < CLUSTER_NODES; i++) {
        int64_t stood_us = sim_disk_stood_us(cluster_node(cluster, i));
        *reads += sim_disk_cold_reads(cluster_node(cluster, i));
        if (stood_us > TURN_US)
            printf("# seed %llu: the loop of node %d stood still for %lld us\n",
                   (unsigned long long)seed, i, (long long)stood_us);
        ok = ok && stood_us <= TURN_US;
    }
    chill(cluster, 0);
    if (!ok || !cluster_finish(cluster, LIVE_MS, WHOLE_MS)) {
        printf("# seed %llu: %s\n", (unsigned long long)seed, cluster_problem(cluster));
        ok = false;
    }
    cluster_free(cluster);
    return ok;
}

static void no_turn_waits_for_a_cold_read(void)
{
    int failed = 0;
    uint64_t reads = 0;
    for (uint64_t seed = 1; seed <= seeds() / 3 + 2 && failed < 5; seed++)
        failed += !run_cold(seed, &reads);
    CHECK_INT(failed, 0);
    CHECK(reads > 0);
}

TAP_MAIN(TAP_TEST(no_turn_waits_for_a_cold_read))
