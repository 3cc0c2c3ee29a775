/* What the faults of a simulated cluster share: for cluster_faults.c and the
 * files of single rows. */
#ifndef SIM_CLUSTER_FAULTS_PRIVATE_H
#define SIM_CLUSTER_FAULTS_PRIVATE_H

#include "cluster_faults.h"

struct cluster_faults {
    struct cluster *cluster;
    struct sim *sim;
    uint64_t on; /* bit of each row */
    int count;
    bool cut, slow, full; /* go on */
    bool copied[CLUSTER_NODES];
};

uint64_t cluster_faults_draw(struct cluster_faults *faults, uint64_t count);
struct sim_node *cluster_faults_host(struct cluster_faults *faults, int node);
/* Waits until every copy is there, for longer than a session lasts: what was decided about brokers
 * that had been away is known by then. False when that takes too long. */
bool cluster_faults_make_full(struct cluster_faults *faults);
/* All nodes end at once; who comes back at once is drawn, `node` the first. */
void cluster_faults_crash(struct cluster_faults *faults, int node);

/* The folders of partition `index` (-1: of all) go from a node that is down. */
void cluster_faults_remove_copies(struct cluster_faults *faults, int node, int index);

/* The node is up, and is not the last one that is. */
bool cluster_faults_others_up(struct cluster_faults *faults, int node);

/* Runs until the node is in no in-sync set any more. False when that takes too long. */
bool cluster_faults_wait_out(struct cluster_faults *faults, int node);

/* ---- cluster_eligible.c ---- */

/* Whether the cluster has eligible replicas. */
bool cluster_eligible_counts(struct cluster_faults *faults, int node);
/* The level of the feature goes up or down. */
void cluster_eligible_switch(struct cluster_faults *faults, int node);
/* The others end while the node is out of the sets, and has not crashed: where a set was too small
 * it is eligible, and leads. */
void cluster_eligible_alone(struct cluster_faults *faults, int node);
/* The node stops, is eligible and loses copies; it comes back, and those end that have them all
 * before it has fetched them anew: then it may not lead. */
void cluster_eligible_lose(struct cluster_faults *faults, int node);

/* ---- cluster_moves.c ---- */

/* Replicas are moved, more or fewer of them; the move is ended, or replaced by another, so soon
 * that a replica may come again where it has just gone; and who is in the middle of that ends. */
void cluster_moves_fault(struct cluster_faults *faults, int node);

/* ---- cluster_disks.c ---- */

/* A node gets the disks of log.dirs back as they were before its last start but one. */
void cluster_disks_mount_older(struct cluster_faults *faults, int node);

#endif
