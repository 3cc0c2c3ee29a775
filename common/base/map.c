/* A hash map with open addressing: linear probing, deletion by shifting back, load at most 3/4. */
#include "base/map.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { MAP_CAP_MIN = 16, MAP_KEY_INLINE = 16 };

struct map_slot {
    void *value; /* NULL = free */
    uint32_t hash;
    uint32_t key_len;
    union {
        uint8_t bytes[MAP_KEY_INLINE];
        uint8_t *pointer;
    } key;
};

STATIC_ASSERT((MAP_CAP_MIN & (MAP_CAP_MIN - 1)) == 0, "slots are found by a mask");
STATIC_ASSERT(MAP_KEY_INLINE >= sizeof(uint8_t *), "the pointer to a longer key has its place");

static uint32_t map_hash(const void *key, size_t len)
{
    const uint8_t *p = key;
    uint64_t h = 0xcbf29ce484222325u ^ len;
    while (len >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
        p += 8;
        len -= 8;
    }
    while (len--) {
        h = (h ^ *p++) * 0x100000001b3u;
    }
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32);
}

static const uint8_t *slot_key(const struct map_slot *slot)
{
    return slot->key_len <= MAP_KEY_INLINE ? slot->key.bytes : slot->key.pointer;
}

static void slot_free_key(struct map_slot *slot)
{
    if (slot->key_len > MAP_KEY_INLINE)
        mem_free(slot->key.pointer);
}

/* The slot that holds the key, or the free slot where it belongs. */
static struct map_slot *map_probe(const struct map *map, uint32_t hash, const void *key, size_t len)
{
    ASSERT(map->cap > map->count); /* else it would not end */
    size_t mask = map->cap - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct map_slot *slot = &map->slots[i];
        if (!slot->value)
            return slot;
        if (slot->hash == hash && slot->key_len == len &&
            (len == 0 || memcmp(slot_key(slot), key, len) == 0))
            return slot;
    }
}

/* What holds after each change, as far as that is seen at once. A walk ends at a free slot, so one
 * is always there. */
static void map_check_size(const struct map *map)
{
    ASSERT(map->count * 4 <= map->cap * 3);
    ASSERT((map->cap & (map->cap - 1)) == 0);
}

static void map_resize(struct map *map, size_t cap)
{
    struct map_slot *old = map->slots;
    size_t old_cap = map->cap;
    ASSERT(cap > old_cap);
    ASSERT((cap & (cap - 1)) == 0);
    map->slots = mem_alloc(cap * sizeof(*map->slots));
    map->cap = cap;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].value)
            *map_probe(map, old[i].hash, slot_key(&old[i]), old[i].key_len) = old[i];
    mem_free(old);
}

void map_init(struct map *map)
{
    *map = (struct map){0};
}

void map_close(struct map *map)
{
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].value)
            slot_free_key(&map->slots[i]);
    mem_free(map->slots);
    map_init(map);
}

void *map_get(const struct map *map, const void *key, size_t key_len)
{
    if (map->count == 0)
        return NULL;
    return map_probe(map, map_hash(key, key_len), key, key_len)->value;
}

void *map_put(struct map *map, const void *key, size_t key_len, void *value)
{
    ASSERT(value);
    ASSERT(key_len <= UINT32_MAX);
    ASSERT(key != NULL || key_len == 0);
    if ((map->count + 1) * 4 > map->cap * 3)
        map_resize(map, map->cap ? map->cap * 2 : MAP_CAP_MIN);
    uint32_t hash = map_hash(key, key_len);
    struct map_slot *slot = map_probe(map, hash, key, key_len);
    void *old = slot->value;
    slot->value = value;
    if (old)
        return old;
    slot->hash = hash;
    slot->key_len = (uint32_t)key_len;
    if (key_len > MAP_KEY_INLINE)
        slot->key.pointer = mem_dup(key, key_len);
    else if (key_len > 0) /* the key of no bytes may be NULL */
        memcpy(slot->key.bytes, key, key_len);
    map->count++;
    map_check_size(map);
    return NULL;
}

void *map_del(struct map *map, const void *key, size_t key_len)
{
    if (map->count == 0)
        return NULL;
    struct map_slot *slot = map_probe(map, map_hash(key, key_len), key, key_len);
    void *old = slot->value;
    if (!old)
        return NULL;
    ASSERT(map->count > 0);
    slot_free_key(slot);
    map->count--;
    /* Shift back each later element of the run that may stand at or before the hole. */
    size_t mask = map->cap - 1;
    size_t hole = (size_t)(slot - map->slots);
    for (size_t i = (hole + 1) & mask; map->slots[i].value; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        map->slots[hole] = map->slots[i];
        hole = i;
    }
    map->slots[hole].value = NULL;
    map_check_size(map);
    return old;
}

void map_check(const struct map *map)
{
    size_t count = 0;
    map_check_size(map);
    ASSERT((map->slots == NULL) == (map->cap == 0));
    for (size_t i = 0; i < map->cap; i++) {
        const struct map_slot *slot = &map->slots[i];
        if (!slot->value)
            continue;
        count++;
        ASSERT(slot->hash == map_hash(slot_key(slot), slot->key_len));
        ASSERT(map_probe(map, slot->hash, slot_key(slot), slot->key_len) == slot);
    }
    ASSERT(count == map->count);
}

void *map_next(const struct map *map, size_t *cursor, const void **key, size_t *key_len)
{
    while (*cursor < map->cap) {
        const struct map_slot *slot = &map->slots[(*cursor)++];
        if (!slot->value)
            continue;
        if (key)
            *key = slot_key(slot);
        if (key_len)
            *key_len = slot->key_len;
        return slot->value;
    }
    return NULL;
}

void *map_get_u64(const struct map *map, uint64_t key)
{
    return map_get(map, &key, sizeof(key));
}

void *map_put_u64(struct map *map, uint64_t key, void *value)
{
    return map_put(map, &key, sizeof(key), value);
}

void *map_del_u64(struct map *map, uint64_t key)
{
    return map_del(map, &key, sizeof(key));
}
