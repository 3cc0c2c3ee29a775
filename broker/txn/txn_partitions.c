/* Sets of partitions: see the header. A request may name very many, in any order: what is new of a
 * topic is put behind what is there, and sorted once. */
#include "broker/txn/txn_partitions.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/sort.h"

enum { TXN_TOPIC_OVERHEAD = 128 }; /* its block, its place in the map, and what the heap adds */

void txn_partitions_init(struct txn_partitions *set)
{
    *set = (struct txn_partitions){.count = 0};
    map_init(&set->topics);
}

static void txn_topic_free(struct txn_topic *topic)
{
    mem_free(topic->name);
    mem_free(topic->ids);
    mem_free(topic);
}

void txn_partitions_close(struct txn_partitions *set)
{
    struct txn_topic *topic;
    size_t cursor = 0;
    while ((topic = map_next(&set->topics, &cursor, NULL, NULL)))
        txn_topic_free(topic);
    map_close(&set->topics);
    txn_partitions_init(set);
    ASSERT(set->count == 0);
}

static struct txn_topic *txn_topic_find(const struct txn_partitions *set, struct wire_str name)
{
    return name.len > 0 ? map_get(&set->topics, name.data, (size_t)name.len) : NULL;
}

bool txn_partitions_has(const struct txn_partitions *set, struct wire_str name, int32_t index)
{
    const struct txn_topic *topic = txn_topic_find(set, name);
    return topic && sorted_has_int32(topic->ids, (size_t)topic->count, index);
}

/* Rising, each once. */
static int32_t txn_ids_settle(int32_t *ids, int32_t count)
{
    int32_t kept = 0;
    sort_int32(ids, (size_t)count);
    for (int32_t i = 0; i < count; i++)
        if (kept == 0 || ids[kept - 1] != ids[i])
            ids[kept++] = ids[i];
    ASSERT(kept <= count);
    return kept;
}

int txn_partitions_add(struct txn_partitions *set, struct wire_str name, const int32_t *indexes,
                       int32_t count)
{
    ASSERT(name.len > 0);
    struct txn_topic *topic = txn_topic_find(set, name);
    int32_t had = topic ? topic->count : 0;
    if (count == 0)
        return 0;
    if (count > INT32_MAX - had)
        return ERR_NO_MEMORY;
    int32_t *ids = mem_try_realloc(topic ? topic->ids : NULL, (size_t)(had + count) * sizeof(*ids));
    if (!ids)
        return ERR_NO_MEMORY;
    if (!topic) {
        topic = mem_alloc(sizeof(*topic));
        topic->name = wire_str_dup(name);
        map_put(&set->topics, name.data, (size_t)name.len, topic);
        set->bytes += TXN_TOPIC_OVERHEAD + 2 * (int64_t)name.len;
    }
    for (int32_t i = 0; i < count; i++)
        ids[had + i] = indexes[i];
    topic->ids = ids;
    topic->count = txn_ids_settle(ids, had + count);
    set->count += topic->count - had;
    set->bytes += (int64_t)(topic->count - had) * (int64_t)sizeof(*ids);
    ASSERT(set->count >= topic->count);
    return 0;
}

int txn_partitions_add_set(struct txn_partitions *set, const struct txn_partitions *more)
{
    const struct txn_topic *topic;
    size_t cursor = 0;
    int err = 0;
    while (!err && (topic = txn_partitions_next(more, &cursor)))
        err = txn_partitions_add(set, wire_str_from(topic->name), topic->ids, topic->count);
    return err;
}

const struct txn_topic *txn_partitions_next(const struct txn_partitions *set, size_t *cursor)
{
    return map_next(&set->topics, cursor, NULL, NULL);
}

int txn_partitions_fill(const struct txn_partitions *set, struct arena *arena,
                        struct transaction_log_value *value)
{
    const struct txn_topic *topic;
    size_t cursor = 0;
    struct transaction_log_value_partitions_schema *out =
        WIRE_ARRAY(arena, &value->transaction_partitions, (int32_t)set->topics.count,
                   &transaction_log_value_partitions_schema_desc);
    if (!out)
        return ERR_NO_MEMORY;
    while ((topic = txn_partitions_next(set, &cursor))) {
        out->topic = wire_str_from(topic->name);
        out->partition_ids.items = topic->ids;
        out->partition_ids.count = topic->count;
        out++;
    }
    ASSERT(out == value->transaction_partitions.items + set->topics.count);
    return 0;
}

int txn_partitions_read(struct txn_partitions *set, const struct transaction_log_value *value)
{
    for (int32_t i = 0; i < value->transaction_partitions.count; i++) {
        const struct transaction_log_value_partitions_schema *topic =
            &value->transaction_partitions.items[i];
        if (wire_str_is_empty(topic->topic))
            return ERR_MALFORMED;
        int err = txn_partitions_add(set, topic->topic, topic->partition_ids.items,
                                     topic->partition_ids.count);
        if (err)
            return err;
    }
    return 0;
}
