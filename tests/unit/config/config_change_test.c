/* What may be changed while the cluster runs: a verdict for each setting of the table, so that none
 * can come to be accepted and ignored. */
#include "config_fixture.h"

#include "config/config_change.h"

static struct buf problem;

static int change(enum config_scope scope, const char *name, const char *value)
{
    problem.len = 0;
    int err = config_change_check(scope, name, value, &problem);
    CHECK((err == 0) == (problem.len == 0));
    return err;
}

static void check_refused(enum config_scope scope, const char *name, const char *value,
                          const char *sentence)
{
    CHECK_INT(change(scope, name, value),
              scope == CONFIG_OF_TOPIC ? ERR_INVALID_CONFIG : ERR_INVALID_REQUEST);
    if (!strstr(buf_text(&problem), sentence))
        printf("# %s\n", buf_text(&problem));
    CHECK(strstr(buf_text(&problem), sentence));
}

/* A right value of the row that says something else than its default. */
static const char *other_value(const struct config_row *row)
{
    static const char *const some[] = {"true",
                                       "false",
                                       "5",
                                       "2",
                                       "0:1",
                                       "gzip",
                                       "1",
                                       "*",
                                       "0",
                                       "compact",
                                       "LogAppendTime",
                                       "600000",
                                       "1048576",
                                       "100",
                                       "2000",
                                       "required",
                                       "broker",
                                       "classic",
                                       "8388609",
                                       "DEBUG",
                                       "json",
                                       "SSL",
                                       "upgrade",
                                       "headers",
                                       "Produce",
                                       "10.0.0.1:5",
                                       "name=a",
                                       "ES256",
                                       "org.apache.kafka.common.replica.RackAwareReplicaSelector"};
    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        problem.len = 0;
        if (!config_check_value(row, row->name, some[i], &problem) &&
            (!row->default_text || strcmp(row->default_text, some[i]) != 0))
            return some[i];
    }
    printf("# %s\n", row->name);
    CHECK(!"a value");
    return NULL;
}

static void check_idle(enum config_scope scope, const struct config_row *row, const char *name)
{
    const char *value = other_value(row);
    const char *reason = row->doc + strlen(CONFIG_IDLE);
    check_refused(scope, name, value, "can't be changed, for it would have no effect: ");
    CHECK(strstr(buf_text(&problem), reason));
    CHECK(row->type != CONFIG_TYPE_PASSWORD || !strstr(buf_text(&problem), value));
    if (row->default_text && row->type != CONFIG_TYPE_PASSWORD) /* it says what is so anyway */
        CHECK_INT(change(scope, name, row->default_text), 0);
}

/* Those that count at once have a subscriber (tests/unit/broker/broker_test.c), or are the
 * controller's. */
static void each_setting_of_brokers_is_live_or_refused(void)
{
    size_t live = 0, idle = 0;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        const struct config_row *row = config_row(id);
        const char *value = other_value(row);
        if (row->flags & CONFIG_TOPIC_ONLY) {
            check_refused(CONFIG_OF_BROKER, row->name, value, "Unknown config name: ");
        } else if (!(row->flags & CONFIG_DYNAMIC)) {
            check_refused(CONFIG_OF_BROKER, row->name, value,
                          "Cannot update these configs dynamically: [");
        } else if (row->flags & CONFIG_PER_LISTENER) {
            check_refused(CONFIG_OF_BROKER, row->name, value, "using the listener prefix: [");
        } else if (row->flags & CONFIG_NO_EFFECT) {
            check_idle(CONFIG_OF_BROKER, row, row->name);
            idle++;
        } else {
            CHECK_INT(change(CONFIG_OF_BROKER, row->name, value), 0);
            if (!(row->flags & CONFIG_PER_BROKER))
                CHECK_INT(change(CONFIG_OF_ALL_BROKERS, row->name, value), 0);
            live++;
        }
        if (row->flags & CONFIG_PER_BROKER)
            check_refused(CONFIG_OF_ALL_BROKERS, row->name, value, "at default cluster level");
    }
    CHECK(live > 20 && idle > 40);
}

static void each_setting_of_topics_is_live_or_refused(void)
{
    size_t live = 0, idle = 0;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        const struct config_row *row = config_row(id);
        if (!row->topic_name)
            continue;
        if (row->flags & CONFIG_NO_EFFECT) {
            check_idle(CONFIG_OF_TOPIC, row, row->topic_name);
            idle++;
        } else {
            CHECK_INT(change(CONFIG_OF_TOPIC, row->topic_name, other_value(row)), 0);
            live++;
        }
    }
    CHECK(live > 20 && idle > 5);
}

static void refusals_are_told(void)
{
    check_refused(CONFIG_OF_TOPIC, "retention.ms", "x",
                  "retention.ms=x is not a whole number: write one from -1 upwards");
    check_refused(CONFIG_OF_TOPIC, "retention.m", "1",
                  "Unknown topic config name: retention.m (did you mean retention.ms?)");
    check_refused(CONFIG_OF_TOPIC, "x", "1", "Unknown topic config name: x");
    check_refused(CONFIG_OF_TOPIC, "remote.storage.enable", "true",
                  "remote.storage.enable can't be changed, for it would have no effect: tiered "
                  "storage is not available yet.");
    check_refused(CONFIG_OF_TOPIC, "cleanup.policy", "COMPACT", "cleanup.policy=COMPACT is not");
    check_refused(CONFIG_OF_TOPIC, "compression.type", "GZIP", "compression.type=GZIP is not");
    check_refused(CONFIG_OF_TOPIC, "message.timestamp.type", "logappendtime", "is not possible");
    check_refused(CONFIG_OF_TOPIC, "segment.bytes", "14", "out of range");
    check_refused(CONFIG_OF_TOPIC, "local.retention.ms", "-3", "out of range");
    check_refused(CONFIG_OF_TOPIC, "leader.replication.throttled.replicas", "abc", "write * or");
    check_refused(CONFIG_OF_BROKER, "max.conections", "1",
                  "Unknown config name: max.conections (did you mean max.connections?)");
    check_refused(CONFIG_OF_BROKER, "max.connections", "0", "max.connections=0 is out of range");
    check_refused(CONFIG_OF_ALL_BROKERS, "max.connections.per.ip", "0", "out of range");
    check_refused(CONFIG_OF_BROKER, "num.io.threads", "x", "num.io.threads=x is not a whole");
    check_refused(CONFIG_OF_BROKER, "listener.name.a.ssl.key.password", "hunter2",
                  "listener.name.a.ssl.key.password can't be changed, for it would have no effect: "
                  "TLS is not available yet.");
    check_refused(CONFIG_OF_BROKER, "listener.name.a.max.connections", "3",
                  "a listener has no settings of its own yet.");
    check_refused(CONFIG_OF_ALL_BROKERS, "listener.name.a.ssl.truststore.type", "JKS",
                  "Cannot update these configs at default cluster level, broker id must be "
                  "specified: [listener.name.a.ssl.truststore.type]");
}

static void right_values_are_taken(void)
{
    CHECK_INT(change(CONFIG_OF_TOPIC, "retention.ms", "0"), 0);
    CHECK_INT(change(CONFIG_OF_TOPIC, "retention.ms", " -1 "), 0);
    CHECK_INT(change(CONFIG_OF_TOPIC, "cleanup.policy", "delete,delete"), 0);
    CHECK_INT(change(CONFIG_OF_TOPIC, "cleanup.policy", ""), 0);
    CHECK_INT(change(CONFIG_OF_TOPIC, "internal.segment.bytes", "14"), 0);
    CHECK_INT(change(CONFIG_OF_TOPIC, "unclean.leader.election.enable", "TRUE"), 0);
    CHECK_INT(change(CONFIG_OF_TOPIC, "preallocate", "FALSE"), 0);
    CHECK_INT(change(CONFIG_OF_TOPIC, "local.retention.ms", "-2"), 0);
}

static void names_that_are_wrong_alike_are_told_together(void)
{
    static const char *const names[] = {"num.partitions", "max.connections", "broker.id",
                                        "no.such"};
    problem.len = 0;
    CHECK_INT(config_change_check_names(CONFIG_OF_BROKER, names, ARRAY_LEN(names), &problem),
              ERR_INVALID_REQUEST);
    CHECK_STR(buf_text(&problem),
              "Cannot update these configs dynamically: [num.partitions, broker.id]");
    problem.len = 0;
    CHECK_INT(config_change_check_names(CONFIG_OF_BROKER, &names[1], 1, &problem), 0);
    CHECK_INT(problem.len, 0);
}

/* Two that must not contradict each other, one of them in the file. */
static void values_fit_the_file(void)
{
    struct fixture f;
    check_ok(&f, "group.consumer.max.assignment.interval.ms=2000\n");
    CHECK_INT(config_check_fit(f.config, CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, "2000",
                               &f.problem),
              0);
    CHECK_INT(config_check_fit(f.config, CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, "2001",
                               &f.problem),
              ERR_INVALID_CONFIG);
    CHECK_STR(buf_text(&f.problem),
              "group.consumer.assignment.interval.ms=2001 is more than "
              "group.consumer.max.assignment.interval.ms=2000: lower the first or raise the "
              "second");
    unload(&f);
}

TAP_MAIN(TAP_TEST(each_setting_of_brokers_is_live_or_refused),
         TAP_TEST(each_setting_of_topics_is_live_or_refused), TAP_TEST(refusals_are_told),
         TAP_TEST(right_values_are_taken), TAP_TEST(names_that_are_wrong_alike_are_told_together),
         TAP_TEST(values_fit_the_file))
