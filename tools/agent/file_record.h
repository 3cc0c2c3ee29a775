/* What a file channel writes: segments of records. Numbers are big endian.
 *
 *     segment: magic (8 bytes), number (8), sequence number of its first event (8), CRC-32C (4)
 *     record:  length of what follows the CRC (4), CRC-32C of that (4), kind (1), first sequence
 *              number (8), count (4), and for a put the events: length (4), Avro (flume_event.h)
 *
 * A put is a batch that came in; a take is a range of events that are done. A record is valid or it
 * is not there: what a crash or a full disk left of one fails its CRC. */
#ifndef AGENT_FILE_RECORD_H
#define AGENT_FILE_RECORD_H

#include "base/buf.h"
#include "tools/agent/event.h"

enum {
    FILE_SEGMENT_HEADER = 28,
    FILE_RECORD_FRAME = 8,     /* length and CRC */
    FILE_RECORD_HEAD = 13,     /* kind, first, count */
    FILE_RECORD_EVENT_MIN = 6, /* length; no headers, an empty body */
    FILE_RECORD_MAX = 1 << 28  /* one put; a larger one is refused */
};

enum file_record_kind { FILE_RECORD_PUT = 1, FILE_RECORD_TAKE = 2 };

void file_segment_encode(uint64_t number, uint64_t first, uint8_t out[FILE_SEGMENT_HEADER]);
/* False: it is no such header. */
bool file_segment_decode(const uint8_t *data, size_t len, uint64_t *number, uint64_t *first);

/* Appends a record. ERR_TOO_LARGE, ERR_NO_MEMORY (the buffer stays as it was). */
int file_record_put(struct buf *out, uint64_t first, const struct event *events,
                    size_t count) MUST_CHECK;
void file_record_take(struct buf *out, uint64_t first, uint64_t count);

struct file_record {
    enum file_record_kind kind;
    uint64_t first;
    uint32_t count;
    const uint8_t *events; /* of a put */
    size_t events_len;
    size_t size; /* of the whole record */
};

/* The record at the beginning of the bytes: 1, 0 = more bytes are needed (record->size says how
 * many, at least), or ERR_CORRUPT. */
int file_record_parse(const uint8_t *data, size_t len, struct file_record *record) MUST_CHECK;
/* The next event of a put, a slice of the block that holds the record; starts with *at = 0. False
 * at the end, or when it is no event. */
bool file_record_event(const struct file_record *record, struct block *block, size_t *at,
                       struct event *event);

#endif
