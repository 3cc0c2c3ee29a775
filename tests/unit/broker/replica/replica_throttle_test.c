/* The rate that replicas which are not in sync are held to. */
#include "../../tap.h"

#include <stdint.h>

#include "broker/replica/replica_throttle.h"

enum { SECOND_US = 1000 * 1000, WINDOW_US = SECOND_US / 11 };

/* Copies in chunks as large as allowed, at most `chunk`, waiting as it is told; the bytes that were
 * copied up to the end. */
static int64_t copy(int64_t rate, size_t chunk, int64_t late_ms, int64_t until_us)
{
    struct throttle_rate throttle;
    int64_t now_us = 0, copied = 0;
    throttle_rate_set(&throttle, rate, WINDOW_US, now_us);
    while (now_us < until_us) {
        size_t allowed = throttle_rate_allows(&throttle, now_us);
        if (allowed > 0) { /* a batch comes whole */
            throttle_rate_take(&throttle, chunk);
            copied += (int64_t)chunk;
        } else {
            now_us += (throttle_rate_wait_ms(&throttle, 0) + late_ms) * 1000;
        }
    }
    return copied;
}

/* Whatever the size of batches, and also where timers are late. */
static void the_mean_is_the_rate(void)
{
    static const struct {
        int64_t rate;
        size_t chunk;
        int64_t late_ms;
    } cases[] = {
        {1 << 20, 100, 0},  {1 << 20, 100, 20},      {1 << 20, 900000, 0},
        {1000, 1000000, 0}, {100 << 20, 1 << 20, 3}, {50 << 20, 16384, 3},
        {7, 1, 0},          {3000, 16384, 20},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t seconds = 1000, wanted = cases[i].rate * seconds;
        int64_t copied = copy(cases[i].rate, cases[i].chunk, cases[i].late_ms, seconds * SECOND_US);
        int64_t slack = wanted / 50 + cases[i].rate + (int64_t)cases[i].chunk;
        CHECK(copied <= wanted + slack);
        CHECK(copied >= wanted - slack);
    }
}

static void what_is_not_used_is_lost(void)
{
    struct throttle_rate throttle;
    throttle_rate_set(&throttle, 11000, WINDOW_US, 0);
    CHECK_INT(throttle_rate_allows(&throttle, 3600 * (int64_t)SECOND_US), 999);
    throttle_rate_take(&throttle, 999);
    CHECK_INT(throttle_rate_allows(&throttle, 3600 * (int64_t)SECOND_US), 0);
    CHECK_INT(throttle_rate_allows(&throttle, 3600 * (int64_t)SECOND_US + 50), 0);
    CHECK_INT(throttle_rate_allows(&throttle, 3600 * (int64_t)SECOND_US + 100), 1);
}

static void no_rate_allows_anything(void)
{
    struct throttle_rate throttle;
    throttle_rate_set(&throttle, INT64_MAX, WINDOW_US, 0);
    throttle_rate_take(&throttle, SIZE_MAX / 2);
    CHECK(!throttle_rate_is_set(&throttle));
    CHECK(throttle_rate_allows(&throttle, 1) == SIZE_MAX);
    throttle_rate_set(&throttle, INT64_MAX - 1, 1, 0); /* more than any machine copies */
    CHECK(throttle_rate_allows(&throttle, 1) == SIZE_MAX);
}

static void a_rate_of_nothing_allows_nothing(void)
{
    struct throttle_rate throttle;
    throttle_rate_set(&throttle, 0, WINDOW_US, 0);
    CHECK(throttle_rate_is_set(&throttle));
    CHECK_INT(throttle_rate_allows(&throttle, SECOND_US), 0);
    CHECK_INT(throttle_rate_wait_ms(&throttle, 0), 1000);
}

/* What an answer has in it already is as good as taken: a wait for less would be in vain. */
static void a_wait_counts_what_is_on_its_way(void)
{
    struct throttle_rate throttle;
    throttle_rate_set(&throttle, 11000, WINDOW_US, 0);
    CHECK_INT(throttle_rate_wait_ms(&throttle, 0), 1);
    CHECK_INT(throttle_rate_wait_ms(&throttle, 999), 46);
    CHECK_INT(throttle_rate_wait_ms(&throttle, 11000), 955);
    CHECK_INT(throttle_rate_wait_ms(&throttle, 1 << 30), 1000);
}

TAP_MAIN(TAP_TEST(a_wait_counts_what_is_on_its_way), TAP_TEST(the_mean_is_the_rate),
         TAP_TEST(what_is_not_used_is_lost), TAP_TEST(no_rate_allows_anything),
         TAP_TEST(a_rate_of_nothing_allows_nothing))
