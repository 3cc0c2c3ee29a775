/* Addresses and their new connections. Failure mode: more addresses than are remembered, of which
 * the oldest begins anew. */
#include "broker/quota/hosts.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "meta/quota.h"

struct hosts_one {
    struct list link; /* the least recently seen first */
    char name[ENV_ADDRESS_TEXT_MAX];
    bool told;
    struct rate rate;
};

struct quotas_hosts {
    struct env *env;
    struct logger *logger;
    const struct metadata *metadata;
    struct rate_window window;
    struct map by_name;
    struct list used;
};

struct quotas_hosts *hosts_new(struct env *env, struct logger *logger,
                               const struct metadata *metadata, struct rate_window window)
{
    struct quotas_hosts *hosts = mem_alloc(sizeof(*hosts));
    hosts->env = env;
    hosts->logger = logger;
    hosts->metadata = metadata;
    hosts->window = window;
    map_init(&hosts->by_name);
    list_init(&hosts->used);
    return hosts;
}

static void hosts_drop(struct quotas_hosts *hosts, struct hosts_one *one)
{
    void *dropped = map_del(&hosts->by_name, one->name, strlen(one->name));
    ASSERT(dropped == one);
    list_remove(&one->link);
    mem_free(one);
}

static struct hosts_one *hosts_find(struct quotas_hosts *hosts, const char *name)
{
    size_t len = strlen(name);
    struct hosts_one *one = map_get(&hosts->by_name, name, len);
    ASSERT(len < sizeof(one->name));
    if (!one) {
        if (hosts->by_name.count >= HOSTS_MAX)
            hosts_drop(hosts, LIST_ENTRY(hosts->used.next, struct hosts_one, link));
        one = mem_alloc(sizeof(*one) + rate_size(&hosts->window));
        memcpy(one->name, name, len);
        map_put(&hosts->by_name, name, len, one);
    } else {
        list_remove(&one->link);
    }
    list_push(&hosts->used, &one->link);
    ASSERT(hosts->by_name.count <= HOSTS_MAX);
    return one;
}

int32_t hosts_arrive(struct quotas_hosts *hosts, const char *host)
{
    const struct image *image = metadata_image(hosts->metadata);
    double limit;
    if (!quota_find_ip(image, QUOTA_CONNECTION_CREATION_RATE, host, &limit))
        return 0;
    struct hosts_one *one = hosts_find(hosts, host);
    int64_t now_us = env_now_us(hosts->env);
    rate_add(&one->rate, &hosts->window, now_us, 1);
    int64_t wait_us = rate_wait_us(&one->rate, &hosts->window, now_us, limit);
    if (wait_us > 0 && !one->told) {
        one->told = true;
        logger_info(hosts->logger,
                    "new connections from %s are throttled: its connection_creation_rate is %.17g; "
                    "said once",
                    host, limit);
    }
    if (wait_us < rate_window_us(&hosts->window))
        return (int32_t)((wait_us + 999) / 1000);
    rate_add(&one->rate, &hosts->window, now_us, -1); /* it is closed, and counts for nobody */
    return -1;
}

void hosts_change(struct quotas_hosts *hosts)
{
    bool any =
        image_quota_keys(metadata_image(hosts->metadata)) & 1u << QUOTA_CONNECTION_CREATION_RATE;
    LIST_EACH(step, &hosts->used) {
        struct hosts_one *one = LIST_ENTRY(step, struct hosts_one, link);
        one->told = false;
        if (!any)
            hosts_drop(hosts, one);
    }
}

size_t hosts_count(const struct quotas_hosts *hosts)
{
    return hosts->by_name.count;
}

void hosts_free(struct quotas_hosts *hosts)
{
    while (!list_empty(&hosts->used))
        hosts_drop(hosts, LIST_ENTRY(hosts->used.next, struct hosts_one, link));
    map_close(&hosts->by_name);
    mem_free(hosts);
}
