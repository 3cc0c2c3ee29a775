/* kafka-console-consumer: prints the records of a topic.
 *
 * Happy path without --group: the partitions of the topic are read one by one from the offset that
 * is wanted, and no group coordinator is involved. With --group: subscribe, as any consumer. It
 * ends after
 * --max-messages, after --timeout-ms without a record, or on Ctrl-C, and says how many records it
 * was. Failure modes: a topic that is not there yet (said once, then waited for), no broker (said
 * once, tried on), errors of the cluster (each said once), a record that a decoder can't take or a
 * batch that nobody can read (the end, with status 1). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/plural.h"
#include "tools/formatter.h"
#include "tools/rd.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row consumer_options[] = {
    TOOL_BOOTSTRAP_OPTIONS,
    OPTION_SAME("broker-list", "HOST:PORT,...", "bootstrap-server"),
    OPTION("topic", "NAME", "The topic to read."),
    OPTION("include", "REGEX", "All topics whose name matches."),
    OPTION_SAME("whitelist", "REGEX", "include"),
    OPTION("partition", "N", "One partition only (with --topic, without --group)."),
    OPTION("offset", "N|earliest|latest", "With --partition: where to begin (latest)."),
    OPTION("from-beginning", NULL,
           "From the first record; with --group: if it has no position yet."),
    OPTION("group", "ID", "Read as a member of this consumer group."),
    OPTION("max-messages", "N", "Stop after N records."),
    OPTION("timeout-ms", "N", "Stop after N ms without a record."),
    OPTION("isolation-level", "read_uncommitted|read_committed",
           "Which records of transactions are shown (read_uncommitted: all)."),
    OPTION("formatter", "CLASS", "Only the default formatter and NoOpMessageFormatter exist."),
    OPTION_MANY(
        "formatter-property", "NAME=VALUE",
        "print.timestamp, print.partition, print.offset, print.epoch, print.headers, print.key, "
        "print.value, key.separator, line.separator, headers.separator, null.literal, "
        "key.deserializer, value.deserializer, header.deserializer."),
    OPTION_SAME("property", "NAME=VALUE", "formatter-property"),
    OPTION("formatter-config", "FILE", "A file of formatter properties."),
    OPTION("key-deserializer", "CLASS", "String, ByteArray, Short, Integer, Long, Float, Double."),
    OPTION("value-deserializer", "CLASS", "The same for values."),
    OPTION_MANY("command-property", "NAME=VALUE",
                "A client setting, such as fetch.min.bytes=1000."),
    OPTION_SAME("consumer-property", "NAME=VALUE", "command-property"),
    OPTION("command-config", "FILE", "A file of client settings."),
    OPTION_SAME("consumer.config", "FILE", "command-config"),
    OPTION("skip-message-on-error", NULL, "Go on after a record that can't be printed."),
    OPTION("enable-systest-events", NULL, "Also print shutdown_complete at the end."),
    OPTION_OLD("new-consumer", NULL),
    REPORT_OPTION_LINES,
    TOOL_LAST_OPTIONS,
};

enum {
    CONSUMER_BATCH = 1000,
    CONSUMER_POLL_MS = 100,
    CONSUMER_METADATA_MS = 2000,
    CONSUMER_RESCAN_MS =
        30000, /* new partitions and, with --include, new topics are found by then */
    CONSUMER_MISSING_MS = 250, /* the same while there is nothing to read yet */
    CONSUMER_WARN_MS = 3000,
    CONSUMER_OUT_BYTES = 1 << 20,
    CONSUMER_NAME_MAX = 249 /* Kafka's limit for the name of a topic */
};

/* librdkafka 2.0 pauses for a second when this many records wait to be printed. */
#define CONSUMER_QUEUED "500000"

struct consumer_topic {
    rd_kafka_topic_t *handle;
    char *name;
    int32_t partitions; /* how many of it are read */
};

struct consumer {
    struct tool_run *run;
    struct rd_watch watch;
    struct formatter *formatter;
    struct tool_pattern *pattern; /* of --include */
    rd_kafka_t *rd;
    rd_kafka_queue_t *queue; /* without a group */
    struct consumer_topic *topics;
    size_t topic_count;
    const char *topic, *group;
    char group_text[256];                        /* when it comes from a file */
    int64_t start;                               /* offset, or RD_KAFKA_OFFSET_BEGINNING, _END */
    int64_t partition, max_messages, timeout_ms; /* -1 = not given */
    bool silent, warned, missing_told;
    bool failed; /* by a record that can't be printed */
    struct buf out;
    int64_t count;
    int64_t last_record_ms, next_scan_ms;
    struct rd_told told;
};

/* ---- options ---- */

static int consumer_read_offset(struct consumer *c)
{
    const struct options *options = c->run->options;
    const char *offset = options_get(options, "offset");
    bool beginning = options_has(options, "from-beginning");
    const char *reset = rd_said(c->run, "command-property", "auto.offset.reset");
    char *end;
    bool earliest = reset && (strcmp(reset, "earliest") == 0 || strcmp(reset, "smallest") == 0);
    if (beginning && reset && !earliest)
        return tool_misuse(c->run,
                           "--from-beginning and auto.offset.reset=%s contradict each other: "
                           "leave one out",
                           reset);
    c->start = beginning || earliest ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
    if (!offset)
        return 0;
    if (beginning)
        return tool_misuse(c->run,
                           "--from-beginning and --offset contradict each other: leave one out");
    if (c->partition < 0)
        return tool_misuse(c->run, "--offset needs --partition N");
    if (strcmp(offset, "earliest") == 0) {
        c->start = RD_KAFKA_OFFSET_BEGINNING;
    } else if (strcmp(offset, "latest") != 0) {
        c->start = strtoll(offset, &end, 10);
        if (*end != '\0' || end == offset || c->start < 0)
            return tool_misuse(c->run, "--offset %s: write a number, earliest or latest", offset);
    }
    return 0;
}

static int consumer_read_numbers(struct consumer *c)
{
    int status = tool_number(c->run, "partition", 0, INT32_MAX, -1, &c->partition);
    if (status == 0) /* -1: no limit, as if it was not given */
        status = tool_number(c->run, "max-messages", -1, INT64_MAX, -1, &c->max_messages);
    return status ? status : tool_number(c->run, "timeout-ms", -1, INT64_MAX, -1, &c->timeout_ms);
}

/* A name that no topic can have would be waited for in vain. */
static int consumer_check_topic(const struct consumer *c)
{
    size_t len = c->topic ? strlen(c->topic) : 0;
    bool plain = true;
    for (size_t i = 0; i < len; i++)
        plain = plain && (isalnum((unsigned char)c->topic[i]) || strchr("._-", c->topic[i]));
    if (!c->topic || (len > 0 && len <= CONSUMER_NAME_MAX && plain && strcmp(c->topic, ".") != 0 &&
                      strcmp(c->topic, "..") != 0))
        return 0;
    return tool_misuse(c->run,
                       "--topic %s: no topic has such a name: letters, digits, '.', '_' and '-' "
                       "are possible, up to %d of them",
                       c->topic, CONSUMER_NAME_MAX);
}

/* group.id may stand in several places; they must agree. */
static int consumer_read_group(struct consumer *c)
{
    const char *said = rd_said(c->run, "command-property", "group.id");
    c->group = options_get(c->run->options, "group");
    if (c->group && said && strcmp(c->group, said) != 0)
        return tool_misuse(c->run, "--group %s and group.id=%s differ: leave one out", c->group,
                           said);
    return 0;
}

static int consumer_read_options(struct consumer *c)
{
    const struct options *options = c->run->options;
    const char *include = options_get(options, "include");
    const char *isolation = options_get(options, "isolation-level");
    c->topic = options_get(options, "topic");
    if (isolation && strcmp(isolation, "read_committed") != 0 &&
        strcmp(isolation, "read_uncommitted") != 0)
        return tool_misuse(c->run, "--isolation-level %s: write read_committed or read_uncommitted",
                           isolation);
    if (!c->topic == !include)
        return tool_misuse(c->run, "which topic? Give one of --topic NAME, --include REGEX");
    if (consumer_check_topic(c) || consumer_read_group(c) || consumer_read_numbers(c) ||
        consumer_read_offset(c))
        return 1;
    if (c->partition >= 0 && (!c->topic || c->group))
        return tool_misuse(c->run, "--partition goes with --topic, and not with --group");
    if (include) {
        c->pattern = tool_pattern_new(c->run, include);
        return c->pattern ? 0 : 1;
    }
    return 0;
}

static int consumer_set_format(struct consumer *c, const char *name, const char *value)
{
    struct buf problem;
    buf_init(&problem);
    int err = formatter_set(c->formatter, name, value, &problem);
    if (err)
        tool_misuse(c->run, "%s", buf_text(&problem));
    buf_close(&problem);
    return err ? 1 : 0;
}

static int consumer_read_format_file(struct consumer *c)
{
    struct tool_run file = *c->run;
    int status = 0;
    props_init(&file.props);
    if (tool_read_props(&file, "formatter-config"))
        return 1;
    for (size_t i = 0; i < file.props.count && status == 0; i++)
        status = consumer_set_format(c, file.props.entries[i].key, file.props.entries[i].value);
    props_close(&file.props);
    return status;
}

static int consumer_read_format(struct consumer *c)
{
    const struct options *options = c->run->options;
    const char *class = options_get(options, "formatter");
    const char *pair, *value;
    char name[64];
    size_t cursor = 0;
    if (report_format(c->run) == REPORT_JSON) {
        const char *other = class ? "formatter" : "enable-systest-events";
        if (options_has(options, other))
            return tool_misuse(c->run, "--%s and --format contradict each other: leave one out",
                               other);
        formatter_use_json(c->formatter);
    }
    if (class && strstr(class, "NoOpMessageFormatter"))
        c->silent = true;
    else if (class && !strstr(class, "DefaultMessageFormatter"))
        return tool_misuse(c->run,
                           "--formatter %s: Java classes can't be loaded; there are "
                           "DefaultMessageFormatter and NoOpMessageFormatter",
                           class);
    if (consumer_read_format_file(c))
        return 1;
    while ((pair = options_next(options, "formatter-property", &cursor))) {
        if (!rd_split(pair, name, &value))
            return tool_misuse(c->run, "--formatter-property %s: write it as name=value", pair);
        if (consumer_set_format(c, name, value))
            return 1;
    }
    if (options_has(options, "key-deserializer") &&
        consumer_set_format(c, "key.deserializer", options_get(options, "key-deserializer")))
        return 1;
    return options_has(options, "value-deserializer")
               ? consumer_set_format(c, "value.deserializer",
                                     options_get(options, "value-deserializer"))
               : 0;
}

/* ---- opening ---- */

static int consumer_configure(struct consumer *c, rd_kafka_conf_t *conf)
{
    struct tool_run *run = c->run;
    const char *isolation = options_get(run->options, "isolation-level");
    rd_take_bootstrap(run, "command-property");
    if (rd_set_bootstrap(run, conf) || rd_set(run, conf, "client.id", "console-consumer") ||
        rd_set(run, conf, "allow.auto.create.topics", "true") ||
        rd_set(run, conf, "isolation.level", isolation ? isolation : "read_uncommitted") ||
        rd_set(run, conf, "fetch.error.backoff.ms", "50") ||
        rd_set(run, conf, "queued.min.messages", CONSUMER_QUEUED) ||
        rd_set(run, conf, "reconnect.backoff.max.ms", "1000") ||
        rd_set(run, conf, "auto.offset.reset",
               options_has(run->options, "from-beginning") ? "earliest" : "latest"))
        return 1;
    if (rd_set_all(run, conf, "command-property"))
        return 1;
    if (c->group && rd_set(run, conf, "group.id", c->group))
        return 1;
    rd_watch_errors(conf, &c->watch);
    return 0;
}

/* group.id may also come from a file of client settings. */
static void consumer_find_group(struct consumer *c, rd_kafka_conf_t *conf)
{
    size_t size = sizeof(c->group_text);
    if (!c->group && c->partition < 0 &&
        rd_kafka_conf_get(conf, "group.id", c->group_text, &size) == RD_KAFKA_CONF_OK &&
        c->group_text[0] != '\0')
        c->group = c->group_text;
}

static int consumer_open(struct consumer *c)
{
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (consumer_configure(c, conf)) {
        rd_kafka_conf_destroy(conf);
        return 1;
    }
    consumer_find_group(c, conf);
    c->rd = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
    if (!c->rd) {
        rd_kafka_conf_destroy(conf);
        return tool_fail(c->run, "%s", error);
    }
    if (c->group) {
        rd_kafka_poll_set_consumer(c->rd);
        return rd_subscribe(c->run, c->rd, c->topic, options_get(c->run->options, "include"));
    }
    c->queue = rd_kafka_queue_new(c->rd);
    return 0;
}

static void consumer_close(struct consumer *c)
{
    if (c->rd && c->group)
        rd_kafka_consumer_close(c->rd);
    for (size_t i = 0; i < c->topic_count; i++) {
        for (int32_t p = 0; p < c->topics[i].partitions; p++)
            if (c->partition < 0 || c->partition == p)
                rd_kafka_consume_stop(c->topics[i].handle, p);
        rd_kafka_topic_destroy(c->topics[i].handle);
        mem_free(c->topics[i].name);
    }
    mem_free(c->topics);
    if (c->queue)
        rd_kafka_queue_destroy(c->queue);
    if (c->rd)
        rd_kafka_destroy(c->rd);
    tool_pattern_free(c->pattern);
    formatter_free(c->formatter);
    buf_close(&c->out);
}

/* ---- which partitions, without a group ---- */

static struct consumer_topic *consumer_topic_get(struct consumer *c, const char *name)
{
    for (size_t i = 0; i < c->topic_count; i++)
        if (strcmp(c->topics[i].name, name) == 0)
            return &c->topics[i];
    c->topics = mem_realloc(c->topics, (c->topic_count + 1) * sizeof(*c->topics));
    struct consumer_topic *topic = &c->topics[c->topic_count++];
    *topic = (struct consumer_topic){.handle = rd_kafka_topic_new(c->rd, name, NULL),
                                     .name = mem_strdup(name)};
    return topic;
}

/* Starts the partitions that are not read yet. Those that appear later are read from their first
 * record: whatever is in them was written while this program ran. */
static void consumer_start(struct consumer *c, const struct rd_kafka_metadata_topic *found,
                           bool later)
{
    struct consumer_topic *topic = consumer_topic_get(c, found->topic);
    int64_t start = later ? RD_KAFKA_OFFSET_BEGINNING : c->start;
    for (int32_t p = topic->partitions; p < found->partition_cnt; p++) {
        if (c->partition >= 0 && c->partition != p)
            continue;
        if (rd_kafka_consume_start_queue(topic->handle, p, start, c->queue))
            tool_fail(c->run, "partition %d of %s can't be read: %s", p, found->topic,
                      rd_kafka_err2str(rd_kafka_last_error()));
    }
    if (found->partition_cnt > topic->partitions)
        topic->partitions = found->partition_cnt;
}

static bool consumer_wants(const struct consumer *c, const struct rd_kafka_metadata_topic *found)
{
    if (found->err || found->partition_cnt == 0)
        return false;
    if (!c->pattern)
        return strcmp(found->topic, c->topic) == 0;
    return strncmp(found->topic, "__", 2) != 0 && tool_pattern_matches(c->pattern, found->topic);
}

/* Says once that the partition of --partition is not there; it may come later. */
static void consumer_tell_partition(struct consumer *c)
{
    int32_t partitions = c->topics[0].partitions;
    if (c->missing_told || c->partition < partitions)
        return;
    c->missing_told = true;
    fprintf(stderr, "%s: %s has %d %s, hence no partition %lld yet: waiting for it\n",
            c->run->called, c->topic, partitions, plural(partitions, "partition", "partitions"),
            (long long)c->partition);
}

static void consumer_scan(struct consumer *c)
{
    const struct rd_kafka_metadata *metadata;
    bool later = c->topic_count > 0 && c->topics[0].partitions > 0;
    rd_kafka_topic_t *one = c->topic ? consumer_topic_get(c, c->topic)->handle : NULL;
    rd_kafka_resp_err_t err =
        rd_kafka_metadata(c->rd, one == NULL, one, &metadata, CONSUMER_METADATA_MS);
    rd_kafka_poll(c->rd, 0);
    bool any = later;
    for (int i = 0; !err && i < metadata->topic_cnt; i++) {
        if (!consumer_wants(c, &metadata->topics[i]))
            continue;
        any = true;
        consumer_start(c, &metadata->topics[i], later || c->missing_told);
    }
    if (!err && any)
        consumer_tell_partition(c);
    if (!err && !any && !c->missing_told) {
        c->missing_told = true;
        fprintf(stderr, "%s: there is no topic %s yet: waiting for it\n", c->run->called,
                c->topic ? c->topic : options_get(c->run->options, "include"));
    }
    if (!err)
        rd_kafka_metadata_destroy(metadata);
    c->next_scan_ms = rd_now_ms() + (any ? CONSUMER_RESCAN_MS : CONSUMER_MISSING_MS);
}

/* ---- records ---- */

static void consumer_flush(struct consumer *c)
{
    if (c->out.len > 0)
        fwrite(c->out.data, 1, c->out.len, stdout);
    fflush(stdout);
    c->out.len = 0;
}

static void consumer_tell_error(struct consumer *c, const rd_kafka_message_t *message)
{
    if (rd_told_first(&c->told, message->err))
        fprintf(stderr, "%s: %s\n", c->run->called, rd_kafka_message_errstr(message));
}

static bool consumer_has_enough(const struct consumer *c)
{
    return c->max_messages >= 0 && c->count >= c->max_messages;
}

/* A record that can't be decoded ends the tool, unless it is to be skipped. */
static void consumer_print(struct consumer *c, const rd_kafka_message_t *message)
{
    struct buf problem;
    buf_init(&problem);
    if (formatter_print(c->formatter, message, &c->out, &problem)) {
        bool skip = options_has(c->run->options, "skip-message-on-error");
        consumer_flush(c);
        tool_warn(c->run, "the record at offset %lld of %s-%d can't be printed: %s%s",
                  (long long)message->offset, rd_kafka_topic_name(message->rkt), message->partition,
                  buf_text(&problem),
                  skip ? ": skipped" : " (--skip-message-on-error goes on after such records)");
        c->failed = !skip;
    }
    buf_close(&problem);
}

/* The client library asks for such a batch again and again, and never gets past it. */
static bool consumer_is_stuck(const rd_kafka_message_t *message)
{
    return message->err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION ||
           message->err == RD_KAFKA_RESP_ERR__BAD_MSG;
}

static void consumer_take(struct consumer *c, const rd_kafka_message_t *message)
{
    if (consumer_has_enough(c) || c->failed)
        return;
    if (message->err) {
        consumer_flush(c);
        consumer_tell_error(c, message);
        c->failed = consumer_is_stuck(message);
        return;
    }
    c->count++;
    if (!c->silent)
        consumer_print(c, message);
    if (c->out.len > CONSUMER_OUT_BYTES)
        consumer_flush(c);
}

/* The batch is never larger than what is still wanted, so that nothing is taken and not printed. */
static ssize_t consumer_poll(struct consumer *c)
{
    rd_kafka_message_t *messages[CONSUMER_BATCH];
    ssize_t got = 0;
    if (c->group) {
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(c->rd, c->out.len ? 0 : CONSUMER_POLL_MS);
        if (message)
            messages[got++] = message;
    } else {
        int64_t left = c->max_messages < 0 ? CONSUMER_BATCH : c->max_messages - c->count;
        size_t most = left < CONSUMER_BATCH ? (size_t)left : CONSUMER_BATCH;
        got = rd_kafka_consume_batch_queue(c->queue, c->out.len ? 0 : CONSUMER_POLL_MS, messages,
                                           most);
        rd_kafka_poll(c->rd, 0);
    }
    for (ssize_t i = 0; i < got; i++) {
        consumer_take(c, messages[i]);
        rd_kafka_message_destroy(messages[i]);
    }
    return got;
}

/* Says once why nothing comes: no broker answers, or one keeps failing before the first record. */
static void consumer_warn(struct consumer *c, int64_t now)
{
    bool failing =
        c->watch.reason[0] && c->count == 0 && now - c->last_record_ms > CONSUMER_WARN_MS;
    if (c->warned || !(c->watch.all_down || failing))
        return;
    c->warned = true;
    fprintf(stderr, "%s: %s, trying on: %s\n", c->run->called,
            c->watch.all_down ? "no broker answers" : "nothing came yet", c->watch.reason);
}

static int consumer_loop(struct consumer *c)
{
    c->last_record_ms = rd_now_ms();
    while (!rd_interrupted() && !c->watch.fatal && !c->failed && !consumer_has_enough(c)) {
        int64_t now = rd_now_ms();
        if (!c->group && now >= c->next_scan_ms)
            consumer_scan(c);
        int64_t before = c->count;
        ssize_t got = consumer_poll(c);
        if (c->count > before)
            c->last_record_ms = now;
        if (got <= 0 && c->out.len > 0)
            consumer_flush(c);
        if (c->timeout_ms >= 0 && now - c->last_record_ms >= c->timeout_ms)
            break;
        if (ferror(stdout))
            return 1; /* the reader of the pipe is gone */
        consumer_warn(c, now);
    }
    consumer_flush(c);
    return c->watch.fatal ? tool_fail(c->run, "%s", c->watch.reason) : c->failed;
}

static int consumer_run_checked(struct consumer *c)
{
    if (tool_read_props(c->run, "command-config") || consumer_read_options(c) ||
        consumer_read_format(c) || consumer_open(c))
        return 1;
    rd_catch_signals();
    int status = consumer_loop(c);
    if (options_has(c->run->options, "enable-systest-events"))
        puts("shutdown_complete");
    fprintf(stderr, "Processed a total of %lld messages\n", (long long)c->count);
    return status;
}

static int consumer_run(struct tool_run *run)
{
    struct consumer *c = mem_alloc(sizeof(*c));
    c->run = run;
    c->formatter = formatter_new();
    buf_init(&c->out);
    int status = consumer_run_checked(c);
    consumer_close(c);
    mem_free(c);
    return status;
}

const struct tool tool_console_consumer = {
    .name = "console-consumer",
    .link = "kafka-console-consumer",
    .synopsis = "--bootstrap-server HOST:PORT --topic NAME [--from-beginning] ...",
    .summary = "Print the records of a topic.",
    .options = consumer_options,
    .run = consumer_run,
};
