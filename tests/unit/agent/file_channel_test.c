/* The file channel: what is put is there after any end, once and in order; events on disk only;
 * damaged files. The power is cut in tests/sim/agent_channel_test.c. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "world.h"

#include "tools/agent/file_record.h"

struct bench {
    struct world world;
    char dir[64];
    struct part *part;
    struct channel *channel;
    struct take *take;
};

struct ended {
    struct put put;
    struct event events[100];
    int status; /* 1 = not yet */
};

static void on_ended(struct put *put, int status)
{
    CONTAINER_OF(put, struct ended, put)->status = status;
}

static void close_whole(struct bench *b)
{
    if (!b->channel)
        return;
    channel_close(b->channel);
    b->channel = NULL;
    int err = ERR_LOCKED;
    UNTIL(b->world.env, (err = world_try_lock(&b->world, b->dir)) != ERR_LOCKED);
    CHECK_INT(err, 0);
}

static void reopen(struct bench *b)
{
    close_whole(b);
    b->world.problem.len = 0;
    CHECK_INT(channel_open(b->world.env, &b->world.logger, b->part, &b->channel, &b->world.problem),
              0);
    UNTIL(b->world.env, channel_is_open(b->channel));
}

/* With other keys; the ones before are the caller's to free, once they are no longer in use. */
static struct part *reopen_as(struct bench *b, struct part *part)
{
    struct part *before = b->part;
    b->part = part;
    reopen(b);
    return before;
}

static void bench_open(struct bench *b, const char *more)
{
    *b = (struct bench){.dir = "/tmp/millrace-channel-XXXXXX"};
    world_open(&b->world);
    CHECK(mkdtemp(b->dir));
    char *values =
        mem_printf("checkpointDir=%s/c dataDirs=%s/1,%s/2 minimumRequiredSpace=1048576 %s", b->dir,
                   b->dir, b->dir, more);
    b->part = world_part(&b->world, PART_CHANNEL, "file", values);
    mem_free(values);
    b->take = take_new(100);
    reopen(b);
}

static void bench_close(struct bench *b)
{
    close_whole(b);
    take_free(b->take);
    part_free(b->part);
    CHECK_INT(env_dir_remove(b->world.env, b->dir), 0);
    world_close(&b->world);
}

/* Events "NUMBER" with `size` bytes, and a header. */
static int put(struct bench *b, int first, size_t count, size_t size)
{
    struct ended ended = {.status = 1};
    char *text = mem_alloc(size + 20);
    for (size_t i = 0; i < count; i++) {
        memset(text, '.', size);
        int len = snprintf(text, 20, "%d", first + (int)i);
        text[len] = size > (size_t)len ? '.' : '\0';
        ended.events[i] = world_event(text);
        ended.events[i].headers = headers_set(NULL, "h", "v", 1);
    }
    ended.put = (struct put){.events = ended.events, .count = count, .done = on_ended};
    int status = channel_put(b->channel, &ended.put, true);
    if (status == TRANSACTION_PENDING) {
        UNTIL(b->world.env, ended.status != 1);
        status = ended.status;
    }
    event_unref_all(ended.events, count);
    mem_free(text);
    return status;
}

static void put_some(struct bench *b, int first, size_t count)
{
    CHECK_INT(put(b, first, count, 0), 0);
}

/* Takes until `count` have come; they must be numbers from `first` on. */
static void check_take(struct bench *b, int first, size_t count)
{
    UNTIL(b->world.env, (channel_take(b->channel, b->take), b->take->count > 0));
    CHECK_INT(b->take->count, count);
    for (size_t i = 0; i < count; i++) {
        struct event *event = &b->take->events[i];
        char text[20] = {0};
        memcpy(text, event->body, event->len < 10 ? event->len : 10);
        CHECK_INT(strtol(text, NULL, 10), first + (int)i);
        CHECK_STR(headers_find(event->headers, "h")->value, "v");
    }
}

static void nothing_left(struct bench *b)
{
    until_quiet(b->world.env);
    channel_take(b->channel, b->take);
    CHECK_INT(b->take->count, 0);
    CHECK_INT(channel_count(b->channel), 0);
}

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

/* The only data file; its path is the caller's to free. */
static char *data_file(struct bench *b)
{
    for (int d = 1; d <= 2; d++) {
        char *path = mem_printf("%s/%d", b->dir, d), **names;
        size_t count;
        CHECK_INT(env_dir_list(b->world.env, path, &names, &count), 0);
        for (size_t i = 0; i < count; i++)
            if (strncmp(names[i], "channel-", 8) == 0) {
                char *found = mem_printf("%s/%s", path, names[i]);
                env_dir_list_free(names, count);
                mem_free(path);
                return found;
            }
        env_dir_list_free(names, count);
        mem_free(path);
    }
    CHECK(!"there is a data file");
    return NULL;
}

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

/* A source that puts again as soon as it is told. */
struct stream {
    struct put put;
    struct event event;
    struct bench *bench;
    size_t told; /* events that the channel has */
    bool stops, ended;
};

static void stream_put(struct stream *stream);

static void stream_on_ended(struct put *put, int status)
{
    struct stream *stream = CONTAINER_OF(put, struct stream, put);
    CHECK_INT(status, 0);
    stream->told++;
    stream_put(stream);
}

static void stream_put(struct stream *stream)
{
    stream->ended = stream->stops;
    stream->put = (struct put){.events = &stream->event, .count = 1, .done = stream_on_ended};
    if (!stream->ended)
        CHECK_INT(channel_put(stream->bench->channel, &stream->put, true), TRANSACTION_PENDING);
}

/* Takes what is there; how many of them are the stream's. */
static size_t take_streamed(struct bench *b)
{
    size_t count = 0;
    channel_take(b->channel, b->take);
    for (size_t i = 0; i < b->take->count; i++)
        count += world_is(&b->take->events[i], "x");
    if (b->take->count > 0)
        channel_commit(b->take);
    return count;
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
         TAP_TEST(a_start_that_fails_is_tried_again), TAP_TEST(a_put_can_be_given_up),
         TAP_TEST(a_torn_end_is_left_out), TAP_TEST(damage_costs_the_record_that_it_is_in),
         TAP_TEST(a_damaged_file_is_kept), TAP_TEST(a_checkpoint_may_be_missing_or_wrong),
         TAP_TEST(failed_puts_hide_no_event), TAP_TEST(damage_of_what_is_read_later_ends),
         TAP_TEST(damage_of_what_is_read_later_costs_one_put),
         TAP_TEST(what_comes_during_a_search_is_there),
         TAP_TEST(text_with_the_marks_of_a_record_hides_no_put),
         TAP_TEST(the_files_of_flume_are_refused), TAP_TEST(checkpoints_have_one_channel))
