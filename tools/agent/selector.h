/* Which channels of a source an event goes to.
 *
 * `replicating`: all of them, some of which may be optional; `multiplexing`: as a header of the
 * event says; `load_balancing`: one of them, in turns or by chance. An event must get into the
 * required channels, or its source is told of a failure; what an optional channel has no room for
 * at once is not put there. */
#ifndef AGENT_SELECTOR_H
#define AGENT_SELECTOR_H

#include "tools/agent/event.h"
#include "tools/agent/part.h"

enum { SELECTOR_CHANNELS_MAX = 64 }; /* of one source: a set of them is a word */

/* Bit i stands for the i-th channel of the source. No bit is in both. */
struct selector_route {
    uint64_t required;
    uint64_t optional;
};

struct selector;

/* `part` is NULL when the file says nothing of a selector: replicating. `names` are the source's
 * channels. Mistakes are lines in `problems`; the selector can be used all the same. */
struct selector *selector_new(const struct part *part, const char *const *names, size_t count,
                              struct buf *problems);
void selector_free(struct selector *selector);
/* Whether all events go the same way; *route is it. */
bool selector_is_uniform(const struct selector *selector, struct selector_route *route);
struct selector_route selector_route(struct selector *selector, const struct event *event);

#endif
