/* Settings: where a value comes from, what DescribeConfigs makes of it, how lists are changed. */
#include "fixture.h"

#include "broker/cluster/settings.h"
#include "broker/handlers/resources.h"
#include "config/config_change.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/incremental_alter_configs.h"

static const Meta__ConfigRecord__Resource of_topic = META__CONFIG_RECORD__RESOURCE__TOPIC;
static const Meta__ConfigRecord__Resource of_broker = META__CONFIG_RECORD__RESOURCE__BROKER;

static const char *own_value(void *data, const char *key)
{
    return strcmp(key, "retention.ms") == 0 ? data : NULL;
}

static struct settings scope(struct arena *arena, char *own)
{
    struct settings settings = {.arena = arena, .chain = live_settings_chain(fx->broker.live)};
    settings.chain.own = own ? own_value : NULL;
    settings.chain.own_data = own;
    return settings;
}

static void check_synonym(const struct setting *setting, int i, const char *name, const char *value,
                          int source)
{
    CHECK(i < setting->synonym_count);
    CHECK_STR(setting->synonyms[i].name, name);
    CHECK_STR(setting->synonyms[i].value, value);
    CHECK_INT(setting->synonyms[i].source, source);
}

static void a_topic_has_the_strongest_value(void)
{
    struct fixture f;
    struct arena arena;
    struct setting setting;
    char own[] = "5";
    fixture_open(&f);
    arena_init(&arena, 1 << 16);
    struct settings settings = scope(&arena, NULL);
    CHECK_INT(settings_of_topic(&settings, CONFIG_LOG_RETENTION_MS, &setting), 0);
    CHECK_STR(setting.name, "retention.ms");
    CHECK_STR(setting.value, "172800000");          /* 48 hours */
    CHECK_INT(setting.source, CONFIG_FROM_DEFAULT); /* as in Kafka: the hours stand alone */
    CHECK_INT(setting.synonym_count, 0);
    fixture_set(of_broker, "", "log.retention.ms", "70");
    fixture_set(of_broker, "2", "log.retention.ms", "71");
    CHECK_INT(settings_of_topic(&settings, CONFIG_LOG_RETENTION_MS, &setting), 0);
    CHECK_STR(setting.value, "70");
    CHECK_INT(setting.source, CONFIG_FROM_ALL_BROKERS);
    CHECK_INT(setting.synonym_count, 3);
    check_synonym(&setting, 0, "log.retention.ms", "70", CONFIG_FROM_ALL_BROKERS);
    check_synonym(&setting, 1, "log.retention.hours", "48", CONFIG_FROM_FILE);
    check_synonym(&setting, 2, "log.retention.hours", "168", CONFIG_FROM_DEFAULT);
    fixture_set(of_broker, "1", "log.retention.ms", "60");
    settings = scope(&arena, own);
    CHECK_INT(settings_of_topic(&settings, CONFIG_LOG_RETENTION_MS, &setting), 0);
    CHECK_STR(setting.value, "5");
    CHECK_INT(setting.source, CONFIG_FROM_TOPIC);
    CHECK_INT(setting.synonym_count, 5);
    check_synonym(&setting, 0, "retention.ms", "5", CONFIG_FROM_TOPIC);
    check_synonym(&setting, 1, "log.retention.ms", "60", CONFIG_FROM_BROKER);
    check_synonym(&setting, 2, "log.retention.ms", "70", CONFIG_FROM_ALL_BROKERS);
    arena_close(&arena);
    fixture_close(&f);
}

static void every_setting_can_be_told(void)
{
    struct fixture f;
    struct arena arena;
    fixture_open(&f);
    arena_init(&arena, 1 << 20);
    struct settings settings = scope(&arena, NULL);
    size_t topics = 0;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        struct setting setting;
        if (settings_is_topic(&settings, id)) {
            topics++;
            CHECK_INT(settings_of_topic(&settings, id, &setting), 0);
            CHECK(setting.value != NULL);
            CHECK(setting.type > 0);
        }
        if (settings_is_broker(&settings, id)) {
            CHECK_INT(settings_of_broker(&settings, id, &setting), 0);
            CHECK_STR(setting.name, config_row(id)->name);
            CHECK(setting.read_only == !(config_row(id)->flags & CONFIG_DYNAMIC));
        }
    }
    CHECK_INT(topics, 33); /* as many as Kafka 4.3 tells */
    arena_close(&arena);
    arena_init(&arena, 4);
    struct setting setting;
    CHECK_INT(settings_of_topic(&settings, CONFIG_LOG_SEGMENT_BYTES, &setting), ERR_NO_MEMORY);
    arena_close(&arena);
    fixture_close(&f);
}

static void a_broker_has_one_id(void)
{
    struct fixture f;
    struct setting setting;
    fixture_open(&f);
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct settings settings = scope(&arena, NULL);
    CHECK_INT(settings_of_broker(&settings, CONFIG_NODE_ID, &setting), 0);
    CHECK_STR(setting.value, "1");
    CHECK_INT(setting.synonym_count, 1); /* Kafka has no default for it */
    check_synonym(&setting, 0, "node.id", "1", CONFIG_FROM_FILE);
    CHECK_INT(settings_of_broker(&settings, CONFIG_BROKER_ID, &setting), 0);
    CHECK_INT(setting.synonym_count, 2);
    check_synonym(&setting, 1, "broker.id", "-1", CONFIG_FROM_DEFAULT);
    CHECK_INT(settings_of_broker(&settings, CONFIG_LOG_RETENTION_MS, &setting), 0);
    CHECK(setting.value == NULL); /* the hours are no value of it */
    CHECK_INT(setting.synonym_count, 0);
    CHECK_INT(settings_of_broker(&settings, CONFIG_PROCESS_ROLES, &setting), 0);
    CHECK_STR(setting.value, "broker,controller");
    CHECK_INT(setting.synonym_count, 0);
    arena_close(&arena);
    fixture_close(&f);
}

/* ---- DescribeConfigs ---- */

static void ask(int16_t version, int8_t type, const char *name, const char *key)
{
    struct describe_configs_request *body = fixture_request(KAFKA_API_DESCRIBE_CONFIGS, version);
    CHECK(WIRE_ARRAY(&fx->request.arena, &body->resources, 1,
                     &describe_configs_request_describe_configs_resource_desc) != NULL);
    body->resources.items[0].resource_type = type;
    body->resources.items[0].resource_name = wire_str_from(name);
    body->resources.items[0].configuration_keys.count = -1;
    if (key) {
        CHECK(WIRE_ARRAY(&fx->request.arena, &body->resources.items[0].configuration_keys, 1,
                         NULL) != NULL);
        body->resources.items[0].configuration_keys.items[0] = wire_str_from(key);
    }
    body->include_synonyms = version >= 1;
    handle_describe_configs(&fx->request);
}

static void settings_are_described(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_topic("orders", 1);
    fixture_set(of_topic, "orders", "retention.ms", "9");
    ask(0, RESOURCES_TOPIC, "orders", "retention.ms");
    CHECK_STR(buf_text(&f.answer),
              "{\"throttleTimeMs\":0,\"results\":[{\"errorCode\":0,\"errorMessage\":null,"
              "\"resourceType\":2,\"resourceName\":\"orders\",\"configs\":[{\"name\":"
              "\"retention.ms\",\"value\":\"9\",\"readOnly\":false,\"isDefault\":false,"
              "\"isSensitive\":false}]}]}");
    ask(4, RESOURCES_TOPIC, "orders", "flush.messages");
    CHECK(strstr(buf_text(&f.answer),
                 "\"value\":\"1\",\"readOnly\":false,\"configSource\":5,\"isSensitive\":false,"
                 "\"synonyms\":[{\"name\":\"log.flush.interval.messages\",\"value\":\"1\","
                 "\"source\":5}],\"configType\":5,\"documentation\":null"));
    ask(4, RESOURCES_BROKER, "1", "log.retention.hours");
    CHECK(strstr(buf_text(&f.answer), "\"value\":\"48\",\"readOnly\":true,\"configSource\":4"));
    ask(4, RESOURCES_BROKER, "2", NULL);
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":42,\"errorMessage\":\"Unexpected broker id, "
                                      "expected 1 or empty string, but received 2\""));
    ask(4, RESOURCES_TOPIC, "none", NULL);
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":3"));
    ask(4, RESOURCES_TOPIC, "no/name", NULL);
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":17"));
    ask(4, 3, "x", NULL);
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":42"));
    fixture_set(of_broker, "", "min.insync.replicas", "2");
    ask(4, RESOURCES_BROKER, "", NULL);
    CHECK(strstr(buf_text(&f.answer), "\"configs\":[{\"name\":\"min.insync.replicas\",\"value\":"
                                      "\"2\",\"readOnly\":false,\"configSource\":3"));
    fixture_close(&f);
}

/* What an older release let in has the value that is in force, and its own source, so that
 * kafka-configs can delete it. */
static void what_is_not_in_force_can_be_deleted(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_topic("orders", 1);
    fixture_set(of_broker, "", "listener.name.external.ssl.keystore.password", "hunter2");
    fixture_set(of_broker, "", "no.such.setting", "hunter2");
    fixture_set(of_broker, "", "background.threads", "5");
    fixture_set(of_broker, "", "num.partitions", "5");
    fixture_set(of_broker, "1", "log.cleanup.policy", "COMPACT");
    fixture_set(of_topic, "orders", "compression.type", "GZIP");
    ask(4, RESOURCES_BROKER, "", NULL);
    CHECK(strstr(buf_text(&f.answer), "\"name\":\"no.such.setting\",\"value\":null,"
                                      "\"readOnly\":true,\"configSource\":3,"
                                      "\"isSensitive\":true,\"synonyms\":[{\"name\":"
                                      "\"no.such.setting\",\"value\":null,\"source\":3}]"));
    CHECK(strstr(buf_text(&f.answer), "\"name\":\"background.threads\",\"value\":null,"));
    CHECK(strstr(buf_text(&f.answer), "\"name\":\"num.partitions\",\"value\":null,"));
    CHECK(!strstr(buf_text(&f.answer), "hunter2"));
    ask(4, RESOURCES_BROKER, "", "num.partitions");
    CHECK(strstr(buf_text(&f.answer), "\"num.partitions\""));
    CHECK(!strstr(buf_text(&f.answer), "no.such.setting"));
    ask(4, RESOURCES_BROKER, "1", NULL);
    CHECK(!strstr(buf_text(&f.answer), "hunter2") && !strstr(buf_text(&f.answer), "no.such"));
    CHECK(strstr(buf_text(&f.answer), "{\"name\":\"log.cleanup.policy\",\"value\":\"delete\","
                                      "\"readOnly\":false,\"configSource\":2"));
    CHECK(strstr(buf_text(&f.answer), "{\"name\":\"background.threads\",\"value\":\"10\","
                                      "\"readOnly\":false,\"configSource\":5"));
    CHECK(!strstr(buf_text(&f.answer), "\"port\"")); /* Kafka 4 has no such name */
    ask(4, RESOURCES_TOPIC, "orders", "compression.type");
    CHECK(strstr(buf_text(&f.answer), "\"value\":\"producer\",\"readOnly\":false,"
                                      "\"configSource\":1"));
    fixture_close(&f);
}

/* ---- IncrementalAlterConfigs ---- */

static void change(int8_t type, const char *name, const char *key, int8_t operation,
                   const char *value)
{
    struct incremental_alter_configs_request *body =
        fixture_request(KAFKA_API_INCREMENTAL_ALTER_CONFIGS, 1);
    struct arena *arena = &fx->request.arena;
    CHECK(WIRE_ARRAY(arena, &body->resources, 1,
                     &incremental_alter_configs_request_alter_configs_resource_desc) != NULL);
    body->resources.items[0].resource_type = type;
    body->resources.items[0].resource_name = wire_str_from(name);
    CHECK(WIRE_ARRAY(arena, &body->resources.items[0].configs, 1,
                     &incremental_alter_configs_request_alterable_config_desc) != NULL);
    body->resources.items[0].configs.items[0].name = wire_str_from(key);
    body->resources.items[0].configs.items[0].value = wire_str_from(value);
    body->resources.items[0].configs.items[0].config_operation = operation;
    handle_incremental_alter_configs(&fx->request);
}

static void check_sent(int8_t type, const char *key, int8_t operation, const char *value,
                       int sent_operation, const char *sent_value)
{
    change(type, type == RESOURCES_TOPIC ? "orders" : "1", key, operation, value);
    CHECK(fx->sent != NULL);
    const Meta__ConfigEntry *entry = fx->sent->command->alter_configs->resources[0]->entries[0];
    CHECK_STR(entry->key, key);
    CHECK_STR(entry->value, sent_value);
    CHECK_INT(entry->operation, sent_operation);
    fixture_answer(ERR_REQUEST_TIMED_OUT, NULL);
    CHECK(strstr(buf_text(&fx->answer), "\"errorCode\":7"));
}

static void check_refused(int8_t type, const char *key, int8_t operation, const char *value,
                          int err)
{
    char code[32];
    change(type, "1", key, operation, value);
    CHECK(fx->sent == NULL);
    snprintf(code, sizeof(code), "\"errorCode\":%d,", err_to_wire(err));
    CHECK(strstr(buf_text(&fx->answer), code));
}

static void lists_start_from_the_value_in_force(void)
{
    struct fixture f;
    enum { SET = 0, DELETE = 1, APPEND = 2, SUBTRACT = 3 };
    fixture_open(&f);
    fixture_add_topic("orders", 1);
    check_sent(RESOURCES_TOPIC, "cleanup.policy", APPEND, "compact", SET, "delete,compact");
    check_sent(RESOURCES_TOPIC, "cleanup.policy", APPEND, "delete", SET, "delete");
    check_sent(RESOURCES_TOPIC, "cleanup.policy", SUBTRACT, "delete,x", SET, "");
    check_refused(RESOURCES_TOPIC, "cleanup.policy", APPEND, "COMPACT", ERR_INVALID_CONFIG);
    check_refused(RESOURCES_TOPIC, "leader.replication.throttled.replicas", APPEND, "0-1",
                  ERR_INVALID_CONFIG);
    check_sent(RESOURCES_TOPIC, "leader.replication.throttled.replicas", APPEND, "0:1,1:2", SET,
               "0:1,1:2");
    fixture_set(of_broker, "", "log.cleanup.policy", "");
    check_sent(RESOURCES_TOPIC, "cleanup.policy", APPEND, "compact", SET, "compact");
    check_sent(RESOURCES_BROKER, "log.cleanup.policy", APPEND, "delete", SET, "delete");
    fixture_set(of_topic, "orders", "cleanup.policy", "compact");
    check_sent(RESOURCES_TOPIC, "cleanup.policy", APPEND, "delete", APPEND, "delete");
    check_sent(RESOURCES_TOPIC, "retention.ms", SET, "7", SET, "7");
    check_sent(RESOURCES_TOPIC, "retention.ms", DELETE, NULL, DELETE, "");
    check_sent(RESOURCES_BROKER, "log.retention.ms", SET, "7", SET, "7");
    check_refused(RESOURCES_TOPIC, "retention.ms", APPEND, "7", ERR_INVALID_CONFIG);
    check_refused(RESOURCES_TOPIC, "retention.ms", SET, "x", ERR_INVALID_CONFIG);
    check_refused(RESOURCES_TOPIC, "retention.ms", SET, NULL, ERR_INVALID_REQUEST);
    check_refused(RESOURCES_TOPIC, "retention.ms", 4, "1", ERR_INVALID_REQUEST);
    check_refused(RESOURCES_BROKER, "log.dirs", SET, "x", ERR_INVALID_REQUEST);
    check_refused(RESOURCES_BROKER, "log.dirs", APPEND, "x", ERR_INVALID_REQUEST);
    check_refused(RESOURCES_BROKER, "log.retenton.ms", SET, "1", ERR_INVALID_REQUEST);
    check_refused(RESOURCES_BROKER, "log.retention.ms", SET, "x", ERR_INVALID_REQUEST);
    check_refused(RESOURCES_BROKER, "log.cleaner.threads", SET, "x", ERR_INVALID_REQUEST);
    check_refused(RESOURCES_BROKER, "log.cleaner.threads", SET, "0", ERR_INVALID_REQUEST);
    check_refused(RESOURCES_BROKER, "log.cleaner.threads", SET, "3", ERR_INVALID_REQUEST);
    check_sent(RESOURCES_BROKER, "log.cleaner.threads", SET, "1", SET, "1"); /* as it is */
    check_refused(RESOURCES_BROKER, "group.consumer.assignment.interval.ms", SET, "15001",
                  ERR_INVALID_REQUEST);
    check_sent(RESOURCES_BROKER, "group.consumer.assignment.interval.ms", SET, "15000", SET,
               "15000");
    check_refused(RESOURCES_BROKER, "no.such", APPEND, "x", ERR_INVALID_CONFIG);
    check_refused(RESOURCES_TOPIC, "no.such", SET, "x", ERR_INVALID_CONFIG);
    check_sent(RESOURCES_TOPIC, "no.such", DELETE, NULL, DELETE, "");
    check_sent(RESOURCES_BROKER, "num.partitions", DELETE, NULL, DELETE, "");
    check_refused(RESOURCES_GROUP, "x", SET, "x", ERR_INVALID_CONFIG);
    fixture_close(&f);
}

/* With what the group has already, and within what our own file allows. */
static void settings_of_a_group_fit_together(void)
{
    struct fixture f;
    static const char session[] = "consumer.session.timeout.ms";
    static const char heartbeat[] = "consumer.heartbeat.interval.ms";
    fixture_open(&f);
    check_sent(RESOURCES_GROUP, session, 0, "50000", 0, "50000");
    check_refused(RESOURCES_GROUP, session, 0, "44999", ERR_INVALID_CONFIG);
    CHECK(strstr(buf_text(&f.answer), "consumer.session.timeout.ms must be greater than or equal "
                                      "to group.consumer.min.session.timeout.ms"));
    check_refused(RESOURCES_GROUP, session, 0, "60001", ERR_INVALID_CONFIG);
    check_refused(RESOURCES_GROUP, heartbeat, 0, "15001", ERR_INVALID_CONFIG);
    check_refused(RESOURCES_GROUP, heartbeat, 2, "1", ERR_INVALID_CONFIG);
    check_sent(RESOURCES_GROUP, heartbeat, 0, "15000", 0, "15000");
    fixture_set(META__CONFIG_RECORD__RESOURCE__GROUP, "1", heartbeat, "70000"); /* older limits */
    check_refused(RESOURCES_GROUP, session, 0, "50000", ERR_INVALID_CONFIG);
    check_sent(RESOURCES_GROUP, heartbeat, 1, NULL, 1, "");
    fixture_close(&f);
}

/* What is refused before anybody looks at the value, in Kafka's words. */
static void what_can_not_be_changed_is_told(void)
{
    struct fixture f;
    fixture_open(&f);
    change(RESOURCES_TOPIC, "", "retention.ms", 0, "7");
    CHECK(fx->sent == NULL);
    CHECK(strstr(buf_text(&fx->answer), "\"errorCode\":42,\"errorMessage\":\"Default topic "
                                        "resources are not allowed.\""));
    for (int8_t type = RESOURCES_TOPIC; type <= RESOURCES_BROKER; type += 2) {
        change(type, "1", "no.such", 2, "7");
        CHECK(fx->sent == NULL);
        CHECK(strstr(buf_text(&fx->answer),
                     "\"errorCode\":40,\"errorMessage\":\"Unknown config name: no.such\""));
    }
    fixture_close(&f);
}

/* Each an entry "no.such.N" to delete, but the last, which is entry 0 once more if `doubled`. */
static void delete_many(int32_t count, bool doubled)
{
    struct incremental_alter_configs_request *body =
        fixture_request(KAFKA_API_INCREMENTAL_ALTER_CONFIGS, 1);
    struct arena *arena = &fx->request.arena;
    CHECK(WIRE_ARRAY(arena, &body->resources, 1,
                     &incremental_alter_configs_request_alter_configs_resource_desc) != NULL);
    body->resources.items[0].resource_type = RESOURCES_BROKER;
    struct incremental_alter_configs_request_alterable_config *configs =
        WIRE_ARRAY(arena, &body->resources.items[0].configs, count,
                   &incremental_alter_configs_request_alterable_config_desc);
    CHECK(configs != NULL);
    for (int32_t i = 0; i < count; i++) {
        int32_t number = doubled && i == count - 1 ? 0 : i;
        configs[i].name = wire_str_from(arena_printf(arena, "no.such.%d", number));
        configs[i].value = WIRE_STR_NULL;
        configs[i].config_operation = 1;
    }
    handle_incremental_alter_configs(&fx->request);
}

static void a_request_changes_so_many_settings(void)
{
    struct fixture f;
    fixture_open(&f);
    delete_many(CONFIG_CHANGES_MAX + 1, false);
    CHECK(fx->sent == NULL);
    CHECK(strstr(buf_text(&fx->answer), "\"errorCode\":44,\"errorMessage\":\"Unable to perform "
                                        "excessively large batch operation"));
    delete_many(1000, true);
    CHECK(fx->sent == NULL);
    CHECK(strstr(buf_text(&fx->answer),
                 "\"errorCode\":42,\"errorMessage\":\"Error due to duplicate config keys"));
    delete_many(1000, false);
    CHECK(fx->sent != NULL);
    fixture_answer(ERR_REQUEST_TIMED_OUT, NULL);
    fixture_close(&f);
}

static void check_sentence(const char *name, const char *key, const char *sentence)
{
    char text[256];
    change(RESOURCES_BROKER, name, key, 0, "1");
    CHECK(fx->sent == NULL);
    snprintf(text, sizeof(text), "\"errorCode\":42,\"errorMessage\":\"%s\"", sentence);
    if (!strstr(buf_text(&fx->answer), text))
        printf("# %s\n", buf_text(&fx->answer));
    CHECK(strstr(buf_text(&fx->answer), text));
}

/* Kafka's sentences, which kafka-configs prints. */
static void names_that_can_not_change_are_told(void)
{
    struct fixture f;
    fixture_open(&f);
    check_sentence("1", "num.partitions",
                   "Cannot update these configs dynamically: [num.partitions]");
    check_sentence("", "broker.id", "Cannot update these configs dynamically: [broker.id]");
    check_sentence("1", "ssl.truststore.password",
                   "These security configs can be dynamically updated only per-listener using the "
                   "listener prefix: [ssl.truststore.password]");
    check_sentence("", "sasl.enabled.mechanisms",
                   "Cannot update these configs at default cluster level, broker id must be "
                   "specified: [sasl.enabled.mechanisms]");
    check_sentence("", "listener.name.a.ssl.truststore.type",
                   "Cannot update these configs at default cluster level, broker id must be "
                   "specified: [listener.name.a.ssl.truststore.type]");
    check_sentence("1", "listener.name.a.ssl.truststore.type",
                   "listener.name.a.ssl.truststore.type can't be changed, for it would have no "
                   "effect: TLS is not available yet.");
    check_sentence("", "listener.name.a.max.connections",
                   "listener.name.a.max.connections can't be changed, for it would have no effect: "
                   "a listener has no settings of its own yet.");
    check_sentence("1", "max.conections",
                   "Unknown config name: max.conections (did you mean max.connections?)");
    fixture_close(&f);
}

static void values_are_told_in_their_normal_form(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_topic("orders", 1);
    fixture_set(of_topic, "orders", "unclean.leader.election.enable", "TRUE");
    fixture_set(of_broker, "", "max.connections", "+07");
    fixture_set(of_topic, "orders", "retention.bytes", "007");
    fixture_set(of_topic, "orders", "cleanup.policy", "compact , delete");
    ask(4, RESOURCES_TOPIC, "orders", NULL);
    const char *answer = buf_text(&f.answer);
    CHECK(strstr(answer, "\"unclean.leader.election.enable\",\"value\":\"true\""));
    CHECK(strstr(answer, "\"name\":\"retention.bytes\",\"value\":\"7\",\"source\":1"));
    CHECK(strstr(answer, "\"cleanup.policy\",\"value\":\"compact,delete\""));
    CHECK(!strstr(answer, "internal.segment.bytes") && !strstr(answer, "message.format.version"));
    ask(4, RESOURCES_BROKER, "1", "max.connections");
    CHECK(strstr(buf_text(&f.answer), "\"value\":\"7\",\"readOnly\":false,\"configSource\":3"));
    CHECK(strstr(buf_text(&f.answer), "\"value\":\"+07\",\"source\":3"));
    fixture_set(of_topic, "orders", "internal.segment.bytes", "1000");
    ask(4, RESOURCES_TOPIC, "orders", NULL);
    CHECK(strstr(buf_text(&f.answer), "\"internal.segment.bytes\",\"value\":\"1000\""));
    fixture_close(&f);
}

/* ---- levels of the log ---- */

static void open_levels(struct fixture *f, struct logger_levels *levels)
{
    fixture_open(f);
    logger_levels_init(levels, LOGGER_INFO);
    f->broker.levels = levels;
    f->broker.client_lines.logger.level = LOGGER_FATAL; /* what is said is not looked at */
}

static void check_answer(const char *part)
{
    if (!strstr(buf_text(&fx->answer), part))
        printf("# %s\n", buf_text(&fx->answer));
    CHECK(strstr(buf_text(&fx->answer), part));
}

static void loggers_are_described(void)
{
    struct fixture f;
    struct logger_levels levels;
    open_levels(&f, &levels);
    logger_levels_set(&levels, LOGGER_BROKER, LOGGER_WARN);
    ask(4, RESOURCES_BROKER_LOGGER, "1", "broker.log");
    check_answer("\"errorCode\":0,\"errorMessage\":null,\"resourceType\":8,\"resourceName\":\"1\","
                 "\"configs\":[{\"name\":\"broker.log\",\"value\":\"WARN\",\"readOnly\":false,"
                 "\"configSource\":6,\"isSensitive\":false,\"synonyms\":[],\"configType\":0,"
                 "\"documentation\":null}]");
    ask(4, RESOURCES_BROKER_LOGGER, "+01", NULL);
    for (int i = 0; i < LOGGER_AREAS; i++)
        check_answer(logger_area_name((enum logger_area)i));
    ask(4, RESOURCES_BROKER_LOGGER, "", NULL);
    check_answer("\"errorCode\":42,\"errorMessage\":\"Broker id must not be empty\"");
    ask(4, RESOURCES_BROKER_LOGGER, "1x", NULL);
    check_answer("\"errorMessage\":\"Broker id must be an integer, but it is: 1x\"");
    ask(4, RESOURCES_BROKER_LOGGER, "-1", NULL);
    check_answer("\"errorMessage\":\"Unexpected broker id, expected 1 but received -1\"");
    fixture_close(&f);
}

static void check_level(const char *key, int8_t operation, const char *value,
                        enum logger_level level)
{
    enum logger_area area = LOGGER_ROOT;
    change(RESOURCES_BROKER_LOGGER, "1", key, operation, value);
    CHECK(fx->sent == NULL);
    check_answer("\"errorCode\":0,\"errorMessage\":null,\"resourceType\":8");
    CHECK(logger_area_find(key, strlen(key), &area));
    CHECK_INT(logger_levels_get(fx->broker.levels, area), level);
}

static void check_no_change(const char *name, const char *key, int8_t operation, const char *value,
                            const char *answer)
{
    change(RESOURCES_BROKER_LOGGER, name, key, operation, value);
    CHECK(fx->sent == NULL);
    check_answer(answer);
    for (int i = 0; i < LOGGER_AREAS; i++)
        CHECK_INT(logger_levels_get(fx->broker.levels, (enum logger_area)i),
                  i == LOGGER_REQUEST ? LOGGER_WARN : LOGGER_INFO);
}

/* Kafka's codes and sentences. */
static void levels_are_changed_here(void)
{
    struct fixture f;
    struct logger_levels levels;
    enum { SET = 0, DELETE = 1, APPEND = 2, SUBTRACT = 3 };
    open_levels(&f, &levels);
    check_no_change("1", "kafka.server", SET, "INFO",
                    "\"errorCode\":40,\"errorMessage\":\"Logger kafka.server does not exist!\"");
    check_no_change("1", "kafka.server", DELETE, NULL, "\"errorCode\":40,");
    check_no_change("1", "broker", SET, "debug",
                    "\"errorCode\":40,\"errorMessage\":\"Cannot set the log level of broker to "
                    "debug as it is not a supported log level. Valid log levels are DEBUG, ERROR, "
                    "FATAL, INFO, TRACE, WARN\"");
    check_no_change("1", "root", DELETE, NULL,
                    "\"errorCode\":42,\"errorMessage\":\"Removing the log level of the root "
                    "logger is not allowed\"");
    check_no_change("1", "broker", APPEND, "INFO",
                    "\"errorCode\":42,\"errorMessage\":\"APPEND operation is not allowed for the "
                    "BROKER_LOGGER resource\"");
    check_no_change("1", "broker", SUBTRACT, "INFO", "\"SUBTRACT operation is not allowed");
    check_no_change("1", "broker", 4, "INFO",
                    "\"errorCode\":42,\"errorMessage\":\"Unknown operation type 4 is not allowed "
                    "for the BROKER_LOGGER resource\"");
    check_no_change("1", "broker", SET, NULL,
                    "\"errorCode\":42,\"errorMessage\":\"Null value not supported for : broker\"");
    check_no_change("2", "broker", SET, "DEBUG",
                    "\"errorCode\":42,\"errorMessage\":\"Unexpected node id. Expected 1, but "
                    "received 2\"");
    check_no_change(
        "", "broker", SET, "DEBUG",
        "\"errorCode\":42,\"errorMessage\":\"Node id must be an integer, but it is: \"");
    check_level("broker", SET, "DEBUG", LOGGER_DEBUG);
    check_level("broker.log", SET, "WARN", LOGGER_WARN);
    check_level("broker.log", DELETE, NULL, LOGGER_DEBUG);
    check_level("broker", DELETE, NULL, LOGGER_INFO);
    f.broker.levels = NULL; /* a process whose levels are fixed */
    change(RESOURCES_BROKER_LOGGER, "1", "broker", SET, "DEBUG");
    check_answer("Logger broker does not exist!");
    fixture_close(&f);
}

/* One bad entry refuses all of its resource, and validate_only changes nothing. */
static void levels_change_together(void)
{
    struct fixture f;
    struct logger_levels levels;
    open_levels(&f, &levels);
    change(RESOURCES_BROKER_LOGGER, "1", "broker", 0, "DEBUG");
    CHECK_INT(logger_levels_get(&levels, LOGGER_BROKER), LOGGER_DEBUG);
    for (int round = 0; round < 3; round++) {
        struct incremental_alter_configs_request *body =
            fixture_request(KAFKA_API_INCREMENTAL_ALTER_CONFIGS, 1);
        struct arena *arena = &fx->request.arena;
        CHECK(WIRE_ARRAY(arena, &body->resources, 1,
                         &incremental_alter_configs_request_alter_configs_resource_desc) != NULL);
        body->resources.items[0].resource_type = RESOURCES_BROKER_LOGGER;
        body->resources.items[0].resource_name = wire_str_from("1");
        struct incremental_alter_configs_request_alterable_config *configs =
            WIRE_ARRAY(arena, &body->resources.items[0].configs, 2,
                       &incremental_alter_configs_request_alterable_config_desc);
        CHECK(configs != NULL);
        configs[0].name = wire_str_from("broker");
        configs[0].value = wire_str_from("WARN");
        configs[1].name = wire_str_from(round == 0 ? "absent" : round == 1 ? "broker" : "node");
        configs[1].value = wire_str_from("WARN");
        body->validate_only = round == 2;
        handle_incremental_alter_configs(&fx->request);
        check_answer(round == 0   ? "Logger absent does not exist!"
                     : round == 1 ? "\"errorCode\":42,\"errorMessage\":\"Error due to duplicate "
                                    "config keys\""
                                  : "\"errorCode\":0");
        CHECK_INT(logger_levels_get(&levels, LOGGER_BROKER), LOGGER_DEBUG);
        CHECK_INT(logger_levels_get(&levels, LOGGER_NODE), LOGGER_INFO);
    }
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(a_topic_has_the_strongest_value), TAP_TEST(every_setting_can_be_told),
         TAP_TEST(a_broker_has_one_id), TAP_TEST(settings_are_described),
         TAP_TEST(what_is_not_in_force_can_be_deleted),
         TAP_TEST(a_request_changes_so_many_settings),
         TAP_TEST(lists_start_from_the_value_in_force), TAP_TEST(settings_of_a_group_fit_together),
         TAP_TEST(what_can_not_be_changed_is_told), TAP_TEST(names_that_can_not_change_are_told),
         TAP_TEST(values_are_told_in_their_normal_form), TAP_TEST(loggers_are_described),
         TAP_TEST(levels_are_changed_here), TAP_TEST(levels_change_together))
