/* Events: what flows through an agent. An event is a body of bytes and headers, names with values.
 *
 * A body is a slice of a block, the memory that a source read many events into: an event costs no
 * copy and no allocation of its own. Headers are immutable and shared: the events of one file point
 * at one set, and who adds a header makes another set. Both are counted references; an event is a
 * small value that is copied freely, and each copy that is kept has references of its own
 * (event_ref, event_unref). All of it belongs to the thread of the agent's loop; other threads may
 * read the bytes while somebody on the loop holds a reference. */
#ifndef AGENT_EVENT_H
#define AGENT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct block {
    size_t refs;
    size_t cap;
    uint8_t data[];
};

/* One reference is the caller's. NULL when there is no memory: its size is a peer's choice. */
struct block *block_new(size_t cap) MUST_CHECK;
struct block *block_ref(struct block *block);
void block_unref(struct block *block);

struct header {
    const char *name; /* both end with a NUL that their lengths don't count */
    const char *value;
    uint32_t name_len;
    uint32_t value_len;
};

/* In order of their names. NULL stands for none. */
struct headers {
    size_t refs;
    uint32_t count;
    struct header rows[];
};

/* `base` with this header in it, in the place of one of that name. One reference to the result is
 * the caller's; `base` is borrowed, and may be NULL. */
struct headers *headers_set(const struct headers *base, const char *name, const char *value,
                            size_t value_len) MUST_CHECK;
/* A set of these rows, whose texts need no NUL: the names have none in them. Of several
 * with one name the last one counts. NULL for none. */
struct headers *headers_from(const struct header *rows, size_t count) MUST_CHECK;
/* `base` without those that `gone` names; base itself, with one reference more, when there are
 * none such. */
struct headers *headers_filter(struct headers *base,
                               bool (*gone)(const void *data, const struct header *header),
                               const void *data) MUST_CHECK;
/* NULL when there is none of that name. Borrowed. */
const struct header *headers_find(const struct headers *headers, const char *name);
struct headers *headers_ref(struct headers *headers); /* NULL is NULL */
void headers_unref(struct headers *headers);

struct event {
    struct block *block; /* holds the body */
    struct headers *headers;
    const uint8_t *body;
    uint32_t len;
};

/* The copy has references of its own. */
static inline struct event event_ref(const struct event *event)
{
    block_ref(event->block);
    headers_ref(event->headers);
    return *event;
}

void event_unref(struct event *event);
void event_unref_all(struct event *events, size_t count);

/* Puts other headers in place; takes the reference over. */
static inline void event_take_headers(struct event *event, struct headers *headers)
{
    headers_unref(event->headers);
    event->headers = headers;
}

#endif
