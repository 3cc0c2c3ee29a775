/* Eligible leader replicas (KIP-966): which replicas outside the in-sync set may lead cleanly.
 *
 *     in-sync set --- leaves a set that is below min.insync.replicas ---> eligible
 *         ^                                                              |      |
 *         +---------------- has caught up, or leads ---------------------+      | may lack records
 *                                                                               v
 *                                                                          last known
 *
 * While a partition has eligible replicas its leader lets the high watermark stand still, whatever
 * its own settings say: so each of them has every committed record, as the members of the set do.
 * When no member of the set can lead, the first of them that can does, and the set is that one
 * alone; the members before are eligible then. As soon as the set has min.insync.replicas members,
 * or as many as there are replicas, nobody is eligible any more. Who comes back from a crash, with
 * another disk or with a damaged log is no longer eligible, and stays listed as last known.
 *
 * Kafka's set may be empty, ours never is: its last member stays in it and is waited for, too.
 * All of this holds at eligible.leader.replicas.version 1; at 0 nobody is eligible. */
#ifndef CONTROLLER_ELIGIBLE_H
#define CONTROLLER_ELIGIBLE_H

#include "controller/decision.h"

bool eligible_is_on(const struct decision *decision);

/* The broker has left the set. It is eligible if nothing speaks against its log, and as long as the
 * set is too small, which eligible_settle looks at. */
void eligible_leave(struct decision *decision, Meta__PartitionRecord *record, int32_t broker_id);
/* The broker may lack records that it had while it was eligible, or in the set that it has left. */
void eligible_lose(struct decision *decision, Meta__PartitionRecord *record, int32_t broker_id);
/* The history begins anew, with a leader that may lack records: nobody is eligible. */
void eligible_clear(Meta__PartitionRecord *record);
/* The broker, which is eligible, is the set from now on. An emptied member is not eligible. */
void eligible_lead(struct decision *decision, const struct image_topic *topic,
                   Meta__PartitionRecord *record, int32_t broker_id);
/* What always holds of a record that is emitted: members of the set and strangers are not
 * eligible, and nobody is where the set is large enough. */
void eligible_settle(const struct decision *decision, const struct image_topic *topic,
                     Meta__PartitionRecord *record);
/* Whether a record of that partition has to be emitted, since nobody should be eligible now. */
bool eligible_is_over(const struct decision *decision, const struct image_topic *topic,
                      const struct image_partition *partition);

/* Whether the feature lets the setting of that resource be changed so (`value` NULL: removed);
 * else Kafka's sentence. A broker's own min.insync.replicas, or its file's, would be unknown to the
 * controller. */
const char *eligible_why_not_setting(const struct decision *decision,
                                     Meta__ConfigRecord__Resource resource, const char *name,
                                     const char *key, const char *value);

#endif
