/* CRC-32C (Castagnoli), as record batches use it. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `len` bytes that follow bytes whose checksum is `crc`; start with 0. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

#endif
