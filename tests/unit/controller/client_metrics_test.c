/* What the active controller says to changes of subscriptions of client metrics. */
#include "fixture.h"

#include "config/config_metrics.h"
#include "controller/configs.h"

static const Meta__ConfigRecord__Resource metrics = META__CONFIG_RECORD__RESOURCE__CLIENT_METRICS;

/* NULL takes the setting away. */
static const Meta__ResourceResult *set(const char *name, const char *key, const char *value,
                                       Meta__ConfigEntry__Operation operation)
{
    Meta__ConfigEntry entry = META__CONFIG_ENTRY__INIT, *entries[] = {&entry};
    Meta__AlterConfigs__Resource resource = META__ALTER_CONFIGS__RESOURCE__INIT;
    Meta__AlterConfigs__Resource *resources[] = {&resource};
    Meta__AlterConfigs command = META__ALTER_CONFIGS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    entry.key = (char *)(uintptr_t)key;
    entry.value = (char *)(uintptr_t)value;
    entry.operation = operation;
    resource.type = metrics;
    resource.name = (char *)(uintptr_t)name;
    resource.n_entries = 1;
    resource.entries = entries;
    command.n_resources = 1;
    command.resources = resources;
    configs_command(&decision, &command, &reply);
    CHECK_INT((int)reply.n_resources, 1);
    return reply.resources[0];
}

static void check_set(const char *name, const char *key, const char *value)
{
    CHECK_STR(set(name, key, value, META__CONFIG_ENTRY__OPERATION__SET)->message, "");
}

static void they_come_and_go(void)
{
    size_t cursor = 0;
    begin();
    add_brokers(1, false);
    check_set("s", "metrics", "a");
    check_set("s", "interval.ms", "100");
    CHECK_STR(set("s", "metrics", "b", META__CONFIG_ENTRY__OPERATION__APPEND)->message, "");
    CHECK_STR(image_config(image, metrics, "s", "metrics"), "a,b");
    CHECK_INT(image_config_resources(image, metrics), 1);
    CHECK_STR(image_next_config_resource(image, metrics, &cursor), "s");
    CHECK(!image_next_config_resource(image, metrics, &cursor));
    set("s", "metrics", "", META__CONFIG_ENTRY__OPERATION__DELETE);
    set("s", "interval.ms", "", META__CONFIG_ENTRY__OPERATION__DELETE);
    CHECK_INT(image_config_resources(image, metrics), 0);
    finish();
}

static void refusals_are_told(void)
{
    const Meta__ResourceResult *result;
    begin();
    add_brokers(1, false);
    result = set("", "metrics", "a", META__CONFIG_ENTRY__OPERATION__SET);
    CHECK_INT(result->error, wire(ERR_INVALID_REQUEST));
    CHECK_STR(result->message, "Subscription name can't be empty");
    result = set("s", "metric", "a", META__CONFIG_ENTRY__OPERATION__SET);
    CHECK_STR(result->message, "Unknown client metrics configuration: metric");
    result = set("s", "match", "id=a", META__CONFIG_ENTRY__OPERATION__SET);
    CHECK_INT(result->error, wire(ERR_INVALID_CONFIG));
    CHECK_INT(image_config_resources(image, metrics), 0);
    finish();
}

static void so_many_are_kept(void)
{
    char name[16];
    begin();
    add_brokers(1, false);
    for (int i = 0; i < CONFIG_METRICS_SUBSCRIPTIONS_MAX; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        check_set(name, "metrics", "*");
    }
    const Meta__ResourceResult *result =
        set("more", "metrics", "*", META__CONFIG_ENTRY__OPERATION__SET);
    CHECK_INT(result->error, wire(ERR_POLICY_VIOLATION));
    check_set("s7", "interval.ms", "1000"); /* one that is there */
    set("s7", "metrics", "", META__CONFIG_ENTRY__OPERATION__DELETE);
    set("s7", "interval.ms", "", META__CONFIG_ENTRY__OPERATION__DELETE);
    check_set("more", "metrics", "*");
    finish();
}

static void brokers_of_older_builds_could_not_read_them(void)
{
    begin();
    step_of_next = FEATURES_STEP_CLIENT_METRICS - 1;
    add_brokers(1, false);
    step_of_next = FEATURES_STEP;
    const Meta__ResourceResult *result =
        set("s", "metrics", "*", META__CONFIG_ENTRY__OPERATION__SET);
    CHECK_INT(result->error, wire(ERR_UNSUPPORTED_VERSION));
    CHECK_STR(result->message, "Broker 0 is of a build that does not know client metrics: upgrade "
                               "it, or unregister it if it is gone.");
    finish();
}

static void brokers_of_older_builds_stay_out(void)
{
    begin();
    add_brokers(1, false);
    check_set("s", "metrics", "*");
    step_of_next = FEATURES_STEP_CLIENT_METRICS - 1;
    error_of_next = ERR_INVALID_REGISTRATION;
    Meta__Registered reply = add_broker_as(1, 1, "");
    CHECK_STR(reply.message, "registration of broker 1 refused: there are subscriptions of client "
                             "metrics, which its build does not know: upgrade it, or remove them");
    error_of_next = 0;
    set("s", "metrics", "", META__CONFIG_ENTRY__OPERATION__DELETE);
    add_broker_as(1, 1, "");
    step_of_next = FEATURES_STEP;
    finish();
}

TAP_MAIN(TAP_TEST(they_come_and_go), TAP_TEST(refusals_are_told), TAP_TEST(so_many_are_kept),
         TAP_TEST(brokers_of_older_builds_could_not_read_them),
         TAP_TEST(brokers_of_older_builds_stay_out))
