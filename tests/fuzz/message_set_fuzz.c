/* Message sets of magic 0 and 1: to batches, and batches to them. The first byte chooses: 0 to a
 * batch, 1 and 2 to magic 0 and 1. */
#include "fuzz_batches.h"

#include <string.h>

#include <zlib.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/mem.h"
#include "kafka/batch.h"
#include "kafka/message_set.h"

enum { BYTES_MAX = 1 << 20, FIRST_OFFSET = 5, CRC_AT = 12, CRC_FROM = 16 };

static void put(struct buf *out, int8_t magic, int64_t offset, int8_t attributes, const void *value,
                size_t len)
{
    FUZZ_REQUIRE(message_write(out, magic, offset, attributes, 1700000000000 + offset,
                               (struct wire_bytes){(const uint8_t *)"k", offset % 2 ? 1 : -1},
                               (struct wire_bytes){value, (int32_t)len}) == 0);
}

static void seed_set(struct fuzz_corpus *corpus, int8_t magic, enum compress_codec codec)
{
    static const uint8_t tag = 0;
    struct buf inner, packed, out;
    buf_init(&inner);
    buf_init(&packed);
    buf_init(&out);
    for (int i = 0; i < 5; i++)
        put(&inner, magic, magic ? i : 100 + i, 0, "value value value", 17);
    if (codec == COMPRESS_NONE) {
        fuzz_add_tagged(corpus, &tag, 1, inner.data, inner.len);
    } else {
        FUZZ_REQUIRE(
            compress_encode(codec, COMPRESS_LEVEL_DEFAULT, inner.data, inner.len, &packed) == 0);
        if (codec == COMPRESS_LZ4 && magic == 0)
            compress_lz4_set_old_checksum(packed.data, packed.len);
        put(&out, magic, 104, (int8_t)codec, packed.data, packed.len);
        put(&out, magic, 105, BATCH_LOG_APPEND_TIME, "x", 1);
        fuzz_add_tagged(corpus, &tag, 1, out.data, out.len);
    }
    buf_close(&out);
    buf_close(&packed);
    buf_close(&inner);
}

static void seed(struct fuzz_corpus *corpus)
{
    for (int8_t magic = 0; magic <= 1; magic++)
        for (int codec = COMPRESS_NONE; codec <= COMPRESS_LZ4; codec++)
            seed_set(corpus, magic, (enum compress_codec)codec);
    for (uint8_t tag = 1; tag <= 2; tag++)
        fuzz_batch_seed(corpus, &tag, 1);
}

static void mend(uint8_t *data, size_t len)
{
    if (len < 1)
        return;
    if (data[0] != 0) {
        fuzz_batch_mend(data + 1, len - 1);
        return;
    }
    data++;
    len--;
    while (len > CRC_FROM) {
        int64_t size = batch_peek_size(data, len);
        if (size <= CRC_FROM || (uint64_t)size > len)
            return;
        bytes_put_u32(data + CRC_AT,
                      (uint32_t)crc32(0, data + CRC_FROM, (uInt)((size_t)size - CRC_FROM)));
        data += size;
        len -= (size_t)size;
    }
}

/* Compressed messages may be many, and each may open to the cap, one at a time; what comes of them
 * is in one batch. */
const struct fuzz_target fuzz_target = {.what = "message sets of magic 0 and 1",
                                        .len_max = 8192,
                                        .memory_max = 4 * BYTES_MAX + (16 << 20),
                                        .execs = 40000,
                                        .seed = seed,
                                        .mend = mend};

static int count_message(void *data, const struct message *message)
{
    FUZZ_REQUIRE(message->magic == 0 || message->magic == 1);
    (*(int *)data)++;
    return 0;
}

static void to_batch(const uint8_t *data, size_t len)
{
    struct buf out, scratch;
    struct batch batch;
    struct record_iter records;
    int count = 0, got;
    buf_init(&out);
    buf_init(&scratch);
    int each = message_set_each(data, len, BYTES_MAX, count_message, &count);
    int err = message_set_to_batch(data, len, BYTES_MAX, &out);
    FUZZ_REQUIRE(each == 0 || err < 0);
    if (!err) {
        FUZZ_REQUIRE(batch_parse(out.data, out.len, &batch) == 0);
        FUZZ_REQUIRE(batch_check_crc(&batch) == 0 && batch.size == out.len);
        FUZZ_REQUIRE(batch.record_count == count);
        FUZZ_REQUIRE(batch_records(&batch, 4 * BYTES_MAX, &scratch, &records) == 0);
        while ((got = record_iter_next(&records, NULL)) > 0)
            ;
        FUZZ_REQUIRE(got == 0);
    }
    buf_close(&scratch);
    buf_close(&out);
}

static void from_batches(const uint8_t *data, size_t len, int8_t magic)
{
    struct buf out;
    int count = 0;
    size_t most = (len / BATCH_HEADER_SIZE + 1) * 4 * BYTES_MAX;
    buf_init(&out);
    size_t room = SIZE_MAX;
    if (message_set_from_batches(data, len, magic, FIRST_OFFSET, BYTES_MAX, &room, &out) == 0)
        FUZZ_REQUIRE(message_set_each(out.data, out.len, most, count_message, &count) == 0);
    buf_close(&out);
}

int fuzz_one(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    if (data[0] == 0)
        to_batch(data + 1, len - 1);
    else if (data[0] <= 2)
        from_batches(data + 1, len - 1, (int8_t)(data[0] - 1));
    return 0;
}
