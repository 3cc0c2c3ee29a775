/* The kafka channel with librdkafka's own broker for tests: what is sent once, and what is kept. */
#include <string.h>

#include "mock.h"

struct bench {
    struct mock mock;
    struct part *part;
    struct channel *channel;
    struct put put;
    int ended, status;
};

static void on_done(struct put *put, int status)
{
    struct bench *b = CONTAINER_OF(put, struct bench, put);
    b->ended++;
    b->status = status;
}

static void bench_open(struct bench *b, const char *values)
{
    *b = (struct bench){.put = {.done = on_done}};
    mock_open(&b->mock);
    char *all = mem_printf("kafka.topic=t %s", values);
    b->part = mock_part(&b->mock, PART_CHANNEL, all);
    mem_free(all);
    b->channel = world_channel(&b->mock.world, b->part);
}

static void bench_close(struct bench *b)
{
    channel_close(b->channel);
    part_free(b->part);
    mock_close(&b->mock);
}

/* Its end: at once, or later. */
static int put_all(struct bench *b, const struct event *events, size_t count)
{
    int before = b->ended;
    b->put.events = events;
    b->put.count = count;
    int status = channel_put(b->channel, &b->put, true);
    if (status != TRANSACTION_PENDING)
        return status;
    MOCK_UNTIL(&b->mock, b->ended > before);
    return b->status;
}

static struct event large_event(size_t len)
{
    char *text = mem_alloc(len + 1);
    memset(text, 'x', len);
    struct event event = world_event(text);
    mem_free(text);
    return event;
}

/* Each try of the put would send the events in front of it again. */
static void check_nothing_is_sent(struct bench *b, struct event *large)
{
    struct event events[3] = {world_event("a"), world_event("b"), *large};
    for (int i = 0; i < 3; i++)
        CHECK_INT(put_all(b, events, 3), ERR_TOO_LARGE);
    CHECK_INT(put_all(b, events, 2), 0);
    CHECK_INT(mock_count_all(&b->mock), 2);
    event_unref_all(events, 3);
    bench_close(b);
}

static void an_event_that_is_too_large_makes_no_copies(void)
{
    struct bench b;
    struct event large = large_event(2000);
    bench_open(&b, "parseAsFlumeEvent=false kafka.producer.max.request.size=1000");
    check_nothing_is_sent(&b, &large);
}

/* Its body alone would fit. */
static void headers_and_keys_count(void)
{
    struct bench b;
    char value[501];
    struct event large = large_event(600);
    memset(value, 'v', sizeof(value));
    large.headers = headers_set(NULL, "h", value, sizeof(value));
    bench_open(&b, "kafka.producer.max.request.size=1000");
    check_nothing_is_sent(&b, &large);
    large = large_event(600);
    large.headers = headers_set(NULL, "key", value, sizeof(value));
    bench_open(&b, "parseAsFlumeEvent=false kafka.producer.max.request.size=1000");
    check_nothing_is_sent(&b, &large);
}

/* The bound of an encoded event is above the limit, the event is not. */
static void an_event_that_just_fits_is_sent(void)
{
    struct bench b;
    struct event event = large_event(1000 - 36 - 3);
    bench_open(&b, "kafka.producer.max.request.size=1000");
    CHECK_INT(put_all(&b, &event, 1), 0);
    CHECK_INT(mock_count_all(&b.mock), 1);
    event_unref(&event);
    bench_close(&b);
}

enum { LARGE_BYTES = 1 << 20, LARGE_ROOM = 64, LARGE_COUNT = 80, QUIET_MS = 700, FULL_MS = 4000 };

/* Gives what must not come the time that it would need: a channel looks each 200 ms. */
static void check_no_more_is_fetched(struct bench *b, int64_t quiet_ms)
{
    int64_t end_ms = env_now_ms(b->mock.world.env) + quiet_ms;
    MOCK_UNTIL(&b->mock,
               channel_count(b->channel) > LARGE_ROOM || env_now_ms(b->mock.world.env) >= end_ms);
    CHECK_INT(channel_count(b->channel), LARGE_ROOM);
}

/* A sink that takes nothing out: what is fetched has a bound in bytes; and the channel stays in its
 * group all the same, which it would have to leave after 3 s: all would come again. */
static void fetched_bytes_are_bounded(void)
{
    struct bench b;
    struct take *take = take_new(4);
    struct event larges[MOCK_PARTITIONS];
    bench_open(&b, "parseAsFlumeEvent=false kafka.producer.max.request.size=5000000 "
                   "partitionIdHeader=p kafka.consumer.fetch.max.wait.ms=10 "
                   "kafka.consumer.session.timeout.ms=3000 "
                   "kafka.consumer.heartbeat.interval.ms=300 "
                   "kafka.consumer.max.poll.interval.ms=3000");
    for (size_t i = 0; i < MOCK_PARTITIONS; i++) {
        char partition[] = {(char)('0' + i)};
        larges[i] = large_event(LARGE_BYTES);
        larges[i].headers = headers_set(NULL, "p", partition, 1);
    }
    /* The broker keeps 5 MB of a partition: what there is room for is fetched before more comes. */
    for (size_t sent = 0; sent < LARGE_COUNT;) {
        CHECK_INT(put_all(&b, larges, MOCK_PARTITIONS), 0);
        sent += MOCK_PARTITIONS;
        MOCK_UNTIL(&b.mock, channel_count(b.channel) >= (sent < LARGE_ROOM ? sent : LARGE_ROOM));
    }
    check_no_more_is_fetched(&b, FULL_MS);
    channel_take(b.channel, take);
    CHECK_INT(take->count, 4);
    check_no_more_is_fetched(&b, QUIET_MS); /* those that are out count */
    channel_rollback(take);
    for (size_t taken = 0; taken < LARGE_COUNT;) {
        MOCK_UNTIL(&b.mock, (channel_take(b.channel, take), take->count > 0));
        taken += take->count;
        channel_commit(take);
    }
    CHECK_INT(channel_count(b.channel), 0);
    CHECK(!b.mock.left_group);
    take_free(take);
    event_unref_all(larges, MOCK_PARTITIONS);
    bench_close(&b);
}

/* Offsets behind an event that no sink can deliver can't be committed: the channel stops, and says
 * which one it is; it goes on with the event's end. */
static void an_event_that_is_not_delivered_is_told(void)
{
    enum { BATCH = 5000, BATCHES = 8 };
    struct bench b;
    struct take *first = take_new(1), *take = take_new(1000);
    struct event *events = mem_alloc(BATCH * sizeof(*events));
    size_t taken = 1;
    bench_open(&b, "parseAsFlumeEvent=false defaultPartitionId=1");
    for (size_t i = 0; i < BATCH; i++)
        events[i] = world_event("x");
    for (size_t i = 0; i < BATCHES; i++)
        CHECK_INT(put_all(&b, events, BATCH), 0);
    MOCK_UNTIL(&b.mock, (channel_take(b.channel, first), first->count > 0));
    while (!b.mock.held) {
        MOCK_UNTIL(&b.mock, (channel_take(b.channel, take), take->count > 0) || b.mock.held);
        taken += take->count;
        if (take->count > 0)
            channel_commit(take);
    }
    CHECK(taken < BATCH * BATCHES);
    channel_commit(first);
    while (taken < BATCH * BATCHES) {
        MOCK_UNTIL(&b.mock, (channel_take(b.channel, take), take->count > 0));
        taken += take->count;
        channel_commit(take);
    }
    CHECK_INT(channel_count(b.channel), 0);
    take_free(first);
    take_free(take);
    event_unref_all(events, BATCH);
    mem_free(events);
    bench_close(&b);
}

TAP_MAIN(TAP_TEST(an_event_that_is_too_large_makes_no_copies), TAP_TEST(headers_and_keys_count),
         TAP_TEST(an_event_that_just_fits_is_sent), TAP_TEST(fetched_bytes_are_bounded),
         TAP_TEST(an_event_that_is_not_delivered_is_told))
