/* load MODE SERVERS TOPIC [key=value]...: one client on librdkafka that drives any Kafka broker;
 * the demo and the benchmark measure with it, so that every system is driven in the same way.
 *
 * gap: an idempotent producer at a steady rate; a line "TIME_NS OFFSET VALUE" for every record that
 * is acknowledged, TIME_NS on the monotonic clock. Ends at SIGTERM or SIGINT, or after count=
 * records, once everything that was sent is acknowledged.
 *
 * produce: count= records of size= bytes as fast as they go; one line of JSON with the rate.
 *
 * consume: reads count= records of partition 0; one line of JSON with the rate.
 *
 * latency: sends count= records at rate= a second and reads them back on a second thread of
 * control; one line of JSON with the percentiles from send to receipt, in microseconds.
 *
 * transact: as produce, in transactions of batch= records of the id TOPIC; one line of JSON with
 * the rate, and the percentiles from the beginning of a transaction to its commit, in microseconds.
 *
 * Happy path: parse, make the client, run the mode, exit 0. Failure modes: a record that is not
 * acknowledged, or a client that can't be made, is a line on stderr and exit status 1; nothing is
 * retried here, since librdkafka does that. Other key=value pairs are settings of librdkafka. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Records of one run: the latency mode keeps a number for each. */
enum { LOAD_COUNT_MAX = 50 * 1000 * 1000, LOAD_SIZE_MAX = 1024 * 1024 };

struct load {
    const char *servers, *topic;
    long count, size, rate, warmup, batch;
    rd_kafka_conf_t *conf;
    rd_kafka_t *client;
    long sent, acked, failed;
    /* Of record i (latency; 0 until it is read), or of transaction i (transact). */
    int64_t *latency_ns;
    bool print_acks;
};

static volatile sig_atomic_t load_stopping;

static void load_signal(int signum)
{
    (void)signum;
    load_stopping = 1;
}

static int64_t load_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * (int64_t)1000000000 + now.tv_nsec;
}

static void load_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char problem[256];
    if (rd_kafka_conf_set(conf, name, value, problem, sizeof(problem)) == RD_KAFKA_CONF_OK)
        return;
    fprintf(stderr, "load: %s=%s: %s\n", name, value, problem);
    exit(2);
}

/* ---- producing ---- */

static void load_acked(rd_kafka_t *client, const rd_kafka_message_t *message, void *data)
{
    struct load *load = data;
    (void)client;
    if (message->err) {
        load->failed++;
        fprintf(stderr, "load: record not acknowledged: %s\n", rd_kafka_err2str(message->err));
        return;
    }
    load->acked++;
    if (load->print_acks)
        printf("%" PRId64 " %" PRId64 " %.*s\n", load_now_ns(), message->offset, (int)message->len,
               (const char *)message->payload);
}

/* Librdkafka's own reports of lost connections are expected here: only a fatal error counts. */
static void load_error(rd_kafka_t *client, int err, const char *reason, void *data)
{
    struct load *load = data;
    (void)client;
    if (err != RD_KAFKA_RESP_ERR__FATAL)
        return;
    load->failed++;
    load_stopping = 1;
    fprintf(stderr, "load: the producer gave up: %s\n", reason);
}

static rd_kafka_t *load_client(struct load *load, rd_kafka_type_t type)
{
    char problem[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(load->conf);
    load_set(conf, "bootstrap.servers", load->servers);
    rd_kafka_conf_set_opaque(conf, load);
    rd_kafka_conf_set_error_cb(conf, load_error);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, load_acked);
    rd_kafka_t *client = rd_kafka_new(type, conf, problem, sizeof(problem));
    if (!client) {
        fprintf(stderr, "load: can't make a client: %s\n", problem);
        exit(2);
    }
    return client;
}

static void load_send(struct load *load, const char *bytes, size_t len)
{
    for (;;) {
        rd_kafka_resp_err_t err =
            rd_kafka_producev(load->client, RD_KAFKA_V_TOPIC(load->topic), RD_KAFKA_V_PARTITION(0),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_VALUE((void *)(uintptr_t)bytes, len), RD_KAFKA_V_END);
        if (!err)
            break;
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL || load_stopping) {
            load->failed++;
            fprintf(stderr, "load: can't send: %s\n", rd_kafka_err2str(err));
            return;
        }
        rd_kafka_poll(load->client, 5);
    }
    load->sent++;
}

/* Serves acknowledgements until record `index` of a steady rate is due. */
static void load_pace(struct load *load, int64_t start_ns, long index)
{
    int64_t due_ns = start_ns + index * (int64_t)1000000000 / load->rate;
    rd_kafka_poll(load->client, 0);
    for (int64_t now = load_now_ns(); now < due_ns && !load_stopping; now = load_now_ns()) {
        int64_t rest_ns = due_ns - now;
        if (rest_ns > 1000000) {
            rd_kafka_poll(load->client, (int)(rest_ns / 1000000));
        } else {
            struct timespec rest = {0, rest_ns};
            nanosleep(&rest, NULL);
        }
    }
}

/* Everything sent is acknowledged or has failed when this returns; within librdkafka's own limit,
 * message.timeout.ms. */
static void load_drain(struct load *load)
{
    while (rd_kafka_outq_len(load->client) > 0)
        rd_kafka_poll(load->client, 100);
}

static int load_gap(struct load *load)
{
    load_set(load->conf, "enable.idempotence", "true");
    load->print_acks = true;
    load->client = load_client(load, RD_KAFKA_PRODUCER);
    int64_t start_ns = load_now_ns();
    for (long i = 0; i < load->count && !load_stopping; i++) {
        char value[32];
        int len = snprintf(value, sizeof(value), "%ld", i);
        load_send(load, value, (size_t)len);
        load_pace(load, start_ns, i + 1);
    }
    load_drain(load);
    rd_kafka_destroy(load->client);
    return load->failed || load->acked != load->sent;
}

static int load_produce(struct load *load)
{
    static char value[LOAD_SIZE_MAX];
    memset(value, 'x', (size_t)load->size);
    load->client = load_client(load, RD_KAFKA_PRODUCER);
    int64_t start_ns = 0;
    for (long i = 0; i < load->count + load->warmup && !load_stopping; i++) {
        if (i == load->warmup) {
            load_drain(load);
            start_ns = load_now_ns();
        }
        load_send(load, value, (size_t)load->size);
        if (i % 1024 == 0)
            rd_kafka_poll(load->client, 0);
    }
    load_drain(load);
    double seconds = (double)(load_now_ns() - start_ns) / 1e9;
    printf("{\"records\": %ld, \"seconds\": %.3f, \"records_per_second\": %.0f, "
           "\"mb_per_second\": %.1f}\n",
           load->count, seconds, (double)load->count / seconds,
           (double)load->count * (double)load->size / seconds / 1e6);
    rd_kafka_destroy(load->client);
    return load->failed != 0;
}

/* ---- consuming ---- */

static void load_assign(struct load *load, rd_kafka_t *consumer, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, load->topic, 0)->offset = offset;
    rd_kafka_resp_err_t err = rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (err) {
        fprintf(stderr, "load: can't assign: %s\n", rd_kafka_err2str(err));
        exit(2);
    }
}

static rd_kafka_t *load_consumer(struct load *load, int64_t offset)
{
    load_set(load->conf, "group.id", "load");
    load_set(load->conf, "enable.auto.commit", "false");
    rd_kafka_t *consumer = load_client(load, RD_KAFKA_CONSUMER);
    rd_kafka_poll_set_consumer(consumer);
    load_assign(load, consumer, offset);
    return consumer;
}

static int load_consume(struct load *load)
{
    rd_kafka_t *consumer = load_consumer(load, RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    rd_kafka_message_t *messages[1024];
    long records = 0;
    int64_t bytes = 0, start_ns = 0;
    while (records < load->count && !load_stopping) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 1000, messages, 1024);
        for (ssize_t i = 0; i < n; i++) {
            /* From the first record on: what comes before is the client's own start. */
            start_ns = start_ns ? start_ns : load_now_ns();
            records += messages[i]->err == 0;
            bytes += messages[i]->err ? 0 : (int64_t)messages[i]->len;
            rd_kafka_message_destroy(messages[i]);
        }
    }
    double seconds = (double)(load_now_ns() - start_ns) / 1e9;
    printf("{\"records\": %ld, \"seconds\": %.3f, \"records_per_second\": %.0f, "
           "\"mb_per_second\": %.1f}\n",
           records, seconds, (double)records / seconds, (double)bytes / seconds / 1e6);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return records < load->count;
}

/* ---- latency ---- */

/* A value starts with its index and the time at which it was sent. */
struct stamp {
    int64_t index, sent_ns;
};

static void *load_receive(void *data)
{
    struct load *load = data;
    rd_kafka_t *consumer = load_consumer(load, RD_KAFKA_OFFSET_END);
    /* The first record is only the sign that the consumer is in place. */
    for (long records = 0; records < load->count && !load_stopping;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        if (!message)
            continue;
        struct stamp stamp;
        if (!message->err && message->len >= sizeof(stamp)) {
            memcpy(&stamp, message->payload, sizeof(stamp));
            if (stamp.index < 0)
                __atomic_store_n(&load->warmup, 0, __ATOMIC_RELAXED);
            if (stamp.index >= 0 && stamp.index < load->count) {
                load->latency_ns[stamp.index] = load_now_ns() - stamp.sent_ns;
                records++;
            }
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return NULL;
}

static int load_compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double load_percentile_us(const struct load *load, double percent)
{
    return (double)load->latency_ns[(long)((double)(load->count - 1) * percent / 100)] / 1000;
}

static int load_latency(struct load *load)
{
    static char value[LOAD_SIZE_MAX];
    pthread_t receiver;
    load->latency_ns = rd_kafka_mem_malloc(NULL, (size_t)load->count * sizeof(int64_t));
    memset(load->latency_ns, 0, (size_t)load->count * sizeof(int64_t));
    load->client = load_client(load, RD_KAFKA_PRODUCER);
    load->warmup = 1;
    if (pthread_create(&receiver, NULL, load_receive, load))
        return 2;
    int64_t start_ns = load_now_ns();
    for (long i = 0; __atomic_load_n(&load->warmup, __ATOMIC_RELAXED) && !load_stopping; i++) {
        struct stamp stamp = {-1, 0};
        memcpy(value, &stamp, sizeof(stamp));
        load_send(load, value, (size_t)load->size);
        load_pace(load, start_ns, (i + 1) * load->rate / 100);
    }
    start_ns = load_now_ns();
    for (long i = 0; i < load->count && !load_stopping; i++) {
        struct stamp stamp = {i, load_now_ns()};
        memcpy(value, &stamp, sizeof(stamp));
        load_send(load, value, (size_t)load->size);
        load_pace(load, start_ns, i + 1);
    }
    load_drain(load);
    pthread_join(receiver, NULL);
    qsort(load->latency_ns, (size_t)load->count, sizeof(int64_t), load_compare);
    printf("{\"records\": %ld, \"p50_us\": %.0f, \"p99_us\": %.0f, \"p999_us\": %.0f, "
           "\"max_us\": %.0f}\n",
           load->count, load_percentile_us(load, 50), load_percentile_us(load, 99),
           load_percentile_us(load, 99.9), load_percentile_us(load, 100));
    rd_kafka_mem_free(NULL, load->latency_ns);
    rd_kafka_destroy(load->client);
    return load->failed != 0;
}

/* ---- transactions ---- */

static void load_check(rd_kafka_error_t *error, const char *what)
{
    if (!error)
        return;
    fprintf(stderr, "load: can't %s: %s\n", what, rd_kafka_error_string(error));
    exit(1);
}

static void load_transaction(struct load *load, const char *value)
{
    load_check(rd_kafka_begin_transaction(load->client), "begin a transaction");
    for (long i = 0; i < load->batch; i++)
        load_send(load, value, (size_t)load->size);
    load_check(rd_kafka_commit_transaction(load->client, -1), "commit a transaction");
}

/* The last transaction is as large as the others, so there may be more records than count= says. */
static int load_transact(struct load *load)
{
    static char value[LOAD_SIZE_MAX];
    memset(value, 'x', (size_t)load->size);
    load_set(load->conf, "transactional.id", load->topic);
    load->client = load_client(load, RD_KAFKA_PRODUCER);
    load_check(rd_kafka_init_transactions(load->client, -1), "get a producer id");
    for (long i = 0; i < load->warmup && !load_stopping; i += load->batch)
        load_transaction(load, value);
    long transactions = (load->count + load->batch - 1) / load->batch, done = 0;
    load->latency_ns = rd_kafka_mem_malloc(NULL, (size_t)transactions * sizeof(int64_t));
    int64_t start_ns = load_now_ns();
    for (int64_t from_ns = start_ns; done < transactions && !load_stopping; done++) {
        load_transaction(load, value);
        load->latency_ns[done] = load_now_ns() - from_ns;
        from_ns += load->latency_ns[done];
    }
    double seconds = (double)(load_now_ns() - start_ns) / 1e9;
    load->count = done; /* of latencies */
    qsort(load->latency_ns, (size_t)done, sizeof(int64_t), load_compare);
    if (done)
        printf("{\"transactions\": %ld, \"records\": %ld, \"seconds\": %.3f, "
               "\"records_per_second\": %.0f, \"p50_us\": %.0f, \"p99_us\": %.0f, "
               "\"max_us\": %.0f}\n",
               done, done * load->batch, seconds, (double)(done * load->batch) / seconds,
               load_percentile_us(load, 50), load_percentile_us(load, 99),
               load_percentile_us(load, 100));
    rd_kafka_mem_free(NULL, load->latency_ns);
    rd_kafka_destroy(load->client);
    return load->failed != 0 || done < transactions;
}

/* ---- start ---- */

static bool load_number(const char *text, const char *name, long min, long max, long *out)
{
    size_t len = strlen(name);
    if (strncmp(text, name, len) != 0 || text[len] != '=')
        return false;
    char *end;
    *out = strtol(text + len + 1, &end, 10);
    if (*end || *out < min || *out > max) {
        fprintf(stderr, "load: %s: a number from %ld to %ld is expected\n", text, min, max);
        exit(2);
    }
    return true;
}

static void load_option(struct load *load, const char *text)
{
    char name[128];
    if (load_number(text, "count", 1, LOAD_COUNT_MAX, &load->count) ||
        load_number(text, "size", sizeof(struct stamp), LOAD_SIZE_MAX, &load->size) ||
        load_number(text, "rate", 1, 1000000, &load->rate) ||
        load_number(text, "batch", 1, LOAD_COUNT_MAX, &load->batch) ||
        load_number(text, "warmup", 0, LOAD_COUNT_MAX, &load->warmup))
        return;
    const char *equals = strchr(text, '=');
    if (!equals || equals - text >= (long)sizeof(name)) {
        fprintf(stderr, "load: %s: key=value is expected\n", text);
        exit(2);
    }
    snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
    load_set(load->conf, name, equals + 1);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct load *load);
    } modes[] = {{"gap", load_gap},
                 {"produce", load_produce},
                 {"consume", load_consume},
                 {"latency", load_latency},
                 {"transact", load_transact}};
    if (argc < 4) {
        fprintf(stderr,
                "usage: load gap|produce|consume|latency|transact SERVERS TOPIC [key=value]...\n");
        return 2;
    }
    struct load load = {
        .servers = argv[2], .topic = argv[3], .size = 100, .rate = 1000, .batch = 1000};
    load.count = LOAD_COUNT_MAX;
    load.conf = rd_kafka_conf_new();
    load_set(load.conf, "log_level", "0");
    for (int i = 4; i < argc; i++)
        load_option(&load, argv[i]);
    signal(SIGTERM, load_signal);
    signal(SIGINT, load_signal);
    setvbuf(stdout, NULL, _IOLBF, 0);
    int status = 2;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            status = modes[i].run(&load);
    rd_kafka_conf_destroy(load.conf);
    return status;
}
