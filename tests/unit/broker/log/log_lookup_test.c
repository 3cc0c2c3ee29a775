/* Lookups by time that need a worker. What they find is compared in log_test.c. */
#include "fixture.h"

#include "base/bytes.h"
#include "base/crc32c.h"

enum { LARGE_RECORDS = 1400, LARGE_VALUE = 100000 }; /* opens to 140 MB, 140 kB in the log */

static void append_packed(struct log_world *f, int count, int value_len)
{
    CHECK_INT(append_spec(f,
                          (struct batch_spec){.count = count,
                                              .value_len = value_len,
                                              .timestamp = 1001,
                                              .codec = COMPRESS_GZIP},
                          LOG_FROM_CLIENT),
              0);
}

/* Whoever wants a packed batch opened: the loop is not held by it, and one is opened at a time. */
static void packed_batches_are_opened_on_workers(void)
{
    struct log_world f;
    struct log_lookup lookups[3];
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    append_packed(&f, 10, 100);
    for (int i = 0; i < 3; i++) {
        lookups[i] = (struct log_lookup){.done = fixture_found};
        CHECK_INT(log_lookup_start(&lookups[i], f.log, 1000), 1);
    }
    CHECK_INT(f.manager->jobs.count, 1);
    fixture_settle(&f);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(lookups[i].asked_ms, -1);
        CHECK_INT(lookups[i].err, 0);
        CHECK_INT(lookups[i].offset, 0);
    }
    fixture_close(&f);
}

static void a_batch_that_is_too_large_is_answered_by_its_header(void)
{
    struct log_world f;
    int64_t offset, time;
    fixture_init(&f);
    f.config.headers_only = true;
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_some(&f, 1, 10), 0);
    append_packed(&f, LARGE_RECORDS, LARGE_VALUE);
    size_t told = f.lines.len;
    CHECK_INT(fixture_find_time(&f, 1001, &offset, &time), 0);
    CHECK_INT(offset, 1);
    CHECK_INT(time, 1001);
    CHECK_INT(f.lines.len, told); /* nothing to fetch again, no line for each request */
    CHECK_INT(f.failed_dirs, 0);
    CHECK(!log_is_offline(f.log));
    fixture_close(&f);
}

/* A batch whose checksum is good and whose records nobody can read. */
static void append_unreadable(struct log_world *f, bool packed, int64_t timestamp)
{
    struct buf bytes =
        batch_make((struct batch_spec){.count = 3, .value_len = 60, .timestamp = timestamp});
    if (packed)
        bytes.data[22] |= COMPRESS_GZIP;
    else
        memset(bytes.data + BATCH_HEADER_SIZE, 0xff, 20);
    batch_seal(&bytes);
    CHECK_INT(log_append(f->log, bytes.data, bytes.len, LOG_FROM_CLIENT, 0, &fixture_result), 0);
    buf_close(&bytes);
}

static int count_lines(struct log_world *f, const char *word)
{
    int count = 0;
    for (const char *at = buf_text(&f->lines); (at = strstr(at, word)); at++)
        count++;
    return count;
}

static void unreadable_batches_are_left_out(void)
{
    for (int packed = 0; packed < 2; packed++) {
        struct log_world f;
        int64_t offset, time;
        fixture_init(&f);
        f.config.headers_only = true;
        CHECK_INT(fixture_open(&f), 0);
        append_unreadable(&f, packed, 2000);
        CHECK_INT(fixture_find_time(&f, 1000, &offset, &time), 0);
        CHECK_INT(offset, -1);
        CHECK_INT(fixture_find_max_time(&f, &offset, &time), 0);
        CHECK_INT(offset, -1);
        append_unreadable(&f, packed, 2000);
        CHECK_INT(append_spec(&f,
                              (struct batch_spec){.count = 2, .value_len = 9, .timestamp = 1500},
                              LOG_FROM_CLIENT),
                  0);
        CHECK_INT(fixture_find_time(&f, 1000, &offset, &time), 0);
        CHECK_INT(offset, 6);
        CHECK_INT(time, 1500);
        CHECK_INT(count_lines(&f, "nobody can read the batch of offsets 0 to 2"), 1);
        CHECK_INT(count_lines(&f, "nobody can read"), 1);
        CHECK(!log_is_offline(f.log));
        /* The disk's own damage is another matter. */
        fixture_settle(&f);
        file_flip(&f, LOG0, BATCH_HEADER_SIZE + 30);
        CHECK_INT(fixture_find_time(&f, 1000, &offset, &time), ERR_CORRUPT);
        fixture_close(&f);
    }
}

static void a_cut_or_an_end_answers_who_waits(void)
{
    struct log_lookup lookups[2];
    for (int way = 0; way < 3; way++) {
        struct log_world f;
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
            log_manager_end_waits(f.manager);
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
         TAP_TEST(a_batch_that_is_too_large_is_answered_by_its_header),
         TAP_TEST(unreadable_batches_are_left_out), TAP_TEST(a_cut_or_an_end_answers_who_waits))
