/* Connections that call, and those of other sources that listen: who pays for what a peer sends,
 * for how long, and who has to go. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "world.h"

#include "tools/agent/rpc_source.h"

struct bench {
    struct world world;
    struct part *memory, *part;
    struct channel *channel;
    struct source *source;
    struct rpc_source *rpc;
};

static uint16_t bench_port; /* that the source has told */

static void bench_on_line(void *data, const char *line, int len)
{
    const char *at = memmem(line, (size_t)len, "listening on 127.0.0.1:", 23);
    world_silent(data, line, len);
    if (at)
        bench_port = (uint16_t)strtol(at + 23, NULL, 10);
}

/* The channel has room for one event. */
static void bench_open(struct bench *b, const char *type)
{
    *b = (struct bench){0};
    world_open(&b->world);
    b->world.logger.sink = bench_on_line;
    b->memory = world_part(&b->world, PART_CHANNEL, "memory",
                           "capacity=1 transactionCapacity=1 keep-alive=60");
    b->part =
        world_part(&b->world, PART_SOURCE, type,
                   strcmp(type, "syslogtcp") ? "bind=127.0.0.1 port=0" : "host=127.0.0.1 port=0");
    b->channel = world_channel(&b->world, b->memory);
    struct source_setup setup = {.part = b->part, .channels = &b->channel, .channels_count = 1};
    CHECK_INT(source_start(b->world.env, &b->world.logger, &setup, &b->source, &b->world.problem),
              0);
    b->rpc = CONTAINER_OF(b->source, struct rpc_source, source);
}

static void bench_close(struct bench *b)
{
    source_stop(b->source);
    channel_close(b->channel);
    part_free(b->part);
    part_free(b->memory);
    world_close(&b->world);
}

static int peer_connect(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(bench_port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK_INT(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* As much as goes until the other side takes nothing more, or is gone. */
static void peer_send(struct bench *b, int fd, const void *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t sent = send(fd, (const char *)data + at, len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return;
        at += sent > 0 ? (size_t)sent : 0;
        until_turn(b->world.env);
    }
}

/* The other side has closed it; an answer may stand in front. */
static bool peer_is_closed(int fd)
{
    char bytes[1000];
    ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN);
}

static bool peer_has_answer(int fd)
{
    uint8_t byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1;
}

/* A whole request with one event of that size. */
static void peer_call(struct bench *b, int fd, size_t size)
{
    struct rpc_session session = {.compact = true};
    struct buf out;
    struct block *block = block_new(size);
    memset(block->data, 'x', size);
    struct event event = {.block = block, .body = block->data, .len = (uint32_t)size};
    buf_init(&out);
    size_t begun = rpc_frame_begin(RPC_FRAMING_THRIFT, &out);
    CHECK_INT(thrift_rpc.request(&session, &event, 1, &out), 1);
    rpc_frame_end(RPC_FRAMING_THRIFT, 0, begun, &out);
    peer_send(b, fd, out.data, out.len);
    buf_close(&out);
    event_unref(&event);
}

static void a_request_is_paid_for_until_its_answer(void)
{
    struct bench b;
    struct take *take = take_new(1);
    bench_open(&b, "thrift");
    int first = peer_connect(), second = peer_connect(), third = peer_connect();
    peer_call(&b, first, 10000);
    UNTIL(b.world.env, peer_has_answer(first));
    CHECK_INT(b.rpc->budget.used, 0);
    /* Now there is no room, and requests wait for it. */
    peer_call(&b, second, 10000);
    UNTIL(b.world.env, b.source->counters.received == 2);
    CHECK(b.rpc->budget.used >= 10000);
    peer_call(&b, third, 10000);
    UNTIL(b.world.env, b.source->counters.received == 3);
    CHECK(b.rpc->budget.used >= 20000);
    channel_take(b.channel, take);
    channel_commit(take);
    UNTIL(b.world.env, peer_has_answer(second));
    CHECK(b.rpc->budget.used >= 10000);
    CHECK(b.rpc->budget.used < 20000);
    close(first);
    close(second);
    close(third);
    take_free(take);
    bench_close(&b); /* the source looks that nothing is owed */
}

/* In its middle, whatever has come of it; who has sent nothing may stay. */
static void check_idle(const char *type, const char *const *parts, size_t count)
{
    struct bench b;
    bench_open(&b, type);
    int quiet = peer_connect();
    b.source->idle_ms = 1;
    for (size_t i = 0; i < count; i++) {
        int fd = peer_connect();
        peer_send(&b, fd, parts[i], parts[i][0] ? strlen(parts[i]) : 6);
        UNTIL(b.world.env, peer_is_closed(fd));
        close(fd);
    }
    CHECK_INT(b.source->counters.connections, 1);
    CHECK(!peer_is_closed(quiet));
    close(quiet);
    bench_close(&b);
}

static void who_stops_in_a_request_is_closed(void)
{
    static const char *const calls[] = {"\1", "\0\0\1\0xx", "\0\0\1\0x"};
    static const char *const requests[] = {"P", "POST / HTTP/1.1\r\n",
                                           "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n",
                                           "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nx"};
    check_idle("thrift", calls, ARRAY_LEN(calls));
    check_idle("http", requests, ARRAY_LEN(requests));
}

static void who_stops_in_a_line_is_closed(void)
{
    static const char *const lines[] = {"a", "one\nab"}, *const messages[] = {"<1>a"};
    check_idle("netcat", lines, ARRAY_LEN(lines));
    check_idle("syslogtcp", messages, ARRAY_LEN(messages));
}

/* A byte now and then is not enough, however long the rest may be. */
static void who_drips_is_closed(void)
{
    static const struct {
        const char *type, *begin;
    } all[] = {{"thrift", "\1"},
               {"http", "POST / HTTP/1.1\r\nX: "},
               {"netcat", "x"},
               {"syslogtcp", "<1>"}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct bench b;
        bench_open(&b, all[i].type);
        b.source->idle_ms = 40; /* for 10 bytes */
        int fd = peer_connect();
        peer_send(&b, fd, all[i].begin, strlen(all[i].begin));
        for (int n = 0; n < 1000 && !peer_is_closed(fd); n++) {
            int64_t next_ms = env_now_ms(b.world.env) + 10;
            UNTIL(b.world.env, env_now_ms(b.world.env) >= next_ms);
            peer_send(&b, fd, "x", 1);
        }
        CHECK_INT(b.source->counters.connections, 0);
        close(fd);
        bench_close(&b);
    }
}

static void who_is_silent_for_longest_makes_room(void)
{
    struct bench b;
    bench_open(&b, "thrift");
    b.rpc->peers.most = 2;
    int first = peer_connect(), second = peer_connect();
    UNTIL(b.world.env, b.rpc->peers.count == 2);
    peer_send(&b, first, "\0\0", 2);
    int third = peer_connect();
    UNTIL(b.world.env, peer_is_closed(second));
    CHECK_INT(b.rpc->peers.count, 2);
    CHECK(!peer_is_closed(first));
    /* Requests that wait are not given up: the newcomer has to go. */
    close(first);
    peer_call(&b, third, 100);
    UNTIL(b.world.env, peer_has_answer(third));
    int fourth = peer_connect();
    peer_call(&b, fourth, 100);
    UNTIL(b.world.env, b.source->counters.received == 2);
    peer_call(&b, third, 100);
    UNTIL(b.world.env, b.source->counters.received == 3);
    int fifth = peer_connect();
    UNTIL(b.world.env, peer_is_closed(fifth));
    CHECK_INT(b.rpc->peers.count, 2);
    close(second);
    close(third);
    close(fourth);
    close(fifth);
    bench_close(&b);
}

/* It may stay as long as it likes between requests, and while its request waits. */
static void who_waits_is_not_closed(void)
{
    struct bench b;
    struct take *take = take_new(1);
    bench_open(&b, "thrift");
    b.source->idle_ms = 1;
    int first = peer_connect(), second = peer_connect();
    peer_call(&b, first, 100);
    UNTIL(b.world.env, peer_has_answer(first));
    peer_call(&b, second, 100);
    UNTIL(b.world.env, b.source->counters.received == 2);
    int64_t end_ms = env_now_ms(b.world.env) + 20;
    UNTIL(b.world.env, env_now_ms(b.world.env) >= end_ms);
    CHECK_INT(b.rpc->peers.count, 2);
    channel_take(b.channel, take);
    channel_commit(take);
    UNTIL(b.world.env, peer_has_answer(second));
    close(first);
    close(second);
    take_free(take);
    bench_close(&b);
}

TAP_MAIN(TAP_TEST(a_request_is_paid_for_until_its_answer),
         TAP_TEST(who_stops_in_a_request_is_closed), TAP_TEST(who_stops_in_a_line_is_closed),
         TAP_TEST(who_drips_is_closed), TAP_TEST(who_is_silent_for_longest_makes_room),
         TAP_TEST(who_waits_is_not_closed))
