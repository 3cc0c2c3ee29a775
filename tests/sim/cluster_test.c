/* Safety and liveness under faults: whole clusters from many seeds (T-23, T-24). What the
 * environment says is told in README.md: SIM_SEEDS, SIM_FIRST, SIM_SEED, SIM_MODE, SIM_FAULTS. */
#include "../unit/tap.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cluster.h"
#include "cluster_faults.h"

enum {
    SEEDS = 2000,
    READY_MS = 10000,
    LIVE_MS = 8000,
    WHOLE_MS = 30000,
    FAULTS_LIVE = 10, /* in a run whose end must be whole, */
    FAULTS_SAFETY = 24, /* and in one that has no end */
    FAILED_MAX = 5
};

enum mode { MODE_BY_SEED, MODE_SAFETY, MODE_LIVE };
static const char *const mode_names[] = {"by-seed", "safety", "live"};

static struct {
    enum mode mode;
    const char *faults;
    bool tell;
} settings;

struct outcome {
    uint64_t hash;
    int64_t acked;
    int64_t faults;
};

static enum mode seed_mode(uint64_t seed)
{
    if (settings.mode != MODE_BY_SEED)
        return settings.mode;
    return seed % 3 == 0 ? MODE_SAFETY : MODE_LIVE;
}

static void seed_replay(uint64_t seed, char *out, size_t room)
{
    snprintf(out, room, "SIM_SEED=%" PRIu64 " SIM_MODE=%s%s%s build/tests/sim/cluster_test", seed,
             mode_names[seed_mode(seed)], settings.faults ? " SIM_FAULTS=" : "",
             settings.faults ? settings.faults : "");
}

static char replay_now[512];

/* An assertion of the code under test: says from which seed it came. */
static void died(int signum)
{
    static const char before[] = "# replay: ";
    ssize_t rc = write(STDOUT_FILENO, before, sizeof(before) - 1);
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

static bool seed_course(struct cluster *cluster, struct cluster_faults *faults, enum mode mode)
{
    struct sim *sim = cluster_sim(cluster);
    int count = mode == MODE_SAFETY ? FAULTS_SAFETY : FAULTS_LIVE;
    if (!cluster_ready(cluster, READY_MS))
        return false;
    cluster_start_clients(cluster, CLUSTER_CLIENTS);
    for (int i = 0; i < count; i++)
        if (!cluster_run(cluster, seed_wait_ms(sim)) || !cluster_fault(faults) ||
            !cluster_check_logs(cluster))
            return false;
    if (mode == MODE_SAFETY)
        return cluster_check_seen(cluster);
    return cluster_finish(cluster, LIVE_MS, WHOLE_MS);
}

/* Runs one seed; prints the problem and returns false when a rule is broken. */
static bool seed_run(uint64_t seed, struct outcome *outcome)
{
    static const int64_t pauses_ms[8] = {20, 40, 80, 80, 80, 160, 160, 320};
    struct cluster_options options = {.seed = seed,
                                      .min_insync = 1 + (int)(seed % 2),
                                      .pause_ms = pauses_ms[seed / 2 % 8],
                                      .dirs = seed / 16 % 4 == 0 ? 2 : 1,
                                      .tell = settings.tell};
    seed_replay(seed, replay_now, sizeof(replay_now));
    struct cluster *cluster = cluster_new(&options);
    struct cluster_faults *faults = cluster_faults_new(cluster, settings.faults);
    bool ok = faults && seed_course(cluster, faults, seed_mode(seed));
    outcome->hash = sim_trace_hash(cluster_sim(cluster));
    outcome->acked += cluster_acked(cluster, -1);
    outcome->faults += faults ? cluster_faults_count(faults) : 0;
    if (!ok)
        printf("# seed %" PRIu64 ": %s\n# replay: %s\n", seed,
               faults ? cluster_problem(cluster) : "SIM_FAULTS names a fault that is not there",
               replay_now);
    cluster_faults_free(faults);
    cluster_free(cluster);
    return ok;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void settle(void)
{
    const char *mode = getenv("SIM_MODE");
    settings.faults = getenv("SIM_FAULTS");
    settings.tell = getenv("SIM_SEED") != NULL;
    for (int i = 0; mode && i < 3; i++)
        if (strcmp(mode, mode_names[i]) == 0)
            settings.mode = (enum mode)i;
    signal(SIGABRT, died);
    signal(SIGSEGV, died);
}

static void faults_lose_nothing(void)
{
    uint64_t first = number_of("SIM_FIRST", 1);
    uint64_t seeds = number_of("SIM_SEEDS", SEEDS);
    struct outcome outcome = {0};
    int failed = 0;
    uint64_t ran = 0;
    settle();
    if (settings.tell) {
        cluster_faults_list();
        CHECK(seed_run(number_of("SIM_SEED", 0), &outcome));
        return;
    }
    for (; ran < seeds && failed < FAILED_MAX; ran++)
        failed += !seed_run(first + ran, &outcome);
    if (!getenv("SIM_FIRST"))
        failed += !seed_run((uint64_t)time(NULL), &outcome);
    printf("# seeds %" PRIu64 " to %" PRIu64 ": %" PRId64 " faults, %" PRId64
           " batches acknowledged\n",
           first, first + ran - 1, outcome.faults, outcome.acked);
    CHECK_INT(failed, 0);
    CHECK(outcome.acked > 0);
}

static void one_seed_gives_one_trace(void)
{
    struct outcome first = {0}, second = {0};
    if (getenv("SIM_SEED"))
        return; /* only that one */
    settle();
    CHECK(seed_run(7, &first));
    CHECK(seed_run(7, &second));
    CHECK(first.hash == second.hash);
}

TAP_MAIN(TAP_TEST(one_seed_gives_one_trace), TAP_TEST(faults_lose_nothing))
