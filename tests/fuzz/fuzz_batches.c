/* Batches for seeds. Failure mode: what can't be built aborts, since the seeds are ours. */
#include "fuzz_batches.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "fuzz_wire.h"
#include "kafka/batch.h"

enum { CRC_AT = 17, CRC_FROM = 21 };

#define FUZZ_TIME_MS INT64_C(1700000000000)

void fuzz_batch_put(struct buf *out, struct batch_spec spec, bool headers)
{
    struct batch_record *records = mem_alloc(((size_t)spec.count + 1) * sizeof(*records));
    uint8_t *values = mem_alloc((size_t)spec.count * (size_t)spec.value_len + 1);
    for (int i = 0; i < spec.count; i++) {
        uint8_t *value = values + (size_t)i * (size_t)spec.value_len;
        memset(value, 'a' + i % 26, (size_t)spec.value_len);
        records[i] = (struct batch_record){.key = i % 3 ? batch_text("key") : WIRE_BYTES_NULL,
                                           .value = {value, spec.value_len},
                                           .timestamp = FUZZ_TIME_MS + spec.base_offset + i,
                                           .headers = headers ? BATCH_HEADERS_MAX : 0};
    }
    spec.records = records;
    batch_put(out, spec);
    mem_free(values);
    mem_free(records);
}

void fuzz_batch_put_marker(struct buf *out, int64_t base_offset, bool commit)
{
    struct buf marker = batch_make_marker((struct batch_marker){
        .base_offset = base_offset,
        .producer_id = FUZZ_MARKER_PRODUCER,
        .leader_epoch = 20, /* above those of the data batches in front of it */
        .coordinator_epoch = 3,
        .timestamp = FUZZ_TIME_MS + base_offset,
        .commit = commit});
    buf_put(out, marker.data, marker.len);
    buf_close(&marker);
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
        struct batch_spec spec = {.count = 3, .value_len = 20, .codec = (enum compress_codec)codec};
        fuzz_batch_put(&bytes, spec, false);
        seed_add(&seeding, &bytes);
        spec = (struct batch_spec){.count = 40,
                                   .value_len = 100,
                                   .base_offset = 1000,
                                   .producer_id = 5,
                                   .attributes = BATCH_TRANSACTIONAL,
                                   .codec = (enum compress_codec)codec};
        fuzz_batch_put(&bytes, spec, true);
        spec.base_offset += spec.count;
        fuzz_batch_put(&bytes, spec, true);
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
