/* Streams, listeners and dials of the real env. */
#include "../tap.h"

#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "env/env.h"

enum { DIAL_MS = 20000, BIG = 6 * 1024 * 1024 };

static struct env *env;
static struct env_listener *listener;
static struct env_stream *server, *client;
static struct env_connect *dial;
static int dial_status, accepted_count;

static void stop_when_both(void)
{
    if (server && client)
        env_stop(env);
}

static void on_accepted(void *data, struct env_stream *stream)
{
    (void)data;
    accepted_count++;
    server = stream;
    stop_when_both();
}

static void on_dialled(void *data, int status, struct env_stream *stream)
{
    (void)data;
    dial_status = status;
    client = stream;
    if (status < 0)
        env_stop(env);
    else
        stop_when_both();
}

static void begin(const char *host)
{
    server = client = NULL;
    accepted_count = 0;
    CHECK_INT(env_new(&env), 0);
    CHECK_INT(env_listen(env, host, 0, on_accepted, NULL, &listener), 0);
    CHECK(env_listener_port(listener) > 0);
}

static void connect_to(const char *host)
{
    CHECK_INT(env_connect(env, host, env_listener_port(listener), DIAL_MS, on_dialled, NULL, &dial),
              0);
    CHECK(client == NULL);
    env_run(env);
    CHECK_INT(dial_status, 0);
    CHECK(server && client);
}

static void finish(void)
{
    if (server)
        env_stream_close(server);
    if (client)
        env_stream_close(client);
    if (listener)
        env_listener_close(listener);
    env_free(env);
}

static void stop_loop(void *data)
{
    (void)data;
    env_stop(env);
}

/* Reads exactly `len` bytes, waiting for them. */
static ssize_t read_all(struct env_stream *stream, uint8_t *buffer, size_t len)
{
    size_t got = 0;
    env_stream_set(stream, stop_loop, stop_loop, NULL);
    while (got < len) {
        ssize_t n = env_stream_read(stream, buffer + got, len - got);
        if (n == ERR_AGAIN) {
            env_stream_want_read(stream, true);
            env_run(env);
            continue;
        }
        if (n < 0)
            return n;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static void bytes_go_both_ways_and_end(void)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", NULL, "", "0.0.0.0"};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        uint8_t buffer[16];
        char peer[ENV_ADDRESS_TEXT_MAX], expected[ENV_ADDRESS_TEXT_MAX];
        begin(hosts[i]);
        connect_to(i % 2 ? "localhost" : "127.0.0.1");
        struct env_chunk parts[] = {
            {.data = "ab", .len = 2}, {.data = "", .len = 0}, {.data = "cd", .len = 2}};
        CHECK_INT(env_stream_write(client, parts, 3), 4);
        CHECK_INT(read_all(server, buffer, 4), 4);
        CHECK(memcmp(buffer, "abcd", 4) == 0);
        CHECK_INT(env_stream_write(server, parts, 1), 2);
        CHECK_INT(read_all(client, buffer, 2), 2);
        env_stream_peer(client, peer);
        snprintf(expected, sizeof(expected), "127.0.0.1:%u", env_listener_port(listener));
        CHECK_STR(peer, expected);
        env_stream_peer(server, peer);
        CHECK(strncmp(peer, "127.0.0.1:", 10) == 0);
        CHECK_INT(env_stream_read(client, buffer, 1), ERR_AGAIN);
        env_stream_close(server);
        server = NULL;
        CHECK_INT(read_all(client, buffer, 1), ERR_EOF);
        finish();
    }
}

static void refused_comes_from_the_loop(void)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        begin("127.0.0.1");
        uint16_t port = env_listener_port(listener);
        env_listener_close(listener);
        listener = NULL;
        dial_status = 0;
        CHECK_INT(env_connect(env, hosts[i], port, DIAL_MS, on_dialled, NULL, &dial), 0);
        CHECK_INT(dial_status, 0);
        env_run(env);
        CHECK_INT(dial_status, ERR_REFUSED);
        finish();
    }
}

static void what_fails_at_once_comes_from_the_loop_too(void)
{
    begin("127.0.0.1");
    dial_status = 0;
    CHECK_INT(env_connect(env, "255.255.255.255", 1, DIAL_MS, on_dialled, NULL, &dial), 0);
    CHECK_INT(dial_status, 0);
    env_run(env);
    CHECK(dial_status < 0);
    CHECK_INT(env_connect(env, "255.255.255.255", 1, DIAL_MS, on_dialled, NULL, &dial), 0);
    env_connect_cancel(dial);
    finish();
}

static void unknown_hosts_and_addresses_in_use_are_told(void)
{
    struct env_listener *other;
    begin("127.0.0.1");
    CHECK_INT(env_listen(env, "127.0.0.1", env_listener_port(listener), on_accepted, NULL, &other),
              ERR_ADDRESS_IN_USE);
    CHECK_INT(env_listen(env, "no such host", 0, on_accepted, NULL, &other), ERR_HOST_UNKNOWN);
    CHECK_INT(env_connect(env, "no such host", 1, DIAL_MS, on_dialled, NULL, &dial), 0);
    env_run(env);
    CHECK_INT(dial_status, ERR_HOST_UNKNOWN);
    finish();
}

static void a_dial_can_be_cancelled(void)
{
    begin("127.0.0.1");
    CHECK_INT(env_connect(env, "127.0.0.1", env_listener_port(listener), DIAL_MS, on_dialled, NULL,
                          &dial),
              0);
    env_connect_cancel(dial);
    CHECK_INT(env_connect(env, "no such host", 1, DIAL_MS, on_dialled, NULL, &dial), 0);
    env_connect_cancel(dial);
    dial_status = 77;
    env_post(env, stop_loop, NULL);
    env_run(env);
    CHECK_INT(dial_status, 77);
    finish();
}

static void on_one_of_many(void *data, int status, struct env_stream *stream)
{
    struct env_connect **slot = data;
    *slot = NULL;
    if (stream)
        env_stream_close(stream);
    if (status == ERR_TIMED_OUT)
        env_stop(env);
}

static void a_silent_dial_times_out(void)
{
    /* Nobody accepts, so the backlog fills and the dials behind it get no answer. */
    enum { DIALS = 600 };
    static struct env_connect *dials[DIALS];
    begin("127.0.0.1");
    env_listener_pause(listener, true);
    for (int i = 0; i < DIALS; i++)
        CHECK_INT(env_connect(env, "127.0.0.1", env_listener_port(listener), 300, on_one_of_many,
                              &dials[i], &dials[i]),
                  0);
    env_run(env);
    for (int i = 0; i < DIALS; i++)
        if (dials[i])
            env_connect_cancel(dials[i]);
    finish();
}

/* A pseudo-random byte for each position, so that a shifted byte is seen. */
static uint8_t pattern(size_t i)
{
    return (uint8_t)((i * 2654435761u) >> 13);
}

struct transfer {
    struct env_chunk chunks[5];
    size_t first, count;
    size_t total, sent, got;
    size_t short_writes;
    bool wrong;
};

static void transfer_write(void *data)
{
    struct transfer *t = data;
    while (t->first < t->count) {
        ssize_t n = env_stream_write(client, &t->chunks[t->first], t->count - t->first);
        if (n < 0) {
            t->wrong = true;
            env_stop(env);
            return;
        }
        t->sent += (size_t)n;
        bool complete = true;
        for (size_t left = (size_t)n; t->first < t->count;) {
            struct env_chunk *chunk = &t->chunks[t->first];
            if (left < chunk->len) {
                chunk->data = chunk->data ? (const uint8_t *)chunk->data + left : NULL;
                chunk->offset += left;
                chunk->len -= left;
                complete = false;
                break;
            }
            left -= chunk->len;
            t->first++;
        }
        if (!complete) {
            t->short_writes++;
            return;
        }
    }
}

static void transfer_read(void *data)
{
    struct transfer *t = data;
    static uint8_t buffer[65536];
    for (;;) {
        ssize_t n = env_stream_read(server, buffer, sizeof(buffer));
        if (n == ERR_AGAIN)
            break;
        if (n < 0) {
            t->wrong = true;
            env_stop(env);
            return;
        }
        for (ssize_t i = 0; i < n; i++)
            if (buffer[i] != pattern(t->got + (size_t)i))
                t->wrong = true;
        t->got += (size_t)n;
    }
    if (t->got >= t->total)
        env_stop(env);
    else
        env_stream_want_read(server, true);
}

static struct env_file *temporary_file(const uint8_t *bytes, size_t len)
{
    char name[] = "/tmp/millrace-stream-XXXXXX";
    struct env_file *file;
    int fd = mkstemp(name);
    CHECK(fd >= 0);
    close(fd);
    CHECK_INT(env_file_open(env, name, ENV_OPEN_WRITE, &file), 0);
    CHECK_INT(env_path_remove(env, name), 0);
    CHECK_INT(env_file_write(file, bytes, len, 0), 0);
    return file;
}

static void large_writes_of_memory_and_files_arrive_whole(void)
{
    uint8_t *bytes = mem_alloc(BIG);
    begin("127.0.0.1");
    connect_to("127.0.0.1");
    for (size_t i = 0; i < BIG; i++)
        bytes[i] = pattern(i);
    struct env_file *file = temporary_file(bytes, BIG);
    size_t a = 100, b = 3 * 1024 * 1024 + 77, c = b + 5, d = BIG - 1000;
    struct transfer t = {.chunks = {{.data = bytes, .len = a},
                                    {.file = file, .offset = a, .len = b - a},
                                    {.data = bytes + b, .len = c - b},
                                    {.data = bytes + c, .len = d - c},
                                    {.file = file, .offset = d, .len = BIG - d}},
                         .count = 5,
                         .total = BIG};
    env_stream_set(client, transfer_read, transfer_write, &t);
    env_stream_set(server, transfer_read, transfer_write, &t);
    transfer_write(&t);
    env_stream_want_read(server, true);
    env_run(env);
    CHECK(!t.wrong);
    CHECK_INT(t.got, BIG);
    CHECK(t.short_writes > 0);
    env_file_close(file);
    mem_free(bytes);
    finish();
}

static void a_short_file_is_an_error(void)
{
    uint8_t byte;
    begin("127.0.0.1");
    connect_to("127.0.0.1");
    struct env_file *file = temporary_file((const uint8_t *)"abc", 3);
    struct env_chunk chunk = {.file = file, .offset = 1, .len = 3};
    CHECK_INT(env_stream_write(client, &chunk, 1), 2);
    chunk = (struct env_chunk){.file = file, .offset = 3, .len = 1};
    CHECK_INT(env_stream_write(client, &chunk, 1), ERR_EOF);
    CHECK_INT(read_all(server, &byte, 1), 1);
    CHECK_INT(byte, 'b');
    env_file_close(file);
    finish();
}

static void writing_to_a_closed_peer_fails(void)
{
    begin("127.0.0.1");
    connect_to("127.0.0.1");
    env_stream_close(server);
    server = NULL;
    struct env_chunk chunk = {.data = "x", .len = 1};
    ssize_t n;
    do
        n = env_stream_write(client, &chunk, 1);
    while (n >= 0);
    CHECK_INT(n, ERR_RESET);
    finish();
}

static void what_was_taken_is_delivered_after_close(void)
{
    uint8_t buffer[8];
    begin("127.0.0.1");
    connect_to("127.0.0.1");
    struct env_chunk chunk = {.data = "question", .len = 8};
    CHECK_INT(env_stream_write(client, &chunk, 1), 8);
    CHECK_INT(read_all(server, buffer, 1), 1); /* the other seven stay unread */
    chunk = (struct env_chunk){.data = "answer", .len = 6};
    CHECK_INT(env_stream_write(server, &chunk, 1), 6);
    env_stream_close(server);
    server = NULL;
    CHECK_INT(read_all(client, buffer, 6), 6);
    CHECK(memcmp(buffer, "answer", 6) == 0);
    CHECK_INT(read_all(client, buffer, 1), ERR_EOF);
    finish();
}

static void on_first_readable(void *data)
{
    (*(int *)data)++;
    env_stop(env);
}

static void readable_fires_once_for_each_request(void)
{
    int count = 0;
    begin("127.0.0.1");
    connect_to("127.0.0.1");
    struct env_chunk chunk = {.data = "x", .len = 1};
    env_stream_set(server, on_first_readable, stop_loop, &count);
    env_stream_want_read(server, true);
    CHECK_INT(env_stream_write(client, &chunk, 1), 1);
    env_run(env);
    CHECK_INT(count, 1);
    for (int i = 0; i < 5; i++) { /* the byte stays unread, but nobody asks */
        env_post(env, stop_loop, NULL);
        env_run(env);
    }
    CHECK_INT(count, 1);
    env_stream_want_read(server, true);
    env_run(env);
    CHECK_INT(count, 2);
    finish();
}

static void close_and_stop(void *data)
{
    (void)data;
    env_stream_close(server);
    server = NULL;
    env_stop(env);
}

static void a_stream_may_close_itself_in_its_callback(void)
{
    begin("127.0.0.1");
    connect_to("127.0.0.1");
    env_stream_set(server, close_and_stop, close_and_stop, NULL);
    env_stream_want_read(server, true);
    env_stream_close(client);
    client = NULL;
    env_run(env);
    CHECK(server == NULL);
    finish();
}

static void a_paused_listener_accepts_nothing(void)
{
    begin("127.0.0.1");
    env_listener_pause(listener, true);
    CHECK_INT(env_connect(env, "127.0.0.1", env_listener_port(listener), DIAL_MS, on_dialled, NULL,
                          &dial),
              0);
    while (!client) {
        env_post(env, stop_loop, NULL);
        env_run(env);
    }
    CHECK(server == NULL);
    env_listener_pause(listener, false);
    env_run(env);
    CHECK(server != NULL);
    finish();
}

static void lift_limit(void *data)
{
    CHECK_INT(setrlimit(RLIMIT_NOFILE, data), 0);
}

static void running_out_of_descriptors_only_delays(void)
{
    struct rlimit before, tight;
    struct env_timer timer;
    begin("127.0.0.1");
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_INT(env_connect(env, "127.0.0.1", env_listener_port(listener), DIAL_MS, on_dialled, NULL,
                          &dial),
              0);
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(next >= 0);
    close(next);
    tight = before;
    tight.rlim_cur = (rlim_t)next;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &tight), 0);
    env_timer_init(env, &timer, lift_limit, &before);
    env_timer_start(&timer, 50);
    env_run(env);
    CHECK(server && client);
    CHECK_INT(accepted_count, 1);
    finish();
}

/* Making it larger later would stop every thread that opens, dials or accepts for a moment. */
static void the_table_of_descriptors_has_its_size_from_the_start(void)
{
    struct rlimit limit;
    char line[256];
    long room = 0;
    begin("127.0.0.1");
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    while (fgets(line, sizeof(line), status))
        if (sscanf(line, "FDSize: %ld", &room) == 1)
            break;
    fclose(status);
    CHECK(room >= 32768 || (rlim_t)room >= limit.rlim_max);
    finish();
}

TAP_MAIN(TAP_TEST(bytes_go_both_ways_and_end), TAP_TEST(refused_comes_from_the_loop),
         TAP_TEST(what_fails_at_once_comes_from_the_loop_too),
         TAP_TEST(unknown_hosts_and_addresses_in_use_are_told), TAP_TEST(a_dial_can_be_cancelled),
         TAP_TEST(a_silent_dial_times_out), TAP_TEST(large_writes_of_memory_and_files_arrive_whole),
         TAP_TEST(a_short_file_is_an_error), TAP_TEST(writing_to_a_closed_peer_fails),
         TAP_TEST(what_was_taken_is_delivered_after_close),
         TAP_TEST(readable_fires_once_for_each_request),
         TAP_TEST(a_stream_may_close_itself_in_its_callback),
         TAP_TEST(a_paused_listener_accepts_nothing),
         TAP_TEST(running_out_of_descriptors_only_delays),
         TAP_TEST(the_table_of_descriptors_has_its_size_from_the_start))
