/* How the console consumer prints a record: the properties of Kafka's default formatter. */
#ifndef TOOLS_FORMATTER_H
#define TOOLS_FORMATTER_H

#include <librdkafka/rdkafka.h>

#include "base/buf.h"

struct formatter;

struct formatter *formatter_new(void);
void formatter_free(struct formatter *formatter);
/* One property; ERR_UNKNOWN_OPTION or ERR_INVALID with the sentence in `problem`. */
int formatter_set(struct formatter *formatter, const char *name, const char *value,
                  struct buf *problem) MUST_CHECK;
/* Records become JSON objects with all of their fields, one a line; before any property, of which
 * only the deserializers are taken then. */
void formatter_use_json(struct formatter *formatter);
/* Appends the record as it is printed. ERR_INVALID with the reason in `problem` (empty before), and
 * nothing appended, when a decoder can't take its bytes. */
int formatter_print(const struct formatter *formatter, const rd_kafka_message_t *message,
                    struct buf *out, struct buf *problem) MUST_CHECK;

#endif
