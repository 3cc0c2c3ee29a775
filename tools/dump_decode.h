/* The records of coordinators' topics in words, as Kafka's decoders write them. */
#ifndef TOOLS_DUMP_DECODE_H
#define TOOLS_DUMP_DECODE_H

#include "kafka/record.h"
#include "tools/dump_row.h"

enum dump_decoder {
    DUMP_DECODER_NONE,
    DUMP_DECODER_OFFSETS, /* __consumer_offsets */
    DUMP_DECODER_TXN      /* __transaction_state */
};

/* Adds the values key and payload to the row, or error: what can't be decoded, with the offset. */
void dump_decode(enum dump_decoder decoder, int64_t offset, const struct record *record,
                 struct dump_rows *rows);

#endif
