/* A limit on log lines: a quota, set anew by a timer. */
#include "env/line_limit.h"

static void line_limit_renew(struct line_limit *limit)
{
    if (limit->quota.held > 0)
        logger_print(limit->whole, limit->quota.level, "%lld more %s", (long long)limit->quota.held,
                     limit->what);
    limit->quota = (struct logger_quota){.left = limit->most};
}

static void line_limit_due(void *data)
{
    struct line_limit *limit = data;
    line_limit_renew(limit);
    env_timer_start(&limit->timer, limit->period_ms);
}

void line_limit_init(struct line_limit *limit, struct env *env, struct logger *whole, int most,
                     int64_t period_ms, const char *what)
{
    ASSERT(most > 0);
    ASSERT(period_ms > 0);
    limit->logger = *whole;
    limit->logger.quota = &limit->quota;
    limit->whole = whole;
    limit->what = what;
    limit->most = most;
    limit->period_ms = period_ms;
    limit->quota = (struct logger_quota){.left = most};
    env_timer_init(env, &limit->timer, line_limit_due, limit);
    env_timer_start(&limit->timer, period_ms);
}

void line_limit_close(struct line_limit *limit)
{
    if (!limit->whole)
        return;
    env_timer_stop(&limit->timer);
    line_limit_renew(limit);
}
