/* The http sink: the body of each event is POSTed to a web server.
 *
 * Happy path: one event is under way, on a connection that is kept; its answer says by its status
 * whether the event is delivered. Failure modes: a status that the configuration does not pass (all
 * of them, unless it says otherwise, as in Flume), a connection that breaks, no answer in time: the
 * event goes back into the channel, and comes again. */
#include <http_parser.h>
#include <string.h>

#include "base/mem.h"
#include "base/state.h"
#include "tools/agent/sink.h"
#include "tools/agent/tls_keys.h"
#include "tools/agent/types.h"

enum { HTTP_SINK_READ = 16 * 1024, HTTP_SINK_PORT = 80 };

enum http_sink_state {
    HTTP_SINK_IDLE, /* nothing to do; there may be a connection */
    HTTP_SINK_DIALING,
    HTTP_SINK_CALLING /* the request is on its way, or its answer */
};

static const struct state_row http_sink_states[] = {
    [HTTP_SINK_IDLE] = {"idle", STATE_BIT(HTTP_SINK_DIALING) | STATE_BIT(HTTP_SINK_CALLING)},
    [HTTP_SINK_DIALING] = {"dialing", STATE_BIT(HTTP_SINK_CALLING) | STATE_BIT(HTTP_SINK_IDLE)},
    [HTTP_SINK_CALLING] = {"calling", STATE_BIT(HTTP_SINK_IDLE)},
};

struct http_sink {
    struct sink sink;
    enum http_sink_state state;
    const char *endpoint;
    char *host, *path;
    uint16_t port;
    struct env_connect *dial;
    struct env_stream *stream; /* NULL = there is none */
    struct env_timer limit;
    struct take *take; /* that is under way */
    struct buf head;
    size_t written; /* of head and body together */
    http_parser parser;
    bool whole; /* the answer is read */
};

/* clang-format off */
static const struct key_row http_sink_keys[] = {
    KEY("endpoint", KEY_REQUIRED, "Where to: http://host:port/path."),
    KEY_INT("connectTimeout", "5000", 1, KEY_MAX_INT,
            "How long connecting may take, in milliseconds."),
    KEY_INT("requestTimeout", "5000", 1, KEY_MAX_INT,
            "How long an answer may take, in milliseconds."),
    KEY("contentTypeHeader", "text/plain", "The request's header Content-Type."),
    KEY("acceptHeader", "text/plain", "The request's header Accept."),
    KEY_BOOL("defaultRollback", "true", "Whether an event stays in the channel, to be sent again, "
             "after a status that no rollback.* is for; true is for 200, too, as in Flume."),
    KEY_BOOL("rollback.*", NULL, "The same for one status (200) or for a hundred (2XX)."),
    KEY_BOOL("defaultBackoff", "true",
             "Nothing depends on it: after a rollback the sink waits, after a success not."),
    KEY_BOOL("backoff.*", NULL, "Nothing depends on it, see defaultBackoff."),
    KEY_BOOL("defaultIncrementMetrics", "false",
             "Nothing depends on it: what is delivered is counted."),
    KEY_BOOL("incrementMetrics.*", NULL, "Nothing depends on it: what is delivered is counted."),
    KEY_END,
};
/* clang-format on */

static struct http_sink *http_sink_of(struct sink *sink)
{
    return CONTAINER_OF(sink, struct http_sink, sink);
}

static void http_sink_move(struct http_sink *http, enum http_sink_state to)
{
    STATE_MOVE(http_sink_states, http->state, to);
    ASSERT((http->state == HTTP_SINK_DIALING) == (http->dial != NULL));
    ASSERT(http->state != HTTP_SINK_CALLING || http->stream);
}

static void http_sink_disconnect(struct http_sink *http)
{
    if (!http->stream)
        return;
    env_stream_close(http->stream);
    http->stream = NULL;
    http->sink.counters.connection_closed++;
}

static void http_sink_end(struct http_sink *http, int status)
{
    struct take *take = http->take;
    ASSERT(take);
    env_timer_stop(&http->limit);
    http->take = NULL;
    http_sink_move(http, HTTP_SINK_IDLE);
    sink_done(&http->sink, take, status);
}

static void http_sink_fail(struct http_sink *http, int err, const char *why)
{
    logger_warn(&http->sink.logger, "can't send to %s: %s", http->endpoint,
                why ? why : err_text(err));
    http_sink_disconnect(http);
    http_sink_end(http, err);
}

static void http_sink_on_limit(void *data)
{
    http_sink_fail(data, ERR_TIMED_OUT, "it does not answer within requestTimeout");
}

/* ---- the answer ---- */

static bool http_sink_rolls_back(const struct http_sink *http, unsigned status)
{
    const struct part *part = http->sink.part;
    const char *value = part_textf(part, "rollback.%u", status);
    if (!value)
        value = part_textf(part, "rollback.%uXX", status / 100);
    return value ? strcasecmp(value, "true") == 0 : part_flag(part, "defaultRollback");
}

static void http_sink_answered(struct http_sink *http)
{
    unsigned status = http->parser.status_code;
    if (!http_should_keep_alive(&http->parser))
        http_sink_disconnect(http);
    if (!http_sink_rolls_back(http, status)) {
        http_sink_end(http, 0);
        return;
    }
    logger_info(&http->sink.logger, "%s answers %u: the event is sent again", http->endpoint,
                status);
    http_sink_end(http, ERR_INVALID);
}

static int http_sink_on_end(http_parser *parser)
{
    struct http_sink *http = parser->data;
    http->whole = parser->status_code >= 200; /* 100 Continue is none */
    if (http->whole)
        http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings http_sink_settings = {.on_message_complete = http_sink_on_end};

static void http_sink_readable(void *data)
{
    struct http_sink *http = data;
    char in[HTTP_SINK_READ];
    ssize_t got = env_stream_read(http->stream, in, sizeof(in));
    if (http->state != HTTP_SINK_CALLING) { /* the end of a connection that was kept */
        http_sink_disconnect(http);
        return;
    }
    if (got < 0 && got != ERR_AGAIN && got != ERR_EOF) {
        http_sink_fail(http, (int)got, NULL);
        return;
    }
    if (got != ERR_AGAIN) {
        http_parser_execute(&http->parser, &http_sink_settings, in, got > 0 ? (size_t)got : 0);
        enum http_errno code = HTTP_PARSER_ERRNO(&http->parser);
        if (http->whole) {
            env_stream_want_read(http->stream, true);
            http_sink_answered(http);
            return;
        }
        if (code != HPE_OK || got == ERR_EOF) {
            http_sink_fail(http, got == ERR_EOF ? ERR_EOF : ERR_MALFORMED,
                           got == ERR_EOF ? NULL : "what it answers is no HTTP");
            return;
        }
    }
    env_stream_want_read(http->stream, true);
}

/* ---- the request ---- */

static void http_sink_write(struct http_sink *http)
{
    const struct event *event = &http->take->events[0];
    struct env_chunk chunks[2];
    size_t count = 0, head = http->written < http->head.len ? http->head.len - http->written : 0;
    size_t body =
        event->len - (http->written > http->head.len ? http->written - http->head.len : 0);
    if (head > 0)
        chunks[count++] = (struct env_chunk){.data = http->head.data + http->written, .len = head};
    if (body > 0)
        chunks[count++] = (struct env_chunk){.data = event->body + event->len - body, .len = body};
    ssize_t sent = count > 0 ? env_stream_write(http->stream, chunks, count) : 0;
    if (sent < 0)
        http->written = http->head.len + event->len; /* what it read says why */
    else
        http->written += (size_t)sent;
    ASSERT(http->written <= http->head.len + event->len);
}

static void http_sink_writable(void *data)
{
    struct http_sink *http = data;
    if (http->state == HTTP_SINK_CALLING)
        http_sink_write(http);
}

static void http_sink_call(struct http_sink *http)
{
    const struct part *part = http->sink.part;
    http->head.len = 0;
    http->written = 0;
    http->whole = false;
    buf_printf(&http->head,
               "POST %s HTTP/1.1\r\nHost: %s:%u\r\nContent-Type: %s\r\nAccept: %s\r\n"
               "Content-Length: %u\r\n\r\n",
               http->path, http->host, http->port, part_text(part, "contentTypeHeader"),
               part_text(part, "acceptHeader"), http->take->events[0].len);
    http_parser_init(&http->parser, HTTP_RESPONSE);
    http->parser.data = http;
    env_timer_start(&http->limit, part_number(part, "requestTimeout"));
    http_sink_write(http);
}

static void http_sink_connected(void *data, int status, struct env_stream *stream)
{
    struct http_sink *http = data;
    http->dial = NULL;
    if (status) {
        http->sink.counters.connection_failed++;
        http_sink_fail(http, status, NULL);
        return;
    }
    http->sink.counters.connection_created++;
    http->stream = stream;
    env_stream_set(stream, http_sink_readable, http_sink_writable, http);
    env_stream_want_read(stream, true);
    http_sink_move(http, HTTP_SINK_CALLING);
    http_sink_call(http);
}

static int http_sink_deliver(struct sink *sink, struct take *take)
{
    struct http_sink *http = http_sink_of(sink);
    ASSERT(take->count == 1);
    ASSERT(http->state == HTTP_SINK_IDLE);
    if (take->events[0].len == 0) {
        logger_warn(&sink->logger, "an event without a body is passed over");
        return 0;
    }
    if (http->stream) {
        http->take = take;
        http_sink_move(http, HTTP_SINK_CALLING);
        http_sink_call(http);
        return TRANSACTION_PENDING;
    }
    int err =
        env_connect(sink->env, http->host, http->port, part_number(sink->part, "connectTimeout"),
                    http_sink_connected, http, &http->dial);
    if (err) {
        http->dial = NULL;
        logger_warn(&sink->logger, "can't send to %s: %s", http->endpoint, err_text(err));
        return err;
    }
    http->take = take;
    http_sink_move(http, HTTP_SINK_DIALING);
    return TRANSACTION_PENDING;
}

/* ---- starting and stopping ---- */

static bool http_sink_parse(const char *endpoint, struct http_parser_url *url)
{
    http_parser_url_init(url);
    return strncasecmp(endpoint, "http://", 7) == 0 &&
           http_parser_parse_url(endpoint, strlen(endpoint), 0, url) == 0 &&
           url->field_data[UF_HOST].len > 0;
}

static void http_sink_check(const struct part *part, struct buf *problems)
{
    struct http_parser_url url;
    const char *endpoint = part_text(part, "endpoint");
    if (endpoint && strncasecmp(endpoint, "https://", 8) == 0)
        part_complain(part, "endpoint", problems, "%s", TLS_INSTEAD);
    else if (endpoint && !http_sink_parse(endpoint, &url))
        part_complain(part, "endpoint", problems, "\"%s\" is not of the form http://host:port/path",
                      endpoint);
}

static int http_sink_start(struct sink *sink, struct buf *problem)
{
    struct http_sink *http = http_sink_of(sink);
    struct http_parser_url url;
    (void)problem;
    http->endpoint = part_text(sink->part, "endpoint");
    bool parsed = http_sink_parse(http->endpoint, &url);
    ASSERT(parsed); /* http_sink_check has seen it */
    sink->batch_size = 1;
    http->host =
        mem_strndup(http->endpoint + url.field_data[UF_HOST].off, url.field_data[UF_HOST].len);
    http->port = url.port ? url.port : HTTP_SINK_PORT;
    /* Path and query; nothing of it is "/". */
    size_t at = url.field_data[UF_HOST].off + url.field_data[UF_HOST].len;
    at += strcspn(http->endpoint + at, "/?#");
    size_t len = strcspn(http->endpoint + at, "#");
    http->path =
        mem_printf("%s%.*s", http->endpoint[at] == '/' ? "" : "/", (int)len, http->endpoint + at);
    buf_init(&http->head);
    env_timer_init(sink->env, &http->limit, http_sink_on_limit, http);
    return 0;
}

static void http_sink_stop(struct sink *sink)
{
    struct http_sink *http = http_sink_of(sink);
    if (http->dial)
        env_connect_cancel(http->dial);
    http_sink_disconnect(http);
    env_timer_stop(&http->limit);
    buf_close(&http->head);
    mem_free(http->host);
    mem_free(http->path);
}

const struct sink_type http_sink_type = {
    .part = {.kind = PART_SINK,
             .name = "http",
             .class_name = "org.apache.flume.sink.http.HttpSink",
             .doc = "The body of each event is sent to a web server by POST.",
             .keys = http_sink_keys,
             .check = http_sink_check},
    .size = sizeof(struct http_sink),
    .depth = 1,
    .start = http_sink_start,
    .stop = http_sink_stop,
    .deliver = http_sink_deliver,
};
