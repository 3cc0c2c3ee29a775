/* What a framed connection stands on: something that takes and gives bytes without blocking, and
 * tells when it can go on. A kind of transport is a row of functions; there is one, plain TCP.
 *
 * The rules are those of env's streams (env/env.h). One of them binds a kind that holds bytes of
 * its own, as encryption does: a read that gives less than it was asked for has given all that is
 * there, and `readable` comes when there is more. */
#ifndef WIRE_TRANSPORT_H
#define WIRE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "env/env.h"

struct transport_row {
    /* Who hears of it: before anything else. */
    void (*set)(void *self, void (*readable)(void *data), void (*writable)(void *data), void *data);
    /* `readable` comes once after each call with true, `writable` once after a short write. */
    void (*want_read)(void *self, bool wanted);
    ssize_t (*read)(void *self, void *buffer, size_t len);
    /* Chunks of memory and ranges of files: a kind that can't send a file reads it. */
    ssize_t (*write)(void *self, const struct env_chunk *chunks, size_t count);
    void (*peer)(const void *self, char text[ENV_ADDRESS_TEXT_MAX]);
    /* Frees; no callback comes after it. */
    void (*close)(void *self);
};

struct transport {
    const struct transport_row *row;
    void *self;
};

/* The stream as it is; it becomes the transport's. */
struct transport transport_plain(struct env_stream *stream);

#endif
