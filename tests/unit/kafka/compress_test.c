/* Codecs: round trips, other framings, cuts, damage, bombs. */
#include "../tap.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "kafka/compress.h"

static const enum compress_codec codecs[] = {COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_SNAPPY,
                                             COMPRESS_LZ4, COMPRESS_ZSTD};

/* Text that compresses, with a part that does not. */
static uint8_t *sample(size_t len)
{
    uint8_t *bytes = mem_alloc(len + 1);
    uint32_t state = 12345;
    for (size_t i = 0; i < len; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = i % 1000 < 800 ? (uint8_t)("millrace "[i % 9]) : (uint8_t)(state >> 24);
    }
    return bytes;
}

static void expect_decoded(enum compress_codec codec, const struct buf *packed,
                           const uint8_t *plain, size_t len)
{
    struct buf out;
    buf_init(&out);
    CHECK_INT(buf_append(&out, "x", 1), 0);
    CHECK_INT(compress_decode(codec, packed->data, packed->len, len, &out), 0);
    CHECK_INT(out.len, len + 1);
    CHECK(out.data[0] == 'x');
    CHECK(!len || memcmp(out.data + 1, plain, len) == 0);
    buf_close(&out);
    if (!len)
        return;
    buf_init(&out);
    CHECK_INT(compress_decode(codec, packed->data, packed->len, len - 1, &out), ERR_TOO_LARGE);
    CHECK(out.cap <= 2 * len + 8192);
    buf_close(&out);
}

static void every_codec_round_trips(void)
{
    static const size_t sizes[] = {0,     1,     100,   4095,  4096,   4097,
                                   32768, 32769, 65536, 65537, 1000000};
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++)
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            uint8_t *plain = sample(sizes[i]);
            struct buf packed;
            buf_init(&packed);
            CHECK_INT(compress_encode(codecs[c], COMPRESS_LEVEL_DEFAULT, plain, sizes[i], &packed),
                      0);
            expect_decoded(codecs[c], &packed, plain, sizes[i]);
            buf_close(&packed);
            mem_free(plain);
        }
}

static void levels_are_taken(void)
{
    static const int levels[] = {-1000, -5, 0, 1, 9, 19, 1000};
    uint8_t *plain = sample(50000);
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++)
        for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
            struct buf packed;
            buf_init(&packed);
            CHECK_INT(compress_encode(codecs[c], levels[i], plain, 50000, &packed), 0);
            expect_decoded(codecs[c], &packed, plain, 50000);
            buf_close(&packed);
        }
    mem_free(plain);
}

static void cut_streams_are_malformed(void)
{
    enum { LEN = 70000 };
    uint8_t *plain = sample(LEN);
    for (size_t c = 1; c < ARRAY_LEN(codecs); c++) {
        struct buf packed;
        buf_init(&packed);
        CHECK_INT(compress_encode(codecs[c], COMPRESS_LEVEL_DEFAULT, plain, LEN, &packed), 0);
        for (size_t cut = 0; cut < packed.len; cut += cut < 64 || packed.len - cut < 64 ? 1 : 997) {
            struct buf out;
            uint8_t *part = mem_alloc(cut ? cut : 1);
            memcpy(part, packed.data, cut);
            buf_init(&out);
            int err = compress_decode(codecs[c], part, cut, LEN, &out);
            /* Blocks of snappy may end anywhere between two blocks: that can't be told. */
            if (codecs[c] == COMPRESS_SNAPPY && !err)
                CHECK(out.len % 32768 == 0 && out.len < LEN);
            else
                CHECK_INT(err, ERR_MALFORMED);
            buf_close(&out);
            mem_free(part);
        }
        buf_close(&packed);
    }
    mem_free(plain);
}

static void damaged_streams_never_crash(void)
{
    uint8_t *plain = sample(3000);
    for (size_t c = 1; c < ARRAY_LEN(codecs); c++) {
        struct buf packed;
        buf_init(&packed);
        CHECK_INT(compress_encode(codecs[c], COMPRESS_LEVEL_DEFAULT, plain, 3000, &packed), 0);
        for (size_t i = 0; i < packed.len; i++)
            for (unsigned flip = 1; flip < 256; flip *= 4) {
                struct buf out;
                buf_init(&out);
                packed.data[i] ^= (uint8_t)flip;
                int err = compress_decode(codecs[c], packed.data, packed.len, 10000, &out);
                packed.data[i] ^= (uint8_t)flip;
                CHECK(err == 0 || err == ERR_MALFORMED || err == ERR_TOO_LARGE);
                CHECK(out.len <= 10001);
                buf_close(&out);
            }
        buf_close(&packed);
    }
    mem_free(plain);
}

/* 256 MiB of zeros in a stream of kilobytes: the cap holds, and memory stays near it. */
static void bombs_cost_at_most_the_cap(void)
{
    enum { BOMB = 256 << 20, CAP = 1 << 20 };
    for (size_t c = 1; c < ARRAY_LEN(codecs); c++) {
        static uint8_t zeros[1 << 20];
        struct buf packed, out;
        buf_init(&packed);
        buf_init(&out);
        if (codecs[c] == COMPRESS_SNAPPY) {
            /* One raw block that only claims its size: more than any such bytes can become. */
            static const uint8_t claim[] = {0x80, 0x80, 0x80, 0x80, 0x01, 0};
            CHECK_INT(buf_append(&packed, claim, sizeof(claim)), 0);
        } else {
            /* Streams that follow each other count as one. */
            for (int i = 0; i < BOMB / (1 << 20); i++)
                CHECK_INT(compress_encode(codecs[c], COMPRESS_LEVEL_DEFAULT, zeros, sizeof(zeros),
                                          &packed),
                          0);
        }
        CHECK_INT(compress_decode(codecs[c], packed.data, packed.len, CAP, &out),
                  codecs[c] == COMPRESS_SNAPPY ? ERR_MALFORMED : ERR_TOO_LARGE);
        CHECK(out.cap <= 2 * CAP + 8192);
        buf_close(&out);
        buf_close(&packed);
    }
}

/* Decompresses in steps of some `want` bytes. *most is the largest step. */
static int decode_in_pieces(enum compress_codec codec, const struct buf *packed, size_t hold_max,
                            size_t want, struct buf *whole, size_t *most)
{
    struct compress_stream *stream;
    struct buf piece;
    int rc;
    buf_init(&piece);
    *most = 0;
    CHECK_INT(compress_stream_new(codec, packed->data, packed->len, 1 << 20, hold_max, &stream), 0);
    do {
        piece.len = 0;
        rc = compress_stream_next(stream, want, &piece);
        if (piece.len > *most)
            *most = piece.len;
        CHECK_INT(buf_append(whole, piece.data, piece.len), 0);
    } while (rc == 1);
    compress_stream_free(stream);
    buf_close(&piece);
    return rc;
}

static void pieces_make_the_whole(void)
{
    enum { LEN = 300000, BLOCK = 64 << 10 };
    static const size_t wants[] = {1, 1000, 65536, SIZE_MAX};
    uint8_t *plain = sample(LEN);
    for (size_t c = 1; c < ARRAY_LEN(codecs); c++)
        for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
            struct buf packed, whole;
            size_t most;
            buf_init(&packed);
            buf_init(&whole);
            CHECK_INT(compress_encode(codecs[c], COMPRESS_LEVEL_DEFAULT, plain, LEN, &packed), 0);
            CHECK_INT(decode_in_pieces(codecs[c], &packed, BLOCK, wants[i], &whole, &most), 0);
            CHECK_INT(whole.len, LEN);
            CHECK(memcmp(whole.data, plain, LEN) == 0);
            if (wants[i] < LEN)
                CHECK(most <= wants[i] + BLOCK);
            whole.len = 0;
            packed.len -= packed.len / 3;
            CHECK(decode_in_pieces(codecs[c], &packed, BLOCK, wants[i], &whole, &most) < 0);
            CHECK(whole.len <= LEN);
            buf_close(&whole);
            buf_close(&packed);
        }
    mem_free(plain);
}

static void gzip_members_follow_each_other(void)
{
    enum { LEN = 70000 };
    uint8_t *plain = sample(LEN);
    for (size_t cut = 0; cut < 12; cut++) {
        struct buf packed, out;
        size_t most;
        buf_init(&packed);
        buf_init(&out);
        for (int i = 0; i < 3; i++)
            CHECK_INT(compress_encode(COMPRESS_GZIP, COMPRESS_LEVEL_DEFAULT, plain,
                                      i == 1 ? 0 : LEN, &packed),
                      0);
        packed.len -= cut;
        CHECK_INT(compress_decode(COMPRESS_GZIP, packed.data, packed.len, 2 * LEN, &out),
                  cut ? ERR_MALFORMED : 0);
        if (!cut) {
            CHECK_INT(out.len, 2 * LEN);
            CHECK(memcmp(out.data, plain, LEN) == 0 && memcmp(out.data + LEN, plain, LEN) == 0);
        }
        out.len = 0;
        CHECK_INT(decode_in_pieces(COMPRESS_GZIP, &packed, LEN, 999, &out, &most),
                  cut ? ERR_MALFORMED : 0);
        CHECK(cut || out.len == 2 * LEN);
        packed.len += cut;
        packed.data[3] ^= 0x40; /* no such flag: zlib refuses it */
        CHECK_INT(compress_decode(COMPRESS_GZIP, packed.data, packed.len, 2 * LEN, &out),
                  ERR_MALFORMED);
        packed.data[3] ^= 0x40;
        packed.data[packed.len - 6] ^= 1; /* the checksum */
        out.len = 0;
        CHECK_INT(compress_decode(COMPRESS_GZIP, packed.data, packed.len, 2 * LEN, &out),
                  ERR_MALFORMED);
        buf_close(&packed);
        buf_close(&out);
    }
    mem_free(plain);
}

static void a_raw_snappy_block_comes_whole_or_not(void)
{
    enum { LEN = 100000 };
    uint8_t *plain = sample(LEN);
    size_t size = snappy_max_compressed_length(LEN), most;
    struct buf packed, whole;
    buf_init(&packed);
    buf_init(&whole);
    CHECK_INT(buf_reserve(&packed, size), 0);
    CHECK_INT(snappy_compress((char *)plain, LEN, (char *)packed.data, &size), SNAPPY_OK);
    packed.len = size;
    CHECK_INT(decode_in_pieces(COMPRESS_SNAPPY, &packed, LEN - 1, 1000, &whole, &most),
              ERR_TOO_LARGE);
    CHECK_INT(decode_in_pieces(COMPRESS_SNAPPY, &packed, LEN, 1000, &whole, &most), 0);
    CHECK_INT(most, LEN);
    buf_close(&packed);
    buf_close(&whole);
    mem_free(plain);
}

static void snappy_without_framing_is_read(void)
{
    uint8_t *plain = sample(100000);
    struct buf packed;
    size_t len = snappy_max_compressed_length(100000);
    buf_init(&packed);
    CHECK_INT(buf_reserve(&packed, len), 0);
    CHECK(snappy_compress((char *)plain, 100000, (char *)packed.data, &len) == SNAPPY_OK);
    packed.len = len;
    expect_decoded(COMPRESS_SNAPPY, &packed, plain, 100000);
    buf_close(&packed);
    mem_free(plain);
}

static void lz4_frames_of_other_makers_are_read(void)
{
    uint8_t *plain = sample(300000);
    for (int flags = 0; flags < 8; flags++) {
        LZ4F_preferences_t preferences = {
            .frameInfo = {.blockSizeID = flags & 1 ? LZ4F_max4MB : LZ4F_max256KB,
                          .blockMode = flags & 2 ? LZ4F_blockIndependent : LZ4F_blockLinked,
                          .contentChecksumFlag = LZ4F_contentChecksumEnabled,
                          .blockChecksumFlag = LZ4F_blockChecksumEnabled,
                          .contentSize = flags & 4 ? 300000 : 0}};
        struct buf packed;
        size_t bound = LZ4F_compressFrameBound(300000, &preferences);
        buf_init(&packed);
        CHECK_INT(buf_reserve(&packed, bound), 0);
        packed.len = LZ4F_compressFrame(packed.data, bound, plain, 300000, &preferences);
        CHECK(!LZ4F_isError(packed.len));
        expect_decoded(COMPRESS_LZ4, &packed, plain, 300000);
        compress_lz4_set_old_checksum(packed.data, packed.len);
        expect_decoded(COMPRESS_LZ4, &packed, plain, 300000);
        packed.data[flags & 4 ? 14 : 6] ^= 1;
        struct buf out;
        buf_init(&out);
        CHECK_INT(compress_decode(COMPRESS_LZ4, packed.data, packed.len, 300000, &out),
                  ERR_MALFORMED);
        buf_close(&out);
        buf_close(&packed);
    }
    mem_free(plain);
}

/* A frame that announces a window of 128 MiB, as level 22 makes it: the window is not kept aside.
 */
static void zstd_frames_with_large_windows_are_read(void)
{
    enum { LEN = 3000000 };
    uint8_t *plain = sample(LEN);
    struct buf packed;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    buf_init(&packed);
    CHECK_INT(buf_reserve(&packed, 2 * ZSTD_compressBound(LEN)), 0);
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27)));
    ZSTD_outBuffer to = {packed.data, packed.cap, 0};
    /* In pieces, so that the size is not known at the start and the window is not made to fit. */
    for (int frame = 0; frame < 2; frame++) {
        size_t half = LEN / 2;
        ZSTD_inBuffer first = {plain + (size_t)frame * half, half / 2, 0};
        ZSTD_inBuffer second = {plain + (size_t)frame * half + half / 2, half - half / 2, 0};
        CHECK_INT(ZSTD_compressStream2(context, &to, &first, ZSTD_e_flush), 0);
        CHECK_INT(ZSTD_compressStream2(context, &to, &second, ZSTD_e_end), 0);
    }
    packed.len = to.pos;
    expect_decoded(COMPRESS_ZSTD, &packed, plain, LEN);
    struct buf out;
    buf_init(&out);
    CHECK_INT(compress_decode(COMPRESS_ZSTD, packed.data, packed.len - 1, LEN, &out),
              ERR_MALFORMED);
    /* A frame that can't be read in pieces is held whole, or not at all. */
    size_t most;
    CHECK_INT(decode_in_pieces(COMPRESS_ZSTD, &packed, 1 << 20, 1000, &out, &most), ERR_TOO_LARGE);
    buf_close(&out);
    ZSTD_freeCCtx(context);
    buf_close(&packed);
    mem_free(plain);
}

static void failed_allocations_are_reported(void)
{
    uint8_t *plain = sample(20000);
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++)
        for (uint64_t n = 1;; n++) {
            struct buf packed, out;
            buf_init(&packed);
            buf_init(&out);
            mem_fail_at(n);
            int err = compress_encode(codecs[c], COMPRESS_LEVEL_DEFAULT, plain, 20000, &packed);
            if (!err)
                err = compress_decode(codecs[c], packed.data, packed.len, 20000, &out);
            bool failed = mem_fail_at(0);
            buf_close(&packed);
            buf_close(&out);
            CHECK_INT(err, failed ? ERR_NO_MEMORY : 0);
            if (!failed)
                break;
        }
    mem_free(plain);
}

static void names_and_numbers_agree(void)
{
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++)
        CHECK_INT(compress_find(compress_name(codecs[c])), codecs[c]);
    CHECK_INT(compress_find("uncompressed"), COMPRESS_NONE);
    CHECK_INT(compress_find("bzip2"), ERR_NOT_FOUND);
    CHECK_STR(compress_name((enum compress_codec)5), "unknown");
    struct buf out;
    buf_init(&out);
    CHECK_INT(compress_decode((enum compress_codec)5, NULL, 0, 1, &out),
              ERR_UNSUPPORTED_COMPRESSION_TYPE);
    CHECK_INT(compress_encode((enum compress_codec)7, 0, NULL, 0, &out),
              ERR_UNSUPPORTED_COMPRESSION_TYPE);
    buf_close(&out);
}

TAP_MAIN(TAP_TEST(every_codec_round_trips), TAP_TEST(levels_are_taken),
         TAP_TEST(cut_streams_are_malformed), TAP_TEST(damaged_streams_never_crash),
         TAP_TEST(bombs_cost_at_most_the_cap), TAP_TEST(pieces_make_the_whole),
         TAP_TEST(gzip_members_follow_each_other), TAP_TEST(a_raw_snappy_block_comes_whole_or_not),
         TAP_TEST(snappy_without_framing_is_read), TAP_TEST(lz4_frames_of_other_makers_are_read),
         TAP_TEST(zstd_frames_with_large_windows_are_read),
         TAP_TEST(failed_allocations_are_reported), TAP_TEST(names_and_numbers_agree))
