/* The syslogtcp and the multiport_syslogtcp source: lines of syslog over TCP.
 *
 * Happy path: what a connection has sent is split into lines, a batch of them goes to the channels,
 * and reading goes on. Failure modes: nobody is there to be told of a channel that is full, so the
 * batch waits, and with it the client; a line over eventSize is cut, and the header
 * flume.syslog.status of its pieces says so; a client that drips is closed (peer.h). */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tools/agent/lines.h"
#include "tools/agent/peer.h"
#include "tools/agent/syslog.h"
#include "tools/agent/syslog_keys.h"
#include "tools/agent/tls_keys.h"
#include "tools/agent/types.h"

enum {
    SYSLOG_BATCH = 100,
    SYSLOG_BLOCK = 16 * 1024, /* of one connection */
    SYSLOG_PORTS_MAX = 1000
};

struct syslog_source;

struct syslog_port {
    struct syslog_source *syslog;
    struct env_listener *listener;
    char text[8];
};

struct syslog_source {
    struct source source;
    struct syslog_rules rules;
    struct syslog_port *ports;
    size_t ports_count;
    struct peers peers;
    size_t line_max, batch_max;
    const char *port_header, *ip_header; /* NULL = none */
};

struct syslog_connection {
    struct peer peer;
    struct syslog_port *port;
    struct lines lines;
    struct batch batch;
    char ip[ENV_ADDRESS_TEXT_MAX];
    bool under_way; /* the batch */
    bool ended;     /* nothing comes any more */
};

/* clang-format off */
static const struct key_row syslog_tcp_keys[] = {
    SYSLOG_KEYS,
    KEY_INT("port", KEY_REQUIRED, 0, 65535, "The port to listen on; 0 is a free one."),
    KEY_INT("eventSize", "2500", 10, 1 << 20, "The longest line in bytes; a longer one is cut."),
    TLS_KEYS("keystore", "keystore-password", "keystore-type"),
    KEY_END,
};

static const struct key_row syslog_multiport_keys[] = {
    SYSLOG_KEYS,
    KEY_NAMES("ports", KEY_REQUIRED, "The ports to listen on, separated by blanks."),
    KEY_INT("eventSize", "2500", 10, 1 << 20, "The longest line in bytes; a longer one is cut."),
    KEY_INT("batchSize", "100", 1, KEY_MAX_INT, "The most lines that are put at once."),
    KEY("portHeader", NULL, "The header with the port at which a line came in."),
    KEY("charset.default", "UTF-8", "Bodies are the bytes that came, whatever is said here."),
    KEY("charset.port.*", NULL, "Bodies are the bytes that came, whatever is said here."),
    KEY_INT("readBufferSize", "1024", 1, KEY_MAX_INT, "Nothing depends on it."),
    KEY_INT("readBufferBytes", "1024", 1, KEY_MAX_INT, "Nothing depends on it."),
    KEY_INT("numProcessors", NULL, 1, KEY_MAX_INT,
            "Nothing depends on it: one loop serves all connections."),
    TLS_KEYS("keystore", "keystore-password", "keystore-type"),
    KEY_END,
};
/* clang-format on */

static struct syslog_source *syslog_of(struct source *source)
{
    return CONTAINER_OF(source, struct syslog_source, source);
}

static void syslog_close(struct syslog_connection *connection)
{
    batch_close(&connection->batch);
    peer_close(&connection->peer);
    lines_close(&connection->lines);
    mem_free(connection);
}

static void syslog_close_peer(struct peer *peer)
{
    syslog_close(CONTAINER_OF(peer, struct syslog_connection, peer));
}

static void syslog_mark(struct event *event, const char *name, const char *value)
{
    if (name)
        event_take_headers(event, headers_set(event->headers, name, value, strlen(value)));
}

static void syslog_add(struct syslog_connection *connection, struct event *event, bool cut)
{
    struct syslog_source *syslog = connection->port->syslog;
    if (event->len > 0 && event->body[event->len - 1] == '\r')
        event->len--;
    if (event->len == 0) { /* between lines */
        event_unref(event);
        return;
    }
    syslog_read(&syslog->rules, env_wall_ms(syslog->source.env), cut, event);
    syslog_mark(event, syslog->port_header, connection->port->text);
    syslog_mark(event, syslog->ip_header, connection->ip);
    batch_add(&connection->batch, event);
}

/* One line, or a piece of one that is too long; false = there is none yet. */
static bool syslog_next(struct syslog_connection *connection)
{
    struct event event;
    int found = lines_next(&connection->lines, &event);
    if (found == 0 && connection->ended && lines_rest(&connection->lines, &event))
        found = 1;
    if (found == 0)
        return false;
    if (found == ERR_TOO_LARGE && !lines_rest(&connection->lines, &event))
        return false;
    syslog_add(connection, &event, found == ERR_TOO_LARGE);
    return true;
}

/* Batches of what has been read, until one has to wait or nothing is left. */
static void syslog_pump(struct syslog_connection *connection)
{
    bool more = true;
    while (more && !connection->under_way) {
        while (!batch_is_full(&connection->batch) && (more = syslog_next(connection)))
            ;
        if (connection->batch.count > 0)
            peer_done(&connection->peer);
        if (connection->batch.count > 0)
            connection->under_way = batch_send(&connection->batch) == TRANSACTION_PENDING;
    }
    if (connection->ended && !connection->under_way)
        syslog_close(connection);
    else
        peer_want(&connection->peer, !connection->under_way, lines_begun(&connection->lines));
}

/* What it has sent of the line comes as one, as at the end of a connection. */
static void syslog_slow(struct peer *peer)
{
    struct syslog_connection *connection = CONTAINER_OF(peer, struct syslog_connection, peer);
    peer_say(peer, "it stopped in the middle of a line, or sends it too slowly");
    connection->ended = true;
    syslog_pump(connection);
}

static void syslog_batch_done(struct batch *batch, int status)
{
    struct syslog_connection *connection = CONTAINER_OF(batch, struct syslog_connection, batch);
    ASSERT(connection->under_way);
    (void)status; /* it is patient: the channels have the lines */
    connection->under_way = false;
    syslog_pump(connection);
}

static void syslog_readable(void *data)
{
    struct syslog_connection *connection = data;
    uint8_t *to;
    size_t room;
    int err = lines_room(&connection->lines, &to, &room);
    if (err) {
        syslog_close(connection);
        return;
    }
    ssize_t got = peer_read(&connection->peer, to, room);
    if (got > 0)
        lines_added(&connection->lines, (size_t)got);
    connection->ended = got < 0 && got != ERR_AGAIN; /* what came before is whole all the same */
    syslog_pump(connection);
}

static void syslog_accepted(void *data, struct env_stream *stream)
{
    struct syslog_port *port = data;
    struct syslog_source *syslog = port->syslog;
    if (!peers_admit(&syslog->peers, stream))
        return;
    struct syslog_connection *connection = mem_alloc(sizeof(*connection));
    connection->port = port;
    env_stream_peer(stream, connection->ip);
    source_strip_port(connection->ip);
    lines_init(&connection->lines, SYSLOG_BLOCK, syslog->line_max, false);
    batch_init(&connection->batch, &syslog->source, syslog->batch_max, true, syslog_batch_done);
    peer_open(&connection->peer, &syslog->peers, stream, syslog_readable, NULL, connection);
}

/* ---- starting and stopping ---- */

static void syslog_stop(struct source *source)
{
    struct syslog_source *syslog = syslog_of(source);
    peers_close(&syslog->peers);
    for (size_t i = 0; i < syslog->ports_count; i++)
        env_listener_close(syslog->ports[i].listener);
    mem_free(syslog->ports);
}

static int syslog_listen(struct syslog_source *syslog, uint16_t number, struct buf *problem)
{
    struct syslog_port *port = &syslog->ports[syslog->ports_count];
    int err = source_listen(&syslog->source, part_text(syslog->source.part, "host"), number,
                            syslog_accepted, port, &port->listener, problem);
    if (err)
        return err;
    port->syslog = syslog;
    snprintf(port->text, sizeof(port->text), "%u", env_listener_port(port->listener));
    syslog->ports_count++;
    return 0;
}

static void syslog_begin(struct syslog_source *syslog)
{
    const struct part *part = syslog->source.part;
    bool known = syslog_keep(&syslog->rules, part_text(part, "keepFields"));
    ASSERT(known);
    peers_init(&syslog->peers, &syslog->source, syslog_close_peer, syslog_slow);
    syslog->line_max = (size_t)part_number(part, "eventSize");
    syslog->batch_max = SYSLOG_BATCH;
    syslog->ip_header = part_text(part, "clientIPHeader");
}

static int syslog_tcp_start(struct source *source, struct buf *problem)
{
    struct syslog_source *syslog = syslog_of(source);
    syslog_begin(syslog);
    syslog->ports = mem_alloc(sizeof(*syslog->ports));
    int err = syslog_listen(syslog, (uint16_t)part_number(source->part, "port"), problem);
    if (err)
        syslog_stop(source);
    return err;
}

/* The i-th of `ports`; negative = it is none. */
static long syslog_port_number(const struct part *part, size_t i, bool *more)
{
    char text[32], *end;
    *more = part_list(part, "ports", i, text, sizeof(text));
    if (!*more)
        return -1;
    long number = strtol(text, &end, 10);
    return *end == '\0' && end != text && number <= 65535 ? number : -1;
}

static int syslog_multiport_start(struct source *source, struct buf *problem)
{
    struct syslog_source *syslog = syslog_of(source);
    bool more = true;
    int err = 0;
    syslog_begin(syslog);
    syslog->rules.multiport = true;
    syslog->port_header = part_text(source->part, "portHeader");
    syslog->batch_max = (size_t)part_number(source->part, "batchSize");
    syslog->ports = mem_alloc(SYSLOG_PORTS_MAX * sizeof(*syslog->ports));
    for (size_t i = 0; more && !err && i < SYSLOG_PORTS_MAX; i++) {
        long number = syslog_port_number(source->part, i, &more);
        if (more)
            err = syslog_listen(syslog, (uint16_t)number, problem);
    }
    if (err)
        syslog_stop(source);
    return err;
}

static void syslog_tcp_check(const struct part *part, struct buf *problems)
{
    syslog_check(part, problems);
    tls_check(part, problems);
}

static void syslog_multiport_check(const struct part *part, struct buf *problems)
{
    bool more = part_given(part, "ports");
    syslog_tcp_check(part, problems);
    for (size_t i = 0; more; i++)
        if (syslog_port_number(part, i, &more) < 0 && more)
            part_complain(part, "ports", problems, "number %zu of them is no port", i + 1);
        else if (more && i == SYSLOG_PORTS_MAX)
            part_complain(part, "ports", problems, "they are more than %d", SYSLOG_PORTS_MAX);
}

const struct source_type syslog_tcp_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "syslogtcp",
             .class_name = "org.apache.flume.source.SyslogTcpSource",
             .doc = "Lines of syslog over TCP, each an event.",
             .keys = syslog_tcp_keys,
             .check = syslog_tcp_check},
    .size = sizeof(struct syslog_source),
    .start = syslog_tcp_start,
    .stop = syslog_stop,
};

const struct source_type syslog_multiport_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "multiport_syslogtcp",
             .class_name = "org.apache.flume.source.MultiportSyslogTCPSource",
             .doc = "Lines of syslog over TCP at several ports, each an event.",
             .keys = syslog_multiport_keys,
             .check = syslog_multiport_check},
    .size = sizeof(struct syslog_source),
    .batch_key = "batchSize",
    .start = syslog_multiport_start,
    .stop = syslog_stop,
};
