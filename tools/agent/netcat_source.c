/* The netcat source: lines of text over TCP, each an event, each answered with OK.
 *
 * Happy path: what a connection has sent is split into lines, a batch of them goes to the channels,
 * then as many OKs are written, and reading goes on. Failure modes: a channel that can't take the
 * events is told to the client, line by line, as FAILED; a line over max-line-length is refused and
 * its connection closed; a client that does not read its answers is not read from; one that drips
 * is closed (peer.h). */
#include <string.h>

#include "base/mem.h"
#include "tools/agent/lines.h"
#include "tools/agent/peer.h"
#include "tools/agent/types.h"

enum {
    NETCAT_BATCH = 100,
    NETCAT_BLOCK = 16 * 1024,      /* of one connection */
    NETCAT_OUT_MAX = 256 * 1024,   /* answers that a client has not read */
    NETCAT_OUT_ALL_MAX = 16 << 20, /* that all clients have not read */
};

struct netcat_source {
    struct source source;
    struct env_listener *listener;
    struct peers peers;
    size_t line_max;
    size_t owed; /* bytes of answers that are not written yet */
    bool acks;
};

struct netcat_connection {
    struct peer peer;
    struct netcat_source *netcat;
    struct lines lines;
    struct batch batch;
    struct buf out; /* answers that are not written yet */
    size_t owed;    /* of them, as the source counts them */
    size_t asked;   /* lines in the batch that is under way */
    bool ending;    /* it is closed when the answers are written */
    bool under_way; /* the batch */
};

/* clang-format off */
static const struct key_row netcat_keys[] = {
    KEY("bind", KEY_REQUIRED, "The address to listen on; 0.0.0.0 is any."),
    KEY_INT("port", KEY_REQUIRED, 0, 65535, "The port to listen on; 0 is a free one."),
    KEY_INT("max-line-length", "512", 1, 1 << 20,
            "The longest line in bytes; a connection that sends a longer one is closed."),
    KEY_BOOL("ack-every-event", "true", "Whether each line is answered with OK."),
    KEY_ONE_OF("encoding", "utf-8", "utf-8|us-ascii|iso-8859-1",
               "Bodies are the bytes that came, whatever is said here."),
    KEY_END,
};
/* clang-format on */

static struct netcat_source *netcat_of(struct source *source)
{
    return CONTAINER_OF(source, struct netcat_source, source);
}

static void netcat_count(struct netcat_connection *connection, size_t owed)
{
    struct netcat_source *netcat = connection->netcat;
    ASSERT(netcat->owed >= connection->owed);
    netcat->owed += owed - connection->owed;
    connection->owed = owed;
}

static void netcat_close(struct netcat_connection *connection)
{
    netcat_count(connection, 0);
    batch_close(&connection->batch);
    peer_close(&connection->peer);
    lines_close(&connection->lines);
    buf_close(&connection->out);
    mem_free(connection);
}

static void netcat_close_peer(struct peer *peer)
{
    netcat_close(CONTAINER_OF(peer, struct netcat_connection, peer));
}

static void netcat_slow(struct peer *peer)
{
    peer_say(peer, "it stopped in the middle of a line, or sends it too slowly");
    netcat_close_peer(peer);
}

/* False: the connection is gone. */
static bool netcat_write(struct netcat_connection *connection)
{
    struct buf *out = &connection->out;
    if (out->len > 0) {
        struct env_chunk chunk = {.data = out->data, .len = out->len};
        ssize_t sent = env_stream_write(connection->peer.stream, &chunk, 1);
        if (sent < 0) {
            netcat_close(connection);
            return false;
        }
        memmove(out->data, out->data + sent, out->len - (size_t)sent);
        out->len -= (size_t)sent;
    }
    netcat_count(connection, out->len);
    if (out->len == 0 && connection->ending) {
        netcat_close(connection);
        return false;
    }
    return true;
}

static void netcat_answer(struct netcat_connection *connection, int status)
{
    for (size_t i = 0; i < connection->asked; i++) {
        if (status < 0)
            buf_printf(&connection->out, "FAILED: %s\n",
                       status == ERR_AGAIN ? "the channel is full" : err_text(status));
        else if (connection->netcat->acks)
            buf_printf(&connection->out, "OK\n");
    }
    connection->asked = 0;
}

static void netcat_refuse_line(struct netcat_connection *connection)
{
    char why[64];
    snprintf(why, sizeof(why), "a line is longer than max-line-length (%zu)",
             connection->netcat->line_max);
    peer_say(&connection->peer, why);
    buf_printf(&connection->out,
               "FAILED: Event exceeds the maximum length (%zu chars, including newline)\n",
               connection->netcat->line_max);
    connection->ending = true;
}

/* Batches of what has been read, until one has to wait or nothing is left. False: gone. */
static bool netcat_pump(struct netcat_connection *connection)
{
    struct event event;
    int found = 1;
    while (found == 1 && !connection->under_way && !connection->ending) {
        while (!batch_is_full(&connection->batch) &&
               (found = lines_next(&connection->lines, &event)) == 1)
            batch_add(&connection->batch, &event);
        connection->asked = connection->batch.count;
        if (connection->asked > 0)
            peer_done(&connection->peer);
        int status = connection->asked > 0 ? batch_send(&connection->batch) : 0;
        if (status == TRANSACTION_PENDING)
            connection->under_way = true;
        else
            netcat_answer(connection, status);
        if (found == ERR_TOO_LARGE && !connection->under_way)
            netcat_refuse_line(connection);
    }
    return netcat_write(connection);
}

static void netcat_want(struct netcat_connection *connection)
{
    bool reads = connection->out.len < NETCAT_OUT_MAX &&
                 (connection->out.len == 0 || connection->netcat->owed < NETCAT_OUT_ALL_MAX);
    peer_want(&connection->peer, reads && !connection->under_way && !connection->ending,
              lines_begun(&connection->lines));
}

static void netcat_batch_done(struct batch *batch, int status)
{
    struct netcat_connection *connection = CONTAINER_OF(batch, struct netcat_connection, batch);
    connection->under_way = false;
    netcat_answer(connection, status);
    if (netcat_pump(connection))
        netcat_want(connection);
}

/* The end of what a client sends: a last line without a newline counts as one. */
static void netcat_end(struct netcat_connection *connection)
{
    struct event event;
    if (lines_rest(&connection->lines, &event)) {
        batch_add(&connection->batch, &event);
        connection->asked = 1;
        int status = batch_send(&connection->batch);
        connection->under_way = status == TRANSACTION_PENDING;
        if (!connection->under_way)
            netcat_answer(connection, status);
    }
    connection->ending = !connection->under_way;
    if (netcat_write(connection))
        netcat_want(connection);
}

static void netcat_readable(void *data)
{
    struct netcat_connection *connection = data;
    uint8_t *to;
    size_t room;
    int err = lines_room(&connection->lines, &to, &room);
    if (err) {
        netcat_close(connection);
        return;
    }
    ssize_t got = peer_read(&connection->peer, to, room);
    if (got == ERR_EOF) {
        netcat_end(connection);
        return;
    }
    if (got < 0 && got != ERR_AGAIN) {
        netcat_close(connection);
        return;
    }
    if (got > 0)
        lines_added(&connection->lines, (size_t)got);
    if (netcat_pump(connection))
        netcat_want(connection);
}

static void netcat_writable(void *data)
{
    struct netcat_connection *connection = data;
    if (netcat_write(connection))
        netcat_want(connection);
}

static void netcat_accepted(void *data, struct env_stream *stream)
{
    struct netcat_source *netcat = data;
    if (!peers_admit(&netcat->peers, stream))
        return;
    struct netcat_connection *connection = mem_alloc(sizeof(*connection));
    connection->netcat = netcat;
    buf_init(&connection->out);
    lines_init(&connection->lines, NETCAT_BLOCK, netcat->line_max, false);
    batch_init(&connection->batch, &netcat->source, NETCAT_BATCH, false, netcat_batch_done);
    peer_open(&connection->peer, &netcat->peers, stream, netcat_readable, netcat_writable,
              connection);
}

static int netcat_start(struct source *source, struct buf *problem)
{
    struct netcat_source *netcat = netcat_of(source);
    peers_init(&netcat->peers, source, netcat_close_peer, netcat_slow);
    netcat->line_max = (size_t)part_number(source->part, "max-line-length");
    netcat->acks = part_flag(source->part, "ack-every-event");
    return source_listen(source, part_text(source->part, "bind"),
                         (uint16_t)part_number(source->part, "port"), netcat_accepted, netcat,
                         &netcat->listener, problem);
}

static void netcat_stop(struct source *source)
{
    struct netcat_source *netcat = netcat_of(source);
    peers_close(&netcat->peers);
    env_listener_close(netcat->listener);
}

const struct source_type netcat_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "netcat",
             .class_name = "org.apache.flume.source.NetcatSource",
             .doc = "Lines of text over TCP, each an event.",
             .keys = netcat_keys},
    .size = sizeof(struct netcat_source),
    .start = netcat_start,
    .stop = netcat_stop,
};
