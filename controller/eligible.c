/* Eligible leader replicas. Happy path: a member leaves a set that is too small, its leader goes,
 * and it leads. Failure modes: it may have lost records, and is only listed. */
#include "controller/eligible.h"

#include <string.h>

#include "base/mutation.h"
#include "config/config_chain.h"
#include "meta/features.h"

bool eligible_is_on(const struct decision *decision)
{
    return features_level_of(decision->image, FEATURE_ELIGIBLE_LEADER_REPLICAS_VERSION) > 0;
}

static bool eligible_has(const Meta__PartitionRecord *record, int32_t id)
{
    return image_has_id(record->elr, record->n_elr, id);
}

static bool eligible_in_set(const Meta__PartitionRecord *record, int32_t id)
{
    return image_has_id(record->isr, record->n_isr, id);
}

static void eligible_push(struct decision *decision, int32_t **list, size_t *count, int32_t id)
{
    if (image_has_id(*list, *count, id))
        return;
    int32_t *ids = decision_alloc(decision, *count + 1, sizeof(*ids));
    if (*count)
        memcpy(ids, *list, *count * sizeof(*ids));
    ids[(*count)++] = id;
    *list = ids;
}

static void eligible_take_out(int32_t *ids, size_t *count, int32_t id)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (ids[i] != id)
            ids[kept++] = ids[i];
    *count = kept;
}

void eligible_lose(struct decision *decision, Meta__PartitionRecord *record, int32_t broker_id)
{
    eligible_take_out(record->elr, &record->n_elr, broker_id);
    eligible_push(decision, &record->last_known_elr, &record->n_last_known_elr, broker_id);
    ASSERT(!eligible_has(record, broker_id));
}

void eligible_clear(Meta__PartitionRecord *record)
{
    record->n_elr = record->n_last_known_elr = 0;
}

/* Whether the broker may lack records although it is, or was, a member of the set: its log can't be
 * used, or its process came after a crash and was not unfenced since. As a member it is trusted all
 * the same, outside of the set it is not. Records of older builds may say crashed of a broker that
 * is unfenced. */
static bool eligible_is_doubtful(const struct decision *decision,
                                 const Meta__PartitionRecord *record, int32_t id)
{
    const struct image_broker *broker = image_broker(decision->image, id);
    bool crashed = !broker || (broker->crashed && broker->fenced);
    return image_has_id(record->offline, record->n_offline, id) ||
           (crashed && !MUTATION(CRASHED_ELIGIBLE));
}

void eligible_leave(struct decision *decision, Meta__PartitionRecord *record, int32_t broker_id)
{
    ASSERT(!eligible_in_set(record, broker_id));
    if (eligible_is_doubtful(decision, record, broker_id)) {
        eligible_lose(decision, record, broker_id);
        return;
    }
    eligible_push(decision, &record->elr, &record->n_elr, broker_id);
    eligible_take_out(record->last_known_elr, &record->n_last_known_elr, broker_id);
}

void eligible_lead(struct decision *decision, const struct image_topic *topic,
                   Meta__PartitionRecord *record, int32_t broker_id)
{
    ASSERT(eligible_has(record, broker_id));
    ASSERT(record->n_isr > 0);
    int32_t *before = record->isr;
    size_t count = record->n_isr;
    record->isr = decision_alloc(decision, 1, sizeof(*record->isr));
    record->isr[0] = broker_id;
    record->n_isr = 1;
    eligible_take_out(record->elr, &record->n_elr, broker_id);
    for (size_t i = 0; i < count; i++)
        if (record->emptied)
            eligible_lose(decision, record, before[i]);
        else
            eligible_leave(decision, record, before[i]);
    record->emptied = false;
    record->emptied_epoch = 0;
    if (decision->rules->logger)
        logger_info(decision->rules->logger,
                    "broker %d leads %s-%d in epoch %d as an eligible replica: it left the in-sync "
                    "set while that was below min.insync.replicas, and has all that is committed",
                    broker_id, topic->name, record->partition, record->leader_epoch + 1);
}

/* ---- how large a set has to be ---- */

static size_t eligible_needed(const struct decision *decision, const struct image_topic *topic,
                              size_t replicas)
{
    struct config_chain chain;
    struct config_parsed value;
    config_chain_init(&chain, decision->rules->settings, decision->image, decision->rules->node_id);
    chain.topic = topic->name;
    (void)config_chain_find(&chain, CONFIG_FROM_TOPIC, CONFIG_MIN_INSYNC_REPLICAS, &value);
    ASSERT(value.number > 0);
    return (uint64_t)value.number < replicas ? (size_t)value.number : replicas;
}

/* An emptied member is none. */
static bool eligible_set_suffices(const struct decision *decision, const struct image_topic *topic,
                                  size_t replicas, size_t members, bool emptied)
{
    return !emptied && members >= eligible_needed(decision, topic, replicas);
}

/* Keeps those that are replicas and no members of the set. */
static void eligible_keep_outside(const Meta__PartitionRecord *record, int32_t *ids, size_t *count)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (image_has_id(record->replicas, record->n_replicas, ids[i]) &&
            !eligible_in_set(record, ids[i]))
            ids[kept++] = ids[i];
    *count = kept;
}

void eligible_settle(const struct decision *decision, const struct image_topic *topic,
                     Meta__PartitionRecord *record)
{
    if (record->n_elr + record->n_last_known_elr == 0)
        return;
    if (!eligible_is_on(decision) ||
        eligible_set_suffices(decision, topic, record->n_replicas, record->n_isr, record->emptied))
        eligible_clear(record);
    eligible_keep_outside(record, record->elr, &record->n_elr);
    eligible_keep_outside(record, record->last_known_elr, &record->n_last_known_elr);
    ASSERT(record->n_elr < record->n_replicas);
}

bool eligible_is_over(const struct decision *decision, const struct image_topic *topic,
                      const struct image_partition *partition)
{
    return partition->elr.count + partition->last_known_elr.count > 0 &&
           (!eligible_is_on(decision) ||
            eligible_set_suffices(decision, topic, (size_t)partition->replicas.count,
                                  (size_t)partition->isr.count, partition->emptied));
}

/* ---- settings ---- */

const char *eligible_why_not_setting(const struct decision *decision,
                                     Meta__ConfigRecord__Resource resource, const char *name,
                                     const char *key, const char *value)
{
    if (resource != META__CONFIG_RECORD__RESOURCE__BROKER ||
        strcmp(key, config_row(CONFIG_MIN_INSYNC_REPLICAS)->name) != 0 || !eligible_is_on(decision))
        return NULL;
    if (name[0])
        return "Broker-level min.insync.replicas cannot be altered while ELR is enabled.";
    return value ? NULL
                 : "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.";
}
