/* kafka-verifiable-consumer: reads a topic as member of a group, and says in lines of JSON what it
 * was assigned, what it has read and what it has committed.
 *
 * Happy path: startup_complete, partitions_assigned; for each batch records_consumed and
 * offsets_committed; at the end, or after SIGTERM, partitions_revoked and shutdown_complete.
 * Failure modes: a commit that fails is a line with its error; errors of the client go to stderr,
 * and those that don't get better, such as no offset to begin at, end the tool. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/rd.h"
#include "tools/tools.h"
#include "tools/verifiable.h"

static const struct option_row consumer_options[] = {
    TOOL_BOOTSTRAP_OPTIONS,
    OPTION_SAME("broker-list", "HOST:PORT,...", "bootstrap-server"),
    OPTION("topic", "NAME", "The topic to read."),
    OPTION("group-id", "GROUP", "The consumer group."),
    OPTION("group-protocol", "classic|consumer", "How the group shares the partitions (classic)."),
    OPTION("group-remote-assignor", "NAME", "With the consumer protocol: the broker's assignor."),
    OPTION("group-instance-id", "ID", "A name that this member keeps when it starts again."),
    OPTION("max-messages", "N", "How many records to read; -1: until it is ended (-1)."),
    OPTION("session-timeout", "MS", "When the group gives up a member that is silent."),
    OPTION("verbose", NULL, "A line for each record too."),
    OPTION("enable-autocommit", NULL, "The client commits by itself, without a line."),
    OPTION("reset-policy", "earliest|latest|none", "Where a new group begins (earliest)."),
    OPTION("assignment-strategy", "CLASS",
           "With the classic protocol: RangeAssignor, RoundRobinAssignor or "
           "CooperativeStickyAssignor (RangeAssignor)."),
    OPTION("command-config", "FILE", "A file of client settings; options count more."),
    OPTION_SAME("consumer.config", "FILE", "command-config"),
    VERIFIABLE_FORMAT,
    TOOL_LAST_OPTIONS,
};

/* A batch is what one poll of a Java client gives at most. */
enum { CONSUMER_BATCH = 500, CONSUMER_POLL_MS = 100 };

struct consumer_part {
    int32_t partition;
    int64_t count, first, last;
    json_t *records; /* their lines, with --verbose */
};

struct consumer {
    struct tool_run *run;
    struct rd_watch watch;
    rd_kafka_t *rd;
    const char *topic;
    int64_t max_messages, consumed;
    bool verbose, commits, warned, failed;
    struct consumer_part *parts; /* of the batch, in the order in which they came */
    size_t part_count;
    struct rd_told told;
};

/* ---- lines ---- */

static json_t *consumer_partition(const char *topic, int32_t partition)
{
    json_t *entry = json_object();
    json_object_set_new(entry, "topic", verifiable_text(topic, strlen(topic)));
    json_object_set_new(entry, "partition", json_integer(partition));
    return entry;
}

static void consumer_print_partitions(const char *name, const rd_kafka_topic_partition_list_t *list)
{
    json_t *event = verifiable_event(name), *partitions = json_array();
    for (int i = 0; i < list->cnt; i++)
        json_array_append_new(partitions,
                              consumer_partition(list->elems[i].topic, list->elems[i].partition));
    json_object_set_new(event, "partitions", partitions);
    verifiable_print(event);
}

static json_t *consumer_record_event(const struct consumer *c, const rd_kafka_message_t *message)
{
    json_t *event = verifiable_event("record_data");
    json_object_set_new(event, "key", verifiable_text(message->key, message->key_len));
    json_object_set_new(event, "value", verifiable_text(message->payload, message->len));
    json_object_set_new(event, "topic", verifiable_text(c->topic, strlen(c->topic)));
    json_object_set_new(event, "partition", json_integer(message->partition));
    json_object_set_new(event, "offset", json_integer(message->offset));
    return event;
}

static void consumer_print_batch(const struct consumer *c)
{
    json_t *event = verifiable_event("records_consumed"), *partitions = json_array(), *record;
    int64_t count = 0;
    size_t i;
    for (size_t k = 0; k < c->part_count; k++) {
        const struct consumer_part *part = &c->parts[k];
        json_t *entry = consumer_partition(c->topic, part->partition);
        json_array_foreach(part->records, i, record) verifiable_print(json_incref(record));
        json_object_set_new(entry, "count", json_integer(part->count));
        json_object_set_new(entry, "minOffset", json_integer(part->first));
        json_object_set_new(entry, "maxOffset", json_integer(part->last));
        json_array_append_new(partitions, entry);
        count += part->count;
    }
    json_object_set_new(event, "count", json_integer(count));
    json_object_set_new(event, "partitions", partitions);
    verifiable_print(event);
}

static void consumer_commit(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)c->part_count);
    json_t *event, *offsets = json_array();
    for (size_t i = 0; i < c->part_count; i++) {
        const struct consumer_part *part = &c->parts[i];
        json_t *entry = consumer_partition(c->topic, part->partition);
        json_object_set_new(entry, "offset", json_integer(part->last + 1));
        json_array_append_new(offsets, entry);
        rd_kafka_topic_partition_list_add(list, c->topic, part->partition)->offset = part->last + 1;
    }
    rd_kafka_resp_err_t err = rd_kafka_commit(c->rd, list, 0);
    for (int i = 0; i < list->cnt && !err; i++)
        err = list->elems[i].err;
    rd_kafka_topic_partition_list_destroy(list);
    event = verifiable_event("offsets_committed");
    json_object_set_new(event, "offsets", offsets);
    if (err)
        json_object_set_new(event, "error", json_string(rd_kafka_err2str(err)));
    json_object_set_new(event, "success", json_boolean(!err));
    verifiable_print(event);
}

static void consumer_end_batch(struct consumer *c)
{
    if (c->part_count == 0)
        return;
    consumer_print_batch(c);
    if (c->commits)
        consumer_commit(c);
    for (size_t i = 0; i < c->part_count; i++)
        json_decref(c->parts[i].records);
    c->part_count = 0;
}

/* What was read of partitions that go is told, and committed, before they are. */
static void consumer_on_rebalance(rd_kafka_t *rd, rd_kafka_resp_err_t err,
                                  rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct consumer *c = CONTAINER_OF((struct rd_watch *)opaque, struct consumer, watch);
    bool gives = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    consumer_end_batch(c);
    consumer_print_partitions(gives ? "partitions_assigned" : "partitions_revoked", partitions);
    rd_assign(rd, gives, partitions);
}

/* ---- options ---- */

/* Java's assignors by the names of librdkafka. */
static const struct {
    const char *class, *name;
} consumer_assignors[] = {
    {"RangeAssignor", "range"},
    {"RoundRobinAssignor", "roundrobin"},
    {"CooperativeStickyAssignor", "cooperative-sticky"},
};

static const char *consumer_assignor(const char *class, size_t len)
{
    const char *dot = memrchr(class, '.', len);
    size_t skip = dot ? (size_t)(dot + 1 - class) : 0;
    for (size_t i = 0; i < ARRAY_LEN(consumer_assignors); i++)
        if (strlen(consumer_assignors[i].class) == len - skip &&
            memcmp(consumer_assignors[i].class, class + skip, len - skip) == 0)
            return consumer_assignors[i].name;
    return NULL;
}

static int consumer_set_assignors(const struct consumer *c, rd_kafka_conf_t *conf)
{
    const char *classes = options_get(c->run->options, "assignment-strategy");
    struct buf names;
    int status = 0;
    buf_init(&names);
    for (const char *at = classes ? classes : "RangeAssignor"; *at && status == 0;) {
        size_t len = strcspn(at, ",");
        const char *name = consumer_assignor(at, len);
        if (!name)
            status = tool_misuse(c->run,
                                 "--assignment-strategy %.*s: there are RangeAssignor, "
                                 "RoundRobinAssignor and CooperativeStickyAssignor",
                                 (int)len, at);
        buf_printf(&names, "%s%s", names.len ? "," : "", name ? name : "");
        at += len + (at[len] == ',');
    }
    if (status == 0)
        status = rd_set(c->run, conf, "partition.assignment.strategy", buf_text(&names));
    buf_close(&names);
    return status;
}

/* Newer versions of librdkafka know the consumer protocol; this program takes it from those. */
static int consumer_set_protocol(const struct consumer *c, rd_kafka_conf_t *conf)
{
    const struct options *options = c->run->options;
    const char *protocol = options_get(options, "group-protocol");
    const char *assignor = options_get(options, "group-remote-assignor");
    char error[512];
    bool consumer = protocol && strcasecmp(protocol, "consumer") == 0;
    if (protocol && !consumer && strcasecmp(protocol, "classic") != 0)
        return tool_misuse(c->run, "--group-protocol %s: write classic or consumer", protocol);
    if (assignor && !consumer)
        return tool_misuse(c->run, "--group-remote-assignor goes with --group-protocol consumer");
    if (!consumer)
        return consumer_set_assignors(c, conf);
    if (options_has(options, "assignment-strategy") || options_has(options, "session-timeout"))
        return tool_misuse(c->run, "--assignment-strategy and --session-timeout go with "
                                   "--group-protocol classic");
    if (rd_kafka_conf_set(conf, "group.protocol", "consumer", error, sizeof(error)) !=
        RD_KAFKA_CONF_OK)
        return tool_fail(c->run,
                         "--group-protocol consumer: librdkafka %s, which this program was started "
                         "with, knows the classic protocol only: use that, or a newer library",
                         rd_kafka_version_str());
    return assignor ? rd_set(c->run, conf, "group.remote.assignor", assignor) : 0;
}

static int consumer_set_reset(const struct consumer *c, rd_kafka_conf_t *conf)
{
    const char *policy = options_get(c->run->options, "reset-policy");
    if (!policy)
        policy = "earliest";
    if (strcmp(policy, "none") == 0)
        policy = "error"; /* librdkafka's word */
    else if (strcmp(policy, "earliest") != 0 && strcmp(policy, "latest") != 0)
        return tool_misuse(c->run, "--reset-policy %s: write earliest, latest or none", policy);
    return rd_set(c->run, conf, "auto.offset.reset", policy);
}

static int consumer_configure(struct consumer *c, rd_kafka_conf_t *conf)
{
    struct tool_run *run = c->run;
    const char *instance = options_get(run->options, "group-instance-id");
    int64_t session_ms;
    if (rd_set_bootstrap(run, conf) || rd_set(run, conf, "fetch.error.backoff.ms", "50") ||
        rd_set(run, conf, "reconnect.backoff.max.ms", "1000") || rd_set_all(run, conf, NULL) ||
        tool_number(run, "session-timeout", 1, 3600000, 0, &session_ms))
        return 1;
    if (consumer_set_protocol(c, conf) || consumer_set_reset(c, conf) ||
        rd_set(run, conf, "group.id", options_get(run->options, "group-id")) ||
        rd_set(run, conf, "enable.auto.commit", c->commits ? "false" : "true") ||
        (instance && rd_set(run, conf, "group.instance.id", instance)) ||
        (session_ms > 0 && rd_set_int(run, conf, "session.timeout.ms", session_ms)))
        return 1;
    rd_watch_errors(conf, &c->watch);
    rd_kafka_conf_set_rebalance_cb(conf, consumer_on_rebalance);
    return 0;
}

static int consumer_open(struct consumer *c)
{
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (consumer_configure(c, conf)) {
        rd_kafka_conf_destroy(conf);
        return 1;
    }
    c->rd = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
    if (!c->rd) {
        rd_kafka_conf_destroy(conf);
        return tool_fail(c->run, "%s", error);
    }
    rd_kafka_poll_set_consumer(c->rd);
    return 0;
}

static int consumer_read_options(struct consumer *c)
{
    const struct options *options = c->run->options;
    c->topic = options_get(options, "topic");
    c->verbose = options_has(options, "verbose");
    c->commits = !options_has(options, "enable-autocommit");
    if (!c->topic || c->topic[0] == '\0')
        return tool_misuse(c->run, "which topic? Give it with --topic NAME");
    if (!options_has(options, "group-id"))
        return tool_misuse(c->run, "which group? Give it with --group-id GROUP");
    return tool_number(c->run, "max-messages", -1, INT64_MAX, -1, &c->max_messages) ||
           tool_read_props(c->run, "command-config");
}

/* ---- the run ---- */

static bool consumer_has_enough(const struct consumer *c)
{
    return c->max_messages >= 0 && c->consumed >= c->max_messages;
}

/* What does not get better by asking again; Java's clients throw it, and that ends Kafka's tool. */
static bool consumer_is_final(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || err == RD_KAFKA_RESP_ERR__NO_OFFSET ||
           err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID || err == RD_KAFKA_RESP_ERR__FATAL ||
           err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION || err == RD_KAFKA_RESP_ERR__BAD_MSG;
}

static void consumer_tell_error(struct consumer *c, const rd_kafka_message_t *message)
{
    c->failed = c->failed || consumer_is_final(message->err);
    if (rd_told_first(&c->told, message->err))
        tool_warn(c->run, "%s", rd_kafka_message_errstr(message));
}

static struct consumer_part *consumer_part(struct consumer *c, const rd_kafka_message_t *message)
{
    for (size_t i = 0; i < c->part_count; i++)
        if (c->parts[i].partition == message->partition)
            return &c->parts[i];
    c->parts = mem_realloc(c->parts, (c->part_count + 1) * sizeof(*c->parts));
    c->parts[c->part_count] = (struct consumer_part){
        .partition = message->partition, .first = message->offset, .records = json_array()};
    return &c->parts[c->part_count++];
}

/* Whether a record came within the time. */
static bool consumer_take(struct consumer *c, int timeout_ms)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(c->rd, timeout_ms);
    bool record = message && !message->err;
    if (record) {
        struct consumer_part *part = consumer_part(c, message);
        part->count++;
        part->last = message->offset;
        c->consumed++;
        if (c->verbose)
            json_array_append_new(part->records, consumer_record_event(c, message));
    } else if (message) {
        consumer_tell_error(c, message);
    }
    if (message)
        rd_kafka_message_destroy(message);
    return record;
}

static void consumer_warn(struct consumer *c)
{
    c->warned = c->warned || rd_watch_warn(c->run, &c->watch);
}

static void consumer_loop(struct consumer *c)
{
    while (!rd_interrupted() && !c->watch.fatal && !c->failed && !consumer_has_enough(c)) {
        int count = 0;
        consumer_warn(c);
        if (!consumer_take(c, CONSUMER_POLL_MS))
            continue;
        while (++count < CONSUMER_BATCH && !consumer_has_enough(c) && consumer_take(c, 0))
            continue;
        consumer_end_batch(c);
    }
}

static int consumer_run_checked(struct consumer *c)
{
    if (consumer_read_options(c) || consumer_open(c))
        return 1;
    rd_catch_signals();
    verifiable_print(verifiable_event("startup_complete"));
    if (rd_subscribe(c->run, c->rd, c->topic, NULL))
        return 1;
    consumer_loop(c);
    rd_kafka_consumer_close(c->rd);
    verifiable_print(verifiable_event("shutdown_complete"));
    if (c->watch.fatal)
        return tool_fail(c->run, "%s", c->watch.reason);
    return c->failed ? 1 : rd_signal_status();
}

static int consumer_run(struct tool_run *run)
{
    struct consumer c = {.run = run};
    int status = consumer_run_checked(&c);
    if (c.rd)
        rd_kafka_destroy(c.rd);
    mem_free(c.parts);
    return status;
}

const struct tool tool_verifiable_consumer = {
    .name = "verifiable-consumer",
    .link = "kafka-verifiable-consumer",
    .synopsis = "--bootstrap-server HOST:PORT --topic NAME --group-id GROUP ...",
    .summary = "Read a topic in a group, and print lines of JSON about what it was given.",
    .options = consumer_options,
    .run = consumer_run,
};
