/* Keys and their partitions: the hash that Java has for strings. */
#include "broker/coordinator/coordinator_key.h"

#include <stddef.h>

#include "base/check.h"

/* Java's String.hashCode counts UTF-16 units, so a character above 0xffff counts as two. Bytes that
 * are no UTF-8 count as one unit each: such an id can't come from a Java client. */
static uint32_t coordinator_key_unit(const uint8_t *at, size_t left, size_t *used)
{
    ASSERT(left > 0);
    static const uint8_t masks[] = {0x7f, 0, 0x1f, 0x0f, 0x07};
    size_t len = *at < 0x80 ? 1 : *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : *at >= 0xc0 ? 2 : 1;
    if (len > left)
        len = 1;
    uint32_t unit = len > 1 ? *at & masks[len == 2 ? 2 : len == 3 ? 3 : 4] : *at;
    for (size_t i = 1; i < len; i++)
        unit = unit << 6 | (at[i] & 0x3f);
    *used = len;
    return unit;
}

int32_t coordinator_key_partition(struct wire_str key, int32_t partitions)
{
    ASSERT(partitions > 0);
    const uint8_t *at = (const uint8_t *)key.data;
    size_t left = key.len > 0 ? (size_t)key.len : 0;
    uint32_t hash = 0;
    while (left > 0) {
        size_t used;
        uint32_t unit = coordinator_key_unit(at, left, &used);
        if (unit > 0xffff) {
            unit -= 0x10000;
            hash = hash * 31 + (0xd800 + (unit >> 10));
            unit = 0xdc00 + (unit & 0x3ff);
        }
        hash = hash * 31 + unit;
        ASSERT(used <= left);
        at += used;
        left -= used;
    }
    int32_t value = (int32_t)hash;
    return (value == INT32_MIN ? 0 : value < 0 ? -value : value) % partitions;
}
