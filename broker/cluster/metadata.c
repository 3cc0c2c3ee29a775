/* The broker's view of the cluster. Happy path: a frame of entries arrives, each record goes into
 * the image, listeners hear of it, waiters for the index are released. Failure mode: a record that
 * the image refuses; the caller then drops the connection and follows again. */
#include "broker/cluster/metadata.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

struct metadata {
    struct env *env;
    struct logger *logger;
    struct image *image;
    int64_t index;
    int64_t term; /* of the newest entry */
    struct list listeners;
    struct list waits;
};

struct metadata *metadata_new(struct env *env, struct logger *logger)
{
    struct metadata *metadata = mem_alloc(sizeof(*metadata));
    metadata->env = env;
    metadata->logger = logger;
    metadata->image = image_new();
    list_init(&metadata->listeners);
    list_init(&metadata->waits);
    return metadata;
}

void metadata_end_waits(struct metadata *metadata)
{
    struct list *step;
    while ((step = list_pop(&metadata->waits))) {
        struct metadata_wait *wait = LIST_ENTRY(step, struct metadata_wait, link);
        ASSERT(wait->done != NULL);
        env_timer_stop(&wait->timer);
        wait->done(wait, ERR_BROKER_NOT_AVAILABLE);
    }
}

void metadata_free(struct metadata *metadata)
{
    metadata_end_waits(metadata);
    ASSERT(list_empty(&metadata->waits));
    ASSERT(list_empty(&metadata->listeners)); /* each leaves before it is freed */
    image_free(metadata->image);
    mem_free(metadata);
}

void metadata_listen(struct metadata *metadata, struct metadata_listener *listener)
{
    list_push(&metadata->listeners, &listener->link);
}

const struct image *metadata_image(const struct metadata *metadata)
{
    return metadata->image;
}

int64_t metadata_index(const struct metadata *metadata)
{
    return metadata->index;
}

int64_t metadata_term(const struct metadata *metadata)
{
    return metadata->term;
}

#define METADATA_TELL(metadata, member, ...)                                                       \
    LIST_EACH(tell_step, &(metadata)->listeners) {                                                 \
        struct metadata_listener *tell = LIST_ENTRY(tell_step, struct metadata_listener, link);    \
        if (tell->member)                                                                          \
            tell->member(tell->data, ##__VA_ARGS__);                                               \
    }

static void metadata_tell_partition(struct metadata *metadata, const Meta__PartitionRecord *record)
{
    struct uuid id;
    memcpy(id.bytes, record->topic_id.data, sizeof(id.bytes));
    const struct image_topic *topic = image_topic_by_id(metadata->image, &id);
    ASSERT(topic);
    METADATA_TELL(metadata, partition_changed, topic, record->partition)
}

static void metadata_tell(struct metadata *metadata, const Meta__Record *record)
{
    switch (record->fact_case) {
    case META__RECORD__FACT_PARTITION:
        metadata_tell_partition(metadata, record->partition);
        break;
    case META__RECORD__FACT_TOPIC_REMOVED: {
        struct uuid id;
        memcpy(id.bytes, record->topic_removed->id.data, sizeof(id.bytes));
        METADATA_TELL(metadata, topic_removed, &id)
        break;
    }
    case META__RECORD__FACT_BROKER:
        METADATA_TELL(metadata, broker_changed, record->broker->id)
        break;
    case META__RECORD__FACT_BROKER_REMOVED:
        METADATA_TELL(metadata, broker_changed, record->broker_removed->id)
        break;
    case META__RECORD__FACT_CONFIG:
        METADATA_TELL(metadata, config_changed, record->config->resource, record->config->name,
                      record->config->key)
        break;
    case META__RECORD__FACT_CLIENT_QUOTA:
        METADATA_TELL(metadata, quotas_changed)
        break;
    default:
        break;
    }
}

static void metadata_settle(struct metadata *metadata)
{
    METADATA_TELL(metadata, settled)
    struct list ready;
    list_init(&ready);
    LIST_EACH(step, &metadata->waits) {
        struct metadata_wait *wait = LIST_ENTRY(step, struct metadata_wait, link);
        if (wait->index <= metadata->index) {
            list_remove(&wait->link);
            list_push(&ready, &wait->link);
        }
    }
    for (struct list *step = list_pop(&ready); step; step = list_pop(&ready)) {
        struct metadata_wait *wait = LIST_ENTRY(step, struct metadata_wait, link);
        ASSERT(wait->index <= metadata->index);
        env_timer_stop(&wait->timer);
        wait->done(wait, 0);
    }
}

static int metadata_apply(struct metadata *metadata, const Meta__Entry *entry, bool tell)
{
    for (size_t i = 0; i < entry->n_records; i++) {
        int err = image_apply(metadata->image, entry->records[i]);
        if (err) {
            logger_error(metadata->logger,
                         "the controller sent a metadata record that breaks a "
                         "rule (fact %d): following it from the start again",
                         entry->records[i]->fact_case);
            return err;
        }
        if (tell)
            metadata_tell(metadata, entry->records[i]);
    }
    return 0;
}

/* What was applied so far can't be told from what was not: the whole image is needed again. */
static int metadata_give_up(struct metadata *metadata, int err)
{
    metadata->index = 0;
    return err;
}

int metadata_apply_entries(struct metadata *metadata, const Meta__Entries *entries)
{
    if (entries->after_index > metadata->index)
        return ERR_MALFORMED; /* what came in between went to a stream that was not followed */
    for (size_t i = 0; i < entries->n_entries; i++) {
        const Meta__IndexedEntry *entry = entries->entries[i];
        if (!entry->entry)
            return ERR_MALFORMED;
        if (entry->index <= metadata->index)
            continue;
        if (entry->term < metadata->term)
            return ERR_MALFORMED; /* terms never fall: it belongs to another history */
        int err = metadata_apply(metadata, entry->entry, true);
        if (err)
            return metadata_give_up(metadata, err);
        metadata->index = entry->index;
        metadata->term = entry->term;
    }
    if (entries->committed_index > metadata->index)
        metadata->index = entries->committed_index;
    ASSERT(metadata->index >= 0);
    metadata_settle(metadata);
    return 0;
}

int metadata_apply_snapshot(struct metadata *metadata, const Meta__Snapshot *snapshot)
{
    if (!snapshot->content)
        return ERR_MALFORMED;
    if (snapshot->index < metadata->index)
        return 0;
    if (snapshot->term < metadata->term)
        return ERR_MALFORMED;
    image_clear(metadata->image);
    int err = metadata_apply(metadata, snapshot->content, false);
    if (err)
        return metadata_give_up(metadata, err);
    metadata->index = snapshot->index;
    metadata->term = snapshot->term;
    METADATA_TELL(metadata, replaced)
    metadata_settle(metadata);
    return 0;
}

static void metadata_wait_due(void *data)
{
    struct metadata_wait *wait = data;
    ASSERT(wait->done != NULL);
    list_remove(&wait->link);
    wait->done(wait, wait->applied ? 0 : ERR_TIMED_OUT);
}

void metadata_wait(struct metadata *metadata, struct metadata_wait *wait, int64_t index,
                   int64_t timeout_ms, void (*done)(struct metadata_wait *wait, int err))
{
    ASSERT(done != NULL);
    wait->index = index;
    wait->done = done;
    wait->applied = index <= metadata->index;
    env_timer_init(metadata->env, &wait->timer, metadata_wait_due, wait);
    list_init(&wait->link);
    list_push(&metadata->waits, &wait->link);
    env_timer_start(&wait->timer, wait->applied ? 0 : timeout_ms);
}
