/* Open addressing with linear probing; grows by doubling up to its limit. */
#include "broker/log/cleaner_map.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/siphash.h"

enum { CLEANER_MAP_CAP_MIN = 1024 };
STATIC_ASSERT((CLEANER_MAP_CAP_MIN & (CLEANER_MAP_CAP_MIN - 1)) == 0,
              "probing masks a hash with it");

struct cleaner_slot {
    struct siphash hash;
    int64_t offset_plus_one; /* 0 = free */
};

void cleaner_map_init(struct cleaner_map *map, const uint64_t key[2], size_t bytes_max)
{
    *map = (struct cleaner_map){.bytes_max = bytes_max, .key = {key[0], key[1]}};
}

void cleaner_map_close(struct cleaner_map *map)
{
    mem_free(map->slots);
    map->slots = NULL;
    map->cap = map->count = 0;
}

static struct cleaner_slot *map_probe(struct cleaner_slot *slots, size_t cap, struct siphash hash)
{
    ASSERT((cap & (cap - 1)) == 0);
    for (size_t i = hash.low & (cap - 1);; i = (i + 1) & (cap - 1)) {
        struct cleaner_slot *slot = &slots[i];
        if (slot->offset_plus_one == 0 ||
            (slot->hash.low == hash.low && slot->hash.high == hash.high))
            return slot;
    }
}

static int map_grow(struct cleaner_map *map)
{
    size_t cap = map->cap ? map->cap * 2 : CLEANER_MAP_CAP_MIN;
    if (cap * sizeof(struct cleaner_slot) > map->bytes_max)
        return 1;
    struct cleaner_slot *slots = mem_try_alloc(cap * sizeof(*slots));
    if (!slots)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < cap; i++)
        slots[i].offset_plus_one = 0;
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].offset_plus_one)
            *map_probe(slots, cap, map->slots[i].hash) = map->slots[i];
    mem_free(map->slots);
    map->slots = slots;
    map->cap = cap;
    return 0;
}

int cleaner_map_put(struct cleaner_map *map, const void *key, size_t len, int64_t offset)
{
    struct siphash hash = siphash_128(map->key, key, len);
    if ((map->count + 1) * 4 > map->cap * 3) {
        int rc = map_grow(map);
        if (rc)
            return rc;
    }
    ASSERT(map->count < map->cap);
    ASSERT(offset >= 0);
    struct cleaner_slot *slot = map_probe(map->slots, map->cap, hash);
    if (slot->offset_plus_one == 0) {
        map->count++;
        slot->hash = hash;
    }
    slot->offset_plus_one = offset + 1;
    return 0;
}

int64_t cleaner_map_get(const struct cleaner_map *map, const void *key, size_t len)
{
    if (map->cap == 0)
        return -1;
    ASSERT(map->count < map->cap);
    return map_probe(map->slots, map->cap, siphash_128(map->key, key, len))->offset_plus_one - 1;
}
