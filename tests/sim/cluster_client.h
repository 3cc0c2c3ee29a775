/* The writer of a simulated cluster: one produce at a time for each partition, each record with a
 * number of its own; with acks=all, what was acknowledged is remembered with its offset, and a
 * write without an answer is "unknown" and never repeated. With acks 1 or 0 it only makes noise. */
#ifndef SIM_CLUSTER_CLIENT_H
#define SIM_CLUSTER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

struct batch;
struct cluster;
struct cluster_client;

struct cluster_client *cluster_client_new(struct cluster *cluster, struct env *env,
                                          const int64_t *pause_ms, int16_t acks);
/* NULL is nothing. */
void cluster_client_free(struct cluster_client *client);
void cluster_client_start(struct cluster_client *client);
void cluster_client_stop(struct cluster_client *client);
/* The next batch gets one more record, of so many bytes. */
void cluster_client_enlarge(struct cluster_client *client, int bytes);
int64_t cluster_client_acked_in(const struct cluster_client *client, int partition);
/* A batch of a log: false when an acknowledged one of ours stands at another offset than it should;
 * *found counts the acknowledged ones. */
bool cluster_client_check(const struct cluster_client *client, int partition,
                          const struct batch *batch, int64_t *found);

#endif
