/* The kafka sink with librdkafka's own broker for tests: what is sent, in which partition, and that
 * a record that can't be sent makes nothing be sent twice. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#include "tools/agent/sink_group.h"

enum { KAFKA_PARTITIONS = 4 };

struct broker {
    struct world w;
    rd_kafka_t *rd;
    rd_kafka_mock_cluster_t *mock;
    struct part *memory, *part;
    struct channel *channel;
    struct sink_group *group;
};

static void broker_open(struct broker *b, const char *values)
{
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    world_open(&b->w);
    rd_kafka_conf_set_log_cb(conf, NULL);
    b->rd = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
    b->mock = rd_kafka_mock_cluster_new(b->rd, 1);
    CHECK(b->mock);
    CHECK(rd_kafka_mock_topic_create(b->mock, "t", KAFKA_PARTITIONS, 1) == 0);
    rd_kafka_brokers_add(b->rd, rd_kafka_mock_cluster_bootstraps(b->mock));
    char *all = mem_printf("kafka.bootstrap.servers=%s kafka.topic=t %s",
                           rd_kafka_mock_cluster_bootstraps(b->mock), values);
    b->memory = world_part(&b->w, PART_CHANNEL, "memory", "");
    b->part = world_part(&b->w, PART_SINK, "kafka", all);
    mem_free(all);
    b->channel = world_channel(&b->w, b->memory);
    struct sink_setup sink = {.part = b->part, .channel = b->channel};
    struct sink_group_setup setup = {.name = "g", .sinks = &sink, .sinks_count = 1};
    CHECK_INT(sink_group_start(b->w.env, &b->w.logger, &setup, &b->group, &b->w.problem), 0);
}

static void broker_close(struct broker *b)
{
    sink_group_stop(b->group);
    channel_close(b->channel);
    part_free(b->part);
    part_free(b->memory);
    rd_kafka_mock_cluster_destroy(b->mock);
    rd_kafka_destroy(b->rd);
    world_close(&b->w);
}

static void broker_nothing(void *data)
{
    (void)data;
}

/* A turn that is long enough for posts of librdkafka's threads, and takes those of the last one. */
static void broker_turn(struct broker *b)
{
    struct env_timer end;
    env_timer_init(b->w.env, &end, until_stop, b->w.env);
    env_timer_start(&end, 1);
    env_post(b->w.env, broker_nothing, NULL);
    env_run(b->w.env);
    env_timer_stop(&end);
}

#define BROKER_UNTIL(b, condition)                                                                 \
    do {                                                                                           \
        int64_t broker_ms = env_now_ms((b)->w.env) + UNTIL_MS;                                     \
        while (!(condition)) {                                                                     \
            CHECK(env_now_ms((b)->w.env) < broker_ms);                                             \
            broker_turn(b);                                                                        \
        }                                                                                          \
    } while (0)

static int broker_count(struct broker *b, int32_t partition)
{
    int64_t low, high;
    CHECK(rd_kafka_query_watermark_offsets(b->rd, "t", partition, &low, &high, UNTIL_MS) == 0);
    return (int)high;
}

static int broker_count_all(struct broker *b)
{
    int count = 0;
    for (int32_t i = 0; i < KAFKA_PARTITIONS; i++)
        count += broker_count(b, i);
    return count;
}

static void broker_put(struct broker *b, const char *text, const char *name, const char *value)
{
    struct event event = world_event(text);
    if (name)
        event.headers = headers_set(NULL, name, value, strlen(value));
    struct put put = {.events = &event, .count = 1};
    CHECK_INT(channel_put(b->channel, &put, true), 0);
    event_unref(&event);
}

static struct sink *broker_sink(struct broker *b)
{
    return sink_group_sink(b->group, 0);
}

static void keys_go_where_java_puts_them(void)
{
    struct broker b;
    broker_open(&b, "");
    /* murmur2 of the key, without its sign, by 4: as Java's producer computes it. */
    broker_put(&b, "1", "key", "21");
    broker_put(&b, "2", "key", "foobar");
    BROKER_UNTIL(&b, channel_count(b.channel) == 0);
    CHECK_INT(broker_count(&b, (int32_t)((uint32_t)-973932308 & 0x7fffffff) % 4), 1);
    CHECK_INT(broker_count(&b, (int32_t)((uint32_t)-790332482 & 0x7fffffff) % 4), 1);
    broker_close(&b);
}

/* Good events in front of the bad one, in one take: they are sent once, or not at all. */
static void a_record_that_is_too_large_makes_no_copies(void)
{
    struct broker b;
    char large[2001];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    broker_open(&b, "kafka.producer.max.request.size=1000");
    broker_put(&b, "a", NULL, NULL);
    BROKER_UNTIL(&b, channel_count(b.channel) == 0);
    broker_put(&b, "b", NULL, NULL);
    broker_put(&b, "c", NULL, NULL);
    broker_put(&b, large, NULL, NULL);
    BROKER_UNTIL(&b, broker_sink(&b)->failures >= 2);
    CHECK_INT(broker_count_all(&b), 1);
    CHECK_INT(channel_count(b.channel), 3);
    broker_close(&b);
}

static void a_partition_that_is_none_fails_the_take(void)
{
    struct broker b;
    broker_open(&b, "partitionIdHeader=p");
    broker_put(&b, "a", "p", "2");
    BROKER_UNTIL(&b, channel_count(b.channel) == 0);
    CHECK_INT(broker_count(&b, 2), 1);
    broker_put(&b, "b", "p", "-1");
    BROKER_UNTIL(&b, broker_sink(&b)->failures >= 1);
    broker_put(&b, "c", "p", "2x");
    BROKER_UNTIL(&b, broker_sink(&b)->failures >= 2);
    CHECK_INT(broker_count_all(&b), 1);
    broker_close(&b);
}

static void batches_by_the_name_of_the_user_guide(void)
{
    struct broker b;
    broker_open(&b, "kafka.flumeBatchSize=7 kafka.producer.security.protocol=PLAINTEXT");
    CHECK_INT(broker_sink(&b)->batch_size, 7);
    broker_close(&b);
}

/* What rules idempotence out is known before the producer is made. */
static void settings_without_idempotence_start(void)
{
    struct broker b;
    broker_open(&b, "kafka.producer.retries=0");
    broker_put(&b, "a", NULL, NULL);
    BROKER_UNTIL(&b, channel_count(b.channel) == 0);
    broker_close(&b);
    broker_open(&b, "kafka.producer.max.in.flight.requests.per.connection=6");
    broker_put(&b, "a", NULL, NULL);
    BROKER_UNTIL(&b, channel_count(b.channel) == 0);
    broker_close(&b);
}

TAP_MAIN(TAP_TEST(keys_go_where_java_puts_them),
         TAP_TEST(a_record_that_is_too_large_makes_no_copies),
         TAP_TEST(a_partition_that_is_none_fails_the_take),
         TAP_TEST(batches_by_the_name_of_the_user_guide),
         TAP_TEST(settings_without_idempotence_start))
