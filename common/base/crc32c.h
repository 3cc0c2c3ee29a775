/* CRC-32C (Castagnoli), as record batches use it. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `len` bytes that follow bytes whose checksum is `crc`; start with 0. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* The checksum of bytes of which 8 have been changed, from what it was before, without another look
 * at the `behind` bytes that follow these 8. It costs what some kilobytes cost in crc32c. */
uint32_t crc32c_change(uint32_t crc, uint64_t before, uint64_t after, size_t behind);

#endif
