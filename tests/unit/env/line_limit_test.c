/* A limit on log lines: what is too much is counted, and told when the period ends. */
#include "../tap.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "env/line_limit.h"

static struct buf lines;

static void take(void *data, const char *line, int len)
{
    (void)data;
    CHECK_INT(buf_append(&lines, line, (size_t)len), 0);
}

static void enough(void *data)
{
    env_stop(data);
}

static void run_for(struct env *env, int64_t ms)
{
    struct env_timer timer;
    env_timer_init(env, &timer, enough, env);
    env_timer_start(&timer, ms);
    env_run(env);
}

static void it_holds_back_and_tells(void)
{
    struct env *env;
    struct logger whole;
    struct line_limit limit;
    CHECK_INT(env_new(&env), 0);
    buf_init(&lines);
    logger_init(&whole, "test", NULL, NULL);
    whole.sink = take;
    line_limit_init(&limit, env, &whole, 2, 20, "lines");
    for (int i = 0; i < 5; i++)
        logger_print(&limit.logger, i == 3 ? LOGGER_WARN : LOGGER_INFO, "line %d", i);
    logger_debug(&limit.logger, "below the level: not counted");
    CHECK_STR(buf_text(&lines), "INFO [test] line 0\nINFO [test] line 1\n");
    lines.len = 0;
    run_for(env, 100);
    CHECK_STR(buf_text(&lines), "WARN [test] 3 more lines\n");
    lines.len = 0;
    for (int i = 0; i < 3; i++)
        logger_info(&limit.logger, "again %d", i);
    line_limit_close(&limit);
    CHECK_STR(buf_text(&lines),
              "INFO [test] again 0\nINFO [test] again 1\nINFO [test] 1 more lines\n");
    limit.quota.held = 1;
    run_for(env, 100);
    CHECK_INT(limit.quota.held, 1); /* its timer is off */
    buf_close(&lines);
    env_free(env);
}

/* Each period has its own count; one in which nothing was held back is silent, at any level. */
static void every_period_tells(void)
{
    struct env *env;
    struct logger whole;
    struct line_limit limit;
    CHECK_INT(env_new(&env), 0);
    buf_init(&lines);
    logger_init(&whole, "test", NULL, NULL);
    whole.sink = take;
    whole.level = LOGGER_DEBUG;
    line_limit_init(&limit, env, &whole, 1, 20, "lines");
    for (int period = 0; period < 3; period++) {
        lines.len = 0;
        for (int i = 0; i <= period; i++)
            logger_info(&limit.logger, "line %d", i);
        run_for(env, 100);
        CHECK_STR(buf_text(&lines), period == 0 ? "INFO [test] line 0\n"
                                    : period == 1
                                        ? "INFO [test] line 0\nINFO [test] 1 more lines\n"
                                        : "INFO [test] line 0\nINFO [test] 2 more lines\n");
    }
    line_limit_close(&limit);
    buf_close(&lines);
    env_free(env);
}

TAP_MAIN(TAP_TEST(it_holds_back_and_tells), TAP_TEST(every_period_tells))
