/* A growable byte buffer: doubles, never shrinks. */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static void buf_check(const struct buf *buf)
{
    ASSERT(buf->len <= buf->cap);
    ASSERT(buf->data != NULL || buf->cap == 0);
}

void buf_init(struct buf *buf)
{
    *buf = (struct buf){0};
}

void buf_close(struct buf *buf)
{
    mem_free(buf->data);
    buf_init(buf);
}

/* The capacity for `more` bytes; 0 when no number is so large. */
static size_t buf_cap_for(const struct buf *buf, size_t more)
{
    size_t need = buf->len + more;
    if (need < more)
        return 0;
    return buf->cap * 2 > need ? buf->cap * 2 : need;
}

int buf_reserve(struct buf *buf, size_t more)
{
    buf_check(buf);
    if (more <= buf->cap - buf->len)
        return 0;
    size_t cap = buf_cap_for(buf, more);
    uint8_t *data = cap ? mem_try_realloc(buf->data, cap) : NULL;
    if (!data)
        return ERR_NO_MEMORY;
    buf->data = data;
    buf->cap = cap;
    ASSERT(more <= buf->cap - buf->len);
    return 0;
}

int buf_append(struct buf *buf, const void *data, size_t len)
{
    ASSERT(data != NULL || len == 0);
    int err = buf_reserve(buf, len);
    if (err)
        return err;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    ASSERT(buf->len <= buf->cap);
    return 0;
}

/* For what no peer makes large: the reserve of memory is for that. */
static void buf_need(struct buf *buf, size_t more)
{
    buf_check(buf);
    if (more <= buf->cap - buf->len)
        return;
    size_t cap = buf_cap_for(buf, more);
    ASSERT(cap > 0);
    buf->data = mem_realloc(buf->data, cap);
    buf->cap = cap;
    buf_check(buf);
}

void buf_put(struct buf *buf, const void *data, size_t len)
{
    ASSERT(data != NULL || len == 0);
    buf_need(buf, len);
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    ASSERT(buf->len <= buf->cap);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t room = buf->cap - buf->len; /* most texts fit into it */
    int len = vsnprintf(room ? (char *)buf->data + buf->len : NULL, room, format, args);
    ASSERT(len >= 0);
    buf_need(buf, (size_t)len + 1);
    if ((size_t)len >= room)
        vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, again);
    va_end(again);
    buf->len += (size_t)len;
    ASSERT(buf->len < buf->cap);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

const char *buf_text(struct buf *buf)
{
    buf_printf(buf, "%s", "");
    return (const char *)buf->data;
}
