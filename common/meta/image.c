/* The image: brokers in an array by id, topics in an array by name with maps by name and id,
 * settings in a map by resource. Applying a record first checks it, then changes the image, so
 * that a refused record leaves no trace. Failure modes: a record that breaks a rule gives
 * ERR_MALFORMED; memory for what was accepted aborts when the machine has none (its size is
 * bounded by the record). */
#include "meta/image.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "meta/image_private.h"

static void ids_free(struct image_partition *partition)
{
    mem_free(partition->replicas.ids); /* one block holds all lists */
}

static void topic_free(struct image_topic_slot *slot)
{
    for (int32_t i = 0; i < slot->topic.partition_count; i++)
        ids_free(&slot->topic.partitions[i]);
    mem_free(slot->topic.partitions);
    mem_free(slot->topic.name);
    mem_free(slot);
}

static void broker_free(struct image_broker *broker)
{
    for (size_t i = 0; i < broker->endpoint_count; i++) {
        mem_free(broker->endpoints[i].listener);
        mem_free(broker->endpoints[i].host);
    }
    mem_free(broker->endpoints);
    mem_free(broker->rack);
    mem_free(broker->log_dirs);
    mem_free(broker->log_dir_epochs);
    mem_free(broker);
}

static void settings_free(struct image_settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        mem_free(settings->entries[i].key);
        mem_free(settings->entries[i].value);
    }
    mem_free(settings->entries);
    mem_free(settings->name);
    mem_free(settings);
}

static void image_init(struct image *image)
{
    memset(image, 0, sizeof(*image));
    map_init(&image->topics_by_name);
    map_init(&image->topics_by_id);
    map_init(&image->settings);
}

static void image_close(struct image *image)
{
    for (size_t i = 0; i < image->broker_count; i++)
        broker_free(image->brokers[i]);
    mem_free(image->brokers);
    for (size_t i = 0; i < image->topic_count; i++)
        topic_free(image->topics[i]);
    mem_free(image->topics);
    size_t cursor = 0;
    struct image_settings *settings;
    while ((settings = map_next(&image->settings, &cursor, NULL, NULL)))
        settings_free(settings);
    map_close(&image->settings);
    map_close(&image->topics_by_name);
    map_close(&image->topics_by_id);
    mem_free(image->cluster_id);
    image_close_features(image);
    image_close_quotas(image);
}

struct image *image_new(void)
{
    struct image *image = mem_alloc(sizeof(*image));
    image_init(image);
    return image;
}

void image_free(struct image *image)
{
    if (!image)
        return;
    image_close(image);
    mem_free(image);
}

void image_clear(struct image *image)
{
    image_close(image);
    image_init(image);
}

/* ---- what always holds ---- */

/* What is seen at once, after each record. */
static void image_check_counts(const struct image *image)
{
    ASSERT(image->topic_count <= image->topic_cap);
    ASSERT(image->topics_by_name.count == image->topic_count);
    ASSERT(image->topics_by_id.count == image->topic_count);
    ASSERT(image->next_producer_id >= 0);
    ASSERT((image->topics == NULL) == (image->topic_cap == 0));
    ASSERT(image->brokers != NULL || image->broker_count == 0);
}

/* What is being added, or removed, are replicas, and not all of them: some were there before, and
 * some stay. */
static bool is_part_of_replicas(const struct image_ids *replicas, const struct image_ids *list)
{
    int32_t others = 0;
    for (int32_t i = 0; i < list->count; i++)
        if (!image_ids_have(replicas, list->ids[i]))
            return false;
    for (int32_t i = 0; i < replicas->count; i++)
        others += !image_ids_have(list, replicas->ids[i]);
    return others > 0 || replicas->count == 0;
}

static void image_check_partition(const struct image_partition *partition)
{
    ASSERT(is_part_of_replicas(&partition->replicas, &partition->adding));
    ASSERT(is_part_of_replicas(&partition->replicas, &partition->removing));
    ASSERT(partition->isr.count <= partition->replicas.count);
    ASSERT(partition->replicas.count == 0 || partition->isr.count > 0);
    ASSERT(!partition->emptied || partition->isr.count == 1);
    ASSERT(!partition->emptied || partition->leader == IMAGE_NO_NODE);
    ASSERT(partition->emptied || partition->emptied_epoch == 0);
}

void image_check(const struct image *image)
{
    image_check_counts(image);
    for (size_t i = 1; i < image->broker_count; i++)
        ASSERT(image->brokers[i]->id > image->brokers[i - 1]->id);
    for (size_t i = 0; i < image->topic_count; i++) {
        const struct image_topic_slot *slot = image->topics[i];
        const struct image_topic *topic = &slot->topic;
        ASSERT(i == 0 || strcmp(topic->name, image->topics[i - 1]->topic.name) > 0);
        ASSERT(image_topic_by_name(image, topic->name, strlen(topic->name)) == topic);
        ASSERT(image_topic_by_id(image, &topic->id) == topic);
        ASSERT(topic->partition_count <= slot->partition_cap);
        for (int32_t p = 0; p < topic->partition_count; p++) {
            ASSERT(topic->partitions[p].index == p);
            image_check_partition(&topic->partitions[p]);
        }
    }
}

/* ---- lookups ---- */

const char *image_cluster_id(const struct image *image)
{
    return image->cluster_id ? image->cluster_id : "";
}

int64_t image_next_producer_id(const struct image *image)
{
    return image->next_producer_id;
}

/* Where the broker stands, or belongs. */
static size_t broker_position(const struct image *image, int32_t id)
{
    size_t low = 0, high = image->broker_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (image->brokers[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    ASSERT(low <= image->broker_count);
    return low;
}

const struct image_broker *image_broker(const struct image *image, int32_t id)
{
    size_t at = broker_position(image, id);
    return at < image->broker_count && image->brokers[at]->id == id ? image->brokers[at] : NULL;
}

static size_t topic_position(const struct image *image, const char *name)
{
    size_t low = 0, high = image->topic_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(image->topics[middle]->topic.name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    ASSERT(low <= image->topic_count);
    return low;
}

const struct image_topic *image_topic_by_name(const struct image *image, const char *name,
                                              size_t len)
{
    struct image_topic_slot *slot = map_get(&image->topics_by_name, name, len);
    return slot ? &slot->topic : NULL;
}

static struct image_topic_slot *topic_slot(const struct image *image, const struct uuid *id)
{
    return map_get(&image->topics_by_id, id->bytes, sizeof(id->bytes));
}

const struct image_topic *image_topic_by_id(const struct image *image, const struct uuid *id)
{
    struct image_topic_slot *slot = topic_slot(image, id);
    return slot ? &slot->topic : NULL;
}

const struct image_partition *image_partition(const struct image_topic *topic, int32_t index)
{
    if (index < 0 || index >= topic->partition_count ||
        topic->partitions[index].replicas.count == 0)
        return NULL;
    return &topic->partitions[index];
}

size_t image_topic_count(const struct image *image)
{
    return image->topic_count;
}

const struct image_broker *image_next_broker(const struct image *image, size_t *cursor)
{
    return *cursor < image->broker_count ? image->brokers[(*cursor)++] : NULL;
}

const struct image_topic *image_next_topic(const struct image *image, size_t *cursor)
{
    return *cursor < image->topic_count ? &image->topics[(*cursor)++]->topic : NULL;
}

bool image_has_id(const int32_t *ids, size_t count, int32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

bool image_ids_have(const struct image_ids *ids, int32_t id)
{
    return image_has_id(ids->ids, (size_t)ids->count, id);
}

/* ---- settings ---- */

/* The key of the settings map: the resource in one byte, then the name. */
static char *settings_key(Meta__ConfigRecord__Resource resource, const char *name, size_t *len)
{
    *len = strlen(name) + 1;
    char *key = mem_alloc(*len);
    key[0] = (char)resource;
    memcpy(key + 1, name, *len - 1);
    return key;
}

static struct image_settings *settings_get(const struct image *image,
                                           Meta__ConfigRecord__Resource resource, const char *name)
{
    size_t len;
    char *key = settings_key(resource, name, &len);
    struct image_settings *settings = map_get(&image->settings, key, len);
    mem_free(key);
    return settings;
}

static void settings_drop(struct image *image, Meta__ConfigRecord__Resource resource,
                          const char *name)
{
    size_t len;
    char *key = settings_key(resource, name, &len);
    struct image_settings *settings = map_del(&image->settings, key, len);
    mem_free(key);
    if (!settings)
        return;
    ASSERT(image->settings_of[resource] > 0);
    image->settings_of[resource]--;
    settings_free(settings);
}

static size_t settings_position(const struct image_settings *settings, const char *key)
{
    size_t at = 0;
    while (at < settings->count && strcmp(settings->entries[at].key, key) < 0)
        at++;
    return at;
}

static bool settings_have(const struct image_settings *settings, size_t at, const char *key)
{
    return at < settings->count && strcmp(settings->entries[at].key, key) == 0;
}

const char *image_config(const struct image *image, Meta__ConfigRecord__Resource resource,
                         const char *name, const char *key)
{
    struct image_settings *settings = settings_get(image, resource, name);
    if (!settings)
        return NULL;
    size_t at = settings_position(settings, key);
    return settings_have(settings, at, key) ? settings->entries[at].value : NULL;
}

const struct image_config *image_configs(const struct image *image,
                                         Meta__ConfigRecord__Resource resource, const char *name,
                                         size_t *count)
{
    struct image_settings *settings = settings_get(image, resource, name);
    *count = settings ? settings->count : 0;
    return settings ? settings->entries : NULL;
}

const char *image_next_config_resource(const struct image *image,
                                       Meta__ConfigRecord__Resource resource, size_t *cursor)
{
    const struct image_settings *settings;
    while ((settings = map_next(&image->settings, cursor, NULL, NULL)))
        if (settings->resource == resource)
            return settings->name;
    return NULL;
}

size_t image_config_resources(const struct image *image, Meta__ConfigRecord__Resource resource)
{
    ASSERT(resource <= META__CONFIG_RECORD__RESOURCE__GROUP);
    ASSERT(image->settings_of[resource] <= image->settings.count);
    return image->settings_of[resource];
}

static void settings_put(struct image *image, const Meta__ConfigRecord *record)
{
    struct image_settings *settings = settings_get(image, record->resource, record->name);
    if (!settings) {
        size_t len;
        char *key = settings_key(record->resource, record->name, &len);
        settings = mem_alloc(sizeof(*settings));
        settings->resource = record->resource;
        settings->name = mem_strdup(record->name);
        const void *former = map_put(&image->settings, key, len, settings);
        ASSERT(former == NULL);
        image->settings_of[record->resource]++;
        mem_free(key);
    }
    size_t at = settings_position(settings, record->key);
    if (settings_have(settings, at, record->key)) {
        mem_free(settings->entries[at].value);
        settings->entries[at].value = mem_strdup(record->value);
        return;
    }
    settings->entries =
        mem_realloc(settings->entries, (settings->count + 1) * sizeof(*settings->entries));
    memmove(&settings->entries[at + 1], &settings->entries[at],
            (settings->count - at) * sizeof(*settings->entries));
    settings->entries[at] =
        (struct image_config){mem_strdup(record->key), mem_strdup(record->value)};
    settings->count++;
}

static void settings_remove(struct image *image, const Meta__ConfigRecord *record)
{
    struct image_settings *settings = settings_get(image, record->resource, record->name);
    if (!settings)
        return;
    size_t at = settings_position(settings, record->key);
    if (!settings_have(settings, at, record->key))
        return;
    mem_free(settings->entries[at].key);
    mem_free(settings->entries[at].value);
    settings->count--;
    memmove(&settings->entries[at], &settings->entries[at + 1],
            (settings->count - at) * sizeof(*settings->entries));
    if (settings->count == 0)
        settings_drop(image, record->resource, record->name);
}

/* ---- applying ---- */

static int apply_config(struct image *image, const Meta__ConfigRecord *record)
{
    bool named = record->resource == META__CONFIG_RECORD__RESOURCE__CLIENT_METRICS ||
                 record->resource == META__CONFIG_RECORD__RESOURCE__GROUP;
    if (record->resource != META__CONFIG_RECORD__RESOURCE__TOPIC &&
        record->resource != META__CONFIG_RECORD__RESOURCE__BROKER && !named)
        return ERR_MALFORMED;
    if (record->key[0] == 0 || (named && record->name[0] == 0))
        return ERR_MALFORMED;
    if (record->removed)
        settings_remove(image, record);
    else
        settings_put(image, record);
    return 0;
}

static int apply_cluster(struct image *image, const Meta__ClusterRecord *record)
{
    if (record->cluster_id[0] == 0)
        return ERR_MALFORMED;
    mem_free(image->cluster_id);
    image->cluster_id = mem_strdup(record->cluster_id);
    return 0;
}

static int read_uuid(const ProtobufCBinaryData *bytes, struct uuid *uuid)
{
    if (bytes->len != sizeof(uuid->bytes))
        return ERR_MALFORMED;
    memcpy(uuid->bytes, bytes->data, sizeof(uuid->bytes));
    return 0;
}

static int check_broker(const Meta__BrokerRecord *record)
{
    struct uuid uuid;
    if (record->id < 0 || record->served_epoch < 0 || read_uuid(&record->incarnation, &uuid))
        return ERR_MALFORMED;
    for (size_t i = 0; i < record->n_endpoints; i++)
        if (record->endpoints[i]->port > UINT16_MAX)
            return ERR_MALFORMED;
    for (size_t i = 0; i < record->n_log_dirs; i++)
        if (read_uuid(&record->log_dirs[i], &uuid))
            return ERR_MALFORMED;
    if (record->n_log_dir_epochs && record->n_log_dir_epochs != record->n_log_dirs)
        return ERR_MALFORMED;
    for (size_t i = 0; i < record->n_log_dir_epochs; i++)
        if (record->log_dir_epochs[i] < 0)
            return ERR_MALFORMED;
    return 0;
}

static struct image_broker *broker_new(const Meta__BrokerRecord *record)
{
    struct image_broker *broker = mem_alloc(sizeof(*broker));
    broker->id = record->id;
    broker->epoch = record->epoch;
    memcpy(broker->incarnation.bytes, record->incarnation.data, sizeof(broker->incarnation.bytes));
    broker->fenced = record->fenced;
    broker->stopping = record->stopping;
    broker->rack = record->rack[0] ? mem_strdup(record->rack) : NULL;
    broker->endpoint_count = record->n_endpoints;
    broker->endpoints = mem_alloc(record->n_endpoints * sizeof(*broker->endpoints));
    for (size_t i = 0; i < record->n_endpoints; i++) {
        const Meta__Endpoint *from = record->endpoints[i];
        broker->endpoints[i] =
            (struct image_endpoint){mem_strdup(from->listener), mem_strdup(from->host),
                                    (uint16_t)from->port, (int)from->security};
    }
    broker->served_epoch = record->served_epoch;
    broker->keeps_epochs = record->keeps_epochs;
    broker->crashed = record->crashed;
    broker->cordoned = record->cordoned;
    broker->features_step = record->features_step;
    broker->log_dir_count = record->n_log_dirs;
    broker->log_dirs = mem_alloc(record->n_log_dirs * sizeof(*broker->log_dirs));
    for (size_t i = 0; i < record->n_log_dirs; i++)
        memcpy(broker->log_dirs[i].bytes, record->log_dirs[i].data, sizeof(struct uuid));
    broker->log_dir_epochs = mem_alloc(record->n_log_dirs * sizeof(*broker->log_dir_epochs));
    for (size_t i = 0; i < record->n_log_dir_epochs; i++)
        broker->log_dir_epochs[i] = record->log_dir_epochs[i];
    return broker;
}

static int apply_broker(struct image *image, const Meta__BrokerRecord *record)
{
    int err = check_broker(record);
    if (err)
        return err;
    struct image_broker *broker = broker_new(record);
    size_t at = broker_position(image, record->id);
    if (at < image->broker_count && image->brokers[at]->id == record->id) {
        broker_free(image->brokers[at]);
        image->brokers[at] = broker;
        return 0;
    }
    image->brokers =
        mem_realloc(image->brokers, (image->broker_count + 1) * sizeof(*image->brokers));
    memmove(&image->brokers[at + 1], &image->brokers[at],
            (image->broker_count - at) * sizeof(*image->brokers));
    image->brokers[at] = broker;
    image->broker_count++;
    ASSERT(at == 0 || image->brokers[at - 1]->id < record->id);
    ASSERT(at + 1 == image->broker_count || image->brokers[at + 1]->id > record->id);
    return 0;
}

static int apply_broker_removed(struct image *image, const Meta__BrokerRemovedRecord *record)
{
    if (!image_broker(image, record->id))
        return ERR_MALFORMED;
    size_t at = broker_position(image, record->id);
    ASSERT(image->broker_count > 0);
    ASSERT(image->brokers[at]->id == record->id);
    broker_free(image->brokers[at]);
    image->broker_count--;
    memmove(&image->brokers[at], &image->brokers[at + 1],
            (image->broker_count - at) * sizeof(*image->brokers));
    return 0;
}

static int apply_topic(struct image *image, const Meta__TopicRecord *record)
{
    struct uuid id;
    size_t len = strlen(record->name);
    if (read_uuid(&record->id, &id) || uuid_is_zero(&id) || len == 0)
        return ERR_MALFORMED;
    if (topic_slot(image, &id) || image_topic_by_name(image, record->name, len))
        return ERR_MALFORMED;
    struct image_topic_slot *slot = mem_alloc(sizeof(*slot));
    slot->topic.id = id;
    slot->topic.name = mem_strdup(record->name);
    size_t at = topic_position(image, record->name);
    if (image->topic_count == image->topic_cap) {
        image->topic_cap = image->topic_cap ? image->topic_cap * 2 : 16;
        image->topics = mem_realloc(image->topics, image->topic_cap * sizeof(*image->topics));
    }
    memmove(&image->topics[at + 1], &image->topics[at],
            (image->topic_count - at) * sizeof(*image->topics));
    image->topics[at] = slot;
    image->topic_count++;
    const void *by_name = map_put(&image->topics_by_name, record->name, len, slot);
    const void *by_id = map_put(&image->topics_by_id, id.bytes, sizeof(id.bytes), slot);
    ASSERT(by_name == NULL);
    ASSERT(by_id == NULL);
    image_check_counts(image);
    return 0;
}

static int apply_topic_removed(struct image *image, const Meta__TopicRemovedRecord *record)
{
    struct uuid id;
    if (read_uuid(&record->id, &id))
        return ERR_MALFORMED;
    struct image_topic_slot *slot = topic_slot(image, &id);
    if (!slot)
        return ERR_MALFORMED;
    const char *name = slot->topic.name;
    settings_drop(image, META__CONFIG_RECORD__RESOURCE__TOPIC, name);
    size_t at = topic_position(image, name);
    ASSERT(image->topics[at] == slot);
    image->topic_count--;
    memmove(&image->topics[at], &image->topics[at + 1],
            (image->topic_count - at) * sizeof(*image->topics));
    const void *by_name = map_del(&image->topics_by_name, name, strlen(name));
    const void *by_id = map_del(&image->topics_by_id, id.bytes, sizeof(id.bytes));
    ASSERT(by_name == slot);
    ASSERT(by_id == slot);
    image_check_counts(image);
    topic_free(slot);
    return 0;
}

static int check_partition(const Meta__PartitionRecord *record)
{
    if (record->partition < 0 || record->partition >= IMAGE_PARTITIONS_MAX)
        return ERR_MALFORMED;
    if (record->n_replicas == 0 || record->n_isr == 0 || record->n_replicas > INT16_MAX ||
        record->n_isr > record->n_replicas || record->n_adding > record->n_replicas ||
        record->n_removing > record->n_replicas || record->n_offline > record->n_replicas ||
        record->n_full > record->n_replicas || record->n_elr > record->n_replicas ||
        record->n_last_known_elr > record->n_replicas)
        return ERR_MALFORMED;
    struct image_ids replicas = {record->replicas, (int32_t)record->n_replicas};
    struct image_ids adding = {record->adding, (int32_t)record->n_adding};
    struct image_ids removing = {record->removing, (int32_t)record->n_removing};
    if (!is_part_of_replicas(&replicas, &adding) || !is_part_of_replicas(&replicas, &removing))
        return ERR_MALFORMED;
    if (record->emptied && (record->n_isr != 1 || record->leader != IMAGE_NO_NODE))
        return ERR_MALFORMED;
    if (record->emptied_epoch < 0 || (record->emptied_epoch && !record->emptied))
        return ERR_MALFORMED;
    return 0;
}

static void copy_ids(struct image_ids *ids, int32_t **at, const int32_t *from, size_t count)
{
    ids->ids = *at;
    ids->count = (int32_t)count;
    if (count)
        memcpy(*at, from, count * sizeof(*from));
    *at += count;
}

static void partition_set(struct image_partition *partition, const Meta__PartitionRecord *record)
{
    ids_free(partition);
    size_t total = record->n_replicas + record->n_isr + record->n_adding + record->n_removing +
                   record->n_offline + record->n_full + record->n_elr + record->n_last_known_elr;
    int32_t *at = mem_alloc(total * sizeof(*at));
    partition->index = record->partition;
    partition->leader = record->leader;
    partition->leader_epoch = record->leader_epoch;
    partition->partition_epoch = record->partition_epoch;
    partition->emptied = record->emptied;
    partition->emptied_epoch = record->emptied_epoch;
    copy_ids(&partition->replicas, &at, record->replicas, record->n_replicas);
    copy_ids(&partition->isr, &at, record->isr, record->n_isr);
    copy_ids(&partition->adding, &at, record->adding, record->n_adding);
    copy_ids(&partition->removing, &at, record->removing, record->n_removing);
    copy_ids(&partition->offline, &at, record->offline, record->n_offline);
    copy_ids(&partition->full, &at, record->full, record->n_full);
    copy_ids(&partition->elr, &at, record->elr, record->n_elr);
    copy_ids(&partition->last_known_elr, &at, record->last_known_elr, record->n_last_known_elr);
    ASSERT(at == partition->replicas.ids + total);
    image_check_partition(partition);
}

static void topic_grow(struct image_topic_slot *slot, int32_t count)
{
    struct image_topic *topic = &slot->topic;
    ASSERT(count >= topic->partition_count);
    if (count > slot->partition_cap) {
        int32_t cap = slot->partition_cap * 2 > count ? slot->partition_cap * 2 : count;
        topic->partitions =
            mem_realloc(topic->partitions, (size_t)cap * sizeof(*topic->partitions));
        slot->partition_cap = cap;
    }
    for (int32_t i = topic->partition_count; i < count; i++)
        topic->partitions[i] = (struct image_partition){.index = i, .leader = IMAGE_NO_NODE};
    topic->partition_count = count;
}

static int apply_partition(struct image *image, const Meta__PartitionRecord *record)
{
    struct uuid id;
    if (read_uuid(&record->topic_id, &id) || check_partition(record))
        return ERR_MALFORMED;
    struct image_topic_slot *slot = topic_slot(image, &id);
    /* A new one follows the last: so a record costs memory for one, whatever number it says. */
    if (!slot || record->partition > slot->topic.partition_count)
        return ERR_MALFORMED;
    if (record->partition == slot->topic.partition_count)
        topic_grow(slot, record->partition + 1);
    ASSERT(slot->topic.partition_count <= slot->partition_cap);
    partition_set(&slot->topic.partitions[record->partition], record);
    return 0;
}

int image_apply(struct image *image, const Meta__Record *record)
{
    switch (record->fact_case) {
    case META__RECORD__FACT_CLUSTER:
        return apply_cluster(image, record->cluster);
    case META__RECORD__FACT_BROKER:
        return apply_broker(image, record->broker);
    case META__RECORD__FACT_BROKER_REMOVED:
        return apply_broker_removed(image, record->broker_removed);
    case META__RECORD__FACT_TOPIC:
        return apply_topic(image, record->topic);
    case META__RECORD__FACT_TOPIC_REMOVED:
        return apply_topic_removed(image, record->topic_removed);
    case META__RECORD__FACT_PARTITION:
        return apply_partition(image, record->partition);
    case META__RECORD__FACT_CONFIG:
        return apply_config(image, record->config);
    case META__RECORD__FACT_PRODUCER_IDS:
        if (record->producer_ids->next_id < image->next_producer_id)
            return ERR_MALFORMED;
        image->next_producer_id = record->producer_ids->next_id;
        return 0;
    case META__RECORD__FACT_FEATURE:
        return image_apply_feature(image, record->feature);
    case META__RECORD__FACT_CLIENT_QUOTA:
        return image_apply_quota(image, record->client_quota);
    default:
        return ERR_MALFORMED;
    }
}

int image_apply_entry(struct image *image, const Meta__Entry *entry)
{
    for (size_t i = 0; i < entry->n_records; i++) {
        int err = image_apply(image, entry->records[i]);
        if (err)
            return err;
    }
    return 0;
}
