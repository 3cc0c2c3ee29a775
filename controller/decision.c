/* Records under construction. Failure modes: a record that the image refuses is our own bug. */
#include "controller/decision.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

void decision_init(struct decision *decision, struct image *image,
                   const struct decision_rules *rules, int64_t index,
                   uint64_t (*random)(void *data), void *random_data)
{
    ASSERT(image != NULL);
    ASSERT(rules != NULL);
    ASSERT(index > 0);
    ASSERT(random != NULL);
    memset(decision, 0, sizeof(*decision));
    decision->image = image;
    decision->rules = rules;
    decision->index = index;
    decision->random = random;
    decision->random_data = random_data;
    arena_init_own(&decision->arena);
}

void decision_close(struct decision *decision)
{
    arena_close(&decision->arena);
    mem_free(decision->records);
    decision->records = NULL;
    decision->record_count = decision->record_cap = 0;
}

void *decision_alloc(struct decision *decision, size_t count, size_t size)
{
    void *memory = arena_alloc_array(&decision->arena, count, size);
    ASSERT(memory);
    return memory;
}

char *decision_text(struct decision *decision, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ASSERT(len >= 0);
    char *text = decision_alloc(decision, (size_t)len + 1, 1);
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

ProtobufCBinaryData decision_uuid(struct decision *decision, const struct uuid *uuid)
{
    uint8_t *bytes = decision_alloc(decision, 1, sizeof(uuid->bytes));
    memcpy(bytes, uuid->bytes, sizeof(uuid->bytes));
    return (ProtobufCBinaryData){sizeof(uuid->bytes), bytes};
}

void decision_new_uuid(struct decision *decision, struct uuid *uuid)
{
    for (;;) {
        for (size_t i = 0; i < sizeof(uuid->bytes); i += 8) {
            uint64_t word = decision->random(decision->random_data);
            memcpy(uuid->bytes + i, &word, 8);
        }
        uuid->bytes[6] = (uint8_t)((uuid->bytes[6] & 0x0f) | 0x40); /* a random UUID: version 4 */
        uuid->bytes[8] = (uint8_t)((uuid->bytes[8] & 0x3f) | 0x80);
        char text[UUID_TEXT_LEN + 1];
        uuid_format(uuid, text);
        /* A leading dash reads as an option on command lines. */
        if (text[0] != '-' && !image_topic_by_id(decision->image, uuid))
            return;
    }
}

static char *copy_text(struct decision *decision, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(decision_alloc(decision, size, 1), text, size);
}

Meta__BrokerRecord *decision_broker(struct decision *decision, const struct image_broker *broker)
{
    Meta__BrokerRecord *record = decision_alloc(decision, 1, sizeof(*record));
    meta__broker_record__init(record);
    record->id = broker->id;
    record->epoch = broker->epoch;
    record->incarnation = decision_uuid(decision, &broker->incarnation);
    record->n_endpoints = broker->endpoint_count;
    record->endpoints =
        decision_alloc(decision, broker->endpoint_count, sizeof(*record->endpoints));
    for (size_t i = 0; i < broker->endpoint_count; i++) {
        Meta__Endpoint *endpoint = decision_alloc(decision, 1, sizeof(*endpoint));
        meta__endpoint__init(endpoint);
        endpoint->listener = copy_text(decision, broker->endpoints[i].listener);
        endpoint->host = copy_text(decision, broker->endpoints[i].host);
        endpoint->port = broker->endpoints[i].port;
        endpoint->security = (uint32_t)broker->endpoints[i].security;
        record->endpoints[i] = endpoint;
    }
    if (broker->rack)
        record->rack = copy_text(decision, broker->rack);
    record->fenced = broker->fenced;
    record->stopping = broker->stopping;
    record->n_log_dirs = broker->log_dir_count;
    record->log_dirs = decision_alloc(decision, broker->log_dir_count, sizeof(*record->log_dirs));
    for (size_t i = 0; i < broker->log_dir_count; i++)
        record->log_dirs[i] = decision_uuid(decision, &broker->log_dirs[i]);
    record->n_log_dir_epochs = broker->log_dir_count;
    record->log_dir_epochs =
        decision_alloc(decision, broker->log_dir_count, sizeof(*record->log_dir_epochs));
    for (size_t i = 0; i < broker->log_dir_count; i++)
        record->log_dir_epochs[i] = broker->log_dir_epochs[i];
    record->served_epoch = broker->served_epoch;
    record->keeps_epochs = broker->keeps_epochs;
    record->crashed = broker->crashed;
    record->cordoned = broker->cordoned;
    record->features_step = broker->features_step;
    return record;
}

static int32_t *copy_ids(struct decision *decision, const struct image_ids *ids, size_t *count)
{
    *count = (size_t)ids->count;
    int32_t *copy = decision_alloc(decision, *count, sizeof(*copy));
    if (*count)
        memcpy(copy, ids->ids, *count * sizeof(*copy));
    return copy;
}

Meta__PartitionRecord *decision_partition(struct decision *decision,
                                          const struct image_topic *topic,
                                          const struct image_partition *partition)
{
    Meta__PartitionRecord *record = decision_alloc(decision, 1, sizeof(*record));
    meta__partition_record__init(record);
    record->topic_id = decision_uuid(decision, &topic->id);
    record->partition = partition->index;
    record->replicas = copy_ids(decision, &partition->replicas, &record->n_replicas);
    record->isr = copy_ids(decision, &partition->isr, &record->n_isr);
    record->adding = copy_ids(decision, &partition->adding, &record->n_adding);
    record->removing = copy_ids(decision, &partition->removing, &record->n_removing);
    record->offline = copy_ids(decision, &partition->offline, &record->n_offline);
    record->full = copy_ids(decision, &partition->full, &record->n_full);
    record->elr = copy_ids(decision, &partition->elr, &record->n_elr);
    record->last_known_elr =
        copy_ids(decision, &partition->last_known_elr, &record->n_last_known_elr);
    record->emptied = partition->emptied;
    record->emptied_epoch = partition->emptied_epoch;
    record->leader = partition->leader;
    record->leader_epoch = partition->leader_epoch;
    record->partition_epoch = partition->partition_epoch;
    return record;
}

static void records_push(struct decision *decision, Meta__Record *record)
{
    if (decision->record_count == decision->record_cap) {
        decision->record_cap = decision->record_cap ? decision->record_cap * 2 : 16;
        decision->records =
            mem_realloc(decision->records, decision->record_cap * sizeof(Meta__Record *));
    }
    ASSERT(decision->record_count < decision->record_cap);
    decision->records[decision->record_count++] = record;
}

void decision_emit(struct decision *decision, Meta__Record__FactCase fact, void *body)
{
    Meta__Record *record = decision_alloc(decision, 1, sizeof(*record));
    meta__record__init(record);
    record->fact_case = fact;
    record->cluster = body; /* every member of the union is a pointer to a message */
    int err = image_apply(decision->image, record);
    ASSERT(err == 0);
    records_push(decision, record);
}

bool decision_live(const struct decision *decision, int32_t broker_id)
{
    const struct image_broker *broker = image_broker(decision->image, broker_id);
    return broker && !broker->fenced && !broker->stopping;
}

bool decision_heard(const struct decision *decision, int32_t broker_id)
{
    const struct decision_rules *rules = decision->rules;
    return !rules->heard || rules->heard(rules->heard_data, broker_id);
}
