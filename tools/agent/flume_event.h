/* An event as bytes, as Flume's Kafka sink, source and channel write it: a record of Avro's binary
 * encoding, with headers, a map of strings, and body, bytes. Calls between agents carry the same
 * record (avro_rpc.h). */
#ifndef AGENT_FLUME_EVENT_H
#define AGENT_FLUME_EVENT_H

#include "base/buf.h"
#include "tools/agent/avro.h"
#include "tools/agent/event.h"

/* Appends it. */
void flume_event_encode(const struct event *event, struct buf *out);
/* The event in `len` bytes of the block, whose body is a slice of it; with references.
 * ERR_MALFORMED when it is none, or something stands behind it. */
int flume_event_decode(struct block *block, const uint8_t *data, size_t len,
                       struct event *event) MUST_CHECK;

/* Events that stand behind each other in a block. Those of a run with the same headers share one
 * set. */
struct flume_reader {
    struct avro_cursor cursor;
    struct block *block;       /* borrowed */
    const uint8_t *headers_at; /* where the last set was read from */
    size_t headers_len;
    struct headers *headers;
};
void flume_reader_init(struct flume_reader *reader, struct block *block, const uint8_t *data,
                       size_t len);
void flume_reader_close(struct flume_reader *reader);
/* The next one, with references. ERR_MALFORMED. */
int flume_reader_next(struct flume_reader *reader, struct event *event) MUST_CHECK;

#endif
