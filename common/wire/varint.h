/* Variable-length integers: base 128, low bits first; the signed ones zigzag first. */
#ifndef WIRE_VARINT_H
#define WIRE_VARINT_H

#include <stddef.h>
#include <stdint.h>

/* The most bytes that a 32-bit and a 64-bit number takes. */
enum { VARINT_MAX_32 = 5, VARINT_MAX_64 = 10 };

static inline uint32_t varint_zigzag_32(int32_t value)
{
    return ((uint32_t)value << 1) ^ (uint32_t)(value >> 31);
}

static inline uint64_t varint_zigzag_64(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int32_t varint_unzigzag_32(uint32_t value)
{
    return (int32_t)((value >> 1) ^ (0u - (value & 1)));
}

static inline int64_t varint_unzigzag_64(uint64_t value)
{
    return (int64_t)((value >> 1) ^ ((uint64_t)0 - (value & 1)));
}

/* Bytes that the number takes (without zigzag). */
static inline size_t varint_size(uint64_t value)
{
    return (size_t)(70 - __builtin_clzll(value | 1)) / 7;
}

/* Writes at most VARINT_MAX_64 bytes, returns how many. */
static inline size_t varint_put(uint8_t *to, uint64_t value)
{
    size_t len = 0;
    while (value >= 0x80) {
        to[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    to[len++] = (uint8_t)value;
    return len;
}

/* Reads from `len` bytes; returns the bytes taken, 0 when they end early or the number does not
 * fit. */
static inline size_t varint_get_64(const uint8_t *from, size_t len, uint64_t *value)
{
    uint64_t result = 0;
    for (size_t i = 0; i < len && i < VARINT_MAX_64; i++) {
        uint64_t low = from[i] & 0x7f;
        if (i == VARINT_MAX_64 - 1 && low > 1)
            return 0;
        result |= low << (7 * i);
        if (!(from[i] & 0x80)) {
            *value = result;
            return i + 1;
        }
    }
    return 0;
}

static inline size_t varint_get_32(const uint8_t *from, size_t len, uint32_t *value)
{
    uint64_t wide;
    size_t used = varint_get_64(from, len < VARINT_MAX_32 ? len : VARINT_MAX_32, &wide);
    if (!used || wide > UINT32_MAX)
        return 0;
    *value = (uint32_t)wide;
    return used;
}

#endif
