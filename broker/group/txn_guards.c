/* Guards of transactional commits: see the header. */
#include "broker/group/txn_guards.h"

#include "base/err.h"
#include "base/mem.h"

/* Those of one producer; it lives as long as there are any. */
struct txn_guard_set {
    struct list link; /* in guards->sets */
    struct txn_guards *guards;
    int64_t producer_id;
    struct list all; /* struct txn_guard; never empty */
};

void txn_guards_init(struct txn_guards *guards)
{
    map_init(&guards->producers);
    list_init(&guards->sets);
}

void txn_guards_close(struct txn_guards *guards)
{
    ASSERT(guards->producers.count == 0);
    ASSERT(list_empty(&guards->sets));
    map_close(&guards->producers);
}

static void txn_guard_set_leave(struct txn_guard *guard)
{
    struct txn_guard_set *set = guard->set;
    guard->set = NULL;
    list_remove(&guard->link);
    if (!list_empty(&set->all))
        return;
    struct txn_guard_set *removed =
        map_del_u64(&set->guards->producers, (uint64_t)set->producer_id);
    ASSERT(removed == set);
    list_remove(&set->link);
    mem_free(set);
}

static struct txn_guard_set *txn_guard_set_of(struct txn_guards *guards, int64_t producer_id)
{
    struct txn_guard_set *set = map_get_u64(&guards->producers, (uint64_t)producer_id);
    if (set)
        return set;
    set = mem_alloc(sizeof(*set));
    set->guards = guards;
    set->producer_id = producer_id;
    list_init(&set->all);
    const void *former = map_put_u64(&guards->producers, (uint64_t)producer_id, set);
    ASSERT(former == NULL);
    list_push(&guards->sets, &set->link);
    return set;
}

void txn_guard_set(struct txn_guards *guards, struct txn_guard *guard, int64_t producer_id)
{
    txn_guard_clear(guard);
    guard->set = txn_guard_set_of(guards, producer_id);
    list_push(&guard->set->all, &guard->link);
    ASSERT(txn_guard_check(guard) == 0);
}

void txn_guard_clear(struct txn_guard *guard)
{
    if (guard->set)
        txn_guard_set_leave(guard);
    guard->err = 0;
}

int txn_guard_check(const struct txn_guard *guard)
{
    ASSERT(!guard->set || guard->err == 0);
    return guard->err;
}

static void txn_guard_break(struct txn_guard *guard, int err)
{
    ASSERT(err < 0);
    txn_guard_set_leave(guard);
    guard->err = err;
}

static void txn_guard_set_break(struct txn_guard_set *set, int err)
{
    ASSERT(!list_empty(&set->all));
    bool last = false;
    while (!last) {
        struct txn_guard *guard = LIST_ENTRY(set->all.next, struct txn_guard, link);
        last = set->all.next == set->all.prev; /* the set goes with it */
        txn_guard_break(guard, err);
    }
}

void txn_guards_break(struct txn_guards *guards, int64_t producer_id)
{
    struct txn_guard_set *set = map_get_u64(&guards->producers, (uint64_t)producer_id);
    ASSERT(!set || set->producer_id == producer_id);
    if (set)
        txn_guard_set_break(set, ERR_INVALID_TXN_STATE);
}

void txn_guards_break_all(struct txn_guards *guards, int err)
{
    while (!list_empty(&guards->sets))
        txn_guard_set_break(LIST_ENTRY(guards->sets.next, struct txn_guard_set, link), err);
}
