/* Down-conversion on a worker: one at a time, in order, and those whose client went away. */
#include "../../tap.h"

#include <stdlib.h>
#include <unistd.h>

#include "broker/handlers/fetch_convert.h"
#include "kafka/message_set.h"
#include "../../../lib/batch_maker.h"

enum { FETCHES = 3, PARTS = 2, WAIT_MS = 30000, BOMBS = 5, BOMB_BYTES = 10 << 20 };

static struct env *env;
static struct env_file *file;
static struct fetch_converter *converter;
static char path[] = "/tmp/fetch_convert_test.XXXXXX";
static size_t file_len;
static int order[FETCHES];
static int count;
static int stop_at;

static void begin_with(int value_len)
{
    struct buf bytes = batch_make((struct batch_spec){
        .count = 5, .value_len = value_len, .base_offset = 10, .codec = COMPRESS_GZIP});
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK_INT(write(fd, bytes.data, bytes.len), (ssize_t)bytes.len);
    close(fd);
    file_len = bytes.len;
    buf_close(&bytes);
    CHECK_INT(env_new(&env), 0);
    CHECK_INT(env_file_open(env, path, ENV_OPEN_READ, &file), 0);
    converter = fetch_converter_new(env);
    count = 0;
}

static void begin(void)
{
    begin_with(100);
}

static void finish(void)
{
    env_free(env); /* runs what a worker still has to its end */
    env_file_close(file);
    unlink(path);
    memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
}

static int count_message(void *data, const struct message *message)
{
    int *messages = data;
    CHECK_INT(message->offset, 10 + *messages);
    CHECK_INT(message->magic, 1);
    ++*messages;
    return 0;
}

/* The first part is whole, the second lies behind the end of the file. */
static void on_done(void *data, struct fetch_convert_part *parts)
{
    int messages = 0;
    CHECK_INT(parts[0].err, 0);
    CHECK_INT(
        message_set_each(parts[0].out.data, parts[0].out.len, 1 << 20, count_message, &messages),
        0);
    CHECK_INT(messages, 5);
    CHECK_INT(parts[1].err, ERR_KAFKA_STORAGE_ERROR);
    CHECK_INT(parts[1].out.len, 0);
    order[count++] = (int)(intptr_t)data;
    if (count == stop_at)
        env_stop(env);
}

static struct fetch_convert *start(int number)
{
    struct fetch_convert *convert = fetch_convert_new(converter, PARTS, 1);
    CHECK(convert != NULL);
    for (int i = 0; i < PARTS; i++) {
        struct partition_slice slice = {
            .chunk = {.file = file, .offset = file_len * (size_t)i, .len = file_len}};
        fetch_convert_add(convert, &slice, 10);
        CHECK(slice.chunk.file == NULL);
    }
    fetch_convert_start(convert, on_done, (void *)(intptr_t)number);
    return convert;
}

static void they_come_in_their_order(void)
{
    begin();
    for (int i = 0; i < FETCHES; i++)
        start(i);
    CHECK_INT(count, 0);
    stop_at = FETCHES;
    env_run(env);
    for (int i = 0; i < FETCHES; i++)
        CHECK_INT(order[i], i);
    fetch_converter_free(converter);
    finish();
}

/* Of the one that runs and of one that waits: the others get theirs. */
static void whose_client_went_away_is_not_told(void)
{
    begin();
    struct fetch_convert *runs = start(0), *waits = start(1);
    start(2);
    fetch_convert_abandon(waits);
    fetch_convert_abandon(runs);
    stop_at = 1;
    env_run(env);
    CHECK_INT(count, 1);
    CHECK_INT(order[0], 2);
    fetch_converter_free(converter);
    finish();
}

static void one_may_outlive_the_converter(void)
{
    begin();
    fetch_convert_abandon(start(0));
    fetch_converter_free(converter);
    finish();
    CHECK_INT(count, 0);
}

/* Five parts of ten megabytes each: the fourth one is opened while there is any room left. */
static void on_bombs_done(void *data, struct fetch_convert_part *parts)
{
    int *made = data;
    for (int i = 0; i < BOMBS; i++) {
        CHECK_INT(parts[i].err, 0);
        *made += parts[i].out.len > 0;
    }
    env_stop(env);
}

static void what_opens_to_too_much_is_left_for_the_next_fetch(void)
{
    int made = 0;
    begin_with(BOMB_BYTES / 5);
    struct fetch_convert *convert = fetch_convert_new(converter, BOMBS, 1);
    CHECK(convert != NULL);
    for (int i = 0; i < BOMBS; i++) {
        struct partition_slice slice = {.chunk = {.file = file, .len = file_len}};
        fetch_convert_add(convert, &slice, 10);
    }
    fetch_convert_start(convert, on_bombs_done, &made);
    env_run(env);
    CHECK_INT(made, 4);
    fetch_converter_free(converter);
    finish();
}

TAP_MAIN(TAP_TEST(they_come_in_their_order), TAP_TEST(whose_client_went_away_is_not_told),
         TAP_TEST(one_may_outlive_the_converter),
         TAP_TEST(what_opens_to_too_much_is_left_for_the_next_fetch))
