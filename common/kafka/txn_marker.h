/* Transaction markers: a control batch with one record, which ends the transaction of a producer in
 * a partition. Its key is int16 version, int16 type; its value int16 version, int32 epoch of the
 * coordinator. Source: KIP-98; the schemas are in messages/control_records.h. */
#ifndef KAFKA_TXN_MARKER_H
#define KAFKA_TXN_MARKER_H

#include "kafka/batch.h"

/* The type of a control record. */
enum control_type {
    CONTROL_ABORT = 0,
    CONTROL_COMMIT = 1,
    CONTROL_LEADER_CHANGE = 2, /* these only in the metadata log of Kafka's controllers */
    CONTROL_SNAPSHOT_HEADER = 3,
    CONTROL_SNAPSHOT_FOOTER = 4,
    CONTROL_KRAFT_VERSION = 5,
    CONTROL_KRAFT_VOTERS = 6
};

enum {
    TXN_MARKER_KEY_LEN = 4,
    TXN_MARKER_VALUE_LEN = 6,
    TXN_MARKER_SIZE = BATCH_HEADER_SIZE + 17 /* of the whole batch as it is written here */
};

struct txn_marker {
    int64_t producer_id;
    int16_t producer_epoch;
    bool commit; /* else abort */
    int32_t coordinator_epoch;
};

/* The finished batch, at offset 0. */
void txn_marker_write(const struct txn_marker *marker, int64_t now_ms,
                      uint8_t bytes[TXN_MARKER_SIZE]);

/* Reads a control batch whose bytes are at hand: 1; 0 for another kind of control record, also an
 * unknown one; ERR_INVALID_RECORD. */
int txn_marker_read(const struct batch *batch, struct txn_marker *marker) MUST_CHECK;
/* The type of a control record, of which only the key is needed. ERR_INVALID_RECORD. */
int txn_marker_read_type(const struct record *record, int16_t *type) MUST_CHECK;

#endif
