/* The kafka source: records of topics become events, as a member of a consumer group.
 *
 * Happy path: librdkafka fetches on threads of its own and rings a bell on the loop; a batch of
 * records goes to the channels, and when they have it, the offsets behind it are committed. Failure
 * modes: channels that are full hold the batch, and with it the reading, while the member stays in
 * its group; a process that is killed
 * reads again what was not committed; a record that is no event of Flume, where the format says so,
 * is taken as it is, and told. */
#include <librdkafka/rdkafka.h>
#include <string.h>

#include "base/mem.h"
#include "tools/agent/flume_event.h"
#include "tools/agent/kafka_bell.h"
#include "tools/agent/kafka_conf.h"
#include "tools/agent/kafka_pause.h"
#include "tools/agent/source.h"
#include "tools/agent/types.h"

enum {
    KAFKA_LOOK_MS = 200, /* a look without a bell, which also keeps the member alive */
    KAFKA_BATCHES_PER_TURN = 4,
    KAFKA_HELD_SPARE = 256 /* beside a batch: each rebalance may bring one to a source that waits */
};

struct kafka_source {
    struct source source;
    rd_kafka_t *rd;
    rd_kafka_queue_t *queue;
    struct kafka_bell *bell;
    struct env_timer look;
    struct batch batch;
    rd_kafka_message_t **messages; /* `held` of them: of the next batches */
    size_t room, held;             /* events of a batch; some come while one is under way */
    struct kafka_pause pause;
    rd_kafka_topic_partition_list_t *offsets; /* behind the batch that is under way */
    const char *topic_header;                 /* NULL = none */
    bool avro, under_way;
    struct kafka_teller teller;
};

/* clang-format off */
static const struct key_row kafka_source_keys[] = {
    KEY("kafka.bootstrap.servers", KEY_REQUIRED,
        "Brokers to ask first: host:port, separated by commas."),
    KEY("kafka.topics", NULL, "The topics, separated by commas."),
    KEY("kafka.topics.regex", NULL,
        "An expression for the names of topics; it counts instead of kafka.topics."),
    KEY("kafka.consumer.group.id", "flume",
        "The consumer group: sources of one group share the partitions."),
    KEY_INT("batchSize", "1000", 1, KEY_MAX_INT, "The most records that are put at once."),
    KEY_INT("batchDurationMillis", "1000", 1, KEY_MAX_INT,
            "Taken as the upper bound that it is: records don't wait here for a batch to be full."),
    KEY_INT("backoffSleepIncrement", "1000", 1, KEY_MAX_INT,
            "Nothing depends on it: brokers answer when there are records."),
    KEY_INT("maxBackoffSleep", "5000", 1, KEY_MAX_INT, "See backoffSleepIncrement."),
    KEY_BOOL("useFlumeEventFormat", "false",
             "Whether a record is a whole event, headers included, as Flume writes it in Avro; one "
             "that is none is taken as it is."),
    KEY_BOOL("setTopicHeader", "true", "Whether the topic is in a header; a kafka sink behind it "
             "sends to that topic unless its allowTopicOverride is false."),
    KEY("topicHeader", "topic", "The name of that header."),
    KEY("header.*", NULL,
        "The name of a record's header whose value is in this header of the event."),
    KEY_NOT_HERE("kafka.consumer.security.protocol",
                 "this build has no TLS and no SASL; leave it out, brokers are spoken to in plain "
                 "text"),
    KEY_NOT_HERE("kafka.consumer.enable.auto.commit",
                 "offsets are committed when the channels have the events: leave it out"),
    KEY("kafka.consumer.*", NULL, "Any setting of a consumer, by its Java name."),
    KEY_NOT_HERE("migrateZookeeperOffsets", "there is no ZooKeeper: leave it out"),
    KEY_NOT_HERE("zookeeperConnect", "there is no ZooKeeper: give kafka.bootstrap.servers"),
    KEY_OLDER_NAME("topic", "kafka.topics"),
    KEY_OLDER_NAME("groupId", "kafka.consumer.group.id"),
    KEY_END,
};
/* clang-format on */

static struct kafka_source *kafka_of(struct source *source)
{
    return CONTAINER_OF(source, struct kafka_source, source);
}

/* ---- settings ---- */

static rd_kafka_conf_t *kafka_conf(const struct part *part, struct buf *problems)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    size_t before = problems->len;
    kafka_conf_consumer(part, conf, problems);
    kafka_conf_pass(part, "kafka.consumer.", conf, problems);
    return kafka_conf_unless(conf, problems->len > before);
}

static void kafka_check(const struct part *part, struct buf *problems)
{
    if (!part_given(part, "kafka.topics") && !part_given(part, "kafka.topics.regex"))
        part_complain(part, "kafka.topics", problems,
                      "it is missing: give topics, or an expression in kafka.topics.regex");
    rd_kafka_conf_t *conf = kafka_conf(part, problems);
    if (conf)
        rd_kafka_conf_destroy(conf);
}

/* ---- records ---- */

/* Sets one that the event does not have yet. */
static void kafka_set(struct headers **headers, const char *name, const char *value, size_t len,
                      bool always)
{
    if (!always && headers_find(*headers, name))
        return;
    struct headers *more = headers_set(*headers, name, value, len);
    headers_unref(*headers);
    *headers = more;
}

static void kafka_set_number(struct headers **headers, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    kafka_set(headers, name, text, strlen(text), false);
}

static void kafka_mark(struct kafka_source *kafka, const rd_kafka_message_t *message,
                       struct event *event)
{
    const struct part *part = kafka->source.part;
    struct headers *headers = headers_ref(event->headers);
    const char *topic = rd_kafka_topic_name(message->rkt), *name, *value;
    rd_kafka_headers_t *own;
    kafka_set_number(&headers, "timestamp", rd_kafka_message_timestamp(message, NULL));
    if (rd_kafka_message_headers(message, &own) == RD_KAFKA_RESP_ERR_NO_ERROR)
        for (size_t at = 0; (value = part_next(part, "header.", &at, &name));) {
            const void *data;
            size_t len;
            if (rd_kafka_header_get_last(own, value, &data, &len) == RD_KAFKA_RESP_ERR_NO_ERROR &&
                data)
                kafka_set(&headers, name, data, len, true);
        }
    if (kafka->topic_header)
        kafka_set(&headers, kafka->topic_header, topic, strlen(topic), false);
    kafka_set_number(&headers, "partition", message->partition);
    kafka_set_number(&headers, "offset", message->offset);
    if (message->key)
        kafka_set(&headers, "key", message->key, message->key_len, true);
    event_take_headers(event, headers);
}

static void kafka_add(struct kafka_source *kafka, const rd_kafka_message_t *message,
                      struct block *block, const uint8_t *body)
{
    struct event event;
    if (!kafka->avro || flume_event_decode(block, body, message->len, &event)) {
        if (kafka->avro) {
            kafka->source.counters.read_fail++;
            kafka_tell(&kafka->teller,
                       "a record is no event in Flume's format: it is taken as it is");
        }
        event =
            (struct event){.block = block_ref(block), .body = body, .len = (uint32_t)message->len};
    }
    kafka_mark(kafka, message, &event);
    batch_add(&kafka->batch, &event);
    const char *topic = rd_kafka_topic_name(message->rkt);
    rd_kafka_topic_partition_t *row =
        rd_kafka_topic_partition_list_find(kafka->offsets, topic, message->partition);
    if (!row)
        row = rd_kafka_topic_partition_list_add(kafka->offsets, topic, message->partition);
    row->offset = message->offset + 1;
}

/* What has come, up to a batch, at the beginning of kafka->messages; their bytes in all. */
static size_t kafka_poll(struct kafka_source *kafka, size_t *bytes)
{
    *bytes = 0;
    while (kafka->held < kafka->room) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(kafka->rd, 0);
        if (!message)
            break;
        if (message->err) {
            char *text = mem_printf("can't read: %s", rd_kafka_message_errstr(message));
            kafka_tell(&kafka->teller, text);
            mem_free(text);
            rd_kafka_message_destroy(message);
            continue;
        }
        kafka->messages[kafka->held++] = message;
    }
    size_t count = kafka->held < kafka->room ? kafka->held : kafka->room;
    for (size_t i = 0; i < count; i++)
        *bytes += kafka->messages[i]->len;
    return count;
}

static void kafka_commit(struct kafka_source *kafka)
{
    if (kafka->offsets->cnt > 0)
        (void)rd_kafka_commit(kafka->rd, kafka->offsets, 1); /* a failure is told by the next one */
    rd_kafka_topic_partition_list_destroy(kafka->offsets);
    kafka->offsets = rd_kafka_topic_partition_list_new(4);
}

/* A batch, as far as there are records: false = there are none, or it has to wait. */
static bool kafka_read(struct kafka_source *kafka)
{
    size_t bytes, count = kafka_poll(kafka, &bytes);
    if (count == 0)
        return false;
    struct block *block = block_new(bytes);
    ASSERT(block); /* librdkafka has had room for them */
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        rd_kafka_message_t *message = kafka->messages[i];
        if (message->len > 0)
            memcpy(block->data + at, message->payload, message->len);
        kafka_add(kafka, message, block, block->data + at);
        at += message->len;
        rd_kafka_message_destroy(message);
    }
    ASSERT(at == bytes);
    block_unref(block);
    kafka->held -= count;
    memmove(kafka->messages, kafka->messages + count, kafka->held * sizeof(*kafka->messages));
    kafka->under_way = batch_send(&kafka->batch) == TRANSACTION_PENDING;
    if (!kafka->under_way)
        kafka_commit(kafka);
    return !kafka->under_way;
}

static void kafka_work(void *data)
{
    struct kafka_source *kafka = data;
    int batches = 0;
    if (kafka->under_way && kafka->held < kafka->room + KAFKA_HELD_SPARE) {
        rd_kafka_message_t *message =
            kafka_pause_poll(&kafka->pause, kafka->rd, env_now_ms(kafka->source.env));
        if (message)
            kafka->messages[kafka->held++] = message;
    }
    while (!kafka->under_way && batches < KAFKA_BATCHES_PER_TURN && kafka_read(kafka))
        batches++;
    /* Others get their turn, and then the rest its. */
    env_timer_start(&kafka->look, batches == KAFKA_BATCHES_PER_TURN ? 0 : KAFKA_LOOK_MS);
}

static void kafka_batch_done(struct batch *batch, int status)
{
    struct kafka_source *kafka = CONTAINER_OF(batch, struct kafka_source, batch);
    ASSERT(kafka->under_way);
    (void)status; /* it is patient: the channels have the events */
    kafka->under_way = false;
    kafka_pause_end(&kafka->pause, kafka->rd);
    kafka_commit(kafka);
    kafka_work(kafka);
}

/* ---- starting and stopping ---- */

static int kafka_subscribe(struct kafka_source *kafka, struct buf *problem)
{
    const char *regex = part_text(kafka->source.part, "kafka.topics.regex");
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(4);
    if (regex) {
        char *anchored = mem_printf("^(%s)$", regex);
        rd_kafka_topic_partition_list_add(topics, anchored, RD_KAFKA_PARTITION_UA);
        mem_free(anchored);
    } else {
        char *copy = mem_strdup(part_text(kafka->source.part, "kafka.topics")), *save = NULL;
        for (char *name = strtok_r(copy, ", ", &save); name; name = strtok_r(NULL, ", ", &save))
            rd_kafka_topic_partition_list_add(topics, name, RD_KAFKA_PARTITION_UA);
        mem_free(copy);
    }
    rd_kafka_resp_err_t err = rd_kafka_subscribe(kafka->rd, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (err)
        buf_printf(problem, "can't subscribe to the topics: %s", rd_kafka_err2str(err));
    return err ? ERR_INVALID : 0;
}

static void kafka_stop(struct source *source)
{
    struct kafka_source *kafka = kafka_of(source);
    env_timer_stop(&kafka->look);
    batch_close(&kafka->batch);
    while (kafka->held > 0)
        rd_kafka_message_destroy(kafka->messages[--kafka->held]);
    kafka_bell_mute(kafka->bell, kafka->queue);
    rd_kafka_queue_destroy(kafka->queue);
    rd_kafka_consumer_close(kafka->rd);
    rd_kafka_topic_partition_list_destroy(kafka->offsets);
    rd_kafka_destroy(kafka->rd);
    kafka_bell_free(kafka->bell);
    mem_free(kafka->messages);
}

static int kafka_start(struct source *source, struct buf *problem)
{
    struct kafka_source *kafka = kafka_of(source);
    char error[512];
    rd_kafka_conf_t *conf = kafka_conf(source->part, problem);
    if (!conf)
        return ERR_INVALID;
    kafka->teller = (struct kafka_teller){.env = source->env, .logger = &source->logger};
    kafka_conf_tell(conf, &kafka->teller);
    kafka->rd = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
    if (!kafka->rd) {
        rd_kafka_conf_destroy(conf);
        buf_printf(problem, "can't make a consumer: %s", error);
        return ERR_INVALID;
    }
    (void)rd_kafka_poll_set_consumer(kafka->rd);
    kafka->avro = part_flag(source->part, "useFlumeEventFormat");
    kafka->topic_header =
        part_flag(source->part, "setTopicHeader") ? part_text(source->part, "topicHeader") : NULL;
    kafka->offsets = rd_kafka_topic_partition_list_new(4);
    batch_init(&kafka->batch, source, (size_t)part_number(source->part, "batchSize"), true,
               kafka_batch_done);
    kafka->room = kafka->batch.cap;
    kafka->messages = mem_alloc((kafka->room + KAFKA_HELD_SPARE) * sizeof(*kafka->messages));
    kafka->queue = rd_kafka_queue_get_consumer(kafka->rd);
    env_timer_init(source->env, &kafka->look, kafka_work, kafka);
    kafka->bell = kafka_bell_new(source->env, kafka->queue, kafka_work, kafka);
    int err = kafka_subscribe(kafka, problem);
    if (err)
        kafka_stop(source);
    else
        env_timer_start(&kafka->look, KAFKA_LOOK_MS);
    return err;
}

const struct source_type kafka_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "kafka",
             .class_name = "org.apache.flume.source.kafka.KafkaSource",
             .doc = "Records of topics, each an event, as a member of a consumer group.",
             .keys = kafka_source_keys,
             .check = kafka_check},
    .size = sizeof(struct kafka_source),
    .batch_key = "batchSize",
    .start = kafka_start,
    .stop = kafka_stop,
};
