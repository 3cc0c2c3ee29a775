/* Spread placement. Happy path: racks take turns in the ring, partitions walk it. Failure modes:
 * none; the caller has checked that there are enough brokers. */
#include "controller/placement.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

struct candidate {
    int32_t id;
    int32_t rack;
};

static const char *rack_of(const struct image_broker *broker)
{
    return broker->rack ? broker->rack : "";
}

/* Numbers the racks in the order in which they are first seen. */
static int32_t rack_number(const char ***names, int32_t *count, const char *rack)
{
    for (int32_t i = 0; i < *count; i++)
        if (strcmp((*names)[i], rack) == 0)
            return i;
    *names = mem_realloc(*names, (size_t)(*count + 1) * sizeof(**names));
    (*names)[*count] = rack;
    return (*count)++;
}

/* The live brokers with their racks; the others become spares. */
static struct candidate *list_candidates(struct placement *placement, const struct image *image,
                                         int32_t *count)
{
    struct candidate *candidates = NULL;
    const char **names = NULL;
    size_t cursor = 0;
    const struct image_broker *broker;
    *count = 0;
    while ((broker = image_next_broker(image, &cursor))) {
        if (broker->cordoned) {
            placement->cordoned_count++;
            continue;
        }
        if (broker->fenced || broker->stopping) {
            int32_t spares = placement->spare_count++;
            placement->spares =
                mem_realloc(placement->spares, ((size_t)spares + 1) * sizeof(*placement->spares));
            placement->spares[spares] = broker->id;
            continue;
        }
        candidates = mem_realloc(candidates, (size_t)(*count + 1) * sizeof(*candidates));
        candidates[*count].id = broker->id;
        candidates[(*count)++].rack = rack_number(&names, &placement->rack_count, rack_of(broker));
    }
    mem_free(names);
    return candidates;
}

void placement_init(struct placement *placement, const struct image *image, uint64_t seed)
{
    memset(placement, 0, sizeof(*placement));
    int32_t count;
    struct candidate *candidates = list_candidates(placement, image, &count);
    ASSERT(candidates || count == 0);
    placement->brokers = mem_alloc((size_t)count * sizeof(*placement->brokers));
    placement->racks = mem_alloc((size_t)count * sizeof(*placement->racks));
    placement->broker_count = count;
    /* One broker of each rack in turn, until all are placed; an id of -1 marks one that is. */
    for (int32_t placed = 0; placed < count;) {
        for (int32_t rack = 0; rack < placement->rack_count; rack++) {
            for (int32_t i = 0; i < count; i++) {
                if (candidates[i].id < 0 || candidates[i].rack != rack)
                    continue;
                placement->brokers[placed] = candidates[i].id;
                placement->racks[placed++] = rack;
                candidates[i].id = -1;
                break;
            }
        }
    }
    mem_free(candidates);
    if (count) {
        placement->start = (uint32_t)(seed & 0xffffffff) % (uint32_t)count;
        placement->shift = (uint32_t)(seed >> 32) % (uint32_t)count;
    }
}

void placement_close(struct placement *placement)
{
    mem_free(placement->brokers);
    mem_free(placement->racks);
    mem_free(placement->spares);
}

/* Whether the place may still be taken: not the same broker, and no rack twice while there are
 * racks without a replica. */
static bool place_free(const struct placement *placement, uint32_t place, const int32_t *replicas,
                       const uint32_t *places, int32_t taken)
{
    bool rack_used = false;
    for (int32_t i = 0; i < taken; i++) {
        if (replicas[i] == placement->brokers[place])
            return false;
        rack_used |= placement->racks[places[i]] == placement->racks[place];
    }
    return !rack_used || taken >= placement->rack_count;
}

void placement_choose(const struct placement *placement, int32_t index, int32_t count,
                      int32_t *replicas)
{
    uint32_t brokers = (uint32_t)placement->broker_count;
    int32_t live = count < placement->broker_count ? count : placement->broker_count;
    ASSERT(live >= 1);
    ASSERT(count <= placement->broker_count + placement->spare_count);
    uint32_t *places = mem_alloc((size_t)count * sizeof(*places));
    uint32_t first = (placement->start + (uint32_t)index) % brokers;
    uint32_t shift = placement->shift + (uint32_t)index / brokers;
    places[0] = first;
    replicas[0] = placement->brokers[first];
    for (int32_t taken = 1; taken < live; taken++) {
        uint32_t steps = (shift + (uint32_t)taken - 1) % (brokers - 1);
        uint32_t place = (first + 1 + steps) % brokers;
        while (!place_free(placement, place, replicas, places, taken))
            place = (place + 1) % brokers;
        places[taken] = place;
        replicas[taken] = placement->brokers[place];
    }
    for (int32_t i = live; i < count; i++)
        replicas[i] = placement->spares[(index + i - live) % placement->spare_count];
    mem_free(places);
}
