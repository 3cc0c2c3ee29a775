/* Records of a batch of magic 2: reading them one by one and writing them.
 *
 * varint length, int8 attributes, varlong timestamp delta, varint offset delta, key, value,
 * headers. Everything decoded is a slice of the bytes that were given; nothing is allocated. */
#ifndef KAFKA_RECORD_H
#define KAFKA_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "wire/str.h"

struct record {
    int64_t timestamp_delta; /* ms after the batch's base timestamp */
    int32_t offset_delta;    /* after the batch's base offset */
    struct wire_bytes key;   /* len -1 = null */
    struct wire_bytes value;
    int32_t header_count;
    const uint8_t *headers; /* checked; read them with record_header_next */
    const uint8_t *headers_end;
};

struct record_header {
    struct wire_str key; /* never null */
    struct wire_bytes value;
};

struct record_iter {
    const uint8_t *at;
    const uint8_t *end;
    int32_t left;
};

/* `count` records in `bytes`: the (decompressed) records of a batch and its RecordsCount. */
void record_iter_init(struct record_iter *iter, const uint8_t *bytes, size_t len, int32_t count);
/* 1 and *record; 0 after the last one; ERR_MALFORMED: damaged, or bytes remain after the last one.
 * `record` may be NULL to only check. Headers are checked too. */
int record_iter_next(struct record_iter *iter, struct record *record) MUST_CHECK;

/* Steps through record->headers: start with *cursor = record->headers. False at the end. */
bool record_header_next(const struct record *record, const uint8_t **cursor,
                        struct record_header *header);

/* Appends one record. ERR_NO_MEMORY; ERR_TOO_LARGE over 2 GiB. */
int record_write(struct buf *out, int32_t offset_delta, int64_t timestamp_delta,
                 struct wire_bytes key, struct wire_bytes value,
                 const struct record_header *headers, int32_t header_count) MUST_CHECK;

#endif
