/* Rules for new topics: which are taken, and how they are read. */
#include "config_fixture.h"

#include "config/config_policy.h"

static struct config_policy_rule rule;
static struct buf problem;

static int next(const char **policy)
{
    problem.len = 0;
    return config_policy_next(policy, &rule, &problem);
}

static void check_rule(const char *text, enum config_policy_subject subject,
                       enum config_policy_relation relation, double number, const char *words)
{
    CHECK_INT(next(&text), 1);
    CHECK_INT(rule.subject, subject);
    CHECK_INT(rule.relation, relation);
    CHECK(rule.number == number);
    CHECK((rule.text != NULL) == (words != NULL));
    CHECK(!words || (strlen(words) == rule.text_len && !memcmp(words, rule.text, rule.text_len)));
    CHECK_INT(next(&text), 0);
}

static void rules_are_read(void)
{
    check_rule("partitions<=100", CONFIG_POLICY_PARTITIONS, CONFIG_POLICY_AT_MOST, 100, NULL);
    check_rule(" replication.factor >= 3 ;", CONFIG_POLICY_REPLICATION_FACTOR,
               CONFIG_POLICY_AT_LEAST, 3, NULL);
    check_rule("name = a-*|b-?", CONFIG_POLICY_NAME, CONFIG_POLICY_IS, 0, "a-*|b-?");
    check_rule("config.retention.ms<=604800000", CONFIG_POLICY_CONFIG, CONFIG_POLICY_AT_MOST,
               604800000, NULL);
    CHECK_INT(rule.id, CONFIG_LOG_RETENTION_MS);
    check_rule("config.min.cleanable.dirty.ratio<=0.5", CONFIG_POLICY_CONFIG, CONFIG_POLICY_AT_MOST,
               0.5, NULL);
    check_rule("config.cleanup.policy=compact", CONFIG_POLICY_CONFIG, CONFIG_POLICY_IS, 0,
               "compact");
    check_rule("given.retention.ms", CONFIG_POLICY_GIVEN, CONFIG_POLICY_AT_LEAST, 0, NULL);
    const char *none = " ; ", *two = "partitions<=3;partitions>=2";
    CHECK_INT(next(&none), 0);
    CHECK_INT(next(&two), 1);
    CHECK_INT(next(&two), 1);
    CHECK_INT(rule.relation, CONFIG_POLICY_AT_LEAST);
    CHECK_INT(next(&two), 0);
}

static void check_refused(const char *text, const char *words)
{
    struct fixture f;
    struct buf file;
    buf_init(&file);
    buf_printf(&file, "create.topic.policy=%s\n", text);
    load(&f, buf_text(&file));
    CHECK_INT(f.err, ERR_INVALID);
    if (!strstr(buf_text(&f.problem), words))
        printf("# %s\n", buf_text(&f.problem));
    CHECK(strstr(buf_text(&f.problem), "s.properties line 1: create.topic.policy"));
    CHECK(strstr(buf_text(&f.problem), words));
    unload(&f);
    buf_close(&file);
}

static void slips_stop_the_start(void)
{
    struct buf many;
    check_refused("partition<=1", "the rule \"partition<=1\" is about nothing that is known");
    check_refused("config.retention<=1", "is about nothing that is known");
    check_refused("partitions", "the rule \"partitions\" has no value: write <=, >= or = and one");
    check_refused("partitions<5", "has no value");
    check_refused("partitions<=", "has no value");
    check_refused("partitions<=many", "needs a number");
    check_refused("name>=a", "compares no numbers: write =");
    check_refused("config.cleanup.policy<=delete", "compares no numbers");
    check_refused("given.retention.ms=1", "has no value: write given.SETTING");
    buf_init(&many);
    for (int i = 0; i <= CONFIG_POLICY_RULES_MAX; i++)
        buf_printf(&many, "partitions<=%d;", i + 1);
    check_refused(buf_text(&many), "has 101 rules, and may have 100");
    buf_close(&many);
}

static void classes_are_told_where_to_write_rules(void)
{
    static const char *const names[] = {"create.topic.policy.class.name=org.example.Policy\n",
                                        "alter.config.policy.class.name=org.example.Policy\n"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct fixture f;
        load(&f, names[i]);
        CHECK_INT(f.err, ERR_UNSUPPORTED);
        CHECK(strstr(buf_text(&f.problem), "create.topic.policy"));
        CHECK(
            strstr(strstr(buf_text(&f.problem), "org.example.Policy"), "in create.topic.policy."));
        unload(&f);
    }
    buf_close(&problem);
}

TAP_MAIN(TAP_TEST(rules_are_read), TAP_TEST(slips_stop_the_start),
         TAP_TEST(classes_are_told_where_to_write_rules))
