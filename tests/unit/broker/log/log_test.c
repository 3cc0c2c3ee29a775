/* The log through its public face: append, read, roll, restart, cut. */
#include "broker/log/flush.h"
#include "fixture.h"

static void appends_are_read_back(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(log_end_offset(f.log), 0);
    int64_t first;
    CHECK_INT(read_from(&f, 0, 1000, INT64_MAX, &first), -1);
    for (int i = 0; i < 1000; i++) {
        CHECK_INT(append_some(&f, 3, 100), 0);
        CHECK_INT(fixture_result.base_offset, i * 3);
        CHECK_INT(fixture_result.last_offset, i * 3 + 2);
    }
    CHECK_INT(log_end_offset(f.log), 3000);
    fixture_settle(&f);
    CHECK_INT(log_durable_offset(f.log), 3000);
    for (int64_t offset = 0; offset < 3000; offset += 7) {
        CHECK(read_from(&f, offset, 5000, INT64_MAX, &first) > offset);
        CHECK_INT(first, offset - offset % 3);
        /* Never at or past the end that was given. */
        int64_t end = offset - offset % 3 + 6;
        CHECK_INT(read_from(&f, offset, 5000, end, &first), end < 3000 ? end : 3000);
    }
    CHECK_INT(read_from(&f, 2999, 1, INT64_MAX, &first), 3000);
    CHECK_INT(read_from(&f, 3001, 1, INT64_MAX, &first), ERR_OFFSET_OUT_OF_RANGE);
    CHECK_INT(read_from(&f, -1, 1, INT64_MAX, &first), ERR_OFFSET_OUT_OF_RANGE);
    fixture_close(&f);
}

static void all_is_there_after_clean_and_unclean_restarts(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.segment_bytes = 20000;
    CHECK_INT(fixture_open(&f), 0);
    int64_t next = 0, first;
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 100; i++)
            CHECK_INT(append_some(&f, 2, 300), 0);
        next += 200;
        fixture_settle(&f);
        log_set_high_watermark(f.log, next);
        if (round % 2)
            fixture_crash(&f);
        else
            fixture_shutdown(&f);
        CHECK_INT(fixture_reopen(&f), 0);
        CHECK_INT(log_end_offset(f.log), next);
        CHECK_INT(log_durable_offset(f.log), next);
        if (round % 2 == 0)
            CHECK_INT(log_high_watermark(f.log), next);
        for (int64_t offset = 0; offset < next; offset += 11) {
            CHECK(read_from(&f, offset, 1000, INT64_MAX, &first) > offset);
            CHECK_INT(first, offset - offset % 2);
        }
    }
    CHECK(f.log->segment_count > 10);
    fixture_close(&f);
}

/* ---- rolling ---- */

static void segments_roll_by_size_time_and_index(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.segment_bytes = 1000;
    CHECK_INT(fixture_open(&f), 0);
    for (int i = 0; i < 10; i++)
        CHECK_INT(append_some(&f, 1, 300), 0);
    CHECK_INT(f.log->segment_count, 5);
    for (uint32_t i = 0; i < f.log->segment_count; i++)
        CHECK(f.log->segments[i]->size <= 1000);
    f.config.segment_bytes = 1 << 20;
    f.config.segment_ms = 100;
    log_set_config(f.log, &f.config);
    CHECK_INT(append_spec(&f, (struct batch_spec){.count = 1, .timestamp = 1100}, LOG_FROM_CLIENT),
              0);
    CHECK_INT(f.log->segment_count, 5);
    CHECK_INT(append_spec(&f, (struct batch_spec){.count = 1, .timestamp = 1101}, LOG_FROM_CLIENT),
              0);
    CHECK_INT(f.log->segment_count, 6);
    f.config.segment_ms = -1;
    f.config.segment_index_bytes = 36;
    f.config.index_interval_bytes = 0;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 20; i++)
        CHECK_INT(append_spec(&f, (struct batch_spec){.count = 1, .timestamp = 2000 + i},
                              LOG_FROM_CLIENT),
                  0);
    CHECK(f.log->segment_count > 10);
    int64_t first, end = log_end_offset(f.log);
    for (int64_t offset = 0; offset < end; offset++)
        CHECK_INT(read_from(&f, offset, 1, INT64_MAX, &first), offset + 1);
    CHECK_INT(append_some(&f, 10, 90000), 0);
    f.config.segment_bytes = 1000;
    log_set_config(f.log, &f.config);
    CHECK_INT(append_some(&f, 1, 2000), ERR_RECORD_LIST_TOO_LARGE);
    fixture_close(&f);
}

static void a_relative_offset_never_overflows(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.index_interval_bytes = 0;
    f.config.cleanup_compact = true; /* which leaves gaps */
    CHECK_INT(fixture_open(&f), 0);
    int64_t offsets[] = {0, 1, (INT64_C(1) << 31) - 1, INT64_C(1) << 31, INT64_C(1) << 40};
    for (size_t i = 0; i < ARRAY_LEN(offsets); i++)
        CHECK_INT(append_spec(&f, (struct batch_spec){.count = 1, .base_offset = offsets[i]},
                              LOG_FROM_LEADER),
                  0);
    CHECK_INT(f.log->segment_count, 3);
    for (int round = 0; round < 2; round++) {
        int64_t first;
        for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
            CHECK_INT(read_from(&f, offsets[i], 1, INT64_MAX, &first), offsets[i] + 1);
            CHECK_INT(first, offsets[i]);
        }
        /* In a gap the next batch answers, also from the next segment. */
        CHECK_INT(read_from(&f, 5000, 1, INT64_MAX, &first), offsets[2] + 1);
        CHECK_INT(read_from(&f, offsets[3] + 1, 1, INT64_MAX, &first), offsets[4] + 1);
        fixture_crash(&f);
        CHECK_INT(fixture_reopen(&f), 0);
    }
    fixture_close(&f);
}

/* ---- reading ---- */

static void a_first_batch_over_the_limits_is_whole(void)
{
    struct log_world f;
    struct log_slice slice;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_some(&f, 1, 5000), 0);
    CHECK_INT(append_some(&f, 1, 10), 0);
    for (int round = 0; round < 2; round++) {
        CHECK_INT(log_read(f.log, 0, 100, INT64_MAX, true, &slice), 0);
        CHECK(slice.len > 5000 && slice.len < 5200);
        log_slice_release(&slice);
        CHECK(!slice.no_room);
        /* Without min_one a piece of it is nothing, and the reader is told why. */
        for (size_t room = 0; room < 5000; room += 50) {
            CHECK_INT(log_read(f.log, 0, room, INT64_MAX, false, &slice), 0);
            CHECK_INT(slice.len, 0);
            CHECK(slice.no_room);
        }
        /* Behind a whole first batch the next may be cut. */
        CHECK_INT(log_read(f.log, 0, 5200, INT64_MAX, false, &slice), 0);
        CHECK(slice.len > 5080 && slice.len <= 5200 && !slice.no_room);
        log_slice_release(&slice);
        CHECK_INT(log_read(f.log, log_end_offset(f.log), 0, INT64_MAX, false, &slice), 0);
        CHECK(slice.len == 0 && !slice.no_room);
        CHECK_INT(log_read(f.log, 0, 100, 1, true, &slice), 0);
        CHECK(slice.len > 5000 && slice.len < 5080);
        log_slice_release(&slice);
        /* The high watermark inside a batch hides all of it. */
        CHECK_INT(log_read(f.log, 0, 100, 0, true, &slice), 0);
        CHECK(slice.len == 0 && !slice.no_room);
        fixture_shutdown(&f);
        CHECK_INT(fixture_reopen(&f), 0);
    }
    fixture_close(&f);
}

/* What is small comes with its bytes, so that it need not be sent from the file. */
static void a_small_range_is_copied(void)
{
    struct log_world f;
    struct log_slice slice;
    struct log_cold cold;
    uint8_t bytes[LOG_SLICE_COPIED];
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_some(&f, 1, 10), 0);
    CHECK_INT(append_some(&f, 1, 100), 0);
    int64_t end = log_end_offset(f.log);
    CHECK_INT(append_some(&f, 1, LOG_SLICE_COPIED), 0);
    for (int64_t from = 0; from < end; from++) {
        CHECK_INT(log_read_now(f.log, from, 1 << 20, end, true, &slice, &cold), 0);
        CHECK(slice.bytes != NULL);
        CHECK(slice.len > 100 && slice.len <= LOG_SLICE_COPIED);
        CHECK_INT(env_file_read(slice.file, bytes, slice.len, slice.position), slice.len);
        CHECK(memcmp(bytes, slice.bytes, slice.len) == 0);
        log_slice_release(&slice);
        CHECK(slice.bytes == NULL);
    }
    CHECK_INT(log_read_now(f.log, end, 1 << 20, INT64_MAX, true, &slice, &cold), 0);
    CHECK(slice.bytes == NULL);
    CHECK(slice.len > LOG_SLICE_COPIED);
    log_slice_release(&slice);
    fixture_close(&f);
}

static void slices_outlive_what_they_point_to(void)
{
    struct log_world f;
    struct log_slice slice;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_some(&f, 1, 5000), 0);
    CHECK_INT(log_read(f.log, 0, 1 << 20, INT64_MAX, true, &slice), 0);
    log_manager_delete(f.manager, f.log);
    fixture_settle(&f);
    CHECK(!file_exists(&f, LOG0));
    uint8_t *bytes = mem_alloc(slice.len);
    CHECK_INT(env_file_read(slice.file, bytes, slice.len, slice.position), slice.len);
    struct batch batch;
    CHECK_INT(batch_parse(bytes, slice.len, &batch), 0);
    CHECK_INT(batch_check_crc(&batch), 0);
    mem_free(bytes);
    log_slice_release(&slice);
    fixture_close(&f);
}

static void few_files_are_open(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.segment_bytes = 500;
    f.config.index_interval_bytes = 0;
    CHECK_INT(fixture_open(&f), 0);
    f.manager->pool.cap = 4;
    for (int i = 0; i < 50; i++)
        CHECK_INT(append_some(&f, 2, 150), 0);
    fixture_settle(&f);
    int64_t first;
    for (int round = 0; round < 2; round++) {
        for (int64_t offset = 0; offset < 100; offset += 3) {
            CHECK(read_from(&f, offset, 10, INT64_MAX, &first) > offset);
            CHECK(f.manager->pool.count <= 4);
        }
    }
    CHECK_INT(append_some(&f, 1, 10), 0);
    CHECK_INT(read_from(&f, 100, 10, INT64_MAX, &first), 101);
    fixture_close(&f);
}

/* ---- followers ---- */

static void a_follower_copies_byte_for_byte(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.segment_bytes = 1500;
    f.config.log_append_time = true; /* of no account for what the leader sent */
    f.config.cleanup_compact = true; /* which leaves gaps */
    CHECK_INT(fixture_open(&f), 0);
    struct buf all;
    buf_init(&all);
    for (int i = 0; i < 20; i++) {
        struct buf one = batch_make((struct batch_spec){.count = 2,
                                                        .value_len = 200,
                                                        .base_offset = i * 10,
                                                        .leader_epoch = 1 + i / 5,
                                                        .timestamp = 500 + i,
                                                        .codec = (enum compress_codec)(i % 5)});
        CHECK_INT(buf_append(&all, one.data, one.len), 0);
        buf_close(&one);
    }
    uint8_t *copy = mem_dup(all.data, all.len);
    /* The last batch cut off by the fetch: the rest goes in. */
    CHECK_INT(log_append(f.log, all.data, all.len - 1, LOG_FROM_LEADER, 4, &fixture_result), 0);
    CHECK_INT(fixture_result.base_offset, 0);
    CHECK_INT(fixture_result.last_offset, 181);
    CHECK_INT(memcmp(copy, all.data, all.len), 0);
    CHECK(f.log->segment_count > 2);
    uint64_t at = 0;
    for (uint32_t i = 0; i < f.log->segment_count; i++) {
        struct segment *segment = f.log->segments[i];
        uint8_t *stored = mem_alloc(segment->size);
        struct env_file *file;
        CHECK_INT(segment_file(segment, &file), 0);
        CHECK_INT(env_file_read(file, stored, segment->size, 0), segment->size);
        CHECK_INT(memcmp(stored, copy + at, segment->size), 0);
        mem_free(stored);
        at += segment->size;
    }
    int32_t epoch;
    int64_t end;
    log_end_of_epoch(f.log, 2, &epoch, &end);
    CHECK_INT(end, 100);
    CHECK_INT(log_latest_epoch(f.log), 4);
    /* What is there already is refused; so is a gap back. */
    CHECK_INT(log_append(f.log, copy, all.len, LOG_FROM_LEADER, 4, &fixture_result),
              ERR_INVALID_RECORD);
    CHECK_INT(append_spec(&f,
                          (struct batch_spec){.count = 1, .base_offset = 181, .leader_epoch = 4},
                          LOG_FROM_LEADER),
              ERR_INVALID_RECORD);
    CHECK_INT(append_spec(&f,
                          (struct batch_spec){.count = 1, .base_offset = 182, .leader_epoch = 3},
                          LOG_FROM_LEADER),
              ERR_INVALID_RECORD);
    CHECK_INT(log_end_offset(f.log), 182);
    mem_free(copy);
    buf_close(&all);
    fixture_close(&f);
}

static int append_copy(struct log_world *f, int64_t base_offset, int32_t count)
{
    return append_spec(f, (struct batch_spec){.count = count, .base_offset = base_offset},
                       LOG_FROM_LEADER);
}

static void a_gap_needs_a_reason(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_copy(&f, 0, 10), 0);
    /* An answer that was meant for another offset. */
    CHECK_INT(append_copy(&f, 11, 1), ERR_INVALID_RECORD);
    CHECK(fixture_result.message != NULL);
    CHECK_INT(append_copy(&f, 9, 1), ERR_INVALID_RECORD);
    CHECK_INT(log_end_offset(f.log), 10);
    /* The leader says that there is nothing before 20: good for one append, and for no other. */
    log_expect_gap(f.log, 20);
    CHECK_INT(append_copy(&f, 21, 1), ERR_INVALID_RECORD);
    CHECK_INT(append_copy(&f, 20, 1), ERR_INVALID_RECORD);
    log_expect_gap(f.log, 20);
    CHECK_INT(append_copy(&f, 20, 1), 0);
    CHECK_INT(log_end_offset(f.log), 21);
    log_expect_gap(f.log, 30);
    CHECK_INT(append_copy(&f, 21, 1), 0); /* one without a gap is always good */
    /* What comes before a gap is taken; the next answer begins at the gap. */
    struct buf two = batch_make((struct batch_spec){.count = 1, .base_offset = 22});
    struct buf late = batch_make((struct batch_spec){.count = 1, .base_offset = 30});
    CHECK_INT(buf_append(&two, late.data, late.len), 0);
    CHECK_INT(log_append(f.log, two.data, two.len, LOG_FROM_LEADER, 0, &fixture_result), 0);
    CHECK_INT(log_end_offset(f.log), 23);
    f.config.cleanup_compact = true;
    log_set_config(f.log, &f.config);
    CHECK_INT(append_copy(&f, 40, 1), 0);
    buf_close(&two);
    buf_close(&late);
    fixture_close(&f);
}

/* A roll behind a gap, then no descriptor for the batch; the next leader has what lies in it. */
static void a_gap_that_was_begun_is_given_up(void)
{
    struct log_world f;
    int64_t first;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_copy(&f, 0, 10), 0);
    CHECK_INT(log_roll(f.log, 20), 0);
    CHECK_INT(append_copy(&f, 10, 1), 0);
    CHECK_INT(log_end_offset(f.log), 11);
    CHECK_INT(read_from(&f, 10, 1000, INT64_MAX, &first), 11);
    CHECK_INT(first, 10);
    log_check_whole(f.log);
    fixture_shutdown(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 11);
    fixture_close(&f);
}

static void a_damaged_batch_from_the_leader_is_refused(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    struct buf one = batch_make((struct batch_spec){.count = 2, .value_len = 50});
    for (size_t i = 0; i < one.len; i++) {
        if (i < 16)
            continue; /* not covered by the checksum, or makes the batch look cut off */
        one.data[i] ^= 4;
        CHECK(log_append(f.log, one.data, one.len, LOG_FROM_LEADER, 0, &fixture_result) < 0);
        one.data[i] ^= 4;
        CHECK_INT(log_append(f.log, one.data, i, LOG_FROM_LEADER, 0, &fixture_result), 0);
        CHECK_INT(fixture_result.base_offset, -1);
        CHECK_INT(log_end_offset(f.log), 0);
    }
    buf_close(&one);
    fixture_close(&f);
}

/* ---- cutting ---- */

static void fill_epochs(struct log_world *f)
{
    for (int i = 0; i < 40; i++)
        CHECK_INT(append_spec(f,
                              (struct batch_spec){.count = 3,
                                                  .value_len = 30,
                                                  .base_offset = i * 3,
                                                  .leader_epoch = i / 8,
                                                  .timestamp = i},
                              LOG_FROM_LEADER),
                  0);
}

static void cuts_go_to_a_batch_and_take_all_with_them(void)
{
    for (int64_t cut = 0; cut <= 120; cut++) {
        struct log_world f;
        fixture_init(&f);
        f.config.segment_bytes = 1000;
        f.config.index_interval_bytes = 100;
        CHECK_INT(fixture_open(&f), 0);
        fill_epochs(&f);
        fixture_settle(&f);
        log_set_high_watermark(f.log, 120);
        CHECK_INT(log_truncate(f.log, cut), 0);
        int64_t end = cut - cut % 3, first, offset, time;
        for (int round = 0; round < 2; round++) {
            CHECK_INT(log_end_offset(f.log), end);
            CHECK_INT(log_high_watermark(f.log), round == 0 ? end : 0);
            CHECK_INT(log_durable_offset(f.log), end);
            CHECK_INT(log_latest_epoch(f.log), end == 0 ? -1 : (end - 1) / 24);
            for (int64_t at = 0; at < end; at += 5)
                CHECK(read_from(&f, at, 10, INT64_MAX, &first) > at);
            CHECK_INT(fixture_find_max_time(&f, &offset, &time), 0);
            CHECK_INT(time, end == 0 ? -1 : end / 3 - 1);
            fixture_crash(&f);
            CHECK_INT(fixture_reopen(&f), 0);
        }
        CHECK_INT(
            append_spec(&f, (struct batch_spec){.count = 1, .base_offset = end, .leader_epoch = 9},
                        LOG_FROM_LEADER),
            0);
        CHECK_INT(read_from(&f, end, 10, INT64_MAX, &first), end + 1);
        fixture_close(&f);
    }
}

/* Counts the calls in which what was written after the cut counts as durable too early. */
static void check_not_durable(void *data)
{
    struct log_world *f = data;
    if (f->log->flush.job && log_durable_offset(f->log) > 0)
        f->notified++;
}

static void what_was_cut_is_not_durable(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    log_watch(f.log, check_not_durable, &f);
    CHECK_INT(append_some(&f, 10, 10), 0);
    flush_start(f.log);
    /* Cut and written again while the flush runs: it says nothing about the new batches. */
    CHECK_INT(log_truncate(f.log, 0), 0);
    CHECK_INT(append_some(&f, 10, 10), 0);
    CHECK(f.log->flush.job != NULL);
    CHECK_INT(log_durable_offset(f.log), 0);
    fixture_settle(&f);
    CHECK_INT(f.notified, 0);
    CHECK_INT(log_durable_offset(f.log), 10);
    fixture_close(&f);
}

static void a_reset_starts_anew(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.segment_bytes = 1000;
    CHECK_INT(fixture_open(&f), 0);
    fill_epochs(&f);
    fixture_settle(&f);
    CHECK_INT(log_reset(f.log, 5000), 0);
    for (int round = 0; round < 2; round++) {
        CHECK_INT(log_start_offset(f.log), 5000);
        CHECK_INT(log_end_offset(f.log), 5000);
        CHECK_INT(log_latest_epoch(f.log), -1);
        CHECK_INT(log_size(f.log), 0);
        fixture_crash(&f);
        CHECK_INT(fixture_reopen(&f), 0);
    }
    CHECK_INT(append_spec(&f,
                          (struct batch_spec){.count = 2, .base_offset = 5000, .leader_epoch = 1},
                          LOG_FROM_LEADER),
              0);
    /* Below the start there is nothing to cut to. */
    CHECK_INT(log_truncate(f.log, 100), 0);
    CHECK_INT(log_start_offset(f.log), 100);
    CHECK_INT(log_end_offset(f.log), 100);
    fixture_close(&f);
}

static void the_start_moves_forward(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.segment_bytes = 1000;
    CHECK_INT(fixture_open(&f), 0);
    fill_epochs(&f);
    fixture_settle(&f);
    uint32_t before = f.log->segment_count;
    CHECK_INT(log_advance_start(f.log, 50), ERR_OFFSET_OUT_OF_RANGE);
    log_set_high_watermark(f.log, 120);
    CHECK_INT(log_advance_start(f.log, 50), 0);
    CHECK(f.log->segment_count < before);
    CHECK_INT(log_advance_start(f.log, 20), 0);
    for (int round = 0; round < 2; round++) {
        int64_t first, end, offset, time;
        int32_t epoch;
        CHECK_INT(log_start_offset(f.log), 50);
        CHECK_INT(read_from(&f, 49, 100, INT64_MAX, &first), ERR_OFFSET_OUT_OF_RANGE);
        CHECK(read_from(&f, 50, 100, INT64_MAX, &first) > 50);
        log_end_of_epoch(f.log, 0, &epoch, &end);
        CHECK_INT(epoch, 0);
        CHECK_INT(end, 50);
        log_end_of_epoch(f.log, 2, &epoch, &end);
        CHECK_INT(end, 72);
        CHECK_INT(fixture_find_time(&f, 0, &offset, &time), 0);
        CHECK_INT(offset, 50);
        CHECK_INT(fixture_find_time(&f, INT64_MIN, &offset, &time), 0);
        CHECK_INT(offset, 50);
        fixture_shutdown(&f);
        CHECK_INT(fixture_reopen(&f), 0);
    }
    fixture_close(&f);
}

static void epochs_answer_by_the_rules(void)
{
    struct log_world f;
    int32_t epoch;
    int64_t end;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    log_end_of_epoch(f.log, 0, &epoch, &end);
    CHECK_INT(epoch, -1);
    CHECK_INT(end, -1);
    int epochs[] = {2, 2, 5, 9};
    for (int i = 0; i < 4; i++)
        CHECK_INT(append_spec(&f, (struct batch_spec){.count = 10, .leader_epoch = epochs[i]},
                              LOG_FROM_CLIENT),
                  0);
    CHECK_INT(log_assign_epoch(f.log, 12), 0); /* nothing is written in it */
    int64_t expected[][3] = {{0, 0, 0},    {1, 1, 0},    {2, 2, 20},  {4, 2, 20},
                             {5, 5, 30},   {8, 5, 30},   {9, 9, 40},  {11, 9, 40},
                             {12, 12, 40}, {13, -1, -1}, {-1, -1, -1}};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        log_end_of_epoch(f.log, (int32_t)expected[i][0], &epoch, &end);
        CHECK_INT(epoch, expected[i][1]);
        CHECK_INT(end, expected[i][2]);
    }
    CHECK_INT(append_spec(&f, (struct batch_spec){.count = 1, .leader_epoch = 9}, LOG_FROM_CLIENT),
              ERR_FENCED_LEADER_EPOCH);
    /* The empty epoch goes when the leader knows nothing of it. */
    CHECK_INT(log_truncate(f.log, 40), 0);
    CHECK_INT(log_latest_epoch(f.log), 9);
    fixture_close(&f);
}

/* ---- time ---- */

static void times_are_found_as_by_a_linear_scan(void)
{
    enum { BATCHES = 300, RECORDS = 4 };
    static int64_t times[BATCHES * RECORDS];
    struct log_world f;
    fixture_init(&f);
    f.config.segment_bytes = 8000;
    f.config.index_interval_bytes = 300;
    CHECK_INT(fixture_open(&f), 0);
    uint32_t seed = 1;
    for (int i = 0; i < BATCHES * RECORDS; i++) {
        seed = seed * 1664525 + 1013904223;
        times[i] = 1000 + i / 3 + (int64_t)(seed >> 16) % 400;
    }
    for (int i = 0; i < BATCHES; i++)
        CHECK_INT(append_spec(&f,
                              (struct batch_spec){.count = RECORDS,
                                                  .value_len = 20,
                                                  .timestamps = times + i * RECORDS,
                                                  .codec = (enum compress_codec)(i % 5)},
                              LOG_FROM_CLIENT),
                  0);
    for (int round = 0; round < 3; round++) {
        for (int64_t time = 990; time < 1900; time += 3) {
            int64_t found, found_time, expected = 0;
            while (expected < BATCHES * RECORDS && times[expected] < time)
                expected++;
            CHECK_INT(fixture_find_time(&f, time, &found, &found_time), 0);
            CHECK_INT(found, expected == BATCHES * RECORDS ? -1 : expected);
            CHECK_INT(found_time, expected == BATCHES * RECORDS ? -1 : times[expected]);
        }
        int64_t max = 0, at, time;
        for (int i = 1; i < BATCHES * RECORDS; i++)
            max = times[i] > times[max] ? i : max;
        CHECK_INT(fixture_find_max_time(&f, &at, &time), 0);
        CHECK_INT(at, max);
        CHECK_INT(time, times[max]);
        if (round == 0)
            fixture_shutdown(&f);
        else
            fixture_crash(&f);
        CHECK_INT(fixture_reopen(&f), 0);
    }
    fixture_close(&f);
}

static void append_time_is_set_by_the_broker(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.log_append_time = true;
    CHECK_INT(fixture_open(&f), 0);
    int64_t before = env_wall_ms(f.env), first, offset, time;
    CHECK_INT(append_some(&f, 3, 100), 0);
    CHECK(fixture_result.append_time_ms >= before);
    CHECK_INT(read_from(&f, 0, 1000, INT64_MAX, &first), 3); /* with a right checksum */
    CHECK_INT(fixture_find_time(&f, before, &offset, &time), 0);
    CHECK_INT(offset, 0);
    CHECK_INT(time, fixture_result.append_time_ms);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(appends_are_read_back), TAP_TEST(all_is_there_after_clean_and_unclean_restarts),
         TAP_TEST(segments_roll_by_size_time_and_index),
         TAP_TEST(a_relative_offset_never_overflows),
         TAP_TEST(a_first_batch_over_the_limits_is_whole), TAP_TEST(a_small_range_is_copied),
         TAP_TEST(slices_outlive_what_they_point_to), TAP_TEST(few_files_are_open),
         TAP_TEST(a_follower_copies_byte_for_byte), TAP_TEST(a_gap_needs_a_reason),
         TAP_TEST(a_gap_that_was_begun_is_given_up),
         TAP_TEST(a_damaged_batch_from_the_leader_is_refused),
         TAP_TEST(cuts_go_to_a_batch_and_take_all_with_them), TAP_TEST(what_was_cut_is_not_durable),
         TAP_TEST(a_reset_starts_anew), TAP_TEST(the_start_moves_forward),
         TAP_TEST(epochs_answer_by_the_rules), TAP_TEST(times_are_found_as_by_a_linear_scan),
         TAP_TEST(append_time_is_set_by_the_broker))
