/* CRC-32C by isa-l, which folds with PCLMUL where the processor has it. */
#include "base/crc32c.h"

#include <isa-l/crc.h>
#include <limits.h>

#include "base/check.h"

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    ASSERT(len <= INT_MAX);
    return ~crc32_iscsi((unsigned char *)(uintptr_t)data, (int)len, ~crc);
}
