/* Transactions under faults: whole clusters from many seeds, with transactional producers, zombies
 * among them, and a reader of committed records. The rules beside those of cluster_test: a
 * transaction is there whole or not at all, once, and never before its commit was asked for; nobody
 * is fenced whom nobody fences; when the faults end, every transaction does. The environment is
 * that of cluster_test (README.md). */
#include "../unit/tap.h"

#include <stdlib.h>

#include "cluster_seed.h"

enum { SEEDS = 500 };

static void transactions_are_whole_or_not_at_all(void)
{
    struct cluster_seed_outcome outcome = {0};
    cluster_seed_set_transactions("cluster_txn_test");
    CHECK_INT(cluster_seed_run_many(SEEDS, &outcome), 0);
    CHECK(outcome.ended > 0 || getenv("SIM_SEED"));
}

TAP_MAIN(TAP_TEST(transactions_are_whole_or_not_at_all))
