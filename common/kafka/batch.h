/* Record batches of magic 2: the header, changes in place, and building.
 *
 *     0 base offset   8 length (of what follows)   12 leader epoch   16 magic   17 CRC
 *     21 attributes   23 last offset delta   27 base timestamp   35 max timestamp
 *     43 producer id   51 producer epoch   53 base sequence   57 count   61 records
 *
 * The CRC-32C covers everything from the attributes on, so base offset and leader epoch may be
 * changed freely. When a codec is set, the records are compressed as one stream, the header is not.
 * All integers are big-endian. Source: the Kafka documentation, "Record Batch"; KIP-98. */
#ifndef KAFKA_BATCH_H
#define KAFKA_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "kafka/compress.h"
#include "kafka/record.h"
#include "wire/str.h"

enum {
    BATCH_HEADER_SIZE = 61,
    BATCH_LENGTH_END = 12, /* whole size = this + the length field */
    BATCH_MAGIC_AT = 16,   /* in message sets of magic 0 and 1 the magic is at the same place */
    BATCH_MAGIC = 2,
    BATCH_PEEK_SIZE = 17 /* bytes needed to know size and magic */
};

enum batch_attributes {
    BATCH_CODEC_MASK = 7,
    BATCH_LOG_APPEND_TIME = 8,
    BATCH_TRANSACTIONAL = 16,
    BATCH_CONTROL = 32,
    BATCH_DELETE_HORIZON = 64 /* base_timestamp is the delete horizon (compaction) */
};

/* A parsed header. The records are a slice of the bytes given, still compressed. */
STATIC_ASSERT(BATCH_HEADER_SIZE ==
                  4 * sizeof(int64_t) + 6 * sizeof(int32_t) + 2 * sizeof(int16_t) + sizeof(int8_t),
              "four longs, six ints, two shorts and the magic");
STATIC_ASSERT(BATCH_MAGIC_AT == BATCH_LENGTH_END + sizeof(int32_t), "behind the leader epoch");
STATIC_ASSERT(BATCH_PEEK_SIZE == BATCH_MAGIC_AT + 1, "a magic is a byte");
STATIC_ASSERT((int)BATCH_CODEC_MASK >= (int)COMPRESS_ZSTD, "each codec has its bits");
STATIC_ASSERT(((int)BATCH_CODEC_MASK & (int)BATCH_LOG_APPEND_TIME) == 0,
              "the codec and the flags are apart");
struct batch {
    int64_t base_offset;
    size_t size; /* of the whole batch */
    int32_t leader_epoch;
    uint32_t crc;
    int16_t attributes;
    int32_t last_offset_delta;
    int64_t base_timestamp;
    int64_t max_timestamp;
    int64_t producer_id; /* -1 = none */
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t record_count;
    const uint8_t *bytes;
    const uint8_t *records;
    size_t records_len;
};

/* Size of the whole batch or message set entry at `bytes`, from its length field: at least 14 and
 * at most 12 + INT32_MAX. 0 when fewer than BATCH_PEEK_SIZE bytes are there; ERR_CORRUPT_MESSAGE.
 */
int64_t batch_peek_size(const uint8_t *bytes, size_t len) MUST_CHECK;

/* Parses the header at the front of `bytes`. Checks the length, the magic and the counts, neither
 * the CRC nor the records. ERR_EOF: the batch is longer than `len` (an incomplete tail; out->size
 * is its size when known, else 0). ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT: a magic other than 2.
 * ERR_CORRUPT_MESSAGE: a length or count that can't be. */
int batch_parse(const uint8_t *bytes, size_t len, struct batch *out) MUST_CHECK;

/* The same without the counts, which then may be anything: for who has to say what is wrong. */
int batch_parse_frame(const uint8_t *bytes, size_t len, struct batch *out) MUST_CHECK;

/* As batch_parse when only the header is at hand (in a log file): the records may be missing, so
 * out->records must not be followed. ERR_EOF when `len` is less than the header. */
int batch_parse_header(const uint8_t *bytes, size_t len, struct batch *out) MUST_CHECK;

/* 0, or ERR_CORRUPT_MESSAGE when the CRC does not match. */
int batch_check_crc(const struct batch *batch) MUST_CHECK;

static inline int64_t batch_last_offset(const struct batch *batch)
{
    return batch->base_offset + batch->last_offset_delta;
}

static inline enum compress_codec batch_codec(const struct batch *batch)
{
    return (enum compress_codec)(batch->attributes & BATCH_CODEC_MASK);
}

static inline bool batch_is_control(const struct batch *batch)
{
    return batch->attributes & BATCH_CONTROL;
}

static inline bool batch_is_transactional(const struct batch *batch)
{
    return batch->attributes & BATCH_TRANSACTIONAL;
}

static inline bool batch_has_producer(const struct batch *batch)
{
    return batch->producer_id >= 0;
}

/* base_sequence + delta; after 2147483647 comes 0. */
static inline int32_t batch_sequence_add(int32_t sequence, int32_t delta)
{
    return (int32_t)(((uint32_t)sequence + (uint32_t)delta) & INT32_MAX);
}

/* -1 without a producer. */
static inline int32_t batch_last_sequence(const struct batch *batch)
{
    return batch->base_sequence < 0
               ? -1
               : batch_sequence_add(batch->base_sequence, batch->last_offset_delta);
}

/* Unsigned arithmetic, since a peer chooses both: any delta stands in a record. */
static inline int64_t batch_record_offset(const struct batch *batch, const struct record *record)
{
    return (int64_t)((uint64_t)batch->base_offset + (uint64_t)(int64_t)record->offset_delta);
}

/* ms; with log append time all records have the batch's largest timestamp. */
int64_t batch_record_timestamp(const struct batch *batch, const struct record *record);

/* Changes in place. The first two leave the CRC as it is; the largest timestamp sets it anew, and
 * append time the timestamp type as well. `bytes` is a batch that batch_parse accepts; where the
 * largest timestamp is set, its CRC is right. */
void batch_set_base_offset(uint8_t *bytes, int64_t offset);
void batch_set_leader_epoch(uint8_t *bytes, int32_t epoch);
void batch_set_max_timestamp(uint8_t *bytes, int64_t time_ms);
void batch_set_append_time(uint8_t *bytes, int64_t time_ms);

/* The records of a batch, decompressed when need be: into `scratch` (from its front; what it held
 * is lost), else *records points into the batch. `records_max` limits the decompressed bytes.
 * ERR_MALFORMED, ERR_TOO_LARGE, ERR_NO_MEMORY, ERR_UNSUPPORTED_COMPRESSION_TYPE (codec 5 to 7). */
int batch_records(const struct batch *batch, size_t records_max, struct buf *scratch,
                  struct record_iter *records) MUST_CHECK;

/* Appends the batch with its records compressed by another codec, all else the same (the CRC is
 * made anew). Errors as batch_records. */
int batch_recompress(const struct batch *batch, enum compress_codec codec, int level,
                     size_t records_max, struct buf *out) MUST_CHECK;

/* Builds one batch. Set any header field after init (codec and flags by `attributes`); base
 * timestamp is that of the first record and max timestamp the largest one, unless
 * base_timestamp_set. */
struct batch_builder {
    struct buf bytes; /* room for the header, then the records */
    int64_t base_offset;
    int32_t leader_epoch;
    int16_t attributes;
    int64_t base_timestamp;
    int64_t max_timestamp;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t record_count;
    int32_t last_offset_delta;
    int level; /* of compression */
    bool base_timestamp_set;
};

/* An empty batch without producer, from offset 0, leader epoch -1. */
void batch_builder_init(struct batch_builder *builder, enum compress_codec codec);
void batch_builder_close(struct batch_builder *builder);
/* The record at the next offset. Headers may be NULL when there are none. ERR_NO_MEMORY,
 * ERR_TOO_LARGE. */
int batch_builder_append(struct batch_builder *builder, int64_t timestamp, struct wire_bytes key,
                         struct wire_bytes value, const struct record_header *headers,
                         int32_t header_count) MUST_CHECK;
/* The same at a chosen offset delta, above the last one. */
int batch_builder_append_at(struct batch_builder *builder, int32_t offset_delta, int64_t timestamp,
                            struct wire_bytes key, struct wire_bytes value,
                            const struct record_header *headers, int32_t header_count) MUST_CHECK;
/* Bytes so far, uncompressed, header included. */
size_t batch_builder_size(const struct batch_builder *builder);
/* Compresses, fills the header in, and leaves the finished batch in builder->bytes; nothing may be
 * appended after. ERR_NO_MEMORY, ERR_TOO_LARGE. */
int batch_builder_finish(struct batch_builder *builder) MUST_CHECK;

#endif
