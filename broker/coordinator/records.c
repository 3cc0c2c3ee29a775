/* Records of a coordinator's topic. Happy path: put encodes key and value and adds them to the open
 * batch; a batch that would grow over the limit is finished and the next one begun; finish gives
 * them all. Failure modes: memory, a record over the limit of the topic, or a
 * string over the protocol's: the error sticks until finish. */
#include "broker/coordinator/records.h"

#include "base/bytes.h"
#include "base/err.h"

enum { RECORDS_VERSION_SIZE = 2 }; /* in front of keys and values */

void records_init(struct records *records, int64_t wall_ms)
{
    *records = (struct records){.wall_ms = wall_ms,
                                .batch_max = RECORDS_RECORD_MAX,
                                .producer_id = -1,
                                .producer_epoch = -1};
    buf_init(&records->batches);
    wire_out_init(&records->key);
    wire_out_init(&records->value);
}

void records_close(struct records *records)
{
    if (records->open)
        batch_builder_close(&records->builder);
    buf_close(&records->batches);
    wire_out_close(&records->key);
    wire_out_close(&records->value);
}

static void records_flush(struct records *records)
{
    if (!records->open)
        return;
    records->open = false;
    int err = batch_builder_finish(&records->builder);
    if (!err)
        err =
            buf_append(&records->batches, records->builder.bytes.data, records->builder.bytes.len);
    batch_builder_close(&records->builder);
    if (!records->err)
        records->err = err;
}

static void records_begin(struct records *records)
{
    if (records->open)
        return;
    batch_builder_init(&records->builder, COMPRESS_NONE);
    if (records->producer_id >= 0) {
        records->builder.attributes |= BATCH_TRANSACTIONAL;
        records->builder.producer_id = records->producer_id;
        records->builder.producer_epoch = records->producer_epoch;
    }
    records->open = true;
}

static struct wire_bytes records_encode(struct records *records, struct wire_out *out,
                                        int16_t prefix, int16_t version,
                                        const struct wire_desc *desc, const void *in)
{
    wire_out_close(out);
    wire_out_init(out);
    wire_put_i16(out, prefix);
    int err = wire_encode(desc, version, in, out);
    if (!err)
        err = wire_out_error(out);
    if (err && !records->err)
        records->err = err;
    return (struct wire_bytes){out->memory.data, (int32_t)out->memory.len};
}

void records_put(struct records *records, int16_t type, const struct wire_desc *key_desc,
                 const void *key, int16_t version, const struct wire_desc *value_desc,
                 const void *value)
{
    struct wire_bytes value_bytes = WIRE_BYTES_NULL;
    struct wire_bytes key_bytes = records_encode(records, &records->key, type, 0, key_desc, key);
    if (value)
        value_bytes = records_encode(records, &records->value, version, version, value_desc, value);
    if (records->err)
        return;
    size_t more = (size_t)key_bytes.len + (value ? (size_t)value_bytes.len : 0) + RECORDS_OVERHEAD;
    if (more > records->batch_max) {
        records->err = ERR_TOO_LARGE;
        return;
    }
    size_t full = records->batch_max < RECORDS_BATCH_MAX ? records->batch_max : RECORDS_BATCH_MAX;
    if (records->open && batch_builder_size(&records->builder) + more > full)
        records_flush(records);
    records_begin(records);
    records->err =
        batch_builder_append(&records->builder, records->wall_ms, key_bytes, value_bytes, NULL, 0);
    records->count++;
}

int records_finish(struct records *records)
{
    records_flush(records);
    return records->err;
}

/* ---- reading ---- */

int records_type(struct wire_bytes key)
{
    return key.len < RECORDS_VERSION_SIZE ? -1 : (int16_t)bytes_get_u16(key.data);
}

static int records_decode(struct wire_bytes bytes, const struct wire_desc *desc, int16_t version,
                          struct arena *arena, void *out)
{
    size_t used;
    return wire_decode(desc, version, (uint8_t *)bytes.data + RECORDS_VERSION_SIZE,
                       (size_t)bytes.len - RECORDS_VERSION_SIZE, arena, out, &used);
}

int records_read_key(struct wire_bytes bytes, const struct wire_desc *desc, void *key)
{
    if (bytes.len < RECORDS_VERSION_SIZE)
        return ERR_MALFORMED;
    return records_decode(bytes, desc, 0, NULL, key); /* keys have no arrays */
}

int records_read_value(struct wire_bytes bytes, const struct wire_desc *desc, struct arena *arena,
                       void *value)
{
    if (bytes.len < RECORDS_VERSION_SIZE)
        return ERR_MALFORMED;
    int16_t version = (int16_t)bytes_get_u16(bytes.data);
    if (version < desc->version_min || version > desc->version_max)
        return ERR_UNSUPPORTED;
    return records_decode(bytes, desc, version, arena, value);
}
