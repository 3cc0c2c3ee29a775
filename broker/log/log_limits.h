/* Limits and names that several files of this folder share. */
#ifndef BROKER_LOG_LOG_LIMITS_H
#define BROKER_LOG_LOG_LIMITS_H

#include <stdint.h>

enum {
    /* Batches whose position is remembered, for reads at the tail and for the high watermark: more
     * than a producer has in flight. */
    LOG_RING = 32,
    /* Segments with open files (three descriptors each, four where a
     * transaction was aborted) when the owner does not say. */
    LOG_OPEN_SEGMENTS = 2048,
    /* Descriptors that one roll may need: the old segment's indexes, its marker, the new file with
     * its indexes. An append, a cut or a removal needs no more. */
    LOG_ROLL_FILES = 8,
    LOG_LACK_TOLD_MS = 10000,       /* between two lines about it, or about damage */
    LOG_LATER_MS = 100,             /* until what lacked descriptors or memory is tried again */
    LOG_CHECKPOINTS = 4,            /* enum checkpoint */
    LOG_SERVED_MAX = 256,           /* broker epochs that a directory notes: served.h */
    LOG_NAME_MAX = 249 + 1 + 10 + 1 /* topic, dash, partition, NUL */
};

/* In a partition's directory: what a start found wrong with it; and see log_mark_gaps. */
#define LOG_DAMAGE_FILE "replica.damaged"
#define LOG_GAPS_FILE   "replica.gaps"
#define LOG_DOUBT_FILE  "replica.doubted"

/* In the mark of a clean stop, before the checksum of .segments. */
#define LOG_MARK_FIELD "\"segments\":"
/* And before the broker epoch of the process that stopped, as in Kafka. */
#define LOG_MARK_EPOCH_FIELD "\"brokerEpoch\":"

/* Intervals above this never come; it keeps the sums of clocks from overflowing. */
#define LOG_INTERVAL_MAX_MS (INT64_C(1000) * 86400 * 365 * 100)

#endif
