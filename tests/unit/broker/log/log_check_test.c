/* Batches that workers look at before they are appended: what they find, whose turn it is, and how
 * checks end that nobody waits for any more. */
#include "fixture.h"

#include "base/bytes.h"
#include "base/crc32c.h"

enum { COUNT = 6, LARGE_RECORDS = 180, LARGE_VALUE = 99000 }; /* opens to 18 MB: no quick look */

struct checked {
    struct log_check check;
    struct buf bytes;
    int order; /* in which it was done, from 1; 0 = not yet */
    bool kept;
};

static int checked_count;

static void checked_done(struct log_check *check)
{
    struct checked *checked = CONTAINER_OF(check, struct checked, check);
    CHECK_INT(checked->order, 0);
    checked->order = ++checked_count;
    if (log_check_is_running(check)) {
        log_check_keep(check, checked->bytes.data);
        buf_init(&checked->bytes);
        checked->kept = true;
    }
}

static void checked_start(struct log_world *f, struct checked *checked, struct log_check_line *line,
                          struct buf bytes)
{
    *checked = (struct checked){.bytes = bytes};
    checked->check =
        (struct log_check){.done = checked_done, .bytes = bytes.data, .len = bytes.len};
    CHECK_INT(log_check_start(&checked->check, f->log, line), 1);
}

static void checked_close(struct checked *checked)
{
    CHECK(checked->order > 0);
    log_check_close(&checked->check);
    buf_close(&checked->bytes);
}

static struct buf packed(enum compress_codec codec, int count, int value_len)
{
    return batch_make((struct batch_spec){
        .count = count, .value_len = value_len, .timestamp = 1000, .codec = codec});
}

/* A copy of one that is made once. */
static struct buf large(void)
{
    static struct buf made;
    struct buf copy;
    if (!made.data)
        made = packed(COMPRESS_GZIP, LARGE_RECORDS, LARGE_VALUE);
    buf_init(&copy);
    CHECK_INT(buf_append(&copy, made.data, made.len), 0);
    return copy;
}

static void what_is_for_a_worker(void)
{
    struct log_world f;
    struct buf bytes = packed(COMPRESS_NONE, 3, 10);
    struct buf zip = packed(COMPRESS_GZIP, 3, 10);
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK(!log_wants_check(f.log, bytes.data, bytes.len, 0));
    CHECK(log_wants_check(f.log, bytes.data, bytes.len, 2 << 20));
    CHECK(log_wants_check(f.log, zip.data, zip.len, 0));
    CHECK(!log_wants_check(f.log, zip.data, zip.len - 1, 0)); /* refused at once */
    f.config.headers_only = true;
    log_set_config(f.log, &f.config);
    CHECK(!log_wants_check(f.log, zip.data, zip.len, 0));
    f.config.cleanup_compact = true; /* keys */
    log_set_config(f.log, &f.config);
    CHECK(log_wants_check(f.log, zip.data, zip.len, 0));
    f.config.cleanup_compact = false;
    f.config.compression = COMPRESS_ZSTD;
    log_set_config(f.log, &f.config);
    CHECK(log_wants_check(f.log, bytes.data, bytes.len, 0));
    buf_close(&bytes);
    buf_close(&zip);
    fixture_close(&f);
}

static void good_ones_are_appended_as_they_are(void)
{
    struct log_world f;
    struct checked checked[5];
    struct log_check_line *line = log_check_line_new();
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    for (int codec = 0; codec < 5; codec++) {
        struct buf bytes = packed((enum compress_codec)codec, COUNT, 100);
        bytes_put_u64(bytes.data + 35, (uint64_t)-1); /* no largest timestamp */
        batch_seal(&bytes);
        checked_start(&f, &checked[codec], line, bytes);
    }
    CHECK_INT(checked[0].order, 0); /* nobody calls back from inside */
    fixture_settle(&f);
    for (int codec = 0; codec < 5; codec++) {
        struct batch batch;
        struct log_check *check = &checked[codec].check;
        CHECK_INT(check->err, 0);
        CHECK(check->bytes == checked[codec].bytes.data);
        CHECK_INT(batch_parse(check->bytes, check->len, &batch), 0);
        CHECK_INT(batch.max_timestamp, 1000);
        CHECK_INT(batch_check_crc(&batch), 0);
        CHECK_INT(log_append_checked(f.log, check, 0, &fixture_result), 0);
        CHECK_INT(fixture_result.base_offset, codec * COUNT);
        checked_close(&checked[codec]);
    }
    log_check_line_leave(line);
    fixture_close(&f);
}

static void bad_ones_are_refused_with_a_reason(void)
{
    struct log_world f;
    struct checked bad[2];
    struct log_check_line *line = log_check_line_new();
    fixture_init(&f);
    f.config.timestamp_before_max_ms = 1000;
    CHECK_INT(fixture_open(&f), 0);
    checked_start(&f, &bad[0], line, packed(COMPRESS_LZ4, 3, 100));
    struct buf bytes = packed(COMPRESS_LZ4, 3, 100);
    memset(bytes.data + BATCH_HEADER_SIZE + 9, 0x55, 9);
    batch_seal(&bytes);
    checked_start(&f, &bad[1], line, bytes);
    log_check_line_leave(line); /* it lives until they are done */
    fixture_settle(&f);
    CHECK_INT(bad[0].check.err, ERR_INVALID_TIMESTAMP);
    CHECK_INT(bad[0].check.result.bad_count, 3);
    CHECK_INT(bad[0].check.result.bad_times, 7);
    CHECK_INT(bad[1].check.err, ERR_INVALID_RECORD);
    CHECK(bad[1].check.result.message != NULL);
    for (int i = 0; i < 2; i++)
        checked_close(&bad[i]);
    fixture_close(&f);
}

/* One check of a line at a time, in their order; lines do not wait for each other. */
static void lines_take_turns(void)
{
    struct log_world f;
    struct checked slow[3], quick[20];
    struct log_check_line *slow_line = log_check_line_new(), *quick_line = log_check_line_new();
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    checked_count = 0;
    for (int i = 0; i < 3; i++)
        checked_start(&f, &slow[i], slow_line, large());
    for (int i = 0; i < 20; i++)
        checked_start(&f, &quick[i], quick_line, packed(COMPRESS_ZSTD, 3, 10));
    CHECK_INT(f.manager->jobs.count, 2);
    fixture_settle(&f);
    for (int i = 0; i < 20; i++) {
        CHECK_INT(quick[i].check.err, 0);
        CHECK(i == 0 || quick[i].order > quick[i - 1].order);
        checked_close(&quick[i]);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_INT(slow[i].check.err, 0);
        CHECK(i == 0 || slow[i].order > slow[i - 1].order);
        checked_close(&slow[i]);
    }
    log_check_line_leave(slow_line);
    log_check_line_leave(quick_line);
    fixture_close(&f);
}

static void what_opens_to_too_much_is_refused(void)
{
    struct log_world f;
    struct checked bombs[2];
    struct log_check_line *line = log_check_line_new();
    fixture_init(&f);
    f.config.max_message_bytes = 170000; /* so that 17 MB are the most */
    CHECK_INT(fixture_open(&f), 0);
    checked_start(&f, &bombs[0], line, large());
    checked_start(&f, &bombs[1], line, packed(COMPRESS_GZIP, 171, LARGE_VALUE));
    fixture_settle(&f);
    CHECK_INT(bombs[0].check.err, ERR_MESSAGE_TOO_LARGE);
    CHECK_INT(bombs[1].check.err, 0);
    for (int i = 0; i < 2; i++)
        checked_close(&bombs[i]);
    log_check_line_leave(line);
    fixture_close(&f);
}

static bool some_wait_long(struct log_world *f)
{
    return !list_empty(&f->manager->check_longs);
}

static void a_lack_of_memory_ends_long_waits(void)
{
    enum { LINES = 3, EACH = 3 };
    struct log_world f;
    struct checked checked[LINES][EACH], quick;
    struct log_check_line *lines[LINES];
    int refused = 0;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    for (int i = 0; i < LINES; i++) {
        struct log_check_line *line = lines[i] = log_check_line_new();
        for (int j = 0; j < EACH; j++)
            checked_start(&f, &checked[i][j], line, large());
        if (i == 0)
            checked_start(&f, &quick, line, packed(COMPRESS_GZIP, 3, 10));
    }
    log_manager_shed_checks(f.manager); /* nobody waits long yet */
    CHECK_INT(checked[0][0].order, 0);
    fixture_wait(&f, some_wait_long);
    log_manager_shed_checks(f.manager);
    CHECK(list_empty(&f.manager->check_longs));
    fixture_settle(&f);
    for (int i = 0; i < LINES; i++) {
        bool behind = false; /* of one that was refused */
        for (int j = 0; j < EACH; j++) {
            struct log_check *check = &checked[i][j].check;
            CHECK(check->err == ERR_KAFKA_STORAGE_ERROR || (check->err == 0 && !behind));
            CHECK(check->err == 0 || check->result.message != NULL);
            behind = check->err != 0;
            refused += behind;
            checked_close(&checked[i][j]);
        }
    }
    CHECK(refused > 0);
    for (int i = 0; i < LINES; i++)
        log_check_line_leave(lines[i]);
    checked_close(&quick);
    fixture_close(&f);
}

/* Nobody hears of them. What a worker has goes on. */
static void a_lack_of_memory_ends_what_was_left_behind(void)
{
    enum { LINES = 6, EACH = 3 };
    struct log_world f;
    struct checked checked[LINES][EACH];
    struct log_check_line *heard = NULL;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    for (int i = 0; i < LINES; i++) {
        struct log_check_line *line = log_check_line_new();
        for (int j = 0; j < EACH; j++)
            checked_start(&f, &checked[i][j], line, packed(COMPRESS_GZIP, 3, 10));
        if (i < LINES - 1)
            log_check_line_leave(line);
        else
            heard = line;
    }
    int running = (int)f.manager->checks_quick;
    log_manager_shed_checks(f.manager);
    fixture_settle(&f);
    for (int i = 0; i < LINES; i++)
        for (int j = 0; j < EACH; j++) {
            bool good = i == LINES - 1 || (i < running && j == 0);
            CHECK_INT(checked[i][j].check.err, good ? 0 : ERR_KAFKA_STORAGE_ERROR);
            checked_close(&checked[i][j]);
        }
    log_check_line_leave(heard);
    fixture_close(&f);
}

/* The end of the manager, or of the log, while some run and some wait. */
static void an_end_answers_who_waits(void)
{
    for (int way = 0; way < 2; way++) {
        struct log_world f;
        struct checked checked[12];
        fixture_init(&f);
        CHECK_INT(fixture_open(&f), 0);
        for (int i = 0; i < 12; i += 2) {
            struct log_check_line *line = log_check_line_new();
            checked_start(&f, &checked[i], line, large());
            checked_start(&f, &checked[i + 1], line, packed(COMPRESS_GZIP, 3, 10));
            log_check_line_leave(line);
        }
        if (way == 0)
            log_manager_end_waits(f.manager);
        else
            log_manager_delete(f.manager, f.log);
        for (int i = 0; i < 12 && way == 0; i++)
            CHECK(checked[i].order > 0);
        fixture_settle(&f);
        for (int i = 0; i < 12; i++) {
            CHECK_INT(checked[i].check.err, ERR_NOT_LEADER_OR_FOLLOWER);
            checked_close(&checked[i]);
        }
        fixture_close(&f);
    }
}

/* Without a wait for the jobs: they find nobody. */
static void a_free_leaves_the_bytes_to_the_workers(void)
{
    struct log_world f;
    struct checked checked[6];
    int kept = 0;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    for (int i = 0; i < 6; i++) {
        struct log_check_line *line = log_check_line_new();
        checked_start(&f, &checked[i], line, large());
        log_check_line_leave(line);
    }
    log_manager_free(f.manager);
    f.manager = NULL;
    for (int i = 0; i < 6; i++) {
        CHECK_INT(checked[i].check.err, ERR_NOT_LEADER_OR_FOLLOWER);
        kept += checked[i].kept;
        checked_close(&checked[i]);
    }
    CHECK_INT(kept, 4);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(what_is_for_a_worker), TAP_TEST(good_ones_are_appended_as_they_are),
         TAP_TEST(bad_ones_are_refused_with_a_reason), TAP_TEST(lines_take_turns),
         TAP_TEST(what_opens_to_too_much_is_refused), TAP_TEST(a_lack_of_memory_ends_long_waits),
         TAP_TEST(a_lack_of_memory_ends_what_was_left_behind), TAP_TEST(an_end_answers_who_waits),
         TAP_TEST(a_free_leaves_the_bytes_to_the_workers))
