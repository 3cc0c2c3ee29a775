/* The look at records: what it accepts is what the reader of records accepts, however the bytes are
 * cut into pieces; and what it says of times and keys. */
#include "../tap.h"

#include "base/err.h"
#include "base/mem.h"
#include "kafka/record.h"
#include "kafka/record_check.h"
#include "wire/varint.h"

enum { COUNT = 40 };

static const struct record_check_rules open_rules = {
    .base_timestamp = 1000, .oldest = INT64_MIN, .newest = INT64_MAX, .count = COUNT};

static struct wire_bytes text(const char *value)
{
    return (struct wire_bytes){(const uint8_t *)value, value ? (int32_t)strlen(value) : -1};
}

/* Records of all shapes: with and without keys, values and headers; one of kilobytes. */
static struct buf shapes(int count)
{
    struct buf out;
    static uint8_t large[3000];
    struct record_header headers[] = {{{"name", 4}, {large, 5}}, {{"", 0}, {NULL, -1}}};
    buf_init(&out);
    for (int i = 0; i < count; i++) {
        struct wire_bytes value = i % 5 == 0   ? text(NULL)
                                  : i % 7 == 0 ? (struct wire_bytes){large, sizeof(large)}
                                               : text("a value");
        CHECK_INT(record_write(&out, i, i % 3 ? i * 1000 : -i, text(i % 4 ? "key" : NULL), value,
                               headers, i % 3),
                  0);
    }
    return out;
}

static int take_in_pieces(struct record_check *check, const uint8_t *bytes, size_t len,
                          size_t piece)
{
    for (size_t at = 0; at < len; at += piece) {
        /* A piece of its own, so that a sanitizer sees who reads behind it. */
        size_t part = len - at < piece ? len - at : piece;
        uint8_t *copy = mem_dup(bytes + at, part);
        int rc = record_check_take(check, copy, part);
        mem_free(copy);
        if (rc < 0)
            return rc;
    }
    return record_check_end(check);
}

static int looked_at(struct record_check *check, const struct buf *bytes, size_t piece)
{
    record_check_init(check, &open_rules);
    int rc = take_in_pieces(check, bytes->data, bytes->len, piece);
    CHECK((rc < 0) == (check->fault != NULL));
    return rc;
}

/* What the reader of records says, with the deltas compared. */
static int read_by_iter(const struct buf *bytes, int64_t *max)
{
    struct record_iter iter;
    struct record record;
    int rc, n = 0;
    *max = -1;
    record_iter_init(&iter, bytes->data, bytes->len, COUNT);
    while ((rc = record_iter_next(&iter, &record)) == 1) {
        int64_t time =
            (int64_t)((uint64_t)open_rules.base_timestamp + (uint64_t)record.timestamp_delta);
        if (record.offset_delta != n++)
            return ERR_MALFORMED;
        if (time > *max)
            *max = time;
    }
    return rc;
}

static void good_records_pass_in_any_pieces(void)
{
    struct buf bytes = shapes(COUNT);
    for (size_t piece = 1; piece <= bytes.len; piece = piece < 200 ? piece + 1 : piece * 3) {
        struct record_check check;
        int64_t max;
        CHECK_INT(looked_at(&check, &bytes, piece), 0);
        CHECK_INT(read_by_iter(&bytes, &max), 0);
        CHECK_INT(check.seen, COUNT);
        CHECK_INT(check.max_timestamp, max);
        CHECK_INT(check.bad_count, 0);
    }
    buf_close(&bytes);
}

static void cut_and_longer_ones_do_not(void)
{
    struct record_check check;
    struct buf bytes = shapes(COUNT);
    size_t whole = bytes.len;
    for (size_t len = 0; len < whole; len += len < 300 ? 1 : 101) {
        bytes.len = len;
        CHECK_INT(looked_at(&check, &bytes, len + 1), ERR_MALFORMED);
        CHECK_INT(looked_at(&check, &bytes, 7), ERR_MALFORMED);
    }
    bytes.len = whole;
    CHECK_INT(buf_append(&bytes, "\0", 1), 0);
    CHECK_INT(looked_at(&check, &bytes, bytes.len), ERR_MALFORMED);
    CHECK(strstr(check.fault, "more records") != NULL);
    CHECK_INT(looked_at(&check, &bytes, whole), ERR_MALFORMED);
    buf_close(&bytes);
    bytes = shapes(COUNT - 1);
    CHECK_INT(looked_at(&check, &bytes, 100), ERR_MALFORMED);
    CHECK(strstr(check.fault, "fewer records") != NULL);
    buf_close(&bytes);
}

static void damage_is_seen_as_by_a_reader(void)
{
    struct buf bytes = shapes(COUNT);
    uint32_t state = 1;
    for (int i = 0; i < 30000; i++) {
        struct record_check check;
        int64_t max;
        uint8_t kept[4];
        size_t at[4];
        for (int j = 0; j < 4; j++) {
            state = state * 1664525u + 1013904223u;
            at[j] = (state >> 8) % bytes.len;
            kept[j] = bytes.data[at[j]];
            bytes.data[at[j]] = (uint8_t)(state & (1u << j) ? state >> 3 : kept[j] + 1u);
        }
        int expected = read_by_iter(&bytes, &max);
        CHECK_INT(looked_at(&check, &bytes, bytes.len), expected);
        if (expected == 0)
            CHECK_INT(check.max_timestamp, max);
        CHECK_INT(looked_at(&check, &bytes, 1 + state % 90), expected);
        for (int j = 4; j-- > 0;)
            bytes.data[at[j]] = kept[j];
    }
    buf_close(&bytes);
}

static void deltas_count_from_0(void)
{
    struct record_check check;
    struct buf bytes;
    buf_init(&bytes);
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(record_write(&bytes, i == 20 ? 19 : i, 0, text("k"), text("v"), NULL, 0), 0);
    CHECK_INT(looked_at(&check, &bytes, bytes.len), ERR_MALFORMED);
    CHECK(strstr(check.fault, "offset deltas") != NULL);
    CHECK_INT(looked_at(&check, &bytes, 3), ERR_MALFORMED);
    buf_close(&bytes);
}

static void bad_times_and_missing_keys_are_told(void)
{
    struct buf bytes;
    buf_init(&bytes);
    for (int i = 0; i < COUNT; i++) {
        int64_t time = i == 3 ? 901 : i == 5 ? 1102 : i == 7 ? -1 : 1000 + i;
        CHECK_INT(
            record_write(&bytes, i, time - 1000, text(i == 9 ? NULL : "k"), text("v"), NULL, 0), 0);
    }
    for (size_t piece = 1; piece < 400; piece += 37) {
        struct record_check check;
        struct record_check_rules rules = open_rules;
        rules.oldest = 902;
        rules.newest = 1101;
        rules.keys = true;
        record_check_init(&check, &rules);
        CHECK_INT(take_in_pieces(&check, bytes.data, bytes.len, piece), 0);
        CHECK_INT(check.bad_count, 3);
        CHECK(check.bad_time);
        CHECK_INT(check.bad[0].index, 3);
        CHECK_INT(check.bad[1].index, 5);
        CHECK_INT(check.bad[2].index, 9);
        CHECK(check.bad[1].time && !check.bad[2].time);
        CHECK_INT(check.max_timestamp, 1102);
        rules.newest = 0; /* all but one */
        record_check_init(&check, &rules);
        CHECK_INT(take_in_pieces(&check, bytes.data, bytes.len, piece), 0);
        CHECK_INT(check.bad_count, RECORD_CHECK_BAD_MAX);
    }
    buf_close(&bytes);
}

TAP_MAIN(TAP_TEST(good_records_pass_in_any_pieces), TAP_TEST(cut_and_longer_ones_do_not),
         TAP_TEST(damage_is_seen_as_by_a_reader), TAP_TEST(deltas_count_from_0),
         TAP_TEST(bad_times_and_missing_keys_are_told))
