/* A binary heap of timers ordered by (due, seq), each knowing its place so that it can be removed.
 */
#include "env/timers.h"

#include "base/mem.h"

void timers_init(struct timers *timers)
{
    *timers = (struct timers){0};
}

void timers_close(struct timers *timers)
{
    for (size_t i = 0; i < timers->count; i++)
        timers->heap[i]->heap_pos = 0;
    mem_free(timers->heap);
    timers_init(timers);
}

static bool timers_before(const struct env_timer *a, const struct env_timer *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->seq < b->seq;
}

/* Number i is where it believes to be, and not before the one above it. */
static void timers_check_at(const struct timers *timers, size_t i)
{
    ASSERT(i < timers->count);
    ASSERT(timers->heap[i]->heap_pos == i + 1);
    ASSERT(i == 0 || !timers_before(timers->heap[i], timers->heap[(i - 1) / 2]));
}

void timers_check(const struct timers *timers)
{
    ASSERT(timers->count <= timers->cap);
    for (size_t i = 0; i < timers->count; i++) {
        timers_check_at(timers, i);
        ASSERT(timers->heap[i]->seq < timers->seq);
    }
}

static void timers_put(struct timers *timers, size_t i, struct env_timer *timer)
{
    ASSERT(i < timers->cap);
    timers->heap[i] = timer;
    timer->heap_pos = i + 1;
}

static void timers_sift_up(struct timers *timers, size_t i)
{
    ASSERT(i < timers->count);
    struct env_timer *timer = timers->heap[i];
    while (i > 0 && timers_before(timer, timers->heap[(i - 1) / 2])) {
        timers_put(timers, i, timers->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    timers_put(timers, i, timer);
}

static void timers_sift_down(struct timers *timers, size_t i)
{
    ASSERT(i < timers->count);
    struct env_timer *timer = timers->heap[i];
    for (;;) {
        size_t child = i * 2 + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count &&
            timers_before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!timers_before(timers->heap[child], timer))
            break;
        timers_put(timers, i, timers->heap[child]);
        i = child;
    }
    timers_put(timers, i, timer);
}

void timers_add(struct timers *timers, struct env_timer *timer)
{
    ASSERT(timer->heap_pos == 0);
    if (timers->count == timers->cap) {
        timers->cap = timers->cap ? timers->cap * 2 : 16;
        timers->heap = mem_realloc(timers->heap, timers->cap * sizeof(struct env_timer *));
    }
    timer->seq = timers->seq++;
    timers_put(timers, timers->count++, timer);
    timers_sift_up(timers, timer->heap_pos - 1);
    timers_check_at(timers, timer->heap_pos - 1);
}

void timers_remove(struct timers *timers, struct env_timer *timer)
{
    ASSERT(timer->heap_pos > 0);
    ASSERT(timer->heap_pos <= timers->count);
    ASSERT(timers->heap[timer->heap_pos - 1] == timer);
    size_t i = timer->heap_pos - 1;
    timer->heap_pos = 0;
    struct env_timer *last = timers->heap[--timers->count];
    if (last == timer)
        return;
    timers_put(timers, i, last);
    timers_sift_up(timers, i);
    timers_sift_down(timers, last->heap_pos - 1);
    timers_check_at(timers, last->heap_pos - 1);
}

int64_t timers_next_us(const struct timers *timers)
{
    return timers->count ? timers->heap[0]->due_us : INT64_MAX;
}

struct env_timer *timers_pop(struct timers *timers, int64_t now_us, uint64_t seq_limit)
{
    if (timers->count == 0)
        return NULL;
    struct env_timer *first = timers->heap[0];
    if (first->due_us > now_us || first->seq >= seq_limit)
        return NULL;
    ASSERT(first->heap_pos == 1);
    timers_remove(timers, first);
    ASSERT(first->heap_pos == 0);
    return first;
}
