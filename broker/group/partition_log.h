/* The coordinator's log over the broker's replicas: see group_log.h. Reading runs on the worker
 * pool in pieces, which are replayed in as many turns of the loop, so that loading never holds up
 * others. */
#ifndef BROKER_GROUP_PARTITION_LOG_H
#define BROKER_GROUP_PARTITION_LOG_H

#include "broker/group/group_log.h"
#include "broker/replica/replica_manager.h"

struct partition_log;

struct partition_log *partition_log_new(struct env *env, struct replica_manager *replicas,
                                        const char *topic);
/* After every load was cancelled. */
void partition_log_free(struct partition_log *log);

/* The data of these is the struct partition_log. */
extern const struct group_log_ops partition_log_ops;

#endif
