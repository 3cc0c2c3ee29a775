/* TCP streams and listeners on sockets of our own, which libuv only polls.
 *
 * Happy path: libuv reports that a socket is readable, the owner reads until it has had enough and
 * asks again. A socket stays polled between the two (asking costs no system call then); only when
 * an event comes that nobody waits for is the poll taken off. Writing goes straight to the socket:
 * memory by sendmsg, file ranges by sendfile; what did not fit makes the socket polled for room.
 *
 * Failure modes: an error event wakes whoever waits, and its read or write returns the error. When
 * descriptors run out, accepting rests for ACCEPT_REST_MS. A cold file range makes sendfile wait
 * for the disk. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "env/uv_private.h"

#include "base/err.h"
#include "base/mem.h"

enum {
    LISTEN_BACKLOG = 512,        /* a restart makes every client of a broker dial at once */
    ACCEPTS_PER_TURN = 64,       /* so that a storm of dials doesn't hold up the connections */
    ACCEPT_REST_MS = 100,        /* when descriptors ran out, so that the loop doesn't spin */
    WRITE_PARTS = 64,            /* iovecs in one sendmsg */
    UNSENT_MAX = 128 * 1024,     /* what the kernel holds for a peer that takes nothing */
    DRAIN_MAX = 4 * 1024 * 1024, /* unread bytes dropped at a close; see stream_drain */
};

struct env_listener {
    uv_poll_t poll;
    struct env *env;
    int fd;
    uint16_t port;
    bool paused;
    void (*accepted)(void *data, struct env_stream *stream);
    void *data;
    struct env_timer rest;
};

/* ---- streams ---- */

static void stream_on_event(uv_poll_t *poll, int status, int events);

static void stream_arm(struct env_stream *stream, int events)
{
    ASSERT(stream->fd >= 0);
    if (stream->armed == events)
        return;
    stream->armed = events;
    int rc = events ? uv_poll_start(&stream->poll, events, stream_on_event)
                    : uv_poll_stop(&stream->poll);
    ASSERT(rc == 0);
}

static void stream_on_event(uv_poll_t *poll, int status, int events)
{
    struct env_stream *stream = poll->data;
    if (status < 0) { /* libuv stopped polling; read and write tell the reason */
        stream->armed = 0;
        events = stream->wanted;
    }
    int due = events & stream->wanted;
    stream->wanted &= ~due;
    if (due & UV_READABLE)
        stream->readable(stream->data);
    if ((due & UV_WRITABLE) && stream->fd >= 0)
        stream->writable(stream->data);
    if (stream->fd < 0)
        return;
    int idle = UV_WRITABLE | (events & ~due); /* room is nearly always there: don't poll for it */
    stream_arm(stream, (stream->armed & ~idle) | stream->wanted);
}

STATIC_ASSERT(offsetof(struct env_stream, poll) == 0, "stream_freed frees by the handle");
STATIC_ASSERT(offsetof(struct env_listener, poll) == 0, "stream_freed frees by the handle");

static void stream_freed(uv_handle_t *handle)
{
    mem_free(handle);
}

int uv_stream_socket(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno == EAFNOSUPPORT ? ERR_UNREACHABLE : err_from_errno(errno);
    return fd;
}

int uv_stream_new(struct env *env, int fd, struct env_stream **out)
{
    int on = 1, unsent = UNSENT_MAX;
    ASSERT(fd >= 0);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    struct env_stream *stream = mem_alloc(sizeof(*stream));
    int rc = uv_poll_init(&env->loop, &stream->poll, fd);
    if (rc < 0) {
        close(fd);
        mem_free(stream);
        return uv_private_err(rc);
    }
    stream->poll.data = stream;
    stream->env = env;
    stream->fd = fd;
    memcpy(stream->peer, "?", 2);
    *out = stream;
    return 0;
}

void uv_stream_name(const struct sockaddr_storage *address, char text[ENV_ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN];
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(text, ENV_ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(in->sin_port));
        return;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
    if (mapped)
        inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], host, sizeof(host));
    else
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
    snprintf(text, ENV_ADDRESS_TEXT_MAX, mapped ? "%s:%u" : "[%s]:%u", host, ntohs(in6->sin6_port));
}

void uv_stream_set_peer(struct env_stream *stream)
{
    struct sockaddr_storage address;
    ASSERT(stream->fd >= 0);
    socklen_t len = sizeof(address);
    if (getpeername(stream->fd, (struct sockaddr *)&address, &len) == 0)
        uv_stream_name(&address, stream->peer);
}

void env_stream_set(struct env_stream *stream, void (*readable)(void *data),
                    void (*writable)(void *data), void *data)
{
    stream->readable = readable;
    stream->writable = writable;
    stream->data = data;
}

void env_stream_want_read(struct env_stream *stream, bool wanted)
{
    if (!wanted) {
        stream->wanted &= ~UV_READABLE;
        return;
    }
    stream->wanted |= UV_READABLE;
    stream_arm(stream, stream->armed | UV_READABLE);
}

ssize_t env_stream_read(struct env_stream *stream, void *buffer, size_t len)
{
    ASSERT(stream->fd >= 0);
    for (;;) {
        ssize_t n = stream->is_pipe ? read(stream->fd, buffer, len)
                                    : recv(stream->fd, buffer, len, MSG_DONTWAIT);
        if (n > 0)
            return n;
        if (n == 0)
            return ERR_EOF;
        if (errno != EINTR)
            return err_from_errno(errno);
    }
}

/* Sends the run of memory chunks that starts at chunks[0]; *used is how many it holds. */
static ssize_t stream_send_memory(struct env_stream *stream, const struct env_chunk *chunks,
                                  size_t count, size_t *used, size_t *total)
{
    struct iovec iov[WRITE_PARTS];
    size_t n = 0;
    *total = 0;
    while (n < count && n < WRITE_PARTS && chunks[n].data) {
        iov[n].iov_base = (void *)(uintptr_t)chunks[n].data;
        iov[n].iov_len = chunks[n].len;
        *total += chunks[n].len;
        n++;
    }
    *used = n;
    ASSERT(n > 0);
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = n};
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (n < count ? MSG_MORE : 0);
    for (;;) {
        ssize_t sent = sendmsg(stream->fd, &message, flags);
        if (sent >= 0)
            return sent;
        if (errno != EINTR)
            return err_from_errno(errno);
    }
}

/* Sends a file range; less than its length only when the socket is full. */
static ssize_t stream_send_file(struct env_stream *stream, const struct env_chunk *chunk)
{
    off_t offset = (off_t)chunk->offset;
    size_t left = chunk->len;
    while (left > 0) {
        ssize_t sent = sendfile(stream->fd, chunk->file->fd, &offset, left);
        if (sent > 0) {
            left -= (size_t)sent;
            continue;
        }
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            break;
        if (left < chunk->len)
            break; /* report what went out; the next call reports the error */
        return sent == 0 ? ERR_EOF : err_from_errno(errno);
    }
    return (ssize_t)(chunk->len - left);
}

ssize_t env_stream_write(struct env_stream *stream, const struct env_chunk *chunks, size_t count)
{
    size_t taken = 0;
    ASSERT(stream->fd >= 0);
    for (size_t i = 0; i < count;) {
        size_t used = 1, total = chunks[i].len;
        ssize_t sent;
        if (chunks[i].data)
            sent = stream_send_memory(stream, &chunks[i], count - i, &used, &total);
        else
            sent = stream_send_file(stream, &chunks[i]);
        if (sent < 0 && sent != ERR_AGAIN)
            return taken ? (ssize_t)taken : sent;
        if (sent > 0)
            taken += (size_t)sent;
        if (sent < 0 || (size_t)sent < total) {
            stream->wanted |= UV_WRITABLE;
            stream_arm(stream, stream->armed | UV_WRITABLE);
            break;
        }
        i += used;
    }
    return (ssize_t)taken;
}

void env_stream_peer(const struct env_stream *stream, char text[ENV_ADDRESS_TEXT_MAX])
{
    memcpy(text, stream->peer, ENV_ADDRESS_TEXT_MAX);
}

/* Closing a socket that holds unread bytes resets it, and the bytes we sent last would be lost: so
 * they are dropped first (MSG_TRUNC: without copying). */
static void stream_drain(int fd)
{
    size_t dropped = 0;
    while (dropped < DRAIN_MAX) {
        ssize_t n = recv(fd, NULL, DRAIN_MAX, MSG_DONTWAIT | MSG_TRUNC);
        if (n <= 0)
            return;
        dropped += (size_t)n;
    }
}

void env_stream_close(struct env_stream *stream)
{
    ASSERT(stream->fd >= 0);
    uv_close((uv_handle_t *)&stream->poll, stream_freed);
    stream_drain(stream->fd);
    close(stream->fd);
    stream->fd = -1;
    stream->wanted = 0;
}

/* ---- listeners ---- */

static void listener_on_event(uv_poll_t *poll, int status, int events);

static void listener_poll(struct env_listener *listener)
{
    int rc = uv_poll_start(&listener->poll, UV_READABLE, listener_on_event);
    ASSERT(listener->fd >= 0);
    ASSERT(rc == 0);
}

static void listener_on_rest(void *data)
{
    struct env_listener *listener = data;
    if (!listener->paused)
        listener_poll(listener);
}

/* The errors of accept(2) that don't concern the listener but one dial. */
static bool listener_may_go_on(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
           error == EHOSTUNREACH || error == ENETUNREACH || error == EPERM;
}

static void listener_rest(struct env_listener *listener)
{
    uv_poll_stop(&listener->poll);
    env_timer_start(&listener->rest, ACCEPT_REST_MS);
}

static void listener_on_event(uv_poll_t *poll, int status, int events)
{
    struct env_listener *listener = poll->data;
    (void)events;
    if (status < 0) {
        listener_rest(listener);
        return;
    }
    for (int i = 0; i < ACCEPTS_PER_TURN && listener->fd >= 0 && !listener->paused; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct env_stream *stream;
        if (fd < 0 && listener_may_go_on(errno))
            continue;
        if (fd < 0) {
            if (errno != EAGAIN)
                listener_rest(listener);
            return;
        }
        if (uv_stream_new(listener->env, fd, &stream) < 0) {
            listener_rest(listener);
            return;
        }
        uv_stream_set_peer(stream);
        listener->accepted(listener->data, stream);
    }
}

bool uv_stream_parse(const char *host, uint16_t port, struct sockaddr_storage *address,
                     socklen_t *len)
{
    struct sockaddr_in *in = (struct sockaddr_in *)address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof(*address));
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (uv_ip4_addr(host, port, in) == 0) {
        *len = sizeof(*in);
        return true;
    }
    *len = sizeof(*in6);
    return uv_ip6_addr(host, port, in6) == 0;
}

/* Resolves for a listener: names are looked up while the caller waits, since that is at a start. */
int uv_stream_resolve(const char *host, uint16_t port, struct sockaddr_storage *address,
                      socklen_t *len)
{
    if (uv_stream_parse(host, port, address, len))
        return 0;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found;
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return ERR_HOST_UNKNOWN;
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static int listener_bind(const struct sockaddr_storage *address, socklen_t len)
{
    int fd = uv_stream_socket(address->ss_family);
    if (fd < 0)
        return fd;
    int on = 1, off = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, (const struct sockaddr *)address, len) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
        int rc = err_from_errno(errno);
        close(fd);
        return rc;
    }
    return fd;
}

/* All addresses: both families on one socket, or only IPv4 where the kernel has no IPv6. */
static int listener_bind_any(uint16_t port)
{
    struct sockaddr_storage address;
    socklen_t len;
    if (uv_stream_parse("::", port, &address, &len)) {
        int fd = listener_bind(&address, len);
        if (fd != ERR_UNREACHABLE)
            return fd;
    }
    bool parsed = uv_stream_parse("0.0.0.0", port, &address, &len);
    ASSERT(parsed);
    return listener_bind(&address, len);
}

static int listener_open(const char *host, uint16_t port)
{
    if (!host || !*host)
        return listener_bind_any(port);
    struct sockaddr_storage address;
    socklen_t len;
    int rc = uv_stream_resolve(host, port, &address, &len);
    return rc < 0 ? rc : listener_bind(&address, len);
}

uint16_t uv_stream_bound_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&address)->sin_port);
    return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
}

int env_listen(struct env *env, const char *host, uint16_t port,
               void (*accepted)(void *data, struct env_stream *stream), void *data,
               struct env_listener **out)
{
    int fd = listener_open(host, port);
    ASSERT(accepted != NULL);
    if (fd < 0)
        return fd;
    struct env_listener *listener = mem_alloc(sizeof(*listener));
    int rc = uv_poll_init(&env->loop, &listener->poll, fd);
    if (rc < 0) {
        close(fd);
        mem_free(listener);
        return uv_private_err(rc);
    }
    listener->poll.data = listener;
    listener->env = env;
    listener->fd = fd;
    listener->port = uv_stream_bound_port(fd);
    listener->accepted = accepted;
    listener->data = data;
    env_timer_init(env, &listener->rest, listener_on_rest, listener);
    listener_poll(listener);
    *out = listener;
    return 0;
}

uint16_t env_listener_port(const struct env_listener *listener)
{
    return listener->port;
}

void env_listener_pause(struct env_listener *listener, bool paused)
{
    if (listener->paused == paused)
        return;
    listener->paused = paused;
    if (paused)
        uv_poll_stop(&listener->poll);
    else if (!env_timer_running(&listener->rest))
        listener_poll(listener);
}

void env_listener_close(struct env_listener *listener)
{
    ASSERT(listener->fd >= 0);
    env_timer_stop(&listener->rest);
    uv_close((uv_handle_t *)&listener->poll, stream_freed);
    close(listener->fd);
    listener->fd = -1;
}
