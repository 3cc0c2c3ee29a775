/* Replicas over brokers. Happy path: the brokers stand in a ring in which neighbours are in
 * different racks; each partition takes the next one, and others at a distance. Failure modes:
 * none; where the racks are too few, some get two replicas. */
#include "tools/reassign_spread.h"

#include <stdlib.h>
#include <string.h>

int32_t reassign_rack_number(struct plan *racks, struct wire_str rack)
{
    char *name = rack.len > 0 ? wire_str_dup(rack) : NULL;
    size_t i = 0;
    if (!name)
        return 0;
    while (i < racks->count && strcmp(racks->items[i].topic, name) != 0)
        i++;
    if (i == racks->count)
        plan_add(racks, name, 0, NULL, 0);
    mem_free(name);
    return (int32_t)i + 1;
}

static int spread_compare(const void *a, const void *b)
{
    const struct spread_broker *left = a, *right = b;
    if (left->rack != right->rack)
        return left->rack < right->rack ? -1 : 1;
    return (left->id > right->id) - (left->id < right->id);
}

/* Takes one broker of each rack in turn, as long as there are any. */
static void spread_ring(struct spread_broker *brokers, int32_t count)
{
    struct spread_broker *sorted = mem_dup(brokers, (size_t)count * sizeof(*brokers));
    bool *taken = mem_alloc((size_t)count * sizeof(*taken));
    qsort(sorted, (size_t)count, sizeof(*sorted), spread_compare);
    int32_t placed = 0;
    while (placed < count) {
        int32_t rack = -1;
        for (int32_t i = 0; i < count; i++) {
            if (taken[i] || sorted[i].rack == rack)
                continue;
            rack = sorted[i].rack;
            taken[i] = true;
            brokers[placed++] = sorted[i];
        }
    }
    ASSERT(placed == count);
    mem_free(sorted);
    mem_free(taken);
}

static bool spread_has_rack(const struct plan_item *item, const struct spread_broker *brokers,
                            int32_t count, int32_t rack)
{
    for (int32_t i = 0; i < count; i++)
        if (brokers[i].rack == rack && plan_ids_have(&item->replicas, brokers[i].id))
            return true;
    return false;
}

/* The first broker from `at` on without a replica, in a rack without one if there is such a one. */
static int32_t spread_next(const struct plan_item *item, const struct spread_broker *brokers,
                           int32_t count, int32_t at)
{
    int32_t any = -1;
    for (int32_t i = 0; i < count; i++) {
        const struct spread_broker *broker = &brokers[(at + i) % count];
        if (plan_ids_have(&item->replicas, broker->id))
            continue;
        if (!spread_has_rack(item, brokers, count, broker->rack))
            return broker->id;
        any = any < 0 ? broker->id : any;
    }
    return any;
}

void reassign_spread(struct spread_broker *brokers, int32_t count, int32_t factor, uint64_t seed,
                     struct plan_item *items, size_t item_count)
{
    ASSERT(count > 0);
    ASSERT(factor <= count);
    spread_ring(brokers, count);
    int32_t start = (int32_t)(seed % (uint64_t)count);
    int32_t shift = (int32_t)(seed / (uint64_t)count % (uint64_t)count);
    for (size_t p = 0; p < item_count; p++) {
        struct plan_item *item = &items[p];
        int32_t first = (int32_t)((p + (size_t)start) % (size_t)count);
        if (p > 0 && p % (size_t)count == 0)
            shift++;
        mem_free(item->replicas.ids);
        item->replicas = (struct plan_ids){mem_alloc((size_t)factor * sizeof(int32_t)), 0};
        item->replicas.ids[item->replicas.count++] = brokers[first].id;
        while (item->replicas.count < factor) {
            int32_t distance = count > 1 ? 1 + (shift + item->replicas.count - 1) % (count - 1) : 0;
            int32_t id = spread_next(item, brokers, count, (first + distance) % count);
            item->replicas.ids[item->replicas.count++] = id;
        }
    }
}
