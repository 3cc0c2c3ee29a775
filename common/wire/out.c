/* The output: memory that grows, and a list of pieces that are sent between its parts.
 *
 * A piece remembers how many bytes of memory come before it, so the memory may move while it grows.
 * Once memory runs out `err` is set and nothing more is written. */
#include "wire/out.h"

#include "base/err.h"
#include "base/mem.h"
#include "wire/varint.h"

/* The longest string the protocol can express (the length is an int16, also where it is compact).
 */
enum { OUT_STR_MAX = INT16_MAX };
/* Room for pieces at first: the partitions of a small fetch. */
enum { OUT_PIECES_MIN = 16 };
/* Memory at first: most answers are smaller. */
enum { OUT_MEMORY_MIN = 256 };

/* The most memory of one message, without what is sent from where it lies: far above any answer
 * that makes sense. A request may name the same large thing again and again. */
enum { OUT_MEMORY_MAX = 128 << 20 };

static void out_check(const struct wire_out *out)
{
    ASSERT(out->piece_count <= out->piece_cap);
    ASSERT(out->counting || out->memory.len <= out->size);
    ASSERT(!out->counting || out->piece_count == 0);
    ASSERT(out->piece_count == 0 || out->pieces[out->piece_count - 1].after <= out->memory.len);
}

void wire_out_init(struct wire_out *out)
{
    *out = (struct wire_out){0};
}

void wire_out_init_counting(struct wire_out *out)
{
    *out = (struct wire_out){.counting = true};
}

void wire_out_close(struct wire_out *out)
{
    buf_close(&out->memory);
    mem_free(out->pieces);
    wire_out_init(out);
}

int wire_out_error(const struct wire_out *out)
{
    return out->err;
}

size_t wire_out_size(const struct wire_out *out)
{
    return out->size;
}

size_t wire_out_memory(const struct wire_out *out)
{
    return out->memory.cap + out->piece_cap * sizeof(*out->pieces);
}

/* Even steps are the memory before piece step / 2 (or the last of it), odd ones the piece. */
bool wire_out_next(const struct wire_out *out, size_t *cursor, struct env_chunk *chunk)
{
    while (*cursor <= 2 * out->piece_count) {
        size_t step = (*cursor)++, index = step / 2;
        if (step % 2) {
            *chunk = out->pieces[index].chunk;
            return true;
        }
        size_t start = index ? out->pieces[index - 1].after : 0;
        size_t end = index < out->piece_count ? out->pieces[index].after : out->memory.len;
        if (start == end)
            continue;
        ASSERT(start < end);
        ASSERT(end <= out->memory.len);
        *chunk = (struct env_chunk){.data = out->memory.data + start, .len = end - start};
        return true;
    }
    return false;
}

void wire_out_set_i32(struct wire_out *out, size_t at, int32_t value)
{
    if (out->err || out->counting)
        return;
    ASSERT(at + 4 <= out->memory.len);
    bytes_put_u32(out->memory.data + at, (uint32_t)value);
}

static void out_fail(struct wire_out *out, int err)
{
    ASSERT(err < 0);
    if (!out->err)
        out->err = err;
}

uint8_t *wire_out_room_slow(struct wire_out *out, size_t len)
{
    if (out->counting)
        out->size += len;
    if (out->counting || out->err)
        return NULL;
    int err = len > OUT_MEMORY_MAX || out->memory.len > OUT_MEMORY_MAX - len ? ERR_TOO_LARGE : 0;
    if (!err)
        err = buf_reserve(&out->memory, len < OUT_MEMORY_MIN ? OUT_MEMORY_MIN : len);
    if (err) {
        out_fail(out, err);
        return NULL;
    }
    uint8_t *room = out->memory.data + out->memory.len;
    out->memory.len += len;
    out->size += len;
    out_check(out);
    return room;
}

void wire_put_f64(struct wire_out *out, double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    wire_put_i64(out, bits);
}

void wire_put_raw(struct wire_out *out, const void *data, size_t len)
{
    ASSERT(data != NULL || len == 0);
    uint8_t *room = wire_out_room(out, len);
    if (room && len)
        memcpy(room, data, len);
}

void wire_put_uuid(struct wire_out *out, const struct uuid *uuid)
{
    wire_put_raw(out, uuid->bytes, sizeof(uuid->bytes));
}

void wire_put_uvarint(struct wire_out *out, uint32_t value)
{
    uint8_t bytes[VARINT_MAX_64];
    wire_put_raw(out, bytes, varint_put(bytes, value));
}

void wire_put_str(struct wire_out *out, struct wire_str str, bool compact)
{
    if (str.len > OUT_STR_MAX) {
        out_fail(out, ERR_TOO_LARGE);
        return;
    }
    int32_t len = str.len < 0 ? -1 : str.len;
    if (compact)
        wire_put_uvarint(out, (uint32_t)(len + 1));
    else
        wire_put_i16(out, (int16_t)len);
    if (len > 0)
        wire_put_raw(out, str.data, (size_t)len);
}

void wire_put_bytes(struct wire_out *out, struct wire_bytes bytes, bool compact)
{
    int32_t len = bytes.len < 0 ? -1 : bytes.len;
    if (compact)
        wire_put_uvarint(out, (uint32_t)len + 1);
    else
        wire_put_i32(out, len);
    if (len > 0)
        wire_put_raw(out, bytes.data, (size_t)len);
}

static bool out_reserve_piece(struct wire_out *out)
{
    if (out->piece_count < out->piece_cap)
        return true;
    size_t cap = out->piece_cap ? out->piece_cap * 2 : OUT_PIECES_MIN;
    struct wire_piece *pieces = mem_try_realloc(out->pieces, cap * sizeof(*pieces));
    if (!pieces) {
        out_fail(out, ERR_NO_MEMORY);
        return false;
    }
    out->pieces = pieces;
    out->piece_cap = cap;
    return true;
}

void wire_put_chunk(struct wire_out *out, const struct env_chunk *chunk)
{
    if (!chunk->len || out->err)
        return;
    if (out->counting) {
        out->size += chunk->len;
        return;
    }
    if (chunk->data && chunk->len < WIRE_OUT_COPY_MAX) {
        wire_put_raw(out, chunk->data, chunk->len);
        return;
    }
    if (!out_reserve_piece(out))
        return;
    out->pieces[out->piece_count++] = (struct wire_piece){*chunk, out->memory.len};
    out->size += chunk->len;
    out_check(out);
}
