/* The writer of a simulated cluster: one produce at a time for each partition, acks=all, each record
 * with a number of its own; what was acknowledged is remembered with its offset. */
#ifndef SIM_CLUSTER_CLIENT_H
#define SIM_CLUSTER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

struct batch;
struct cluster_client;

/* Brokers are "n0".."n<nodes-1>" on `port`. */
struct cluster_client *cluster_client_new(struct env *env, const char *topic, int partitions,
                                          int nodes, uint16_t port);
void cluster_client_free(struct cluster_client *client);
void cluster_client_start(struct cluster_client *client);
void cluster_client_stop(struct cluster_client *client);
int64_t cluster_client_acked(const struct cluster_client *client);
int64_t cluster_client_acked_in(const struct cluster_client *client, int partition);
/* A batch of a log: false when an acknowledged record of it stands at another offset than it should;
 * *found counts the acknowledged ones. */
bool cluster_client_check(const struct cluster_client *client, int partition,
                          const struct batch *batch, int64_t *found);

#endif
