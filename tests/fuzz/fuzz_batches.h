/* Record batches as seeds, and making their checksums fit. */
#ifndef TESTS_FUZZ_BATCHES_H
#define TESTS_FUZZ_BATCHES_H

#include "base/buf.h"
#include "fuzz.h"
#include "kafka/compress.h"

struct fuzz_batch_spec {
    int64_t base_offset;
    int64_t producer_id; /* 0 = none */
    int32_t sequence;
    int32_t leader_epoch;
    int count;
    int value_len;
    int attributes; /* beside the codec */
    enum compress_codec codec;
    bool headers;
};

/* Appends one batch. */
void fuzz_batch_put(struct buf *out, const struct fuzz_batch_spec *spec);
/* Appends an end-of-transaction marker of producer 9. */
void fuzz_batch_put_marker(struct buf *out, int64_t base_offset, bool commit);
/* The golden batches, and built ones of each codec. */
void fuzz_batch_seed(struct fuzz_corpus *corpus, const void *tag, size_t tag_len);
/* Sets the CRC of each batch in a row of them, as far as their lengths make sense. */
void fuzz_batch_mend(uint8_t *data, size_t len);

#endif
