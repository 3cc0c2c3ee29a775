/* Who leads: the rules by which the active controller picks leaders from in-sync sets.
 *
 * A leader is taken from the in-sync set, in the order of the replicas, among live brokers. The set
 * never becomes empty: its last member stays listed while the partition has no leader. A replica
 * outside the set leads only where unclean.leader.election.enable allows it (or an operator asks),
 * and then the set is that replica alone. Every change raises the partition epoch by one, every
 * change of the leader the leader epoch as well. */
#ifndef CONTROLLER_ELECTIONS_H
#define CONTROLLER_ELECTIONS_H

#include "controller/decision.h"

/* The broker stops serving (its record says so already): it leaves the in-sync sets where others
 * remain, and what it led is led by others. */
void elections_broker_out(struct decision *decision, int32_t broker_id);

/* The broker is live again: partitions without a leader that may be led by it are. */
void elections_broker_in(struct decision *decision, int32_t broker_id);

/* Leaderless partitions of one topic elect again (its unclean setting changed). */
void elections_topic(struct decision *decision, const struct image_topic *topic);

/* Partitions that the broker leads. */
size_t elections_led_by(const struct image *image, int32_t broker_id);

/* Preferred replicas that are live and in sync take over; at most `limit` partitions. Returns how
 * many did. */
size_t elections_balance(struct decision *decision, size_t limit);

/* The ElectLeaders command. */
void elections_command(struct decision *decision, const Meta__ElectLeaders *command,
                       Meta__CommandReply *reply);

#endif
