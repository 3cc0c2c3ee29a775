/* 16-byte ids and their base64 text. */
#include "base/uuid.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"

static const char uuid_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

STATIC_ASSERT(sizeof(struct uuid) == 16, "it is copied to and from the wire as it is");
STATIC_ASSERT(sizeof(uuid_digits) - 1 == 64, "a digit has six bits");
STATIC_ASSERT(UUID_TEXT_LEN * 6 >= 8 * sizeof(struct uuid), "the text holds all bits");

bool uuid_is_zero(const struct uuid *uuid)
{
    static const struct uuid zero;
    return uuid_equal(uuid, &zero);
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_LEN + 1])
{
    for (int i = 0; i < UUID_TEXT_LEN; i++) {
        int bit = i * 6;
        unsigned word = (unsigned)uuid->bytes[bit / 8] << 8;
        if (bit / 8 + 1 < 16)
            word |= uuid->bytes[bit / 8 + 1];
        text[i] = uuid_digits[(word >> (10 - bit % 8)) & 63];
    }
    text[UUID_TEXT_LEN] = '\0';
}

int uuid_parse(const char *text, struct uuid *uuid)
{
    uint8_t bytes[17] = {0};
    if (strlen(text) != UUID_TEXT_LEN)
        return ERR_INVALID;
    for (int i = 0; i < UUID_TEXT_LEN; i++) {
        const char *digit = strchr(uuid_digits, text[i]);
        if (!digit)
            return ERR_INVALID;
        int bit = i * 6;
        unsigned word = (unsigned)(digit - uuid_digits) << (10 - bit % 8);
        bytes[bit / 8] |= (uint8_t)(word >> 8);
        bytes[bit / 8 + 1] |= (uint8_t)word;
    }
    memcpy(uuid->bytes, bytes, sizeof(uuid->bytes));
    return 0;
}
