/* Message sets. Reading compares each length with the bytes left; a compressed message is opened
 * once, and one inside another is refused, so the depth is bounded. Converting goes record by
 * record through the iterators, into a builder (up) or a buffer that may then be compressed into a
 * wrapper (down). */
#include "kafka/message_set.h"

#include <zlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "kafka/batch.h"

enum message_layout {
    MESSAGE_AT_SIZE = 8,
    MESSAGE_AT_CRC = 12,
    MESSAGE_AT_MAGIC = 16,
    MESSAGE_AT_ATTRIBUTES = 17,
    MESSAGE_AT_TIMESTAMP = 18, /* magic 1 */
    MESSAGE_BODY_0 = 18,       /* where the key's length is */
    MESSAGE_BODY_1 = 26
};

STATIC_ASSERT(MESSAGE_AT_SIZE == sizeof(int64_t), "behind the offset");
STATIC_ASSERT(MESSAGE_AT_CRC == MESSAGE_AT_SIZE + sizeof(int32_t), "behind the size");
STATIC_ASSERT(MESSAGE_AT_MAGIC == MESSAGE_AT_CRC + sizeof(uint32_t),
              "the checksum is of all behind it");
STATIC_ASSERT((int)MESSAGE_AT_MAGIC == (int)BATCH_MAGIC_AT, "where that of a batch is");
STATIC_ASSERT(MESSAGE_AT_ATTRIBUTES == MESSAGE_AT_MAGIC + 1, "a magic is a byte");
STATIC_ASSERT(MESSAGE_BODY_0 == MESSAGE_AT_ATTRIBUTES + 1, "magic 0 has no timestamp");
STATIC_ASSERT(MESSAGE_BODY_1 == MESSAGE_AT_TIMESTAMP + sizeof(int64_t), "magic 1 has one");

static uint32_t message_crc(const uint8_t *entry, size_t size)
{
    return (uint32_t)crc32(0, entry + MESSAGE_AT_MAGIC, (uInt)(size - MESSAGE_AT_MAGIC));
}

void message_iter_init(struct message_iter *iter, const uint8_t *bytes, size_t len)
{
    *iter = (struct message_iter){bytes, bytes + len};
}

static int message_read_bytes(const uint8_t **at, const uint8_t *end, struct wire_bytes *bytes)
{
    if (end - *at < 4)
        return ERR_CORRUPT_MESSAGE;
    int32_t len = (int32_t)bytes_get_u32(*at);
    *at += 4;
    if (len < -1 || len > end - *at)
        return ERR_CORRUPT_MESSAGE;
    *bytes = len < 0 ? WIRE_BYTES_NULL : (struct wire_bytes){*at, len};
    *at += len < 0 ? 0 : len;
    return 0;
}

static int message_read(const uint8_t *entry, struct message *message)
{
    size_t body = message->magic ? MESSAGE_BODY_1 : MESSAGE_BODY_0;
    const uint8_t *at = entry + body, *end = entry + message->size;
    if (message->magic < 0 || message->magic > 1 || message->size < body)
        return ERR_CORRUPT_MESSAGE;
    message->offset = (int64_t)bytes_get_u64(entry);
    message->crc = bytes_get_u32(entry + MESSAGE_AT_CRC);
    message->attributes = (int8_t)entry[MESSAGE_AT_ATTRIBUTES];
    message->timestamp = -1;
    if (message->magic)
        message->timestamp = (int64_t)bytes_get_u64(entry + MESSAGE_AT_TIMESTAMP);
    int err = message_read_bytes(&at, end, &message->key);
    if (!err)
        err = message_read_bytes(&at, end, &message->value);
    if (!err && (at != end || message_crc(entry, message->size) != message->crc))
        err = ERR_CORRUPT_MESSAGE;
    return err;
}

int message_iter_next(struct message_iter *iter, struct message *message)
{
    size_t left = (size_t)(iter->end - iter->at);
    if (!left)
        return 0;
    int64_t size = batch_peek_size(iter->at, left);
    if (size < 0)
        return (int)size;
    if (!size || (uint64_t)size > left)
        return ERR_EOF;
    message->size = (size_t)size;
    message->magic = (int8_t)iter->at[MESSAGE_AT_MAGIC];
    int err = message_read(iter->at, message);
    iter->at += size;
    return err ? err : 1;
}

/* ---- every message, inner ones too ---- */

struct message_walk {
    size_t bytes_left; /* that compressed messages may still open to, all together */
    int (*fn)(void *data, const struct message *message);
    void *data;
};

/* In magic 1 inner offsets count from 0 and the wrapper has the last one's; old producers wrote 0
 * into the wrapper of a request, and then the inner offsets stand for themselves. */
static int message_inner_base(const struct message *wrapper, const struct buf *inner, int64_t *base)
{
    struct message_iter iter;
    struct message message = {0};
    int got;
    *base = 0;
    message_iter_init(&iter, inner->data, inner->len);
    while ((got = message_iter_next(&iter, &message)) > 0)
        if (message.attributes & BATCH_CODEC_MASK || message.magic != wrapper->magic)
            return ERR_CORRUPT_MESSAGE;
    if (got < 0)
        return ERR_CORRUPT_MESSAGE;
    if (wrapper->magic && message.offset >= 0 && wrapper->offset >= message.offset)
        *base = wrapper->offset - message.offset;
    return 0;
}

static int message_walk_inner(const struct message_walk *walk, const struct message *wrapper,
                              const struct buf *inner)
{
    struct message_iter iter;
    struct message message;
    int64_t base;
    int got = message_inner_base(wrapper, inner, &base);
    message_iter_init(&iter, inner->data, inner->len);
    while (!got && (got = message_iter_next(&iter, &message)) > 0) {
        /* Unsigned, since only the last one was compared. */
        message.offset = (int64_t)((uint64_t)message.offset + (uint64_t)base);
        if (wrapper->attributes & BATCH_LOG_APPEND_TIME) {
            message.timestamp = wrapper->timestamp;
            message.attributes |= BATCH_LOG_APPEND_TIME;
        }
        got = walk->fn(walk->data, &message);
        got = got < 0 ? got : 0;
    }
    return got;
}

static int message_open(struct message_walk *walk, const struct message *wrapper)
{
    struct buf inner;
    enum compress_codec codec = (enum compress_codec)(wrapper->attributes & BATCH_CODEC_MASK);
    if (codec >= COMPRESS_ZSTD)
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    if (wrapper->value.len < 0)
        return ERR_CORRUPT_MESSAGE;
    buf_init(&inner);
    int err = compress_decode(codec, wrapper->value.data, (size_t)wrapper->value.len,
                              walk->bytes_left, &inner);
    if (err == ERR_MALFORMED)
        err = ERR_CORRUPT_MESSAGE;
    if (!err) {
        walk->bytes_left -= inner.len;
        err = message_walk_inner(walk, wrapper, &inner);
    }
    buf_close(&inner);
    return err;
}

int message_set_each(const uint8_t *bytes, size_t len, size_t bytes_max,
                     int (*fn)(void *data, const struct message *message), void *data)
{
    struct message_walk walk = {bytes_max, fn, data};
    struct message_iter iter;
    struct message message;
    int got;
    message_iter_init(&iter, bytes, len);
    while ((got = message_iter_next(&iter, &message)) > 0) {
        got = message.attributes & BATCH_CODEC_MASK ? message_open(&walk, &message)
                                                    : fn(data, &message);
        if (got < 0)
            break;
    }
    return got;
}

/* ---- up: magic 0 and 1 to 2 ---- */

static int message_add_to_batch(void *data, const struct message *message)
{
    struct batch_builder *builder = data;
    if (message->attributes & BATCH_LOG_APPEND_TIME)
        builder->attributes |= BATCH_LOG_APPEND_TIME;
    return batch_builder_append(builder, message->timestamp, message->key, message->value, NULL, 0);
}

int message_set_to_batch(const uint8_t *bytes, size_t len, size_t bytes_max, struct buf *out)
{
    struct message_iter iter;
    struct message first;
    struct batch_builder builder;
    message_iter_init(&iter, bytes, len);
    int got = message_iter_next(&iter, &first);
    if (got <= 0)
        return got ? got : ERR_INVALID_RECORD;
    batch_builder_init(&builder, (enum compress_codec)(first.attributes & BATCH_CODEC_MASK));
    int err = message_set_each(bytes, len, bytes_max, message_add_to_batch, &builder);
    if (!err && !builder.record_count)
        err = ERR_INVALID_RECORD;
    if (!err)
        err = batch_builder_finish(&builder);
    if (!err)
        err = buf_append(out, builder.bytes.data, builder.bytes.len);
    batch_builder_close(&builder);
    return err;
}

/* ---- down: magic 2 to 0 and 1 ---- */

static uint8_t *message_put_bytes(uint8_t *at, struct wire_bytes bytes)
{
    bytes_put_u32(at, (uint32_t)(bytes.len < 0 ? -1 : bytes.len));
    if (bytes.len > 0)
        memcpy(at + 4, bytes.data, (size_t)bytes.len);
    return at + 4 + (bytes.len > 0 ? bytes.len : 0);
}

int message_write(struct buf *out, int8_t magic, int64_t offset, int8_t attributes,
                  int64_t timestamp, struct wire_bytes key, struct wire_bytes value)
{
    size_t body = magic ? MESSAGE_BODY_1 : MESSAGE_BODY_0;
    size_t size =
        body + 8 + (size_t)(key.len > 0 ? key.len : 0) + (size_t)(value.len > 0 ? value.len : 0);
    if (size > INT32_MAX)
        return ERR_TOO_LARGE;
    int err = buf_reserve(out, size);
    if (err)
        return err;
    uint8_t *entry = out->data + out->len;
    bytes_put_u64(entry, (uint64_t)offset);
    bytes_put_u32(entry + MESSAGE_AT_SIZE, (uint32_t)(size - MESSAGE_AT_CRC));
    entry[MESSAGE_AT_MAGIC] = (uint8_t)magic;
    entry[MESSAGE_AT_ATTRIBUTES] = (uint8_t)(magic ? attributes : attributes & BATCH_CODEC_MASK);
    if (magic)
        bytes_put_u64(entry + MESSAGE_AT_TIMESTAMP, (uint64_t)timestamp);
    message_put_bytes(message_put_bytes(entry + body, key), value);
    bytes_put_u32(entry + MESSAGE_AT_CRC, message_crc(entry, size));
    out->len += size;
    return 0;
}

/* The conversion of one batch. */
struct message_down {
    struct batch batch;
    int8_t magic;
    int64_t first_offset;
    size_t records_max;
    size_t *room;       /* what compressed batches may still open to, all together */
    struct buf scratch; /* decompressed records, then the compressed set */
    struct buf inner;   /* messages that go into a wrapper */
    int64_t last_offset;
    int64_t max_timestamp;
};

static int message_down_records(struct message_down *down, struct record_iter *records,
                                struct buf *out)
{
    const struct batch *batch = &down->batch;
    bool packed = batch_codec(batch) != COMPRESS_NONE;
    int8_t attributes = (int8_t)(batch->attributes & BATCH_LOG_APPEND_TIME);
    struct record record;
    int64_t base = -1;
    int got;
    while ((got = record_iter_next(records, &record)) > 0) {
        int64_t offset = batch_record_offset(batch, &record);
        int64_t timestamp = batch_record_timestamp(batch, &record);
        if (!packed && offset < down->first_offset)
            continue;
        if (record.offset_delta < 0 || record.offset_delta > batch->last_offset_delta)
            return ERR_CORRUPT_MESSAGE;
        base = base < 0 ? offset : base;
        down->last_offset = offset;
        if (timestamp > down->max_timestamp)
            down->max_timestamp = timestamp;
        int err = message_write(out, down->magic, packed && down->magic ? offset - base : offset,
                                attributes, timestamp, record.key, record.value);
        if (err)
            return err;
    }
    return got == ERR_MALFORMED ? ERR_CORRUPT_MESSAGE : got;
}

/* The messages in down->inner as the value of one wrapper. */
static int message_down_wrap(struct message_down *down, struct buf *out)
{
    enum compress_codec codec = batch_codec(&down->batch);
    struct buf *packed = &down->scratch;
    int8_t attributes =
        (int8_t)(down->batch.attributes & (BATCH_CODEC_MASK | BATCH_LOG_APPEND_TIME));
    packed->len = 0;
    int err =
        compress_encode(codec, COMPRESS_LEVEL_DEFAULT, down->inner.data, down->inner.len, packed);
    if (err)
        return err;
    if (codec == COMPRESS_LZ4 && down->magic == 0)
        compress_lz4_set_old_checksum(packed->data, packed->len);
    if (packed->len > INT32_MAX)
        return ERR_TOO_LARGE;
    return message_write(out, down->magic, down->last_offset, attributes, down->max_timestamp,
                         WIRE_BYTES_NULL, (struct wire_bytes){packed->data, (int32_t)packed->len});
}

static int message_down_batch(struct message_down *down, struct buf *out)
{
    struct record_iter records;
    bool packed = batch_codec(&down->batch) != COMPRESS_NONE;
    if (batch_is_control(&down->batch))
        return 0;
    if (batch_codec(&down->batch) >= COMPRESS_ZSTD)
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    down->scratch.len = 0;
    int err = batch_records(&down->batch, down->records_max, &down->scratch, &records);
    size_t opened = err ? down->records_max : down->scratch.len;
    if (packed)
        *down->room -= opened < *down->room ? opened : *down->room;
    if (err)
        return err == ERR_MALFORMED ? ERR_CORRUPT_MESSAGE : err;
    down->inner.len = 0;
    down->max_timestamp = -1;
    err = message_down_records(down, &records, packed ? &down->inner : out);
    return err || !down->inner.len ? err : message_down_wrap(down, out);
}

static bool message_down_has_room(const struct message_down *down)
{
    return *down->room > 0 || batch_codec(&down->batch) == COMPRESS_NONE;
}

int message_set_from_batches(const uint8_t *bytes, size_t len, int8_t magic, int64_t first_offset,
                             size_t records_max, size_t *room, struct buf *out)
{
    struct message_down down = {
        .magic = magic, .first_offset = first_offset, .records_max = records_max, .room = room};
    int err = 0;
    ASSERT(magic == 0 || magic == 1);
    buf_init(&down.scratch);
    buf_init(&down.inner);
    while (!err && !(err = batch_parse(bytes, len, &down.batch)) && message_down_has_room(&down)) {
        err = message_down_batch(&down, out);
        bytes += down.batch.size;
        len -= down.batch.size;
    }
    buf_close(&down.scratch);
    buf_close(&down.inner);
    return err == ERR_EOF ? 0 : err;
}
