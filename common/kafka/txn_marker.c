/* Transaction markers. A marker has a fixed size, so that who writes one allocates nothing. */
#include "kafka/txn_marker.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
    MARKER_VERSION = 0, /* of key and value */
    MARKER_TYPE_AT = 2,
    MARKER_EPOCH_AT = 2
};
STATIC_ASSERT(TXN_MARKER_KEY_LEN == MARKER_TYPE_AT + sizeof(int16_t), "version and type");
STATIC_ASSERT(TXN_MARKER_VALUE_LEN == MARKER_EPOCH_AT + sizeof(int32_t), "version and epoch");

static int marker_build(const struct txn_marker *marker, int64_t now_ms,
                        struct batch_builder *builder)
{
    uint8_t key[TXN_MARKER_KEY_LEN], value[TXN_MARKER_VALUE_LEN];
    bytes_put_u16(key, MARKER_VERSION);
    bytes_put_u16(key + MARKER_TYPE_AT, marker->commit ? CONTROL_COMMIT : CONTROL_ABORT);
    bytes_put_u16(value, MARKER_VERSION);
    bytes_put_u32(value + MARKER_EPOCH_AT, (uint32_t)marker->coordinator_epoch);
    builder->attributes = BATCH_TRANSACTIONAL | BATCH_CONTROL;
    builder->producer_id = marker->producer_id;
    builder->producer_epoch = marker->producer_epoch;
    int err = batch_builder_append(builder, now_ms, (struct wire_bytes){key, sizeof(key)},
                                   (struct wire_bytes){value, sizeof(value)}, NULL, 0);
    return err ? err : batch_builder_finish(builder);
}

void txn_marker_write(const struct txn_marker *marker, int64_t now_ms,
                      uint8_t bytes[TXN_MARKER_SIZE])
{
    struct batch_builder builder;
    /* What it grows into while it is built: from the reserve where no other memory is left, since
     * a transaction has to end. */
    static const uint8_t room[2 * TXN_MARKER_SIZE];
    batch_builder_init(&builder, COMPRESS_NONE);
    buf_put(&builder.bytes, room, sizeof(room));
    builder.bytes.len = 0;
    int err = marker_build(marker, now_ms, &builder);
    ASSERT(err == 0);
    ASSERT(builder.bytes.len == TXN_MARKER_SIZE);
    memcpy(bytes, builder.bytes.data, TXN_MARKER_SIZE);
    batch_builder_close(&builder);
}

int txn_marker_read_type(const struct record *record, int16_t *type)
{
    if (record->key.len < TXN_MARKER_KEY_LEN)
        return ERR_INVALID_RECORD;
    *type = (int16_t)bytes_get_u16(record->key.data + MARKER_TYPE_AT);
    return 0;
}

int txn_marker_read(const struct batch *batch, struct txn_marker *marker)
{
    struct record_iter records;
    struct record record;
    int16_t type;
    if (batch_codec(batch) != COMPRESS_NONE)
        return ERR_INVALID_RECORD;
    record_iter_init(&records, batch->records, batch->records_len, batch->record_count);
    if (record_iter_next(&records, &record) != 1 || txn_marker_read_type(&record, &type) < 0)
        return ERR_INVALID_RECORD;
    if (type != CONTROL_ABORT && type != CONTROL_COMMIT)
        return 0;
    if (record.value.len < TXN_MARKER_VALUE_LEN)
        return ERR_INVALID_RECORD;
    *marker = (struct txn_marker){.producer_id = batch->producer_id,
                                  .producer_epoch = batch->producer_epoch,
                                  .commit = type == CONTROL_COMMIT,
                                  .coordinator_epoch =
                                      (int32_t)bytes_get_u32(record.value.data + MARKER_EPOCH_AT)};
    return 1;
}
