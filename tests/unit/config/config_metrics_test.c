/* Settings of subscriptions of client metrics: which values are taken, and how `match` is read. */
#include "config_fixture.h"

#include "config/config_change.h"
#include "config/config_metrics.h"

static void check(const char *name, const char *value, int err, const char *sentence)
{
    struct buf problem;
    buf_init(&problem);
    CHECK_INT(config_change_check(CONFIG_OF_METRICS, name, value, &problem), err);
    CHECK_STR(buf_text(&problem), sentence);
    buf_close(&problem);
}

static void values_are_kafkas(void)
{
    check("metrics", "", 0, "");
    check("metrics", "*", 0, "");
    check("metrics", "org.apache.kafka.producer., org.apache.kafka.consumer.", 0, "");
    check("metrics", "a,,b", ERR_INVALID_CONFIG,
          "metrics=a,,b has an empty element: remove a comma");
    check("interval.ms", "100", 0, "");
    check("interval.ms", "3600000", 0, "");
    check("interval.ms", "99", ERR_INVALID_REQUEST,
          "Invalid value 99 for interval.ms, interval must be between 100 and 3600000 (1 hour)");
    check("interval.ms", "3600001", ERR_INVALID_REQUEST,
          "Invalid value 3600001 for interval.ms, interval must be between 100 and 3600000 (1 "
          "hour)");
    check("interval.ms", "x", ERR_INVALID_CONFIG,
          "interval.ms=x is not a whole number: write one from -2147483648 to 2147483647");
    check("match", "", 0, "");
    check("match", "client_id=app-.*, client_source_port = 9[0-9]+", 0, "");
    check("match", "client_software_name=librdkafka,client_software_version=2\\..*", 0, "");
    check("match", "client_id", ERR_INVALID_CONFIG, "Illegal client matching pattern: client_id");
    check("match", "client_id=a,client=b", ERR_INVALID_CONFIG,
          "Illegal client matching pattern: client=b");
    check("match", "client_id=", ERR_INVALID_CONFIG, "Illegal client matching pattern: client_id=");
    check("match", "client_id=a=b", ERR_INVALID_CONFIG,
          "Illegal client matching pattern: client_id=a=b");
    check("matches", "client_id=a", ERR_INVALID_REQUEST,
          "Unknown client metrics configuration: matches");
    CHECK(!config_change_row(CONFIG_OF_METRICS, "retention.ms"));
    CHECK_INT(config_change_row(CONFIG_OF_METRICS, "match")->type, CONFIG_TYPE_LIST);
}

static void lists_are_bounded(void)
{
    struct buf list;
    buf_init(&list);
    for (int i = 0; i < CONFIG_METRICS_ELEMENTS_MAX; i++)
        buf_printf(&list, "%sm%d", i ? "," : "", i);
    check("metrics", buf_text(&list), 0, "");
    buf_printf(&list, ",more");
    check("metrics", buf_text(&list), ERR_INVALID_CONFIG,
          "metrics has 201 elements, and may have 200: make several subscriptions");
    buf_close(&list);
}

static void matches_are_read(void)
{
    const char *list = "client_instance_id=x , client_source_address =10\\..*";
    struct config_metrics_match match;
    CHECK_INT(config_metrics_next_match(&list, &match), 1);
    CHECK_INT(match.attribute, CONFIG_METRICS_CLIENT_INSTANCE_ID);
    CHECK_INT(match.len, 1);
    CHECK_INT(config_metrics_next_match(&list, &match), 1);
    CHECK_INT(match.attribute, CONFIG_METRICS_SOURCE_ADDRESS);
    CHECK(memcmp(match.expression, "10\\..*", match.len) == 0);
    CHECK_INT(config_metrics_next_match(&list, &match), 0);
}

TAP_MAIN(TAP_TEST(values_are_kafkas), TAP_TEST(lists_are_bounded), TAP_TEST(matches_are_read))
