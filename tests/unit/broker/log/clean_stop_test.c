/* What a clean shutdown may promise to the next start, and what it may not. */
#include "fixture.h"

static bool has_mark(struct log_world *f)
{
    char *path = mem_printf("%s/.kafka_cleanshutdown", f->dir);
    bool there = access(path, F_OK) == 0;
    mem_free(path);
    return there;
}

static void a_clean_stop_leaves_a_mark(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_shutdown(&f);
    CHECK(has_mark(&f));
    fixture_close(&f);
}

/* A broker of an older version ran meanwhile: it knows the mark, but not the list, which would call
 * what it appended damage. */
static void a_list_speaks_of_the_last_stop_only(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_shutdown(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    append_batches(&f, 5);
    fixture_settle(&f);
    fixture_crash(&f);
    char *path = mem_printf("%s/.kafka_cleanshutdown", f.dir);
    FILE *mark = fopen(path, "w");
    CHECK(mark != NULL && fclose(mark) == 0);
    mem_free(path);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 20);
    fixture_close(&f);
}

static void a_damaged_log_stays_damaged_after_a_clean_stop(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_crash(&f);
    int64_t one = file_size(&f, LOG0) / 5;
    file_flip(&f, LOG0, 2 * one + one - 5); /* a record of the third batch */
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    fixture_shutdown(&f);
    CHECK(!has_mark(&f));
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    CHECK(f.log == NULL);
    /* Also where the next recovery would find nothing wrong. */
    fixture_crash(&f);
    file_flip(&f, LOG0, 2 * one + one - 5);
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    CHECK(strstr(buf_text(&f.lines), "replica.damaged") != NULL);
    fixture_crash(&f);
    file_forget_damage(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 10);
    fixture_close(&f);
}

static void a_discarded_replica_is_not_damaged_any_more(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_crash(&f);
    file_flip(&f, LOG0, file_size(&f, LOG0) / 2);
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    CHECK_INT(log_manager_discard(f.manager, "t", 0), 0);
    CHECK_INT(fixture_open(&f), 0);
    append_batches(&f, 3);
    fixture_shutdown(&f);
    CHECK(has_mark(&f));
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 6);
    fixture_close(&f);
}

/* A person may have moved the folder away while the broker waited for a leader. */
static void a_damaged_replica_that_is_gone_is_discarded(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_crash(&f);
    file_flip(&f, LOG0, file_size(&f, LOG0) / 2);
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    char *folder = mem_printf("%s/t-0", f.dir), *away = mem_printf("%s/away", f.dir);
    CHECK_INT(rename(folder, away), 0);
    mem_free(folder);
    mem_free(away);
    CHECK_INT(log_manager_discard(f.manager, "t", 0), 0);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_some(&f, 1, SMALL), 0);
    fixture_close(&f);
}

/* Nothing is read then, but the segments have to be there as they were. */
static void what_changed_since_a_clean_stop_is_damage(void)
{
    for (int way = 0; way < 8; way++) {
        struct log_world f;
        fixture_init(&f);
        f.config.segment_bytes = 500;
        CHECK_INT(fixture_open(&f), 0);
        append_batches(&f, 30);
        CHECK(f.log->segment_count > 4);
        char name[SEGMENT_NAME_MAX];
        segment_name(f.log->segments[way & 4 ? 2 : 0]->base_offset, ".log", name);
        fixture_shutdown(&f);
        CHECK(has_mark(&f));
        int64_t size = file_size(&f, name);
        if ((way & 3) == 0)
            file_remove(&f, name);
        else
            file_cut(&f, name, (way & 3) == 1 ? 0 : (way & 3) == 2 ? size - 1 : size + 1);
        CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
        CHECK(strstr(buf_text(&f.lines), "not as the last stop left them") != NULL);
        fixture_close(&f);
    }
}

/* Then everything is looked at, as after a crash. */
static void without_its_list_a_stop_was_not_clean(void)
{
    for (int way = 0; way < 3; way++) {
        struct log_world f;
        fixture_begin(&f, 5);
        fixture_shutdown(&f);
        char *path = mem_printf("%s/.segments", f.dir);
        if (way == 0)
            CHECK_INT(unlink(path), 0);
        else
            CHECK_INT(env_file_replace(f.env, path, "t 0 1 400 17\n5\n", way == 1 ? 0 : 15), 0);
        CHECK_INT(fixture_reopen(&f), 0);
        CHECK(!f.manager->dirs[0].clean);
        CHECK_INT(log_end_offset(f.log), 10);
        CHECK(strstr(buf_text(&f.lines), ".segments is not used") != NULL);
        mem_free(path);
        fixture_close(&f);
    }
}

/* The next stop vouches for it too. */
static void a_log_that_was_not_opened_keeps_its_line(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_shutdown(&f);
    CHECK_INT(fixture_start(&f), 0);
    fixture_shutdown(&f);
    CHECK(has_mark(&f));
    file_cut(&f, LOG0, file_size(&f, LOG0) - 1);
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    fixture_close(&f);
}

/* A start that finds no quorum opens nothing. */
static void a_stop_before_the_logs_were_opened_makes_no_mark(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_crash(&f);
    int64_t one = file_size(&f, LOG0) / 5;
    file_flip(&f, LOG0, 4 * one + one - 5); /* the torn last batch */
    CHECK_INT(fixture_start(&f), 0);
    fixture_shutdown(&f);
    CHECK(!has_mark(&f));
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 8);
    fixture_close(&f);
}

static void a_stop_before_the_logs_were_opened_keeps_a_mark(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_shutdown(&f);
    CHECK_INT(fixture_start(&f), 0);
    CHECK(!has_mark(&f)); /* a crash from now on is a crash */
    fixture_shutdown(&f);
    CHECK(has_mark(&f));
    fixture_close(&f);
}

/* The callback has lost its owner by then. */
static void an_open_under_way_ends_without_its_callback(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_shutdown(&f);
    CHECK_INT(fixture_start(&f), 0);
    f.opened = false;
    log_manager_open(f.manager, "t", 0, &f.topic_id, &f.config, log_world_opened, &f);
    log_world_shut_down(&f);
    fixture_wait(&f, fixture_is_down);
    CHECK(!f.opened);
    fixture_crash(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 10);
    fixture_close(&f);
}

static void a_file_that_is_being_sent_stays_open(void)
{
    struct log_world f;
    struct log_slice slice;
    uint8_t bytes[61];
    fixture_begin(&f, 5);
    fixture_settle(&f);
    CHECK_INT(log_read(f.log, 0, 1 << 20, 10, true, &slice), 0);
    log_world_shut_down(&f);
    fixture_wait(&f, fixture_is_down);
    CHECK(slice.segment->file == slice.file);
    CHECK_INT(env_file_read(slice.file, bytes, sizeof(bytes), slice.position), sizeof(bytes));
    /* Also when it is released after the manager is gone. */
    fixture_crash(&f);
    CHECK_INT(env_file_read(slice.file, bytes, sizeof(bytes), slice.position), sizeof(bytes));
    log_slice_release(&slice);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(a_clean_stop_leaves_a_mark), TAP_TEST(what_changed_since_a_clean_stop_is_damage),
         TAP_TEST(a_list_speaks_of_the_last_stop_only),
         TAP_TEST(without_its_list_a_stop_was_not_clean),
         TAP_TEST(a_log_that_was_not_opened_keeps_its_line),
         TAP_TEST(a_damaged_log_stays_damaged_after_a_clean_stop),
         TAP_TEST(a_discarded_replica_is_not_damaged_any_more),
         TAP_TEST(a_damaged_replica_that_is_gone_is_discarded),
         TAP_TEST(a_stop_before_the_logs_were_opened_makes_no_mark),
         TAP_TEST(a_stop_before_the_logs_were_opened_keeps_a_mark),
         TAP_TEST(an_open_under_way_ends_without_its_callback),
         TAP_TEST(a_file_that_is_being_sent_stays_open))
