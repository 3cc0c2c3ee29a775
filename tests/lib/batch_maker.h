/* Record batches for tests. What can't be made aborts, since each of them is a test's own. Tests of
 * the builder itself (tests/unit/kafka) call that instead. */
#ifndef TESTS_LIB_BATCH_MAKER_H
#define TESTS_LIB_BATCH_MAKER_H

#include "base/buf.h"
#include "kafka/batch.h"

/* One record, where they are not all alike. */
struct batch_record {
    struct wire_bytes key;
    struct wire_bytes value;
    int64_t timestamp;
    int headers; /* BATCH_HEADERS_MAX at most */
};

enum { BATCH_HEADERS_MAX = 2 };

struct batch_spec {
    int count;
    int value_len;     /* of a letter for each record, unless there is a text */
    const char *value; /* the text of each record */
    int64_t timestamp;
    int64_t base_offset;
    int64_t producer_id; /* 0 = none, unless it is idempotent */
    bool idempotent;
    int epoch;
    int sequence;
    int leader_epoch;
    int attributes; /* beside the codec */
    enum compress_codec codec;
    const int64_t *timestamps;          /* of each record */
    const struct batch_record *records; /* instead of all that is said of records above */
};

struct batch_marker {
    int64_t base_offset;
    int64_t producer_id;
    int epoch;
    int leader_epoch;
    int coordinator_epoch;
    int64_t timestamp;
    bool commit;
};

/* A finished batch; the caller closes the buffer. */
struct buf batch_make(struct batch_spec spec);
/* The same behind what `out` has. */
void batch_put(struct buf *out, struct batch_spec spec);
/* The end of a transaction. */
struct buf batch_make_marker(struct batch_marker marker);
/* Sets the checksum of a batch that was changed by hand. */
void batch_seal(struct buf *batch);
/* The bytes of a text; NULL is no bytes at all. */
struct wire_bytes batch_text(const char *text);

#endif
