/* Down-conversion on a worker: what an old client reads, as the message set that it knows.
 *
 * A few kilobytes may open to megabytes, and tens of thousands of batches cost a tenth of a second:
 * neither is for the loop. One fetch of a broker is converted at a time, in the order in which they
 * came, so that old clients take one worker and the memory of one fetch. */
#ifndef BROKER_HANDLERS_FETCH_CONVERT_H
#define BROKER_HANDLERS_FETCH_CONVERT_H

#include "broker/replica/partition_ops.h"

struct fetch_converter;
struct fetch_convert;

/* What was read of one partition, then what became of it. */
struct fetch_convert_part {
    struct partition_slice slice;
    int64_t offset; /* the first that is asked for */
    int err;
    struct buf out;
};

struct fetch_converter *fetch_converter_new(struct env *env);
/* Every conversion must be done or abandoned. */
void fetch_converter_free(struct fetch_converter *converter);

/* A conversion to `magic` (0 or 1) of at most `count` parts; NULL when memory is out. */
struct fetch_convert *fetch_convert_new(struct fetch_converter *converter, size_t count,
                                        int8_t magic);
/* Takes the slice over. */
void fetch_convert_add(struct fetch_convert *convert, struct partition_slice *slice,
                       int64_t offset);
/* `done` comes on the loop, never before this returns, with the parts as they were added; it may
 * take `out` from them. The rest is freed when it returns. */
void fetch_convert_start(struct fetch_convert *convert,
                         void (*done)(void *data, struct fetch_convert_part *parts), void *data);
/* Nobody waits any more: `done` does not come. */
void fetch_convert_abandon(struct fetch_convert *convert);

#endif
