/* Dialling: a name becomes a list of addresses, which are tried in turn.
 *
 * Happy path: a numeric address or "localhost" is dialled at once, another name is looked up on
 * libuv's pool first; the socket becomes writable, and `done` gets the stream.
 *
 * Failure modes: every address that fails leaves its error, and the one that says most is reported
 * (connect_rank); the time allowed is shared out among the addresses that are left. `done` always
 * comes from the loop: when everything failed at once, from a timer. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "env/uv_private.h"

#include "base/err.h"
#include "base/mem.h"

enum { CONNECT_ADDRESSES_MAX = 8 }; /* a name with more is a list of load balancers */

struct connect_address {
    struct sockaddr_storage name;
    socklen_t len;
};

/* The look-up can't always be cancelled, so it has a life of its own. */
struct connect_lookup {
    uv_getaddrinfo_t request;
    struct env_connect *dial; /* NULL once it is cancelled */
};

struct env_connect {
    struct env *env;
    struct connect_lookup *lookup; /* running, or NULL */
    struct env_stream *stream;     /* being dialled, or NULL */
    struct env_timer timer;        /* the end of this attempt, or the report of a failure */
    int64_t deadline_us;
    bool failed; /* the timer reports `status` */
    int status;
    size_t count, next;
    void (*done)(void *data, int status, struct env_stream *stream);
    void *data;
    struct connect_address addresses[CONNECT_ADDRESSES_MAX];
};

static void connect_next(struct env_connect *dial);

/* A silent address may be a live process, hence it outranks a refusal, which means that the process
 * is gone; anything else tells about this host only. */
static int connect_rank(int status)
{
    return status == ERR_TIMED_OUT ? 3 : status == ERR_REFUSED ? 2 : status < 0 ? 1 : 0;
}

static void connect_note(struct env_connect *dial, int status)
{
    if (connect_rank(status) > connect_rank(dial->status))
        dial->status = status;
}

static void connect_free(struct env_connect *dial)
{
    env_timer_stop(&dial->timer);
    if (dial->lookup) {
        dial->lookup->dial = NULL;
        uv_cancel((uv_req_t *)&dial->lookup->request);
    }
    if (dial->stream)
        env_stream_close(dial->stream);
    mem_free(dial);
}

static void connect_finish(struct env_connect *dial, int status, struct env_stream *stream)
{
    void (*done)(void *data, int status, struct env_stream *stream) = dial->done;
    void *data = dial->data;
    connect_free(dial);
    done(data, status, stream);
}

static void connect_on_timer(void *data)
{
    struct env_connect *dial = data;
    if (dial->failed) {
        connect_finish(dial, dial->status, NULL);
        return;
    }
    connect_note(dial, ERR_TIMED_OUT);
    if (dial->lookup) {
        connect_finish(dial, dial->status, NULL);
        return;
    }
    env_stream_close(dial->stream);
    dial->stream = NULL;
    connect_next(dial);
}

/* A socket that dials a free local port may, by chance, be given that port itself and then talks to
 * itself: nobody listens there. */
static bool connect_is_to_itself(int fd)
{
    struct sockaddr_storage own, peer;
    socklen_t own_len = sizeof(own), peer_len = sizeof(peer);
    memset(&own, 0, sizeof(own));
    memset(&peer, 0, sizeof(peer));
    return getsockname(fd, (struct sockaddr *)&own, &own_len) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0 && own_len == peer_len &&
           memcmp(&own, &peer, own_len) == 0;
}

static int connect_result(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error)
        return err_from_errno(error);
    if (!connect_is_to_itself(fd))
        return 0;
    /* Reset: an orderly end would keep the port from whoever is to listen there for a minute. */
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    return ERR_REFUSED;
}

static void connect_on_event(uv_poll_t *poll, int status, int events)
{
    struct env_connect *dial = poll->data;
    struct env_stream *stream = dial->stream;
    (void)status;
    (void)events;
    int rc = connect_result(stream->fd);
    uv_poll_stop(poll);
    poll->data = stream;
    dial->stream = NULL;
    if (rc == 0) {
        uv_stream_set_peer(stream);
        connect_finish(dial, 0, stream);
        return;
    }
    env_stream_close(stream);
    connect_note(dial, rc);
    connect_next(dial);
}

/* Starts an attempt; 0 or the error that it failed with at once. */
static int connect_try(struct env_connect *dial, const struct connect_address *address)
{
    int fd = uv_stream_socket(address->name.ss_family);
    if (fd < 0)
        return fd;
    struct env_stream *stream;
    int rc = uv_stream_new(dial->env, fd, &stream);
    if (rc < 0)
        return rc;
    if (connect(fd, (const struct sockaddr *)&address->name, address->len) < 0 &&
        errno != EINPROGRESS)
        rc = err_from_errno(errno);
    if (rc == 0)
        rc = uv_private_err(uv_poll_start(&stream->poll, UV_WRITABLE, connect_on_event));
    if (rc < 0) {
        env_stream_close(stream);
        return rc;
    }
    stream->poll.data = dial;
    dial->stream = stream;
    return 0;
}

static void connect_next(struct env_connect *dial)
{
    while (dial->next < dial->count) {
        int64_t left_us = dial->deadline_us - env_now_us(dial->env);
        int64_t share_us = left_us / (int64_t)(dial->count - dial->next);
        int rc = connect_try(dial, &dial->addresses[dial->next++]);
        if (rc == 0) {
            env_timer_start_us(&dial->timer, share_us);
            return;
        }
        connect_note(dial, rc);
    }
    ASSERT(dial->status < 0);
    dial->failed = true;
    env_timer_start(&dial->timer, 0);
}

static void connect_on_lookup(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct connect_lookup *lookup = CONTAINER_OF(request, struct connect_lookup, request);
    struct env_connect *dial = lookup->dial;
    mem_free(lookup);
    if (dial) {
        dial->lookup = NULL;
        for (struct addrinfo *a = found; a && dial->count < CONNECT_ADDRESSES_MAX; a = a->ai_next) {
            struct connect_address *address = &dial->addresses[dial->count++];
            memcpy(&address->name, a->ai_addr, a->ai_addrlen);
            address->len = a->ai_addrlen;
        }
        if (status < 0 || dial->count == 0)
            connect_note(dial, ERR_HOST_UNKNOWN);
        connect_next(dial);
    }
    uv_freeaddrinfo(found);
}

static int connect_look_up(struct env_connect *dial, const char *host, uint16_t port)
{
    struct connect_lookup *lookup = mem_alloc(sizeof(*lookup));
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    lookup->dial = dial;
    int rc = uv_getaddrinfo(&dial->env->loop, &lookup->request, connect_on_lookup, host, service,
                            &hints);
    if (rc < 0) {
        mem_free(lookup);
        return ERR_HOST_UNKNOWN;
    }
    dial->lookup = lookup;
    return 0;
}

static void connect_add(struct env_connect *dial, const char *host, uint16_t port)
{
    struct connect_address *address = &dial->addresses[dial->count];
    if (uv_stream_parse(host, port, &address->name, &address->len))
        dial->count++;
}

int env_connect(struct env *env, const char *host, uint16_t port, int64_t timeout_ms,
                void (*done)(void *data, int status, struct env_stream *stream), void *data,
                struct env_connect **out)
{
    struct env_connect *dial = mem_alloc(sizeof(*dial));
    dial->env = env;
    dial->done = done;
    dial->data = data;
    dial->deadline_us = env_now_us(env) + timeout_ms * 1000;
    env_timer_init(env, &dial->timer, connect_on_timer, dial);
    connect_add(dial, host, port);
    if (strcmp(host, "localhost") == 0)
        connect_add(dial, "::1", port);
    if (dial->count > 0) {
        connect_next(dial);
    } else if (connect_look_up(dial, host, port) == 0) {
        env_timer_start(&dial->timer, timeout_ms);
    } else {
        connect_note(dial, ERR_HOST_UNKNOWN);
        connect_next(dial);
    }
    *out = dial;
    return 0;
}

void env_connect_cancel(struct env_connect *dial)
{
    connect_free(dial);
}
