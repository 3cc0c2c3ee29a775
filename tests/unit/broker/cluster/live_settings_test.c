/* The settings in force: what wins, and that a change counts at once. */
#include "../handlers/fixture.h"

#include "broker/cluster/live_settings.h"

static const Meta__ConfigRecord__Resource of_topic = META__CONFIG_RECORD__RESOURCE__TOPIC;
static const Meta__ConfigRecord__Resource of_broker = META__CONFIG_RECORD__RESOURCE__BROKER;

static struct live_settings open_live(struct fixture *f)
{
    struct live_settings live;
    fixture_open(f);
    fixture_settings("broker.id=1\nmax.connections=9\nlog.retention.ms=900\n");
    live_settings_init(&live, f->config, f->broker.metadata, 1);
    return live;
}

static void a_brokers_dynamic_value_wins(void)
{
    struct fixture f;
    struct live_settings live = open_live(&f);
    CHECK_INT(live_settings_int(&live, CONFIG_MAX_CONNECTIONS), 9);
    CHECK_INT(live_settings_int(&live, CONFIG_LOG_CLEANER_BACKOFF_MS), 15000);
    fixture_set(of_broker, "", "max.connections", "8");
    CHECK_INT(live_settings_int(&live, CONFIG_MAX_CONNECTIONS), 8);
    fixture_set(of_broker, "2", "max.connections", "6");
    CHECK_INT(live_settings_int(&live, CONFIG_MAX_CONNECTIONS), 8);
    fixture_set(of_broker, "1", "max.connections", " 7 ");
    CHECK_INT(live_settings_int(&live, CONFIG_MAX_CONNECTIONS), 7);
    fixture_set(of_broker, "1", "max.connections", "x"); /* of an older release */
    CHECK_INT(live_settings_int(&live, CONFIG_MAX_CONNECTIONS), 9);
    CHECK(live_settings_concern(&live, "") && live_settings_concern(&live, "1"));
    CHECK(!live_settings_concern(&live, "2"));
    fixture_close(&f);
}

static void a_log_gets_what_is_in_force(void)
{
    struct fixture f;
    struct log_config log;
    struct live_settings live = open_live(&f);
    live_settings_log(&live, "orders", &log);
    CHECK_INT(log.retention_ms, 900);
    CHECK_INT(log.segment_bytes, 1 << 30);
    CHECK_INT(log.compression, -1);
    CHECK_INT(log.producer_id_expiration_ms, 86400000);
    CHECK(log.cleanup_delete && !log.cleanup_compact && !log.log_append_time);
    fixture_set(of_broker, "", "producer.id.expiration.ms", "700");
    fixture_set(of_broker, "1", "log.retention.ms", "800");
    fixture_set(of_broker, "1", "log.message.timestamp.type", " LogAppendTime");
    fixture_set(of_topic, "orders", "internal.segment.bytes", "4000");
    fixture_set(of_topic, "orders", "compression.type", "gzip ");
    fixture_set(of_topic, "orders", "cleanup.policy", "");
    live_settings_log(&live, "orders", &log);
    CHECK_INT(log.producer_id_expiration_ms, 700);
    CHECK_INT(log.retention_ms, 800);
    CHECK_INT(log.segment_bytes, 4000);
    CHECK_INT(log.compression, 1);
    CHECK(!log.cleanup_delete && !log.cleanup_compact && log.log_append_time);
    CHECK_INT(live_settings_topic_int(&live, "orders", CONFIG_LOG_RETENTION_MS), 800);
    fixture_set(of_topic, "orders", "retention.ms", "0");
    CHECK_INT(live_settings_topic_int(&live, "orders", CONFIG_LOG_RETENTION_MS), 0);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(a_brokers_dynamic_value_wins), TAP_TEST(a_log_gets_what_is_in_force))
