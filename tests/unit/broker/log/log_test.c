/* The log through its public face: append, read, roll, restart, cut. */
#include "fixture.h"

static void appends_are_read_back(void)
{
    struct fixture f;
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
    struct fixture f;
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

TAP_MAIN(TAP_TEST(appends_are_read_back),
         TAP_TEST(all_is_there_after_clean_and_unclean_restarts))
