/* Walks over transactional ids: see the header. */
#include "broker/txn/txn_walk.h"

#include "broker/txn/txn_private.h"

void txn_walk_begin(struct txn_walk *walk, struct txn_manager *manager)
{
    *walk = (struct txn_walk){.manager = manager};
}

static bool txn_walk_enter(struct txn_walk *walk)
{
    struct txn_shard *best = NULL, *shard;
    size_t cursor = 0;
    while ((shard = map_next(&walk->manager->shards, &cursor, NULL, NULL)))
        if (shard->machine.index >= walk->next_shard && machine_is_active(&shard->machine) &&
            (!best || shard->machine.index < best->machine.index))
            best = shard;
    walk->shard = best;
    if (!best)
        return false;
    ASSERT(best->machine.index >= walk->next_shard);
    walk->next_shard = best->machine.index + 1;
    walk->next = best->order.next;
    return true;
}

struct txn *txn_walk_next(struct txn_walk *walk)
{
    while (walk->shard || txn_walk_enter(walk)) {
        struct list *at = walk->next;
        if (at != &walk->shard->order) {
            walk->next = at->next;
            return LIST_ENTRY(at, struct txn, link);
        }
        walk->shard = NULL;
    }
    return NULL;
}

void txn_walk_skip(struct txn_walk *walk, const struct txn *txn)
{
    ASSERT(!walk->shard || walk->next != NULL);
    if (walk->shard && walk->next == &txn->link)
        walk->next = txn->link.next;
}

void txn_walk_leave(struct txn_walk *walk, const struct txn_shard *shard)
{
    if (walk->shard == shard)
        walk->shard = NULL;
}
