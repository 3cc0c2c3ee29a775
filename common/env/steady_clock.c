/* Each question compares how far the two clocks have come since the last one. */
#include "env/steady_clock.h"

enum {
    STEP_MIN_MS = 60 * 1000, /* more than any drift or slewing between two questions */
    HOLD_MS = 24 * 3600 * 1000
};

void steady_clock_init(struct steady_clock *clock, struct env *env)
{
    *clock = (struct steady_clock){.env = env,
                                   .told_ms = env_wall_ms(env),
                                   .told_at_ms = env_now_ms(env),
                                   .ahead_since_ms = -1};
}

int64_t steady_clock_ms(struct steady_clock *clock)
{
    int64_t now_ms = env_now_ms(clock->env);
    int64_t wall_ms = env_wall_ms(clock->env);
    int64_t expected_ms = clock->told_ms + (now_ms - clock->told_at_ms);
    if (wall_ms - expected_ms < STEP_MIN_MS)
        clock->ahead_since_ms = -1;
    else if (clock->ahead_since_ms < 0)
        clock->ahead_since_ms = now_ms;
    else if (now_ms - clock->ahead_since_ms >= HOLD_MS)
        clock->ahead_since_ms = -1;
    clock->told_ms = clock->ahead_since_ms < 0 ? wall_ms : expected_ms;
    ASSERT(now_ms >= clock->told_at_ms); /* it never goes back */
    clock->told_at_ms = now_ms;
    return clock->told_ms;
}

bool steady_clock_is_held(const struct steady_clock *clock)
{
    return clock->ahead_since_ms >= 0;
}
