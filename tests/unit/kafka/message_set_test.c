/* Message sets of magic 0 and 1: golden ones, and conversion to magic 2 and back. */
#include "../tap.h"
#include "golden_batches.h"
#include "../../lib/batch_maker.h"

#include "base/bytes.h"
#include "base/err.h"
#include "kafka/batch.h"
#include "kafka/message_set.h"

enum { BYTES_MAX = 1 << 20 };

/* The records of all outer messages, one after another. */
struct expectation {
    const json_t *outer;
    size_t at;
    size_t inner;
    int seen;
};

static const json_t *expect_next(struct expectation *expectation)
{
    for (; expectation->at < json_array_size(expectation->outer); expectation->at++) {
        const json_t *records =
            json_object_get(json_array_get(expectation->outer, expectation->at), "records");
        if (expectation->inner < json_array_size(records))
            return json_array_get(records, expectation->inner++);
        expectation->inner = 0;
    }
    return NULL;
}

static int check_message(void *data, const struct message *message)
{
    struct expectation *expectation = data;
    const json_t *expected = expect_next(expectation);
    CHECK(expected != NULL);
    CHECK_INT(message->offset, number(expected, "offset"));
    const json_t *timestamp = json_object_get(expected, "timestamp");
    CHECK_INT(message->timestamp, timestamp ? json_integer_value(timestamp) : -1);
    check_bytes(message->key, json_object_get(expected, "key"));
    check_bytes(message->value, json_object_get(expected, "value"));
    expectation->seen++;
    return 0;
}

static void check_outer(const uint8_t *bytes, size_t len, const json_t *json)
{
    struct message_iter iter;
    struct message message;
    message_iter_init(&iter, bytes, len);
    for (size_t i = 0; i < json_array_size(json); i++) {
        const json_t *outer = json_array_get(json, i);
        CHECK_INT(message_iter_next(&iter, &message), 1);
        CHECK_INT(message.offset, number(outer, "offset"));
        CHECK_INT(message.size, number(outer, "messageSize") + 12);
        CHECK_INT(message.crc, number(outer, "crc"));
        CHECK_INT(message.magic, number(outer, "magic"));
        CHECK_INT(message.attributes, number(outer, "attributes"));
    }
    CHECK_INT(message_iter_next(&iter, &message), 0);
}

static void check_decodes(const char *kind, uint8_t *bytes, size_t len, json_t *json)
{
    struct expectation expectation = {.outer = json};
    printf("# %s\n", kind);
    check_outer(bytes, len, json);
    CHECK_INT(message_set_each(bytes, len, BYTES_MAX, check_message, &expectation), 0);
    CHECK(expect_next(&expectation) == NULL);
    CHECK(expectation.seen > 0);
}

static void golden_sets_decode(void)
{
    each_line("MessageSet", 44, check_decodes);
}

static int count_message(void *data, const struct message *message)
{
    (void)message;
    ++*(int *)data;
    return 0;
}

static void check_cuts_and_damage(const char *kind, uint8_t *bytes, size_t len, json_t *json)
{
    struct buf out;
    int count = 0;
    (void)kind;
    (void)json;
    for (size_t cut = 1; cut < len; cut += len < 1000 ? 1 : 13) {
        uint8_t *part = mem_dup(bytes, cut);
        int err = message_set_each(part, cut, BYTES_MAX, count_message, &count);
        /* A cut between two entries is a shorter set. */
        CHECK(err == ERR_EOF || err == 0);
        mem_free(part);
    }
    for (size_t i = 0; i < len; i += len < 1000 ? 1 : 13) {
        static const uint8_t values[] = {0, 0x7f, 0x80, 0xff};
        uint8_t good = bytes[i];
        for (size_t v = 0; v < sizeof(values); v++) {
            bytes[i] = values[v];
            buf_init(&out);
            int err = message_set_to_batch(bytes, len, BYTES_MAX, &out);
            CHECK(err == 0 || err == ERR_EOF || err == ERR_CORRUPT_MESSAGE);
            buf_close(&out);
        }
        bytes[i] = good;
    }
}

static void cut_and_damaged_sets_are_refused(void)
{
    each_line("MessageSet", 44, check_cuts_and_damage);
}

static void check_up(const char *kind, uint8_t *bytes, size_t len, json_t *json)
{
    struct expectation expectation = {.outer = json};
    struct buf out, scratch;
    struct batch batch;
    struct record_iter records;
    struct record record;
    const json_t *expected;
    printf("# %s\n", kind);
    buf_init(&out);
    buf_init(&scratch);
    CHECK_INT(message_set_to_batch(bytes, len, BYTES_MAX, &out), 0);
    CHECK_INT(batch_parse(out.data, out.len, &batch), 0);
    CHECK_INT(batch.size, out.len);
    CHECK_INT(batch_check_crc(&batch), 0);
    CHECK_INT(batch_codec(&batch),
              number(json_array_get(json, 0), "attributes") & BATCH_CODEC_MASK);
    CHECK_INT(batch_records(&batch, BYTES_MAX, &scratch, &records), 0);
    int32_t delta = 0;
    for (; (expected = expect_next(&expectation)); delta++) {
        CHECK_INT(record_iter_next(&records, &record), 1);
        CHECK_INT(record.offset_delta, delta);
        const json_t *timestamp = json_object_get(expected, "timestamp");
        CHECK_INT(batch_record_timestamp(&batch, &record),
                  timestamp ? json_integer_value(timestamp) : -1);
        check_bytes(record.key, json_object_get(expected, "key"));
        check_bytes(record.value, json_object_get(expected, "value"));
    }
    CHECK_INT(record_iter_next(&records, &record), 0);
    CHECK_INT(batch.record_count, delta);
    buf_close(&out);
    buf_close(&scratch);
}

static void golden_sets_become_batches(void)
{
    each_line("MessageSet", 44, check_up);
}

/* The next message must be the next golden record. */
struct down {
    const json_t *records;
    size_t at;
    int8_t magic;
};

static int check_down_message(void *data, const struct message *message)
{
    struct down *down = data;
    const json_t *expected = json_array_get(down->records, down->at++);
    CHECK(expected != NULL);
    CHECK_INT(message->magic, down->magic);
    CHECK_INT(message->offset, number(expected, "offset"));
    CHECK_INT(message->timestamp, down->magic ? number(expected, "timestamp") : -1);
    check_bytes(message->key, json_object_get(expected, "key"));
    check_bytes(message->value, json_object_get(expected, "value"));
    return 0;
}

/* With room for all. */
static int from_batches(const uint8_t *bytes, size_t len, int8_t magic, int64_t first_offset,
                        struct buf *out)
{
    size_t room = SIZE_MAX;
    return message_set_from_batches(bytes, len, magic, first_offset, BYTES_MAX, &room, out);
}

static void check_down(const char *kind, uint8_t *bytes, size_t len, json_t *json)
{
    const json_t *records = json_object_get(json, "records");
    printf("# %s\n", kind);
    for (int8_t magic = 0; magic <= 1; magic++) {
        struct buf out;
        buf_init(&out);
        int err = from_batches(bytes, len, magic, 0, &out);
        if (strncmp(kind, "zstd", 4) == 0) {
            CHECK_INT(err, ERR_UNSUPPORTED_COMPRESSION_TYPE);
        } else if (strncmp(kind, "control", 7) == 0) {
            CHECK_INT(err, 0);
            CHECK_INT(out.len, 0);
        } else {
            struct down down = {records, 0, magic};
            CHECK_INT(err, 0);
            CHECK_INT(message_set_each(out.data, out.len, BYTES_MAX, check_down_message, &down), 0);
            CHECK_INT(down.at, json_array_size(records));
        }
        buf_close(&out);
    }
}

static void golden_batches_become_sets(void)
{
    each_line("RecordBatch", 49, check_down);
}

/* Golden sets without compression come back byte for byte from the batch made of them. */
static void check_there_and_back(const char *kind, uint8_t *bytes, size_t len, json_t *json)
{
    const json_t *first = json_array_get(json, 0);
    if (strncmp(kind, "none", 4) != 0 || strstr(kind, "gaps"))
        return;
    struct buf batch, back;
    buf_init(&batch);
    buf_init(&back);
    CHECK_INT(message_set_to_batch(bytes, len, BYTES_MAX, &batch), 0);
    batch_set_base_offset(batch.data, number(first, "offset"));
    CHECK_INT(from_batches(batch.data, batch.len, (int8_t)number(first, "magic"), 0, &back), 0);
    CHECK_INT(back.len, len);
    CHECK(memcmp(back.data, bytes, len) == 0);
    buf_close(&batch);
    buf_close(&back);
}

static void plain_sets_survive_both_ways(void)
{
    each_line("MessageSet", 44, check_there_and_back);
}

static struct wire_bytes bytes_of(const char *text)
{
    return (struct wire_bytes){(const uint8_t *)text, text ? (int32_t)strlen(text) : -1};
}

static void a_tail_and_early_records_are_left_out(void)
{
    struct batch_builder builder;
    struct buf two, out;
    int count = 0;
    buf_init(&two);
    buf_init(&out);
    batch_builder_init(&builder, COMPRESS_NONE);
    builder.base_offset = 10;
    for (int i = 0; i < 5; i++)
        CHECK_INT(batch_builder_append(&builder, i, bytes_of(NULL), bytes_of("v"), NULL, 0), 0);
    CHECK_INT(batch_builder_finish(&builder), 0);
    CHECK_INT(buf_append(&two, builder.bytes.data, builder.bytes.len), 0);
    CHECK_INT(buf_append(&two, builder.bytes.data, builder.bytes.len - 1), 0);
    CHECK_INT(from_batches(two.data, two.len, 1, 12, &out), 0);
    CHECK_INT(message_set_each(out.data, out.len, BYTES_MAX, count_message, &count), 0);
    CHECK_INT(count, 3);
    buf_close(&two);
    buf_close(&out);
    batch_builder_close(&builder);
}

/* The batch that uses it up is there, and what follows is not, though it has room of its own. */
static void what_does_not_fit_in_the_room_is_left_out(void)
{
    struct batch_spec spec = {.count = 5, .value_len = 100, .codec = COMPRESS_GZIP};
    struct batch_spec plain = {.count = 1, .value_len = 10, .base_offset = 5};
    const struct {
        size_t room;
        int count;
    } rows[] = {{0, 1}, {1, 6}, {500, 6}, {600, 11}, {SIZE_MAX, 11}};
    struct buf bytes;
    buf_init(&bytes);
    batch_put(&bytes, plain);
    for (int i = 0; i < 2; i++)
        batch_put(&bytes, spec);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        size_t room = rows[i].room;
        int count = 0;
        buf_init(&out);
        CHECK_INT(message_set_from_batches(bytes.data, bytes.len, 1, 0, BYTES_MAX, &room, &out), 0);
        CHECK_INT(message_set_each(out.data, out.len, BYTES_MAX, count_message, &count), 0);
        CHECK_INT(count, rows[i].count);
        CHECK_INT(room > 0, rows[i].room == SIZE_MAX);
        buf_close(&out);
    }
    buf_close(&bytes);
}

/* A compressed message inside a compressed message, and other ways to be wrong. */
static void nesting_and_empty_sets_are_refused(void)
{
    struct buf inner, packed, wrapper, out;
    int count = 0;
    buf_init(&inner);
    buf_init(&packed);
    buf_init(&wrapper);
    buf_init(&out);
    CHECK_INT(message_write(&inner, 1, 0, COMPRESS_GZIP, 5, bytes_of(NULL), bytes_of("x")), 0);
    CHECK_INT(
        compress_encode(COMPRESS_GZIP, COMPRESS_LEVEL_DEFAULT, inner.data, inner.len, &packed), 0);
    struct wire_bytes value = {packed.data, (int32_t)packed.len};
    CHECK_INT(message_write(&wrapper, 1, 0, COMPRESS_GZIP, 5, bytes_of(NULL), value), 0);
    CHECK_INT(message_set_each(wrapper.data, wrapper.len, BYTES_MAX, count_message, &count),
              ERR_CORRUPT_MESSAGE);
    wrapper.len = 0;
    CHECK_INT(message_write(&wrapper, 1, 0, COMPRESS_GZIP, 5, bytes_of(NULL), bytes_of("not gzip")),
              0);
    CHECK_INT(message_set_each(wrapper.data, wrapper.len, BYTES_MAX, count_message, &count),
              ERR_CORRUPT_MESSAGE);
    wrapper.len = 0;
    CHECK_INT(message_write(&wrapper, 1, 0, COMPRESS_GZIP, 5, bytes_of(NULL), bytes_of(NULL)), 0);
    CHECK_INT(message_set_each(wrapper.data, wrapper.len, BYTES_MAX, count_message, &count),
              ERR_CORRUPT_MESSAGE);
    wrapper.len = 0;
    CHECK_INT(message_write(&wrapper, 1, 0, COMPRESS_ZSTD, 5, bytes_of(NULL), bytes_of("x")), 0);
    CHECK_INT(message_set_each(wrapper.data, wrapper.len, BYTES_MAX, count_message, &count),
              ERR_UNSUPPORTED_COMPRESSION_TYPE);
    CHECK_INT(message_set_to_batch(NULL, 0, BYTES_MAX, &out), ERR_INVALID_RECORD);
    CHECK_INT(count, 0);
    buf_close(&inner);
    buf_close(&packed);
    buf_close(&wrapper);
    buf_close(&out);
}

/* Each alone is below the limit. */
static void many_wrappers_share_one_limit(void)
{
    enum { WRAPPERS = 5 };
    struct buf inner, packed, set, out;
    int count = 0;
    buf_init(&inner);
    buf_init(&packed);
    buf_init(&set);
    buf_init(&out);
    uint8_t *zeros = mem_alloc(BYTES_MAX / 4);
    struct wire_bytes large = {zeros, BYTES_MAX / 4};
    CHECK_INT(message_write(&inner, 1, 0, 0, 5, bytes_of(NULL), large), 0);
    CHECK_INT(
        compress_encode(COMPRESS_GZIP, COMPRESS_LEVEL_DEFAULT, inner.data, inner.len, &packed), 0);
    struct wire_bytes value = {packed.data, (int32_t)packed.len};
    for (int i = 0; i < WRAPPERS; i++)
        CHECK_INT(message_write(&set, 1, i, COMPRESS_GZIP, 5, bytes_of(NULL), value), 0);
    size_t most = WRAPPERS * inner.len;
    CHECK_INT(message_set_each(set.data, set.len, most, count_message, &count), 0);
    CHECK_INT(count, WRAPPERS);
    CHECK_INT(message_set_each(set.data, set.len, most - 1, count_message, &count), ERR_TOO_LARGE);
    CHECK_INT(message_set_to_batch(set.data, set.len, most - 1, &out), ERR_TOO_LARGE);
    mem_free(zeros);
    buf_close(&inner);
    buf_close(&packed);
    buf_close(&set);
    buf_close(&out);
}

/* Offsets that a peer chose so that sums of them are no numbers any more. */
static void offsets_out_of_range_do_no_harm(void)
{
    struct buf inner, packed, wrapper, out;
    int count = 0;
    buf_init(&inner);
    buf_init(&packed);
    buf_init(&wrapper);
    buf_init(&out);
    static const uint8_t blank[BATCH_HEADER_SIZE];
    struct batch_builder builder;
    batch_builder_init(&builder, COMPRESS_NONE);
    builder.base_offset = INT64_MIN;
    CHECK_INT(buf_append(&builder.bytes, blank, sizeof(blank)), 0);
    CHECK_INT(record_write(&builder.bytes, -5, 0, bytes_of(NULL), bytes_of("v"), NULL, 0), 0);
    builder.record_count = 1;
    builder.last_offset_delta = 0;
    CHECK_INT(batch_builder_finish(&builder), 0);
    CHECK_INT(from_batches(builder.bytes.data, builder.bytes.len, 1, INT64_MIN, &out),
              ERR_CORRUPT_MESSAGE);
    CHECK_INT(message_write(&inner, 1, INT64_MAX, 0, 5, bytes_of(NULL), bytes_of("x")), 0);
    CHECK_INT(message_write(&inner, 1, -5, 0, 5, bytes_of(NULL), bytes_of("x")), 0);
    CHECK_INT(
        compress_encode(COMPRESS_GZIP, COMPRESS_LEVEL_DEFAULT, inner.data, inner.len, &packed), 0);
    struct wire_bytes value = {packed.data, (int32_t)packed.len};
    CHECK_INT(message_write(&wrapper, 1, INT64_MAX, COMPRESS_GZIP, 5, bytes_of(NULL), value), 0);
    CHECK_INT(message_set_each(wrapper.data, wrapper.len, BYTES_MAX, count_message, &count), 0);
    CHECK_INT(count, 2);
    buf_close(&inner);
    buf_close(&packed);
    buf_close(&wrapper);
    buf_close(&out);
    batch_builder_close(&builder);
}

static int work_once(const struct buf *batch, int8_t magic)
{
    struct buf set, back;
    buf_init(&set);
    buf_init(&back);
    int err = from_batches(batch->data, batch->len, magic, 0, &set);
    if (!err)
        err = message_set_to_batch(set.data, set.len, BYTES_MAX, &back);
    buf_close(&set);
    buf_close(&back);
    return err;
}

static void failed_allocations_are_reported(void)
{
    for (int codec = COMPRESS_NONE; codec <= COMPRESS_LZ4; codec++) {
        struct batch_builder builder;
        batch_builder_init(&builder, (enum compress_codec)codec);
        CHECK_INT(batch_builder_append(&builder, 1, bytes_of("k"), bytes_of("v"), NULL, 0), 0);
        CHECK_INT(batch_builder_finish(&builder), 0);
        for (uint64_t n = 1;; n++) {
            mem_fail_at(n);
            int err = work_once(&builder.bytes, (int8_t)(codec % 2));
            bool failed = mem_fail_at(0);
            CHECK_INT(err, failed ? ERR_NO_MEMORY : 0);
            if (!failed)
                break;
        }
        batch_builder_close(&builder);
    }
}

TAP_MAIN(TAP_TEST(golden_sets_decode), TAP_TEST(cut_and_damaged_sets_are_refused),
         TAP_TEST(golden_sets_become_batches), TAP_TEST(golden_batches_become_sets),
         TAP_TEST(plain_sets_survive_both_ways), TAP_TEST(a_tail_and_early_records_are_left_out),
         TAP_TEST(what_does_not_fit_in_the_room_is_left_out),
         TAP_TEST(nesting_and_empty_sets_are_refused), TAP_TEST(many_wrappers_share_one_limit),
         TAP_TEST(offsets_out_of_range_do_no_harm), TAP_TEST(failed_allocations_are_reported))
