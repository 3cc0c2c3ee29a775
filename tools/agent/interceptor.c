/* What all interceptors share: how one is opened, and setting a header in many events.
 *
 * Happy path: the events of a batch share one set of headers; the setter makes one new set and all
 * of them point at it. */
#include "tools/agent/interceptor.h"

#include <string.h>

#include "base/mem.h"

int interceptor_open(struct env *env, const struct part *part, struct interceptor **out,
                     struct buf *problem)
{
    const struct interceptor_type *type =
        CONTAINER_OF(part->type, const struct interceptor_type, part);
    ASSERT(part->type->kind == PART_INTERCEPTOR);
    struct interceptor *interceptor = mem_alloc(type->size);
    interceptor->type = type;
    interceptor->part = part;
    interceptor->env = env;
    int err = type->open ? type->open(interceptor, problem) : 0;
    if (err) {
        mem_free(interceptor);
        return err;
    }
    *out = interceptor;
    return 0;
}

void interceptor_close(struct interceptor *interceptor)
{
    if (interceptor->type->close)
        interceptor->type->close(interceptor);
    mem_free(interceptor);
}

size_t interceptor_apply(struct interceptor *interceptor, struct event *events, size_t count)
{
    size_t left = interceptor->type->apply(interceptor, events, count);
    ASSERT(left <= count);
    return left;
}

static void header_setter_forget(struct header_setter *setter)
{
    headers_unref(setter->from);
    headers_unref(setter->to);
    mem_free(setter->value);
}

void header_setter_set(struct header_setter *setter, struct event *event, const char *name,
                       const char *value, bool preserve)
{
    bool same = setter->any && setter->from == event->headers && setter->preserved == preserve &&
                strcmp(setter->value, value) == 0;
    if (!same) {
        struct headers *from = headers_ref(event->headers);
        struct headers *to = preserve && headers_find(from, name)
                                 ? headers_ref(from)
                                 : headers_set(from, name, value, strlen(value));
        header_setter_forget(setter);
        *setter = (struct header_setter){
            .from = from, .to = to, .value = mem_strdup(value), .any = true, .preserved = preserve};
    }
    event_take_headers(event, headers_ref(setter->to));
}

void header_setter_close(struct header_setter *setter)
{
    header_setter_forget(setter);
    *setter = (struct header_setter){0};
}
