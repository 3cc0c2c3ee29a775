/* The kafka sink with librdkafka's own broker for tests: what is sent, in which partition, and that
 * a record that can't be sent holds nothing up and makes nothing be sent twice. */
#include <stdlib.h>
#include <string.h>

#include "mock.h"

#include "tools/agent/sink_group.h"

struct broker {
    struct mock mock;
    struct part *memory, *part;
    struct channel *channel;
    struct sink_group *group;
};

static void broker_restart(struct broker *b)
{
    struct world *w = &b->mock.world;
    struct sink_setup sink = {.part = b->part, .channel = b->channel};
    struct sink_group_setup setup = {.name = "g", .sinks = &sink, .sinks_count = 1};
    CHECK_INT(sink_group_start(w->env, &w->logger, &setup, &b->group, &w->problem), 0);
}

static void broker_open(struct broker *b, const char *values)
{
    mock_open(&b->mock);
    struct world *w = &b->mock.world;
    char *all = mem_printf("kafka.topic=t %s", values);
    b->memory = world_part(w, PART_CHANNEL, "memory", "capacity=2000");
    b->part = mock_part(&b->mock, PART_SINK, all);
    mem_free(all);
    b->channel = world_channel(w, b->memory);
    broker_restart(b);
}

static void broker_close(struct broker *b)
{
    sink_group_stop(b->group);
    channel_close(b->channel);
    part_free(b->part);
    part_free(b->memory);
    mock_close(&b->mock);
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
    MOCK_UNTIL(&b.mock, channel_count(b.channel) == 0);
    CHECK_INT(mock_count(&b.mock, (int32_t)((uint32_t)-973932308 & 0x7fffffff) % 4), 1);
    CHECK_INT(mock_count(&b.mock, (int32_t)((uint32_t)-790332482 & 0x7fffffff) % 4), 1);
    broker_close(&b);
}

/* Good events in front of the bad one and behind it, in one take: they are sent once. */
static void a_record_that_is_too_large_is_set_aside(void)
{
    struct broker b;
    char large[2001];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    broker_open(&b, "kafka.producer.max.request.size=1000");
    broker_put(&b, "b", NULL, NULL);
    broker_put(&b, large, NULL, NULL);
    broker_put(&b, "c", NULL, NULL);
    MOCK_UNTIL(&b.mock, channel_count(b.channel) == 1);
    broker_put(&b, "d", NULL, NULL);
    MOCK_UNTIL(&b.mock, channel_count(b.channel) == 1);
    CHECK_INT(mock_count_all(&b.mock), 3);
    CHECK_INT(broker_sink(&b)->failures, 0);
    CHECK_INT(broker_sink(&b)->refused_count, 1);
    struct take *take = take_new(4);
    sink_group_stop(b.group); /* it is in the channel again */
    channel_take(b.channel, take);
    CHECK_INT(take->count, 1);
    CHECK(world_is(&take->events[0], large));
    channel_rollback(take);
    take_free(take);
    broker_restart(&b);
    MOCK_UNTIL(&b.mock, broker_sink(&b)->refused_count == 1);
    CHECK_INT(mock_count_all(&b.mock), 3);
    broker_close(&b);
}

static void a_partition_that_is_none_is_set_aside(void)
{
    struct broker b;
    broker_open(&b, "partitionIdHeader=p");
    broker_put(&b, "a", "p", "2");
    MOCK_UNTIL(&b.mock, channel_count(b.channel) == 0);
    CHECK_INT(mock_count(&b.mock, 2), 1);
    broker_put(&b, "b", "p", "-1");
    broker_put(&b, "c", "p", "2x");
    broker_put(&b, "d", "p", "99");
    broker_put(&b, "e", "p", "2");
    MOCK_UNTIL(&b.mock, broker_sink(&b)->refused_count == 3);
    MOCK_UNTIL(&b.mock, mock_count(&b.mock, 2) == 2);
    CHECK_INT(mock_count_all(&b.mock), 2);
    broker_close(&b);
}

/* Many of them fill no memory: the sink fails then, and waits as for a broker. */
static void not_all_can_be_set_aside(void)
{
    struct broker b;
    broker_open(&b, "partitionIdHeader=p");
    for (int i = 0; i < 1001; i++) {
        MOCK_UNTIL(&b.mock, channel_count(b.channel) - broker_sink(&b)->refused_count < 50);
        broker_put(&b, "x", "p", "-1");
    }
    MOCK_UNTIL(&b.mock, broker_sink(&b)->failures >= 1);
    CHECK_INT(broker_sink(&b)->refused_count, 1000);
    CHECK_INT(channel_count(b.channel), 1001);
    broker_close(&b);
}

enum { PRODUCE = 0, INIT_PRODUCER_ID = 22 }; /* the numbers of requests */

/* A broker refuses a whole batch for one of its records: the others get through, each once. */
static void one_record_of_a_refused_batch_is_set_aside(void)
{
    enum { COUNT = 20 };
    static const char *const formats[] = {"", "useFlumeEventFormat=true"};
    for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
        struct broker b;
        char *values =
            mem_printf("defaultPartitionId=1 kafka.producer.linger.ms=50 %s", formats[f]);
        broker_open(&b, values);
        mem_free(values);
        broker_put(&b, "first", NULL, NULL);
        MOCK_UNTIL(&b.mock, channel_count(b.channel) == 0);
        rd_kafka_resp_err_t no = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, yes = 0;
        /* The batch, of its lots of 3 the second one, and in that one record. */
        rd_kafka_mock_push_request_errors(b.mock.cluster, PRODUCE, 4, no, yes, no, yes);
        rd_kafka_mock_push_request_errors(b.mock.cluster, PRODUCE, 5, yes, yes, yes, yes, yes);
        rd_kafka_mock_push_request_errors(b.mock.cluster, PRODUCE, 1, no);
        struct event events[COUNT];
        char text[8];
        for (int i = 0; i < COUNT; i++) {
            snprintf(text, sizeof(text), "%d", i);
            events[i] = world_event(text);
        }
        struct put put = {.events = events, .count = COUNT};
        CHECK_INT(channel_put(b.channel, &put, true), 0);
        event_unref_all(events, COUNT);
        MOCK_UNTIL(&b.mock, broker_sink(&b)->refused_count == 1);
        CHECK_INT(channel_count(b.channel), 1);
        CHECK_INT(mock_count(&b.mock, 1), COUNT);
        CHECK_INT(broker_sink(&b)->failures, 0);
        broker_put(&b, "last", NULL, NULL);
        MOCK_UNTIL(&b.mock, channel_count(b.channel) == 1);
        CHECK_INT(mock_count(&b.mock, 1), COUNT + 1);
        broker_close(&b);
    }
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
    MOCK_UNTIL(&b.mock, channel_count(b.channel) == 0);
    broker_close(&b);
    broker_open(&b, "kafka.producer.max.in.flight.requests.per.connection=6");
    broker_put(&b, "a", NULL, NULL);
    MOCK_UNTIL(&b.mock, channel_count(b.channel) == 0);
    broker_close(&b);
}

/* A fatal error of librdkafka ends the producer. Where no new one can be made (here for a setting,
 * in life for want of threads) the sink fails, and goes on when there is one. */
static void a_producer_that_can_not_be_made_anew_is_tried_again(void)
{
    struct broker b;
    broker_open(&b, "kafka.producer.linger.ms=1");
    struct part_value *last = &b.part->values[b.part->count - 1];
    rd_kafka_mock_push_request_errors(b.mock.cluster, INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    MOCK_UNTIL(&b.mock, b.mock.fatal);
    CHECK_STR(last->key, "kafka.producer.linger.ms");
    mem_free(last->value);
    last->value = mem_strdup("soon");
    broker_put(&b, "a", NULL, NULL);
    MOCK_UNTIL(&b.mock, broker_sink(&b)->failures > 0);
    CHECK_INT(channel_count(b.channel), 1);
    mem_free(last->value);
    last->value = mem_strdup("1");
    MOCK_UNTIL(&b.mock, channel_count(b.channel) == 0);
    broker_close(&b);
}

TAP_MAIN(TAP_TEST(keys_go_where_java_puts_them), TAP_TEST(a_record_that_is_too_large_is_set_aside),
         TAP_TEST(a_partition_that_is_none_is_set_aside), TAP_TEST(not_all_can_be_set_aside),
         TAP_TEST(one_record_of_a_refused_batch_is_set_aside),
         TAP_TEST(batches_by_the_name_of_the_user_guide),
         TAP_TEST(settings_without_idempotence_start),
         TAP_TEST(a_producer_that_can_not_be_made_anew_is_tried_again))
