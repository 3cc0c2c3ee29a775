/* Producer ids: unique in the cluster, given out from blocks that the controller has committed. */
#ifndef BROKER_CLUSTER_PRODUCER_IDS_H
#define BROKER_CLUSTER_PRODUCER_IDS_H

#include <stdint.h>

#include "base/list.h"
#include "broker/cluster/controller_channel.h"

struct producer_ids;

/* Embedded by who wants one; done(wait, err, id), never before producer_ids_take returns. */
struct producer_id_wait {
    struct list link;
    void (*done)(struct producer_id_wait *wait, int err, int64_t id);
};

struct producer_ids *producer_ids_new(struct env *env, struct controller_channel *channel,
                                      int32_t node_id);
/* Those who wait are told ERR_COORDINATOR_NOT_AVAILABLE. */
void producer_ids_free(struct producer_ids *ids);
void producer_ids_take(struct producer_ids *ids, struct producer_id_wait *wait);

#endif
