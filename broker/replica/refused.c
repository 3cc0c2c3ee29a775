/* A short list, searched from the front: it is empty but for the moments in which partitions move.
 */
#include "broker/replica/refused.h"

#include <string.h>

#include "base/mem.h"

void refused_close(struct refused *refused)
{
    mem_free(refused->batches);
    *refused = (struct refused){0};
}

static struct refused_batch *refused_find(const struct refused *refused,
                                          const struct refused_batch *batch)
{
    ASSERT(refused->count == 0 || refused->batches != NULL);
    for (uint32_t i = 0; i < refused->count; i++) {
        struct refused_batch *known = &refused->batches[i];
        if (known->producer_id == batch->producer_id && known->topic == batch->topic &&
            known->partition == batch->partition && known->producer_epoch == batch->producer_epoch)
            return known;
    }
    return NULL;
}

static void refused_remove(struct refused *refused, struct refused_batch *known)
{
    ASSERT(known >= refused->batches);
    ASSERT(known < refused->batches + refused->count);
    uint32_t after = refused->count - (uint32_t)(known - refused->batches) - 1;
    memmove(known, known + 1, after * sizeof(*known));
    refused->count--;
}

void refused_note(struct refused *refused, const struct refused_batch *batch)
{
    ASSERT(batch->producer_id >= 0);
    ASSERT(refused->count <= REFUSED_MAX);
    struct refused_batch *known = refused_find(refused, batch);
    if (known) {
        if (batch->sequence < known->sequence)
            known->sequence = batch->sequence;
        return;
    }
    if (!refused->batches)
        refused->batches = mem_alloc(REFUSED_MAX * sizeof(*refused->batches));
    if (refused->count == REFUSED_MAX)
        refused_remove(refused, refused->batches);
    refused->batches[refused->count++] = *batch;
    ASSERT(refused->count <= REFUSED_MAX);
}

bool refused_is_behind(const struct refused *refused, const struct refused_batch *batch)
{
    const struct refused_batch *known = refused_find(refused, batch);
    return known && known->sequence < batch->sequence;
}

void refused_taken(struct refused *refused, const struct refused_batch *batch)
{
    struct refused_batch *known = refused_find(refused, batch);
    if (known)
        refused_remove(refused, known);
}
