/* One seed of a whole cluster under faults: its settings, its faults, its end (README.md). */
#ifndef SIM_CLUSTER_SEED_H
#define SIM_CLUSTER_SEED_H

#include <stdbool.h>
#include <stdint.h>

struct cluster_seed_outcome {
    uint64_t hash;
    int64_t acked; /* this and the others are added up */
    int64_t ended; /* transactions */
    int64_t faults;
};

/* Reads SIM_MODE and SIM_FAULTS, and has an assertion of the code under test tell the seed. */
void cluster_seed_init(void);
/* Prints what happens, in words. */
void cluster_seed_tell(void);
/* Transactional producers run, in few seeds beside other ones; `program` is told in how to replay.
 */
void cluster_seed_set_transactions(const char *program);
/* As SIM_ELIGIBLE. */
void cluster_seed_set_eligible(void);
/* As SIM_FAULTS. */
void cluster_seed_set_faults(const char *names);
/* Another driver, which has these faults where SIM_FAULTS names none. */
void cluster_seed_set_program(const char *program, const char *faults);
/* Runs one seed; prints the problem and how to replay it, and returns false, when a rule is broken.
 */
bool cluster_seed_run(uint64_t seed, struct cluster_seed_outcome *outcome);
/* What SIM_SEED, or SIM_FIRST and SIM_SEEDS (`seeds` without it), ask for, and one more seed from
 * the clock; prints the totals. How many failed: it ends at five. */
int cluster_seed_run_many(uint64_t seeds, struct cluster_seed_outcome *outcome);

#endif
