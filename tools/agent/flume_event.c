/* An event as bytes of Avro: https://avro.apache.org/docs/1.11.1/specification/, "Binary Encoding".
 *
 * Happy path: numbers are zigzag varints, a map is blocks of pairs with an empty one behind them.
 * Failure modes: any length is compared with the bytes that are left before it is used; a block
 * with a negative count has its size in bytes in front, which is skipped. */
#include "tools/agent/flume_event.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { FLUME_VARINT_MAX = 10, FLUME_HEADERS_MAX = 10000 };

static void flume_event_put_long(int64_t value, struct buf *out)
{
    uint64_t left = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    uint8_t bytes[FLUME_VARINT_MAX];
    size_t count = 0;
    do {
        bytes[count] = (uint8_t)(left & 0x7f);
        left >>= 7;
        bytes[count++] |= left ? 0x80 : 0;
    } while (left);
    buf_put(out, bytes, count);
}

static void flume_event_put_bytes(const void *data, size_t len, struct buf *out)
{
    flume_event_put_long((int64_t)len, out);
    buf_put(out, data, len);
}

void flume_event_encode(const struct event *event, struct buf *out)
{
    const struct headers *headers = event->headers;
    if (headers && headers->count > 0) {
        flume_event_put_long(headers->count, out);
        for (size_t i = 0; i < headers->count; i++) {
            flume_event_put_bytes(headers->rows[i].name, headers->rows[i].name_len, out);
            flume_event_put_bytes(headers->rows[i].value, headers->rows[i].value_len, out);
        }
    }
    flume_event_put_long(0, out);
    flume_event_put_bytes(event->body, event->len, out);
}

/* ---- decoding ---- */

struct flume_cursor {
    const uint8_t *at;
    size_t left;
};

static bool flume_event_get_long(struct flume_cursor *cursor, int64_t *value)
{
    uint64_t read = 0;
    for (int i = 0; i < FLUME_VARINT_MAX; i++) {
        if (cursor->left == 0)
            return false;
        uint8_t byte = *cursor->at++;
        cursor->left--;
        read |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        *value = (int64_t)(read >> 1) ^ -(int64_t)(read & 1);
        return true;
    }
    return false;
}

static bool flume_event_get_bytes(struct flume_cursor *cursor, const uint8_t **data, size_t *len)
{
    int64_t said;
    if (!flume_event_get_long(cursor, &said) || said < 0 || (uint64_t)said > cursor->left)
        return false;
    *data = cursor->at;
    *len = (size_t)said;
    cursor->at += said;
    cursor->left -= (size_t)said;
    return true;
}

static bool flume_event_get_header(struct flume_cursor *cursor, struct headers **headers)
{
    const uint8_t *name, *value;
    size_t name_len, value_len;
    if (!flume_event_get_bytes(cursor, &name, &name_len) ||
        !flume_event_get_bytes(cursor, &value, &value_len) || memchr(name, '\0', name_len))
        return false;
    char *text = mem_strndup((const char *)name, name_len);
    struct headers *more = headers_set(*headers, text, (const char *)value, value_len);
    mem_free(text);
    headers_unref(*headers);
    *headers = more;
    return true;
}

static bool flume_event_get_headers(struct flume_cursor *cursor, struct headers **headers)
{
    int64_t count, bytes;
    size_t total = 0;
    for (;;) {
        if (!flume_event_get_long(cursor, &count) || count == INT64_MIN)
            return false;
        if (count == 0)
            return true;
        if (count < 0 && !flume_event_get_long(cursor, &bytes))
            return false;
        count = count < 0 ? -count : count;
        if ((uint64_t)count > FLUME_HEADERS_MAX - total)
            return false;
        total += (size_t)count;
        for (; count > 0; count--)
            if (!flume_event_get_header(cursor, headers))
                return false;
    }
}

int flume_event_decode(struct block *block, const uint8_t *data, size_t len, struct event *event)
{
    struct flume_cursor cursor = {.at = data, .left = len};
    struct headers *headers = NULL;
    const uint8_t *body = NULL;
    size_t body_len = 0;
    bool whole = flume_event_get_headers(&cursor, &headers) &&
                 flume_event_get_bytes(&cursor, &body, &body_len) && cursor.left == 0 &&
                 body_len <= UINT32_MAX;
    if (!whole) {
        headers_unref(headers);
        return ERR_MALFORMED;
    }
    *event = (struct event){
        .block = block_ref(block), .headers = headers, .body = body, .len = (uint32_t)body_len};
    return 0;
}
