/* Plain TCP: env's streams, one to one. Failure modes are theirs. */
#include "wire/transport.h"

static void plain_set(void *self, void (*readable)(void *data), void (*writable)(void *data),
                      void *data)
{
    env_stream_set(self, readable, writable, data);
}

static void plain_want_read(void *self, bool wanted)
{
    env_stream_want_read(self, wanted);
}

static ssize_t plain_read(void *self, void *buffer, size_t len)
{
    return env_stream_read(self, buffer, len);
}

static ssize_t plain_write(void *self, const struct env_chunk *chunks, size_t count)
{
    return env_stream_write(self, chunks, count);
}

static void plain_peer(const void *self, char text[ENV_ADDRESS_TEXT_MAX])
{
    env_stream_peer(self, text);
}

static void plain_close(void *self)
{
    env_stream_close(self);
}

static const struct transport_row transport_plain_row = {
    .set = plain_set,
    .want_read = plain_want_read,
    .read = plain_read,
    .write = plain_write,
    .peer = plain_peer,
    .close = plain_close,
};

struct transport transport_plain(struct env_stream *stream)
{
    ASSERT(stream != NULL);
    return (struct transport){&transport_plain_row, stream};
}
