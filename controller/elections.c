/* Leader elections. Happy path: a broker goes, each partition that it led finds another member of
 * its in-sync set. Failure modes: nobody live is left in the set, then there is no leader (-1); a
 * new controller has not heard of the members yet, then it waits for the first, or until all of
 * them are known to be gone.
 *
 * An election leaves the set as it is. Members that are gone are dropped by the new leader once it
 * leads (isr.c of the broker): one that fails before has then cost nobody his place, and the
 * others, who have everything too, may lead in its stead. */
#include "controller/elections.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mutation.h"
#include "base/plural.h"
#include "config/config_chain.h"
#include "controller/eligible.h"
#include "controller/isr.h"

bool elections_unclean_allowed(const struct decision *decision, const struct image_topic *topic)
{
    struct config_chain chain;
    config_chain_init(&chain, decision->rules->settings, decision->image, decision->rules->node_id);
    chain.topic = topic->name;
    return config_chain_bool(&chain, CONFIG_UNCLEAN_LEADER_ELECTION_ENABLE);
}

/* Whether the broker is there and can serve the partition, as far as the image knows. */
static bool is_fit(const struct decision *decision, const int32_t *offline, size_t n_offline,
                   int32_t id)
{
    return decision_live(decision, id) &&
           (MUTATION(CLOSED_LOG_LEADS) || !image_has_id(offline, n_offline, id));
}

/* And has spoken to this controller: the image may still say of a dead broker that it is live. */
bool elections_may_lead(const struct decision *decision, const Meta__PartitionRecord *record,
                        int32_t id)
{
    return is_fit(decision, record->offline, record->n_offline, id) && decision_heard(decision, id);
}

static bool is_full(const Meta__PartitionRecord *record, int32_t id)
{
    return image_has_id(record->full, record->n_full, id);
}

enum pick {
    PICK_CLEAN,    /* of the set */
    PICK_ELIGIBLE, /* of those outside the set that have all that is committed */
    PICK_UNCLEAN,  /* of all that were replicas before a move began */
    PICK_ANY       /* as well one that is being added and never was in sync: a person wants so */
};

/* Whether it may be picked, but for whether it can lead. An emptied member counts for nothing. */
static bool is_picked(const Meta__PartitionRecord *record, int32_t id, enum pick pick)
{
    bool member = image_has_id(record->isr, record->n_isr, id);
    ASSERT(pick <= PICK_ANY);
    if (pick == PICK_ELIGIBLE)
        return image_has_id(record->elr, record->n_elr, id);
    if (pick == PICK_CLEAN || (member && record->emptied))
        return member && !record->emptied;
    return pick == PICK_ANY || member || !image_has_id(record->adding, record->n_adding, id);
}

/* The first replica that may lead, and rather one whose disk has room, and rather one that is not
 * just being added; IMAGE_NO_NODE when there is none. */
static int32_t pick_leader(const struct decision *decision, const Meta__PartitionRecord *record,
                           enum pick pick)
{
    int32_t leader = IMAGE_NO_NODE, best = INT32_MAX;
    for (size_t i = 0; i < record->n_replicas; i++) {
        int32_t id = record->replicas[i];
        bool added = pick > PICK_ELIGIBLE && image_has_id(record->adding, record->n_adding, id);
        int32_t rank = 2 * added + is_full(record, id);
        if (rank >= best || !is_picked(record, id, pick) ||
            !elections_may_lead(decision, record, id))
            continue;
        leader = id;
        best = rank;
    }
    return leader;
}

static void set_leader(Meta__PartitionRecord *record, int32_t leader)
{
    if (record->leader == leader)
        return;
    ASSERT(leader == IMAGE_NO_NODE || image_has_id(record->isr, record->n_isr, leader));
    record->leader = leader;
    record->leader_epoch++;
}

enum { SAID_MAX = 20 }; /* lines about partitions in one decision: there may be thousands */

/* Whether one more line may be logged; the last one says that there are more. */
static bool may_say(struct decision *decision)
{
    struct logger *logger = decision->rules->logger;
    if (!logger || decision->said >= SAID_MAX)
        return false;
    if (++decision->said == SAID_MAX)
        logger_warn(logger, "and more partitions like these: kafka-topics.sh --describe "
                            "--unavailable-partitions lists all that have no leader");
    return decision->said < SAID_MAX;
}

static void say_unclean(struct decision *decision, const struct image_topic *topic,
                        const Meta__PartitionRecord *record, int32_t leader)
{
    if (may_say(decision))
        logger_warn(decision->rules->logger,
                    "unclean election: broker %d leads %s-%d in epoch %d without having been in "
                    "sync: what it had not copied of the epochs before is lost",
                    leader, topic->name, record->partition, record->leader_epoch + 1);
}

static void say_emptied(struct decision *decision, const struct image_topic *topic,
                        const Meta__PartitionRecord *record, int32_t broker_id)
{
    if (may_say(decision))
        logger_error(decision->rules->logger,
                     "%s-%d has no leader: broker %d, its last in-sync replica (leader epoch %d), "
                     "was unregistered, or has a new or an older log directory; records that only "
                     "it had are "
                     "at risk. Bring the disk back that it served them from last (an older one "
                     "lacks what came after it), or let another replica lead and lose them: "
                     "kafka-leader-election.sh --election-type unclean --topic %s "
                     "--partition %d",
                     topic->name, record->partition, broker_id, record->leader_epoch, topic->name,
                     record->partition);
}

static void not_emptied(Meta__PartitionRecord *record)
{
    record->emptied = false;
    record->emptied_epoch = 0;
}

/* A replica leads that may lack records: the set is that one alone. */
void elections_set_unclean(struct decision *decision, const struct image_topic *topic,
                           Meta__PartitionRecord *record, int32_t leader)
{
    ASSERT(image_has_id(record->replicas, record->n_replicas, leader));
    say_unclean(decision, topic, record, leader);
    record->isr[0] = leader;
    record->n_isr = 1;
    eligible_clear(record);
    not_emptied(record);
}

/* Whether one of them may still turn out to live. */
static bool is_any_awaited(const struct decision *decision, const Meta__PartitionRecord *record,
                           const int32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_fit(decision, record->offline, record->n_offline, ids[i]))
            return true;
    return false;
}

static bool is_member_awaited(const struct decision *decision, const Meta__PartitionRecord *record)
{
    return !record->emptied && is_any_awaited(decision, record, record->isr, record->n_isr);
}

/* The leader from outside the set that has all that is committed: nobody of the set can lead, nor
 * is waited for. IMAGE_NO_NODE when there is none. */
static int32_t elect_eligible(struct decision *decision, const struct image_topic *topic,
                              Meta__PartitionRecord *record)
{
    int32_t leader = pick_leader(decision, record, PICK_ELIGIBLE);
    if (leader != IMAGE_NO_NODE)
        eligible_lead(decision, topic, record, leader);
    return leader;
}

/* Whether its leader may go on: one that takes no records makes way for a member that does. */
static bool leader_stays(const struct decision *decision, const Meta__PartitionRecord *record)
{
    int32_t leader = record->leader;
    if (record->emptied || !elections_may_lead(decision, record, leader) ||
        !image_has_id(record->isr, record->n_isr, leader))
        return false;
    if (!is_full(record, leader))
        return true;
    int32_t other = pick_leader(decision, record, PICK_CLEAN);
    return other == IMAGE_NO_NODE || is_full(record, other);
}

/* Gives the partition a leader if its own can't lead. The set stays as it is: all of it has
 * everything, and whoever comes first may lead. */
static void elect(struct decision *decision, const struct image_topic *topic,
                  Meta__PartitionRecord *record)
{
    int32_t leader = record->leader;
    if (!leader_stays(decision, record))
        leader = pick_leader(decision, record, PICK_CLEAN);
    bool unclean = elections_unclean_allowed(decision, topic) || MUTATION(LEADER_FROM_OUTSIDE);
    bool awaited = leader == IMAGE_NO_NODE && is_member_awaited(decision, record);
    if (leader == IMAGE_NO_NODE && !awaited)
        leader = elect_eligible(decision, topic, record);
    if (leader == IMAGE_NO_NODE)
        awaited |= is_any_awaited(decision, record, record->elr, record->n_elr);
    if (leader == IMAGE_NO_NODE && awaited && !MUTATION(LEADER_FROM_OUTSIDE)) {
        /* It was taken out, or its disk was; else it may turn out to live, too. */
        if (record->emptied || !image_has_id(record->replicas, record->n_replicas, record->leader))
            set_leader(record, IMAGE_NO_NODE);
        return;
    }
    if (leader == IMAGE_NO_NODE && unclean) {
        leader = pick_leader(decision, record, PICK_UNCLEAN);
        if (leader != IMAGE_NO_NODE)
            elections_set_unclean(decision, topic, record, leader);
    }
    set_leader(record, leader);
}

/* ---- reassignments that end ---- */

static void take_out(int32_t *ids, size_t *count, const int32_t *gone, size_t n_gone)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (!image_has_id(gone, n_gone, ids[i]))
            ids[kept++] = ids[i];
    *count = kept;
}

void elections_drop_replicas(Meta__PartitionRecord *record, const int32_t *gone, size_t n_gone)
{
    take_out(record->replicas, &record->n_replicas, gone, n_gone);
    take_out(record->isr, &record->n_isr, gone, n_gone);
    take_out(record->offline, &record->n_offline, gone, n_gone);
    take_out(record->full, &record->n_full, gone, n_gone);
    take_out(record->elr, &record->n_elr, gone, n_gone);
    take_out(record->last_known_elr, &record->n_last_known_elr, gone, n_gone);
}

/* Whether all that shall stay have everything, and could lead at once. A member of the set that is
 * gone has everything too, but the others must not be given up for it. */
static bool is_reassigned(const struct decision *decision, const Meta__PartitionRecord *record)
{
    if (record->n_adding + record->n_removing == 0 || record->emptied)
        return false;
    for (size_t i = 0; i < record->n_replicas; i++) {
        int32_t id = record->replicas[i];
        if (!image_has_id(record->removing, record->n_removing, id) &&
            (!image_has_id(record->isr, record->n_isr, id) ||
             !elections_may_lead(decision, record, id)))
            return false;
    }
    return true;
}

static void end_reassignment(const struct decision *decision, Meta__PartitionRecord *record)
{
    if (!is_reassigned(decision, record))
        return;
    elections_drop_replicas(record, record->removing, record->n_removing);
    record->n_adding = record->n_removing = 0;
}

/* Sees to the leader, and ends the reassignment if all that it adds are in sync: of a set that an
 * unclean election has made, too. */
static void settle(struct decision *decision, const struct image_topic *topic,
                   Meta__PartitionRecord *record)
{
    end_reassignment(decision, record);
    elect(decision, topic, record);
    end_reassignment(decision, record);
    ASSERT(record->n_isr > 0);
}

/* A replica that goes may come again soon, and empty: what it has acknowledged before must count no
 * more then, also where the leader stays. */
static void fence_dropped(const struct image_partition *before, Meta__PartitionRecord *record)
{
    bool dropped = false;
    for (int32_t i = 0; i < before->replicas.count; i++)
        dropped |= !image_has_id(record->replicas, record->n_replicas, before->replicas.ids[i]);
    if (dropped && record->leader_epoch == before->leader_epoch && !MUTATION(MOVE_KEEPS_EPOCH))
        record->leader_epoch++;
}

/* ---- emitting ---- */

/* What a record says, and what it changes of the partition as the image has it. */
static void elections_check(const struct image_topic *topic, const Meta__PartitionRecord *record)
{
    const struct image_partition *before = image_partition(topic, record->partition);
    ASSERT(before != NULL);
    ASSERT(record->n_isr > 0);
    ASSERT(record->n_isr <= record->n_replicas);
    ASSERT(record->leader == IMAGE_NO_NODE ||
           image_has_id(record->replicas, record->n_replicas, record->leader));
    for (size_t i = 0; i < record->n_elr; i++)
        ASSERT(!image_has_id(record->isr, record->n_isr, record->elr[i]));
    ASSERT(!record->emptied || record->n_isr == 1);
    ASSERT(!record->emptied || record->leader == IMAGE_NO_NODE);
    ASSERT(record->emptied || record->emptied_epoch == 0);
    ASSERT(record->partition_epoch > before->partition_epoch);
    ASSERT(record->leader == before->leader || record->leader_epoch != before->leader_epoch);
}

static void emit(struct decision *decision, const struct image_topic *topic,
                 Meta__PartitionRecord *record)
{
    fence_dropped(image_partition(topic, record->partition), record);
    eligible_settle(decision, topic, record);
    record->partition_epoch++;
    elections_check(topic, record);
    if (decision->rules->logger)
        logger_debug(decision->rules->logger,
                     "%s-%d: leader %d, leader epoch %d, %zu of %zu in sync, partition epoch %d",
                     topic->name, record->partition, record->leader, record->leader_epoch,
                     record->n_isr, record->n_replicas, record->partition_epoch);
    decision_emit(decision, META__RECORD__FACT_PARTITION, record);
}

static bool is_moving(const struct image_partition *partition)
{
    return partition->adding.count + partition->removing.count > 0;
}

/* Sees to one partition after something has changed about its brokers. */
static void review(struct decision *decision, const struct image_topic *topic,
                   const struct image_partition *partition)
{
    Meta__PartitionRecord *record = decision_partition(decision, topic, partition);
    settle(decision, topic, record);
    bool ended = is_moving(partition) && record->n_adding + record->n_removing == 0;
    if (record->leader != partition->leader || ended)
        emit(decision, topic, record);
}

static bool are_same(const struct image_ids *before, const int32_t *ids, size_t count)
{
    return (size_t)before->count == count &&
           (count == 0 || memcmp(before->ids, ids, count * sizeof(*ids)) == 0);
}

/* A target that is under way already changes nothing: what leaders propose meanwhile must not be
 * out of date because of it. */
static bool is_as_before(const struct image_partition *before, const Meta__PartitionRecord *record)
{
    return record->leader == before->leader && record->leader_epoch == before->leader_epoch &&
           are_same(&before->replicas, record->replicas, record->n_replicas) &&
           are_same(&before->isr, record->isr, record->n_isr) &&
           are_same(&before->adding, record->adding, record->n_adding) &&
           are_same(&before->removing, record->removing, record->n_removing);
}

void elections_reassign(struct decision *decision, const struct image_topic *topic,
                        Meta__PartitionRecord *record)
{
    settle(decision, topic, record);
    if (!is_as_before(image_partition(topic, record->partition), record))
        emit(decision, topic, record);
}

static bool is_leader_fit(const struct decision *decision, const struct image_partition *partition)
{
    return is_fit(decision, partition->offline.ids, (size_t)partition->offline.count,
                  partition->leader);
}

typedef void visit_fn(struct decision *decision, const struct image_topic *topic,
                      const struct image_partition *partition, int32_t broker_id);

static void visit_topic(struct decision *decision, const struct image_topic *topic, visit_fn *visit,
                        int32_t broker_id)
{
    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct image_partition *partition = image_partition(topic, i);
        if (partition)
            visit(decision, topic, partition, broker_id);
    }
}

static void visit_all(struct decision *decision, visit_fn *visit, int32_t broker_id)
{
    size_t cursor = 0;
    const struct image_topic *topic;
    while ((topic = image_next_topic(decision->image, &cursor)))
        visit_topic(decision, topic, visit, broker_id);
}

static void leave(struct decision *decision, const struct image_topic *topic,
                  const struct image_partition *partition, int32_t broker_id)
{
    if (partition->leader == broker_id || image_ids_have(&partition->isr, broker_id))
        review(decision, topic, partition); /* who waited for this member waits no more */
}

void elections_broker_out(struct decision *decision, int32_t broker_id)
{
    visit_all(decision, leave, broker_id);
}

/* ---- replicas that can't serve ---- */

/* Puts the broker into the list or takes it out; false when that is so already. */
static bool mark(struct decision *decision, int32_t **list, size_t *count, int32_t broker_id,
                 bool in)
{
    size_t kept = 0;
    if (image_has_id(*list, *count, broker_id) == in)
        return false;
    if (in) {
        int32_t *ids = decision_alloc(decision, *count + 1, sizeof(*ids));
        if (*count)
            memcpy(ids, *list, *count * sizeof(*ids));
        ids[(*count)++] = broker_id;
        *list = ids;
        return true;
    }
    for (size_t i = 0; i < *count; i++)
        if ((*list)[i] != broker_id)
            (*list)[kept++] = (*list)[i];
    *count = kept;
    return true;
}

/* Whether the log has batches of a later epoch than the metadata knows, as after controllers were
 * restored from an older copy: under an epoch that its log has passed a leader can't write. */
static bool is_epoch_passed(const struct image_partition *partition,
                            const Meta__ReportReplicas__Replica *replica)
{
    return replica->newer_epoch > partition->leader_epoch &&
           replica->newer_epoch <= IMAGE_LEADER_EPOCH_TAKEN_MAX;
}

/* A broker of an older version does not look whether its directory served under that epoch. */
static bool may_prove(const struct decision *decision, const struct image_partition *partition,
                      int32_t broker_id)
{
    const struct image_broker *broker = image_broker(decision->image, broker_id);
    return partition->emptied_epoch == 0 || (broker && broker->keeps_epochs);
}

/* True when the partition's epoch was passed. */
static bool report_one(struct decision *decision, int32_t broker_id,
                       const Meta__ReportReplicas__Replica *replica)
{
    struct uuid id;
    if (replica->topic_id.len != sizeof(id.bytes))
        return false;
    memcpy(id.bytes, replica->topic_id.data, sizeof(id.bytes));
    const struct image_topic *topic = image_topic_by_id(decision->image, &id);
    const struct image_partition *partition =
        topic ? image_partition(topic, replica->partition) : NULL;
    if (!partition || !image_ids_have(&partition->replicas, broker_id))
        return false;
    bool changed = image_ids_have(&partition->offline, broker_id) != (bool)replica->offline ||
                   image_ids_have(&partition->full, broker_id) != (bool)replica->full;
    bool found = partition->emptied && replica->whole && !replica->offline &&
                 image_ids_have(&partition->isr, broker_id) &&
                 may_prove(decision, partition, broker_id);
    bool passed = is_epoch_passed(partition, replica);
    bool failed = replica->failed && image_ids_have(&partition->elr, broker_id);
    if (!changed && !found && !passed && !failed)
        return false;
    Meta__PartitionRecord *record = decision_partition(decision, topic, partition);
    if (failed)
        eligible_lose(decision, record, broker_id);
    if (passed)
        record->leader_epoch = replica->newer_epoch + 1;
    (void)mark(decision, &record->offline, &record->n_offline, broker_id, replica->offline);
    (void)mark(decision, &record->full, &record->n_full, broker_id, replica->full);
    if (found)
        not_emptied(record);
    settle(decision, topic, record);
    emit(decision, topic, record);
    return passed;
}

void elections_set_changed(struct decision *decision, const struct image_topic *topic,
                           const struct image_partition *partition)
{
    if (image_ids_have(&partition->full, partition->leader) || is_moving(partition))
        review(decision, topic, partition);
}

void elections_report(struct decision *decision, const Meta__ReportReplicas *command,
                      Meta__CommandReply *reply)
{
    if (!isr_check_sender(decision, command->broker_id, command->broker_epoch, reply))
        return;
    int passed = 0;
    for (size_t i = 0; i < command->n_replicas; i++)
        passed += report_one(decision, command->broker_id, command->replicas[i]);
    if (passed && decision->rules->logger)
        logger_warn(decision->rules->logger,
                    "broker %d has records of later leader epochs than the metadata knows, in %d "
                    "%s: the controllers were restored from an older copy. These go on "
                    "with the epochs after those",
                    command->broker_id, passed, plural(passed, "partition", "partitions"));
}

/* The epoch under which the broker had all records of a partition that it may have lost. One that
 * it could not serve lay on a disk that had failed, and was written under no later epoch than that
 * disk has noted. */
static int64_t had_all_under(const struct image_broker *broker,
                             const struct image_partition *partition, int64_t lost_epoch)
{
    if (!broker || broker->served_epoch == 0)
        return 0;
    bool failed = lost_epoch > 0 && image_ids_have(&partition->offline, broker->id);
    return failed ? lost_epoch : broker->served_epoch;
}

static void give_up(struct decision *decision, const struct image_topic *topic,
                    const struct image_partition *partition, int32_t broker_id, int64_t lost_epoch)
{
    bool member = !partition->emptied && image_ids_have(&partition->isr, broker_id);
    if (!member && !image_ids_have(&partition->elr, broker_id))
        return;
    const struct image_broker *broker = image_broker(decision->image, broker_id);
    Meta__PartitionRecord *record = decision_partition(decision, topic, partition);
    if (!member || record->n_isr > 1) {
        if (member)
            take_out(record->isr, &record->n_isr, &broker_id, 1);
        eligible_lose(decision, record, broker_id);
    } else { /* a set is never empty: it stays listed as the one that had everything */
        record->emptied = true;
        record->emptied_epoch = had_all_under(broker, partition, lost_epoch);
        say_emptied(decision, topic, record, broker_id);
    }
    elect(decision, topic, record);
    emit(decision, topic, record);
}

void elections_broker_emptied(struct decision *decision, int32_t broker_id, int64_t lost_epoch)
{
    size_t cursor = 0;
    const struct image_topic *topic;
    while (!MUTATION(EMPTIED_LEADS) && (topic = image_next_topic(decision->image, &cursor)))
        for (int32_t i = 0; i < topic->partition_count; i++)
            if (image_partition(topic, i))
                give_up(decision, topic, &topic->partitions[i], broker_id, lost_epoch);
}

static void forget_eligible(struct decision *decision, const struct image_topic *topic,
                            const struct image_partition *partition, int32_t broker_id)
{
    if (!image_ids_have(&partition->elr, broker_id))
        return;
    Meta__PartitionRecord *record = decision_partition(decision, topic, partition);
    eligible_lose(decision, record, broker_id);
    elect(decision, topic, record);
    emit(decision, topic, record);
}

void elections_broker_crashed(struct decision *decision, int32_t broker_id)
{
    if (!MUTATION(CRASHED_ELIGIBLE))
        visit_all(decision, forget_eligible, broker_id);
}

/* What the earlier process led it leads no more, and not again under the same epoch: a process that
 * has lost unflushed records would write others in their place. */
static void renew(struct decision *decision, const struct image_topic *topic,
                  const struct image_partition *partition, int32_t broker_id)
{
    if (!image_ids_have(&partition->replicas, broker_id))
        return;
    Meta__PartitionRecord *record = decision_partition(decision, topic, partition);
    bool unmarked = mark(decision, &record->offline, &record->n_offline, broker_id, false);
    unmarked |= mark(decision, &record->full, &record->n_full, broker_id, false);
    if (record->leader == broker_id)
        set_leader(record, IMAGE_NO_NODE);
    elect(decision, topic, record);
    if (record->leader_epoch != partition->leader_epoch || unmarked)
        emit(decision, topic, record);
}

void elections_broker_anew(struct decision *decision, int32_t broker_id)
{
    visit_all(decision, renew, broker_id);
}

static void join(struct decision *decision, const struct image_topic *topic,
                 const struct image_partition *partition, int32_t broker_id)
{
    (void)broker_id;
    if (!is_leader_fit(decision, partition) || is_moving(partition))
        review(decision, topic, partition);
}

void elections_topic(struct decision *decision, const struct image_topic *topic)
{
    visit_topic(decision, topic, join, IMAGE_NO_NODE);
}

void elections_all(struct decision *decision)
{
    visit_all(decision, join, IMAGE_NO_NODE);
}

static void end_eligible(struct decision *decision, const struct image_topic *topic,
                         const struct image_partition *partition, int32_t broker_id)
{
    (void)broker_id;
    if (eligible_is_over(decision, topic, partition))
        emit(decision, topic, decision_partition(decision, topic, partition));
}

void elections_end_eligible(struct decision *decision, const struct image_topic *topic)
{
    if (topic)
        visit_topic(decision, topic, end_eligible, IMAGE_NO_NODE);
    else
        visit_all(decision, end_eligible, IMAGE_NO_NODE);
}

void elections_broker_in(struct decision *decision, int32_t broker_id)
{
    if (decision_live(decision, broker_id))
        visit_all(decision, join, broker_id);
}

/* Where nobody leads, nobody can take it out either. */
static bool needs(const struct image_partition *partition, int32_t broker_id)
{
    return partition->leader == broker_id ||
           (partition->leader != IMAGE_NO_NODE && image_ids_have(&partition->isr, broker_id));
}

size_t elections_needing(const struct image *image, int32_t broker_id)
{
    size_t count = 0, cursor = 0;
    const struct image_topic *topic;
    while ((topic = image_next_topic(image, &cursor)))
        for (int32_t i = 0; i < topic->partition_count; i++)
            if (image_partition(topic, i) && needs(&topic->partitions[i], broker_id))
                count++;
    return count;
}

/* ---- preferred and asked-for elections ---- */

/* The last member of a set may be the preferred one, and emptied: then it leads nobody. */
static bool preferred_ready(const struct decision *decision,
                            const struct image_partition *partition)
{
    int32_t preferred = partition->replicas.ids[0];
    return !partition->emptied && image_ids_have(&partition->isr, preferred) &&
           decision_heard(decision, preferred) && !image_ids_have(&partition->full, preferred) &&
           is_fit(decision, partition->offline.ids, (size_t)partition->offline.count, preferred);
}

static void elect_preferred(struct decision *decision, const struct image_topic *topic,
                            const struct image_partition *partition)
{
    Meta__PartitionRecord *record = decision_partition(decision, topic, partition);
    set_leader(record, record->replicas[0]);
    emit(decision, topic, record);
}

/* Of the partitions that prefer a broker, how many it does not lead. */
struct imbalance {
    int32_t broker;
    int64_t prefer, elsewhere;
};

/* By rising id, as the image walks them. */
static struct imbalance *elections_find_imbalance(struct imbalance *rows, size_t count,
                                                  int32_t broker)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].broker < broker)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && rows[low].broker == broker ? &rows[low] : NULL;
}

static struct imbalance *elections_measure(struct decision *decision, size_t *count)
{
    size_t brokers = 0, cursor = 0, at = 0;
    const struct image_broker *broker;
    const struct image_topic *topic;
    while (image_next_broker(decision->image, &cursor))
        brokers++;
    struct imbalance *rows = decision_alloc(decision, brokers + 1, sizeof(*rows));
    for (cursor = 0; (broker = image_next_broker(decision->image, &cursor)); at++)
        rows[at].broker = broker->id;
    ASSERT(at == brokers);
    for (cursor = 0; (topic = image_next_topic(decision->image, &cursor));) {
        for (int32_t i = 0; i < topic->partition_count; i++) {
            const struct image_partition *partition = image_partition(topic, i);
            int32_t preferred = partition ? partition->replicas.ids[0] : IMAGE_NO_NODE;
            struct imbalance *row = elections_find_imbalance(rows, brokers, preferred);
            if (!row)
                continue;
            row->prefer++;
            row->elsewhere += partition->leader != preferred;
        }
    }
    *count = brokers;
    return rows;
}

static bool elections_imbalanced(const struct imbalance *row, int32_t percent)
{
    return row && row->elsewhere * 100 > row->prefer * percent;
}

size_t elections_balance(struct decision *decision, int32_t percent, size_t limit)
{
    size_t moved = 0, cursor = 0, brokers = 0;
    ASSERT(percent >= 0);
    ASSERT(percent <= 100);
    struct imbalance *rows = percent > 0 ? elections_measure(decision, &brokers) : NULL;
    const struct image_topic *topic;
    while ((topic = image_next_topic(decision->image, &cursor))) {
        for (int32_t i = 0; i < topic->partition_count && moved < limit; i++) {
            const struct image_partition *partition = image_partition(topic, i);
            if (!partition || partition->leader == partition->replicas.ids[0] ||
                !preferred_ready(decision, partition))
                continue;
            int32_t preferred = partition->replicas.ids[0];
            if (rows &&
                !elections_imbalanced(elections_find_imbalance(rows, brokers, preferred), percent))
                continue;
            elect_preferred(decision, topic, partition);
            moved++;
        }
    }
    return moved;
}

static int command_preferred(struct decision *decision, const struct image_topic *topic,
                             const struct image_partition *partition)
{
    if (partition->leader == partition->replicas.ids[0])
        return ERR_ELECTION_NOT_NEEDED;
    if (!preferred_ready(decision, partition))
        return ERR_PREFERRED_LEADER_NOT_AVAILABLE;
    elect_preferred(decision, topic, partition);
    return 0;
}

/* As Kafka: only a partition without a leader may be given an unclean one. */
static int command_unclean(struct decision *decision, const struct image_topic *topic,
                           const struct image_partition *partition)
{
    if (partition->leader != IMAGE_NO_NODE)
        return ERR_ELECTION_NOT_NEEDED;
    Meta__PartitionRecord *record = decision_partition(decision, topic, partition);
    int32_t leader = pick_leader(decision, record, PICK_CLEAN);
    if (leader == IMAGE_NO_NODE && !is_member_awaited(decision, record))
        leader = elect_eligible(decision, topic, record);
    if (leader == IMAGE_NO_NODE) {
        leader = pick_leader(decision, record, PICK_ANY);
        /* Only when nobody else is there: a person has decided to begin anew. */
        if (leader == IMAGE_NO_NODE && elections_may_lead(decision, record, record->isr[0]))
            leader = record->isr[0];
        if (leader == IMAGE_NO_NODE)
            return ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE;
        elections_set_unclean(decision, topic, record, leader);
    }
    set_leader(record, leader);
    settle(decision, topic, record);
    emit(decision, topic, record);
    return 0;
}

int elections_one(struct decision *decision, bool unclean, const struct image_topic *topic,
                  int32_t index)
{
    const struct image_partition *partition = topic ? image_partition(topic, index) : NULL;
    if (!partition)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    return unclean ? command_unclean(decision, topic, partition)
                   : command_preferred(decision, topic, partition);
}
