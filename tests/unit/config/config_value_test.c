/* Values of settings: what is taken, what is refused and how that is said, and the normal form. And
 * what the end of a name with a listener's prefix tells. */
#include "config_fixture.h"

/* What would check clients in Kafka is not left out in silence. */
static void guards_are_refused(void)
{
    struct fixture f;
    check_problem("create.topic.policy.class.name=a.B\n", ERR_UNSUPPORTED,
                  "s.properties line 1: create.topic.policy.class.name=a.B: New topics can't be "
                  "checked by a Java class: write its rules in create.topic.policy.");
    check_problem("alter.config.policy.class.name=a.B\n", ERR_UNSUPPORTED,
                  "s.properties line 1: alter.config.policy.class.name=a.B: Changes of settings "
                  "can't be checked by a Java class: remove the setting. What new topics must "
                  "keep can be written in create.topic.policy.");
    check_problem("client.quota.callback.class=a.B\n", ERR_UNSUPPORTED,
                  "s.properties line 1: client.quota.callback.class=a.B: No class decides about "
                  "quotas: remove the setting.");
    check_problem("max.connections.per.ip.overrides=localhost:5\n", ERR_INVALID,
                  "s.properties line 1: max.connections.per.ip.overrides=localhost:5 is not "
                  "possible: write address:number,address:number,... with IP addresses, 1000 at "
                  "most; no names, since they would have to be looked up for each connection");
    check_ok(&f, "max.connections.per.ip.overrides= 10.0.0.1:5, ::1:0\n");
    unload(&f);
    check_ok(&f, "authorizer.class.name=\ncreate.topic.policy.class.name=\n");
    unload(&f);
}

/* Names that came with Kafka 4, and values that change nothing, but must be values. */
static void settings_without_effect_are_checked(void)
{
    struct fixture f;
    check_ok(&f, "config.providers=\ncontroller.quorum.fetch.max.bytes=1048576\n"
                 "controller.quorum.fetch.snapshot.max.bytes=1048576\n"
                 "follower.fetch.last.tiered.offset.enable=false\nadvertised.port=1\n"
                 "listener.name.external.ssl.keystore.password=hunter2\n"
                 "listener.name.external.max.connections=7\nrsm.config.a=b\nssl.of.tomorrow=1\n");
    CHECK(strstr(buf_text(&f.notes), "hunter2") == NULL);
    CHECK(strstr(buf_text(&f.notes), "no effect: controller.quorum.fetch."
                                     "max.bytes, controller.quorum.fetch.snapshot.max.bytes, "
                                     "follower.fetch.last.tiered.offset.enable, "
                                     "listener.name.external.ssl.keystore.password, "
                                     "listener.name.external.max.connections, rsm.config.a, "
                                     "ssl.of.tomorrow\n"));
    unload(&f);
    check_problem("num.io.threads=abc\n", ERR_INVALID,
                  "s.properties line 1: num.io.threads=abc is not a whole number: write one from "
                  "1 to 2147483647");
    check_problem("transaction.state.log.min.isr=0\n", ERR_INVALID,
                  "s.properties line 1: transaction.state.log.min.isr=0 is out of range: write a "
                  "number from 1 to 2147483647");
    check_problem("ssl.client.auth=maybe\n", ERR_INVALID,
                  "s.properties line 1: ssl.client.auth=maybe is not possible: write required, "
                  "requested or none");
    check_problem("listener.name.a.max.connections=x\n", ERR_INVALID,
                  "s.properties line 1: listener.name.a.max.connections=x is not a whole number: "
                  "write one from 1 to 2147483647");
    check_problem("remote.log.storage.system.enable=yes\n", ERR_INVALID,
                  "s.properties line 1: remote.log.storage.system.enable=yes is not possible: "
                  "write true or false");
}

static void only_log_directories_are_cordoned(void)
{
    static const char *const right[] = {"", " ", "*", "/a", "/b , /a/", "/b/,/b"};
    struct fixture f;
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        text.len = 0;
        buf_printf(&text, "log.dirs=/a,/b/\ncordoned.log.dirs=%s\n", right[i]);
        check_ok(&f, buf_text(&text));
        unload(&f);
    }
    buf_close(&text);
    check_problem("log.dirs=/a,/b\ncordoned.log.dirs=/a,/c\n", ERR_INVALID,
                  "s.properties line 2: cordoned.log.dirs=/a,/c is not possible: /c is not in "
                  "log.dirs: name directories that are, or * for all");
    check_problem("log.dir=/a\ncordoned.log.dirs=*,/a\n", ERR_INVALID,
                  "s.properties line 2: cordoned.log.dirs=*,/a is not possible: * means all and "
                  "stands alone");
}

/* The words of Kafka are spelled as they are there, and lists have neither gaps nor doubles. */
static void words_and_lists_are_exact(void)
{
    struct fixture f;
    check_problem("log.cleanup.policy=COMPACT\n", ERR_INVALID,
                  "s.properties line 1: log.cleanup.policy=COMPACT is not possible: write compact "
                  "or delete");
    check_problem("compression.type=none\n", ERR_INVALID,
                  "s.properties line 1: compression.type=none is not possible: write producer, "
                  "uncompressed, gzip, snappy, lz4 or zstd");
    check_problem("log.message.timestamp.type=logappendtime\n", ERR_INVALID,
                  "s.properties line 1: log.message.timestamp.type=logappendtime is not possible: "
                  "write CreateTime or LogAppendTime");
    check_problem("log.cleanup.policy=delete,\n", ERR_INVALID,
                  "s.properties line 1: log.cleanup.policy=delete, has an empty element: remove a "
                  "comma");
    check_problem("process.roles=\n", ERR_INVALID,
                  "s.properties line 1: process.roles is empty: write a value, or remove the "
                  "setting");
    check_problem("log.segment.bytes=1048575\n", ERR_INVALID,
                  "s.properties line 1: log.segment.bytes=1048575 is out of range: write a number "
                  "from 1048576 to 2147483647");
    check_problem("compression.gzip.level=0\n", ERR_INVALID,
                  "s.properties line 1: compression.gzip.level=0 is out of range: write -1 (the "
                  "default) or a number from 1 to 9");
    check_ok(&f, "log.cleanup.policy=delete,delete\n");
    unload(&f);
    check_ok(&f, "log.cleanup.policy=\ngroup.consumer.migration.policy=Upgrade\n"
                 "log.retention.bytes=+7\ninternal.segment.bytes=99\n");
    CHECK_INT(config_int(f.config, CONFIG_LOG_RETENTION_BYTES), 7);
    CHECK_INT(config_int(f.config, CONFIG_INTERNAL_SEGMENT_BYTES), 99);
    unload(&f);
}

static void check_normal(enum config_id id, const char *value, const char *normal)
{
    struct buf out;
    buf_init(&out);
    config_normal(config_row(id), value, &out);
    CHECK_STR(buf_text(&out), normal);
    buf_close(&out);
}

static void values_have_a_normal_form(void)
{
    check_normal(CONFIG_UNCLEAN_LEADER_ELECTION_ENABLE, " TRUE ", "true");
    check_normal(CONFIG_LOG_RETENTION_BYTES, " +007", "7");
    check_normal(CONFIG_LOG_RETENTION_BYTES, "-1", "-1");
    check_normal(CONFIG_LOG_CLEANUP_POLICY, "compact , delete", "compact,delete");
    check_normal(CONFIG_LOG_CLEANUP_POLICY, "delete,delete", "delete");
    check_normal(CONFIG_LOG_CLEANUP_POLICY, "", "");
    check_normal(CONFIG_LEADER_REPLICATION_THROTTLED_REPLICAS, "0:1 ,0:1", "0:1,0:1");
    check_normal(CONFIG_COMPRESSION_TYPE, " gzip ", "gzip");
    check_normal(CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO, ".50", "0.5");
    check_normal(CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO, "1", "1.0");
    check_normal(CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO, "0", "0.0");
    check_normal(CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO, "1e-5", "1.0E-5");
    check_normal(CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO, "0.00123", "0.00123");
    check_normal(CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO, "0.1", "0.1");
    check_normal(CONFIG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, "1.7976931348623157E308",
                 "1.7976931348623157E308");
    check_normal(CONFIG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, "123456.5", "123456.5");
    check_normal(CONFIG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, "100", "100.0");
    check_normal(CONFIG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, "12345678", "1.2345678E7");
}

static void check_base(const char *name, enum config_id id, bool listener)
{
    bool found;
    CHECK_INT(config_find_base(name, &found), id);
    CHECK_INT(found, listener);
}

static void a_listeners_setting_is_known_by_its_end(void)
{
    check_base("max.connections", CONFIG_MAX_CONNECTIONS, false);
    check_base("listener.name.a.max.connections", CONFIG_MAX_CONNECTIONS, true);
    check_base("listener.name.a.ssl.key.password", CONFIG_SSL_KEY_PASSWORD, true);
    check_base("listener.name.a.plain.sasl.jaas.config", CONFIG_SASL_JAAS_CONFIG, true);
    check_base("listener.name.a.plain.max.connections", CONFIG_COUNT, true);
    check_base("listener.name.a.", CONFIG_COUNT, true);
    check_base("listener.name.a", CONFIG_COUNT, false);
    check_base("listener.name.", CONFIG_COUNT, false);
    check_base("listener", CONFIG_COUNT, false);
    check_base("retention.ms", CONFIG_COUNT, false);
}

TAP_MAIN(TAP_TEST(guards_are_refused), TAP_TEST(settings_without_effect_are_checked),
         TAP_TEST(only_log_directories_are_cordoned), TAP_TEST(words_and_lists_are_exact),
         TAP_TEST(values_have_a_normal_form), TAP_TEST(a_listeners_setting_is_known_by_its_end))
