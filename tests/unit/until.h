/* Waiting in a test: the loop runs until a condition holds, turn by turn. */
#ifndef TESTS_UNTIL_H
#define TESTS_UNTIL_H

#include "env/env.h"
#include "tap.h"

enum { UNTIL_MS = 60000, UNTIL_QUIET_TURNS = 20 }; /* after that time a test has failed */

static inline void until_stop(void *data)
{
    env_stop(data);
}

/* One turn of the loop: what is due, then what comes at the turn's end. */
struct until_turn {
    struct env_timer due;
    struct env_timer end;
};

static inline void until_due(void *data)
{
    struct until_turn *turn = data;
    env_timer_start_soon(&turn->end);
}

static inline void until_turn(struct env *env)
{
    struct until_turn turn;
    env_timer_init(env, &turn.due, until_due, &turn);
    env_timer_init(env, &turn.end, until_stop, env);
    env_timer_start_us(&turn.due, 0);
    env_run(env);
    env_timer_stop(&turn.due);
    env_timer_stop(&turn.end);
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
