/* The logs that are being opened for the partitions of this broker: at most one at a time for a
 * directory, since a topic may be removed, and another of the same name be made, while its log
 * opens. Each partition is given its log, or the error, when it comes. */
#ifndef BROKER_REPLICA_REPLICA_OPENINGS_H
#define BROKER_REPLICA_REPLICA_OPENINGS_H

#include "broker/replica/replica_manager_private.h"

struct replica_openings;

struct replica_openings *replica_openings_new(struct replica_manager *manager);
/* The callbacks don't come any more: the logs are closed next. */
void replica_openings_free(struct replica_openings *openings);
size_t replica_openings_count(const struct replica_openings *openings);
/* Opens the partition's log, or will once the directory is free. After each that came,
 * replica_manager_opened is called. */
void replica_openings_open(struct replica_openings *openings, struct partition *partition);
/* The partition goes: a log that is being opened for it is let go when it comes. */
void replica_openings_forget(struct replica_openings *openings, const struct partition *partition,
                             bool keep);
/* What there is of the partition on the disk can't be used, and is not ours any more: it is set
 * aside, so that the directory's name is free. */
void replica_openings_discard(struct replica_openings *openings, const char *topic, int32_t index);
/* Deletes the log (NULL: nothing), or sets it aside if it is to be kept. */
void replica_openings_let_go(struct replica_openings *openings, struct log *log, bool keep);

#endif
