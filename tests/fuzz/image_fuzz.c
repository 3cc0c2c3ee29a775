/* The cluster's metadata: any protobuf Entry is applied to an image. What the image then holds must
 * come back as the same image from its own records, which is what a snapshot is. */
#include "fuzz.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "meta/channel.h"
#include "meta/image.h"

enum { TOPICS = 3, PARTITIONS = 4, IDS = 3 };

static const uint8_t ids[TOPICS + 1][16] = {"topic id number0", "topic id number1",
                                            "topic id number2", "incarnation 0123"};

static ProtobufCBinaryData id_of(int i)
{
    return (ProtobufCBinaryData){16, (uint8_t *)(uintptr_t)ids[i]};
}

static void put(struct buf *out, Meta__Record *record)
{
    FUZZ_REQUIRE(channel_put_record(out, record) == 0);
}

static void put_broker(struct buf *out, int32_t id)
{
    Meta__Record record = META__RECORD__INIT;
    Meta__BrokerRecord body = META__BROKER_RECORD__INIT;
    Meta__Endpoint endpoint = META__ENDPOINT__INIT, *endpoints[] = {&endpoint};
    ProtobufCBinaryData dir = id_of(0);
    endpoint.listener = "PLAINTEXT";
    endpoint.host = "host";
    endpoint.port = 9092;
    body.id = id;
    body.epoch = 40 + id;
    body.incarnation = id_of(TOPICS);
    body.n_endpoints = 1;
    body.endpoints = endpoints;
    body.rack = "r1";
    body.n_log_dirs = 1;
    body.log_dirs = &dir;
    record.fact_case = META__RECORD__FACT_BROKER;
    record.broker = &body;
    put(out, &record);
}

static void put_partition(struct buf *out, int topic, int32_t index)
{
    Meta__Record record = META__RECORD__INIT;
    Meta__PartitionRecord body = META__PARTITION_RECORD__INIT;
    int32_t replicas[IDS] = {0, 1, 2};
    body.topic_id = id_of(topic);
    body.partition = index;
    body.n_replicas = body.n_isr = IDS;
    body.replicas = body.isr = replicas;
    body.n_adding = body.n_removing = body.n_offline = 1;
    body.adding = body.removing = body.offline = replicas;
    body.leader = index % IDS;
    body.partition_epoch = 5;
    record.fact_case = META__RECORD__FACT_PARTITION;
    record.partition = &body;
    put(out, &record);
}

static void put_topic(struct buf *out, int topic)
{
    static char *const names[] = {"a", "bb", "__consumer_offsets"};
    Meta__Record record = META__RECORD__INIT;
    Meta__TopicRecord body = META__TOPIC_RECORD__INIT;
    body.id = id_of(topic);
    body.name = names[topic];
    record.fact_case = META__RECORD__FACT_TOPIC;
    record.topic = &body;
    put(out, &record);
    for (int32_t i = 0; i < PARTITIONS; i++)
        put_partition(out, topic, i);
    Meta__ConfigRecord config = META__CONFIG_RECORD__INIT;
    config.resource = META__CONFIG_RECORD__RESOURCE__TOPIC;
    config.name = names[topic];
    config.key = "retention.ms";
    config.value = "1000";
    record.fact_case = META__RECORD__FACT_CONFIG;
    record.config = &config;
    put(out, &record);
    config.key = "cleanup.policy";
    put(out, &record);
    config.removed = topic == 1;
    put(out, &record);
}

static void put_rest(struct buf *out)
{
    Meta__Record record = META__RECORD__INIT;
    Meta__ClusterRecord cluster = META__CLUSTER_RECORD__INIT;
    Meta__ProducerIdsRecord producers = META__PRODUCER_IDS_RECORD__INIT;
    Meta__TopicRemovedRecord topic = META__TOPIC_REMOVED_RECORD__INIT;
    Meta__BrokerRemovedRecord broker = META__BROKER_REMOVED_RECORD__INIT;
    cluster.cluster_id = "MkU3OEVBNTcwNTJENDM2Qg";
    record.fact_case = META__RECORD__FACT_CLUSTER;
    record.cluster = &cluster;
    put(out, &record);
    producers.next_id = 3000;
    record.fact_case = META__RECORD__FACT_PRODUCER_IDS;
    record.producer_ids = &producers;
    put(out, &record);
    topic.id = id_of(1);
    record.fact_case = META__RECORD__FACT_TOPIC_REMOVED;
    record.topic_removed = &topic;
    put(out, &record);
    broker.id = 2;
    record.fact_case = META__RECORD__FACT_BROKER_REMOVED;
    record.broker_removed = &broker;
    put(out, &record);
}

static void seed(struct fuzz_corpus *corpus)
{
    struct buf all;
    buf_init(&all);
    for (int32_t i = 0; i < IDS; i++) {
        size_t from = all.len;
        put_broker(&all, i);
        fuzz_add(corpus, all.data + from, all.len - from);
    }
    for (int i = 0; i < TOPICS; i++) {
        size_t from = all.len;
        put_topic(&all, i);
        fuzz_add(corpus, all.data + from, all.len - from);
    }
    put_rest(&all);
    fuzz_add(corpus, all.data, all.len);
    buf_close(&all);
}

/* An empty item of a repeated field costs two bytes here and an object there. */
const struct fuzz_target fuzz_target = {.what = "metadata records",
                                        .len_max = 4096,
                                        .memory_max = 2 << 20,
                                        .execs = 40000,
                                        .seed = seed};

static void ask(const struct image *image)
{
    const struct image_topic *topic;
    const struct image_broker *broker;
    size_t cursor = 0, count;
    while ((topic = image_next_topic(image, &cursor))) {
        FUZZ_REQUIRE(image_topic_by_id(image, &topic->id) == topic);
        FUZZ_REQUIRE(image_topic_by_name(image, topic->name, strlen(topic->name)) == topic);
        for (int32_t i = 0; i < topic->partition_count; i++) {
            const struct image_partition *partition = image_partition(topic, i);
            FUZZ_REQUIRE(!partition || partition->isr.count > 0);
        }
        (void)image_configs(image, META__CONFIG_RECORD__RESOURCE__TOPIC, topic->name, &count);
    }
    cursor = 0;
    while ((broker = image_next_broker(image, &cursor)))
        FUZZ_REQUIRE(image_broker(image, broker->id) == broker);
}

/* The image from its own records is the same image. */
static void copy(const struct image *image)
{
    struct buf bytes, bytes_again;
    buf_init(&bytes);
    buf_init(&bytes_again);
    FUZZ_REQUIRE(image_pack(image, &bytes) == 0);
    Meta__Entry *entry = meta__entry__unpack(NULL, bytes.len, bytes.data);
    FUZZ_REQUIRE(entry != NULL);
    struct image *again = image_new();
    FUZZ_REQUIRE(image_apply_entry(again, entry) == 0);
    FUZZ_REQUIRE(image_pack(again, &bytes_again) == 0);
    FUZZ_REQUIRE(bytes.len == bytes_again.len);
    FUZZ_REQUIRE(bytes.len == 0 || memcmp(bytes.data, bytes_again.data, bytes.len) == 0);
    image_free(again);
    meta__entry__free_unpacked(entry, NULL);
    buf_close(&bytes_again);
    buf_close(&bytes);
}

int fuzz_one(const uint8_t *data, size_t len)
{
    Meta__Entry *entry = meta__entry__unpack(NULL, len, data);
    if (!entry)
        return 0;
    struct image *image = image_new();
    for (size_t i = 0; i < entry->n_records; i++) {
        int err = image_apply(image, entry->records[i]);
        (void)err; /* a refused record leaves no trace, and the next one is tried */
    }
    ask(image);
    copy(image);
    image_free(image);
    meta__entry__free_unpacked(entry, NULL);
    return 0;
}
