/* A limit on log lines that others can cause: who writes them gets `logger`, which drops what is
 * too much in a period; the number of those is told when the period ends. */
#ifndef ENV_LINE_LIMIT_H
#define ENV_LINE_LIMIT_H

#include "base/logger.h"
#include "env/env.h"

struct line_limit {
    struct logger logger; /* for the lines */
    struct logger_quota quota;
    struct logger *whole;
    const char *what;
    int most;
    int64_t period_ms;
    struct env_timer timer;
};

/* At most `most` lines in `period_ms`; what is more is told as "<number> more <what>". `whole` and
 * `what` are borrowed. */
void line_limit_init(struct line_limit *limit, struct env *env, struct logger *whole, int most,
                     int64_t period_ms, const char *what);
/* Also tells what was held back last. */
void line_limit_close(struct line_limit *limit);

#endif
