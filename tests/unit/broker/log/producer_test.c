/* Idempotent producers: the sequence rules, snapshots, expiry. Traps D of the checklist. */
#include "fixture.h"

static int produce(struct log_world *f, int64_t id, int epoch, int sequence, int count)
{
    return append_spec(f,
                       (struct batch_spec){.count = count,
                                           .value_len = 10,
                                           .producer_id = id,
                                           .epoch = epoch,
                                           .sequence = sequence,
                                           .timestamp = 1000},
                       LOG_FROM_CLIENT);
}

static void sequences_follow_each_other(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(produce(&f, 7, 0, 41, 2), 0); /* nothing is known: any sequence is taken */
    CHECK_INT(produce(&f, 7, 0, 43, 3), 0);
    CHECK_INT(produce(&f, 7, 0, 47, 1), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER); /* a gap */
    CHECK_INT(produce(&f, 7, 0, 44, 2), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER); /* half a repeat */
    CHECK_INT(produce(&f, 8, 0, 0, 1), 0);
    CHECK_INT(produce(&f, 7, 0, 46, 1), 0);
    CHECK_INT(log_end_offset(f.log), 7);
    fixture_close(&f);
}

static void the_last_five_batches_are_duplicates(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    for (int i = 0; i < 8; i++)
        CHECK_INT(produce(&f, 7, 0, i * 2, 2), 0);
    for (int i = 0; i < 8; i++) {
        int rc = produce(&f, 7, 0, i * 2, 2);
        if (i < 3) {
            CHECK_INT(rc, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
            continue;
        }
        CHECK_INT(rc, 0);
        CHECK(fixture_result.duplicate);
        CHECK_INT(fixture_result.base_offset, i * 2);
        CHECK_INT(fixture_result.last_offset, i * 2 + 1);
    }
    CHECK_INT(log_end_offset(f.log), 16);
    /* After a restart the last one at least is known, all five when the scan sees them. */
    fixture_shutdown(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(produce(&f, 7, 0, 14, 2), 0);
    CHECK(fixture_result.duplicate);
    CHECK_INT(fixture_result.base_offset, 14);
    CHECK_INT(produce(&f, 7, 0, 16, 1), 0);
    CHECK(!fixture_result.duplicate);
    fixture_close(&f);
}

static void sequences_wrap(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(produce(&f, 7, 0, INT32_MAX - 1, 4), 0); /* up to 1 */
    CHECK_INT(produce(&f, 7, 0, INT32_MAX - 1, 4), 0);
    CHECK(fixture_result.duplicate);
    CHECK_INT(produce(&f, 7, 0, 1, 1), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    CHECK_INT(produce(&f, 7, 0, 2, 1), 0);
    CHECK_INT(produce(&f, 8, 0, INT32_MAX, 1), 0);
    CHECK_INT(produce(&f, 8, 0, 0, 1), 0);
    CHECK_INT(log_end_offset(f.log), 7);
    fixture_close(&f);
}

static void a_new_epoch_starts_at_zero(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(produce(&f, 7, 3, 0, 5), 0);
    CHECK_INT(produce(&f, 7, 4, 5, 1), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    CHECK_INT(produce(&f, 7, 4, 0, 1), 0);
    CHECK(!fixture_result.duplicate);
    CHECK_INT(produce(&f, 7, 3, 5, 1), ERR_INVALID_PRODUCER_EPOCH);
    CHECK_INT(produce(&f, 7, 4, 1, 1), 0);
    fixture_close(&f);
}

static void a_cut_takes_what_producers_wrote(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.segment_bytes = 600;
    CHECK_INT(fixture_open(&f), 0);
    for (int i = 0; i < 20; i++)
        CHECK_INT(produce(&f, 7, i / 10, i % 10, 1), 0);
    for (int keep = 19; keep > 0; keep--) {
        CHECK_INT(log_truncate(f.log, keep), 0);
        struct producer *producer = producer_state_get(&f.log->producers, 7);
        CHECK_INT(producer->epoch, (keep - 1) / 10);
        CHECK_INT(producer_last_sequence(producer), (keep - 1) % 10);
        if (keep % 4 == 0)
            fixture_settle(&f);
    }
    CHECK_INT(log_truncate(f.log, 0), 0);
    CHECK(producer_state_get(&f.log->producers, 7) == NULL);
    /* No snapshot from before the cut comes back. */
    CHECK_INT(produce(&f, 9, 0, 0, 1), 0);
    fixture_shutdown(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK(producer_state_get(&f.log->producers, 7) == NULL);
    CHECK(producer_state_get(&f.log->producers, 9) != NULL);
    fixture_close(&f);
}

/* What a follower copied makes the same state as the leader's. */
static void a_follower_knows_the_same(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    for (int i = 0; i < 6; i++)
        CHECK_INT(
            append_spec(&f,
                        (struct batch_spec){
                            .count = 1, .base_offset = i, .producer_id = 7, .sequence = 100 + i},
                        LOG_FROM_LEADER),
            0);
    CHECK_INT(produce(&f, 7, 0, 103, 1), 0);
    CHECK(fixture_result.duplicate);
    CHECK_INT(fixture_result.base_offset, 3);
    CHECK_INT(produce(&f, 7, 0, 107, 1), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    CHECK_INT(produce(&f, 7, 0, 106, 1), 0);
    fixture_close(&f);
}

static void producers_expire_by_their_last_append(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(produce(&f, 7, 0, 0, 1), 0); /* its timestamps are of 1970 */
    for (int id = 100; id < 300; id++)
        CHECK_INT(produce(&f, id, 0, 0, 1), 0);
    int64_t now = env_now_ms(f.env);
    producer_state_expire(&f.log->producers, now, 60000);
    CHECK_INT(f.log->producers.map.count, 201);
    producer_state_expire(&f.log->producers, now + 60000, 60000);
    CHECK_INT(f.log->producers.map.count, 0);
    CHECK_INT(produce(&f, 7, 0, 1, 1), 0); /* and it goes on */
    fixture_close(&f);
}

static int mark_from(struct log_world *f, int64_t id, int epoch, int coordinator_epoch,
                     enum log_origin origin)
{
    struct buf bytes =
        batch_make_marker((struct batch_marker){.producer_id = id,
                                                .epoch = epoch,
                                                .coordinator_epoch = coordinator_epoch,
                                                .timestamp = 5,
                                                .commit = true});
    int rc = log_append(f->log, bytes.data, bytes.len, origin, 0, &fixture_result);
    buf_close(&bytes);
    return rc;
}

static int mark(struct log_world *f, int64_t id, int epoch, int coordinator_epoch)
{
    return mark_from(f, id, epoch, coordinator_epoch, LOG_MARKER);
}

static void transactions_hold_the_stable_offset(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    struct batch_spec data = {.count = 2, .producer_id = 7, .attributes = BATCH_TRANSACTIONAL};
    CHECK_INT(append_some(&f, 3, 10), 0);
    CHECK_INT(append_spec(&f, data, LOG_FROM_CLIENT), 0);
    CHECK_INT(append_some(&f, 3, 10), 0);
    log_set_high_watermark(f.log, 8);
    CHECK_INT(log_last_stable_offset(f.log), 3);
    fixture_shutdown(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_last_stable_offset(f.log), 3);
    CHECK_INT(mark(&f, 7, 0, 9), 0);
    log_set_high_watermark(f.log, 9);
    CHECK_INT(log_last_stable_offset(f.log), 9);
    CHECK_INT(mark(&f, 7, 0, 8), ERR_TRANSACTION_COORDINATOR_FENCED);
    CHECK_INT(mark(&f, 8, 0, -1), ERR_TRANSACTION_COORDINATOR_FENCED);
    CHECK(producer_state_get(&f.log->producers, 8) == NULL);
    CHECK_INT(mark(&f, 7, 1, 9), 0);
    data.epoch = 0;
    data.sequence = 2;
    CHECK_INT(append_spec(&f, data, LOG_FROM_CLIENT), ERR_INVALID_PRODUCER_EPOCH);
    fixture_crash(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    struct producer *producer = producer_state_get(&f.log->producers, 7);
    CHECK_INT(producer->coordinator_epoch, 9);
    CHECK_INT(producer->epoch, 1);
    CHECK_INT(producer_last_sequence(producer), -1);
    fixture_close(&f);
}

/* Its transaction would never end for readers, and its next batch would begin another one. */
static void a_producer_with_a_transaction_does_not_expire(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(produce(&f, 8, 0, 0, 1), 0);
    struct batch_spec data = {.count = 1, .producer_id = 7, .attributes = BATCH_TRANSACTIONAL};
    CHECK_INT(append_spec(&f, data, LOG_FROM_CLIENT), 0);
    int64_t late = env_now_ms(f.env) + 60000;
    producer_state_expire(&f.log->producers, late, 60000);
    CHECK_INT(f.log->producers.map.count, 1);
    CHECK(producer_state_get(&f.log->producers, 7) != NULL);
    log_set_high_watermark(f.log, 2);
    CHECK_INT(log_last_stable_offset(f.log), 1);
    CHECK_INT(mark(&f, 7, 0, 1), 0);
    late = env_now_ms(f.env) + 60000;
    producer_state_expire(&f.log->producers, late, 60000);
    CHECK_INT(f.log->producers.map.count, 0);
    /* It is forgotten, and its end is not committed yet. */
    CHECK_INT(log_last_stable_offset(f.log), 1);
    log_set_high_watermark(f.log, 3);
    CHECK_INT(log_last_stable_offset(f.log), 3);
    log_check_whole(f.log);
    fixture_close(&f);
}

/* transaction.version 2: each end raises the epoch, so a marker of the epoch that writes now is one
 * of an earlier transaction. */
static void a_late_marker_of_a_bumped_epoch_is_refused(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    struct batch_spec data = {.count = 1, .producer_id = 7, .attributes = BATCH_TRANSACTIONAL};
    CHECK_INT(append_spec(&f, data, LOG_FROM_CLIENT), 0);
    CHECK_INT(mark_from(&f, 7, 0, 1, LOG_MARKER_BUMPED), ERR_INVALID_PRODUCER_EPOCH);
    CHECK_INT(mark_from(&f, 7, 1, 1, LOG_MARKER_BUMPED), 0);
    CHECK_INT(mark_from(&f, 7, 1, 1, LOG_MARKER_BUMPED), 0); /* its answer was lost */
    data.epoch = 1;
    CHECK_INT(append_spec(&f, data, LOG_FROM_CLIENT), 0);
    CHECK_INT(mark_from(&f, 7, 1, 1, LOG_MARKER_BUMPED), ERR_INVALID_PRODUCER_EPOCH);
    CHECK_INT(mark_from(&f, 7, 1, 1, LOG_MARKER), 0);
    CHECK_INT(log_end_offset(f.log), 5);
    fixture_close(&f);
}

static void only_coordinators_write_markers(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(mark_from(&f, 7, 0, 1, LOG_FROM_CLIENT), ERR_INVALID_RECORD);
    CHECK_INT(mark_from(&f, 7, 0, 1, LOG_FROM_BROKER), ERR_INVALID_RECORD);
    CHECK_INT(append_spec(&f, (struct batch_spec){.count = 1, .producer_id = 7}, LOG_MARKER),
              ERR_INVALID_RECORD);
    CHECK_INT(log_end_offset(f.log), 0);
    fixture_close(&f);
}

static void snapshots_are_checked(void)
{
    struct producer_state state, copy;
    struct buf bytes;
    struct batch batch = {.producer_id = 5,
                          .producer_epoch = 2,
                          .base_offset = 90,
                          .last_offset_delta = 9,
                          .base_sequence = 30,
                          .max_timestamp = 1234};
    buf_init(&bytes);
    producer_state_init(&state, NULL);
    producer_state_init(&copy, NULL);
    producer_state_take(&state, &batch, 1, NULL);
    batch.producer_id = 6;
    producer_state_take(&state, &batch, 1, NULL);
    CHECK_INT(producer_state_format(&state, &bytes), 0);
    CHECK_INT(bytes.len, 10 + 2 * 46);
    CHECK_INT(bytes.data[1], 1);
    CHECK_INT(producer_state_parse(&copy, bytes.data, bytes.len, 1), 0);
    CHECK_INT(producer_state_get(&copy, 5)->batches[0].last_sequence, 39);
    CHECK_INT(producer_state_get(&copy, 5)->batches[0].last_offset, 99);
    CHECK_INT(producer_state_get(&copy, 5)->last_timestamp, 1234);
    for (size_t i = 0; i < bytes.len; i++) {
        CHECK_INT(producer_state_parse(&copy, bytes.data, i, 1), ERR_CORRUPT);
        bytes.data[i] ^= 1;
        CHECK_INT(producer_state_parse(&copy, bytes.data, bytes.len, 1), ERR_CORRUPT);
        CHECK_INT(copy.map.count, 0);
        bytes.data[i] ^= 1;
    }
    producer_state_close(&state);
    producer_state_close(&copy);
    buf_close(&bytes);
}

/* In flight at a restart, all of them must be known again when they are repeated (trap 46). */
static void snapshots_keep_the_last_five_batches(void)
{
    struct producer_state state, copy;
    struct buf bytes;
    struct producer_verdict verdict;
    struct batch batch = {.producer_id = 5, .last_offset_delta = 1};
    buf_init(&bytes);
    producer_state_init(&state, NULL);
    producer_state_init(&copy, NULL);
    for (int i = 0; i < 7; i++) {
        batch.base_offset = 100 + i * 3;
        batch.base_sequence = i * 2;
        batch.max_timestamp = i;
        producer_state_take(&state, &batch, 1, NULL);
    }
    CHECK_INT(producer_state_format(&state, &bytes), 0);
    CHECK_INT(bytes.len, 10 + 5 * 46);
    CHECK_INT(producer_state_parse(&copy, bytes.data, bytes.len, 1), 0);
    CHECK_INT(producer_state_get(&copy, 5)->last_timestamp, 6);
    for (int i = 2; i < 7; i++) {
        batch.base_sequence = i * 2;
        CHECK_INT(producer_state_check(&copy, &batch, true, &verdict), 0);
        CHECK(verdict.is_duplicate);
        CHECK_INT(verdict.duplicate.last_offset, 101 + i * 3);
    }
    batch.base_sequence = 2;
    CHECK_INT(producer_state_check(&copy, &batch, true, &verdict),
              ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    producer_state_close(&state);
    producer_state_close(&copy);
    buf_close(&bytes);
}

/* What others invent pushes out what wrote longest ago in their own log, and nobody who writes. */
static void producers_of_a_broker_are_limited(void)
{
    size_t total = 0;
    struct producer_state other, flooded;
    struct batch batch = {.producer_id = 1, .last_offset_delta = 0};
    producer_state_init(&other, &total);
    producer_state_init(&flooded, &total);
    producer_state_take(&other, &batch, 1, NULL);
    CHECK_INT(total, 1);
    total += PRODUCERS_MAX; /* as many in other logs */
    for (int id = 0; id < 5000; id++) {
        batch.producer_id = 100 + id;
        batch.base_offset = id;
        producer_state_take(&flooded, &batch, 2, NULL);
        batch.producer_id = 100; /* goes on writing */
        producer_state_take(&flooded, &batch, 2, NULL);
        CHECK(flooded.map.count <= PRODUCERS_SPARED);
    }
    CHECK(producer_state_get(&other, 1) != NULL);
    CHECK(producer_state_get(&flooded, 100) != NULL);
    CHECK(producer_state_get(&flooded, 101) == NULL);
    CHECK(producer_state_get(&flooded, 100 + 4999) != NULL);
    CHECK_INT(total, 1 + PRODUCERS_MAX + PRODUCERS_SPARED);
    producer_state_expire(&flooded, 10, 8);
    CHECK_INT(flooded.map.count, 0);
    producer_state_close(&other);
    producer_state_close(&flooded);
    CHECK_INT(total, PRODUCERS_MAX);
}

/* Open transactions at the front of those that are forgotten first keep nobody else. */
static void open_transactions_do_not_lift_the_limit(void)
{
    enum { OPEN = 70 };
    size_t total = 0;
    struct producer_state flooded;
    struct batch batch = {.last_offset_delta = 0, .attributes = BATCH_TRANSACTIONAL};
    producer_state_init(&flooded, &total);
    total += PRODUCERS_MAX;
    for (int id = 0; id < 3000; id++) {
        batch.producer_id = id;
        batch.base_offset = id;
        batch.attributes = id < OPEN ? BATCH_TRANSACTIONAL : 0;
        producer_state_take(&flooded, &batch, 2, NULL);
    }
    CHECK(flooded.map.count <= PRODUCERS_SPARED + OPEN);
    for (int id = 0; id < OPEN; id++)
        CHECK(producer_state_get(&flooded, id) != NULL);
    producer_state_check_all(&flooded);
    producer_state_close(&flooded);
}

TAP_MAIN(TAP_TEST(snapshots_keep_the_last_five_batches), TAP_TEST(sequences_follow_each_other),
         TAP_TEST(the_last_five_batches_are_duplicates), TAP_TEST(sequences_wrap),
         TAP_TEST(a_new_epoch_starts_at_zero), TAP_TEST(a_cut_takes_what_producers_wrote),
         TAP_TEST(a_follower_knows_the_same), TAP_TEST(producers_expire_by_their_last_append),
         TAP_TEST(transactions_hold_the_stable_offset),
         TAP_TEST(a_producer_with_a_transaction_does_not_expire),
         TAP_TEST(open_transactions_do_not_lift_the_limit),
         TAP_TEST(a_late_marker_of_a_bumped_epoch_is_refused),
         TAP_TEST(only_coordinators_write_markers), TAP_TEST(snapshots_are_checked),
         TAP_TEST(producers_of_a_broker_are_limited))
