/* kafka-producer-perf-test: writes records as fast as they go, or at a rate, and says how fast.
 *
 * Happy path: a payload is made, handed to librdkafka, and its delivery report gives its latency;
 * each interval gives a line, the end another one with percentiles. With a transactional id records
 * go in transactions of a length. Failure modes: records that are not delivered (each kind of error
 * said once, counted at the end, status 1), no broker at all (given up after max.block.ms). */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/plural.h"
#include "base/uuid.h"
#include "env/env.h"
#include "tools/perf_stats.h"
#include "tools/rd_metrics.h"
#include "tools/rd_wait.h"
#include "tools/throttle.h"
#include "tools/tools.h"

static const struct option_row perf_options[] = {
    TOOL_BOOTSTRAP_OPTIONS,
    OPTION_SAME("broker-list", "HOST:PORT,...", "bootstrap-server"),
    OPTION("topic", "NAME", "The topic to write to."),
    OPTION("num-records", "N", "How many records."),
    OPTION("throughput", "N", "How many records a second, about; -1: as many as go."),
    OPTION("record-size", "BYTES", "Records of random letters, of this size."),
    OPTION("payload-file", "FILE", "Records from this file, chosen at random."),
    OPTION("payload-delimiter", "TEXT", "What separates them in the file (a line's end)."),
    OPTION("payload-monotonic", NULL, "The numbers from 0 on as records."),
    OPTION("key-distribution", "none|range|random",
           "Records without key (the default), or keys in turn or at random out of a range."),
    OPTION("record-key-range", "N", "Keys are the numbers from 0 to N - 1."),
    OPTION("random-seed", "N", "What is random begins with this: the same again (0)."),
    OPTION_REST("command-property", "NAME=VALUE ...", "Client settings, such as acks=1."),
    OPTION_SAME_REST("producer-props", "NAME=VALUE ...", "command-property"),
    OPTION("command-config", "FILE", "A file of client settings."),
    OPTION_SAME("producer.config", "FILE", "command-config"),
    OPTION("print-metrics", NULL, "Print the client's metrics at the end (librdkafka's)."),
    OPTION("transactional-id", "ID", "Write in transactions under this id."),
    OPTION("transaction-duration-ms", "MS",
           "How long a transaction is (3000); alone: under an id that is made up."),
    OPTION("warmup-records", "N", "So many first records are left out of a second last line (0)."),
    OPTION("reporting-interval", "MS", "How often a line is printed meanwhile (5000)."),
    REPORT_OPTION,
    TOOL_LAST_OPTIONS,
};

enum { PERF_REPORT_MS = 5000, PERF_TXN_MS = 3000, PERF_TXN_TIMEOUT_MS = 60000, PERF_POLL_MS = 100 };
enum { PERF_PAYLOAD_FILE_MAX = 1 << 30 };
/* As Java's clients have them. */
enum { PERF_BATCH = 16384, PERF_BUFFER = 33554432, PERF_DELIVERY_MS = 120000 };
enum { PERF_QUEUE_MAX = 10000000 }; /* records; the buffer's bytes are the limit that counts */

struct perf_payload {
    const char *data;
    size_t len;
};

enum perf_keys { PERF_NO_KEYS, PERF_KEYS_IN_TURN, PERF_RANDOM_KEYS };

struct perf {
    struct tool_run *run;
    struct rd_watch watch;
    struct rd_wait wait;
    struct rd_metrics metrics;
    rd_kafka_t *rd;
    rd_kafka_topic_t *handle;
    struct perf_stats *stats, *steady; /* steady: NULL before the warm-up is over */
    struct throttle throttle;
    const char *topic, *transactional_id;
    char *made_up_id;
    int64_t records, warmup, interval_ms, txn_ms, record_size;
    double throughput;
    int64_t start_ms;
    char *random, *file; /* the payload that is made, and the file of payloads */
    struct perf_payload *payloads;
    size_t payload_count;
    enum perf_keys keys;
    int64_t key_range;
    uint64_t seed;
    uint64_t failed;
    struct rd_told told;
};

/* Whether programs read what it prints; remarks are for people then. */
static bool perf_reports(const struct perf *p)
{
    return report_format(p->run) != REPORT_KAFKA;
}

static FILE *perf_remarks(const struct perf *p)
{
    return perf_reports(p) ? stderr : stdout;
}

/* ---- options ---- */

static int perf_read_numbers(struct perf *p)
{
    const struct tool_run *run = p->run;
    if (tool_number(run, "num-records", 1, INT64_MAX, 0, &p->records) ||
        tool_number(run, "record-size", 1, INT32_MAX, 0, &p->record_size) ||
        tool_number(run, "warmup-records", 0, INT64_MAX, 0, &p->warmup) ||
        tool_number(run, "reporting-interval", 1, INT32_MAX, PERF_REPORT_MS, &p->interval_ms) ||
        tool_number(run, "transaction-duration-ms", 1, INT32_MAX, PERF_TXN_MS, &p->txn_ms))
        return 1;
    if (p->warmup >= p->records)
        return tool_misuse(run, "--warmup-records %" PRId64 ": it must be less than --num-records",
                           p->warmup);
    return 0;
}

static int perf_read_keys(struct perf *p)
{
    static const char *const names[] = {"none", "range", "random"};
    const struct tool_run *run = p->run;
    const char *said = options_get(run->options, "key-distribution");
    int64_t seed;
    size_t keys = 0;
    while (said && keys < ARRAY_LEN(names) && strcmp(said, names[keys]) != 0)
        keys++;
    if (keys == ARRAY_LEN(names))
        return tool_misuse(run, "--key-distribution %s: write none, range or random", said);
    p->keys = (enum perf_keys)keys;
    if ((p->keys != PERF_NO_KEYS) != options_has(run->options, "record-key-range"))
        return tool_misuse(run, "--key-distribution range or random and --record-key-range "
                                "go together");
    if (tool_number(run, "record-key-range", 1, INT32_MAX, 0, &p->key_range) ||
        tool_number(run, "random-seed", INT64_MIN, INT64_MAX, 0, &seed))
        return 1;
    p->seed = (uint64_t)seed;
    return 0;
}

static int perf_read_throughput(struct perf *p)
{
    const char *text = options_get(p->run->options, "throughput");
    char *end;
    p->throughput = strtod(text, &end);
    if (end == text || *end != '\0')
        return tool_misuse(p->run, "--throughput %s: write a number, or -1 for no limit", text);
    return 0;
}

/* Under which transactional id; NULL = without. 0, or 1 with the message printed. */
static int perf_read_transaction(struct perf *p)
{
    struct tool_run *run = p->run;
    const char *id = options_get(run->options, "transactional-id");
    char text[UUID_TEXT_LEN + 1];
    struct uuid uuid;
    p->transactional_id = id ? id : rd_said(run, "command-property", "transactional.id");
    if (p->transactional_id || !options_has(run->options, "transaction-duration-ms"))
        return 0;
    int err = env_new(&run->env);
    if (err)
        return tool_fail(run, "%s", err_text(err));
    env_random_bytes(run->env, uuid.bytes, sizeof(uuid.bytes));
    uuid_format(&uuid, text);
    p->transactional_id = p->made_up_id = mem_printf("performance-producer-%s", text);
    return 0;
}

static int perf_read_options(struct perf *p)
{
    static const char *const needed[] = {"topic", "num-records", "throughput"};
    static const char *const payloads[] = {"record-size", "payload-file", "payload-monotonic"};
    const struct tool_run *run = p->run;
    int given = 0;
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!options_has(run->options, needed[i]))
            return tool_misuse(run, "--%s is missing: give --topic, --num-records and --throughput",
                               needed[i]);
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++)
        given += options_has(run->options, payloads[i]);
    if (given != 1)
        return tool_misuse(run, "which records? Give one of --record-size, --payload-file, "
                                "--payload-monotonic");
    if (options_has(run->options, "payload-delimiter") &&
        !options_has(run->options, "payload-file"))
        return tool_misuse(run, "--payload-delimiter goes with --payload-file");
    p->topic = options_get(run->options, "topic");
    return perf_read_numbers(p) || perf_read_throughput(p) || perf_read_keys(p);
}

/* ---- payloads ---- */

static void perf_cut_payloads(struct perf *p, size_t len, const char *delimiter)
{
    size_t delimiter_len = strlen(delimiter), room = 0;
    for (const char *at = p->file, *end = p->file + len; at < end;) {
        const char *found = memmem(at, (size_t)(end - at), delimiter, delimiter_len);
        if (p->payload_count == room) {
            room = room ? 2 * room : 64;
            p->payloads = mem_realloc(p->payloads, room * sizeof(*p->payloads));
        }
        p->payloads[p->payload_count++] =
            (struct perf_payload){at, (size_t)((found ? found : end) - at)};
        at = found ? found + delimiter_len : end;
    }
}

static int perf_load_file(struct perf *p, const char *path, size_t *len)
{
    FILE *file = fopen(path, "r");
    long size = -1;
    if (file && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size > 0 && size <= PERF_PAYLOAD_FILE_MAX) {
        rewind(file);
        p->file = mem_alloc((size_t)size);
        *len = fread(p->file, 1, (size_t)size, file);
    }
    int error = errno;
    if (file)
        fclose(file);
    if (size > PERF_PAYLOAD_FILE_MAX)
        return tool_fail(p->run, "--payload-file %s: it is larger than %d bytes: take a part of it",
                         path, PERF_PAYLOAD_FILE_MAX);
    if (!p->file || *len == 0)
        return tool_fail(p->run, "--payload-file %s: it can't be read or is empty (%s)", path,
                         size == 0 ? "0 bytes" : strerror(error));
    return 0;
}

static int perf_read_payloads(struct perf *p)
{
    const char *path = options_get(p->run->options, "payload-file");
    const char *said = options_get(p->run->options, "payload-delimiter");
    size_t len = 0;
    if (p->record_size > 0)
        p->random = mem_alloc((size_t)p->record_size);
    if (!path)
        return 0;
    char *delimiter = rd_unescape(said ? said : "\n");
    char whole[PATH_MAX];
    fprintf(perf_remarks(p), "Reading payloads from: %s\n", realpath(path, whole) ? whole : path);
    int status = delimiter[0] == '\0' ? tool_misuse(p->run, "--payload-delimiter is empty")
                                      : perf_load_file(p, path, &len);
    if (status == 0) {
        perf_cut_payloads(p, len, delimiter);
        fprintf(perf_remarks(p), "Number of messages read: %zu\n", p->payload_count);
    }
    mem_free(delimiter);
    return status;
}

/* SplitMix64: no randomness that anything depends on, only bytes that don't compress to nothing. */
static uint64_t perf_random(struct perf *p)
{
    uint64_t z = (p->seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* The i-th payload; borrowed until the next call. */
static struct perf_payload perf_payload(struct perf *p, int64_t i, char number[24])
{
    if (p->payload_count > 0)
        return p->payloads[perf_random(p) % p->payload_count];
    if (p->record_size == 0)
        return (struct perf_payload){number, (size_t)snprintf(number, 24, "%" PRId64, i)};
    uint64_t bits = 0;
    for (int64_t at = 0; at < p->record_size; at++, bits >>= 16) {
        if (at % 4 == 0)
            bits = perf_random(p);
        p->random[at] = (char)('A' + (bits & 0xffff) % 26);
    }
    return (struct perf_payload){p->random, (size_t)p->record_size};
}

/* The i-th key, in `text`; 0 bytes when records have none. */
static size_t perf_key(struct perf *p, int64_t i, char text[24])
{
    if (p->keys == PERF_NO_KEYS)
        return 0;
    uint64_t n = p->keys == PERF_KEYS_IN_TURN ? (uint64_t)i : perf_random(p);
    return (size_t)snprintf(text, 24, "%" PRIu64, n % (uint64_t)p->key_range);
}

/* ---- the client ---- */

/* What a delivery report needs: when the record was handed over, and whether the warm-up was over.
 */
static void *perf_mark(const struct perf *p, int64_t now_ms)
{
    return (void *)(uintptr_t)((uint64_t)(now_ms - p->start_ms) << 1 | (p->steady != NULL));
}

static void perf_tell_error(struct perf *p, rd_kafka_resp_err_t err)
{
    p->failed++;
    if (err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return; /* rd_wait_turn has told */
    if (rd_told_first(&p->told, err))
        tool_warn(p->run, "a record was not delivered: %s%s%s", rd_kafka_err2str(err),
                  p->watch.reason[0] ? ": " : "", p->watch.reason);
}

static void perf_on_delivery(rd_kafka_t *rd, const rd_kafka_message_t *message, void *opaque)
{
    struct perf *p = CONTAINER_OF((struct rd_watch *)opaque, struct perf, watch);
    uint64_t mark = (uintptr_t)message->_private;
    int64_t now = rd_now_ms();
    (void)rd;
    if (message->err) {
        perf_tell_error(p, message->err);
        return;
    }
    p->wait.answered = true;
    int64_t latency = now - p->start_ms - (int64_t)(mark >> 1);
    perf_stats_record(p->stats, latency, message->len, now, stdout);
    if (mark & 1)
        perf_stats_record(p->steady, latency, message->len, now, stdout);
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
    if (rd_set_bootstrap(run, conf) || rd_set(run, conf, "client.id", "perf-producer-client") ||
        rd_set_int(run, conf, "batch.size", PERF_BATCH) ||
        rd_set_int(run, conf, "buffer.memory", PERF_BUFFER) ||
        rd_set_int(run, conf, "queue.buffering.max.messages", PERF_QUEUE_MAX) ||
        rd_set(run, conf, "socket.nagle.disable", "true") ||
        rd_set(run, conf, "reconnect.backoff.max.ms", "1000"))
        return 1;
    /* librdkafka wants it to be less than the time of a transaction, and sees to that by itself */
    if (!p->transactional_id && rd_set_int(run, conf, "delivery.timeout.ms", PERF_DELIVERY_MS))
        return 1;
    if (rd_wants_idempotence(run, "command-property", NULL) &&
        rd_set(run, conf, "enable.idempotence", "true"))
        return 1;
    if (rd_set_all(run, conf, "command-property"))
        return 1;
    if (p->transactional_id && rd_set(run, conf, "transactional.id", p->transactional_id))
        return 1;
    rd_watch_errors(conf, &p->watch);
    rd_kafka_conf_set_dr_msg_cb(conf, perf_on_delivery);
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
    p->rd = p->wait.rd = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
    if (!p->rd) {
        rd_kafka_conf_destroy(conf);
        return tool_fail(p->run, "%s", error);
    }
    p->handle = rd_kafka_topic_new(p->rd, p->topic, NULL);
    return p->handle ? 0
                     : tool_fail(p->run, "--topic %s: %s", p->topic,
                                 rd_kafka_err2str(rd_kafka_last_error()));
}

/* ---- transactions ---- */

/* 0, or 1 with the message printed; takes the error. */
static int perf_check_txn(struct perf *p, const char *what, rd_kafka_error_t *error)
{
    if (!error)
        return 0;
    tool_fail(p->run, "the transaction can't be %s: %s%s%s", what, rd_kafka_error_string(error),
              p->watch.reason[0] ? ": " : "", p->watch.reason);
    rd_kafka_error_destroy(error);
    return 1;
}

static int perf_commit(struct perf *p)
{
    rd_kafka_error_t *error;
    do
        error = rd_kafka_commit_transaction(p->rd, PERF_TXN_TIMEOUT_MS);
    while (error && rd_kafka_error_is_retriable(error) && !rd_interrupted() &&
           (rd_kafka_error_destroy(error), true));
    return perf_check_txn(p, "committed", error);
}

/* ---- the run ---- */

static void perf_send(struct perf *p, int64_t i, int64_t now_ms)
{
    char number[24], key[24];
    struct perf_payload payload = perf_payload(p, i, number);
    size_t key_len = perf_key(p, i, key);
    void *mark = perf_mark(p, now_ms);
    bool full;
    do {
        int failed = rd_kafka_produce(p->handle, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                                      (void *)(uintptr_t)payload.data, payload.len,
                                      key_len ? key : NULL, key_len, mark);
        rd_kafka_resp_err_t err = failed ? rd_kafka_last_error() : RD_KAFKA_RESP_ERR_NO_ERROR;
        full = err == RD_KAFKA_RESP_ERR__QUEUE_FULL;
        if (err && !full)
            perf_tell_error(p, err);
        rd_kafka_poll(p->rd, full ? PERF_POLL_MS : 0);
        rd_wait_turn(&p->wait);
    } while (full && !rd_interrupted() && !p->watch.fatal);
}

static bool perf_goes_on(const struct perf *p)
{
    /* no broker ever answered, and rd_wait_turn gave up */
    bool given_up = p->failed > 0 && !p->wait.answered && p->watch.all_down;
    return !rd_interrupted() && !p->watch.fatal && !given_up;
}

static int perf_send_all(struct perf *p)
{
    int64_t in_txn = 0, txn_from_ms = 0;
    int status = 0;
    for (int64_t i = 0; i < p->records && status == 0 && perf_goes_on(p); i++) {
        if (p->transactional_id && in_txn == 0) {
            status = perf_check_txn(p, "begun", rd_kafka_begin_transaction(p->rd));
            txn_from_ms = rd_now_ms();
        }
        int64_t now = rd_now_ms();
        if (p->warmup > 0 && i == p->warmup) {
            p->steady = perf_stats_new(p->records - p->warmup, p->interval_ms, true, now);
            perf_stats_silence(p->stats);
            if (perf_reports(p))
                perf_stats_silence(p->steady);
        }
        if (status == 0)
            perf_send(p, i, now);
        in_txn++;
        if (p->transactional_id && status == 0 && now - txn_from_ms >= p->txn_ms) {
            status = perf_commit(p);
            in_txn = 0;
        }
        rd_wait_due(&p->wait, &p->throttle, i + 1);
    }
    return p->transactional_id && in_txn > 0 && status == 0 ? perf_commit(p) : status;
}

static void perf_drain(struct perf *p)
{
    while (rd_kafka_outq_len(p->rd) > 0 && perf_goes_on(p)) {
        rd_kafka_flush(p->rd, PERF_POLL_MS);
        rd_wait_turn(&p->wait);
    }
    rd_kafka_poll(p->rd, 0);
}

/* For programs. */
static void perf_report(struct perf *p, int64_t now)
{
    struct report *report = perf_stats_report_new();
    perf_stats_report(p->stats, "total", now, report);
    if (p->steady)
        perf_stats_report(p->steady, "steadyState", now, report);
    report_print(report, report_format(p->run), stdout);
    report_free(report);
}

static void perf_print(struct perf *p, int64_t now)
{
    if (perf_reports(p)) {
        perf_report(p, now);
        return;
    }
    perf_stats_print(p->stats, now, stdout);
    if (p->steady)
        perf_stats_print(p->steady, now, stdout);
}

static int perf_finish(struct perf *p, int status)
{
    int64_t now = rd_now_ms();
    int left = rd_kafka_outq_len(p->rd);
    perf_print(p, now);
    if (options_has(p->run->options, "print-metrics") && status == 0)
        rd_metrics_print(&p->metrics, p->rd, perf_remarks(p));
    if (p->watch.fatal)
        status = tool_fail(p->run, "%s", p->watch.reason);
    if (p->failed + (uint64_t)left > 0)
        status = tool_fail(p->run, "%" PRIu64 " %s not delivered", p->failed + (uint64_t)left,
                           plural((int64_t)p->failed + left, "record was", "records were"));
    return status ? status : rd_signal_status();
}

static int perf_run_checked(struct perf *p)
{
    p->wait = (struct rd_wait){.run = p->run, .watch = &p->watch, .topic = p->topic};
    if (tool_read_props(p->run, "command-config") || rd_wait_read(&p->wait, "command-property"))
        return 1;
    if (perf_read_transaction(p) || perf_read_payloads(p) || perf_open(p))
        return 1;
    rd_catch_signals();
    if (p->transactional_id &&
        perf_check_txn(p, "prepared", rd_kafka_init_transactions(p->rd, PERF_TXN_TIMEOUT_MS)))
        return 1;
    if (p->warmup > 0)
        fprintf(perf_remarks(p),
                "Warmup first %" PRId64 " records. Steady state results will print after the "
                "complete test summary.\n",
                p->warmup);
    p->start_ms = rd_now_ms();
    p->stats = perf_stats_new(p->records, p->interval_ms, false, p->start_ms);
    if (perf_reports(p))
        perf_stats_silence(p->stats);
    p->throttle = (struct throttle){p->throughput, p->start_ms};
    int status = perf_send_all(p);
    perf_drain(p);
    return perf_finish(p, status);
}

static int perf_run(struct tool_run *run)
{
    struct perf *p = mem_alloc(sizeof(*p));
    p->run = run;
    int status = perf_read_options(p);
    if (status == 0)
        status = perf_run_checked(p);
    if (p->handle)
        rd_kafka_topic_destroy(p->handle);
    if (p->rd) {
        rd_kafka_purge(p->rd, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(p->rd);
    }
    perf_stats_free(p->stats);
    perf_stats_free(p->steady);
    rd_metrics_close(&p->metrics);
    mem_free(p->payloads);
    mem_free(p->random);
    mem_free(p->file);
    mem_free(p->made_up_id);
    mem_free(p);
    return status;
}

const struct tool tool_producer_perf = {
    .name = "producer-perf-test",
    .link = "kafka-producer-perf-test",
    .synopsis = "--bootstrap-server HOST:PORT --topic NAME --num-records N --throughput N "
                "--record-size BYTES ...",
    .summary = "Write many records to a topic, and say how fast that went.",
    .options = perf_options,
    .run = perf_run,
};
