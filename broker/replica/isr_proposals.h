/* Sends what the partitions that we lead propose for their in-sync sets, as compare-and-set
 * commands to the active controller: what comes up in one turn of the loop goes together. The
 * answers go to the partitions. Where one fails, all sets are looked at again after a pause. */
#ifndef BROKER_REPLICA_ISR_PROPOSALS_H
#define BROKER_REPLICA_ISR_PROPOSALS_H

#include "broker/replica/replica_manager_private.h"

struct isr_proposals;

struct isr_proposals *isr_proposals_new(struct replica_manager *manager);
/* Nobody waits for the answers any more. The partitions are gone already. */
void isr_proposals_free(struct isr_proposals *proposals);
/* The partition has a proposal to send: it is taken from it at the end of the turn. */
void isr_proposals_add(struct isr_proposals *proposals, struct partition *partition);

#endif
