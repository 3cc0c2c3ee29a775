/* Committing, fetching and deleting offsets; the functions of group_manager.h that concern offsets
 * are here. */
#ifndef BROKER_GROUP_COMMITS_H
#define BROKER_GROUP_COMMITS_H

#include "broker/group/group.h"

/* Whether the topic that the offset means is gone: nobody is shown it any more, and sooner or later
 * a tombstone follows (sweep.h). */
bool commits_is_stale(const struct group *group, struct wire_str topic,
                      const struct offset *offset);
/* from + by, at most INT64_MAX; clients choose both. */
int64_t commits_later_ms(int64_t from_ms, int64_t by_ms);

#endif
