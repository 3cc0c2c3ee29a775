/* The timestamp interceptor: when an event came through, in a header. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/agent/interceptor.h"
#include "tools/agent/types.h"

struct timestamp_interceptor {
    struct interceptor interceptor;
    struct header_setter setter;
};

/* clang-format off */
static const struct key_row timestamp_keys[] = {
    KEY("headerName", "timestamp", "The name of the header."),
    KEY_BOOL("preserveExisting", "false", "Whether a header of that name stays as it is."),
    KEY_END,
};
/* clang-format on */

static struct timestamp_interceptor *timestamp_of(struct interceptor *interceptor)
{
    return CONTAINER_OF(interceptor, struct timestamp_interceptor, interceptor);
}

static void timestamp_close(struct interceptor *interceptor)
{
    header_setter_close(&timestamp_of(interceptor)->setter);
}

static size_t timestamp_apply(struct interceptor *interceptor, struct event *events, size_t count)
{
    const char *name = part_text(interceptor->part, "headerName");
    bool preserve = part_flag(interceptor->part, "preserveExisting");
    char now[32];
    snprintf(now, sizeof(now), "%" PRId64, env_wall_ms(interceptor->env));
    for (size_t i = 0; i < count; i++)
        header_setter_set(&timestamp_of(interceptor)->setter, &events[i], name, now, preserve);
    return count;
}

const struct interceptor_type timestamp_interceptor_type = {
    .part = {.kind = PART_INTERCEPTOR,
             .name = "timestamp",
             .class_name = "org.apache.flume.interceptor.TimestampInterceptor",
             .doc = "Adds the time, in milliseconds since 1970.",
             .keys = timestamp_keys},
    .size = sizeof(struct timestamp_interceptor),
    .close = timestamp_close,
    .apply = timestamp_apply,
};
