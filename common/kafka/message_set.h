/* Message sets of magic 0 and 1, the format before record batches: reading, and conversion both
 * ways.
 *
 * Produce 0 to 2 brings them, Fetch 0 to 3 must be answered with them; the log itself holds only
 * batches of magic 2. An entry: int64 offset, int32 size, uint32 CRC-32, int8 magic, int8
 * attributes, (magic 1: int64 timestamp), key, value. A compressed message has a message set as its
 * value. */
#ifndef KAFKA_MESSAGE_SET_H
#define KAFKA_MESSAGE_SET_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "kafka/compress.h"
#include "wire/str.h"

/* One entry; key and value are slices of the bytes given. */
struct message {
    int64_t offset;
    int64_t timestamp; /* ms; -1 in magic 0 */
    size_t size;       /* of the whole entry */
    uint32_t crc;
    int8_t magic;
    int8_t attributes; /* codec and timestamp type as in enum batch_attributes */
    struct wire_bytes key;
    struct wire_bytes value;
};

struct message_iter {
    const uint8_t *at;
    const uint8_t *end;
};

void message_iter_init(struct message_iter *iter, const uint8_t *bytes, size_t len);
/* 1 and *message; 0 at the end; ERR_EOF: the last entry is cut off; ERR_CORRUPT_MESSAGE: wrong CRC,
 * sizes that can't be, or a magic other than 0 and 1. Compressed messages are not opened. */
int message_iter_next(struct message_iter *iter, struct message *message) MUST_CHECK;

/* fn(data, message) for every message, those inside compressed ones too, with final offsets
 * (relative ones of magic 1 are resolved) and timestamps; it stops at the first negative return,
 * which is passed on. `bytes_max` limits what all compressed messages together may open to. Errors
 * of message_iter_next (a cut-off tail too) and of compress_decode (damage is
 * ERR_CORRUPT_MESSAGE). */
int message_set_each(const uint8_t *bytes, size_t len, size_t bytes_max,
                     int (*fn)(void *data, const struct message *message), void *data) MUST_CHECK;

/* Appends one batch of magic 2 that holds all messages of the set, with offsets from 0 and the
 * codec of the first message. ERR_INVALID_RECORD when there is none; else as message_set_each. */
int message_set_to_batch(const uint8_t *bytes, size_t len, size_t bytes_max,
                         struct buf *out) MUST_CHECK;

/* Appends the records of whole batches of magic 2 (an incomplete last one is ignored) as messages
 * of `magic` 0 or 1, compressed where the batch was. Headers are dropped, and control batches left
 * out; records before first_offset too where they are not compressed.
 * A compressed batch may open to `records_max` bytes. What each of them opened to is taken from
 * `room`; once that is used up, the next one and all behind it are left out.
 * ERR_UNSUPPORTED_COMPRESSION_TYPE: zstd, which old clients don't know. ERR_CORRUPT_MESSAGE,
 * ERR_TOO_LARGE, ERR_NO_MEMORY. */
int message_set_from_batches(const uint8_t *bytes, size_t len, int8_t magic, int64_t first_offset,
                             size_t records_max, size_t *room, struct buf *out) MUST_CHECK;

/* Appends one message. A timestamp is written in magic 1 only. ERR_NO_MEMORY, ERR_TOO_LARGE. */
int message_write(struct buf *out, int8_t magic, int64_t offset, int8_t attributes,
                  int64_t timestamp, struct wire_bytes key, struct wire_bytes value) MUST_CHECK;

#endif
