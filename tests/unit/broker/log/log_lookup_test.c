/* Lookups by time that need a worker. What they find is compared in log_test.c. */
#include "fixture.h"

enum { LARGE_RECORDS = 1100, LARGE_VALUE = 100000 }; /* opens to 110 MB, 110 kB in the log */

static void append_packed(struct fixture *f, int count, int value_len)
{
    CHECK_INT(append_spec(f,
                          (struct spec){.count = count,
                                        .value_len = value_len,
                                        .timestamp = 1000,
                                        .codec = COMPRESS_GZIP},
                          LOG_FROM_CLIENT),
              0);
}

/* Whoever wants a packed batch opened: the loop is not held by it, and one is opened at a time. */
static void packed_batches_are_opened_on_workers(void)
{
    struct fixture f;
    struct log_lookup lookups[3];
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    append_packed(&f, 10, 100);
    for (int i = 0; i < 3; i++) {
        lookups[i] = (struct log_lookup){.done = fixture_found};
        CHECK_INT(log_lookup_start(&lookups[i], f.log, 1000), 1);
    }
    CHECK_INT(f.manager->jobs, 1);
    fixture_settle(&f);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(lookups[i].asked_ms, -1);
        CHECK_INT(lookups[i].err, 0);
        CHECK_INT(lookups[i].offset, 0);
    }
    fixture_close(&f);
}

static void a_batch_that_is_too_large_is_no_damage(void)
{
    struct fixture f;
    int64_t offset, time;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    append_packed(&f, LARGE_RECORDS, LARGE_VALUE);
    size_t told = f.lines.len;
    CHECK_INT(fixture_find_time(&f, 1000, &offset, &time), ERR_MESSAGE_TOO_LARGE);
    CHECK_INT(offset, -1);
    CHECK_INT(f.lines.len, told); /* nothing to fetch again, no line for each request */
    CHECK_INT(f.failed_dirs, 0);
    CHECK(!log_is_offline(f.log));
    fixture_close(&f);
}

static void a_cut_or_an_end_answers_who_waits(void)
{
    struct log_lookup lookups[2];
    for (int way = 0; way < 3; way++) {
        struct fixture f;
        fixture_init(&f);
        CHECK_INT(fixture_open(&f), 0);
        append_packed(&f, 10, 100);
        for (int i = 0; i < 2; i++) {
            lookups[i] = (struct log_lookup){.done = fixture_found};
            CHECK_INT(log_lookup_start(&lookups[i], f.log, 1000), 1);
        }
        if (way == 0)
            CHECK_INT(log_truncate(f.log, 0), 0);
        else if (way == 1)
            log_manager_end_lookups(f.manager);
        else
            log_manager_delete(f.manager, f.log);
        fixture_settle(&f);
        for (int i = 0; i < 2; i++) {
            CHECK_INT(lookups[i].asked_ms, -1);
            CHECK_INT(lookups[i].err, ERR_NOT_LEADER_OR_FOLLOWER);
        }
        fixture_close(&f);
    }
}

TAP_MAIN(TAP_TEST(packed_batches_are_opened_on_workers),
         TAP_TEST(a_batch_that_is_too_large_is_no_damage),
         TAP_TEST(a_cut_or_an_end_answers_who_waits))
