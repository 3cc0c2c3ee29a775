/* The simulated network: TCP between nodes.
 *
 * A connection has two ends and two pipes. A write puts bytes into the writer's pipe, as far as the
 * window allows, and sends one to three segments, each an event that arrives later; its arrival
 * lets the other end read up to a position. Since positions only grow, a segment that overtakes
 * another (after a heal) brings the earlier bytes along, as a retransmission does.
 *
 * Failure modes: a message that meets a cut waits for the heal. Bytes that reach a closed end, and
 * dials to a port where nobody listens, are answered with a reset or a refusal. A killed process
 * leaves either the end of its bytes or a reset that drops what is under way. */
#include "sim_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    WINDOW_MIN = 64 * 1024,
    WINDOW_MAX = 1024 * 1024,
    LOOPBACK_MAX_US = 30,
    SPLIT_PER_MILLE = 200,      /* writes that arrive in pieces */
    SHORT_READ_PER_MILLE = 60,  /* reads that get less than there is */
    SHORT_WRITE_PER_MILLE = 30, /* writes that take less than there is room for */
    BACKLOG_MAX = 512,
    BYTES_PER_US_LOG2 = 10, /* about 1 GB/s */
    HERE = 0,
};

struct sim_pipe {
    struct buf bytes; /* positions [taken, sent) */
    uint64_t sent, arrived, taken;
    size_t window;
    int64_t last_us; /* when the newest segment arrives; they keep their order */
    bool broken;     /* a reset dropped what was under way */
    bool ended;      /* the end has arrived */
    bool blocked;    /* a write took less than it was given */
    bool waking;     /* an event for that is under way */
};

struct sim_conn {
    struct sim *sim;
    int refs;                  /* ends and events */
    struct sim_node *nodes[2]; /* dialler, listener */
    uint16_t ports[2];
    struct env_stream *ends[2]; /* NULL = not yet there, or closed */
    bool reset[2];              /* a reset has arrived there */
    struct sim_pipe pipes[2];   /* [i] carries what end i writes */
    struct env_connect *dial;   /* waits for the answer; NULL once answered or given up */
};

struct env_stream {
    struct list link; /* in env->streams */
    struct env *env;
    struct sim_conn *conn; /* NULL when the env is dead */
    uint8_t side;
    bool want_read, waking;
    struct list backlog_link; /* in listener->backlog until it is accepted */
    void (*readable)(void *data);
    void (*writable)(void *data);
    void *data;
    const struct sim_node *peer;
    uint16_t peer_port;
};

struct env_listener {
    struct list link; /* in env->listeners */
    struct env *env;
    uint16_t port;
    bool paused;
    struct list backlog;
    size_t backlog_count;
    void (*accepted)(void *data, struct env_stream *stream);
    void *data;
};

struct env_connect {
    struct list link; /* in env->connects */
    struct env *env;
    struct env_stream *stream; /* NULL when the env is dead */
    struct env_timer timer;
    void (*done)(void *data, int status, struct env_stream *stream);
    void *data;
};

/* ---- connections ---- */

static void conn_unref(struct sim_conn *conn)
{
    ASSERT(conn->refs > 0);
    if (--conn->refs > 0)
        return;
    buf_close(&conn->pipes[0].bytes);
    buf_close(&conn->pipes[1].bytes);
    mem_free(conn);
}

static int64_t net_latency(struct sim *sim, const struct sim_node *from, const struct sim_node *to)
{
    if (from == to)
        return sim_between(sim, 1, LOOPBACK_MAX_US);
    int64_t delay_us = sim_between(sim, sim->latency_min_us, sim->latency_max_us);
    if (sim->spike_per_mille && sim_chance(sim, sim->spike_per_mille))
        delay_us += sim_between(sim, 0, sim->spike_us);
    return delay_us;
}

static void conn_send(struct sim_conn *conn, int64_t delay_us, struct sim_event *event)
{
    event->conn = conn;
    conn->refs++;
    sim_push(conn->sim, delay_us, event);
}

static int64_t conn_latency(struct sim_conn *conn, int from)
{
    return net_latency(conn->sim, conn->nodes[from], conn->nodes[1 - from]);
}

/* A segment, or the end, of what `side` writes; never before an earlier one. */
static void conn_send_data(struct sim_conn *conn, int side, enum sim_kind kind, uint64_t upto,
                           size_t len)
{
    struct sim_pipe *pipe = &conn->pipes[side];
    int64_t now_us = conn->sim->now_us;
    int64_t due_us = now_us + conn_latency(conn, side) + (int64_t)(len >> BYTES_PER_US_LOG2);
    if (due_us < pipe->last_us)
        due_us = pipe->last_us;
    pipe->last_us = due_us;
    conn_send(conn, due_us - now_us,
              &(struct sim_event){.kind = (uint8_t)kind, .side = (uint8_t)side, .upto = upto});
}

/* Tells `side` that its connection is gone. */
static void conn_send_reset(struct sim_conn *conn, int side)
{
    conn_send(conn, conn_latency(conn, 1 - side),
              &(struct sim_event){.kind = SIM_RESET, .side = (uint8_t)side});
}

/* Tells the writer of a pipe about room. A delay of HERE = its own kernel knows already; else the
 * news come from the other node. */
static void conn_wake_writer(struct sim_conn *conn, int side, int64_t delay_us)
{
    struct sim_pipe *pipe = &conn->pipes[side];
    if (!pipe->blocked || pipe->waking)
        return;
    pipe->waking = true;
    conn_send(conn, delay_us,
              &(struct sim_event){
                  .kind = SIM_WRITABLE, .side = (uint8_t)side, .status = delay_us == HERE});
}

static struct sim_conn *conn_new(struct sim *sim, struct sim_node *from, struct sim_node *to)
{
    struct sim_conn *conn = mem_alloc(sizeof(*conn));
    conn->sim = sim;
    conn->nodes[0] = from;
    conn->nodes[1] = to;
    for (int i = 0; i < 2; i++) {
        buf_init(&conn->pipes[i].bytes);
        conn->pipes[i].window = (size_t)sim_between(sim, WINDOW_MIN, WINDOW_MAX);
    }
    return conn;
}

static struct env_stream *conn_open_end(struct sim_conn *conn, int side, struct env *env)
{
    struct env_stream *stream = mem_alloc(sizeof(*stream));
    stream->env = env;
    stream->conn = conn;
    stream->side = (uint8_t)side;
    list_init(&stream->backlog_link);
    list_push(&env->streams, &stream->link);
    stream->peer = conn->nodes[1 - side];
    stream->peer_port = conn->ports[1 - side];
    conn->ends[side] = stream;
    conn->refs++;
    return stream;
}

/* Takes an end off its connection. With `abort` what it sent and has not arrived is lost. */
static void conn_close_end(struct env_stream *stream, bool abort)
{
    struct sim_conn *conn = stream->conn;
    int side = stream->side;
    struct sim_pipe *in = &conn->pipes[1 - side];
    conn->ends[side] = NULL;
    stream->conn = NULL;
    if (abort) {
        conn->pipes[side].broken = true;
        conn_send_reset(conn, 1 - side);
    } else {
        conn_send_data(conn, side, SIM_FIN, conn->pipes[side].sent, 0);
    }
    in->taken = in->sent; /* so a writer that waits for room goes on, and learns the truth */
    in->bytes.len = 0;
    conn_wake_writer(conn, 1 - side, conn_latency(conn, side));
    conn_unref(conn);
}

/* ---- events ---- */

static size_t pipe_available(const struct sim_pipe *pipe)
{
    return pipe->arrived > pipe->taken ? (size_t)(pipe->arrived - pipe->taken) : 0;
}

static bool stream_has_news(const struct env_stream *stream)
{
    const struct sim_pipe *in = &stream->conn->pipes[1 - stream->side];
    return pipe_available(in) > 0 || in->ended || stream->conn->reset[stream->side];
}

/* Asks for an event that tells the stream to read. */
static void stream_wake(struct env_stream *stream)
{
    if (!stream->want_read || stream->waking || !stream_has_news(stream))
        return;
    stream->waking = true;
    conn_send(stream->conn, 1, &(struct sim_event){.kind = SIM_READABLE, .side = stream->side});
}

static void stream_tell_readable(struct sim_conn *conn, struct env_stream *stream)
{
    stream->waking = false;
    if (!stream->want_read || !stream_has_news(stream))
        return;
    stream->want_read = false;
    sim_note(conn->sim, SIM_READABLE, stream->env->node);
    stream->readable(stream->data);
}

/* Bytes or the end reached the other side of `side`. */
static void conn_arrive(struct sim_conn *conn, const struct sim_event *event)
{
    struct sim_pipe *pipe = &conn->pipes[event->side];
    struct env_stream *reader = conn->ends[1 - event->side];
    if (pipe->broken)
        return;
    sim_note(conn->sim, event->kind, conn->nodes[1 - event->side]);
    if (!reader) {
        if (event->kind == SIM_ARRIVE && conn->ends[event->side])
            conn_send_reset(conn, event->side);
        return;
    }
    if (event->upto > pipe->arrived) {
        size_t from = pipe->bytes.len - (size_t)(pipe->sent - pipe->arrived);
        sim_mix(conn->sim, crc32c(0, pipe->bytes.data + from, event->upto - pipe->arrived));
        pipe->arrived = event->upto;
    }
    if (event->kind == SIM_FIN)
        pipe->ended = true;
    if (reader->env->resume_us > conn->sim->now_us || reader->waking)
        stream_wake(reader);
    else
        stream_tell_readable(conn, reader);
}

static void conn_reset(struct sim_conn *conn, int side)
{
    struct env_stream *stream = conn->ends[side];
    if (!stream || conn->reset[side])
        return;
    sim_note(conn->sim, SIM_RESET, stream->env->node);
    conn->reset[side] = true;
    conn->pipes[1 - side].broken = true;
    if (sim_chance(conn->sim, 500)) { /* the kernel may drop what was not yet read */
        struct sim_pipe *in = &conn->pipes[1 - side];
        in->taken = in->arrived = in->sent;
        in->bytes.len = 0;
    }
    conn_wake_writer(conn, side, HERE);
    stream_wake(stream);
}

static void dial_free(struct env_connect *dial)
{
    env_timer_stop(&dial->timer);
    list_remove(&dial->link);
    mem_free(dial);
}

static void dial_end(struct env_connect *dial, int status)
{
    struct env_stream *stream = dial->stream;
    void (*done)(void *data, int status, struct env_stream *stream) = dial->done;
    void *data = dial->data;
    stream->conn->dial = NULL;
    dial_free(dial);
    if (status < 0) {
        env_stream_close(stream);
        stream = NULL;
    }
    done(data, status, stream);
}

static bool conn_defer(struct sim_conn *conn, struct env *env, const struct sim_event *event)
{
    if (!sim_defer(env, event))
        return false;
    conn->refs++;
    return true;
}

static void conn_answer(struct sim_conn *conn, const struct sim_event *event)
{
    if (!conn->dial || conn_defer(conn, conn->dial->env, event))
        return;
    sim_note(conn->sim, SIM_ANSWER, conn->nodes[0]);
    dial_end(conn->dial, event->status);
}

/* A dial reached the node: the kernel answers, even when the process is paused. */
static void conn_syn(struct sim_conn *conn)
{
    if (!conn->dial)
        return;
    sim_note(conn->sim, SIM_SYN, conn->nodes[1]);
    struct env_listener *listener = map_get_u64(&conn->nodes[1]->listeners, conn->ports[1]);
    if (listener && listener->backlog_count >= BACKLOG_MAX)
        return;
    struct sim_event answer = {.kind = SIM_ANSWER, .status = listener ? 0 : ERR_REFUSED};
    int64_t delay_us = conn_latency(conn, 1);
    conn_send(conn, delay_us, &answer);
    if (!listener)
        return;
    conn->pipes[1].last_us = conn->sim->now_us + delay_us;
    struct env_stream *stream = conn_open_end(conn, 1, listener->env);
    list_push(&listener->backlog, &stream->backlog_link);
    listener->backlog_count++;
    sim_push(conn->sim, 1,
             &(struct sim_event){.kind = SIM_ACCEPT, .env = listener->env, .port = listener->port});
}

static void listener_accept(const struct sim_event *event)
{
    struct env *env = event->env;
    if (env->dead || sim_defer(env, event))
        return;
    struct env_listener *listener = map_get_u64(&env->node->listeners, event->port);
    if (!listener || listener->env != env || listener->paused || list_empty(&listener->backlog))
        return;
    struct list *link = list_pop(&listener->backlog);
    listener->backlog_count--;
    sim_note(env->node->sim, SIM_ACCEPT, env->node);
    listener->accepted(listener->data, LIST_ENTRY(link, struct env_stream, backlog_link));
}

static void conn_readable(struct sim_conn *conn, const struct sim_event *event)
{
    struct env_stream *stream = conn->ends[event->side];
    if (stream && !conn_defer(conn, stream->env, event))
        stream_tell_readable(conn, stream);
}

static void conn_writable(struct sim_conn *conn, const struct sim_event *event)
{
    struct sim_pipe *pipe = &conn->pipes[event->side];
    struct env_stream *stream = conn->ends[event->side];
    if (!stream || conn_defer(conn, stream->env, event))
        return;
    pipe->waking = false;
    if (!pipe->blocked)
        return;
    pipe->blocked = false;
    sim_note(conn->sim, SIM_WRITABLE, stream->env->node);
    stream->writable(stream->data);
}

/* The side that an event leaves from. */
static int net_from(const struct sim_event *event)
{
    if (event->kind == SIM_SYN)
        return 0;
    if (event->kind == SIM_ANSWER)
        return 1;
    if (event->kind == SIM_ARRIVE || event->kind == SIM_FIN)
        return event->side;
    return 1 - event->side; /* a reset or room comes from the other end */
}

void sim_net_run(const struct sim_event *event)
{
    if (event->kind == SIM_ACCEPT) {
        listener_accept(event);
        return;
    }
    struct sim_conn *conn = event->conn;
    int from = net_from(event);
    bool local = event->kind == SIM_READABLE || (event->kind == SIM_WRITABLE && event->status);
    if (!local && sim_hold(conn->nodes[from], conn->nodes[1 - from], event))
        return; /* with its reference */
    if (event->kind == SIM_SYN)
        conn_syn(conn);
    else if (event->kind == SIM_ANSWER)
        conn_answer(conn, event);
    else if (event->kind == SIM_ARRIVE || event->kind == SIM_FIN)
        conn_arrive(conn, event);
    else if (event->kind == SIM_RESET)
        conn_reset(conn, event->side);
    else if (event->kind == SIM_READABLE)
        conn_readable(conn, event);
    else
        conn_writable(conn, event);
    conn_unref(conn);
}

void sim_net_drop(const struct sim_event *event)
{
    if (event->kind != SIM_ACCEPT)
        conn_unref(event->conn);
}

/* ---- env.h: streams ---- */

void env_stream_set(struct env_stream *stream, void (*readable)(void *data),
                    void (*writable)(void *data), void *data)
{
    stream->readable = readable;
    stream->writable = writable;
    stream->data = data;
}

void env_stream_want_read(struct env_stream *stream, bool wanted)
{
    stream->want_read = wanted;
    if (stream->conn)
        stream_wake(stream);
}

static void pipe_take(struct sim_pipe *pipe, size_t len)
{
    size_t head = pipe->bytes.len - (size_t)(pipe->sent - pipe->taken);
    pipe->taken += len;
    head += len;
    if (head < pipe->bytes.len && head < pipe->bytes.len / 2)
        return;
    memmove(pipe->bytes.data, pipe->bytes.data + head, pipe->bytes.len - head);
    pipe->bytes.len -= head;
}

ssize_t env_stream_read(struct env_stream *stream, void *buffer, size_t len)
{
    struct sim_conn *conn = stream->conn;
    if (!conn)
        return ERR_CLOSED;
    int side = stream->side;
    struct sim_pipe *in = &conn->pipes[1 - side];
    size_t available = pipe_available(in);
    if (available == 0)
        return conn->reset[side] ? ERR_RESET : in->ended ? ERR_EOF : ERR_AGAIN;
    size_t n = available < len ? available : len;
    if (n > 1 && sim_chance(conn->sim, SHORT_READ_PER_MILLE))
        n = (size_t)sim_between(conn->sim, 1, (int64_t)n);
    memcpy(buffer, in->bytes.data + in->bytes.len - (size_t)(in->sent - in->taken), n);
    pipe_take(in, n);
    if (in->sent - in->taken <= in->window / 2)
        conn_wake_writer(conn, 1 - side, conn_latency(conn, side));
    return (ssize_t)n;
}

/* Sends what was put into the pipe since `before` in one to three segments. */
static void stream_send(struct sim_conn *conn, int side, uint64_t before)
{
    struct sim *sim = conn->sim;
    uint64_t end = conn->pipes[side].sent;
    while (end - before > 1 && sim_chance(sim, SPLIT_PER_MILLE)) {
        uint64_t middle = before + (uint64_t)sim_between(sim, 1, (int64_t)(end - before - 1));
        conn_send_data(conn, side, SIM_ARRIVE, middle, (size_t)(middle - before));
        before = middle;
    }
    conn_send_data(conn, side, SIM_ARRIVE, end, (size_t)(end - before));
}

/* Puts up to `room` bytes of a chunk into the pipe. Bytes taken, or ERR_x. */
static ssize_t stream_put(struct sim_pipe *pipe, const struct env_chunk *chunk, size_t room)
{
    size_t n = chunk->len < room ? chunk->len : room;
    if (n == 0)
        return 0;
    if (buf_reserve(&pipe->bytes, n) < 0)
        return ERR_NO_MEMORY;
    uint8_t *at = pipe->bytes.data + pipe->bytes.len;
    if (chunk->data) {
        memcpy(at, chunk->data, n);
    } else {
        int rc = sim_disk_copy(chunk->file, at, n, chunk->offset);
        if (rc < 0)
            return rc;
    }
    pipe->bytes.len += n;
    pipe->sent += n;
    return (ssize_t)n;
}

ssize_t env_stream_write(struct env_stream *stream, const struct env_chunk *chunks, size_t count)
{
    struct sim_conn *conn = stream->conn;
    if (!conn)
        return ERR_CLOSED;
    if (conn->reset[stream->side])
        return ERR_RESET;
    struct sim_pipe *out = &conn->pipes[stream->side];
    uint64_t before = out->sent;
    size_t total = 0, room = out->window - (size_t)(out->sent - out->taken);
    for (size_t i = 0; i < count; i++)
        total += chunks[i].len;
    if (stream->env->node->frozen)
        return (ssize_t)total; /* the power is gone; nobody will hear it */
    if (total > 1 && sim_chance(conn->sim, SHORT_WRITE_PER_MILLE)) {
        size_t less = (size_t)sim_between(conn->sim, 0, (int64_t)total - 1);
        room = less < room ? less : room;
    }
    ssize_t rc = 0;
    for (size_t i = 0; i < count && room > 0; i++) {
        rc = stream_put(out, &chunks[i], room);
        if (rc < 0)
            break;
        room -= (size_t)rc;
    }
    size_t taken = (size_t)(out->sent - before);
    if (taken > 0)
        stream_send(conn, stream->side, before);
    if (rc < 0 && taken == 0)
        return rc;
    if (taken < total) {
        out->blocked = true;
        if (out->sent - out->taken < out->window)
            conn_wake_writer(conn, stream->side, HERE);
    }
    return (ssize_t)taken;
}

void env_stream_peer(const struct env_stream *stream, char text[ENV_ADDRESS_TEXT_MAX])
{
    snprintf(text, ENV_ADDRESS_TEXT_MAX, "%s:%u", stream->peer->address, stream->peer_port);
}

void env_stream_close(struct env_stream *stream)
{
    if (stream->conn)
        conn_close_end(stream, false);
    list_remove(&stream->link);
    mem_free(stream);
}

/* ---- env.h: listeners ---- */

/* The node that `host` names as seen from `node`; NULL when there is none. */
static struct sim_node *net_find(struct sim_node *node, const char *host)
{
    struct sim *sim = node->sim;
    if (strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0)
        return node;
    for (size_t i = 0; i < sim->node_count; i++)
        if (strcmp(host, sim->nodes[i]->name) == 0 || strcmp(host, sim->nodes[i]->address) == 0)
            return sim->nodes[i];
    return NULL;
}

static uint16_t net_free_port(struct sim_node *node)
{
    do
        node->next_port = node->next_port >= 60999 ? 32768 : (uint16_t)(node->next_port + 1);
    while (map_get_u64(&node->listeners, node->next_port));
    return node->next_port;
}

void env_port_holder(struct env *env, uint16_t port, struct buf *out)
{
    (void)env;
    (void)port;
    buf_printf(out, "another process");
}

int env_listen(struct env *env, const char *host, uint16_t port,
               void (*accepted)(void *data, struct env_stream *stream), void *data,
               struct env_listener **out)
{
    struct sim_node *node = env->node;
    if (env->dead)
        return ERR_CLOSED;
    if (host && *host && strcmp(host, "0.0.0.0") != 0) {
        struct sim_node *found = net_find(node, host);
        if (found != node)
            return found ? ERR_UNREACHABLE : ERR_HOST_UNKNOWN;
    }
    if (port == 0)
        port = net_free_port(node);
    if (map_get_u64(&node->listeners, port))
        return ERR_ADDRESS_IN_USE;
    struct env_listener *listener = mem_alloc(sizeof(*listener));
    listener->env = env;
    listener->port = port;
    listener->accepted = accepted;
    listener->data = data;
    list_init(&listener->backlog);
    list_push(&env->listeners, &listener->link);
    map_put_u64(&node->listeners, port, listener);
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
    if (listener->env->dead || paused)
        return;
    for (size_t i = 0; i < listener->backlog_count; i++)
        sim_push(
            listener->env->node->sim, 1,
            &(struct sim_event){.kind = SIM_ACCEPT, .env = listener->env, .port = listener->port});
}

/* The port is free again; who was waiting to be accepted is reset. */
static void listener_shut(struct env_listener *listener)
{
    struct list *link;
    map_del_u64(&listener->env->node->listeners, listener->port);
    while ((link = list_pop(&listener->backlog))) {
        struct env_stream *stream = LIST_ENTRY(link, struct env_stream, backlog_link);
        conn_close_end(stream, true);
        list_remove(&stream->link);
        mem_free(stream);
    }
    listener->backlog_count = 0;
}

void env_listener_close(struct env_listener *listener)
{
    if (!listener->env->dead)
        listener_shut(listener);
    list_remove(&listener->link);
    mem_free(listener);
}

/* ---- env.h: dials ---- */

static void dial_on_timer(void *data)
{
    dial_end(data, ERR_TIMED_OUT);
}

int env_connect(struct env *env, const char *host, uint16_t port, int64_t timeout_ms,
                void (*done)(void *data, int status, struct env_stream *stream), void *data,
                struct env_connect **out)
{
    struct sim *sim = env->node->sim;
    if (env->dead)
        return ERR_CLOSED;
    struct sim_node *to = net_find(env->node, host);
    struct sim_conn *conn = conn_new(sim, env->node, to ? to : env->node);
    conn->ports[0] = net_free_port(env->node);
    conn->ports[1] = port;
    struct env_connect *dial = mem_alloc(sizeof(*dial));
    dial->env = env;
    dial->done = done;
    dial->data = data;
    dial->stream = conn_open_end(conn, 0, env);
    conn->dial = dial;
    list_push(&env->connects, &dial->link);
    env_timer_init(env, &dial->timer, dial_on_timer, dial);
    env_timer_start(&dial->timer, timeout_ms);
    struct sim_event event = {.kind = to ? SIM_SYN : SIM_ANSWER,
                              .status = to ? 0 : ERR_HOST_UNKNOWN};
    if (!env->node->frozen)
        conn_send(conn, conn_latency(conn, 0), &event);
    *out = dial;
    return 0;
}

void env_connect_cancel(struct env_connect *dial)
{
    if (dial->stream) {
        dial->stream->conn->dial = NULL;
        env_stream_close(dial->stream);
    }
    dial_free(dial);
}

/* ---- the end of a process ---- */

void sim_net_kill(struct env *env)
{
    LIST_EACH(link, &env->listeners)
        listener_shut(LIST_ENTRY(link, struct env_listener, link));
    LIST_EACH(link, &env->connects) {
        struct env_connect *dial = LIST_ENTRY(link, struct env_connect, link);
        struct env_stream *stream = dial->stream;
        stream->conn->dial = NULL;
        dial->stream = NULL;
        conn_close_end(stream, false);
        list_remove(&stream->link);
        mem_free(stream);
    }
    LIST_EACH(link, &env->streams) {
        struct env_stream *stream = LIST_ENTRY(link, struct env_stream, link);
        if (stream->conn)
            conn_close_end(stream, sim_chance(env->node->sim, 500));
    }
}

void sim_net_free(struct env *env)
{
    struct list *link;
    while ((link = list_pop(&env->listeners)))
        mem_free(LIST_ENTRY(link, struct env_listener, link));
    while ((link = list_pop(&env->connects)))
        mem_free(LIST_ENTRY(link, struct env_connect, link));
    while ((link = list_pop(&env->streams)))
        mem_free(LIST_ENTRY(link, struct env_stream, link));
}
