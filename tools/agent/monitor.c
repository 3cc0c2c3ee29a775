/* Counters over HTTP.
 *
 * Happy path: a request is read to its empty line, whatever it asks for below / gets the counters,
 * and the connection is closed. Failure modes: a peer that sends more than MONITOR_REQUEST_MAX, or
 * nothing for MONITOR_IDLE_MS, is closed; more than MONITOR_CONNECTIONS_MAX wait for each other. */
#include "tools/agent/monitor.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

enum { MONITOR_REQUEST_MAX = 8192, MONITOR_CONNECTIONS_MAX = 32, MONITOR_IDLE_MS = 10000 };

struct monitor {
    struct env *env;
    struct logger *logger;
    enum monitor_kind kind;
    struct agent *const *agent;
    struct env_listener *listener;
    struct list connections;
    size_t count;
};

struct monitor_connection {
    struct list link;
    struct monitor *monitor;
    struct env_stream *stream;
    struct env_timer idle;
    char request[MONITOR_REQUEST_MAX + 1];
    size_t len;
    struct buf out;
    size_t sent;
};

/* ---- what is counted ---- */

/* One part, with the writers of its counters. */
struct monitor_page {
    enum monitor_kind kind;
    struct buf *out;
    const char *group; /* "SOURCE" */
    const char *name;
    bool first; /* of the page; and of the part */
    bool first_row;
};

/* "flume_source_event_received_count" */
static void monitor_put_lower(struct buf *out, const char *group, const char *name)
{
    buf_printf(out, "flume_");
    for (const char *c = group; *c; c++)
        buf_printf(out, "%c", tolower((unsigned char)*c));
    for (const char *c = name; *c; c++)
        buf_printf(out, "%s%c", isupper((unsigned char)*c) ? "_" : "", tolower((unsigned char)*c));
}

/* Names of parts are words of a list: what would end the string is no part of one. */
static void monitor_put_name(struct buf *out, const char *name)
{
    for (; *name; name++)
        buf_printf(out, "%s%c", *name == '"' || *name == '\\' ? "\\" : "",
                   (unsigned char)*name < 32 ? '?' : *name);
}

static void monitor_begin(struct monitor_page *page, const char *group, const char *name)
{
    page->group = group;
    page->name = name;
    if (page->kind == MONITOR_JSON) {
        buf_printf(page->out, "%s\"%s.", page->first ? "" : ",", group);
        monitor_put_name(page->out, name);
        buf_printf(page->out, "\":{\"Type\":\"%s\"", group);
    }
    page->first = false;
}

static void monitor_end(struct monitor_page *page)
{
    if (page->kind == MONITOR_JSON)
        buf_printf(page->out, "}");
}

static void monitor_row(struct monitor_page *page, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void monitor_row(struct monitor_page *page, const char *name, const char *format, ...)
{
    va_list args;
    if (page->kind == MONITOR_JSON) {
        buf_printf(page->out, ",\"%s\":\"", name);
    } else {
        monitor_put_lower(page->out, page->group, name);
        buf_printf(page->out, "{name=\"");
        monitor_put_name(page->out, page->name);
        buf_printf(page->out, "\"} ");
    }
    va_start(args, format);
    buf_vprintf(page->out, format, args);
    va_end(args);
    buf_printf(page->out, page->kind == MONITOR_JSON ? "\"" : "\n");
}

struct monitor_number {
    const char *name;
    size_t offset; /* of the int64_t in the counters */
};

#define MONITOR_SOURCE(text, member)                                                               \
    {                                                                                              \
        text, offsetof(struct source_counters, member)                                             \
    }
#define MONITOR_CHANNEL(text, member)                                                              \
    {                                                                                              \
        text, offsetof(struct channel_counters, member)                                            \
    }
#define MONITOR_SINK(text, member)                                                                 \
    {                                                                                              \
        text, offsetof(struct sink_counters, member)                                               \
    }

static const struct monitor_number monitor_source_rows[] = {
    MONITOR_SOURCE("EventReceivedCount", received),
    MONITOR_SOURCE("EventAcceptedCount", accepted),
    MONITOR_SOURCE("AppendReceivedCount", append_received),
    MONITOR_SOURCE("AppendAcceptedCount", append_accepted),
    MONITOR_SOURCE("AppendBatchReceivedCount", batch_received),
    MONITOR_SOURCE("AppendBatchAcceptedCount", batch_accepted),
    MONITOR_SOURCE("EventReadFail", read_fail),
    MONITOR_SOURCE("ChannelWriteFail", channel_fail),
    MONITOR_SOURCE("GenericProcessingFail", generic_fail),
    MONITOR_SOURCE("OpenConnectionCount", connections),
    MONITOR_SOURCE("StartTime", start_ms),
    MONITOR_SOURCE("StopTime", stop_ms),
};

static const struct monitor_number monitor_channel_rows[] = {
    MONITOR_CHANNEL("EventPutAttemptCount", put_attempt),
    MONITOR_CHANNEL("EventPutSuccessCount", put_success),
    MONITOR_CHANNEL("EventTakeAttemptCount", take_attempt),
    MONITOR_CHANNEL("EventTakeSuccessCount", take_success),
    MONITOR_CHANNEL("StartTime", start_ms),
    MONITOR_CHANNEL("StopTime", stop_ms),
};

static const struct monitor_number monitor_sink_rows[] = {
    MONITOR_SINK("EventDrainAttemptCount", drain_attempt),
    MONITOR_SINK("EventDrainSuccessCount", drain_success),
    MONITOR_SINK("BatchEmptyCount", batch_empty),
    MONITOR_SINK("BatchUnderflowCount", batch_underflow),
    MONITOR_SINK("BatchCompleteCount", batch_complete),
    MONITOR_SINK("ConnectionCreatedCount", connection_created),
    MONITOR_SINK("ConnectionClosedCount", connection_closed),
    MONITOR_SINK("ConnectionFailedCount", connection_failed),
    MONITOR_SINK("EventWriteFail", write_fail),
    MONITOR_SINK("ChannelReadFail", read_fail),
    MONITOR_SINK("StartTime", start_ms),
    MONITOR_SINK("StopTime", stop_ms),
};

static void monitor_rows(struct monitor_page *page, const struct monitor_number *rows, size_t count,
                         const void *counters)
{
    for (size_t i = 0; i < count; i++) {
        int64_t number;
        memcpy(&number, (const char *)counters + rows[i].offset, sizeof(number));
        monitor_row(page, rows[i].name, "%" PRId64, number);
    }
}

static void monitor_print_channel(struct monitor_page *page, const struct channel *channel)
{
    size_t count = channel_count(channel), capacity = channel->type->capacity(channel);
    monitor_begin(page, "CHANNEL", channel->part->name);
    monitor_row(page, "ChannelSize", "%zu", count);
    monitor_row(page, "ChannelCapacity", "%zu", capacity);
    monitor_row(page, "ChannelFillPercentage", "%g", 100.0 * (double)count / (double)capacity);
    monitor_rows(page, monitor_channel_rows, ARRAY_LEN(monitor_channel_rows), &channel->counters);
    monitor_end(page);
}

static void monitor_print_parts(struct monitor_page *page, struct agent *agent)
{
    for (size_t i = 0; i < agent->config->sources_count; i++) {
        const struct source *source = agent->sources[i];
        if (!source)
            continue;
        monitor_begin(page, "SOURCE", source->part->name);
        monitor_rows(page, monitor_source_rows, ARRAY_LEN(monitor_source_rows), &source->counters);
        monitor_end(page);
    }
    for (size_t i = 0; i < agent->config->channels_count; i++)
        if (agent->channels[i])
            monitor_print_channel(page, agent->channels[i]);
    for (size_t g = 0; g < agent->groups_count; g++) {
        const struct sink *sink;
        for (size_t i = 0; agent->groups[g] && (sink = sink_group_sink(agent->groups[g], i)); i++) {
            monitor_begin(page, "SINK", sink->part->name);
            monitor_rows(page, monitor_sink_rows, ARRAY_LEN(monitor_sink_rows), &sink->counters);
            monitor_end(page);
        }
    }
}

void monitor_print(enum monitor_kind kind, struct agent *agent, struct buf *out)
{
    struct monitor_page page = {.kind = kind, .out = out, .first = true};
    if (kind == MONITOR_JSON)
        buf_printf(out, "{");
    if (agent)
        monitor_print_parts(&page, agent);
    if (kind == MONITOR_JSON)
        buf_printf(out, "}\n");
}

/* ---- connections ---- */

static void monitor_close(struct monitor_connection *connection)
{
    struct monitor *monitor = connection->monitor;
    env_timer_stop(&connection->idle);
    env_stream_close(connection->stream);
    list_remove(&connection->link);
    buf_close(&connection->out);
    mem_free(connection);
    if (monitor->count-- == MONITOR_CONNECTIONS_MAX)
        env_listener_pause(monitor->listener, false);
}

static void monitor_on_idle(void *data)
{
    monitor_close(data);
}

static void monitor_write(void *data)
{
    struct monitor_connection *connection = data;
    struct env_chunk chunk = {.data = connection->out.data + connection->sent,
                              .len = connection->out.len - connection->sent};
    ssize_t sent = env_stream_write(connection->stream, &chunk, 1);
    if (sent > 0)
        connection->sent += (size_t)sent;
    if (sent < 0 || connection->sent == connection->out.len)
        monitor_close(connection);
}

static void monitor_answer(struct monitor_connection *connection)
{
    struct monitor *monitor = connection->monitor;
    bool get = strncmp(connection->request, "GET ", 4) == 0;
    struct buf body;
    buf_init(&body);
    if (get)
        monitor_print(monitor->kind, *monitor->agent, &body);
    buf_printf(
        &connection->out,
        "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
        get ? "200 OK" : "405 Method Not Allowed",
        monitor->kind == MONITOR_JSON ? "application/json; charset=utf-8"
                                      : "text/plain; version=0.0.4",
        body.len);
    if (body.len > 0)
        buf_put(&connection->out, body.data, body.len);
    buf_close(&body);
    monitor_write(connection);
}

static void monitor_readable(void *data)
{
    struct monitor_connection *connection = data;
    size_t room = MONITOR_REQUEST_MAX - connection->len;
    ssize_t got = env_stream_read(connection->stream, connection->request + connection->len, room);
    if (got == ERR_AGAIN) {
        env_stream_want_read(connection->stream, true);
        return;
    }
    if (got > 0) {
        connection->len += (size_t)got;
        connection->request[connection->len] = '\0';
    }
    if (got > 0 && strstr(connection->request, "\r\n\r\n"))
        monitor_answer(connection);
    else if (got > 0 && connection->len < MONITOR_REQUEST_MAX)
        env_stream_want_read(connection->stream, true);
    else
        monitor_close(connection);
}

static void monitor_accepted(void *data, struct env_stream *stream)
{
    struct monitor *monitor = data;
    struct monitor_connection *connection = mem_alloc(sizeof(*connection));
    connection->monitor = monitor;
    connection->stream = stream;
    buf_init(&connection->out);
    list_push(&monitor->connections, &connection->link);
    if (++monitor->count == MONITOR_CONNECTIONS_MAX)
        env_listener_pause(monitor->listener, true);
    env_timer_init(monitor->env, &connection->idle, monitor_on_idle, connection);
    env_timer_start(&connection->idle, MONITOR_IDLE_MS);
    env_stream_set(stream, monitor_readable, monitor_write, connection);
    env_stream_want_read(stream, true);
}

int monitor_start(struct env *env, struct logger *logger, enum monitor_kind kind, uint16_t port,
                  struct agent *const *agent, struct monitor **out, struct buf *problem)
{
    struct monitor *monitor = mem_alloc(sizeof(*monitor));
    monitor->env = env;
    monitor->logger = logger;
    monitor->kind = kind;
    monitor->agent = agent;
    list_init(&monitor->connections);
    int err = env_listen(env, NULL, port, monitor_accepted, monitor, &monitor->listener);
    if (err) {
        buf_printf(problem, "flume.monitoring.port=%u: can't listen there: %s", port,
                   err_text(err));
        mem_free(monitor);
        return err;
    }
    logger_info(logger, "counters are at http://localhost:%u/metrics",
                env_listener_port(monitor->listener));
    *out = monitor;
    return 0;
}

void monitor_stop(struct monitor *monitor)
{
    LIST_EACH(step, &monitor->connections)
        monitor_close(LIST_ENTRY(step, struct monitor_connection, link));
    env_listener_close(monitor->listener);
    mem_free(monitor);
}
