/* A growable byte buffer. `data` is owned; it is NULL while nothing was ever reserved. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
};

void buf_init(struct buf *buf);
void buf_close(struct buf *buf);
/* Room for `more` bytes past len. 0, or ERR_NO_MEMORY (the buffer stays as it was). */
int buf_reserve(struct buf *buf, size_t more) MUST_CHECK;
/* As buf_reserve plus a copy; ERR_NO_MEMORY as above. */
int buf_append(struct buf *buf, const void *data, size_t len) MUST_CHECK;
/* For what is small: appends, by the reserve of memory when there is no other; then it aborts. */
void buf_put(struct buf *buf, const void *data, size_t len);
/* Text: the same, and keeps a NUL past len. */
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args);
/* The text so far, NUL-terminated; "" when empty. Borrowed until the next change. */
const char *buf_text(struct buf *buf);

#endif
