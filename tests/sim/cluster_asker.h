/* A client of a simulated cluster that asks one broker after the other for the topic: for metadata,
 * as librdkafka's producers do (the topic may be created), and for its description. It is there all
 * the time, so an answer knows it, and metadata names a broker. */
#ifndef SIM_CLUSTER_ASKER_H
#define SIM_CLUSTER_ASKER_H

#include <stdint.h>

#include "env/env.h"

struct cluster;
struct cluster_asker;

struct cluster_asker *cluster_asker_new(struct cluster *cluster, struct env *env,
                                        const int64_t *pause_ms);
/* NULL is nothing. */
void cluster_asker_free(struct cluster_asker *asker);
/* Answers that it got. */
int64_t cluster_asker_answers(const struct cluster_asker *asker);

#endif
