/* Three whole nodes, broker and controller each, in one simulated world, with a client that writes
 * and a checker that looks at everything after every event.
 *
 * The client writes numbered records with acks=all to one topic, one at a time for each partition, and
 * remembers which were acknowledged at which offset; a write without an answer is "unknown" and never
 * repeated. The checker's rules: one leader for each epoch of a partition; the high watermark of a
 * leadership never goes back; replicas agree byte for byte below the lower of their high watermarks;
 * at the end every acknowledged record stands at its offset on every replica. */
#ifndef SIM_CLUSTER_H
#define SIM_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "sim.h"

enum { CLUSTER_NODES = 3, CLUSTER_PARTITIONS = 2 };

struct cluster;

/* The world and three running nodes. `min_insync`: of the topic. */
struct cluster *cluster_new(uint64_t seed, int min_insync);
void cluster_free(struct cluster *cluster);
struct sim *cluster_sim(struct cluster *cluster);
struct sim_node *cluster_node(struct cluster *cluster, int i);

/* Runs until the topic is there with every in-sync set full, and the client writes. False when that
 * takes more than `limit_ms` of virtual time. */
bool cluster_ready(struct cluster *cluster, int64_t limit_ms);
/* Runs on, checking after every step. False when a rule is broken (cluster_problem tells). */
bool cluster_run(struct cluster *cluster, int64_t ms);

bool cluster_is_up(const struct cluster *cluster, int i);
void cluster_kill(struct cluster *cluster, int i, bool power);
void cluster_restart(struct cluster *cluster, int i);
/* Which node is the active controller; -1 none. Which leads partition p; -1 none. */
int cluster_active(const struct cluster *cluster);
int cluster_leader(const struct cluster *cluster, int p);

/* Compares the replicas that are up, below their high watermarks. */
bool cluster_check_logs(struct cluster *cluster);
/* Heals everything, starts every node, stops the client, waits until all replicas are whole, then
 * checks that nothing acknowledged is lost. */
bool cluster_finish(struct cluster *cluster, int64_t limit_ms);

int64_t cluster_acked(const struct cluster *cluster);
/* The broken rule in words; "" when all is well. */
const char *cluster_problem(const struct cluster *cluster);

#endif
