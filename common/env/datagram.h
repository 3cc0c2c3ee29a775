/* Datagrams (UDP) that are received, for sources of an agent. A part of the seam of env.h, with its
 * rules; the simulation has none. */
#ifndef ENV_DATAGRAM_H
#define ENV_DATAGRAM_H

#include "env/env.h"

/* The most bytes of a datagram. */
enum { ENV_DATAGRAM_MAX = 65535 };

/* Receives at host:port (as env_listen; port 0 = a free one), which *bound is the port of. The
 * stream is only for env_datagram_read, env_stream_set, env_stream_want_read and env_stream_close.
 * ERR_ADDRESS_IN_USE, ERR_HOST_UNKNOWN, ERR_ACCESS, ERR_UNREACHABLE. */
int env_datagram_open(struct env *env, const char *host, uint16_t port, struct env_stream **stream,
                      uint16_t *bound) MUST_CHECK;
/* The next datagram, cut at `len`, and who sent it (as env_stream_peer). Its bytes (0 and
 * more), ERR_AGAIN when there is none now. */
ssize_t env_datagram_read(struct env_stream *stream, void *buffer, size_t len,
                          char peer[ENV_ADDRESS_TEXT_MAX]) MUST_CHECK;

#endif
