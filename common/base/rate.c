/* Samples in a ring. Nothing fails: time that stands still counts as one sample. */
#include "base/rate.h"

#include <stdbool.h>

#include "base/check.h"

enum { RATE_SECOND_US = 1000000 };

struct rate_window rate_window_of(int64_t samples, int64_t seconds)
{
    ASSERT(samples > 0 && seconds > 0);
    int64_t max_s = INT32_MAX / samples < seconds ? INT32_MAX / samples : seconds;
    int64_t sample_us = (max_s > 0 ? max_s : 1) * RATE_SECOND_US;
    ASSERT(sample_us >= RATE_SECOND_US);
    if (samples <= RATE_SAMPLES_MAX)
        return (struct rate_window){(int)samples, sample_us};
    return (struct rate_window){RATE_SAMPLES_MAX, sample_us * samples / RATE_SAMPLES_MAX};
}

int64_t rate_window_us(const struct rate_window *window)
{
    return window->samples * window->sample_us;
}

size_t rate_size(const struct rate_window *window)
{
    ASSERT(window->samples > 0);
    return sizeof(struct rate) + (size_t)window->samples * sizeof(struct rate_sample);
}

void rate_add(struct rate *rate, const struct rate_window *window, int64_t now_us, double amount)
{
    ASSERT(rate->newest < window->samples);
    ASSERT(rate->used <= window->samples);
    struct rate_sample *sample = &rate->samples[rate->newest];
    if (rate->used == 0 || now_us - sample->start_us >= window->sample_us) {
        rate->newest = rate->used == 0 ? 0 : (rate->newest + 1) % window->samples;
        rate->used += rate->used < window->samples;
        sample = &rate->samples[rate->newest];
        *sample = (struct rate_sample){.start_us = now_us};
    }
    sample->amount += amount;
}

double rate_total(const struct rate *rate, const struct rate_window *window, int64_t now_us,
                  int64_t *elapsed_us)
{
    int64_t oldest_us = now_us;
    double total = 0;
    ASSERT(rate->used >= 0);
    ASSERT(rate->used <= window->samples);
    for (int i = 0; i < rate->used; i++) {
        const struct rate_sample *sample = &rate->samples[i];
        if (now_us - sample->start_us >= rate_window_us(window))
            continue;
        total += sample->amount;
        oldest_us = sample->start_us < oldest_us ? sample->start_us : oldest_us;
    }
    ASSERT(oldest_us <= now_us);
    *elapsed_us = now_us - oldest_us;
    return total;
}

int64_t rate_wait_us(const struct rate *rate, const struct rate_window *window, int64_t now_us,
                     double limit)
{
    ASSERT(limit > 0);
    int64_t elapsed_us;
    double total_us = rate_total(rate, window, now_us, &elapsed_us) / limit * RATE_SECOND_US;
    if (total_us <= (double)window->sample_us || total_us <= (double)elapsed_us)
        return 0;
    double wait_us = total_us - (double)elapsed_us;
    ASSERT(wait_us > 0);
    return wait_us < (double)RATE_WAIT_MAX_US ? (int64_t)wait_us : RATE_WAIT_MAX_US;
}

/* What the time from the start of `sample` until `until_us` does not pay for. */
static double rate_unpaid(const struct rate_sample *sample, int64_t until_us, double limit)
{
    double paid = limit * (double)(until_us - sample->start_us) / RATE_SECOND_US;
    ASSERT(until_us >= sample->start_us);
    return sample->amount > paid ? sample->amount - paid : 0;
}

void rate_keep_unpaid(struct rate *rate, const struct rate_window *window, int64_t now_us,
                      double limit)
{
    ASSERT(limit > 0);
    ASSERT(rate->newest < window->samples);
    ASSERT(rate->used <= window->samples);
    int64_t oldest_us = now_us - rate_window_us(window) + window->sample_us;
    int at = (rate->newest + 1 + window->samples - rate->used) % window->samples;
    ASSERT(at >= 0);
    for (int i = 0; i < rate->used; i++, at = (at + 1) % window->samples) {
        struct rate_sample *sample = &rate->samples[at];
        if (now_us - sample->start_us < rate_window_us(window))
            return;
        struct rate_sample *next = &rate->samples[(at + 1) % window->samples];
        bool last = at == rate->newest;
        double unpaid = rate_unpaid(sample, last ? oldest_us : next->start_us, limit);
        if (!last)
            next->amount += unpaid;
        else if (unpaid > 0)
            sample->start_us = oldest_us;
        sample->amount = last ? unpaid : 0;
    }
}

void rate_forgive(struct rate *rate, const struct rate_window *window, int64_t now_us, double limit)
{
    int64_t elapsed_us;
    double total = rate_total(rate, window, now_us, &elapsed_us);
    double most = limit * (double)(elapsed_us + rate_window_us(window)) / RATE_SECOND_US;
    ASSERT(limit > 0);
    for (int i = 0; total > most && i < rate->used; i++)
        rate->samples[i].amount *= most / total;
}
