/* What a host does is told once a minute. */
#include "../tap.h"

#include <stdio.h>

#include "base/buf.h"
#include "env/told.h"

static struct buf lines;
static struct logger logger;

static void take(void *data, const char *line, int len)
{
    (void)data;
    CHECK_INT(buf_append(&lines, line, (size_t)len), 0);
}

static void begin(void)
{
    buf_init(&lines);
    logger_init(&logger, "test", NULL, NULL);
    logger.sink = take;
}

static void once_a_minute(void)
{
    static struct told told;
    begin();
    CHECK(told_is_first(&told, &logger, 1000, "10.0.0.1:4000", "speaks TLS"));
    CHECK(!told_is_first(&told, &logger, 1001, "10.0.0.1:4001", "speaks TLS"));
    CHECK(told_is_first(&told, &logger, 1002, "10.0.0.1:4002", "speaks HTTP"));
    CHECK(told_is_first(&told, &logger, 1003, "10.0.0.11:4003", "speaks TLS"));
    told_sweep(&told, &logger, 1000 + TOLD_QUIET_MS - 1);
    CHECK_STR(buf_text(&lines), "");
    told_sweep(&told, &logger, 1000 + TOLD_QUIET_MS);
    CHECK_STR(buf_text(&lines),
              "WARN [test] closed 1 more connections within a minute: 10.0.0.1 speaks TLS\n");
    CHECK(told_is_first(&told, &logger, 1001 + TOLD_QUIET_MS, "10.0.0.1:5", "speaks TLS"));
    buf_close(&lines);
}

/* With or without a sweep in between; what was not held back is not told. */
static void a_minute_ends(void)
{
    static struct told told;
    int64_t now_ms = 1000;
    begin();
    CHECK(told_is_first(&told, &logger, now_ms, "10.0.0.1:1", "speaks TLS"));
    CHECK(!told_is_first(&told, &logger, now_ms, "10.0.0.1:2", "speaks TLS"));
    now_ms += TOLD_QUIET_MS;
    CHECK(told_is_first(&told, &logger, now_ms, "10.0.0.1:3", "speaks TLS"));
    CHECK_STR(buf_text(&lines),
              "WARN [test] closed 1 more connections within a minute: 10.0.0.1 speaks TLS\n");
    lines.len = 0;
    now_ms += TOLD_QUIET_MS;
    told_sweep(&told, &logger, now_ms);
    CHECK_STR(buf_text(&lines), "");
    buf_close(&lines);
}

static void more_than_is_remembered(void)
{
    static struct told told;
    char peer[32];
    int first = 0;
    begin();
    for (int i = 0; i < 2 * (TOLD_MAX + 1); i++) {
        snprintf(peer, sizeof(peer), "10.0.1.%d:1", i % (TOLD_MAX + 1));
        first += told_is_first(&told, &logger, 1000, peer, "speaks SSH");
    }
    CHECK_INT(first, TOLD_MAX + 2);
    buf_close(&lines);
}

TAP_MAIN(TAP_TEST(once_a_minute), TAP_TEST(a_minute_ends), TAP_TEST(more_than_is_remembered))
