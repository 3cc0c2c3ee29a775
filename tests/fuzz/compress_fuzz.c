/* Decompression by each codec: the first byte is the codec, with 16 added the rest is plain bytes
 * that are compressed and must come back. */
#include "fuzz.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "kafka/compress.h"

enum { OUT_MAX = 1 << 20, ROUND_TRIP = 16 };

static void seed_one(struct fuzz_corpus *corpus, uint8_t codec, const uint8_t *plain, size_t len)
{
    struct buf packed;
    const uint8_t back = codec + ROUND_TRIP;
    buf_init(&packed);
    FUZZ_REQUIRE(compress_encode((enum compress_codec)codec, COMPRESS_LEVEL_DEFAULT, plain, len,
                                 &packed) == 0);
    fuzz_add_tagged(corpus, &codec, 1, packed.data, packed.len);
    if (codec == COMPRESS_LZ4) {
        compress_lz4_set_old_checksum(packed.data, packed.len);
        fuzz_add_tagged(corpus, &codec, 1, packed.data, packed.len);
    }
    fuzz_add_tagged(corpus, &back, 1, plain, len);
    buf_close(&packed);
}

/* Text, noise, zeros that open to far more than the cap, and nothing. */
static void seed(struct fuzz_corpus *corpus)
{
    enum { BOMB = 8 << 20, TEXT = 2000 };
    uint8_t *zeros = calloc(1, BOMB);
    uint8_t text[TEXT];
    uint64_t random = 1;
    FUZZ_REQUIRE(zeros != NULL);
    for (uint8_t codec = COMPRESS_NONE; codec <= COMPRESS_ZSTD; codec++) {
        for (size_t i = 0; i < TEXT; i++)
            text[i] = (uint8_t)("abcdefgh"[i * i % 7] + (i % 100 == 0));
        seed_one(corpus, codec, text, TEXT);
        seed_one(corpus, codec, text, 10);
        for (size_t i = 0; i < TEXT; i++)
            text[i] = (uint8_t)fuzz_random(&random);
        seed_one(corpus, codec, text, TEXT);
        seed_one(corpus, codec, text, 0);
        seed_one(corpus, codec, zeros, BOMB);
    }
    free(zeros);
}

/* Twice the cap, and what the libraries need to work: lz4 up to three blocks of 4 MiB. */
const struct fuzz_target fuzz_target = {.what = "decompression by each codec",
                                        .len_max = 16384,
                                        .memory_max = 2 * OUT_MAX + (16 << 20),
                                        .execs = 8000,
                                        .seed = seed};

static void round_trip(enum compress_codec codec, const uint8_t *data, size_t len)
{
    struct buf packed, plain;
    buf_init(&packed);
    buf_init(&plain);
    if (compress_encode(codec, COMPRESS_LEVEL_DEFAULT, data, len, &packed) == 0) {
        FUZZ_REQUIRE(compress_decode(codec, packed.data, packed.len, len, &plain) == 0);
        FUZZ_REQUIRE(plain.len == len && (!len || memcmp(plain.data, data, len) == 0));
        plain.len = 0;
        if (len > 0)
            FUZZ_REQUIRE(compress_decode(codec, packed.data, packed.len, len - 1, &plain) ==
                         ERR_TOO_LARGE);
    }
    buf_close(&plain);
    buf_close(&packed);
}

int fuzz_one(const uint8_t *data, size_t len)
{
    struct buf out;
    if (len < 1)
        return 0;
    if (data[0] >= ROUND_TRIP) {
        round_trip((enum compress_codec)(data[0] - ROUND_TRIP), data + 1, len - 1);
        return 0;
    }
    buf_init(&out);
    int err = compress_decode((enum compress_codec)data[0], data + 1, len - 1, OUT_MAX, &out);
    FUZZ_REQUIRE(err == 0 || err == ERR_TOO_LARGE || err == ERR_MALFORMED ||
                 err == ERR_UNSUPPORTED_COMPRESSION_TYPE);
    FUZZ_REQUIRE(err != 0 || out.len <= OUT_MAX);
    buf_close(&out);
    return 0;
}
