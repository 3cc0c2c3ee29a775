/* The records of a coordinator's topic: builds batches of them, and reads what is in front of keys
 * and values. In all of these topics Kafka puts an int16 in front of a key, the type of the record,
 * and one in front of a value, its version. The layouts are the caller's. */
#ifndef BROKER_COORDINATOR_RECORDS_H
#define BROKER_COORDINATOR_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "kafka/batch.h"
#include "wire/out.h"
#include "wire/wire.h"

enum {
    /* Batches of at most this are built: below the default of max.message.bytes. */
    RECORDS_BATCH_MAX = 900 << 10,
    /* One record is never larger than max.message.bytes of the topic, nor than this: it is one
     * batch, which every follower and every new coordinator must take in one piece. */
    RECORDS_RECORD_MAX = 16 << 20,
    /* What a batch of one record has besides key and value, at most. */
    RECORDS_OVERHEAD = BATCH_HEADER_SIZE + 40
};

/* The first error sticks, as in wire_out. */
struct records {
    struct buf batches; /* the finished ones */
    struct batch_builder builder;
    struct wire_out key;
    struct wire_out value;
    int64_t wall_ms;
    size_t batch_max;    /* a record that makes a larger batch is ERR_TOO_LARGE */
    int64_t producer_id; /* -1, or the producer of transactional commits */
    int16_t producer_epoch;
    int32_t count;
    int err;
    bool open; /* the builder holds records */
};

void records_init(struct records *records, int64_t wall_ms);
void records_close(struct records *records);
/* Adds one record; `value` NULL writes a tombstone. A key has one version. */
void records_put(struct records *records, int16_t type, const struct wire_desc *key_desc,
                 const void *key, int16_t version, const struct wire_desc *value_desc,
                 const void *value);
/* Completes the last batch: 0 and whole batches in records->batches (none when nothing was put), or
 * the first error: ERR_NO_MEMORY, ERR_TOO_LARGE, ERR_INVALID. */
int records_finish(struct records *records) MUST_CHECK;

/* ---- reading ---- */

/* The type of a key; -1 when it has none. */
int records_type(struct wire_bytes key);
/* Decodes what follows the int16 of a key or value. The value's version is read from it;
 * ERR_UNSUPPORTED when it is newer than we know. ERR_MALFORMED, ERR_NO_MEMORY. */
int records_read_key(struct wire_bytes bytes, const struct wire_desc *desc, void *key) MUST_CHECK;
int records_read_value(struct wire_bytes bytes, const struct wire_desc *desc, struct arena *arena,
                       void *value) MUST_CHECK;

#endif
