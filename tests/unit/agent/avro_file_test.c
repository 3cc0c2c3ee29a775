/* Avro's files: schemas, values, blocks; what another encoder wrote, and what nobody should. */
#include "../tap.h"

#include <string.h>
#include <zlib.h>

#include "avro_golden.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "tools/agent/avro_file.h"

#define NODE                                                                                       \
    "{\"type\":\"record\",\"name\":\"N\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\",\"N\"]}]}"

static struct avro_schema *schema_of(const char *text)
{
    const char *why = NULL;
    struct avro_schema *schema = avro_schema_parse(text, strlen(text), &why);
    if (!schema)
        printf("# %s: %s\n", text, why);
    CHECK(schema);
    return schema;
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        CHECK(sscanf(hex + 2 * i, "%2x", &byte) == 1);
        bytes[i] = (uint8_t)byte;
    }
    return len;
}

/* How many bytes the value has; -1 when it is none. */
static long value_of(const char *text, const void *bytes, size_t len)
{
    struct avro_schema *schema = schema_of(text);
    uint8_t *copy = mem_dup(bytes, len ? len : 1); /* a sanitizer sees a byte too far */
    struct avro_cursor cursor = {.at = copy, .left = len};
    bool is_value = avro_schema_skip(schema, &cursor);
    mem_free(copy);
    avro_schema_free(schema);
    return is_value ? (long)(len - cursor.left) : -1;
}

/* The vectors that Avro publishes, and what the canonical form leaves out. */
static void schemas_have_the_checksums_of_others(void)
{
    static const struct {
        const char *text;
        int64_t crc;
    } rows[] = {
        {"\"null\"", 7195948357588979594},
        {"\"boolean\"", -6970731678124411036},
        {"\"int\"", 8247732601305521295},
        {"\"long\"", -3434872931120570953},
        {"\"float\"", 5583340709985441680},
        {"\"double\"", -8181574048448539266},
        {"\"bytes\"", 5746618253357095269},
        {"\"string\"", -8142146995180207161},
        {"{\"type\":\"string\",\"logicalType\":\"uuid\"}", -8142146995180207161},
        {"[]", -1241056759729112623},
        {"[ \"int\" ]", -5232228896498058493},
        {"[\"int\", {\"type\":\"boolean\"}]", 5392556393470105090},
        {"{\"fields\":[], \"type\":\"record\", \"name\":\"foo\"}", -4824392279771201922},
        {"{\"type\":\"error\",\"name\":\"foo\",\"fields\":[{\"type\":\"boolean\",\"name\":\"f1\"},"
         "{\"name\":\"f2\",\"doc\":\"x\",\"default\":1,\"type\":\"int\"}]}",
         -4860222112080293046},
        {"{\"type\":\"enum\",\"name\":\"foo\",\"symbols\":[\"A1\"]}", -6342190197741309591},
        {"{\"type\":\"fixed\",\"name\":\"foo\",\"size\":15}", 1756455273707447556},
        {"{\"type\":\"record\",\"name\":\"PigValue\",\"fields\":[{\"name\":\"value\",\"type\":"
         "[\"null\",\"int\",\"long\",\"PigValue\"]}]}",
         -1759257747318642341},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct avro_schema *schema = schema_of(rows[i].text);
        CHECK_INT((int64_t)avro_schema_fingerprint(schema), rows[i].crc);
        avro_schema_free(schema);
    }
}

/* A name stands for its type in its own name space, or in none. */
static void names_are_found_in_their_spaces(void)
{
    static const char *const same[] = {
        "[{\"type\":\"fixed\",\"name\":\"a.b.F\",\"size\":1},\"a.b.F\"]",
        "[{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"a.b\",\"size\":1},\"a.b.F\"]",
        "[{\"type\":\"fixed\",\"name\":\"a.b.F\",\"namespace\":\"c\",\"size\":1},\"a.b.F\"]",
    };
    uint64_t crc = 0;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        struct avro_schema *schema = schema_of(same[i]);
        if (i > 0)
            CHECK(avro_schema_fingerprint(schema) == crc);
        crc = avro_schema_fingerprint(schema);
        avro_schema_free(schema);
    }
    avro_schema_free(schema_of("{\"type\":\"record\",\"name\":\"a.R\",\"fields\":["
                               "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"F\","
                               "\"size\":1}},{\"name\":\"y\",\"type\":\"a.F\"},"
                               "{\"name\":\"z\",\"type\":\"F\"}]}"));
}

static void what_is_no_schema_is_refused(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"{", "its schema is no JSON"},
        {"12", "its schema has a type that is none"},
        {"{\"type\":5}", "its schema has a type that is none"},
        {"{\"type\":\"array\"}", "its schema has a type that is none"},
        {"\"other\"", "its schema uses a type that it does not define"},
        {"{\"type\":\"record\",\"name\":\"R\"}", "its schema has a record without fields"},
        {"{\"type\":\"record\",\"fields\":[]}", "its schema has a type without a name"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"type\":\"int\"}]}",
         "its schema has a field without a name"},
        {"{\"type\":\"enum\",\"name\":\"E\"}", "its schema has an enum without symbols"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[1]}",
         "its schema has a symbol that is no text"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}",
         "its schema has a fixed without a usable size"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":4611686018427387904}",
         "its schema has a fixed without a usable size"},
        {"[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},{\"type\":\"fixed\",\"name\":\"F\","
         "\"size\":2}]",
         "its schema defines a type twice"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"r\",\"type\":\"R\"}]}",
         "its schema has a record that has itself as a field"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":"
         "\"s\",\"type\":{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"r\",\"type\":"
         "\"R\"}]}}]}}",
         "its schema has a record that has itself as a field"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *why = NULL;
        CHECK(!avro_schema_parse(rows[i].text, strlen(rows[i].text), &why));
        CHECK_STR(why, rows[i].why);
    }
}

static void schemas_have_limits(void)
{
    struct buf text;
    const char *why = NULL;
    buf_init(&text);
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "{\"type\":\"array\",\"items\":");
    buf_printf(&text, "\"int\"");
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "}");
    CHECK(!avro_schema_parse(buf_text(&text), text.len, &why));
    CHECK_STR(why, "its schema has types in more than 200 others");
    text.len = 0;
    buf_printf(&text, "{\"type\":\"fixed\",\"size\":1,\"name\":\"");
    for (int i = 0; i < 1024; i++)
        buf_printf(&text, "n");
    buf_printf(&text, "\"}");
    CHECK(!avro_schema_parse(buf_text(&text), text.len, &why));
    CHECK_STR(why, "its schema has a name of more than 1,024 bytes");
    CHECK(!avro_schema_parse(buf_text(&text), AVRO_SCHEMA_MAX + 1, &why));
    CHECK_STR(why, "its schema is larger than 1 MB");
    buf_close(&text);
}

static void values_end_where_they_end(void)
{
    static const char ints[] = "{\"type\":\"array\",\"items\":\"int\"}";
    static const char nulls[] = "{\"type\":\"array\",\"items\":\"null\"}";
    static const char map[] = "{\"type\":\"map\",\"values\":\"null\"}";
    static const char two[] = "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}";
    CHECK_INT(value_of("\"null\"", "x", 1), 0);
    CHECK_INT(value_of("\"boolean\"", "\1x", 2), 1);
    CHECK_INT(value_of("\"boolean\"", "", 0), -1);
    CHECK_INT(value_of("\"long\"", "\x80\x01x", 3), 2);
    CHECK_INT(value_of("\"double\"", "1234567", 7), -1);
    CHECK_INT(value_of("\"string\"", "\4ab-", 4), 3);
    CHECK_INT(value_of("\"string\"", "\1ab-", 4), -1); /* a length of -1 */
    CHECK_INT(value_of(two, "\2", 1), 1);
    CHECK_INT(value_of(two, "\4", 1), -1);
    CHECK_INT(value_of(two, "\1", 1), -1);
    CHECK_INT(value_of("[\"null\",\"int\"]", "\2\4", 2), 2);
    CHECK_INT(value_of("[\"null\",\"int\"]", "\4\4", 2), -1);
    CHECK_INT(value_of("[]", "\0", 1), -1);
    CHECK_INT(value_of(ints, "\4\2\2\0", 4), 4);
    CHECK_INT(value_of(ints, "\3\4\2\2\2\2\0", 7), 7); /* blocks of 2, with its size, and of 1 */
    CHECK_INT(value_of(ints, "\4\2\2", 3), -1);
    CHECK_INT(value_of(ints, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\0", 11), -1); /* 2^63 - 1 */
    CHECK_INT(value_of(ints, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0", 12), -1); /* -2^63 */
    CHECK_INT(value_of(map, "\2\2k\0", 4), 4);
    /* As many nulls as it likes, at once. */
    CHECK_INT(value_of(nulls, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\0", 11), 11);
}

/* A list of any length is a value in a value in a value. */
static void values_have_a_depth(void)
{
    uint8_t bytes[2 * AVRO_DEPTH_MAX];
    memset(bytes, 2, sizeof(bytes));
    bytes[100] = 0;
    CHECK_INT(value_of(NODE, bytes, sizeof(bytes)), 101);
    bytes[100] = 2;
    bytes[sizeof(bytes) - 1] = 0;
    CHECK_INT(value_of(NODE, bytes, sizeof(bytes)), -1);
}

/* ---- files ---- */

struct reading {
    struct buf records; /* each in hexadecimal, with a bar behind it */
    const char *why;
    int err; /* 0 = to its end */
};

/* All blocks, as a reader of a file does it. */
static void read_file(const uint8_t *data, size_t len, struct reading *reading)
{
    struct avro_file avro;
    buf_init(&reading->records);
    reading->err = avro_file_read_header(&avro, data, len, &reading->why);
    if (reading->err)
        return;
    for (size_t at = avro.header_len; !reading->err && at < len;) {
        struct avro_file_head head;
        struct avro_file_records records;
        size_t most = len - at < AVRO_FILE_HEAD_MAX ? len - at : AVRO_FILE_HEAD_MAX;
        reading->err = avro_file_read_head(data + at, most, &head, &reading->why);
        if (reading->err)
            break;
        at += head.head_len;
        reading->why = "early";
        reading->err = head.len + AVRO_FILE_SYNC > len - at ? ERR_CORRUPT : 0;
        if (reading->err)
            break;
        struct block *packed = block_new(head.len + AVRO_FILE_SYNC);
        memcpy(packed->data, data + at, packed->cap);
        at += packed->cap;
        reading->err = avro_file_read_records(&avro, &head, packed, &records, &reading->why);
        block_unref(packed);
        if (reading->err)
            break;
        for (size_t i = 0, from = 0; i < records.count; from = records.ends[i++]) {
            for (size_t b = from; b < records.ends[i]; b++)
                buf_printf(&reading->records, "%02x", records.block->data[b]);
            buf_printf(&reading->records, "|");
        }
        avro_file_records_close(&records);
    }
    avro_file_close(&avro);
}

static const char *const goldens[] = {avro_golden_null, avro_golden_deflate, avro_golden_snappy,
                                      avro_golden_zstandard};

static void files_of_another_encoder_are_read(void)
{
    uint8_t data[2048];
    struct buf expected;
    buf_init(&expected);
    for (size_t i = 0; i < ARRAY_LEN(avro_golden_records); i++)
        buf_printf(&expected, "%s|", avro_golden_records[i]);
    for (size_t i = 0; i < ARRAY_LEN(goldens); i++) {
        struct reading reading;
        struct avro_file avro;
        const char *why;
        size_t len = from_hex(goldens[i], data);
        read_file(data, len, &reading);
        CHECK_INT(reading.err, 0);
        CHECK_STR(buf_text(&reading.records), buf_text(&expected));
        buf_close(&reading.records);
        CHECK_INT(avro_file_read_header(&avro, data, len, &why), 0);
        uint64_t hash = 0; /* which is told with its low byte first */
        CHECK_INT(from_hex(AVRO_GOLDEN_SCHEMA_HASH, (uint8_t *)&hash), sizeof(hash));
        CHECK(avro_schema_fingerprint(avro.schema) == hash);
        avro_file_close(&avro);
    }
    buf_close(&expected);
}

/* Cut anywhere a file gives what is whole, and says that it ends early, unless a block ends there.
 * With a byte that is another it is read or refused, but nothing else comes of it. */
static void cut_and_damaged_files_are_told(void)
{
    uint8_t data[2048];
    struct reading whole, reading;
    for (size_t i = 0; i < ARRAY_LEN(goldens); i++) {
        size_t len = from_hex(goldens[i], data), ends = 0;
        read_file(data, len, &whole);
        for (size_t cut = 0; cut < len; cut++) {
            uint8_t *part = mem_dup(data, cut + 1);
            read_file(part, cut, &reading);
            ends += reading.err == 0;
            CHECK(reading.err == 0 || reading.err == ERR_CORRUPT);
            CHECK(reading.err == 0 || reading.why);
            CHECK(strncmp(buf_text(&reading.records), buf_text(&whole.records),
                          reading.records.len) == 0);
            buf_close(&reading.records);
            mem_free(part);
        }
        CHECK_INT(ends, 2); /* behind the header, and behind the first block */
        for (size_t at = 0; at < len; at++) {
            data[at] ^= 0x55;
            read_file(data, len, &reading);
            CHECK(reading.err == 0 || (reading.err == ERR_CORRUPT && reading.why));
            buf_close(&reading.records);
            data[at] ^= 0x55;
        }
        buf_close(&whole.records);
    }
}

/* A file of one block, whose numbers are said. */
static void write_file(const char *schema, const char *codec, int64_t records, int64_t said,
                       const void *bytes, size_t len, struct buf *out)
{
    out->len = 0;
    buf_put(out, "Obj\1", 4);
    avro_put_long(2, out);
    avro_put_bytes("avro.schema", 11, out);
    avro_put_bytes(schema, strlen(schema), out);
    avro_put_bytes("avro.codec", 10, out);
    avro_put_bytes(codec, strlen(codec), out);
    avro_put_long(0, out);
    buf_put(out, "0123456789abcdef", AVRO_FILE_SYNC);
    avro_put_long(records, out);
    avro_put_long(said, out);
    buf_put(out, bytes, len);
    buf_put(out, "0123456789abcdef", AVRO_FILE_SYNC);
}

static void what_a_block_says_is_checked(void)
{
    static const struct {
        const char *schema, *codec;
        int64_t records, said;
        const char *bytes, *why;
    } rows[] = {
        {"\"int\"", "null", 2, 2, "\2\4", NULL},
        {"\"int\"", "null", 1, 2, "\2\4", "a block has more bytes than its records"},
        {"\"int\"", "null", 3, 2, "\2\4", "a block says that it has more records than bytes"},
        {"\"string\"", "null", 2, 2, "\2a", "a record does not follow the schema"},
        {"\"int\"", "null", -2, 2, "\2\4", "the numbers in front of a block are damaged"},
        {"\"int\"", "null", 2, -2, "\2\4", "the numbers in front of a block are damaged"},
        {"\"int\"", "null", INT64_C(1) << 62, 2, "\2\4",
         "a block says that it has more than 64 MB, or more than 16,777,216 records"},
        {"\"int\"", "null", 2, INT64_C(1) << 62, "\2\4",
         "a block says that it has more than 64 MB, or more than 16,777,216 records"},
        {"\"int\"", "null", 2, 64 << 20, "\2\4", "early"},
        {"\"int\"", "null", 2, 1, "\2\4",
         "a block has another sync marker behind it than the header"},
        {"\"null\"", "null", 1 << 20, 0, "", "a block says that it has more records than bytes"},
        {"\"int\"", "deflate", 2, 2, "\2\4", "a block can't be unpacked: it is damaged"},
        {"\"int\"", "snappy", 2, 2, "\2\4", "a block can't be unpacked: it is damaged"},
        {"\"int\"", "snappy", 2, 8, "\2\4\2\4\2\4\2\4", "a block can't be unpacked: it is damaged"},
        {"\"int\"", "zstandard", 2, 2, "\2\4", "a block can't be unpacked: it is damaged"},
        {"\"int\"", "xz", 2, 2, "\2\4",
         "its codec is none of null, deflate, snappy, zstandard: write it with one of them"},
    };
    struct buf file;
    buf_init(&file);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct reading reading = {0};
        write_file(rows[i].schema, rows[i].codec, rows[i].records, rows[i].said, rows[i].bytes,
                   strlen(rows[i].bytes), &file);
        read_file(file.data, file.len, &reading);
        CHECK_STR(rows[i].why ? reading.why : "", rows[i].why ? rows[i].why : "");
        CHECK_INT(reading.err, rows[i].why ? ERR_CORRUPT : 0);
        buf_close(&reading.records);
    }
    buf_close(&file);
}

/* Deflate makes a thousand bytes of one: what comes out has a limit. */
static void bombs_are_refused(void)
{
    enum { TOO_MANY = AVRO_FILE_BLOCK_MAX + 1 };
    struct buf file;
    struct reading reading;
    uint8_t *zeros = mem_alloc(TOO_MANY), *packed = mem_alloc(TOO_MANY / 100);
    z_stream z = {
        .next_in = zeros, .avail_in = TOO_MANY, .next_out = packed, .avail_out = TOO_MANY / 100};
    CHECK_INT(deflateInit2(&z, 1, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    CHECK_INT(deflate(&z, Z_FINISH), Z_STREAM_END);
    CHECK_INT(deflateEnd(&z), Z_OK);
    buf_init(&file);
    write_file("\"int\"", "deflate", 1, (int64_t)z.total_out, packed, z.total_out, &file);
    read_file(file.data, file.len, &reading);
    CHECK_INT(reading.err, ERR_CORRUPT);
    CHECK_STR(reading.why, "a block is larger than 64 MB unpacked");
    buf_close(&reading.records);
    buf_close(&file);
    mem_free(packed);
    mem_free(zeros);
}

TAP_MAIN(TAP_TEST(schemas_have_the_checksums_of_others), TAP_TEST(names_are_found_in_their_spaces),
         TAP_TEST(what_is_no_schema_is_refused), TAP_TEST(schemas_have_limits),
         TAP_TEST(values_end_where_they_end), TAP_TEST(values_have_a_depth),
         TAP_TEST(files_of_another_encoder_are_read), TAP_TEST(cut_and_damaged_files_are_told),
         TAP_TEST(what_a_block_says_is_checked), TAP_TEST(bombs_are_refused))
