/* Holds a sender to a rate. Who is late, since nothing went for a while, is not held back until it
 * has caught up. */
#include "tools/throttle.h"

/* Longer waits count as for good: a rate of next to nothing. */
static const double THROTTLE_MAX_MS = 1e15;

int64_t throttle_wait_ms(const struct throttle *throttle, int64_t sent, int64_t now_ms)
{
    if (throttle->target < 0)
        return 0;
    double due_ms = throttle->target > 0 ? (double)sent * 1000.0 / throttle->target : 1e18;
    double wait_ms = due_ms - (double)(now_ms - throttle->start_ms);
    if (wait_ms > THROTTLE_MAX_MS)
        return INT64_MAX;
    return wait_ms > 0 ? (int64_t)wait_ms : 0;
}
