/* Under which broker epochs a log directory served. */
#include "fixture.h"

static int noted;

static void note(void *data)
{
    (void)data;
    noted++;
}

static void serve(struct log_world *f, int64_t epoch, int64_t before)
{
    int earlier = noted;
    log_manager_serve(f->manager, epoch, &before, 1, note, NULL);
    fixture_settle(f);
    CHECK_INT(noted, earlier + 1);
}

static void restart(struct log_world *f)
{
    fixture_crash(f);
    CHECK_INT(fixture_start(f), 0);
}

static void the_epochs_outlive_the_process(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(log_manager_dir_served(f.manager, 0), LOG_SERVED_NEW);
    serve(&f, 5, 0);
    CHECK_INT(log_manager_dir_served(f.manager, 0), 5);
    restart(&f);
    CHECK_INT(log_manager_dir_served(f.manager, 0), 5);
    serve(&f, 9, 5);
    serve(&f, 9, 9); /* registered once more, under the same epoch */
    restart(&f);
    CHECK_INT(log_manager_dir_served(f.manager, 0), 9);
    CHECK_INT(fixture_open(&f), 0);
    CHECK(log_served_under(f.log, 5) && log_served_under(f.log, 9));
    CHECK(!log_served_under(f.log, 7));
    CHECK(strstr(buf_text(&f.lines), "older") == NULL);
    fixture_close(&f);
}

static void stop_and_start(struct log_world *f)
{
    fixture_shutdown(f);
    CHECK_INT(fixture_start(f), 0);
}

/* A crash in between is one of the process that the controller knows. */
static void a_clean_stop_names_its_epoch(void)
{
    struct log_world f;
    fixture_begin(&f, 2);
    serve(&f, 5, 0);
    CHECK_INT(log_manager_stopped_epoch(f.manager), 0);
    stop_and_start(&f);
    CHECK_INT(log_manager_stopped_epoch(f.manager), 5);
    serve(&f, 9, 5);
    CHECK_INT(log_manager_stopped_epoch(f.manager), 5); /* it was about the process before */
    restart(&f);
    CHECK_INT(log_manager_stopped_epoch(f.manager), 0);
    CHECK_INT(fixture_open(&f), 0);
    stop_and_start(&f); /* it never registered */
    CHECK_INT(log_manager_stopped_epoch(f.manager), 0);
    fixture_close(&f);
}

/* A person knows that it is the newest one. */
static void an_epoch_can_be_added_by_hand(void)
{
    struct log_world f;
    fixture_init(&f);
    serve(&f, 12, 0);
    fixture_crash(&f);
    char *path = mem_printf("%s/.served-epochs", f.dir);
    CHECK_INT(env_file_replace(f.env, path, "12\n9\n", 5), 0);
    CHECK_INT(fixture_start(&f), 0);
    CHECK_INT(fixture_open(&f), 0);
    CHECK(log_served_under(f.log, 9) && log_served_under(f.log, 12));
    mem_free(path);
    fixture_close(&f);
}

/* As an older version leaves it. */
static void a_directory_with_partitions_is_not_new(void)
{
    struct log_world f;
    fixture_begin(&f, 2);
    restart(&f);
    CHECK_INT(log_manager_dir_served(f.manager, 0), 0);
    fixture_close(&f);
}

static void an_older_directory_is_named(void)
{
    struct log_world f;
    fixture_init(&f);
    serve(&f, 5, 0);
    restart(&f);
    serve(&f, 12, 9);
    CHECK(strstr(buf_text(&f.lines), f.dir) != NULL);
    CHECK(strstr(buf_text(&f.lines), "ends with broker epoch 5, and this broker has served under "
                                     "epoch 9 since") != NULL);
    CHECK_INT(fixture_open(&f), 0);
    CHECK(!log_served_under(f.log, 9)); /* for ever, also now that it has served with the others */
    CHECK(log_served_under(f.log, 12));
    fixture_close(&f);
}

static void a_damaged_file_counts_for_nothing(void)
{
    static const char *const texts[] = {"5",   "6\n5",    "x\n",   "5\nx\n",
                                        "0\n", "5\n-1\n", "5 6\n", "99999999999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct log_world f;
        fixture_init(&f);
        serve(&f, 5, 0);
        fixture_crash(&f);
        char *path = mem_printf("%s/.served-epochs", f.dir);
        CHECK_INT(env_file_replace(f.env, path, texts[i], strlen(texts[i])), 0);
        CHECK_INT(fixture_start(&f), 0);
        CHECK_INT(log_manager_dir_served(f.manager, 0), LOG_SERVED_NEW);
        CHECK(strstr(buf_text(&f.lines), path) != NULL);
        serve(&f, 6, 0);
        restart(&f);
        CHECK_INT(log_manager_dir_served(f.manager, 0), 6);
        mem_free(path);
        fixture_close(&f);
    }
}

static void the_oldest_epochs_make_way(void)
{
    struct log_world f;
    fixture_init(&f);
    for (int64_t epoch = 1; epoch <= LOG_SERVED_MAX + 2; epoch++)
        serve(&f, epoch, epoch - 1);
    for (int start = 0; start < 2; start++) {
        CHECK_INT(fixture_open(&f), 0);
        CHECK(!log_served_under(f.log, LOG_SERVED_MAX / 2));
        CHECK(log_served_under(f.log, LOG_SERVED_MAX / 2 + 1));
        CHECK(log_served_under(f.log, LOG_SERVED_MAX + 2));
        restart(&f);
    }
    fixture_close(&f);
}

/* A start on a disk without room: nothing is made, and no byte is added. */
static void a_start_needs_no_room(void)
{
    struct log_world f;
    fixture_init(&f);
    serve(&f, 5, 0);
    char *path = mem_printf("%s/.served-epochs", f.dir);
    char *other = mem_printf("%s.tmp", path);
    CHECK_INT(env_dir_make(f.env, other), 0); /* where a file that replaces it would be made */
    for (int64_t epoch = 6; epoch < 9; epoch++) {
        char *text;
        size_t len;
        restart(&f);
        serve(&f, epoch, epoch - 1);
        CHECK_INT(log_manager_dir_served(f.manager, 0), epoch);
        CHECK_INT(env_file_load(f.env, path, 1 << 20, &text, &len), 0);
        CHECK_INT(len, 32 * LOG_SERVED_MAX);
        mem_free(text);
    }
    CHECK_INT(f.failed_dirs, 0);
    CHECK_INT(env_dir_remove(f.env, other), 0);
    mem_free(other);
    mem_free(path);
    fixture_close(&f);
}

/* The broker goes on with the others, and the one that failed stays behind. */
static void a_directory_that_fails_is_not_waited_for(void)
{
    struct log_world f;
    const char *dirs[2];
    fixture_init(&f);
    fixture_crash(&f);
    char *other = mem_printf("%s/other", f.root);
    char *file = mem_printf("%s/.served-epochs", other);
    dirs[0] = f.dir;
    dirs[1] = other;
    f.manager_config.dirs = dirs;
    f.manager_config.dir_count = 2;
    CHECK_INT(fixture_start(&f), 0);
    serve(&f, 5, 0);
    CHECK_INT(env_path_remove(f.env, file), 0);
    CHECK_INT(env_dir_make(f.env, file), 0);
    serve(&f, 6, 5);
    CHECK_INT(f.failed_dirs, 1);
    CHECK_INT(env_dir_remove(f.env, file), 0);
    CHECK_INT(env_file_replace(f.env, file, "5\n", 2), 0);
    restart(&f);
    CHECK_INT(log_manager_dir_served(f.manager, 0), 6);
    CHECK_INT(log_manager_dir_served(f.manager, 1), 5);
    fixture_close(&f);
    mem_free(file);
    mem_free(other);
}

/* Registered anew while the first epoch is being written. */
static void only_the_newest_registration_is_answered(void)
{
    struct log_world f;
    fixture_init(&f);
    noted = 0;
    log_manager_serve(f.manager, 5, NULL, 0, note, NULL);
    log_manager_serve(f.manager, 7, NULL, 0, note, NULL);
    fixture_settle(&f);
    CHECK_INT(noted, 1);
    CHECK_INT(log_manager_dir_served(f.manager, 0), 7);
    log_manager_serve(f.manager, 8, NULL, 0, note, NULL);
    fixture_crash(&f);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(the_epochs_outlive_the_process), TAP_TEST(a_directory_with_partitions_is_not_new),
         TAP_TEST(an_older_directory_is_named), TAP_TEST(a_damaged_file_counts_for_nothing),
         TAP_TEST(the_oldest_epochs_make_way), TAP_TEST(a_start_needs_no_room),
         TAP_TEST(a_directory_that_fails_is_not_waited_for),
         TAP_TEST(only_the_newest_registration_is_answered), TAP_TEST(a_clean_stop_names_its_epoch),
         TAP_TEST(an_epoch_can_be_added_by_hand))
