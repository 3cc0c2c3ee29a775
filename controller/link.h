/* One connection of the controller channel: protobuf frames over a framed connection. Its owner may
 * change, since the listener learns only from the first frame who speaks. */
#ifndef CONTROLLER_LINK_H
#define CONTROLLER_LINK_H

#include "base/buf.h"
#include "base/check.h"
#include "common/meta/channel.pb-c.h"
#include "env/env.h"

struct frame_opening;
struct link;

struct link_handlers {
    /* One frame; it is the callee's (meta__frame__free_unpacked). May call link_close. */
    void (*frame)(void *owner, struct link *link, Meta__Frame *frame);
    /* The connection is over (ERR_EOF, ERR_RESET, ERR_MALFORMED, ERR_TOO_LARGE, ...). Called at
     * most once, never after link_close; the callee calls link_close. */
    void (*broken)(void *owner, struct link *link, int err);
};

/* Takes the stream. */
struct link *link_new(struct env *env, struct env_stream *stream, size_t frame_max,
                      const struct link_handlers *handlers, void *owner);
void link_set_owner(struct link *link, size_t frame_max, const struct link_handlers *handlers,
                    void *owner);
void link_set_max(struct link *link, size_t frame_max);
/* The other side asks, and this one answers: while it does not take the last MiB of answers nothing
 * is read from it, so no more come about. Not for both sides of one line: with much on its way in
 * both directions each would wait for the other to read. */
void link_set_answering(struct link *link);
/* It is known whose it is: read also in a long turn (frame_conn_set_urgent). */
void link_set_urgent(struct link *link);
/* Safe inside every callback. */
void link_close(struct link *link);
/* Sends what is queued; no frame comes any more, and `broken` with ERR_CLOSED when that is done. */
void link_finish(struct link *link);
void link_pause(struct link *link, bool paused);
const char *link_peer(const struct link *link);
/* In `broken`: whether the other side speaks Kafka's protocol, by the first byte of its frame: no
 * key of an API is above 255, and no tag of protobuf is 0. */
bool link_speaks_kafka(const struct link *link);
/* In `broken`, of a link to which nothing was sent: closes it, but for the stream, which is the
 * caller's then, with all that came on it (frame_conn_part). */
void link_part(struct link *link, struct frame_opening *opening);
/* In `broken`: what the other side speaks by its first bytes, if that is no channel
 * (wire/foreign.h); NULL otherwise. */
const char *link_foreign(const struct link *link);

/* When there is no memory for the frame, or the peer has taken none of the last 64 MiB, the
 * connection ends: `broken` comes later. */
void link_send(struct link *link, const Meta__Frame *frame);
/* Bytes of link_send that the peer has not taken. */
size_t link_unread(const struct link *link);
/* As channel_send_buf. */
void link_send_buf(struct link *link, struct buf *bytes, void (*sent)(void *data), void *data);

#endif
