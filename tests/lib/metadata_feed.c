/* Records for a broker's metadata: see metadata_feed.h. */
#include "metadata_feed.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void feed_record(struct metadata *metadata, Meta__Record__FactCase fact, void *body)
{
    Meta__Record record = META__RECORD__INIT, *records[] = {&record};
    record.fact_case = fact;
    record.topic = body; /* the members of the union are all pointers */
    Meta__Entry entry = META__ENTRY__INIT;
    entry.records = records;
    entry.n_records = 1;
    Meta__IndexedEntry indexed = META__INDEXED_ENTRY__INIT, *list[] = {&indexed};
    indexed.index = metadata_index(metadata) + 1;
    indexed.entry = &entry;
    Meta__Entries entries = META__ENTRIES__INIT;
    entries.entries = list;
    entries.n_entries = 1;
    int err = metadata_apply_entries(metadata, &entries);
    ASSERT(err == 0);
}

void feed_broker(struct metadata *metadata, int32_t id, int64_t epoch, uint16_t port, bool fenced)
{
    uint8_t incarnation[16] = {(uint8_t)id}, dir[16] = {'d', 'i', 'r', (uint8_t)id};
    char listener[] = "PLAINTEXT", host[] = "127.0.0.1";
    Meta__Endpoint endpoint = META__ENDPOINT__INIT, *endpoints[] = {&endpoint};
    endpoint.listener = listener;
    endpoint.host = host;
    endpoint.port = port;
    ProtobufCBinaryData dirs[] = {{sizeof(dir), dir}};
    Meta__BrokerRecord record = META__BROKER_RECORD__INIT;
    record.id = id;
    record.epoch = epoch;
    record.incarnation = (ProtobufCBinaryData){sizeof(incarnation), incarnation};
    record.endpoints = endpoints;
    record.n_endpoints = 1;
    record.fenced = fenced;
    record.log_dirs = dirs;
    record.n_log_dirs = 1;
    feed_record(metadata, META__RECORD__FACT_BROKER, &record);
}

struct uuid feed_topic_id(const char *name)
{
    struct uuid id = {{0}};
    size_t len = strlen(name);
    memcpy(id.bytes, name, len < sizeof(id.bytes) ? len : sizeof(id.bytes));
    return id;
}

void feed_topic(struct metadata *metadata, const char *name)
{
    char text[250];
    struct uuid id = feed_topic_id(name);
    snprintf(text, sizeof(text), "%s", name);
    Meta__TopicRecord topic = META__TOPIC_RECORD__INIT;
    topic.name = text;
    topic.id = (ProtobufCBinaryData){sizeof(id.bytes), id.bytes};
    feed_record(metadata, META__RECORD__FACT_TOPIC, &topic);
}

void feed_topic_removed(struct metadata *metadata, const char *name)
{
    struct uuid id = feed_topic_id(name);
    Meta__TopicRemovedRecord record = META__TOPIC_REMOVED_RECORD__INIT;
    record.id = (ProtobufCBinaryData){sizeof(id.bytes), id.bytes};
    feed_record(metadata, META__RECORD__FACT_TOPIC_REMOVED, &record);
}

void feed_partition(struct metadata *metadata, const char *topic,
                    const struct image_partition *partition)
{
    struct uuid id = feed_topic_id(topic);
    Meta__PartitionRecord record = META__PARTITION_RECORD__INIT;
    record.topic_id = (ProtobufCBinaryData){sizeof(id.bytes), id.bytes};
    record.partition = partition->index;
    record.replicas = partition->replicas.ids;
    record.n_replicas = (size_t)partition->replicas.count;
    record.isr = partition->isr.ids;
    record.n_isr = (size_t)partition->isr.count;
    record.adding = partition->adding.ids;
    record.n_adding = (size_t)partition->adding.count;
    record.removing = partition->removing.ids;
    record.n_removing = (size_t)partition->removing.count;
    record.offline = partition->offline.ids;
    record.n_offline = (size_t)partition->offline.count;
    record.full = partition->full.ids;
    record.n_full = (size_t)partition->full.count;
    record.elr = partition->elr.ids;
    record.n_elr = (size_t)partition->elr.count;
    record.last_known_elr = partition->last_known_elr.ids;
    record.n_last_known_elr = (size_t)partition->last_known_elr.count;
    record.leader = partition->leader;
    record.leader_epoch = partition->leader_epoch;
    record.partition_epoch = partition->partition_epoch;
    record.emptied = partition->emptied;
    record.emptied_epoch = partition->emptied_epoch;
    feed_record(metadata, META__RECORD__FACT_PARTITION, &record);
}

void feed_setting(struct metadata *metadata, Meta__ConfigRecord__Resource resource,
                  const char *name, const char *key, const char *value)
{
    char texts[3][250];
    snprintf(texts[0], sizeof(texts[0]), "%s", name);
    snprintf(texts[1], sizeof(texts[1]), "%s", key);
    snprintf(texts[2], sizeof(texts[2]), "%s", value);
    Meta__ConfigRecord record = META__CONFIG_RECORD__INIT;
    record.resource = resource;
    record.name = texts[0];
    record.key = texts[1];
    record.value = texts[2];
    feed_record(metadata, META__RECORD__FACT_CONFIG, &record);
}

void feed_quota(struct metadata *metadata, const char *user, const char *client_id, const char *ip,
                const char *key, double value)
{
    static const char *const types[] = {"user", "client-id", "ip"};
    const char *const names[] = {user, client_id, ip};
    Meta__QuotaPart parts[ARRAY_LEN(names)], *pointers[ARRAY_LEN(names)];
    Meta__ClientQuotaRecord body = META__CLIENT_QUOTA_RECORD__INIT;
    body.parts = pointers;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!names[i])
            continue;
        meta__quota_part__init(&parts[i]);
        parts[i].type = (char *)(uintptr_t)types[i];
        parts[i].name = (char *)(uintptr_t)names[i];
        parts[i].everyone = names[i][0] == 0;
        pointers[body.n_parts++] = &parts[i];
    }
    body.key = (char *)(uintptr_t)key;
    body.value = value;
    body.removed = value == 0;
    feed_record(metadata, META__RECORD__FACT_CLIENT_QUOTA, &body);
}

Meta__Frame *feed_copy(Meta__Command *command)
{
    Meta__Frame frame = META__FRAME__INIT;
    frame.body_case = META__FRAME__BODY_COMMAND;
    frame.command = command;
    size_t len = meta__frame__get_packed_size(&frame);
    uint8_t *bytes = mem_alloc(len);
    meta__frame__pack(&frame, bytes);
    Meta__Frame *copy = meta__frame__unpack(NULL, len, bytes);
    mem_free(bytes);
    ASSERT(copy != NULL);
    return copy;
}
