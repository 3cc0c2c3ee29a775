/* The kafka channel: a topic keeps the events, as Flume's does, so that they outlive this process.
 *
 * Happy path: a put is produced, and done when all in-sync replicas have its records; a consumer of
 * the same topic fetches events, a take hands out a run of them, and when it is committed, so are
 * the offsets behind all that is committed in front. Failure modes: brokers that are away make puts
 * fail after a while, and takes wait; a process that is killed, and a partition that moves to
 * another member of the group, bring events again whose offsets were not committed. A put that
 * failed in its middle comes again as a whole; so what can be known before is looked at first: of a
 * put with an event that is too large nothing is sent, or its other events would be sent with each
 * try. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/state.h"
#include "tools/agent/channel.h"
#include "tools/agent/flume_event.h"
#include "tools/agent/kafka_bell.h"
#include "tools/agent/kafka_conf.h"
#include "tools/agent/kafka_pause.h"
#include "tools/agent/types.h"

/* The most that librdkafka takes: KAFKA_UNSENT says how many may wait, not its queue, which would
 * refuse a put in its middle. */
#define KAFKA_QUEUE "2147483647"

/* Another one would be an expression for librdkafka, if it begins with "^". */
#define KAFKA_TOPIC_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

enum {
    KAFKA_TRANSACTION = 10000,
    KAFKA_TOPIC_MAX = 249,
    KAFKA_SLOTS = 1 << 15,          /* fetched events, those with sinks included */
    KAFKA_FETCHED_BYTES = 64 << 20, /* of them; one event may be over it */
    KAFKA_UNSENT = 50000,           /* events of puts that are under way */
    KAFKA_UNSENT_BYTES = 64 << 20,
    KAFKA_RECORD_BYTES = 36, /* the most that librdkafka counts besides key and body */
    KAFKA_AVRO_BYTES = 20,   /* the most that two of Avro's numbers have */
    KAFKA_KEEP_ALIVE_MS = 3000,
    KAFKA_POLLS_PER_TURN = 1000,
    KAFKA_LOOK_MS = 200,
    KAFKA_SLOTS_SPARE = 64 /* for records that come when there is no room */
};

enum kafka_slot_state { KAFKA_WAITING, KAFKA_OUT, KAFKA_DONE };

static const struct state_row kafka_slot_states[] = {
    [KAFKA_WAITING] = {"waiting", STATE_BIT(KAFKA_OUT)},
    [KAFKA_OUT] = {"out", STATE_BIT(KAFKA_WAITING) | STATE_BIT(KAFKA_DONE)},
    [KAFKA_DONE] = {"done", 0},
};

/* A fetched event, until its offset can be committed. */
struct kafka_slot {
    struct event event; /* its references are here while it waits */
    enum kafka_slot_state state;
    uint32_t bytes; /* of the record, key included */
    int32_t partition;
    int64_t offset;
};

/* A put whose records are on their way. */
struct kafka_put {
    struct list link;
    struct put *put; /* NULL = its caller is gone */
    struct kafka_channel *kafka;
    size_t events, bytes, pending;
    int status;
};

struct kafka_channel {
    struct channel channel;
    rd_kafka_t *producer, *consumer;
    rd_kafka_queue_t *reports, *fetched;
    struct kafka_bell *reports_bell, *fetched_bell;
    rd_kafka_topic_t *topic;
    struct env_timer look;
    const char *topic_name, *partition_header;
    int32_t partition;
    size_t record_max; /* bytes */
    bool avro;
    struct list puts;            /* under way */
    size_t unsent, unsent_bytes; /* their events and bytes */
    struct kafka_slot *slots;    /* a ring; only the low bits of a number are a place */
    uint64_t head, next, tail;   /* the oldest, the first that may wait, behind the newest */
    size_t fetched_bytes;        /* of slots that are not done */
    struct kafka_teller teller;
    struct kafka_pause pause;
    struct buf scratch;
};

/* clang-format off */
static const struct key_row kafka_channel_keys[] = {
    KEY("kafka.bootstrap.servers", KEY_REQUIRED,
        "Brokers to ask first: host:port, separated by commas."),
    KEY("kafka.topic", "flume-channel", "The topic that keeps the events."),
    KEY("kafka.consumer.group.id", "flume", "The consumer group of the agents that share it."),
    KEY_BOOL("parseAsFlumeEvent", "true",
             "Whether records are whole events, headers included, as Flume writes them in Avro; "
             "false for a topic that others write or read."),
    KEY("partitionIdHeader", NULL, "The header that says the partition of an event."),
    KEY_INT("defaultPartitionId", NULL, 0, KEY_MAX_INT,
            "The partition of all events; not set: by the header key, else spread."),
    KEY_INT("kafka.pollTimeout", "500", 0, KEY_MAX_INT,
            "Nothing depends on it: brokers answer when there are records."),
    KEY_NOT_HERE("kafka.consumer.enable.auto.commit",
                 "offsets are committed when the sinks have the events: leave it out"),
    KEY_NOT_HERE("kafka.producer.security.protocol",
                 "this build has no TLS and no SASL; leave it out, brokers are spoken to in plain "
                 "text"),
    KEY_NOT_HERE("kafka.consumer.security.protocol",
                 "this build has no TLS and no SASL; leave it out, brokers are spoken to in plain "
                 "text"),
    KEY("kafka.producer.*", NULL, "Any setting of a producer, by its Java name."),
    KEY("kafka.consumer.*", NULL, "Any setting of a consumer, by its Java name."),
    KEY_NOT_HERE("migrateZookeeperOffsets", "there is no ZooKeeper: leave it out"),
    KEY_NOT_HERE("readSmallestOffset",
                 "kafka.consumer.auto.offset.reset = earliest is how it is said now"),
    KEY_OLDER_NAME("brokerList", "kafka.bootstrap.servers"),
    KEY_OLDER_NAME("topic", "kafka.topic"),
    KEY_OLDER_NAME("groupId", "kafka.consumer.group.id"),
    KEY_OLDER_NAME("pollTimeout", "kafka.pollTimeout"),
    KEY_END,
};
/* clang-format on */

static struct kafka_channel *kafka_of(const struct channel *channel)
{
    return CONTAINER_OF(channel, struct kafka_channel, channel);
}

static struct kafka_slot *kafka_slot(const struct kafka_channel *kafka, uint64_t number)
{
    return &kafka->slots[number & (KAFKA_SLOTS - 1)];
}

static void kafka_slot_move(struct kafka_slot *slot, enum kafka_slot_state to)
{
    STATE_MOVE(kafka_slot_states, slot->state, to);
}

/* ---- puts ---- */

static void kafka_put_free(struct kafka_put *under_way)
{
    struct kafka_channel *kafka = under_way->kafka;
    ASSERT(kafka->unsent >= under_way->events);
    kafka->unsent -= under_way->events;
    kafka->unsent_bytes -= under_way->bytes;
    list_remove(&under_way->link);
    mem_free(under_way);
}

static void kafka_put_end(struct kafka_put *under_way)
{
    struct kafka_channel *kafka = under_way->kafka;
    struct put *put = under_way->put;
    int status = under_way->status;
    ASSERT(under_way->pending == 0);
    kafka_put_free(under_way);
    if (put)
        channel_put_ended(&kafka->channel, put, status);
    channel_has_room(&kafka->channel);
}

static int kafka_status(rd_kafka_resp_err_t err)
{
    if (err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        return ERR_TOO_LARGE;
    return err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ? ERR_TIMED_OUT : ERR_INVALID;
}

static void kafka_on_report(rd_kafka_t *rd, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_put *put = message->_private;
    (void)rd;
    ASSERT(put->pending > 0);
    if (message->err) {
        kafka_tell(opaque, rd_kafka_err2str(message->err));
        put->status = kafka_status(message->err);
    }
    if (--put->pending == 0)
        kafka_put_end(put);
}

static int32_t kafka_partition(const struct kafka_channel *kafka, const struct event *event)
{
    const struct header *header =
        kafka->partition_header ? headers_find(event->headers, kafka->partition_header) : NULL;
    char *end;
    long partition = header ? strtol(header->value, &end, 10) : -1;
    return header && end != header->value && *end == '\0' && partition >= 0 &&
                   partition <= INT32_MAX
               ? (int32_t)partition
               : kafka->partition;
}

/* Its record without the key, in bytes. It is encoded only where that decides. */
static size_t kafka_record_len(struct kafka_channel *kafka, const struct event *event,
                               size_t key_len)
{
    size_t bound = event->len + 2 * KAFKA_AVRO_BYTES;
    if (!kafka->avro)
        return event->len;
    for (size_t i = 0; event->headers && i < event->headers->count; i++) {
        const struct header *row = &event->headers->rows[i];
        bound += (size_t)row->name_len + row->value_len + KAFKA_AVRO_BYTES;
    }
    if (bound + key_len + KAFKA_RECORD_BYTES <= kafka->record_max)
        return bound;
    kafka->scratch.len = 0;
    flume_event_encode(event, &kafka->scratch);
    ASSERT(kafka->scratch.len <= bound);
    return kafka->scratch.len;
}

/* Whether each event can be a record; one that can't is told. */
static bool kafka_fits(struct kafka_channel *kafka, const struct put *put)
{
    char text[256];
    for (size_t i = 0; i < put->count; i++) {
        const struct header *key = headers_find(put->events[i].headers, "key");
        size_t key_len = key ? key->value_len : 0;
        size_t len = kafka_record_len(kafka, &put->events[i], key_len) + key_len;
        if (len + KAFKA_RECORD_BYTES <= kafka->record_max)
            continue;
        snprintf(
            text, sizeof(text),
            "event %zu of %zu makes a record of %zu bytes, over the limit of %zu: none of them "
            "is sent (raise kafka.producer.max.request.size, and max.message.bytes of the "
            "topic)",
            i + 1, put->count, len + KAFKA_RECORD_BYTES, kafka->record_max);
        kafka_tell(&kafka->teller, text);
        return false;
    }
    return true;
}

/* False: librdkafka does not take it. */
static bool kafka_produce(struct kafka_channel *kafka, struct kafka_put *put,
                          const struct event *event)
{
    const struct header *key = headers_find(event->headers, "key");
    const void *data = event->body;
    size_t len = event->len;
    if (kafka->avro) {
        kafka->scratch.len = 0;
        flume_event_encode(event, &kafka->scratch);
        data = kafka->scratch.data;
        len = kafka->scratch.len;
    }
    if (rd_kafka_produce(kafka->topic, kafka_partition(kafka, event), RD_KAFKA_MSG_F_COPY,
                         (void *)(uintptr_t)data, len, key ? key->value : NULL,
                         key ? key->value_len : 0, put) == 0) {
        put->pending++;
        return true;
    }
    kafka_tell(&kafka->teller, rd_kafka_err2str(rd_kafka_last_error()));
    return false;
}

static int kafka_put(struct channel *channel, struct put *put)
{
    struct kafka_channel *kafka = kafka_of(channel);
    size_t bytes = 0;
    for (size_t i = 0; i < put->count; i++)
        bytes += put->events[i].len;
    if (kafka->unsent > 0 && (put->count > KAFKA_UNSENT - kafka->unsent ||
                              kafka->unsent_bytes + bytes > KAFKA_UNSENT_BYTES))
        return ERR_AGAIN;
    if (!kafka_fits(kafka, put))
        return ERR_TOO_LARGE;
    struct kafka_put *under_way = mem_alloc(sizeof(*under_way));
    under_way->put = put;
    under_way->kafka = kafka;
    under_way->events = put->count;
    under_way->bytes = bytes;
    kafka->unsent += put->count;
    kafka->unsent_bytes += bytes;
    list_push(&kafka->puts, &under_way->link);
    for (size_t i = 0; i < put->count && !under_way->status; i++)
        if (!kafka_produce(kafka, under_way, &put->events[i]))
            under_way->status = ERR_INVALID;
    if (under_way->pending > 0)
        return TRANSACTION_PENDING;
    int status = under_way->status;
    kafka_put_free(under_way);
    return status;
}

/* Its records are on their way all the same. */
static void kafka_forget(struct channel *channel, struct put *put)
{
    struct kafka_channel *kafka = kafka_of(channel);
    LIST_EACH(step, &kafka->puts) {
        struct kafka_put *under_way = LIST_ENTRY(step, struct kafka_put, link);
        if (under_way->put == put)
            under_way->put = NULL;
    }
}

static void kafka_on_reports(void *data)
{
    struct kafka_channel *kafka = data;
    while (rd_kafka_poll(kafka->producer, 0) > 0)
        ;
}

/* ---- takes ---- */

static void kafka_fetched(struct kafka_channel *kafka, const rd_kafka_message_t *message)
{
    struct block *block = block_new(message->len);
    struct event event;
    ASSERT(block); /* librdkafka has had room for it */
    if (message->len > 0)
        memcpy(block->data, message->payload, message->len);
    if (!kafka->avro || flume_event_decode(block, block->data, message->len, &event)) {
        if (kafka->avro)
            kafka_tell(&kafka->teller,
                       "a record is no event in Flume's format: it is taken as it is");
        event = (struct event){
            .block = block_ref(block), .body = block->data, .len = (uint32_t)message->len};
    }
    block_unref(block);
    if (message->key)
        event_take_headers(&event,
                           headers_set(event.headers, "key", message->key, message->key_len));
    *kafka_slot(kafka, kafka->tail) =
        (struct kafka_slot){.event = event,
                            .bytes = (uint32_t)(message->len + message->key_len),
                            .partition = message->partition,
                            .offset = message->offset};
    kafka->fetched_bytes += message->len + message->key_len;
    kafka->tail++;
    ASSERT(kafka->tail - kafka->head <= KAFKA_SLOTS);
}

/* Where sinks take nothing out, what is in memory ends with a number of events, and of bytes. */
static bool kafka_has_room(const struct kafka_channel *kafka)
{
    return kafka->tail - kafka->head < KAFKA_SLOTS - KAFKA_SLOTS_SPARE &&
           kafka->fetched_bytes < KAFKA_FETCHED_BYTES;
}

/* What is fetched has been delivered, up to the events that sinks could not deliver: no offset
 * behind the first of those can be committed, and there is no room for more. Nobody else would tell
 * why the channel stands still. */
static void kafka_tell_held(struct kafka_channel *kafka)
{
    const struct kafka_slot *first = kafka_slot(kafka, kafka->head);
    uint64_t done = 0;
    char text[256];
    if (kafka->tail - kafka->head < KAFKA_SLOTS - KAFKA_SLOTS_SPARE || kafka->next < kafka->tail)
        return;
    for (uint64_t i = kafka->head; i < kafka->tail; i++)
        done += kafka_slot(kafka, i)->state == KAFKA_DONE;
    if (first->state != KAFKA_OUT || done < KAFKA_SLOTS / 2)
        return;
    snprintf(text, sizeof(text),
             "nothing more is fetched: a sink can't deliver the event of partition %" PRId32
             " at offset %" PRId64 ", and %" PRIu64
             " behind it are done, whose offsets can't be committed before it is (its sink's lines "
             "say why)",
             first->partition, first->offset, done);
    kafka_tell(&kafka->teller, text);
}

/* In its group, without room for more. */
static void kafka_stay(struct kafka_channel *kafka)
{
    if (kafka_has_room(kafka) || kafka->tail - kafka->head == KAFKA_SLOTS)
        return;
    rd_kafka_message_t *message =
        kafka_pause_poll(&kafka->pause, kafka->consumer, env_now_ms(kafka->channel.env));
    if (!message)
        return;
    kafka_fetched(kafka, message);
    rd_kafka_message_destroy(message);
}

static void kafka_look(void *data)
{
    struct kafka_channel *kafka = data;
    int polls = 0;
    uint64_t before = kafka->tail;
    if (kafka_has_room(kafka))
        kafka_pause_end(&kafka->pause, kafka->consumer);
    for (; polls < KAFKA_POLLS_PER_TURN && kafka_has_room(kafka); polls++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(kafka->consumer, 0);
        if (!message)
            break;
        if (message->err)
            kafka_tell(&kafka->teller, rd_kafka_message_errstr(message));
        else
            kafka_fetched(kafka, message);
        rd_kafka_message_destroy(message);
    }
    kafka_stay(kafka);
    kafka_tell_held(kafka);
    if (kafka->tail != before)
        channel_has_events(&kafka->channel);
    /* Others get their turn, and then the rest its. */
    env_timer_start(&kafka->look, polls == KAFKA_POLLS_PER_TURN ? 0 : KAFKA_LOOK_MS);
}

static void kafka_take(struct channel *channel, struct take *take, size_t max)
{
    struct kafka_channel *kafka = kafka_of(channel);
    while (kafka->next < kafka->tail && kafka_slot(kafka, kafka->next)->state != KAFKA_WAITING)
        kafka->next++;
    take->mark = kafka->next;
    take->count = 0;
    while (take->count < max && kafka->next < kafka->tail) {
        struct kafka_slot *slot = kafka_slot(kafka, kafka->next);
        if (slot->state != KAFKA_WAITING)
            break; /* a take is a run: another begins behind those that are out */
        kafka_slot_move(slot, KAFKA_OUT);
        take->events[take->count++] = slot->event;
        kafka->next++;
    }
}

/* The offsets behind all events that are done in front. */
static void kafka_settle(struct kafka_channel *kafka)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(4);
    while (kafka->head < kafka->tail && kafka_slot(kafka, kafka->head)->state == KAFKA_DONE) {
        const struct kafka_slot *slot = kafka_slot(kafka, kafka->head++);
        rd_kafka_topic_partition_t *row =
            rd_kafka_topic_partition_list_find(offsets, kafka->topic_name, slot->partition);
        if (!row)
            row = rd_kafka_topic_partition_list_add(offsets, kafka->topic_name, slot->partition);
        row->offset = slot->offset + 1;
    }
    if (offsets->cnt > 0)
        (void)rd_kafka_commit(kafka->consumer, offsets, 1); /* what fails is read again */
    rd_kafka_topic_partition_list_destroy(offsets);
    if (kafka->next < kafka->head)
        kafka->next = kafka->head;
    ASSERT(kafka->head <= kafka->tail);
}

static void kafka_commit(struct channel *channel, const struct take *take)
{
    struct kafka_channel *kafka = kafka_of(channel);
    bool was_full = !kafka_has_room(kafka);
    ASSERT(take->mark + take->count <= kafka->tail);
    for (size_t i = 0; i < take->count; i++) {
        struct kafka_slot *slot = kafka_slot(kafka, take->mark + i);
        kafka_slot_move(slot, KAFKA_DONE);
        ASSERT(kafka->fetched_bytes >= slot->bytes);
        kafka->fetched_bytes -= slot->bytes;
    }
    kafka_settle(kafka);
    if (was_full && kafka_has_room(kafka))
        env_timer_start(&kafka->look, 0);
}

static void kafka_rollback(struct channel *channel, struct take *take)
{
    struct kafka_channel *kafka = kafka_of(channel);
    ASSERT(take->mark >= kafka->head);
    for (size_t i = 0; i < take->count; i++) {
        struct kafka_slot *slot = kafka_slot(kafka, take->mark + i);
        slot->event = take->events[i];
        kafka_slot_move(slot, KAFKA_WAITING);
    }
    if (take->count > 0 && take->mark < kafka->next)
        kafka->next = take->mark;
}

/* Those that are fetched: how many the topic has nobody is asked. */
static size_t kafka_count(const struct channel *channel)
{
    const struct kafka_channel *kafka = kafka_of(channel);
    return (size_t)(kafka->tail - kafka->head) + kafka->unsent;
}

static size_t kafka_capacity(const struct channel *channel)
{
    (void)channel;
    return KAFKA_SLOTS + KAFKA_UNSENT;
}

static bool kafka_durable(const struct channel *channel)
{
    (void)channel;
    return true;
}

/* ---- opening and closing ---- */

static rd_kafka_conf_t *kafka_conf(const struct part *part, bool producer, struct buf *problems)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    size_t before = problems->len;
    if (producer) {
        kafka_conf_servers(part, conf, problems);
        kafka_conf_put(part, "type", conf, "acks", "all", problems);
        kafka_conf_put(part, "type", conf, "linger.ms", "0", problems);
        /* Without the fatal errors of an idempotent one, and in order all the same. */
        kafka_conf_put(part, "type", conf, "max.in.flight", "1", problems);
        kafka_conf_put(part, "type", conf, "message.timeout.ms", "30000", problems);
        kafka_conf_pass(part, "kafka.producer.", conf, problems);
        kafka_conf_put(part, "type", conf, "queue.buffering.max.messages", KAFKA_QUEUE, problems);
        kafka_conf_put(part, "type", conf, "queue.buffering.max.kbytes", KAFKA_QUEUE, problems);
    } else {
        kafka_conf_consumer(part, conf, problems);
        kafka_conf_put(part, "type", conf, "auto.offset.reset", "earliest", problems);
        kafka_conf_put(part, "type", conf, "allow.auto.create.topics", "true", problems);
        kafka_conf_pass(part, "kafka.consumer.", conf, problems);
    }
    return kafka_conf_unless(conf, problems->len > before);
}

static void kafka_check(const struct part *part, struct buf *problems)
{
    size_t len = strlen(part_text(part, "kafka.topic"));
    if (len == 0 || len > KAFKA_TOPIC_MAX)
        part_complain(part, "kafka.topic", problems, "the name of a topic has 1 to %d characters",
                      KAFKA_TOPIC_MAX);
    else if (strspn(part_text(part, "kafka.topic"), KAFKA_TOPIC_CHARACTERS) != len)
        part_complain(part, "kafka.topic", problems,
                      "the name of a topic has letters, digits, \".\", \"_\" and \"-\"");
    for (int producer = 0; producer < 2; producer++) {
        rd_kafka_conf_t *conf = kafka_conf(part, producer, problems);
        if (conf)
            rd_kafka_conf_destroy(conf);
    }
}

static rd_kafka_t *kafka_make(struct kafka_channel *kafka, bool producer, struct buf *problem)
{
    char error[512], number[32];
    size_t size = sizeof(number);
    rd_kafka_conf_t *conf = kafka_conf(kafka->channel.part, producer, problem);
    if (!conf)
        return NULL;
    rd_kafka_conf_res_t known = rd_kafka_conf_get(conf, "message.max.bytes", number, &size);
    ASSERT(known == RD_KAFKA_CONF_OK);
    if (producer)
        kafka->record_max = (size_t)strtoull(number, NULL, 10);
    kafka_conf_tell(conf, &kafka->teller);
    if (producer)
        rd_kafka_conf_set_dr_msg_cb(conf, kafka_on_report);
    rd_kafka_t *rd =
        rd_kafka_new(producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf, error, sizeof(error));
    if (!rd) {
        rd_kafka_conf_destroy(conf);
        buf_printf(problem, "can't make a %s: %s", producer ? "producer" : "consumer", error);
    }
    return rd;
}

static void kafka_close(struct channel *channel)
{
    struct kafka_channel *kafka = kafka_of(channel);
    env_timer_stop(&kafka->look);
    kafka_bell_mute(kafka->reports_bell, kafka->reports);
    kafka_bell_mute(kafka->fetched_bell, kafka->fetched);
    rd_kafka_queue_destroy(kafka->reports);
    rd_kafka_queue_destroy(kafka->fetched);
    rd_kafka_purge(kafka->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_topic_destroy(kafka->topic);
    rd_kafka_destroy(kafka->producer);
    rd_kafka_consumer_close(kafka->consumer);
    rd_kafka_destroy(kafka->consumer);
    kafka_bell_free(kafka->reports_bell);
    kafka_bell_free(kafka->fetched_bell);
    LIST_EACH(step, &kafka->puts)
        mem_free(LIST_ENTRY(step, struct kafka_put, link));
    for (uint64_t i = kafka->head; i < kafka->tail; i++)
        if (kafka_slot(kafka, i)->state == KAFKA_WAITING)
            event_unref(&kafka_slot(kafka, i)->event);
    mem_free(kafka->slots);
    buf_close(&kafka->scratch);
}

static int kafka_open(struct channel *channel, struct buf *problem)
{
    struct kafka_channel *kafka = kafka_of(channel);
    const struct part *part = channel->part;
    channel->transaction_capacity = KAFKA_TRANSACTION;
    channel->keep_alive_ms = KAFKA_KEEP_ALIVE_MS;
    kafka->topic_name = part_text(part, "kafka.topic");
    kafka->partition_header = part_text(part, "partitionIdHeader");
    kafka->partition = part_given(part, "defaultPartitionId")
                           ? (int32_t)part_number(part, "defaultPartitionId")
                           : RD_KAFKA_PARTITION_UA;
    kafka->avro = part_flag(part, "parseAsFlumeEvent");
    kafka->teller = (struct kafka_teller){.env = channel->env, .logger = &channel->logger};
    kafka->producer = kafka_make(kafka, true, problem);
    kafka->consumer = kafka->producer ? kafka_make(kafka, false, problem) : NULL;
    if (!kafka->consumer) {
        if (kafka->producer)
            rd_kafka_destroy(kafka->producer);
        return ERR_INVALID;
    }
    list_init(&kafka->puts);
    buf_init(&kafka->scratch);
    kafka->slots = mem_alloc(KAFKA_SLOTS * sizeof(*kafka->slots));
    kafka->topic = rd_kafka_topic_new(kafka->producer, kafka->topic_name, NULL);
    kafka->reports = rd_kafka_queue_get_main(kafka->producer);
    kafka->reports_bell = kafka_bell_new(channel->env, kafka->reports, kafka_on_reports, kafka);
    (void)rd_kafka_poll_set_consumer(kafka->consumer);
    kafka->fetched = rd_kafka_queue_get_consumer(kafka->consumer);
    kafka->fetched_bell = kafka_bell_new(channel->env, kafka->fetched, kafka_look, kafka);
    env_timer_init(channel->env, &kafka->look, kafka_look, kafka);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, kafka->topic_name, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(kafka->consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    ASSERT(kafka->topic); /* kafka_check has seen the name */
    if (err) {
        buf_printf(problem, "can't subscribe to the topic: %s", rd_kafka_err2str(err));
        kafka_close(channel);
        return ERR_INVALID;
    }
    env_timer_start(&kafka->look, KAFKA_LOOK_MS);
    return 0;
}

const struct channel_type kafka_channel_type = {
    .part = {.kind = PART_CHANNEL,
             .name = "kafka",
             .class_name = "org.apache.flume.channel.kafka.KafkaChannel",
             .doc = "Events in a topic, which outlive the process.",
             .keys = kafka_channel_keys,
             .check = kafka_check},
    .size = sizeof(struct kafka_channel),
    .open = kafka_open,
    .close = kafka_close,
    .put = kafka_put,
    .forget = kafka_forget,
    .take = kafka_take,
    .commit = kafka_commit,
    .rollback = kafka_rollback,
    .count = kafka_count,
    .capacity = kafka_capacity,
    .durable = kafka_durable,
};
