/* The wall clock for what expires: retention, stray directories, tombstones, committed offsets.
 *
 * A wall clock may be set by hand, by a time server, or to nonsense by a machine that starts. What
 * is deleted because of it does not come back. So a step ahead is not followed at once: the time
 * goes on as the monotonic clock does, and the step counts when it has stood for a day. A step
 * back is followed at once: what expires only gets younger. Kafka follows the wall clock always.
 *
 * One for each loop that asks, and asked regularly: a step is seen between two questions. */
#ifndef ENV_STEADY_CLOCK_H
#define ENV_STEADY_CLOCK_H

#include "env/env.h"

struct steady_clock {
    struct env *env;
    int64_t told_ms;        /* the last answer */
    int64_t told_at_ms;     /* and when it was given, monotonic */
    int64_t ahead_since_ms; /* monotonic: since when the wall clock is ahead; -1 = it is not */
};

/* `env` must live as long. */
void steady_clock_init(struct steady_clock *clock, struct env *env);
/* ms since 1970. */
int64_t steady_clock_ms(struct steady_clock *clock);
/* Whether the wall clock is ahead of it. */
bool steady_clock_is_held(const struct steady_clock *clock);

#endif
