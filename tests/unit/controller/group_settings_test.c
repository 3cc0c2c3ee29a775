/* What the active controller says to changes of the settings of groups. */
#include "fixture.h"

#include "config/config_group.h"
#include "controller/configs.h"

static const Meta__ConfigRecord__Resource groups = META__CONFIG_RECORD__RESOURCE__GROUP;

/* NULL takes the setting away. */
static const Meta__ResourceResult *set(const char *name, const char *key, const char *value)
{
    Meta__ConfigEntry entry = META__CONFIG_ENTRY__INIT, *entries[] = {&entry};
    Meta__AlterConfigs__Resource resource = META__ALTER_CONFIGS__RESOURCE__INIT;
    Meta__AlterConfigs__Resource *resources[] = {&resource};
    Meta__AlterConfigs command = META__ALTER_CONFIGS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    entry.key = (char *)(uintptr_t)key;
    entry.value = (char *)(uintptr_t)(value ? value : "");
    entry.operation =
        value ? META__CONFIG_ENTRY__OPERATION__SET : META__CONFIG_ENTRY__OPERATION__DELETE;
    resource.type = groups;
    resource.name = (char *)(uintptr_t)name;
    resource.n_entries = 1;
    resource.entries = entries;
    command.n_resources = 1;
    command.resources = resources;
    configs_command(&decision, &command, &reply);
    return reply.resources[0];
}

static void they_come_and_go(void)
{
    size_t cursor = 0;
    begin();
    add_brokers(1, false);
    CHECK_STR(set("g", "consumer.session.timeout.ms", "50000")->message, "");
    CHECK_STR(image_config(image, groups, "g", "consumer.session.timeout.ms"), "50000");
    CHECK_STR(image_next_config_resource(image, groups, &cursor), "g");
    CHECK_STR(set("g", "consumer.session.timeout.ms", NULL)->message, "");
    CHECK_INT(image_config_resources(image, groups), 0);
    finish();
}

static void refusals_are_told(void)
{
    begin();
    add_brokers(1, false);
    CHECK_INT(set("", "consumer.session.timeout.ms", "50000")->error, wire(ERR_INVALID_REQUEST));
    const Meta__ResourceResult *result = set("g", "share.session.timeout.ms", "50000");
    CHECK_INT(result->error, wire(ERR_INVALID_CONFIG));
    CHECK_STR(result->message, "Unknown group config name: share.session.timeout.ms");
    CHECK_INT(set("g", "consumer.session.timeout.ms", "x")->error, wire(ERR_INVALID_CONFIG));
    CHECK_INT(set("g", "consumer.session.timeout.ms", "0")->error, wire(ERR_INVALID_CONFIG));
    char name[CONFIG_GROUP_NAME_MAX + 2];
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = 0;
    CHECK_INT(set(name, "consumer.session.timeout.ms", "50000")->error, wire(ERR_INVALID_REQUEST));
    CHECK_INT(image_config_resources(image, groups), 0);
    finish();
}

/* Those that the same command has made count, too. */
static void one_command_makes_no_more_than_are_kept(void)
{
    enum { MORE = CONFIG_GROUPS_MAX - 10 };
    static Meta__AlterConfigs__Resource bodies[MORE], *resources[MORE];
    static char names[MORE][16];
    Meta__ConfigEntry entry = META__CONFIG_ENTRY__INIT, *entries[] = {&entry};
    Meta__AlterConfigs command = META__ALTER_CONFIGS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    begin();
    add_brokers(3, false);
    entry.key = "consumer.session.timeout.ms";
    entry.value = "50000";
    for (int i = 0; i < MORE; i++) {
        snprintf(names[i], sizeof(names[i]), "g%d", i);
        meta__alter_configs__resource__init(&bodies[i]);
        bodies[i].type = groups;
        bodies[i].name = names[i];
        bodies[i].n_entries = 1;
        bodies[i].entries = entries;
        resources[i] = &bodies[i];
    }
    command.resources = resources;
    for (int round = 0; round < 2; round++) {
        command.n_resources = round ? 20 : MORE;
        for (int i = 0; round && i < 20; i++)
            names[i][0] = 'h';
        reply = (Meta__CommandReply)META__COMMAND_REPLY__INIT;
        configs_command(&decision, &command, &reply);
        CHECK_INT(reply.n_resources, command.n_resources);
        CHECK_INT(reply.resources[9]->error, 0);
    }
    CHECK_INT(reply.resources[10]->error, wire(ERR_POLICY_VIOLATION));
    CHECK_INT(reply.resources[19]->error, wire(ERR_POLICY_VIOLATION));
    CHECK_INT(image_config_resources(image, groups), CONFIG_GROUPS_MAX);
    CHECK_STR(set("h3", "consumer.session.timeout.ms", NULL)->message, "");
    CHECK_INT(image_config_resources(image, groups), CONFIG_GROUPS_MAX - 1);
    CHECK_STR(set("one", "consumer.session.timeout.ms", "50000")->message, "");
    CHECK_INT(set("two", "consumer.session.timeout.ms", "50000")->error,
              wire(ERR_POLICY_VIOLATION));
    finish();
}

static void brokers_of_older_builds_could_not_read_them(void)
{
    begin();
    step_of_next = FEATURES_STEP_GROUPS - 1;
    add_brokers(1, false);
    CHECK_INT(set("g", "consumer.session.timeout.ms", "50000")->error,
              wire(ERR_UNSUPPORTED_VERSION));
    step_of_next = FEATURES_STEP;
    add_broker_as(0, 9, "");
    CHECK_INT(set("g", "consumer.session.timeout.ms", "50000")->error, 0);
    step_of_next = FEATURES_STEP_GROUPS - 1;
    error_of_next = ERR_INVALID_REGISTRATION;
    add_broker_as(0, 10, "");
    error_of_next = 0;
    step_of_next = FEATURES_STEP;
    finish();
}

static void a_value_outside_of_the_limits_counts_as_the_nearest(void)
{
    CHECK_INT(config_group_value(CONFIG_GROUP_SESSION, NULL, 7, 10, 20), 7);
    CHECK_INT(config_group_value(CONFIG_GROUP_SESSION, "15", 7, 10, 20), 15);
    CHECK_INT(config_group_value(CONFIG_GROUP_SESSION, "5", 7, 10, 20), 10);
    CHECK_INT(config_group_value(CONFIG_GROUP_SESSION, "25", 7, 10, 20), 20);
}

TAP_MAIN(TAP_TEST(they_come_and_go), TAP_TEST(refusals_are_told),
         TAP_TEST(one_command_makes_no_more_than_are_kept),
         TAP_TEST(brokers_of_older_builds_could_not_read_them),
         TAP_TEST(a_value_outside_of_the_limits_counts_as_the_nearest))
