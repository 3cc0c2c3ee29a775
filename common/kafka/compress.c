/* Codecs. Decoding is streamed: each step goes on until it has made as much as was wanted. Output
 * room is made as it fills up, one byte past the cap at most, so that "exactly the cap" and "too
 * much" differ. Failure modes: the library finds damage, the
 * input ends before the stream does, the cap is passed, memory is out. */
#include "kafka/compress.h"

#include <string.h>

#include <isa-l/igzip_lib.h>
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
/* gzip instead of zlib framing, with the largest window. Unpacking is isa-l's, in less than half
 * the time of zlib's. */
enum { COMPRESS_GZIP_WINDOW = 15 + 16, GZIP_STEP_MAX = 1 << 30 };
/* snappy-java's framing: magic, version, oldest version that can read it; and its block size. */
enum { COMPRESS_XERIAL_HEADER = 16, COMPRESS_XERIAL_BLOCK = 32 * 1024 };
static const uint8_t compress_xerial[COMPRESS_XERIAL_HEADER] = {
    0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
enum { COMPRESS_XERIAL_MAGIC = 8 };
STATIC_ASSERT(COMPRESS_XERIAL_HEADER == COMPRESS_XERIAL_MAGIC + 2 * sizeof(int32_t),
              "magic, version, and the oldest that reads it");

/* A codec at work. */
struct compress_stream {
    enum compress_codec codec;
    const uint8_t *in;
    size_t len;
    size_t at;       /* what was taken of it; gzip counts for itself */
    size_t left;     /* bytes that may still come out */
    size_t hold_max; /* of one step, beyond what was wanted */
    bool begun;
    size_t frame_at; /* zstd: where the frame began that is being read */
    size_t hint;     /* lz4: 0 at the end of a frame */
    struct inflate_state *gzip;
    LZ4F_dctx *lz4;
    ZSTD_DCtx *zstd;
};

/* Where decompressed bytes go: `out`, up to `end` bytes in all, and in this step to `wanted`. */
struct sink {
    struct buf *out;
    size_t end;
    size_t wanted;
};

static size_t sink_add(size_t len, size_t more)
{
    return len + more < len ? SIZE_MAX - 1 : len + more;
}

static bool sink_is_full(const struct sink *sink)
{
    return sink->out->len >= sink->wanted;
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
    ASSERT(*len > 0);
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

/* What zlib refuses in the front of a member and isa-l does not: bits that mean nothing yet. Such
 * readers would stop there. What is left of the kind are codes with gaps that the stream does not
 * use: none of 120,000 damaged streams but one had them. */
static bool gzip_is_front_good(const struct inflate_state *gzip)
{
    enum { FLAGS_AT = 3, FLAGS_RESERVED = 0xe0 };
    return gzip->avail_in <= FLAGS_AT || (gzip->next_in[FLAGS_AT] & FLAGS_RESERVED) == 0;
}

static int gzip_begin(struct compress_stream *stream)
{
    ASSERT(stream->gzip == NULL);
    if (stream->len > UINT32_MAX)
        return ERR_TOO_LARGE;
    stream->gzip = mem_try_alloc(sizeof(*stream->gzip));
    if (!stream->gzip)
        return ERR_NO_MEMORY;
    isal_inflate_init(stream->gzip);
    stream->gzip->crc_flag = ISAL_GZIP;
    stream->gzip->next_in = (uint8_t *)(uintptr_t)stream->in;
    stream->gzip->avail_in = (uint32_t)stream->len;
    stream->begun = gzip_is_front_good(stream->gzip);
    return 0;
}

/* Members may follow each other (RFC 1952). */
static int gzip_next(struct compress_stream *stream, struct sink *sink)
{
    struct inflate_state *gzip = stream->gzip;
    ASSERT(stream->gzip != NULL);
    if (!stream->begun)
        return ERR_MALFORMED;
    while (!sink_is_full(sink)) {
        uint8_t *room;
        size_t len;
        int err = sink_room(sink, &room, &len);
        if (err)
            return err;
        len = len > GZIP_STEP_MAX ? GZIP_STEP_MAX : len;
        gzip->next_out = room;
        gzip->avail_out = (uint32_t)len;
        if (isal_inflate(gzip) < 0)
            return ERR_MALFORMED;
        sink->out->len += len - gzip->avail_out;
        if (gzip->block_state == ISAL_BLOCK_FINISH) {
            if (!gzip->avail_in)
                return sink_check(sink);
            isal_inflate_reset(gzip);
            gzip->crc_flag = ISAL_GZIP;
            if (!gzip_is_front_good(gzip))
                return ERR_MALFORMED;
        } else if (!gzip->avail_in && gzip->avail_out) {
            return ERR_MALFORMED; /* all input was taken, with room left: it was cut off */
        }
    }
    return 1;
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
        ASSERT(stream.avail_out <= bound);
        out->len += bound - stream.avail_out;
    }
    deflateEnd(&stream);
    return err;
}

/* ---- snappy ---- */

/* The most that a byte of snappy's can become: its densest element makes 64 bytes of 3. */
enum { SNAPPY_RATIO_MAX = 22 };

/* A block states its size in front; it is checked before memory is taken. */
static int snappy_block(const struct compress_stream *stream, const uint8_t *in, size_t len,
                        struct sink *sink)
{
    size_t size;
    if (snappy_uncompressed_length((const char *)in, len, &size) != SNAPPY_OK ||
        size / SNAPPY_RATIO_MAX > len)
        return ERR_MALFORMED;
    if (size > sink->end - sink->out->len || size > stream->hold_max)
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

static int snappy_next(struct compress_stream *stream, struct sink *sink)
{
    const uint8_t *in = stream->in;
    size_t len = stream->len;
    if (len < COMPRESS_XERIAL_HEADER || memcmp(in, compress_xerial, COMPRESS_XERIAL_MAGIC) != 0)
        return snappy_block(stream, in, len, sink);
    if (stream->at == 0)
        stream->at = COMPRESS_XERIAL_HEADER;
    while (stream->at < len && !sink_is_full(sink)) {
        if (len - stream->at < 4)
            return ERR_MALFORMED;
        size_t size = bytes_get_u32(in + stream->at);
        stream->at += 4;
        if (size > len - stream->at)
            return ERR_MALFORMED;
        int err = snappy_block(stream, in + stream->at, size, sink);
        if (err)
            return err;
        stream->at += size;
    }
    return stream->at < len;
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
    ASSERT(bits > 0);
    ASSERT(bits < 32);
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
    ASSERT(from <= to);
    return (uint8_t)(xxh32(frame + from, to - from) >> 8);
}

void compress_lz4_set_old_checksum(uint8_t *frame, size_t len)
{
    size_t at = lz4_checksum_at(frame, len);
    ASSERT(at > 0);
    frame[at] = lz4_checksum(frame, 0, at);
}

/* Feeds a piece of input until all of it is taken, or the sink has what is wanted (1). *at is how
 * far it came; stream->hint is 0 at the end of a frame. */
static int lz4_feed(struct compress_stream *stream, const uint8_t *in, size_t len, size_t *at,
                    struct sink *sink)
{
    ASSERT(*at <= len);
    while (!sink_is_full(sink)) {
        uint8_t *room;
        size_t room_len, taken = len - *at;
        int err = sink_room(sink, &room, &room_len);
        if (err)
            return err;
        size_t made = room_len;
        stream->hint = LZ4F_decompress(stream->lz4, room, &made, in + *at, &taken, NULL);
        if (LZ4F_isError(stream->hint))
            return ERR_MALFORMED;
        sink->out->len += made;
        *at += taken;
        /* The frame is complete, or room is left over: there is nothing more to give. */
        if (*at == len && (!stream->hint || made < room_len))
            return sink_check(sink);
        if (!taken && !made)
            return ERR_MALFORMED;
    }
    return 1;
}

/* A header with the old checksum goes in corrected, from a copy; the rest as it is. A header makes
 * no output. */
static int lz4_feed_header(struct compress_stream *stream, struct sink *sink)
{
    uint8_t header[LZ4_HEADER_MAX];
    const uint8_t *in = stream->in;
    size_t at = lz4_checksum_at(in, stream->len), fed = 0;
    ASSERT(!stream->begun);
    stream->begun = true;
    if (!at || at >= LZ4_HEADER_MAX || in[at] != lz4_checksum(in, 0, at))
        return 0;
    memcpy(header, in, at);
    header[at] = lz4_checksum(in, LZ4_FLAGS_AT, at);
    stream->at = at + 1;
    return lz4_feed(stream, header, at + 1, &fed, sink);
}

static int lz4_next(struct compress_stream *stream, struct sink *sink)
{
    int rc = stream->begun ? 0 : lz4_feed_header(stream, sink);
    ASSERT(stream->lz4 != NULL);
    if (rc == 0 && (stream->at < stream->len || stream->hint))
        rc = lz4_feed(stream, stream->in, stream->len, &stream->at, sink);
    return rc == 0 && stream->hint ? ERR_MALFORMED : rc;
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
    ASSERT(size <= bound);
    out->len += size;
    return 0;
}

bool compress_lz4_is_portable(const uint8_t *in, size_t len)
{
    enum { FLAG_INDEPENDENT = 32 };
    return len <= LZ4_FLAGS_AT || in[LZ4_FLAGS_AT] & FLAG_INDEPENDENT;
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

/* From a frame with a larger window on all is opened in one go, where the output serves as the
 * window: with as much room as is needed, which is found by trying. */
static int zstd_at_once(struct compress_stream *stream, struct sink *sink)
{
    size_t most = sink->end - sink->out->len + 1, room = COMPRESS_ROOM_MIN;
    ASSERT(stream->frame_at <= stream->len);
    if (most > stream->hold_max)
        most = stream->hold_max + 1;
    for (;; room = room > most / 4 ? most : room * 4) {
        int err = buf_reserve(sink->out, room < most ? room : most);
        if (err)
            return err;
        size_t made = ZSTD_decompressDCtx(stream->zstd, sink->out->data + sink->out->len,
                                          room < most ? room : most, stream->in + stream->frame_at,
                                          stream->len - stream->frame_at);
        if (!ZSTD_isError(made) && made >= most)
            return ERR_TOO_LARGE;
        if (!ZSTD_isError(made)) {
            sink->out->len += made;
            return 0;
        }
        if (ZSTD_getErrorCode(made) != ZSTD_error_dstSize_tooSmall)
            return zstd_error(made);
        if (room >= most)
            return ERR_TOO_LARGE;
    }
}

static int zstd_next(struct compress_stream *stream, struct sink *sink)
{
    ASSERT(stream->zstd != NULL);
    ASSERT(stream->at <= stream->len);
    ZSTD_inBuffer input = {stream->in, stream->len, stream->at};
    while (!sink_is_full(sink)) {
        uint8_t *room;
        size_t room_len;
        int err = sink_room(sink, &room, &room_len);
        if (err)
            return err;
        ZSTD_outBuffer output = {room, room_len, 0};
        size_t hint = ZSTD_decompressStream(stream->zstd, &output, &input);
        if (ZSTD_isError(hint) &&
            ZSTD_getErrorCode(hint) == ZSTD_error_frameParameter_windowTooLarge)
            return zstd_at_once(stream, sink);
        if (ZSTD_isError(hint))
            return zstd_error(hint);
        sink->out->len += output.pos;
        stream->at = input.pos;
        if (!hint)
            stream->frame_at = input.pos;
        /* At 0 the frame is complete and flushed; another may follow. */
        if (input.pos == input.size && !hint)
            return sink_check(sink);
        if (input.pos == input.size && output.pos < output.size)
            return ERR_MALFORMED;
    }
    return 1;
}

static int zstd_begin(struct compress_stream *stream)
{
    ASSERT(stream->zstd == NULL);
    stream->zstd = ZSTD_createDCtx();
    if (!stream->zstd)
        return ERR_NO_MEMORY;
    size_t code =
        ZSTD_DCtx_setParameter(stream->zstd, ZSTD_d_windowLogMax, COMPRESS_ZSTD_WINDOW_LOG);
    ASSERT(!ZSTD_isError(code));
    return 0;
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
    ASSERT(size <= bound);
    out->len += size;
    return 0;
}

/* ---- all of them ---- */

static int stream_begin(struct compress_stream *stream)
{
    switch (stream->codec) {
    case COMPRESS_GZIP:
        return gzip_begin(stream);
    case COMPRESS_SNAPPY:
        return 0;
    case COMPRESS_LZ4:
        stream->hint = 1;
        return LZ4F_isError(LZ4F_createDecompressionContext(&stream->lz4, LZ4F_VERSION))
                   ? ERR_NO_MEMORY
                   : 0;
    case COMPRESS_ZSTD:
        return zstd_begin(stream);
    case COMPRESS_NONE:
        break;
    }
    return ERR_UNSUPPORTED_COMPRESSION_TYPE;
}

static int stream_step(struct compress_stream *stream, struct sink *sink)
{
    switch (stream->codec) {
    case COMPRESS_GZIP:
        return gzip_next(stream, sink);
    case COMPRESS_SNAPPY:
        return snappy_next(stream, sink);
    case COMPRESS_LZ4:
        return lz4_next(stream, sink);
    default:
        return zstd_next(stream, sink);
    }
}

int compress_stream_new(enum compress_codec codec, const uint8_t *in, size_t len, size_t out_max,
                        size_t hold_max, struct compress_stream **out)
{
    struct compress_stream *stream = mem_try_alloc(sizeof(*stream));
    ASSERT(len == 0 || in != NULL);
    if (!stream)
        return ERR_NO_MEMORY;
    *stream = (struct compress_stream){
        .codec = codec, .in = in, .len = len, .left = out_max, .hold_max = hold_max};
    int err = stream_begin(stream);
    if (err) {
        mem_free(stream);
        return err;
    }
    *out = stream;
    return 0;
}

int compress_stream_next(struct compress_stream *stream, size_t want, struct buf *out)
{
    size_t before = out->len;
    struct sink sink = {out, sink_add(before, stream->left), sink_add(before, want)};
    int rc = stream_step(stream, &sink);
    if (rc >= 0 && out->len > sink.end)
        return ERR_TOO_LARGE;
    if (rc >= 0)
        stream->left -= out->len - before;
    return rc;
}

void compress_stream_free(struct compress_stream *stream)
{
    mem_free(stream->gzip);
    LZ4F_freeDecompressionContext(stream->lz4);
    ZSTD_freeDCtx(stream->zstd);
    mem_free(stream);
}

int compress_decode(enum compress_codec codec, const uint8_t *in, size_t len, size_t out_max,
                    struct buf *out)
{
    struct compress_stream *stream;
    if (codec == COMPRESS_NONE)
        return len > out_max ? ERR_TOO_LARGE : buf_append(out, in, len);
    int rc = compress_stream_new(codec, in, len, out_max, out_max, &stream);
    if (rc < 0)
        return rc;
    do
        rc = compress_stream_next(stream, SIZE_MAX, out);
    while (rc == 1);
    compress_stream_free(stream);
    return rc;
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

STATIC_ASSERT(ARRAY_LEN(compress_names) == COMPRESS_ZSTD + 1, "each codec has its name");
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
