/* Connections of the controller channel. Failure modes: bytes that are no Frame end the connection
 * with ERR_MALFORMED; so does a frame that there is no memory for, since the other side would wait
 * for it for ever. */
#include "controller/link.h"

#include "base/err.h"
#include "base/mem.h"
#include "meta/channel.h"
#include "wire/foreign.h"
#include "wire/frame.h"

enum {
    LINK_LINGER_MS = 1000, /* a farewell that the peer does not read is not worth more */
    LINK_SIZE_LEN = 4,     /* of the size before a frame */
    /* Of answers that the peer has not taken: above the first nothing more is read from it, and
     * what comes all the same (who leads) ends it at the second. */
    LINK_UNREAD_PAUSE = 1024 * 1024,
    LINK_UNREAD_MAX = 64 * 1024 * 1024
};

struct link {
    struct frame_conn *conn;
    const struct link_handlers *handlers;
    void *owner;
    struct env_timer lost_timer; /* there was no memory for a frame */
    int depth;                   /* callbacks that run now */
    size_t unread;               /* bytes of link_send that are queued */
    bool paused;                 /* by the owner */
    bool answering;              /* link_set_answering */
    bool kafka;                  /* its last frame was one of Kafka's */
    bool closed;
};

static void link_leave(struct link *link)
{
    ASSERT(link->depth > 0);
    if (--link->depth == 0 && link->closed)
        mem_free(link);
}

static void link_break(struct link *link, int err)
{
    if (link->closed)
        return;
    link->depth++;
    link->handlers->broken(link->owner, link, err);
    link_leave(link);
}

static void link_on_frame(void *data, uint8_t *bytes, size_t len)
{
    struct link *link = data;
    if (link->closed)
        return;
    Meta__Frame *frame = channel_unpack(bytes, len);
    if (!frame) {
        link->kafka = len > 0 && bytes[0] == 0;
        link_break(link, ERR_MALFORMED);
        return;
    }
    link->depth++;
    link->handlers->frame(link->owner, link, frame);
    link_leave(link);
}

static void link_on_broken(void *data, int err)
{
    link_break(data, err);
}

static void link_on_lost(void *data)
{
    link_break(data, ERR_NO_MEMORY);
}

static const struct frame_handlers link_frames = {.frame = link_on_frame, .broken = link_on_broken};

struct link *link_new(struct env *env, struct env_stream *stream, size_t frame_max,
                      const struct link_handlers *handlers, void *owner)
{
    struct link *link = mem_alloc(sizeof(*link));
    link->handlers = handlers;
    link->owner = owner;
    env_timer_init(env, &link->lost_timer, link_on_lost, link);
    int err = frame_conn_new(env, transport_plain(stream), frame_max, NULL, &link_frames, link,
                             &link->conn);
    ASSERT(err == 0);
    return link;
}

void link_set_owner(struct link *link, size_t frame_max, const struct link_handlers *handlers,
                    void *owner)
{
    ASSERT(!link->closed);
    ASSERT(handlers->frame != NULL);
    ASSERT(handlers->broken != NULL);
    link->handlers = handlers;
    link->owner = owner;
    frame_conn_set_max(link->conn, frame_max);
}

void link_set_max(struct link *link, size_t frame_max)
{
    if (!link->closed)
        frame_conn_set_max(link->conn, frame_max);
}

void link_set_answering(struct link *link)
{
    ASSERT(link->unread == 0);
    link->answering = true;
}

void link_set_urgent(struct link *link)
{
    frame_conn_set_urgent(link->conn);
}

void link_close(struct link *link)
{
    if (link->closed)
        return;
    link->closed = true;
    link->depth++;
    env_timer_stop(&link->lost_timer);
    frame_conn_close(link->conn);
    link_leave(link);
}

void link_part(struct link *link, struct frame_opening *opening)
{
    ASSERT(!link->closed && link->depth > 0);
    link->closed = true;
    env_timer_stop(&link->lost_timer);
    frame_conn_part(link->conn, opening);
}

void link_finish(struct link *link)
{
    if (!link->closed)
        frame_conn_finish(link->conn, LINK_LINGER_MS);
}

static void link_pace(struct link *link)
{
    bool full = link->answering && link->unread > LINK_UNREAD_PAUSE;
    if (!link->closed)
        frame_conn_pause(link->conn, link->paused || full);
}

void link_pause(struct link *link, bool paused)
{
    link->paused = paused;
    link_pace(link);
}

const char *link_peer(const struct link *link)
{
    return frame_conn_peer(link->conn);
}

/* A frame that is too large here has not come whole. */
bool link_speaks_kafka(const struct link *link)
{
    size_t len;
    const uint8_t *unread = frame_conn_unread(link->conn, &len);
    return link->kafka ||
           (len > LINK_SIZE_LEN && !foreign_name(unread, len) && unread[LINK_SIZE_LEN] == 0);
}

const char *link_foreign(const struct link *link)
{
    size_t len;
    const uint8_t *unread = frame_conn_unread(link->conn, &len);
    return foreign_name(unread, len);
}

struct link_note {
    struct link *link;
    size_t len;
};

/* The connection is closed before the link is freed, and all notes with it. */
static void link_on_sent(void *data)
{
    struct link_note *note = data;
    struct link *link = note->link;
    bool full = link->unread > LINK_UNREAD_PAUSE;
    ASSERT(link->unread >= note->len);
    link->unread -= note->len;
    mem_free(note);
    if (full && link->unread <= LINK_UNREAD_PAUSE)
        link_pace(link);
}

size_t link_unread(const struct link *link)
{
    return link->unread;
}

void link_send(struct link *link, const Meta__Frame *frame)
{
    struct buf bytes;
    if (link->closed)
        return;
    buf_init(&bytes);
    if (channel_pack(frame, &bytes) || link->unread > LINK_UNREAD_MAX) {
        buf_close(&bytes);
        env_timer_start(&link->lost_timer, 0);
        return;
    }
    struct link_note *note = mem_alloc(sizeof(*note));
    *note = (struct link_note){link, bytes.len};
    link->unread += bytes.len;
    bool full = link->unread > LINK_UNREAD_PAUSE;
    channel_send_buf(link->conn, &bytes, link_on_sent, note);
    if (full)
        link_pace(link);
}

void link_send_buf(struct link *link, struct buf *bytes, void (*sent)(void *data), void *data)
{
    ASSERT(!link->closed);
    channel_send_buf(link->conn, bytes, sent, data);
}
