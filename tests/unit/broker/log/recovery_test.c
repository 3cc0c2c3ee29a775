/* Crashes and damage: torn ends, bit flips, lost side files. Traps C of the checklist. */
#include "fixture.h"

#include "broker/log/checkpoints.h"

/* What the timer does, epochs first. */
static void write_recovery_point(struct log_world *f)
{
    log_write_epochs(f->log);
    fixture_settle(f);
    checkpoints_write(f->log->dir, CHECKPOINT_RECOVERY_POINT);
    fixture_settle(f);
}

static void a_torn_end_is_cut_at_every_byte(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_settle(&f);
    int64_t whole = file_size(&f, LOG0), one = whole / 5;
    for (int64_t cut = 1; cut <= one; cut++) {
        fixture_crash(&f);
        file_cut(&f, LOG0, whole - cut);
        CHECK_INT(fixture_reopen(&f), 0);
        CHECK_INT(log_end_offset(f.log), 8);
        CHECK_INT(file_size(&f, LOG0), whole - one);
        CHECK_INT(append_some(&f, 2, SMALL), 0);
        CHECK_INT(fixture_result.base_offset, 8);
        fixture_settle(&f);
    }
    fixture_close(&f);
}

static void a_flip_in_the_last_batch_is_a_torn_end(void)
{
    struct log_world f;
    fixture_begin(&f, 3);
    fixture_crash(&f);
    file_flip(&f, LOG0, file_size(&f, LOG0) - 3);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 4);
    fixture_close(&f);
}

/* No checksum covers it: with an impossible one the last batch is damaged, not unfinished. */
static void a_damaged_offset_in_the_last_batch_is_no_torn_end(void)
{
    struct log_world f;
    fixture_begin(&f, 3);
    fixture_crash(&f);
    int64_t last = file_size(&f, LOG0) / 3 * 2;
    for (int64_t at = last; at < last + 4; at++) {
        file_flip(&f, LOG0, at);
        CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
        fixture_crash(&f);
        file_forget_damage(&f);
        file_flip(&f, LOG0, at);
    }
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 6);
    fixture_close(&f);
}

/* Compaction leaves gaps between batches; a leader may tell us to cut in one. */
static void a_cut_in_a_gap_is_found_again(void)
{
    for (int clean = 0; clean < 2; clean++) {
        struct log_world f;
        fixture_init(&f);
        f.config.cleanup_compact = true; /* which leaves gaps */
        CHECK_INT(fixture_open(&f), 0);
        for (int64_t base = 0; base <= 20; base += 10)
            CHECK_INT(
                append_spec(&f,
                            (struct batch_spec){.count = 2, .base_offset = base, .leader_epoch = 1},
                            LOG_FROM_LEADER),
                0);
        fixture_settle(&f);
        CHECK_INT(log_truncate(f.log, 15), 0);
        CHECK_INT(log_end_offset(f.log), 15);
        fixture_settle(&f);
        if (clean)
            fixture_shutdown(&f);
        else
            fixture_crash(&f);
        CHECK_INT(fixture_reopen(&f), 0);
        CHECK_INT(log_end_offset(f.log), 15);
        int64_t first;
        CHECK_INT(read_from(&f, 10, 1000, INT64_MAX, &first), 12);
        CHECK_INT(append_spec(&f,
                              (struct batch_spec){.count = 2, .base_offset = 17, .leader_epoch = 1},
                              LOG_FROM_LEADER),
                  0);
        CHECK_INT(log_end_offset(f.log), 19);
        fixture_close(&f);
    }
}

/* Every byte but the leader epoch, which no checksum covers. */
static void a_flip_in_the_middle_is_never_a_shorter_log(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_crash(&f);
    int64_t one = file_size(&f, LOG0) / 5;
    for (int64_t at = 0; at < one; at++) {
        if (at >= 12 && at < 16)
            continue;
        file_flip(&f, LOG0, 2 * one + at);
        CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
        CHECK(f.log == NULL);
        CHECK_INT(file_size(&f, LOG0), 5 * one);
        fixture_crash(&f);
        file_forget_damage(&f);
        file_flip(&f, LOG0, 2 * one + at);
    }
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 10);
    fixture_close(&f);
}

/* Sectors reach the disk in any order: zeros in the middle of what was not flushed are a torn end.
 */
static void a_hole_from_a_power_cut_is_a_torn_end(void)
{
    static const uint8_t zeros[512];
    struct log_world f;
    for (int64_t sector = 0; sector < 5; sector++) {
        fixture_begin(&f, 40);
        fixture_crash(&f);
        int64_t one = file_size(&f, LOG0) / 40;
        file_write(&f, LOG0, sector * 512, zeros, sizeof(zeros));
        CHECK_INT(fixture_reopen(&f), 0);
        CHECK_INT(log_end_offset(f.log), sector * 512 / one * 2);
        CHECK_INT(file_size(&f, LOG0), sector * 512 / one * one);
        fixture_close(&f);
    }
}

/* One batch, whose end lies so far before that of a sector. */
static void begin_before_a_border(struct log_world *f, int64_t left)
{
    int value_len = 100; /* from here on a letter more is a byte more */
    for (int round = 0; round < 2; round++) {
        fixture_init(f);
        CHECK_INT(fixture_open(f), 0);
        CHECK_INT(append_some(f, 1, value_len), 0);
        fixture_settle(f);
        int64_t over = (file_size(f, LOG0) + left) % 512;
        value_len += (int)(512 - over);
        if (round == 0)
            fixture_close(f);
        else
            CHECK_INT(over, 0);
    }
}

/* The sector that a batch begins in had reached the disk before, and did not again: zeros are all
 * that is left of the base offset and of the front of the length, and the rest of it is good. */
static void a_front_that_was_never_written_is_a_torn_end(void)
{
    static const uint8_t zeros[512];
    for (int64_t left = 8; left < 12; left++) {
        for (int behind = 0; behind < 3; behind++) {
            struct log_world f;
            begin_before_a_border(&f, left);
            int64_t size = file_size(&f, LOG0);
            append_batches(&f, 1 + behind);
            fixture_settle(&f);
            fixture_crash(&f);
            file_write(&f, LOG0, size, zeros, left);
            CHECK_INT(fixture_reopen(&f), 0);
            CHECK_INT(log_end_offset(f.log), 1);
            CHECK_INT(file_size(&f, LOG0), size);
            fixture_close(&f);
        }
    }
}

static void a_bad_end_of_a_sealed_segment_is_damage(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.segment_bytes = 500;
    CHECK_INT(fixture_open(&f), 0);
    append_batches(&f, 10);
    CHECK(f.log->segment_count > 2);
    fixture_crash(&f);
    file_cut(&f, LOG0, file_size(&f, LOG0) - 1);
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    /* Set aside, it can start anew. */
    CHECK_INT(log_manager_discard(f.manager, "t", 0), 0);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(log_end_offset(f.log), 0);
    CHECK_INT(append_some(&f, 1, SMALL), 0);
    fixture_close(&f);
}

/* The name of the .log file of segment `at`; valid until the next call. */
static const char *segment_log(struct log_world *f, uint32_t at)
{
    static char name[SEGMENT_NAME_MAX];
    segment_name(f->log->segments[at]->base_offset, ".log", name);
    return name;
}

/* A file that is gone, and one that is short by a whole batch. */
static void a_hole_between_segments_is_damage(void)
{
    for (int way = 0; way < 4; way++) {
        struct log_world f;
        char name[SEGMENT_NAME_MAX];
        bool clean = way & 1, gone = way & 2;
        fixture_init(&f);
        f.config.segment_bytes = 500;
        CHECK_INT(fixture_open(&f), 0);
        append_batches(&f, 30);
        fixture_settle(&f);
        CHECK(f.log->segment_count > 3);
        snprintf(name, sizeof(name), "%s", segment_log(&f, f.log->segment_count - 2));
        const struct segment *segment = f.log->segments[1]; /* of batches of two */
        int64_t one = (int64_t)segment->size * 2 / (segment->end_offset - segment->base_offset);
        end_process(&f, clean);
        if (gone)
            file_remove(&f, name);
        else
            file_cut(&f, name, file_size(&f, name) - one);
        CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
        const char *what = clean ? "not as the last stop left them" : "are missing";
        CHECK(strstr(buf_text(&f.lines), what) != NULL);
        fixture_close(&f);
    }
}

/* A segment without a marker was begun after all before it was flushed: zeros in there are no write
 * that never happened, whatever the checkpoint of the recovery point says. */
static void zeros_in_what_was_flushed_are_damage(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.segment_bytes = 500;
    CHECK_INT(fixture_open(&f), 0);
    for (int i = 0; i < 30; i++) {
        append_batches(&f, 1);
        fixture_settle(&f);
    }
    uint32_t count = f.log->segment_count;
    CHECK(count > 3);
    char last[SEGMENT_NAME_MAX];
    snprintf(last, sizeof(last), "%s", segment_log(&f, count - 2));
    fixture_crash(&f);
    int64_t size = file_size(&f, LOG0), behind = file_size(&f, last);
    file_cut(&f, LOG0, 0);
    file_cut(&f, LOG0, size); /* zeros */
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    CHECK_INT(file_size(&f, last), behind);
    CHECK_INT(file_size(&f, LOG0), size);
    fixture_close(&f);
}

/* What is missing in front was not deleted: neither by retention, nor by DeleteRecords, nor by the
 * leader whose log begins later. */
static void a_hole_at_the_start_is_damage(void)
{
    enum { WAYS = 8, LATER = 1000 };
    for (int way = 0; way < WAYS; way++) {
        struct log_world f;
        char name[SEGMENT_NAME_MAX];
        bool clean = way & 1, lost = way & 2, reset = way & 4;
        fixture_init(&f);
        f.config.segment_bytes = 500;
        CHECK_INT(fixture_open(&f), 0);
        if (reset)
            CHECK_INT(log_reset(f.log, LATER), 0);
        append_batches(&f, 30);
        fixture_settle(&f);
        CHECK(f.log->segment_count > 4);
        log_set_high_watermark(f.log, log_end_offset(f.log));
        int64_t start = f.log->segments[2]->base_offset;
        CHECK_INT(log_advance_start(f.log, start), 0);
        fixture_settle(&f);
        CHECK_INT(f.log->segments[0]->base_offset, start);
        snprintf(name, sizeof(name), "%s", segment_log(&f, 0));
        end_process(&f, clean);
        if (lost)
            file_remove(&f, name);
        CHECK_INT(fixture_reopen(&f), lost ? ERR_CORRUPT : 0);
        if (!lost)
            CHECK_INT(log_start_offset(f.log), start);
        else if (!clean) /* a clean stop has told what it left */
            CHECK(strstr(buf_text(&f.lines), "are missing") != NULL);
        fixture_close(&f);
    }
}

/* What a compaction left half done takes the place of a segment only when it is whole. */
static void a_bad_swap_file_replaces_nothing(void)
{
    for (int way = 0; way < 3; way++) {
        struct log_world f;
        fixture_init(&f);
        f.config.segment_bytes = 500;
        CHECK_INT(fixture_open(&f), 0);
        append_batches(&f, 10);
        fixture_crash(&f);
        int64_t size = file_size(&f, LOG0);
        char *from = log_file(&f, LOG0), *to = log_file(&f, LOG0 ".swap"), *copy;
        size_t len;
        CHECK_INT(env_file_load(f.env, from, 1 << 20, &copy, &len), 0);
        CHECK_INT(env_file_replace(f.env, to, copy, len), 0);
        if (way == 0)
            file_cut(&f, LOG0 ".swap", 0);
        else if (way == 1)
            file_cut(&f, LOG0 ".swap", size - 1);
        else
            file_flip(&f, LOG0 ".swap", size - 3);
        CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
        CHECK_INT(file_size(&f, LOG0), size);
        mem_free(copy);
        mem_free(from);
        mem_free(to);
        fixture_close(&f);
    }
}

/* Compaction left them on the leader, whatever the policy is now. */
static void gaps_of_the_leader_are_no_damage(void)
{
    for (int clean = 0; clean < 2; clean++) {
        struct log_world f;
        fixture_init(&f);
        f.config.segment_bytes = 500;
        CHECK_INT(fixture_open(&f), 0);
        for (int64_t base = 0; base < 300; base += 10) {
            log_expect_gap(f.log, base);
            CHECK_INT(append_spec(
                          &f, (struct batch_spec){.count = 2, .value_len = 50, .base_offset = base},
                          LOG_FROM_LEADER),
                      0);
        }
        CHECK(f.log->segment_count > 3);
        fixture_settle(&f);
        end_process(&f, clean);
        CHECK_INT(fixture_reopen(&f), 0);
        CHECK_INT(log_end_offset(f.log), 292);
        fixture_close(&f);
    }
}

/* As a version left it that knew neither the file that tells of gaps nor the roster. */
static void gaps_of_an_older_version_are_no_damage(void)
{
    for (int compact = 0; compact < 2; compact++) {
        struct log_world f;
        fixture_init(&f);
        f.config.segment_bytes = 500;
        f.config.cleanup_compact = compact;
        CHECK_INT(fixture_open(&f), 0);
        for (int64_t base = 0; base < 300; base += 10) {
            log_expect_gap(f.log, base);
            CHECK_INT(append_spec(
                          &f, (struct batch_spec){.count = 2, .value_len = 50, .base_offset = base},
                          LOG_FROM_LEADER),
                      0);
        }
        fixture_settle(&f);
        fixture_crash(&f);
        file_remove(&f, "replica.gaps");
        char *roster = mem_printf("%s/.replicas", f.dir);
        CHECK_INT(env_dir_remove(f.env, roster), 0);
        mem_free(roster);
        CHECK_INT(fixture_reopen(&f), compact ? 0 : ERR_CORRUPT);
        if (compact) {
            fixture_settle(&f);
            fixture_crash(&f);
            CHECK_INT(fixture_reopen(&f), 0); /* also when the roster knows it */
        }
        fixture_close(&f);
    }
}

static void a_log_that_ends_below_its_recovery_point_is_damaged(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_settle(&f);
    int64_t whole = file_size(&f, LOG0);
    write_recovery_point(&f);
    fixture_crash(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    fixture_crash(&f);
    file_cut(&f, LOG0, whole - whole / 5); /* at a batch boundary */
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    fixture_crash(&f);
    file_forget_damage(&f);
    file_cut(&f, LOG0, whole - whole / 5 - 7);
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    CHECK(strstr(buf_text(&f.lines), "flushed up to 10") != NULL);
    fixture_close(&f);
}

static void a_cut_by_the_leader_is_no_damage(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_settle(&f);
    write_recovery_point(&f);
    CHECK_INT(log_truncate(f.log, 6), 0);
    CHECK(file_exists(&f, "00000000000000000006.truncated"));
    CHECK_INT(log_truncate(f.log, 4), 0);
    fixture_crash(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 4);
    append_batches(&f, 1);
    CHECK_INT(log_truncate(f.log, 4), 0);
    fixture_settle(&f);
    write_recovery_point(&f);
    CHECK(!file_exists(&f, "00000000000000000004.truncated"));
    CHECK(!file_exists(&f, "00000000000000000006.truncated"));
    fixture_close(&f);
}

static void check_all(struct log_world *f, int64_t end)
{
    int64_t first;
    for (int64_t offset = 0; offset < end; offset += 3) {
        CHECK(read_from(f, offset, 300, INT64_MAX, &first) > offset);
        CHECK_INT(first, offset - offset % 2);
    }
}

static void indexes_are_made_again(void)
{
    static const char *const names[] = {"00000000000000000000.index",
                                        "00000000000000000000.timeindex"};
    struct log_world f;
    fixture_init(&f);
    f.config.segment_bytes = 40000;
    f.config.index_interval_bytes = 300;
    CHECK_INT(fixture_open(&f), 0);
    for (int i = 0; i < 1000; i++)
        CHECK_INT(
            append_spec(&f, (struct batch_spec){.count = 2, .value_len = 40, .timestamp = 1000 + i},
                        LOG_FROM_CLIENT),
            0);
    fixture_shutdown(&f);
    for (int round = 0; round < 12; round++) {
        const char *name = names[round % 2];
        int64_t size = file_size(&f, name);
        CHECK(size > 100);
        switch (round / 2) {
        case 0:
            file_remove(&f, name);
            break;
        case 1:
            file_cut(&f, name, 0);
            break;
        case 2:
            file_cut(&f, name, size / 24 * 12 + 5);
            break;
        case 3: /* pages that never reached the disk */
            file_cut(&f, name, size / 2);
            file_cut(&f, name, size);
            break;
        case 4: /* a position, or an offset */
            file_flip(&f, name, size / 2 / 24 * 24 + 7);
            break;
        default:
            file_flip(&f, name, 2);
        }
        CHECK_INT(fixture_reopen(&f), 0);
        check_all(&f, 2000);
        int64_t offset, time;
        CHECK_INT(fixture_find_time(&f, 1100, &offset, &time), 0);
        CHECK_INT(offset, 200);
        if (round % 4 == 3)
            fixture_crash(&f);
        else
            fixture_shutdown(&f);
    }
    fixture_close(&f);
}

static void epochs_are_made_again(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.segment_bytes = 500;
    CHECK_INT(fixture_open(&f), 0);
    for (int epoch = 1; epoch <= 8; epoch++)
        for (int i = 0; i < epoch; i++)
            CHECK_INT(
                append_spec(&f,
                            (struct batch_spec){.count = 1, .value_len = 50, .leader_epoch = epoch},
                            LOG_FROM_CLIENT),
                0);
    CHECK_INT(log_assign_epoch(f.log, 11), 0);
    fixture_shutdown(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_latest_epoch(f.log), 11);
    for (int damage = 0; damage < 3; damage++) {
        fixture_shutdown(&f);
        if (damage == 0)
            file_remove(&f, "leader-epoch-checkpoint");
        else if (damage == 1)
            file_cut(&f, "leader-epoch-checkpoint", 5);
        else
            file_flip(&f, "leader-epoch-checkpoint", 0);
        CHECK_INT(fixture_reopen(&f), 0);
        int32_t epoch;
        int64_t end;
        CHECK_INT(log_latest_epoch(f.log), 8);
        for (int i = 1; i < 8; i++) {
            log_end_of_epoch(f.log, i, &epoch, &end);
            CHECK_INT(epoch, i);
            CHECK_INT(end, i * (i + 1) / 2);
        }
    }
    fixture_close(&f);
}

static bool count_producer(void *data, const struct log_producer *producer)
{
    CHECK_INT(producer->producer_id, 70 + *(int *)data);
    (*(int *)data)++;
    return true;
}

static void producers_are_made_again(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.segment_bytes = 500;
    CHECK_INT(fixture_open(&f), 0);
    for (int i = 0; i < 20; i++)
        CHECK_INT(
            append_spec(
                &f,
                (struct batch_spec){
                    .count = 2, .value_len = 40, .producer_id = 77, .epoch = 3, .sequence = i * 2},
                LOG_FROM_CLIENT),
            0);
    for (int round = 0; round < 4; round++) {
        if (round % 2)
            fixture_crash(&f);
        else
            fixture_shutdown(&f);
        if (round > 1) {
            char *command = mem_printf("rm -f %s/t-0/*.snapshot", f.dir);
            CHECK_INT(system(command), 0);
            mem_free(command);
        }
        CHECK_INT(fixture_reopen(&f), 0);
        struct producer *producer = producer_state_get(&f.log->producers, 77);
        CHECK(producer != NULL);
        CHECK_INT(producer->epoch, 3);
        CHECK_INT(producer_last_sequence(producer), 39);
        CHECK_INT(producer->batches[producer->batch_count - 1].last_offset, 39);
        int count = 7;
        log_each_producer(f.log, count_producer, &count);
        CHECK_INT(count, 8);
    }
    /* A damaged snapshot is as good as none. */
    fixture_shutdown(&f);
    file_flip(&f, "00000000000000000040.snapshot", 20);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(producer_last_sequence(producer_state_get(&f.log->producers, 77)), 39);
    fixture_close(&f);
}

/* The clean mark must be gone before anything is appended, and a recovery point must never be ahead
 * of what is flushed. */
static void a_crash_after_a_clean_start_is_scanned(void)
{
    struct log_world f;
    fixture_begin(&f, 3);
    fixture_shutdown(&f);
    char *mark = mem_printf("%s/.kafka_cleanshutdown", f.dir);
    CHECK(access(mark, F_OK) == 0);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK(access(mark, F_OK) != 0);
    mem_free(mark);
    append_batches(&f, 2);
    fixture_crash(&f);
    file_cut(&f, LOG0, file_size(&f, LOG0) - 1);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 8);
    fixture_close(&f);
}

static void leftovers_are_removed(void)
{
    static const char *const names[] = {
        "00000000000000000000.log.deleted", "00000000000000000004.index.deleted",
        "leader-epoch-checkpoint.tmp", "00000000000000000099.snapshot"};
    struct log_world f;
    fixture_begin(&f, 3);
    fixture_crash(&f);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = log_file(&f, names[i]);
        FILE *file = fopen(path, "w");
        CHECK(file != NULL);
        fputs("x", file);
        fclose(file);
        mem_free(path);
    }
    CHECK_INT(fixture_reopen(&f), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        CHECK(!file_exists(&f, names[i]));
    CHECK_INT(log_end_offset(f.log), 6);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(a_torn_end_is_cut_at_every_byte),
         TAP_TEST(a_flip_in_the_last_batch_is_a_torn_end),
         TAP_TEST(a_damaged_offset_in_the_last_batch_is_no_torn_end),
         TAP_TEST(a_cut_in_a_gap_is_found_again),
         TAP_TEST(a_flip_in_the_middle_is_never_a_shorter_log),
         TAP_TEST(a_hole_from_a_power_cut_is_a_torn_end),
         TAP_TEST(a_front_that_was_never_written_is_a_torn_end),
         TAP_TEST(a_bad_end_of_a_sealed_segment_is_damage),
         TAP_TEST(a_bad_swap_file_replaces_nothing), TAP_TEST(a_hole_between_segments_is_damage),
         TAP_TEST(zeros_in_what_was_flushed_are_damage), TAP_TEST(a_hole_at_the_start_is_damage),
         TAP_TEST(gaps_of_the_leader_are_no_damage),
         TAP_TEST(gaps_of_an_older_version_are_no_damage),
         TAP_TEST(a_log_that_ends_below_its_recovery_point_is_damaged),
         TAP_TEST(a_cut_by_the_leader_is_no_damage), TAP_TEST(indexes_are_made_again),
         TAP_TEST(epochs_are_made_again), TAP_TEST(producers_are_made_again),
         TAP_TEST(a_crash_after_a_clean_start_is_scanned), TAP_TEST(leftovers_are_removed))
