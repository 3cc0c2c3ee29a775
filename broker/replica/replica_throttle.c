/* Throttles of replication. Happy path: a read for a replica that is not in sync asks how much is
 * allowed, and what was sent is taken from the allowance; a follower does the same with what it
 * asks for. Failure modes: none is left: a leader's partition waits in a list, and its readers are
 * told when there is some again; a fetcher holds its partition back (replica_fetcher.c). */
#include "broker/replica/replica_throttle.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "broker/replica/partition_private.h"

enum {
    THROTTLE_SECOND_US = 1000 * 1000,
    THROTTLE_WAIT_MAX_MS = 1000, /* then it is looked at again: the rate may be another by then */
    /* Partitions whose readers are told at a time: as a rule the first of them take all that there
     * is, and to have thousands look in vain costs more than another millisecond. */
    THROTTLE_TOLD_MAX = 64
};

struct replica_throttle {
    struct replica_manager *manager;
    const struct replica_deps *deps;
    struct throttle_rate leader, follower;
    struct map noted; /* ids of the topics whose lists are to be read */
    struct list held; /* partitions that we lead, whose readers wait for an allowance */
    struct env_timer timer;
    struct live_subscriber configured;
};

/* ---- a rate ---- */

void throttle_rate_set(struct throttle_rate *throttle, int64_t rate, int64_t window_us,
                       int64_t now_us)
{
    ASSERT(rate >= 0);
    ASSERT(window_us > 0);
    if (rate >> 10 >= THROTTLE_RATE_MAX)
        rate = INT64_MAX;
    if (window_us > THROTTLE_SECOND_US)
        window_us = THROTTLE_SECOND_US;
    throttle->rate = rate;
    throttle->burst = rate == INT64_MAX ? 0 : rate * window_us / THROTTLE_SECOND_US;
    if (throttle->burst == 0)
        throttle->burst = 1;
    throttle->left = throttle->burst;
    throttle->since_us = now_us;
    ASSERT(throttle->burst > 0);
    ASSERT(throttle->burst <= throttle->rate || throttle->burst == 1);
}

bool throttle_rate_is_set(const struct throttle_rate *throttle)
{
    return throttle->rate != INT64_MAX;
}

/* The time of what is given out is used up, and the rest of it counts next time. */
static void throttle_rate_grow(struct throttle_rate *throttle, int64_t now_us)
{
    ASSERT(throttle->rate > 0);
    ASSERT(throttle->burst > 0);
    int64_t passed_us = now_us - throttle->since_us;
    ASSERT(passed_us >= 0);
    while (passed_us > 0 && throttle->left < throttle->burst) {
        int64_t step_us = passed_us < THROTTLE_SECOND_US ? passed_us : THROTTLE_SECOND_US;
        int64_t grown = throttle->rate * step_us / THROTTLE_SECOND_US;
        if (grown == 0)
            return; /* less than a byte: it goes on growing */
        throttle->left += grown;
        throttle->since_us += step_us;
        passed_us -= step_us;
    }
    if (throttle->left >= throttle->burst) {
        throttle->left = throttle->burst;
        throttle->since_us = now_us;
    }
    ASSERT(throttle->left <= throttle->burst);
    ASSERT(throttle->since_us <= now_us);
}

size_t throttle_rate_allows(struct throttle_rate *throttle, int64_t now_us)
{
    if (!throttle_rate_is_set(throttle))
        return SIZE_MAX;
    if (throttle->rate == 0)
        return 0;
    throttle_rate_grow(throttle, now_us);
    return throttle->left > 0 ? (size_t)throttle->left : 0;
}

void throttle_rate_take(struct throttle_rate *throttle, size_t bytes)
{
    ASSERT(bytes <= INT64_MAX);
    if (throttle_rate_is_set(throttle))
        throttle->left -= (int64_t)bytes;
}

int64_t throttle_rate_wait_ms(const struct throttle_rate *throttle, size_t taken)
{
    if (!throttle_rate_is_set(throttle))
        return 1;
    /* Half of what is kept: a timer that fires late loses nothing then. */
    int64_t missing = (throttle->burst + 1) / 2 - throttle->left + (int64_t)taken;
    if (throttle->rate == 0)
        return THROTTLE_WAIT_MAX_MS;
    if (missing <= 0)
        return 1;
    if (missing / throttle->rate >= THROTTLE_WAIT_MAX_MS / 1000)
        return THROTTLE_WAIT_MAX_MS;
    return 1 + missing * 1000 / throttle->rate;
}

/* ---- leaders ---- */

static void throttle_wait(struct replica_throttle *throttle, size_t taken)
{
    if (!list_empty(&throttle->held) && !env_timer_running(&throttle->timer))
        env_timer_start(&throttle->timer, throttle_rate_wait_ms(&throttle->leader, taken));
}

/* Those that have waited longest come first; who looks in vain is held again, behind the others. */
static void throttle_open(void *data)
{
    struct replica_throttle *throttle = data;
    struct list *step;
    bool any = throttle_rate_allows(&throttle->leader, env_now_us(throttle->deps->env)) > 0;
    for (int told = 0; any && told < THROTTLE_TOLD_MAX && (step = list_pop(&throttle->held));
         told++)
        partition_tell(LIST_ENTRY(step, struct partition, throttle_link), PARTITION_CHANGED_END);
    throttle_wait(throttle, 0);
}

static void throttle_hold(struct replica_throttle *throttle, struct partition *partition,
                          size_t taken)
{
    ASSERT(partition->throttled_leader);
    ASSERT(throttle_rate_is_set(&throttle->leader));
    if (list_empty(&partition->throttle_link))
        list_push(&throttle->held, &partition->throttle_link);
    throttle_wait(throttle, taken);
    ASSERT(!list_empty(&partition->throttle_link));
}

size_t replica_throttle_for_read(struct replica_throttle *throttle, struct partition *partition,
                                 int32_t replica_id, size_t taken)
{
    if (!partition->throttled_leader || !throttle_rate_is_set(&throttle->leader) ||
        image_ids_have(&partition->isr, replica_id))
        return SIZE_MAX;
    size_t allowed = throttle_rate_allows(&throttle->leader, env_now_us(throttle->deps->env));
    if (allowed > taken)
        return allowed - taken;
    throttle_hold(throttle, partition, taken);
    return 0;
}

void replica_throttle_sent(struct replica_throttle *throttle, size_t bytes)
{
    throttle_rate_take(&throttle->leader, bytes);
}

/* ---- followers ---- */

bool replica_throttle_holds(const struct replica_throttle *throttle,
                            const struct partition *partition)
{
    return partition->throttled_follower && throttle_rate_is_set(&throttle->follower) &&
           !image_ids_have(&partition->isr, throttle->deps->node_id);
}

struct throttle_rate *replica_throttle_of_follower(struct replica_throttle *throttle)
{
    return &throttle->follower;
}

/* ---- whom it is for ---- */

enum throttle_side { THROTTLE_LEADER, THROTTLE_FOLLOWER };

bool replica_throttle_is_list(const char *key)
{
    return strcmp(key, config_row(CONFIG_LEADER_REPLICATION_THROTTLED_REPLICAS)->topic_name) == 0 ||
           strcmp(key, config_row(CONFIG_FOLLOWER_REPLICATION_THROTTLED_REPLICAS)->topic_name) == 0;
}

void replica_throttle_note(struct replica_throttle *throttle, const struct uuid *topic_id)
{
    map_put(&throttle->noted, topic_id->bytes, sizeof(topic_id->bytes), throttle);
}

/* A leader that is not held any more has readers that wait for nothing. */
static void throttle_put(struct partition *partition, enum throttle_side side, bool on)
{
    if (side == THROTTLE_FOLLOWER) {
        partition->throttled_follower = on;
        return;
    }
    partition->throttled_leader = on;
    if (on || list_empty(&partition->throttle_link))
        return;
    list_remove(&partition->throttle_link);
    partition_tell(partition, PARTITION_CHANGED_END);
}

static void throttle_put_all(const struct replica_throttle *throttle,
                             const struct image_topic *topic, enum throttle_side side, bool on)
{
    for (int32_t i = 0; i < topic->partition_count; i++) {
        struct partition *partition = replica_manager_get(throttle->manager, &topic->id, i);
        if (partition)
            throttle_put(partition, side, on);
    }
}

/* "partition:broker" where the broker is this one; else -1. */
static int32_t throttle_own_partition(const struct replica_throttle *throttle, const char *element,
                                      size_t len)
{
    char *end;
    long partition = strtol(element, &end, 10);
    if (*end != ':' || partition < 0 || partition > INT32_MAX)
        return -1;
    long broker = strtol(end + 1, &end, 10);
    return end == element + len && broker == throttle->deps->node_id ? (int32_t)partition : -1;
}

/* "*", or "partition:broker,...". */
static void throttle_take_list(const struct replica_throttle *throttle,
                               const struct image_topic *topic, enum throttle_side side)
{
    static const enum config_id ids[] = {
        [THROTTLE_LEADER] = CONFIG_LEADER_REPLICATION_THROTTLED_REPLICAS,
        [THROTTLE_FOLLOWER] = CONFIG_FOLLOWER_REPLICATION_THROTTLED_REPLICAS};
    const char *list = live_settings_topic_text(throttle->deps->live, topic->name, ids[side]);
    const char *element, *rest = list ? list : "";
    size_t len;
    ASSERT((size_t)side < ARRAY_LEN(ids));
    while (config_next_element(&rest, &element, &len))
        if (len == 1 && *element == '*') {
            throttle_put_all(throttle, topic, side, true);
            return;
        }
    throttle_put_all(throttle, topic, side, false);
    rest = list ? list : "";
    while (config_next_element(&rest, &element, &len)) {
        int32_t index = throttle_own_partition(throttle, element, len);
        struct partition *partition =
            index < 0 ? NULL : replica_manager_get(throttle->manager, &topic->id, index);
        if (partition)
            throttle_put(partition, side, true);
    }
}

void replica_throttle_settle(struct replica_throttle *throttle)
{
    if (throttle->noted.count == 0)
        return;
    const struct image *image = metadata_image(throttle->deps->metadata);
    const void *key;
    size_t len, cursor = 0;
    while (map_next(&throttle->noted, &cursor, &key, &len)) {
        struct uuid id;
        ASSERT(len == sizeof(id.bytes));
        memcpy(id.bytes, key, sizeof(id.bytes));
        const struct image_topic *topic = image_topic_by_id(image, &id);
        if (!topic) /* it went in the same frame */
            continue;
        throttle_take_list(throttle, topic, THROTTLE_LEADER);
        throttle_take_list(throttle, topic, THROTTLE_FOLLOWER);
    }
    map_close(&throttle->noted);
    map_init(&throttle->noted);
}

/* ---- life ---- */

static void throttle_configure(void *data)
{
    struct replica_throttle *throttle = data;
    const struct replica_deps *deps = throttle->deps;
    int64_t window_us = config_int(deps->config, CONFIG_REPLICATION_QUOTA_WINDOW_SIZE_SECONDS) *
                        THROTTLE_SECOND_US /
                        config_int(deps->config, CONFIG_REPLICATION_QUOTA_WINDOW_NUM);
    if (window_us == 0)
        window_us = 1;
    int64_t now_us = env_now_us(deps->env);
    throttle_rate_set(&throttle->leader,
                      live_settings_int(deps->live, CONFIG_LEADER_REPLICATION_THROTTLED_RATE),
                      window_us, now_us);
    throttle_rate_set(&throttle->follower,
                      live_settings_int(deps->live, CONFIG_FOLLOWER_REPLICATION_THROTTLED_RATE),
                      window_us, now_us);
}

struct replica_throttle *replica_throttle_new(struct replica_manager *manager)
{
    static const enum config_id ids[] = {CONFIG_LEADER_REPLICATION_THROTTLED_RATE,
                                         CONFIG_FOLLOWER_REPLICATION_THROTTLED_RATE};
    struct replica_throttle *throttle = mem_alloc(sizeof(*throttle));
    throttle->manager = manager;
    throttle->deps = replica_manager_deps(manager);
    map_init(&throttle->noted);
    list_init(&throttle->held);
    env_timer_init(throttle->deps->env, &throttle->timer, throttle_open, throttle);
    throttle_configure(throttle);
    throttle->configured = (struct live_subscriber){
        .ids = ids, .count = ARRAY_LEN(ids), .changed = throttle_configure, .data = throttle};
    live_settings_subscribe(throttle->deps->live, &throttle->configured);
    return throttle;
}

void replica_throttle_free(struct replica_throttle *throttle)
{
    ASSERT(list_empty(&throttle->held));
    map_close(&throttle->noted);
    live_settings_unsubscribe(&throttle->configured);
    env_timer_stop(&throttle->timer);
    mem_free(throttle);
}
