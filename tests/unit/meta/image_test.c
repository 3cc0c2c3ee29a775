/* The image: what a record may do to it, and that it comes back from its own records. */
#include "../tap.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "meta/image.h"

static const uint8_t topic_id[16] = "0123456789abcdef";

static ProtobufCBinaryData id_bytes(void)
{
    return (ProtobufCBinaryData){sizeof(topic_id), (uint8_t *)(uintptr_t)topic_id};
}

static int apply_topic(struct image *image, char *name)
{
    Meta__TopicRecord body = META__TOPIC_RECORD__INIT;
    Meta__Record record = META__RECORD__INIT;
    body.id = id_bytes();
    body.name = name;
    record.fact_case = META__RECORD__FACT_TOPIC;
    record.topic = &body;
    return image_apply(image, &record);
}

static int apply_partition(struct image *image, int32_t index)
{
    Meta__PartitionRecord body = META__PARTITION_RECORD__INIT;
    Meta__Record record = META__RECORD__INIT;
    int32_t replicas[] = {0, 1};
    body.topic_id = id_bytes();
    body.partition = index;
    body.n_replicas = body.n_isr = 2;
    body.replicas = body.isr = replicas;
    record.fact_case = META__RECORD__FACT_PARTITION;
    record.partition = &body;
    return image_apply(image, &record);
}

/* A record of a few bytes must not make an array of a million. */
static void a_new_partition_follows_the_last(void)
{
    struct image *image = image_new();
    struct uuid id;
    memcpy(id.bytes, topic_id, sizeof(topic_id));
    CHECK_INT(apply_partition(image, 0), ERR_MALFORMED);
    CHECK_INT(apply_topic(image, "t"), 0);
    CHECK_INT(apply_partition(image, 1), ERR_MALFORMED);
    CHECK_INT(apply_partition(image, IMAGE_PARTITIONS_MAX - 1), ERR_MALFORMED);
    CHECK_INT(image_topic_by_id(image, &id)->partition_count, 0);
    for (int32_t i = 0; i < 100; i++)
        CHECK_INT(apply_partition(image, i), 0);
    CHECK_INT(apply_partition(image, 5), 0);
    CHECK_INT(apply_partition(image, 101), ERR_MALFORMED);
    CHECK_INT(apply_partition(image, -1), ERR_MALFORMED);
    CHECK_INT(image_topic_by_id(image, &id)->partition_count, 100);
    image_check(image);
    image_free(image);
}

static void an_image_comes_back_from_its_records(void)
{
    struct image *image = image_new(), *again = image_new();
    struct buf bytes, bytes_again;
    buf_init(&bytes);
    buf_init(&bytes_again);
    CHECK_INT(apply_topic(image, "t"), 0);
    for (int32_t i = 0; i < 3; i++)
        CHECK_INT(apply_partition(image, i), 0);
    CHECK_INT(image_pack(image, &bytes), 0);
    Meta__Entry *entry = meta__entry__unpack(NULL, bytes.len, bytes.data);
    CHECK(entry != NULL);
    CHECK_INT(image_apply_entry(again, entry), 0);
    image_check(again);
    CHECK_INT(image_pack(again, &bytes_again), 0);
    CHECK_INT(bytes_again.len, bytes.len);
    CHECK(memcmp(bytes.data, bytes_again.data, bytes.len) == 0);
    meta__entry__free_unpacked(entry, NULL);
    buf_close(&bytes);
    buf_close(&bytes_again);
    image_free(image);
    image_free(again);
}

TAP_MAIN(TAP_TEST(a_new_partition_follows_the_last), TAP_TEST(an_image_comes_back_from_its_records))
