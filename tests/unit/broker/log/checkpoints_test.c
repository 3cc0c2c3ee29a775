/* The checkpoint files: whose lines are believed. */
#include "fixture.h"

#include "broker/log/checkpoints.h"

enum { OLD_BATCHES = 50, OLD_END = 100, OLD_START = 90, OLD_CLEANED = 60, NEW_BATCHES = 10 };

static const char *const files[] = {"recovery-point-offset-checkpoint",
                                    "replication-offset-checkpoint", "log-start-offset-checkpoint",
                                    "cleaner-offset-checkpoint"};

static void write_all(struct log_world *f)
{
    log_write_epochs(f->log);
    fixture_settle(f);
    for (int which = 0; which < LOG_CHECKPOINTS; which++)
        checkpoints_write(f->log->dir, (enum checkpoint)which);
    fixture_settle(f);
}

/* A log whose four checkpoints all say something. */
static void begin_old(struct log_world *f)
{
    fixture_begin(f, OLD_BATCHES);
    fixture_settle(f);
    log_set_high_watermark(f->log, OLD_END);
    CHECK_INT(log_advance_start(f->log, OLD_START), 0);
    f->log->cleaned_offset = OLD_CLEANED;
    write_all(f);
}

static void check_old(struct log_world *f)
{
    CHECK_INT(log_start_offset(f->log), OLD_START);
    CHECK_INT(log_end_offset(f->log), OLD_END);
    CHECK_INT(log_high_watermark(f->log), OLD_END);
    CHECK_INT(f->log->cleaned_offset, OLD_CLEANED);
    CHECK_INT(f->log->entry->recovery_point, OLD_END);
}

/* It ends below where the old one began. */
static void check_new(struct log_world *f)
{
    for (int start = 0; start < 2; start++) {
        CHECK_INT(log_start_offset(f->log), 0);
        CHECK_INT(log_end_offset(f->log), 2 * NEW_BATCHES);
        CHECK_INT(log_high_watermark(f->log), 0);
        CHECK_INT(f->log->cleaned_offset, 0);
        fixture_crash(f);
        CHECK_INT(fixture_reopen(f), 0);
    }
}

static void another_topic_id(struct log_world *f)
{
    f->topic_id.bytes[0] ^= 1;
}

/* Takes the lines away that begin with `cut`; the second one becomes `count`, when it is given. */
static void strip_lines(const char *path, const char *cut, const char *count)
{
    char *text, *save = NULL;
    size_t len;
    int number = 0;
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    text = mem_alloc(4096);
    len = fread(text, 1, 4095, file);
    text[len] = 0;
    fclose(file);
    file = fopen(path, "w");
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        if (strncmp(line, cut, strlen(cut)) != 0)
            fprintf(file, "%s\n", ++number == 2 && count ? count : line);
    fclose(file);
    mem_free(text);
}

static void strip_checkpoints(struct log_world *f)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char *path = mem_printf("%s/%s", f->dir, files[i]);
        strip_lines(path, "@", "1");
        mem_free(path);
    }
}

static void a_log_has_its_own_checkpoints(void)
{
    struct log_world f;
    begin_old(&f);
    for (int start = 0; start < 3; start++) {
        fixture_crash(&f);
        CHECK_INT(fixture_reopen(&f), 0);
        check_old(&f);
        write_all(&f);
    }
    fixture_close(&f);
}

/* The new log has its records, and only them, after a crash. */
static void end_new(struct log_world *f)
{
    append_batches(f, NEW_BATCHES);
    fixture_crash(f);
    CHECK_INT(fixture_reopen(f), 0);
    check_new(f);
    fixture_close(f);
}

/* As deleted by command, or moved to another broker and back: then the topic id is the same. */
static void a_log_made_anew_has_none_of_the_old_one(void)
{
    for (int same = 0; same < 2; same++) {
        struct log_world f;
        begin_old(&f);
        log_manager_delete(f.manager, f.log);
        if (!same)
            another_topic_id(&f);
        CHECK_INT(fixture_open(&f), 0);
        end_new(&f);
    }
}

/* A crash right after it was made, and before any flush. */
static void a_log_made_anew_and_empty_has_none(void)
{
    struct log_world f;
    begin_old(&f);
    log_manager_delete(f.manager, f.log);
    another_topic_id(&f);
    CHECK_INT(fixture_open(&f), 0);
    fixture_crash(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 0);
    end_new(&f);
}

/* The broker was down when the topic was made anew; one kind of file is written before the crash,
 * the others are as they were. */
static void a_folder_set_aside_leaves_no_checkpoints(void)
{
    for (int written = -1; written < LOG_CHECKPOINTS; written++) {
        struct log_world f;
        begin_old(&f);
        end_process(&f, written % 2);
        another_topic_id(&f);
        CHECK_INT(fixture_reopen(&f), 0);
        append_batches(&f, NEW_BATCHES);
        fixture_settle(&f);
        if (written >= 0)
            checkpoints_write(f.log->dir, (enum checkpoint)written);
        fixture_crash(&f);
        CHECK_INT(fixture_reopen(&f), 0);
        check_new(&f);
        fixture_close(&f);
    }
}

/* It is fetched anew, under the same topic id. */
static void a_damaged_log_leaves_no_checkpoints(void)
{
    struct log_world f;
    begin_old(&f);
    fixture_crash(&f);
    file_cut(&f, LOG0, 100);
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    CHECK_INT(log_manager_discard(f.manager, "t", 0), 0);
    CHECK_INT(fixture_open(&f), 0);
    end_new(&f);
}

/* Neither Kafka nor an older version wrote whose lines these are. */
static void a_log_of_an_older_version_has_its_checkpoints(void)
{
    struct log_world f;
    begin_old(&f);
    fixture_crash(&f);
    strip_checkpoints(&f);
    char *path = log_file(&f, "partition.metadata");
    strip_lines(path, "incarnation", NULL);
    mem_free(path);
    for (int start = 0; start < 2; start++) {
        CHECK_INT(fixture_reopen(&f), 0);
        check_old(&f);
        write_all(&f);
        fixture_crash(&f);
    }
    CHECK_INT(fixture_reopen(&f), 0);
    log_manager_delete(f.manager, f.log);
    another_topic_id(&f);
    CHECK_INT(fixture_open(&f), 0);
    end_new(&f);
}

TAP_MAIN(TAP_TEST(a_log_has_its_own_checkpoints), TAP_TEST(a_log_made_anew_has_none_of_the_old_one),
         TAP_TEST(a_log_made_anew_and_empty_has_none),
         TAP_TEST(a_folder_set_aside_leaves_no_checkpoints),
         TAP_TEST(a_damaged_log_leaves_no_checkpoints),
         TAP_TEST(a_log_of_an_older_version_has_its_checkpoints))
