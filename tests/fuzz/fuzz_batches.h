/* Record batches as seeds, and making their checksums fit. */
#ifndef TESTS_FUZZ_BATCHES_H
#define TESTS_FUZZ_BATCHES_H

#include "base/buf.h"
#include "fuzz.h"
#include "tests/lib/batch_maker.h"

enum { FUZZ_MARKER_PRODUCER = 9 };

/* Appends one batch whose records have keys, some of them, and headers. */
void fuzz_batch_put(struct buf *out, struct batch_spec spec, bool headers);
/* Appends an end-of-transaction marker of producer 9. */
void fuzz_batch_put_marker(struct buf *out, int64_t base_offset, bool commit);
/* The golden batches, and built ones of each codec. */
void fuzz_batch_seed(struct fuzz_corpus *corpus, const void *tag, size_t tag_len);
/* Sets the CRC of each batch in a row of them, as far as their lengths make sense. */
void fuzz_batch_mend(uint8_t *data, size_t len);

#endif
