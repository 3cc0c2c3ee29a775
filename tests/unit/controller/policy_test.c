/* create.topic.policy, as the active controller holds new topics to it. */
#include "fixture.h"

#include "tests/lib/config_maker.h"

static struct config *settings;

static void open_policy(const char *text)
{
    struct buf file;
    begin();
    add_brokers(3, false);
    buf_init(&file);
    buf_printf(&file, "node.id=1\nmin.insync.replicas=1\ncreate.topic.policy=%s\n", text);
    settings = config_make(buf_text(&file));
    buf_close(&file);
    rules.settings = settings;
}

static void close_policy(void)
{
    config_free(settings);
    finish();
}

/* `key` NULL: without settings. "" when it would be created. */
static const char *validate(const char *name, int32_t partitions, int32_t factor, const char *key,
                            const char *value)
{
    Meta__ConfigEntry entry = META__CONFIG_ENTRY__INIT, *entries[] = {&entry};
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT, *topics[] = {&topic};
    Meta__CreateTopics command = META__CREATE_TOPICS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    topic.name = (char *)(uintptr_t)name;
    topic.partitions = partitions;
    topic.replication_factor = factor;
    topic.n_configs = key != NULL;
    topic.configs = entries;
    entry.key = (char *)(uintptr_t)key;
    entry.value = (char *)(uintptr_t)value;
    command.n_topics = 1;
    command.topics = topics;
    command.validate_only = true;
    topics_create(&decision, &command, &reply);
    CHECK(reply.topics[0]->error == 0 ||
          reply.topics[0]->error == err_to_wire(ERR_POLICY_VIOLATION));
    return reply.topics[0]->message;
}

static void counts_and_names_are_held_to(void)
{
    open_policy("partitions>=2; partitions<=4; replication.factor=3; name=orders-*|audit-?");
    CHECK_STR(validate("orders-a", 3, 3, NULL, NULL), "");
    CHECK_STR(validate("audit-1", 4, 3, NULL, NULL), "");
    CHECK_STR(validate("orders-a", 1, 3, NULL, NULL),
              "create.topic.policy wants partitions>=2, and topic 'orders-a' would have 1.");
    CHECK_STR(validate("orders-a", 5, 3, NULL, NULL),
              "create.topic.policy wants partitions<=4, and topic 'orders-a' would have 5.");
    CHECK_STR(validate("orders-a", 3, 2, NULL, NULL),
              "create.topic.policy wants replication.factor=3, and topic 'orders-a' would have 2.");
    CHECK_STR(validate("audit-12", 3, 3, NULL, NULL),
              "create.topic.policy wants name=orders-*|audit-?, and topic 'audit-12' would have "
              "audit-12.");
    CHECK_INT(create("orders-a", 5, 3)->error, wire(ERR_POLICY_VIOLATION));
    CHECK(!image_topic_by_name(image, "orders-a", 8));
    CHECK_INT(create("orders-a", 2, 3)->error, 0);
    CHECK_INT(create("__consumer_offsets", 50, 1)->error, 0); /* the brokers' own */
    close_policy();
}

static void values_in_force_count(void)
{
    open_policy("config.min.insync.replicas>=2; config.cleanup.policy=delete|compact,delete; "
                "given.retention.ms");
    CHECK_STR(validate("t", 1, 1, "retention.ms", "5"),
              "create.topic.policy wants config.min.insync.replicas>=2, and topic 't' would have "
              "1.");
    CHECK_STR(validate("t", 1, 1, "min.insync.replicas", "2"),
              "create.topic.policy wants given.retention.ms: give a value when topic 't' is "
              "created.");
    CHECK_STR(validate("t", 1, 1, "cleanup.policy", "compact"),
              "create.topic.policy wants config.min.insync.replicas>=2, and topic 't' would have "
              "1.");
    close_policy();
    open_policy("config.cleanup.policy=delete|compact,delete;config.retention.ms<=1000");
    CHECK_STR(
        validate("t", 1, 1, "cleanup.policy", "compact"),
        "create.topic.policy wants config.cleanup.policy=delete|compact,delete, and topic 't' "
        "would have compact.");
    CHECK_STR(validate("t", 1, 1, "retention.ms", "1000"), "");
    CHECK_STR(validate("t", 1, 1, NULL, NULL),
              "create.topic.policy wants config.retention.ms<=1000, and topic 't' would have "
              "604800000.");
    close_policy();
}

TAP_MAIN(TAP_TEST(counts_and_names_are_held_to), TAP_TEST(values_in_force_count))
