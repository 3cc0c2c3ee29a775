/* The logger sink: a line of the log for each event, with its headers and the first bytes of its
 * body, as hexadecimal numbers and as text. For looking at a flow. */
#include <string.h>

#include "tools/agent/sink.h"
#include "tools/agent/types.h"

enum { LOGGER_SINK_HEX_MIN = 48 }; /* so that the texts of short bodies stand below each other */

struct logger_sink {
    struct sink sink;
    size_t bytes;
    struct buf line;
};

/* clang-format off */
static const struct key_row logger_sink_keys[] = {
    KEY_INT("maxBytesToLog", "16", 0, 1 << 20, "How many bytes of a body are shown."),
    KEY_END,
};
/* clang-format on */

static struct logger_sink *logger_sink_of(struct sink *sink)
{
    return CONTAINER_OF(sink, struct logger_sink, sink);
}

static int logger_sink_start(struct sink *sink, struct buf *problem)
{
    struct logger_sink *logger = logger_sink_of(sink);
    (void)problem;
    logger->bytes = (size_t)part_number(sink->part, "maxBytesToLog");
    buf_init(&logger->line);
    return 0;
}

static void logger_sink_stop(struct sink *sink)
{
    buf_close(&logger_sink_of(sink)->line);
}

static void logger_sink_show(struct logger_sink *logger, const struct event *event)
{
    struct buf *line = &logger->line;
    size_t len = event->len < logger->bytes ? event->len : logger->bytes;
    line->len = 0;
    buf_printf(line, "Event: { headers:{");
    for (size_t i = 0; event->headers && i < event->headers->count; i++)
        buf_printf(line, "%s%s=%s", i ? ", " : "", event->headers->rows[i].name,
                   event->headers->rows[i].value);
    buf_printf(line, "} body: ");
    for (size_t i = 0; i < len; i++)
        buf_printf(line, "%02X ", event->body[i]);
    for (size_t i = len * 3; i < LOGGER_SINK_HEX_MIN; i++)
        buf_printf(line, " ");
    for (size_t i = 0; i < len; i++)
        buf_printf(line, "%c", event->body[i] >= 32 && event->body[i] < 127 ? event->body[i] : '.');
    buf_printf(line, " }");
    logger_info(&logger->sink.logger, "%s", buf_text(line));
}

static int logger_sink_deliver(struct sink *sink, struct take *take)
{
    struct logger_sink *logger = logger_sink_of(sink);
    for (size_t i = 0; i < take->count; i++)
        logger_sink_show(logger, &take->events[i]);
    return 0;
}

const struct sink_type logger_sink_type = {
    .part = {.kind = PART_SINK,
             .name = "logger",
             .class_name = "org.apache.flume.sink.LoggerSink",
             .doc = "A line of the log for each event.",
             .keys = logger_sink_keys},
    .size = sizeof(struct logger_sink),
    .depth = 1,
    .start = logger_sink_start,
    .stop = logger_sink_stop,
    .deliver = logger_sink_deliver,
};
