/* The memory channel: transactions, order, capacities, who waits. */
#include "world.h"

struct ended {
    struct put put;
    struct event events[8];
    int status; /* 1 = not yet */
    int count;
};

static void on_ended(struct put *put, int status)
{
    struct ended *ended = CONTAINER_OF(put, struct ended, put);
    ended->status = status;
    ended->count++;
}

/* One letter of the text is one event. */
static int put(struct channel *channel, struct ended *ended, const char *text)
{
    size_t count = strlen(text);
    *ended = (struct ended){.status = 1};
    for (size_t i = 0; i < count; i++)
        ended->events[i] = world_event((char[]){text[i], '\0'});
    ended->put.events = ended->events;
    ended->put.count = count;
    ended->put.done = on_ended;
    int status = channel_put(channel, &ended->put, true);
    if (status == 0) /* the channel has references of its own */
        event_unref_all(ended->events, count);
    return status;
}

static void check_take(struct channel *channel, struct take *take, const char *text)
{
    channel_take(channel, take);
    CHECK_INT(take->count, strlen(text));
    for (size_t i = 0; i < take->count; i++)
        CHECK(world_is(&take->events[i], (char[]){text[i], '\0'}));
}

struct bench {
    struct world world;
    struct part *part;
    struct channel *channel;
    struct take *one, *two;
};

static void bench_open(struct bench *bench, const char *values)
{
    world_open(&bench->world);
    bench->part = world_part(&bench->world, PART_CHANNEL, "memory", values);
    bench->channel = world_channel(&bench->world, bench->part);
    bench->one = take_new(4);
    bench->two = take_new(4);
}

static void bench_close(struct bench *bench)
{
    take_free(bench->one);
    take_free(bench->two);
    channel_close(bench->channel);
    part_free(bench->part);
    world_close(&bench->world);
}

static void order_and_rollback(void)
{
    struct bench b;
    struct ended ended;
    bench_open(&b, "capacity=8 transactionCapacity=4");
    CHECK_INT(put(b.channel, &ended, "abc"), 0);
    CHECK_INT(put(b.channel, &ended, "def"), 0);
    check_take(b.channel, b.one, "abcd");
    check_take(b.channel, b.two, "ef");
    CHECK(b.one->mark < b.two->mark);
    channel_rollback(b.two);
    channel_rollback(b.one);
    check_take(b.channel, b.one, "abcd");
    channel_commit(b.one);
    check_take(b.channel, b.one, "ef");
    CHECK_INT(channel_count(b.channel), 2);
    channel_commit(b.one);
    check_take(b.channel, b.one, "");
    CHECK_INT(channel_count(b.channel), 0);
    bench_close(&b);
}

static void a_full_channel_makes_puts_wait_in_order(void)
{
    struct bench b;
    struct ended first, second, third;
    bench_open(&b, "capacity=4 transactionCapacity=4");
    CHECK_INT(put(b.channel, &first, "abc"), 0);
    CHECK_INT(put(b.channel, &second, "de"), TRANSACTION_PENDING);
    CHECK_INT(put(b.channel, &third, "f"),
              TRANSACTION_PENDING); /* it would fit, and stands behind */
    check_take(b.channel, b.one, "abc");
    CHECK_INT(second.count, 0); /* what is taken is not gone yet */
    channel_commit(b.one);
    CHECK_INT(second.status, 0);
    CHECK_INT(third.status, 0);
    event_unref_all(second.events, 2);
    event_unref_all(third.events, 1);
    check_take(b.channel, b.one, "def");
    channel_commit(b.one);
    bench_close(&b);
}

static void a_put_waits_for_its_time_only(void)
{
    struct bench b;
    struct ended first, second;
    bench_open(&b, "capacity=4 transactionCapacity=4 keep-alive=0");
    CHECK_INT(put(b.channel, &first, "abcd"), 0);
    CHECK_INT(put(b.channel, &second, "e"), TRANSACTION_PENDING);
    UNTIL(b.world.env, second.count == 1);
    CHECK_INT(second.status, ERR_AGAIN);
    event_unref_all(second.events, 1);
    CHECK_INT(put(b.channel, &second, "abcde"), ERR_TOO_LARGE);
    event_unref_all(second.events, 5);
    check_take(b.channel, b.one, "abcd");
    channel_commit(b.one);
    bench_close(&b);
}

static void a_put_can_be_given_up(void)
{
    struct bench b;
    struct ended first, second;
    bench_open(&b, "capacity=4 transactionCapacity=4 keep-alive=1");
    CHECK_INT(put(b.channel, &first, "abcd"), 0);
    CHECK_INT(put(b.channel, &second, "e"), TRANSACTION_PENDING);
    channel_put_cancel(&second.put);
    check_take(b.channel, b.one, "abcd");
    channel_commit(b.one);
    CHECK_INT(second.count, 0);
    check_take(b.channel, b.one, "");
    event_unref_all(second.events, 1);
    bench_close(&b);
}

static void bytes_are_bounded(void)
{
    struct bench b;
    struct ended first, second;
    bench_open(&b, "byteCapacity=400 byteCapacityBufferPercentage=50 keep-alive=1");
    char *text = mem_alloc(301);
    memset(text, 'x', 300);
    first = (struct ended){.events = {world_event(text)}}; /* more than all, and alone */
    first.put = (struct put){.events = first.events, .count = 1, .done = on_ended};
    CHECK_INT(channel_put(b.channel, &first.put, true), 0);
    event_unref(&first.events[0]);
    CHECK_INT(put(b.channel, &second, "y"), TRANSACTION_PENDING);
    channel_take(b.channel, b.one);
    CHECK_INT(b.one->count, 1);
    channel_commit(b.one);
    CHECK_INT(second.status, 0);
    event_unref_all(second.events, 1);
    check_take(b.channel, b.one, "y");
    channel_commit(b.one);
    mem_free(text);
    bench_close(&b);
}

/* Few events of a large block, as a filter leaves them, or a connection that sends little: the
 * block is not kept for them. */
static void check_block_is_let_go(size_t size)
{
    struct bench b;
    bench_open(&b, "");
    struct block *block = block_new(size);
    block->data[7] = 'q';
    struct event event = {.block = block, .body = block->data + 7, .len = 1};
    struct ended ended = {.put = {.events = &event, .count = 1, .done = on_ended}};
    CHECK_INT(channel_put(b.channel, &ended.put, true), 0);
    CHECK_INT(block->refs, 1);
    block_unref(block);
    check_take(b.channel, b.one, "q");
    channel_commit(b.one);
    bench_close(&b);
}

static void large_blocks_are_let_go(void)
{
    check_block_is_let_go(1 << 20);
    check_block_is_let_go(16 << 10);
}

static void note(void *data)
{
    ++*(int *)data;
}

static void waiters_are_told_once(void)
{
    struct bench b;
    struct ended ended;
    struct channel_waiter waiter;
    int told = 0;
    bench_open(&b, "");
    channel_waiter_init(&waiter, note, &told);
    channel_wait(b.channel, &waiter);
    CHECK_INT(put(b.channel, &ended, "a"), 0);
    CHECK_INT(put(b.channel, &ended, "b"), 0);
    UNTIL(b.world.env, told == 1);
    until_quiet(b.world.env);
    CHECK_INT(told, 1);
    check_take(b.channel, b.one, "ab");
    channel_commit(b.one);
    bench_close(&b);
}

TAP_MAIN(TAP_TEST(order_and_rollback), TAP_TEST(a_full_channel_makes_puts_wait_in_order),
         TAP_TEST(a_put_waits_for_its_time_only), TAP_TEST(a_put_can_be_given_up),
         TAP_TEST(bytes_are_bounded), TAP_TEST(large_blocks_are_let_go),
         TAP_TEST(waiters_are_told_once))
