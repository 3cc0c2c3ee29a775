/* The records of __consumer_offsets: builds batches of them and tells keys apart. The layouts are
 * Kafka's (kafka/messages/consumer_offsets.h), so that its own tools read what we write. */
#ifndef BROKER_GROUP_RECORDS_H
#define BROKER_GROUP_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "kafka/batch.h"
#include "kafka/messages/consumer_offsets.h"
#include "wire/out.h"

struct offset;

/* The int16 in front of a key. */
enum record_type {
    RECORD_OFFSET_OLD = 0,
    RECORD_OFFSET = 1,
    RECORD_GROUP = 2,
    RECORD_CONSUMER_GROUP = 3,
    RECORD_CONSUMER_TOPICS = 4,
    RECORD_CONSUMER_MEMBER = 5,
    RECORD_CONSUMER_TARGET = 6,
    RECORD_CONSUMER_TARGET_MEMBER = 7,
    RECORD_CONSUMER_CURRENT = 8,
    RECORD_CONSUMER_REGEX = 16
};

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
/* Adds one record; `value` NULL writes a tombstone. */
void records_put(struct records *records, enum record_type type, const struct wire_desc *key_desc,
                 const void *key, int16_t version, const struct wire_desc *value_desc,
                 const void *value);
/* Completes the last batch: 0 and whole batches in records->batches (none when nothing was put), or
 * the first error: ERR_NO_MEMORY, ERR_TOO_LARGE, ERR_INVALID. */
int records_finish(struct records *records) MUST_CHECK;

/* ---- the single records; `offset` NULL = tombstone ---- */

void records_put_offset(struct records *records, struct wire_str group, struct wire_str topic,
                        int32_t partition, const struct offset *offset);
void records_put_group(struct records *records, struct wire_str group,
                       const struct group_metadata_value *value);

/* ---- reading ---- */

/* The type of a key; -1 when it has none. */
int records_type(struct wire_bytes key);
/* Decodes what follows the int16 of a key or value. The value's version is read from it;
 * ERR_UNSUPPORTED when it is newer than we know. ERR_MALFORMED, ERR_NO_MEMORY. */
int records_read_key(struct wire_bytes bytes, const struct wire_desc *desc, void *key) MUST_CHECK;
int records_read_value(struct wire_bytes bytes, const struct wire_desc *desc, struct arena *arena,
                       void *value) MUST_CHECK;

#endif
