/* Replicas that can't serve: a log that is damaged in the middle, and a log directory whose disk
 * fails while the broker lives. The controller must hear of it, another replica must lead, and
 * nothing that was acknowledged may be lost. Environment: SIM_SEEDS (how many, 100). */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/err.h"
#include "broker/broker.h"
#include "broker/log/log.h"
#include "cluster.h"
#include "kafka/batch.h"
#include "tests/lib/batch_maker.h"

enum {
    SEEDS = 100,
    READY_MS = 10000,
    LIVE_MS = 5000,
    WHOLE_MS = 30000,
    WRITE_MS = 300,     /* of writing before the fault */
    NOTICE_MS = 2000,   /* until another leads */
    STALL_MS = 6000,    /* several sessions */
    REFUSED_MS = 14000, /* until a broker takes the refusal of an older term for the last word */
    MARK_MS = 6000,     /* in which a broker has written how far it has come in the metadata */
    IDLE_LAG_MS = 600,
    IDLE_SYNC_US = 20000, /* far below the lag, and long enough to be met by a timer */
    IDLE_RECORDS = 40,
    FLUSH_MS = 500, /* of a slow disk */
    MEANWHILE_MS = 100,
    CALL_MAX_US = 20, /* of the simulated disk as it is by default */
    SLOW_US = 100000  /* a call of a disk on which a log takes longer to open than a start waits */
};

static uint64_t seeds(void)
{
    const char *count = getenv("SIM_SEEDS");
    return count ? strtoull(count, NULL, 10) : SEEDS;
}

static bool well(struct cluster *cluster, uint64_t seed, bool ok)
{
    if (!ok)
        printf("# seed %llu: %s\n", (unsigned long long)seed, cluster_problem(cluster));
    return ok;
}

static void kill_all(struct cluster *cluster)
{
    for (int i = 0; i < CLUSTER_NODES; i++)
        cluster_kill(cluster, i, false);
}

/* Flips a bit in the first records of the partition's replica on the node, which is up. */
static bool damage(struct cluster *cluster, int node, int p)
{
    struct log_slice slice;
    struct partition *partition = cluster_partition(cluster, node, p);
    if (!partition || !partition_log(partition) ||
        log_read(partition_log(partition), 2, 1, cluster_end(cluster, node, p), true, &slice))
        return false;
    uint64_t position = slice.position + slice.len - 1;
    log_slice_release(&slice);
    char path[64];
    snprintf(path, sizeof(path), "/data/%s-%d/00000000000000000000.log", cluster_topic, p);
    return sim_disk_flip(cluster_node(cluster, node), path, position) == 0;
}

static void set_slow(struct cluster *cluster, int64_t call_us)
{
    for (int i = 0; i < CLUSTER_NODES; i++)
        sim_disk_set_call_us(cluster_node(cluster, i), call_us);
}

/* All die at once, one of them with a damaged log: whoever is first to come back, that one does not
 * lead, and is whole again in the end. On slow disks the damage is found when the broker already
 * serves. */
static bool run_damage(uint64_t seed, bool slow)
{
    struct cluster_options options = {.seed = seed, .min_insync = 1 + (int)(seed % 2)};
    struct cluster *cluster = cluster_new(&options);
    int node = (int)(seed % CLUSTER_NODES);
    bool ok = cluster_ready(cluster, READY_MS);
    cluster_start_clients(cluster, CLUSTER_WRITER | CLUSTER_PRODUCER);
    ok = ok && cluster_run(cluster, WRITE_MS) && damage(cluster, node, 0);
    kill_all(cluster);
    if (slow)
        set_slow(cluster, SLOW_US);
    cluster_restart(cluster, node); /* first, with one other */
    cluster_restart(cluster, (node + 1) % CLUSTER_NODES);
    ok = ok && cluster_run(cluster, (int64_t)(sim_random(cluster_sim(cluster)) % NOTICE_MS));
    if (slow)
        ok = ok && cluster_run(cluster, NOTICE_MS);
    set_slow(cluster, CALL_MAX_US);
    ok = ok && cluster_finish(cluster, LIVE_MS, WHOLE_MS);
    ok = well(cluster, seed, ok);
    cluster_free(cluster);
    return ok;
}

static void run_damages(bool slow)
{
    int failed = 0;
    for (uint64_t seed = 1; seed <= seeds() && failed < 5; seed++)
        failed += !run_damage(seed, slow);
    CHECK_INT(failed, 0);
}

static void a_damaged_replica_leads_no_more(void)
{
    run_damages(false);
}

static void a_log_that_opens_slowly_leads_nothing(void)
{
    run_damages(true);
}

static bool is_offline(const struct cluster *cluster, int p, int node)
{
    const struct image_partition *record = cluster_newest(cluster, p);
    return record && image_ids_have(&record->offline, node);
}

/* Both partitions go on without the node whose disk failed. */
static bool goes_on(struct cluster *cluster, int node)
{
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        int64_t acked = cluster_acked(cluster, p);
        for (int64_t ms = 0; ms < NOTICE_MS && cluster_acked(cluster, p) <= acked + 10; ms += 10)
            if (!cluster_run(cluster, 10))
                return false;
        if (cluster_acked(cluster, p) <= acked + 10) {
            printf("# partition %d does not go on, led by %d, offline at %d: %d\n", p,
                   cluster_leader(cluster, p), node, is_offline(cluster, p, node));
            return false;
        }
    }
    return true;
}

/* One of two directories fails on a broker that leads. It goes on with the other one. */
static bool run_directory(uint64_t seed, int *offline)
{
    struct cluster_options options = {.seed = seed, .min_insync = 2, .dirs = 2, .quits = true};
    struct cluster *cluster = cluster_new(&options);
    bool ok = cluster_ready(cluster, READY_MS);
    cluster_start_clients(cluster, CLUSTER_WRITER | CLUSTER_PRODUCER);
    ok = ok && cluster_run(cluster, WRITE_MS);
    int node = ok ? cluster_leader(cluster, 0) : 0;
    sim_disk_fail_sync(cluster_node(cluster, node));
    ok = ok && cluster_run(cluster, NOTICE_MS) && goes_on(cluster, node);
    for (int p = 0; ok && p < CLUSTER_PARTITIONS; p++)
        *offline += is_offline(cluster, p, node) && cluster_leader(cluster, p) != node;
    cluster_kill(cluster, node, false); /* a new disk: the directory is read again */
    ok = ok && cluster_finish(cluster, LIVE_MS, WHOLE_MS);
    for (int p = 0; ok && p < CLUSTER_PARTITIONS; p++)
        ok = !is_offline(cluster, p, node);
    ok = well(cluster, seed, ok);
    cluster_free(cluster);
    return ok;
}

static void a_failed_directory_hands_over(void)
{
    int failed = 0, offline = 0;
    for (uint64_t seed = 1; seed <= seeds() && failed < 5; seed++)
        failed += !run_directory(seed, &offline);
    CHECK_INT(failed, 0);
    CHECK(offline > 0);
}

/* A leader stands still until another one leads in its place, and wakes. What it finds in its
 * sockets comes before the news: nothing of it is served or acknowledged under the old epoch. */
static bool run_stall(uint64_t seed, int *woken)
{
    struct cluster_options options = {.seed = seed, .min_insync = 2};
    struct cluster *cluster = cluster_new(&options);
    bool ok = cluster_ready(cluster, READY_MS);
    cluster_start_clients(cluster, CLUSTER_WRITER | CLUSTER_PRODUCER | CLUSTER_NOISE);
    ok = ok && cluster_run(cluster, WRITE_MS);
    int node = ok ? cluster_leader(cluster, 0) : 0;
    cluster_pause(cluster, node, STALL_MS);
    int64_t until_us = sim_now_us(cluster_sim(cluster)) + STALL_MS * 1000;
    ok = ok && cluster_run(cluster, STALL_MS - 10);
    for (bool led = true; ok && led;) {
        struct partition *partition = cluster_partition(cluster, node, 0);
        const struct image_partition *newest = cluster_newest(cluster, 0);
        led = partition_state(partition) == PARTITION_LEADER &&
              newest->leader_epoch > partition_leader_epoch(partition);
        if (led && partition_check_append(partition, PARTITION_ACKS_LEADER) == 0) {
            printf("# seed %llu: node %d takes records in epoch %d, node %d leads in %d\n",
                   (unsigned long long)seed, node, partition_leader_epoch(partition),
                   newest->leader, newest->leader_epoch);
            ok = false;
        }
        *woken += led && sim_now_us(cluster_sim(cluster)) >= until_us;
        ok = ok && cluster_step(cluster);
    }
    ok = ok && cluster_finish(cluster, LIVE_MS, WHOLE_MS);
    ok = well(cluster, seed, ok);
    cluster_free(cluster);
    return ok;
}

static void a_leader_that_stood_still_serves_nothing(void)
{
    int failed = 0, woken = 0;
    for (uint64_t seed = 1; seed <= seeds() / 4 + 1 && failed < 5; seed++)
        failed += !run_stall(seed, &woken);
    CHECK_INT(failed, 0);
    CHECK(woken > 0);
}

/* Right after an election the leader does not know yet what is committed: it must not say that
 * there is no such record. */
static bool run_election(uint64_t seed, int *waited)
{
    enum { LATEST = -1, MAX_TIMESTAMP = -3 };
    struct cluster_options options = {.seed = seed, .min_insync = 2};
    struct cluster *cluster = cluster_new(&options);
    bool ok = cluster_ready(cluster, READY_MS);
    cluster_start_clients(cluster, CLUSTER_WRITER | CLUSTER_PRODUCER);
    ok = ok && cluster_run(cluster, WRITE_MS);
    int old = ok ? cluster_leader(cluster, 0) : 0;
    cluster_kill(cluster, old, false);
    int64_t end_us = sim_now_us(cluster_sim(cluster)) + NOTICE_MS * 1000;
    while (ok && sim_now_us(cluster_sim(cluster)) < end_us) {
        struct partition_offset found;
        struct log_lookup lookup;
        int node = cluster_leader(cluster, 0);
        struct partition *partition =
            node >= 0 && node != old ? cluster_partition(cluster, node, 0) : NULL;
        if (partition && partition_find_offset(partition, -1, LATEST, false, &lookup, &found) ==
                             ERR_OFFSET_NOT_AVAILABLE) {
            (*waited)++;
            int err = partition_find_offset(partition, -1, MAX_TIMESTAMP, false, &lookup, &found);
            CHECK(err == ERR_OFFSET_NOT_AVAILABLE || (!err && found.offset >= 0));
            CHECK_INT(partition_find_offset(partition, -1, INT64_MAX, false, &lookup, &found),
                      ERR_OFFSET_NOT_AVAILABLE);
            CHECK_INT(partition_find_offset(partition, -1, 0, false, &lookup, &found), 0);
        }
        ok = cluster_step(cluster);
    }
    ok = ok && cluster_finish(cluster, LIVE_MS, WHOLE_MS);
    ok = well(cluster, seed, ok);
    cluster_free(cluster);
    return ok;
}

static void offsets_wait_for_the_high_watermark(void)
{
    int failed = 0, waited = 0;
    for (uint64_t seed = 1; seed <= seeds() / 10 + 1 && failed < 5; seed++)
        failed += !run_election(seed, &waited);
    CHECK_INT(failed, 0);
    CHECK(waited > 0);
}

/* A record on the leader, as of a client that waits for nothing. */
static void append_one(struct cluster *cluster, int p)
{
    struct partition *partition = cluster_partition(cluster, cluster_leader(cluster, p), p);
    struct log_append result;
    struct buf batch = batch_make((struct batch_spec){.count = 1, .value = "idle", .timestamp = 1});
    CHECK_INT(partition_append(partition, batch.data, batch.len, LOG_FROM_CLIENT,
                               PARTITION_ACKS_NONE, &result, NULL),
              0);
    buf_close(&batch);
}

/* One record now and then, at any moment, on partitions that are idle for longer than the lag time
 * in between. Nobody is slow, so nobody may leave. */
static bool run_idle(uint64_t seed)
{
    struct cluster_options options = {.seed = seed, .min_insync = 1, .lag_ms = IDLE_LAG_MS};
    struct cluster *cluster = cluster_new(&options);
    bool ok = cluster_ready(cluster, READY_MS) && cluster_run(cluster, LIVE_MS);
    int32_t epochs[CLUSTER_PARTITIONS] = {0};
    for (int i = 0; i < CLUSTER_NODES; i++)
        sim_disk_set_sync_us(cluster_node(cluster, i), IDLE_SYNC_US / 2, IDLE_SYNC_US);
    for (int p = 0; ok && p < CLUSTER_PARTITIONS; p++)
        epochs[p] = cluster_newest(cluster, p)->partition_epoch;
    for (int i = 0; ok && i < IDLE_RECORDS; i++) {
        for (int p = 0; p < CLUSTER_PARTITIONS; p++)
            append_one(cluster, p);
        ok = cluster_run(cluster,
                         IDLE_LAG_MS + (int64_t)(sim_random(cluster_sim(cluster)) % IDLE_LAG_MS));
        for (int p = 0; ok && p < CLUSTER_PARTITIONS; p++)
            ok = cluster_newest(cluster, p)->partition_epoch == epochs[p];
    }
    if (!ok)
        printf("# seed %llu: an in-sync set changed; %s\n", (unsigned long long)seed,
               cluster_problem(cluster));
    cluster_free(cluster);
    return ok;
}

static void idle_partitions_keep_their_set(void)
{
    int failed = 0;
    for (uint64_t seed = 1; seed <= seeds() / 4 + 1 && failed < 5; seed++)
        failed += !run_idle(seed);
    CHECK_INT(failed, 0);
}

/* While followers flush what one partition got, another one of the same leader gets a record: they
 * fetch it. */
static bool run_slow_flush(uint64_t seed, int *met)
{
    struct cluster_options options = {.seed = seed, .min_insync = 1};
    struct cluster *cluster = cluster_new(&options);
    bool ok = cluster_ready(cluster, READY_MS) && cluster_run(cluster, LIVE_MS);
    int leader = cluster_leader(cluster, 0), killed = cluster_leader(cluster, 1);
    if (ok && killed != leader) { /* another one has to lead the second partition */
        cluster_kill(cluster, killed, false);
        ok = cluster_run(cluster, NOTICE_MS);
    }
    if (!ok || leader != cluster_leader(cluster, 1)) {
        cluster_free(cluster);
        return ok;
    }
    ++*met;
    for (int i = 0; i < CLUSTER_NODES; i++)
        sim_disk_set_sync_us(cluster_node(cluster, i), FLUSH_MS * 1000, FLUSH_MS * 1000);
    for (int p = 0; ok && p < 2; p++) {
        append_one(cluster, p);
        ok = cluster_run(cluster, MEANWHILE_MS);
        for (int i = 0; ok && i < CLUSTER_NODES; i++)
            ok = i == killed || cluster_end(cluster, i, p) == cluster_end(cluster, leader, p);
    }
    if (!ok)
        printf("# seed %llu: a follower waited for a flush; %s\n", (unsigned long long)seed,
               cluster_problem(cluster));
    cluster_free(cluster);
    return ok;
}

static void a_slow_flush_holds_up_no_other_partition(void)
{
    int failed = 0, met = 0;
    for (uint64_t seed = 1; seed <= seeds() / 10 + 4 && failed < 5; seed++)
        failed += !run_slow_flush(seed, &met);
    CHECK_INT(failed, 0);
    CHECK(met > 0);
}

/* ---- a client that claims to be a follower ---- */

static bool run_forged(uint64_t seed)
{
    struct cluster_options options = {.seed = seed, .min_insync = 2};
    struct cluster *cluster = cluster_new(&options);
    bool ok = cluster_ready(cluster, READY_MS);
    for (int node = 0; ok && node < CLUSTER_NODES; node++) {
        struct partition *partition = cluster_partition(cluster, node, 0);
        struct partition_read_args args = {.replica_epoch = INT64_MAX,
                                           .current_leader_epoch = -1,
                                           .last_fetched_epoch = -1,
                                           .offset = cluster_end(cluster, node, 0)};
        for (args.replica_id = 0; partition && args.replica_id < CLUSTER_NODES; args.replica_id++)
            partition_acknowledge(partition, &args);
    }
    cluster_start_clients(cluster, CLUSTER_WRITER | CLUSTER_PRODUCER);
    ok = ok && cluster_run(cluster, WRITE_MS) && cluster_finish(cluster, LIVE_MS, WHOLE_MS);
    ok = well(cluster, seed, ok);
    cluster_free(cluster);
    return ok;
}

/* It counts for nothing, and the true followers are heard as before. */
static void a_forged_fetch_is_no_acknowledgement(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        CHECK(run_forged(seed));
}

/* ---- leaders without room for a fetch session ---- */

static bool run_without_sessions(uint64_t seed)
{
    struct cluster_options options = {.seed = seed, .min_insync = 2, .no_sessions = true};
    struct cluster *cluster = cluster_new(&options);
    bool ok = cluster_ready(cluster, READY_MS);
    cluster_start_clients(cluster, CLUSTER_WRITER | CLUSTER_PRODUCER);
    ok = ok && cluster_run(cluster, WRITE_MS) && cluster_finish(cluster, LIVE_MS, WHOLE_MS);
    ok = well(cluster, seed, ok);
    cluster_free(cluster);
    return ok;
}

/* Each of their fetches names all that they follow. */
static void followers_need_no_session(void)
{
    int failed = 0;
    for (uint64_t seed = 1; seed <= seeds() / 4 + 1 && failed < 5; seed++)
        failed += !run_without_sessions(seed);
    CHECK_INT(failed, 0);
}

/* Copies the controller's directory of each node, which is down, from or to another place. */
static bool copy_controllers(struct cluster *cluster, const char *from, const char *to)
{
    bool ok = true;
    for (int i = 0; i < CLUSTER_NODES; i++)
        ok = ok && sim_disk_copy_tree(cluster_node(cluster, i), from, to) == 0;
    return ok;
}

static bool restart_all(struct cluster *cluster, int64_t ms)
{
    for (int i = 0; i < CLUSTER_NODES; i++)
        cluster_restart(cluster, i);
    return cluster_run(cluster, ms);
}

/* Leaders and sets change, so the metadata goes on. */
static bool go_on(struct cluster *cluster)
{
    bool ok = true;
    for (int i = 0; ok && i < CLUSTER_NODES; i++) {
        cluster_kill(cluster, i, false);
        ok = cluster_run(cluster, NOTICE_MS);
        cluster_restart(cluster, i);
        ok = ok && cluster_run(cluster, NOTICE_MS);
    }
    return ok && cluster_run(cluster, MARK_MS);
}

/* All controllers get a copy of some time ago: every broker has seen newer metadata, and stops.
 * With what they had before all is as it was. `goes_on`: the cluster has changed since the copy. */
static bool run_older_controllers(uint64_t seed, bool goes_on)
{
    struct cluster_options options = {
        .seed = seed, .min_insync = 2, .pause_ms = 80, .quits = goes_on, .restores = goes_on};
    struct cluster *cluster = cluster_new(&options);
    bool ok = cluster_ready(cluster, READY_MS);
    cluster_start_clients(cluster, CLUSTER_WRITER | CLUSTER_PRODUCER);
    ok = ok && cluster_run(cluster, WRITE_MS);
    kill_all(cluster);
    ok = ok && copy_controllers(cluster, "/data/controller", "/older") &&
         restart_all(cluster, WHOLE_MS / 10) && (!goes_on || go_on(cluster));
    kill_all(cluster);
    ok = ok && copy_controllers(cluster, "/data/controller", "/newer") &&
         copy_controllers(cluster, goes_on ? "/older" : "/newer", "/data/controller") &&
         restart_all(cluster, goes_on ? REFUSED_MS : NOTICE_MS);
    int up = 0, serving = 0;
    for (int i = 0; i < CLUSTER_NODES; i++) {
        up += cluster_is_up(cluster, i);
        serving += cluster_serves(cluster, i);
    }
    if (goes_on) {
        kill_all(cluster);
        ok = ok && copy_controllers(cluster, "/newer", "/data/controller") &&
             restart_all(cluster, NOTICE_MS);
    }
    ok = ok && cluster_finish(cluster, LIVE_MS, WHOLE_MS);
    ok = well(cluster, seed, ok);
    cluster_free(cluster);
    /* The last one has nobody to elect it, and serves nothing. */
    return ok && serving == (goes_on ? 0 : CLUSTER_NODES) && (up <= 1) == goes_on;
}

static void older_controllers_are_not_followed(void)
{
    int failed = 0;
    for (uint64_t seed = 1; seed <= (seeds() + 4) / 5 && failed < 5; seed++)
        failed += !run_older_controllers(seed, true) || !run_older_controllers(seed, false);
    CHECK_INT(failed, 0);
}

TAP_MAIN(TAP_TEST(a_forged_fetch_is_no_acknowledgement),
         TAP_TEST(older_controllers_are_not_followed), TAP_TEST(a_damaged_replica_leads_no_more),
         TAP_TEST(a_log_that_opens_slowly_leads_nothing), TAP_TEST(a_failed_directory_hands_over),
         TAP_TEST(idle_partitions_keep_their_set),
         TAP_TEST(a_slow_flush_holds_up_no_other_partition), TAP_TEST(followers_need_no_session),
         TAP_TEST(a_leader_that_stood_still_serves_nothing),
         TAP_TEST(offsets_wait_for_the_high_watermark))
