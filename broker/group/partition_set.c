/* Sorted sets of partitions. */
#include "broker/group/partition_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void partition_set_init(struct partition_set *set)
{
    *set = (struct partition_set){0};
}

void partition_set_close(struct partition_set *set)
{
    mem_free(set->items);
    partition_set_init(set);
}

void partition_set_clear(struct partition_set *set)
{
    set->count = 0;
}

static int partition_name_compare(const struct partition_name *a, const struct partition_name *b)
{
    int order = memcmp(&a->topic_id, &b->topic_id, sizeof(a->topic_id));
    if (order)
        return order;
    return a->partition < b->partition ? -1 : a->partition > b->partition;
}

/* Of one that is settled: as far as its ends tell. */
static void partition_set_check(const struct partition_set *set)
{
    ASSERT(set->count <= set->cap);
    ASSERT((set->items == NULL) == (set->cap == 0));
    ASSERT(set->count < 2 ||
           partition_name_compare(&set->items[0], &set->items[set->count - 1]) < 0);
}

/* Where the name is, or belongs. */
static size_t partition_set_find(const struct partition_set *set, const struct partition_name *name)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (partition_name_compare(&set->items[middle], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void partition_set_grow(struct partition_set *set)
{
    if (set->count < set->cap)
        return;
    set->cap = set->cap ? set->cap * 2 : 8;
    set->items = mem_realloc(set->items, set->cap * sizeof(*set->items));
    ASSERT(set->count < set->cap);
}

void partition_set_append(struct partition_set *set, const struct uuid *topic_id, int32_t partition)
{
    partition_set_grow(set);
    set->items[set->count++] = (struct partition_name){*topic_id, partition};
}

static int partition_name_order(const void *a, const void *b)
{
    return partition_name_compare(a, b);
}

void partition_set_settle(struct partition_set *set)
{
    size_t kept = 0;
    if (set->count > 0)
        qsort(set->items, set->count, sizeof(*set->items), partition_name_order);
    for (size_t i = 0; i < set->count; i++)
        if (kept == 0 || partition_name_compare(&set->items[kept - 1], &set->items[i]) != 0)
            set->items[kept++] = set->items[i];
    set->count = kept;
    partition_set_check(set);
}

void partition_set_add(struct partition_set *set, const struct uuid *topic_id, int32_t partition)
{
    struct partition_name name = {*topic_id, partition};
    size_t at = set->count && partition_name_compare(&set->items[set->count - 1], &name) < 0
                    ? set->count
                    : partition_set_find(set, &name);
    if (at < set->count && partition_name_compare(&set->items[at], &name) == 0)
        return;
    partition_set_grow(set);
    memmove(&set->items[at + 1], &set->items[at], (set->count - at) * sizeof(*set->items));
    set->items[at] = name;
    set->count++;
    partition_set_check(set);
}

bool partition_set_has(const struct partition_set *set, const struct uuid *topic_id,
                       int32_t partition)
{
    struct partition_name name = {*topic_id, partition};
    size_t at = partition_set_find(set, &name);
    return at < set->count && partition_name_compare(&set->items[at], &name) == 0;
}

bool partition_set_equal(const struct partition_set *a, const struct partition_set *b)
{
    return a->count == b->count && partition_set_within(a, b);
}

/* Keeps of `set` what is in b, or what is not; one walk over both. Returns how many were kept. */
static size_t partition_set_filter(struct partition_name *items, size_t count,
                                   const struct partition_set *b, bool common)
{
    size_t kept = 0;
    size_t j = 0;
    for (size_t i = 0; i < count; i++) {
        while (j < b->count && partition_name_compare(&b->items[j], &items[i]) < 0)
            j++;
        bool found = j < b->count && partition_name_compare(&b->items[j], &items[i]) == 0;
        if (found == common)
            items[kept++] = items[i];
    }
    return kept;
}

static size_t partition_set_count_common(const struct partition_set *a,
                                         const struct partition_set *b)
{
    size_t common = 0;
    size_t j = 0;
    for (size_t i = 0; i < a->count; i++) {
        while (j < b->count && partition_name_compare(&b->items[j], &a->items[i]) < 0)
            j++;
        common += j < b->count && partition_name_compare(&b->items[j], &a->items[i]) == 0;
    }
    return common;
}

bool partition_set_within(const struct partition_set *a, const struct partition_set *b)
{
    return partition_set_count_common(a, b) == a->count;
}

bool partition_set_meets(const struct partition_set *a, const struct partition_set *b)
{
    return partition_set_count_common(a, b) > 0;
}

void partition_set_copy(struct partition_set *to, const struct partition_set *from)
{
    ASSERT(to != from);
    if (to->cap < from->count) {
        to->cap = from->count;
        to->items = mem_realloc(to->items, to->cap * sizeof(*to->items));
    }
    if (from->count)
        memcpy(to->items, from->items, from->count * sizeof(*to->items));
    to->count = from->count;
}

void partition_set_move(struct partition_set *to, struct partition_set *from)
{
    ASSERT(to != from);
    partition_set_close(to);
    *to = *from;
    partition_set_init(from);
}

void partition_set_intersect(struct partition_set *set, const struct partition_set *b)
{
    set->count = partition_set_filter(set->items, set->count, b, true);
    partition_set_check(set);
}

void partition_set_subtract(struct partition_set *set, const struct partition_set *b)
{
    set->count = partition_set_filter(set->items, set->count, b, false);
    partition_set_check(set);
}

/* One walk over both, into a new array. */
void partition_set_unite(struct partition_set *set, const struct partition_set *b)
{
    struct partition_set all = {0};
    size_t i = 0;
    size_t j = 0;
    if (b->count == 0)
        return;
    all.cap = set->count + b->count;
    all.items = mem_alloc(all.cap * sizeof(*all.items));
    while (i < set->count || j < b->count) {
        int order = i == set->count ? 1
                    : j == b->count ? -1
                                    : partition_name_compare(&set->items[i], &b->items[j]);
        all.items[all.count++] = order <= 0 ? set->items[i] : b->items[j];
        i += order <= 0;
        j += order >= 0;
    }
    ASSERT(all.count <= all.cap);
    ASSERT(all.count >= set->count);
    ASSERT(all.count >= b->count);
    partition_set_move(set, &all);
    partition_set_check(set);
}

const struct partition_name *partition_set_next_topic(const struct partition_set *set, size_t *at,
                                                      size_t *count)
{
    size_t from = *at;
    if (from >= set->count)
        return NULL;
    while (*at < set->count && uuid_equal(&set->items[*at].topic_id, &set->items[from].topic_id))
        (*at)++;
    *count = *at - from;
    return &set->items[from];
}

size_t partition_set_topics(const struct partition_set *set)
{
    size_t at = 0;
    size_t count;
    size_t topics = 0;
    while (partition_set_next_topic(set, &at, &count))
        topics++;
    return topics;
}
