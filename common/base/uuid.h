/* 16-byte ids. Text form: 22 characters of URL-safe base64 without padding, as Kafka prints them.
 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

enum { UUID_TEXT_LEN = 22 };

struct uuid {
    uint8_t bytes[16];
};

bool uuid_is_zero(const struct uuid *uuid);
bool uuid_equal(const struct uuid *a, const struct uuid *b);
/* Writes 22 characters and a NUL. */
void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_LEN + 1]);
/* 0, or ERR_INVALID when `text` is not 22 characters of URL-safe base64. */
int uuid_parse(const char *text, struct uuid *uuid) __attribute__((warn_unused_result));

#endif
