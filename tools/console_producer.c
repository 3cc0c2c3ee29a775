/* kafka-console-producer: each line of stdin becomes a record.
 *
 * Happy path: a line is read, split into headers, key and value as the reader properties say, and
 * handed to librdkafka, which batches; at the end of the input everything is flushed. Failure
 * modes: a line that does not have the parts (an error, unless ignore.error); a record that can't
 * be delivered (logged, the tool goes on, and ends with 1); no broker at all (said once, while it
 * keeps trying). */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/plural.h"
#include "tools/rd_wait.h"
#include "tools/tools.h"

static const struct option_row producer_options[] = {
    TOOL_BOOTSTRAP_OPTIONS,
    OPTION_SAME("broker-list", "HOST:PORT,...", "bootstrap-server"),
    OPTION("topic", "NAME", "The topic to write to."),
    OPTION("sync", NULL, "Wait for each record before the next."),
    OPTION("compression-codec", "[none|gzip|snappy|lz4|zstd]", "The codec; alone: gzip."),
    OPTION("batch-size", "N", "The most bytes in a batch (16384)."),
    OPTION("message-send-max-retries", "N", "How often a record is sent again."),
    OPTION("retry-backoff-ms", "N", "The wait before that (100)."),
    OPTION("timeout", "N", "How long records are gathered for a batch, in ms (5)."),
    OPTION_WORDS("request-required-acks", "N", "all|-1|1|0",
                 "0, 1 or -1 (all): nobody, the leader, all in-sync replicas (-1)."),
    OPTION("request-timeout-ms", "N", "How long a broker may take to answer."),
    OPTION("metadata-expiry-ms", "N", "How old what is known of the cluster may get (300000)."),
    OPTION("max-block-ms", "N", "How long records wait while no broker answers (60000)."),
    OPTION("max-memory-bytes", "N", "The buffer for records (33554432)."),
    OPTION("max-partition-memory-bytes", "N", "An older name of --batch-size; it wins."),
    OPTION("socket-buffer-size", "N", "The send buffer of a connection (102400)."),
    OPTION("line-reader", "CLASS", "Only the built-in reader of lines is available."),
    OPTION_MANY("reader-property", "NAME=VALUE",
                "parse.key, key.separator, parse.headers, headers.delimiter, headers.separator, "
                "headers.key.separator, null.marker, ignore.error."),
    OPTION_SAME("property", "NAME=VALUE", "reader-property"),
    OPTION("reader-config", "FILE", "A file of reader properties."),
    OPTION_MANY("command-property", "NAME=VALUE", "A client setting, such as linger.ms=50."),
    OPTION_SAME("producer-property", "NAME=VALUE", "command-property"),
    OPTION("command-config", "FILE", "A file of client settings."),
    OPTION_SAME("producer.config", "FILE", "command-config"),
    TOOL_LAST_OPTIONS,
};

/* A record that waits for a dead cluster for longer than that is given up, as in Java's clients. */
enum { PRODUCER_DELIVERY_MS = 120000 };
enum { PRODUCER_HEADERS_MAX = 256 };

struct producer {
    struct tool_run *run;
    struct rd_watch watch;
    rd_kafka_t *rd;
    const char *topic;
    bool parse_key, parse_headers, ignore_error, sync, terminal;
    char *key_separator, *headers_delimiter, *headers_separator, *headers_key_separator;
    char *null_marker; /* NULL = none */
    uint64_t line;
    uint64_t failed;
    struct rd_wait wait;
};

/* ---- settings ---- */

static void producer_replace(char **slot, const char *value)
{
    mem_free(*slot);
    *slot = rd_unescape(value);
}

static bool producer_set_reader(struct producer *p, const char *name, const char *value)
{
    bool on = strcasecmp(value, "true") == 0;
    if (strcmp(name, "parse.key") == 0)
        p->parse_key = on;
    else if (strcmp(name, "parse.headers") == 0)
        p->parse_headers = on;
    else if (strcmp(name, "ignore.error") == 0)
        p->ignore_error = on;
    else if (strcmp(name, "key.separator") == 0)
        producer_replace(&p->key_separator, value);
    else if (strcmp(name, "headers.delimiter") == 0)
        producer_replace(&p->headers_delimiter, value);
    else if (strcmp(name, "headers.separator") == 0)
        producer_replace(&p->headers_separator, value);
    else if (strcmp(name, "headers.key.separator") == 0)
        producer_replace(&p->headers_key_separator, value);
    else if (strcmp(name, "null.marker") == 0)
        producer_replace(&p->null_marker, value);
    else
        return false;
    return true;
}

/* A separator that is empty or the same as another one cuts a line nowhere, or anywhere. */
static int producer_check_reader(const struct producer *p)
{
    const struct {
        const char *name, *text;
        bool used;
    } texts[] = {
        {"key.separator", p->key_separator, p->parse_key},
        {"headers.delimiter", p->headers_delimiter, p->parse_headers},
        {"headers.separator", p->headers_separator, p->parse_headers},
        {"headers.key.separator", p->headers_key_separator, p->parse_headers},
        {"null.marker", p->null_marker, p->null_marker != NULL},
    };
    enum { MAY_EQUAL_HEADERS = 1 }; /* key.separator and headers.delimiter are both a tab */
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].used && texts[i].text[0] == '\0' && i + 1 < ARRAY_LEN(texts))
            return tool_misuse(p->run, "%s is empty: write at least one character", texts[i].name);
        for (size_t j = i + 1; j < ARRAY_LEN(texts); j++)
            if (texts[i].used && texts[j].used && strcmp(texts[i].text, texts[j].text) == 0 &&
                !(i == 0 && j < ARRAY_LEN(texts) - MAY_EQUAL_HEADERS))
                return tool_misuse(p->run, "%s and %s are the same: give each its own",
                                   texts[i].name, texts[j].name);
    }
    return 0;
}

static int producer_read_properties(struct producer *p)
{
    struct tool_run file = *p->run;
    const char *pair, *value;
    char name[64];
    size_t cursor = 0;
    int status = 0;
    props_init(&file.props);
    if (tool_read_props(&file, "reader-config"))
        return 1;
    for (size_t i = 0; i < file.props.count && status == 0; i++)
        if (!producer_set_reader(p, file.props.entries[i].key, file.props.entries[i].value))
            status = tool_misuse(p->run, "%s is not a reader property", file.props.entries[i].key);
    props_close(&file.props);
    while (status == 0 && (pair = options_next(p->run->options, "reader-property", &cursor)))
        if (!rd_split(pair, name, &value) || !producer_set_reader(p, name, value))
            status = tool_misuse(p->run, "--%s %s is not a property of the reader",
                                 options_written(p->run->options, "reader-property"), pair);
    return status ? status : producer_check_reader(p);
}

struct producer_number {
    const char *option;
    const char *setting;
    int64_t min, max, otherwise; /* otherwise -1 and not given: left alone */
};
static const struct producer_number producer_numbers[] = {
    {"batch-size", "batch.size", 1, INT32_MAX, 16384},
    {"max-partition-memory-bytes", "batch.size", 1, INT32_MAX, -1},
    {"message-send-max-retries", "retries", 0, INT32_MAX, -1},
    {"retry-backoff-ms", "retry.backoff.ms", 1, 300000, 100},
    {"timeout", "linger.ms", 0, 900000, 5},
    {"request-timeout-ms", "request.timeout.ms", 1, 900000, -1},
    {"metadata-expiry-ms", "metadata.max.age.ms", 1, 86400000, 300000},
    {"max-memory-bytes", "buffer.memory", 1024, INT32_MAX, 33554432},
    {"socket-buffer-size", "send.buffer.bytes", 0, 100000000, 102400},
};

static int producer_set_numbers(const struct tool_run *run, rd_kafka_conf_t *conf)
{
    int status = 0;
    for (size_t i = 0; i < ARRAY_LEN(producer_numbers) && status == 0; i++) {
        const struct producer_number *row = &producer_numbers[i];
        int64_t value;
        bool given = options_has(run->options, row->option);
        status = tool_number(run, row->option, row->min, row->max, row->otherwise, &value);
        if (status == 0 && (given || row->otherwise >= 0))
            status = rd_set_int(run, conf, row->setting, value);
    }
    return status;
}

/* "a|b|c": whether `value` is one of them. */
static bool producer_is_one_of(const char *words, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = words; *at;) {
        size_t n = strcspn(at, "|");
        if (n == len && memcmp(at, value, n) == 0)
            return true;
        at += n + (at[n] == '|');
    }
    return false;
}

static int producer_set_words(const struct tool_run *run, rd_kafka_conf_t *conf)
{
    const char *codec = options_get(run->options, "compression-codec");
    const char *acks = options_get(run->options, "request-required-acks");
    if (codec && codec[0] == '\0')
        codec = "gzip";
    if (codec && !producer_is_one_of("none|gzip|snappy|lz4|zstd", codec))
        return tool_misuse(run, "--compression-codec %s: write none, gzip, snappy, lz4 or zstd",
                           codec);
    if (acks && !producer_is_one_of("0|1|-1|all", acks))
        return tool_misuse(run, "--request-required-acks %s: write 0, 1, -1 or all", acks);
    if (codec && rd_set(run, conf, "compression.type", codec))
        return 1;
    return acks ? rd_set(run, conf, "acks", acks) : 0;
}

/* Idempotent by default, as Java's producers are: a retry can't double a record. */
static bool producer_is_idempotent(const struct tool_run *run)
{
    return rd_wants_idempotence(run, "command-property",
                                options_get(run->options, "request-required-acks")) &&
           !options_has(run->options, "message-send-max-retries");
}

static void producer_on_delivery(rd_kafka_t *rd, const rd_kafka_message_t *message, void *opaque)
{
    struct rd_watch *watch = opaque;
    struct producer *p = CONTAINER_OF(watch, struct producer, watch);
    (void)rd;
    if (!message->err) {
        p->wait.answered = true;
        return;
    }
    p->failed++;
    if (message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return; /* rd_wait_turn has told */
    fprintf(stderr, "%s: a record was not delivered: %s%s%s\n", p->run->called,
            rd_kafka_err2str(message->err), watch->reason[0] ? ": " : "", watch->reason);
}

static int producer_configure(struct producer *p, rd_kafka_conf_t *conf)
{
    struct tool_run *run = p->run;
    rd_take_bootstrap(run, "command-property");
    if (rd_set_bootstrap(run, conf) || rd_set(run, conf, "client.id", "console-producer") ||
        rd_set_int(run, conf, "message.timeout.ms", PRODUCER_DELIVERY_MS) ||
        rd_set(run, conf, "reconnect.backoff.max.ms", "1000"))
        return 1;
    if (producer_is_idempotent(run) && rd_set(run, conf, "enable.idempotence", "true"))
        return 1;
    if (producer_set_numbers(run, conf) || producer_set_words(run, conf) ||
        rd_set_all(run, conf, "command-property"))
        return 1;
    rd_watch_errors(conf, &p->watch);
    rd_kafka_conf_set_dr_msg_cb(conf, producer_on_delivery);
    return 0;
}

static int producer_open(struct producer *p)
{
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (producer_configure(p, conf)) {
        rd_kafka_conf_destroy(conf);
        return 1;
    }
    p->rd = p->wait.rd = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
    if (p->rd)
        return 0;
    rd_kafka_conf_destroy(conf);
    return tool_fail(p->run, "%s", error);
}

/* ---- a line ---- */

struct producer_record {
    const char *key, *value; /* NULL = null */
    size_t key_len, value_len;
    rd_kafka_headers_t *headers;
};

static int producer_bad_line(const struct producer *p, const char *what, const char *separator)
{
    return tool_fail(p->run, "line %llu has no %s: \"%s\" is missing", (unsigned long long)p->line,
                     what, separator);
}

static bool producer_is_null(const struct producer *p, const char *text, size_t len)
{
    return p->null_marker && strlen(p->null_marker) == len &&
           memcmp(p->null_marker, text, len) == 0;
}

/* "h1:v1,h2:v2"; 0, or 1 with the message printed. With ignore.error a header without a value has
 * null, as in Kafka's tool. */
static int producer_parse_headers(const struct producer *p, const char *text, size_t len,
                                  rd_kafka_headers_t *headers)
{
    size_t separator_len = strlen(p->headers_separator);
    size_t key_separator_len = strlen(p->headers_key_separator);
    while (len > 0) {
        const char *end = memmem(text, len, p->headers_separator, separator_len);
        size_t header_len = end ? (size_t)(end - text) : len;
        const char *middle = memmem(text, header_len, p->headers_key_separator, key_separator_len);
        if (!middle && !p->ignore_error)
            return producer_bad_line(p, "header value", p->headers_key_separator);
        size_t name_len = middle ? (size_t)(middle - text) : header_len;
        const char *value = middle ? middle + key_separator_len : NULL;
        size_t value_len = middle ? header_len - name_len - key_separator_len : 0;
        if (producer_is_null(p, text, name_len))
            return tool_fail(p->run,
                             "line %llu: a header's key is equal to null.marker (%s), and no "
                             "header's key can be null",
                             (unsigned long long)p->line, p->null_marker);
        if (value && producer_is_null(p, value, value_len))
            value = NULL;
        rd_kafka_header_add(headers, text, (ssize_t)name_len, value,
                            value ? (ssize_t)value_len : 0);
        size_t used = header_len + (end ? separator_len : 0);
        text += used;
        len -= used;
    }
    return 0;
}

/* Cuts "headers <delim> key <sep> value"; 0, or 1 with the message printed. */
static int producer_parse(const struct producer *p, const char *text, size_t len,
                          struct producer_record *record)
{
    if (p->parse_headers) {
        const char *end = memmem(text, len, p->headers_delimiter, strlen(p->headers_delimiter));
        if (!end && !p->ignore_error)
            return producer_bad_line(p, "headers", p->headers_delimiter);
        if (end) {
            record->headers = rd_kafka_headers_new(PRODUCER_HEADERS_MAX);
            if (!producer_is_null(p, text, (size_t)(end - text)) &&
                producer_parse_headers(p, text, (size_t)(end - text), record->headers))
                return 1;
            len -= (size_t)(end - text) + strlen(p->headers_delimiter);
            text = end + strlen(p->headers_delimiter);
        }
    }
    if (p->parse_key) {
        const char *end = memmem(text, len, p->key_separator, strlen(p->key_separator));
        if (!end && !p->ignore_error)
            return producer_bad_line(p, "key", p->key_separator);
        if (end) {
            record->key_len = (size_t)(end - text);
            record->key = producer_is_null(p, text, record->key_len) ? NULL : text;
            len -= record->key_len + strlen(p->key_separator);
            text = end + strlen(p->key_separator);
        }
    }
    record->value = producer_is_null(p, text, len) ? NULL : text;
    record->value_len = len;
    return 0;
}

static rd_kafka_resp_err_t producer_hand_over(struct producer *p,
                                              const struct producer_record *record)
{
    return rd_kafka_producev(
        p->rd, RD_KAFKA_V_TOPIC(p->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)record->value, record->value ? record->value_len : 0),
        RD_KAFKA_V_KEY(record->key, record->key ? record->key_len : 0),
        RD_KAFKA_V_HEADERS(record->headers), RD_KAFKA_V_END);
}

static int producer_send(struct producer *p, const char *text, size_t len)
{
    struct producer_record record = {0};
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (producer_parse(p, text, len, &record)) {
        if (record.headers)
            rd_kafka_headers_destroy(record.headers);
        return 1;
    }
    do {
        err = producer_hand_over(p, &record);
        rd_kafka_poll(p->rd, err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 100 : 0);
        rd_wait_turn(&p->wait);
    } while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL && !rd_interrupted());
    if (err && record.headers)
        rd_kafka_headers_destroy(record.headers);
    if (err) {
        p->failed++;
        tool_fail(p->run, "line %llu was not sent: %s", (unsigned long long)p->line,
                  rd_kafka_err2str(err));
    }
    while (p->sync && rd_kafka_outq_len(p->rd) > 0 && !rd_interrupted()) {
        rd_kafka_flush(p->rd, 100);
        rd_wait_turn(&p->wait);
    }
    return 0;
}

/* ---- the input ---- */

/* Waits for input while librdkafka's callbacks are served. */
static void producer_wait(struct producer *p)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (!rd_interrupted() && poll(&input, 1, 100) == 0) {
        rd_kafka_poll(p->rd, 0);
        rd_wait_turn(&p->wait);
    }
}

/* Sends each whole line of the buffer, and at the end what is behind the last newline. */
static int producer_take_lines(struct producer *p, struct buf *input, bool end)
{
    size_t at = 0;
    int status = 0;
    while (status == 0 && at < input->len) {
        const char *text = (const char *)input->data + at;
        const char *newline = memchr(text, '\n', input->len - at);
        if (!newline && !end)
            break;
        size_t len = newline ? (size_t)(newline - text) : input->len - at;
        size_t used = len + (newline ? 1 : 0);
        if (newline && len > 0 && text[len - 1] == '\r')
            len--;
        p->line++;
        status = producer_send(p, text, len);
        at += used;
    }
    memmove(input->data, input->data + at, input->len - at);
    input->len -= at;
    return status;
}

static void producer_prompt(const struct producer *p)
{
    if (!p->terminal)
        return;
    putchar('>');
    fflush(stdout);
}

static int producer_pump(struct producer *p)
{
    enum { READ_SIZE = 1 << 16 };
    struct buf input;
    int status = 0;
    buf_init(&input);
    for (bool end = false; !end && status == 0 && !p->watch.fatal && !rd_interrupted();) {
        if (input.len == 0)
            producer_prompt(p);
        if (buf_reserve(&input, READ_SIZE)) {
            status = tool_fail(p->run, "line %llu is too long", (unsigned long long)p->line + 1);
            break;
        }
        producer_wait(p);
        if (rd_interrupted())
            break;
        ssize_t got = read(STDIN_FILENO, input.data + input.len, READ_SIZE);
        end = got <= 0;
        if (got > 0)
            input.len += (size_t)got;
        if (input.len > 0)
            status = producer_take_lines(p, &input, end);
    }
    buf_close(&input);
    return status;
}

/* Everything that was taken is delivered or reported; a second Ctrl-C is not needed, since
 * message.timeout.ms bounds it. */
static void producer_drain(struct producer *p)
{
    while (rd_kafka_outq_len(p->rd) > 0 && !p->watch.fatal) {
        if (rd_kafka_flush(p->rd, 100) == RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        rd_wait_turn(&p->wait);
        if (rd_interrupted() && p->wait.warned)
            break;
    }
    int left = rd_kafka_outq_len(p->rd);
    if (left > 0) {
        p->failed += (uint64_t)left;
        tool_fail(p->run, "%d %s not delivered: %s", left,
                  plural(left, "record was", "records were"), p->watch.reason);
    }
}

static int producer_run_checked(struct producer *p)
{
    const char *reader = options_get(p->run->options, "line-reader");
    p->topic = options_get(p->run->options, "topic");
    if (!p->topic || p->topic[0] == '\0')
        return tool_misuse(p->run, "which topic? Give it with --topic NAME");
    p->wait =
        (struct rd_wait){.run = p->run, .watch = &p->watch, .topic = p->topic, .option = true};
    if (reader && !strstr(reader, "LineMessageReader"))
        return tool_misuse(p->run,
                           "--line-reader %s: Java classes can't be loaded; lines are read as "
                           "--reader-property says",
                           reader);
    if (tool_read_props(p->run, "command-config") || rd_wait_read(&p->wait, "command-property") ||
        producer_read_properties(p) || producer_open(p))
        return 1;
    rd_catch_signals();
    int status = producer_pump(p);
    producer_drain(p);
    rd_kafka_destroy(p->rd);
    return status || p->failed > 0;
}

static int producer_run(struct tool_run *run)
{
    struct producer p = {
        .run = run,
        .sync = options_has(run->options, "sync"),
        .terminal = isatty(STDIN_FILENO),
        .key_separator = mem_strdup("\t"),
        .headers_delimiter = mem_strdup("\t"),
        .headers_separator = mem_strdup(","),
        .headers_key_separator = mem_strdup(":"),
    };
    int status = producer_run_checked(&p);
    mem_free(p.key_separator);
    mem_free(p.headers_delimiter);
    mem_free(p.headers_separator);
    mem_free(p.headers_key_separator);
    mem_free(p.null_marker);
    return status;
}

const struct tool tool_console_producer = {
    .name = "console-producer",
    .link = "kafka-console-producer",
    .synopsis = "--bootstrap-server HOST:PORT --topic NAME ...",
    .summary = "Write the lines of stdin to a topic.",
    .options = producer_options,
    .formless = "it prints nothing but what goes wrong",
    .run = producer_run,
};
