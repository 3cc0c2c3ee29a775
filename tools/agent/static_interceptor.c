/* The static interceptor: one header with a fixed value on every event. */
#include "tools/agent/interceptor.h"
#include "tools/agent/types.h"

struct static_interceptor {
    struct interceptor interceptor;
    struct header_setter setter;
    const char *name, *value;
    bool preserve;
};

/* clang-format off */
static const struct key_row static_keys[] = {
    KEY("key", "key", "The name of the header."),
    KEY("value", "value", "Its value."),
    KEY_BOOL("preserveExisting", "true", "Whether a header of that name stays as it is."),
    KEY_END,
};
/* clang-format on */

static struct static_interceptor *static_of(struct interceptor *interceptor)
{
    return CONTAINER_OF(interceptor, struct static_interceptor, interceptor);
}

static int static_open(struct interceptor *interceptor, struct buf *problem)
{
    struct static_interceptor *fixed = static_of(interceptor);
    (void)problem;
    fixed->name = part_text(interceptor->part, "key");
    fixed->value = part_text(interceptor->part, "value");
    fixed->preserve = part_flag(interceptor->part, "preserveExisting");
    return 0;
}

static void static_close(struct interceptor *interceptor)
{
    header_setter_close(&static_of(interceptor)->setter);
}

static size_t static_apply(struct interceptor *interceptor, struct event *events, size_t count)
{
    struct static_interceptor *fixed = static_of(interceptor);
    for (size_t i = 0; i < count; i++)
        header_setter_set(&fixed->setter, &events[i], fixed->name, fixed->value, fixed->preserve);
    return count;
}

const struct interceptor_type static_interceptor_type = {
    .part = {.kind = PART_INTERCEPTOR,
             .name = "static",
             .class_name = "org.apache.flume.interceptor.StaticInterceptor",
             .doc = "Adds one header with a fixed value to every event.",
             .keys = static_keys},
    .size = sizeof(struct static_interceptor),
    .open = static_open,
    .close = static_close,
    .apply = static_apply,
};
