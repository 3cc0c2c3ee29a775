/* The file channel and files that are damaged or torn: what is whole comes, once. */
#include <stdlib.h>

#include "file_bench.h"

#include "tools/agent/file_record.h"

/* Puts the data file there, and nothing else. */
static void set_data(struct bench *b, const char *path, const char *data, size_t len)
{
    static const char *const dirs[] = {"1", "2", "c"};
    close_whole(b);
    for (size_t d = 0; d < ARRAY_LEN(dirs); d++) {
        char *dir = mem_printf("%s/%s", b->dir, dirs[d]);
        CHECK_INT(env_dir_remove(b->world.env, dir), 0);
        CHECK_INT(env_dir_make(b->world.env, dir), 0);
        mem_free(dir);
    }
    CHECK_INT(env_file_replace(b->world.env, path, data, len), 0);
    reopen(b);
}

/* The file, cut after each of its bytes: the whole puts are there, and no other. */
static void a_torn_end_is_left_out(void)
{
    struct bench b;
    bench_open(&b, "checkpointOnClose=false");
    put_some(&b, 1, 2);
    put_some(&b, 3, 1);
    char *path = data_file(&b), *data;
    size_t len, seen = 0;
    CHECK_INT(env_file_load(b.world.env, path, 1 << 20, &data, &len), 0);
    for (size_t cut = 0; cut <= len; cut++) {
        set_data(&b, path, data, cut);
        CHECK(channel_count(b.channel) >= seen);
        seen = channel_count(b.channel);
        if (seen > 0) {
            check_take(&b, 1, seen);
            channel_rollback(b.take);
        }
    }
    CHECK_INT(seen, 3);
    mem_free(data);
    mem_free(path);
    bench_close(&b);
}

/* Each byte of the file changed: never an event that was not put, and of three puts no more than
 * the one that has the byte is missing. With a header that is damaged all are there. */
static void damage_costs_the_record_that_it_is_in(void)
{
    struct bench b;
    struct file_record record;
    bench_open(&b, "checkpointOnClose=false");
    for (int i = 1; i <= 5; i += 2)
        put_some(&b, i, 2);
    char *path = data_file(&b), *data;
    size_t len;
    CHECK_INT(env_file_load(b.world.env, path, 1 << 20, &data, &len), 0);
    CHECK_INT(file_record_parse((uint8_t *)data + FILE_SEGMENT_HEADER, len, &record), 1);
    CHECK_INT(len, FILE_SEGMENT_HEADER + 3 * record.size);
    for (size_t at = 0; at < len; at++) {
        int lost = at < FILE_SEGMENT_HEADER ? 3 : (int)((at - FILE_SEGMENT_HEADER) / record.size);
        data[at] ^= 0x55;
        set_data(&b, path, data, len);
        data[at] ^= 0x55;
        CHECK_INT(channel_count(b.channel), lost == 3 ? 6 : 4);
        for (int seen = 0; seen < 6;) {
            if (seen == 2 * lost)
                seen += 2;
            if (seen == 6)
                break;
            UNTIL(b.world.env, (channel_take(b.channel, b.take), b.take->count > 0));
            CHECK_INT(strtol((char *)b.take->events[0].body, NULL, 10), seen + 1);
            seen += (int)b.take->count;
            channel_commit(b.take);
        }
        nothing_left(&b);
    }
    mem_free(data);
    mem_free(path);
    bench_close(&b);
}

/* Files of data whose names end so. */
static size_t count_files(struct bench *b, const char *end)
{
    size_t found = 0;
    for (int d = 1; d <= 2; d++) {
        char *path = mem_printf("%s/%d", b->dir, d), **names;
        size_t count;
        CHECK_INT(env_dir_list(b->world.env, path, &names, &count), 0);
        for (size_t i = 0; i < count; i++)
            found += strlen(names[i]) > strlen(end) &&
                     strcmp(names[i] + strlen(names[i]) - strlen(end), end) == 0;
        env_dir_list_free(names, count);
        mem_free(path);
    }
    return found;
}

/* It has a name that says so, also at a start that does not read it, and is put aside, not removed,
 * when its events are done. */
static void a_damaged_file_is_kept(void)
{
    struct bench b;
    bench_open(&b, "");
    put_some(&b, 1, 2);
    put_some(&b, 3, 2);
    char *path = data_file(&b), *data;
    size_t len;
    CHECK_INT(env_file_load(b.world.env, path, 1 << 20, &data, &len), 0);
    data[FILE_SEGMENT_HEADER + 30] ^= 0x55;
    set_data(&b, path, data, len);
    CHECK_INT(channel_count(b.channel), 2);
    CHECK_INT(count_files(&b, ".damaged.log"), 1);
    put_some(&b, 5, 1);
    reopen(&b); /* from a checkpoint that is behind it */
    CHECK_INT(channel_count(b.channel), 3);
    check_take(&b, 3, 2);
    channel_commit(b.take);
    put_some(&b, 6, 1);
    UNTIL(b.world.env, count_files(&b, ".damaged.aside") == 1);
    CHECK_INT(count_files(&b, ".damaged.log"), 0);
    reopen(&b);
    CHECK_INT(count_files(&b, ".damaged.aside"), 1);
    CHECK_INT(channel_count(b.channel), 2);
    mem_free(data);
    mem_free(path);
    bench_close(&b);
}

/* Where the last record of a data file begins. */
static size_t last_record(const char *data, size_t len)
{
    struct file_record record;
    size_t at = FILE_SEGMENT_HEADER, last = 0;
    while (file_record_parse((const uint8_t *)data + at, len - at, &record) == 1) {
        last = at;
        at += record.size;
    }
    CHECK(last > 0);
    return last;
}

/* What is on disk only, and is damaged while the channel is open, is told and left out once. */
static void damage_of_what_is_read_later_ends(void)
{
    enum { SIZE = 200000, BATCH = 10, BATCHES = 8 };
    for (int kind = 0; kind < 3; kind++) {
        struct bench b;
        bench_open(&b, "");
        for (int i = 0; i < BATCHES; i++)
            CHECK_INT(put(&b, i * BATCH, BATCH, SIZE), 0);
        char *path = data_file(&b), *data;
        size_t len;
        CHECK_INT(env_file_load(b.world.env, path, 64 << 20, &data, &len), 0);
        size_t last = last_record(data, len);
        struct env_file *file;
        CHECK_INT(env_file_open(b.world.env, path, ENV_OPEN_WRITE, &file), 0);
        if (kind == 0) /* the record seems to be longer than the file */
            CHECK_INT(env_file_write(file, "\x0f", 1, last), 0);
        else /* the file is shorter than it was: in the record, or at it */
            CHECK_INT(env_file_truncate(file, kind == 1 ? last + 100 : last), 0);
        env_file_close(file);
        for (int i = 0; i < (BATCHES - 1) * BATCH;) {
            UNTIL(b.world.env, (channel_take(b.channel, b.take), b.take->count > 0));
            CHECK_INT(strtol((char *)b.take->events[0].body, NULL, 10), i);
            i += (int)b.take->count;
            channel_commit(b.take);
        }
        UNTIL(b.world.env, (channel_take(b.channel, b.take), channel_count(b.channel) == 0));
        CHECK_INT(b.take->count, 0);
        put_some(&b, 1000, 1);
        check_take(&b, 1000, 1);
        channel_commit(b.take);
        mem_free(data);
        mem_free(path);
        bench_close(&b);
    }
}

/* The same in the middle of a file: what is behind it comes. */
static void damage_of_what_is_read_later_costs_one_put(void)
{
    enum { SIZE = 200000, BATCH = 10, BATCHES = 8, DAMAGED = 6 };
    struct bench b;
    struct file_record record;
    bench_open(&b, "");
    for (int i = 0; i < BATCHES; i++)
        CHECK_INT(put(&b, i * BATCH, BATCH, SIZE), 0);
    char *path = data_file(&b), *data;
    size_t len, at = FILE_SEGMENT_HEADER;
    CHECK_INT(env_file_load(b.world.env, path, 64 << 20, &data, &len), 0);
    for (int i = 0; i < DAMAGED; i++) {
        CHECK_INT(file_record_parse((const uint8_t *)data + at, len - at, &record), 1);
        at += record.size;
    }
    struct env_file *file;
    CHECK_INT(env_file_open(b.world.env, path, ENV_OPEN_WRITE, &file), 0);
    CHECK_INT(env_file_write(file, "\x0f", 1, at + SIZE), 0);
    env_file_close(file);
    for (int i = 0; i < BATCHES * BATCH;) {
        UNTIL(b.world.env, (channel_take(b.channel, b.take), b.take->count > 0));
        if (i == DAMAGED * BATCH)
            i += BATCH;
        CHECK_INT(strtol((char *)b.take->events[0].body, NULL, 10), i);
        i += (int)b.take->count;
        channel_commit(b.take);
    }
    nothing_left(&b);
    mem_free(data);
    mem_free(path);
    bench_close(&b);
}

static void note_search(void *data, const char *line, int len)
{
    char *text = mem_strndup(line, (size_t)len);
    *(int *)data += strstr(text, "looking for what is behind it") != NULL;
    mem_free(text);
    world_silent(NULL, line, len);
}

enum { MIMIC = 250000, MIMICS = 10, MIMIC_FIRST = 11 /* numbers begin with 1 */ };

/* Two puts of MIMICS events: the first one fills memory, so what follows is on disk only. The
 * bodies of the second one are `unit` again and again, and its record is damaged. *searches counts
 * those that have begun. */
static void put_mimics(struct bench *b, const uint8_t *unit, size_t unit_len, int *searches)
{
    struct ended ended = {.status = 1};
    char *text = mem_alloc(MIMIC + 1), *data;
    size_t len;
    bench_open(b, "fsyncPerTransaction=false");
    *searches = 0;
    b->world.logger.sink = note_search;
    b->world.logger.sink_data = searches;
    reopen(b); /* the channel's logger is a copy */
    CHECK_INT(put(b, 0, MIMICS, 1000000), 0);
    memset(text, '.', MIMIC);
    for (size_t i = 0; i < MIMICS; i++) {
        ended.events[i] = world_event(text);
        for (size_t k = 0; k < MIMIC; k++)
            ended.events[i].block->data[k] = unit[k % unit_len];
    }
    ended.put = (struct put){.events = ended.events, .count = MIMICS, .done = on_ended};
    CHECK_INT(channel_put(b->channel, &ended.put, true), TRANSACTION_PENDING);
    UNTIL(b->world.env, ended.status == 0);
    event_unref_all(ended.events, MIMICS);
    char *path = data_file(b);
    CHECK_INT(env_file_load(b->world.env, path, 64 << 20, &data, &len), 0);
    struct env_file *file;
    CHECK_INT(env_file_open(b->world.env, path, ENV_OPEN_WRITE, &file), 0);
    CHECK_INT(env_file_write(file, "\0\0\0", 4, last_record(data, len)), 0);
    env_file_close(file);
    mem_free(data);
    mem_free(text);
    mem_free(path);
}

/* What is written while the end of the file is looked through for a record is no part of its
 * damage. Bodies that look like records of the channel make that last. */
static void what_comes_during_a_search_is_there(void)
{
    struct bench b;
    size_t count = 0;
    int searches;
    uint8_t unit[FILE_RECORD_FRAME + FILE_RECORD_HEAD] = {0, 1}; /* a record of 64 KB, */
    unit[FILE_RECORD_FRAME] = FILE_RECORD_PUT;
    unit[FILE_RECORD_FRAME + 8] = MIMIC_FIRST;
    unit[FILE_RECORD_FRAME + 12] = 1; /* of one event */
    put_mimics(&b, unit, sizeof(unit), &searches);
    struct stream stream = {.event = world_event("x"), .bench = &b};
    UNTIL(b.world.env, (count += take_streamed(&b), channel_count(b.channel) == MIMICS));
    UNTIL(b.world.env, searches == 1);
    stream_put(&stream);
    UNTIL(b.world.env, (count += take_streamed(&b), count > 0));
    stream.stops = true;
    UNTIL(b.world.env, stream.ended);
    UNTIL(b.world.env, (count += take_streamed(&b), channel_count(b.channel) == 0));
    CHECK_INT(count, stream.told);
    event_unref(&stream.event);
    bench_close(&b);
}

/* The search for a record is bounded; text that only has the marks of one does not count. */
static void text_with_the_marks_of_a_record_hides_no_put(void)
{
    static const uint8_t unit[] = {0, 1, 1, 1, 1}; /* a length of 64 KB, a kind, any numbers */
    struct bench b;
    int searches;
    put_mimics(&b, unit, sizeof(unit), &searches);
    put_some(&b, 20, 3); /* before the damage is met */
    check_take(&b, 0, MIMICS);
    channel_commit(b.take);
    check_take(&b, 20, 3);
    channel_commit(b.take);
    nothing_left(&b);
    CHECK_INT(searches, 1);
    bench_close(&b);
}

TAP_MAIN(TAP_TEST(a_torn_end_is_left_out), TAP_TEST(damage_costs_the_record_that_it_is_in),
         TAP_TEST(a_damaged_file_is_kept), TAP_TEST(damage_of_what_is_read_later_ends),
         TAP_TEST(damage_of_what_is_read_later_costs_one_put),
         TAP_TEST(what_comes_during_a_search_is_there),
         TAP_TEST(text_with_the_marks_of_a_record_hides_no_put))
