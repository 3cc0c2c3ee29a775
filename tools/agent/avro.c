/* Numbers are zigzag varints; maps and arrays are blocks of entries with an empty one behind them.
 * A block with a negative count has its size in bytes in front, which is skipped. Any length is
 * compared with the bytes that are left before it is used. */
#include "tools/agent/avro.h"

#include "wire/varint.h"

enum { AVRO_MAP_MAX = 1000 }; /* entries of a map that is skipped */

bool avro_get_long(struct avro_cursor *cursor, int64_t *value)
{
    uint64_t raw;
    size_t used = varint_get_64(cursor->at, cursor->left, &raw);
    if (used == 0)
        return false;
    ASSERT(used <= cursor->left);
    cursor->at += used;
    cursor->left -= used;
    *value = varint_unzigzag_64(raw);
    return true;
}

bool avro_get_fixed(struct avro_cursor *cursor, const uint8_t **data, size_t len)
{
    if (len > cursor->left)
        return false;
    *data = cursor->at;
    cursor->at += len;
    cursor->left -= len;
    return true;
}

bool avro_get_bytes(struct avro_cursor *cursor, const uint8_t **data, size_t *len)
{
    int64_t said;
    if (!avro_get_long(cursor, &said) || said < 0 || (uint64_t)said > cursor->left)
        return false;
    *len = (size_t)said;
    return avro_get_fixed(cursor, data, *len);
}

bool avro_get_block(struct avro_cursor *cursor, size_t max, size_t *count)
{
    int64_t said, bytes;
    if (!avro_get_long(cursor, &said) || said == INT64_MIN)
        return false;
    if (said < 0 && !avro_get_long(cursor, &bytes))
        return false;
    uint64_t entries = (uint64_t)(said < 0 ? -said : said);
    if (entries > max || entries > cursor->left)
        return false;
    *count = (size_t)entries;
    return true;
}

bool avro_skip_map(struct avro_cursor *cursor)
{
    const uint8_t *data;
    size_t count, len, total = 0;
    for (;;) {
        if (!avro_get_block(cursor, AVRO_MAP_MAX - total, &count))
            return false;
        if (count == 0)
            return true;
        total += count;
        ASSERT(total <= AVRO_MAP_MAX);
        for (; count > 0; count--)
            if (!avro_get_bytes(cursor, &data, &len) || !avro_get_bytes(cursor, &data, &len))
                return false;
    }
}

void avro_put_long(int64_t value, struct buf *out)
{
    uint8_t bytes[VARINT_MAX_64];
    size_t len = varint_put(bytes, varint_zigzag_64(value));
    ASSERT(len <= sizeof(bytes));
    buf_put(out, bytes, len);
}

void avro_put_bytes(const void *data, size_t len, struct buf *out)
{
    ASSERT(len <= INT64_MAX);
    avro_put_long((int64_t)len, out);
    buf_put(out, data, len);
}
