/* The index of open transactions: see the header. */
#include "broker/group/open_txns.h"

#include "base/check.h"
#include "base/mem.h"

void open_txns_init(struct open_txns *txns)
{
    map_init(&txns->producers);
}

void open_txns_free(struct map *groups)
{
    map_close(groups);
    mem_free(groups);
}

void open_txns_clear(struct open_txns *txns)
{
    struct map *groups;
    size_t cursor = 0;
    while ((groups = map_next(&txns->producers, &cursor, NULL, NULL)))
        open_txns_free(groups);
    map_close(&txns->producers);
    map_init(&txns->producers);
}

void open_txns_add(struct open_txns *txns, int64_t producer_id, struct group *group)
{
    struct map *groups = map_get_u64(&txns->producers, (uint64_t)producer_id);
    if (!groups) {
        groups = mem_alloc(sizeof(*groups));
        map_init(groups);
        map_put_u64(&txns->producers, (uint64_t)producer_id, groups);
    }
    map_put_u64(groups, (uintptr_t)group, group);
    ASSERT(groups->count > 0);
}

void open_txns_remove(struct open_txns *txns, int64_t producer_id, struct group *group)
{
    struct map *groups = map_get_u64(&txns->producers, (uint64_t)producer_id);
    ASSERT(groups != NULL);
    struct group *removed = map_del_u64(groups, (uintptr_t)group);
    ASSERT(removed == group);
    if (groups->count > 0)
        return;
    map_del_u64(&txns->producers, (uint64_t)producer_id);
    open_txns_free(groups);
}

struct map *open_txns_take(struct open_txns *txns, int64_t producer_id)
{
    struct map *groups = map_del_u64(&txns->producers, (uint64_t)producer_id);
    ASSERT(!groups || groups->count > 0);
    return groups;
}
