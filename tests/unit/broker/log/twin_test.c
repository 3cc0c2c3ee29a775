/* A partition in more than one log directory: none of the copies is opened unless the topic ids
 * tell them apart; all are kept, and a person or a discard ends it. */
#include "broker/log/twin.h"
#include "fixture.h"

/* t-0 has 5 batches in the first directory and 3 in `second`, which was alone in log.dirs then.
 * Both stops were clean. The manager is down, and has both directories, in either order. */
struct twins {
    struct log_world f;
    char *second;
    const char *dirs[2];
};

static void use_dirs(struct twins *t, const char *first, const char *second)
{
    t->dirs[0] = first;
    t->dirs[1] = second;
    t->f.manager_config.dirs = t->dirs;
    t->f.manager_config.dir_count = second ? 2 : 1;
}

static void twins_init(struct twins *t, bool swapped, bool same_topic)
{
    struct log_world *f = &t->f;
    fixture_begin(f, 5);
    log_set_high_watermark(f->log, 2);
    CHECK_INT(log_advance_start(f->log, 2), 0);
    fixture_shutdown(f);
    t->second = mem_printf("%s/second", f->root);
    use_dirs(t, t->second, NULL);
    f->topic_id.bytes[3] ^= !same_topic;
    CHECK_INT(fixture_reopen(f), 0);
    append_batches(f, 3);
    log_set_high_watermark(f->log, 4);
    CHECK_INT(log_advance_start(f->log, 4), 0);
    fixture_shutdown(f);
    f->topic_id.bytes[3] ^= !same_topic;
    use_dirs(t, swapped ? t->second : f->dir, swapped ? f->dir : t->second);
}

static void twins_close(struct twins *t)
{
    fixture_close(&t->f);
    mem_free(t->second);
}

static bool says(struct twins *t, const char *dir)
{
    char *path = mem_printf("%s/t-0", dir);
    bool found = strstr(buf_text(&t->f.lines), path) != NULL;
    mem_free(path);
    return found;
}

static bool has_folder(struct twins *t, const char *dir)
{
    char *path = mem_printf("%s/t-0/" LOG0, dir);
    bool exists = env_path_exists(t->f.env, path);
    mem_free(path);
    return exists;
}

static void remove_folder(struct twins *t, const char *dir)
{
    char *path = mem_printf("%s/t-0", dir);
    CHECK_INT(env_dir_remove(t->f.env, path), 0);
    mem_free(path);
}

static bool want_id(void *data, const char *topic, int32_t partition, const struct uuid *topic_id)
{
    struct log_world *f = data;
    (void)topic, (void)partition;
    return topic_id && uuid_equal(topic_id, &f->topic_id);
}

static int strays(struct twins *t)
{
    struct log_stray_view view;
    int count = 0;
    while (log_manager_stray(t->f.manager, (size_t)count, &view))
        count++;
    return count;
}

static void neither_copy_is_opened(void)
{
    for (int swapped = 0; swapped < 2; swapped++) {
        struct twins t;
        twins_init(&t, swapped, true);
        for (int start = 0; start < 3; start++) {
            t.f.lines.len = 0;
            CHECK_INT(fixture_reopen(&t.f), ERR_CORRUPT);
            CHECK(!t.f.log);
            CHECK(says(&t, t.f.dir) && says(&t, t.second));
            CHECK(strstr(buf_text(&t.f.lines), "in more than one log directory"));
            CHECK(strstr(buf_text(&t.f.lines), "move the wrong folder away"));
            CHECK(!strstr(buf_text(&t.f.lines), "restore")); /* there is too much, not too little */
            log_manager_set_strays_aside(t.f.manager, want_id, &t.f);
            CHECK(has_folder(&t, t.f.dir) && has_folder(&t, t.second));
            end_process(&t.f, start != 1);
        }
        twins_close(&t);
    }
}

/* The one that stays is as it was: its checkpoints know it still. */
static void a_person_leaves_one_of_them(void)
{
    for (int kept = 0; kept < 2; kept++) {
        struct twins t;
        twins_init(&t, false, true);
        CHECK_INT(fixture_reopen(&t.f), ERR_CORRUPT);
        for (int which = 0; which < LOG_CHECKPOINTS; which++)
            for (int dir = 0; dir < 2; dir++)
                t.f.manager->dirs[dir].checkpoint_dirty[which] = true;
        fixture_shutdown(&t.f);
        remove_folder(&t, kept ? t.f.dir : t.second);
        CHECK_INT(fixture_reopen(&t.f), 0);
        CHECK_STR(log_dir_path(t.f.log), kept ? t.second : t.f.dir);
        CHECK_INT(log_end_offset(t.f.log), kept ? 6 : 10);
        CHECK_INT(log_start_offset(t.f.log), kept ? 4 : 2);
        twins_close(&t);
    }
}

static void a_discard_sets_all_aside(void)
{
    struct twins t;
    twins_init(&t, false, true);
    CHECK_INT(fixture_reopen(&t.f), ERR_CORRUPT);
    CHECK_INT(log_manager_discard(t.f.manager, "t", 0), 0);
    CHECK(!has_folder(&t, t.f.dir) && !has_folder(&t, t.second));
    CHECK_INT(strays(&t), 2);
    CHECK_INT(fixture_open(&t.f), 0);
    CHECK_INT(log_end_offset(t.f.log), 0);
    append_batches(&t.f, 1);
    fixture_shutdown(&t.f);
    CHECK_INT(fixture_reopen(&t.f), 0);
    CHECK_INT(log_end_offset(t.f.log), 2);
    CHECK_INT(log_start_offset(t.f.log), 0);
    CHECK_INT(strays(&t), 2);
    twins_close(&t);
}

static void a_failed_disk_keeps_all(void)
{
    for (int failed = 0; failed < 2; failed++) {
        struct twins t;
        twins_init(&t, false, true);
        CHECK_INT(fixture_reopen(&t.f), ERR_CORRUPT);
        t.f.manager->dirs[failed].failed = true;
        CHECK_INT(log_manager_discard(t.f.manager, "t", 0), ERR_KAFKA_STORAGE_ERROR);
        CHECK(has_folder(&t, t.f.dir) && has_folder(&t, t.second));
        twins_close(&t);
    }
}

/* The topic was made anew while one of the disks was away. */
static void the_topic_id_tells_them_apart(void)
{
    for (int swapped = 0; swapped < 2; swapped++) {
        struct twins t;
        twins_init(&t, swapped, false);
        for (int start = 0; start < 2; start++) {
            CHECK_INT(fixture_reopen(&t.f), 0);
            CHECK_STR(log_dir_path(t.f.log), t.f.dir);
            CHECK_INT(log_end_offset(t.f.log), 10);
            CHECK(has_folder(&t, t.second) == !start);
            log_manager_set_strays_aside(t.f.manager, want_id, &t.f);
            CHECK(!has_folder(&t, t.second));
            CHECK_INT(strays(&t), 1);
            fixture_shutdown(&t.f);
        }
        twins_close(&t);
    }
}

/* Deleted meanwhile: the copies are strays like any other. */
static void copies_of_a_deleted_topic_are_set_aside(void)
{
    struct twins t;
    twins_init(&t, false, true);
    CHECK_INT(fixture_start(&t.f), 0);
    t.f.topic_id.bytes[3] ^= 1;
    log_manager_set_strays_aside(t.f.manager, want_id, &t.f);
    CHECK_INT(strays(&t), 2);
    CHECK_INT(fixture_open(&t.f), 0);
    CHECK_INT(log_end_offset(t.f.log), 0);
    twins_close(&t);
}

TAP_MAIN(TAP_TEST(neither_copy_is_opened), TAP_TEST(a_person_leaves_one_of_them),
         TAP_TEST(a_discard_sets_all_aside), TAP_TEST(a_failed_disk_keeps_all),
         TAP_TEST(the_topic_id_tells_them_apart), TAP_TEST(copies_of_a_deleted_topic_are_set_aside))
