/* The records of __consumer_offsets: their types, and the two that every group may have. The
 * layouts are Kafka's (kafka/messages/consumer_offsets.h), so that its own tools read what we
 * write. */
#ifndef BROKER_GROUP_GROUP_RECORDS_H
#define BROKER_GROUP_GROUP_RECORDS_H

#include "broker/coordinator/records.h"
#include "kafka/messages/consumer_offsets.h"

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

/* Of a group's offset; `offset` NULL = tombstone. */
void group_records_put_offset(struct records *records, struct wire_str group, struct wire_str topic,
                              int32_t partition, const struct offset *offset);
/* Of a classic group; `value` NULL = tombstone. */
void group_records_put_group(struct records *records, struct wire_str group,
                             const struct group_metadata_value *value);

#endif
