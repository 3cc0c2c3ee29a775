/* Changes of in-sync sets, asked for by partition leaders: compare-and-set on the partition epoch
 * and the leader epoch, each new member checked by its broker epoch (KIP-841). */
#ifndef CONTROLLER_ISR_H
#define CONTROLLER_ISR_H

#include "controller/decision.h"

/* Whether the command's sender is what it was when it registered; else the reply says
 * STALE_BROKER_EPOCH or BROKER_ID_NOT_REGISTERED. */
bool isr_check_sender(struct decision *decision, int32_t broker_id, int64_t broker_epoch,
                      Meta__CommandReply *reply) MUST_CHECK;

/* The AlterPartitions command. */
void isr_command(struct decision *decision, const Meta__AlterPartitions *command,
                 Meta__CommandReply *reply);

#endif
