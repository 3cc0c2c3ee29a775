/* A file channel in a directory of its own, for tests of it. */
#ifndef TESTS_AGENT_FILE_BENCH_H
#define TESTS_AGENT_FILE_BENCH_H

#include <stdlib.h>
#include <unistd.h>

#include "ended.h"

struct bench {
    struct world world;
    char dir[64];
    struct part *part;
    struct channel *channel;
    struct take *take;
};

static inline void close_whole(struct bench *b)
{
    if (!b->channel)
        return;
    channel_close(b->channel);
    b->channel = NULL;
    int err = ERR_LOCKED;
    UNTIL(b->world.env, (err = world_try_lock(&b->world, b->dir)) != ERR_LOCKED);
    CHECK_INT(err, 0);
}

static inline void reopen(struct bench *b)
{
    close_whole(b);
    b->world.problem.len = 0;
    CHECK_INT(channel_open(b->world.env, &b->world.logger, b->part, &b->channel, &b->world.problem),
              0);
    UNTIL(b->world.env, channel_is_open(b->channel));
}

/* With other keys; the ones before are the caller's to free, once they are no longer in use. */
static inline struct part *reopen_as(struct bench *b, struct part *part)
{
    struct part *before = b->part;
    b->part = part;
    reopen(b);
    return before;
}

static inline void bench_open(struct bench *b, const char *more)
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

static inline void bench_close(struct bench *b)
{
    close_whole(b);
    take_free(b->take);
    part_free(b->part);
    CHECK_INT(env_dir_remove(b->world.env, b->dir), 0);
    world_close(&b->world);
}

/* Events "NUMBER" with `size` bytes, and a header. */
static inline int put(struct bench *b, int first, size_t count, size_t size)
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
    int status = ended_put(&ended, b->world.env, b->channel, count);
    mem_free(text);
    return status;
}

static inline void put_some(struct bench *b, int first, size_t count)
{
    CHECK_INT(put(b, first, count, 0), 0);
}

/* Takes until `count` have come; they must be numbers from `first` on. */
static inline void check_take(struct bench *b, int first, size_t count)
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

static inline void nothing_left(struct bench *b)
{
    until_quiet(b->world.env);
    channel_take(b->channel, b->take);
    CHECK_INT(b->take->count, 0);
    CHECK_INT(channel_count(b->channel), 0);
}

/* The only data file; its path is the caller's to free. */
static inline char *data_file(struct bench *b)
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

/* A source that puts again as soon as it is told. */
struct stream {
    struct put put;
    struct event event;
    struct bench *bench;
    size_t told; /* events that the channel has */
    bool stops, ended;
};

static inline void stream_put(struct stream *stream);

static inline void stream_on_ended(struct put *put, int status)
{
    struct stream *stream = CONTAINER_OF(put, struct stream, put);
    CHECK_INT(status, 0);
    stream->told++;
    stream_put(stream);
}

static inline void stream_put(struct stream *stream)
{
    stream->ended = stream->stops;
    stream->put = (struct put){.events = &stream->event, .count = 1, .done = stream_on_ended};
    if (!stream->ended)
        CHECK_INT(channel_put(stream->bench->channel, &stream->put, true), TRANSACTION_PENDING);
}

/* Takes what is there; how many of them are the stream's. */
static inline size_t take_streamed(struct bench *b)
{
    size_t count = 0;
    channel_take(b->channel, b->take);
    for (size_t i = 0; i < b->take->count; i++)
        count += world_is(&b->take->events[i], "x");
    if (b->take->count > 0)
        channel_commit(b->take);
    return count;
}

#endif
