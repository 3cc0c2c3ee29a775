/* The kafka source with librdkafka's own broker for tests: what it does while its channel is full.
 */
#include <stdlib.h>
#include <string.h>

#include "mock.h"

enum { RECORDS = 60, FULL_MS = 5000 /* more than max.poll.interval.ms below */ };

struct bench {
    struct mock mock;
    struct part *memory, *part;
    struct channel *channel;
    struct source *source;
};

static void bench_open(struct bench *b, const char *values)
{
    *b = (struct bench){.part = NULL};
    mock_open(&b->mock);
    struct world *w = &b->mock.world;
    char *all = mem_printf("kafka.topics=t kafka.consumer.auto.offset.reset=earliest %s", values);
    b->memory = world_part(w, PART_CHANNEL, "memory", "capacity=10 transactionCapacity=10");
    b->part = mock_part(&b->mock, PART_SOURCE, all);
    mem_free(all);
    b->channel = world_channel(w, b->memory);
    struct source_setup setup = {.part = b->part, .channels = &b->channel, .channels_count = 1};
    CHECK_INT(source_start(w->env, &w->logger, &setup, &b->source, &w->problem), 0);
}

static void bench_close(struct bench *b)
{
    source_stop(b->source);
    channel_close(b->channel);
    part_free(b->part);
    part_free(b->memory);
    mock_close(&b->mock);
}

static void produce(struct bench *b, int first, int count)
{
    char text[16];
    for (int i = first; i < first + count; i++) {
        snprintf(text, sizeof(text), "%d", i);
        CHECK(rd_kafka_producev(b->mock.rd, RD_KAFKA_V_TOPIC("t"),
                                RD_KAFKA_V_VALUE(text, strlen(text)),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END) == 0);
    }
    CHECK(rd_kafka_flush(b->mock.rd, UNTIL_MS) == 0);
}

/* Longer than a member may be silent its channel is full; then each record comes once. */
static void a_full_channel_leaves_no_group(void)
{
    struct bench b;
    int seen[RECORDS] = {0};
    struct take *take = take_new(10);
    bench_open(&b, "batchSize=7 kafka.consumer.session.timeout.ms=3000 "
                   "kafka.consumer.heartbeat.interval.ms=300 "
                   "kafka.consumer.max.poll.interval.ms=3000");
    produce(&b, 0, RECORDS / 2);
    MOCK_UNTIL(&b.mock, b.mock.full);
    int64_t end_ms = env_now_ms(b.mock.world.env) + FULL_MS;
    MOCK_UNTIL(&b.mock, env_now_ms(b.mock.world.env) >= end_ms);
    produce(&b, RECORDS / 2, RECORDS / 2);
    for (size_t taken = 0; taken < RECORDS; taken += take->count) {
        if (take->channel)
            channel_commit(take);
        MOCK_UNTIL(&b.mock, (channel_take(b.channel, take), take->count > 0));
        for (size_t i = 0; i < take->count; i++) {
            char text[16] = {0};
            memcpy(text, take->events[i].body, take->events[i].len);
            seen[strtol(text, NULL, 10)]++;
        }
    }
    channel_commit(take);
    for (int i = 0; i < RECORDS; i++)
        CHECK_INT(seen[i], 1);
    CHECK(!b.mock.left_group);
    take_free(take);
    bench_close(&b);
}

static rd_kafka_t *other_member(struct bench *b)
{
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *settings[][2] = {
        {"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(b->mock.cluster)},
        {"group.id", "flume"},
        {"auto.offset.reset", "earliest"}};
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        CHECK(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof(error)) == 0);
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_t *rd = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
    CHECK(rd);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, "t", RD_KAFKA_PARTITION_UA);
    CHECK(rd_kafka_subscribe(rd, topics) == 0);
    rd_kafka_topic_partition_list_destroy(topics);
    return rd;
}

/* Polls for another member of the group; how many partitions it has. */
static int other_has(rd_kafka_t *rd)
{
    rd_kafka_topic_partition_list_t *mine;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(rd, 0);
    if (message)
        rd_kafka_message_destroy(message);
    CHECK(rd_kafka_assignment(rd, &mine) == 0);
    int count = mine->cnt;
    rd_kafka_topic_partition_list_destroy(mine);
    return count;
}

/* A rebalance brings a record to a source that has no room in a batch. */
static void the_smallest_batch_leaves_no_group(void)
{
    struct bench b;
    bench_open(&b, "batchSize=1 kafka.consumer.session.timeout.ms=3000 "
                   "kafka.consumer.heartbeat.interval.ms=300 "
                   "kafka.consumer.max.poll.interval.ms=3000");
    produce(&b, 0, RECORDS);
    MOCK_UNTIL(&b.mock, b.mock.full);
    rd_kafka_t *other = other_member(&b);
    MOCK_UNTIL(&b.mock, other_has(other) > 0);
    int64_t end_ms = env_now_ms(b.mock.world.env) + FULL_MS;
    MOCK_UNTIL(&b.mock, (other_has(other), env_now_ms(b.mock.world.env) >= end_ms));
    CHECK(!b.mock.left_group);
    rd_kafka_consumer_close(other);
    rd_kafka_destroy(other);
    bench_close(&b);
}

TAP_MAIN(TAP_TEST(a_full_channel_leaves_no_group), TAP_TEST(the_smallest_batch_leaves_no_group))
