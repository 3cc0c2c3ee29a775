/* Record batches for tests: see batch_maker.h. */
#include "batch_maker.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/mem.h"

enum { BATCH_CRC_AT = 17, BATCH_CRC_FROM = 21 };

struct wire_bytes batch_text(const char *text)
{
    return (struct wire_bytes){(const uint8_t *)text, text ? (int32_t)strlen(text) : -1};
}

static void batch_add(struct batch_builder *builder, const struct batch_record *record)
{
    const struct record_header headers[BATCH_HEADERS_MAX] = {
        {wire_str_from("trace"), batch_text("1")}, {wire_str_from(""), WIRE_BYTES_NULL}};
    ASSERT(record->headers <= BATCH_HEADERS_MAX);
    int err = batch_builder_append(builder, record->timestamp, record->key, record->value, headers,
                                   record->headers);
    ASSERT(err == 0);
}

/* The batch becomes the caller's. */
static struct buf batch_finish(struct batch_builder *builder)
{
    int err = batch_builder_finish(builder);
    ASSERT(err == 0);
    struct buf out = builder->bytes;
    buf_init(&builder->bytes);
    batch_builder_close(builder);
    return out;
}

/* Records that differ only in their letter and their time. */
static void batch_fill(struct batch_builder *builder, const struct batch_spec *spec)
{
    uint8_t *letters = mem_alloc((size_t)spec->value_len + 1);
    for (int i = 0; i < spec->count; i++) {
        memset(letters, 'a' + (i + (int)(spec->base_offset % 26)) % 26, (size_t)spec->value_len);
        struct batch_record record = {
            .key = WIRE_BYTES_NULL,
            .value = spec->value ? batch_text(spec->value)
                                 : (struct wire_bytes){letters, spec->value_len},
            .timestamp = spec->timestamps ? spec->timestamps[i] : spec->timestamp};
        batch_add(builder, &record);
    }
    mem_free(letters);
}

struct buf batch_make(struct batch_spec spec)
{
    struct batch_builder builder;
    batch_builder_init(&builder, spec.codec);
    builder.attributes = (int16_t)(builder.attributes | spec.attributes);
    builder.base_offset = spec.base_offset;
    builder.leader_epoch = spec.leader_epoch;
    if (spec.producer_id || spec.idempotent) {
        builder.producer_id = spec.producer_id;
        builder.producer_epoch = (int16_t)spec.epoch;
        builder.base_sequence = spec.sequence;
    }
    if (!spec.records)
        batch_fill(&builder, &spec);
    for (int i = 0; spec.records && i < spec.count; i++)
        batch_add(&builder, &spec.records[i]);
    return batch_finish(&builder);
}

void batch_put(struct buf *out, struct batch_spec spec)
{
    struct buf batch = batch_make(spec);
    buf_put(out, batch.data, batch.len);
    buf_close(&batch);
}

struct buf batch_make_marker(struct batch_marker marker)
{
    struct batch_builder builder;
    const uint8_t key[] = {0, 0, 0, marker.commit};
    uint8_t value[6] = {0, 0};
    bytes_put_u32(value + 2, (uint32_t)marker.coordinator_epoch);
    batch_builder_init(&builder, COMPRESS_NONE);
    builder.attributes |= BATCH_CONTROL | BATCH_TRANSACTIONAL;
    builder.base_offset = marker.base_offset;
    builder.leader_epoch = marker.leader_epoch;
    builder.producer_id = marker.producer_id;
    builder.producer_epoch = (int16_t)marker.epoch;
    struct batch_record record = {
        .key = {key, sizeof(key)}, .value = {value, sizeof(value)}, .timestamp = marker.timestamp};
    batch_add(&builder, &record);
    return batch_finish(&builder);
}

void batch_seal(struct buf *batch)
{
    ASSERT(batch->len > BATCH_CRC_FROM);
    bytes_put_u32(batch->data + BATCH_CRC_AT,
                  crc32c(0, batch->data + BATCH_CRC_FROM, batch->len - BATCH_CRC_FROM));
}
