/* Thrift's two encodings, as far as events and calls need them: the compact protocol and the strict
 * binary one. https://github.com/apache/thrift/tree/master/doc/specs */
#ifndef AGENT_THRIFT_H
#define AGENT_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Types, by the numbers of the binary protocol. */
enum thrift_type {
    THRIFT_STOP = 0,
    THRIFT_BOOL = 2,
    THRIFT_BYTE = 3,
    THRIFT_DOUBLE = 4,
    THRIFT_I16 = 6,
    THRIFT_I32 = 8,
    THRIFT_I64 = 10,
    THRIFT_STRING = 11,
    THRIFT_STRUCT = 12,
    THRIFT_MAP = 13,
    THRIFT_SET = 14,
    THRIFT_LIST = 15
};

enum thrift_message { THRIFT_CALL = 1, THRIFT_REPLY = 2, THRIFT_EXCEPTION = 3 };

/* What is left to read. Each read that fails leaves it anywhere, and returns false. */
struct thrift_cursor {
    const uint8_t *at;
    size_t left;
    bool compact;
};

bool thrift_get_message(struct thrift_cursor *cursor, enum thrift_message *kind,
                        const uint8_t **name, size_t *len, uint32_t *serial);
/* The next field of a struct; *id is that of the field before, and 0 to begin with. THRIFT_STOP at
 * its end. */
bool thrift_get_field(struct thrift_cursor *cursor, enum thrift_type *type, int16_t *id);
bool thrift_get_i32(struct thrift_cursor *cursor, int32_t *value);
bool thrift_get_bytes(struct thrift_cursor *cursor, const uint8_t **data, size_t *len);
/* No more than there are bytes left. */
bool thrift_get_list(struct thrift_cursor *cursor, enum thrift_type *type, size_t *count);
bool thrift_get_map(struct thrift_cursor *cursor, enum thrift_type *key, enum thrift_type *value,
                    size_t *count);
/* A field that nobody knows; structs in it may be some levels deep. */
bool thrift_skip(struct thrift_cursor *cursor, enum thrift_type type);

void thrift_put_message(bool compact, enum thrift_message kind, const char *name, uint32_t serial,
                        struct buf *out);
/* `before` is the id of the field before, 0 to begin with. */
void thrift_put_field(bool compact, enum thrift_type type, int16_t id, int16_t before,
                      struct buf *out);
void thrift_put_stop(struct buf *out);
void thrift_put_i32(bool compact, int32_t value, struct buf *out);
void thrift_put_bytes(bool compact, const void *data, size_t len, struct buf *out);
void thrift_put_list(bool compact, enum thrift_type type, size_t count, struct buf *out);
/* Of strings to strings. */
void thrift_put_map(bool compact, size_t count, struct buf *out);

#endif
