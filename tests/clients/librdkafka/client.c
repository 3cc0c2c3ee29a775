/* librdkafka's C interface behind the contract of tests/clients.
 *
 * produce: one producer for each codec; the delivery callback says "ack". consume: subscribes,
 * polls, says each record and each new assignment, commits each record and waits for
 * it, and leaves when stdin ends. A library without group.protocol refuses the setting, and the
 * program fails with its sentence. */
#include <librdkafka/rdkafka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOMBSTONE_EVERY 10
#define POLL_MS         100
#define FLUSH_MS        120000
#define TEXT_MAX        512

static void fail(const char *why)
{
    printf("error %s\n", why);
    exit(1);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[TEXT_MAX];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        fail(why);
}

static rd_kafka_t *open_client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[TEXT_MAX];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (!rk)
        fail(why);
    return rk;
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (m->err)
        fail(rd_kafka_err2str(m->err));
    printf("ack %ld\n", (long)(intptr_t)m->_private);
}

static void send_record(rd_kafka_t *rk, const char *topic, int n)
{
    char key[32], header[32], value[TEXT_MAX];
    int length = snprintf(value, sizeof value, "v%d-", n);
    for (int i = 0; i < 20; i++)
        length += snprintf(value + length, sizeof value - (size_t)length, "abcde");
    snprintf(key, sizeof key, "k%d", n);
    snprintf(header, sizeof header, "%d", n);
    int dead = n % TOMBSTONE_EVERY == TOMBSTONE_EVERY - 1;
    rd_kafka_resp_err_t err =
        rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_HEADER("n", header, -1),
                          RD_KAFKA_V_VALUE(dead ? NULL : value, dead ? 0 : (size_t)length),
                          RD_KAFKA_V_OPAQUE((void *)(intptr_t)n), RD_KAFKA_V_END);
    if (err)
        fail(rd_kafka_err2str(err));
}

static void produce(const char *servers, const char *topic, const char *codec, int first, int count)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", servers);
    set(conf, "enable.idempotence", "true");
    set(conf, "compression.type", codec);
    set(conf, "linger.ms", "5");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *rk = open_client(RD_KAFKA_PRODUCER, conf);
    for (int n = first; n < first + count; n++)
        send_record(rk, topic, n);
    if (rd_kafka_flush(rk, FLUSH_MS))
        fail("records without an answer");
    rd_kafka_destroy(rk);
}

static void print_bytes(const void *data, size_t length)
{
    if (data)
        printf(" %.*s", (int)length, (const char *)data);
    else
        printf(" null");
}

static void show(rd_kafka_message_t *m)
{
    rd_kafka_headers_t *headers = NULL;
    const void *header = NULL;
    size_t length = 0;
    if (!rd_kafka_message_headers(m, &headers))
        (void)rd_kafka_header_get_last(headers, "n", &header, &length);
    printf("record %d %ld", (int)m->partition, (long)m->offset);
    print_bytes(m->key, m->key_len);
    print_bytes(m->payload, m->len);
    print_bytes(header, length);
    printf("\n");
}

static void show_assignment(rd_kafka_t *rk, char last[TEXT_MAX])
{
    rd_kafka_topic_partition_list_t *owned;
    if (rd_kafka_assignment(rk, &owned))
        return;
    rd_kafka_topic_partition_list_sort(owned, NULL, NULL);
    char now[TEXT_MAX] = "";
    for (int i = 0; i < owned->cnt; i++) {
        size_t length = strlen(now);
        snprintf(now + length, sizeof now - length, "%s%d", i ? "," : "",
                 (int)owned->elems[i].partition);
    }
    rd_kafka_topic_partition_list_destroy(owned);
    if (strcmp(now, last))
        printf("assigned %s\n", now[0] ? now : "-");
    memcpy(last, now, TEXT_MAX);
}

static int stdin_ended(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte;
    return poll(&in, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

static rd_kafka_t *open_consumer(const char *servers, const char *group, const char *protocol)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", servers);
    set(conf, "group.id", group);
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "enable.auto.commit", "false");
    set(conf, "check.crcs", "true");
    if (!strcmp(protocol, "classic")) {
        set(conf, "session.timeout.ms", "6000");
        set(conf, "heartbeat.interval.ms", "500");
    } else {
        set(conf, "group.protocol", protocol);
    }
    rd_kafka_t *rk = open_client(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(rk);
    return rk;
}

static void take(rd_kafka_t *rk, rd_kafka_message_t *m)
{
    if (m->err) {
        printf("note %s\n", rd_kafka_message_errstr(m));
        return;
    }
    show(m);
    rd_kafka_resp_err_t err = rd_kafka_commit_message(rk, m, 0);
    if (err)
        printf("note %s\n", rd_kafka_err2str(err));
}

static void consume(const char *servers, const char *topic, const char *group, const char *protocol)
{
    char last[TEXT_MAX] = "none yet";
    rd_kafka_t *rk = open_consumer(servers, group, protocol);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    if (rd_kafka_subscribe(rk, topics))
        fail("subscribe");
    rd_kafka_topic_partition_list_destroy(topics);
    while (!stdin_ended()) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, POLL_MS);
        if (m) {
            take(rk, m);
            rd_kafka_message_destroy(m);
        }
        show_assignment(rk, last);
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 7 && !strcmp(argv[1], "produce")) {
        int first = (int)strtol(argv[5], NULL, 10);
        int count = (int)strtol(argv[6], NULL, 10);
        for (char *codec = strtok(argv[4], ","); codec; codec = strtok(NULL, ",")) {
            produce(argv[2], argv[3], codec, first, count);
            first += count;
        }
    } else if (argc == 6) {
        consume(argv[2], argv[3], argv[4], argv[5]);
    } else {
        fail("usage: client produce|consume ...");
    }
    printf("end\n");
    return 0;
}
