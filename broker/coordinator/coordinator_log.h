/* What a coordinator needs of the partitions of its topic: appending batches and reading everything
 * back. The broker's implementation stands on replicas (partition_log.h); tests have one in memory,
 * so that a coordinator runs without a broker. */
#ifndef BROKER_COORDINATOR_COORDINATOR_LOG_H
#define BROKER_COORDINATOR_COORDINATOR_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "broker/replica/partition.h"

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
    /* Whether an append would be taken now, as far as can be told: 0, ERR_NOT_LEADER_OR_FOLLOWER,
     * ERR_NOT_ENOUGH_REPLICAS, ERR_KAFKA_STORAGE_ERROR. */
    int (*check)(void *data, int32_t partition);
    /* The largest batch that the partition takes, in bytes: max.message.bytes of the topic. */
    size_t (*batch_max)(void *data, int32_t partition);
    /* Appends whole batches; `bytes` may be changed and is not kept. 0 when wait->done will come
     * (in the order of the appends; when the batches are on every in-sync replica, or with why
     * not), or an error: nothing was appended and it will not come. */
    int (*append)(void *data, int32_t partition, uint8_t *bytes, size_t len,
                  struct partition_wait *wait);
    /* The callbacks come later on the loop, until load_cancel. */
    void (*load)(void *data, int32_t partition, struct coordinator_log_load *load);
    void (*load_cancel)(void *data, struct coordinator_log_load *load);
};

#endif
