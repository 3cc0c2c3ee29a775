/* Replicas that are moved while everything else happens to the cluster: the rules of cluster_test
 * hold, and when the faults end every move ends too. The environment is that of cluster_test
 * (README.md). */
#include "../unit/tap.h"

#include <stdlib.h>

#include "cluster_seed.h"

enum { SEEDS = 200, TXN_SEEDS = 60 };

static void moves_lose_nothing_and_end(void)
{
    struct cluster_seed_outcome outcome = {0};
    cluster_seed_set_program("reassign_test", "+reassign");
    CHECK_INT(cluster_seed_run_many(SEEDS, &outcome), 0);
    CHECK(outcome.acked > 0 || getenv("SIM_SEED"));
}

/* The same with transactional producers, and moves of the coordinators' topics. */
static void transactions_survive_moves(void)
{
    struct cluster_seed_outcome outcome = {0};
    if (getenv("SIM_SEED"))
        return; /* SIM_FAULTS=+reassign cluster_txn_test replays it */
    cluster_seed_set_transactions("cluster_txn_test");
    CHECK_INT(cluster_seed_run_many(TXN_SEEDS, &outcome), 0);
    CHECK(outcome.acked > 0);
}

TAP_MAIN(TAP_TEST(moves_lose_nothing_and_end), TAP_TEST(transactions_survive_moves))
