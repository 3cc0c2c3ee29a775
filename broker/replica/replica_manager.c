/* All replicas of this broker.
 *
 * Happy path: a partition record names us as a replica; its log is opened on the worker pool; it
 * leads, or joins the fetcher of its leader. A broker that starts asks for leaderships only when
 * its logs are open, or are still not after a moment. Failure modes: a damaged log is set aside and
 * fetched anew when another replica has the data; a topic that is removed while its log opens is
 * deleted when the log is there.
 */
#include "broker/replica/replica_manager.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/replica/isr_proposals.h"
#include "broker/replica/partition_private.h"
#include "broker/replica/partitions.h"
#include "broker/replica/replica_fetcher.h"
#include "broker/replica/replica_fetchers.h"
#include "broker/replica/replica_manager_private.h"
#include "broker/replica/replica_openings.h"
#include "broker/replica/replica_report.h"
#include "broker/replica/replica_throttle.h"

enum {
    /* A start waits so long for its logs; those that take longer are reported as offline. */
    MANAGER_READY_MS = 200,
    /* And once more while so many open in that time: to report those that are only behind many
     * others takes longer than to open them. */
    MANAGER_READY_FAST = 1000
};

struct partition_key {
    uint8_t bytes[20];
};

struct replica_manager {
    struct replica_deps deps;
    struct metadata_listener listener;
    struct live_subscriber configured;
    bool registered;               /* and the log directories have noted it */
    bool current;                  /* the metadata has reached our own registration */
    bool reporting;                /* to be unfenced once the controller knows what can't serve */
    struct map partitions;         /* partition_key -> struct partition */
    struct map heard;              /* replica id -> struct heard */
    struct replica_report *report; /* of what can't serve here */
    struct isr_proposals *proposals;
    struct replica_fetchers *fetchers;
    struct replica_openings *openings;
    struct partitions *ops;
    struct replica_throttle *throttle;
    struct list settling; /* partitions to advance at the end of the turn */
    struct env_timer settle_timer;
    struct env_timer isr_timer;
    struct env_timer ready_timer;
    size_t ready_left; /* logs that were not open when the timer was started */
};

struct heard {
    int64_t at_ms;
};

static struct partition_key manager_key(const struct uuid *id, int32_t index)
{
    struct partition_key key;
    memcpy(key.bytes, id->bytes, sizeof(id->bytes));
    memcpy(key.bytes + sizeof(id->bytes), &index, sizeof(index));
    return key;
}

static struct partition *manager_get(struct replica_manager *manager,
                                     const struct partition_key *key)
{
    return map_get(&manager->partitions, key->bytes, sizeof(key->bytes));
}

struct partition *replica_manager_get(struct replica_manager *manager, const struct uuid *topic_id,
                                      int32_t index)
{
    struct partition_key key = manager_key(topic_id, index);
    return manager_get(manager, &key);
}

/* ---- damaged ones ---- */

/* Whether the controller may still ask us to lead, as one that has every committed record. */
static bool manager_counts(const struct replica_manager *manager, const struct partition *partition)
{
    return image_ids_have(&partition->isr, manager->deps.node_id) ||
           image_ids_have(&partition->elr, manager->deps.node_id);
}

/* A damaged replica is fetched anew once another one leads without it. As long as it counts as in
 * sync or as eligible it could still be asked to lead, and must not be empty then: the controller
 * has been told, and takes it out: of the set when it finds another leader, of those that are
 * eligible at once. Before the metadata has reached our own registration it may name a leader of
 * long ago. */
static void manager_mend(struct replica_manager *manager, struct partition *partition)
{
    const char *topic = partition->topic;
    if (!partition->damaged || !manager->current || partition->state != PARTITION_OFFLINE)
        return;
    if (partition->leader == IMAGE_NO_NODE || partition->leader == manager->deps.node_id ||
        manager_counts(manager, partition))
        return;
    logger_error(manager->deps.logger,
                 "%s-%d: the log can't be used: the partition is fetched anew from broker %d",
                 topic, partition->index, partition->leader);
    if (log_manager_discard(manager->deps.logs, topic, partition->index))
        return; /* its log directory has failed: nothing is opened there before the next start */
    partition_reopen(partition);
    ASSERT(partition->state == PARTITION_OPENING);
    replica_openings_open(manager->openings, partition);
}

void replica_manager_review(struct replica_manager *manager, struct partition *partition)
{
    ASSERT(partition->owner == manager);
    manager_mend(manager, partition);
    replica_report_review(manager->report, partition);
}

/* ---- what partitions ask for ---- */

static void manager_settle(void *owner, struct partition *partition)
{
    struct replica_manager *manager = owner;
    ASSERT(partition->owner == manager);
    list_remove(&partition->settle_link);
    list_push(&manager->settling, &partition->settle_link);
    if (!env_timer_running(&manager->settle_timer))
        env_timer_start_soon(&manager->settle_timer);
}

static void manager_propose(void *owner, struct partition *partition)
{
    struct replica_manager *manager = owner;
    ASSERT(partition->owner == manager);
    isr_proposals_add(manager->proposals, partition);
}

static void manager_review(void *owner, struct partition *partition)
{
    replica_manager_review(owner, partition);
}

static void manager_follow(void *owner, struct partition *partition, int32_t leader_id)
{
    struct replica_manager *manager = owner;
    ASSERT(partition->owner == manager);
    if (partition->state == PARTITION_FOLLOWER)
        replica_report_say_older(partition);
    replica_fetchers_follow(manager->fetchers, partition, leader_id);
}

static void manager_follower_ready(void *owner, struct partition *partition)
{
    (void)owner;
    replica_fetcher_ready(partition);
}

static bool manager_is_current(void *owner)
{
    return replica_manager_is_current(owner);
}

static int64_t manager_last_heard_ms(void *owner, int32_t replica_id)
{
    const struct replica_manager *manager = owner;
    const struct heard *heard = map_get_u64(&manager->heard, (uint64_t)replica_id);
    return heard ? heard->at_ms : 0;
}

static const struct partition_owner_ops manager_owner_ops = {
    .settle = manager_settle,
    .propose = manager_propose,
    .review = manager_review,
    .follow = manager_follow,
    .follower_ready = manager_follower_ready,
    .is_current = manager_is_current,
    .last_heard_ms = manager_last_heard_ms,
};

/* ---- opening and closing ---- */

/* Whether the logs open fast enough to go on waiting. */
static bool manager_waits(struct replica_manager *manager)
{
    size_t left = replica_openings_count(manager->openings), before = manager->ready_left;
    manager->ready_left = left;
    return left > 0 && left < before && before - left >= MANAGER_READY_FAST;
}

/* What can't serve is said, and the controller has it, before we ask to be unfenced: so only what
 * is open and whole is given to us to lead, and one long recovery keeps the others from serving no
 * longer. */
static void manager_ready(void *data)
{
    struct replica_manager *manager = data;
    if (manager_waits(manager)) {
        env_timer_start(&manager->ready_timer, MANAGER_READY_MS);
        return;
    }
    env_timer_stop(&manager->ready_timer);
    size_t late = 0, cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&manager->partitions, &cursor, NULL, NULL))) {
        partition->late = partition->state == PARTITION_OPENING;
        late += partition->late;
    }
    ASSERT(late <= manager->partitions.count);
    if (late > 0)
        logger_info(manager->deps.logger,
                    "%zu of %zu logs are still being opened: the others are served meanwhile", late,
                    manager->partitions.count);
    manager->reporting = true;
    replica_report_flush(manager->report);
}

void replica_manager_opened(struct replica_manager *manager)
{
    if (replica_openings_count(manager->openings) == 0 && env_timer_running(&manager->ready_timer))
        manager_ready(manager);
}

void replica_manager_reported(struct replica_manager *manager)
{
    if (!manager->reporting)
        return;
    manager->reporting = false;
    controller_channel_recovering(manager->deps.channel, false);
}

/* `keep`: no record says that it is gone, so its data is not deleted. */
static void manager_remove(struct replica_manager *manager, struct partition *partition, bool keep)
{
    replica_openings_forget(manager->openings, partition, keep);
    struct partition_key key = manager_key(&partition->topic_id, partition->index);
    ASSERT(manager_get(manager, &key) == partition);
    map_del(&manager->partitions, key.bytes, sizeof(key.bytes));
    struct log *log = partition->log;
    if (partition->damaged && !keep)
        replica_openings_discard(manager->openings, partition->topic, partition->index);
    partition_free(partition);
    replica_openings_let_go(manager->openings, log, keep);
}

static void manager_partition_changed(void *data, const struct image_topic *topic, int32_t index)
{
    struct replica_manager *manager = data;
    const struct image_partition *record = image_partition(topic, index);
    struct partition_key key = manager_key(&topic->id, index);
    struct partition *partition = manager_get(manager, &key);
    bool ours = record && image_ids_have(&record->replicas, manager->deps.node_id);
    if (!ours) {
        if (partition)
            manager_remove(manager, partition, false);
        return;
    }
    if (!partition) {
        partition = partition_new(&manager_owner_ops, manager, &manager->deps, topic, index);
        map_put(&manager->partitions, key.bytes, sizeof(key.bytes), partition);
        replica_throttle_note(manager->throttle, &topic->id);
        ASSERT(partition->index == index);
        partition_update(partition, record);
        /* Until then it may be a topic of long ago, and its log would take the place of a newer one
         * with the same name. */
        if (manager->current)
            replica_openings_open(manager->openings, partition);
        return;
    }
    partition_update(partition, record);
}

/* Removes the partitions for which `gone` holds; the map can't change during its own walk. */
static void manager_remove_if(struct replica_manager *manager,
                              bool (*gone)(const struct partition *, const void *),
                              const void *data, bool keep)
{
    struct partition **doomed = mem_alloc((manager->partitions.count + 1) * sizeof(*doomed));
    size_t count = 0;
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&manager->partitions, &cursor, NULL, NULL)))
        if (gone(partition, data))
            doomed[count++] = partition;
    ASSERT(count <= manager->partitions.count);
    for (size_t i = 0; i < count; i++)
        manager_remove(manager, doomed[i], keep);
    mem_free(doomed);
}

static bool manager_of_topic(const struct partition *partition, const void *data)
{
    return uuid_equal(&partition->topic_id, data);
}

static void manager_topic_removed(void *data, const struct uuid *topic_id)
{
    manager_remove_if(data, manager_of_topic, topic_id, false);
}

static bool manager_not_in_image(const struct partition *partition, const void *data)
{
    const struct replica_manager *manager = data;
    const struct image_topic *topic =
        image_topic_by_id(metadata_image(manager->deps.metadata), &partition->topic_id);
    const struct image_partition *record = topic ? image_partition(topic, partition->index) : NULL;
    return !record || !image_ids_have(&record->replicas, manager->deps.node_id);
}

static void manager_configure_all(void *data)
{
    struct replica_manager *manager = data;
    struct partition *partition;
    size_t cursor = 0;
    while ((partition = map_next(&manager->partitions, &cursor, NULL, NULL))) {
        struct live_topic settings;
        live_settings_topic(manager->deps.live, partition->topic, &settings);
        partition_configure(partition, &settings);
    }
}

void replica_manager_review_isrs(struct replica_manager *manager)
{
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&manager->partitions, &cursor, NULL, NULL)))
        partition_review_isr(partition);
}

static void manager_forget_earlier(struct replica_manager *manager, int32_t broker_id)
{
    const struct image_broker *broker =
        image_broker(metadata_image(manager->deps.metadata), broker_id);
    int64_t epoch = broker ? broker->epoch : -1;
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&manager->partitions, &cursor, NULL, NULL)))
        partition_forget_earlier(partition, broker_id, epoch);
}

/* Brokers may have changed without a word about them: first of all what earlier processes said
 * ends, since the records of partitions may move high watermarks. */
static void manager_replaced(void *data)
{
    struct replica_manager *manager = data;
    const struct image *image = metadata_image(manager->deps.metadata);
    size_t brokers = 0;
    const struct image_broker *broker;
    while ((broker = image_next_broker(image, &brokers)))
        manager_forget_earlier(manager, broker->id);
    /* It may be of controllers that were restored from an older copy: what it lacks is a guess. */
    manager_remove_if(manager, manager_not_in_image, manager, true);
    size_t cursor = 0;
    const struct image_topic *topic;
    while ((topic = image_next_topic(image, &cursor))) {
        replica_throttle_note(manager->throttle, &topic->id);
        for (int32_t i = 0; i < topic->partition_count; i++)
            manager_partition_changed(manager, topic, i);
    }
    manager_configure_all(manager);
    replica_manager_review_isrs(manager);
}

static void manager_config_changed(void *data, Meta__ConfigRecord__Resource resource,
                                   const char *name, const char *setting)
{
    struct replica_manager *manager = data;
    if (resource != META__CONFIG_RECORD__RESOURCE__TOPIC)
        return;
    const struct image_topic *topic =
        image_topic_by_name(metadata_image(manager->deps.metadata), name, strlen(name));
    struct live_topic settings;
    if (!topic)
        return;
    if (replica_throttle_is_list(setting)) {
        replica_throttle_note(manager->throttle, &topic->id);
        return;
    }
    live_settings_topic(manager->deps.live, topic->name, &settings);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        struct partition_key key = manager_key(&topic->id, i);
        struct partition *partition = manager_get(manager, &key);
        if (partition)
            partition_configure(partition, &settings);
    }
}

static void manager_broker_changed(void *data, int32_t id)
{
    struct replica_manager *manager = data;
    replica_fetchers_redial(manager->fetchers, id);
    manager_forget_earlier(manager, id);
    replica_manager_review_isrs(manager); /* it may join now, or not be in any set any more */
}

bool replica_manager_is_current(const struct replica_manager *manager)
{
    return manager->current;
}

static void manager_settled(void *data)
{
    struct replica_manager *manager = data;
    replica_throttle_settle(manager->throttle);
    int64_t registered = controller_channel_broker_epoch(manager->deps.channel);
    if (manager->current || !manager->registered ||
        metadata_index(manager->deps.metadata) < registered)
        return;
    ASSERT(registered >= 0);
    manager->current = true;
    ASSERT(replica_openings_count(manager->openings) == 0);
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&manager->partitions, &cursor, NULL, NULL)))
        replica_openings_open(manager->openings, partition);
    if (replica_openings_count(manager->openings) > 0) {
        controller_channel_recovering(manager->deps.channel, true);
        manager->ready_left = replica_openings_count(manager->openings);
        env_timer_start(&manager->ready_timer, MANAGER_READY_MS);
    }
}

void replica_manager_registered(struct replica_manager *manager)
{
    manager->registered = true;
    manager_settled(manager);
}

/* ---- finding ---- */

/* A broker that starts does not know yet what there is not. */
struct partition *replica_manager_find(struct replica_manager *manager,
                                       const struct image_topic *topic, int32_t index, int *err)
{
    if (!topic || !image_partition(topic, index)) {
        *err = manager->current ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_NOT_LEADER_OR_FOLLOWER;
        return NULL;
    }
    struct partition_key key = manager_key(&topic->id, index);
    struct partition *partition = manager_get(manager, &key);
    *err = partition ? 0 : ERR_NOT_LEADER_OR_FOLLOWER;
    ASSERT(!partition || partition->index == index);
    return partition;
}

struct partition *replica_manager_by_name(struct replica_manager *manager, const char *name,
                                          size_t name_len, int32_t index, int *err)
{
    const struct image *image = metadata_image(manager->deps.metadata);
    return replica_manager_find(manager, image_topic_by_name(image, name, name_len), index, err);
}

struct partition *replica_manager_by_id(struct replica_manager *manager, const struct uuid *id,
                                        int32_t index, int *err)
{
    const struct image_topic *topic = image_topic_by_id(metadata_image(manager->deps.metadata), id);
    struct partition *partition = replica_manager_find(manager, topic, index, err);
    if (!topic && *err == ERR_UNKNOWN_TOPIC_OR_PARTITION)
        *err = ERR_UNKNOWN_TOPIC_ID;
    return partition;
}

struct partitions *replica_manager_partitions(const struct replica_manager *manager)
{
    return manager->ops;
}

size_t replica_manager_count(const struct replica_manager *manager)
{
    return manager->partitions.count;
}

struct partition *replica_manager_next(struct replica_manager *manager, size_t *cursor)
{
    return map_next(&manager->partitions, cursor, NULL, NULL);
}

void replica_manager_summarise(const struct replica_manager *manager, struct buf *out)
{
    buf_printf(out, "%zu partitions, ", manager->partitions.count);
    replica_fetchers_summarise(manager->fetchers, out);
}

const struct replica_deps *replica_manager_deps(const struct replica_manager *manager)
{
    return &manager->deps;
}

struct replica_throttle *replica_manager_throttle(const struct replica_manager *manager)
{
    return manager->throttle;
}

/* ---- in-sync sets ---- */

static void manager_check_isr(void *data)
{
    struct replica_manager *manager = data;
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&manager->partitions, &cursor, NULL, NULL)))
        partition_check_isr(partition);
    env_timer_start(&manager->isr_timer,
                    config_int(manager->deps.config, CONFIG_REPLICA_LAG_TIME_MAX_MS) / 2);
}

void replica_manager_resume(struct replica_manager *manager)
{
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&manager->partitions, &cursor, NULL, NULL))) {
        manager_settle(manager, partition);
        /* Who asked meanwhile was told that no append is taken. */
        partition_tell(partition, PARTITION_CHANGED_FACTS);
    }
}

static void manager_settle_due(void *data)
{
    struct replica_manager *manager = data;
    struct list *step;
    while ((step = list_pop(&manager->settling)))
        partition_advance(LIST_ENTRY(step, struct partition, settle_link));
}

void replica_manager_heard(struct replica_manager *manager, int32_t replica_id)
{
    struct heard *heard = map_get_u64(&manager->heard, (uint64_t)replica_id);
    if (!heard) {
        /* Only ids of the cluster are remembered: a peer can't fill the map with made-up ones. */
        if (!image_broker(metadata_image(manager->deps.metadata), replica_id))
            return;
        heard = mem_alloc(sizeof(*heard));
        map_put_u64(&manager->heard, (uint64_t)replica_id, heard);
    }
    heard->at_ms = env_now_ms(manager->deps.env);
}

/* ---- life ---- */

static void manager_subscribe(struct replica_manager *manager)
{
    size_t count;
    const enum config_id *ids = live_settings_topic_ids(&count);
    manager->configured = (struct live_subscriber){
        .ids = ids, .count = count, .changed = manager_configure_all, .data = manager};
    live_settings_subscribe(manager->deps.live, &manager->configured);
}

struct replica_manager *replica_manager_new(const struct replica_deps *deps)
{
    ASSERT(deps->env != NULL);
    ASSERT(deps->logger != NULL);
    ASSERT(deps->config != NULL);
    ASSERT(deps->metadata != NULL);
    ASSERT(deps->logs != NULL);
    ASSERT(deps->live != NULL);
    struct replica_manager *manager = mem_alloc(sizeof(*manager));
    manager->deps = *deps;
    manager->listener = (struct metadata_listener){
        .partition_changed = manager_partition_changed,
        .topic_removed = manager_topic_removed,
        .broker_changed = manager_broker_changed,
        .config_changed = manager_config_changed,
        .replaced = manager_replaced,
        .settled = manager_settled,
        .data = manager,
    };
    manager_subscribe(manager);
    map_init(&manager->partitions);
    manager->openings = replica_openings_new(manager);
    map_init(&manager->heard);
    manager->fetchers = replica_fetchers_new(manager);
    manager->throttle = replica_throttle_new(manager);
    manager->report = replica_report_new(manager);
    manager->proposals = isr_proposals_new(manager);
    manager->ops = partitions_new(manager);
    list_init(&manager->settling);
    env_timer_init(deps->env, &manager->settle_timer, manager_settle_due, manager);
    env_timer_init(deps->env, &manager->isr_timer, manager_check_isr, manager);
    env_timer_init(deps->env, &manager->ready_timer, manager_ready, manager);
    env_timer_start(&manager->isr_timer,
                    config_int(deps->config, CONFIG_REPLICA_LAG_TIME_MAX_MS) / 2);
    metadata_listen(deps->metadata, &manager->listener);
    return manager;
}

void replica_manager_free(struct replica_manager *manager)
{
    live_settings_unsubscribe(&manager->configured);
    partitions_close(manager->ops);
    replica_report_free(manager->report);
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&manager->partitions, &cursor, NULL, NULL)))
        partition_free(partition);
    partitions_free(manager->ops);
    isr_proposals_free(manager->proposals);
    replica_fetchers_free(manager->fetchers);
    replica_throttle_free(manager->throttle);
    cursor = 0;
    struct heard *heard;
    while ((heard = map_next(&manager->heard, &cursor, NULL, NULL)))
        mem_free(heard);
    replica_openings_free(manager->openings);
    ASSERT(list_empty(&manager->settling));
    map_close(&manager->partitions);
    map_close(&manager->heard);
    list_remove(&manager->listener.link);
    env_timer_stop(&manager->settle_timer);
    env_timer_stop(&manager->isr_timer);
    env_timer_stop(&manager->ready_timer);
    mem_free(manager);
}

int64_t replica_manager_lost_ms(const struct replica_manager *manager, int32_t broker_id)
{
    return replica_fetchers_lost_ms(manager->fetchers, broker_id);
}
