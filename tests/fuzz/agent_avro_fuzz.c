/* Avro's files, as a spooldir source finds them; and schemas with values. The first byte chooses:
 * a file, or a schema, a NUL and bytes. */
#include "fuzz.h"

#include <string.h>

#include "../unit/agent/avro_golden.h"
#include "base/err.h"
#include "base/mem.h"
#include "tools/agent/avro_file.h"

enum { AVRO_OF_FILE, AVRO_OF_SCHEMA, AVRO_INPUTS };

/* Records are slices of their block, one behind the other. */
static void check_records(const struct avro_file *avro, const struct avro_file_head *head,
                          const struct avro_file_records *records)
{
    FUZZ_REQUIRE(records->count == head->records);
    FUZZ_REQUIRE(avro->codec != AVRO_FILE_NULL || records->block->refs > 1);
    for (size_t i = 1; i < records->count; i++)
        FUZZ_REQUIRE(records->ends[i] >= records->ends[i - 1]);
    if (records->count > 0)
        FUZZ_REQUIRE(records->ends[records->count - 1] <= records->block->cap);
}

static void read_blocks(const struct avro_file *avro, const uint8_t *data, size_t len)
{
    const char *why = NULL;
    for (size_t at = avro->header_len; at < len;) {
        struct avro_file_head head;
        struct avro_file_records records;
        size_t most = len - at < AVRO_FILE_HEAD_MAX ? len - at : AVRO_FILE_HEAD_MAX;
        if (avro_file_read_head(data + at, most, &head, &why)) {
            FUZZ_REQUIRE(why);
            return;
        }
        at += head.head_len;
        if (head.len + AVRO_FILE_SYNC > len - at)
            return;
        struct block *packed = block_new(head.len + AVRO_FILE_SYNC);
        memcpy(packed->data, data + at, packed->cap);
        at += packed->cap;
        int err = avro_file_read_records(avro, &head, packed, &records, &why);
        if (!err)
            check_records(avro, &head, &records);
        block_unref(packed);
        if (err) {
            FUZZ_REQUIRE(err == ERR_CORRUPT && why);
            return;
        }
        avro_file_records_close(&records);
    }
}

static void read_file(const uint8_t *data, size_t len)
{
    struct avro_file avro;
    const char *why = NULL;
    if (avro_file_read_header(&avro, data, len, &why)) {
        FUZZ_REQUIRE(why);
        return;
    }
    FUZZ_REQUIRE(avro.header_len <= len);
    read_blocks(&avro, data, len);
    avro_file_close(&avro);
}

static void read_value(const uint8_t *data, size_t len)
{
    const char *why = NULL;
    size_t text = strnlen((const char *)data, len);
    struct avro_schema *schema = avro_schema_parse((const char *)data, text, &why);
    struct avro_cursor cursor = {.at = data + text, .left = len - text};
    if (!schema) {
        FUZZ_REQUIRE(why);
        return;
    }
    if (avro_schema_skip(schema, &cursor))
        FUZZ_REQUIRE(cursor.at + cursor.left == data + len);
    avro_schema_free(schema);
}

static void seed_file(struct fuzz_corpus *corpus, const char *hex)
{
    uint8_t bytes[2048], tag = AVRO_OF_FILE;
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    fuzz_add_tagged(corpus, &tag, 1, bytes, len);
}

static void seed(struct fuzz_corpus *corpus)
{
    static const char list[] = "{\"type\":\"record\",\"name\":\"N\",\"fields\":[{\"name\":\"n\","
                               "\"type\":[\"null\",\"N\"]}]}\0\2\2\0";
    static const char nulls[] = "{\"type\":\"array\",\"items\":\"null\"}\0\4\0";
    static const char map[] = "{\"type\":\"map\",\"values\":{\"type\":\"fixed\",\"name\":\"F\","
                              "\"size\":2}}\0\2\2kab\0";
    static const char *const words[] = {"\"null\"",   "\"string\"", "\"double\"", "\"record\"",
                                        "\"enum\"",   "\"fixed\"",  "\"union\"",  "\"symbols\"",
                                        "\"fields\"", "\"items\"",  "\"values\"", "\"namespace\"",
                                        "deflate",    "snappy",     "zstandard",  "avro.codec"};
    uint8_t tag = AVRO_OF_SCHEMA;
    fuzz_add_tagged(corpus, &tag, 1, list, sizeof(list));
    fuzz_add_tagged(corpus, &tag, 1, nulls, sizeof(nulls));
    fuzz_add_tagged(corpus, &tag, 1, map, sizeof(map));
    seed_file(corpus, avro_golden_null);
    seed_file(corpus, avro_golden_deflate);
    seed_file(corpus, avro_golden_snappy);
    seed_file(corpus, avro_golden_zstandard);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        fuzz_add_word(corpus, words[i]);
}

/* A byte of deflate is a thousand at most, and a frame of zstd may ask for a window of 8 MB. */
const struct fuzz_target fuzz_target = {.what = "Avro's files and schemas",
                                        .len_max = 4096,
                                        .memory_max = 32 << 20,
                                        .execs = 20000,
                                        .seed = seed};

int fuzz_one(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    if (data[0] % AVRO_INPUTS == AVRO_OF_FILE)
        read_file(data + 1, len - 1);
    else
        read_value(data + 1, len - 1);
    return 0;
}
