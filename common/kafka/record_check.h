/* A look at the records of a batch of magic 2, piece by piece: do they parse, are they as many as
 * the header says, do their offset deltas count from 0, and what are their timestamps.
 *
 * Nothing is kept of the records, so that those of a compressed batch may pass through a window.
 * The rules are Kafka's for what a client may write. */
#ifndef KAFKA_RECORD_CHECK_H
#define KAFKA_RECORD_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

enum { RECORD_CHECK_BAD_MAX = 16 }; /* records that are told; more only count */

struct record_check_rules {
    int64_t base_timestamp; /* of the batch, ms */
    int64_t oldest;         /* timestamps outside are bad; INT64_MIN and INT64_MAX = no limit. */
    int64_t newest;         /* -1, for none, is always good */
    int32_t count;          /* of the records, as the header says */
    bool keys;              /* each record needs one */
};

struct record_check_bad {
    int32_t index; /* of the record in the batch */
    bool time;     /* its timestamp; else its key is missing */
};

struct record_check {
    struct record_check_rules rules;
    int32_t seen;
    int64_t max_timestamp; /* -1 when no record has one */
    int32_t bad_count;     /* of `bad` */
    bool bad_time;         /* whether any has a bad timestamp */
    struct record_check_bad bad[RECORD_CHECK_BAD_MAX];
    const char *fault; /* static text: what does not parse; NULL = nothing yet */

    /* The record that is cut off by the end of a piece. */
    int field;
    size_t record_left; /* its bytes that are still to come */
    size_t skip;        /* of a key or value */
    int32_t headers_left;
    uint64_t number;
    unsigned shift;
    int64_t time_delta;
    bool no_key;
};

void record_check_init(struct record_check *check, const struct record_check_rules *rules);
/* The next bytes. ERR_MALFORMED and check->fault; nothing more may be given then. */
int record_check_take(struct record_check *check, const uint8_t *bytes, size_t len) MUST_CHECK;
/* That was all. ERR_MALFORMED when records are missing or cut off. */
int record_check_end(struct record_check *check) MUST_CHECK;

#endif
