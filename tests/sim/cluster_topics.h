/* Two clients of a simulated cluster that make one topic and delete it, again and again. */
#ifndef SIM_CLUSTER_TOPICS_H
#define SIM_CLUSTER_TOPICS_H

#include <stdint.h>

#include "env/env.h"

struct cluster;
struct cluster_topics;

struct cluster_topics *cluster_topics_new(struct cluster *cluster, struct env *env,
                                          const int64_t *pause_ms);
void cluster_topics_free(struct cluster_topics *topics);
/* Asks until the topic is there. */
void cluster_topics_create(struct cluster_topics *topics);
/* Asks once, with one answer or none. */
void cluster_topics_delete(struct cluster_topics *topics);

#endif
