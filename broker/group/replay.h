/* Takes over what the log of a shard says: while it loads, and for the consumer protocol also what
 * was just written. */
#ifndef BROKER_GROUP_REPLAY_H
#define BROKER_GROUP_REPLAY_H

#include "broker/group/shard.h"

/* One record of the batch. Records of unknown types and newer versions are skipped. */
void replay_record(struct shard *shard, const struct batch *batch, const struct record *record);
/* Everything is read: the sessions of the group's members start; a group that holds nothing is
 * dropped. */
void replay_start_group(struct group *group);

#endif
