/* The fetchers by leader. One that has been made stays, also when its last partition has left. What
 * goes wrong with a leader is its fetcher's business. */
#include "broker/replica/replica_fetchers.h"

#include "base/map.h"
#include "base/mem.h"
#include "broker/replica/replica_fetcher.h"

struct replica_fetchers {
    struct replica_manager *manager;
    struct map fetchers; /* leader id -> struct replica_fetcher */
    struct mem_budget budget;
};

struct replica_fetchers *replica_fetchers_new(struct replica_manager *manager)
{
    struct replica_fetchers *fetchers = mem_alloc(sizeof(*fetchers));
    fetchers->manager = manager;
    map_init(&fetchers->fetchers);
    mem_budget_init(&fetchers->budget,
                    replica_fetcher_memory(replica_manager_deps(manager)->config));
    return fetchers;
}

void replica_fetchers_free(struct replica_fetchers *fetchers)
{
    size_t cursor = 0;
    struct replica_fetcher *fetcher;
    while ((fetcher = map_next(&fetchers->fetchers, &cursor, NULL, NULL)))
        replica_fetcher_free(fetcher);
    map_close(&fetchers->fetchers);
    mem_free(fetchers);
}

static struct replica_fetcher *fetchers_get(const struct replica_fetchers *fetchers,
                                            int32_t leader_id)
{
    return map_get_u64(&fetchers->fetchers, (uint64_t)leader_id);
}

void replica_fetchers_follow(struct replica_fetchers *fetchers, struct partition *partition,
                             int32_t leader_id)
{
    replica_fetcher_remove(partition);
    if (leader_id == IMAGE_NO_NODE)
        return;
    struct replica_fetcher *fetcher = fetchers_get(fetchers, leader_id);
    if (!fetcher) {
        fetcher = replica_fetcher_new(fetchers->manager, leader_id, &fetchers->budget);
        map_put_u64(&fetchers->fetchers, (uint64_t)leader_id, fetcher);
    }
    replica_fetcher_add(fetcher, partition);
}

void replica_fetchers_redial(struct replica_fetchers *fetchers, int32_t broker_id)
{
    struct replica_fetcher *fetcher = fetchers_get(fetchers, broker_id);
    if (fetcher)
        replica_fetcher_redial(fetcher);
}

int64_t replica_fetchers_lost_ms(const struct replica_fetchers *fetchers, int32_t broker_id)
{
    const struct replica_fetcher *fetcher = fetchers_get(fetchers, broker_id);
    return fetcher ? replica_fetcher_lost_ms(fetcher) : 0;
}

void replica_fetchers_summarise(const struct replica_fetchers *fetchers, struct buf *out)
{
    buf_printf(out,
               "%zu leaders that we fetch from, memory for what comes from them %zu of %zu bytes",
               fetchers->fetchers.count, fetchers->budget.used, fetchers->budget.limit);
}
