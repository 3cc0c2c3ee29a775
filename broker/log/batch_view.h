/* The header fields of a record batch of magic 2 that the log needs. Source of the layout: the
 * "Record batch" table of the Kafka protocol. */
#ifndef BROKER_LOG_BATCH_VIEW_H
#define BROKER_LOG_BATCH_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"

enum {
    BATCH_PREFIX_LEN = 12, /* base offset and length: what the length field does not count */
    BATCH_CRC_AT = 17,
    BATCH_CRC_FROM = 21,
    BATCH_HEADER_LEN = 61,
    BATCH_MAGIC = 2,
    BATCH_CODEC_MASK = 7,
    BATCH_LOG_APPEND_TIME = 8,
    BATCH_TRANSACTIONAL = 16,
    BATCH_CONTROL = 32
};

struct batch_view {
    int64_t base_offset;
    int64_t last_offset;
    int64_t base_timestamp;
    int64_t max_timestamp;
    int64_t producer_id;
    size_t len; /* of the whole batch */
    int32_t leader_epoch;
    int32_t last_offset_delta;
    int32_t base_sequence;
    int32_t count;
    int16_t attributes;
    int16_t producer_epoch;
    int8_t magic;
};

/* Reads the header; `left` is at least BATCH_HEADER_LEN. 0, or ERR_CORRUPT when length, offsets or
 * magic can't be those of a batch. The batch itself may reach past `left`. */
static inline int batch_view_read(const uint8_t *p, struct batch_view *view)
{
    int32_t length = (int32_t)bytes_get_u32(p + 8);
    view->magic = (int8_t)p[16];
    view->base_offset = (int64_t)bytes_get_u64(p);
    view->last_offset_delta = (int32_t)bytes_get_u32(p + 23);
    if (length < BATCH_HEADER_LEN - BATCH_PREFIX_LEN || view->magic != BATCH_MAGIC ||
        view->base_offset < 0 || view->last_offset_delta < 0 ||
        view->base_offset > INT64_MAX - view->last_offset_delta - 1)
        return ERR_CORRUPT;
    view->len = (size_t)length + BATCH_PREFIX_LEN;
    view->last_offset = view->base_offset + view->last_offset_delta;
    view->leader_epoch = (int32_t)bytes_get_u32(p + 12);
    view->attributes = (int16_t)bytes_get_u16(p + 21);
    view->base_timestamp = (int64_t)bytes_get_u64(p + 27);
    view->max_timestamp = (int64_t)bytes_get_u64(p + 35);
    view->producer_id = (int64_t)bytes_get_u64(p + 43);
    view->producer_epoch = (int16_t)bytes_get_u16(p + 51);
    view->base_sequence = (int32_t)bytes_get_u32(p + 53);
    view->count = (int32_t)bytes_get_u32(p + 57);
    return 0;
}

/* Whether the checksum of the whole batch at `p` is right. */
static inline bool batch_view_crc_ok(const uint8_t *p, size_t len)
{
    return crc32c(0, p + BATCH_CRC_FROM, len - BATCH_CRC_FROM) == bytes_get_u32(p + BATCH_CRC_AT);
}

static inline void batch_view_set_offset(uint8_t *p, int64_t base_offset, int32_t leader_epoch)
{
    bytes_put_u64(p, (uint64_t)base_offset);
    bytes_put_u32(p + 12, (uint32_t)leader_epoch);
}

/* LogAppendTime: the bit, the timestamp and with them the checksum. */
static inline void batch_view_set_append_time(uint8_t *p, size_t len, int64_t now_ms)
{
    bytes_put_u16(p + 21, (uint16_t)(bytes_get_u16(p + 21) | BATCH_LOG_APPEND_TIME));
    bytes_put_u64(p + 35, (uint64_t)now_ms);
    bytes_put_u32(p + BATCH_CRC_AT, crc32c(0, p + BATCH_CRC_FROM, len - BATCH_CRC_FROM));
}

#endif
