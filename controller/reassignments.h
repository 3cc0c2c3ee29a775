/* Other replicas for partitions. Moving replicas is not there yet: this answers each partition with
 * the reason, in a way that ends a client's tries, and the end of a move (an empty list) with the
 * truth, that none is under way. */
#ifndef CONTROLLER_REASSIGNMENTS_H
#define CONTROLLER_REASSIGNMENTS_H

#include "controller/decision.h"

/* The AlterReassignments command: the answers stand in `elections`, in the command's order. */
void reassignments_command(struct decision *decision, const Meta__AlterReassignments *command,
                           Meta__CommandReply *reply);

#endif
