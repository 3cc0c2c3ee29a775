/* What a coordinator needs of the partitions of its topic: appending batches and reading everything
 * back. The broker's implementation stands on replicas (partition_log.h); tests have one in memory,
 * so that a coordinator runs without a broker. */
#ifndef BROKER_COORDINATOR_COORDINATOR_LOG_H
#define BROKER_COORDINATOR_COORDINATOR_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "broker/replica/partition_ops.h"

/* Embedded by who loads. */
struct coordinator_log_load {
    /* Whole batches in the order of the log; borrowed. ERR_x stops the load with that error. */
    int (*batches)(struct coordinator_log_load *load, uint8_t *bytes, size_t len);
    /* Everything up to the log end at the start of the load was given, and is replicated (0); or an
     * error. */
    void (*done)(struct coordinator_log_load *load, int err);
    void *impl; /* the implementation's */
};

struct coordinator_log_ops {
    /* Whether an append would be taken now, as far as is known here: 0,
     * ERR_NOT_LEADER_OR_FOLLOWER, ERR_NOT_ENOUGH_REPLICAS, ERR_KAFKA_STORAGE_ERROR. What is known
     * is a moment old: an append may be refused all the same. */
    int (*check)(void *data, int32_t partition);
    /* The largest batch that the partition takes, in bytes: max.message.bytes of the topic. */
    size_t (*batch_max)(void *data, int32_t partition);
    /* Appends the whole batches at append->bytes, which may be changed, and must stay until they
     * are appended (append->taken) or done. 0 when append->op.done will come, in the order of the
     * appends: when the batches are on every in-sync replica, or with why not; append->appended
     * says whether they are in the log. Or an error: nothing was appended and it will not come. */
    int (*append)(void *data, int32_t partition, struct partition_append_op *append);
    /* Nobody waits for it any more: done does not come. */
    void (*append_cancel)(void *data, struct partition_append_op *append);
    /* The callbacks come later on the loop, until load_cancel. */
    void (*load)(void *data, int32_t partition, struct coordinator_log_load *load);
    void (*load_cancel)(void *data, struct coordinator_log_load *load);
};

#endif
