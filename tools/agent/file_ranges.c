/* Ranges of sequence numbers that are done.
 *
 * Happy path: takes end in order, so the head moves and there are no ranges; a few takes that end
 * early are a few ranges, and a look through them is cheap. */
#include "tools/agent/file_ranges.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

void file_ranges_init(struct file_ranges *ranges, uint64_t head)
{
    *ranges = (struct file_ranges){.head = head};
}

void file_ranges_close(struct file_ranges *ranges)
{
    mem_free(ranges->rows);
    *ranges = (struct file_ranges){0};
}

/* Room for a row at `at`. */
static void file_ranges_insert(struct file_ranges *ranges, size_t at, struct file_range row)
{
    if (ranges->count == ranges->cap) {
        ranges->cap = ranges->cap ? ranges->cap * 2 : 16;
        ranges->rows = mem_realloc(ranges->rows, ranges->cap * sizeof(*ranges->rows));
    }
    memmove(&ranges->rows[at + 1], &ranges->rows[at], (ranges->count - at) * sizeof(row));
    ranges->rows[at] = row;
    ranges->count++;
}

static void file_ranges_remove(struct file_ranges *ranges, size_t at, size_t count)
{
    ASSERT(at + count <= ranges->count);
    if (count == 0)
        return; /* there may be no array */
    memmove(&ranges->rows[at], &ranges->rows[at + count],
            (ranges->count - at - count) * sizeof(*ranges->rows));
    ranges->count -= count;
}

uint64_t file_ranges_add(struct file_ranges *ranges, uint64_t first, uint64_t end)
{
    if (first < ranges->head)
        first = ranges->head;
    if (end <= first)
        return 0;
    size_t from = 0, to;
    while (from < ranges->count && ranges->rows[from].end < first)
        from++;
    uint64_t added = end - first;
    struct file_range row = {.first = first, .end = end};
    for (to = from; to < ranges->count && ranges->rows[to].first <= end; to++) {
        const struct file_range *old = &ranges->rows[to];
        uint64_t common_first = old->first > first ? old->first : first;
        uint64_t common_end = old->end < end ? old->end : end;
        if (common_end > common_first)
            added -= common_end - common_first;
        row.first = old->first < row.first ? old->first : row.first;
        row.end = old->end > row.end ? old->end : row.end;
    }
    file_ranges_remove(ranges, from, to - from);
    if (row.first > ranges->head) {
        file_ranges_insert(ranges, from, row);
    } else {
        ASSERT(from == 0);
        ranges->head = row.end;
    }
    return added;
}

bool file_ranges_has(const struct file_ranges *ranges, uint64_t seq)
{
    if (seq < ranges->head)
        return true;
    for (size_t i = 0; i < ranges->count && ranges->rows[i].first <= seq; i++)
        if (seq < ranges->rows[i].end)
            return true;
    return false;
}

uint64_t file_ranges_left(const struct file_ranges *ranges, uint64_t end)
{
    ASSERT(end >= ranges->head);
    ASSERT(ranges->count == 0 || ranges->rows[ranges->count - 1].end <= end);
    uint64_t left = end - ranges->head;
    for (size_t i = 0; i < ranges->count; i++)
        left -= ranges->rows[i].end - ranges->rows[i].first;
    return left;
}
