/* kafka-e2e-latency: how long a record takes from the producer through the cluster to a consumer.
 *
 * Happy path: the consumer stands at the end of each partition; a record is written, acknowledged
 * and read, then the next; the times give an average and percentiles. Kafka's form before 4.2, five
 * or six arguments without names, is taken too. Failure modes: the topic is not there (it is made),
 * a record that does not come within a minute, or another one instead (a sentence, status 1). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/sort.h"
#include "tools/rd.h"
#include "tools/perf_stats.h"
#include "tools/report.h"
#include "tools/rd_wait.h"
#include "tools/tools.h"

static const struct option_row e2e_options[] = {
    TOOL_BOOTSTRAP_OPTIONS,
    OPTION("topic", "NAME", "The topic to write to and to read; made if it is not there."),
    OPTION("num-records", "N", "How many records, one after another."),
    OPTION("producer-acks", "1|all",
           "Who acknowledges a record: its leader, all in-sync replicas."),
    OPTION("record-size", "BYTES", "The size of a record's value."),
    OPTION("record-key-size", "BYTES", "The size of its key (0: no key)."),
    OPTION("num-headers", "N", "How many headers it has (0)."),
    OPTION("record-header-key-size", "BYTES", "The size of a header's key (0)."),
    OPTION("record-header-size", "BYTES", "The size of a header's value; -1: null (0)."),
    OPTION("command-config", "FILE", "A file of client settings."),
    REPORT_OPTION,
    TOOL_LAST_OPTIONS,
};

enum { E2E_POLL_MS = 60000, E2E_TURN_MS = 1000, E2E_ADMIN_MS = 30000, E2E_PROGRESS = 1000 };
enum { E2E_ARGUMENTS_MIN = 5, E2E_ARGUMENTS_MAX = 6 };

struct e2e {
    struct tool_run *run;
    struct rd_watch watch, consumer_watch;
    rd_kafka_t *producer, *consumer;
    rd_kafka_topic_t *handle; /* of the producer */
    const char *bootstrap, *topic, *acks;
    int64_t records, value_size, key_size, headers, header_key_size, header_size;
    char *value, *key, *header_key, *header_value;
    bool answered;
    rd_kafka_resp_err_t answer; /* of the record that is under way */
};

static int64_t e2e_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- options ---- */

/* The number that the text is; 0, or 1 with the message printed. */
/* Whether programs read what it prints; remarks are for people then. */
static bool e2e_reports(const struct e2e *e)
{
    return report_format(e->run) != REPORT_KAFKA;
}

static int e2e_number(const struct e2e *e, const char *name, const char *text, int64_t min,
                      int64_t *value)
{
    char *end;
    *value = strtoll(text, &end, 10);
    if (end != text && *end == '\0' && *value >= min && *value <= INT32_MAX)
        return 0;
    return tool_misuse(e->run, "%s %s: write a whole number from %" PRId64 " to %d", name, text,
                       min, INT32_MAX);
}

static int e2e_option_number(const struct e2e *e, const char *name, int64_t min, int64_t *value)
{
    const char *text = options_get(e->run->options, name);
    char dashed[32];
    snprintf(dashed, sizeof(dashed), "--%s", name);
    return text && text[0] ? e2e_number(e, dashed, text, min, value) : 0;
}

/* broker_list topic num_messages acks size [properties_file] */
static int e2e_read_positional(struct e2e *e)
{
    const struct options *options = e->run->options;
    const char *file = options_positional(options, E2E_ARGUMENTS_MIN);
    if (!options_positional(options, E2E_ARGUMENTS_MIN - 1))
        return tool_misuse(e->run, "write five or six arguments: HOST:PORT TOPIC RECORDS ACKS SIZE "
                                   "[PROPERTIES_FILE]; or give them by --bootstrap-server, "
                                   "--topic, --num-records, --producer-acks, --record-size");
    if (options_has(options, "topic") || options_has(options, "num-records") ||
        options_has(options, "bootstrap-server"))
        return tool_misuse(e->run, "%s: arguments without names, or options: not both",
                           options_positional(options, 0));
    fputs("WARNING: Positional argument usage is deprecated and will be removed in Apache Kafka "
          "5.0. Please use named arguments instead: --bootstrap-server, --topic, --num-records, "
          "--producer-acks, --record-size, --command-config\n",
          e2e_reports(e) ? stderr : stdout);
    e->bootstrap = options_positional(options, 0);
    e->topic = options_positional(options, 1);
    e->acks = options_positional(options, 3);
    if (e2e_number(e, "num_messages", options_positional(options, 2), 1, &e->records) ||
        e2e_number(e, "message_size_bytes", options_positional(options, 4), 0, &e->value_size))
        return 1;
    return file && file[0] ? tool_read_props_file(e->run, "properties_file", file) : 0;
}

static int e2e_read_named(struct e2e *e)
{
    static const char *const needed[] = {"topic", "num-records", "producer-acks", "record-size"};
    const struct options *options = e->run->options;
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!options_has(options, needed[i]))
            return tool_misuse(e->run,
                               "--%s is missing: give --topic, --num-records, "
                               "--producer-acks and --record-size",
                               needed[i]);
    e->topic = options_get(options, "topic");
    e->acks = options_get(options, "producer-acks");
    return e2e_option_number(e, "num-records", 1, &e->records) ||
           e2e_option_number(e, "record-size", 0, &e->value_size) ||
           e2e_option_number(e, "record-key-size", 0, &e->key_size) ||
           e2e_option_number(e, "num-headers", 0, &e->headers) ||
           e2e_option_number(e, "record-header-key-size", 0, &e->header_key_size) ||
           e2e_option_number(e, "record-header-size", -1, &e->header_size) ||
           tool_read_props(e->run, "command-config");
}

static int e2e_read_options(struct e2e *e)
{
    int status =
        options_positional(e->run->options, 0) ? e2e_read_positional(e) : e2e_read_named(e);
    if (status == 0 && strcmp(e->acks, "1") != 0 && strcmp(e->acks, "all") != 0)
        status = tool_misuse(e->run,
                             "--producer-acks %s: latency can be measured only of what is "
                             "acknowledged: write 1 or all",
                             e->acks);
    if (e->bootstrap)
        props_set(&e->run->props, "bootstrap.servers", e->bootstrap);
    return status;
}

/* ---- clients ---- */

static void e2e_on_delivery(rd_kafka_t *rd, const rd_kafka_message_t *message, void *opaque)
{
    struct e2e *e = CONTAINER_OF((struct rd_watch *)opaque, struct e2e, watch);
    (void)rd;
    e->answered = true;
    e->answer = message->err;
}

static int e2e_configure_consumer(struct e2e *e, rd_kafka_conf_t *conf)
{
    struct tool_run *run = e->run;
    char group[64];
    snprintf(group, sizeof(group), "test-group-%" PRId64, rd_wall_ms());
    rd_watch_errors(conf, &e->consumer_watch);
    return rd_set_bootstrap(run, conf) || rd_set_all(run, conf, NULL) ||
           rd_set(run, conf, "group.id", group) ||
           rd_set(run, conf, "enable.auto.commit", "false") ||
           rd_set(run, conf, "auto.offset.reset", "latest") ||
           rd_set(run, conf, "socket.nagle.disable", "true") ||
           rd_set(run, conf, "fetch.error.backoff.ms", "10");
}

static int e2e_configure_producer(struct e2e *e, rd_kafka_conf_t *conf)
{
    struct tool_run *run = e->run;
    rd_watch_errors(conf, &e->watch);
    rd_kafka_conf_set_dr_msg_cb(conf, e2e_on_delivery);
    return rd_set_bootstrap(run, conf) || rd_set_all(run, conf, NULL) ||
           rd_set(run, conf, "linger.ms", "0") || rd_set(run, conf, "acks", e->acks) ||
           rd_set(run, conf, "socket.nagle.disable", "true");
}

static rd_kafka_t *e2e_open(struct e2e *e, rd_kafka_type_t type,
                            int (*configure)(struct e2e *, rd_kafka_conf_t *))
{
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *rd = NULL;
    if (configure(e, conf) == 0) {
        rd = rd_kafka_new(type, conf, error, sizeof(error));
        if (rd)
            return rd;
        tool_fail(e->run, "%s", error);
    }
    rd_kafka_conf_destroy(conf);
    return NULL;
}

/* ---- the topic ---- */

/* 0, or 1 with the message printed: what the cluster said of the new topic. */
static int e2e_check_created(const struct e2e *e, rd_kafka_event_t *event)
{
    size_t count = 0;
    if (!event)
        return tool_fail(e->run, "Creation of topic %s failed: no answer within %d s", e->topic,
                         E2E_ADMIN_MS / 1000);
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **topics =
        result ? rd_kafka_CreateTopics_result_topics(result, &count) : NULL;
    if (rd_kafka_event_error(event))
        return tool_fail(e->run, "Creation of topic %s failed: %s", e->topic,
                         rd_kafka_event_error_string(event));
    if (count == 1 && rd_kafka_topic_result_error(topics[0]))
        return tool_fail(e->run, "Creation of topic %s failed: %s", e->topic,
                         rd_kafka_topic_result_error_string(topics[0]));
    return 0;
}

static int e2e_create_topic(struct e2e *e)
{
    char error[512];
    fprintf(e2e_reports(e) ? stderr : stdout,
            "Topic \"%s\" does not exist. Will create topic with 1 partition(s) and replication "
            "factor = 1\n",
            e->topic);
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(e->topic, 1, 1, error, sizeof(error));
    if (!topic)
        return tool_fail(e->run, "Creation of topic %s failed: %s", e->topic, error);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(e->producer);
    rd_kafka_CreateTopics(e->producer, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, E2E_ADMIN_MS);
    int status = e2e_check_created(e, event);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
    return status;
}

/* How many partitions the topic has, 0 = it is not there; or -1 with the message printed. */
static int e2e_partitions(struct e2e *e)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t err = rd_kafka_metadata(e->producer, 1, NULL, &metadata, E2E_ADMIN_MS);
    int count = 0;
    rd_kafka_poll(e->producer, 0);
    if (err) {
        tool_fail(e->run, "the topics can't be listed: %s%s%s", rd_kafka_err2str(err),
                  e->watch.reason[0] ? ": " : "", e->watch.reason);
        return -1;
    }
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, e->topic) == 0)
            count = metadata->topics[i].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return count;
}

/* The consumer at the end of each partition. */
static int e2e_assign(struct e2e *e, int count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int32_t i = 0; i < count && !err; i++) {
        int64_t low, high;
        err = rd_kafka_query_watermark_offsets(e->consumer, e->topic, i, &low, &high, E2E_ADMIN_MS);
        rd_kafka_topic_partition_list_add(list, e->topic, i)->offset = high;
    }
    if (!err)
        err = rd_kafka_assign(e->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err ? tool_fail(e->run, "the end of %s can't be found: %s", e->topic,
                           rd_kafka_err2str(err))
               : 0;
}

static int e2e_prepare(struct e2e *e)
{
    int count = e2e_partitions(e);
    int64_t deadline = rd_now_ms() + E2E_ADMIN_MS;
    if (count == 0 && e2e_create_topic(e))
        return 1;
    while (count == 0 && rd_now_ms() < deadline && !rd_interrupted()) {
        count = e2e_partitions(e);
        if (count == 0)
            rd_kafka_poll(e->producer, 10);
    }
    if (count == 0)
        return tool_fail(e->run, "%s was made, and no broker knows it yet: try again", e->topic);
    return count < 0 || e2e_assign(e, count);
}

/* ---- a record ---- */

/* Letters, all the same, as Kafka's tool has them; NULL for a size below 0. */
static char *e2e_letters(int64_t size, int64_t i)
{
    if (size < 0)
        return NULL;
    char *text = mem_alloc((size_t)size + 1);
    memset(text, 'A' + (int)((i * 7 + size) % 26), (size_t)size);
    return text;
}

static void e2e_drop_texts(struct e2e *e)
{
    mem_free(e->value);
    mem_free(e->key);
    mem_free(e->header_key);
    mem_free(e->header_value);
}

static void e2e_make_texts(struct e2e *e, int64_t i)
{
    e2e_drop_texts(e);
    e->value = e2e_letters(e->value_size, i);
    e->key = e2e_letters(e->key_size > 0 ? e->key_size : -1, i + 1);
    e->header_key = e2e_letters(e->header_key_size, i + 2);
    e->header_value = e2e_letters(e->header_size, i + 3);
}

static int e2e_send(struct e2e *e)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new((size_t)e->headers);
    e->answered = false;
    for (int64_t i = 0; i < e->headers; i++)
        rd_kafka_header_add(headers, e->header_key, (ssize_t)e->header_key_size, e->header_value,
                            e->header_value ? (ssize_t)e->header_size : 0);
    rd_kafka_resp_err_t err = rd_kafka_producev(
        e->producer, RD_KAFKA_V_RKT(e->handle), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE(e->value, (size_t)e->value_size),
        RD_KAFKA_V_KEY(e->key, e->key ? (size_t)e->key_size : 0), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_END);
    if (err)
        rd_kafka_headers_destroy(headers);
    while (!err && !e->answered && !rd_interrupted() && !e->watch.fatal)
        rd_kafka_poll(e->producer, E2E_TURN_MS);
    if (!err && e->answered)
        err = e->answer;
    if (err || !e->answered)
        return tool_fail(e->run, "a record was not acknowledged: %s%s%s",
                         err ? rd_kafka_err2str(err) : "interrupted",
                         e->watch.reason[0] ? ": " : "", e->watch.reason);
    return 0;
}

static bool e2e_same(const char *sent, int64_t sent_len, const void *read, size_t read_len)
{
    if (!sent || !read)
        return !sent && !read;
    return (size_t)sent_len == read_len && memcmp(sent, read, read_len) == 0;
}

static bool e2e_same_headers(const struct e2e *e, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    rd_kafka_message_headers(message, &headers);
    int64_t count = headers ? (int64_t)rd_kafka_header_cnt(headers) : 0;
    bool same = count == e->headers;
    for (int64_t i = 0; i < count && same; i++) {
        const char *name;
        const void *value;
        size_t size;
        same = rd_kafka_header_get_all(headers, (size_t)i, &name, &value, &size) ==
                   RD_KAFKA_RESP_ERR_NO_ERROR &&
               strcmp(name, e->header_key) == 0 &&
               e2e_same(e->header_value, e->header_size, value, size);
    }
    return same;
}

static int e2e_check(const struct e2e *e, const rd_kafka_message_t *message)
{
    /* librdkafka tells an empty value from none by the pointer only */
    bool same =
        e2e_same(e->value, e->value_size, message->payload ? message->payload : "", message->len) &&
        e2e_same(e->key, e->key_size, message->key, message->key_len) &&
        e2e_same_headers(e, message);
    return same ? 0
                : tool_fail(e->run,
                            "the record that was read, offset %" PRId64 " of %s-%d, is not "
                            "the one that was sent: does another program write there?",
                            message->offset, e->topic, message->partition);
}

static int e2e_receive(struct e2e *e, int64_t begin_ns, int64_t *elapsed_ns)
{
    int64_t deadline = rd_now_ms() + E2E_POLL_MS;
    while (rd_now_ms() < deadline && !rd_interrupted() && !e->consumer_watch.fatal) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(e->consumer, E2E_TURN_MS);
        *elapsed_ns = e2e_now_ns() - begin_ns;
        if (!message)
            continue;
        int status = message->err ? 0 : e2e_check(e, message);
        bool found = !message->err;
        rd_kafka_message_destroy(message);
        if (found)
            return status;
    }
    if (rd_interrupted())
        return 1;
    return tool_fail(e->run, "a record that was acknowledged did not come within %d s%s%s",
                     E2E_POLL_MS / 1000, e->consumer_watch.reason[0] ? ": " : "",
                     e->consumer_watch.reason);
}

/* ---- the run ---- */

/* "65.395553", without zeros that say nothing: "7.0". */
static void e2e_print_ms(int64_t ns)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%.6f", (double)ns / 1000000.0);
    while (text[len - 1] == '0' && text[len - 2] != '.')
        text[--len] = '\0';
    fputs(text, stdout);
}

static int64_t e2e_percentile(const int64_t *sorted, int64_t count, double part)
{
    return sorted[(int64_t)((double)count * part)] / 1000000;
}

/* For programs; sorted. */
static void e2e_report(const struct e2e *e, const int64_t *latencies, int64_t count, double total)
{
    static const struct report_column columns[] = {
        {.name = "records"},      {.name = "avgLatencyMs"},  {.name = "p50LatencyMs"},
        {.name = "p99LatencyMs"}, {.name = "p999LatencyMs"}, REPORT_END};
    struct report *report = report_new(NULL);
    report_columns(report, columns);
    report_number(report, count);
    perf_report_ratio(report, total / 1000000.0, (double)count);
    report_number(report, e2e_percentile(latencies, count, 0.5));
    report_number(report, e2e_percentile(latencies, count, 0.99));
    report_number(report, e2e_percentile(latencies, count, 0.999));
    report_print(report, report_format(e->run), stdout);
    report_free(report);
}

static void e2e_print_results(const struct e2e *e, int64_t *latencies, int64_t count)
{
    double total = 0;
    for (int64_t i = 0; i < count; i++)
        total += (double)latencies[i];
    sort_int64(latencies, (size_t)count);
    if (e2e_reports(e)) {
        e2e_report(e, latencies, count, total);
        return;
    }
    printf("Avg latency: %.4f ms\n", total / (double)count / 1000000.0);
    printf("Percentiles: 50th = %" PRId64 ", 99th = %" PRId64 ", 99.9th = %" PRId64 "\n",
           e2e_percentile(latencies, count, 0.5), e2e_percentile(latencies, count, 0.99),
           e2e_percentile(latencies, count, 0.999));
}

static int e2e_measure(struct e2e *e)
{
    int64_t *latencies = mem_alloc((size_t)e->records * sizeof(*latencies));
    int status = 0;
    for (int64_t i = 0; i < e->records && status == 0; i++) {
        e2e_make_texts(e, i);
        int64_t begin = e2e_now_ns();
        status = e2e_send(e) || e2e_receive(e, begin, &latencies[i]);
        if (status == 0 && i % E2E_PROGRESS == 0 && !e2e_reports(e)) {
            printf("%" PRId64 "\t", i);
            e2e_print_ms(latencies[i]);
            putchar('\n');
            fflush(stdout);
        }
    }
    if (status == 0)
        e2e_print_results(e, latencies, e->records);
    mem_free(latencies);
    return rd_interrupted() ? rd_signal_status() : status;
}

static int e2e_run_checked(struct e2e *e)
{
    if (e2e_read_options(e))
        return 1;
    e->producer = e2e_open(e, RD_KAFKA_PRODUCER, e2e_configure_producer);
    e->consumer = e->producer ? e2e_open(e, RD_KAFKA_CONSUMER, e2e_configure_consumer) : NULL;
    if (!e->consumer)
        return 1;
    rd_kafka_poll_set_consumer(e->consumer);
    rd_catch_signals();
    if (e2e_prepare(e))
        return 1;
    e->handle = rd_kafka_topic_new(e->producer, e->topic, NULL);
    return e2e_measure(e);
}

static int e2e_run(struct tool_run *run)
{
    struct e2e *e = mem_alloc(sizeof(*e));
    e->run = run;
    int status = e2e_run_checked(e);
    if (e->handle)
        rd_kafka_topic_destroy(e->handle);
    if (e->consumer) {
        rd_kafka_consumer_close(e->consumer);
        rd_kafka_destroy(e->consumer);
    }
    if (e->producer)
        rd_kafka_destroy(e->producer);
    e2e_drop_texts(e);
    mem_free(e);
    return status;
}

const struct tool tool_e2e_latency = {
    .name = "e2e-latency",
    .link = "kafka-e2e-latency",
    .synopsis = "--bootstrap-server HOST:PORT --topic NAME --num-records N --producer-acks 1|all "
                "--record-size BYTES ...",
    .summary = "Measure how long records take from a producer to a consumer.",
    .options = e2e_options,
    .positional = E2E_ARGUMENTS_MAX,
    .run = e2e_run,
};
