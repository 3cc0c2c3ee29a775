/* kafka-verifiable-producer: writes 0, 1, 2... and says of each whether it was acknowledged, for
 * programs that check afterwards that nothing acknowledged is missing.
 *
 * Happy path: startup_complete; a line for each record; at the end, or after SIGTERM, what is under
 * way is waited for, then shutdown_complete and tool_data. Failure modes: a record that is not
 * delivered is a line as well, producer_send_error, and no error of the tool, as in Kafka's. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/rd_wait.h"
#include "tools/throttle.h"
#include "tools/tools.h"
#include "tools/verifiable.h"

static const struct option_row producer_options[] = {
    TOOL_BOOTSTRAP_OPTIONS,
    OPTION_SAME("broker-list", "HOST:PORT,...", "bootstrap-server"),
    OPTION("topic", "NAME", "The topic to write to."),
    OPTION("max-messages", "N", "How many records; -1: until it is ended (-1)."),
    OPTION("throughput", "N", "How many records a second, about; -1: as many as go (-1)."),
    OPTION("acks", "0|1|-1", "Nobody, the leader, all in-sync replicas (-1)."),
    OPTION("message-create-time", "MS",
           "The time of the first record; those behind it are later by what has passed."),
    OPTION("value-prefix", "N", "Values are N.0, N.1, N.2..."),
    OPTION("repeating-keys", "N", "Keys from 0 to N - 1, again and again (no keys)."),
    OPTION("command-config", "FILE", "A file of client settings."),
    OPTION_SAME("producer.config", "FILE", "command-config"),
    VERIFIABLE_FORMAT,
    TOOL_LAST_OPTIONS,
};

enum { PRODUCER_POLL_MS = 100, PRODUCER_DELIVERY_MS = 120000 };

struct producer {
    struct tool_run *run;
    struct rd_watch watch;
    struct rd_wait wait;
    rd_kafka_t *rd;
    struct throttle throttle;
    const char *topic, *acks;
    int64_t max_messages, throughput, create_time, keys, prefix;
    int64_t start_ms, sent, acked;
};

/* What a line needs of a record; freed by its delivery report. */
struct producer_record {
    char *key; /* NULL = none */
    char value[48];
};

/* ---- lines ---- */

static void producer_add(json_t *event, const struct producer_record *record)
{
    json_object_set_new(event, "key",
                        verifiable_text(record->key, record->key ? strlen(record->key) : 0));
    json_object_set_new(event, "value", json_string(record->value));
}

static void producer_print_error(const struct producer *p, const struct producer_record *record,
                                 rd_kafka_resp_err_t err)
{
    json_t *event = verifiable_event("producer_send_error");
    char *message = mem_printf("%s%s%s", rd_kafka_err2str(err), p->watch.reason[0] ? ": " : "",
                               p->watch.reason);
    json_object_set_new(event, "topic", verifiable_text(p->topic, strlen(p->topic)));
    producer_add(event, record);
    json_object_set_new(event, "exception", json_string(verifiable_exception(err)));
    json_object_set_new(event, "message", verifiable_text(message, strlen(message)));
    mem_free(message);
    verifiable_print(event);
}

static void producer_free(struct producer_record *record)
{
    mem_free(record->key);
    mem_free(record);
}

static void producer_on_delivery(rd_kafka_t *rd, const rd_kafka_message_t *message, void *opaque)
{
    struct producer *p = CONTAINER_OF((struct rd_watch *)opaque, struct producer, watch);
    struct producer_record *record = message->_private;
    (void)rd;
    if (message->err) {
        producer_print_error(p, record, message->err);
    } else {
        json_t *event = verifiable_event("producer_send_success");
        int64_t offset = message->offset < 0 ? -1 : message->offset; /* with acks=0 it is unknown */
        producer_add(event, record);
        json_object_set_new(event, "offset", json_integer(offset));
        json_object_set_new(event, "topic", verifiable_text(p->topic, strlen(p->topic)));
        json_object_set_new(event, "partition", json_integer(message->partition));
        p->acked++;
        p->wait.answered = true;
        verifiable_print(event);
    }
    producer_free(record);
}

static void producer_print_end(const struct producer *p)
{
    double ms = (double)(rd_now_ms() - p->start_ms);
    json_t *event = verifiable_event("tool_data");
    verifiable_print(verifiable_event("shutdown_complete"));
    json_object_set_new(event, "sent", json_integer(p->sent));
    json_object_set_new(event, "acked", json_integer(p->acked));
    json_object_set_new(event, "target_throughput", json_integer(p->throughput));
    json_object_set_new(event, "avg_throughput",
                        json_real(ms > 0 ? 1000.0 * (double)p->acked / ms : 0));
    verifiable_print(event);
}

/* ---- options ---- */

static int producer_read_options(struct producer *p)
{
    struct tool_run *run = p->run;
    p->topic = options_get(run->options, "topic");
    p->acks = options_get(run->options, "acks");
    if (!p->topic || p->topic[0] == '\0')
        return tool_misuse(run, "which topic? Give it with --topic NAME");
    if (!p->acks)
        p->acks = "-1";
    if (strcmp(p->acks, "0") != 0 && strcmp(p->acks, "1") != 0 && strcmp(p->acks, "-1") != 0)
        return tool_misuse(run, "--acks %s: write 0, 1 or -1", p->acks);
    p->wait = (struct rd_wait){.run = run, .watch = &p->watch, .topic = p->topic};
    return tool_number(run, "max-messages", -1, INT64_MAX, -1, &p->max_messages) ||
           tool_number(run, "throughput", -1, INT32_MAX, -1, &p->throughput) ||
           tool_number(run, "message-create-time", -1, INT64_MAX, -1, &p->create_time) ||
           tool_number(run, "repeating-keys", 1, INT32_MAX, 0, &p->keys) ||
           tool_number(run, "value-prefix", INT32_MIN, INT32_MAX, 0, &p->prefix) ||
           tool_read_props(run, "command-config") || rd_wait_read(&p->wait, NULL);
}

/* Without retries, as Kafka's tool: what is sent is seen. The file may say otherwise. */
static int producer_open(struct producer *p)
{
    char error[512];
    struct tool_run *run = p->run;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_set_bootstrap(run, conf) || rd_set(run, conf, "acks", p->acks) ||
        rd_set(run, conf, "retries", "0") || rd_set(run, conf, "socket.nagle.disable", "true") ||
        rd_set_int(run, conf, "delivery.timeout.ms", PRODUCER_DELIVERY_MS) ||
        rd_set(run, conf, "reconnect.backoff.max.ms", "1000") || rd_set_all(run, conf, NULL)) {
        rd_kafka_conf_destroy(conf);
        return 1;
    }
    rd_watch_errors(conf, &p->watch);
    rd_kafka_conf_set_dr_msg_cb(conf, producer_on_delivery);
    p->rd = p->wait.rd = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
    if (p->rd)
        return 0;
    rd_kafka_conf_destroy(conf);
    return tool_fail(run, "%s", error);
}

/* ---- the run ---- */

static struct producer_record *producer_record(const struct producer *p, int64_t i)
{
    struct producer_record *record = mem_alloc(sizeof(*record));
    if (options_has(p->run->options, "value-prefix"))
        snprintf(record->value, sizeof(record->value), "%" PRId64 ".%" PRId64, p->prefix, i);
    else
        snprintf(record->value, sizeof(record->value), "%" PRId64, i);
    if (p->keys > 0)
        record->key = mem_printf("%" PRId64, i % p->keys);
    return record;
}

static rd_kafka_resp_err_t producer_hand_over(struct producer *p, struct producer_record *record)
{
    /* a timestamp of 0 is librdkafka's own: now */
    return rd_kafka_producev(p->rd, RD_KAFKA_V_TOPIC(p->topic),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_VALUE(record->value, strlen(record->value)),
                             RD_KAFKA_V_KEY(record->key, record->key ? strlen(record->key) : 0),
                             RD_KAFKA_V_TIMESTAMP(p->create_time < 0 ? 0 : p->create_time),
                             RD_KAFKA_V_OPAQUE(record), RD_KAFKA_V_END);
}

static void producer_send(struct producer *p, int64_t i)
{
    struct producer_record *record = producer_record(p, i);
    rd_kafka_resp_err_t err;
    do {
        err = producer_hand_over(p, record);
        rd_kafka_poll(p->rd, err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? PRODUCER_POLL_MS : 0);
        rd_wait_turn(&p->wait);
    } while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL && !rd_interrupted());
    p->sent++;
    if (p->create_time >= 0)
        p->create_time += rd_now_ms() - p->start_ms;
    if (err) {
        producer_print_error(p, record, err);
        producer_free(record);
    }
}

/* Each record gets its line before the tool ends: the limit of delivery sees to that. */
static void producer_drain(struct producer *p)
{
    while (rd_kafka_outq_len(p->rd) > 0 && !p->watch.fatal) {
        rd_kafka_flush(p->rd, PRODUCER_POLL_MS);
        rd_wait_turn(&p->wait);
        if (rd_interrupted() && p->watch.all_down && !p->wait.answered)
            break;
    }
    rd_kafka_purge(p->rd, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_poll(p->rd, 0);
}

static int producer_run_checked(struct producer *p)
{
    if (producer_read_options(p) || producer_open(p))
        return 1;
    rd_catch_signals();
    p->start_ms = rd_now_ms();
    p->throttle = (struct throttle){(double)p->throughput, p->start_ms};
    verifiable_print(verifiable_event("startup_complete"));
    for (int64_t i = 0; i != p->max_messages && !rd_interrupted() && !p->watch.fatal; i++) {
        producer_send(p, i);
        rd_wait_due(&p->wait, &p->throttle, p->sent);
    }
    producer_drain(p);
    producer_print_end(p);
    if (p->watch.fatal)
        return tool_fail(p->run, "%s", p->watch.reason);
    return rd_signal_status();
}

static int producer_run(struct tool_run *run)
{
    struct producer p = {.run = run};
    int status = producer_run_checked(&p);
    if (p.rd)
        rd_kafka_destroy(p.rd);
    return status;
}

const struct tool tool_verifiable_producer = {
    .name = "verifiable-producer",
    .link = "kafka-verifiable-producer",
    .synopsis = "--bootstrap-server HOST:PORT --topic NAME [--max-messages N] ...",
    .summary = "Write numbers to a topic, and a line of JSON for each that was acknowledged.",
    .options = producer_options,
    .run = producer_run,
};
