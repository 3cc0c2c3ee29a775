/* The spillable memory channel: events come out as they came in, whichever of memory and disk has
 * them; what is on disk is there after a start. */
#include <stdlib.h>
#include <unistd.h>

#include "ended.h"

struct bench {
    struct world world;
    char dir[64];
    struct part *part;
    struct channel *channel;
    struct take *one, *two;
    int next_in, next_out; /* numbers of events */
};

static void close_whole(struct bench *b)
{
    channel_close(b->channel);
    /* Without a disk there is no such file. */
    UNTIL(b->world.env, world_try_lock(&b->world, b->dir) != ERR_LOCKED);
}

static void reopen(struct bench *b)
{
    b->channel = world_channel(&b->world, b->part);
    UNTIL(b->world.env, channel_is_open(b->channel));
}

static void bench_open(struct bench *b, const char *more)
{
    *b = (struct bench){.dir = "/tmp/millrace-spill-XXXXXX"};
    world_open(&b->world);
    CHECK(mkdtemp(b->dir));
    char *values = mem_printf("checkpointDir=%s/c dataDirs=%s/d minimumRequiredSpace=1048576 %s",
                              b->dir, b->dir, more);
    b->part = world_part(&b->world, PART_CHANNEL, "SPILLABLEMEMORY", values);
    mem_free(values);
    b->one = take_new(5);
    b->two = take_new(3);
    reopen(b);
}

static void bench_close(struct bench *b)
{
    close_whole(b);
    take_free(b->one);
    take_free(b->two);
    part_free(b->part);
    CHECK_INT(env_dir_remove(b->world.env, b->dir), 0);
    world_close(&b->world);
}

/* The next `count` events, as one put. */
static int put(struct bench *b, size_t count)
{
    struct ended ended = {.status = 1};
    char text[16];
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%d", b->next_in + (int)i);
        ended.events[i] = world_event(text);
    }
    int status = ended_put(&ended, b->world.env, b->channel, count);
    if (status == 0)
        b->next_in += (int)count;
    return status;
}

/* Takes some; they must be the next ones. */
static void take_some(struct bench *b, struct take *take)
{
    char text[16];
    UNTIL(b->world.env, (channel_take(b->channel, take), take->count > 0));
    for (size_t i = 0; i < take->count; i++) {
        snprintf(text, sizeof(text), "%d", b->next_out++);
        CHECK(world_is(&take->events[i], text));
    }
}

static void take_all(struct bench *b)
{
    while (b->next_out < b->next_in) {
        take_some(b, b->one);
        channel_commit(b->one);
    }
    CHECK_INT(channel_count(b->channel), 0);
}

/* Names of files in the directory of data: a segment is there when something has been spilled. */
static size_t files(struct bench *b)
{
    char *path = mem_printf("%s/d", b->dir), **names;
    size_t count;
    CHECK_INT(env_dir_list(b->world.env, path, &names, &count), 0);
    env_dir_list_free(names, count);
    mem_free(path);
    return count;
}

static void events_come_out_as_they_came_in(void)
{
    struct bench b;
    bench_open(&b, "memoryCapacity=8 overflowTimeout=0 overflowDeactivationThreshold=50");
    for (int i = 0; i < 2; i++)
        CHECK_INT(put(&b, 4), 0);
    CHECK_INT(files(&b), 1); /* the lock: all are in memory */
    for (int i = 0; i < 3; i++)
        CHECK_INT(put(&b, 4), 0);
    CHECK(files(&b) > 1);
    CHECK_INT(channel_count(b.channel), 20);
    take_some(&b, b.one); /* 5 of memory: few enough are left */
    channel_commit(b.one);
    CHECK_INT(put(&b, 3), 0); /* into memory again, behind what is on disk */
    take_all(&b);
    CHECK_INT(put(&b, 12), 0); /* more than memory has room for */
    CHECK_INT(put(&b, 2), 0);
    take_all(&b);
    bench_close(&b);
}

/* The threshold is the share that is free, as in Flume. What is on disk outlives the channel. */
static void memory_is_used_again_when_enough_is_free(void)
{
    struct bench b;
    struct take *take = take_new(1);
    bench_open(&b, "memoryCapacity=10 overflowTimeout=0 overflowDeactivationThreshold=20");
    CHECK_INT(put(&b, 10), 0);
    CHECK_INT(put(&b, 2), 0); /* on disk */
    take_some(&b, take);
    channel_commit(take);
    CHECK_INT(put(&b, 1), 0); /* one of ten is free: on disk */
    take_some(&b, take);
    channel_commit(take);
    CHECK_INT(put(&b, 1), 0); /* two are free: in memory */
    CHECK_INT(channel_count(b.channel), 12);
    close_whole(&b);
    reopen(&b);
    CHECK_INT(channel_count(b.channel), 3);
    b.next_out = 10;
    b.next_in = 13;
    take_all(&b);
    take_free(take);
    bench_close(&b);
}

/* A memory with room for events and none for their bytes holds nothing up. */
static void bytes_fill_memory_too(void)
{
    struct bench b;
    bench_open(&b, "memoryCapacity=100 overflowTimeout=0 byteCapacity=100 "
                   "byteCapacityBufferPercentage=99");
    for (int i = 0; i < 4; i++)
        CHECK_INT(put(&b, 2), 0);
    CHECK_INT(channel_count(b.channel), 8);
    take_all(&b);
    bench_close(&b);
}

/* Of events in memory and on disk at once, in their old places. */
static void what_goes_back_comes_again(void)
{
    struct bench b;
    bench_open(&b, "memoryCapacity=4 overflowTimeout=0");
    CHECK_INT(put(&b, 4), 0);
    CHECK_INT(put(&b, 6), 0);
    take_some(&b, b.one); /* 0 to 3 */
    take_some(&b, b.two); /* 4 to 6, on disk */
    struct take *third = take_new(2);
    channel_take(b.channel, third);
    CHECK_INT(third->count, 0); /* one take of the disk at a time: kill -9 brings it again */
    channel_rollback(b.two);
    channel_rollback(b.one);
    CHECK_INT(channel_count(b.channel), 10);
    b.next_out = 0;
    take_all(&b);
    take_free(third);
    bench_close(&b);
}

/* What is set aside of a take holds no other one up, and comes again where it was. */
static void what_is_set_aside_holds_nothing_up(void)
{
    struct bench b;
    struct list failed, refused;
    list_init(&failed);
    list_init(&refused);
    bench_open(&b, "memoryCapacity=0");
    CHECK_INT(put(&b, 12), 0);
    for (int round = 0; round < 2; round++) { /* 1 of 0 to 4, and all of 5 to 9 */
        take_some(&b, b.one);
        for (size_t i = round == 0 ? 1 : 0; i < (round == 0 ? 2 : b.one->count); i++)
            take_mark(b.one, i, TAKE_REFUSED);
        channel_commit_delivered(b.one, &failed, &refused);
    }
    CHECK(list_empty(&failed));
    take_some(&b, b.one); /* 10 and 11 */
    CHECK_INT(channel_count(b.channel), 8);
    while (!list_empty(&refused)) { /* the last one first */
        struct take *aside = LIST_ENTRY(refused.prev, struct take, link);
        list_remove(&aside->link);
        channel_rollback(aside);
        take_free(aside);
        channel_take(b.channel, b.two);
        CHECK_INT(b.two->count, 0); /* one take is under way all the same */
    }
    channel_commit(b.one);
    CHECK_INT(channel_count(b.channel), 6);
    b.next_out = 1;
    b.next_in = 2;
    UNTIL(b.world.env, (channel_take(b.channel, b.one), b.one->count > 0));
    CHECK(world_is(&b.one->events[0], "1"));
    channel_commit(b.one);
    b.next_out = 5;
    b.next_in = 10;
    take_all(&b);
    bench_close(&b);
}

static void the_disk_is_there_after_a_start(void)
{
    struct bench b;
    bench_open(&b, "memoryCapacity=4 overflowTimeout=0");
    CHECK_INT(put(&b, 4), 0);
    CHECK_INT(put(&b, 6), 0);
    close_whole(&b); /* 0 to 3 were in memory only */
    reopen(&b);
    CHECK_INT(channel_count(b.channel), 6);
    CHECK_INT(put(&b, 2), 0);
    b.next_out = 4;
    take_all(&b);
    bench_close(&b);
}

/* A full memory is waited for before the disk is used. */
static void memory_has_its_time(void)
{
    struct bench b;
    bench_open(&b, "memoryCapacity=4 overflowTimeout=3600");
    CHECK_INT(put(&b, 4), 0);
    struct ended ended = {.status = 1, .events = {world_event("4")}};
    ended.put = (struct put){.events = ended.events, .count = 1, .done = on_ended};
    CHECK_INT(channel_put(b.channel, &ended.put, true), TRANSACTION_PENDING);
    until_quiet(b.world.env);
    CHECK_INT(ended.status, 1);
    take_some(&b, b.two);
    channel_commit(b.two);
    CHECK_INT(ended.status, 0);
    event_unref(&ended.events[0]);
    b.next_in = 5;
    CHECK_INT(files(&b), 1);
    take_all(&b);
    bench_close(&b);
}

static void either_capacity_may_be_0(void)
{
    struct bench b;
    bench_open(&b, "memoryCapacity=0 overflowCapacity=100");
    CHECK_INT(put(&b, 4), 0);
    close_whole(&b);
    reopen(&b);
    take_all(&b);
    bench_close(&b);
    bench_open(&b, "memoryCapacity=4 overflowCapacity=0");
    CHECK_INT(put(&b, 4), 0);
    CHECK_INT(put(&b, 5), ERR_TOO_LARGE);
    struct put more = {.events = (struct event[]){world_event("x")}, .count = 1};
    CHECK_INT(channel_put(b.channel, &more, false), ERR_AGAIN);
    event_unref((struct event *)(uintptr_t)more.events);
    take_all(&b);
    bench_close(&b);
}

/* A source that stops does not hear of its put any more; its events are there all the same. */
static void a_put_on_its_way_can_be_given_up(void)
{
    struct bench b;
    bench_open(&b, "memoryCapacity=0");
    struct ended ended = {.status = 1, .events = {world_event("0")}};
    ended.put = (struct put){.events = ended.events, .count = 1, .done = on_ended};
    CHECK_INT(channel_put(b.channel, &ended.put, true), TRANSACTION_PENDING);
    channel_put_cancel(&ended.put);
    event_unref(&ended.events[0]);
    b.next_in = 1;
    take_all(&b);
    CHECK_INT(ended.status, 1);
    struct ended last = {.status = 1, .events = {world_event("1")}};
    last.put = (struct put){.events = last.events, .count = 1, .done = on_ended};
    CHECK_INT(channel_put(b.channel, &last.put, true), TRANSACTION_PENDING);
    channel_put_cancel(&last.put);
    event_unref(&last.events[0]);
    bench_close(&b); /* while it is on its way */
}

TAP_MAIN(TAP_TEST(events_come_out_as_they_came_in),
         TAP_TEST(memory_is_used_again_when_enough_is_free), TAP_TEST(bytes_fill_memory_too),
         TAP_TEST(what_goes_back_comes_again), TAP_TEST(what_is_set_aside_holds_nothing_up),
         TAP_TEST(the_disk_is_there_after_a_start), TAP_TEST(memory_has_its_time),
         TAP_TEST(either_capacity_may_be_0), TAP_TEST(a_put_on_its_way_can_be_given_up))
