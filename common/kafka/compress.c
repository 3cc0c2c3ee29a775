/* Codecs. Decoding is streamed: output room is made as it fills up, one byte past the cap at most,
 * so that "exactly the cap" and "too much" differ. Failure modes: the library finds damage, the
 * input ends before the stream does, the cap is passed, memory is out. */
#include "kafka/compress.h"

#include <string.h>

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

/* Output room at first; a batch of default size decompresses into a few of these. */
enum { COMPRESS_ROOM_MIN = 4096 };
/* gzip instead of zlib framing, with the largest window. */
enum { COMPRESS_GZIP_WINDOW = 15 + 16 };
/* snappy-java's framing: magic, version, oldest version that can read it; and its block size. */
enum { COMPRESS_XERIAL_HEADER = 16, COMPRESS_XERIAL_BLOCK = 32 * 1024 };
static const uint8_t compress_xerial[COMPRESS_XERIAL_HEADER] = {
    0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
enum { COMPRESS_XERIAL_MAGIC = 8 };

/* Where decompressed bytes go: `out`, up to `end` bytes in all. */
struct sink {
    struct buf *out;
    size_t end;
};

static struct sink sink_make(struct buf *out, size_t out_max)
{
    size_t end = out->len + out_max;
    return (struct sink){out, end < out->len ? SIZE_MAX - 1 : end};
}

/* Room for more output: at least one byte, and at most one past the cap. ERR_TOO_LARGE once that
 * byte was used. */
static int sink_room(struct sink *sink, uint8_t **room, size_t *len)
{
    struct buf *out = sink->out;
    if (out->len > sink->end)
        return ERR_TOO_LARGE;
    size_t left = sink->end - out->len + 1;
    int err = 0;
    if (out->cap == out->len)
        err = buf_reserve(out, left < COMPRESS_ROOM_MIN ? left : COMPRESS_ROOM_MIN);
    if (err)
        return err;
    *room = out->data + out->len;
    *len = out->cap - out->len < left ? out->cap - out->len : left;
    return 0;
}

static int sink_check(const struct sink *sink)
{
    return sink->out->len > sink->end ? ERR_TOO_LARGE : 0;
}

/* ---- gzip ---- */

static void *gzip_alloc(void *opaque, uInt count, uInt size)
{
    (void)opaque;
    return mem_try_alloc((size_t)count * size);
}

static void gzip_free(void *opaque, void *pointer)
{
    (void)opaque;
    mem_free(pointer);
}

/* Runs until the input is used up; members may follow each other (RFC 1952). */
static int gzip_inflate(z_stream *stream, struct sink *sink)
{
    for (;;) {
        uint8_t *room;
        size_t len;
        int err = sink_room(sink, &room, &len);
        if (err)
            return err;
        len = len > UINT_MAX ? UINT_MAX : len;
        stream->next_out = room;
        stream->avail_out = (uInt)len;
        int code = inflate(stream, Z_NO_FLUSH);
        sink->out->len += len - stream->avail_out;
        if (code == Z_STREAM_END) {
            if (!stream->avail_in)
                return sink_check(sink);
            code = inflateReset(stream);
        }
        if (code == Z_MEM_ERROR)
            return ERR_NO_MEMORY;
        /* With room left, Z_OK means that all input was taken: the stream was cut off. */
        if (code != Z_OK || (!stream->avail_in && stream->avail_out))
            return ERR_MALFORMED;
    }
}

static int gzip_decode(const uint8_t *in, size_t len, struct sink *sink)
{
    z_stream stream = {.zalloc = gzip_alloc, .zfree = gzip_free};
    if (len > UINT_MAX)
        return ERR_TOO_LARGE;
    stream.next_in = (z_const Bytef *)in;
    stream.avail_in = (uInt)len;
    if (inflateInit2(&stream, COMPRESS_GZIP_WINDOW) != Z_OK)
        return ERR_NO_MEMORY;
    int err = gzip_inflate(&stream, sink);
    inflateEnd(&stream);
    return err;
}

static int gzip_encode(int level, const uint8_t *in, size_t len, struct buf *out)
{
    z_stream stream = {.zalloc = gzip_alloc, .zfree = gzip_free};
    int strength =
        level < Z_DEFAULT_COMPRESSION || level > Z_BEST_COMPRESSION ? Z_DEFAULT_COMPRESSION : level;
    /* The largest memory level, 9, costs nothing that matters here. */
    if (deflateInit2(&stream, strength, Z_DEFLATED, COMPRESS_GZIP_WINDOW, 9, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return ERR_NO_MEMORY;
    size_t bound = deflateBound(&stream, len);
    int err = buf_reserve(out, bound);
    if (!err) {
        stream.next_in = (z_const Bytef *)in;
        stream.avail_in = (uInt)len;
        stream.next_out = out->data + out->len;
        stream.avail_out = (uInt)bound;
        int code = deflate(&stream, Z_FINISH);
        ASSERT(code == Z_STREAM_END);
        out->len += bound - stream.avail_out;
    }
    deflateEnd(&stream);
    return err;
}

/* ---- snappy ---- */

/* A block states its size in front; the cap is checked before memory is taken. */
static int snappy_block(const uint8_t *in, size_t len, struct sink *sink)
{
    size_t size;
    if (snappy_uncompressed_length((const char *)in, len, &size) != SNAPPY_OK)
        return ERR_MALFORMED;
    if (size > sink->end - sink->out->len)
        return ERR_TOO_LARGE;
    int err = buf_reserve(sink->out, size ? size : 1);
    if (err)
        return err;
    char *room = (char *)sink->out->data + sink->out->len;
    if (snappy_uncompress((const char *)in, len, room, &size) != SNAPPY_OK)
        return ERR_MALFORMED;
    sink->out->len += size;
    return 0;
}

static int snappy_decode(const uint8_t *in, size_t len, struct sink *sink)
{
    if (len < COMPRESS_XERIAL_HEADER || memcmp(in, compress_xerial, COMPRESS_XERIAL_MAGIC) != 0)
        return snappy_block(in, len, sink);
    size_t at = COMPRESS_XERIAL_HEADER;
    int err = 0;
    while (!err && at < len) {
        if (len - at < 4)
            return ERR_MALFORMED;
        size_t size = bytes_get_u32(in + at);
        at += 4;
        if (size > len - at)
            return ERR_MALFORMED;
        err = snappy_block(in + at, size, sink);
        at += size;
    }
    return err;
}

static int snappy_encode(const uint8_t *in, size_t len, struct buf *out)
{
    int err = buf_append(out, compress_xerial, sizeof(compress_xerial));
    for (size_t at = 0; !err && at < len; at += COMPRESS_XERIAL_BLOCK) {
        size_t part = len - at < COMPRESS_XERIAL_BLOCK ? len - at : COMPRESS_XERIAL_BLOCK;
        size_t size = snappy_max_compressed_length(part);
        err = buf_reserve(out, size + 4);
        if (err)
            break;
        uint8_t *room = out->data + out->len;
        snappy_status status =
            snappy_compress((const char *)in + at, part, (char *)room + 4, &size);
        ASSERT(status == SNAPPY_OK);
        bytes_put_u32(room, (uint32_t)size);
        out->len += size + 4;
    }
    return err;
}

/* ---- lz4 ---- */

enum lz4_frame {
    LZ4_FLAGS_AT = 4,          /* behind the magic number */
    LZ4_DESCRIPTOR_MIN = 2,    /* flags and block descriptor */
    LZ4_FLAG_CONTENT_SIZE = 8, /* 8 bytes more */
    LZ4_FLAG_DICTIONARY = 1,   /* 4 bytes more */
    LZ4_HEADER_MAX = 19
};

static uint32_t xxh32_rotate(uint32_t value, int bits)
{
    return value << bits | value >> (32 - bits);
}

/* XXH32 with seed 0. A descriptor has 2 to 14 bytes, but with the magic number up to 18, and from
 * 16 on there are four lanes. Source: the xxHash specification. */
static uint32_t xxh32(const uint8_t *data, size_t len)
{
    static const uint32_t p1 = 2654435761u, p2 = 2246822519u, p3 = 3266489917u, p4 = 668265263u,
                          p5 = 374761393u;
    uint32_t hash = p5, word;
    size_t at = 0;
    if (len >= 16) {
        uint32_t lanes[4] = {p1 + p2, p2, 0, 0 - p1};
        for (; len - at >= 16; at += 16)
            for (int i = 0; i < 4; i++) {
                memcpy(&word, data + at + 4 * i, 4);
                lanes[i] = xxh32_rotate(lanes[i] + le32toh(word) * p2, 13) * p1;
            }
        hash = xxh32_rotate(lanes[0], 1) + xxh32_rotate(lanes[1], 7) + xxh32_rotate(lanes[2], 12) +
               xxh32_rotate(lanes[3], 18);
    }
    hash += (uint32_t)len;
    for (; len - at >= 4; at += 4) {
        memcpy(&word, data + at, 4);
        hash = xxh32_rotate(hash + le32toh(word) * p3, 17) * p4;
    }
    for (; at < len; at++)
        hash = xxh32_rotate(hash + data[at] * p5, 11) * p1;
    hash = (hash ^ hash >> 15) * p2;
    hash = (hash ^ hash >> 13) * p3;
    return hash ^ hash >> 16;
}

/* Where the header checksum is: behind the descriptor. 0 when the header is cut off. */
static size_t lz4_checksum_at(const uint8_t *frame, size_t len)
{
    if (len <= LZ4_FLAGS_AT + LZ4_DESCRIPTOR_MIN)
        return 0;
    uint8_t flags = frame[LZ4_FLAGS_AT];
    size_t at = LZ4_FLAGS_AT + LZ4_DESCRIPTOR_MIN + (flags & LZ4_FLAG_CONTENT_SIZE ? 8 : 0) +
                (flags & LZ4_FLAG_DICTIONARY ? 4 : 0);
    return at < len ? at : 0;
}

static uint8_t lz4_checksum(const uint8_t *frame, size_t from, size_t to)
{
    return (uint8_t)(xxh32(frame + from, to - from) >> 8);
}

void compress_lz4_set_old_checksum(uint8_t *frame, size_t len)
{
    size_t at = lz4_checksum_at(frame, len);
    ASSERT(at > 0);
    frame[at] = lz4_checksum(frame, 0, at);
}

/* Feeds a piece of input until all of it is taken; *hint is 0 at the end of a frame. */
static int lz4_feed(LZ4F_dctx *context, const uint8_t *in, size_t len, struct sink *sink,
                    size_t *hint)
{
    size_t at = 0;
    for (;;) {
        uint8_t *room;
        size_t room_len, taken = len - at;
        int err = sink_room(sink, &room, &room_len);
        if (err)
            return err;
        size_t made = room_len;
        *hint = LZ4F_decompress(context, room, &made, in + at, &taken, NULL);
        if (LZ4F_isError(*hint))
            return ERR_MALFORMED;
        sink->out->len += made;
        at += taken;
        /* The frame is complete, or room is left over: there is nothing more to give. */
        if (at == len && (!*hint || made < room_len))
            return sink_check(sink);
        if (!taken && !made)
            return ERR_MALFORMED;
    }
}

/* A header with the old checksum goes in corrected, from a copy; the rest as it is. */
static int lz4_decode_with(LZ4F_dctx *context, const uint8_t *in, size_t len, struct sink *sink)
{
    uint8_t header[LZ4_HEADER_MAX];
    size_t at = lz4_checksum_at(in, len), hint = 1, fed = 0;
    int err = 0;
    if (at && at < LZ4_HEADER_MAX && in[at] == lz4_checksum(in, 0, at)) {
        memcpy(header, in, at);
        header[at] = lz4_checksum(in, LZ4_FLAGS_AT, at);
        fed = at + 1;
        err = lz4_feed(context, header, fed, sink, &hint);
    }
    if (!err && fed < len)
        err = lz4_feed(context, in + fed, len - fed, sink, &hint);
    if (!err && hint)
        err = ERR_MALFORMED;
    return err;
}

static int lz4_decode(const uint8_t *in, size_t len, struct sink *sink)
{
    LZ4F_dctx *context;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
        return ERR_NO_MEMORY;
    int err = lz4_decode_with(context, in, len, sink);
    LZ4F_freeDecompressionContext(context);
    return err;
}

static int lz4_encode(int level, const uint8_t *in, size_t len, struct buf *out)
{
    /* What old readers understand: independent blocks of 64 KiB, no size and no content checksum.
     */
    LZ4F_preferences_t preferences = {
        .frameInfo = {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockIndependent},
        .compressionLevel = level == COMPRESS_LEVEL_DEFAULT ? 0 : level};
    size_t bound = LZ4F_compressFrameBound(len, &preferences);
    int err = buf_reserve(out, bound);
    if (err)
        return err;
    size_t size = LZ4F_compressFrame(out->data + out->len, bound, in, len, &preferences);
    if (LZ4F_isError(size))
        return ERR_NO_MEMORY;
    out->len += size;
    return 0;
}

/* ---- zstd ---- */

/* While streaming, the library keeps the window that a frame announces aside, up to 128 MiB and
 * before there is any output. So streaming is for windows up to what level 19 makes (2^23 bytes).
 */
enum { COMPRESS_ZSTD_WINDOW_LOG = 23 };

static int zstd_error(size_t code)
{
    return ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation ? ERR_NO_MEMORY : ERR_MALFORMED;
}

/* A frame with a larger window is opened in one go, where the output serves as the window: with as
 * much room as is needed, which is found by trying. */
static int zstd_decode_at_once(ZSTD_DCtx *context, const uint8_t *in, size_t len, struct sink *sink)
{
    size_t most = sink->end - sink->out->len + 1, room = COMPRESS_ROOM_MIN;
    for (;; room = room > most / 4 ? most : room * 4) {
        int err = buf_reserve(sink->out, room < most ? room : most);
        if (err)
            return err;
        size_t made = ZSTD_decompressDCtx(context, sink->out->data + sink->out->len,
                                          room < most ? room : most, in, len);
        if (!ZSTD_isError(made)) {
            sink->out->len += made;
            return sink_check(sink);
        }
        if (ZSTD_getErrorCode(made) != ZSTD_error_dstSize_tooSmall)
            return zstd_error(made);
        if (room >= most)
            return ERR_TOO_LARGE;
    }
}

static int zstd_decode_with(ZSTD_DCtx *context, const uint8_t *in, size_t len, struct sink *sink)
{
    ZSTD_inBuffer input = {in, len, 0};
    size_t start = sink->out->len;
    for (;;) {
        uint8_t *room;
        size_t room_len;
        int err = sink_room(sink, &room, &room_len);
        if (err)
            return err;
        ZSTD_outBuffer output = {room, room_len, 0};
        size_t hint = ZSTD_decompressStream(context, &output, &input);
        if (ZSTD_isError(hint) &&
            ZSTD_getErrorCode(hint) == ZSTD_error_frameParameter_windowTooLarge) {
            sink->out->len = start;
            return zstd_decode_at_once(context, in, len, sink);
        }
        if (ZSTD_isError(hint))
            return zstd_error(hint);
        sink->out->len += output.pos;
        /* At 0 the frame is complete and flushed; another may follow. */
        if (input.pos == input.size && !hint)
            return sink_check(sink);
        if (input.pos == input.size && output.pos < output.size)
            return ERR_MALFORMED;
    }
}

static int zstd_decode(const uint8_t *in, size_t len, struct sink *sink)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (!context)
        return ERR_NO_MEMORY;
    size_t code = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, COMPRESS_ZSTD_WINDOW_LOG);
    ASSERT(!ZSTD_isError(code));
    int err = zstd_decode_with(context, in, len, sink);
    ZSTD_freeDCtx(context);
    return err;
}

static int zstd_encode(int level, const uint8_t *in, size_t len, struct buf *out)
{
    size_t bound = ZSTD_compressBound(len);
    int err = buf_reserve(out, bound);
    if (err)
        return err;
    size_t size = ZSTD_compress(out->data + out->len, bound, in, len,
                                level == COMPRESS_LEVEL_DEFAULT ? ZSTD_CLEVEL_DEFAULT : level);
    if (ZSTD_isError(size))
        return ERR_NO_MEMORY;
    out->len += size;
    return 0;
}

/* ---- all of them ---- */

int compress_decode(enum compress_codec codec, const uint8_t *in, size_t len, size_t out_max,
                    struct buf *out)
{
    struct sink sink = sink_make(out, out_max);
    switch (codec) {
    case COMPRESS_NONE:
        return len > out_max ? ERR_TOO_LARGE : buf_append(out, in, len);
    case COMPRESS_GZIP:
        return gzip_decode(in, len, &sink);
    case COMPRESS_SNAPPY:
        return snappy_decode(in, len, &sink);
    case COMPRESS_LZ4:
        return lz4_decode(in, len, &sink);
    case COMPRESS_ZSTD:
        return zstd_decode(in, len, &sink);
    }
    return ERR_UNSUPPORTED_COMPRESSION_TYPE;
}

int compress_encode(enum compress_codec codec, int level, const uint8_t *in, size_t len,
                    struct buf *out)
{
    if (len > INT32_MAX)
        return ERR_TOO_LARGE;
    switch (codec) {
    case COMPRESS_NONE:
        return buf_append(out, in, len);
    case COMPRESS_GZIP:
        return gzip_encode(level, in, len, out);
    case COMPRESS_SNAPPY:
        return snappy_encode(in, len, out);
    case COMPRESS_LZ4:
        return lz4_encode(level, in, len, out);
    case COMPRESS_ZSTD:
        return zstd_encode(level, in, len, out);
    }
    return ERR_UNSUPPORTED_COMPRESSION_TYPE;
}

static const char *const compress_names[] = {"none", "gzip", "snappy", "lz4", "zstd"};

const char *compress_name(enum compress_codec codec)
{
    return (unsigned)codec < ARRAY_LEN(compress_names) ? compress_names[codec] : "unknown";
}

int compress_find(const char *name)
{
    for (unsigned i = 0; i < ARRAY_LEN(compress_names); i++)
        if (strcmp(name, compress_names[i]) == 0)
            return (int)i;
    return strcmp(name, "uncompressed") == 0 ? COMPRESS_NONE : ERR_NOT_FOUND;
}
