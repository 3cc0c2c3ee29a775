/* What is to be sent: bytes written one after another, and in between pieces that are only referred
 * to (records in memory, ranges of files). One growing block of memory holds all that was written.
 *
 * The put functions return nothing: the first error sticks, later puts do nothing, and
 * wire_out_error tells at the end. A counting output only adds up sizes. */
#ifndef WIRE_OUT_H
#define WIRE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/uuid.h"
#include "env/env.h"
#include "wire/str.h"

/* A referenced piece; it comes after the first `after` bytes of the memory. */
struct wire_piece {
    struct env_chunk chunk;
    size_t after;
};

struct wire_out {
    struct buf memory;
    struct wire_piece *pieces;
    size_t piece_count;
    size_t piece_cap;
    size_t size; /* all bytes: memory and pieces */
    int err;
    bool counting;
};

/* Memory of fewer bytes than this is copied: a chunk of its own would cost more. */
enum { WIRE_OUT_COPY_MAX = 256 };

void wire_out_init(struct wire_out *out);
/* An output that writes nothing and counts; needs no wire_out_close. */
void wire_out_init_counting(struct wire_out *out);
void wire_out_close(struct wire_out *out);
/* 0, or the first error: ERR_NO_MEMORY, ERR_TOO_LARGE (a string over the protocol's limit, or a
 * message of absurd size). */
int wire_out_error(const struct wire_out *out) MUST_CHECK;
/* All bytes so far. */
size_t wire_out_size(const struct wire_out *out);
/* What it takes itself: without the memory that its pieces refer to. */
size_t wire_out_memory(const struct wire_out *out);

/* Steps through the whole output in order; start with *cursor = 0. False at the end. Chunks of
 * memory point into the output and are valid until the next put. */
bool wire_out_next(const struct wire_out *out, size_t *cursor, struct env_chunk *chunk);

/* Overwrites an int32 written earlier, such as the size at the front of a frame. `at` counts bytes
 * of memory: no piece may have been added before it. */
void wire_out_set_i32(struct wire_out *out, size_t at, int32_t value);

/* For the inline functions below: room for `len` bytes, NULL when counting or after an error. */
uint8_t *wire_out_room_slow(struct wire_out *out, size_t len);

static inline uint8_t *wire_out_room(struct wire_out *out, size_t len)
{
    if (out->memory.cap - out->memory.len < len || out->counting || out->err)
        return wire_out_room_slow(out, len);
    uint8_t *room = out->memory.data + out->memory.len;
    out->memory.len += len;
    out->size += len;
    return room;
}

static inline void wire_put_i8(struct wire_out *out, int8_t value)
{
    uint8_t *room = wire_out_room(out, 1);
    if (room)
        *room = (uint8_t)value;
}

static inline void wire_put_i16(struct wire_out *out, int16_t value)
{
    uint8_t *room = wire_out_room(out, 2);
    if (room)
        bytes_put_u16(room, (uint16_t)value);
}

static inline void wire_put_i32(struct wire_out *out, int32_t value)
{
    uint8_t *room = wire_out_room(out, 4);
    if (room)
        bytes_put_u32(room, (uint32_t)value);
}

static inline void wire_put_i64(struct wire_out *out, int64_t value)
{
    uint8_t *room = wire_out_room(out, 8);
    if (room)
        bytes_put_u64(room, (uint64_t)value);
}

void wire_put_f64(struct wire_out *out, double value);
void wire_put_uuid(struct wire_out *out, const struct uuid *uuid);
void wire_put_uvarint(struct wire_out *out, uint32_t value);
/* Copies. */
void wire_put_raw(struct wire_out *out, const void *data, size_t len);
/* int16 length or compact length, then the bytes; null is written as null. */
void wire_put_str(struct wire_out *out, struct wire_str str, bool compact);
void wire_put_bytes(struct wire_out *out, struct wire_bytes bytes, bool compact);
/* Refers to the chunk, which must stay valid until the output was sent; small memory is copied. */
void wire_put_chunk(struct wire_out *out, const struct env_chunk *chunk);

#endif
