/* Eligible replicas (KIP-966) in a simulated cluster: three rows of the table of faults. */
#include "cluster_faults_private.h"

enum {
    ELIGIBLE_PAUSE_MS = 2000, /* longer than a session */
    ELIGIBLE_OUT_MS = 6000,   /* in which a node that is gone has left the sets, */
    ELIGIBLE_LOOK_MS = 20,    /* and between two looks */
    ELIGIBLE_LATER_MS = 300,
    ELIGIBLE_AGAIN_MS = 4000 /* in which a node opens its logs and discards what is lost */
};

bool cluster_faults_wait_out(struct cluster_faults *faults, int node)
{
    for (int waited = 0; waited < ELIGIBLE_OUT_MS; waited += ELIGIBLE_LOOK_MS) {
        bool in = false;
        for (int p = 0; p < CLUSTER_PARTITIONS; p++)
            in |= cluster_in_isr(faults->cluster, p, node);
        if (!in)
            return true;
        if (!cluster_run(faults->cluster, ELIGIBLE_LOOK_MS))
            return false;
    }
    return false;
}

bool cluster_eligible_counts(struct cluster_faults *faults, int node)
{
    (void)node;
    return cluster_has_eligible(faults->cluster);
}

/* Mostly up. */
void cluster_eligible_switch(struct cluster_faults *faults, int node)
{
    (void)node;
    cluster_set_level(faults->cluster, "eligible.leader.replicas.version",
                      cluster_faults_draw(faults, 4) > 0, 1);
}

void cluster_eligible_alone(struct cluster_faults *faults, int node)
{
    struct cluster *cluster = faults->cluster;
    int other = (node + 1 + (int)cluster_faults_draw(faults, CLUSTER_NODES - 1)) % CLUSTER_NODES;
    bool stops = cluster_faults_draw(faults, 2);
    if (!cluster_faults_make_full(faults))
        return;
    if (cluster_faults_draw(faults, 2))
        cluster_kill(cluster, other, false);
    if (stops)
        cluster_stop(cluster, node);
    else
        cluster_pause(cluster, node, ELIGIBLE_PAUSE_MS);
    if (!cluster_faults_wait_out(faults, node) ||
        !cluster_run(cluster, (int64_t)cluster_faults_draw(faults, ELIGIBLE_LATER_MS)))
        return;
    for (int i = 0; i < CLUSTER_NODES; i++)
        if (i != node)
            cluster_kill(cluster, i, cluster_faults_draw(faults, 2));
    cluster_note(cluster, node, "is alone");
    cluster_restart(cluster, node);
    /* Two controllers elect. */
    if (cluster_run(cluster, (int64_t)cluster_faults_draw(faults, ELIGIBLE_LATER_MS)))
        cluster_restart(cluster, other);
}

/* Runs until the node has stopped, outside of all sets. */
static bool eligible_stop(struct cluster_faults *faults, int node)
{
    cluster_stop(faults->cluster, node);
    if (!cluster_faults_wait_out(faults, node))
        return false;
    for (int waited = 0; cluster_is_up(faults->cluster, node); waited += ELIGIBLE_LOOK_MS)
        if (waited >= ELIGIBLE_OUT_MS || !cluster_run(faults->cluster, ELIGIBLE_LOOK_MS))
            return false;
    return true;
}

/* Runs until the node's log is open again: what it had is gone, and hardly anything is fetched. */
static bool eligible_wait_open(struct cluster *cluster, int node, int p)
{
    for (int waited = 0; waited < ELIGIBLE_AGAIN_MS; waited++) {
        if (cluster_end(cluster, node, p) >= 0)
            return true;
        if (!cluster_run(cluster, 1))
            return false;
    }
    return true;
}

void cluster_eligible_lose(struct cluster_faults *faults, int node)
{
    struct cluster *cluster = faults->cluster;
    int other = (node + 1 + (int)cluster_faults_draw(faults, CLUSTER_NODES - 1)) % CLUSTER_NODES;
    int p = (int)cluster_faults_draw(faults, CLUSTER_PARTITIONS);
    if (!cluster_faults_make_full(faults))
        return;
    cluster_kill(cluster, other, false);
    if (!cluster_faults_wait_out(faults, other) || !eligible_stop(faults, node))
        return;
    cluster_faults_remove_copies(faults, node, cluster_faults_draw(faults, 2) ? p : -1);
    cluster_restart(cluster, node);
    if (!eligible_wait_open(cluster, node, p))
        return;
    cluster_note(cluster, node, "is alone with what it has fetched anew");
    cluster_kill(cluster, CLUSTER_NODES - node - other, cluster_faults_draw(faults, 2));
    /* Two controllers elect. */
    cluster_restart(cluster, other);
    (void)cluster_run(cluster, 2 * ELIGIBLE_PAUSE_MS);
}
