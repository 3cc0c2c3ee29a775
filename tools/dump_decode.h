/* The records of coordinators' topics in words, as Kafka's decoders write them. */
#ifndef TOOLS_DUMP_DECODE_H
#define TOOLS_DUMP_DECODE_H

#include "base/buf.h"
#include "kafka/record.h"

enum dump_decoder {
    DUMP_DECODER_NONE,
    DUMP_DECODER_OFFSETS, /* __consumer_offsets */
    DUMP_DECODER_TXN      /* __transaction_state */
};

/* Appends "key: {...} payload: {...}"; what can't be decoded is said in its place, with the offset.
 */
void dump_decode(enum dump_decoder decoder, int64_t offset, const struct record *record,
                 struct buf *out);

#endif
