/* Records of magic 2. Every length is compared with the bytes left in its record, and a record with
 * the bytes left in the batch, before anything is read from behind it. */
#include "kafka/record.h"

#include "base/check.h"
#include "base/err.h"
#include "wire/varint.h"

STATIC_ASSERT(VARINT_MAX_32 * 7 >= 32, "a varint has seven bits a byte");
STATIC_ASSERT(VARINT_MAX_64 * 7 >= 64, "a varlong likewise");

/* A piece of the bytes under reading; `bad` sticks. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static size_t cursor_left(const struct cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

/* Most numbers here are small: one byte is taken without a call. */
static int64_t cursor_varlong(struct cursor *cursor)
{
    uint64_t value;
    if (cursor->at < cursor->end && *cursor->at < 0x80)
        return varint_unzigzag_64(*cursor->at++);
    size_t used = varint_get_64(cursor->at, cursor_left(cursor), &value);
    if (!used) {
        cursor->bad = true;
        return 0;
    }
    cursor->at += used;
    return varint_unzigzag_64(value);
}

static int32_t cursor_varint(struct cursor *cursor)
{
    uint32_t value;
    if (cursor->at < cursor->end && *cursor->at < 0x80)
        return varint_unzigzag_32(*cursor->at++);
    size_t used = varint_get_32(cursor->at, cursor_left(cursor), &value);
    if (!used) {
        cursor->bad = true;
        return 0;
    }
    cursor->at += used;
    return varint_unzigzag_32(value);
}

static struct wire_bytes cursor_bytes(struct cursor *cursor)
{
    int32_t len = cursor_varint(cursor);
    if (len < -1 || (len > 0 && (size_t)len > cursor_left(cursor)))
        cursor->bad = true;
    if (cursor->bad || len < 0)
        return WIRE_BYTES_NULL;
    const uint8_t *data = cursor->at;
    cursor->at += len;
    return (struct wire_bytes){data, len};
}

static void cursor_header(struct cursor *cursor, struct record_header *header)
{
    struct wire_bytes key = cursor_bytes(cursor);
    if (key.len < 0)
        cursor->bad = true;
    header->key = (struct wire_str){(const char *)key.data, key.len};
    header->value = cursor->bad ? WIRE_BYTES_NULL : cursor_bytes(cursor);
}

void record_iter_init(struct record_iter *iter, const uint8_t *bytes, size_t len, int32_t count)
{
    ASSERT(len == 0 || bytes != NULL);
    *iter = (struct record_iter){.at = bytes, .end = bytes + len, .left = count};
}

static void record_read(struct cursor *cursor, struct record *record)
{
    cursor->bad = cursor_left(cursor) == 0;
    if (cursor->bad)
        return;
    cursor->at++; /* attributes: none are defined */
    record->timestamp_delta = cursor_varlong(cursor);
    record->offset_delta = cursor_varint(cursor);
    record->key = cursor_bytes(cursor);
    record->value = cursor_bytes(cursor);
    record->header_count = cursor_varint(cursor);
    record->headers = cursor->at;
    record->headers_end = cursor->end;
    struct record_header header;
    for (int32_t i = 0; i < record->header_count && !cursor->bad; i++)
        cursor_header(cursor, &header);
    if (record->header_count < 0 || cursor->at != cursor->end)
        cursor->bad = true;
}

int record_iter_next(struct record_iter *iter, struct record *record)
{
    struct record scratch;
    struct cursor cursor = {iter->at, iter->end, false};
    if (iter->left <= 0)
        return iter->at == iter->end ? 0 : ERR_MALFORMED;
    int32_t len = cursor_varint(&cursor);
    if (cursor.bad || len < 0 || (size_t)len > cursor_left(&cursor))
        return ERR_MALFORMED;
    iter->at = cursor.at + len;
    iter->left--;
    cursor.end = iter->at;
    record_read(&cursor, record ? record : &scratch);
    return cursor.bad ? ERR_MALFORMED : 1;
}

bool record_header_next(const struct record *record, const uint8_t **at,
                        struct record_header *header)
{
    struct cursor cursor = {*at, record->headers_end, false};
    if (cursor.at >= cursor.end)
        return false;
    cursor_header(&cursor, header);
    *at = cursor.at;
    return !cursor.bad;
}

static size_t record_bytes_size(int32_t len)
{
    return varint_size(varint_zigzag_32(len < 0 ? -1 : len)) + (len > 0 ? (size_t)len : 0);
}

static uint8_t *record_put_bytes(uint8_t *at, const void *data, int32_t len)
{
    at += varint_put(at, varint_zigzag_32(len < 0 ? -1 : len));
    if (len > 0) {
        memcpy(at, data, (size_t)len);
        at += len;
    }
    return at;
}

int record_write(struct buf *out, int32_t offset_delta, int64_t timestamp_delta,
                 struct wire_bytes key, struct wire_bytes value,
                 const struct record_header *headers, int32_t header_count)
{
    size_t size = 1 + varint_size(varint_zigzag_64(timestamp_delta)) +
                  varint_size(varint_zigzag_32(offset_delta)) + record_bytes_size(key.len) +
                  record_bytes_size(value.len) + varint_size(varint_zigzag_32(header_count));
    ASSERT(header_count >= 0);
    ASSERT(header_count == 0 || headers != NULL);
    for (int32_t i = 0; i < header_count; i++)
        size += record_bytes_size(headers[i].key.len) + record_bytes_size(headers[i].value.len);
    if (size > INT32_MAX)
        return ERR_TOO_LARGE;
    int err = buf_reserve(out, size + VARINT_MAX_32);
    if (err)
        return err;
    uint8_t *at = out->data + out->len;
    at += varint_put(at, varint_zigzag_32((int32_t)size));
    *at++ = 0;
    at += varint_put(at, varint_zigzag_64(timestamp_delta));
    at += varint_put(at, varint_zigzag_32(offset_delta));
    at = record_put_bytes(at, key.data, key.len);
    at = record_put_bytes(at, value.data, value.len);
    at += varint_put(at, varint_zigzag_32(header_count));
    for (int32_t i = 0; i < header_count; i++) {
        at = record_put_bytes(at, headers[i].key.data, headers[i].key.len);
        at = record_put_bytes(at, headers[i].value.data, headers[i].value.len);
    }
    ASSERT(at <= out->data + out->cap);
    ASSERT(at > out->data + out->len);
    out->len = (size_t)(at - out->data);
    return 0;
}
