/* Who leads: the rules by which the active controller picks leaders from in-sync sets, and where
 * nobody of a set can lead from the eligible replicas (eligible.h).
 *
 * A leader is taken from the in-sync set, in the order of the replicas, among live brokers that
 * have spoken to this controller and have not said that they can't serve the partition (its log is
 * damaged, or still being opened). One whose disk is nearly full leads only where no other member
 * has room: it can be read, and takes no records. The set shrinks only at the wish of a leader that
 * has taken office: when all members go at once it stays as it was, since each of them has every
 * acknowledged record on its disk, and the first that comes back whole leads. Only who comes back
 * without its disk, or with an older one, leaves at once; the last member then stays listed as
 * emptied, and nobody leads until it reports its records after all or a person chooses
 * (ElectLeaders, unclean). A replica outside the set leads only where
 * unclean.leader.election.enable allows it (or an operator asks), and then the set is that replica
 * alone. One that a reassignment is adding may have nothing yet: it does so only where an operator
 * asks and nobody else is there. A reassignment ends when all replicas that shall stay are in the
 * set and live: then the others go, out of the set too, and the leader epoch rises. Every change
 * raises the partition epoch by one, every change of the leader the leader epoch as well. A log
 * that has batches of a later leader epoch than the metadata raises it past that. */
#ifndef CONTROLLER_ELECTIONS_H
#define CONTROLLER_ELECTIONS_H

#include "controller/decision.h"

/* The broker stops serving (its record says so already): what it led is led by others. */
void elections_broker_out(struct decision *decision, int32_t broker_id);

/* The broker is live again, or a new controller has heard of it: partitions without a leader that
 * may be led by it are. */
void elections_broker_in(struct decision *decision, int32_t broker_id);

/* The broker has come back without a disk that it had, or with an older one, or is unregistered: it
 * leaves the in-sync sets where others remain, led or not, since it may lack what they have. Where
 * it is the last member, nobody leads, and what is at risk is logged. `lost_epoch`: the newest
 * under which it served with what it lacks now, 0 if that is not known. */
void elections_broker_emptied(struct decision *decision, int32_t broker_id, int64_t lost_epoch);

/* The broker has registered anew, and is fenced: what an earlier process led and said of its
 * replicas holds no more. */
void elections_broker_anew(struct decision *decision, int32_t broker_id);

/* The broker has registered anew after a crash, or nobody knows how its last process ended: it is
 * nowhere an eligible replica any more (eligible.h). Its places in the in-sync sets stay: what it
 * acknowledged is on its disk, and nobody waits in vain for a better one. */
void elections_broker_crashed(struct decision *decision, int32_t broker_id);

/* Who is eligible where the in-sync set is large enough now, or the feature is off, is so no more:
 * of a topic, or of all (NULL). */
void elections_end_eligible(struct decision *decision, const struct image_topic *topic);

/* The ReportReplicas command: what the broker can't serve is led by others, or by nobody. */
void elections_report(struct decision *decision, const Meta__ReportReplicas *command,
                      Meta__CommandReply *reply);

/* The in-sync set has a new member, perhaps one with room where the leader's disk is full, or the
 * last one that a reassignment waited for. */
void elections_set_changed(struct decision *decision, const struct image_topic *topic,
                           const struct image_partition *partition);

/* Emits a record with other replicas, or with others that are being added and removed; none that
 * changes nothing. Where all that shall stay are in sync and live, the others go at once; the
 * leader moves if it has to. */
void elections_reassign(struct decision *decision, const struct image_topic *topic,
                        Meta__PartitionRecord *record);
/* Takes brokers out of the replicas of a record, and of all that is said of its replicas. */
void elections_drop_replicas(Meta__PartitionRecord *record, const int32_t *gone, size_t n_gone);
/* A replica leads, or shall, that may lack records: the set is that one alone. Logged. */
void elections_set_unclean(struct decision *decision, const struct image_topic *topic,
                           Meta__PartitionRecord *record, int32_t leader);
bool elections_unclean_allowed(const struct decision *decision, const struct image_topic *topic);
/* Whether the broker could lead now, as far as the image and this controller know. */
bool elections_may_lead(const struct decision *decision, const Meta__PartitionRecord *record,
                        int32_t id);

/* Leaderless partitions of one topic, or of all, elect again (the unclean setting changed). */
void elections_topic(struct decision *decision, const struct image_topic *topic);
void elections_all(struct decision *decision);

/* Partitions that would stand still without the broker: it leads them, or is in sync with who does.
 */
size_t elections_needing(const struct image *image, int32_t broker_id);

/* Preferred replicas that are live and in sync take over, where more than `percent` of the
 * partitions that prefer their broker are led elsewhere, as Kafka before 4.0 has it; 0: always, as
 * since then. At most `limit` partitions. Returns how many did. */
size_t elections_balance(struct decision *decision, int32_t percent, size_t limit);

/* One partition is given its preferred replica as leader, or (`unclean`) one that may lack records:
 * 0, or ERR_ELECTION_NOT_NEEDED, ERR_PREFERRED_LEADER_NOT_AVAILABLE,
 * ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE and ERR_UNKNOWN_TOPIC_OR_PARTITION (`topic` may be NULL). */
int elections_one(struct decision *decision, bool unclean, const struct image_topic *topic,
                  int32_t index) MUST_CHECK;
/* The ElectLeaders command. */
void elections_command(struct decision *decision, const Meta__ElectLeaders *command,
                       Meta__CommandReply *reply);

#endif
