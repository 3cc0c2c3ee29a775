/* Golden vectors: reading the files (lines of columns between tabs, gzip), hex, base64, JSON. */
#ifndef TESTS_WIRE_GOLDEN_H
#define TESTS_WIRE_GOLDEN_H

#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/mem.h"

enum { GOLDEN_COLUMNS = 5 };

/* The whole file as NUL-terminated text, the caller's to mem_free; NULL when it can't be read. */
static inline char *golden_load(const char *path)
{
    struct buf text;
    gzFile file = gzopen(path, "rb");
    if (!file)
        return NULL;
    buf_init(&text);
    for (;;) {
        if (buf_reserve(&text, 1 << 16))
            abort();
        int got = gzread(file, text.data + text.len, (1 << 16) - 1);
        if (got <= 0)
            break;
        text.len += (size_t)got;
    }
    gzclose(file);
    text.data[text.len] = '\0';
    return (char *)text.data;
}

/* Splits the line at *text in place and moves *text behind it; the number of columns, 0 at the end.
 */
static inline int golden_line(char **text, char *columns[GOLDEN_COLUMNS])
{
    char *end = strchr(*text, '\n');
    int count = 0;
    if (!end)
        return 0;
    *end = '\0';
    for (char *at = *text; at && count < GOLDEN_COLUMNS;) {
        columns[count++] = at;
        at = strchr(at, '\t');
        if (at)
            *at++ = '\0';
    }
    *text = end + 1;
    return count;
}

static inline int golden_digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The bytes of a hex text, in memory of exactly that size (so that a sanitizer sees one byte past).
 */
static inline uint8_t *golden_bytes(const char *hex, size_t *len)
{
    *len = strlen(hex) / 2;
    uint8_t *bytes = mem_alloc(*len ? *len : 1);
    for (size_t i = 0; i < *len; i++)
        bytes[i] = (uint8_t)(golden_digit(hex[2 * i]) << 4 | golden_digit(hex[2 * i + 1]));
    return bytes;
}

static inline bool golden_json_equal(const char *got, size_t len, const char *expected)
{
    json_error_t error;
    json_t *a = json_loadb(got, len, JSON_ALLOW_NUL, &error);
    json_t *b = json_loads(expected, JSON_ALLOW_NUL, &error);
    bool equal = a && b && json_equal(a, b);
    if (!equal)
        printf("# got      %.*s\n# expected %s\n", (int)len, got, expected);
    json_decref(a);
    json_decref(b);
    return equal;
}

/* The bytes of a base64 JSON string, with a NUL behind; NULL for JSON null. */
static inline uint8_t *golden_base64(const json_t *value, size_t *len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *text = json_string_value(value);
    *len = 0;
    if (!text)
        return NULL;
    uint8_t *bytes = mem_alloc(strlen(text) + 1);
    uint32_t word = 0;
    int bits = 0;
    for (; *text && *text != '='; text++) {
        word = word << 6 | (uint32_t)(strchr(digits, *text) - digits);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[(*len)++] = (uint8_t)(word >> bits);
        }
    }
    return bytes;
}

#endif
