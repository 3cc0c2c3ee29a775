/* In-sync set changes. Happy path: the leader names the set that it wants, the epochs match, the
 * record is made. Failure modes: each refusal has its own code, so that the leader knows whether
 * to fetch newer metadata, to try again, or to give up the leadership. */
#include "controller/isr.h"

#include <string.h>

#include "base/err.h"
#include "base/mutation.h"
#include "controller/elections.h"
#include "controller/eligible.h"

bool isr_check_sender(struct decision *decision, int32_t broker_id, int64_t broker_epoch,
                      Meta__CommandReply *reply)
{
    const struct image_broker *broker = image_broker(decision->image, broker_id);
    if (broker && broker->epoch == broker_epoch)
        return true;
    int err = broker ? ERR_STALE_BROKER_EPOCH : ERR_BROKER_ID_NOT_REGISTERED;
    reply->error = err_to_wire(err);
    reply->message = decision_text(decision, "broker %d, epoch %lld: %s", broker_id,
                                   (long long)broker_epoch, err_text(err));
    return false;
}

static int check_member(const struct decision *decision, const struct image_partition *partition,
                        const Meta__AlterPartitions__IsrMember *member)
{
    if (!image_ids_have(&partition->replicas, member->broker_id))
        return ERR_INVALID_REQUEST;
    if (!decision_live(decision, member->broker_id) ||
        image_ids_have(&partition->offline, member->broker_id))
        return ERR_INELIGIBLE_REPLICA;
    const struct image_broker *broker = image_broker(decision->image, member->broker_id);
    if (member->broker_epoch != -1 && member->broker_epoch != broker->epoch)
        return ERR_INELIGIBLE_REPLICA;
    return 0;
}

static int check_members(const struct decision *decision, const struct image_partition *partition,
                         const Meta__AlterPartitions__Partition *asked)
{
    bool has_leader = false;
    if (asked->n_isr == 0 || asked->n_isr > (size_t)partition->replicas.count)
        return ERR_INVALID_REQUEST;
    for (size_t i = 0; i < asked->n_isr; i++) {
        for (size_t j = 0; j < i; j++)
            if (asked->isr[j]->broker_id == asked->isr[i]->broker_id)
                return ERR_INVALID_REQUEST;
        int err = check_member(decision, partition, asked->isr[i]);
        if (err)
            return err;
        has_leader |= asked->isr[i]->broker_id == partition->leader;
    }
    return has_leader ? 0 : ERR_INVALID_REQUEST;
}

static int check(const struct decision *decision, int32_t broker_id,
                 const struct image_partition *partition,
                 const Meta__AlterPartitions__Partition *asked)
{
    /* An epoch from the future means that this node is not the controller any more. */
    if (asked->leader_epoch > partition->leader_epoch ||
        asked->partition_epoch > partition->partition_epoch)
        return ERR_NOT_CONTROLLER;
    if (MUTATION(ISR_CHANGE_UNCHECKED))
        return check_members(decision, partition, asked);
    if (asked->leader_epoch < partition->leader_epoch)
        return ERR_FENCED_LEADER_EPOCH;
    if (partition->leader != broker_id)
        return ERR_INVALID_REQUEST;
    if (asked->partition_epoch < partition->partition_epoch)
        return ERR_INVALID_UPDATE_VERSION;
    return check_members(decision, partition, asked);
}

static bool same_set(const struct image_partition *partition,
                     const Meta__AlterPartitions__Partition *asked)
{
    if ((size_t)partition->isr.count != asked->n_isr)
        return false;
    for (size_t i = 0; i < asked->n_isr; i++)
        if (!image_ids_have(&partition->isr, asked->isr[i]->broker_id))
            return false;
    return true;
}

static void change(struct decision *decision, const struct image_topic *topic,
                   const struct image_partition *partition,
                   const Meta__AlterPartitions__Partition *asked)
{
    ASSERT(asked->n_isr > 0);
    ASSERT(partition->leader != IMAGE_NO_NODE);
    ASSERT(!partition->emptied);
    Meta__PartitionRecord *record = decision_partition(decision, topic, partition);
    record->n_isr = 0;
    record->isr = decision_alloc(decision, asked->n_isr, sizeof(*record->isr));
    for (size_t i = 0; i < asked->n_isr; i++)
        record->isr[record->n_isr++] = asked->isr[i]->broker_id;
    for (int32_t i = 0; i < partition->isr.count; i++)
        if (!image_has_id(record->isr, record->n_isr, partition->isr.ids[i]))
            eligible_leave(decision, record, partition->isr.ids[i]);
    eligible_settle(decision, topic, record);
    record->partition_epoch++;
    decision_emit(decision, META__RECORD__FACT_PARTITION, record);
    elections_set_changed(decision, topic, image_partition(topic, partition->index));
}

static int32_t *isr_copy(struct decision *decision, const struct image_ids *ids, size_t *count)
{
    *count = (size_t)ids->count;
    int32_t *copy = decision_alloc(decision, *count, sizeof(*copy));
    return *count ? memcpy(copy, ids->ids, *count * sizeof(*copy)) : copy;
}

static Meta__AlterPartitionResult *decide_one(struct decision *decision, int32_t broker_id,
                                              const Meta__AlterPartitions__Partition *asked)
{
    Meta__AlterPartitionResult *result = decision_alloc(decision, 1, sizeof(*result));
    meta__alter_partition_result__init(result);
    result->partition = asked->partition;
    result->leader = IMAGE_NO_NODE;
    struct uuid id;
    if (asked->topic_id.len != sizeof(id.bytes)) {
        result->error = err_to_wire(ERR_UNKNOWN_TOPIC_ID);
        return result;
    }
    memcpy(id.bytes, asked->topic_id.data, sizeof(id.bytes));
    result->topic_id = decision_uuid(decision, &id);
    const struct image_topic *topic = image_topic_by_id(decision->image, &id);
    const struct image_partition *partition =
        topic ? image_partition(topic, asked->partition) : NULL;
    if (!partition) {
        result->error = err_to_wire(topic ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_UNKNOWN_TOPIC_ID);
        return result;
    }
    int err = check(decision, broker_id, partition, asked);
    if (decision->rules->logger)
        logger_debug(decision->rules->logger, "%s-%d: broker %d asks for %zu in sync, now %d: %s",
                     topic->name, asked->partition, broker_id, asked->n_isr, partition->isr.count,
                     err ? err_text(err) : "taken");
    result->error = err_to_wire(err);
    int32_t replicas = partition->replicas.count;
    if (!err && !same_set(partition, asked))
        change(decision, topic, partition, asked);
    partition = image_partition(topic, asked->partition);
    if (partition->replicas.count != replicas)
        result->replicas = isr_copy(decision, &partition->replicas, &result->n_replicas);
    result->leader = partition->leader;
    result->leader_epoch = partition->leader_epoch;
    result->partition_epoch = partition->partition_epoch;
    result->isr = isr_copy(decision, &partition->isr, &result->n_isr);
    result->elr = isr_copy(decision, &partition->elr, &result->n_elr);
    return result;
}

void isr_command(struct decision *decision, const Meta__AlterPartitions *command,
                 Meta__CommandReply *reply)
{
    if (!isr_check_sender(decision, command->broker_id, command->broker_epoch, reply))
        return;
    reply->partitions = decision_alloc(decision, command->n_partitions, sizeof(*reply->partitions));
    reply->n_partitions = command->n_partitions;
    for (size_t i = 0; i < command->n_partitions; i++)
        reply->partitions[i] = decide_one(decision, command->broker_id, command->partitions[i]);
}
