/* The regex_filter interceptor: lets events through, or drops them, by their bodies. */
#include "tools/agent/expression.h"
#include "tools/agent/interceptor.h"
#include "tools/agent/types.h"

struct regex_filter_interceptor {
    struct interceptor interceptor;
    struct expression *expression;
    bool excludes;
};

/* clang-format off */
static const struct key_row regex_filter_keys[] = {
    KEY("regex", ".*", "The expression that is looked for in bodies."),
    KEY_BOOL("excludeEvents", "false", "Whether events that match are dropped, or the others."),
    KEY_END,
};
/* clang-format on */

static struct regex_filter_interceptor *regex_filter_of(struct interceptor *interceptor)
{
    return CONTAINER_OF(interceptor, struct regex_filter_interceptor, interceptor);
}

static void regex_filter_check(const struct part *part, struct buf *problems)
{
    expression_free(expression_new(part, "regex", part_text(part, "regex"), false, problems));
}

static int regex_filter_open(struct interceptor *interceptor, struct buf *problem)
{
    struct regex_filter_interceptor *filter = regex_filter_of(interceptor);
    const struct part *part = interceptor->part;
    filter->expression = expression_new(part, "regex", part_text(part, "regex"), false, problem);
    filter->excludes = part_flag(part, "excludeEvents");
    ASSERT(filter->expression); /* it was checked */
    return 0;
}

static void regex_filter_close(struct interceptor *interceptor)
{
    expression_free(regex_filter_of(interceptor)->expression);
}

static size_t regex_filter_apply(struct interceptor *interceptor, struct event *events,
                                 size_t count)
{
    struct regex_filter_interceptor *filter = regex_filter_of(interceptor);
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        bool matches = expression_finds(filter->expression, events[i].body, events[i].len);
        if (matches == filter->excludes)
            event_unref(&events[i]);
        else
            events[left++] = events[i];
    }
    return left;
}

const struct interceptor_type regex_filter_interceptor_type = {
    .part = {.kind = PART_INTERCEPTOR,
             .name = "regex_filter",
             .class_name = "org.apache.flume.interceptor.RegexFilteringInterceptor",
             .doc = "Drops events by their bodies.",
             .keys = regex_filter_keys,
             .check = regex_filter_check},
    .size = sizeof(struct regex_filter_interceptor),
    .open = regex_filter_open,
    .close = regex_filter_close,
    .apply = regex_filter_apply,
};
