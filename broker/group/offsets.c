/* Offsets of a group: a map of topics, each a map of partitions. */
#include "broker/group/offsets.h"

#include "base/mem.h"

void offsets_init(struct offsets *offsets)
{
    *offsets = (struct offsets){0};
    map_init(&offsets->topics);
    map_init(&offsets->pending);
    map_init(&offsets->pending_topics);
}

/* About what they take, with their places in the tables. */
enum { OFFSET_OVERHEAD = 64, OFFSETS_TOPIC_OVERHEAD = 256 };

static int64_t offset_bytes(const struct offset *offset)
{
    return (int64_t)sizeof(*offset) + OFFSET_OVERHEAD +
           (offset->metadata.len > 0 ? offset->metadata.len : 0);
}

static int64_t offsets_topic_bytes(struct wire_str name)
{
    return (int64_t)sizeof(struct offsets_topic) + OFFSETS_TOPIC_OVERHEAD + 2 * (int64_t)name.len;
}

void offsets_check(const struct offsets *offsets)
{
    ASSERT((offsets->count == 0) == (offsets->topics.count == 0));
    ASSERT(offsets->topics.count <= offsets->count);
    ASSERT(offsets->bytes >= 0);
    ASSERT((offsets->pending.count == 0) == (offsets->pending_topics.count == 0));
    ASSERT(offsets->count > 0 || offsets->pending.count > 0 || offsets->bytes == 0);
}

static void offset_free(struct offset *offset)
{
    if (!offset)
        return;
    if (offset->metadata.len > 0)
        mem_free((char *)offset->metadata.data);
    mem_free(offset);
}

static void offsets_topic_free(struct offsets_topic *topic)
{
    struct offset *offset;
    size_t cursor = 0;
    while ((offset = map_next(&topic->partitions, &cursor, NULL, NULL)))
        offset_free(offset);
    map_close(&topic->partitions);
    mem_free(topic->name);
    mem_free(topic);
}

void offsets_close(struct offsets *offsets)
{
    struct offsets_topic *topic;
    size_t cursor = 0;
    while ((topic = map_next(&offsets->topics, &cursor, NULL, NULL)))
        offsets_topic_free(topic);
    map_close(&offsets->topics);
    offsets_close_pending(offsets);
}

void offsets_set(struct offsets *offsets, struct wire_str name, int32_t partition,
                 const struct offset *from)
{
    struct offsets_topic *topic = map_get(&offsets->topics, name.data, (size_t)name.len);
    if (!topic) {
        topic = mem_alloc(sizeof(*topic));
        topic->name = wire_str_dup(name);
        map_init(&topic->partitions);
        map_put(&offsets->topics, name.data, (size_t)name.len, topic);
        offsets->bytes += offsets_topic_bytes(name);
    }
    struct offset *offset = mem_dup(from, sizeof(*from));
    offset->metadata = (struct wire_str){"", 0};
    if (from->metadata.len > 0)
        offset->metadata = wire_str_of(mem_strndup(from->metadata.data, (size_t)from->metadata.len),
                                       (size_t)from->metadata.len);
    struct offset *old = map_put_u64(&topic->partitions, (uint32_t)partition, offset);
    offsets->count += old == NULL;
    offsets->bytes += offset_bytes(offset) - (old ? offset_bytes(old) : 0);
    offset_free(old);
    offsets_check(offsets);
}

void offsets_delete(struct offsets *offsets, struct wire_str name, int32_t partition)
{
    struct offsets_topic *topic = map_get(&offsets->topics, name.data, (size_t)name.len);
    struct offset *old = topic ? map_del_u64(&topic->partitions, (uint32_t)partition) : NULL;
    if (!old)
        return;
    offsets->bytes -= offset_bytes(old);
    offset_free(old);
    ASSERT(offsets->count > 0);
    offsets->count--;
    if (topic->partitions.count == 0) {
        offsets->bytes -= offsets_topic_bytes(name);
        map_del(&offsets->topics, name.data, (size_t)name.len);
        offsets_topic_free(topic);
    }
    offsets_check(offsets);
}

const struct offsets_topic *offsets_find_topic(const struct offsets *offsets, struct wire_str topic)
{
    return map_get(&offsets->topics, topic.data, (size_t)topic.len);
}

const struct offset *offsets_get(const struct offsets *offsets, struct wire_str name,
                                 int32_t partition)
{
    const struct offsets_topic *topic = offsets_find_topic(offsets, name);
    return topic ? map_get_u64(&topic->partitions, (uint32_t)partition) : NULL;
}

const struct offsets_topic *offsets_next_topic(const struct offsets *offsets, size_t *cursor)
{
    return map_next(&offsets->topics, cursor, NULL, NULL);
}

const struct offset *offsets_next(const struct offsets_topic *topic, size_t *cursor,
                                  int32_t *partition)
{
    const void *key;
    size_t key_len;
    const struct offset *offset = map_next(&topic->partitions, cursor, &key, &key_len);
    uint64_t index = 0;
    if (offset)
        memcpy(&index, key, sizeof(index));
    *partition = (int32_t)index;
    return offset;
}

bool offsets_is_empty(const struct offsets *offsets)
{
    return offsets->count == 0 && offsets->pending.count == 0;
}
