/* Bodies of HTTP requests as events: what Flume's handlers take, and what they don't. */
#include "../tap.h"

#include "base/err.h"
#include "base/mem.h"
#include "tools/agent/http_events.h"

struct reading {
    struct rpc_events events;
    struct buf why;
};

static void reading_open(struct reading *reading)
{
    memset(reading, 0, sizeof(*reading));
    reading->events.max = 100;
    buf_init(&reading->why);
}

static void reading_close(struct reading *reading)
{
    rpc_events_drop(&reading->events);
    mem_free(reading->events.rows);
    buf_close(&reading->why);
}

/* The text in memory of exactly its size, so that a read beyond it is seen. */
static int json(struct reading *reading, const char *text, size_t len)
{
    char *copy = mem_dup(text, len + (len == 0));
    rpc_events_drop(&reading->events);
    int err = http_events_json(copy, len, &reading->events, &reading->why);
    mem_free(copy);
    return err;
}

static void json_events(void)
{
    static const char text[] =
        " [ {\"headers\": {\"b\": \"x\", \"a\": 1, \"c\": true}, \"body\": \"first\"},\n"
        "{\"body\": \"a\\u0000\\u00e9\"} , {} ,{\"headers\":null,\"body\":null}] ";
    struct reading reading;
    reading_open(&reading);
    CHECK_INT(json(&reading, text, strlen(text)), 0);
    CHECK_INT(reading.events.count, 4);
    const struct event *rows = reading.events.rows;
    CHECK_STR(headers_find(rows[0].headers, "a")->value, "1");
    CHECK_STR(headers_find(rows[0].headers, "b")->value, "x");
    CHECK_STR(headers_find(rows[0].headers, "c")->value, "true");
    CHECK(rows[0].len == 5 && memcmp(rows[0].body, "first", 5) == 0);
    CHECK(rows[1].len == 4 && memcmp(rows[1].body, "a\0\xc3\xa9", 4) == 0);
    CHECK_INT(rows[2].len, 0);
    CHECK_INT(json(&reading, "[]", 2), 0);
    CHECK_INT(reading.events.count, 0);
    for (size_t len = 1; len < strlen(text) - 1; len++)
        CHECK_INT(json(&reading, text, len), ERR_MALFORMED);
    reading_close(&reading);
}

static void what_is_no_json(void)
{
    static const char *const texts[] = {"",
                                        "{}",
                                        "null",
                                        "[1]",
                                        "[{},]",
                                        "[{}}",
                                        "[,]",
                                        "[{}] x",
                                        "[{\"body\":1}]",
                                        "[{\"headers\":[]}]",
                                        "[[]]",
                                        "[",
                                        "[{\"body\":}]",
                                        "[{\"headers\":{\"a\":{}}}]",
                                        "[{\"body\":\"\xff\"}]"};
    struct reading reading;
    char *deep = mem_alloc(100001);
    reading_open(&reading);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK_INT(json(&reading, texts[i], strlen(texts[i])), ERR_MALFORMED);
    memset(deep, '[', 100000);
    CHECK_INT(json(&reading, deep, 100000), ERR_MALFORMED);
    memcpy(deep, "[{}", 3);
    for (int i = 0; i < 100; i++)
        memcpy(deep + 3 + (size_t)i * 3, ",{}", 3);
    memcpy(deep + 303, "]", 2);
    CHECK_INT(json(&reading, deep, 304), ERR_TOO_LARGE);
    mem_free(deep);
    reading_close(&reading);
}

static void blobs(void)
{
    struct reading reading;
    reading_open(&reading);
    const char query[] = "a=1&b=x%20y+z&a=2&%zz=%4&empty&=none&%00=nul";
    CHECK_INT(http_events_blob((const uint8_t *)"a\0b", 3, query, strlen(query), "a, b",
                               &reading.events, &reading.why),
              0);
    const struct event *event = &reading.events.rows[0];
    CHECK_INT(event->len, 3);
    CHECK_INT(event->headers->count, 4);
    CHECK_STR(headers_find(event->headers, "a")->value, "1");
    CHECK_STR(headers_find(event->headers, "b")->value, "x y z");
    CHECK_STR(headers_find(event->headers, "%zz")->value, "%4");
    CHECK_STR(headers_find(event->headers, "empty")->value, "");
    CHECK_INT(http_events_blob(NULL, 0, "", 0, "who", &reading.events, &reading.why),
              ERR_MALFORMED);
    CHECK_STR(buf_text(&reading.why), "Please specify who parameter in the request.");
    CHECK_INT(http_events_blob(NULL, 0, "", 0, "", &reading.events, &reading.why), 0);
    reading_close(&reading);
}

/* As many names as a URL has room for, each twice. */
static void blobs_with_many_parameters(void)
{
    struct reading reading;
    struct buf query;
    reading_open(&reading);
    buf_init(&query);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 2000; i++)
            buf_printf(&query, "n%d=%d&", i, i + round);
    CHECK_INT(http_events_blob(NULL, 0, buf_text(&query), query.len, "n0,n1999", &reading.events,
                               &reading.why),
              0);
    const struct headers *headers = reading.events.rows[0].headers;
    CHECK_INT(headers->count, 2000);
    CHECK_STR(headers_find(headers, "n0")->value, "0");
    CHECK_STR(headers_find(headers, "n1999")->value, "1999");
    rpc_events_drop(&reading.events);
    query.len = 0;
    for (int i = 0; i < 10010; i++) /* one more than HTTP_HEADERS_MAX is left out, not refused */
        buf_printf(&query, "%d&", i);
    CHECK_INT(http_events_blob(NULL, 0, buf_text(&query), query.len, "9999", &reading.events,
                               &reading.why),
              0);
    CHECK_INT(reading.events.rows[0].headers->count, 10000);
    buf_close(&query);
    reading_close(&reading);
}

TAP_MAIN(TAP_TEST(json_events), TAP_TEST(what_is_no_json), TAP_TEST(blobs),
         TAP_TEST(blobs_with_many_parameters))
