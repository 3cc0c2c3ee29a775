/* Reassignment of replicas. Happy path: the target is checked, a record names its replicas and
 * those that go, and the change of the in-sync set that has all of the target ends it
 * (elections.c). Failure modes: each partition of a command fails or succeeds on its own. */
#include "controller/reassignments.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/sort.h"
#include "controller/elections.h"
#include "controller/topics.h"

struct ids {
    int32_t *ids;
    size_t count;
};

/* Adds those of `from` that `less` does not have, by rising id. */
static void ids_add_less(struct ids *to, const int32_t *from, size_t count, const int32_t *less,
                         size_t n_less)
{
    for (size_t i = 0; i < count; i++)
        if (!image_has_id(less, n_less, from[i]) && !image_has_id(to->ids, to->count, from[i]))
            to->ids[to->count++] = from[i];
    sort_int32(to->ids, to->count);
}

static struct ids ids_with_room(struct decision *decision, size_t count)
{
    return (struct ids){decision_alloc(decision, count, sizeof(int32_t)), 0};
}

/* A new target for a partition. What an earlier one, still under way, was adding and this one does
 * not want stands in both lists: it goes, and is none of the replicas to go back to. */
static void reassignments_start(struct decision *decision, const struct image_topic *topic,
                                Meta__PartitionRecord *record, const int32_t *target, size_t count)
{
    size_t most = record->n_replicas + count;
    struct ids before = ids_with_room(decision, most), adding = ids_with_room(decision, most);
    struct ids removing = ids_with_room(decision, most), replicas = ids_with_room(decision, most);
    ids_add_less(&before, record->replicas, record->n_replicas, record->adding, record->n_adding);
    ids_add_less(&adding, record->replicas, record->n_replicas, before.ids, before.count);
    ids_add_less(&adding, target, count, before.ids, before.count);
    ids_add_less(&removing, record->replicas, record->n_replicas, target, count);
    memcpy(replicas.ids, target, count * sizeof(*target));
    if (removing.count)
        memcpy(replicas.ids + count, removing.ids, removing.count * sizeof(*removing.ids));
    record->replicas = replicas.ids;
    record->n_replicas = count + removing.count;
    record->adding = adding.ids;
    record->n_adding = adding.count;
    record->removing = removing.ids;
    record->n_removing = removing.count;
    elections_reassign(decision, topic, record);
}

static int reassignments_check(struct decision *decision, const Meta__PartitionRecord *record,
                               const Meta__AlterReassignments__Partition *asked, bool keep_factor,
                               const char **sentence)
{
    size_t factor = record->n_replicas - record->n_removing;
    *sentence = topics_why_not_replicas(decision, asked->replicas, asked->n_replicas,
                                        record->replicas, record->n_replicas);
    if (*sentence)
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    if (!keep_factor || factor == asked->n_replicas)
        return 0;
    *sentence = decision_text(decision, "The replication factor is changed from %zu to %zu", factor,
                              asked->n_replicas);
    return ERR_INVALID_REPLICATION_FACTOR;
}

/* Whether members of the set that stay can go on: one that may lead, or none may now either. */
static bool reassignments_can_revert(const struct decision *decision,
                                     const Meta__PartitionRecord *record)
{
    bool leads = record->leader != IMAGE_NO_NODE, stays = false;
    for (size_t i = 0; i < record->n_isr; i++) {
        int32_t id = record->isr[i];
        if (!image_has_id(record->adding, record->n_adding, id))
            stays |= !leads || id == record->leader || elections_may_lead(decision, record, id);
    }
    return stays;
}

/* Those that were being added go; if they are all that is in sync, others lead uncleanly. */
static int reassignments_cancel(struct decision *decision, const struct image_topic *topic,
                                Meta__PartitionRecord *record, const char **sentence)
{
    if (record->n_adding + record->n_removing == 0) {
        *sentence = "No partition reassignment is in progress.";
        return ERR_NO_REASSIGNMENT_IN_PROGRESS;
    }
    bool clean = reassignments_can_revert(decision, record);
    if (!clean && !elections_unclean_allowed(decision, topic)) {
        *sentence = decision_text(decision,
                                  "Unable to revert partition assignment for %s:%d because it "
                                  "would require an unclean leader election.",
                                  topic->name, record->partition);
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    int32_t *isr = record->isr;
    elections_drop_replicas(record, record->adding, record->n_adding);
    record->n_adding = record->n_removing = 0;
    ASSERT(record->n_replicas > 0);
    if (record->n_isr == 0) {
        record->isr = isr; /* it had a member */
        elections_set_unclean(decision, topic, record, record->replicas[0]);
    }
    elections_reassign(decision, topic, record);
    return 0;
}

/* Whether those are its replicas, in that order, and nothing is under way. */
static bool reassignments_is_there(const Meta__PartitionRecord *record,
                                   const Meta__AlterReassignments__Partition *asked)
{
    return record->n_adding + record->n_removing == 0 && record->n_replicas == asked->n_replicas &&
           memcmp(record->replicas, asked->replicas,
                  asked->n_replicas * sizeof(*asked->replicas)) == 0;
}

static int reassignments_one(struct decision *decision,
                             const Meta__AlterReassignments__Partition *asked, bool keep_factor,
                             const char **sentence)
{
    const struct image_topic *topic =
        image_topic_by_name(decision->image, asked->topic, strlen(asked->topic));
    if (!topic) {
        *sentence = decision_text(decision, "Unable to find a topic named %s.", asked->topic);
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    const struct image_partition *partition = image_partition(topic, asked->partition);
    if (!partition) {
        *sentence = decision_text(decision, "Unable to find partition %s:%d.", asked->topic,
                                  asked->partition);
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    Meta__PartitionRecord *record = decision_partition(decision, topic, partition);
    if (asked->n_replicas == 0)
        return reassignments_cancel(decision, topic, record, sentence);
    int err = reassignments_check(decision, record, asked, keep_factor, sentence);
    if (!err && !reassignments_is_there(record, asked))
        reassignments_start(decision, topic, record, asked->replicas, asked->n_replicas);
    return err;
}

void reassignments_command(struct decision *decision, const Meta__AlterReassignments *command,
                           Meta__CommandReply *reply)
{
    if (command->n_partitions > REASSIGNMENTS_MAX) {
        reply->error = err_to_wire(ERR_POLICY_VIOLATION);
        reply->message = "Excessively large number of partitions per request.";
        return;
    }
    reply->elections = decision_alloc(decision, command->n_partitions, sizeof(*reply->elections));
    for (size_t i = 0; i < command->n_partitions; i++) {
        const Meta__AlterReassignments__Partition *asked = command->partitions[i];
        Meta__ElectResult *result = decision_alloc(decision, 1, sizeof(*result));
        const char *sentence = NULL;
        meta__elect_result__init(result);
        result->error =
            err_to_wire(reassignments_one(decision, asked, command->keep_factor, &sentence));
        if (sentence)
            result->message = decision_text(decision, "%s", sentence);
        result->topic = decision_text(decision, "%s", asked->topic);
        result->partition = asked->partition;
        reply->elections[reply->n_elections++] = result;
    }
}
