/* Numbers in order: smallest first. */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `items` may be NULL where count is 0. */
void sort_int32(int32_t *items, size_t count);
void sort_int64(int64_t *items, size_t count);

/* Whether a number is among sorted ones. */
bool sorted_has_int32(const int32_t *items, size_t count, int32_t number);
bool sorted_has_int64(const int64_t *items, size_t count, int64_t number);

#endif
