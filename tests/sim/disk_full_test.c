/* Disks that are nearly full, or hang: on a follower, on the leader, on all nodes, and well again.
 * Nothing stands still that need not, nobody dies, and all is whole again without a restart.
 * Environment: SIM_SEEDS (how many, 100). */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/err.h"
#include "broker/log/log.h"
#include "cluster.h"
#include "kafka/batch.h"
#include "log_process.h"

enum {
    SEEDS = 100,
    READY_MS = 10000,
    LIVE_MS = 5000,
    WHOLE_MS = 30000,
    WRITE_MS = 300,
    NOTICE_MS = 2500, /* to notice it, and to say so */
    SLOWER_MS = 50,   /* pause of the clients while a node catches up */
    ASK_MS = 1100,    /* a broker asks so often how much is free */
    HANG_US = 15 * 1000 * 1000,
    HANG_NOTICE_MS = 6000,
    LAG_MS = 60000,   /* so long that nobody leaves a set for being slow */
    RESERVE = 8 << 20 /* of the log manager */
};

static uint64_t seeds(void)
{
    const char *count = getenv("SIM_SEEDS");
    return (count ? strtoull(count, NULL, 10) : SEEDS) / 4 + 1;
}

static bool well(struct cluster *cluster, uint64_t seed, bool ok)
{
    if (!ok)
        printf("# seed %llu: %s\n", (unsigned long long)seed, cluster_problem(cluster));
    return ok;
}

static bool failed(uint64_t seed, const char *what)
{
    printf("# seed %llu: %s\n", (unsigned long long)seed, what);
    return false;
}

/* A cluster with clients that write. */
static struct cluster *begin(uint64_t seed, bool *ok)
{
    struct cluster_options options = {
        .seed = seed, .min_insync = 2, .lag_ms = LAG_MS, .forgetful = true};
    struct cluster *cluster = cluster_new(&options);
    *ok = cluster_ready(cluster, READY_MS);
    cluster_start_clients(cluster, CLUSTER_WRITER | CLUSTER_PRODUCER);
    *ok = *ok && cluster_run(cluster, WRITE_MS);
    return cluster;
}

/* Somewhere between nothing and the reserve; Raft needs a little. */
static int64_t little(struct cluster *cluster)
{
    return (1 << 20) + (int64_t)(sim_random(cluster_sim(cluster)) % (RESERVE - (1 << 20)));
}

static void fill(struct cluster *cluster, int node, int64_t bytes)
{
    cluster_disturb(cluster, true);
    sim_node_disk_left(cluster_node(cluster, node), bytes);
}

static void make_room(struct cluster *cluster)
{
    for (int i = 0; i < CLUSTER_NODES; i++)
        sim_node_disk_full(cluster_node(cluster, i), false);
    cluster_disturb(cluster, false);
}

/* Every partition takes more records before `limit_ms` are over. */
static bool goes_on(struct cluster *cluster, int64_t limit_ms)
{
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        int64_t acked = cluster_acked(cluster, p), ms = 0;
        for (; ms < limit_ms && cluster_acked(cluster, p) < acked + 10; ms += 10)
            if (!cluster_run(cluster, 10))
                return false;
        if (ms >= limit_ms)
            return failed(0, "a partition does not go on");
    }
    return true;
}

/* Every in-sync set gets full, with clients that leave time for it; `what` is said if not. */
static bool gets_whole(struct cluster *cluster, uint64_t seed, const char *what)
{
    int64_t ms = 0;
    cluster_set_pause(cluster, SLOWER_MS);
    for (; ms < WHOLE_MS && !cluster_is_full(cluster); ms += 10)
        if (!cluster_run(cluster, 10))
            return false;
    return ms < WHOLE_MS || failed(seed, what);
}

/* The ledger is no use where records are deleted: the end is looked at without it. */
static bool finish(struct cluster *cluster, uint64_t seed, bool ok)
{
    ok = well(cluster, seed, ok && cluster_finish(cluster, LIVE_MS, WHOLE_MS));
    cluster_free(cluster);
    return ok;
}

/* It leaves the sets at once, holds nobody back, leads nothing, and is back when it has room. */
static bool run_one(uint64_t seed, bool leads)
{
    bool ok;
    struct cluster *cluster = begin(seed, &ok);
    int node = ok ? cluster_leader(cluster, 0) : 0;
    if (!leads)
        node = (node + 1) % CLUSTER_NODES;
    fill(cluster, node, little(cluster));
    ok = ok && cluster_run(cluster, NOTICE_MS) && goes_on(cluster, NOTICE_MS);
    for (int p = 0; ok && p < CLUSTER_PARTITIONS; p++)
        if (cluster_in_isr(cluster, p, node) || cluster_leader(cluster, p) == node)
            ok = failed(seed, "a full node is in a set");
    /* On the edge nothing changes. */
    int32_t epoch = ok ? cluster_newest(cluster, 0)->partition_epoch : 0;
    for (int i = 0; ok && i < 6; i++) {
        fill(cluster, node, i % 2 ? RESERVE / 4 * 7 : RESERVE / 4 * 3);
        ok = cluster_run(cluster, ASK_MS);
    }
    if (ok && cluster_newest(cluster, 0)->partition_epoch != epoch)
        ok = failed(seed, "a set changed on the edge");
    make_room(cluster);
    ok = ok && gets_whole(cluster, seed, "it has room, and is not back");
    return finish(cluster, seed, ok);
}

static void run_seeds(bool (*run)(uint64_t seed, bool leads), bool leads)
{
    int bad = 0;
    for (uint64_t seed = 1; seed <= seeds() && bad < 5; seed++)
        bad += !run(seed, leads);
    CHECK_INT(bad, 0);
}

static void a_full_follower_holds_nobody_back(void)
{
    run_seeds(run_one, false);
}

static void a_full_leader_makes_way(void)
{
    run_seeds(run_one, true);
}

struct deletion {
    struct partition_wait wait;
    int err;
};

static void deleted(struct partition_wait *wait, int err)
{
    CONTAINER_OF(wait, struct deletion, wait)->err = err;
}

/* Whoever leads can be read, deletes, and refuses records in words. */
static bool serves_without_writing(struct cluster *cluster, uint64_t seed)
{
    struct partition *partition = cluster_partition(cluster, cluster_leader(cluster, 0), 0);
    struct partition_read_args args = {.offset = 0,
                                       .max_bytes = 1 << 20,
                                       .min_one = true,
                                       .replica_id = -1,
                                       .replica_epoch = -1,
                                       .current_leader_epoch = -1,
                                       .last_fetched_epoch = -1};
    struct partition_read read;
    if (!partition || partition_read(partition, &args, &read) || read.slice.chunk.len == 0)
        return failed(seed, "a full leader can't be read");
    /* All but the last record of the first batch are deleted: the batch stays to be looked at. */
    uint8_t header[BATCH_HEADER_SIZE];
    struct batch batch;
    bool parsed = partition_slice_copy(&read.slice, header, sizeof(header)) == 0 &&
                  batch_parse_header(header, sizeof(header), &batch) == 0;
    partition_slice_release(&read.slice);
    if (!parsed)
        return failed(seed, "a batch can't be read");
    struct log_append result;
    uint8_t bytes[1] = {0};
    if (partition_append(partition, bytes, 1, LOG_FROM_CLIENT, PARTITION_ACKS_NONE, &result,
                         NULL) != ERR_KAFKA_STORAGE_ERROR ||
        !strstr(result.message, "/data"))
        return failed(seed, "a full leader does not refuse in words");
    struct deletion deletion = {.wait.done = deleted, .err = 1};
    list_init(&deletion.wait.link);
    if (partition_delete_records(partition, batch.last_offset_delta, &deletion.wait) !=
        PARTITION_WAITS)
        return failed(seed, "a full leader does not delete");
    for (int64_t ms = 0; ms < NOTICE_MS && deletion.err == 1; ms += 10)
        if (!cluster_run(cluster, 10))
            return false;
    if (deletion.err)
        list_remove(&deletion.wait.link);
    return deletion.err ? failed(seed, "a deletion is not answered") : true;
}

static bool run_all(uint64_t seed, bool same)
{
    bool ok;
    struct cluster *cluster = begin(seed, &ok);
    int64_t left = little(cluster);
    for (int i = 0; ok && i < CLUSTER_NODES; i++) {
        fill(cluster, i, same ? left : little(cluster));
        ok = same || cluster_run(cluster, (int64_t)(sim_random(cluster_sim(cluster)) % NOTICE_MS));
    }
    ok = ok && cluster_run(cluster, NOTICE_MS);
    int64_t acked = cluster_acked(cluster, -1);
    ok = ok && serves_without_writing(cluster, seed) && cluster_run(cluster, NOTICE_MS);
    if (ok && cluster_acked(cluster, -1) != acked)
        ok = failed(seed, "records were taken");
    make_room(cluster);
    ok = ok && gets_whole(cluster, seed, "they have room, and a set is not full");
    ok = ok && goes_on(cluster, NOTICE_MS);
    return finish(cluster, seed, ok);
}

static void full_disks_everywhere_stop_only_writing(void)
{
    run_seeds(run_all, true);
    run_seeds(run_all, false);
}

static void append_one(void *data)
{
    struct log_process *w = data;
    struct log_append result;
    for (int i = 0; i < 500; i++) {
        struct buf batch =
            batch_make((struct batch_spec){.count = 1, .value = "full", .timestamp = 1});
        CHECK_INT(log_append(w->world.log, batch.data, batch.len, LOG_FROM_CLIENT, 0, &result), 0);
        buf_close(&batch);
    }
}

static void opened_only(void *data)
{
    (void)data;
}

static bool is_durable(void *data)
{
    struct log_process *w = data;
    return log_durable_offset(w->world.log) == log_end_offset(w->world.log);
}

/* A start after a crash writes, too. Whichever of its calls finds the disk full: the log is there
 * when there is room again. */
static void a_log_opens_once_there_is_room(void)
{
    enum { CALLS = 40, MORE = 3 };
    for (uint64_t n = 1; n <= CALLS; n++) {
        struct log_process w;
        log_process_init(&w, n, append_one, &w);
        log_process_boot(&w);
        CHECK(sim_run_until(w.sim, is_durable, &w, sim_now_us(w.sim) + READY_MS * 1000));
        int64_t end = log_end_offset(w.world.log);
        sim_node_kill(w.node);
        log_process_bury(&w);
        sim_disk_fail(w.node, SIM_DISK_WRITE, n, MORE, ERR_NO_SPACE);
        w.world.on_open = opened_only;
        log_process_boot(&w);
        CHECK_INT(w.world.err, 0);
        CHECK(w.world.log && log_end_offset(w.world.log) == end);
        CHECK(w.world.log && !log_is_offline(w.world.log));
        log_process_close(&w);
    }
}

/* ---- a disk that hangs ---- */

/* Its flushes do not end, though the broker lives: nobody waits for it longer than it takes to
 * notice, and it is back when the disk goes on. */
static bool run_hang(uint64_t seed, bool leads)
{
    bool ok;
    struct cluster *cluster = begin(seed, &ok);
    int node = ok ? cluster_leader(cluster, 0) : 0;
    if (!leads)
        node = (node + 1) % CLUSTER_NODES;
    cluster_disturb(cluster, true);
    sim_disk_set_sync_us(cluster_node(cluster, node), HANG_US, HANG_US);
    ok = ok && cluster_run(cluster, HANG_NOTICE_MS) && goes_on(cluster, NOTICE_MS);
    sim_disk_set_sync_us(cluster_node(cluster, node), 100, 1000);
    cluster_disturb(cluster, false);
    ok = ok && gets_whole(cluster, seed, "its disk goes on, and it is not back");
    return finish(cluster, seed, ok);
}

static void a_follower_whose_disk_hangs_holds_nobody_back(void)
{
    run_seeds(run_hang, false);
}

static void a_leader_whose_disk_hangs_makes_way(void)
{
    run_seeds(run_hang, true);
}

TAP_MAIN(TAP_TEST(a_follower_whose_disk_hangs_holds_nobody_back),
         TAP_TEST(a_leader_whose_disk_hangs_makes_way), TAP_TEST(a_full_follower_holds_nobody_back),
         TAP_TEST(a_full_leader_makes_way), TAP_TEST(full_disks_everywhere_stop_only_writing),
         TAP_TEST(a_log_opens_once_there_is_room))
