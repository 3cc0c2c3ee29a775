/* Batches for seeds. Failure mode: what can't be built aborts, since the seeds are ours. */
#include "fuzz_batches.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "fuzz_wire.h"
#include "kafka/batch.h"

enum { CRC_AT = 17, CRC_FROM = 21, MARKER_PRODUCER = 9 };

static void put_built(struct buf *out, struct batch_builder *builder)
{
    FUZZ_REQUIRE(batch_builder_finish(builder) == 0);
    FUZZ_REQUIRE(buf_append(out, builder->bytes.data, builder->bytes.len) == 0);
    batch_builder_close(builder);
}

void fuzz_batch_put(struct buf *out, const struct fuzz_batch_spec *spec)
{
    static const struct record_header headers[] = {{{"trace", 5}, {(const uint8_t *)"1", 1}},
                                                   {{"", 0}, {NULL, -1}}};
    struct batch_builder builder;
    uint8_t *value = mem_alloc((size_t)spec->value_len);
    batch_builder_init(&builder, spec->codec);
    builder.attributes = (int16_t)(builder.attributes | spec->attributes);
    builder.base_offset = spec->base_offset;
    builder.leader_epoch = spec->leader_epoch;
    if (spec->producer_id) {
        builder.producer_id = spec->producer_id;
        builder.producer_epoch = 0;
        builder.base_sequence = spec->sequence;
    }
    for (int i = 0; i < spec->count; i++) {
        memset(value, 'a' + i % 26, (size_t)spec->value_len);
        struct wire_bytes key = {(const uint8_t *)"key", i % 3 ? 3 : -1};
        FUZZ_REQUIRE(batch_builder_append(&builder, 1700000000000 + spec->base_offset + i, key,
                                          (struct wire_bytes){value, spec->value_len}, headers,
                                          spec->headers ? 2 : 0) == 0);
    }
    put_built(out, &builder);
    mem_free(value);
}

void fuzz_batch_put_marker(struct buf *out, int64_t base_offset, bool commit)
{
    struct batch_builder builder;
    const uint8_t key[4] = {0, 0, 0, commit}, value[6] = {0, 0, 0, 0, 0, 3};
    batch_builder_init(&builder, COMPRESS_NONE);
    builder.attributes |= BATCH_CONTROL | BATCH_TRANSACTIONAL;
    builder.base_offset = base_offset;
    builder.leader_epoch = 20; /* above those of the data batches in front of it */
    builder.producer_id = MARKER_PRODUCER;
    builder.producer_epoch = 0;
    FUZZ_REQUIRE(batch_builder_append(&builder, 1700000000000 + base_offset,
                                      (struct wire_bytes){key, sizeof(key)},
                                      (struct wire_bytes){value, sizeof(value)}, NULL, 0) == 0);
    put_built(out, &builder);
}

struct seeding {
    struct fuzz_corpus *corpus;
    const void *tag;
    size_t tag_len;
};

static void seed_add(const struct seeding *seeding, struct buf *bytes)
{
    fuzz_add_tagged(seeding->corpus, seeding->tag, seeding->tag_len, bytes->data, bytes->len);
    bytes->len = 0;
}

static void add_plain(struct fuzz_corpus *corpus, const char *name, int16_t version,
                      const uint8_t *bytes, size_t len)
{
    (void)version;
    if (strcmp(name, "RecordBatch") == 0)
        fuzz_add(corpus, bytes, len);
}

void fuzz_batch_seed(struct fuzz_corpus *corpus, const void *tag, size_t tag_len)
{
    struct seeding seeding = {corpus, tag, tag_len};
    struct fuzz_corpus golden = {.len_max = corpus->len_max};
    struct buf bytes;
    buf_init(&bytes);
    fuzz_wire_golden(add_plain, &golden);
    for (size_t i = 0; i < golden.count; i++) {
        fuzz_add_tagged(corpus, tag, tag_len, golden.inputs[i].data, golden.inputs[i].len);
        mem_free(golden.inputs[i].data);
    }
    mem_free(golden.inputs);
    for (int codec = COMPRESS_NONE; codec <= COMPRESS_ZSTD; codec++) {
        struct fuzz_batch_spec spec = {
            .count = 3, .value_len = 20, .codec = (enum compress_codec)codec};
        fuzz_batch_put(&bytes, &spec);
        seed_add(&seeding, &bytes);
        spec = (struct fuzz_batch_spec){.count = 40,
                                        .value_len = 100,
                                        .base_offset = 1000,
                                        .producer_id = 5,
                                        .headers = true,
                                        .attributes = BATCH_TRANSACTIONAL,
                                        .codec = (enum compress_codec)codec};
        fuzz_batch_put(&bytes, &spec);
        spec.base_offset += spec.count;
        fuzz_batch_put(&bytes, &spec);
        seed_add(&seeding, &bytes);
    }
    fuzz_batch_put_marker(&bytes, 7, true);
    seed_add(&seeding, &bytes);
    buf_close(&bytes);
}

void fuzz_batch_mend(uint8_t *data, size_t len)
{
    while (len > CRC_FROM) {
        int64_t size = batch_peek_size(data, len);
        if (size <= CRC_FROM || (uint64_t)size > len)
            return;
        bytes_put_u32(data + CRC_AT, crc32c(0, data + CRC_FROM, (size_t)size - CRC_FROM));
        data += size;
        len -= (size_t)size;
    }
}
