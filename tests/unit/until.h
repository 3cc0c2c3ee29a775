/* Waiting in a test: the loop runs until a condition holds, turn by turn. */
#ifndef TESTS_UNTIL_H
#define TESTS_UNTIL_H

#include "env/env.h"
#include "tap.h"

enum { UNTIL_MS = 10000, UNTIL_QUIET_TURNS = 20 }; /* after that time a test has failed */

static inline void until_stop(void *data)
{
    env_stop(data);
}

/* One turn of the loop. */
static inline void until_turn(struct env *env)
{
    struct env_timer timer;
    env_timer_init(env, &timer, until_stop, env);
    env_timer_start_us(&timer, 0);
    env_run(env);
    env_timer_stop(&timer);
}

/* As many as show that nothing more happens by itself. */
static inline void until_quiet(struct env *env)
{
    for (int i = 0; i < UNTIL_QUIET_TURNS; i++)
        until_turn(env);
}

#define UNTIL(env, condition)                                                                      \
    do {                                                                                           \
        int64_t until_ms = env_now_ms(env) + UNTIL_MS;                                             \
        while (!(condition)) {                                                                     \
            if (env_now_ms(env) > until_ms)                                                        \
                CHECK(!"in time: " #condition);                                                    \
            until_turn(env);                                                                       \
        }                                                                                          \
    } while (0)

#endif
