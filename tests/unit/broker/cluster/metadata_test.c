/* What a broker knows of the cluster: which entries are applied, who hears of them, who waits. */
#include "../../until.h"

#include "base/err.h"
#include "tests/lib/metadata_feed.h"

struct heard {
    struct metadata_listener listener;
    int partitions, removed, brokers, settings, replaced, settled;
};

struct known {
    struct env *env;
    struct logger logger;
    struct metadata *metadata;
    struct heard heard;
};

static void hear_partition(void *data, const struct image_topic *topic, int32_t partition)
{
    CHECK_STR(topic->name, "t");
    CHECK_INT(partition, 0);
    ((struct heard *)data)->partitions++;
}

static void hear_removed(void *data, const struct uuid *topic_id)
{
    struct uuid id = feed_topic_id("t");
    CHECK(uuid_equal(topic_id, &id));
    ((struct heard *)data)->removed++;
}

static void hear_broker(void *data, int32_t id)
{
    CHECK_INT(id, 7);
    ((struct heard *)data)->brokers++;
}

static void hear_setting(void *data, Meta__ConfigRecord__Resource resource, const char *name,
                         const char *key)
{
    CHECK_INT(resource, META__CONFIG_RECORD__RESOURCE__TOPIC);
    CHECK(*key != '\0');
    CHECK_STR(name, "t");
    ((struct heard *)data)->settings++;
}

static void hear_replaced(void *data)
{
    ((struct heard *)data)->replaced++;
}

static void hear_settled(void *data)
{
    ((struct heard *)data)->settled++;
}

static void drop_line(void *data, const char *line, int len)
{
    (void)data;
    (void)line;
    (void)len;
}

static void known_open(struct known *k)
{
    *k = (struct known){0};
    CHECK_INT(env_new(&k->env), 0);
    logger_init(&k->logger, "test", NULL, NULL);
    k->logger.sink = drop_line;
    k->metadata = metadata_new(k->env, &k->logger);
    k->heard.listener = (struct metadata_listener){.partition_changed = hear_partition,
                                                   .topic_removed = hear_removed,
                                                   .broker_changed = hear_broker,
                                                   .config_changed = hear_setting,
                                                   .replaced = hear_replaced,
                                                   .settled = hear_settled,
                                                   .data = &k->heard};
    metadata_listen(k->metadata, &k->heard.listener);
}

static void known_close(struct known *k)
{
    list_remove(&k->heard.listener.link);
    metadata_free(k->metadata);
    env_free(k->env);
}

/* One entry without records. */
static int apply_empty(struct known *k, int64_t after, int64_t index, int64_t term,
                       int64_t committed)
{
    Meta__Entry entry = META__ENTRY__INIT;
    Meta__IndexedEntry indexed = META__INDEXED_ENTRY__INIT, *list[] = {&indexed};
    Meta__Entries entries = META__ENTRIES__INIT;
    indexed.index = index;
    indexed.term = term;
    indexed.entry = &entry;
    entries.entries = list;
    entries.n_entries = index > 0;
    entries.after_index = after;
    entries.committed_index = committed;
    return metadata_apply_entries(k->metadata, &entries);
}

static void listeners_hear_of_each_record(void)
{
    struct known k;
    int32_t ids[] = {7};
    struct image_partition record = {.leader = 7, .replicas = {ids, 1}, .isr = {ids, 1}};
    known_open(&k);
    feed_broker(k.metadata, 7, 1, 1, false);
    feed_topic(k.metadata, "t");
    feed_partition(k.metadata, "t", &record);
    feed_setting(k.metadata, META__CONFIG_RECORD__RESOURCE__TOPIC, "t", "retention.ms", "5");
    feed_topic_removed(k.metadata, "t");
    CHECK_INT(k.heard.brokers, 1);
    CHECK_INT(k.heard.partitions, 1);
    CHECK_INT(k.heard.settings, 1);
    CHECK_INT(k.heard.removed, 1);
    CHECK_INT(k.heard.settled, 5); /* once a frame */
    CHECK_INT(k.heard.replaced, 0);
    CHECK_INT(metadata_index(k.metadata), 5);
    CHECK(image_broker(metadata_image(k.metadata), 7) != NULL);
    CHECK_INT(image_topic_count(metadata_image(k.metadata)), 0);
    known_close(&k);
}

/* An older controller can't overwrite what a newer one said. */
static void entries_come_in_order_and_once(void)
{
    struct known k;
    known_open(&k);
    CHECK_INT(apply_empty(&k, 0, 4, 2, 0), 0);
    CHECK_INT(metadata_index(k.metadata), 4);
    CHECK_INT(metadata_term(k.metadata), 2);
    CHECK_INT(apply_empty(&k, 0, 3, 1, 0), 0); /* known: passed over */
    CHECK_INT(metadata_index(k.metadata), 4);
    CHECK_INT(metadata_term(k.metadata), 2);
    CHECK_INT(apply_empty(&k, 5, 6, 2, 0), ERR_MALFORMED); /* 5 was missed */
    CHECK_INT(apply_empty(&k, 4, 5, 1, 0), ERR_MALFORMED); /* of another history */
    CHECK_INT(metadata_index(k.metadata), 4);
    CHECK_INT(apply_empty(&k, 4, 0, 0, 9), 0); /* nothing for us up to 9 */
    CHECK_INT(metadata_index(k.metadata), 9);
    known_close(&k);
}

/* What was applied of the entry can't be told: all is needed again. */
static void a_record_that_breaks_a_rule_asks_for_everything(void)
{
    struct known k;
    uint8_t id[16] = {1};
    Meta__PartitionRecord partition = META__PARTITION_RECORD__INIT; /* of an unknown topic */
    partition.topic_id = (ProtobufCBinaryData){sizeof(id), id};
    Meta__Record record = META__RECORD__INIT, *records[] = {&record};
    record.fact_case = META__RECORD__FACT_PARTITION;
    record.partition = &partition;
    Meta__Entry entry = META__ENTRY__INIT;
    entry.records = records;
    entry.n_records = 1;
    Meta__IndexedEntry indexed = META__INDEXED_ENTRY__INIT, *list[] = {&indexed};
    indexed.index = 5;
    indexed.entry = &entry;
    Meta__Entries entries = META__ENTRIES__INIT;
    entries.entries = list;
    entries.n_entries = 1;
    known_open(&k);
    CHECK_INT(apply_empty(&k, 0, 4, 0, 0), 0);
    CHECK_INT(metadata_apply_entries(k.metadata, &entries), ERR_MALFORMED);
    CHECK_INT(metadata_index(k.metadata), 0);
    CHECK_INT(k.heard.partitions, 0);
    known_close(&k);
}

static int apply_snapshot(struct known *k, int64_t index, int64_t term)
{
    Meta__Entry content = META__ENTRY__INIT;
    Meta__Snapshot snapshot = META__SNAPSHOT__INIT;
    snapshot.index = index;
    snapshot.term = term;
    snapshot.content = &content;
    return metadata_apply_snapshot(k->metadata, &snapshot);
}

static void a_snapshot_replaces_everything(void)
{
    struct known k;
    known_open(&k);
    feed_topic(k.metadata, "t");
    CHECK_INT(apply_empty(&k, 1, 8, 3, 0), 0);
    CHECK_INT(apply_snapshot(&k, 7, 3), 0); /* older than what we have: nothing happens */
    CHECK_INT(k.heard.replaced, 0);
    CHECK_INT(apply_snapshot(&k, 9, 2), ERR_MALFORMED);
    CHECK_INT(image_topic_count(metadata_image(k.metadata)), 1);
    CHECK_INT(apply_snapshot(&k, 9, 4), 0);
    CHECK_INT(k.heard.replaced, 1);
    CHECK_INT(metadata_index(k.metadata), 9);
    CHECK_INT(metadata_term(k.metadata), 4);
    CHECK_INT(image_topic_count(metadata_image(k.metadata)), 0);
    CHECK_INT(k.heard.removed, 0);
    known_close(&k);
}

/* ---- waiting for an index ---- */

struct awaiting {
    struct metadata_wait wait;
    int calls;
    int err;
};

static void awaiting_done(struct metadata_wait *wait, int err)
{
    struct awaiting *awaiting = CONTAINER_OF(wait, struct awaiting, wait);
    awaiting->calls++;
    awaiting->err = err;
}

static void waits_end_with_their_index(void)
{
    struct known k;
    struct awaiting first = {0}, late = {0}, past = {0}, over = {0}, end = {0};
    known_open(&k);
    metadata_wait(k.metadata, &first.wait, 2, 100000, awaiting_done);
    metadata_wait(k.metadata, &late.wait, 3, 100000, awaiting_done);
    CHECK_INT(apply_empty(&k, 0, 1, 1, 0), 0);
    CHECK_INT(first.calls, 0);
    CHECK_INT(apply_empty(&k, 1, 2, 1, 0), 0);
    CHECK_INT(first.calls, 1);
    CHECK_INT(first.err, 0);
    CHECK_INT(late.calls, 0);
    metadata_wait(k.metadata, &past.wait, 1, 100000, awaiting_done);
    CHECK_INT(past.calls, 0); /* never from inside */
    UNTIL(k.env, past.calls == 1);
    CHECK_INT(past.err, 0);
    metadata_wait(k.metadata, &over.wait, 9, 1, awaiting_done);
    UNTIL(k.env, over.calls == 1);
    CHECK_INT(over.err, ERR_TIMED_OUT);
    metadata_wait(k.metadata, &end.wait, 9, 100000, awaiting_done);
    metadata_end_waits(k.metadata);
    CHECK_INT(end.err, ERR_BROKER_NOT_AVAILABLE);
    CHECK_INT(late.err, ERR_BROKER_NOT_AVAILABLE);
    CHECK_INT(first.calls, 1);
    known_close(&k);
}

TAP_MAIN(TAP_TEST(listeners_hear_of_each_record), TAP_TEST(entries_come_in_order_and_once),
         TAP_TEST(a_record_that_breaks_a_rule_asks_for_everything),
         TAP_TEST(a_snapshot_replaces_everything), TAP_TEST(waits_end_with_their_index))
