/* For compaction: which is the newest offset of each key. Keys stand in it as keyed 128-bit hashes,
 * so its size does not depend on them. */
#ifndef BROKER_LOG_CLEANER_MAP_H
#define BROKER_LOG_CLEANER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct cleaner_slot;

struct cleaner_map {
    struct cleaner_slot *slots;
    size_t cap; /* 0 or a power of two */
    size_t count;
    size_t bytes_max;
    uint64_t key[2];
};

/* `key` is random; it never takes more than `bytes_max` bytes. */
void cleaner_map_init(struct cleaner_map *map, const uint64_t key[2], size_t bytes_max);
void cleaner_map_close(struct cleaner_map *map);
/* `offset` is the newest one of the key so far. 1 when the map is full; ERR_NO_MEMORY. */
int cleaner_map_put(struct cleaner_map *map, const void *key, size_t len,
                    int64_t offset) MUST_CHECK;
/* -1 when the key is not in it. */
int64_t cleaner_map_get(const struct cleaner_map *map, const void *key, size_t len);

#endif
