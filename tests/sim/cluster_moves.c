/* Replicas that are moved in a simulated cluster: one row of the table of faults. */
#include "cluster_faults_private.h"

enum {
    MOVES_ANSWER_MS = 8, /* in which a command is usually answered */
    MOVES_LED_MS = 300   /* in which a partition is led by another */
};

static void moves_start(struct cluster_faults *faults, const char *topic, int p)
{
    int32_t ids[CLUSTER_NODES] = {0};
    for (int i = 0; i < CLUSTER_NODES; i++) {
        int at = (int)cluster_faults_draw(faults, (uint64_t)i + 1);
        ids[i] = ids[at];
        ids[at] = i;
    }
    /* Two at least: where one copy is destroyed there is another. */
    cluster_reassign(faults->cluster, topic, p, ids, 2 + (int)cluster_faults_draw(faults, 2));
}

/* Those of the coordinators as well. */
static const char *moves_topic(struct cluster_faults *faults)
{
    static const char *const topics[] = {"__transaction_state", "__consumer_offsets"};
    if (!cluster_has_txn(faults->cluster) || cluster_faults_draw(faults, 2))
        return cluster_topic;
    return topics[cluster_faults_draw(faults, 2)];
}

void cluster_moves_fault(struct cluster_faults *faults, int node)
{
    struct cluster *cluster = faults->cluster;
    int p = (int)cluster_faults_draw(faults, CLUSTER_PARTITIONS);
    const char *topic = moves_topic(faults);
    moves_start(faults, topic, p);
    for (uint64_t again = cluster_faults_draw(faults, 3); again > 0; again--) {
        int64_t wait_ms = (int64_t)cluster_faults_draw(faults, 2) ? MOVES_ANSWER_MS : MOVES_LED_MS;
        if (!cluster_run(cluster, 1 + (int64_t)cluster_faults_draw(faults, (uint64_t)wait_ms)))
            return;
        if (cluster_faults_draw(faults, 3) == 0)
            cluster_reassign(cluster, topic, p, NULL, 0);
        else
            moves_start(faults, topic, p);
    }
    if (cluster_faults_draw(faults, 2) ||
        !cluster_run(cluster, (int64_t)cluster_faults_draw(faults, MOVES_LED_MS)))
        return;
    int victim = cluster_faults_draw(faults, 2) ? node : cluster_active(cluster);
    if (victim >= 0 && cluster_faults_others_up(faults, victim))
        cluster_kill(cluster, victim, cluster_faults_draw(faults, 2));
}
