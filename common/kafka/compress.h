/* The codecs of record batches: one stream in, one stream out.
 *
 * What is decompressed comes from a peer, so its size is capped and memory grows only as output
 * appears (a bomb costs at most the cap). Framings: gzip (RFC 1952); snappy in the blocks of
 * snappy-java (read and written) or as one raw block (read); the LZ4 frame format; zstd frames. */
#ifndef KAFKA_COMPRESS_H
#define KAFKA_COMPRESS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"

/* The numbers of the attributes of batches and messages. */
enum compress_codec {
    COMPRESS_NONE = 0,
    COMPRESS_GZIP = 1,
    COMPRESS_SNAPPY = 2,
    COMPRESS_LZ4 = 3,
    COMPRESS_ZSTD = 4
};

/* The library's own choice. */
enum { COMPRESS_LEVEL_DEFAULT = INT_MIN };

/* Appends the decompressed bytes to `out`. ERR_TOO_LARGE: they are more than out_max.
 * ERR_MALFORMED: damaged or cut off. ERR_UNSUPPORTED_COMPRESSION_TYPE: no such codec.
 * ERR_NO_MEMORY. After an error `out` may hold a part. */
int compress_decode(enum compress_codec codec, const uint8_t *in, size_t len, size_t out_max,
                    struct buf *out) MUST_CHECK;

/* The same piece by piece, for who need not have all of it at once. `in` is borrowed until the
 * stream is freed. `hold_max` limits what one step may append beyond what was wanted of it: a raw
 * snappy block, and a zstd frame whose window is over 8 MiB, come whole. ERR_NO_MEMORY,
 * ERR_UNSUPPORTED_COMPRESSION_TYPE (COMPRESS_NONE as well: there is nothing to do). */
struct compress_stream;
int compress_stream_new(enum compress_codec codec, const uint8_t *in, size_t len, size_t out_max,
                        size_t hold_max, struct compress_stream **stream) MUST_CHECK;
/* Appends what comes next to `out`, some `want` bytes. 1: there may be more; 0: that was the end.
 * Errors as compress_decode; ERR_TOO_LARGE over hold_max as well. */
int compress_stream_next(struct compress_stream *stream, size_t want, struct buf *out) MUST_CHECK;
void compress_stream_free(struct compress_stream *stream);

/* Appends the compressed bytes to `out`; `level` as the codec's library counts, or
 * COMPRESS_LEVEL_DEFAULT. ERR_NO_MEMORY, ERR_UNSUPPORTED_COMPRESSION_TYPE, ERR_TOO_LARGE (over 2
 * GiB). */
int compress_encode(enum compress_codec codec, int level, const uint8_t *in, size_t len,
                    struct buf *out) MUST_CHECK;

/* In message sets of magic 0 the checksum in the header of an LZ4 frame also covers the frame's
 * magic number, which is wrong. Decoding takes both forms; this turns a frame just made by
 * compress_encode into the old form. */
void compress_lz4_set_old_checksum(uint8_t *frame, size_t len);

/* Whether an LZ4 frame has blocks that do not need each other: Kafka's readers take no others. */
bool compress_lz4_is_portable(const uint8_t *in, size_t len);

/* "none", "gzip", ...; "unknown" for a number that is no codec. */
const char *compress_name(enum compress_codec codec);
/* The codec of a name ("uncompressed" and "none" are COMPRESS_NONE); ERR_NOT_FOUND. */
int compress_find(const char *name) MUST_CHECK;

#endif
