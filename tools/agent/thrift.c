/* Happy path: numbers are big-endian in the binary protocol, and zigzag varints in the compact one,
 * which also packs a field's type and its distance to the one before in a byte. Failure modes: any
 * length is compared with the bytes that are left before it is used; structs in structs are
 * counted. */
#include "tools/agent/thrift.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/varint.h"

enum {
    THRIFT_DEPTH_MAX = 16,
    THRIFT_COMPACT_ID = 0x82,
    THRIFT_COMPACT_VERSION = 1,
    THRIFT_SHORT_MAX = 15 /* what fits in half a byte */
};
static const uint32_t thrift_binary_version = 0x80010000;

/* The compact protocol's types, in the order of their numbers; a bool's value is in its type. */
static const uint8_t thrift_compact_types[] = {
    THRIFT_STOP,   THRIFT_BOOL,   THRIFT_BOOL, THRIFT_BYTE, THRIFT_I16, THRIFT_I32,   THRIFT_I64,
    THRIFT_DOUBLE, THRIFT_STRING, THRIFT_LIST, THRIFT_SET,  THRIFT_MAP, THRIFT_STRUCT};

static bool thrift_from_compact(uint8_t number, enum thrift_type *type)
{
    if (number >= sizeof(thrift_compact_types))
        return false;
    *type = (enum thrift_type)thrift_compact_types[number];
    return true;
}

static uint8_t thrift_to_compact(enum thrift_type type)
{
    for (uint8_t i = 0; i < sizeof(thrift_compact_types); i++)
        if (thrift_compact_types[i] == type)
            return i;
    ASSERT(!"a type that nobody writes");
    return 0;
}

/* ---- reading ---- */

static bool thrift_take(struct thrift_cursor *cursor, const uint8_t **data, size_t len)
{
    if (len > cursor->left)
        return false;
    *data = cursor->at;
    cursor->at += len;
    cursor->left -= len;
    return true;
}

static bool thrift_get_byte(struct thrift_cursor *cursor, uint8_t *value)
{
    const uint8_t *data;
    if (!thrift_take(cursor, &data, 1))
        return false;
    *value = *data;
    return true;
}

static bool thrift_get_varint(struct thrift_cursor *cursor, uint32_t *value)
{
    const uint8_t *data;
    size_t used = varint_get_32(cursor->at, cursor->left, value);
    return used > 0 && thrift_take(cursor, &data, used);
}

static bool thrift_get_fixed_32(struct thrift_cursor *cursor, uint32_t *value)
{
    const uint8_t *data;
    if (!thrift_take(cursor, &data, 4))
        return false;
    *value = bytes_get_u32(data);
    return true;
}

/* A length or a count: four bytes, or a varint. */
static bool thrift_get_size(struct thrift_cursor *cursor, size_t *size)
{
    uint32_t value;
    bool read =
        cursor->compact ? thrift_get_varint(cursor, &value) : thrift_get_fixed_32(cursor, &value);
    if (!read || value > cursor->left)
        return false;
    *size = value;
    return true;
}

bool thrift_get_i32(struct thrift_cursor *cursor, int32_t *value)
{
    uint32_t raw;
    bool read =
        cursor->compact ? thrift_get_varint(cursor, &raw) : thrift_get_fixed_32(cursor, &raw);
    if (!read)
        return false;
    *value = cursor->compact ? varint_unzigzag_32(raw) : (int32_t)raw;
    return true;
}

bool thrift_get_bytes(struct thrift_cursor *cursor, const uint8_t **data, size_t *len)
{
    return thrift_get_size(cursor, len) && thrift_take(cursor, data, *len);
}

bool thrift_get_message(struct thrift_cursor *cursor, enum thrift_message *kind,
                        const uint8_t **name, size_t *len, uint32_t *serial)
{
    uint32_t head;
    uint8_t id, version;
    if (cursor->compact) {
        if (!thrift_get_byte(cursor, &id) || !thrift_get_byte(cursor, &version) ||
            id != THRIFT_COMPACT_ID || (version & 0x1f) != THRIFT_COMPACT_VERSION)
            return false;
        *kind = (enum thrift_message)(version >> 5);
        return thrift_get_varint(cursor, serial) && thrift_get_bytes(cursor, name, len);
    }
    if (!thrift_get_fixed_32(cursor, &head) || (head & 0xffff0000) != thrift_binary_version)
        return false;
    *kind = (enum thrift_message)(head & 0xff);
    return thrift_get_bytes(cursor, name, len) && thrift_get_fixed_32(cursor, serial);
}

bool thrift_get_field(struct thrift_cursor *cursor, enum thrift_type *type, int16_t *id)
{
    uint8_t head;
    const uint8_t *data;
    uint32_t raw;
    if (!thrift_get_byte(cursor, &head))
        return false;
    if (!cursor->compact) {
        *type = (enum thrift_type)head;
        if (head == THRIFT_STOP)
            return true;
        if (!thrift_take(cursor, &data, 2))
            return false;
        *id = (int16_t)bytes_get_u16(data);
        return true;
    }
    if (!thrift_from_compact(head & 0x0f, type) || head == THRIFT_STOP)
        return head == THRIFT_STOP;
    if (head >> 4) {
        *id = (int16_t)(*id + (head >> 4));
        return true;
    }
    if (!thrift_get_varint(cursor, &raw))
        return false;
    *id = (int16_t)varint_unzigzag_32(raw);
    return true;
}

bool thrift_get_list(struct thrift_cursor *cursor, enum thrift_type *type, size_t *count)
{
    uint8_t head;
    if (!thrift_get_byte(cursor, &head))
        return false;
    if (!cursor->compact) {
        *type = (enum thrift_type)head;
        return thrift_get_size(cursor, count);
    }
    *count = head >> 4;
    return thrift_from_compact(head & 0x0f, type) &&
           (*count == THRIFT_SHORT_MAX ? thrift_get_size(cursor, count) : *count <= cursor->left);
}

bool thrift_get_map(struct thrift_cursor *cursor, enum thrift_type *key, enum thrift_type *value,
                    size_t *count)
{
    uint8_t head, other;
    *key = *value = THRIFT_STRING; /* nobody says of what an empty one is */
    if (!cursor->compact) {
        if (!thrift_get_byte(cursor, &head) || !thrift_get_byte(cursor, &other))
            return false;
        *key = (enum thrift_type)head;
        *value = (enum thrift_type)other;
        return thrift_get_size(cursor, count);
    }
    if (!thrift_get_size(cursor, count) || *count == 0)
        return *count == 0;
    return thrift_get_byte(cursor, &head) && thrift_from_compact(head >> 4, key) &&
           thrift_from_compact(head & 0x0f, value);
}

static bool thrift_skip_value(struct thrift_cursor *cursor, enum thrift_type type, int depth);

static bool thrift_skip_struct(struct thrift_cursor *cursor, int depth)
{
    enum thrift_type type;
    int16_t id = 0;
    for (;;) {
        if (!thrift_get_field(cursor, &type, &id))
            return false;
        if (type == THRIFT_STOP)
            return true;
        if (type == THRIFT_BOOL && cursor->compact)
            continue;
        if (!thrift_skip_value(cursor, type, depth))
            return false;
    }
}

static bool thrift_skip_many(struct thrift_cursor *cursor, enum thrift_type type,
                             enum thrift_type other, size_t count, int depth)
{
    for (; count > 0; count--)
        if (!thrift_skip_value(cursor, type, depth) ||
            (other != THRIFT_STOP && !thrift_skip_value(cursor, other, depth)))
            return false;
    return true;
}

static bool thrift_skip_number(struct thrift_cursor *cursor, size_t size)
{
    uint64_t raw;
    const uint8_t *data;
    if (cursor->compact && size > 1)
        size = varint_get_64(cursor->at, cursor->left, &raw);
    return size > 0 && thrift_take(cursor, &data, size);
}

/* Each value has a byte at least, so that nothing is gone through more often than it has bytes. */
static bool thrift_skip_value(struct thrift_cursor *cursor, enum thrift_type type, int depth)
{
    const uint8_t *data;
    enum thrift_type element, other;
    size_t count;
    if (depth == 0)
        return false;
    switch (type) {
    case THRIFT_BOOL:
    case THRIFT_BYTE:
        return thrift_skip_number(cursor, 1);
    case THRIFT_I16:
        return thrift_skip_number(cursor, 2);
    case THRIFT_I32:
        return thrift_skip_number(cursor, 4);
    case THRIFT_I64:
        return thrift_skip_number(cursor, 8);
    case THRIFT_DOUBLE:
        return thrift_take(cursor, &data, 8);
    case THRIFT_STRING:
        return thrift_get_bytes(cursor, &data, &count);
    case THRIFT_STRUCT:
        return thrift_skip_struct(cursor, depth - 1);
    case THRIFT_MAP:
        return thrift_get_map(cursor, &element, &other, &count) && other != THRIFT_STOP &&
               thrift_skip_many(cursor, element, other, count, depth - 1);
    case THRIFT_SET:
    case THRIFT_LIST:
        return thrift_get_list(cursor, &element, &count) &&
               thrift_skip_many(cursor, element, THRIFT_STOP, count, depth - 1);
    case THRIFT_STOP:
        break;
    }
    return false;
}

bool thrift_skip(struct thrift_cursor *cursor, enum thrift_type type)
{
    return thrift_skip_value(cursor, type, THRIFT_DEPTH_MAX);
}

/* ---- writing ---- */

static void thrift_put_varint(uint32_t value, struct buf *out)
{
    uint8_t bytes[VARINT_MAX_64];
    size_t len = varint_put(bytes, value);
    ASSERT(len <= VARINT_MAX_32);
    buf_put(out, bytes, len);
}

static void thrift_put_byte(unsigned value, struct buf *out)
{
    uint8_t byte = (uint8_t)value;
    buf_put(out, &byte, 1);
}

static void thrift_put_size(bool compact, size_t size, struct buf *out)
{
    uint8_t bytes[4];
    ASSERT(size <= INT32_MAX);
    bytes_put_u32(bytes, (uint32_t)size);
    if (compact)
        thrift_put_varint((uint32_t)size, out);
    else
        buf_put(out, bytes, 4);
}

void thrift_put_i32(bool compact, int32_t value, struct buf *out)
{
    uint8_t bytes[4];
    bytes_put_u32(bytes, (uint32_t)value);
    if (compact)
        thrift_put_varint(varint_zigzag_32(value), out);
    else
        buf_put(out, bytes, 4);
}

void thrift_put_bytes(bool compact, const void *data, size_t len, struct buf *out)
{
    thrift_put_size(compact, len, out);
    buf_put(out, data, len);
}

void thrift_put_message(bool compact, enum thrift_message kind, const char *name, uint32_t serial,
                        struct buf *out)
{
    uint8_t bytes[4];
    if (compact) {
        thrift_put_byte(THRIFT_COMPACT_ID, out);
        thrift_put_byte((unsigned)kind << 5 | THRIFT_COMPACT_VERSION, out);
        thrift_put_varint(serial, out);
        thrift_put_bytes(true, name, strlen(name), out);
        return;
    }
    bytes_put_u32(bytes, thrift_binary_version | kind);
    buf_put(out, bytes, 4);
    thrift_put_bytes(false, name, strlen(name), out);
    bytes_put_u32(bytes, serial);
    buf_put(out, bytes, 4);
}

void thrift_put_field(bool compact, enum thrift_type type, int16_t id, int16_t before,
                      struct buf *out)
{
    uint8_t bytes[2];
    int distance = id - before;
    if (compact && distance > 0 && distance <= THRIFT_SHORT_MAX) {
        thrift_put_byte((unsigned)distance << 4 | thrift_to_compact(type), out);
    } else if (compact) {
        thrift_put_byte(thrift_to_compact(type), out);
        thrift_put_varint(varint_zigzag_32(id), out);
    } else {
        thrift_put_byte(type, out);
        bytes_put_u16(bytes, (uint16_t)id);
        buf_put(out, bytes, 2);
    }
}

void thrift_put_stop(struct buf *out)
{
    thrift_put_byte(THRIFT_STOP, out);
}

void thrift_put_list(bool compact, enum thrift_type type, size_t count, struct buf *out)
{
    if (!compact) {
        thrift_put_byte(type, out);
        thrift_put_size(false, count, out);
    } else if (count < THRIFT_SHORT_MAX) {
        thrift_put_byte((unsigned)count << 4 | thrift_to_compact(type), out);
    } else {
        thrift_put_byte((unsigned)THRIFT_SHORT_MAX << 4 | thrift_to_compact(type), out);
        thrift_put_size(true, count, out);
    }
}

void thrift_put_map(bool compact, size_t count, struct buf *out)
{
    if (compact) {
        thrift_put_size(true, count, out);
        if (count > 0)
            thrift_put_byte(thrift_to_compact(THRIFT_STRING) * 0x11u, out);
        return;
    }
    thrift_put_byte(THRIFT_STRING, out);
    thrift_put_byte(THRIFT_STRING, out);
    thrift_put_size(false, count, out);
}
