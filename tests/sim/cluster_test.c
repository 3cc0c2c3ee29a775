/* Safety and liveness under faults: whole clusters from many seeds. What the
 * environment says is told in README.md: SIM_SEEDS, SIM_FIRST, SIM_SEED, SIM_MODE, SIM_FAULTS. */
#include "../unit/tap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "cluster_faults.h"
#include "cluster_seed.h"

enum { SEEDS = 2000, FAILED_MAX = 5 };

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void faults_lose_nothing(void)
{
    uint64_t first = number_of("SIM_FIRST", 1);
    uint64_t seeds = number_of("SIM_SEEDS", SEEDS);
    struct cluster_seed_outcome outcome = {0};
    int failed = 0;
    uint64_t ran = 0;
    cluster_seed_init();
    if (getenv("SIM_SEED")) {
        cluster_faults_list();
        cluster_seed_tell();
        CHECK(cluster_seed_run(number_of("SIM_SEED", 0), &outcome));
        return;
    }
    for (; ran < seeds && failed < FAILED_MAX; ran++)
        failed += !cluster_seed_run(first + ran, &outcome);
    if (!getenv("SIM_FIRST"))
        failed += !cluster_seed_run((uint64_t)time(NULL), &outcome);
    printf("# seeds %" PRIu64 " to %" PRIu64 ": %" PRId64 " faults, %" PRId64
           " batches acknowledged\n",
           first, first + ran - 1, outcome.faults, outcome.acked);
    CHECK_INT(failed, 0);
    CHECK(outcome.acked > 0);
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
