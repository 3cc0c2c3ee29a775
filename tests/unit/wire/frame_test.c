/* Framed connections over real sockets: `conn` is under test, `raw` is the peer's bare stream. */
#include "../tap.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "env/env.h"
#include "wire/frame.h"

enum { FRAME_MAX = 4 * 1024 * 1024, WAIT_MS = 30000 };

static struct env *env;
static struct env_listener *listener;
static struct env_stream *accepted, *raw;
static struct env_connect *dial;
static struct frame_conn *conn;
static struct env_timer guard;

/* What the callbacks saw and what they shall do. */
static struct {
    struct buf frames; /* each with its size, as sent */
    int count;
    int broken;
    int drained;
    int stop_at;         /* frames after which the loop stops */
    int close_at;        /* the frame in which the connection is closed */
    int pause_at;        /* the frame in which it is paused */
    bool costly;         /* each frame takes a millisecond */
    int count_of_others; /* frames before the loop looked at anything else */
    bool detach;
    bool close_when_broken, close_when_drained;
    bool stop_when_drained;
    size_t charged;
    void *blocks[4096];
    uint8_t *detached[4096];
} seen;

static void on_others(void *data)
{
    (void)data;
    seen.count_of_others = seen.count;
}

static void on_frame(void *data, uint8_t *bytes, size_t len)
{
    (void)data;
    uint8_t size[4];
    bytes_put_u32(size, (uint32_t)len);
    CHECK_INT(buf_append(&seen.frames, size, 4), 0);
    CHECK_INT(buf_append(&seen.frames, bytes, len), 0);
    seen.count++;
    if (seen.costly && seen.count == 1)
        env_post(env, on_others, NULL);
    for (int64_t end_us = env_now_us(env) + 1000; seen.costly && env_now_us(env) < end_us;)
        continue;
    if (seen.detach) {
        size_t charged;
        frame_conn_detach(conn, &seen.blocks[seen.count], &charged);
        seen.detached[seen.count] = bytes;
        seen.charged += charged;
    }
    if (seen.count == seen.pause_at)
        frame_conn_pause(conn, true);
    if (seen.count == seen.close_at) {
        frame_conn_close(conn);
        conn = NULL;
        bytes[0] ^= 1; /* still ours until the callback returns */
    }
    if (seen.count == seen.stop_at)
        env_stop(env);
}

static void on_broken(void *data, int err)
{
    (void)data;
    CHECK_INT(seen.broken, 0);
    seen.broken = err;
    if (seen.close_when_broken) {
        frame_conn_close(conn);
        conn = NULL;
    }
    env_stop(env);
}

static void on_drained(void *data)
{
    (void)data;
    seen.drained++;
    if (seen.close_when_drained) {
        frame_conn_close(conn);
        conn = NULL;
    }
    if (seen.close_when_drained || seen.stop_when_drained)
        env_stop(env);
}

static const struct frame_handlers handlers = {on_frame, on_broken, on_drained};
static const struct frame_handlers *begin_handlers = &handlers;

static void stop_loop(void *data)
{
    (void)data;
    env_stop(env);
}

static void on_guard(void *data)
{
    (void)data;
    printf("Bail out! nothing happened for %d ms\n", WAIT_MS);
    exit(1);
}

static void on_accepted(void *data, struct env_stream *stream)
{
    (void)data;
    accepted = stream;
    if (raw)
        env_stop(env);
}

static void on_dialled(void *data, int status, struct env_stream *stream)
{
    (void)data;
    CHECK_INT(status, 0);
    raw = stream;
    env_stream_set(raw, stop_loop, stop_loop, NULL);
    if (accepted)
        env_stop(env);
}

static void begin(size_t frame_max, struct mem_budget *budget)
{
    memset(&seen, 0, sizeof(seen));
    accepted = raw = NULL;
    CHECK_INT(env_new(&env), 0);
    env_timer_init(env, &guard, on_guard, NULL);
    env_timer_start(&guard, WAIT_MS);
    CHECK_INT(env_listen(env, "127.0.0.1", 0, on_accepted, NULL, &listener), 0);
    CHECK_INT(env_connect(env, "127.0.0.1", env_listener_port(listener), WAIT_MS, on_dialled, NULL,
                          &dial),
              0);
    env_run(env);
    CHECK_INT(frame_conn_new(env, transport_plain(accepted), frame_max, budget, begin_handlers,
                             NULL, &conn),
              0);
}

static void finish(void)
{
    if (conn)
        frame_conn_close(conn);
    conn = NULL;
    if (raw)
        env_stream_close(raw);
    env_listener_close(listener);
    env_timer_stop(&guard);
    env_free(env);
    buf_close(&seen.frames);
}

/* Lets the loop run until nothing is left to do at once: a few turns with a post each. */
static void settle(void)
{
    for (int i = 0; i < 20; i++) {
        env_post(env, stop_loop, NULL);
        env_run(env);
    }
}

static void send_raw(const void *bytes, size_t len)
{
    struct env_chunk chunk = {.data = bytes, .len = len};
    while (chunk.len > 0) {
        ssize_t n = env_stream_write(raw, &chunk, 1);
        CHECK(n >= 0);
        chunk.data = (const uint8_t *)chunk.data + n;
        chunk.len -= (size_t)n;
        if (chunk.len > 0) {
            env_post(env, stop_loop, NULL);
            env_run(env);
        }
    }
}

static void close_raw(void)
{
    env_stream_close(raw);
    raw = NULL;
}

/* Runs until that many frames arrived; other things stop the loop as well. */
static void wait_frames(int count)
{
    seen.stop_at = count;
    while (seen.count < count && !seen.broken)
        env_run(env);
    CHECK_INT(seen.count, count);
}

/* Appends frames of the given sizes with recognisable bytes. */
static void add_frame(struct buf *out, size_t len)
{
    CHECK_INT(buf_reserve(out, len + 4), 0);
    bytes_put_u32(out->data + out->len, (uint32_t)len);
    for (size_t i = 0; i < len; i++)
        out->data[out->len + 4 + i] = (uint8_t)(i * 31 + len);
    out->len += len + 4;
}

static void frames_cut_at_each_byte_arrive_whole(void)
{
    struct buf sent;
    buf_init(&sent);
    begin(FRAME_MAX, NULL);
    add_frame(&sent, 5);
    add_frame(&sent, 0);
    add_frame(&sent, 300);
    for (size_t cut = 1; cut < sent.len; cut++) {
        seen.frames.len = 0;
        seen.count = 0;
        send_raw(sent.data, cut);
        settle();
        send_raw(sent.data + cut, sent.len - cut);
        wait_frames(3);
        CHECK_INT(seen.frames.len, sent.len);
        CHECK(memcmp(seen.frames.data, sent.data, sent.len) == 0);
    }
    buf_close(&sent);
    finish();
}

static void many_sizes_arrive_whole(bool detach, struct mem_budget *budget)
{
    static const size_t sizes[] = {1, 8187,    8188,    8189, 100000, 3,
                                   0, 2500000, 2500000, 7,    8192,   16384};
    struct buf sent;
    buf_init(&sent);
    begin(FRAME_MAX, budget);
    seen.detach = detach;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        add_frame(&sent, sizes[i]);
    for (int i = 0; i < 1000; i++)
        add_frame(&sent, (size_t)i % 50);
    send_raw(sent.data, sent.len);
    wait_frames(1000 + (int)ARRAY_LEN(sizes));
    CHECK_INT(seen.frames.len, sent.len);
    CHECK(memcmp(seen.frames.data, sent.data, sent.len) == 0);
    size_t at = 0;
    for (int i = 1; detach && i <= seen.count; i++) {
        size_t len = bytes_get_u32(sent.data + at);
        CHECK(memcmp(seen.detached[i], sent.data + at + 4, len) == 0);
        mem_free(seen.blocks[i]);
        at += len + 4;
    }
    if (budget) {
        settle();
        CHECK_INT(budget->used, seen.charged);
        mem_budget_give(budget, seen.charged);
    }
    buf_close(&sent);
    finish();
}

static void frames_of_all_sizes_arrive_whole(void)
{
    struct mem_budget budget;
    mem_budget_init(&budget, 3 * 1024 * 1024);
    many_sizes_arrive_whole(false, NULL);
    many_sizes_arrive_whole(false, &budget);
}

static void detached_frames_stay(void)
{
    struct mem_budget budget;
    mem_budget_init(&budget, 64 * 1024 * 1024);
    many_sizes_arrive_whole(true, NULL);
    many_sizes_arrive_whole(true, &budget);
}

static void bad_sizes_break(void)
{
    static const struct {
        uint32_t size;
        int err;
    } cases[] = {{0xffffffff, ERR_MALFORMED},
                 {0x80000000, ERR_MALFORMED},
                 {101, ERR_TOO_LARGE},
                 {0x7fffffff, ERR_TOO_LARGE}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t bytes[12] = {0, 0, 0, 2, 'o', 'k'};
        begin(100, NULL);
        seen.close_when_broken = i % 2;
        bytes_put_u32(bytes + 6, cases[i].size);
        send_raw(bytes, sizeof(bytes));
        env_run(env);
        CHECK_INT(seen.count, 1);
        CHECK_INT(seen.broken, cases[i].err);
        settle();
        finish();
    }
}

static void the_end_comes_after_the_frames(void)
{
    struct buf sent;
    buf_init(&sent);
    for (int i = 0; i < 500; i++)
        add_frame(&sent, 10);
    begin(100, NULL);
    seen.close_when_broken = true;
    send_raw(sent.data, sent.len - 1);
    close_raw();
    env_run(env);
    CHECK_INT(seen.broken, ERR_EOF);
    CHECK_INT(seen.count, 499);
    buf_close(&sent);
    finish();
}

static void a_frame_may_close_its_connection(void)
{
    struct buf sent;
    buf_init(&sent);
    for (int i = 0; i < 10; i++)
        add_frame(&sent, 10);
    for (int at = 1; at <= 10; at++)
        for (int detach = 0; detach < 2; detach++) {
            begin(100, NULL);
            seen.close_at = seen.stop_at = at;
            seen.detach = detach;
            send_raw(sent.data, sent.len);
            env_run(env);
            settle();
            CHECK_INT(seen.count, at);
            CHECK_INT(seen.broken, 0);
            for (int i = 1; i <= seen.count; i++)
                mem_free(seen.blocks[i]);
            finish();
        }
    buf_close(&sent);
}

static void a_paused_connection_delivers_nothing(void)
{
    struct buf sent;
    buf_init(&sent);
    for (int i = 0; i < 10; i++)
        add_frame(&sent, 10);
    begin(100, NULL);
    seen.pause_at = seen.stop_at = 3;
    send_raw(sent.data, sent.len);
    env_run(env);
    settle();
    CHECK_INT(seen.count, 3);
    frame_conn_pause(conn, false);
    CHECK_INT(seen.count, 3);
    wait_frames(10);
    frame_conn_pause(conn, true);
    send_raw(sent.data, sent.len);
    settle();
    CHECK_INT(seen.count, 10);
    frame_conn_pause(conn, false);
    wait_frames(20);
    buf_close(&sent);
    finish();
}

static void frames_that_cost_much_leave_a_turn_to_others(void)
{
    struct buf sent;
    buf_init(&sent);
    for (int i = 0; i < 40; i++)
        add_frame(&sent, 10);
    begin(100, NULL);
    seen.costly = true;
    send_raw(sent.data, sent.len);
    wait_frames(40);
    CHECK(seen.count_of_others > 0 && seen.count_of_others < 40);
    buf_close(&sent);
    finish();
}

static int seen_before;

static void on_note(void *data)
{
    (void)data;
    seen_before = seen.count;
}

/* Something else in the turn takes long, and something waits for the next part of it. */
static void burn(void *data)
{
    while (env_turn_ms(env) < 5)
        continue;
    env_timer_start(data, 0);
}

/* Then who is urgent, or has spent little of the loop's time, has one frame. The others wait behind
 * all that waits already. */
static void a_long_turn_has_one_frame_of_who_is_urgent(void)
{
    enum { HEAVY, LIGHT, URGENT, KINDS };
    for (int kind = HEAVY; kind < KINDS; kind++) {
        struct buf sent;
        struct env_timer timer;
        buf_init(&sent);
        for (int i = 0; i < 40; i++)
            add_frame(&sent, 10);
        begin(100, NULL);
        if (kind == URGENT)
            frame_conn_set_urgent(conn);
        seen.costly = kind != LIGHT; /* a millisecond each */
        send_raw(sent.data, sent.len);
        wait_frames(40);
        settle();
        seen.count = 0;
        seen_before = -1;
        env_timer_init(env, &timer, on_note, NULL);
        env_post(env, burn, &timer);
        send_raw(sent.data, sent.len);
        wait_frames(40);
        if (kind == URGENT) /* and more of it at the end of the turn, in a few rounds */
            CHECK(seen_before > 1 && seen_before < 40);
        else
            CHECK_INT(seen_before, kind == LIGHT);
        buf_close(&sent);
        finish();
    }
}

enum { PUT_OFF = 5 };

/* What others were put off to: in each turn there is time for one of them. */
static struct {
    struct env_timer timers[PUT_OFF];
    int ran;
    int ran_before[PUT_OFF]; /* each frame */
    int frames; /* that are there at once; the last one comes when they have been read */
} put_off;

static void on_put_off(void *data)
{
    (void)data;
    put_off.ran++;
    for (int64_t end_us = env_now_us(env) + 3000; env_now_us(env) < end_us;)
        continue;
}

static void burn_and_put_off(void *data)
{
    (void)data;
    for (int i = 0; i < PUT_OFF; i++)
        burn(&put_off.timers[i]);
}

static void on_frame_behind_others(void *data, uint8_t *bytes, size_t len)
{
    on_frame(data, bytes, len);
    put_off.ran_before[seen.count - 1] = put_off.ran;
    if (seen.count == put_off.frames)
        send_raw("\0\0\0\1x", 5);
}

/* In a long turn each has one frame. Who sent no more is polled again, and its next one does not
 * stand behind all who were put off; of who is urgent the rest comes at the end of the turn. */
static void a_long_turn_puts_nobody_behind_those_put_off(void)
{
    static const struct frame_handlers behind_others = {on_frame_behind_others, on_broken,
                                                        on_drained};
    for (int urgent = 0; urgent < 2; urgent++) {
        struct buf sent;
        memset(&put_off, 0, sizeof(put_off));
        put_off.frames = urgent ? 3 : 1;
        buf_init(&sent);
        for (int i = 0; i < put_off.frames; i++)
            add_frame(&sent, 10);
        begin_handlers = &behind_others;
        begin(100, NULL);
        if (urgent)
            frame_conn_set_urgent(conn);
        for (int i = 0; i < PUT_OFF; i++)
            env_timer_init(env, &put_off.timers[i], on_put_off, NULL);
        env_post(env, burn_and_put_off, NULL);
        send_raw(sent.data, sent.len);
        wait_frames(put_off.frames + 1);
        for (int i = 0; i < put_off.frames; i++)
            CHECK_INT(put_off.ran_before[i], 0);
        CHECK(put_off.ran_before[put_off.frames] < PUT_OFF);
        buf_close(&sent);
        finish();
    }
    begin_handlers = &handlers;
}

/* Of a peer who asks; what we asked for does not wait. */
static void a_large_frame_waits_for_a_short_turn(void)
{
    for (int answers = 0; answers < 2; answers++) {
        struct buf sent;
        struct env_timer timer;
        buf_init(&sent);
        add_frame(&sent, 70000);
        begin(100000, NULL);
        frame_conn_set_urgent(conn);
        if (answers)
            frame_conn_set_answers(conn);
        seen_before = -1;
        env_timer_init(env, &timer, on_note, NULL);
        env_post(env, burn, &timer);
        send_raw(sent.data, sent.len);
        wait_frames(1);
        while (seen_before < 0)
            settle();
        CHECK_INT(seen_before, answers);
        buf_close(&sent);
        finish();
    }
}

static void give_back(void *data)
{
    struct mem_budget *budget = data;
    CHECK_INT(seen.count, 0);
    mem_budget_give(budget, 90000);
}

static void a_used_up_budget_only_delays(void)
{
    struct mem_budget budget;
    struct buf sent;
    struct env_timer timer;
    static const size_t taken_before[] = {0, 8192, 20000};
    for (size_t i = 0; i < ARRAY_LEN(taken_before); i++) {
        mem_budget_init(&budget, 90000 + taken_before[i]);
        CHECK_INT(mem_budget_take(&budget, 90000), 0);
        buf_init(&sent);
        add_frame(&sent, 60000);
        begin(FRAME_MAX, &budget);
        send_raw(sent.data, sent.len);
        env_timer_init(env, &timer, give_back, &budget);
        env_timer_start(&timer, 30);
        wait_frames(1);
        CHECK(memcmp(seen.frames.data, sent.data, sent.len) == 0);
        finish();
        CHECK_INT(budget.used, 0);
        buf_close(&sent);
    }
}

static void a_frame_over_the_whole_budget_breaks(void)
{
    struct mem_budget budget;
    struct buf sent;
    mem_budget_init(&budget, 50000);
    buf_init(&sent);
    add_frame(&sent, 50000);
    begin(FRAME_MAX, &budget);
    send_raw(sent.data, sent.len);
    while (!seen.broken)
        env_run(env);
    CHECK_INT(seen.broken, ERR_NO_MEMORY);
    finish();
    CHECK_INT(budget.used, 0);
    buf_close(&sent);
}

static void every_failed_allocation_is_survived(void)
{
    for (uint64_t n = 1;; n++) {
        struct buf sent;
        buf_init(&sent);
        add_frame(&sent, 100000);
        begin(FRAME_MAX, NULL);
        CHECK_INT(buf_reserve(&seen.frames, 200000), 0);
        send_raw(sent.data, sent.len);
        mem_fail_at(n);
        wait_frames(1);
        bool failed = mem_fail_at(0);
        CHECK_INT(seen.broken, 0);
        CHECK(memcmp(seen.frames.data, sent.data, sent.len) == 0);
        finish();
        buf_close(&sent);
        if (!failed)
            break;
        CHECK(n < 50);
    }
}

static int released;
static void on_release(void *owner)
{
    (void)owner;
    released++;
}

static void queued_chunks_leave_in_order_and_are_released(void)
{
    enum { CHUNKS = 300, SIZE = 40000 };
    static uint8_t bytes[SIZE], got[SIZE];
    begin(FRAME_MAX, NULL);
    released = 0;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < CHUNKS; i++) {
        struct outbox_chunk chunk = {.chunk = {.data = bytes + i, .len = SIZE - i},
                                     .release = on_release};
        frame_conn_send(conn, &chunk);
    }
    size_t total = 0;
    for (size_t i = 0; i < CHUNKS; i++)
        total += SIZE - i;
    CHECK_INT(frame_conn_queued(conn), total);
    CHECK_INT(released, 0);
    settle();
    CHECK(frame_conn_queued(conn) > 0); /* nobody reads: the network is full */
    CHECK(released > 0 && released < CHUNKS);
    CHECK_INT(seen.drained, 0);
    for (size_t i = 0; i < CHUNKS; i++)
        for (size_t len = 0; len < SIZE - i;) {
            ssize_t n = env_stream_read(raw, got + len, SIZE - i - len);
            if (n == ERR_AGAIN) {
                env_stream_want_read(raw, true);
                env_run(env);
                continue;
            }
            CHECK(n > 0);
            len += (size_t)n;
            CHECK(len < SIZE - i || memcmp(got, bytes + i, len) == 0);
        }
    settle();
    CHECK_INT(released, CHUNKS);
    CHECK_INT(seen.drained, 1);
    CHECK_INT(frame_conn_queued(conn), 0);
    finish();
}

static void a_file_range_leaves_in_parts(void)
{
    enum { SIZE = 8 * 1024 * 1024 };
    char name[] = "/tmp/millrace-frame-XXXXXX";
    uint8_t *bytes = mem_alloc(SIZE), *got = mem_alloc(SIZE);
    struct env_file *file;
    int fd = mkstemp(name);
    CHECK(fd >= 0);
    close(fd);
    begin(FRAME_MAX, NULL);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)((i * 2654435761u) >> 13);
    CHECK_INT(env_file_open(env, name, ENV_OPEN_WRITE, &file), 0);
    CHECK_INT(env_path_remove(env, name), 0);
    CHECK_INT(env_file_write(file, bytes, SIZE, 0), 0);
    released = 0;
    struct outbox_chunk chunk = {.chunk = {.file = file, .len = SIZE}, .release = on_release};
    frame_conn_send(conn, &chunk);
    for (size_t len = 0; len < SIZE;) {
        ssize_t n = env_stream_read(raw, got + len, SIZE - len);
        if (n == ERR_AGAIN) {
            env_stream_want_read(raw, true);
            env_run(env);
            continue;
        }
        CHECK(n > 0);
        len += (size_t)n;
    }
    CHECK(memcmp(got, bytes, SIZE) == 0);
    settle();
    CHECK_INT(released, 1);
    env_file_close(file);
    mem_free(bytes);
    mem_free(got);
    finish();
}

static void copies_round_trip(void)
{
    uint8_t got[9];
    begin(FRAME_MAX, NULL);
    CHECK_INT(frame_conn_send_copy(conn, "hello", 5), 0);
    seen.close_when_drained = true;
    env_run(env);
    CHECK(conn == NULL);
    size_t len = 0;
    while (len < 9) {
        ssize_t n = env_stream_read(raw, got + len, 9 - len);
        if (n > 0)
            len += (size_t)n;
        else
            CHECK_INT(n, ERR_AGAIN);
    }
    CHECK(memcmp(got, "\0\0\0\5hello", 9) == 0);
    finish();
}

static void close_releases_what_is_queued(void)
{
    static uint8_t bytes[1000];
    begin(FRAME_MAX, NULL);
    released = 0;
    struct outbox_chunk chunk = {.chunk = {.data = bytes, .len = 1000}, .release = on_release};
    for (int i = 0; i < 50; i++)
        frame_conn_send(conn, &chunk);
    frame_conn_close(conn);
    conn = NULL;
    CHECK_INT(released, 50);
    finish();
}

static void close_in_release(void *owner)
{
    (void)owner;
    if (released++ == 0) {
        frame_conn_close(conn);
        conn = NULL;
        env_stop(env);
    }
}

static void a_release_may_close_the_connection(void)
{
    static uint8_t bytes[1000];
    begin(FRAME_MAX, NULL);
    released = 0;
    struct outbox_chunk chunk = {.chunk = {.data = bytes, .len = 1000},
                                 .release = close_in_release};
    for (int i = 0; i < 50; i++)
        frame_conn_send(conn, &chunk);
    env_run(env);
    CHECK(conn == NULL);
    CHECK_INT(released, 50);
    finish();
}

static void a_broken_peer_is_told_by_a_write(void)
{
    static uint8_t bytes[100000];
    begin(FRAME_MAX, NULL);
    frame_conn_pause(conn, true);
    close_raw();
    for (int i = 0; i < 100 && !seen.broken; i++) {
        CHECK_INT(frame_conn_send_copy(conn, bytes, sizeof(bytes)), 0);
        CHECK_INT(seen.broken, 0);
        settle();
    }
    CHECK_INT(seen.broken, ERR_RESET);
    CHECK_INT(frame_conn_send_copy(conn, bytes, sizeof(bytes)), 0);
    settle();
    finish();
}

static void finish_sends_the_rest_and_ends(void)
{
    static uint8_t bytes[300000], got[300004];
    begin(FRAME_MAX, NULL);
    seen.close_when_broken = true;
    CHECK_INT(frame_conn_send_copy(conn, bytes, sizeof(bytes)), 0);
    frame_conn_finish(conn, WAIT_MS);
    CHECK_INT(seen.broken, 0);
    send_raw("\0\0\0\1x", 5);
    size_t len = 0;
    ssize_t n;
    while ((n = env_stream_read(raw, got, sizeof(got))) != ERR_EOF) {
        if (n > 0)
            len += (size_t)n;
        settle();
    }
    CHECK_INT(len, sizeof(got));
    CHECK_INT(seen.broken, ERR_CLOSED);
    CHECK_INT(seen.count, 0);
    finish();
    /* A peer that never reads, and a connection with nothing to send. */
    for (int i = 0; i < 2; i++) {
        begin(FRAME_MAX, NULL);
        for (int copies = 0; i == 0 && copies < 100; copies++)
            CHECK_INT(frame_conn_send_copy(conn, bytes, sizeof(bytes)), 0);
        frame_conn_finish(conn, 20);
        env_run(env);
        CHECK_INT(seen.broken, ERR_CLOSED);
        finish();
    }
}

TAP_MAIN(TAP_TEST(frames_cut_at_each_byte_arrive_whole), TAP_TEST(frames_of_all_sizes_arrive_whole),
         TAP_TEST(detached_frames_stay), TAP_TEST(bad_sizes_break),
         TAP_TEST(the_end_comes_after_the_frames), TAP_TEST(a_frame_may_close_its_connection),
         TAP_TEST(a_paused_connection_delivers_nothing),
         TAP_TEST(frames_that_cost_much_leave_a_turn_to_others),
         TAP_TEST(a_long_turn_has_one_frame_of_who_is_urgent),
         TAP_TEST(a_long_turn_puts_nobody_behind_those_put_off),
         TAP_TEST(a_large_frame_waits_for_a_short_turn), TAP_TEST(a_used_up_budget_only_delays),
         TAP_TEST(a_frame_over_the_whole_budget_breaks),
         TAP_TEST(every_failed_allocation_is_survived),
         TAP_TEST(queued_chunks_leave_in_order_and_are_released),
         TAP_TEST(a_file_range_leaves_in_parts), TAP_TEST(copies_round_trip),
         TAP_TEST(close_releases_what_is_queued), TAP_TEST(a_release_may_close_the_connection),
         TAP_TEST(a_broken_peer_is_told_by_a_write), TAP_TEST(finish_sends_the_rest_and_ends))
