/* Offsets that transactions commit and that nobody may see yet (KIP-98, KIP-447).
 *
 * Each producer's are a set of offsets of their own, until the marker of its transaction comes. A
 * count for each partition answers the question that every fetch asks, whether an offset is
 * pending, at one price however many producers there are. */
#include "broker/group/offsets.h"

#include "base/mem.h"

enum {
    /* A set of one producer, its places in the tables here and in the shard (open_txns.h). */
    OFFSETS_PENDING_OVERHEAD = 512,
    OFFSETS_PENDING_TOPIC_OVERHEAD = 256
};

static int64_t offsets_pending_topic_bytes(struct wire_str name)
{
    return (int64_t)sizeof(struct offsets_pending_topic) + OFFSETS_PENDING_TOPIC_OVERHEAD +
           2 * (int64_t)name.len;
}

/* ---- counts ---- */

static struct offsets_pending_topic *offsets_pending_topic(const struct offsets *offsets,
                                                           struct wire_str name)
{
    return map_get(&offsets->pending_topics, name.data, (size_t)name.len);
}

static uintptr_t offsets_pending_count(const struct offsets_pending_topic *topic, int32_t partition)
{
    return topic ? (uintptr_t)map_get_u64(&topic->counts, (uint32_t)partition) : 0;
}

static void offsets_pending_add(struct offsets *offsets, struct wire_str name, int32_t partition)
{
    struct offsets_pending_topic *topic = offsets_pending_topic(offsets, name);
    if (!topic) {
        topic = mem_alloc(sizeof(*topic));
        topic->name = wire_str_dup(name);
        map_init(&topic->counts);
        map_put(&offsets->pending_topics, name.data, (size_t)name.len, topic);
        offsets->bytes += offsets_pending_topic_bytes(name);
    }
    uintptr_t count = offsets_pending_count(topic, partition);
    map_put_u64(&topic->counts, (uint32_t)partition, (void *)(count + 1));
}

static void offsets_pending_topic_free(struct offsets_pending_topic *topic)
{
    map_close(&topic->counts);
    mem_free(topic->name);
    mem_free(topic);
}

static void offsets_pending_sub(struct offsets *offsets, struct wire_str name, int32_t partition)
{
    struct offsets_pending_topic *topic = offsets_pending_topic(offsets, name);
    uintptr_t count = offsets_pending_count(topic, partition);
    ASSERT(count > 0);
    if (count > 1)
        map_put_u64(&topic->counts, (uint32_t)partition, (void *)(count - 1));
    else
        map_del_u64(&topic->counts, (uint32_t)partition);
    if (topic->counts.count > 0)
        return;
    offsets->bytes -= offsets_pending_topic_bytes(name);
    map_del(&offsets->pending_topics, name.data, (size_t)name.len);
    offsets_pending_topic_free(topic);
}

/* ---- a producer's set ---- */

bool offsets_set_pending(struct offsets *offsets, int64_t producer_id, struct wire_str topic,
                         int32_t partition, const struct offset *offset)
{
    struct offsets *pending = map_get_u64(&offsets->pending, (uint64_t)producer_id);
    bool first = !pending;
    if (first) {
        pending = mem_alloc(sizeof(*pending));
        offsets_init(pending);
        map_put_u64(&offsets->pending, (uint64_t)producer_id, pending);
        offsets->bytes += OFFSETS_PENDING_OVERHEAD;
    }
    if (!offsets_get(pending, topic, partition))
        offsets_pending_add(offsets, topic, partition);
    offsets->bytes -= pending->bytes;
    offsets_set(pending, topic, partition, offset);
    offsets->bytes += pending->bytes;
    offsets_check(offsets);
    return first;
}

/* The set, which is the caller's now; or NULL. */
static struct offsets *offsets_take_pending(struct offsets *offsets, int64_t producer_id)
{
    struct offsets *pending = map_del_u64(&offsets->pending, (uint64_t)producer_id);
    if (pending)
        offsets->bytes -= pending->bytes + OFFSETS_PENDING_OVERHEAD;
    return pending;
}

static void offsets_free_pending(struct offsets *pending)
{
    offsets_close(pending);
    mem_free(pending);
}

/* None of the set is pending any more. */
static void offsets_uncount(struct offsets *offsets, const struct offsets *pending)
{
    const struct offsets_topic *topic;
    size_t cursor = 0;
    while ((topic = offsets_next_topic(pending, &cursor))) {
        size_t step = 0;
        int32_t partition;
        while (offsets_next(topic, &step, &partition))
            offsets_pending_sub(offsets, wire_str_from(topic->name), partition);
    }
}

/* One that was committed behind it, outside of the transaction, stays: compaction keeps the younger
 * record of the two, and a new coordinator may see no other. */
static void offsets_decide_one(struct offsets *offsets, struct wire_str topic, int32_t partition,
                               const struct offset *offset)
{
    const struct offset *known = offsets_get(offsets, topic, partition);
    if (!known || known->record_offset < offset->record_offset)
        offsets_set(offsets, topic, partition, offset);
}

void offsets_decide(struct offsets *offsets, int64_t producer_id, bool commit)
{
    struct offsets *pending = offsets_take_pending(offsets, producer_id);
    const struct offsets_topic *topic;
    size_t cursor = 0;
    if (!pending)
        return;
    offsets_uncount(offsets, pending);
    offsets_check(offsets);
    while (commit && (topic = offsets_next_topic(pending, &cursor))) {
        const struct offset *offset;
        size_t step = 0;
        int32_t partition;
        while ((offset = offsets_next(topic, &step, &partition)))
            offsets_decide_one(offsets, wire_str_from(topic->name), partition, offset);
    }
    offsets_free_pending(pending);
}

/* ---- tombstones ---- */

/* The producers whose transactions commit the partition: *count of them, in memory that is the
 * caller's to free. */
static int64_t *offsets_find_pending(const struct offsets *offsets, struct wire_str topic,
                                     int32_t partition, uintptr_t *count)
{
    uintptr_t found = 0;
    size_t cursor = 0, key_len;
    const struct offsets *pending;
    const void *key;
    *count = offsets_pending_count(offsets_pending_topic(offsets, topic), partition);
    int64_t *producer_ids = mem_alloc((*count + 1) * sizeof(*producer_ids));
    while ((pending = map_next(&offsets->pending, &cursor, &key, &key_len))) {
        if (!offsets_get(pending, topic, partition))
            continue;
        ASSERT(found < *count);
        ASSERT(key_len == sizeof(*producer_ids));
        memcpy(&producer_ids[found++], key, key_len);
    }
    ASSERT(found == *count);
    return producer_ids;
}

void offsets_drop_pending(struct offsets *offsets, struct wire_str topic, int32_t partition,
                          void (*ended)(void *data, int64_t producer_id), void *data)
{
    uintptr_t count;
    if (!offsets_is_pending(offsets, topic, partition))
        return;
    int64_t *producer_ids = offsets_find_pending(offsets, topic, partition, &count);
    for (uintptr_t i = 0; i < count; i++) {
        struct offsets *pending = map_get_u64(&offsets->pending, (uint64_t)producer_ids[i]);
        offsets_pending_sub(offsets, topic, partition);
        offsets->bytes -= pending->bytes;
        offsets_delete(pending, topic, partition);
        offsets->bytes += pending->bytes;
        if (pending->count > 0)
            continue;
        offsets_free_pending(offsets_take_pending(offsets, producer_ids[i]));
        offsets_check(offsets);
        ended(data, producer_ids[i]);
    }
    mem_free(producer_ids);
}

/* ---- looking ---- */

bool offsets_is_pending(const struct offsets *offsets, struct wire_str topic, int32_t partition)
{
    if (offsets->pending.count == 0)
        return false;
    return offsets_pending_count(offsets_pending_topic(offsets, topic), partition) > 0;
}

bool offsets_is_pending_of(const struct offsets *offsets, int64_t producer_id,
                           struct wire_str topic, int32_t partition)
{
    const struct offsets *pending = map_get_u64(&offsets->pending, (uint64_t)producer_id);
    return pending && offsets_get(pending, topic, partition);
}

const struct offsets_pending_topic *offsets_next_pending_topic(const struct offsets *offsets,
                                                               size_t *cursor)
{
    return map_next(&offsets->pending_topics, cursor, NULL, NULL);
}

bool offsets_next_pending(const struct offsets_pending_topic *topic, size_t *cursor,
                          int32_t *partition)
{
    const void *key;
    size_t key_len;
    uint64_t index = 0;
    if (!map_next(&topic->counts, cursor, &key, &key_len))
        return false;
    memcpy(&index, key, sizeof(index));
    *partition = (int32_t)index;
    return true;
}

void offsets_close_pending(struct offsets *offsets)
{
    struct offsets *pending;
    struct offsets_pending_topic *topic;
    size_t cursor = 0;
    while ((pending = map_next(&offsets->pending, &cursor, NULL, NULL))) {
        offsets_close(pending);
        mem_free(pending);
    }
    map_close(&offsets->pending);
    cursor = 0;
    while ((topic = map_next(&offsets->pending_topics, &cursor, NULL, NULL)))
        offsets_pending_topic_free(topic);
    map_close(&offsets->pending_topics);
}
