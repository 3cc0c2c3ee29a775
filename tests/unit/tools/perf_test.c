/* What the performance tools print: rates and percentiles, how long a rate holds a sender back,
 * dates in Java's patterns. */
#include "../tap.h"

#include <stdlib.h>

#include "tools/date_format.h"
#include "tools/perf_stats.h"
#include "tools/throttle.h"

static char *text; /* what was printed last */
static FILE *out;

static void begin(void)
{
    static size_t size;
    free(text);
    out = open_memstream(&text, &size);
}

static const char *printed(void)
{
    fclose(out);
    return text;
}

static void test_total(void)
{
    struct perf_stats *stats = perf_stats_new(1000, 5000, false, 100);
    begin();
    for (int i = 1; i <= 1000; i++)
        perf_stats_record(stats, i, 1024, 1000, out);
    perf_stats_print(stats, 2100, out);
    perf_stats_free(stats);
    CHECK_STR(printed(), "1000 records sent, 500.000000 records/sec (0.49 MB/sec), 500.50 ms avg "
                         "latency, 1000.00 ms max latency, 501 ms 50th, 951 ms 95th, 991 ms 99th, "
                         "1000 ms 99.9th.\n");
}

static void test_windows(void)
{
    struct perf_stats *stats = perf_stats_new(10, 1000, false, 0);
    begin();
    perf_stats_record(stats, 3, 1 << 20, 500, out);
    perf_stats_record(stats, 4, 1 << 20, 1000, out); /* ends the first window */
    perf_stats_record(stats, 9, 0, 3000, out);       /* ends the second one */
    perf_stats_silence(stats);
    perf_stats_record(stats, 1, 0, 9000, out);
    perf_stats_free(stats);
    CHECK_STR(printed(),
              "2 records sent, 2.0 records/sec (2.00 MB/sec), 3.5 ms avg latency, 4.0 ms "
              "max latency.\n1 records sent, 0.5 records/sec (0.00 MB/sec), 9.0 ms avg "
              "latency, 9.0 ms max latency.\n");
}

static void test_steady_state(void)
{
    struct perf_stats *stats = perf_stats_new(4, 1000, true, 0);
    begin();
    perf_stats_record(stats, 1, 0, 1000, out);
    perf_stats_record(stats, 1, 0, 2000, out);
    perf_stats_print(stats, 4000, out);
    perf_stats_free(stats);
    CHECK_STR(printed(), "In steady state.\n1 records sent, 1.0 records/sec (0.00 MB/sec), 1.0 ms "
                         "avg latency, 1.0 ms max latency.\n1 records sent, 1.0 records/sec (0.00 "
                         "MB/sec), 1.0 ms avg latency, 1.0 ms max latency.\n2 steady state records "
                         "sent, 0.500000 records/sec (0.00 MB/sec), 1.00 ms avg latency, 1.00 ms "
                         "max latency, 1 ms 50th, 1 ms 95th, 1 ms 99th, 1 ms 99.9th.\n");
}

/* Nothing was delivered, or no time has passed: words, as Java has them, and no crash. */
static void test_nothing(void)
{
    struct perf_stats *stats = perf_stats_new(4, 1000, false, 7);
    begin();
    perf_stats_print(stats, 7, out);
    perf_stats_free(stats);
    CHECK_STR(printed(),
              "0 records sent, NaN records/sec (NaN MB/sec), NaN ms avg latency, 0.00 ms "
              "max latency, 0 ms 50th, 0 ms 95th, 0 ms 99th, 0 ms 99.9th.\n");
    begin();
    perf_print_ratio(3, 0, 2, out);
    CHECK_STR(printed(), "Infinity");
}

/* More records than are kept: each third one counts for the percentiles. */
static void test_sampling(void)
{
    enum { RECORDS = 1500000 };
    struct perf_stats *stats = perf_stats_new(RECORDS, INT64_MAX, false, 0);
    begin();
    for (int i = 0; i < RECORDS; i++)
        perf_stats_record(stats, i % 3 == 0 ? 5 : 1000, 0, 1, out);
    perf_stats_print(stats, 1000, out);
    perf_stats_free(stats);
    CHECK(strstr(printed(), "1500000 records sent") && strstr(text, "5 ms 50th, 5 ms 95th"));
}

static void test_throttle(void)
{
    static const struct {
        double target;
        int64_t sent, now_ms, wait_ms;
    } rows[] = {
        {-1, 1000, 0, 0},        {10, 1, 1000, 100},
        {10, 1, 1100, 0},        {10, 5, 1200, 300},
        {10, 5, 9000, 0},        {0.5, 1, 1000, 2000},
        {2000, 1, 1000, 0},      {2000, 4, 1000, 2},
        {0, 1, 1000, INT64_MAX}, {1e-15, 1, 1000, INT64_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct throttle throttle = {rows[i].target, 1000};
        CHECK_INT(throttle_wait_ms(&throttle, rows[i].sent, rows[i].now_ms), rows[i].wait_ms);
    }
}

static void test_dates(void)
{
    static const struct {
        const char *pattern, *text;
    } rows[] = {
        {"yyyy-MM-dd HH:mm:ss:SSS", "2026-01-05 14:07:09:042"},
        {"d.M.yy h 'o''clock' a", "5.1.26 2 o'clock PM"},
        {"yyyy-MM-dd'T'HH:mm:ssXXX", "2026-01-05T14:07:09+01:00"},
        {"E EEEE MMM MMMM Z X u D", "Mon Monday Jan January +0100 +01 1 5"},
        {"''K kk''", "'2 14'"},
        {"G S", "AD 42"},
    };
    setenv("TZ", "ZON-1", 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf buf;
        buf_init(&buf);
        CHECK_INT(date_format_check(rows[i].pattern, &buf), 0);
        date_format_print(rows[i].pattern, INT64_C(1767618429042), &buf);
        CHECK_STR(buf_text(&buf), rows[i].text);
        buf_close(&buf);
    }
}

static void test_wrong_dates(void)
{
    static const char *const rows[] = {"yyyy-QQ", "HH 'open", "w"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf problem;
        buf_init(&problem);
        CHECK(date_format_check(rows[i], &problem) < 0);
        CHECK(problem.len > 0);
        buf_close(&problem);
    }
}

TAP_MAIN(TAP_TEST(test_total), TAP_TEST(test_windows), TAP_TEST(test_steady_state),
         TAP_TEST(test_nothing), TAP_TEST(test_sampling), TAP_TEST(test_throttle),
         TAP_TEST(test_dates), TAP_TEST(test_wrong_dates))
