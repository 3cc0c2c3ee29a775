/* Committing, fetching, deleting and expiring offsets; the functions of group_manager.h that
 * concern offsets are here too. */
#ifndef BROKER_GROUP_COMMITS_H
#define BROKER_GROUP_COMMITS_H

#include "broker/group/group.h"

/* Writes tombstones for offsets past their time, and for the group when nothing is left of it. Only
 * a group without members loses offsets (KIP-211). */
void commits_expire(struct group *group);
/* The topic is gone: so are its offsets. */
void commits_forget_topic(struct group *group, struct wire_str topic);
/* The same for all topics that the image does not know. */
void commits_forget_unknown(struct group *group);

#endif
