/* The kafka sink: events become records of a topic, by librdkafka.
 *
 * Happy path: a take is handed to librdkafka without a copy of the bodies, its records go out in
 * batches, and when the last delivery report is there the take is done. Reports come on a thread of
 * librdkafka's, which rings a bell on the loop; the loop polls. The producer is idempotent where
 * acks allow it, so several takes may be under way and the order within a partition holds over
 * retries and changes of leaders.
 *
 * Failure modes: brokers that are away are waited for, with no more than KAFKA_DEPTH takes here; in
 * a group of sinks a record fails after KAFKA_GROUP_TIMEOUT_MS, so that another sink gets it. Each
 * event of a take is marked by what became of it, so only those that failed come again. A record
 * that is refused for what it is (too large, a partition that is not there) is set aside by the
 * group, with a line that says why: events are never dropped. A broker refuses a whole batch for
 * one of its records: those of it are sent again in smaller lots until it is known which one
 * (kafka_sift). Nothing else is sent meanwhile: librdkafka would put it into the same batches. */
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/map.h"
#include "base/mem.h"
#include "tools/agent/flume_event.h"
#include "tools/agent/kafka_bell.h"
#include "tools/agent/kafka_conf.h"
#include "tools/agent/sink.h"
#include "tools/agent/types.h"
#include "tools/rd.h"

/* The most that librdkafka takes. What is under way is bounded by KAFKA_DEPTH takes. */
#define KAFKA_QUEUE "2147483647"

/* The status of a take under way of which a batch was refused. */
#define KAFKA_SIFTING 1

enum {
    KAFKA_DEPTH = 16,
    KAFKA_GROUP_TIMEOUT_MS = 30000,
    KAFKA_RECORD_BYTES = 36,  /* the most that librdkafka counts besides key and body */
    KAFKA_TOPICS_MAX = 10000, /* that headers may name */
    KAFKA_SIFT_LOTS = 8       /* into which records are divided whose batch was refused */
};

struct kafka_sink {
    struct sink sink;
    rd_kafka_t *rd;
    struct kafka_bell *bell;
    struct map topics; /* name -> rd_kafka_topic_t */
    const char *topic, *topic_header, *partition_header;
    int32_t partition; /* RD_KAFKA_PARTITION_UA = by the key */
    bool avro;
    rd_kafka_message_t *messages; /* scratch: of a take */
    bool *wanted;                 /* scratch: which of them are to be sent */
    struct take *sifted;          /* the take whose refused records are sent in lots; NULL = none */
    size_t sift_lot, sift_at;     /* the most records of one; where the next one begins */
    size_t record_max;            /* bytes */
    struct buf scratch, topic_name;
    struct kafka_teller teller;
    bool broken; /* the producer has to be made anew */
};

/* clang-format off */
static const struct key_row kafka_keys[] = {
    KEY("kafka.bootstrap.servers", NULL, "Brokers to ask first: host:port, separated by commas."),
    KEY("kafka.topic", "default-flume-topic",
        "The topic; %{name} in it stands for the header of that name."),
    KEY_INT("flumeBatchSize", "100", 1, KEY_MAX_INT,
            "The most events of one take: as many may come twice after kill -9. Several takes are "
            "under way at once out of a memory channel."),
    KEY_OLDER_NAME("kafka.flumeBatchSize", "flumeBatchSize"),
    KEY("kafka.producer.acks", "all",
        "Who must have a record: all in-sync replicas (all), the leader (1), nobody (0). Flume's "
        "default is 1."),
    KEY_BOOL("useFlumeEventFormat", "false",
             "Whether a record is the whole event, headers included, as Flume writes it in Avro."),
    KEY_INT("defaultPartitionId", NULL, 0, KEY_MAX_INT,
            "The partition of all events; not set: by the header key, else spread."),
    KEY("partitionIdHeader", NULL, "The header that says the partition of an event."),
    KEY_BOOL("allowTopicOverride", "true", "Whether a header may name another topic."),
    KEY("topicHeader", "topic", "The name of that header."),
    KEY("kafka.producer.security.protocol", "PLAINTEXT",
        "Only PLAINTEXT: this build has no TLS and no SASL."),
    KEY("kafka.producer.*", NULL, "Any setting of a producer, by its Java name."),
    KEY_OLDER_NAME("brokerList", "kafka.bootstrap.servers"),
    KEY_OLDER_NAME("topic", "kafka.topic"),
    KEY_OLDER_NAME("batchSize", "flumeBatchSize"),
    KEY_OLDER_NAME("requiredAcks", "kafka.producer.acks"),
    KEY_END,
};
/* clang-format on */

static struct kafka_sink *kafka_of(struct sink *sink)
{
    return CONTAINER_OF(sink, struct kafka_sink, sink);
}

/* ---- settings ---- */

static const char *kafka_acks(const struct part *part)
{
    return part_text(part, "kafka.producer.acks");
}

static bool kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value, char *error,
                      size_t size)
{
    return rd_conf_set(conf, name, value, error, size) != RD_SETTING_REFUSED;
}

static const char *kafka_given(const struct part *part, const char *name, const char *other)
{
    const char *text = part_textf(part, "kafka.producer.%s", name);
    return text || !other ? text : part_textf(part, "kafka.producer.%s", other);
}

/* As in Java's producer: it is the default, unless something that was said rules it out. */
static bool kafka_is_idempotent(const struct part *part, struct buf *problems)
{
    const char *said = kafka_given(part, "enable.idempotence", NULL), *acks = kafka_acks(part);
    const char *retries = kafka_given(part, "retries", "message.send.max.retries");
    const char *flight =
        kafka_given(part, "max.in.flight.requests.per.connection", "max.in.flight");
    bool can = (strcmp(acks, "all") == 0 || strcmp(acks, "-1") == 0) &&
               (!retries || strcmp(retries, "0") != 0) &&
               (!flight || strtol(flight, NULL, 10) <= 5);
    if (!said)
        return can;
    bool wanted = strcasecmp(said, "true") == 0;
    if (wanted && !can)
        part_complain(
            part, "kafka.producer.enable.idempotence", problems,
            "it needs acks = all, retries other than 0, and 5 requests in flight at most");
    return wanted;
}

static void kafka_set_own(rd_kafka_conf_t *conf, const struct part *part, struct buf *problems)
{
    char error[512];
    const char *servers = part_text(part, "kafka.bootstrap.servers");
    bool idempotent = kafka_is_idempotent(part, problems);
    if (!servers)
        part_complain(part, "kafka.bootstrap.servers", problems,
                      "it is missing: host:port of a broker, or several separated by commas");
    else if (!kafka_set(conf, "bootstrap.servers", servers, error, sizeof(error)))
        part_complain(part, "kafka.bootstrap.servers", problems, "%s", error);
    if (!part_is(part, "kafka.producer.security.protocol", "PLAINTEXT"))
        part_complain(part, "kafka.producer.security.protocol", problems,
                      "this build has no TLS and no SASL: leave it out, brokers are spoken to in "
                      "plain text");
    /* Keys go where Java's producer puts them. */
    if (!kafka_set(conf, "acks", kafka_acks(part), error, sizeof(error)) ||
        !kafka_set(conf, "linger.ms", "0", error, sizeof(error)) ||
        !kafka_set(conf, "partitioner", "murmur2_random", error, sizeof(error)) ||
        !kafka_set(conf, "enable.idempotence", idempotent ? "true" : "false", error,
                   sizeof(error)) ||
        (!idempotent && !kafka_set(conf, "max.in.flight", "1", error, sizeof(error))))
        part_complain(part, "kafka.producer.acks", problems, "%s", error);
}

static bool kafka_is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* With a logger it says what has no effect. */
static rd_kafka_conf_t *kafka_conf(const struct part *part, struct logger *logger,
                                   struct buf *problems)
{
    /* The queue has room for all takes that may be under way; the channel bounds their bytes. */
    static const char *const own[] = {"buffer.memory", "queue.buffering.max.kbytes",
                                      "queue.buffering.max.messages", NULL};
    static const char *const meant[] = {"security.protocol", "key.serializer", "value.serializer",
                                        NULL};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char error[512];
    const char *rest, *value;
    size_t before = problems->len;
    kafka_set_own(conf, part, problems);
    for (size_t at = 0; (value = part_next(part, "kafka.producer.", &at, &rest));) {
        char *key = mem_printf("kafka.producer.%s", rest);
        enum rd_setting setting = RD_SETTING_NO_EFFECT;
        if (!kafka_is_among(rest, meant) && !kafka_is_among(rest, own))
            setting = rd_conf_set(conf, rest, value, error, sizeof(error));
        if (setting == RD_SETTING_REFUSED)
            part_complain(part, key, problems, "%s", error);
        else if (setting == RD_SETTING_NO_EFFECT && logger && !kafka_is_among(rest, meant))
            logger_warn(logger, "%s has no effect here%s", key,
                        kafka_is_among(rest, own) ? ": the channel says how much may wait"
                                                  : ": it is a setting of Java's clients");
        mem_free(key);
    }
    return kafka_conf_unless(conf, problems->len > before);
}

static void kafka_check(const struct part *part, struct buf *problems)
{
    rd_kafka_conf_t *conf = kafka_conf(part, NULL, problems);
    if (conf)
        rd_kafka_conf_destroy(conf);
}

/* ---- what librdkafka tells ---- */

static void kafka_on_error(rd_kafka_t *rd, int err, const char *reason, void *opaque)
{
    struct kafka_sink *kafka = opaque;
    char text[512];
    (void)rd;
    kafka->sink.counters.connection_failed++;
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        kafka->broken = true;
        rd_kafka_fatal_error(rd, text, sizeof(text));
        logger_error(&kafka->sink.logger, "the producer is made anew: %s", text);
        return;
    }
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        reason = "no broker answers, trying on";
    snprintf(text, sizeof(text), "%s", reason);
    kafka_tell(&kafka->teller, text);
}

/* A record that is refused for what it is, alone; or a batch for one of its records. */
static bool kafka_is_refusal(rd_kafka_resp_err_t err, bool *of_batch)
{
    static const struct {
        rd_kafka_resp_err_t err;
        bool of_batch;
    } rows[] = {
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, true},
        {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, true},
        {RD_KAFKA_RESP_ERR_INVALID_RECORD, true},
        {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, true},
        {RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, true},
        {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, false},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, false},
        {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, false},
        {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, false},
        {RD_KAFKA_RESP_ERR__INVALID_ARG, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].err == err) {
            *of_batch = rows[i].of_batch;
            return true;
        }
    return false;
}

static void kafka_say_refused(struct kafka_sink *kafka, rd_kafka_resp_err_t err)
{
    char text[256];
    snprintf(text, sizeof(text), "a record is refused, and set aside for a minute: %s%s",
             rd_kafka_err2str(err),
             err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
                 ? " (raise kafka.producer.max.request.size, and max.message.bytes of the topic)"
                 : "");
    kafka_tell(&kafka->teller, text);
}

static void kafka_record_failed(struct kafka_sink *kafka, struct take *take, size_t i,
                                rd_kafka_resp_err_t err)
{
    char text[256];
    bool of_batch;
    if (kafka_is_refusal(err, &of_batch)) {
        take_mark(take, i, TAKE_REFUSED);
        kafka_say_refused(kafka, err);
        return;
    }
    take_mark(take, i, TAKE_FAILED);
    if (take->status != KAFKA_SIFTING)
        take->status = ERR_IO;
    if (err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    snprintf(text, sizeof(text), "a record was not delivered, trying on: %s",
             rd_kafka_err2str(err));
    kafka_tell(&kafka->teller, text);
}

/* The take that has the event, and which one of its events it is. */
static struct take *kafka_take_of(struct kafka_sink *kafka, const struct event *event, size_t *i)
{
    LIST_EACH(step, &kafka->sink.under_way) {
        struct take *take = LIST_ENTRY(step, struct take, link);
        if (event < take->events || event >= take->events + take->count)
            continue;
        *i = (size_t)(event - take->events);
        return take;
    }
    return NULL;
}

static void kafka_sift(struct kafka_sink *kafka);

/* All of its reports are there. */
static void kafka_take_ended(struct kafka_sink *kafka, struct take *take)
{
    if (take->status != KAFKA_SIFTING)
        sink_done(&kafka->sink, take, take->status);
    kafka_sift(kafka);
}

static void kafka_on_report(rd_kafka_t *rd, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_sink *kafka = opaque;
    size_t i = 0;
    struct take *take = kafka_take_of(kafka, message->_private, &i);
    bool of_batch;
    (void)rd;
    ASSERT(take && take->pending > 0);
    bool alone = take == kafka->sifted && kafka->sift_lot == 1;
    if (message->err && !alone && kafka_is_refusal(message->err, &of_batch) && of_batch) {
        take_mark(take, i, TAKE_REFUSED);
        take->status = KAFKA_SIFTING; /* the group hands out nothing more until it has ended */
    } else if (message->err) {
        kafka_record_failed(kafka, take, i, message->err);
    }
    if (--take->pending == 0)
        kafka_take_ended(kafka, take);
}

static void kafka_on_bell(void *data)
{
    struct kafka_sink *kafka = data;
    while (kafka->rd && rd_kafka_poll(kafka->rd, 0) > 0)
        ;
}

/* ---- the producer ---- */

static int kafka_open(struct kafka_sink *kafka, struct buf *problem)
{
    char error[512], number[32];
    size_t size = sizeof(number);
    struct sink *sink = &kafka->sink;
    rd_kafka_conf_t *conf = kafka_conf(sink->part, &sink->logger, problem);
    if (!conf)
        return ERR_INVALID;
    bool set = rd_kafka_conf_get(conf, "message.max.bytes", number, &size) == RD_KAFKA_CONF_OK;
    kafka->record_max = (size_t)strtoull(number, NULL, 10);
    set = set &&
          kafka_set(conf, "queue.buffering.max.messages", KAFKA_QUEUE, error, sizeof(error)) &&
          kafka_set(conf, "queue.buffering.max.kbytes", KAFKA_QUEUE, error, sizeof(error));
    /* Alone it waits for its brokers as long as it takes: whatever fails loses its place. */
    snprintf(number, sizeof(number), "%d", sink->alone ? 0 : KAFKA_GROUP_TIMEOUT_MS);
    if (set && !kafka_given(sink->part, "delivery.timeout.ms", "message.timeout.ms"))
        set = kafka_set(conf, "message.timeout.ms", number, error, sizeof(error));
    ASSERT(set);
    rd_kafka_conf_set_opaque(conf, kafka);
    rd_kafka_conf_set_error_cb(conf, kafka_on_error);
    kafka_conf_hush(conf);
    rd_kafka_conf_set_dr_msg_cb(conf, kafka_on_report);
    kafka->rd = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
    if (!kafka->rd) {
        rd_kafka_conf_destroy(conf);
        buf_printf(problem, "can't make a producer: %s", error);
        return ERR_INVALID;
    }
    rd_kafka_queue_t *queued = rd_kafka_queue_get_main(kafka->rd);
    kafka->bell = kafka_bell_new(kafka->sink.env, queued, kafka_on_bell, kafka);
    rd_kafka_queue_destroy(queued);
    map_init(&kafka->topics);
    kafka->sink.counters.connection_created++;
    return 0;
}

/* A producer at its end. Its threads are waited for on the worker pool, and may read bodies until
 * then. */
struct kafka_end {
    struct env_work work;
    rd_kafka_t *rd;
    struct kafka_bell *bell;
    struct event *events;
    size_t count;
};

static void kafka_end_run(struct env_work *work)
{
    struct kafka_end *end = CONTAINER_OF(work, struct kafka_end, work);
    rd_kafka_destroy(end->rd);
}

static void kafka_end_done(struct env_work *work)
{
    struct kafka_end *end = CONTAINER_OF(work, struct kafka_end, work);
    ASSERT(end->bell);
    event_unref_all(end->events, end->count);
    mem_free(end->events);
    kafka_bell_free(end->bell);
    mem_free(end);
}

static void kafka_end_keep(struct kafka_end *end, const struct take *take)
{
    end->events = mem_realloc(end->events, (end->count + take->count) * sizeof(*end->events));
    for (size_t i = 0; i < take->count; i++)
        end->events[end->count++] = event_ref(&take->events[i]);
}

/* What is under way is forgotten: the group takes it back. */
static void kafka_close(struct kafka_sink *kafka)
{
    rd_kafka_topic_t *topic;
    ASSERT(kafka->rd);
    rd_kafka_queue_t *queued = rd_kafka_queue_get_main(kafka->rd);
    struct kafka_end *end = mem_alloc(sizeof(*end));
    kafka_bell_mute(kafka->bell, queued);
    rd_kafka_queue_destroy(queued);
    rd_kafka_purge(kafka->rd, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    for (size_t at = 0; (topic = map_next(&kafka->topics, &at, NULL, NULL));)
        rd_kafka_topic_destroy(topic);
    map_close(&kafka->topics);
    end->rd = kafka->rd;
    end->bell = kafka->bell;
    LIST_EACH(step, &kafka->sink.under_way)
        kafka_end_keep(end, LIST_ENTRY(step, struct take, link));
    kafka->rd = NULL;
    env_work_submit(kafka->sink.env, &end->work, kafka_end_run, kafka_end_done);
    kafka->sink.counters.connection_closed++;
}

static int kafka_start(struct sink *sink, struct buf *problem)
{
    struct kafka_sink *kafka = kafka_of(sink);
    const struct part *part = sink->part;
    if (sink->batch_size > sink->channel->transaction_capacity)
        sink->batch_size = sink->channel->transaction_capacity;
    kafka->teller = (struct kafka_teller){.env = sink->env, .logger = &sink->logger};
    kafka->topic = part_text(part, "kafka.topic");
    kafka->topic_header =
        part_flag(part, "allowTopicOverride") ? part_text(part, "topicHeader") : NULL;
    kafka->partition_header = part_text(part, "partitionIdHeader");
    kafka->partition = part_given(part, "defaultPartitionId")
                           ? (int32_t)part_number(part, "defaultPartitionId")
                           : RD_KAFKA_PARTITION_UA;
    kafka->avro = part_flag(part, "useFlumeEventFormat");
    int err = kafka_open(kafka, problem);
    if (err)
        return err;
    kafka->messages = mem_alloc(sink->batch_size * sizeof(*kafka->messages));
    kafka->wanted = mem_alloc(sink->batch_size * sizeof(*kafka->wanted));
    buf_init(&kafka->scratch);
    buf_init(&kafka->topic_name);
    return 0;
}

static void kafka_stop(struct sink *sink)
{
    struct kafka_sink *kafka = kafka_of(sink);
    if (kafka->rd)
        kafka_close(kafka);
    buf_close(&kafka->scratch);
    buf_close(&kafka->topic_name);
    mem_free(kafka->messages);
    mem_free(kafka->wanted);
}

/* ---- events ---- */

/* The name with its %{header} filled in; an absent header is nothing. */
static const char *kafka_topic_name(struct kafka_sink *kafka, const struct event *event)
{
    const struct header *named =
        kafka->topic_header ? headers_find(event->headers, kafka->topic_header) : NULL;
    const char *from = kafka->topic;
    if (named)
        return named->value;
    if (!strstr(from, "%{"))
        return from;
    kafka->topic_name.len = 0;
    while (*from) {
        const char *end = strncmp(from, "%{", 2) == 0 ? strchr(from, '}') : NULL;
        if (!end) {
            buf_put(&kafka->topic_name, from++, 1);
            continue;
        }
        char *name = mem_strndup(from + 2, (size_t)(end - from) - 2);
        const struct header *header = headers_find(event->headers, name);
        buf_printf(&kafka->topic_name, "%s", header ? header->value : "");
        mem_free(name);
        from = end + 1;
    }
    return buf_text(&kafka->topic_name);
}

/* Any one: what it sends goes on, and its name may come again. */
static void kafka_forget_topic(struct kafka_sink *kafka)
{
    const void *key;
    size_t at = 0, len;
    rd_kafka_topic_t *topic = map_next(&kafka->topics, &at, &key, &len);
    ASSERT(topic);
    char *name = mem_strndup(key, len);
    map_del(&kafka->topics, name, len);
    mem_free(name);
    rd_kafka_topic_destroy(topic);
}

static rd_kafka_topic_t *kafka_topic(struct kafka_sink *kafka, const char *name)
{
    size_t len = strlen(name);
    rd_kafka_topic_t *topic = map_get(&kafka->topics, name, len);
    if (topic)
        return topic;
    if (kafka->topics.count == KAFKA_TOPICS_MAX)
        kafka_forget_topic(kafka);
    topic = rd_kafka_topic_new(kafka->rd, name, NULL);
    if (topic)
        map_put(&kafka->topics, name, len, topic);
    return topic;
}

/* Its header may say which; what is no partition fails the take, as in Flume. */
static bool kafka_partition(const struct kafka_sink *kafka, const struct event *event,
                            int32_t *partition)
{
    const struct header *header =
        kafka->partition_header ? headers_find(event->headers, kafka->partition_header) : NULL;
    char *end;
    *partition = kafka->partition;
    if (!header)
        return true;
    long number = strtol(header->value, &end, 10);
    *partition = (int32_t)number;
    return end != header->value && *end == '\0' && number >= 0 && number <= INT32_MAX;
}

/* False: the event can't be a record, which is said. */
static bool kafka_fill(struct kafka_sink *kafka, const struct event *event,
                       rd_kafka_message_t *message)
{
    const struct header *key = headers_find(event->headers, "key");
    const char *name = kafka_topic_name(kafka, event);
    char text[512];
    *message = (rd_kafka_message_t){
        .payload = (void *)(uintptr_t)event->body,
        .len = event->len,
        .key = key ? (void *)(uintptr_t)key->value : NULL,
        .key_len = key ? key->value_len : 0,
        ._private = (void *)(uintptr_t)event,
    };
    bool valid = kafka_partition(kafka, event, &message->partition);
    if (!valid)
        snprintf(
            text, sizeof(text), "\"%s\" in the header %s is no partition: its event is set aside",
            headers_find(event->headers, kafka->partition_header)->value, kafka->partition_header);
    else if (!kafka_topic(kafka, name))
        snprintf(text, sizeof(text), "\"%s\" can't be a topic: its event is set aside", name);
    else
        return true;
    kafka_tell(&kafka->teller, text);
    return false;
}

/* The whole event is the record: each is encoded, and copied by librdkafka. */
static void kafka_encode(struct kafka_sink *kafka, const struct event *events, size_t count)
{
    size_t at = 0;
    kafka->scratch.len = 0;
    for (size_t i = 0; i < count; i++) {
        size_t before = kafka->scratch.len;
        flume_event_encode(&events[i], &kafka->scratch);
        kafka->messages[i].len = kafka->scratch.len - before;
    }
    for (size_t i = 0; i < count; i++) { /* the buffer does not move any more */
        kafka->messages[i].payload = kafka->scratch.data + at;
        at += kafka->messages[i].len;
    }
}

/* Makes messages of all events, and marks those that can't be a record. */
static void kafka_fill_all(struct kafka_sink *kafka, struct take *take)
{
    for (size_t i = 0; i < take->count; i++)
        if (!kafka_fill(kafka, &take->events[i], &kafka->messages[i]))
            take_mark(take, i, TAKE_REFUSED);
    if (kafka->avro)
        kafka_encode(kafka, take->events, take->count);
    for (size_t i = 0; i < take->count; i++) {
        const rd_kafka_message_t *message = &kafka->messages[i];
        if (message->len + message->key_len + KAFKA_RECORD_BYTES > kafka->record_max)
            kafka_record_failed(kafka, take, i, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    }
}

/* Each with a partition of its own. A batch of such would keep the memory of those that are
 * refused, for a partition that is not there, for ever (seen with librdkafka 2.0). */
static void kafka_produce_each(struct kafka_sink *kafka, struct take *take, rd_kafka_topic_t *topic,
                               int flags, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        const rd_kafka_message_t *message = &kafka->messages[i];
        if (rd_kafka_produce(topic, message->partition, flags, message->payload, message->len,
                             message->key, message->key_len, message->_private) == 0)
            take->pending++;
        else
            kafka_record_failed(kafka, take, i, rd_kafka_last_error());
    }
}

/* A run of events for one topic. Records that librdkafka does not take are marked. */
static void kafka_produce(struct kafka_sink *kafka, struct take *take, const char *name,
                          size_t first, size_t count)
{
    rd_kafka_topic_t *topic = kafka_topic(kafka, name);
    rd_kafka_message_t *messages = &kafka->messages[first];
    ASSERT(topic); /* kafka_fill has seen it */
    int flags = kafka->avro ? RD_KAFKA_MSG_F_COPY : 0;
    if (kafka->partition_header || kafka->partition != RD_KAFKA_PARTITION_UA) {
        kafka_produce_each(kafka, take, topic, flags, first, count);
        return;
    }
    int taken = rd_kafka_produce_batch(topic, RD_KAFKA_PARTITION_UA, flags, messages, (int)count);
    take->pending += (uint64_t)taken;
    for (size_t i = 0; (size_t)taken < count && i < count; i++)
        if (messages[i].err)
            kafka_record_failed(kafka, take, first + i, messages[i].err);
}

/* Sends those that are wanted. */
static void kafka_send(struct kafka_sink *kafka, struct take *take)
{
    for (size_t i = 0; i < take->count;) {
        size_t first = i++;
        if (!kafka->wanted[first])
            continue;
        /* The buffer of the name is used for each event. */
        char *own = mem_strdup(kafka_topic_name(kafka, &take->events[first]));
        while (i < take->count && kafka->wanted[i] &&
               strcmp(own, kafka_topic_name(kafka, &take->events[i])) == 0)
            i++;
        kafka_produce(kafka, take, own, first, i - first);
        mem_free(own);
    }
}

/* ---- batches that were refused ---- */

static size_t kafka_count_refused(const struct take *take)
{
    size_t count = 0;
    for (size_t i = 0; i < take->count; i++)
        count += take_fate(take, i) == TAKE_REFUSED;
    return count;
}

/* The next lot of refused records is to be sent: false = there is none in this round. */
static bool kafka_sift_next_lot(struct kafka_sink *kafka, struct take *take)
{
    size_t count = 0, i = kafka->sift_at;
    memset(kafka->wanted, 0, take->count * sizeof(*kafka->wanted));
    for (; i < take->count && count < kafka->sift_lot; i++) {
        if (take_fate(take, i) != TAKE_REFUSED)
            continue;
        take_mark(take, i, TAKE_DELIVERED);
        kafka->wanted[i] = true;
        count++;
    }
    kafka->sift_at = i;
    return count > 0;
}

/* A smaller lot, for those that are still refused: false = each has been sent alone. */
static bool kafka_sift_next_round(struct kafka_sink *kafka, const struct take *take)
{
    if (kafka->sift_lot == 1 || kafka_count_refused(take) == 0)
        return false;
    kafka->sift_lot = kafka->sift_lot / KAFKA_SIFT_LOTS > 0 ? kafka->sift_lot / KAFKA_SIFT_LOTS : 1;
    kafka->sift_at = 0;
    return true;
}

/* Sends on; false = it has ended, and each of its records is known. */
static bool kafka_sift_send(struct kafka_sink *kafka)
{
    struct take *take = kafka->sifted;
    while (take->pending == 0) {
        if (!kafka_sift_next_lot(kafka, take)) {
            if (!kafka_sift_next_round(kafka, take))
                return false;
            continue;
        }
        for (size_t i = 0; i < take->count; i++) {
            if (kafka_fill(kafka, &take->events[i], &kafka->messages[i]) || !kafka->wanted[i])
                continue;
            take_mark(take, i, TAKE_REFUSED);
            kafka->wanted[i] = false;
        }
        if (kafka->avro)
            kafka_encode(kafka, take->events, take->count);
        kafka_send(kafka, take);
    }
    return true;
}

/* The first take of which a batch was refused, when no record of another is under way. */
static struct take *kafka_sift_first(const struct kafka_sink *kafka)
{
    struct take *first = NULL;
    LIST_EACH(step, &kafka->sink.under_way) {
        struct take *take = LIST_ENTRY(step, struct take, link);
        if (take->pending > 0)
            return NULL;
        if (!first)
            first = take;
    }
    return first;
}

static void kafka_sift(struct kafka_sink *kafka)
{
    struct take *take;
    while (kafka->sifted || (take = kafka_sift_first(kafka))) {
        if (!kafka->sifted) {
            kafka->sifted = take;
            kafka->sift_at = 0;
            kafka->sift_lot = (kafka_count_refused(take) + KAFKA_SIFT_LOTS - 1) / KAFKA_SIFT_LOTS;
            ASSERT(kafka->sift_lot > 0);
        }
        take = kafka->sifted;
        if (kafka_sift_send(kafka))
            return;
        kafka->sifted = NULL;
        int status = 0;
        for (size_t i = 0; i < take->count; i++)
            status = take_fate(take, i) == TAKE_FAILED ? ERR_IO : status;
        sink_done(&kafka->sink, take, status);
    }
}

static int kafka_deliver(struct sink *sink, struct take *take)
{
    struct kafka_sink *kafka = kafka_of(sink);
    struct buf problem;
    buf_init(&problem);
    if (kafka->broken && sink->under_way_count == 0) {
        if (kafka->rd)
            kafka_close(kafka);
        kafka->broken = kafka_open(kafka, &problem) != 0;
    }
    if (!kafka->rd) /* no threads, no memory: with the group's next trial there may be */
        logger_error(&sink->logger, "no new producer, trying on: %s", buf_text(&problem));
    buf_close(&problem);
    if (!kafka->rd)
        return ERR_IO;
    kafka_fill_all(kafka, take);
    for (size_t i = 0; i < take->count; i++)
        kafka->wanted[i] = take_fate(take, i) == TAKE_DELIVERED;
    kafka_send(kafka, take);
    return take->pending > 0 ? TRANSACTION_PENDING : take->status;
}

const struct sink_type kafka_sink_type = {
    .part = {.kind = PART_SINK,
             .name = "kafka",
             .class_name = "org.apache.flume.sink.kafka.KafkaSink",
             .doc = "Events become records of a topic.",
             .keys = kafka_keys,
             .check = kafka_check},
    .size = sizeof(struct kafka_sink),
    .batch_key = "flumeBatchSize",
    .depth = KAFKA_DEPTH,
    .start = kafka_start,
    .stop = kafka_stop,
    .deliver = kafka_deliver,
};
