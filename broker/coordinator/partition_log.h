/* A coordinator's log over the broker's replicas: see coordinator_log.h. Reading runs on the worker
 * pool in pieces, which are replayed in as many turns of the loop, so that loading never holds up
 * others. */
#ifndef BROKER_COORDINATOR_PARTITION_LOG_H
#define BROKER_COORDINATOR_PARTITION_LOG_H

#include "broker/coordinator/coordinator_log.h"
#include "broker/replica/partition_ops.h"

struct partition_log;

struct partition_log *partition_log_new(struct env *env, struct partitions *partitions,
                                        const char *topic);
/* After every load was cancelled. */
void partition_log_free(struct partition_log *log);

/* The data of these is the struct partition_log. */
extern const struct coordinator_log_ops partition_log_ops;

#endif
