/* Eligible replicas (KIP-966) in a simulated cluster: two rows of the table of faults. */
#include "cluster_faults_private.h"

enum {
    ELIGIBLE_PAUSE_MS = 2000, /* longer than a session */
    ELIGIBLE_OUT_MS = 6000,   /* in which a node that is gone has left the sets, */
    ELIGIBLE_LOOK_MS = 20,    /* and between two looks */
    ELIGIBLE_LATER_MS = 300
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
