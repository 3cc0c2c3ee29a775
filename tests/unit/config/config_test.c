/* The table of settings: defaults, units, derived addresses, Kafka's own files, every sentence. */
#include "config_fixture.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#include "env/env.h"

#define CHECK_LISTENER(listener, e_name, e_host, e_port, e_adv_host, e_adv_port)                   \
    do {                                                                                           \
        CHECK_STR((listener).name, e_name);                                                        \
        CHECK_STR((listener).host, e_host);                                                        \
        CHECK_INT((listener).port, e_port);                                                        \
        CHECK_INT((listener).security, 0);                                                         \
        CHECK_STR((listener).advertised_host, e_adv_host);                                         \
        CHECK_INT((listener).advertised_port, e_adv_port);                                         \
    } while (0)

static void ids_are_spelled_like_their_names(void)
{
#define CHECK_ID(row_id, row_name, ...)                                                            \
    {                                                                                              \
        char upper[128];                                                                           \
        snprintf(upper, sizeof(upper), "%s", row_name);                                            \
        for (char *c = upper; *c; c++)                                                             \
            *c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);                               \
        CHECK_STR(#row_id, upper);                                                                 \
    }
    CONFIG_LIST(CHECK_ID)
#undef CHECK_ID
}

static void rows_accept_their_own_defaults(void)
{
    struct buf problem;
    buf_init(&problem);
    for (unsigned i = 0; i < CONFIG_COUNT; i++) {
        const struct config_row *row = config_row((enum config_id)i);
        size_t len = strlen(row->doc);
        CHECK(len > 0 && row->doc[len - 1] == '.');
        if (row->default_text)
            CHECK_INT(config_check_value(row, row->name, row->default_text, &problem), 0);
        if (!(row->flags & CONFIG_TOPIC_ONLY))
            CHECK_INT(config_find(row->name), i);
        if (row->topic_name)
            CHECK_INT(config_find_topic(row->topic_name), i);
    }
    buf_close(&problem);
}

static void an_empty_file_is_a_single_node(void)
{
    struct fixture f;
    int count;
    check_ok(&f, "");
    CHECK_INT(config_node_id(f.config), 0);
    CHECK_INT(config_roles(f.config), CONFIG_ROLE_BROKER | CONFIG_ROLE_CONTROLLER);
    const struct config_listener *listeners = config_listeners(f.config, &count);
    CHECK_INT(count, 1);
    CHECK_LISTENER(listeners[0], "PLAINTEXT", "", 9092, "localhost", 9092);
    CHECK(config_inter_broker_listener(f.config) == listeners);
    CHECK_STR(buf_text(&f.notes), "s.properties: clients are told PLAINTEXT://localhost:9092: set "
                                  "advertised.listeners to be reached from other hosts\n");
    config_voters(f.config, &count);
    CHECK_INT(count, 0);
    CHECK_INT(config_controller_listener(f.config)->port, 19092);
    CHECK_STR(config_controller_listener(f.config)->host, "localhost");
    CHECK_STR(config_log_dirs(f.config, &count)[0], "/tmp/kafka-logs");
    CHECK_INT(count, 1);
    unload(&f);
}

static void defaults_are_kafkas(void)
{
    struct fixture f;
    check_ok(&f, "");
    CHECK_INT(config_int(f.config, CONFIG_LOG_SEGMENT_BYTES), 1 << 30);
    CHECK_INT(config_int(f.config, CONFIG_LOG_RETENTION_MS), 604800000);
    CHECK_INT(config_int(f.config, CONFIG_LOG_ROLL_MS), 604800000);
    CHECK_INT(config_int(f.config, CONFIG_LOG_ROLL_JITTER_MS), 0);
    CHECK_INT(config_int(f.config, CONFIG_LOG_FLUSH_INTERVAL_MS), INT64_MAX);
    CHECK_INT(config_int(f.config, CONFIG_LOG_FLUSH_INTERVAL_MESSAGES), 1);
    CHECK_INT(config_int(f.config, CONFIG_MESSAGE_MAX_BYTES), 1048588);
    CHECK_INT(config_int(f.config, CONFIG_MIN_INSYNC_REPLICAS), 1);
    CHECK_INT(config_int(f.config, CONFIG_CONNECTIONS_MAX_IDLE_MS), 600000);
    CHECK(config_bool(f.config, CONFIG_AUTO_CREATE_TOPICS_ENABLE));
    CHECK(!config_bool(f.config, CONFIG_UNCLEAN_LEADER_ELECTION_ENABLE));
    CHECK(config_double(f.config, CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO) == 0.5);
    CHECK_STR(config_str(f.config, CONFIG_LOG_CLEANUP_POLICY), "delete");
    CHECK_STR(config_str(f.config, CONFIG_BROKER_RACK), "");
    CHECK(!config_is_set(f.config, CONFIG_NUM_PARTITIONS));
    unload(&f);
}

static void older_units_count_when_the_newer_are_silent(void)
{
    struct fixture f;
    check_ok(&f, "log.retention.hours=2\nlog.roll.hours=3\nlog.roll.jitter.hours=1\n");
    CHECK_INT(config_int(f.config, CONFIG_LOG_RETENTION_MS), 7200000);
    CHECK_INT(config_int(f.config, CONFIG_LOG_ROLL_MS), 10800000);
    CHECK_INT(config_int(f.config, CONFIG_LOG_ROLL_JITTER_MS), 3600000);
    unload(&f);
    check_ok(&f, "log.retention.hours=2\nlog.retention.minutes=5\n");
    CHECK_INT(config_int(f.config, CONFIG_LOG_RETENTION_MS), 300000);
    unload(&f);
    check_ok(&f,
             "log.retention.ms=7\nlog.retention.minutes=5\nlog.flush.scheduler.interval.ms=9\n");
    CHECK_INT(config_int(f.config, CONFIG_LOG_RETENTION_MS), 7);
    CHECK_INT(config_int(f.config, CONFIG_LOG_FLUSH_INTERVAL_MS), 9);
    unload(&f);
    check_ok(&f, "log.retention.hours=-1\n");
    CHECK_INT(config_int(f.config, CONFIG_LOG_RETENTION_MS), -1);
    unload(&f);
}

static void three_brokers_on_one_machine(void)
{
    struct fixture f;
    int count;
    check_ok(&f,
             "broker.id=1\nport=9093\nlog.dirs=/a, /b/,/a/\nnum.partitions=4\n"
             "controller.quorum.voters=0@localhost:19092,1@localhost:19093,2@localhost:19094\n");
    CHECK_INT(config_node_id(f.config), 1);
    const struct config_voter *voters = config_voters(f.config, &count);
    CHECK_INT(count, 3);
    CHECK_INT(voters[2].id, 2);
    CHECK_STR(voters[2].host, "localhost");
    CHECK_INT(voters[2].port, 19094);
    CHECK_INT(config_controller_listener(f.config)->port, 19093);
    CHECK_LISTENER(config_listeners(f.config, &count)[0], "PLAINTEXT", "", 9093, "localhost", 9093);
    CHECK_STR(config_log_dirs(f.config, &count)[1], "/b");
    CHECK_INT(count, 2);
    CHECK_INT(config_int(f.config, CONFIG_NUM_PARTITIONS), 4);
    CHECK(config_is_set(f.config, CONFIG_NUM_PARTITIONS));
    CHECK_STR(buf_text(&f.notes), "");
    unload(&f);
    /* A node that is no voter is a broker only. */
    check_ok(&f, "broker.id=7\ncontroller.quorum.voters=0@a:19092\n");
    CHECK_INT(config_roles(f.config), CONFIG_ROLE_BROKER);
    CHECK(config_controller_listener(f.config) == NULL);
    CHECK(strstr(buf_text(&f.notes), "node 7 is not in controller.quorum.voters") != NULL);
    unload(&f);
    /* What the others are told and where it listens need not agree, but mostly should. */
    check_ok(&f, "node.id=0\ncontroller.quorum.voters=0@a:19092\ncontroller.listener.names=C\n"
                 "listeners=PLAINTEXT://:9092,C://:19093\n");
    CHECK(strstr(buf_text(&f.notes), "port 19093 (listeners)") != NULL);
    CHECK_INT(config_controller_listener(f.config)->port, 19093);
    unload(&f);
}

/* The settings of the file that Kafka 4 ships as config/server.properties. */
static void kafkas_kraft_file_starts(void)
{
    struct fixture f;
    int count;
    check_ok(&f, "process.roles=broker,controller\nnode.id=1\n"
                 "controller.quorum.bootstrap.servers=localhost:9093\n"
                 "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\n"
                 "inter.broker.listener.name=PLAINTEXT\n"
                 "advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n"
                 "controller.listener.names=CONTROLLER\n"
                 "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,"
                 "SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL\n"
                 "num.network.threads=3\nnum.io.threads=8\nsocket.send.buffer.bytes=102400\n"
                 "socket.receive.buffer.bytes=102400\nsocket.request.max.bytes=104857600\n"
                 "log.dirs=/tmp/kraft-combined-logs\nnum.partitions=1\n"
                 "num.recovery.threads.per.data.dir=1\noffsets.topic.replication.factor=1\n"
                 "share.coordinator.state.topic.replication.factor=1\n"
                 "share.coordinator.state.topic.min.isr=1\n"
                 "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
                 "log.retention.hours=168\nlog.segment.bytes=1073741824\n"
                 "log.retention.check.interval.ms=300000\n");
    CHECK_INT(config_node_id(f.config), 1);
    CHECK_LISTENER(config_listeners(f.config, &count)[0], "PLAINTEXT", "", 9092, "localhost", 9092);
    CHECK_INT(count, 1);
    CHECK_INT(config_controller_listener(f.config)->port, 9093);
    config_voters(f.config, &count);
    CHECK_INT(count, 0);
    CHECK_STR(
        buf_text(&f.notes),
        "s.properties: accepted, no effect: num.network.threads, num.io.threads, "
        "socket.send.buffer.bytes, socket.receive.buffer.bytes, "
        "num.recovery.threads.per.data.dir, share.coordinator.state.topic.replication.factor, "
        "share.coordinator.state.topic.min.isr\n");
    unload(&f);
}

/* The lowest of the bootstrap servers founds the quorum; the others find it there. */
static void bootstrap_servers_are_told_from_this_node(void)
{
    struct fixture f;
    int count;
    check_ok(&f, "broker.id=1\nlisteners=PLAINTEXT://:9093\n"
                 "controller.quorum.bootstrap.servers=localhost:19092,127.0.0.1:19093\n");
    CHECK_INT(config_roles(f.config), CONFIG_ROLE_BROKER | CONFIG_ROLE_CONTROLLER);
    (void)config_voters(f.config, &count);
    CHECK_INT(count, 0);
    (void)config_bootstrap(f.config, &count);
    CHECK_INT(count, 2);
    CHECK(!config_bootstrap_is_self(f.config, 0));
    CHECK(config_bootstrap_is_self(f.config, 1));
    CHECK_STR(config_controller_listener(f.config)->host, "localhost");
    unload(&f);
    check_ok(&f, "broker.id=1\ncontroller.quorum.bootstrap.servers=other:19092\n");
    CHECK(!config_bootstrap_is_self(f.config, 0));
    CHECK_STR(config_controller_listener(f.config)->host, "");
    unload(&f);
}

static void the_lowest_bootstrap_server_founds(void)
{
    static const char *const lists[] = {"a:9,b:8,c:7", "c:7,b:8,a:9", "B:8,c:7,A:9"};
    struct fixture f;
    char text[160];
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        snprintf(text, sizeof(text), "controller.quorum.bootstrap.servers=%s\n", lists[i]);
        check_ok(&f, text);
        int count;
        const struct config_voter *all = config_bootstrap(f.config, &count);
        CHECK_INT(all[config_bootstrap_founder(f.config)].port, 9);
        unload(&f);
    }
    CHECK(config_address_compare("localhost", 10000, "127.0.0.1", 9999) > 0);
    CHECK(config_address_compare("localhost", 9, "LOCALHOST", 9) == 0);
    CHECK(config_address_compare("a", 9, "localhost", 9) > 0);
}

/* Nodes with the template's ports find each other though nothing names them. */
static void bootstrap_servers_are_supposed(void)
{
    struct fixture f;
    int count;
    check_ok(&f, "broker.id=1\nport=9093\n");
    CHECK(config_bootstrap_supposed(f.config));
    const struct config_voter *all = config_bootstrap(f.config, &count);
    CHECK_INT(count, 3);
    CHECK_INT(all[config_bootstrap_founder(f.config)].port, 19092);
    CHECK(config_bootstrap_is_self(f.config, 1));
    CHECK_STR(config_controller_listener(f.config)->host, "localhost");
    unload(&f);
    check_ok(&f, "controller.quorum.bootstrap.servers=\n");
    CHECK(!config_bootstrap_supposed(f.config));
    (void)config_bootstrap(f.config, &count);
    CHECK_INT(count, 0);
    CHECK_INT(config_bootstrap_founder(f.config), -1);
    unload(&f);
}

/* As Kafka 4 ships broker.properties and controller.properties: neither names voters. */
static void kafkas_pair_of_files_starts(void)
{
    struct fixture f;
    int count;
    check_ok(&f, "process.roles=broker\nnode.id=2\n"
                 "controller.quorum.bootstrap.servers=localhost:9093, other:9094\n"
                 "listeners=PLAINTEXT://localhost:9092\n"
                 "controller.listener.names=CONTROLLER\n");
    CHECK_INT(config_roles(f.config), CONFIG_ROLE_BROKER);
    const struct config_voter *voters = config_bootstrap(f.config, &count);
    CHECK_INT(count, 2);
    CHECK_INT(voters[1].id, CONFIG_NO_ID);
    CHECK_STR(voters[1].host, "other");
    CHECK_INT(voters[1].port, 9094);
    unload(&f);
    check_ok(&f, "process.roles=controller\nnode.id=1\n"
                 "controller.quorum.bootstrap.servers=localhost:9093\n"
                 "listeners=CONTROLLER://:9093\nadvertised.listeners=CONTROLLER://localhost:9093\n"
                 "controller.listener.names=CONTROLLER\n");
    CHECK_INT(config_roles(f.config), CONFIG_ROLE_CONTROLLER);
    config_voters(f.config, &count);
    CHECK_INT(count, 0);
    unload(&f);
}

/* The settings of the file that Kafka 2.1 shipped. */
static void kafkas_zookeeper_file_starts(void)
{
    struct fixture f;
    int count;
    check_ok(&f, "broker.id=0\nnum.network.threads=3\nnum.io.threads=8\n"
                 "socket.send.buffer.bytes=102400\nsocket.receive.buffer.bytes=102400\n"
                 "socket.request.max.bytes=104857600\nlog.dirs=/tmp/kafka-logs\nnum.partitions=1\n"
                 "num.recovery.threads.per.data.dir=1\noffsets.topic.replication.factor=1\n"
                 "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
                 "log.retention.hours=168\nlog.segment.bytes=1073741824\n"
                 "log.retention.check.interval.ms=300000\nzookeeper.connect=localhost:2181\n"
                 "zookeeper.connection.timeout.ms=6000\ngroup.initial.rebalance.delay.ms=0\n");
    CHECK_INT(config_int(f.config, CONFIG_GROUP_INITIAL_REBALANCE_DELAY_MS), 0);
    CHECK(strstr(buf_text(&f.notes), "zookeeper.connect") != NULL);
    unload(&f);
    check_ok(&f, "host.name=10.0.0.1\nport=9192\nadvertised.host.name=a.example\n"
                 "advertised.port=29092\n");
    CHECK_LISTENER(config_listeners(f.config, &count)[0], "PLAINTEXT", "10.0.0.1", 9192,
                   "a.example", 29092);
    unload(&f);
}

static void listeners_take_names_and_addresses(void)
{
    struct fixture f;
    int count;
    check_ok(&f, "listeners=internal://[::1]:9092 , EXTERNAL://0.0.0.0:9093\n"
                 "listener.security.protocol.map=INTERNAL:PLAINTEXT,external:plaintext\n"
                 "advertised.listeners=EXTERNAL://k.example:30000\n"
                 "inter.broker.listener.name=EXTERNAL\n");
    const struct config_listener *listeners = config_listeners(f.config, &count);
    CHECK_INT(count, 2);
    CHECK_LISTENER(listeners[0], "INTERNAL", "::1", 9092, "::1", 9092);
    CHECK_LISTENER(listeners[1], "EXTERNAL", "", 9093, "k.example", 30000);
    CHECK(config_inter_broker_listener(f.config) == &listeners[1]);
    unload(&f);
    check_ok(&f, "broker.id=1\nport=0\ncontroller.quorum.voters=1@localhost:19092\n");
    CHECK_INT(config_listeners(f.config, &count)[0].port, 0);
    CHECK_INT(config_controller_listener(f.config)->port, 19092);
    unload(&f);
    check_ok(&f, "port=60000\n");
    CHECK_INT(config_controller_listener(f.config)->port, 50000);
    unload(&f);
    check_ok(&f, "process.roles=controller\nnode.id=4\nlisteners=C://:9093\n"
                 "controller.listener.names=C\ncontroller.quorum.voters=4@h:9093\n");
    config_listeners(f.config, &count);
    CHECK_INT(count, 0);
    CHECK(config_inter_broker_listener(f.config) == NULL);
    unload(&f);
}

static void levels_of_the_log_are_read(void)
{
    struct fixture f;
    struct logger_levels levels;
    check_ok(&f, "logger.level=WARN\nlogger.levels=controller=ERROR, controller.raft = DEBUG\n");
    config_logger_levels(f.config, &levels);
    CHECK_INT(logger_levels_get(&levels, LOGGER_BROKER_LOG), LOGGER_WARN);
    CHECK_INT(logger_levels_get(&levels, LOGGER_CONTROLLER_PEER), LOGGER_ERROR);
    CHECK_INT(logger_levels_get(&levels, LOGGER_CONTROLLER_RAFT), LOGGER_DEBUG);
    unload(&f);
    check_problem("\nlogger.levels=broker.log\n", ERR_INVALID,
                  "s.properties line 2: logger.levels: broker.log: write it as area=LEVEL, where "
                  "LEVEL is one of TRACE DEBUG INFO WARN ERROR FATAL");
}

static void bad_values_are_told(void)
{
    check_problem(
        "\nnum.partitions=many\n", ERR_INVALID,
        "s.properties line 2: num.partitions=many is not a whole number: write one from 1 "
        "to 2147483647");
    check_problem("broker.id=1\nlisteners=PLAINTEXT://127.0.0.1:0\n", ERR_INVALID,
                  "s.properties line 2: listeners: other controllers, and this one after a "
                  "restart, are told the "
                  "controller's port, so it can't be 0: add CONTROLLER://localhost:9093 to "
                  "listeners, with a port that is free");
    check_problem("num.partitions=0\n", ERR_INVALID,
                  "s.properties line 1: num.partitions=0 is out of range: write a number from 1 to "
                  "2147483647");
    check_problem("log.retention.bytes=99999999999999999999\n", ERR_INVALID,
                  "s.properties line 1: log.retention.bytes=99999999999999999999 is not a whole "
                  "number: write one from -1 upwards");
    check_problem(
        "log.retention.ms=0\n", ERR_INVALID,
        "s.properties line 1: log.retention.ms=0 is out of range: write -1 (keep for ever) "
        "or a number from 1");
    check_problem(
        "auto.create.topics.enable=yes\n", ERR_INVALID,
        "s.properties line 1: auto.create.topics.enable=yes is not possible: write true or "
        "false");
    check_problem(
        "log.cleanup.policy=compact,keep\n", ERR_INVALID,
        "s.properties line 1: log.cleanup.policy=compact,keep is not possible: write compact "
        "or delete");
    check_problem("log.cleanup.policy=comp\n", ERR_INVALID,
                  "s.properties line 1: log.cleanup.policy=comp is not possible: write compact "
                  "or delete");
    check_problem(
        "log.cleaner.min.cleanable.ratio=1.5\n", ERR_INVALID,
        "s.properties line 1: log.cleaner.min.cleanable.ratio=1.5 is out of range: write a "
        "number from 0 to 1");
    check_problem("broker.session.timeout.ms=300\n", ERR_INVALID,
                  "s.properties line 1: broker.heartbeat.interval.ms=200 is more than half of "
                  "broker.session.timeout.ms=300: lower the first or raise the second");
    check_problem("queued.max.request.bytes=1000\n", ERR_INVALID,
                  "s.properties line 1: socket.request.max.bytes=104857600 is more than "
                  "queued.max.request.bytes=1000: lower the first or raise the second");
    check_problem("group.consumer.assignment.interval.ms=20000\n", ERR_INVALID,
                  "s.properties line 1: group.consumer.assignment.interval.ms=20000 is more than "
                  "group.consumer.max.assignment.interval.ms=15000: lower the first or raise the "
                  "second");
    check_problem("security.inter.broker.protocol=SASL_SSL\n", ERR_UNSUPPORTED,
                  "s.properties line 1: security.inter.broker.protocol=SASL_SSL is not available "
                  "yet: use PLAINTEXT");
}

static void unknown_settings_are_told(void)
{
    check_problem("broker.id=1\nlog.segmnt.bytes=5\n", ERR_UNKNOWN_OPTION,
                  "s.properties line 2: log.segmnt.bytes is not a known setting: did you mean "
                  "log.segment.bytes?");
    check_problem(
        "something.else.entirely=1\n", ERR_UNKNOWN_OPTION,
        "s.properties line 1: something.else.entirely is not a known setting: remove it, or "
        "check how it is spelled");
    check_problem("follower.replication.throttled.replicas=*\n", ERR_UNKNOWN_OPTION,
                  "s.properties line 1: follower.replication.throttled.replicas is not a known "
                  "setting: did you mean follower.replication.throttled.rate?");
    check_problem(
        "authorizer.class.name=kafka.security.authorizer.AclAuthorizer\n", ERR_UNSUPPORTED,
        "s.properties line 1: authorizer.class.name=kafka.security.authorizer.AclAuthorizer: "
        "Access control is not available yet: remove the setting, and let only trusted hosts "
        "reach the listeners.");
}

/* The newest names of Kafka that change nothing here; what is not done is said, too. */
static void names_without_effect_are_said(void)
{
    struct fixture f;
    check_ok(&f, "transaction.state.log.load.buffer.size=20\n"
                 "share.fetch.purgatory.purge.interval.requests=1000\n"
                 "replica.fetch.backoff.ms=1000\nnum.partitions=1\n");
    CHECK_STR(buf_text(&f.notes),
              "s.properties: accepted, no effect: transaction.state.log.load.buffer.size, "
              "share.fetch.purgatory.purge.interval.requests, replica.fetch.backoff.ms\n"
              "s.properties: clients are told PLAINTEXT://localhost:9092: set "
              "advertised.listeners to be reached from other hosts\n");
    unload(&f);
}

static void an_override_wins_and_is_named(void)
{
    struct fixture f;
    props_init(&f.props);
    buf_init(&f.problem);
    buf_init(&f.notes);
    f.config = NULL;
    int line;
    CHECK_INT(props_parse(&f.props, "port=1\n", 7, &line), 0);
    props_set(&f.props, "port", "9999");
    CHECK_INT(config_new(&f.props, "s.properties", &f.problem, &f.notes, &f.config), 0);
    CHECK_INT(config_int(f.config, CONFIG_PORT), 9999);
    config_free(f.config);
    f.config = NULL;
    props_set(&f.props, "port", "x");
    CHECK_INT(config_new(&f.props, "s.properties", &f.problem, &f.notes, &f.config), ERR_INVALID);
    CHECK_STR(buf_text(&f.problem), "--override (of s.properties): port=x is not a whole number: "
                                    "write one from 0 to 65535");
    unload(&f);
}

static void bad_addresses_are_told(void)
{
    check_problem("listeners=:9092\n", ERR_INVALID,
                  "s.properties line 1: listeners: :9092 is not an address: write it as "
                  "NAME://host:port, such as PLAINTEXT://localhost:9092");
    check_problem(
        "listeners=PLAINTEXT://:70000\n", ERR_INVALID,
        "s.properties line 1: listeners: PLAINTEXT://:70000 is not an address: write it as "
        "NAME://host:port, such as PLAINTEXT://localhost:9092");
    check_problem(
        "listeners=PLAINTEXT://:9092,SSL://:9093\n", ERR_UNSUPPORTED,
        "s.properties line 1: listener SSL: security protocol SSL is not available yet: use "
        "PLAINTEXT");
    check_problem(
        "listeners=OUT://:9092\n", ERR_INVALID,
        "s.properties line 1: listener OUT has no security protocol: add OUT:PLAINTEXT to "
        "listener.security.protocol.map");
    check_problem("listeners=OUT://:9092\nlistener.security.protocol.map=OUT:NONE\n", ERR_INVALID,
                  "s.properties line 2: listener.security.protocol.map: NONE of listener OUT is no "
                  "security protocol: use PLAINTEXT");
    check_problem(
        "listeners=PLAINTEXT://:9092,plaintext://:9093\n", ERR_INVALID,
        "s.properties line 1: listeners: PLAINTEXT and PLAINTEXT have the same name: give "
        "each its own");
    check_problem(
        "listeners=PLAINTEXT://:9092,CONTROLLER://:9092\n"
        "controller.listener.names=CONTROLLER\n",
        ERR_INVALID,
        "s.properties line 1: listeners: PLAINTEXT and CONTROLLER have the same port: give "
        "each its own");
    check_problem(
        "listeners=CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n", ERR_INVALID,
        "s.properties line 1: listeners has no listener for clients: add PLAINTEXT://:9092");
    check_problem(
        "advertised.listeners=OUT://a:1\n", ERR_INVALID,
        "s.properties line 1: advertised.listeners: there is no listener OUT: name one of "
        "listeners");
    check_problem(
        "advertised.listeners=PLAINTEXT://0.0.0.0:9092\n", ERR_INVALID,
        "s.properties line 1: advertised.listeners: PLAINTEXT://0.0.0.0:9092 is no address "
        "that a client can reach: write the name of this host");
    check_problem(
        "inter.broker.listener.name=IN\n", ERR_INVALID,
        "s.properties line 1: inter.broker.listener.name=IN is no listener for brokers: name "
        "one of listeners");
}

static void bad_quorums_are_told(void)
{
    check_problem("broker.id=1\nnode.id=2\n", ERR_INVALID,
                  "s.properties line 1: broker.id=1 and node.id=2 differ: remove one of them");
    check_problem(
        "controller.quorum.voters=0@a:1\n", ERR_INVALID,
        "s.properties line 1: controller.quorum.voters is set, but this node has no id: add "
        "broker.id=N, with the N that controller.quorum.voters has for it");
    check_problem(
        "node.id=0\ncontroller.quorum.voters=0@a:1,localhost:2\n", ERR_INVALID,
        "s.properties line 2: controller.quorum.voters: localhost:2 is not a voter: write it "
        "as id@host:port, such as 0@localhost:19092");
    check_problem("node.id=0\ncontroller.quorum.voters=0@a:1,0@b:1\n", ERR_INVALID,
                  "s.properties line 2: controller.quorum.voters: 0@b:1 has the id of an earlier "
                  "voter: give each node its own id");
    check_problem(
        "node.id=0\ncontroller.quorum.voters=0@a:1,1@a:1\n", ERR_INVALID,
        "s.properties line 2: controller.quorum.voters: 1@a:1 has the address of an earlier "
        "voter: give each node its own");
    check_problem(
        "node.id=5\nprocess.roles=controller,broker\ncontroller.quorum.voters=0@a:1\n", ERR_INVALID,
        "s.properties line 3: controller.quorum.voters has no entry for this node (id 5): "
        "add 5@host:port, or set process.roles=broker");
    check_problem("node.id=0\nprocess.roles=broker\ncontroller.quorum.voters=0@a:1\n", ERR_INVALID,
                  "s.properties line 3: controller.quorum.voters has this node (id 0), but "
                  "process.roles has no controller: add it, or remove the entry");
    check_problem("process.roles=broker\nnode.id=1\n", ERR_INVALID,
                  "s.properties line 1: process.roles=broker needs a controller elsewhere: set "
                  "controller.quorum.voters=id@host:port,... or "
                  "controller.quorum.bootstrap.servers=host:port,...");
    check_problem("process.roles=broker\ncontroller.quorum.bootstrap.servers=a:9093\n", ERR_INVALID,
                  "s.properties line 1: process.roles=broker makes this node one of several, but "
                  "it has no id: add node.id=N, another N than any other node has");
    check_problem("process.roles=broker\nnode.id=1\n"
                  "controller.quorum.bootstrap.servers=a:9093,a:9093\n",
                  ERR_INVALID,
                  "s.properties line 3: controller.quorum.bootstrap.servers: a:9093 is there "
                  "twice: remove one");
    check_problem("process.roles=controller\nnode.id=4\nlisteners=C://:9093,PLAINTEXT://:9092\n"
                  "controller.listener.names=C\ncontroller.quorum.voters=4@h:9093\n",
                  ERR_INVALID,
                  "s.properties line 3: listeners: PLAINTEXT is for brokers' clients, and "
                  "process.roles has no broker: remove it, or name it in "
                  "controller.listener.names");
    check_problem("node.id=0\ncontroller.quorum.voters=0@localhost:9092\n", ERR_INVALID,
                  "s.properties line 2: controller.quorum.voters gives this node's controller port "
                  "9092, where listener PLAINTEXT is: give it its own");
    check_problem("controller.quorum.bootstrap.servers=19092\n", ERR_INVALID,
                  "s.properties line 1: controller.quorum.bootstrap.servers: 19092 is not an "
                  "address: write it as host:port");
    check_problem("node.id=0\nlog.dirs=/a\ncontroller.quorum.voters=0@:1\n", ERR_INVALID,
                  "s.properties line 3: controller.quorum.voters: 0@:1 is not a voter: write it as "
                  "id@host:port, such as 0@localhost:19092");
}

/* Writes the text to a file of its own; the caller unlinks it. */
static void write_file(char path[32], const char *text)
{
    snprintf(path, 32, "/tmp/config-test-XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK_INT(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* The path of the file goes in front of `sentence`, unless that begins with a dash. */
static void check_load(const char *text, const char *override, int err, const char *sentence)
{
    char path[32] = "/tmp/config-test-is-absent", expected[512];
    const char *overrides[] = {override};
    struct env *env;
    struct buf problem, notes;
    struct config *config = NULL;
    buf_init(&problem);
    buf_init(&notes);
    CHECK_INT(env_new(&env), 0);
    if (text)
        write_file(path, text);
    int got = config_load(env, path, overrides, override != NULL, &problem, &notes, &config);
    if (text)
        unlink(path);
    snprintf(expected, sizeof(expected), "%s%s", sentence[0] ? path : "", sentence);
    CHECK_STR(buf_text(&problem), sentence[0] == '-' ? sentence : expected);
    CHECK_INT(got, err);
    if (config)
        CHECK_INT(config_int(config, CONFIG_PORT), 7);
    config_free(config);
    env_free(env);
    buf_close(&problem);
    buf_close(&notes);
}

static void a_file_is_loaded(void)
{
    check_load("\xef\xbb\xbfport=7\n", NULL, 0, ""); /* as Windows' editors save it */
    check_load("port=7\n", NULL, 0, "");
    check_load("port=8\n", "port=7", 0, "");
    check_load("port=8\n", "port", ERR_INVALID,
               "--override port: write it as --override name=value");
    check_load("port=8\n", "=7", ERR_INVALID, "--override =7: write it as --override name=value");
    check_load("port=7\n\nlog.dirs=\\u12x\n", NULL, ERR_MALFORMED,
               " line 3: this is no setting: write name=value, and a backslash in a value as \\\\");
    check_load(NULL, NULL, ERR_NOT_FOUND,
               ": the settings can't be read: there is no such file: check the path");
}

TAP_MAIN(TAP_TEST(ids_are_spelled_like_their_names), TAP_TEST(rows_accept_their_own_defaults),
         TAP_TEST(an_empty_file_is_a_single_node), TAP_TEST(defaults_are_kafkas),
         TAP_TEST(older_units_count_when_the_newer_are_silent),
         TAP_TEST(three_brokers_on_one_machine), TAP_TEST(kafkas_kraft_file_starts),
         TAP_TEST(bootstrap_servers_are_told_from_this_node),
         TAP_TEST(the_lowest_bootstrap_server_founds), TAP_TEST(bootstrap_servers_are_supposed),
         TAP_TEST(kafkas_pair_of_files_starts), TAP_TEST(kafkas_zookeeper_file_starts),
         TAP_TEST(listeners_take_names_and_addresses), TAP_TEST(bad_values_are_told),
         TAP_TEST(levels_of_the_log_are_read), TAP_TEST(unknown_settings_are_told),
         TAP_TEST(names_without_effect_are_said), TAP_TEST(an_override_wins_and_is_named),
         TAP_TEST(bad_addresses_are_told), TAP_TEST(bad_quorums_are_told),
         TAP_TEST(a_file_is_loaded))
