/* Numbers of the lines between brokers over which markers of transactions go.
 *
 * A line that breaks with requests on their way leaves them to their fate: the other broker may
 * read them much later, since it stood still, or paused the connection, or since the network did.
 * What they ask for is asked again over the next line meanwhile. For a marker that is not the same:
 * once it is answered, the producer may begin its next transaction under the same epoch, which the
 * belated one would end. So the client id on a line says which broker's it is, under which epoch of
 * that broker, and which one of its lines: and after a request of a line, none of an earlier one is
 * taken. Kafka has no such thing; there the marker is fenced from transaction.version 2 on only,
 * when each end has an epoch of its own. */
#ifndef BROKER_CLUSTER_LINE_NUMBERS_H
#define BROKER_CLUSTER_LINE_NUMBERS_H

#include <stdbool.h>

#include "broker/cluster/metadata.h"
#include "wire/wire.h"

#define LINE_NUMBERS_MARKERS "millrace-markers" /* the client id, with the number behind it */

enum { LINE_NUMBERS_TEXT_MAX = 96 };

struct line_numbers;

/* What was heard of the lines of others; the metadata is borrowed. */
struct line_numbers *line_numbers_new(const struct metadata *metadata);
void line_numbers_free(struct line_numbers *numbers);
/* A request with this client id has come: false when it is of a line that was given up. A client id
 * without a number, and one of a broker that the metadata does not know so, is nobody's: true. */
bool line_numbers_take(struct line_numbers *numbers, struct wire_str client_id);

/* The client id of the `number`-th line of this broker. */
void line_numbers_write(char out[LINE_NUMBERS_TEXT_MAX], const char *name, int32_t broker_id,
                        int64_t broker_epoch, uint64_t number);

#endif
