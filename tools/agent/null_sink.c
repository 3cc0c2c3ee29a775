/* The null sink: events end here. For measuring what is in front of it. */
#include <inttypes.h>

#include "base/plural.h"
#include "tools/agent/sink.h"
#include "tools/agent/types.h"

struct null_sink {
    struct sink sink;
    int64_t every, seen;
};

/* clang-format off */
static const struct key_row null_keys[] = {
    KEY_INT("batchSize", "100", 1, KEY_MAX_INT, "The most events of one take."),
    KEY_INT("logEveryNEvents", "10000", 1, KEY_MAX_LONG,
            "After how many events there is a line of the log, with their number."),
    KEY_END,
};
/* clang-format on */

static struct null_sink *null_of(struct sink *sink)
{
    return CONTAINER_OF(sink, struct null_sink, sink);
}

static int null_start(struct sink *sink, struct buf *problem)
{
    (void)problem;
    null_of(sink)->every = part_number(sink->part, "logEveryNEvents");
    return 0;
}

static void null_stop(struct sink *sink)
{
    int64_t seen = null_of(sink)->seen;
    logger_info(&sink->logger, "%" PRId64 " %s ended here", seen, plural(seen, "event", "events"));
}

static int null_deliver(struct sink *sink, struct take *take)
{
    struct null_sink *null = null_of(sink);
    int64_t before = null->seen / null->every;
    null->seen += (int64_t)take->count;
    if (null->seen / null->every > before)
        logger_info(&sink->logger, "%" PRId64 " %s ended here", null->seen,
                    plural(null->seen, "event", "events"));
    return 0;
}

const struct sink_type null_sink_type = {
    .part = {.kind = PART_SINK,
             .name = "null",
             .class_name = "org.apache.flume.sink.NullSink",
             .doc = "Events end here.",
             .keys = null_keys},
    .size = sizeof(struct null_sink),
    .batch_key = "batchSize",
    .depth = 1,
    .start = null_start,
    .stop = null_stop,
    .deliver = null_deliver,
};
