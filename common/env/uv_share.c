/* How threads share cores: sched_setattr(2).
 *
 * Loops and workers of the pool want little time at once: the scheduler of Linux lets who asks for
 * shorter slices go first, within its part of the time (since 6.12; before, it does not listen). So
 * what a request has woken runs at once, though others have all cores. Who burns CPU for as long as
 * a peer makes it asks for long slices, does not interrupt others, and gets a third of the time
 * where not all find a core. None of this needs a privilege. */
#include "env/uv_private.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"

enum {
    UV_SLICE_SHORT_NS = 300 * 1000, /* most turns of a loop take less */
    UV_SLICE_LONG_NS = 4 * 1000 * 1000,
    UV_NICE_LONG = 5, /* a third of the weight of the others */
    UV_NICE_MAX = 19
};

/* Of linux/sched/types.h, which does not go together with sched.h everywhere. */
struct uv_sched_attr {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime; /* the slice, ns; 0 = the system's own */
    uint64_t deadline;
    uint64_t period;
};

STATIC_ASSERT(sizeof(struct uv_sched_attr) == 48, "the first form of the system call");

static _Thread_local enum uv_share uv_share_taken; /* whatever the thread has inherited */

void uv_share_take(enum uv_share share)
{
    static const struct {
        uint32_t policy;
        int32_t nice;
        uint64_t slice_ns;
    } rows[UV_SHARES] = {
        [UV_SHARE_ORDINARY] = {SCHED_OTHER, 0, 0},
        [UV_SHARE_SHORT] = {SCHED_OTHER, 0, UV_SLICE_SHORT_NS},
        [UV_SHARE_LONG] = {SCHED_BATCH, UV_NICE_LONG, UV_SLICE_LONG_NS},
    };
    struct uv_sched_attr attr = {.size = sizeof(attr)};
    ASSERT(share < UV_SHARES);
    ASSERT(uv_share_taken != UV_SHARE_LONG || share == UV_SHARE_LONG);
    if (share == uv_share_taken)
        return;
    uv_share_taken = share;
    /* Who started the process may have chosen: idle time only, say, or a real-time priority. */
    if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) < 0 || attr.policy != SCHED_OTHER)
        return;
    attr.size = sizeof(attr);
    attr.policy = rows[share].policy;
    attr.nice += rows[share].nice;
    if (attr.nice > UV_NICE_MAX)
        attr.nice = UV_NICE_MAX;
    attr.runtime = rows[share].slice_ns;
    (void)syscall(SYS_sched_setattr, 0, &attr, 0);
}
