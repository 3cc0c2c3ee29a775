/* Blocks, headers and events.
 *
 * Happy path: a set of headers is one allocation, rows first and the texts behind them; a new set
 * is built from an old one in one pass. Failure modes: a block that memory has no room for is NULL;
 * headers are small, and abort as other control objects do. */
#include "tools/agent/event.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct block *block_new(size_t cap)
{
    struct block *block = mem_try_alloc(sizeof(*block) + cap);
    if (!block)
        return NULL;
    block->refs = 1;
    block->cap = cap;
    return block;
}

struct block *block_ref(struct block *block)
{
    ASSERT(block->refs > 0);
    block->refs++;
    return block;
}

void block_unref(struct block *block)
{
    ASSERT(block->refs > 0);
    if (--block->refs == 0)
        mem_free(block);
}

struct headers *headers_ref(struct headers *headers)
{
    if (headers)
        headers->refs++;
    return headers;
}

void headers_unref(struct headers *headers)
{
    if (!headers)
        return;
    ASSERT(headers->refs > 0);
    if (--headers->refs == 0)
        mem_free(headers);
}

/* Copies the row's texts to *text, and moves it on. */
static void headers_put(struct headers *out, const struct header *row, char **text)
{
    struct header *to = &out->rows[out->count++];
    *to = *row;
    to->name = *text;
    memcpy(*text, row->name, row->name_len);
    *text += row->name_len + 1;
    to->value = *text;
    memcpy(*text, row->value, row->value_len);
    *text += row->value_len + 1;
}

/* Room for `count` rows with texts of `bytes`, zeroed: the NULs are there already. */
static struct headers *headers_new(size_t count, size_t bytes, char **text)
{
    struct headers *out = mem_alloc(sizeof(*out) + count * sizeof(out->rows[0]) + bytes);
    out->refs = 1;
    *text = (char *)&out->rows[count];
    return out;
}

static size_t headers_row_bytes(const struct header *row)
{
    return (size_t)row->name_len + row->value_len + 2;
}

struct headers *headers_set(const struct headers *base, const char *name, const char *value,
                            size_t value_len)
{
    struct header added = {.name = name,
                           .value = value,
                           .name_len = (uint32_t)strlen(name),
                           .value_len = (uint32_t)value_len};
    size_t count = base ? base->count : 0, bytes = headers_row_bytes(&added);
    for (size_t i = 0; i < count; i++)
        bytes += headers_row_bytes(&base->rows[i]);
    char *text;
    struct headers *out = headers_new(count + 1, bytes, &text);
    bool placed = false;
    for (size_t i = 0; i < count; i++) {
        int order = strcmp(base->rows[i].name, name);
        if (order >= 0 && !placed) {
            headers_put(out, &added, &text);
            placed = true;
        }
        if (order != 0)
            headers_put(out, &base->rows[i], &text);
    }
    if (!placed)
        headers_put(out, &added, &text);
    ASSERT(out->count <= count + 1);
    return out;
}

/* Equal names stay in order: the addresses tell, since rows are sorted by pointers. */
static int headers_compare(const void *a, const void *b)
{
    const struct header *one = *(const struct header *const *)a;
    const struct header *other = *(const struct header *const *)b;
    uint32_t len = one->name_len < other->name_len ? one->name_len : other->name_len;
    int order = memcmp(one->name, other->name, len);
    if (order == 0)
        order = (one->name_len > other->name_len) - (one->name_len < other->name_len);
    return order != 0 ? order : (one > other) - (one < other);
}

static bool headers_same_name(const struct header *one, const struct header *other)
{
    return one->name_len == other->name_len && memcmp(one->name, other->name, one->name_len) == 0;
}

struct headers *headers_from(const struct header *rows, size_t count)
{
    if (count == 0)
        return NULL;
    const struct header **order = mem_alloc(count * sizeof(const struct header *));
    size_t bytes = 0, kept = 0;
    for (size_t i = 0; i < count; i++)
        order[i] = &rows[i];
    qsort(order, count, sizeof(const struct header *), headers_compare);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || !headers_same_name(order[i], order[i + 1])) {
            order[kept++] = order[i];
            bytes += headers_row_bytes(order[i]);
        }
    char *text;
    struct headers *out = headers_new(kept, bytes, &text);
    for (size_t i = 0; i < kept; i++)
        headers_put(out, order[i], &text);
    ASSERT(out->count == kept);
    mem_free(order);
    return out;
}

struct headers *headers_filter(struct headers *base,
                               bool (*gone)(const void *data, const struct header *header),
                               const void *data)
{
    size_t count = 0, bytes = 0;
    for (size_t i = 0; base && i < base->count; i++)
        if (!gone(data, &base->rows[i])) {
            count++;
            bytes += headers_row_bytes(&base->rows[i]);
        }
    if (!base || count == base->count)
        return headers_ref(base);
    if (count == 0)
        return NULL;
    char *text;
    struct headers *out = headers_new(count, bytes, &text);
    for (size_t i = 0; i < base->count; i++)
        if (!gone(data, &base->rows[i]))
            headers_put(out, &base->rows[i], &text);
    ASSERT(out->count == count);
    return out;
}

const struct header *headers_find(const struct headers *headers, const char *name)
{
    for (size_t i = 0; headers && i < headers->count; i++)
        if (strcmp(headers->rows[i].name, name) == 0)
            return &headers->rows[i];
    return NULL;
}

void event_unref(struct event *event)
{
    headers_unref(event->headers);
    block_unref(event->block);
}

void event_unref_all(struct event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        event_unref(&events[i]);
}
