/* Holds a sender to a rate, on average since the start, as the throttler of Kafka's tools does. */
#ifndef TOOLS_THROTTLE_H
#define TOOLS_THROTTLE_H

#include <stdint.h>

struct throttle {
    double target;    /* sends in a second; below 0 = no limit, 0 = none after the first */
    int64_t start_ms; /* monotonic, of the first send */
};

/* For how long to wait after `sent` sends until the next is due, in ms; INT64_MAX = for good. */
int64_t throttle_wait_ms(const struct throttle *throttle, int64_t sent, int64_t now_ms);

#endif
