/* A connection that turns out to speak another protocol: its first reader lets go of the transport,
 * the second one sees every byte. */
#include "../until.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "env/env.h"
#include "wire/frame.h"

enum { FRAME_MAX = 1 << 20, SHORT_MAX = 4 };

struct world {
    struct env *env;
    struct env_listener *listener;
    struct env_connect *dial;
    struct env_stream *accepted, *raw;
    struct frame_conn *conn;
    struct mem_budget budget;
    struct frame_opening opening;
    struct buf frames; /* each with its size, as sent */
    int part_at;       /* the frame in which it parts; 0: when it is broken */
    int count, broken;
};

static void on_frame(void *data, uint8_t *bytes, size_t len)
{
    struct world *w = data;
    uint8_t size[4];
    bytes_put_u32(size, (uint32_t)len);
    CHECK_INT(buf_append(&w->frames, size, 4), 0);
    CHECK_INT(buf_append(&w->frames, bytes, len), 0);
    if (++w->count != w->part_at)
        return;
    frame_conn_part(w->conn, &w->opening);
    w->conn = NULL;
}

static void on_broken(void *data, int err)
{
    struct world *w = data;
    w->broken = err;
    if (w->part_at == 0)
        frame_conn_part(w->conn, &w->opening);
    else
        frame_conn_close(w->conn);
    w->conn = NULL;
}

static const struct frame_handlers handlers = {.frame = on_frame, .broken = on_broken};

static void on_accepted(void *data, struct env_stream *stream)
{
    ((struct world *)data)->accepted = stream;
}

static void on_nothing(void *data)
{
    (void)data;
}

static void on_dialled(void *data, int status, struct env_stream *stream)
{
    struct world *w = data;
    CHECK_INT(status, 0);
    w->raw = stream;
    env_stream_set(stream, on_nothing, on_nothing, NULL);
}

static void world_open(struct world *w, size_t frame_max, size_t budget, int part_at)
{
    *w = (struct world){.part_at = part_at};
    buf_init(&w->frames);
    mem_budget_init(&w->budget, budget);
    CHECK_INT(env_new(&w->env), 0);
    CHECK_INT(env_listen(w->env, "127.0.0.1", 0, on_accepted, w, &w->listener), 0);
    CHECK_INT(env_connect(w->env, "127.0.0.1", env_listener_port(w->listener), UNTIL_MS, on_dialled,
                          w, &w->dial),
              0);
    UNTIL(w->env, w->accepted && w->raw);
    CHECK_INT(frame_conn_new(w->env, transport_plain(w->accepted), frame_max, NULL, &handlers, w,
                             &w->conn),
              0);
}

static void world_close(struct world *w)
{
    if (w->conn)
        frame_conn_close(w->conn);
    CHECK_INT(w->budget.used, 0);
    env_stream_close(w->raw);
    env_listener_close(w->listener);
    env_free(w->env);
    buf_close(&w->frames);
}

static void send_raw(struct world *w, const void *bytes, size_t len)
{
    struct env_chunk chunk = {.data = bytes, .len = len};
    CHECK_INT(env_stream_write(w->raw, &chunk, 1), len);
}

static int reopen(struct world *w)
{
    w->frames.len = 0;
    w->count = w->broken = 0;
    w->part_at = -1;
    return frame_conn_open(w->env, &w->opening, FRAME_MAX, &w->budget, &handlers, w, &w->conn);
}

static const char first[] = "\0\0\0\2ab", rest[] = "\0\0\0\2cd\0\0\0\2ef",
                  large[] = "\0\0\0\7ABCDEFG";
#define SENT(text) (sizeof(text) - 1)

static void a_frame_and_what_follows_are_read_anew(void)
{
    struct world w;
    world_open(&w, SHORT_MAX, FRAME_MAX, 2);
    send_raw(&w, first, SENT(first));
    send_raw(&w, rest, SENT(rest));
    UNTIL(w.env, !w.conn);
    CHECK_INT(w.broken, 0);
    CHECK_INT(reopen(&w), 0);
    send_raw(&w, first, SENT(first));
    UNTIL(w.env, w.count == 3);
    CHECK_INT(w.frames.len, SENT(rest) + SENT(first));
    CHECK(memcmp(w.frames.data, rest, SENT(rest)) == 0);
    CHECK(memcmp(w.frames.data + SENT(rest), first, SENT(first)) == 0);
    world_close(&w);
}

static void a_frame_that_was_too_large_is_read_anew(void)
{
    struct world w;
    for (size_t cut = 4; cut <= SENT(large); cut++) {
        world_open(&w, SHORT_MAX, FRAME_MAX, 0);
        send_raw(&w, first, SENT(first));
        send_raw(&w, large, cut);
        UNTIL(w.env, !w.conn);
        CHECK_INT(w.broken, ERR_TOO_LARGE);
        CHECK_INT(reopen(&w), 0);
        send_raw(&w, large + cut, SENT(large) - cut);
        UNTIL(w.env, w.count == 1);
        CHECK_INT(w.frames.len, SENT(large));
        CHECK(memcmp(w.frames.data, large, SENT(large)) == 0);
        world_close(&w);
    }
}

/* The block that it came in is paid for like any other. */
static void what_came_is_charged(void)
{
    static uint8_t bytes[4 + 60000];
    struct world w;
    bytes_put_u32(bytes, sizeof(bytes) - 4);
    for (size_t budget = 16 << 10; budget <= 64 << 10; budget += 48 << 10) {
        world_open(&w, FRAME_MAX, budget, 1);
        send_raw(&w, bytes, sizeof(bytes));
        UNTIL(w.env, !w.conn);
        int err = reopen(&w);
        CHECK_INT(err, budget < sizeof(bytes) ? ERR_NO_MEMORY : 0);
        if (err)
            w.conn = NULL;
        else
            UNTIL(w.env, w.count == 1);
        world_close(&w);
    }
}

TAP_MAIN(TAP_TEST(a_frame_and_what_follows_are_read_anew),
         TAP_TEST(a_frame_that_was_too_large_is_read_anew), TAP_TEST(what_came_is_charged))
