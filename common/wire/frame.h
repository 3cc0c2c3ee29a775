/* Frames over a transport: int32 size (big-endian, bytes that follow), then the bytes. Kafka's
 * connections, the controller channel and the Raft peers all use this one reader and writer.
 *
 * Reader: the bytes of a frame are received straight into the buffer that the callback sees; a
 * buffer exists only while part of a frame has arrived, and grows as bytes arrive, not as
 * announced. Writer: an outbox is a queue of chunks (owned memory, shared memory, file ranges) that
 * is written once per loop turn; responses therefore leave together. */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/list.h"
#include "base/mem.h"
#include "env/env.h"
#include "wire/transport.h"

/* A chunk in an outbox. `release(owner)` is called once, when its bytes are sent or the outbox is
 * closed; NULL when nobody waits for that. */
struct outbox_chunk {
    struct env_chunk chunk;
    void (*release)(void *owner);
    void *owner;
};

struct frame_conn;

struct frame_handlers {
    /* One whole frame (without its size). `data` may be changed in place and is valid until the
     * callback returns, unless frame_conn_detach is called inside it. The callback may call
     * frame_conn_close. */
    void (*frame)(void *data, uint8_t *bytes, size_t len);
    /* The connection is over: ERR_EOF, ERR_RESET, ERR_MALFORMED (size below 0), ERR_TOO_LARGE (size
     * over the limit), ERR_NO_MEMORY (the frame is larger than the whole budget, or the budget
     * stayed used up for 30 s in the middle of a frame). Called at most once, never after
     * frame_conn_close and never inside frame_conn_send or frame_conn_finish; the callee must call
     * frame_conn_close (here or later). What is sent after it is released by frame_conn_close. */
    void (*broken)(void *data, int err);
    /* May be NULL: the outbox ran empty, whatever was in it. Who stops producing when
     * frame_conn_queued is high goes on here. */
    void (*drained)(void *data);
};

/* Takes the transport over. `handlers` is borrowed for the life of the connection. `budget` (may be
 * NULL) pays for what the receive buffer needs above 8 KiB; when it is used up, reading stops and
 * is tried again on a timer, and the budget is `starved`. `frame_max`: largest size taken. */
int frame_conn_new(struct env *env, struct transport transport, size_t frame_max,
                   struct mem_budget *budget, const struct frame_handlers *handlers, void *data,
                   struct frame_conn **conn) MUST_CHECK;
/* Closes the transport, releases what is queued, frees. Safe inside every callback. */
void frame_conn_close(struct frame_conn *conn);

/* A transport with what has come on it already: bytes [start, end) of a block of the heap. */
struct frame_opening {
    struct transport transport;
    uint8_t *block; /* NULL: nothing has come */
    size_t cap, start, end;
};
/* Inside `frame` or `broken`, of a connection without a budget to which nothing was sent: closes
 * it, but for the transport, which is the caller's now, with all bytes from the frame of this
 * callback on. So who turns out to speak another protocol goes on with a reader of that one. */
void frame_conn_part(struct frame_conn *conn, struct frame_opening *opening);
/* As frame_conn_new; it is read on in the next turn. On an error (ERR_NO_MEMORY) all is closed. */
int frame_conn_open(struct env *env, const struct frame_opening *opening, size_t frame_max,
                    struct mem_budget *budget, const struct frame_handlers *handlers, void *data,
                    struct frame_conn **conn) MUST_CHECK;
/* For who does not open it. */
void frame_opening_close(struct frame_opening *opening);
/* Sends what is queued, then closes (at the latest after `linger_ms`); no more frames arrive. The
 * `broken` callback comes with ERR_CLOSED when that is done. */
void frame_conn_finish(struct frame_conn *conn, int64_t linger_ms);

void frame_conn_set_max(struct frame_conn *conn, size_t frame_max);
/* It is read also in a turn that is long already, when others wait for a later one who have lately
 * spent more than a hundredth of the loop's time; what is left of it comes at the end of that turn.
 * For the lines between nodes of the cluster: many who wait are answered by what one of these
 * brings. */
void frame_conn_set_urgent(struct frame_conn *conn);
/* We asked for all that comes on it: a large frame does not wait for a short turn, as one of a peer
 * does that may be made to cost much. */
void frame_conn_set_answers(struct frame_conn *conn);
/* While paused no further frame is delivered (those that already arrived wait) and nothing is read,
 * so the end of the connection is noticed only by a write. Allowed inside every callback. */
void frame_conn_pause(struct frame_conn *conn, bool paused);

/* Inside the frame callback: the buffer that holds the frame becomes the caller's, to mem_free
 * later (and to give `*charged` back to the budget); *block is what to free. At most once a frame.
 */
void frame_conn_detach(struct frame_conn *conn, void **block, size_t *charged);

/* Queues one chunk; sent at the end of this loop turn. Its memory must stay until `release`. The
 * caller writes the size prefix itself as part of its first chunk. */
void frame_conn_send(struct frame_conn *conn, const struct outbox_chunk *chunk);
/* Size prefix and a copy of the bytes; ERR_NO_MEMORY. For small messages. */
int frame_conn_send_copy(struct frame_conn *conn, const void *bytes, size_t len) MUST_CHECK;
/* Bytes queued and not yet taken by the network. */
size_t frame_conn_queued(const struct frame_conn *conn);
/* What an incomplete frame holds of the budget, and since when (monotonic ms). */
size_t frame_conn_held(const struct frame_conn *conn, int64_t *since_ms);
/* What was received and not handed out: in `broken`, the beginning of what could not be read. */
const uint8_t *frame_conn_unread(const struct frame_conn *conn, size_t *len);
/* "127.0.0.1:39412"; lives as long as the connection. */
const char *frame_conn_peer(const struct frame_conn *conn);

#endif
