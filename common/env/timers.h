/* The heap of running timers, shared by both implementations of env. Private to them: everybody
 * else uses the env_timer_* calls of env.h. */
#ifndef ENV_TIMERS_H
#define ENV_TIMERS_H

#include "env/env.h"

struct timers {
    struct env_timer **heap; /* heap[0] is due first */
    size_t count;
    size_t cap;
    uint64_t seq;
};

void timers_init(struct timers *timers);
void timers_close(struct timers *timers);
void timers_add(struct timers *timers, struct env_timer *timer);
void timers_remove(struct timers *timers, struct env_timer *timer);
/* When the first one is due; INT64_MAX when none runs. */
int64_t timers_next_us(const struct timers *timers);
/* What always holds; looks at every timer, so it is for tests. */
void timers_check(const struct timers *timers);
/* The first timer that is due at `now_us`, taken off the heap, or NULL. A timer that its own turn
 * started (seq >= limit) waits for the next turn. */
struct env_timer *timers_pop(struct timers *timers, int64_t now_us, uint64_t seq_limit);

#endif
