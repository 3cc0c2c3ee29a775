/* A hash map from byte strings to pointers. Keys are copied; values are borrowed. The order of a
 * walk depends only on the history of puts and deletes, so a simulation repeats. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot;
struct map {
    struct map_slot *slots;
    size_t cap; /* 0 or a power of two */
    size_t count;
};

void map_init(struct map *map);
/* Frees the keys and the table; the values are the caller's. */
void map_close(struct map *map);
/* NULL when absent. */
void *map_get(const struct map *map, const void *key, size_t key_len);
/* Adds or replaces; returns the value that was there, or NULL. `value` is never NULL. */
void *map_put(struct map *map, const void *key, size_t key_len, void *value);
/* Returns the value that was there, or NULL. */
void *map_del(struct map *map, const void *key, size_t key_len);
/* What always holds; looks at every slot, so it is for tests. */
void map_check(const struct map *map);
/* Walk: start with *cursor = 0; NULL at the end. The map must not be changed during a walk. `key`
 * and `key_len` may be NULL. */
void *map_next(const struct map *map, size_t *cursor, const void **key, size_t *key_len);

/* The same with integers as keys. */
void *map_get_u64(const struct map *map, uint64_t key);
void *map_put_u64(struct map *map, uint64_t key, void *value);
void *map_del_u64(struct map *map, uint64_t key);

#endif
