/* Takes over what the log of a shard says: while it loads, and for the consumer protocol also what
 * was just written. */
#ifndef BROKER_GROUP_REPLAY_H
#define BROKER_GROUP_REPLAY_H

#include "broker/group/shard.h"

/* Whole batches. ERR_CORRUPT_MESSAGE and the like when they are damaged; records of unknown types
 * and newer versions are skipped. */
int replay_batches(struct shard *shard, uint8_t *bytes, size_t len) MUST_CHECK;
/* Everything is read: the sessions of the group's members start; a group that holds nothing is
 * dropped. */
void replay_start_group(struct group *group);

#endif
