/* The settings in force: what wins, that a change counts at once, and who is told of it. */
#include "../handlers/fixture.h"

#include "broker/cluster/live_settings.h"
#include "kafka/compress.h"

static const Meta__ConfigRecord__Resource of_topic = META__CONFIG_RECORD__RESOURCE__TOPIC;
static const Meta__ConfigRecord__Resource of_broker = META__CONFIG_RECORD__RESOURCE__BROKER;

static const struct live_settings *open_live(struct fixture *f)
{
    fixture_open(f);
    fixture_settings("broker.id=1\nmax.connections=9\nlog.retention.ms=900\n");
    return f->broker.live;
}

static void a_brokers_dynamic_value_wins(void)
{
    struct fixture f;
    const struct live_settings *live = open_live(&f);
    CHECK_INT(live_settings_int(live, CONFIG_MAX_CONNECTIONS), 9);
    CHECK_INT(live_settings_int(live, CONFIG_LOG_CLEANER_BACKOFF_MS), 15000);
    CHECK_INT(live_settings_int(live, CONFIG_NUM_PARTITIONS), 1);
    fixture_set(of_broker, "", "max.connections", "8");
    CHECK_INT(live_settings_int(live, CONFIG_MAX_CONNECTIONS), 8);
    fixture_set(of_broker, "2", "max.connections", "6");
    CHECK_INT(live_settings_int(live, CONFIG_MAX_CONNECTIONS), 8);
    fixture_set(of_broker, "1", "max.connections", " 7 ");
    CHECK_INT(live_settings_int(live, CONFIG_MAX_CONNECTIONS), 7);
    fixture_set(of_broker, "1", "max.connections", "x"); /* of an older release */
    CHECK_INT(live_settings_int(live, CONFIG_MAX_CONNECTIONS), 8);
    fixture_close(&f);
}

static void a_topic_gets_what_is_in_force(void)
{
    struct fixture f;
    struct live_topic topic;
    const struct live_settings *live = open_live(&f);
    live_settings_topic(live, "orders", &topic);
    CHECK_INT(topic.log.retention_ms, 900);
    CHECK_INT(topic.log.segment_bytes, 1 << 30);
    CHECK_INT(topic.log.compression, -1);
    CHECK_INT(topic.log.producer_id_expiration_ms, 86400000);
    CHECK(topic.log.min_cleanable_dirty_ratio == 0.5);
    CHECK(topic.log.cleanup_delete && !topic.log.cleanup_compact && !topic.log.log_append_time);
    fixture_set(of_broker, "", "producer.id.expiration.ms", "700");
    fixture_set(of_broker, "1", "log.retention.ms", "800");
    fixture_set(of_broker, "1", "log.message.timestamp.type", " LogAppendTime");
    fixture_set(of_topic, "orders", "internal.segment.bytes", "4000");
    fixture_set(of_topic, "orders", "compression.type", "gzip ");
    fixture_set(of_topic, "orders", "cleanup.policy", "");
    live_settings_topic(live, "orders", &topic);
    CHECK_INT(topic.log.producer_id_expiration_ms, 700);
    CHECK_INT(topic.log.retention_ms, 800);
    CHECK_INT(topic.log.segment_bytes, 4000);
    CHECK_INT(topic.log.compression, COMPRESS_GZIP);
    CHECK_INT(topic.log.compression_level, -1);
    CHECK(!topic.log.cleanup_delete && !topic.log.cleanup_compact && topic.log.log_append_time);
    CHECK_INT(topic.min_insync, 1);
    fixture_set(of_topic, "orders", "retention.ms", "0");
    fixture_set(of_broker, "", "min.insync.replicas", "2");
    live_settings_topic(live, "orders", &topic);
    CHECK_INT(topic.log.retention_ms, 0);
    CHECK_INT(topic.min_insync, 2);
    fixture_close(&f);
}

/* The level is that of the codec; 9 of lz4 is Kafka's default and the fast one. */
static void each_codec_has_its_level(void)
{
    static const struct {
        const char *codec, *key, *value;
        int32_t usual, asked;
    } cases[] = {
        {"gzip", "compression.gzip.level", "9", -1, 9},
        {"lz4", "compression.lz4.level", "12", COMPRESS_LEVEL_DEFAULT, 12},
        {"zstd", "compression.zstd.level", "-5", 3, -5},
        {"snappy", "compression.zstd.level", "7", COMPRESS_LEVEL_DEFAULT, COMPRESS_LEVEL_DEFAULT}};
    struct fixture f;
    struct live_topic topic;
    const struct live_settings *live = open_live(&f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fixture_set(of_topic, cases[i].codec, "compression.type", cases[i].codec);
        live_settings_topic(live, cases[i].codec, &topic);
        CHECK_INT(topic.log.compression_level, cases[i].usual);
        fixture_set(of_topic, cases[i].codec, cases[i].key, cases[i].value);
        live_settings_topic(live, cases[i].codec, &topic);
        CHECK_INT(topic.log.compression_level, cases[i].asked);
    }
    fixture_close(&f);
}

struct told {
    const struct live_settings *live;
    int calls;
    int64_t seen; /* max.connections, when it was told */
};

static void note(void *data)
{
    struct told *told = data;
    told->calls++;
    told->seen = live_settings_int(told->live, CONFIG_MAX_CONNECTIONS);
}

static void subscribers_are_told_of_changes_only(void)
{
    static const enum config_id ids[] = {CONFIG_MAX_CONNECTIONS, CONFIG_LOG_CLEANER_BACKOFF_MS};
    struct fixture f;
    struct told told = {.live = open_live(&f)};
    struct live_subscriber subscriber = {
        .ids = ids, .count = ARRAY_LEN(ids), .changed = note, .data = &told};
    CHECK(!live_settings_is_subscribed(told.live, CONFIG_MAX_CONNECTIONS));
    live_settings_subscribe(f.broker.live, &subscriber);
    CHECK(live_settings_is_subscribed(told.live, CONFIG_MAX_CONNECTIONS));
    CHECK(!live_settings_is_subscribed(told.live, CONFIG_MAX_CONNECTIONS_PER_IP));
    fixture_set(of_broker, "1", "max.connections", "9"); /* as the file says */
    fixture_set(of_broker, "2", "max.connections", "5");
    fixture_set(of_broker, "1", "max.connections.per.ip", "5");
    fixture_set(of_topic, "1", "retention.ms", "5");
    CHECK_INT(told.calls, 0);
    fixture_set(of_broker, "1", "max.connections", "5");
    CHECK_INT(told.calls, 1);
    CHECK_INT(told.seen, 5);
    fixture_set(of_broker, "", "log.cleaner.backoff.ms", "7");
    CHECK_INT(told.calls, 2);
    fixture_set(of_broker, "", "max.connections", "8"); /* not in force here */
    CHECK_INT(told.calls, 2);
    live_settings_unsubscribe(&subscriber);
    fixture_set(of_broker, "1", "max.connections", "6");
    CHECK_INT(told.calls, 2);
    fixture_close(&f);
}

/* What came in a snapshot counts, and what it lacks does so no longer. */
static void a_snapshot_changes_all(void)
{
    static const enum config_id ids[] = {CONFIG_MAX_CONNECTIONS};
    struct fixture f;
    struct told told = {.live = open_live(&f)};
    struct live_subscriber subscriber = {.ids = ids, .count = 1, .changed = note, .data = &told};
    live_settings_subscribe(f.broker.live, &subscriber);
    fixture_set(of_broker, "1", "max.connections", "5");
    CHECK_INT(told.seen, 5);
    Meta__Snapshot snapshot = META__SNAPSHOT__INIT;
    Meta__Entry content = META__ENTRY__INIT;
    snapshot.content = &content;
    snapshot.index = metadata_index(f.broker.metadata) + 1;
    CHECK_INT(metadata_apply_snapshot(f.broker.metadata, &snapshot), 0);
    CHECK_INT(told.calls, 2);
    CHECK_INT(told.seen, 9);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(a_brokers_dynamic_value_wins), TAP_TEST(a_topic_gets_what_is_in_force),
         TAP_TEST(each_codec_has_its_level), TAP_TEST(subscribers_are_told_of_changes_only),
         TAP_TEST(a_snapshot_changes_all))
