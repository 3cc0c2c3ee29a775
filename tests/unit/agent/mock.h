/* librdkafka's own broker for tests, with a topic "t", beside a world. */
#ifndef TESTS_AGENT_MOCK_H
#define TESTS_AGENT_MOCK_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <string.h>

#include "world.h"

enum { MOCK_PARTITIONS = 4 };

struct mock {
    struct world world;
    rd_kafka_t *rd;
    rd_kafka_mock_cluster_t *cluster;
    bool left_group, full, fatal, held; /* what the log has told */
};

/* A line of the log: librdkafka tells when it has left its group, a source of a full channel. */
static inline void mock_hear(void *data, const char *line, int len)
{
    struct mock *mock = data;
    char *text = mem_strndup(line, (size_t)len);
    mock->left_group |= strstr(text, "poll interval") != NULL;
    mock->full |= strstr(text, "it is full") != NULL;
    mock->held |= strstr(text, "can't deliver the event of partition") != NULL;
    mock->fatal |= strstr(text, "is made anew") != NULL;
    printf("# %s", text);
    mem_free(text);
}

static inline void mock_open(struct mock *mock)
{
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    world_open(&mock->world);
    mock->world.logger.sink = mock_hear;
    mock->world.logger.sink_data = mock;
    mock->left_group = mock->full = mock->fatal = mock->held = false;
    rd_kafka_conf_set_log_cb(conf, NULL);
    mock->rd = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
    mock->cluster = rd_kafka_mock_cluster_new(mock->rd, 1);
    CHECK(mock->cluster);
    CHECK(rd_kafka_mock_topic_create(mock->cluster, "t", MOCK_PARTITIONS, 1) == 0);
    rd_kafka_brokers_add(mock->rd, rd_kafka_mock_cluster_bootstraps(mock->cluster));
}

static inline void mock_close(struct mock *mock)
{
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->rd);
    world_close(&mock->world);
}

/* A part with these values, and with the broker's address. */
static inline struct part *mock_part(struct mock *mock, enum part_kind kind, const char *values)
{
    char *all = mem_printf("kafka.bootstrap.servers=%s %s",
                           rd_kafka_mock_cluster_bootstraps(mock->cluster), values);
    struct part *part = world_part(&mock->world, kind, "kafka", all);
    mem_free(all);
    return part;
}

static inline void mock_nothing(void *data)
{
    (void)data;
}

/* A turn that is long enough for posts of librdkafka's threads, and takes those of the last one. */
static inline void mock_turn(struct mock *mock)
{
    struct env_timer end;
    env_timer_init(mock->world.env, &end, until_stop, mock->world.env);
    env_timer_start(&end, 1);
    env_post(mock->world.env, mock_nothing, NULL);
    env_run(mock->world.env);
    env_timer_stop(&end);
}

#define MOCK_UNTIL(mock, condition)                                                                \
    do {                                                                                           \
        int64_t mock_ms = env_now_ms((mock)->world.env) + UNTIL_MS;                                \
        while (!(condition)) {                                                                     \
            CHECK(env_now_ms((mock)->world.env) < mock_ms);                                        \
            mock_turn(mock);                                                                       \
        }                                                                                          \
    } while (0)

static inline int mock_count(struct mock *mock, int32_t partition)
{
    int64_t low, high;
    CHECK(rd_kafka_query_watermark_offsets(mock->rd, "t", partition, &low, &high, UNTIL_MS) == 0);
    return (int)high;
}

static inline int mock_count_all(struct mock *mock)
{
    int count = 0;
    for (int32_t i = 0; i < MOCK_PARTITIONS; i++)
        count += mock_count(mock, i);
    return count;
}

#endif
