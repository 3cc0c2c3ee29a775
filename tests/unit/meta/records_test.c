/* Records, lookups and the frames of the channel. */
#include "../tap.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "meta/channel.h"
#include "meta/features.h"
#include "meta/image.h"

static const uint8_t topic_id[16] = {1, 2, 3};
static const uint8_t other_id[16] = {4, 5, 6};

static int put_topic(struct image *image, const uint8_t *id, const char *name)
{
    Meta__TopicRecord body = META__TOPIC_RECORD__INIT;
    Meta__Record record = META__RECORD__INIT;
    body.id = (ProtobufCBinaryData){16, (uint8_t *)(uintptr_t)id};
    body.name = (char *)(uintptr_t)name;
    record.fact_case = META__RECORD__FACT_TOPIC;
    record.topic = &body;
    return image_apply(image, &record);
}

static int put_partition(struct image *image, const uint8_t *id, int32_t index, int32_t leader)
{
    int32_t replicas[] = {1, 2, 3}, isr[] = {1, 3};
    Meta__PartitionRecord body = META__PARTITION_RECORD__INIT;
    Meta__Record record = META__RECORD__INIT;
    body.topic_id = (ProtobufCBinaryData){16, (uint8_t *)(uintptr_t)id};
    body.partition = index;
    body.replicas = replicas;
    body.n_replicas = 3;
    body.isr = isr;
    body.n_isr = 2;
    body.leader = leader;
    body.leader_epoch = 4;
    body.partition_epoch = 5;
    record.fact_case = META__RECORD__FACT_PARTITION;
    record.partition = &body;
    return image_apply(image, &record);
}

static int put_broker(struct image *image, int32_t id, const char *rack)
{
    uint8_t incarnation[16] = {7}, dir[16] = {8};
    ProtobufCBinaryData dirs[] = {{16, dir}};
    Meta__Endpoint endpoint = META__ENDPOINT__INIT, *endpoints[] = {&endpoint};
    Meta__BrokerRecord body = META__BROKER_RECORD__INIT;
    Meta__Record record = META__RECORD__INIT;
    endpoint.listener = "PLAINTEXT";
    endpoint.host = "host";
    endpoint.port = 9092;
    body.id = id;
    body.epoch = 10 + id;
    body.served_epoch = 5 + id;
    body.keeps_epochs = id == 3;
    body.features_step = (uint32_t)id;
    body.incarnation = (ProtobufCBinaryData){16, incarnation};
    body.n_endpoints = 1;
    body.endpoints = endpoints;
    body.n_log_dirs = 1;
    body.log_dirs = dirs;
    body.rack = (char *)(uintptr_t)rack;
    record.fact_case = META__RECORD__FACT_BROKER;
    record.broker = &body;
    return image_apply(image, &record);
}

static int put_config(struct image *image, int resource, const char *name, const char *key,
                      const char *value)
{
    Meta__ConfigRecord body = META__CONFIG_RECORD__INIT;
    Meta__Record record = META__RECORD__INIT;
    body.resource = (Meta__ConfigRecord__Resource)resource;
    body.name = (char *)(uintptr_t)name;
    body.key = (char *)(uintptr_t)key;
    body.removed = value == NULL;
    if (value)
        body.value = (char *)(uintptr_t)value;
    record.fact_case = META__RECORD__FACT_CONFIG;
    record.config = &body;
    return image_apply(image, &record);
}

static int put_feature(struct image *image, const char *name, int32_t level)
{
    Meta__FeatureRecord body = META__FEATURE_RECORD__INIT;
    Meta__Record record = META__RECORD__INIT;
    body.name = (char *)(uintptr_t)name;
    body.level = level;
    record.fact_case = META__RECORD__FACT_FEATURE;
    record.feature = &body;
    return image_apply(image, &record);
}

static struct image *full_image(void)
{
    struct image *image = image_new();
    Meta__ClusterRecord cluster = META__CLUSTER_RECORD__INIT;
    Meta__ProducerIdsRecord ids = META__PRODUCER_IDS_RECORD__INIT;
    Meta__Record record = META__RECORD__INIT;
    cluster.cluster_id = "abcdefghijklmnopqrstuv";
    record.fact_case = META__RECORD__FACT_CLUSTER;
    record.cluster = &cluster;
    CHECK_INT(image_apply(image, &record), 0);
    ids.next_id = 5000;
    record.fact_case = META__RECORD__FACT_PRODUCER_IDS;
    record.producer_ids = &ids;
    CHECK_INT(image_apply(image, &record), 0);
    CHECK_INT(put_broker(image, 3, "r1"), 0);
    CHECK_INT(put_broker(image, 1, ""), 0);
    CHECK_INT(put_topic(image, topic_id, "orders"), 0);
    CHECK_INT(put_topic(image, other_id, "billing"), 0);
    for (int32_t i = 0; i < 20; i++)
        CHECK_INT(put_partition(image, topic_id, i, 1), 0);
    CHECK_INT(put_config(image, 2, "orders", "retention.ms", "5"), 0);
    CHECK_INT(put_config(image, 2, "orders", "cleanup.policy", "compact"), 0);
    CHECK_INT(put_config(image, 4, "", "a", "b"), 0);
    CHECK_INT(put_feature(image, "transaction.version", 1), 0);
    CHECK_INT(put_feature(image, "group.version", 0), 0);
    return image;
}

static void lookups_find_what_was_applied(void)
{
    struct image *image = full_image();
    CHECK_STR(image_cluster_id(image), "abcdefghijklmnopqrstuv");
    CHECK_INT(image_next_producer_id(image), 5000);
    const struct image_topic *topic = image_topic_by_name(image, "orders", 6);
    CHECK(topic && topic->partition_count == 20);
    CHECK(image_topic_by_id(image, &topic->id) == topic);
    const struct image_partition *partition = image_partition(topic, 7);
    CHECK(partition && partition->leader == 1 && partition->isr.count == 2);
    CHECK(image_ids_have(&partition->isr, 3) && !image_ids_have(&partition->isr, 2));
    CHECK(!image_partition(topic, 20) && !image_partition(topic, -1));
    const struct image_broker *broker = image_broker(image, 3);
    CHECK(broker && broker->epoch == 13 && broker->served_epoch == 8 && broker->keeps_epochs);
    CHECK_INT((int)broker->features_step, 3);
    CHECK_STR(broker->rack, "r1");
    CHECK(!image_broker(image, 1)->rack && !image_broker(image, 2));
    size_t cursor = 0, count;
    CHECK_INT(image_next_broker(image, &cursor)->id, 1);
    CHECK_INT(image_next_broker(image, &cursor)->id, 3);
    CHECK(!image_next_broker(image, &cursor));
    cursor = 0;
    CHECK_STR(image_next_topic(image, &cursor)->name, "billing");
    CHECK_STR(image_next_topic(image, &cursor)->name, "orders");
    CHECK_STR(image_config(image, META__CONFIG_RECORD__RESOURCE__TOPIC, "orders", "retention.ms"),
              "5");
    const struct image_config *configs =
        image_configs(image, META__CONFIG_RECORD__RESOURCE__TOPIC, "orders", &count);
    CHECK_INT(count, 2);
    CHECK_STR(configs[0].key, "cleanup.policy");
    image_free(image);
}

static void a_removed_topic_takes_its_settings_along(void)
{
    struct image *image = full_image();
    Meta__TopicRemovedRecord body = META__TOPIC_REMOVED_RECORD__INIT;
    Meta__Record record = META__RECORD__INIT;
    body.id = (ProtobufCBinaryData){16, (uint8_t *)(uintptr_t)topic_id};
    record.fact_case = META__RECORD__FACT_TOPIC_REMOVED;
    record.topic_removed = &body;
    CHECK_INT(image_apply(image, &record), 0);
    CHECK(!image_topic_by_name(image, "orders", 6));
    CHECK(!image_config(image, META__CONFIG_RECORD__RESOURCE__TOPIC, "orders", "retention.ms"));
    CHECK_INT(image_topic_count(image), 1);
    CHECK_INT(image_apply(image, &record), ERR_MALFORMED);
    image_free(image);
}

static void what_breaks_a_rule_is_refused(void)
{
    struct image *image = full_image();
    Meta__Record record = META__RECORD__INIT;
    struct buf before, after;
    buf_init(&before);
    buf_init(&after);
    CHECK_INT(image_pack(image, &before), 0);
    uint8_t unknown[16] = {99};
    CHECK_INT(image_apply(image, &record), ERR_MALFORMED);
    CHECK_INT(put_partition(image, unknown, 0, 1), ERR_MALFORMED);
    CHECK_INT(put_partition(image, topic_id, -1, 1), ERR_MALFORMED);
    CHECK_INT(put_partition(image, topic_id, IMAGE_PARTITIONS_MAX, 1), ERR_MALFORMED);
    CHECK_INT(put_topic(image, topic_id, "again"), ERR_MALFORMED);
    CHECK_INT(put_topic(image, unknown, "orders"), ERR_MALFORMED);
    CHECK_INT(put_config(image, 3, "x", "k", "v"), ERR_MALFORMED);
    Meta__PartitionRecord empty = META__PARTITION_RECORD__INIT;
    empty.topic_id = (ProtobufCBinaryData){16, (uint8_t *)(uintptr_t)topic_id};
    record.fact_case = META__RECORD__FACT_PARTITION;
    record.partition = &empty;
    CHECK_INT(image_apply(image, &record), ERR_MALFORMED);
    empty.topic_id.len = 15;
    CHECK_INT(image_apply(image, &record), ERR_MALFORMED);
    CHECK_INT(image_pack(image, &after), 0);
    CHECK(before.len == after.len && memcmp(before.data, after.data, after.len) == 0);
    buf_close(&before);
    buf_close(&after);
    image_free(image);
}

static void equal_images_give_equal_bytes(void)
{
    struct image *image = full_image(), *copy = image_new();
    struct buf first, second;
    buf_init(&first);
    buf_init(&second);
    CHECK_INT(image_pack(image, &first), 0);
    Meta__Entry *entry = meta__entry__unpack(NULL, first.len, first.data);
    CHECK(entry != NULL);
    CHECK_INT(image_apply_entry(copy, entry), 0);
    CHECK_INT(image_apply_entry(copy, entry), ERR_MALFORMED); /* its topics are there already */
    meta__entry__free_unpacked(entry, NULL);
    CHECK_INT(image_pack(copy, &second), 0);
    CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    image_clear(copy);
    CHECK_INT(image_topic_count(copy), 0);
    buf_close(&first);
    buf_close(&second);
    image_free(image);
    image_free(copy);
}

static void settings_come_and_go(void)
{
    struct image *image = image_new();
    size_t count;
    CHECK_INT(put_config(image, 4, "1", "k", "v"), 0);
    CHECK_INT(put_config(image, 4, "1", "k", "w"), 0);
    CHECK_STR(image_config(image, META__CONFIG_RECORD__RESOURCE__BROKER, "1", "k"), "w");
    CHECK_INT(put_config(image, 4, "1", "other", NULL), 0);
    CHECK_INT(put_config(image, 4, "1", "k", NULL), 0);
    CHECK(!image_configs(image, META__CONFIG_RECORD__RESOURCE__BROKER, "1", &count));
    CHECK_INT(count, 0);
    image_free(image);
}

/* One that was never set has its initial level; those of newer builds are kept as well. */
static void features_have_levels(void)
{
    struct image *image = image_new();
    char name[16];
    CHECK_INT(image_feature(image, "group.version"), IMAGE_FEATURE_UNSET);
    for (int id = 0; id < FEATURES_COUNT; id++)
        CHECK_INT(features_level(image, &features[id]), features[id].initial);
    CHECK(features_find("group.version") == &features[FEATURE_GROUP_VERSION]);
    CHECK(features_find("group") == NULL);
    CHECK_INT(put_feature(image, "z", 7), 0);
    CHECK_INT(put_feature(image, "group.version", 1), 0);
    CHECK_INT(put_feature(image, "group.version", 0), 0);
    CHECK_INT(features_level_of(image, FEATURE_GROUP_VERSION), 0);
    CHECK_INT(image_feature(image, "z"), 7);
    CHECK_INT(put_feature(image, "", 1), ERR_MALFORMED);
    CHECK_INT(put_feature(image, "a", -1), ERR_MALFORMED);
    CHECK_INT(put_feature(image, "a", INT16_MAX + 1), ERR_MALFORMED);
    for (int i = 2; i < IMAGE_FEATURES_MAX; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        CHECK_INT(put_feature(image, name, 1), 0);
    }
    CHECK_INT(put_feature(image, "one more", 1), ERR_MALFORMED);
    CHECK_INT(put_feature(image, "z", 8), 0);
    image_clear(image);
    CHECK_INT(image_feature(image, "z"), IMAGE_FEATURE_UNSET);
    image_free(image);
}

static void entries_frames_are_what_the_proto_says(void)
{
    struct buf out;
    buf_init(&out);
    Meta__Entry entry = META__ENTRY__INIT;
    uint8_t packed[64];
    entry.made_at_ms = 77;
    entry.via_broker = -1;
    size_t len = meta__entry__pack(&entry, packed);
    CHECK_INT(channel_entries_begin(&out), 0);
    CHECK_INT(channel_entries_add(&out, 300, 2, packed, len), 0);
    CHECK_INT(channel_entries_add(&out, 301, 2, packed, 0), 0);
    CHECK_INT(channel_entries_end(&out, 0, 300, 400), 0);
    CHECK_INT(bytes_get_u32(out.data), out.len - 4);
    Meta__Frame *frame = channel_unpack(out.data + 4, out.len - 4);
    CHECK(frame && frame->body_case == META__FRAME__BODY_ENTRIES);
    CHECK_INT(frame->entries->n_entries, 2);
    CHECK_INT(frame->entries->committed_index, 400);
    CHECK_INT(frame->entries->entries[0]->index, 300);
    CHECK_INT(frame->entries->entries[0]->entry->made_at_ms, 77);
    CHECK_INT(frame->entries->entries[0]->entry->via_broker, -1);
    meta__frame__free_unpacked(frame, NULL);
    for (size_t cut = 0; cut < out.len - 4; cut++) { /* each cut ends cleanly */
        frame = channel_unpack(out.data + 4, cut);
        if (frame)
            meta__frame__free_unpacked(frame, NULL);
    }
    out.len = 0;
    CHECK_INT(channel_put_snapshot(&out, 9, 3, packed, len), 0);
    frame = channel_unpack(out.data + 4, out.len - 4);
    CHECK(frame && frame->body_case == META__FRAME__BODY_SNAPSHOT);
    CHECK_INT(frame->snapshot->index, 9);
    CHECK_INT(frame->snapshot->content->made_at_ms, 77);
    meta__frame__free_unpacked(frame, NULL);
    buf_close(&out);
}

TAP_MAIN(TAP_TEST(features_have_levels), TAP_TEST(lookups_find_what_was_applied),
         TAP_TEST(a_removed_topic_takes_its_settings_along),
         TAP_TEST(what_breaks_a_rule_is_refused), TAP_TEST(equal_images_give_equal_bytes),
         TAP_TEST(settings_come_and_go), TAP_TEST(entries_frames_are_what_the_proto_says))
