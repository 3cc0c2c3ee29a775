/* Replicas whose files are gone: lost, and never taken for new ones. */
#include "fixture.h"

static void remove_dir(struct log_world *f, const char *name)
{
    char *path = mem_printf("%s/%s", f->dir, name);
    CHECK_INT(env_dir_remove(f->env, path), 0);
    mem_free(path);
}

static void a_replica_without_its_directory_is_lost(void)
{
    for (int clean = 0; clean < 2; clean++) {
        struct log_world f;
        fixture_begin(&f, 5);
        end_process(&f, clean);
        remove_dir(&f, "t-0");
        for (int start = 0; start < 2; start++) {
            CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
            CHECK(f.log == NULL);
            CHECK(!file_exists(&f, LOG0));
            end_process(&f, clean);
        }
        CHECK(strstr(buf_text(&f.lines), "is gone") != NULL);
        fixture_close(&f);
    }
}

static void a_lost_replica_is_new_once_discarded(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_crash(&f);
    remove_dir(&f, "t-0");
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    CHECK_INT(log_manager_discard(f.manager, "t", 0), 0);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(log_end_offset(f.log), 0);
    append_batches(&f, 2);
    fixture_crash(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 4);
    fixture_crash(&f);
    remove_dir(&f, "t-0"); /* and can be lost again */
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    fixture_close(&f);
}

/* Nothing was ever written: there is nothing to lose. */
static void an_empty_replica_is_made_again(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    fixture_settle(&f);
    fixture_crash(&f);
    remove_dir(&f, "t-0");
    CHECK_INT(fixture_reopen(&f), 0);
    fixture_close(&f);
}

static void a_directory_without_its_segments_is_lost(void)
{
    for (int clean = 0; clean < 2; clean++) {
        struct log_world f;
        fixture_begin(&f, 5);
        end_process(&f, clean);
        file_remove(&f, LOG0);
        CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
        fixture_close(&f);
    }
}

/* The second of two disks comes back as an empty mount point. */
static void the_other_log_directory_remembers(void)
{
    struct log_world f;
    const char *dirs[2];
    fixture_init(&f);
    fixture_crash(&f);
    char *other = mem_printf("%s/other", f.root);
    dirs[0] = other;
    dirs[1] = f.dir;
    f.manager_config.dirs = dirs;
    f.manager_config.dir_count = 2;
    /* The directory that has fewer logs takes t-0. */
    char *taken = mem_printf("%s/x-0", other);
    CHECK_INT(env_dir_make(f.env, taken), 0);
    CHECK_INT(fixture_reopen(&f), 0);
    append_batches(&f, 5);
    fixture_settle(&f);
    CHECK(file_exists(&f, LOG0));
    fixture_crash(&f);
    CHECK_INT(env_dir_remove(f.env, f.dir), 0);
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    fixture_close(&f);
    mem_free(taken);
    mem_free(other);
}

/* The metadata takes the records for lost; a directory that is new tells nothing of the others. */
static void what_never_had_records_is_proven(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK(log_is_proven(f.log));
    f.config.doubted = true;
    fixture_crash(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK(log_is_proven(f.log)); /* its directory was there before */
    for (int start = 0; start < 3; start++) {
        fixture_crash(&f);
        if (start == 0)
            remove_dir(&f, "t-0");
        CHECK_INT(fixture_reopen(&f), 0);
        CHECK(!log_is_proven(f.log)); /* made with the doubt, also when the next start finds it */
    }
    append_batches(&f, 1); /* a person has let it lead */
    fixture_settle(&f);
    CHECK(log_is_proven(f.log));
    fixture_close(&f);
}

/* Nor is one that is empty although it had records. */
static void what_had_records_needs_some_as_a_proof(void)
{
    struct log_world f;
    fixture_begin(&f, 2);
    f.config.doubted = true;
    fixture_crash(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK(log_is_proven(f.log));
    CHECK_INT(log_truncate(f.log, 0), 0);
    fixture_settle(&f);
    fixture_crash(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 0);
    CHECK(!log_is_proven(f.log));
    fixture_close(&f);
}

static void a_deleted_topic_is_forgotten(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_settle(&f);
    log_manager_delete(f.manager, f.log);
    fixture_settle(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(log_end_offset(f.log), 0);
    fixture_close(&f);
}

static void a_directory_that_does_not_name_its_topic_is_damaged(void)
{
    static const char *const texts[] = {"", "version: 0\ntopic_id: NDEyMzQ1Njc4OWFiY2RlZg\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct log_world f;
        fixture_begin(&f, 5);
        fixture_shutdown(&f);
        file_cut(&f, "partition.metadata", 0);
        file_write(&f, "partition.metadata", 0, texts[i], strlen(texts[i]));
        CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
        CHECK(file_exists(&f, LOG0));
        CHECK(strstr(buf_text(&f.lines), "partition.metadata") != NULL);
        fixture_close(&f);
    }
}

/* Records of nobody knows whom don't become those of a new topic. */
static void a_directory_of_an_unknown_topic_is_set_aside(void)
{
    struct log_world f;
    fixture_begin(&f, 5);
    fixture_shutdown(&f);
    file_cut(&f, "partition.metadata", 0);
    f.topic_id.bytes[3] ^= 1;
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 0);
    CHECK(strstr(buf_text(&f.lines), "set aside") != NULL);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(a_replica_without_its_directory_is_lost),
         TAP_TEST(a_lost_replica_is_new_once_discarded), TAP_TEST(an_empty_replica_is_made_again),
         TAP_TEST(a_directory_without_its_segments_is_lost),
         TAP_TEST(the_other_log_directory_remembers), TAP_TEST(a_deleted_topic_is_forgotten),
         TAP_TEST(a_directory_that_does_not_name_its_topic_is_damaged),
         TAP_TEST(a_directory_of_an_unknown_topic_is_set_aside),
         TAP_TEST(what_never_had_records_is_proven),
         TAP_TEST(what_had_records_needs_some_as_a_proof))
