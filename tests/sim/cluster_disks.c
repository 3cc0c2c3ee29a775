/* Older disks, mounted again in the place of the newest ones.
 *
 * Happy path: a node is copied while it is down, serves again, and more is acknowledged; then it
 * has the copy. Now and then all nodes end as well, and it comes back first; or it is the last
 * member of the in-sync sets, leads nothing, and gets its newest disks back. Failure modes: the
 * cluster is not ready for it in time, and then nothing happens, or less. */
#include "cluster_faults_private.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    DISKS_LATER_MS = 1000,  /* at most, from the copy to the end of what is newer */
    DISKS_LEFT_MS = 4000,   /* in which a node that ended leaves the in-sync sets */
    DISKS_ALONE_MS = 300,   /* in which a node that was unregistered does */
    DISKS_SERVES_MS = 4000, /* in which a node that starts is let in */
    DISKS_LOOK_MS = 1000    /* at most, with the older disks */
};

#define DISKS_OLDER  "/older"
#define DISKS_NEWEST "/newest"

static const char *const disks_dirs[] = {"/data", "/more", "/new"};

struct disks_walk {
    struct sim_node *host;
    const char *from; /* the whole path of a log directory; */
    const char *to;   /* NULL: what is there is removed */
};

/* The controller's disk is another. */
static void disks_take(void *data, const char *name)
{
    struct disks_walk *walk = data;
    if (strcmp(name, "controller") == 0)
        return;
    char *from = mem_printf("%s/%s", walk->from, name);
    char *to = walk->to ? mem_printf("%s/%s", walk->to, name) : NULL;
    int rc = to ? sim_disk_copy_tree(walk->host, from, to) : sim_disk_remove(walk->host, from);
    ASSERT(rc == 0);
    mem_free(to);
    mem_free(from);
}

static bool disks_walk(struct sim_node *host, const char *from, const char *to)
{
    struct disks_walk walk = {host, from, to};
    int rc = sim_disk_each(host, from, disks_take, &walk);
    ASSERT(rc == 0 || rc == ERR_NOT_FOUND);
    return rc == 0;
}

/* All log directories of a node that is down, from below one path to below another; "" is where
 * they are in use. */
static void disks_copy(struct sim_node *host, const char *from, const char *to)
{
    for (size_t i = 0; i < sizeof(disks_dirs) / sizeof(disks_dirs[0]); i++) {
        char *source = mem_printf("%s%s", from, disks_dirs[i]);
        char *target = mem_printf("%s%s", to, disks_dirs[i]);
        int rc = *to ? sim_disk_make(host, i == 0 ? to : target) : 0;
        if (rc == 0 && *to && i == 0)
            rc = sim_disk_make(host, target);
        ASSERT(rc == 0);
        if (disks_walk(host, target, NULL))
            (void)disks_walk(host, source, target);
        mem_free(target);
        mem_free(source);
    }
}

/* Runs until the node is in no set any more, or (`alone`) nobody else is in any. */
static bool disks_wait_sets(struct cluster *cluster, int node, bool alone, int64_t limit_ms)
{
    for (int64_t waited = 0; waited < limit_ms; waited++) {
        bool reached = true;
        for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
            const struct image_partition *newest = cluster_newest(cluster, p);
            reached &= newest && cluster_in_isr(cluster, p, node) == alone &&
                       (!alone || newest->isr.count == 1);
        }
        if (reached || !cluster_run(cluster, 1))
            return reached && !cluster_problem(cluster)[0];
    }
    return false;
}

/* One of the others ends, and the second one is unregistered, which comes back to the sets only
 * when it has registered anew and caught up. */
static bool disks_make_alone(struct cluster *cluster, int node)
{
    int second = (node + 1) % CLUSTER_NODES, third = (node + 2) % CLUSTER_NODES;
    Meta__UnregisterBroker unregister = META__UNREGISTER_BROKER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    cluster_kill(cluster, third, false);
    if (!disks_wait_sets(cluster, third, false, DISKS_LEFT_MS))
        return false;
    unregister.broker_id = second;
    command.body_case = META__COMMAND__BODY_UNREGISTER_BROKER;
    command.unregister_broker = &unregister;
    cluster_ask(cluster, &command);
    return disks_wait_sets(cluster, node, true, DISKS_ALONE_MS);
}

/* Nobody may lead while the last member has its older disks; with the newest ones it does. */
static void disks_look(struct cluster_faults *faults, int node)
{
    struct cluster *cluster = faults->cluster;
    cluster_note(cluster, node, "has older disks, and is the last member");
    for (int i = 0; i < CLUSTER_NODES; i++)
        cluster_restart(cluster, i);
    for (int64_t waited = 0; !cluster_serves(cluster, node) && waited < DISKS_SERVES_MS; waited++)
        if (!cluster_run(cluster, 1))
            return;
    if (!cluster_run(cluster, (int64_t)cluster_faults_draw(faults, DISKS_LOOK_MS)))
        return;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        if (cluster_newest(cluster, p)->leader >= 0)
            cluster_fail(cluster,
                         "node %d leads partition %d, though the last member, node %d, "
                         "has an older disk",
                         cluster_newest(cluster, p)->leader, p, node);
    cluster_kill(cluster, node, cluster_faults_draw(faults, 2));
    disks_copy(cluster_faults_host(faults, node), DISKS_NEWEST, "");
    cluster_note(cluster, node, "has its newest disks again");
    cluster_restart(cluster, node);
}

/* A partition of which it is the last member could never be led again. */
static bool disks_is_last_somewhere(struct cluster *cluster, int node)
{
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        const struct image_partition *newest = cluster_newest(cluster, p);
        if (!newest || (newest->isr.count == 1 && newest->isr.ids[0] == node))
            return true;
    }
    return false;
}

void cluster_disks_mount_older(struct cluster_faults *faults, int node)
{
    struct cluster *cluster = faults->cluster;
    struct sim_node *host = cluster_faults_host(faults, node);
    if (!cluster_faults_make_full(faults))
        return;
    cluster_kill(cluster, node, cluster_faults_draw(faults, 2));
    disks_copy(host, "", DISKS_OLDER);
    cluster_restart(cluster, node);
    if (!cluster_faults_make_full(faults) ||
        !cluster_run(cluster, (int64_t)cluster_faults_draw(faults, DISKS_LATER_MS)))
        return;
    bool alone = cluster_faults_draw(faults, 2) && disks_make_alone(cluster, node);
    if (cluster_problem(cluster)[0] || (!alone && disks_is_last_somewhere(cluster, node)))
        return;
    cluster_kill(cluster, node, cluster_faults_draw(faults, 2));
    disks_copy(host, "", DISKS_NEWEST);
    disks_copy(host, DISKS_OLDER, "");
    if (alone) {
        disks_look(faults, node);
        return;
    }
    cluster_note(cluster, node, "has older disks");
    if (cluster_faults_draw(faults, 2))
        cluster_restart(cluster, node);
    else if (cluster_faults_draw(faults, 2))
        cluster_faults_crash(faults, node);
}
