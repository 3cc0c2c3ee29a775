/* Puts into a channel that may end later, for tests that wait for them. */
#ifndef TESTS_AGENT_ENDED_H
#define TESTS_AGENT_ENDED_H

#include "world.h"

struct ended {
    struct put put;
    struct event events[100];
    int status; /* 1 = not yet */
};

static inline void on_ended(struct put *put, int status)
{
    CONTAINER_OF(put, struct ended, put)->status = status;
}

/* Puts the first `count` events, lets go of them, and returns the status in the end. */
static inline int ended_put(struct ended *ended, struct env *env, struct channel *channel,
                            size_t count)
{
    ended->put = (struct put){.events = ended->events, .count = count, .done = on_ended};
    int status = channel_put(channel, &ended->put, true);
    if (status == TRANSACTION_PENDING) {
        UNTIL(env, ended->status != 1);
        status = ended->status;
    }
    event_unref_all(ended->events, count);
    return status;
}

#endif
