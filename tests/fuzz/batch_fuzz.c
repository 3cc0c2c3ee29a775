/* Rows of record batches: parsing, checksum, records and headers, changes in place, and putting the
 * records under another codec. */
#include "fuzz_batches.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/log/producer_state.h"
#include "kafka/batch.h"
#include "kafka/record_check.h"

enum { RECORDS_MAX = 1 << 20 };

static void seed(struct fuzz_corpus *corpus)
{
    fuzz_batch_seed(corpus, NULL, 0);
}

/* Twice the cap, and what the libraries need to work: lz4 three blocks of 4 MiB, zstd a window. */
const struct fuzz_target fuzz_target = {.what = "record batches",
                                        .len_max = 16384,
                                        .memory_max = 2 * RECORDS_MAX + (16 << 20),
                                        .execs = 10000,
                                        .seed = seed,
                                        .mend = fuzz_batch_mend};

/* The records in pieces, as a leader looks at them; what it accepts is a reader's. */
static int look_at_records(const struct batch *batch)
{
    struct record_check_rules rules = {.base_timestamp = batch->base_timestamp,
                                       .oldest = 1000,
                                       .newest = 1LL << 41,
                                       .count = batch->record_count,
                                       .keys = batch->crc % 2};
    struct record_check check;
    struct compress_stream *stream;
    struct buf piece;
    record_check_init(&check, &rules);
    int rc = compress_stream_new(batch_codec(batch), batch->records, batch->records_len,
                                 RECORDS_MAX, RECORDS_MAX, &stream);
    if (batch_codec(batch) == COMPRESS_NONE)
        rc = record_check_take(&check, batch->records, batch->records_len);
    else if (rc == 0) {
        buf_init(&piece);
        do {
            piece.len = 0;
            rc = compress_stream_next(stream, 1 + batch->crc % 300, &piece);
            int err = rc < 0 ? rc : record_check_take(&check, piece.data, piece.len);
            rc = err < 0 ? err : rc;
        } while (rc == 1);
        compress_stream_free(stream);
        buf_close(&piece);
    }
    return rc == 0 ? record_check_end(&check) : rc;
}

static int walk_records(const struct batch *batch, struct buf *scratch)
{
    struct record_iter records;
    struct record record;
    bool counts = true;
    int looked = look_at_records(batch);
    int got = batch_records(batch, RECORDS_MAX, scratch, &records);
    FUZZ_REQUIRE(scratch->len <= RECORDS_MAX + 1);
    FUZZ_REQUIRE(got == 0 || looked < 0);
    if (got < 0)
        return got;
    int32_t count = 0;
    while ((got = record_iter_next(&records, &record)) > 0) {
        struct record_header header;
        const uint8_t *cursor = record.headers;
        int32_t headers = 0;
        while (record_header_next(&record, &cursor, &header))
            headers++;
        FUZZ_REQUIRE(headers == record.header_count);
        (void)batch_record_timestamp(batch, &record);
        counts = counts && record.offset_delta == count;
        count++;
    }
    FUZZ_REQUIRE(got < 0 || count == batch->record_count);
    /* An empty batch that was compressed has no stream for a reader, but a leader takes none. */
    if (batch->records_len > 0)
        FUZZ_REQUIRE((looked == 0) == (got == 0 && counts));
    return got;
}

static void recompress(const struct batch *batch, bool good)
{
    struct buf out, scratch;
    struct batch again;
    buf_init(&out);
    buf_init(&scratch);
    for (int codec = COMPRESS_NONE; codec <= COMPRESS_ZSTD; codec++) {
        out.len = 0;
        int err = batch_recompress(batch, (enum compress_codec)codec, COMPRESS_LEVEL_DEFAULT,
                                   RECORDS_MAX, &out);
        FUZZ_REQUIRE(!err || !good);
        if (err || !good)
            continue;
        FUZZ_REQUIRE(batch_parse(out.data, out.len, &again) == 0);
        FUZZ_REQUIRE(batch_check_crc(&again) == 0);
        FUZZ_REQUIRE(walk_records(&again, &scratch) == 0);
    }
    buf_close(&scratch);
    buf_close(&out);
}

static void change(const struct batch *batch)
{
    struct batch changed;
    uint8_t *copy = mem_dup(batch->bytes, batch->size);
    batch_set_base_offset(copy, 77);
    batch_set_leader_epoch(copy, 8);
    batch_set_append_time(copy, 1700000000000);
    FUZZ_REQUIRE(batch_parse(copy, batch->size, &changed) == 0);
    FUZZ_REQUIRE(batch_check_crc(&changed) == 0);
    FUZZ_REQUIRE(changed.base_offset == 77 && changed.leader_epoch == 8);
    FUZZ_REQUIRE(changed.max_timestamp == 1700000000000);
    mem_free(copy);
}

static void one_batch(const struct batch *batch, struct buf *scratch)
{
    struct batch header;
    struct txn_marker marker;
    FUZZ_REQUIRE(batch_parse_header(batch->bytes, BATCH_HEADER_SIZE, &header) == 0);
    FUZZ_REQUIRE(header.size == batch->size);
    if (batch_check_crc(batch) < 0)
        return;
    (void)batch_last_offset(batch);
    (void)batch_last_sequence(batch);
    int err = walk_records(batch, scratch);
    if (batch_is_control(batch)) {
        int kind = txn_marker_read(batch, &marker);
        FUZZ_REQUIRE(kind == 0 || kind == 1 || kind == ERR_INVALID_RECORD);
    }
    change(batch);
    recompress(batch, err == 0);
}

int fuzz_one(const uint8_t *data, size_t len)
{
    struct batch batch;
    struct buf scratch;
    buf_init(&scratch);
    while (batch_parse(data, len, &batch) == 0) {
        FUZZ_REQUIRE(batch.size <= len && batch.size >= BATCH_HEADER_SIZE);
        one_batch(&batch, &scratch);
        data += batch.size;
        len -= batch.size;
    }
    buf_close(&scratch);
    return 0;
}
