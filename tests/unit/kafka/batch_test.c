/* Record batches: golden ones of all codecs, changes in place, building, damage, memory. */
#include "../tap.h"
#include "golden_batches.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "kafka/batch.h"

enum { RECORDS_MAX = 1 << 20, HEADERS_MAX = 8 };

static void check_record(const struct batch *batch, const struct record *record, const json_t *json)
{
    CHECK_INT(batch->base_offset + record->offset_delta, number(json, "offset"));
    CHECK_INT(batch_record_timestamp(batch, record), number(json, "timestamp"));
    check_bytes(record->key, json_object_get(json, "key"));
    check_bytes(record->value, json_object_get(json, "value"));
    const json_t *headers = json_object_get(json, "headers");
    CHECK_INT(record->header_count, json_array_size(headers));
    const uint8_t *cursor = record->headers;
    struct record_header header;
    for (size_t i = 0; i < json_array_size(headers); i++) {
        const json_t *expected = json_array_get(headers, i);
        CHECK(record_header_next(record, &cursor, &header));
        CHECK(wire_str_is(header.key, json_string_value(json_object_get(expected, "key"))));
        check_bytes(header.value, json_object_get(expected, "value"));
    }
    CHECK(!record_header_next(record, &cursor, &header));
}

static void check_header(const struct batch *batch, const json_t *json)
{
    CHECK_INT(batch->base_offset, number(json, "baseOffset"));
    CHECK_INT(batch->size, number(json, "batchLength") + BATCH_LENGTH_END);
    CHECK_INT(batch->leader_epoch, number(json, "partitionLeaderEpoch"));
    CHECK_INT(batch->crc, number(json, "crc"));
    CHECK_INT(batch->attributes, number(json, "attributes"));
    CHECK_INT(batch->last_offset_delta, number(json, "lastOffsetDelta"));
    CHECK_INT(batch->base_timestamp, number(json, "baseTimestamp"));
    CHECK_INT(batch->max_timestamp, number(json, "maxTimestamp"));
    CHECK_INT(batch->producer_id, number(json, "producerId"));
    CHECK_INT(batch->producer_epoch, number(json, "producerEpoch"));
    CHECK_INT(batch->base_sequence, number(json, "baseSequence"));
    CHECK_INT(batch->record_count, number(json, "recordsCount"));
}

static void check_records(const struct batch *batch, const json_t *json)
{
    struct buf scratch;
    struct record_iter records;
    struct record record;
    const json_t *expected = json_object_get(json, "records");
    buf_init(&scratch);
    CHECK_INT(batch_records(batch, RECORDS_MAX, &scratch, &records), 0);
    for (size_t i = 0; i < json_array_size(expected); i++) {
        CHECK_INT(record_iter_next(&records, &record), 1);
        check_record(batch, &record, json_array_get(expected, i));
    }
    CHECK_INT(record_iter_next(&records, &record), 0);
    buf_close(&scratch);
}

static void check_decodes(const char *kind, uint8_t *bytes, size_t len, json_t *json)
{
    struct batch batch;
    printf("# %s\n", kind);
    CHECK_INT(batch_peek_size(bytes, len), (long long)len);
    CHECK_INT(batch_parse(bytes, len, &batch), 0);
    CHECK_INT(batch_check_crc(&batch), 0);
    check_header(&batch, json);
    check_records(&batch, json);
}

static void golden_batches_decode(void)
{
    each_line("RecordBatch", 49, check_decodes);
}

static void check_cut(const char *kind, uint8_t *bytes, size_t len, json_t *json)
{
    struct batch batch;
    (void)kind;
    (void)json;
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *part = mem_alloc(cut ? cut : 1);
        memcpy(part, bytes, cut);
        CHECK_INT(batch_parse(part, cut, &batch), ERR_EOF);
        CHECK_INT(batch.size, cut < BATCH_PEEK_SIZE ? 0 : (long long)len);
        mem_free(part);
    }
}

static void cut_batches_are_incomplete(void)
{
    each_line("RecordBatch", 49, check_cut);
}

/* Reads all records; 0 when that works. */
static int read_all(const uint8_t *bytes, size_t len)
{
    struct batch batch;
    struct buf scratch;
    struct record_iter records;
    struct record record;
    buf_init(&scratch);
    int err = batch_parse(bytes, len, &batch);
    if (!err)
        err = batch_records(&batch, RECORDS_MAX, &scratch, &records);
    while (!err && (err = record_iter_next(&records, &record)) > 0) {
        struct record_header header;
        const uint8_t *cursor = record.headers;
        while (record_header_next(&record, &cursor, &header))
            ;
        err = 0;
    }
    buf_close(&scratch);
    return err;
}

static void check_damaged(const char *kind, uint8_t *bytes, size_t len, json_t *json)
{
    struct batch batch;
    (void)json;
    /* Every byte of short batches, every seventh of long ones. */
    size_t step = len < 400 ? 1 : 7;
    for (size_t i = 0; i < len; i += step) {
        uint8_t good = bytes[i];
        static const uint8_t values[] = {0, 0x7f, 0x80, 0xff, 0x55};
        for (size_t v = 0; v < sizeof(values); v++) {
            bytes[i] = values[v];
            (void)!read_all(bytes, len);
            bool covered = i >= 17 && values[v] != good;
            int err = batch_parse(bytes, len, &batch);
            if (!err && covered && batch_check_crc(&batch) != ERR_CORRUPT_MESSAGE) {
                printf("# %s byte %zu\n", kind, i);
                CHECK(false);
            }
        }
        bytes[i] = good;
    }
}

static void damage_is_found_and_never_crashes(void)
{
    each_line("RecordBatch", 49, check_damaged);
}

static void header_of(const json_t *json, struct record_header *header, uint8_t **owned)
{
    size_t len;
    *owned = golden_base64(json_object_get(json, "value"), &len);
    header->key = wire_str_from(json_string_value(json_object_get(json, "key")));
    header->value = (struct wire_bytes){*owned, *owned ? (int32_t)len : -1};
}

static void append_golden(struct batch_builder *builder, const json_t *json)
{
    struct record_header headers[HEADERS_MAX];
    uint8_t *owned[HEADERS_MAX];
    const json_t *list = json_object_get(json, "headers");
    size_t count = json_array_size(list), key_len, value_len;
    CHECK(count <= HEADERS_MAX);
    for (size_t i = 0; i < count; i++)
        header_of(json_array_get(list, i), &headers[i], &owned[i]);
    uint8_t *key = golden_base64(json_object_get(json, "key"), &key_len);
    uint8_t *value = golden_base64(json_object_get(json, "value"), &value_len);
    int32_t delta = (int32_t)(number(json, "offset") - builder->base_offset);
    CHECK_INT(batch_builder_append_at(builder, delta, number(json, "timestamp"),
                                      (struct wire_bytes){key, key ? (int32_t)key_len : -1},
                                      (struct wire_bytes){value, value ? (int32_t)value_len : -1},
                                      headers, (int32_t)count),
              0);
    mem_free(key);
    mem_free(value);
    for (size_t i = 0; i < count; i++)
        mem_free(owned[i]);
}

/* The bytes again from the values; and for compressed ones, a batch that reads back the same. */
static void check_builds(const char *kind, uint8_t *bytes, size_t len, json_t *json)
{
    struct batch_builder builder;
    struct batch batch;
    const json_t *records = json_object_get(json, "records");
    if (strstr(kind, "log-append-time"))
        return; /* the deltas are hidden */
    printf("# %s\n", kind);
    batch_builder_init(&builder, COMPRESS_NONE);
    builder.base_offset = number(json, "baseOffset");
    builder.leader_epoch = (int32_t)number(json, "partitionLeaderEpoch");
    builder.attributes = (int16_t)number(json, "attributes");
    builder.base_timestamp = number(json, "baseTimestamp");
    builder.base_timestamp_set = true;
    builder.producer_id = number(json, "producerId");
    builder.producer_epoch = (int16_t)number(json, "producerEpoch");
    builder.base_sequence = (int32_t)number(json, "baseSequence");
    for (size_t i = 0; i < json_array_size(records); i++)
        append_golden(&builder, json_array_get(records, i));
    builder.last_offset_delta = (int32_t)number(json, "lastOffsetDelta");
    builder.max_timestamp = number(json, "maxTimestamp");
    CHECK_INT(batch_builder_finish(&builder), 0);
    CHECK_INT(batch_parse(builder.bytes.data, builder.bytes.len, &batch), 0);
    CHECK_INT(batch_check_crc(&batch), 0);
    if (batch_codec(&batch) == COMPRESS_NONE) {
        CHECK_INT(builder.bytes.len, len);
        CHECK(memcmp(builder.bytes.data, bytes, len) == 0);
    }
    check_records(&batch, json);
    batch_builder_close(&builder);
}

static void golden_batches_are_built(void)
{
    each_line("RecordBatch", 49, check_builds);
}

static void check_recompress(const char *kind, uint8_t *bytes, size_t len, json_t *json)
{
    struct batch batch, again;
    struct buf out;
    (void)kind;
    CHECK_INT(batch_parse(bytes, len, &batch), 0);
    for (int codec = COMPRESS_NONE; codec <= COMPRESS_ZSTD; codec++) {
        buf_init(&out);
        CHECK_INT(buf_append(&out, "front", 5), 0);
        CHECK_INT(batch_recompress(&batch, (enum compress_codec)codec, COMPRESS_LEVEL_DEFAULT,
                                   RECORDS_MAX, &out),
                  0);
        CHECK_INT(batch_parse(out.data + 5, out.len - 5, &again), 0);
        CHECK_INT(again.size, out.len - 5);
        CHECK_INT(batch_check_crc(&again), 0);
        CHECK_INT(batch_codec(&again), codec);
        CHECK_INT(again.attributes & ~BATCH_CODEC_MASK, batch.attributes & ~BATCH_CODEC_MASK);
        CHECK_INT(again.base_sequence, batch.base_sequence);
        check_records(&again, json);
        buf_close(&out);
    }
}

static void batches_change_their_codec(void)
{
    each_line("RecordBatch", 49, check_recompress);
}

static struct wire_bytes bytes_of(const char *text)
{
    return (struct wire_bytes){(const uint8_t *)text, text ? (int32_t)strlen(text) : -1};
}

static void build_three(struct batch_builder *builder, enum compress_codec codec)
{
    struct record_header header = {wire_str_from("h"), bytes_of(NULL)};
    batch_builder_init(builder, codec);
    CHECK_INT(batch_builder_append(builder, 1000, bytes_of("a"), bytes_of("1"), NULL, 0), 0);
    CHECK_INT(batch_builder_append(builder, 999, bytes_of("b"), bytes_of(NULL), &header, 1), 0);
    CHECK_INT(batch_builder_append(builder, 1500, bytes_of(NULL), bytes_of("3"), NULL, 0), 0);
    CHECK_INT(batch_builder_finish(builder), 0);
}

static void changes_in_place_keep_the_batch_valid(void)
{
    struct batch_builder builder;
    struct batch batch;
    build_three(&builder, COMPRESS_NONE);
    uint8_t *bytes = builder.bytes.data;
    size_t len = builder.bytes.len;
    batch_set_base_offset(bytes, INT64_MAX - 3);
    batch_set_leader_epoch(bytes, 12);
    CHECK_INT(batch_parse(bytes, len, &batch), 0);
    CHECK_INT(batch_check_crc(&batch), 0);
    CHECK_INT(batch_last_offset(&batch), INT64_MAX - 1);
    CHECK_INT(batch.leader_epoch, 12);
    CHECK_INT(batch.base_timestamp, 1000);
    CHECK_INT(batch.max_timestamp, 1500);
    batch_set_append_time(bytes, 7777);
    CHECK_INT(batch_parse(bytes, len, &batch), 0);
    CHECK_INT(batch_check_crc(&batch), 0);
    struct record record = {.timestamp_delta = 5};
    CHECK_INT(batch_record_timestamp(&batch, &record), 7777);
    batch_set_base_offset(bytes, INT64_MAX - 2);
    CHECK_INT(batch_parse(bytes, len, &batch), ERR_CORRUPT_MESSAGE);
    batch_builder_close(&builder);
}

/* Small ones get their checksum anew, large ones have it changed. */
static void a_largest_timestamp_keeps_the_checksum(void)
{
    static uint8_t value[100 * 1000];
    for (int32_t len = 10; len <= (int32_t)sizeof(value); len *= 10) {
        struct batch_builder builder;
        struct batch batch;
        batch_builder_init(&builder, COMPRESS_NONE);
        CHECK_INT(batch_builder_append(&builder, 1000, WIRE_BYTES_NULL,
                                       (struct wire_bytes){value, len}, NULL, 0),
                  0);
        CHECK_INT(batch_builder_finish(&builder), 0);
        for (int64_t time = -1; time < 5000; time += 1700) {
            batch_set_max_timestamp(builder.bytes.data, time);
            CHECK_INT(batch_parse(builder.bytes.data, builder.bytes.len, &batch), 0);
            CHECK_INT(batch.max_timestamp, time);
            CHECK_INT(batch_check_crc(&batch), 0);
        }
        batch_builder_close(&builder);
    }
}

static void sequences_wrap_to_zero(void)
{
    CHECK_INT(batch_sequence_add(INT32_MAX, 0), INT32_MAX);
    CHECK_INT(batch_sequence_add(INT32_MAX, 1), 0);
    CHECK_INT(batch_sequence_add(INT32_MAX - 1, 3), 1);
    CHECK_INT(batch_sequence_add(5, INT32_MAX), 4);
}

static void wrong_headers_are_refused(void)
{
    static const struct {
        const char *why;
        int at, size;
        int64_t value;
        int err;
    } rows[] = {
        {"length below any entry", 8, 4, 13, ERR_CORRUPT_MESSAGE},
        {"length below the header", 8, 4, 48, ERR_CORRUPT_MESSAGE},
        {"negative length", 8, 4, -1, ERR_CORRUPT_MESSAGE},
        {"longer than there is", 8, 4, 100000, ERR_EOF},
        {"longest", 8, 4, INT32_MAX, ERR_EOF},
        {"magic 1", 16, 1, 1, ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT},
        {"magic 3", 16, 1, 3, ERR_CORRUPT_MESSAGE},
        {"negative last delta", 23, 4, -1, ERR_CORRUPT_MESSAGE},
        {"fewer offsets than records", 23, 4, 1, ERR_CORRUPT_MESSAGE},
        {"negative count", 57, 4, -1, ERR_CORRUPT_MESSAGE},
        {"more records than offsets", 57, 4, 4, ERR_CORRUPT_MESSAGE},
    };
    struct batch_builder builder;
    struct batch batch;
    build_three(&builder, COMPRESS_NONE);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t *copy = mem_dup(builder.bytes.data, builder.bytes.len);
        if (rows[i].size == 4)
            bytes_put_u32(copy + rows[i].at, (uint32_t)rows[i].value);
        else
            copy[rows[i].at] = (uint8_t)rows[i].value;
        int err = batch_parse(copy, builder.bytes.len, &batch);
        if (err != rows[i].err)
            printf("# %s\n", rows[i].why);
        CHECK_INT(err, rows[i].err);
        mem_free(copy);
    }
    batch_builder_close(&builder);
}

static void records_must_fill_the_batch(void)
{
    struct batch_builder builder;
    struct record_iter iter;
    build_three(&builder, COMPRESS_NONE);
    const uint8_t *records = builder.bytes.data + BATCH_HEADER_SIZE;
    size_t len = builder.bytes.len - BATCH_HEADER_SIZE;
    for (size_t cut = 0; cut < len; cut++) {
        int got;
        record_iter_init(&iter, records, cut, 3);
        while ((got = record_iter_next(&iter, NULL)) > 0)
            ;
        CHECK_INT(got, ERR_MALFORMED);
    }
    record_iter_init(&iter, records, len, 2);
    CHECK_INT(record_iter_next(&iter, NULL), 1);
    CHECK_INT(record_iter_next(&iter, NULL), 1);
    CHECK_INT(record_iter_next(&iter, NULL), ERR_MALFORMED);
    batch_builder_close(&builder);
}

static void unknown_codecs_are_refused(void)
{
    struct batch_builder builder;
    struct batch batch;
    struct buf scratch;
    struct record_iter records;
    build_three(&builder, COMPRESS_NONE);
    builder.bytes.data[22] |= 5;
    buf_init(&scratch);
    CHECK_INT(batch_parse(builder.bytes.data, builder.bytes.len, &batch), 0);
    CHECK_INT(batch_records(&batch, RECORDS_MAX, &scratch, &records),
              ERR_UNSUPPORTED_COMPRESSION_TYPE);
    buf_close(&scratch);
    batch_builder_close(&builder);
}

/* Builds, recompresses and reads; the first error. */
static int work_once(enum compress_codec codec)
{
    struct batch_builder builder;
    struct batch batch;
    struct buf out;
    int err = 0;
    batch_builder_init(&builder, codec);
    buf_init(&out);
    for (int i = 0; i < 3 && !err; i++)
        err = batch_builder_append(&builder, i, bytes_of("key"), bytes_of("value"), NULL, 0);
    if (!err)
        err = batch_builder_finish(&builder);
    if (!err)
        err = batch_parse(builder.bytes.data, builder.bytes.len, &batch);
    if (!err)
        err = batch_recompress(&batch, COMPRESS_GZIP, COMPRESS_LEVEL_DEFAULT, RECORDS_MAX, &out);
    if (!err)
        err = read_all(out.data, out.len);
    buf_close(&out);
    batch_builder_close(&builder);
    return err;
}

static void failed_allocations_are_reported(void)
{
    for (int codec = COMPRESS_NONE; codec <= COMPRESS_ZSTD; codec++) {
        for (uint64_t n = 1;; n++) {
            mem_fail_at(n);
            int err = work_once((enum compress_codec)codec);
            bool failed = mem_fail_at(0);
            CHECK_INT(err, failed ? ERR_NO_MEMORY : 0);
            if (!failed)
                break;
        }
    }
}

static void golden_checksums_match(void)
{
    char *text = golden_load("tests/unit/wire/golden/crc32c.tsv.gz"), *at = text;
    char *columns[GOLDEN_COLUMNS];
    int seen = 0;
    CHECK(text != NULL);
    for (; golden_line(&at, columns) == 2; seen++) {
        size_t len;
        uint8_t *bytes = golden_bytes(columns[0], &len);
        unsigned long expected = strtoul(columns[1], NULL, 16);
        CHECK_INT(crc32c(0, bytes, len), expected);
        CHECK_INT(crc32c(crc32c(0, bytes, len / 3), bytes + len / 3, len - len / 3), expected);
        mem_free(bytes);
    }
    CHECK_INT(seen, 310);
    mem_free(text);
}

TAP_MAIN(TAP_TEST(golden_batches_decode), TAP_TEST(cut_batches_are_incomplete),
         TAP_TEST(damage_is_found_and_never_crashes), TAP_TEST(golden_batches_are_built),
         TAP_TEST(batches_change_their_codec), TAP_TEST(changes_in_place_keep_the_batch_valid),
         TAP_TEST(a_largest_timestamp_keeps_the_checksum), TAP_TEST(sequences_wrap_to_zero),
         TAP_TEST(wrong_headers_are_refused), TAP_TEST(records_must_fill_the_batch),
         TAP_TEST(unknown_codecs_are_refused), TAP_TEST(failed_allocations_are_reported),
         TAP_TEST(golden_checksums_match))
