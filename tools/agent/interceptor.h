/* Interceptors change or drop events between a source and its channels, in the order in which the
 * configuration names them. */
#ifndef AGENT_INTERCEPTOR_H
#define AGENT_INTERCEPTOR_H

#include "env/env.h"
#include "tools/agent/event.h"
#include "tools/agent/part.h"

struct interceptor_type;

struct interceptor {
    const struct interceptor_type *type;
    const struct part *part;
    struct env *env;
};

/* A type. `size` is that of the struct that embeds a struct interceptor as its first member. */
struct interceptor_type {
    struct part_type part;
    size_t size;
    /* Reads its values. 0, or ERR_x with a sentence in `problem`. NULL = nothing to read. */
    int (*open)(struct interceptor *interceptor, struct buf *problem);
    void (*close)(struct interceptor *interceptor); /* NULL = nothing to free */
    /* Changes the events in place, and closes up over those that it drops, whose references it
     * gives back. Returns how many are left. */
    size_t (*apply)(struct interceptor *interceptor, struct event *events, size_t count);
};

int interceptor_open(struct env *env, const struct part *part, struct interceptor **interceptor,
                     struct buf *problem) MUST_CHECK;
void interceptor_close(struct interceptor *interceptor);
size_t interceptor_apply(struct interceptor *interceptor, struct event *events, size_t count);

/* Sets one header in many events. Events that share their headers share the new ones, too: one set
 * is made for a run of them. Zeroed memory to begin with; header_setter_close at the end. */
struct header_setter {
    struct headers *from; /* the last set that was changed, and what it became */
    struct headers *to;
    char *value; /* the value in `to` */
    bool any;    /* `from` counts: it may be NULL, for no headers */
    bool preserved;
};
/* With `preserve` a header of that name stays as it is. */
void header_setter_set(struct header_setter *setter, struct event *event, const char *name,
                       const char *value, bool preserve);
void header_setter_close(struct header_setter *setter);

#endif
