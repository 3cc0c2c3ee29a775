/* CRC-32C by isa-l, which folds with PCLMUL where the processor has it.
 *
 * A change is arithmetic: checksums are remainders of polynomials over GF(2), in which the bits
 * that differ have a checksum of their own, times x^8 for every byte behind them; it is added, by
 * xor. */
#include "base/crc32c.h"

#include <isa-l/crc.h>
#include <limits.h>

#include "base/bytes.h"
#include "base/check.h"

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    ASSERT(len <= INT_MAX);
    return ~crc32_iscsi((unsigned char *)(uintptr_t)data, (int)len, ~crc);
}

#define CRC32C_POLYNOMIAL 0x82f63b78u

/* x^(8 * 2^n): what 2^n bytes of zeros multiply by. The highest bit is x^0. */
static const uint32_t crc32c_powers[] = {
    0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18, 0x510ac59a, 0xb82be955, 0xb8fdb1e7,
    0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a, 0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc,
    0xfe7740e6, 0xf946610b, 0x3c204f8f, 0x538586e3, 0x59726915, 0x734d5309, 0xbc1ac763, 0x7d0722cc,
    0xd289cabe, 0xe94ca9bc, 0x05b74f3f, 0xa51e1f42, 0x40000000, 0x20000000, 0x08000000};

static uint32_t crc32c_multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;
    for (; a != 0; a <<= 1) {
        product ^= b & (0u - (a >> 31));
        b = b >> 1 ^ (CRC32C_POLYNOMIAL & (0u - (b & 1)));
    }
    return product;
}

uint32_t crc32c_change(uint32_t crc, uint64_t before, uint64_t after, size_t behind)
{
    uint8_t differ[8];
    ASSERT(behind <= INT_MAX);
    bytes_put_u64(differ, before ^ after);
    uint32_t change = crc32_iscsi(differ, (int)sizeof(differ), 0);
    for (unsigned bit = 0; behind >> bit != 0; bit++)
        if (behind >> bit & 1)
            change = crc32c_multiply(change, crc32c_powers[bit]);
    return crc ^ change;
}
