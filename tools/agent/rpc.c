/* The events of a request, while it is read. */
#include "tools/agent/rpc.h"

#include "base/err.h"

enum { RPC_EVENTS_MIN = 128 };

int rpc_events_add(struct rpc_events *events, const struct event *event)
{
    ASSERT(events->count <= events->cap);
    struct event own = *event;
    int err = events->count < events->max ? 0 : ERR_TOO_LARGE;
    if (!err && events->count == events->cap) {
        size_t cap = events->cap ? events->cap * 2 : RPC_EVENTS_MIN;
        struct event *rows = mem_try_realloc(events->rows, cap * sizeof(*rows));
        err = rows ? 0 : ERR_NO_MEMORY;
        if (rows) {
            events->rows = rows;
            events->cap = cap;
        }
    }
    if (err)
        event_unref(&own);
    else
        events->rows[events->count++] = own;
    return err;
}

void rpc_events_drop(struct rpc_events *events)
{
    event_unref_all(events->rows, events->count);
    events->count = 0;
}
