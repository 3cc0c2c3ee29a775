/* SipHash-128 against values of another implementation (OpenSSL's, key 00 01 ... 0f). */
#include "../tap.h"

#include <endian.h>

#include "base/siphash.h"

static void check(const uint8_t *input, size_t len, const char *expected)
{
    uint8_t key_bytes[16], digest[16];
    uint64_t key[2];
    char text[33];
    for (int i = 0; i < 16; i++)
        key_bytes[i] = (uint8_t)i;
    memcpy(key, key_bytes, 16);
    key[0] = le64toh(key[0]);
    key[1] = le64toh(key[1]);
    struct siphash hash = siphash_128(key, input, len);
    uint64_t words[2] = {htole64(hash.low), htole64(hash.high)};
    memcpy(digest, words, 16);
    for (int i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02X", digest[i]);
    CHECK_STR(text, expected);
}

static void values_are_right(void)
{
    static const uint8_t input[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    check(input, 0, "A3817F04BA25A8E66DF67214C7550293");
    check(input, 9, "264499060AD9BAABC47F8B02BB6D71ED");
}

TAP_MAIN(TAP_TEST(values_are_right))
