/* Datagrams: a stream on a UDP socket, which libuv only polls.
 *
 * Happy path: readable, one recvfrom a datagram. Failure modes: an error that the kernel reports of
 * a socket that only receives is passed over; what comes faster than it is read is dropped by the
 * kernel, whose buffer is made as large as it allows. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "env/datagram.h"
#include "env/uv_private.h"

enum { DATAGRAM_KERNEL_BYTES = 8 << 20 };

int env_datagram_open(struct env *env, const char *host, uint16_t port, struct env_stream **stream,
                      uint16_t *bound)
{
    struct sockaddr_storage address;
    socklen_t len;
    int err = uv_stream_resolve(host && *host ? host : "0.0.0.0", port, &address, &len);
    if (err)
        return err;
    int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_from_errno(errno);
    int size = DATAGRAM_KERNEL_BYTES;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (bind(fd, (const struct sockaddr *)&address, len) < 0) {
        err = err_from_errno(errno);
        close(fd);
        return err;
    }
    *bound = uv_stream_bound_port(fd);
    return uv_stream_new(env, fd, stream);
}

ssize_t env_datagram_read(struct env_stream *stream, void *buffer, size_t len,
                          char peer[ENV_ADDRESS_TEXT_MAX])
{
    struct sockaddr_storage from;
    ASSERT(len > 0);
    for (;;) {
        socklen_t from_len = sizeof(from);
        ssize_t n =
            recvfrom(stream->fd, buffer, len, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
        if (n >= 0) {
            uv_stream_name(&from, peer);
            return n;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return ERR_AGAIN;
        if (errno != EINTR && errno != ECONNREFUSED)
            return err_from_errno(errno);
    }
}
