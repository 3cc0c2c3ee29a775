/* A framed connection over a transport of the test's own: no socket is there, and only the row of
 * functions is called. Its peer sees all bytes scrambled, and what lies in a file as well. */
#include "../until.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/frame.h"

enum { SCRAMBLE = 0x5a };

struct line {
    void (*readable)(void *data);
    void (*writable)(void *data);
    void *data;
    bool wants;
    bool blocked;   /* the last write was short */
    bool ended;     /* by the peer */
    struct buf in;  /* what the peer has sent */
    struct buf out; /* what it has received */
    size_t room;    /* for what it may receive */
    int closed;
};

static void line_set(void *self, void (*readable)(void *data), void (*writable)(void *data),
                     void *data)
{
    struct line *line = self;
    line->readable = readable;
    line->writable = writable;
    line->data = data;
}

static void line_want_read(void *self, bool wanted)
{
    struct line *line = self;
    CHECK(!line->closed);
    line->wants = wanted;
}

static ssize_t line_read(void *self, void *buffer, size_t len)
{
    struct line *line = self;
    size_t n = len < line->in.len ? len : line->in.len;
    CHECK(!line->closed);
    if (n == 0)
        return line->ended ? ERR_EOF : ERR_AGAIN;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)buffer)[i] = line->in.data[i] ^ SCRAMBLE;
    line->in.len -= n;
    memmove(line->in.data, line->in.data + n, line->in.len);
    return (ssize_t)n;
}

static ssize_t line_write(void *self, const struct env_chunk *chunks, size_t count)
{
    struct line *line = self;
    size_t taken = 0;
    CHECK(!line->closed);
    line->blocked = false;
    for (size_t i = 0; i < count && !line->blocked; i++) {
        size_t n = chunks[i].len < line->room ? chunks[i].len : line->room;
        uint8_t *bytes = mem_alloc(n + 1);
        if (chunks[i].file)
            CHECK_INT(env_file_read(chunks[i].file, bytes, n, chunks[i].offset), (ssize_t)n);
        else if (n > 0)
            memcpy(bytes, chunks[i].data, n);
        for (size_t at = 0; at < n; at++)
            bytes[at] ^= SCRAMBLE;
        buf_put(&line->out, bytes, n);
        mem_free(bytes);
        line->room -= n;
        taken += n;
        line->blocked = n < chunks[i].len;
    }
    return (ssize_t)taken;
}

static void line_peer(const void *self, char text[ENV_ADDRESS_TEXT_MAX])
{
    (void)self;
    snprintf(text, ENV_ADDRESS_TEXT_MAX, "the other end");
}

static void line_close(void *self)
{
    struct line *line = self;
    line->closed++;
}

static const struct transport_row line_row = {.set = line_set,
                                              .want_read = line_want_read,
                                              .read = line_read,
                                              .write = line_write,
                                              .peer = line_peer,
                                              .close = line_close};

/* ---- the connection ---- */

static struct {
    struct env *env;
    struct line line;
    struct frame_conn *conn;
    struct buf frames;
    int count, broken, released;
} t;

static void on_frame(void *data, uint8_t *bytes, size_t len)
{
    (void)data;
    buf_put(&t.frames, bytes, len);
    t.count++;
}

static void on_broken(void *data, int err)
{
    (void)data;
    t.broken = err;
}

static void on_release(void *owner)
{
    (void)owner;
    t.released++;
}

static void begin(void)
{
    static const struct frame_handlers handlers = {.frame = on_frame, .broken = on_broken};
    memset(&t, 0, sizeof(t));
    t.line.room = SIZE_MAX;
    CHECK_INT(env_new(&t.env), 0);
    CHECK_INT(frame_conn_new(t.env, (struct transport){&line_row, &t.line}, 1 << 20, NULL,
                             &handlers, NULL, &t.conn),
              0);
    CHECK(t.line.wants);
    CHECK_STR(frame_conn_peer(t.conn), "the other end");
}

static void end(void)
{
    if (!t.line.closed)
        frame_conn_close(t.conn);
    CHECK_INT(t.line.closed, 1);
    env_free(t.env);
    buf_close(&t.line.in);
    buf_close(&t.line.out);
    buf_close(&t.frames);
}

/* The peer sends a frame; the connection hears of it if it has asked to. */
static void peer_sends(const char *text, size_t len)
{
    uint8_t bytes[256];
    bytes_put_u32(bytes, (uint32_t)len);
    memcpy(bytes + 4, text, len);
    for (size_t i = 0; i < len + 4; i++)
        bytes[i] ^= SCRAMBLE;
    buf_put(&t.line.in, bytes, len + 4);
    if (!t.line.wants)
        return;
    t.line.wants = false;
    t.line.readable(t.line.data);
}

static void peer_makes_room(size_t room)
{
    bool told = t.line.blocked;
    t.line.room = room;
    t.line.blocked = false;
    if (told)
        t.line.writable(t.line.data);
}

static bool peer_has(const char *text)
{
    size_t len = strlen(text);
    bool same = t.line.out.len == len;
    for (size_t i = 0; same && i < len; i++)
        same = (t.line.out.data[i] ^ SCRAMBLE) == (uint8_t)text[i];
    return same;
}

static void frames_are_read_through_the_row(void)
{
    begin();
    peer_sends("first", 5);
    CHECK_INT(t.count, 1);
    CHECK(t.line.wants); /* asked again */
    frame_conn_pause(t.conn, true);
    CHECK(!t.line.wants);
    peer_sends("second", 6);
    CHECK_INT(t.count, 1);
    frame_conn_pause(t.conn, false);
    UNTIL(t.env, t.count == 2);
    CHECK(t.frames.len == 11 && memcmp(t.frames.data, "firstsecond", 11) == 0);
    t.line.ended = true;
    CHECK(t.line.wants);
    t.line.readable(t.line.data);
    CHECK_INT(t.broken, ERR_EOF);
    end();
}

/* Memory and a range of a file, in parts, as there is room. */
static void chunks_are_written_through_the_row(void)
{
    char path[] = "/tmp/transport_test.XXXXXX";
    struct env_file *file;
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK_INT(write(fd, "..of a file..", 13), 13);
    close(fd);
    begin();
    CHECK_INT(env_file_open(t.env, path, ENV_OPEN_READ, &file), 0);
    struct outbox_chunk chunks[] = {
        {.chunk = {.data = "memory, ", .len = 8}},
        {.chunk = {.file = file, .offset = 2, .len = 9}, .release = on_release}};
    t.line.room = 3;
    frame_conn_send(t.conn, &chunks[0]);
    frame_conn_send(t.conn, &chunks[1]);
    UNTIL(t.env, t.line.blocked);
    CHECK(peer_has("mem"));
    peer_makes_room(7);
    CHECK(peer_has("memory, of"));
    CHECK_INT(frame_conn_queued(t.conn), 7);
    CHECK_INT(t.released, 0);
    peer_makes_room(100);
    CHECK(peer_has("memory, of a file"));
    CHECK_INT(t.released, 1);
    env_file_close(file);
    unlink(path);
    end();
}

static void what_is_queued_goes_with_the_row(void)
{
    begin();
    struct outbox_chunk chunk = {.chunk = {.data = "never", .len = 5}, .release = on_release};
    t.line.room = 2;
    frame_conn_send(t.conn, &chunk);
    UNTIL(t.env, t.line.blocked);
    frame_conn_close(t.conn);
    CHECK_INT(t.line.closed, 1);
    CHECK_INT(t.released, 1);
    CHECK(peer_has("ne"));
    end();
}

TAP_MAIN(TAP_TEST(frames_are_read_through_the_row), TAP_TEST(chunks_are_written_through_the_row),
         TAP_TEST(what_is_queued_goes_with_the_row))
