/* Tells the active controller which replicas of this broker can't serve, and which can again: a log
 * that is damaged, lies on a failed disk, or is still being opened when the broker begins to serve.
 * Likewise which lie on a disk that is nearly full, and take no records. Others lead meanwhile
 * (controller/elections.h). And which have batches of a later leader epoch than the metadata. */
#ifndef BROKER_REPLICA_REPLICA_REPORT_H
#define BROKER_REPLICA_REPLICA_REPORT_H

#include "broker/replica/replica_manager_private.h"

struct replica_report;

struct replica_report *replica_report_new(struct replica_manager *manager);
void replica_report_free(struct replica_report *report);
/* Says now what there is to say, instead of in the next turn. Once the controller has all of it,
 * perhaps at once, replica_manager_reported is called. */
void replica_report_flush(struct replica_report *report);
/* The partition went offline or came back, or there is a new record of it: if the record says
 * something else than what is, the controller is told, until it agrees. */
void replica_report_review(struct replica_report *report, const struct partition *partition);

/* Logs what a person may do about a partition that the controller takes for emptied, if our log has
 * it, but in a directory that is an older disk as far as is known. */
void replica_report_say_older(const struct partition *partition);

#endif
