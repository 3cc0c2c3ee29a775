/* The search_replace interceptor: replaces what an expression finds in bodies.
 *
 * Happy path: a body without a match stays where it is; another one is written into a block of its
 * own. $1 in the replacement stands for the first group, a backslash makes a letter plain. */
#include <string.h>

#include "tools/agent/expression.h"
#include "tools/agent/interceptor.h"
#include "tools/agent/types.h"

struct search_replace_interceptor {
    struct interceptor interceptor;
    struct expression *expression;
    struct buf out;
};

/* clang-format off */
static const struct key_row search_replace_keys[] = {
    KEY("searchPattern", KEY_REQUIRED, "The expression that is looked for in bodies."),
    KEY("replaceString", "", "What stands in its place; $1 is its first group."),
    KEY("charset", "UTF-8", "Bodies are matched as the bytes that they are."),
    KEY_END,
};
/* clang-format on */

static struct search_replace_interceptor *search_replace_of(struct interceptor *interceptor)
{
    return CONTAINER_OF(interceptor, struct search_replace_interceptor, interceptor);
}

static void search_replace_check(const struct part *part, struct buf *problems)
{
    expression_free(
        expression_new(part, "searchPattern", part_text(part, "searchPattern"), false, problems));
}

static int search_replace_open(struct interceptor *interceptor, struct buf *problem)
{
    struct search_replace_interceptor *replacer = search_replace_of(interceptor);
    const struct part *part = interceptor->part;
    replacer->expression =
        expression_new(part, "searchPattern", part_text(part, "searchPattern"), false, problem);
    ASSERT(replacer->expression); /* it was checked */
    buf_init(&replacer->out);
    return 0;
}

static void search_replace_close(struct interceptor *interceptor)
{
    expression_free(search_replace_of(interceptor)->expression);
    buf_close(&search_replace_of(interceptor)->out);
}

static void search_replace_put(struct search_replace_interceptor *replacer, const uint8_t *body,
                               const size_t *ends, size_t groups)
{
    const char *at = part_text(replacer->interceptor.part, "replaceString");
    for (; *at; at++) {
        size_t group = (size_t)(at[1] - '0');
        if (*at == '$' && at[1] >= '0' && at[1] <= '9') {
            if (group < groups && ends[2 * group] != SIZE_MAX)
                buf_put(&replacer->out, body + ends[2 * group],
                        ends[2 * group + 1] - ends[2 * group]);
            at++;
            continue;
        }
        if (*at == '\\' && at[1])
            at++;
        buf_put(&replacer->out, at, 1);
    }
}

/* False: nothing was found. */
static bool search_replace_write(struct search_replace_interceptor *replacer,
                                 const struct event *event)
{
    const size_t *ends;
    size_t copied = 0, from = 0, groups;
    replacer->out.len = 0;
    while (from <= event->len && (groups = expression_groups(replacer->expression, event->body,
                                                             event->len, from, &ends)) > 0) {
        buf_put(&replacer->out, event->body + copied, ends[0] - copied);
        search_replace_put(replacer, event->body, ends, groups);
        copied = ends[1];
        from = ends[1] > ends[0] ? ends[1] : ends[1] + 1; /* an empty match moves on by a letter */
    }
    if (from == 0)
        return false;
    buf_put(&replacer->out, event->body + copied, event->len - copied);
    return true;
}

static size_t search_replace_apply(struct interceptor *interceptor, struct event *events,
                                   size_t count)
{
    struct search_replace_interceptor *replacer = search_replace_of(interceptor);
    for (size_t i = 0; i < count; i++) {
        if (!search_replace_write(replacer, &events[i]))
            continue;
        struct block *block = block_new(replacer->out.len);
        ASSERT(block); /* of the size of a body, which memory had room for twice already */
        if (replacer->out.len > 0)
            memcpy(block->data, replacer->out.data, replacer->out.len);
        block_unref(events[i].block);
        events[i].block = block;
        events[i].body = block->data;
        events[i].len = (uint32_t)replacer->out.len;
    }
    return count;
}

const struct interceptor_type search_replace_interceptor_type = {
    .part = {.kind = PART_INTERCEPTOR,
             .name = "search_replace",
             .class_name = "org.apache.flume.interceptor.SearchAndReplaceInterceptor",
             .doc = "Replaces what an expression finds in bodies.",
             .keys = search_replace_keys,
             .check = search_replace_check},
    .size = sizeof(struct search_replace_interceptor),
    .open = search_replace_open,
    .close = search_replace_close,
    .apply = search_replace_apply,
};
