/* The heap of timers, against the order that it has to give. */
#include "../tap.h"

#include "env/timers.h"

enum { TIMERS = 200, ROUNDS = 20000 };

static uint64_t timers_draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* The one that is due first, and of those the one that was started first. */
static const struct env_timer *timers_first(const struct env_timer *all)
{
    const struct env_timer *first = NULL;
    for (int i = 0; i < TIMERS; i++)
        if (all[i].heap_pos > 0 && (!first || all[i].due_us < first->due_us ||
                                    (all[i].due_us == first->due_us && all[i].seq < first->seq)))
            first = &all[i];
    return first;
}

static void any_order_of_starts_and_stops_keeps_the_heap(void)
{
    static struct env_timer all[TIMERS];
    struct timers timers;
    uint64_t state = 1;
    size_t running = 0;
    timers_init(&timers);
    for (int i = 0; i < ROUNDS; i++) {
        struct env_timer *timer = &all[timers_draw(&state) % TIMERS];
        if (timers_draw(&state) % 8 == 0) {
            const struct env_timer *first = timers_first(all);
            CHECK(timers_pop(&timers, INT64_MAX, UINT64_MAX) == first);
            running -= first != NULL;
        } else if (timer->heap_pos > 0) {
            timers_remove(&timers, timer);
            running--;
        } else {
            timer->due_us = (int64_t)(timers_draw(&state) % 50);
            timers_add(&timers, timer);
            running++;
        }
        timers_check(&timers);
        CHECK(timers.count == running);
    }
    timers_close(&timers);
}

TAP_MAIN(TAP_TEST(any_order_of_starts_and_stops_keeps_the_heap))
