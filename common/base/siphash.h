/* SipHash-2-4 with 128 bits: a keyed hash. With a random key nobody can make two inputs collide,
 * and by chance it does not happen, so the hash may stand for the input. Source: Aumasson and
 * Bernstein, "SipHash: a fast short-input PRF". */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash {
    uint64_t low; /* the first eight bytes of the digest, little-endian */
    uint64_t high;
};

struct siphash siphash_128(const uint64_t key[2], const void *data, size_t len);

#endif
