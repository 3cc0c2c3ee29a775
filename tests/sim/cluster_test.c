/* Safety and liveness under faults: whole clusters from many seeds. What the
 * environment says is told in README.md: SIM_SEEDS, SIM_FIRST, SIM_SEED, SIM_MODE, SIM_FAULTS. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "cluster_seed.h"

enum { SEEDS = 2000 };

static void faults_lose_nothing(void)
{
    struct cluster_seed_outcome outcome = {0};
    CHECK_INT(cluster_seed_run_many(SEEDS, &outcome), 0);
    CHECK(outcome.acked > 0 || getenv("SIM_SEED"));
}

static void one_seed_gives_one_trace(void)
{
    struct cluster_seed_outcome first = {0}, second = {0};
    if (getenv("SIM_SEED"))
        return; /* only that one */
    cluster_seed_init();
    CHECK(cluster_seed_run(7, &first));
    CHECK(cluster_seed_run(7, &second));
    CHECK(first.hash == second.hash);
}

TAP_MAIN(TAP_TEST(one_seed_gives_one_trace), TAP_TEST(faults_lose_nothing))
