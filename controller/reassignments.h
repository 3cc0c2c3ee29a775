/* Other replicas for partitions (KIP-455). Against an image, emitting records: see decision.h.
 *
 * The record of a partition has all replicas, those of the target first, in its order, then those
 * that go; and which of them are being added and removed. What a reassignment adds are replicas at
 * once: they fetch, and join the in-sync set like any other. It ends with the change of the set, or
 * of a broker, that makes all of the target in sync and live (elections.h); so it is nothing but
 * metadata, and no crash of anything can lose it. One that is ended by a person gives the replicas
 * of before back: those are all that are not being added. */
#ifndef CONTROLLER_REASSIGNMENTS_H
#define CONTROLLER_REASSIGNMENTS_H

#include "controller/decision.h"

enum { REASSIGNMENTS_MAX = 10000 /* partitions of one command, as Kafka: one entry stays small */ };

/* The AlterReassignments command: the answers stand in `elections`, in the command's order, with
 * Kafka's codes and sentences. UNKNOWN_TOPIC_OR_PARTITION; INVALID_REPLICA_ASSIGNMENT also where
 * only a replica that was being added can lead, so that an end would need an unclean election;
 * INVALID_REPLICATION_FACTOR where the number of replicas must not change;
 * NO_REASSIGNMENT_IN_PROGRESS. Of more than REASSIGNMENTS_MAX none is changed: POLICY_VIOLATION. */
void reassignments_command(struct decision *decision, const Meta__AlterReassignments *command,
                           Meta__CommandReply *reply);

#endif
