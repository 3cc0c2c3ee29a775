/* Numbers in order. Nothing fails. */
#include "base/sort.h"

#include <stdlib.h>

#include "base/check.h"

static int sort_compare_int32(const void *a, const void *b)
{
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

static int sort_compare_int64(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

void sort_int32(int32_t *items, size_t count)
{
    ASSERT(items || count == 0);
    if (count > 1)
        qsort(items, count, sizeof(*items), sort_compare_int32);
}

void sort_int64(int64_t *items, size_t count)
{
    ASSERT(items || count == 0);
    if (count > 1)
        qsort(items, count, sizeof(*items), sort_compare_int64);
}

bool sorted_has_int32(const int32_t *items, size_t count, int32_t number)
{
    ASSERT(items || count == 0);
    return count > 0 && bsearch(&number, items, count, sizeof(number), sort_compare_int32);
}

bool sorted_has_int64(const int64_t *items, size_t count, int64_t number)
{
    ASSERT(items || count == 0);
    return count > 0 && bsearch(&number, items, count, sizeof(number), sort_compare_int64);
}
