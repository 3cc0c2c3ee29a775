/* The remove_header interceptor: takes headers away, by their names. Events of a batch that share
 * their headers share what is left of them. */
#include <string.h>

#include "tools/agent/expression.h"
#include "tools/agent/interceptor.h"
#include "tools/agent/types.h"

struct remove_header_interceptor {
    struct interceptor interceptor;
    struct expression *matching, *separator;
};

/* clang-format off */
static const struct key_row remove_header_keys[] = {
    KEY("withName", NULL, "The name of a header to remove."),
    KEY("fromList", NULL, "Names of headers to remove."),
    KEY("fromListSeparator", "\\s*,\\s*", "The expression between two names of fromList."),
    KEY("matching", NULL, "An expression: headers whose whole names match are removed."),
    KEY_END,
};
/* clang-format on */

static struct remove_header_interceptor *remove_header_of(struct interceptor *interceptor)
{
    return CONTAINER_OF(interceptor, struct remove_header_interceptor, interceptor);
}

static void remove_header_compile(const struct part *part, struct expression **matching,
                                  struct expression **separator, struct buf *problems)
{
    const char *text = part_text(part, "matching");
    *matching = text ? expression_new(part, "matching", text, true, problems) : NULL;
    *separator = expression_new(part, "fromListSeparator", part_text(part, "fromListSeparator"),
                                false, problems);
}

static void remove_header_check(const struct part *part, struct buf *problems)
{
    struct expression *matching, *separator;
    remove_header_compile(part, &matching, &separator, problems);
    expression_free(matching);
    expression_free(separator);
}

static int remove_header_open(struct interceptor *interceptor, struct buf *problem)
{
    struct remove_header_interceptor *remover = remove_header_of(interceptor);
    remove_header_compile(interceptor->part, &remover->matching, &remover->separator, problem);
    ASSERT(remover->separator); /* it was checked */
    return 0;
}

static void remove_header_close(struct interceptor *interceptor)
{
    expression_free(remove_header_of(interceptor)->matching);
    expression_free(remove_header_of(interceptor)->separator);
}

static bool remove_header_is_listed(const struct remove_header_interceptor *remover,
                                    const struct header *header)
{
    const char *list = part_text(remover->interceptor.part, "fromList");
    while (list && *list) {
        const size_t *ends;
        size_t left = strlen(list), name = left, next = left;
        if (expression_groups(remover->separator, list, left, 0, &ends) > 0 && ends[1] > 0) {
            name = ends[0];
            next = ends[1];
        }
        if (name == header->name_len && memcmp(list, header->name, name) == 0)
            return true;
        list += next;
    }
    return false;
}

static bool remove_header_is_gone(const void *data, const struct header *header)
{
    const struct remove_header_interceptor *remover = data;
    const char *name = part_text(remover->interceptor.part, "withName");
    return (name && strcmp(name, header->name) == 0) ||
           (remover->matching &&
            expression_finds(remover->matching, header->name, header->name_len)) ||
           remove_header_is_listed(remover, header);
}

static size_t remove_header_apply(struct interceptor *interceptor, struct event *events,
                                  size_t count)
{
    struct headers *from = NULL, *to = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!events[i].headers)
            continue;
        if (events[i].headers != from) {
            headers_unref(from);
            headers_unref(to);
            from = headers_ref(events[i].headers);
            to = headers_filter(from, remove_header_is_gone, remove_header_of(interceptor));
        }
        event_take_headers(&events[i], headers_ref(to));
    }
    headers_unref(from);
    headers_unref(to);
    return count;
}

const struct interceptor_type remove_header_interceptor_type = {
    .part = {.kind = PART_INTERCEPTOR,
             .name = "remove_header",
             .class_name = "org.apache.flume.interceptor.RemoveHeaderInterceptor",
             .doc = "Takes headers away.",
             .keys = remove_header_keys,
             .check = remove_header_check},
    .size = sizeof(struct remove_header_interceptor),
    .open = remove_header_open,
    .close = remove_header_close,
    .apply = remove_header_apply,
};
