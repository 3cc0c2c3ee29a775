/* In which partition of a coordinator's topic a key lives: the id of a group or of a transactional
 * producer. */
#ifndef BROKER_COORDINATOR_COORDINATOR_KEY_H
#define BROKER_COORDINATOR_COORDINATOR_KEY_H

#include <stdint.h>

#include "wire/str.h"

/* By Kafka's rule: |String.hashCode(key)| mod partitions. */
int32_t coordinator_key_partition(struct wire_str key, int32_t partitions);

#endif
