/* Happy path: the header gives schema, codec and sync marker; a block is unpacked, and walked by
 * the schema once, to find where its records end. Failure modes: a file that ends early, another
 * sync marker, a checksum that differs, records that take more or fewer bytes than the block has,
 * numbers over the limits: all of them are damage. Memory grows with what is there, never with what
 * is said. */
#include "tools/agent/avro_file.h"

#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "kafka/compress.h"

enum {
    AVRO_FILE_META_MAX = 1000,   /* entries of the header */
    AVRO_FILE_STEP = 256 * 1024, /* unpacked at once */
    AVRO_FILE_CHECKSUM = 4       /* behind snappy's bytes: their CRC-32 before packing */
};

static const char avro_file_magic[4] = "Obj\1";

static const char *const avro_file_codecs[AVRO_FILE_CODECS] = {"null", "deflate", "snappy",
                                                               "zstandard"};

static int avro_file_damage(const char **why, const char *sentence)
{
    ASSERT(sentence);
    *why = sentence;
    return ERR_CORRUPT;
}

/* ---- the header ---- */

struct avro_file_meta {
    const uint8_t *schema, *codec;
    size_t schema_len, codec_len;
};

static bool avro_file_is(const uint8_t *data, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(data, text, len) == 0;
}

static bool avro_file_get_meta(struct avro_cursor *cursor, struct avro_file_meta *meta)
{
    const uint8_t *key, *value;
    size_t count, key_len, value_len, total = 0;
    for (;;) {
        if (!avro_get_block(cursor, AVRO_FILE_META_MAX - total, &count))
            return false;
        if (count == 0)
            return true;
        total += count;
        ASSERT(total <= AVRO_FILE_META_MAX);
        for (; count > 0; count--) {
            if (!avro_get_bytes(cursor, &key, &key_len) ||
                !avro_get_bytes(cursor, &value, &value_len))
                return false;
            if (avro_file_is(key, key_len, "avro.schema")) {
                meta->schema = value;
                meta->schema_len = value_len;
            } else if (avro_file_is(key, key_len, "avro.codec")) {
                meta->codec = value;
                meta->codec_len = value_len;
            }
        }
    }
}

static bool avro_file_find_codec(struct avro_file *avro, const struct avro_file_meta *meta)
{
    avro->codec = AVRO_FILE_NULL;
    if (!meta->codec)
        return true;
    for (size_t i = 0; i < AVRO_FILE_CODECS; i++)
        if (avro_file_is(meta->codec, meta->codec_len, avro_file_codecs[i])) {
            avro->codec = (enum avro_file_codec)i;
            return true;
        }
    return false;
}

int avro_file_read_header(struct avro_file *avro, const uint8_t *data, size_t len, const char **why)
{
    struct avro_cursor cursor = {.at = data, .left = len};
    struct avro_file_meta meta = {0};
    const uint8_t *bytes;
    *avro = (struct avro_file){0};
    if (!avro_get_fixed(&cursor, &bytes, sizeof(avro_file_magic)) ||
        memcmp(bytes, avro_file_magic, sizeof(avro_file_magic)) != 0)
        return avro_file_damage(why, "it is no Avro file: it does not begin with \"Obj\" and 1");
    if (!avro_file_get_meta(&cursor, &meta) || !avro_get_fixed(&cursor, &bytes, AVRO_FILE_SYNC))
        return avro_file_damage(why, len < AVRO_FILE_HEADER_MAX
                                         ? "its header ends early, or is damaged"
                                         : "its header is larger than 1 MB, or is damaged");
    if (!meta.schema)
        return avro_file_damage(why, "it has no schema");
    if (!avro_file_find_codec(avro, &meta))
        return avro_file_damage(
            why,
            "its codec is none of null, deflate, snappy, zstandard: write it with one of them");
    avro->schema = avro_schema_parse((const char *)meta.schema, meta.schema_len, why);
    if (!avro->schema)
        return ERR_CORRUPT;
    avro->text = mem_strndup((const char *)meta.schema, meta.schema_len);
    avro->text_len = meta.schema_len;
    memcpy(avro->sync, bytes, AVRO_FILE_SYNC);
    avro->header_len = len - cursor.left;
    return 0;
}

void avro_file_close(struct avro_file *avro)
{
    avro_schema_free(avro->schema);
    mem_free(avro->text);
    *avro = (struct avro_file){0};
}

/* ---- blocks ---- */

int avro_file_read_head(const uint8_t *data, size_t len, struct avro_file_head *head,
                        const char **why)
{
    struct avro_cursor cursor = {.at = data, .left = len};
    int64_t records, bytes;
    if (!avro_get_long(&cursor, &records) || !avro_get_long(&cursor, &bytes))
        return avro_file_damage(why, len < AVRO_FILE_HEAD_MAX
                                         ? "it ends in the middle of a block"
                                         : "the numbers in front of a block are damaged");
    if (records < 0 || bytes < 0)
        return avro_file_damage(why, "the numbers in front of a block are damaged");
    if (records > AVRO_FILE_RECORDS_MAX || bytes > AVRO_FILE_BLOCK_MAX)
        return avro_file_damage(why, "a block says that it has more than 64 MB, or more than "
                                     "16,777,216 records");
    *head = (struct avro_file_head){
        .records = (size_t)records, .len = (size_t)bytes, .head_len = len - cursor.left};
    ASSERT(head->head_len <= AVRO_FILE_HEAD_MAX);
    return 0;
}

/* Deflate without the frame of zlib. */
static int avro_file_inflate(const uint8_t *data, size_t len, struct buf *out)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)data, .avail_in = (uInt)len};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return ERR_NO_MEMORY;
    int status = Z_OK, err = 0;
    while (!err && status == Z_OK && out->len < AVRO_FILE_BLOCK_MAX) {
        err = buf_reserve(out, AVRO_FILE_STEP);
        if (err)
            break;
        z.next_out = out->data + out->len;
        z.avail_out = AVRO_FILE_STEP;
        status = inflate(&z, Z_NO_FLUSH);
        out->len += AVRO_FILE_STEP - z.avail_out;
    }
    inflateEnd(&z);
    if (err)
        return err;
    return status == Z_STREAM_END ? 0 : status == Z_OK ? ERR_TOO_LARGE : ERR_MALFORMED;
}

static int avro_file_unsnap(const uint8_t *data, size_t len, struct buf *out)
{
    if (len < AVRO_FILE_CHECKSUM)
        return ERR_MALFORMED;
    len -= AVRO_FILE_CHECKSUM;
    int err = compress_decode(COMPRESS_SNAPPY, data, len, AVRO_FILE_BLOCK_MAX, out);
    if (err)
        return err;
    return crc32(0, out->data, (uInt)out->len) == bytes_get_u32(data + len) ? 0 : ERR_MALFORMED;
}

/* One block more with what was packed in this one. */
static int avro_file_unpack(const struct avro_file *avro, const uint8_t *data, size_t len,
                            struct block **block, size_t *unpacked, const char **why)
{
    struct buf out;
    buf_init(&out);
    int err;
    if (avro->codec == AVRO_FILE_DEFLATE)
        err = avro_file_inflate(data, len, &out);
    else if (avro->codec == AVRO_FILE_SNAPPY)
        err = avro_file_unsnap(data, len, &out);
    else
        err = compress_decode(COMPRESS_ZSTD, data, len, AVRO_FILE_BLOCK_MAX, &out);
    *block = err ? NULL : block_new(out.len);
    if (*block && out.len > 0)
        memcpy((*block)->data, out.data, out.len);
    *unpacked = out.len;
    buf_close(&out);
    if (err == ERR_NO_MEMORY || (!err && !*block))
        return ERR_NO_MEMORY;
    if (err == ERR_TOO_LARGE)
        return avro_file_damage(why, "a block is larger than 64 MB unpacked");
    return err ? avro_file_damage(why, "a block can't be unpacked: it is damaged") : 0;
}

/* Where the records end. They have at least a byte each, or else any number costs nothing. */
static int avro_file_walk(const struct avro_file *avro, const uint8_t *data, size_t len,
                          struct avro_file_records *records, const char **why)
{
    struct avro_cursor cursor = {.at = data, .left = len};
    if (records->count > len)
        return avro_file_damage(why, "a block says that it has more records than bytes");
    records->ends = mem_try_alloc((records->count + 1) * sizeof(uint32_t));
    if (!records->ends)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < records->count; i++) {
        if (!avro_schema_skip(avro->schema, &cursor))
            return avro_file_damage(why, "a record does not follow the schema");
        records->ends[i] = (uint32_t)(len - cursor.left);
    }
    if (cursor.left > 0)
        return avro_file_damage(why, "a block has more bytes than its records");
    return 0;
}

int avro_file_read_records(const struct avro_file *avro, const struct avro_file_head *head,
                           struct block *packed, struct avro_file_records *records,
                           const char **why)
{
    size_t len = head->len;
    int err = 0;
    ASSERT(packed->cap >= len + AVRO_FILE_SYNC);
    *records = (struct avro_file_records){.count = head->records};
    if (memcmp(packed->data + len, avro->sync, AVRO_FILE_SYNC) != 0)
        return avro_file_damage(why, "a block has another sync marker behind it than the header");
    if (avro->codec == AVRO_FILE_NULL)
        records->block = block_ref(packed);
    else
        err = avro_file_unpack(avro, packed->data, len, &records->block, &len, why);
    if (!err)
        err = avro_file_walk(avro, records->block->data, len, records, why);
    if (err)
        avro_file_records_close(records);
    return err;
}

void avro_file_records_close(struct avro_file_records *records)
{
    if (records->block)
        block_unref(records->block);
    mem_free(records->ends);
    *records = (struct avro_file_records){0};
}
