/* The faults of a simulated cluster.
 *
 * Happy path: a row is drawn by weight among those whose condition holds for a node drawn before,
 * and its function is called. What lasts (cuts, a slow or full disk) is noted, so that the rule of
 * in-sync sets is not asked for meanwhile. Failure modes: a rule that breaks while a fault waits
 * for the cluster to be ready for it ends the run. */
#include "cluster_faults.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cluster_faults_private.h"
#include "cluster_topics.h"

enum {
    FULL_MS = 6000,         /* in which a cluster without faults gets full in-sync sets */
    SURE_MS = 2000,         /* for which they are full: a session and a little more, */
    FULL_PAUSE_MS = 1000,   /* with pauses of the clients: they are not waited for */
    ANSWER_MS = 8,          /* in which a command is usually answered */
    MOVED_MS = 300,         /* in which a partition is led by another */
    YIELD_TRIES = 6,        /* of the active controller, until the one that is wanted is it */
    VOTE_MS = 2000,         /* in which a controller is elected */
    STOP_MS = 2000,         /* in which a node usually stops */
    STARTING_MS = 100,      /* in which it usually starts */
    LOOK_MS = 20,           /* between two looks at these */
    CALM_MS = 5000,         /* of a while without faults, */
    CALM_PAUSE_MS = 250,    /* with pauses of the clients from this on to eight times as much */
    SLOW_US = 40000,        /* a sync of a slow disk */
    CALL_US = 2000,         /* another call of it */
    LITTLE_ROOM = 16 << 20, /* a broker refuses below the half of it */
    DAY_MS = 24 * 3600 * 1000
};

uint64_t cluster_faults_draw(struct cluster_faults *faults, uint64_t count)
{
    return sim_random(faults->sim) % count;
}

struct sim_node *cluster_faults_host(struct cluster_faults *faults, int node)
{
    return cluster_node(faults->cluster, node);
}

/* ---- conditions ---- */

static bool fault_always(struct cluster_faults *faults, int node)
{
    (void)faults;
    (void)node;
    return true;
}

static bool fault_if_up(struct cluster_faults *faults, int node)
{
    return cluster_is_up(faults->cluster, node);
}

static bool fault_if_down(struct cluster_faults *faults, int node)
{
    return !cluster_is_up(faults->cluster, node);
}

/* Never is the last one that runs ended, so that there is something to check. */
bool cluster_faults_others_up(struct cluster_faults *faults, int node)
{
    int up = 0;
    for (int i = 0; i < CLUSTER_NODES; i++)
        up += cluster_is_up(faults->cluster, i);
    return up > 1 && cluster_is_up(faults->cluster, node);
}

/* Who is unregistered leaves the in-sync sets: another member must have everything and be up. */
static bool fault_if_spare(struct cluster_faults *faults, int node)
{
    struct cluster *cluster = faults->cluster;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        bool spare = false;
        for (int i = 0; i < CLUSTER_NODES; i++)
            spare |= i != node && cluster_in_isr(cluster, p, i) && cluster_end(cluster, i, p) >= 0;
        if (!spare)
            return false;
    }
    return !cluster_is_up(cluster, node);
}

static bool fault_if_stopping(struct cluster_faults *faults, int node)
{
    return cluster_is_stopping(faults->cluster, node);
}

static bool fault_if_copied(struct cluster_faults *faults, int node)
{
    return faults->copied[node];
}

/* ---- processes ---- */

static void fault_kill(struct cluster_faults *faults, int node)
{
    cluster_kill(faults->cluster, node, false);
}

static void fault_power(struct cluster_faults *faults, int node)
{
    cluster_power_cut(faults->cluster, node);
}

static void fault_restart(struct cluster_faults *faults, int node)
{
    cluster_restart(faults->cluster, node);
}

static void fault_stop(struct cluster_faults *faults, int node)
{
    cluster_stop(faults->cluster, node);
}

static void fault_stop_all(struct cluster_faults *faults, int node)
{
    (void)node;
    for (int i = 0; i < CLUSTER_NODES; i++)
        cluster_stop(faults->cluster, i);
}

/* A second signal, or the end of an operator's patience; half of the time it is started at once. */
static void fault_end_stop(struct cluster_faults *faults, int node)
{
    if (cluster_faults_draw(faults, 4) == 0)
        cluster_power_cut(faults->cluster, node);
    else
        cluster_kill(faults->cluster, node, false);
    if (cluster_faults_draw(faults, 2))
        cluster_restart(faults->cluster, node);
}

/* The power fails during one of the next changes of the disk, which is torn. */
static void fault_power_at(struct cluster_faults *faults, int node)
{
    sim_disk_crash_at(cluster_faults_host(faults, node), 1 + cluster_faults_draw(faults, 60));
}

/* A stop and a start, and the power may fail between them: what the mark of the stop says must be
 * on the disk. Half of the time it is a start that is stopped on its way: what that one did not
 * look at is not clean. */
static void fault_start_stop(struct cluster_faults *faults, int node)
{
    struct cluster *cluster = faults->cluster;
    if (cluster_faults_draw(faults, 2)) {
        cluster_power_cut(cluster, node);
        cluster_restart(cluster, node);
        if (!cluster_run(cluster, (int64_t)cluster_faults_draw(faults, STARTING_MS)))
            return;
    }
    cluster_stop(cluster, node);
    for (int waited = 0; cluster_is_stopping(cluster, node) && waited < STOP_MS; waited += LOOK_MS)
        if (!cluster_run(cluster, LOOK_MS))
            return;
    if (cluster_faults_draw(faults, 2))
        cluster_power_cut(cluster, node);
    cluster_restart(cluster, node);
}

void cluster_faults_crash(struct cluster_faults *faults, int node)
{
    bool power = cluster_faults_draw(faults, 3) > 0;
    int back = 1 + (int)cluster_faults_draw(faults, CLUSTER_NODES);
    cluster_note(faults->cluster, -1, "%s of all, %d come back at once, first node %d",
                 power ? "power cut" : "kill -9", back, node);
    for (int i = 0; i < CLUSTER_NODES; i++) {
        cluster_kill(faults->cluster, i, power);
        if (power)
            cluster_power_cut(faults->cluster, i);
    }
    for (int i = 0; i < back; i++)
        cluster_restart(faults->cluster, (node + i) % CLUSTER_NODES);
}

/* The active controller ends, and comes back; the node that made another one lead by its vote loses
 * its power in the moment in which that one has the vote, and comes back as well. The new one is
 * out of reach meanwhile: those two elect, and may not do so in the same term. */
static void fault_vote(struct cluster_faults *faults, int node)
{
    struct cluster *cluster = faults->cluster;
    int old = cluster_active(cluster), now = -1;
    (void)node;
    if (old < 0)
        return;
    cluster_kill(cluster, old, false);
    for (int64_t until = sim_now_us(faults->sim) + VOTE_MS * 1000;
         now < 0 && sim_now_us(faults->sim) < until;) {
        if (!cluster_step(cluster))
            return;
        for (int i = 0; i < CLUSTER_NODES; i++)
            if (i != old && cluster_leads_term(cluster, i))
                now = i;
    }
    if (now < 0)
        return;
    int voter = CLUSTER_NODES - old - now;
    cluster_note(cluster, voter, "has voted for node %d, and loses its power", now);
    cluster_power_cut(cluster, voter);
    sim_isolate(faults->sim, cluster_faults_host(faults, now));
    faults->cut = true;
    cluster_restart(cluster, old);
    cluster_restart(cluster, voter);
}

static void fault_pause(struct cluster_faults *faults, int node)
{
    cluster_pause(faults->cluster, node, (int64_t)cluster_faults_draw(faults, 3000));
}

/* ---- network, clocks, memory ---- */

static void faults_lasting(struct cluster_faults *faults)
{
    cluster_disturb(faults->cluster, faults->cut || faults->slow || faults->full);
}

static void fault_cut(struct cluster_faults *faults, int node)
{
    int other = (node + 1 + (int)cluster_faults_draw(faults, CLUSTER_NODES - 1)) % CLUSTER_NODES;
    bool both = cluster_faults_draw(faults, 2) == 0;
    cluster_note(faults->cluster, node, "cut %s node %d", both ? "from" : "on the way to", other);
    sim_cut(faults->sim, cluster_faults_host(faults, node), cluster_faults_host(faults, other),
            both);
    faults->cut = true;
}

/* Ends all that lasts. */
static void fault_heal(struct cluster_faults *faults, int node)
{
    (void)node;
    sim_heal_all(faults->sim);
    for (int i = 0; i < CLUSTER_NODES; i++) {
        sim_node_disk_full(cluster_faults_host(faults, i), false);
        sim_disk_set_sync_us(cluster_faults_host(faults, i), 50, 2000);
        sim_disk_set_call_us(cluster_faults_host(faults, i), 20);
        sim_disk_fail_at(cluster_faults_host(faults, i), 0);
        sim_disk_crash_at(cluster_faults_host(faults, i), 0);
        sim_node_fail_memory(cluster_faults_host(faults, i), 0);
    }
    faults->cut = faults->slow = faults->full = false;
}

static void fault_clock(struct cluster_faults *faults, int node)
{
    static const int64_t most_ms[] = {1000, 60 * 1000, DAY_MS, 8 * (int64_t)DAY_MS};
    int64_t most = most_ms[cluster_faults_draw(faults, 4)];
    int64_t offset = (int64_t)cluster_faults_draw(faults, (uint64_t)(2 * most)) - most;
    cluster_note(faults->cluster, node, "the wall clock is %lld ms off", (long long)offset);
    cluster_set_clock(faults->cluster, node, offset);
}

static void fault_memory(struct cluster_faults *faults, int node)
{
    cluster_harm(faults->cluster, node);
    sim_node_fail_memory(cluster_faults_host(faults, node), 1 + cluster_faults_draw(faults, 6));
}

/* ---- disks ---- */

static void fault_slow_disk(struct cluster_faults *faults, int node)
{
    sim_disk_set_sync_us(cluster_faults_host(faults, node), SLOW_US / 4, SLOW_US);
    sim_disk_set_call_us(cluster_faults_host(faults, node), CALL_US);
    faults->slow = true;
}

static void fault_full_disk(struct cluster_faults *faults, int node)
{
    cluster_harm(faults->cluster, node);
    sim_node_disk_full(cluster_faults_host(faults, node), true);
    faults->full = true;
}

/* So full that records are refused; nobody dies of that. */
static void fault_little_room(struct cluster_faults *faults, int node)
{
    int64_t left = (1 << 20) + (int64_t)cluster_faults_draw(faults, LITTLE_ROOM);
    cluster_note(faults->cluster, node, "%lld bytes are left on its disk", (long long)left);
    sim_node_disk_left(cluster_faults_host(faults, node), left);
    faults->full = true;
}

static void fault_io(struct cluster_faults *faults, int node)
{
    static const unsigned kinds[] = {SIM_DISK_OPEN, SIM_DISK_READ, SIM_DISK_WRITE,
                                     SIM_DISK_SYNC, SIM_DISK_NAME, SIM_DISK_ANY};
    unsigned kind = kinds[cluster_faults_draw(faults, 6)];
    uint64_t n = 1 + cluster_faults_draw(faults, 30);
    cluster_note(faults->cluster, node, "call %d of kind %u fails with EIO", (int)n, kind);
    cluster_harm(faults->cluster, node);
    sim_disk_fail(cluster_faults_host(faults, node), kind, n, 1, ERR_IO);
}

static void fault_sync(struct cluster_faults *faults, int node)
{
    cluster_harm(faults->cluster, node);
    sim_disk_fail_sync(cluster_faults_host(faults, node));
}

/* The limit of open files: a process lives through that, though a start may not. */
static void fault_descriptors(struct cluster_faults *faults, int node)
{
    if (!cluster_serves(faults->cluster, node))
        cluster_harm(faults->cluster, node);
    sim_disk_fail(cluster_faults_host(faults, node), SIM_DISK_OPEN,
                  1 + cluster_faults_draw(faults, 10), 1 + cluster_faults_draw(faults, 10),
                  ERR_TOO_MANY_FILES);
}

static void fault_journal(struct cluster_faults *faults, int node)
{
    sim_disk_set_unordered(cluster_faults_host(faults, node), true);
}

/* ---- directories ---- */

bool cluster_faults_make_full(struct cluster_faults *faults)
{
    struct cluster *cluster = faults->cluster;
    bool ok = true;
    int full_ms = 0;
    fault_heal(faults, -1);
    faults_lasting(faults);
    cluster_set_pause(cluster, FULL_PAUSE_MS);
    for (int waited = 0; ok && full_ms < SURE_MS && waited < FULL_MS; waited += LOOK_MS) {
        full_ms = cluster_is_full(cluster) ? full_ms + LOOK_MS : 0;
        for (int i = 0; i < CLUSTER_NODES; i++)
            if (!cluster_is_stopping(cluster, i))
                cluster_restart(cluster, i);
        ok = cluster_run(cluster, LOOK_MS);
    }
    cluster_set_pause(cluster, 0);
    return ok && full_ms >= SURE_MS;
}

struct faults_walk {
    struct cluster_faults *faults;
    int node;
    const char *dir;
    int index;
};

static bool faults_is_topic(const char *name)
{
    return strncmp(name, cluster_topic, strlen(cluster_topic)) == 0;
}

static void faults_remove_topic(void *data, const char *name)
{
    struct faults_walk *walk = data;
    if (!faults_is_topic(name) || (walk->index >= 0 && name[strlen(name) - 1] != '0' + walk->index))
        return;
    char *path = mem_printf("%s/%s", walk->dir, name);
    int rc = sim_disk_remove(cluster_faults_host(walk->faults, walk->node), path);
    ASSERT(rc == 0);
    mem_free(path);
}

static const char *const faults_dirs[] = {"/data", "/more"};

void cluster_faults_remove_copies(struct cluster_faults *faults, int node, int index)
{
    for (int i = 0; i < 2; i++) {
        struct faults_walk walk = {faults, node, faults_dirs[i], index};
        int rc = sim_disk_each(cluster_faults_host(faults, node), faults_dirs[i],
                               faults_remove_topic, &walk);
        ASSERT(rc == 0 || rc == ERR_NOT_FOUND);
    }
    cluster_note(faults->cluster, node, "its copies are gone");
}

/* One copy of partition `index` goes (-1: of both). */
static void faults_lose(struct cluster_faults *faults, int node, int index)
{
    if (!cluster_faults_make_full(faults))
        return;
    cluster_kill(faults->cluster, node, cluster_faults_draw(faults, 2));
    cluster_faults_remove_copies(faults, node, index);
    if (cluster_faults_draw(faults, 2))
        cluster_restart(faults->cluster, node);
    else if (cluster_faults_draw(faults, 2))
        cluster_faults_crash(faults, node);
}

static void fault_lose_folder(struct cluster_faults *faults, int node)
{
    faults_lose(faults, node, (int)cluster_faults_draw(faults, CLUSTER_PARTITIONS));
}

static void fault_lose_all(struct cluster_faults *faults, int node)
{
    faults_lose(faults, node, -1);
}

/* The second directory comes back as an empty mount point. */
static void fault_empty_dir(struct cluster_faults *faults, int node)
{
    if (!cluster_faults_make_full(faults))
        return;
    cluster_kill(faults->cluster, node, cluster_faults_draw(faults, 2));
    int rc = sim_disk_remove(cluster_faults_host(faults, node), "/more");
    ASSERT(rc == 0 || rc == ERR_NOT_FOUND);
    if (cluster_faults_draw(faults, 2))
        cluster_restart(faults->cluster, node);
    else if (cluster_faults_draw(faults, 2))
        cluster_faults_crash(faults, node);
}

static void faults_remove_all(void *data, const char *name)
{
    struct faults_walk *walk = data;
    if (strcmp(name, "controller") == 0)
        return;
    char *path = mem_printf("%s/%s", walk->dir, name);
    int rc = sim_disk_remove(cluster_faults_host(walk->faults, walk->node), path);
    ASSERT(rc == 0);
    mem_free(path);
}

/* The disks of log.dirs are replaced by new ones; the controller's is another. */
static void fault_new_disks(struct cluster_faults *faults, int node)
{
    if (!cluster_faults_make_full(faults))
        return;
    cluster_kill(faults->cluster, node, cluster_faults_draw(faults, 2));
    for (int i = 0; i < 2; i++) {
        struct faults_walk walk = {faults, node, faults_dirs[i], -1};
        int rc = sim_disk_each(cluster_faults_host(faults, node), faults_dirs[i], faults_remove_all,
                               &walk);
        ASSERT(rc == 0 || rc == ERR_NOT_FOUND);
    }
    cluster_note(faults->cluster, node, "has new disks");
    if (cluster_faults_draw(faults, 2))
        cluster_restart(faults->cluster, node);
    else if (cluster_faults_draw(faults, 2))
        cluster_faults_crash(faults, node);
}

/* A new directory in front of log.dirs, or the order of them changed. */
static void fault_move_dirs(struct cluster_faults *faults, int node)
{
    static const char *const orders[] = {"/data,/more", "/more,/data", "/new,/data,/more"};
    const char *dirs = orders[cluster_faults_draw(faults, 3)];
    cluster_note(faults->cluster, node, "log.dirs=%s", dirs);
    cluster_set_dirs(faults->cluster, node, dirs);
}

/* A disk in the wrong machine: neither may work with what is another's. Some time later each has
 * its own again. */
static void fault_swap(struct cluster_faults *faults, int node)
{
    struct cluster *cluster = faults->cluster;
    int pair[] = {node,
                  (node + 1 + (int)cluster_faults_draw(faults, CLUSTER_NODES - 1)) % CLUSTER_NODES};
    struct sim_node *hosts[] = {cluster_faults_host(faults, pair[0]),
                                cluster_faults_host(faults, pair[1])};
    bool both = strstr(cluster_dirs(cluster, pair[0]), "/more") &&
                strstr(cluster_dirs(cluster, pair[1]), "/more");
    const char *dir = both && cluster_faults_draw(faults, 2) ? "/more" : "/data";
    if (!cluster_serves(cluster, pair[0]) || !cluster_serves(cluster, pair[1]))
        return; /* a new disk may not be marked yet */
    for (int i = 0; i < 2; i++)
        cluster_kill(cluster, pair[i], cluster_faults_draw(faults, 2));
    /* A disk that can't be read may be left out of a start. */
    if (sim_node_is_faulty(hosts[0]) || sim_node_is_faulty(hosts[1]) ||
        sim_disk_swap(hosts[0], hosts[1], dir))
        return;
    cluster_note(cluster, node, "has %s of node %d, which has its", dir, pair[1]);
    for (int i = 0; i < 2; i++)
        if (!cluster_refuses(cluster, pair[i]))
            cluster_fail(cluster, "node %d starts with %s of another", pair[i], dir);
    (void)cluster_run(cluster, (int64_t)cluster_faults_draw(faults, STOP_MS));
    int rc = sim_disk_swap(hosts[0], hosts[1], dir);
    ASSERT(rc == 0);
    if (cluster_faults_draw(faults, 2))
        cluster_restart(cluster, node);
}

static void faults_copy_topic(void *data, const char *name)
{
    struct faults_walk *walk = data;
    if (!faults_is_topic(name))
        return;
    char *from = mem_printf("%s/%s", walk->dir, name);
    char *to = mem_printf("/copy/%s", name);
    struct sim_node *host = cluster_faults_host(walk->faults, walk->node);
    int rc = sim_disk_copy_tree(host, walk->index ? from : to, walk->index ? to : from);
    ASSERT(rc == 0 || rc == ERR_NOT_FOUND);
    mem_free(from);
    mem_free(to);
}

/* index: 1 = away from the disk, 0 = back. */
static void faults_copy(struct cluster_faults *faults, int node, int index)
{
    struct faults_walk walk = {faults, node, "/data", index};
    int rc = faults->copied[node] ? 0 : sim_disk_make(cluster_faults_host(faults, node), "/copy");
    ASSERT(rc == 0);
    rc = sim_disk_each(cluster_faults_host(faults, node), "/data", faults_copy_topic, &walk);
    ASSERT(rc == 0);
}

static void fault_back_up(struct cluster_faults *faults, int node)
{
    faults_copy(faults, node, 1);
    faults->copied[node] = true;
}

/* A copy of long ago, at a node that has left the in-sync sets: within them nobody could tell. */
static void fault_restore(struct cluster_faults *faults, int node)
{
    if (!cluster_faults_make_full(faults))
        return;
    cluster_kill(faults->cluster, node, false);
    if (!cluster_faults_wait_out(faults, node))
        return;
    faults_copy(faults, node, 0);
    cluster_restored(faults->cluster, node);
    cluster_note(faults->cluster, node, "has its copies of long ago");
    cluster_restart(faults->cluster, node);
    /* It was killed, so it is nowhere eligible: also where the others end now. */
    if (cluster_has_eligible(faults->cluster) && cluster_faults_draw(faults, 2))
        cluster_faults_crash(faults, node);
}

/* ---- what operators and clients do ---- */

static void fault_unregister(struct cluster_faults *faults, int node)
{
    Meta__UnregisterBroker unregister = META__UNREGISTER_BROKER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    unregister.broker_id = node;
    command.body_case = META__COMMAND__BODY_UNREGISTER_BROKER;
    command.unregister_broker = &unregister;
    cluster_ask(faults->cluster, &command);
}

/* An operator moves a partition to its first replica while all run. */
static void fault_elect(struct cluster_faults *faults, int node)
{
    (void)node;
    cluster_elect(faults->cluster, (int)cluster_faults_draw(faults, CLUSTER_PARTITIONS), false);
}

/* The replica that leads, once it is another than `than`; -1 when that takes too long. */
static int faults_next_leader(struct cluster_faults *faults, int p, int than, int limit_ms)
{
    struct cluster *cluster = faults->cluster;
    for (int waited = 0; waited < limit_ms; waited++) {
        const struct image_partition *newest = cluster_newest(cluster, p);
        if (newest && newest->leader >= 0 && newest->leader != than)
            return newest->leader;
        if (!cluster_run(cluster, 1))
            break;
    }
    return -1;
}

/* All run, and a replica leads that is not the first one: it; -1 when that takes too long. */
static int faults_move_away(struct cluster_faults *faults, int p, int *first)
{
    struct cluster *cluster = faults->cluster;
    if (!cluster_faults_make_full(faults))
        return -1;
    *first = cluster_newest(cluster, p)->replicas.ids[0];
    int leader = cluster_newest(cluster, p)->leader;
    if (leader != *first)
        return leader;
    cluster_kill(cluster, *first, false);
    leader = faults_next_leader(faults, p, *first, FULL_MS);
    return leader >= 0 && cluster_faults_make_full(faults) ? leader : -1;
}

/* The same, while the leader stands still; the one it moves to is slow, and ends soon, and the
 * third node is the active controller. So the one that stood still leads again, and answers what it
 * was asked before: a follower that was cut meanwhile must not take that for the answer to what it
 * asks now. */
static void fault_elect_back(struct cluster_faults *faults, int node)
{
    struct cluster *cluster = faults->cluster;
    int p = (int)cluster_faults_draw(faults, CLUSTER_PARTITIONS), first;
    (void)node;
    int leader = faults_move_away(faults, p, &first);
    if (leader < 0)
        return;
    int third = CLUSTER_NODES - first - leader;
    for (int tries = 0; tries < YIELD_TRIES && cluster_active(cluster) != third; tries++)
        if (!cluster_yield(cluster, cluster_active(cluster), MOVED_MS))
            return;
    if (cluster_faults_draw(faults, 2))
        fault_slow_disk(faults, first);
    if (!cluster_run(cluster, (int64_t)cluster_faults_draw(faults, MOVED_MS)))
        return;
    cluster_elect(faults->cluster, p, false);
    cluster_pause(cluster, leader, (int64_t)cluster_faults_draw(faults, 2 * MOVED_MS));
    if (faults_next_leader(faults, p, leader, MOVED_MS) != first ||
        !cluster_run(cluster, (int64_t)cluster_faults_draw(faults, ANSWER_MS)))
        return;
    cluster_kill(cluster, first, false);
}

static void fault_create(struct cluster_faults *faults, int node)
{
    (void)node;
    cluster_topics_create(cluster_topics(faults->cluster));
}

/* Half of the time another client makes the topic anew at once, and then half of the time the
 * controller ends that is about to answer: nothing deletes the new one. */
static void fault_delete(struct cluster_faults *faults, int node)
{
    (void)node;
    struct cluster *cluster = faults->cluster;
    cluster_topics_delete(cluster_topics(cluster));
    if (cluster_faults_draw(faults, 2))
        return;
    cluster_topics_create(cluster_topics(cluster));
    if (cluster_faults_draw(faults, 2) ||
        !cluster_run(cluster, (int64_t)cluster_faults_draw(faults, ANSWER_MS)))
        return;
    int active = cluster_active(cluster);
    if (active >= 0 && cluster_faults_others_up(faults, active))
        cluster_kill(cluster, active, false);
}

/* Of any order of magnitude; now and then the power fails while it is written somewhere. */
static void fault_large(struct cluster_faults *faults, int node)
{
    uint64_t most = (uint64_t)1 << (8 + cluster_faults_draw(faults, 13));
    cluster_enlarge(faults->cluster, 1 + (int)cluster_faults_draw(faults, most));
    if (cluster_faults_draw(faults, 3) == 0)
        sim_disk_crash_at(cluster_faults_host(faults, node), 1 + cluster_faults_draw(faults, 20));
}

static void fault_level(struct cluster_faults *faults, int node)
{
    (void)node;
    cluster_set_level(faults->cluster, "transaction.version",
                      1 + (int)cluster_faults_draw(faults, 2), 2);
}

/* No fault for a while, in which nothing may shrink, however seldom the clients write. */
static void fault_none(struct cluster_faults *faults, int node)
{
    (void)node;
    if (!cluster_faults_make_full(faults))
        return;
    cluster_set_pause(faults->cluster, CALM_PAUSE_MS << cluster_faults_draw(faults, 4));
    (void)cluster_run(faults->cluster, CALM_MS);
    cluster_set_pause(faults->cluster, 0);
}

/* ---- the table ---- */

static const struct fault_row {
    const char *name;
    int weight;
    bool (*can)(struct cluster_faults *faults, int node);
    void (*run)(struct cluster_faults *faults, int node);
    bool off; /* only when it is named */
} fault_rows[] = {
    {"kill", 9, cluster_faults_others_up, fault_kill, false},
    {"power", 5, cluster_faults_others_up, fault_power, false},
    {"power-at", 5, cluster_faults_others_up, fault_power_at, false},
    {"restart", 12, fault_if_down, fault_restart, false},
    {"stop", 6, fault_if_up, fault_stop, false},
    {"stop-all", 1, fault_always, fault_stop_all, false},
    {"start-stop", 2, fault_always, fault_start_stop, false},
    {"end-stop", 6, fault_if_stopping, fault_end_stop, false},
    {"crash", 4, fault_always, cluster_faults_crash, false},
    {"vote", 1, fault_always, fault_vote, false},
    {"pause", 3, fault_if_up, fault_pause, false},
    {"cut", 4, fault_always, fault_cut, false},
    {"heal", 4, fault_always, fault_heal, false},
    {"clock", 2, fault_always, fault_clock, false},
    {"memory", 2, fault_if_up, fault_memory, false},
    {"slow-disk", 2, fault_always, fault_slow_disk, false},
    {"full-disk", 2, fault_if_up, fault_full_disk, false},
    {"little-room", 3, fault_always, fault_little_room, false},
    {"io", 3, fault_if_up, fault_io, false},
    {"sync", 2, fault_if_up, fault_sync, false},
    {"descriptors", 2, fault_if_up, fault_descriptors, false},
    {"journal", 1, fault_always, fault_journal, false},
    {"lose-folder", 1, fault_always, fault_lose_folder, false},
    {"lose-all", 1, fault_always, fault_lose_all, false},
    {"empty-dir", 1, fault_always, fault_empty_dir, false},
    {"new-disks", 1, fault_always, fault_new_disks, false},
    {"move-dirs", 1, fault_always, fault_move_dirs, false},
    {"swap", 1, fault_if_up, fault_swap, false},
    {"older-disk", 1, fault_always, cluster_disks_mount_older, false},
    {"back-up", 2, fault_if_down, fault_back_up, false},
    {"restore", 1, fault_if_copied, fault_restore, false},
    {"unregister", 2, fault_if_spare, fault_unregister, false},
    {"elect", 2, fault_always, fault_elect, false},
    {"elect-back", 1, fault_always, fault_elect_back, false},
    {"reassign", 20, fault_always, cluster_moves_fault, true},
    {"create", 2, fault_always, fault_create, false},
    {"delete", 2, fault_always, fault_delete, false},
    {"level", 3, fault_always, fault_level, true},
    {"eligible", 2, cluster_eligible_counts, cluster_eligible_switch, false},
    {"alone", 4, cluster_eligible_counts, cluster_eligible_alone, false},
    {"lose-eligible", 4, cluster_eligible_counts, cluster_eligible_lose, false},
    {"large", 4, fault_always, fault_large, false},
    {"calm", 1, fault_always, fault_none, false},
};
enum { FAULT_ROWS = sizeof(fault_rows) / sizeof(fault_rows[0]) };
_Static_assert(FAULT_ROWS <= 64, "a row has a bit in `on`");

void cluster_faults_list(void)
{
    for (int i = 0; i < FAULT_ROWS; i++)
        printf("# %-12s weight %2d%s\n", fault_rows[i].name, fault_rows[i].weight,
               fault_rows[i].off ? ", only when it is named" : "");
}

static bool faults_enable(struct cluster_faults *faults, const char *names)
{
    if (!names || strcmp(names, "all") == 0) {
        for (int i = 0; i < FAULT_ROWS; i++)
            if (names || !fault_rows[i].off)
                faults->on |= (uint64_t)1 << i;
        return true;
    }
    if (*names == '+') {
        (void)faults_enable(faults, NULL);
        names++;
    }
    for (size_t len; *names; names += len + (names[len] == ',')) {
        len = strcspn(names, ",");
        int i = 0;
        while (i < FAULT_ROWS &&
               (strlen(fault_rows[i].name) != len || strncmp(fault_rows[i].name, names, len) != 0))
            i++;
        if (i == FAULT_ROWS)
            return false;
        faults->on |= (uint64_t)1 << i;
    }
    return true;
}

struct cluster_faults *cluster_faults_new(struct cluster *cluster, const char *names)
{
    struct cluster_faults *faults = mem_alloc(sizeof(*faults));
    faults->cluster = cluster;
    faults->sim = cluster_sim(cluster);
    if (faults_enable(faults, names))
        return faults;
    mem_free(faults);
    return NULL;
}

void cluster_faults_free(struct cluster_faults *faults)
{
    mem_free(faults);
}

int cluster_faults_count(const struct cluster_faults *faults)
{
    return faults->count;
}

bool cluster_fault(struct cluster_faults *faults)
{
    int node = (int)cluster_faults_draw(faults, CLUSTER_NODES);
    int total = 0;
    bool can[FAULT_ROWS];
    for (int i = 0; i < FAULT_ROWS; i++) {
        can[i] = (faults->on >> i & 1) && fault_rows[i].can(faults, node);
        total += can[i] ? fault_rows[i].weight : 0;
    }
    if (total == 0)
        return true;
    int drawn = (int)cluster_faults_draw(faults, (uint64_t)total);
    int row = 0;
    while (!can[row] || drawn >= fault_rows[row].weight)
        drawn -= can[row] ? fault_rows[row].weight : 0, row++;
    cluster_note(faults->cluster, node, "FAULT %s", fault_rows[row].name);
    faults->count++;
    fault_rows[row].run(faults, node);
    faults_lasting(faults);
    return !cluster_problem(faults->cluster)[0];
}
