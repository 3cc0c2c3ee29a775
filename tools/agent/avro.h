/* Avro's binary encoding, as far as events and calls need it: numbers, bytes, maps.
 * https://avro.apache.org/docs/1.11.1/specification/, "Binary Encoding". */
#ifndef AGENT_AVRO_H
#define AGENT_AVRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* What is left to read. Each read that fails leaves it anywhere, and returns false: the bytes end
 * early, or a length is more than is left. */
struct avro_cursor {
    const uint8_t *at;
    size_t left;
};

bool avro_get_long(struct avro_cursor *cursor, int64_t *value);
/* Bytes or a string: a slice of what is read. */
bool avro_get_bytes(struct avro_cursor *cursor, const uint8_t **data, size_t *len);
/* So many bytes without a length. */
bool avro_get_fixed(struct avro_cursor *cursor, const uint8_t **data, size_t len);
/* How many entries the next block of a map or an array has; 0 = it has ended. No more than `max`,
 * and no more than there are bytes left. */
bool avro_get_block(struct avro_cursor *cursor, size_t max, size_t *count);
/* A map of bytes, which nobody reads. */
bool avro_skip_map(struct avro_cursor *cursor);

void avro_put_long(int64_t value, struct buf *out);
void avro_put_bytes(const void *data, size_t len, struct buf *out);

#endif
