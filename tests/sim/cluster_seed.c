/* One seed of a whole cluster under faults.
 *
 * Happy path: ready, clients, waits and faults in turn, then the end that the mode asks for.
 * Failure modes: the first broken rule, or an assertion of the code under test; both say how to
 * replay. */
#include "cluster_seed.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mutation.h"
#include "cluster.h"
#include "cluster_faults.h"

enum {
    READY_MS = 10000,
    LIVE_MS = 8000,
    WHOLE_MS = 30000,
    FAULTS_LIVE = 10,   /* in a run whose end must be whole, */
    FAULTS_SAFETY = 24, /* and in one that has no end; */
    FAULTS_LIVE_FEW = 5,
    FAULTS_SAFETY_FEW = 10, /* the same of small worlds */
    SEED_FAILED_MAX = 5,
    SEED_TXN_CLIENTS = CLUSTER_TXN | CLUSTER_TOPICS,
    SEED_OTHER_CLIENTS = CLUSTER_PRODUCER | CLUSTER_NOISE
};

enum mode { MODE_BY_SEED, MODE_SAFETY, MODE_LIVE };
static const char *const mode_names[] = {"by-seed", "safety", "live"};

static struct {
    enum mode mode;
    const char *faults;
    bool tell;
    bool hashes;
    const char *program; /* that runs */
    bool transactions;
    bool eligible; /* in all seeds */
} settings = {.program = "cluster_test"};

static enum mode seed_mode(uint64_t seed)
{
    if (settings.mode != MODE_BY_SEED)
        return settings.mode;
    return seed % 3 == 0 ? MODE_SAFETY : MODE_LIVE;
}

static void seed_replay(uint64_t seed, char *out, size_t room)
{
    snprintf(out, room, "SIM_SEED=%" PRIu64 " SIM_MODE=%s%s%s%s build/tests/sim/%s", seed,
             mode_names[seed_mode(seed)], settings.eligible ? " SIM_ELIGIBLE=1" : "",
             settings.faults ? " SIM_FAULTS=" : "", settings.faults ? settings.faults : "",
             settings.program);
}

static char replay_now[512];

/* An assertion of the code under test: says from which seed it came. */
static void seed_died(int signum)
{
    static const char aborted[] = "# aborted\n# replay: ", crashed[] = "# crashed\n# replay: ";
    ssize_t rc = signum == SIGABRT ? write(STDOUT_FILENO, aborted, sizeof(aborted) - 1)
                                   : write(STDOUT_FILENO, crashed, sizeof(crashed) - 1);
    rc = write(STDOUT_FILENO, replay_now, strlen(replay_now));
    rc = write(STDOUT_FILENO, "\n", 1);
    (void)rc;
    signal(signum, SIG_DFL);
    raise(signum);
}

/* Mostly short waits, so that a fault meets what the last one began; now and then one that a
 * failover fits into. */
static int64_t seed_wait_ms(struct sim *sim)
{
    if (sim_random(sim) % 2)
        return 1 + (int64_t)(sim_random(sim) % 60);
    return 20 + (int64_t)(sim_random(sim) % 600);
}

/* How large a world is. With transactions most are small, since that finds more in the same time:
 * the batches of other clients are most of the work, and meet few of the transactions. */
struct seed_size {
    unsigned clients;
    bool few_faults;
};

static struct seed_size seed_size(uint64_t seed)
{
    unsigned draw = seed * 0x9e3779b97f4a7c15u >> 61; /* apart from the settings of a seed */
    if (!settings.transactions)
        return (struct seed_size){.clients = CLUSTER_CLIENTS};
    return (struct seed_size){.clients = SEED_TXN_CLIENTS | (draw == 0 ? SEED_OTHER_CLIENTS : 0),
                              .few_faults = draw % 4 != 0};
}

static bool seed_course(struct cluster *cluster, struct cluster_faults *faults, uint64_t seed)
{
    struct sim *sim = cluster_sim(cluster);
    struct seed_size size = seed_size(seed);
    bool safety = seed_mode(seed) == MODE_SAFETY;
    int count = size.few_faults ? (safety ? FAULTS_SAFETY_FEW : FAULTS_LIVE_FEW)
                                : (safety ? FAULTS_SAFETY : FAULTS_LIVE);
    if (!cluster_ready(cluster, READY_MS))
        return false;
    if (cluster_has_eligible(cluster))
        cluster_set_level(cluster, "eligible.leader.replicas.version", 1, 1);
    cluster_start_clients(cluster, size.clients);
    for (int i = 0; i < count; i++)
        if (!cluster_run(cluster, seed_wait_ms(sim)) || !cluster_fault(faults) ||
            !cluster_check_logs(cluster))
            return false;
    if (safety)
        return cluster_check_seen(cluster);
    return cluster_finish(cluster, LIVE_MS, WHOLE_MS);
}

/* What destroys copies waits for the in-sync sets of the one topic that other seeds have; those of
 * the coordinators' topics nobody looks at. */
static const char *seed_faults(void)
{
#define SEED_TXN_FAULTS                                                                            \
    "kill,power,power-at,restart,stop,stop-all,start-stop,end-stop,crash,vote,pause,cut,heal,"     \
    "clock,memory,slow-disk,full-disk,little-room,io,sync,descriptors,journal,move-dirs,swap,"     \
    "unregister,elect,elect-back,create,delete,level,large,calm"
    static const char txn_faults[] = SEED_TXN_FAULTS;
    static const char txn_moves[] = SEED_TXN_FAULTS ",reassign";
    if (settings.transactions && settings.faults && strcmp(settings.faults, "+reassign") == 0)
        return txn_moves;
    return settings.faults || !settings.transactions ? settings.faults : txn_faults;
}

/* Whether partitions may have two replicas in the end. */
static bool seed_has_moves(void)
{
    const char *faults = seed_faults();
    return faults && (strstr(faults, "reassign") || strcmp(faults, "all") == 0);
}

bool cluster_seed_run(uint64_t seed, struct cluster_seed_outcome *outcome)
{
    static const int64_t pauses_ms[8] = {20, 40, 80, 80, 80, 160, 160, 320};
    struct cluster_options options = {.seed = seed,
                                      .min_insync = 1 + (int)(seed % 2),
                                      .pause_ms = pauses_ms[seed / 2 % 8],
                                      .dirs = seed / 16 % 4 == 0 ? 2 : 1,
                                      .expiry = !settings.transactions,
                                      .few_files = !settings.transactions && seed / 64 % 4 == 0,
                                      .tell = settings.tell};
    if (settings.transactions)
        options.txn_timeout_ms = seed % 4 == 1 ? 1500 : 60000;
    /* A set that is too small is then nothing rare. */
    options.eligible = settings.eligible || (!settings.transactions && seed / 8 % 3 == 1);
    if (options.eligible)
        options.min_insync = seed_has_moves() ? 2 : options.min_insync + 1;
    options.late = settings.transactions && seed / 4 % 2 == 0;
    seed_replay(seed, replay_now, sizeof(replay_now));
    struct cluster *cluster = cluster_new(&options);
    struct cluster_faults *faults = cluster_faults_new(cluster, seed_faults());
    bool ok = faults && seed_course(cluster, faults, seed);
    outcome->hash = sim_trace_hash(cluster_sim(cluster));
    outcome->acked += cluster_acked(cluster, -1);
    outcome->ended += cluster_ended(cluster);
    outcome->faults += faults ? cluster_faults_count(faults) : 0;
    if (!ok)
        printf("# seed %" PRIu64 ": %s\n# replay: %s\n", seed,
               faults ? cluster_problem(cluster) : "SIM_FAULTS names a fault that is not there",
               replay_now);
    if (settings.hashes)
        printf("# seed %" PRIu64 ": trace %016" PRIx64 "\n", seed, outcome->hash);
    cluster_faults_free(faults);
    cluster_free(cluster);
    return ok;
}

void cluster_seed_init(void)
{
    const char *mode = getenv("SIM_MODE");
    if (getenv("SIM_FAULTS"))
        settings.faults = getenv("SIM_FAULTS");
    settings.hashes = getenv("SIM_HASHES") != NULL;
    settings.eligible |= getenv("SIM_ELIGIBLE") != NULL;
    for (int i = 0; mode && i < 3; i++)
        if (strcmp(mode, mode_names[i]) == 0)
            settings.mode = (enum mode)i;
    signal(SIGABRT, seed_died);
    signal(SIGSEGV, seed_died);
}

static uint64_t seed_number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

int cluster_seed_run_many(uint64_t seeds, struct cluster_seed_outcome *outcome)
{
    uint64_t first = seed_number_of("SIM_FIRST", 1);
    int failed = 0;
    uint64_t ran = 0;
    cluster_seed_init();
    if (getenv("SIM_SEED")) {
        cluster_faults_list();
        cluster_seed_tell();
        return !cluster_seed_run(seed_number_of("SIM_SEED", 0), outcome);
    }
    seeds = seed_number_of("SIM_SEEDS", seeds);
    for (; ran < seeds && failed < SEED_FAILED_MAX; ran++)
        failed += !cluster_seed_run(first + ran, outcome);
    if (!getenv("SIM_FIRST"))
        failed += !cluster_seed_run((uint64_t)time(NULL), outcome);
    printf("# seeds %" PRIu64 " to %" PRIu64 ": %" PRId64 " faults, %" PRId64
           " batches acknowledged",
           first, first + ran - 1, outcome->faults, outcome->acked);
    if (settings.transactions)
        printf(", %" PRId64 " transactions ended", outcome->ended);
    printf("\n");
    return failed;
}

void cluster_seed_set_transactions(const char *program)
{
    settings.program = program;
    settings.transactions = true;
}

void cluster_seed_set_program(const char *program, const char *faults)
{
    settings.program = program;
    settings.faults = faults;
}

void cluster_seed_tell(void)
{
    settings.tell = true;
}

void cluster_seed_set_eligible(void)
{
    settings.eligible = true;
}

void cluster_seed_set_faults(const char *names)
{
    settings.faults = names;
}

#ifdef MUTANTS
enum mutation mutation_now;
#endif
