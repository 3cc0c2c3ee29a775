/* A rate over a window of samples, as Kafka counts for quotas: quota.window.num of them, each
 * quota.window.size.seconds long. A sample begins with the first amount after the one before it was
 * over, and is forgotten when the window has passed it. */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stddef.h>
#include <stdint.h>

enum { RATE_SAMPLES_MAX = 32 /* more of them are joined: the window stays as long */ };
#define RATE_WAIT_MAX_US ((int64_t)INT32_MAX * 1000) /* so that its ms fit into an answer */

struct rate_window {
    int samples;
    int64_t sample_us;
};
struct rate_window rate_window_of(int64_t samples, int64_t seconds);
int64_t rate_window_us(const struct rate_window *window);

struct rate_sample {
    int64_t start_us;
    double amount;
};

/* As large as the window has samples. */
struct rate {
    int newest;
    int used; /* samples that were begun, up to all */
    struct rate_sample samples[];
};

size_t rate_size(const struct rate_window *window);
/* Zeroed memory is a rate without an amount. A negative amount takes one back. */
void rate_add(struct rate *rate, const struct rate_window *window, int64_t now_us, double amount);
/* What was added in the window, and how long ago its oldest sample began. */
double rate_total(const struct rate *rate, const struct rate_window *window, int64_t now_us,
                  int64_t *elapsed_us);
/* How long until no more than `limit` a second has come since the oldest sample began, if nothing
 * comes meanwhile; at most RATE_WAIT_MAX_US. A sample's worth may come at once. Kafka takes a
 * window that has just begun for a full one, which lets a new client have ten seconds' worth at
 * once, and then nothing for ten seconds. */
int64_t rate_wait_us(const struct rate *rate, const struct rate_window *window, int64_t now_us,
                     double limit);
/* Before an amount is added or a wait asked for, where the wait may be longer than the window:
 * what is not paid yet of a sample that goes counts on in the next one. */
void rate_keep_unpaid(struct rate *rate, const struct rate_window *window, int64_t now_us,
                      double limit);
/* Under a new limit nobody waits longer than the window for what was used under the old one. */
void rate_forgive(struct rate *rate, const struct rate_window *window, int64_t now_us,
                  double limit);

#endif
