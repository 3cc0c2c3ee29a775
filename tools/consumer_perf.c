/* kafka-consumer-perf-test: reads records of a topic as fast as they come, and says how fast.
 *
 * Happy path: a new group reads the topic until enough records have come; the time until the
 * partitions are assigned is told apart from that of reading. Failure modes: too few records within
 * the timeout (a line, and what was read), no broker (said once), a topic that is not there (the
 * same as no records). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "env/env.h"
#include "tools/date_format.h"
#include "tools/perf_stats.h"
#include "tools/rd_metrics.h"
#include "tools/rd_wait.h"
#include "tools/tools.h"

static const struct option_row perf_options[] = {
    TOOL_BOOTSTRAP_OPTIONS,
    OPTION_SAME("broker-list", "HOST:PORT,...", "bootstrap-server"),
    OPTION("topic", "NAME", "The topic to read."),
    OPTION("include", "REGEX", "Topics to read, instead of --topic."),
    OPTION("num-records", "N", "How many records to read."),
    OPTION_SAME("messages", "N", "num-records"),
    OPTION("group", "GROUP", "The consumer group (perf-consumer- and a number)."),
    OPTION("fetch-size", "BYTES", "The most bytes of a partition in one answer (1048576)."),
    OPTION("from-latest", NULL, "A new group begins at the end of the log, not at its beginning."),
    OPTION("socket-buffer-size", "BYTES", "The receive buffer of a connection (2097152)."),
    OPTION("timeout", "[MS]", "End when no record came for this long (10000)."),
    OPTION("reporting-interval", "MS", "How often a line is printed meanwhile (5000)."),
    OPTION("show-detailed-stats", NULL, "Print such lines instead of one at the end."),
    OPTION("date-format", "FORMAT", "How times are written (yyyy-MM-dd HH:mm:ss:SSS)."),
    OPTION("hide-header", NULL, "Print no names of the columns."),
    OPTION("print-metrics", NULL, "Print the client's metrics at the end (librdkafka's)."),
    OPTION_MANY("command-property", "NAME=VALUE", "A client setting."),
    OPTION("command-config", "FILE", "A file of client settings."),
    OPTION_SAME("consumer.config", "FILE", "command-config"),
    OPTION_OLD("threads", "N"),
    OPTION_OLD("num-fetch-threads", "N"),
    REPORT_OPTION,
    TOOL_LAST_OPTIONS,
};

enum { PERF_TIMEOUT_MS = 10000, PERF_REPORT_MS = 5000, PERF_POLL_MS = 100, PERF_WARN_MS = 3000 };
enum { PERF_FETCH_SIZE = 1 << 20, PERF_SOCKET_BUFFER = 2 << 20, PERF_GROUPS = 100000 };
enum { PERF_MB = 1024 * 1024 };

struct perf {
    struct tool_run *run;
    struct rd_watch watch;
    struct rd_metrics metrics;
    rd_kafka_t *rd;
    const char *topic, *include, *date_format, *group;
    char *made_up_group;
    int64_t wanted, timeout_ms, interval_ms, fetch_size, socket_buffer;
    bool detailed, warned;
    int64_t start_ms, wall_offset_ms; /* monotonic; what makes a wall clock of it */
    int64_t records, bytes;
    int64_t report_ms, reported_records, reported_bytes; /* of the last line */
    int64_t join_from_ms, join_ms, round_join_ms;        /* without partitions since; in all */
    int assigned;
    struct rd_told told;
};

/* ---- options ---- */

static int perf_read_group(struct perf *p)
{
    p->group = options_get(p->run->options, "group");
    if (p->group)
        return 0;
    int err = env_new(&p->run->env);
    if (err)
        return tool_fail(p->run, "%s", err_text(err));
    p->group = p->made_up_group =
        mem_printf("perf-consumer-%" PRIu64, env_random(p->run->env) % PERF_GROUPS);
    return 0;
}

static int perf_read_date_format(struct perf *p)
{
    const char *said = options_get(p->run->options, "date-format");
    struct buf problem;
    p->date_format = said ? said : "yyyy-MM-dd HH:mm:ss:SSS";
    buf_init(&problem);
    int err = date_format_check(p->date_format, &problem);
    if (err)
        tool_misuse(p->run, "--date-format %s", buf_text(&problem));
    buf_close(&problem);
    return err ? 1 : 0;
}

static int perf_read_numbers(struct perf *p)
{
    const struct tool_run *run = p->run;
    const char *timeout = options_get(run->options, "timeout");
    p->timeout_ms = PERF_TIMEOUT_MS;
    if (timeout && timeout[0] != '\0' &&
        tool_number(run, "timeout", 0, INT32_MAX, 0, &p->timeout_ms))
        return 1;
    return tool_number(run, "num-records", 0, INT64_MAX, 0, &p->wanted) ||
           tool_number(run, "reporting-interval", 1, INT32_MAX, PERF_REPORT_MS, &p->interval_ms) ||
           tool_number(run, "fetch-size", 1, 1000000000, PERF_FETCH_SIZE, &p->fetch_size) ||
           tool_number(run, "socket-buffer-size", 0, 100000000, PERF_SOCKET_BUFFER,
                       &p->socket_buffer);
}

static int perf_read_options(struct perf *p)
{
    const struct options *options = p->run->options;
    p->topic = options_get(options, "topic");
    p->include = options_get(options, "include");
    p->detailed = options_has(options, "show-detailed-stats");
    if (!p->topic == !p->include)
        return tool_misuse(p->run, "which topic? Give one of --topic NAME, --include REGEX");
    if (!options_has(options, "num-records"))
        return tool_misuse(p->run, "how many records? Give it with --num-records N");
    if (options_has(options, "threads") || options_has(options, "num-fetch-threads"))
        tool_warn(p->run, "--threads and --num-fetch-threads have no effect, as in Kafka's tool");
    return perf_read_numbers(p) || perf_read_date_format(p) || perf_read_group(p) ||
           tool_read_props(p->run, "command-config");
}

/* ---- the client ---- */

/* Time without any partition is that of joining. */
static void perf_note_assigned(struct perf *p, int count)
{
    int64_t now = rd_now_ms();
    if (p->assigned == 0 && count > 0) {
        p->join_ms += now - p->join_from_ms;
        p->round_join_ms += now - p->join_from_ms;
    }
    p->assigned += count;
    if (p->assigned == 0)
        p->join_from_ms = now;
}

static void perf_on_rebalance(rd_kafka_t *rd, rd_kafka_resp_err_t err,
                              rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct perf *p = CONTAINER_OF((struct rd_watch *)opaque, struct perf, watch);
    bool gives = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    perf_note_assigned(p, gives ? partitions->cnt : -partitions->cnt);
    rd_assign(rd, gives, partitions);
}

static int perf_on_stats(rd_kafka_t *rd, char *json, size_t len, void *opaque)
{
    struct perf *p = CONTAINER_OF((struct rd_watch *)opaque, struct perf, watch);
    (void)rd;
    return rd_metrics_take(&p->metrics, json, len);
}

static int perf_configure(struct perf *p, rd_kafka_conf_t *conf)
{
    struct tool_run *run = p->run;
    rd_take_bootstrap(run, "command-property");
    if (rd_set_bootstrap(run, conf) || rd_set(run, conf, "client.id", "perf-consumer-client") ||
        rd_set(run, conf, "check.crcs", "false") ||
        rd_set(run, conf, "fetch.error.backoff.ms", "50") ||
        rd_set(run, conf, "reconnect.backoff.max.ms", "1000") ||
        rd_set_all(run, conf, "command-property"))
        return 1;
    if (rd_set(run, conf, "group.id", p->group) ||
        rd_set_int(run, conf, "max.partition.fetch.bytes", p->fetch_size) ||
        rd_set_int(run, conf, "receive.buffer.bytes", p->socket_buffer) ||
        rd_set(run, conf, "auto.offset.reset",
               options_has(run->options, "from-latest") ? "latest" : "earliest"))
        return 1;
    rd_watch_errors(conf, &p->watch);
    rd_kafka_conf_set_rebalance_cb(conf, perf_on_rebalance);
    return rd_metrics_want(run, conf, perf_on_stats);
}

static int perf_open(struct perf *p)
{
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (perf_configure(p, conf)) {
        rd_kafka_conf_destroy(conf);
        return 1;
    }
    p->rd = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
    if (!p->rd) {
        rd_kafka_conf_destroy(conf);
        return tool_fail(p->run, "%s", error);
    }
    p->start_ms = p->join_from_ms = p->report_ms = rd_now_ms();
    p->wall_offset_ms = rd_wall_ms() - p->start_ms;
    return rd_subscribe(p->run, p->rd, p->topic, p->include);
}

/* ---- lines ---- */

/* Whether programs read what it prints; remarks are for people then. */
static bool perf_reports(const struct perf *p)
{
    return report_format(p->run) != REPORT_KAFKA;
}

static void perf_print_header(const struct perf *p)
{
    if (options_has(p->run->options, "hide-header") || perf_reports(p))
        return;
    printf("%s, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, "
           "fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n",
           p->detailed ? "time, threadId" : "start.time, end.time");
}

static void perf_print_time(const struct perf *p, int64_t now_ms)
{
    struct buf text;
    buf_init(&text);
    date_format_print(p->date_format, now_ms + p->wall_offset_ms, &text);
    fputs(buf_text(&text), stdout);
    buf_close(&text);
}

static void perf_print_rate(double value, double base)
{
    fputs(", ", stdout);
    perf_print_ratio(value, base, 4, stdout);
}

/* What an interval adds: "0, 1.9093, 0.4759, 20020, 4990.0299, 3808, 204, 9.3591, 98137.2549". */
static void perf_report(struct perf *p, int64_t now_ms)
{
    double ms = (double)(now_ms - p->report_ms);
    int64_t fetch_ms = now_ms - p->report_ms - p->round_join_ms;
    double mb = (double)(p->bytes - p->reported_bytes) / PERF_MB;
    double records = (double)(p->records - p->reported_records);
    bool any = fetch_ms > 0;
    if (p->detailed && !perf_reports(p)) {
        perf_print_time(p, now_ms);
        printf(", 0, %.4f", (double)p->bytes / PERF_MB);
        perf_print_rate(1000.0 * mb, ms);
        printf(", %" PRId64, p->records);
        perf_print_rate(1000.0 * records, ms);
        printf(", %" PRId64 ", %" PRId64, p->round_join_ms, fetch_ms);
        perf_print_rate(any ? 1000.0 * mb : 0, any ? (double)fetch_ms : 1);
        perf_print_rate(any ? 1000.0 * records : 0, any ? (double)fetch_ms : 1);
        putchar('\n');
        fflush(stdout);
    }
    p->round_join_ms = 0;
    p->report_ms = now_ms;
    p->reported_records = p->records;
    p->reported_bytes = p->bytes;
}

/* For programs. */
static void perf_report_total(const struct perf *p, int64_t end_ms)
{
    static const struct report_column columns[] = {{.name = "startTime"},
                                                   {.name = "endTime"},
                                                   {.name = "records"},
                                                   {.name = "bytes"},
                                                   {.name = "recordsPerSec"},
                                                   {.name = "mbPerSec"},
                                                   {.name = "rebalanceMs"},
                                                   {.name = "fetchMs"},
                                                   {.name = "fetchRecordsPerSec"},
                                                   {.name = "fetchMbPerSec"},
                                                   REPORT_END};
    struct report *report = report_new(NULL);
    int64_t ms = end_ms - p->start_ms, fetch_ms = ms - p->join_ms;
    double mb = (double)p->bytes / PERF_MB;
    report_columns(report, columns);
    report_number(report, p->start_ms + p->wall_offset_ms);
    report_number(report, end_ms + p->wall_offset_ms);
    report_number(report, p->records);
    report_number(report, p->bytes);
    perf_report_ratio(report, 1000.0 * (double)p->records, (double)ms);
    perf_report_ratio(report, 1000.0 * mb, (double)ms);
    report_number(report, p->join_ms);
    report_number(report, fetch_ms);
    perf_report_ratio(report, 1000.0 * (double)p->records, (double)fetch_ms);
    perf_report_ratio(report, 1000.0 * mb, (double)fetch_ms);
    report_print(report, report_format(p->run), stdout);
    report_free(report);
}

static void perf_print_total(const struct perf *p, int64_t end_ms)
{
    double seconds = (double)(end_ms - p->start_ms) / 1000.0;
    int64_t fetch_ms = end_ms - p->start_ms - p->join_ms;
    double mb = (double)p->bytes / PERF_MB;
    perf_print_time(p, p->start_ms);
    fputs(", ", stdout);
    perf_print_time(p, end_ms);
    printf(", %.4f", mb);
    perf_print_rate(mb, seconds);
    printf(", %" PRId64, p->records);
    perf_print_rate((double)p->records, seconds);
    printf(", %" PRId64 ", %" PRId64, p->join_ms, fetch_ms);
    perf_print_rate(mb, (double)fetch_ms / 1000.0);
    perf_print_rate((double)p->records, (double)fetch_ms / 1000.0);
    putchar('\n');
}

/* ---- the run ---- */

static void perf_tell_error(struct perf *p, const rd_kafka_message_t *message)
{
    if (rd_told_first(&p->told, message->err))
        tool_warn(p->run, "%s", rd_kafka_message_errstr(message));
}

static void perf_warn(struct perf *p)
{
    p->warned = p->warned || rd_watch_warn(p->run, &p->watch);
}

/* Whether a record came. */
static bool perf_take(struct perf *p)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(p->rd, PERF_POLL_MS);
    bool record = message && !message->err;
    if (record) {
        p->records++;
        p->bytes += (int64_t)(message->len + message->key_len);
    } else if (message) {
        perf_tell_error(p, message);
    }
    if (message)
        rd_kafka_message_destroy(message);
    return record;
}

static void perf_read(struct perf *p)
{
    int64_t now = rd_now_ms(), last_ms = now;
    while (p->records < p->wanted && now - last_ms <= p->timeout_ms && !rd_interrupted() &&
           !p->watch.fatal) {
        bool record = perf_take(p);
        now = rd_now_ms();
        if (record)
            last_ms = now;
        if (record && now - p->report_ms >= p->interval_ms)
            perf_report(p, now);
        rd_kafka_poll(p->rd, 0);
        perf_warn(p);
    }
    if (p->records < p->wanted && !rd_interrupted() && !p->watch.fatal)
        fprintf(perf_reports(p) ? stderr : stdout,
                "WARNING: Exiting before consuming the expected number of messages: timeout "
                "(%" PRId64 " ms) exceeded. You can use the --timeout option to increase the "
                "timeout.\n",
                p->timeout_ms);
}

static int perf_run_checked(struct perf *p)
{
    if (perf_read_options(p))
        return 1;
    perf_print_header(p);
    if (perf_open(p))
        return 1;
    rd_catch_signals();
    perf_read(p);
    int64_t end_ms = rd_now_ms();
    rd_kafka_consumer_close(p->rd);
    if (perf_reports(p))
        perf_report_total(p, end_ms);
    else if (!p->detailed)
        perf_print_total(p, end_ms);
    if (options_has(p->run->options, "print-metrics"))
        rd_metrics_print(&p->metrics, p->rd, perf_reports(p) ? stderr : stdout);
    if (p->watch.fatal)
        return tool_fail(p->run, "%s", p->watch.reason);
    return rd_signal_status();
}

static int perf_run(struct tool_run *run)
{
    struct perf *p = mem_alloc(sizeof(*p));
    p->run = run;
    int status = perf_run_checked(p);
    if (p->rd)
        rd_kafka_destroy(p->rd);
    rd_metrics_close(&p->metrics);
    mem_free(p->made_up_group);
    mem_free(p);
    return status;
}

const struct tool tool_consumer_perf = {
    .name = "consumer-perf-test",
    .link = "kafka-consumer-perf-test",
    .synopsis = "--bootstrap-server HOST:PORT --topic NAME --num-records N ...",
    .summary = "Read many records of a topic, and say how fast that went.",
    .options = perf_options,
    .run = perf_run,
};
