/* What the targets of messages share: golden vectors as seeds, and what is done with a message. */
#ifndef TESTS_FUZZ_WIRE_H
#define TESTS_FUZZ_WIRE_H

#include "fuzz.h"
#include "wire/wire.h"

/* Calls fn for each golden message of tests/unit/wire/golden, in the order of the files. `name` is
 * that of the descriptor. */
void fuzz_wire_golden(void (*fn)(struct fuzz_corpus *corpus, const char *name, int16_t version,
                                 const uint8_t *bytes, size_t len),
                      struct fuzz_corpus *corpus);

/* Decodes one struct from a copy of the bytes; what decodes is printed and encoded again, and what
 * was encoded must decode and encode to the same bytes. Returns the bytes taken, 0 on an error. */
size_t fuzz_wire_message(const struct wire_desc *desc, int16_t version, const uint8_t *bytes,
                         size_t len);

#endif
