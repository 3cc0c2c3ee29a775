/* The uuid interceptor: an id of its own for each event, in a header. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tools/agent/interceptor.h"
#include "tools/agent/types.h"

enum { UUID_BYTES = 16, UUID_TEXT = 37 };

/* clang-format off */
static const struct key_row uuid_keys[] = {
    KEY("headerName", "id", "The name of the header."),
    KEY_BOOL("preserveExisting", "true", "Whether a header of that name stays as it is."),
    KEY("prefix", "", "Stands in front of each id."),
    KEY_END,
};
/* clang-format on */

/* RFC 4122, version 4. */
static void uuid_make(struct env *env, char text[UUID_TEXT])
{
    uint8_t bytes[UUID_BYTES];
    char *to = text;
    env_random_bytes(env, bytes, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    for (int i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        to += snprintf(to, 3, "%02x", bytes[i]);
    }
}

static size_t uuid_apply(struct interceptor *interceptor, struct event *events, size_t count)
{
    const char *name = part_text(interceptor->part, "headerName");
    const char *prefix = part_text(interceptor->part, "prefix");
    bool preserve = part_flag(interceptor->part, "preserveExisting");
    char id[UUID_TEXT];
    for (size_t i = 0; i < count; i++) {
        if (preserve && headers_find(events[i].headers, name))
            continue;
        uuid_make(interceptor->env, id);
        char *value = mem_printf("%s%s", prefix, id);
        event_take_headers(&events[i], headers_set(events[i].headers, name, value, strlen(value)));
        mem_free(value);
    }
    return count;
}

const struct interceptor_type uuid_interceptor_type = {
    .part = {.kind = PART_INTERCEPTOR,
             .name = "uuid",
             .class_name = "org.apache.flume.sink.solr.morphline.UUIDInterceptor",
             .doc = "Adds an id of its own to each event.",
             .keys = uuid_keys},
    .size = sizeof(struct interceptor),
    .apply = uuid_apply,
};
