/* Descriptors run out under a log: what can wait waits, what can't is answered, nothing is lost. */
#include <sys/resource.h>

#include "fixture.h"

enum { PLUGS_MAX = 256 };

static struct rlimit usual;
static bool lowered;
static int plugs[PLUGS_MAX];
static int plug_count;

/* The limit is one of numbers, so below it no hole may be left: a file with a number above it would
 * make no room when it is closed. Workers leave such holes, or not. */
static int plug_holes(void)
{
    int highest = 0, fd = 0;
    for (int i = 0; i < PLUGS_MAX; i++)
        if (fcntl(i, F_GETFD) >= 0)
            highest = i;
    while (fd < highest) {
        CHECK(plug_count < PLUGS_MAX);
        fd = dup(0);
        CHECK(fd >= 0);
        plugs[plug_count++] = fd;
    }
    return fd > highest ? fd + 1 : highest + 1;
}

/* From now on this process may open `more` files only. */
static void allow(int more)
{
    struct rlimit low;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &usual), 0);
    low = usual;
    low.rlim_cur = (rlim_t)(plug_holes() + more);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &low), 0);
    lowered = true;
}

static void allow_all(void)
{
    lowered = false;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &usual), 0);
    while (plug_count > 0)
        close(plugs[--plug_count]);
}

static struct env_file *held[ENV_FILES_READY_MAX];
static int held_count;

/* So that no call of this test finds descriptors that were held back by an earlier one. They stay
 * open, since the limit is one of numbers: below it no hole may be left. */
static void use_up_spares(struct log_world *f)
{
    allow(0);
    while (held_count < ENV_FILES_READY_MAX &&
           env_file_open(f->env, "/dev/null", ENV_OPEN_READ, &held[held_count]) == 0)
        held_count++;
    allow_all();
}

/* A test that failed may have left its limit. */
static void begin(struct log_world *f)
{
    if (lowered)
        allow_all();
    held_count = 0;
    fixture_init(f);
}

static void finish(struct log_world *f)
{
    while (held_count > 0)
        env_file_close(held[--held_count]);
    fixture_close(f);
}

static bool is_durable(struct log_world *f)
{
    return log_durable_offset(f->log) == log_end_offset(f->log);
}

static bool has_told(struct log_world *f)
{
    return strstr(buf_text(&f->lines), "It is tried again until it can") != NULL;
}

static void a_flush_waits_for_descriptors(void)
{
    struct log_world f;
    begin(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_some(&f, 2, 20), 0); /* a new segment: its directory is synced with it */
    use_up_spares(&f);
    allow(0);
    fixture_wait(&f, has_told);
    CHECK_INT(log_durable_offset(f.log), 0);
    CHECK_INT(f.failed_dirs, 0);
    allow_all();
    fixture_wait(&f, is_durable);
    CHECK_INT(log_durable_offset(f.log), 2);
    CHECK(!f.log->sync_dir && !f.log->sync_parent);
    fixture_shutdown(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 2);
    finish(&f);
}

static void an_open_waits_for_descriptors(void)
{
    struct log_world f;
    begin(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_some(&f, 2, 20), 0);
    fixture_shutdown(&f);
    CHECK_INT(fixture_start(&f), 0);
    use_up_spares(&f);
    allow(0);
    f.opened = false;
    log_manager_open(f.manager, "t", 0, &f.topic_id, &f.config, log_world_opened, &f);
    fixture_wait(&f, has_told);
    CHECK(!f.opened);
    allow_all();
    fixture_wait(&f, fixture_is_open);
    CHECK_INT(f.err, 0);
    CHECK(f.log && log_end_offset(f.log) == 2);
    finish(&f);
}

static bool has_failed_or_is_open(struct log_world *f)
{
    return f->opened || has_told(f);
}

/* Also when all of them are made anew. */
static void an_open_needs_few_for_many_aborted_transactions(void)
{
    enum { SEGMENTS = 24 };
    for (int damaged = 0; damaged < 2; damaged++) {
        struct log_world f;
        begin(&f);
        f.config.segment_bytes = 200;
        CHECK_INT(fixture_open(&f), 0);
        for (int i = 0; i < SEGMENTS; i++) {
            struct batch_spec spec = {
                .count = 1, .producer_id = 7, .sequence = i, .attributes = BATCH_TRANSACTIONAL};
            CHECK_INT(append_spec(&f, spec, LOG_FROM_CLIENT), 0);
            struct buf marker = batch_make_marker((struct batch_marker){.producer_id = 7});
            CHECK_INT(log_append(f.log, marker.data, marker.len, LOG_MARKER, 0, &fixture_result),
                      0);
            buf_close(&marker);
        }
        CHECK(f.log->segment_count >= SEGMENTS);
        fixture_settle(&f);
        fixture_shutdown(&f);
        if (damaged)
            file_cut(&f, "00000000000000000000.txnindex", 3);
        CHECK_INT(fixture_start(&f), 0);
        use_up_spares(&f);
        allow(12);
        f.opened = false;
        log_manager_open(f.manager, "t", 0, &f.topic_id, &f.config, log_world_opened, &f);
        fixture_wait(&f, has_failed_or_is_open);
        CHECK(f.opened);
        CHECK_INT(f.err, 0);
        allow_all();
        struct log_aborted found;
        CHECK_INT(log_find_aborted(f.log, 0, INT64_MAX, NULL, &found), 0);
        CHECK_INT(found.count, SEGMENTS);
        log_aborted_close(&found);
        finish(&f);
    }
}

static void a_roll_waits_for_descriptors(void)
{
    struct log_world f;
    begin(&f);
    f.config.segment_bytes = 400;
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_some(&f, 1, 200), 0);
    fixture_settle(&f);
    use_up_spares(&f);
    allow(0);
    CHECK_INT(append_some(&f, 1, 200), 0);
    CHECK_INT(append_some(&f, 1, 200), 0);
    CHECK_INT(f.log->segment_count, 1);
    allow_all();
    CHECK_INT(append_some(&f, 1, 200), 0);
    CHECK_INT(f.log->segment_count, 2);
    CHECK_INT(log_end_offset(f.log), 4);
    CHECK_INT(f.failed_dirs, 0);
    fixture_settle(&f);
    fixture_crash(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 4);
    finish(&f);
}

static void idle_files_make_room(void)
{
    struct log_world f;
    int64_t first;
    begin(&f);
    f.config.segment_bytes = 400;
    CHECK_INT(fixture_open(&f), 0);
    for (int i = 0; i < 12; i++)
        CHECK_INT(append_some(&f, 1, 200), 0);
    fixture_settle(&f);
    use_up_spares(&f);
    allow(0);
    CHECK_INT(append_some(&f, 1, 200), 0); /* rolls: older segments were closed for it */
    CHECK_INT(f.log->segment_count, 13);
    for (int64_t at = 0; at < 13; at++)
        CHECK_INT(read_from(&f, at, 1, INT64_MAX, &first), at + 1);
    allow_all();
    fixture_settle(&f);
    finish(&f);
}

/* What one log does in a life, with `more` descriptors for all of it; how many batches it took. */
static int64_t live(struct log_world *f, int more)
{
    int64_t taken = 0;
    int rc;
    allow(more);
    for (int i = 0; i < 12; i++) {
        rc = append_some(f, 1, 200);
        CHECK(rc == 0 || rc == ERR_KAFKA_STORAGE_ERROR);
        taken += rc == 0;
        CHECK_INT(log_end_offset(f->log), taken);
        if (i == 5) {
            log_set_high_watermark(f->log, taken);
            rc = log_truncate(f->log, taken - 1);
            CHECK(rc == 0 || rc == ERR_KAFKA_STORAGE_ERROR);
            taken -= rc == 0 && taken > 0;
        }
        log_write_epochs(f->log);
        log_write_snapshot(f->log);
        fixture_settle(f);
    }
    allow_all();
    return taken;
}

static void whatever_is_left_nothing_breaks(void)
{
    for (int more = 0; more < 24; more++) {
        struct log_world f;
        int64_t first;
        begin(&f);
        f.config.segment_bytes = 600;
        f.config.index_interval_bytes = 300;
        CHECK_INT(fixture_open(&f), 0);
        use_up_spares(&f);
        int64_t taken = live(&f, more);
        CHECK_INT(f.failed_dirs, 0);
        CHECK(!log_is_offline(f.log));
        fixture_wait(&f, is_durable);
        CHECK_INT(append_some(&f, 1, 200), 0); /* by itself it is as before */
        fixture_settle(&f);
        if (more % 2)
            fixture_crash(&f);
        else
            fixture_shutdown(&f);
        CHECK_INT(fixture_reopen(&f), 0);
        CHECK_INT(log_end_offset(f.log), taken + 1);
        for (int64_t at = 0; at <= taken; at++)
            CHECK_INT(read_from(&f, at, 1, INT64_MAX, &first), at + 1);
        finish(&f);
    }
}

TAP_MAIN(TAP_TEST(a_flush_waits_for_descriptors), TAP_TEST(an_open_waits_for_descriptors),
         TAP_TEST(an_open_needs_few_for_many_aborted_transactions),
         TAP_TEST(a_roll_waits_for_descriptors), TAP_TEST(idle_files_make_room),
         TAP_TEST(whatever_is_left_nothing_breaks))
