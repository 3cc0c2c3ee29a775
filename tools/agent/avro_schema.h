/* Avro's schemas, as far as values have to be told from each other: where one ends, and which
 * schema it is of. https://avro.apache.org/docs/1.11.1/specification/, "Schema Declaration" and
 * "Parsing Canonical Form for Schemas". */
#ifndef AGENT_AVRO_SCHEMA_H
#define AGENT_AVRO_SCHEMA_H

#include "tools/agent/avro.h"

enum {
    AVRO_SCHEMA_MAX = 1 << 20, /* bytes of its text */
    AVRO_DEPTH_MAX = 500       /* values in values, of types that have themselves */
};

struct avro_schema;

/* NULL with a sentence in `why`: it is no schema, or one without end, or over a limit. */
struct avro_schema *avro_schema_parse(const char *text, size_t len, const char **why);
void avro_schema_free(struct avro_schema *schema); /* NULL is nothing */
/* CRC-64-AVRO of its canonical form: the same for schemas that read the same bytes alike. */
uint64_t avro_schema_fingerprint(const struct avro_schema *schema);
/* Goes behind one value: false, and the cursor stands anywhere, when the bytes are none. No
 * number in them makes it cost more than the bytes that it has in front of it. */
bool avro_schema_skip(const struct avro_schema *schema, struct avro_cursor *cursor);

#endif
