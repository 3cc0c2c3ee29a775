/* The segments with open files: the ones used longest ago are closed while there are too many.
 *
 * Happy path: a use puts its segment at the end, and those at the front are closed. Failure mode:
 * all are in use; then more stay open than the pool allows. */
#include "base/mutation.h"
#include "broker/log/segment.h"

void segment_pool_init(struct segment_pool *pool, uint32_t cap)
{
    list_init(&pool->open);
    pool->count = 0;
    pool->cap = cap;
}

void segment_pool_check(const struct segment_pool *pool)
{
    uint32_t count = 0;
    LIST_EACH(step, &pool->open) {
        const struct segment *segment = LIST_ENTRY(step, struct segment, lru);
        ASSERT(segment->pool == pool);
        segment_check(segment);
        count++;
    }
    ASSERT(count == pool->count);
}

void segment_pool_leave(struct segment *segment)
{
    if (!segment->pool || list_empty(&segment->lru))
        return;
    list_remove(&segment->lru);
    ASSERT(segment->pool->count > 0);
    segment->pool->count--;
}

bool segment_is_idle(const struct segment *segment)
{
    return segment->pins == 0 || MUTATION(CLOSED_IN_USE);
}

/* Closes the files used longest ago while more are open than the pool allows. */
static void segment_pool_shrink(struct segment_pool *pool, const struct segment *keep)
{
    LIST_EACH(step, &pool->open) {
        if (pool->count <= pool->cap)
            return;
        struct segment *segment = LIST_ENTRY(step, struct segment, lru);
        if (segment != keep && segment_is_idle(segment))
            segment_close_files(segment);
    }
}

bool segment_pool_evict(struct segment_pool *pool, uint32_t count, const struct segment *keep)
{
    uint32_t before = pool->count;
    ASSERT(!keep || keep->pool == pool);
    LIST_EACH(step, &pool->open) {
        struct segment *segment = LIST_ENTRY(step, struct segment, lru);
        if (before - pool->count == count)
            break;
        if (segment != keep && segment_is_idle(segment))
            segment_close_files(segment);
    }
    return pool->count < before;
}

void segment_pool_touch(struct segment *segment)
{
    struct segment_pool *pool = segment->pool;
    if (!pool)
        return;
    ASSERT(segment->file != NULL);
    if (list_empty(&segment->lru))
        pool->count++;
    list_remove(&segment->lru);
    list_push(&pool->open, &segment->lru);
    ASSERT(pool->count > 0);
    if (pool->count > pool->cap)
        segment_pool_shrink(pool, segment);
}
