/* The file channel: what is put is there after any end, once and in order; events on disk only.
 * Damaged files: file_damage_test.c; the power is cut in tests/sim/agent_channel_test.c. */
#include <inttypes.h>
#include <stdlib.h>

#include "file_bench.h"

static void what_is_put_is_there_after_a_start(void)
{
    struct bench b;
    bench_open(&b, "");
    put_some(&b, 1, 3);
    put_some(&b, 4, 2);
    check_take(&b, 1, 5);
    channel_rollback(b.take);
    reopen(&b);
    CHECK_INT(channel_count(b.channel), 5);
    check_take(&b, 1, 5);
    channel_commit(b.take);
    put_some(&b, 6, 2);
    reopen(&b);
    check_take(&b, 6, 2);
    channel_commit(b.take);
    reopen(&b);
    nothing_left(&b);
    bench_close(&b);
}

static void takes_end_in_any_order(void)
{
    struct bench b;
    struct take *other = take_new(2);
    bench_open(&b, "");
    put_some(&b, 1, 2);
    put_some(&b, 3, 4);
    channel_take(b.channel, other);
    CHECK_INT(other->count, 2);
    check_take(&b, 3, 4);
    channel_commit(b.take); /* 3 to 6, before 1 and 2 */
    channel_rollback(other);
    reopen(&b);
    CHECK_INT(channel_count(b.channel), 2);
    check_take(&b, 1, 2);
    channel_commit(b.take);
    nothing_left(&b);
    take_free(other);
    bench_close(&b);
}

static void what_has_no_room_in_memory_is_read_again(void)
{
    struct bench b;
    enum { SIZE = 100000, BATCH = 10, BATCHES = 30 };
    bench_open(&b, "maxFileSize=2000000 checkpointInterval=5");
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < BATCHES; i++)
            CHECK_INT(put(&b, i * BATCH, BATCH, SIZE), 0);
        if (round == 1)
            reopen(&b);
        for (int i = 0; i < BATCHES * BATCH;) {
            UNTIL(b.world.env, (channel_take(b.channel, b.take), b.take->count > 0));
            CHECK_INT(strtol((char *)b.take->events[0].body, NULL, 10), i);
            CHECK_INT(b.take->events[0].len, SIZE);
            i += (int)b.take->count;
            channel_commit(b.take);
        }
        nothing_left(&b);
    }
    char *path = mem_printf("%s/1", b.dir), **names;
    size_t count;
    UNTIL(b.world.env, (env_dir_list(b.world.env, path, &names, &count) == 0 &&
                        (env_dir_list_free(names, count), count <= 2))); /* the lock, one file */
    mem_free(path);
    bench_close(&b);
}

static void a_full_channel_waits(void)
{
    struct bench b;
    bench_open(&b, "capacity=4 transactionCapacity=4 keep-alive=0");
    put_some(&b, 1, 3);
    CHECK_INT(put(&b, 4, 2, 0), ERR_AGAIN);
    CHECK_INT(put(&b, 4, 5, 0), ERR_TOO_LARGE);
    check_take(&b, 1, 3);
    channel_commit(b.take);
    put_some(&b, 4, 4);
    check_take(&b, 4, 4);
    channel_commit(b.take);
    bench_close(&b);
}

/* The loop is not held up by what is on disk: puts wait until that is known. */
static void what_is_there_is_read_beside_the_loop(void)
{
    struct bench b;
    bench_open(&b, "");
    put_some(&b, 1, 3);
    close_whole(&b);
    CHECK_INT(channel_open(b.world.env, &b.world.logger, b.part, &b.channel, &b.world.problem), 0);
    CHECK(!channel_is_open(b.channel));
    channel_take(b.channel, b.take);
    CHECK_INT(b.take->count, 0);
    put_some(&b, 4, 2);
    CHECK(channel_is_open(b.channel));
    check_take(&b, 1, 5);
    channel_commit(b.take);
    close_whole(&b);
    CHECK_INT(channel_open(b.world.env, &b.world.logger, b.part, &b.channel, &b.world.problem), 0);
    close_whole(&b); /* while it is read */
    reopen(&b);
    nothing_left(&b);
    bench_close(&b);
}

static void count_trials(void *data, const char *line, int len)
{
    char *text = mem_strndup(line, (size_t)len);
    *(int *)data += strstr(text, "trying on") != NULL;
    mem_free(text);
}

/* Files that can't be read are no end: the channel tries again. */
static void a_start_that_fails_is_tried_again(void)
{
    struct bench b;
    bench_open(&b, "");
    put_some(&b, 1, 3);
    close_whole(&b);
    char *path = mem_printf("%s/2/channel-%020d.log", b.dir, 9);
    int trials = 0;
    b.world.logger.sink = count_trials;
    b.world.logger.sink_data = &trials;
    CHECK_INT(env_dir_make(b.world.env, path), 0); /* it is in the place of a file */
    CHECK_INT(channel_open(b.world.env, &b.world.logger, b.part, &b.channel, &b.world.problem), 0);
    UNTIL(b.world.env, trials == 1);
    CHECK(!channel_is_open(b.channel));
    close_whole(&b);
    b.world.logger.sink = world_silent;
    CHECK_INT(env_dir_remove(b.world.env, path), 0);
    reopen(&b);
    check_take(&b, 1, 3);
    channel_commit(b.take);
    mem_free(path);
    bench_close(&b);
}

/* Where the file of takes can't be made, as on a full disk, sinks get what is there. */
static void takes_that_can_not_be_noted_hold_nothing_up(void)
{
    struct bench b;
    bench_open(&b, "checkpointInterval=5");
    put_some(&b, 1, 3);
    close_whole(&b);
    char *path = mem_printf("%s/c/takes", b.dir), *temporary = mem_printf("%s.tmp", path);
    CHECK_INT(env_path_remove(b.world.env, path), 0);
    CHECK_INT(env_dir_make(b.world.env, temporary), 0); /* in the place of a new one */
    CHECK_INT(symlink("absent/takes", path), 0);        /* which can't be made in place, either */
    reopen(&b);
    check_take(&b, 1, 3);
    channel_commit(b.take);
    put_some(&b, 4, 2);
    CHECK_INT(env_dir_remove(b.world.env, temporary), 0);
    UNTIL(b.world.env, (put_some(&b, 6, 1), env_path_exists(b.world.env, path)));
    reopen(&b);
    UNTIL(b.world.env, (channel_take(b.channel, b.take), b.take->count > 0));
    CHECK_INT(b.take->events[0].body[0], '4');
    channel_commit(b.take);
    mem_free(temporary);
    mem_free(path);
    bench_close(&b);
}

static void a_put_can_be_given_up(void)
{
    struct bench b;
    bench_open(&b, "");
    struct ended ended = {.status = 1, .events = {world_event("1")}};
    ended.events[0].headers = headers_set(NULL, "h", "v", 1);
    ended.put = (struct put){.events = ended.events, .count = 1, .done = on_ended};
    CHECK_INT(channel_put(b.channel, &ended.put, true), TRANSACTION_PENDING);
    channel_put_cancel(&ended.put);
    event_unref(&ended.events[0]);
    check_take(&b, 1, 1); /* it may have it all the same */
    CHECK_INT(ended.status, 1);
    channel_commit(b.take);
    bench_close(&b);
}

static void a_checkpoint_may_be_missing_or_wrong(void)
{
    struct bench b;
    bench_open(&b, "");
    put_some(&b, 1, 4);
    check_take(&b, 1, 4);
    channel_commit(b.take);
    put_some(&b, 5, 2);
    for (int round = 0; round < 3; round++) {
        close_whole(&b);
        char *path = mem_printf("%s/c/checkpoint", b.dir);
        UNTIL(b.world.env, env_path_exists(b.world.env, path));
        if (round == 1)
            CHECK_INT(env_path_remove(b.world.env, path), 0);
        if (round == 2)
            CHECK_INT(env_file_replace(b.world.env, path, "nonsense", 8), 0);
        mem_free(path);
        reopen(&b);
        check_take(&b, 5 + 2 * round, 2);
        channel_commit(b.take);
        nothing_left(&b);
        put_some(&b, 7 + 2 * round, 2);
    }
    bench_close(&b);
}

/* Numbers that failed puts had are known as done, and no event before them is. */
static void failed_puts_hide_no_event(void)
{
    struct bench b;
    bench_open(&b, "checkpointOnClose=false");
    put_some(&b, 1, 10);
    char *values = mem_printf("checkpointDir=%s/c dataDirs=%s/1,%s/2 checkpointOnClose=false "
                              "minimumRequiredSpace=%" PRId64,
                              b.dir, b.dir, b.dir, INT64_MAX);
    struct part *full = world_part(&b.world, PART_CHANNEL, "file", values);
    struct part *roomy = reopen_as(&b, full);
    CHECK_INT(put(&b, 11, 5, 0), ERR_NO_SPACE);
    CHECK_INT(put(&b, 11, 5, 0), ERR_NO_SPACE);
    reopen(&b); /* what they left is all that is on disk: no put follows */
    CHECK_INT(channel_count(b.channel), 10);
    part_free(reopen_as(&b, roomy));
    put_some(&b, 11, 3);
    check_take(&b, 1, 10);
    channel_commit(b.take);
    check_take(&b, 11, 3);
    channel_commit(b.take);
    nothing_left(&b);
    mem_free(values);
    bench_close(&b);
}

static void a_checkpoint_is_written_under_load(void)
{
    struct bench b;
    bench_open(&b, "checkpointInterval=1 checkpointOnClose=false");
    struct stream stream = {.event = world_event("x"), .bench = &b};
    char *path = mem_printf("%s/c/checkpoint", b.dir);
    stream_put(&stream); /* a write is under way from now on, whenever the timer comes */
    UNTIL(b.world.env, env_path_exists(b.world.env, path));
    stream.stops = true;
    UNTIL(b.world.env, stream.ended);
    event_unref(&stream.event);
    mem_free(path);
    bench_close(&b);
}

static void the_files_of_flume_are_refused(void)
{
    struct bench b;
    bench_open(&b, "");
    close_whole(&b);
    char *path = mem_printf("%s/1/log-1", b.dir);
    CHECK_INT(env_file_replace(b.world.env, path, "x", 1), 0);
    CHECK_INT(channel_open(b.world.env, &b.world.logger, b.part, &b.channel, &b.world.problem),
              ERR_INVALID);
    CHECK(strstr(buf_text(&b.world.problem), "Apache Flume"));
    CHECK_INT(env_path_remove(b.world.env, path), 0);
    mem_free(path);
    b.channel = NULL;
    reopen(&b);
    bench_close(&b);
}

/* Of two channels that have a directory of checkpoints in common the second one does not start. */
static void checkpoints_have_one_channel(void)
{
    static const char *const rows[] = {"c backup", "d c", "b backup", "d b"};
    struct bench b;
    bench_open(&b, "");
    char *values = mem_printf("checkpointDir=%s/c dataDirs=%s/1 useDualCheckpoints=true "
                              "backupCheckpointDir=%s/b",
                              b.dir, b.dir, b.dir);
    struct part *dual = world_part(&b.world, PART_CHANNEL, "file", values);
    struct part *single = reopen_as(&b, dual);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct channel *other;
        char *more = mem_printf("checkpointDir=%s/%c dataDirs=%s/3 useDualCheckpoints=true "
                                "backupCheckpointDir=%s/%s",
                                b.dir, rows[i][0], b.dir, b.dir, rows[i] + 2);
        struct part *part = world_part(&b.world, PART_CHANNEL, "file", more);
        b.world.problem.len = 0;
        CHECK_INT(channel_open(b.world.env, &b.world.logger, part, &other, &b.world.problem),
                  ERR_LOCKED);
        CHECK(strstr(buf_text(&b.world.problem), "checkpoint"));
        b.world.problem.len = 0;
        part_free(part);
        mem_free(more);
    }
    part_free(reopen_as(&b, single)); /* what could not start holds no lock */
    mem_free(values);
    bench_close(&b);
}

/* A removed file between others, as a power cut may leave them: its events are not waited for. */
static void a_gap_before_the_checkpoint_is_done(void)
{
    struct bench b;
    bench_open(&b, "");
    for (int i = 1; i <= 7; i += 3) {
        put_some(&b, i, 3);
        reopen(&b); /* the next put begins a file */
    }
    close_whole(&b);
    char *path = mem_printf("%s/1/channel-%020d.log", b.dir, 2);
    CHECK_INT(env_path_remove(b.world.env, path), 0);
    mem_free(path);
    reopen(&b);
    CHECK_INT(channel_count(b.channel), 6);
    check_take(&b, 1, 3);
    channel_commit(b.take);
    check_take(&b, 7, 3);
    channel_commit(b.take);
    nothing_left(&b);
    bench_close(&b);
}

TAP_MAIN(TAP_TEST(a_gap_before_the_checkpoint_is_done),
         TAP_TEST(a_checkpoint_is_written_under_load), TAP_TEST(what_is_put_is_there_after_a_start),
         TAP_TEST(takes_end_in_any_order), TAP_TEST(what_has_no_room_in_memory_is_read_again),
         TAP_TEST(a_full_channel_waits), TAP_TEST(what_is_there_is_read_beside_the_loop),
         TAP_TEST(a_start_that_fails_is_tried_again),
         TAP_TEST(takes_that_can_not_be_noted_hold_nothing_up), TAP_TEST(a_put_can_be_given_up),
         TAP_TEST(a_checkpoint_may_be_missing_or_wrong), TAP_TEST(failed_puts_hide_no_event),
         TAP_TEST(the_files_of_flume_are_refused), TAP_TEST(checkpoints_have_one_channel))
