/* The image as records: cluster, producer ids, features, brokers by id, topics by name each with
 * its partitions, settings by resource and name, quotas by whom they are for. The order depends on
 * the content only, so equal images give equal bytes. Failure modes: the callback's error ends the
 * walk; image_pack needs memory. */
#include "meta/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "meta/channel.h"
#include "meta/image_private.h"

typedef int (*record_fn)(void *data, const Meta__Record *record);

static int each_cluster(const struct image *image, record_fn fn, void *data)
{
    int err = 0;
    Meta__Record record = META__RECORD__INIT;
    if (image->cluster_id) {
        Meta__ClusterRecord cluster = META__CLUSTER_RECORD__INIT;
        cluster.cluster_id = image->cluster_id;
        record.fact_case = META__RECORD__FACT_CLUSTER;
        record.cluster = &cluster;
        err = fn(data, &record);
    }
    if (!err && image->next_producer_id > 0) {
        Meta__ProducerIdsRecord ids = META__PRODUCER_IDS_RECORD__INIT;
        ids.next_id = image->next_producer_id;
        record.fact_case = META__RECORD__FACT_PRODUCER_IDS;
        record.producer_ids = &ids;
        err = fn(data, &record);
    }
    return err;
}

static int each_feature(const struct image *image, record_fn fn, void *data)
{
    int err = 0;
    for (size_t i = 0; !err && i < image->feature_count; i++) {
        Meta__FeatureRecord body = META__FEATURE_RECORD__INIT;
        body.name = image->features[i].name;
        body.level = image->features[i].level;
        Meta__Record record = META__RECORD__INIT;
        record.fact_case = META__RECORD__FACT_FEATURE;
        record.feature = &body;
        err = fn(data, &record);
    }
    return err;
}

static int each_broker(const struct image_broker *broker, record_fn fn, void *data)
{
    Meta__BrokerRecord body = META__BROKER_RECORD__INIT;
    Meta__Endpoint *endpoints = mem_alloc(broker->endpoint_count * sizeof(*endpoints));
    Meta__Endpoint **pointers = mem_alloc(broker->endpoint_count * sizeof(*pointers));
    ProtobufCBinaryData *dirs = mem_alloc(broker->log_dir_count * sizeof(*dirs));
    for (size_t i = 0; i < broker->endpoint_count; i++) {
        meta__endpoint__init(&endpoints[i]);
        endpoints[i].listener = broker->endpoints[i].listener;
        endpoints[i].host = broker->endpoints[i].host;
        endpoints[i].port = broker->endpoints[i].port;
        endpoints[i].security = (uint32_t)broker->endpoints[i].security;
        pointers[i] = &endpoints[i];
    }
    for (size_t i = 0; i < broker->log_dir_count; i++)
        dirs[i] = (ProtobufCBinaryData){sizeof(struct uuid), broker->log_dirs[i].bytes};
    body.id = broker->id;
    body.epoch = broker->epoch;
    body.incarnation =
        (ProtobufCBinaryData){sizeof(struct uuid), (uint8_t *)(uintptr_t)broker->incarnation.bytes};
    body.n_endpoints = broker->endpoint_count;
    body.endpoints = pointers;
    if (broker->rack)
        body.rack = broker->rack;
    body.fenced = broker->fenced;
    body.stopping = broker->stopping;
    body.n_log_dirs = broker->log_dir_count;
    body.log_dirs = dirs;
    body.n_log_dir_epochs = broker->log_dir_count;
    body.log_dir_epochs = broker->log_dir_epochs;
    body.served_epoch = broker->served_epoch;
    body.keeps_epochs = broker->keeps_epochs;
    body.crashed = broker->crashed;
    body.cordoned = broker->cordoned;
    body.features_step = broker->features_step;
    Meta__Record record = META__RECORD__INIT;
    record.fact_case = META__RECORD__FACT_BROKER;
    record.broker = &body;
    int err = fn(data, &record);
    mem_free(dirs);
    mem_free(pointers);
    mem_free(endpoints);
    return err;
}

static int each_partition(const struct image_topic *topic, const struct image_partition *partition,
                          record_fn fn, void *data)
{
    Meta__PartitionRecord body = META__PARTITION_RECORD__INIT;
    body.topic_id =
        (ProtobufCBinaryData){sizeof(struct uuid), (uint8_t *)(uintptr_t)topic->id.bytes};
    body.partition = partition->index;
    body.n_replicas = (size_t)partition->replicas.count;
    body.replicas = partition->replicas.ids;
    body.n_isr = (size_t)partition->isr.count;
    body.isr = partition->isr.ids;
    body.n_adding = (size_t)partition->adding.count;
    body.adding = partition->adding.ids;
    body.n_removing = (size_t)partition->removing.count;
    body.removing = partition->removing.ids;
    body.n_offline = (size_t)partition->offline.count;
    body.offline = partition->offline.ids;
    body.n_full = (size_t)partition->full.count;
    body.full = partition->full.ids;
    body.n_elr = (size_t)partition->elr.count;
    body.elr = partition->elr.ids;
    body.n_last_known_elr = (size_t)partition->last_known_elr.count;
    body.last_known_elr = partition->last_known_elr.ids;
    body.emptied = partition->emptied;
    body.emptied_epoch = partition->emptied_epoch;
    body.leader = partition->leader;
    body.leader_epoch = partition->leader_epoch;
    body.partition_epoch = partition->partition_epoch;
    Meta__Record record = META__RECORD__INIT;
    record.fact_case = META__RECORD__FACT_PARTITION;
    record.partition = &body;
    return fn(data, &record);
}

static int each_topic(const struct image_topic *topic, record_fn fn, void *data)
{
    Meta__TopicRecord body = META__TOPIC_RECORD__INIT;
    body.id = (ProtobufCBinaryData){sizeof(struct uuid), (uint8_t *)(uintptr_t)topic->id.bytes};
    body.name = topic->name;
    Meta__Record record = META__RECORD__INIT;
    record.fact_case = META__RECORD__FACT_TOPIC;
    record.topic = &body;
    int err = fn(data, &record);
    for (int32_t i = 0; !err && i < topic->partition_count; i++)
        if (image_partition(topic, i))
            err = each_partition(topic, &topic->partitions[i], fn, data);
    return err;
}

static int compare_settings(const void *a, const void *b)
{
    const struct image_settings *left = *(struct image_settings *const *)a;
    const struct image_settings *right = *(struct image_settings *const *)b;
    if (left->resource != right->resource)
        return left->resource < right->resource ? -1 : 1;
    return strcmp(left->name, right->name);
}

static int each_setting(const struct image_settings *settings, record_fn fn, void *data)
{
    int err = 0;
    for (size_t i = 0; !err && i < settings->count; i++) {
        Meta__ConfigRecord body = META__CONFIG_RECORD__INIT;
        body.resource = settings->resource;
        body.name = settings->name;
        body.key = settings->entries[i].key;
        body.value = settings->entries[i].value;
        Meta__Record record = META__RECORD__INIT;
        record.fact_case = META__RECORD__FACT_CONFIG;
        record.config = &body;
        err = fn(data, &record);
    }
    return err;
}

static int each_settings(const struct image *image, record_fn fn, void *data)
{
    size_t count = 0, cursor = 0;
    struct image_settings **sorted =
        mem_alloc(image->settings.count * sizeof(struct image_settings *));
    struct image_settings *settings;
    while ((settings = map_next(&image->settings, &cursor, NULL, NULL)))
        sorted[count++] = settings;
    if (count)
        qsort(sorted, count, sizeof(struct image_settings *), compare_settings);
    int err = 0;
    for (size_t i = 0; !err && i < count; i++)
        err = each_setting(sorted[i], fn, data);
    mem_free(sorted);
    return err;
}

int image_each_record(const struct image *image, record_fn fn, void *data)
{
    int err = each_cluster(image, fn, data);
    if (!err)
        err = each_feature(image, fn, data);
    for (size_t i = 0; !err && i < image->broker_count; i++)
        err = each_broker(image->brokers[i], fn, data);
    for (size_t i = 0; !err && i < image->topic_count; i++)
        err = each_topic(&image->topics[i]->topic, fn, data);
    if (!err)
        err = each_settings(image, fn, data);
    if (!err)
        err = image_each_quota(image, fn, data);
    return err;
}

static int pack_record(void *data, const Meta__Record *record)
{
    return channel_put_record(data, record);
}

int image_pack(const struct image *image, struct buf *out)
{
    return image_each_record(image, pack_record, out);
}
