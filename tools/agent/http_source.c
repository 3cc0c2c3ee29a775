/* The http source: requests whose bodies are events.
 *
 * Happy path: a request is read, its events go to the channels, and the answer is 200; then the
 * next request of the connection is read. Failure modes: 400 for a body that the handler can't
 * read, 503 for channels that can't have the events, 405 for other methods than POST and GET, 413
 * for a body over HTTP_BODY_MAX, and for one over its share of HTTP_BUDGET, 408 for a client that
 * stops in the middle of a request, or drips (peer.h). */
#include <http_parser.h>
#include <string.h>

#include "base/mem.h"
#include "base/state.h"
#include "tools/agent/http_events.h"
#include "tools/agent/peer.h"
#include "tools/agent/tls_keys.h"
#include "tools/agent/types.h"

enum {
    HTTP_READ = 16 * 1024,
    HTTP_URL_MAX = 16 * 1024,
    HTTP_BODY_MAX = 16 << 20, /* which is read in a turn of the loop */
    HTTP_BUDGET = 256 << 20
};

#define HTTP_JSON_CLASS "org.apache.flume.source.http.JSONHandler"
#define HTTP_BLOB_CLASS "org.apache.flume.source.http.BLOBHandler"
/* Flume has two of them; its guide names this one. */
#define HTTP_MORPHLINE_CLASS "org.apache.flume.sink.solr.morphline.BlobHandler"

enum http_state {
    HTTP_READING, /* the next request */
    HTTP_PUTTING, /* its events into the channels */
    HTTP_ANSWERING,
    HTTP_ENDING /* the last answer of the connection */
};

static const struct state_row http_states[] = {
    [HTTP_READING] = {"reading",
                      STATE_BIT(HTTP_PUTTING) | STATE_BIT(HTTP_ANSWERING) | STATE_BIT(HTTP_ENDING)},
    [HTTP_PUTTING] = {"putting", STATE_BIT(HTTP_ANSWERING) | STATE_BIT(HTTP_ENDING)},
    [HTTP_ANSWERING] = {"answering", STATE_BIT(HTTP_READING)},
    [HTTP_ENDING] = {"ending", 0},
};

struct http_source {
    struct source source;
    struct env_listener *listener;
    struct peers peers;
    bool blob;
    size_t body_max;
    const char *mandatory;
    struct mem_budget budget;
    struct rpc_events events; /* scratch */
    struct buf why;
};

struct http_connection {
    struct peer peer;
    struct http_source *http;
    enum http_state state;
    http_parser parser;
    struct batch batch;
    struct buf url, body, out;
    int refused;      /* the status that is answered to a request before it is read; 0 = none */
    bool keeps;       /* the connection, after this request */
    bool expects;     /* the header that is being read is Expect */
    bool begun;       /* a part of the next request is read */
    bool whole;       /* the request is read */
    size_t len, used; /* of `in` */
    char in[HTTP_READ];
};

/* clang-format off */
static const struct key_row http_source_keys[] = {
    KEY("bind", "0.0.0.0", "The address to listen on; 0.0.0.0 is any."),
    KEY_INT("port", KEY_REQUIRED, 0, 65535, "The port to listen on; 0 is a free one."),
    KEY_ONE_OF("handler", HTTP_JSON_CLASS,
               HTTP_JSON_CLASS "|" HTTP_BLOB_CLASS "|" HTTP_MORPHLINE_CLASS,
               "How bodies are read: an array of events in JSON and UTF-8, or one event of all its "
               "bytes."),
    KEY("handler.mandatoryParameters", "",
        "BLOBHandler: the parameters that must be there, separated by commas."),
    KEY_INT("handler.maxBlobLength", "100000000", 1, KEY_MAX_INT,
            "The blob handlers: the longest body; a longer one is refused, as is one over 16 MB."),
    KEY_INT("ServerConnector.idleTimeout", "60000", 1, KEY_MAX_INT,
            "How long a client may stop in the middle of a request, in milliseconds."),
    KEY_BOOL("HttpConfiguration.sendServerVersion", "false",
             "No answer says which server it is from, whatever is said here."),
    KEY("QueuedThreadPool.*", NULL, "Nothing depends on it: one loop serves all connections."),
    KEY_NOT_HERE("HttpConfiguration.*",
                 "the web server here has no settings of its own: leave it out"),
    KEY_NOT_HERE("ServerConnector.*",
                 "the web server here has no settings of its own: leave it out"),
    KEY_NOT_HERE("SecureRequestCustomizer.*", TLS_INSTEAD),
    KEY_NOT_HERE("SslContextFactory.*", TLS_INSTEAD),
    TLS_KEYS("keystore", "keystore-password", "keystore-type"),
    KEY_BOOL("enableSSL", "false", "The older name of ssl."),
    KEY_NOT_HERE("keystorePassword", TLS_INSTEAD),
    KEY_NOT_HERE("excludeProtocols", TLS_INSTEAD),
    KEY_END,
};
/* clang-format on */

static struct http_source *http_of(struct source *source)
{
    return CONTAINER_OF(source, struct http_source, source);
}

static void http_move(struct http_connection *connection, enum http_state to)
{
    STATE_MOVE(http_states, connection->state, to);
    ASSERT(connection->used <= connection->len);
}

static void http_forget_body(struct http_connection *connection)
{
    mem_budget_give(&connection->http->budget, connection->body.cap);
    buf_close(&connection->body);
}

static void http_close(struct http_connection *connection)
{
    batch_close(&connection->batch);
    peer_close(&connection->peer);
    http_forget_body(connection);
    buf_close(&connection->url);
    buf_close(&connection->out);
    mem_free(connection);
}

static void http_close_peer(struct peer *peer)
{
    http_close(CONTAINER_OF(peer, struct http_connection, peer));
}

/* ---- answers ---- */

/* False: the connection is gone. */
static bool http_flush(struct http_connection *connection)
{
    struct buf *out = &connection->out;
    struct env_chunk chunk = {.data = out->data, .len = out->len};
    ssize_t sent = out->len > 0 ? env_stream_write(connection->peer.stream, &chunk, 1) : 0;
    if (sent > 0)
        memmove(out->data, out->data + sent, out->len - (size_t)sent);
    out->len -= sent > 0 ? (size_t)sent : 0;
    if (sent < 0 || (out->len == 0 && connection->state == HTTP_ENDING)) {
        http_close(connection);
        return false;
    }
    if (out->len == 0 && connection->state == HTTP_ANSWERING)
        http_move(connection, HTTP_READING);
    return true;
}

static bool http_answer(struct http_connection *connection, int status, const char *text)
{
    bool keeps = connection->keeps && connection->whole;
    http_forget_body(connection);
    http_move(connection, keeps ? HTTP_ANSWERING : HTTP_ENDING);
    buf_printf(&connection->out, "HTTP/1.1 %d %s\r\n", status,
               http_status_str((enum http_status)status));
    if (*text)
        buf_printf(&connection->out, "Content-Type: text/plain; charset=utf-8\r\n");
    buf_printf(&connection->out, "Content-Length: %zu\r\nConnection: %s\r\n\r\n%s", strlen(text),
               keeps ? "keep-alive" : "close", text);
    return http_flush(connection);
}

/* A full channel is the usual reason. */
static bool http_answer_put(struct http_connection *connection, int status)
{
    if (status == 0)
        return http_answer(connection, HTTP_STATUS_OK, "");
    char *text = mem_printf("Error appending event to channel. Channel might be full. %s\n",
                            err_text(status));
    bool alive = http_answer(connection, HTTP_STATUS_SERVICE_UNAVAILABLE, text);
    mem_free(text);
    return alive;
}

/* ---- requests ---- */

static bool http_put(struct http_connection *connection, struct rpc_events *events)
{
    struct batch *batch = &connection->batch;
    if (events->count == 0)
        return http_answer(connection, HTTP_STATUS_OK, "");
    batch_close(batch);
    batch_init(batch, &connection->http->source, events->count, false, batch->done);
    for (size_t i = 0; i < events->count; i++)
        batch_add(batch, &events->rows[i]);
    events->count = 0; /* the batch has the references */
    http_move(connection, HTTP_PUTTING);
    int status = batch_send(batch);
    return status == TRANSACTION_PENDING || http_answer_put(connection, status);
}

static int http_read_events(struct http_connection *connection)
{
    struct http_source *http = connection->http;
    const struct buf *body = &connection->body;
    const char *query = memchr(connection->url.data, '?', connection->url.len);
    size_t len =
        query ? connection->url.len - (size_t)(query + 1 - (char *)connection->url.data) : 0;
    http->why.len = 0;
    http->events.max = http->source.batch_max;
    if (!http->blob)
        return http_events_json((const char *)body->data, body->len, &http->events, &http->why);
    return http_events_blob(body->data, body->len, query ? query + 1 : "", len, http->mandatory,
                            &http->events, &http->why);
}

/* False: the connection is gone. */
static bool http_request(struct http_connection *connection)
{
    struct http_source *http = connection->http;
    ASSERT(http->events.count == 0);
    if (connection->parser.method != HTTP_POST && connection->parser.method != HTTP_GET)
        return http_answer(connection, HTTP_STATUS_METHOD_NOT_ALLOWED,
                           "POST is what is taken here.\n");
    int err = http_read_events(connection);
    if (!err)
        return http_put(connection, &http->events);
    rpc_events_drop(&http->events);
    http->source.counters.read_fail++;
    if (err != ERR_MALFORMED)
        return http_answer_put(connection, err);
    char *text = mem_printf("Bad request from client. %s\n", buf_text(&http->why));
    bool alive = http_answer(connection, HTTP_STATUS_BAD_REQUEST, text);
    mem_free(text);
    return alive;
}

static int http_on_begin(http_parser *parser)
{
    struct http_connection *connection = parser->data;
    connection->url.len = 0;
    connection->begun = true;
    connection->whole = false;
    return 0;
}

static int http_on_url(http_parser *parser, const char *at, size_t len)
{
    struct http_connection *connection = parser->data;
    if (len > HTTP_URL_MAX - connection->url.len) {
        connection->refused = HTTP_STATUS_URI_TOO_LONG;
        return -1;
    }
    buf_put(&connection->url, at, len);
    return 0;
}

/* The name of a header comes in one piece unless it stands at the end of what was read; then a
 * client waits a second for its 100, and goes on. */
static int http_on_field(http_parser *parser, const char *at, size_t len)
{
    struct http_connection *connection = parser->data;
    connection->expects = len == 6 && strncasecmp(at, "Expect", 6) == 0;
    return 0;
}

static int http_on_value(http_parser *parser, const char *at, size_t len)
{
    struct http_connection *connection = parser->data;
    if (connection->expects && len == 12 && strncasecmp(at, "100-continue", 12) == 0)
        buf_printf(&connection->out, "HTTP/1.1 100 Continue\r\n\r\n");
    return 0;
}

static int http_on_body(http_parser *parser, const char *at, size_t len)
{
    struct http_connection *connection = parser->data;
    struct mem_budget *budget = &connection->http->budget;
    struct buf *body = &connection->body;
    size_t before = body->cap;
    int err =
        len > connection->http->body_max - body->len ? ERR_TOO_LARGE : buf_append(body, at, len);
    if (!err && body->cap > before)
        err = mem_budget_shares(budget, before, body->cap)
                  ? mem_budget_take(budget, body->cap - before)
                  : ERR_NO_MEMORY;
    if (err == ERR_NO_MEMORY && body->cap > before) { /* not paid for, so not to be given back */
        buf_close(body);
        mem_budget_give(budget, before);
    }
    if (err)
        connection->refused = HTTP_STATUS_PAYLOAD_TOO_LARGE;
    return err ? -1 : 0;
}

static int http_on_end(http_parser *parser)
{
    struct http_connection *connection = parser->data;
    connection->begun = false;
    connection->whole = true;
    peer_done(&connection->peer);
    connection->keeps = http_should_keep_alive(parser) != 0;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings http_settings = {
    .on_message_begin = http_on_begin,
    .on_url = http_on_url,
    .on_header_field = http_on_field,
    .on_header_value = http_on_value,
    .on_body = http_on_body,
    .on_message_complete = http_on_end,
};

/* False: the connection is gone. */
static bool http_parse(struct http_connection *connection)
{
    http_parser *parser = &connection->parser;
    size_t left = connection->len - connection->used;
    size_t used =
        http_parser_execute(parser, &http_settings, connection->in + connection->used, left);
    connection->used += used < left ? used : left;
    enum http_errno code = HTTP_PARSER_ERRNO(parser);
    if (code == HPE_PAUSED && connection->whole) {
        http_parser_pause(parser, 0);
        return http_request(connection);
    }
    if (code == HPE_OK && !parser->upgrade)
        return true;
    connection->http->source.counters.read_fail++;
    connection->whole = false;
    return http_answer(connection,
                       connection->refused ? connection->refused : HTTP_STATUS_BAD_REQUEST,
                       connection->refused ? "" : "Bad request from client. This is no HTTP.\n");
}

static void http_go_on(struct http_connection *connection)
{
    while (connection->state == HTTP_READING && connection->used < connection->len)
        if (!http_parse(connection))
            return;
    if (connection->state == HTTP_READING && !http_flush(connection)) /* 100 Continue */
        return;
    peer_want(&connection->peer, connection->state == HTTP_READING, connection->begun);
}

static void http_slow(struct peer *peer)
{
    struct http_connection *connection = CONTAINER_OF(peer, struct http_connection, peer);
    ASSERT(connection->state == HTTP_READING);
    ASSERT(!connection->whole);
    connection->http->source.counters.read_fail++;
    peer_say(peer, "it stopped in the middle of a request, or sends it too slowly");
    if (http_answer(connection, HTTP_STATUS_REQUEST_TIMEOUT,
                    "The request stopped in its middle.\n"))
        http_go_on(connection);
}

static void http_batch_done(struct batch *batch, int status)
{
    struct http_connection *connection = CONTAINER_OF(batch, struct http_connection, batch);
    ASSERT(connection->state == HTTP_PUTTING);
    if (http_answer_put(connection, status))
        http_go_on(connection);
}

/* ---- connections ---- */

static void http_readable(void *data)
{
    struct http_connection *connection = data;
    ASSERT(connection->used == connection->len);
    ssize_t got = peer_read(&connection->peer, connection->in, sizeof(connection->in));
    if (got < 0 && got != ERR_AGAIN) {
        http_close(connection);
        return;
    }
    connection->used = 0;
    connection->len = got > 0 ? (size_t)got : 0;
    http_go_on(connection);
}

static void http_writable(void *data)
{
    struct http_connection *connection = data;
    if (http_flush(connection))
        http_go_on(connection);
}

static void http_accepted(void *data, struct env_stream *stream)
{
    struct http_source *http = data;
    if (!peers_admit(&http->peers, stream))
        return;
    struct http_connection *connection = mem_alloc(sizeof(*connection));
    connection->http = http;
    connection->batch.done = http_batch_done;
    http_parser_init(&connection->parser, HTTP_REQUEST);
    connection->parser.data = connection;
    buf_init(&connection->url);
    buf_init(&connection->body);
    buf_init(&connection->out);
    peer_open(&connection->peer, &http->peers, stream, http_readable, http_writable, connection);
}

static int http_start(struct source *source, struct buf *problem)
{
    struct http_source *http = http_of(source);
    peers_init(&http->peers, source, http_close_peer, http_slow);
    mem_budget_init(&http->budget, HTTP_BUDGET);
    buf_init(&http->why);
    http->blob = !part_is(source->part, "handler", HTTP_JSON_CLASS);
    int64_t most = part_number(source->part, "handler.maxBlobLength");
    http->body_max = http->blob && most < HTTP_BODY_MAX ? (size_t)most : HTTP_BODY_MAX;
    source->idle_ms = part_number(source->part, "ServerConnector.idleTimeout");
    http->mandatory = part_text(source->part, "handler.mandatoryParameters");
    return source_listen(source, part_text(source->part, "bind"),
                         (uint16_t)part_number(source->part, "port"), http_accepted, http,
                         &http->listener, problem);
}

static void http_stop(struct source *source)
{
    struct http_source *http = http_of(source);
    peers_close(&http->peers);
    ASSERT(http->budget.used == 0);
    env_listener_close(http->listener);
    mem_free(http->events.rows);
    buf_close(&http->why);
}

static void http_check(const struct part *part, struct buf *problems)
{
    tls_check(part, problems);
    if (part_flag(part, "enableSSL"))
        part_complain(part, "enableSSL", problems, "%s", TLS_INSTEAD);
    if (part_given(part, "handler.mandatoryParameters") &&
        !part_is(part, "handler", HTTP_BLOB_CLASS))
        part_complain(part, "handler.mandatoryParameters", problems, "it is a key of BLOBHandler");
}

const struct source_type http_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "http",
             .class_name = "org.apache.flume.source.http.HTTPSource",
             .doc = "Events in the bodies of HTTP requests.",
             .keys = http_source_keys,
             .check = http_check},
    .size = sizeof(struct http_source),
    .start = http_start,
    .stop = http_stop,
};
