/* Record batches: parsing is arithmetic over a fixed header; building writes the records behind
 * room for the header and fills it in at the end. Offsets and lengths are compared before they are
 * used. */
#include "kafka/batch.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"

enum batch_layout {
    BATCH_AT_LENGTH = 8,
    BATCH_AT_EPOCH = 12,
    BATCH_AT_CRC = 17,
    BATCH_AT_ATTRIBUTES = 21,
    BATCH_AT_LAST_DELTA = 23,
    BATCH_AT_BASE_TIMESTAMP = 27,
    BATCH_AT_MAX_TIMESTAMP = 35,
    BATCH_AT_PRODUCER_ID = 43,
    BATCH_AT_PRODUCER_EPOCH = 51,
    BATCH_AT_SEQUENCE = 53,
    BATCH_AT_COUNT = 57
};
STATIC_ASSERT(BATCH_AT_LENGTH == 8, "behind the base offset");
STATIC_ASSERT((int)BATCH_AT_EPOCH == (int)BATCH_LENGTH_END, "the length counts what follows it");
STATIC_ASSERT(BATCH_MAGIC_AT == BATCH_AT_EPOCH + 4, "behind the leader epoch");
STATIC_ASSERT(BATCH_AT_CRC == BATCH_MAGIC_AT + 1, "behind the magic");
STATIC_ASSERT(BATCH_PEEK_SIZE == BATCH_MAGIC_AT + 1, "the magic is the last of it");
STATIC_ASSERT(BATCH_AT_ATTRIBUTES == BATCH_AT_CRC + 4, "the checksum is of all behind it");
STATIC_ASSERT(BATCH_AT_PRODUCER_EPOCH == BATCH_AT_PRODUCER_ID + 8, "an id has 64 bits");
STATIC_ASSERT(BATCH_AT_COUNT == BATCH_AT_SEQUENCE + 4, "a sequence has 32 bits");
STATIC_ASSERT(BATCH_AT_COUNT + 4 == BATCH_HEADER_SIZE, "the header ends with the count");
STATIC_ASSERT(BATCH_HEADER_SIZE == 61, "Kafka's header of magic 2");

/* The shortest entry of a message set: CRC, magic, attributes, two lengths (magic 0). */
enum { BATCH_LENGTH_MIN = 14 };
/* The fewest bytes of a record: length, attributes, two deltas, key, value, headers. */
enum { BATCH_RECORD_MIN = 7 };
/* From so many bytes on a changed checksum is cheaper than a new one. */
enum { BATCH_CHANGE_MIN = 16 * 1024 };

int64_t batch_peek_size(const uint8_t *bytes, size_t len)
{
    if (len < BATCH_PEEK_SIZE)
        return 0;
    int32_t length = (int32_t)bytes_get_u32(bytes + BATCH_AT_LENGTH);
    if (length < BATCH_LENGTH_MIN)
        return ERR_CORRUPT_MESSAGE;
    return (int64_t)length + BATCH_LENGTH_END;
}

static void batch_read(const uint8_t *bytes, struct batch *out)
{
    out->base_offset = (int64_t)bytes_get_u64(bytes);
    out->leader_epoch = (int32_t)bytes_get_u32(bytes + BATCH_AT_EPOCH);
    out->crc = bytes_get_u32(bytes + BATCH_AT_CRC);
    out->attributes = (int16_t)bytes_get_u16(bytes + BATCH_AT_ATTRIBUTES);
    out->last_offset_delta = (int32_t)bytes_get_u32(bytes + BATCH_AT_LAST_DELTA);
    out->base_timestamp = (int64_t)bytes_get_u64(bytes + BATCH_AT_BASE_TIMESTAMP);
    out->max_timestamp = (int64_t)bytes_get_u64(bytes + BATCH_AT_MAX_TIMESTAMP);
    out->producer_id = (int64_t)bytes_get_u64(bytes + BATCH_AT_PRODUCER_ID);
    out->producer_epoch = (int16_t)bytes_get_u16(bytes + BATCH_AT_PRODUCER_EPOCH);
    out->base_sequence = (int32_t)bytes_get_u32(bytes + BATCH_AT_SEQUENCE);
    out->record_count = (int32_t)bytes_get_u32(bytes + BATCH_AT_COUNT);
    out->bytes = bytes;
    out->records = bytes + BATCH_HEADER_SIZE;
    out->records_len = out->size - BATCH_HEADER_SIZE;
}

/* Compaction removes records but keeps the last offset: the count may be smaller, never larger. */
static bool batch_counts_fit(const struct batch *batch)
{
    if (batch->last_offset_delta < 0 || batch->record_count < 0)
        return false;
    /* The offset behind the last one must be a number too. */
    if (batch->base_offset >= INT64_MAX - batch->last_offset_delta)
        return false;
    if ((int64_t)batch->record_count > (int64_t)batch->last_offset_delta + 1)
        return false;
    return batch_codec(batch) != COMPRESS_NONE ||
           (size_t)batch->record_count <= batch->records_len / BATCH_RECORD_MIN;
}

/* The size and the magic; fills in the header when all of it is there. */
static int batch_parse_front(const uint8_t *bytes, size_t len, struct batch *out)
{
    *out = (struct batch){0};
    int64_t size = batch_peek_size(bytes, len);
    if (size < 0)
        return (int)size;
    if (!size)
        return ERR_EOF;
    out->size = (size_t)size;
    if (bytes[BATCH_MAGIC_AT] != BATCH_MAGIC)
        return bytes[BATCH_MAGIC_AT] < BATCH_MAGIC ? ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT
                                                   : ERR_CORRUPT_MESSAGE;
    if (size < BATCH_HEADER_SIZE)
        return ERR_CORRUPT_MESSAGE;
    if (len < BATCH_HEADER_SIZE)
        return ERR_EOF;
    batch_read(bytes, out);
    return 0;
}

int batch_parse_frame(const uint8_t *bytes, size_t len, struct batch *out)
{
    int rc = batch_parse_front(bytes, len, out);
    return rc == 0 && out->size > len ? ERR_EOF : rc;
}

int batch_parse(const uint8_t *bytes, size_t len, struct batch *out)
{
    int rc = batch_parse_frame(bytes, len, out);
    if (rc < 0)
        return rc;
    return batch_counts_fit(out) ? 0 : ERR_CORRUPT_MESSAGE;
}

int batch_parse_header(const uint8_t *bytes, size_t len, struct batch *out)
{
    int rc = batch_parse_front(bytes, len, out);
    if (rc < 0)
        return rc;
    return batch_counts_fit(out) ? 0 : ERR_CORRUPT_MESSAGE;
}

static uint32_t batch_crc(const uint8_t *bytes, size_t size)
{
    return crc32c(0, bytes + BATCH_AT_ATTRIBUTES, size - BATCH_AT_ATTRIBUTES);
}

int batch_check_crc(const struct batch *batch)
{
    return batch_crc(batch->bytes, batch->size) == batch->crc ? 0 : ERR_CORRUPT_MESSAGE;
}

int64_t batch_record_timestamp(const struct batch *batch, const struct record *record)
{
    if (batch->attributes & BATCH_LOG_APPEND_TIME)
        return batch->max_timestamp;
    /* Unsigned, since a peer chooses both and overflow must not be undefined. */
    return (int64_t)((uint64_t)batch->base_timestamp + (uint64_t)record->timestamp_delta);
}

void batch_set_base_offset(uint8_t *bytes, int64_t offset)
{
    bytes_put_u64(bytes, (uint64_t)offset);
}

void batch_set_leader_epoch(uint8_t *bytes, int32_t epoch)
{
    bytes_put_u32(bytes + BATCH_AT_EPOCH, (uint32_t)epoch);
}

static void batch_seal(uint8_t *bytes)
{
    size_t size = BATCH_LENGTH_END + (size_t)bytes_get_u32(bytes + BATCH_AT_LENGTH);
    ASSERT(size >= BATCH_HEADER_SIZE);
    bytes_put_u32(bytes + BATCH_AT_CRC, batch_crc(bytes, size));
}

void batch_set_max_timestamp(uint8_t *bytes, int64_t time_ms)
{
    size_t size = BATCH_LENGTH_END + (size_t)bytes_get_u32(bytes + BATCH_AT_LENGTH);
    uint64_t before = bytes_get_u64(bytes + BATCH_AT_MAX_TIMESTAMP);
    uint32_t crc = bytes_get_u32(bytes + BATCH_AT_CRC);
    bytes_put_u64(bytes + BATCH_AT_MAX_TIMESTAMP, (uint64_t)time_ms);
    if (size < BATCH_CHANGE_MIN)
        batch_seal(bytes);
    else
        bytes_put_u32(bytes + BATCH_AT_CRC,
                      crc32c_change(crc, before, (uint64_t)time_ms, size - BATCH_AT_PRODUCER_ID));
}

void batch_set_append_time(uint8_t *bytes, int64_t time_ms)
{
    uint16_t attributes = bytes_get_u16(bytes + BATCH_AT_ATTRIBUTES);
    bytes_put_u16(bytes + BATCH_AT_ATTRIBUTES, attributes | BATCH_LOG_APPEND_TIME);
    bytes_put_u64(bytes + BATCH_AT_MAX_TIMESTAMP, (uint64_t)time_ms);
    batch_seal(bytes);
}

int batch_records(const struct batch *batch, size_t records_max, struct buf *scratch,
                  struct record_iter *records)
{
    const uint8_t *bytes = batch->records;
    size_t len = batch->records_len;
    /* An empty batch keeps the codec it had before compaction, and has no stream. */
    if (batch_codec(batch) != COMPRESS_NONE && len > 0) {
        scratch->len = 0;
        int err = compress_decode(batch_codec(batch), bytes, len, records_max, scratch);
        if (err)
            return err;
        bytes = scratch->data;
        len = scratch->len;
    }
    record_iter_init(records, bytes, len, batch->record_count);
    return 0;
}

int batch_recompress(const struct batch *batch, enum compress_codec codec, int level,
                     size_t records_max, struct buf *out)
{
    struct buf scratch;
    struct record_iter records;
    size_t start = out->len;
    buf_init(&scratch);
    int err = batch_records(batch, records_max, &scratch, &records);
    if (!err)
        err = buf_append(out, batch->bytes, BATCH_HEADER_SIZE);
    size_t len = err ? 0 : (size_t)(records.end - records.at);
    if (!err && len)
        err = compress_encode(codec, level, records.at, len, out);
    if (!err && out->len - start > INT32_MAX)
        err = ERR_TOO_LARGE;
    buf_close(&scratch);
    if (err) {
        out->len = start;
        return err;
    }
    ASSERT(out->len - start >= BATCH_HEADER_SIZE);
    uint8_t *bytes = out->data + start;
    int16_t attributes = (int16_t)((batch->attributes & ~BATCH_CODEC_MASK) | (int16_t)codec);
    bytes_put_u32(bytes + BATCH_AT_LENGTH, (uint32_t)(out->len - start - BATCH_LENGTH_END));
    bytes_put_u16(bytes + BATCH_AT_ATTRIBUTES, (uint16_t)attributes);
    batch_seal(bytes);
    return 0;
}

void batch_builder_init(struct batch_builder *builder, enum compress_codec codec)
{
    *builder = (struct batch_builder){.leader_epoch = -1,
                                      .attributes = (int16_t)codec,
                                      .base_timestamp = -1,
                                      .max_timestamp = -1,
                                      .producer_id = -1,
                                      .producer_epoch = -1,
                                      .base_sequence = -1,
                                      .last_offset_delta = -1,
                                      .level = COMPRESS_LEVEL_DEFAULT};
    buf_init(&builder->bytes);
}

void batch_builder_close(struct batch_builder *builder)
{
    buf_close(&builder->bytes);
}

int batch_builder_append(struct batch_builder *builder, int64_t timestamp, struct wire_bytes key,
                         struct wire_bytes value, const struct record_header *headers,
                         int32_t header_count)
{
    if (builder->last_offset_delta == INT32_MAX)
        return ERR_TOO_LARGE;
    return batch_builder_append_at(builder, builder->last_offset_delta + 1, timestamp, key, value,
                                   headers, header_count);
}

static int batch_builder_reserve_header(struct batch_builder *builder)
{
    static const uint8_t blank[BATCH_HEADER_SIZE];
    return builder->bytes.len ? 0 : buf_append(&builder->bytes, blank, sizeof(blank));
}

int batch_builder_append_at(struct batch_builder *builder, int32_t offset_delta, int64_t timestamp,
                            struct wire_bytes key, struct wire_bytes value,
                            const struct record_header *headers, int32_t header_count)
{
    ASSERT(offset_delta > builder->last_offset_delta);
    int err = batch_builder_reserve_header(builder);
    if (err)
        return err;
    int64_t base = builder->base_timestamp;
    if (!builder->base_timestamp_set)
        base = timestamp;
    err =
        record_write(&builder->bytes, offset_delta, (int64_t)((uint64_t)timestamp - (uint64_t)base),
                     key, value, headers, header_count);
    if (err)
        return err;
    builder->base_timestamp = base;
    builder->base_timestamp_set = true;
    if (timestamp > builder->max_timestamp)
        builder->max_timestamp = timestamp;
    builder->last_offset_delta = offset_delta;
    builder->record_count++;
    ASSERT(builder->record_count > 0);
    ASSERT(builder->record_count - 1 <= builder->last_offset_delta);
    ASSERT(builder->bytes.len > BATCH_HEADER_SIZE);
    return 0;
}

size_t batch_builder_size(const struct batch_builder *builder)
{
    return builder->bytes.len ? builder->bytes.len : BATCH_HEADER_SIZE;
}

static int batch_builder_compress(struct batch_builder *builder)
{
    enum compress_codec codec = (enum compress_codec)(builder->attributes & BATCH_CODEC_MASK);
    if (codec == COMPRESS_NONE || !builder->record_count)
        return 0;
    struct buf packed;
    buf_init(&packed);
    int err = buf_append(&packed, builder->bytes.data, BATCH_HEADER_SIZE);
    if (!err)
        err = compress_encode(codec, builder->level, builder->bytes.data + BATCH_HEADER_SIZE,
                              builder->bytes.len - BATCH_HEADER_SIZE, &packed);
    if (err) {
        buf_close(&packed);
        return err;
    }
    buf_close(&builder->bytes);
    builder->bytes = packed;
    return 0;
}

static void batch_builder_write_header(struct batch_builder *builder)
{
    uint8_t *bytes = builder->bytes.data;
    ASSERT(builder->bytes.len >= BATCH_HEADER_SIZE);
    ASSERT(builder->bytes.len <= INT32_MAX);
    int32_t last = builder->last_offset_delta < 0 ? 0 : builder->last_offset_delta;
    bytes_put_u64(bytes, (uint64_t)builder->base_offset);
    bytes_put_u32(bytes + BATCH_AT_LENGTH, (uint32_t)(builder->bytes.len - BATCH_LENGTH_END));
    bytes_put_u32(bytes + BATCH_AT_EPOCH, (uint32_t)builder->leader_epoch);
    bytes[BATCH_MAGIC_AT] = BATCH_MAGIC;
    bytes_put_u16(bytes + BATCH_AT_ATTRIBUTES, (uint16_t)builder->attributes);
    bytes_put_u32(bytes + BATCH_AT_LAST_DELTA, (uint32_t)last);
    bytes_put_u64(bytes + BATCH_AT_BASE_TIMESTAMP, (uint64_t)builder->base_timestamp);
    bytes_put_u64(bytes + BATCH_AT_MAX_TIMESTAMP, (uint64_t)builder->max_timestamp);
    bytes_put_u64(bytes + BATCH_AT_PRODUCER_ID, (uint64_t)builder->producer_id);
    bytes_put_u16(bytes + BATCH_AT_PRODUCER_EPOCH, (uint16_t)builder->producer_epoch);
    bytes_put_u32(bytes + BATCH_AT_SEQUENCE, (uint32_t)builder->base_sequence);
    bytes_put_u32(bytes + BATCH_AT_COUNT, (uint32_t)builder->record_count);
    batch_seal(bytes);
}

int batch_builder_finish(struct batch_builder *builder)
{
    int err = batch_builder_reserve_header(builder);
    if (!err)
        err = batch_builder_compress(builder);
    if (!err && builder->bytes.len > INT32_MAX)
        err = ERR_TOO_LARGE;
    if (err)
        return err;
    batch_builder_write_header(builder);
    return 0;
}
