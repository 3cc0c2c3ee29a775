/* Transaction markers: the bytes of Kafka's, read back, and damage. */
#include "../tap.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "kafka/txn_marker.h"
#include "tests/lib/batch_maker.h"

static void a_marker_is_read_as_it_was_written(void)
{
    uint8_t bytes[TXN_MARKER_SIZE];
    struct batch batch;
    for (int commit = 0; commit <= 1; commit++) {
        struct txn_marker marker = {.producer_id = INT64_C(1) << 40,
                                    .producer_epoch = 32767,
                                    .commit = commit,
                                    .coordinator_epoch = 77},
                          read;
        txn_marker_write(&marker, 1234, bytes);
        CHECK_INT(batch_parse(bytes, sizeof(bytes), &batch), 0);
        CHECK_INT(batch_check_crc(&batch), 0);
        CHECK_INT(batch.size, sizeof(bytes));
        CHECK_INT(batch.attributes, BATCH_CONTROL | BATCH_TRANSACTIONAL);
        CHECK_INT(batch.base_sequence, -1);
        CHECK_INT(batch.max_timestamp, 1234);
        CHECK_INT(txn_marker_read(&batch, &read), 1);
        CHECK_INT(read.producer_id, marker.producer_id);
        CHECK_INT(read.producer_epoch, 32767);
        CHECK_INT(read.commit, commit);
        CHECK_INT(read.coordinator_epoch, 77);
    }
}

/* The record: its length, attributes, deltas of 0, a key of 4 bytes, a value of 6, no headers. */
static void a_marker_has_kafkas_bytes(void)
{
    static const uint8_t record[] = {0x20, 0, 0, 0, 8, 0, 0, 0, 1, 12, 0, 0, 0, 0, 1, 2, 0};
    struct txn_marker marker = {.commit = true, .coordinator_epoch = 258};
    uint8_t bytes[TXN_MARKER_SIZE];
    txn_marker_write(&marker, 5, bytes);
    CHECK_INT(sizeof(record), TXN_MARKER_SIZE - BATCH_HEADER_SIZE);
    CHECK(memcmp(bytes + BATCH_HEADER_SIZE, record, sizeof(record)) == 0);
}

/* A transaction has to end also when memory is out. */
static void a_marker_needs_no_memory(void)
{
    struct txn_marker marker = {.producer_id = 1}, read;
    uint8_t bytes[TXN_MARKER_SIZE];
    struct batch batch;
    for (uint64_t n = 1; n <= 4; n++) {
        mem_fail_at(n);
        txn_marker_write(&marker, 5, bytes);
        mem_fail_at(0);
        CHECK_INT(batch_parse(bytes, sizeof(bytes), &batch), 0);
        CHECK_INT(txn_marker_read(&batch, &read), 1);
    }
}

static int read_changed(int at, uint8_t value)
{
    struct txn_marker marker = {.producer_id = 1}, read;
    uint8_t bytes[TXN_MARKER_SIZE];
    struct batch batch;
    txn_marker_write(&marker, 5, bytes);
    bytes[at] = value;
    CHECK_INT(batch_parse(bytes, sizeof(bytes), &batch), 0);
    return txn_marker_read(&batch, &read);
}

static void other_control_records_are_no_markers(void)
{
    int type_at = BATCH_HEADER_SIZE + 8;
    for (int type = 0; type < 10; type++)
        CHECK_INT(read_changed(type_at, (uint8_t)type), type <= CONTROL_COMMIT);
    CHECK_INT(read_changed(BATCH_HEADER_SIZE, 0x22),
              ERR_INVALID_RECORD); /* longer than the batch */
    CHECK_INT(read_changed(BATCH_HEADER_SIZE + 4, 6), ERR_INVALID_RECORD);  /* a shorter key */
    CHECK_INT(read_changed(BATCH_HEADER_SIZE + 9, 10), ERR_INVALID_RECORD); /* a shorter value */
    CHECK_INT(read_changed(22, BATCH_CONTROL | COMPRESS_GZIP), ERR_INVALID_RECORD);
}

TAP_MAIN(TAP_TEST(a_marker_is_read_as_it_was_written), TAP_TEST(a_marker_has_kafkas_bytes),
         TAP_TEST(a_marker_needs_no_memory), TAP_TEST(other_control_records_are_no_markers))
