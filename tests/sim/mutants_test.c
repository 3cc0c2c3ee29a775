/* Bugs on purpose (base/mutation.h), each of which some seed must catch: `make mutants`. In the
 * plain build there is nothing to switch on, and the test is skipped.
 *
 * Environment: MUTANT (only the one of that name), MUTANT_SEEDS (at most so many for each, 10000).
 * Each runs in a process of its own, since an assertion of the code may be what catches it. */
#include <stdio.h>

#ifndef MUTANTS

int main(void)
{
    printf("1..0 # SKIP built without mutations: make mutants\n");
    return 0;
}

#else

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mutation.h"
#include "cluster_seed.h"

static const struct mutant {
    const char *name;
    const char *text;
} mutants[] = {{"none", ""},
#define MUTANT_ROW(name, text) {#name, text},
               MUTATION_TABLE(MUTANT_ROW)};

/* Bugs that only shows who does this often enough; NULL = the faults of every seed. */
static const char *mutant_faults(enum mutation mutation)
{
    switch (mutation) {
    case MUTATION_MARK_UNCHECKED:
    case MUTATION_MARK_UNOPENED:
    case MUTATION_MARK_KEPT:
        return "power,power-at,restart,crash,stop,stop-all,end-stop,start-stop";
    case MUTATION_GAP_ACCEPTED:
        return "elect-back,kill,restart,heal";
    case MUTATION_EXPIRY_BY_WALL_CLOCK:
        return "clock,kill,restart,power";
    case MUTATION_CLOSED_IN_USE:
        return "kill,restart,cut,heal,slow-disk,large,descriptors";
    case MUTATION_DELETE_BY_NAME:
        return "restart,create,delete";
    case MUTATION_OLDER_DISK_TRUSTED:
    case MUTATION_OLDER_DISK_PROVES:
        return "kill,power,restart,older-disk";
    case MUTATION_EMPTIED_LEADS:
        return "kill,power,restart,crash,new-disks";
    case MUTATION_CLOSED_LOG_LEADS:
    case MUTATION_LOST_IS_EMPTY:
        return "kill,power,power-at,restart,crash,lose-folder,lose-all,empty-dir";
    case MUTATION_VOTE_UNSYNCED:
        return "power,power-at,restart,crash,cut,heal,slow-disk,vote";
    case MUTATION_CRASHED_ELIGIBLE:
        return "kill,restart,crash,back-up,restore";
    case MUTATION_MOVE_KEEPS_EPOCH:
        return "kill,restart,cut,heal,slow-disk,reassign";
    case MUTATION_TXN_STALE_REFUSALS:
        return "pause,cut,heal";
    case MUTATION_FAILED_SYNC_TRUSTED:
    case MUTATION_FLUSH_ERROR_IGNORED:
        return "kill,power,restart,crash,io,sync";
    default:
        return getenv("SIM_FAULTS");
    }
}

/* Those of which only transactional producers see anything. */
static bool mutant_is_of_transactions(enum mutation mutation)
{
    return mutation >= MUTATION_TXN_UNVERIFIED && mutation <= MUTATION_TXN_ABORTED_FORGOTTEN;
}

static uint64_t mutant_seeds(void)
{
    const char *text = getenv("MUTANT_SEEDS");
    return text ? strtoull(text, NULL, 10) : 10000;
}

/* The child: seeds until one fails. */
static _Noreturn void mutant_live(enum mutation mutation, int out)
{
    struct cluster_seed_outcome outcome = {0};
    uint64_t seed = 1;
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    setvbuf(stdout, NULL, _IOLBF, 0);
    mutation_now = mutation;
    cluster_seed_init();
    cluster_seed_set_faults(mutant_faults(mutation));
    if (mutant_is_of_transactions(mutation))
        cluster_seed_set_transactions("mutants_test");
    if (mutation == MUTATION_CRASHED_ELIGIBLE || mutation == MUTATION_WATERMARK_NOT_HELD)
        cluster_seed_set_eligible();
    while (seed <= mutant_seeds() && cluster_seed_run(seed, &outcome))
        seed++;
    exit(seed <= mutant_seeds());
}

/* Passes the child's lines on, and keeps the one that tells the rule. */
static void mutant_listen(int in, char *rule, size_t room)
{
    char line[1024];
    FILE *lines = fdopen(in, "r");
    rule[0] = 0;
    while (lines && fgets(line, sizeof(line), lines)) {
        line[strcspn(line, "\n")] = 0;
        printf("%s%s\n", line[0] == '#' ? "" : "# ", line);
        if (!rule[0])
            snprintf(rule, room, "%.160s", line[0] == '#' ? line + 2 : line);
    }
    if (lines)
        fclose(lines);
}

static int mutant_run(enum mutation mutation, int number)
{
    int ends[2], status = 0;
    char rule[200];
    fflush(stdout);
    if (pipe(ends))
        return 1;
    pid_t child = fork();
    if (child == 0)
        mutant_live(mutation, ends[1]);
    close(ends[1]);
    mutant_listen(ends[0], rule, sizeof(rule));
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    bool caught = rule[0] != 0;
    printf("%sok %d - %s: %s: %s\n", caught ? "" : "not ", number, mutants[mutation].name,
           mutants[mutation].text, caught ? rule : "not caught");
    return !caught;
}

int main(void)
{
    const char *only = getenv("MUTANT");
    int failed = 0, number = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < MUTATION_COUNT; i++)
        if (!only || strcmp(only, mutants[i].name) == 0)
            failed += mutant_run((enum mutation)i, ++number);
    printf("1..%d\n", number);
    return failed > 0 || number == 0;
}

#endif
