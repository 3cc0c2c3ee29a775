/* Strings and bytes of messages: slices that somebody else owns, not NUL-terminated, possibly null.
 */
#ifndef WIRE_STR_H
#define WIRE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

struct wire_str {
    const char *data;
    int32_t len; /* -1 = null */
};

struct wire_bytes {
    const uint8_t *data;
    int32_t len; /* -1 = null */
};

#define WIRE_STR_NULL   ((struct wire_str){NULL, -1})
#define WIRE_BYTES_NULL ((struct wire_bytes){NULL, -1})

/* The two arguments of "%.*s"; nothing for null. */
#define WIRE_STR_ARGS(str) ((str).len > 0 ? (str).len : 0), ((str).len > 0 ? (str).data : "")

/* A slice of NUL-terminated text, which must outlive it; NULL gives null. */
static inline struct wire_str wire_str_from(const char *text)
{
    return (struct wire_str){text, text ? (int32_t)strlen(text) : -1};
}

static inline struct wire_str wire_str_of(const char *data, size_t len)
{
    return (struct wire_str){data, (int32_t)len};
}

static inline bool wire_str_is_null(struct wire_str str)
{
    return str.len < 0;
}

/* Null or of no bytes. */
static inline bool wire_str_is_empty(struct wire_str str)
{
    return str.len <= 0;
}

/* Null equals only null. */
static inline bool wire_str_equal(struct wire_str a, struct wire_str b)
{
    return a.len == b.len && (a.len <= 0 || memcmp(a.data, b.data, (size_t)a.len) == 0);
}

/* Whether it is this text; null is no text. */
static inline bool wire_str_is(struct wire_str str, const char *text)
{
    size_t len = strlen(text);
    return str.len >= 0 && (size_t)str.len == len && (!len || memcmp(str.data, text, len) == 0);
}

/* NUL-terminated copy, the caller's to mem_free; NULL for null. */
static inline char *wire_str_dup(struct wire_str str)
{
    return str.len < 0 ? NULL : mem_strndup(str.data, (size_t)str.len);
}

/* Copies the bytes into the arena, so that the slice may outlive the message; false when its limit
 * is reached. */
static inline bool wire_str_keep(struct arena *arena, struct wire_str *str)
{
    if (str->len > 0)
        str->data = arena_strndup(arena, str->data, (size_t)str->len);
    return str->len <= 0 || str->data;
}

static inline bool wire_bytes_equal(struct wire_bytes a, struct wire_bytes b)
{
    return a.len == b.len && (a.len <= 0 || memcmp(a.data, b.data, (size_t)a.len) == 0);
}

#endif
