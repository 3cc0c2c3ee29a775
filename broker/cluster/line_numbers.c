/* Numbers of lines: see the header. */
#include "broker/cluster/line_numbers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

/* The newest line of a broker that was heard of. */
struct line_number {
    int64_t epoch; /* of the broker */
    uint64_t number;
};

struct line_numbers {
    const struct metadata *metadata;
    struct map heard; /* broker id -> struct line_number */
};

struct line_numbers *line_numbers_new(const struct metadata *metadata)
{
    struct line_numbers *numbers = mem_alloc(sizeof(*numbers));
    ASSERT(metadata != NULL);
    numbers->metadata = metadata;
    map_init(&numbers->heard);
    return numbers;
}

void line_numbers_free(struct line_numbers *numbers)
{
    struct line_number *heard;
    size_t cursor = 0;
    while ((heard = map_next(&numbers->heard, &cursor, NULL, NULL)))
        mem_free(heard);
    map_close(&numbers->heard);
    mem_free(numbers);
}

void line_numbers_write(char out[LINE_NUMBERS_TEXT_MAX], const char *name, int32_t broker_id,
                        int64_t broker_epoch, uint64_t number)
{
    int len = snprintf(out, LINE_NUMBERS_TEXT_MAX, "%s-%" PRId32 ".%" PRId64 ".%" PRIu64, name,
                       broker_id, broker_epoch, number);
    ASSERT(name != NULL);
    ASSERT(len > 0);
    ASSERT(len < LINE_NUMBERS_TEXT_MAX);
}

static bool line_numbers_read(struct wire_str client_id, int32_t *broker_id,
                              struct line_number *line)
{
    static const char prefix[] = LINE_NUMBERS_MARKERS "-";
    char text[LINE_NUMBERS_TEXT_MAX], again[LINE_NUMBERS_TEXT_MAX];
    if (client_id.len < (int32_t)sizeof(prefix) || client_id.len >= LINE_NUMBERS_TEXT_MAX ||
        memcmp(client_id.data, prefix, sizeof(prefix) - 1) != 0)
        return false;
    memcpy(text, client_id.data, (size_t)client_id.len);
    text[client_id.len] = '\0';
    if (sscanf(text + sizeof(prefix) - 1, "%" SCNd32 ".%" SCNd64 ".%" SCNu64, broker_id,
               &line->epoch, &line->number) != 3)
        return false;
    line_numbers_write(again, LINE_NUMBERS_MARKERS, *broker_id, line->epoch, line->number);
    return strcmp(text, again) == 0;
}

/* Only the epoch that the metadata knows is kept, so nobody fills the memory, and nobody who makes
 * an epoch up shuts a broker out. */
bool line_numbers_take(struct line_numbers *numbers, struct wire_str client_id)
{
    struct line_number line;
    int32_t id;
    if (!line_numbers_read(client_id, &id, &line))
        return true;
    const struct image_broker *broker = image_broker(metadata_image(numbers->metadata), id);
    if (!broker || line.epoch > broker->epoch)
        return true; /* its registration is on its way to us */
    if (line.epoch < broker->epoch)
        return false;
    struct line_number *heard = map_get_u64(&numbers->heard, (uint32_t)id);
    if (heard && heard->epoch == line.epoch && line.number < heard->number)
        return false;
    if (!heard)
        map_put_u64(&numbers->heard, (uint32_t)id, heard = mem_alloc(sizeof(*heard)));
    *heard = line;
    return true;
}
