/* Rates over a window of samples, at times that the test says. */
#include "../tap.h"

#include "base/mem.h"
#include "base/rate.h"

enum { S = 1000000 };

static const struct rate_window window = {11, S};

static struct rate *rate_make(void)
{
    return mem_alloc(rate_size(&window));
}

/* After each step: what was added, and what is counted then. */
static void samples_come_and_go(void)
{
    static const struct {
        int64_t at_us;
        double amount;
        double total;
        int64_t elapsed_us;
    } steps[] = {
        {100 * S, 10, 10, 0},
        {100 * S + S / 2, 5, 15, S / 2},  /* the same sample */
        {102 * S, 7, 22, 2 * S},          /* since the oldest */
        {109 * S, 1, 23, 9 * S},          /* nothing came meanwhile */
        {111 * S - 1, 0, 23, 11 * S - 1}, /* still in the window */
        {111 * S, 2, 10, 9 * S},          /* the first one is over */
        {113 * S, 0, 3, 4 * S},           /* and the second */
        {200 * S, 4, 4, 0},               /* after a long silence it begins anew */
        {200 * S + 10, -4, 0, 10},        /* taken back */
    };
    struct rate *rate = rate_make();
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        int64_t elapsed_us;
        rate_add(rate, &window, steps[i].at_us, steps[i].amount);
        CHECK(rate_total(rate, &window, steps[i].at_us, &elapsed_us) == steps[i].total);
        CHECK_INT(elapsed_us, steps[i].elapsed_us);
    }
    mem_free(rate);
}

static void the_wait_brings_the_rate_down_to_the_limit(void)
{
    static const struct {
        double amount, limit;
        int64_t wait_us;
    } rows[] = {
        {1000, 1000, 0},
        {999, 1000, 0},
        {1500, 1000, S + S / 2},
        {5000, 1000, 5 * S},
        {50000, 1000, 50 * S}, /* longer than the window */
        {1e18, 1e-6, RATE_WAIT_MAX_US},
        {1, 1e18, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rate *rate = rate_make();
        rate_add(rate, &window, 5 * S, rows[i].amount);
        CHECK_INT(rate_wait_us(rate, &window, 5 * S, rows[i].limit), rows[i].wait_us);
        mem_free(rate);
    }
}

/* Who waits as it is told stays at the limit, from the first second on. */
static void who_waits_keeps_to_the_limit(void)
{
    struct rate *rate = rate_make();
    int64_t now_us = 7 * S;
    double sent = 0;
    while (now_us < 67 * S) {
        rate_add(rate, &window, now_us, 16000);
        sent += 16000;
        now_us += 1000 + rate_wait_us(rate, &window, now_us, 100000);
        if (now_us > 17 * S)
            CHECK(sent <= 100000.0 * (double)(now_us - 7 * S) / S + 2 * 16000);
    }
    CHECK(sent >= 100000.0 * 60 * 0.97);
    mem_free(rate);
}

/* Whoever waits longer than the window gets nothing for free when it has passed. */
static void what_is_not_paid_is_kept(void)
{
    struct rate *rate = rate_make();
    rate_add(rate, &window, 0, 30000);
    rate_add(rate, &window, 2 * S, 3000);
    static const int64_t at_us[] = {5 * S, 12 * S, 13 * S + 5, 28 * S, 30 * S, 33 * S};
    for (size_t i = 0; i < ARRAY_LEN(at_us); i++) {
        rate_keep_unpaid(rate, &window, at_us[i], 1000);
        int64_t late_us = 33 * S - at_us[i] - rate_wait_us(rate, &window, at_us[i], 1000);
        CHECK(late_us >= 0 && late_us <= 1);
    }
    /* Time that was not used is forgotten with the window. */
    rate_keep_unpaid(rate, &window, 100 * S, 1000);
    rate_add(rate, &window, 100 * S, 20000);
    CHECK_INT(rate_wait_us(rate, &window, 100 * S, 1000), 20 * S);
    rate_keep_unpaid(rate, &window, 200 * S, 1000);
    rate_add(rate, &window, 200 * S, 1000);
    rate_forgive(rate, &window, 200 * S, 10);
    CHECK_INT(rate_wait_us(rate, &window, 200 * S, 10), 11 * S);
    mem_free(rate);
}

enum { CLIENTS = 50, REQUEST_BYTES = 96000 };

/* Each of many that share a limit is one request ahead: the window is far too short for them. */
static void many_who_share_a_limit_keep_to_it(void)
{
    struct rate *rate = rate_make();
    int64_t free_us[CLIENTS] = {0}, now_us = 0;
    double sent = 0;
    while (now_us < 600 * (int64_t)S) {
        int next = 0;
        for (int i = 1; i < CLIENTS; i++)
            next = free_us[i] < free_us[next] ? i : next;
        now_us = free_us[next];
        rate_keep_unpaid(rate, &window, now_us, 100000);
        rate_add(rate, &window, now_us, REQUEST_BYTES);
        sent += REQUEST_BYTES;
        free_us[next] = now_us + 1000 + rate_wait_us(rate, &window, now_us, 100000);
    }
    double most = 100000.0 * 600 + CLIENTS * REQUEST_BYTES;
    CHECK(sent <= most && sent >= most * 0.95);
    mem_free(rate);
}

static void many_samples_are_joined(void)
{
    struct rate_window many = rate_window_of(1000, 2), few = rate_window_of(3, 5);
    CHECK_INT(many.samples, RATE_SAMPLES_MAX);
    CHECK_INT(rate_window_us(&many), 2000 * (int64_t)S);
    CHECK_INT(few.samples, 3);
    CHECK_INT(few.sample_us, 5 * S);
    struct rate_window huge = rate_window_of(INT32_MAX, INT32_MAX);
    CHECK(rate_window_us(&huge) > 0);
}

TAP_MAIN(TAP_TEST(samples_come_and_go), TAP_TEST(the_wait_brings_the_rate_down_to_the_limit),
         TAP_TEST(who_waits_keeps_to_the_limit), TAP_TEST(what_is_not_paid_is_kept),
         TAP_TEST(many_who_share_a_limit_keep_to_it), TAP_TEST(many_samples_are_joined))
