/* The configuration of an agent: what is read, and that every mistake is told, with its line. */
#include <stdlib.h>

#include "../tap.h"

#include "base/err.h"
#include "base/mem.h"
#include "tools/agent/agent_config.h"
#include "tools/agent/types.h"

static const char good[] = "a1.sources = r1\n"
                           "a1.sinks = k1\n"
                           "a1.channels = c1 c2\n"
                           "a1.sources.r1.type = netcat\n"
                           "a1.sources.r1.bind = ${sys:host}\n"
                           "a1.sources.r1.port = ${absent:-4}\n"
                           "a1.sources.r1.channels = c1 c2\n"
                           "a1.sources.r1.selector.optional = c2\n"
                           "a1.sources.r1.interceptors = i1\n"
                           "a1.sources.r1.interceptors.i1.type = "
                           "org.apache.flume.interceptor.StaticInterceptor$Builder\n"
                           "a1.sinks.k1.type = LOGGER\n"
                           "a1.sinks.k1.channel = c1\n"
                           "a1.channels.c1.type = org.apache.flume.channel.MemoryChannel\n"
                           "a1.channels.c2.type = memory\n"
                           "a1.channels.c2.capacity = 1000\n"
                           "a2.sources = other\n";

struct read {
    struct agent_config *config;
    struct buf problems, notes;
    int err;
};

static void read_text(struct read *read, const char *text, const char *agent)
{
    struct props system;
    props_init(&system);
    props_set(&system, "host", "localhost");
    buf_init(&read->problems);
    buf_init(&read->notes);
    read->err = agent_config_parse("f.conf", text, strlen(text), agent, &system, &read->config,
                                   &read->problems, &read->notes);
    props_close(&system);
}

static void read_done(struct read *read)
{
    if (!read->err)
        agent_config_free(read->config);
    buf_close(&read->problems);
    buf_close(&read->notes);
}

static void check_problem(const char *more, const char *sentence)
{
    struct read read;
    char *text = mem_printf("%s%s", good, more);
    read_text(&read, text, "a1");
    if (!strstr(buf_text(&read.problems), sentence))
        printf("# %s\n", buf_text(&read.problems));
    CHECK(strstr(buf_text(&read.problems), sentence));
    CHECK_INT(read.err, ERR_INVALID);
    read_done(&read);
    mem_free(text);
}

static void values_and_names(void)
{
    struct read read;
    read_text(&read, good, "a1");
    CHECK_STR(buf_text(&read.problems), "");
    CHECK_INT(read.err, 0);
    struct agent_config *config = read.config;
    CHECK_INT(config->sources_count, 1);
    CHECK_INT(config->channels_count, 2);
    CHECK_INT(config->sinks_count, 1);
    struct agent_source *source = &config->sources[0];
    CHECK_STR(part_text(source->part, "bind"), "localhost");
    CHECK_INT(part_number(source->part, "port"), 4);
    CHECK_INT(part_number(source->part, "max-line-length"), 512);
    CHECK(part_flag(source->part, "ack-every-event"));
    CHECK_INT(source->channels_count, 2);
    CHECK_INT(source->interceptors_count, 1);
    CHECK(source->selector != NULL);
    CHECK_INT(part_number(config->channels[1], "capacity"), 1000);
    CHECK_INT(config->sinks[0].channel, 0);
    read_done(&read);
}

static void channels_share_no_checkpoint(void)
{
    check_problem("a1.channels.c1.type = file\na1.channels.c1.dataDirs = /one\n"
                  "a1.channels.c2.type = file\na1.channels.c2.dataDirs = /other\n",
                  "a1.channels.c2.checkpointDir: channel c1 has its checkpoint in "
                  "~/.flume/file-channel/checkpoint as well: give each channel a directory of its "
                  "own");
    check_problem(
        "a1.channels.c1.type = file\na1.channels.c1.checkpointDir = /a\n"
        "a1.channels.c2.type = file\na1.channels.c2.checkpointDir = /b\n"
        "a1.channels.c2.useDualCheckpoints = true\n"
        "a1.channels.c2.backupCheckpointDir = /a\n",
        "a1.channels.c2.backupCheckpointDir: channel c1 has its checkpoint in /a as well");
}

static void mistakes_are_told(void)
{
    static const struct {
        const char *more, *sentence;
    } rows[] = {
        {"a1.sources.r1.portt = 1\n", "f.conf line 17: a1.sources.r1.portt: a netcat source has no "
                                      "such key: did you mean port?"},
        {"a1.sources.r1.port = x\n", "line 17: a1.sources.r1.port: \"x\" is no whole number"},
        {"a1.sources.r1.port = 65536\n", "65536 is not in 0 to 65535"},
        {"a1.sources.r1.ack-every-event = maybe\n", "\"maybe\" is neither true nor false"},
        {"a1.sources.r1.encoding = ebcdic\n", "\"ebcdic\" is none of utf-8"},
        {"a1.sources.r1.channels = c1 c9\n", "c9 is no channel"},
        {"a1.sources.r1.selector.type = multiplexng\n", "did you mean multiplexing?"},
        {"a1.sources.r1.selector.optional = c9\n", "c9 is none of the source's channels"},
        {"a1.sinks.k1.channel = c9\n", "c9 is no channel"},
        {"a1.sinks.k1.type = hdfs\n", "Kafka Connect"},
        {"a1.sinks.k1.type = org.apache.flume.sink.hive.HiveSink\n", "Kafka Connect"},
        {"a1.channels.c1.capacity = 10\n", "100 events at once have no room in a capacity of 10"},
        {"a1.channels.c1.capacity = 10k\n", "\"10k\" is no whole number"},
        {"a1.channels.c1.transactionCapacity = x\na1.sources.r1.type = exec\n"
         "a1.sources.r1.command = x\n",
         "\"x\" is no whole number"},
        {"a1.sources.r1.type = exec\na1.sources.r1.command = x\na1.sources.r1.batchSize = x\n",
         "\"x\" is no whole number"},
        {"a1.sources.r1.bind = ${env:AGENT_TEST_ABSENT}\n",
         "${env:AGENT_TEST_ABSENT} has no value"},
        {"a1.sources.r1.bind = ${open\n", "no closing brace"},
        {"a1.sources.r1.bind = ${vault:x}\n", "only env:, sys: and file:UTF-8: are known"},
        {"a1.sinks = k1 k2\n", "a1.sinks.k2.type is missing"},
        {"a1.channels = \n", "a1.channels is missing: it names the channels"},
        {"a1.sinksgroups = g\n", "did you mean sinkgroups?"},
        {"a1.sources.r1.type = exec\n", "a1.sources.r1.command: it is missing"},
        {"a1.sources.r1.type = exec\na1.sources.r1.batchSize = 101\n",
         "101 events at once are more than the transactionCapacity of channel c1"},
        {"a1.sinkgroups = g\na1.sinkgroups.g.sinks = k9\n", "k9 is no sink"},
        {"a1.sinks.k1.type = kafka\n", "kafka.bootstrap.servers: it is missing"},
        {"a1.sinks.k1.type = kafka\na1.sinks.k1.kafka.bootstrap.servers=h:1\n"
         "a1.sinks.k1.kafka.producer.aks = 1\n",
         "kafka.producer.aks: No such configuration property"},
        {"a1.sinks.k1.type = kafka\na1.sinks.k1.kafka.bootstrap.servers=h:1\n"
         "a1.sinks.k1.kafka.producer.security.protocol = SASL_SSL\n",
         "security.protocol: this build has no TLS"},
        {"a1.sinks.k1.type = kafka\na1.sinks.k1.kafka.bootstrap.servers=h:1\n"
         "a1.sinks.k1.kafka.producer.enable.idempotence = true\n"
         "a1.sinks.k1.kafka.producer.retries = 0\n",
         "enable.idempotence: it needs acks = all"},
        {"a1.sources.r1.type = TAILDIR\na1.sources.r1.filegroups = f\n"
         "a1.sources.r1.filegroups.f = /x/a\na1.sources.r1.filegroups.g = /x/b\n",
         "filegroups.g: filegroups does not name g"},
        {"a1.sources.r1.type = TAILDIR\na1.sources.r1.filegroups = f\n"
         "a1.sources.r1.filegroups.f = /x/a\na1.sources.r1.headers.g.k = v\n",
         "headers.g.k: filegroups does not name g"},
        {"a1.sinkgroups = g\na1.sinkgroups.g.sinks = k1\n"
         "a1.sinkgroups.g.processor.type = failover\n"
         "a1.sinkgroups.g.processor.priority.k2 = 1\n",
         "priority.k2: k2 is no sink of the group"},
        {"a1.sources = r1 r2\na1.sources.r1.type = TAILDIR\na1.sources.r1.filegroups = f\n"
         "a1.sources.r1.filegroups.f = /x/a\na1.sources.r2.type = TAILDIR\n"
         "a1.sources.r2.channels = c1\na1.sources.r2.filegroups = f\n"
         "a1.sources.r2.filegroups.f = /x/a\n",
         "a1.sources.r2.positionFile: source r1 has ~/.flume/taildir_position.json as well"},
        {"a1.sources.r1.type = TAILDIR\na1.sources.r1.filegroups = f\n"
         "a1.sources.r1.filegroups.f = /x/(a\n",
         "\"(a\" is no regular expression"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_problem(rows[i].more, rows[i].sentence);
}

/* librdkafka would end the process, or take the name for an expression. */
static void kafka_channels_have_a_topic_and_a_group(void)
{
    check_problem("a1.channels.c1.type = kafka\na1.channels.c1.kafka.bootstrap.servers = h:1\n"
                  "a1.channels.c1.kafka.topic = ^(\n",
                  "c1.kafka.topic: the name of a topic has letters");
    check_problem("a1.channels.c1.type = kafka\na1.channels.c1.kafka.bootstrap.servers = h:1\n"
                  "a1.channels.c1.kafka.consumer.group.id =\n",
                  "c1.kafka.consumer.group.id: it is empty");
}

static void all_mistakes_at_once(void)
{
    struct read read;
    char *text =
        mem_printf("%sa1.sources.r1.port = x\na1.sinks.k1.bogus = 1\na1.bogus = 2\n", good);
    read_text(&read, text, "a1");
    CHECK(strstr(buf_text(&read.problems), "a1.sources.r1.port"));
    CHECK(strstr(buf_text(&read.problems), "a1.sinks.k1.bogus"));
    CHECK(strstr(buf_text(&read.problems), "a1.bogus"));
    read_done(&read);
    mem_free(text);
}

static void what_no_list_names_is_left_out(void)
{
    struct read read;
    char *text = mem_printf("%sa1.sinks.k7.type = hdfs\n", good);
    read_text(&read, text, "a1");
    CHECK_INT(read.err, 0);
    CHECK_STR(buf_text(&read.notes),
              "f.conf line 17: a1.sinks.k7.type is left out, since a1.sinks does not name k7\n");
    read_done(&read);
    mem_free(text);
}

static void a_name_counts_once(void)
{
    struct read read;
    char *text = mem_printf("%sa1.sources = r1 r1\na1.sources.r1.channels = c1, c2 c1\n", good);
    read_text(&read, text, "a1");
    CHECK_INT(read.err, 0);
    CHECK_INT(read.config->sources_count, 1);
    CHECK_INT(read.config->sources[0].channels_count, 2);
    read_done(&read);
    mem_free(text);
}

static void long_commands_are_refused(void)
{
    char *words = mem_alloc(600);
    memset(words, 0, 600);
    for (int i = 0; i < 256; i++)
        memcpy(words + i * 2, "a ", 2);
    char *more = mem_printf("a1.sources.r1.type = exec\na1.sources.r1.command = %s\n", words);
    check_problem(more, "256 words are more than 255");
    mem_free(more);
    mem_free(words);
}

static void an_absent_agent(void)
{
    struct read read;
    read_text(&read, good, "a3");
    CHECK_STR(buf_text(&read.problems), "f.conf: it has no agent that is called a3: give --name\n");
    CHECK(strstr(buf_text(&read.notes), "called a1\n"));
    CHECK(strstr(buf_text(&read.notes), "called a2\n"));
    read_done(&read);
}

static void values_from_elsewhere(void)
{
    struct read read;
    CHECK_INT(setenv("MILLRACE_TEST_PORT", "77", 1), 0);
    read_text(&read,
              "WHERE = here\na1.channels = c1\na1.sources = r1\na1.configfilters = f1 f2\n"
              "a1.configfilters.f1.type = env\na1.configfilters.f2.type = external\n"
              "a1.configfilters.f2.command = /bin/echo of\na1.channels.c1.type = memory\n"
              "a1.sources.r1.type = netcat\na1.sources.r1.channels = c1\n"
              "a1.sources.r1.port = ${f1['MILLRACE_TEST_PORT']}\n"
              "a1.sources.r1.bind = ${WHERE}.${f2[it]}.${f2[\"that\"]}\n",
              "a1");
    CHECK_STR(buf_text(&read.problems), "");
    CHECK_STR(buf_text(&read.notes), "");
    CHECK_INT(part_number(read.config->sources[0].part, "port"), 77);
    CHECK_STR(part_text(read.config->sources[0].part, "bind"), "here.of it.of that");
    read_done(&read);
    check_problem("a1.configfilters = f\na1.configfilters.f.type = external\n"
                  "a1.configfilters.f.command = /bin/false\na1.channels.c2.capacity = ${f['k']}\n",
                  "f.conf line 20: a1.channels.c2.capacity: \"/bin/false k\" fails");
    check_problem("a1.channels.c2.capacity = ${g[k]}\n", "a1.configfilters.g.type says nothing");
}

/* What sink k1 of the lines has in force for the batch, after `more`. */
static int64_t batch_of(const char *more)
{
    struct read read;
    char *text = mem_printf("a1.channels = c1\na1.sinks = k1\na1.channels.c1.type = memory\n"
                            "a1.sinks.k1.type = kafka\na1.sinks.k1.channel = c1\n"
                            "a1.sinks.k1.brokerList = localhost:1\n%s",
                            more);
    read_text(&read, text, "a1");
    CHECK_INT(read.err, 0);
    const struct part *part = read.config->sinks[0].part;
    CHECK(strcmp(part_text(part, "kafka.bootstrap.servers"), "localhost:1") == 0);
    CHECK(part_given(part, "kafka.bootstrap.servers"));
    int64_t batch = part_number(part, "flumeBatchSize");
    read_done(&read);
    mem_free(text);
    return batch;
}

static void an_older_name_counts_where_the_newer_is_not_given(void)
{
    CHECK_INT(batch_of(""), 100);
    CHECK_INT(batch_of("a1.sinks.k1.batchSize = 7\n"), 7);
    CHECK_INT(batch_of("a1.sinks.k1.batchSize = 7\na1.sinks.k1.kafka.flumeBatchSize = 8\n"), 8);
    CHECK_INT(batch_of("a1.sinks.k1.batchSize = 7\na1.sinks.k1.flumeBatchSize = 9\n"), 9);
    CHECK_INT(batch_of("a1.sinks.k1.flumeBatchSize = 9\na1.sinks.k1.batchSize = 7\n"), 9);
    check_problem("a1.sinks.k1.type = kafka\na1.sinks.k1.kafka.bootstrap.servers = localhost:1\n"
                  "a1.sinks.k1.batchSize = many\n",
                  "f.conf line 19: a1.sinks.k1.flumeBatchSize: \"many\" is no whole number");
}

static void each_type_is_found_by_both_names(void)
{
    for (size_t i = 0; i < agent_types_count; i++) {
        const struct part_type *type = agent_types[i];
        CHECK(part_type_find(type->kind, type->name) == type);
        CHECK(!type->class_name || part_type_find(type->kind, type->class_name) == type);
        for (const struct key_row *row = type->keys; row && row->name; row++)
            CHECK(row->doc && row->doc[strlen(row->doc) - 1] != ' ');
    }
}

TAP_MAIN(TAP_TEST(values_and_names), TAP_TEST(mistakes_are_told),
         TAP_TEST(kafka_channels_have_a_topic_and_a_group), TAP_TEST(channels_share_no_checkpoint),
         TAP_TEST(all_mistakes_at_once), TAP_TEST(what_no_list_names_is_left_out),
         TAP_TEST(an_absent_agent), TAP_TEST(a_name_counts_once),
         TAP_TEST(long_commands_are_refused), TAP_TEST(values_from_elsewhere),
         TAP_TEST(an_older_name_counts_where_the_newer_is_not_given),
         TAP_TEST(each_type_is_found_by_both_names))
