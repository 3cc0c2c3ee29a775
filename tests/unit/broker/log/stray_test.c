/* Strays: set aside, kept, known after a restart; an error proves nothing; names and retention. */
#include <sys/resource.h>

#include "broker/log/stray.h"
#include "fixture.h"

enum { PARTITIONS = 4 };

/* ---- what lies in the log directory ---- */

/* The only name that begins and ends so; NULL when there is none. The caller's to mem_free. */
static char *find_name(struct log_world *f, const char *begin, const char *end)
{
    char **names, *found = NULL;
    size_t count;
    CHECK_INT(env_dir_list(f->env, f->dir, &names, &count), 0);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(names[i]), end_len = strlen(end);
        if (strncmp(names[i], begin, strlen(begin)) == 0 && len >= end_len &&
            strcmp(names[i] + len - end_len, end) == 0) {
            CHECK(!found);
            mem_free(found);
            found = mem_strdup(names[i]);
        }
    }
    env_dir_list_free(names, count);
    return found;
}

static bool has_path(struct log_world *f, const char *name, const char *file)
{
    char *path = mem_printf("%s/%s/%s", f->dir, name, file);
    bool exists = access(path, F_OK) == 0;
    mem_free(path);
    return exists;
}

static void make_dir(struct log_world *f, const char *name)
{
    char *path = mem_printf("%s/%s", f->dir, name);
    CHECK_INT(mkdir(path, 0755), 0);
    mem_free(path);
}

static void write_metadata(struct log_world *f, const char *partition, const char *text)
{
    char *path = mem_printf("%s/%s/partition.metadata", f->dir, partition);
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0);
    fclose(file);
    mem_free(path);
}

static bool has_line(struct log_world *f, const char *words)
{
    return strstr(buf_text(&f->lines), words) != NULL;
}

/* a-b-0 to a-b-3 with a record each, after a shutdown; the manager runs, and none is open. */
static void some_partitions(struct log_world *f)
{
    fixture_init(f);
    for (int i = 0; i < PARTITIONS; i++) {
        f->opened = false;
        log_manager_open(f->manager, "a-b", i, &f->topic_id, &f->config, log_world_opened, f);
        fixture_wait(f, fixture_is_open);
        CHECK_INT(append_some(f, 1, 10), 0);
    }
    fixture_shutdown(f);
    CHECK_INT(fixture_start(f), 0);
}

static bool want_two(void *data, const char *topic, int32_t partition, const struct uuid *topic_id)
{
    (*(int *)data)++;
    CHECK_STR(topic, "a-b");
    CHECK(topic_id && !uuid_is_zero(topic_id));
    return partition == 2;
}

static bool want_none(void *data, const char *topic, int32_t partition, const struct uuid *topic_id)
{
    (void)data, (void)topic, (void)partition, (void)topic_id;
    return false;
}

static bool want_id(void *data, const char *topic, int32_t partition, const struct uuid *topic_id)
{
    struct log_world *f = data;
    (void)topic, (void)partition;
    return topic_id && uuid_equal(topic_id, &f->topic_id);
}

/* ---- setting aside ---- */

static void strays_are_set_aside_and_kept(void)
{
    struct log_world f;
    struct log_stray_view view;
    int asked = 0;
    some_partitions(&f);
    f.opened = false;
    log_manager_open(f.manager, "a-b", 0, &f.topic_id, &f.config, log_world_opened, &f);
    fixture_wait(&f, fixture_is_open);
    log_manager_set_strays_aside(f.manager, want_two, &asked);
    CHECK_INT(asked, 3); /* not the open one */
    fixture_settle(&f);
    CHECK(has_path(&f, "a-b-0", LOG0));
    CHECK(has_path(&f, "a-b-2", LOG0));
    for (int start = 0; start < 2; start++) { /* a restart keeps them, and knows them */
        char *one = find_name(&f, "a-b-1.", "-stray"), *three = find_name(&f, "a-b-3.", "-stray");
        CHECK(one && has_path(&f, one, LOG0));
        CHECK(three && has_path(&f, three, LOG0));
        CHECK(has_line(&f, one ? one : "?"));
        CHECK(log_manager_stray(f.manager, 0, &view));
        CHECK_STR(view.dir, f.dir);
        CHECK(one && three && (strcmp(view.name, one) == 0 || strcmp(view.name, three) == 0));
        CHECK(view.size > 0);
        CHECK(view.partition == 1 || view.partition == 3);
        CHECK(log_manager_stray(f.manager, 1, &view));
        CHECK(!log_manager_stray(f.manager, 2, &view));
        mem_free(one);
        mem_free(three);
        fixture_shutdown(&f);
        f.lines.len = 0;
        CHECK_INT(fixture_start(&f), 0);
        fixture_settle(&f);
    }
    CHECK(has_line(&f, "keeps 2 partitions"));
    fixture_close(&f);
}

static void no_descriptor_proves_nothing(void)
{
    struct log_world f;
    struct rlimit old, low;
    some_partitions(&f);
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &old), 0);
    int next = dup(0);
    close(next);
    low = old;
    low.rlim_cur = (rlim_t)next;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &low), 0); /* clients have taken them all */
    log_manager_set_strays_aside(f.manager, want_none, &f);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
    fixture_settle(&f);
    for (int i = 0; i < PARTITIONS; i++) {
        char *name = mem_printf("a-b-%d", i);
        CHECK(has_path(&f, name, LOG0));
        mem_free(name);
    }
    CHECK(has_line(&f, "It is left alone"));
    fixture_close(&f);
}

/* By name, then: the directory's own word is missing. */
static bool want_one_by_name(void *data, const char *topic, int32_t partition,
                             const struct uuid *topic_id)
{
    (*(int *)data)++;
    CHECK_STR(topic, "a-b");
    CHECK(!topic_id);
    return partition == 1;
}

static void a_directory_without_an_id_goes_by_its_name(void)
{
    struct log_world f;
    int asked = 0;
    some_partitions(&f);
    write_metadata(&f, "a-b-0", "");
    write_metadata(&f, "a-b-1", "version: 0\ntopic_id: ??\n");
    write_metadata(&f, "a-b-2", "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA\n");
    char *path = mem_printf("%s/a-b-3/partition.metadata", f.dir);
    CHECK_INT(unlink(path), 0);
    mem_free(path);
    log_manager_set_strays_aside(f.manager, want_one_by_name, &asked);
    CHECK_INT(asked, 4);
    fixture_settle(&f);
    CHECK(has_path(&f, "a-b-1", LOG0));
    const char *const gone[] = {"a-b-0.", "a-b-2.", "a-b-3."};
    for (int i = 0; i < 3; i++) {
        char *name = find_name(&f, gone[i], "-stray");
        CHECK(name && has_path(&f, name, LOG0));
        mem_free(name);
    }
    fixture_close(&f);
}

static void another_topic_of_the_name_is_set_aside(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_some(&f, 5, 10), 0);
    fixture_shutdown(&f);
    f.topic_id.bytes[0] ^= 1; /* deleted and made anew meanwhile, or a flipped bit */
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 0);
    fixture_settle(&f);
    char *name = find_name(&f, "t-0.", "-stray");
    CHECK(name && has_path(&f, name, LOG0));
    CHECK(has_line(&f, name ? name : "?"));
    mem_free(name);
    log_manager_set_strays_aside(f.manager, want_id, &f);
    CHECK(has_path(&f, "t-0", "partition.metadata"));
    fixture_close(&f);
}

/* ---- names ---- */

static void only_names_of_our_making_count(void)
{
    struct log_world f;
    CHECK(stray_is_aside("t-0.0123456789abcdef-delete", "-delete"));
    CHECK(stray_is_aside("t-0.0123456789abcdef0123456789ABCDEF-delete", "-delete"));
    CHECK(!stray_is_aside("t-0.0123456789abcdef-delete", "-stray"));
    CHECK(!stray_is_aside("t-0.0123456789abcdeg-delete", "-delete"));
    CHECK(!stray_is_aside("t-0-0123456789abcdef-delete", "-delete"));
    CHECK(!stray_is_aside("0123456789abcdef-delete", "-delete"));
    CHECK(!stray_is_aside("do-not-delete", "-delete"));
    CHECK(!stray_is_aside("-delete", "-delete"));
    CHECK(!stray_is_aside("", "-delete"));
    fixture_init(&f);
    make_dir(&f, "do-not-delete");
    make_dir(&f, "t-0.0123456789abcdef-delete");
    fixture_shutdown(&f);
    CHECK_INT(fixture_start(&f), 0);
    fixture_settle(&f);
    CHECK(has_path(&f, "do-not-delete", ""));
    CHECK(!has_path(&f, "t-0.0123456789abcdef-delete", ""));
    fixture_close(&f);
}

static void a_long_topic_keeps_its_partition(void)
{
    struct log_world f;
    char name[LOG_NAME_MAX];
    fixture_init(&f);
    memset(name, 'n', 249);
    snprintf(name + 249, sizeof(name) - 249, "-%d", 123456);
    char *path = stray_path(&f.manager->dirs[0], name);
    const char *base = strrchr(path, '/') + 1;
    CHECK_INT(strlen(base), 255);
    CHECK(strstr(base, "nnn-123456.") != NULL);
    CHECK(stray_is_aside(base, "-stray"));
    CHECK_INT(mkdir(path, 0755), 0);
    mem_free(path);
    fixture_close(&f);
}

/* ---- retention ---- */

static void they_go_only_when_a_setting_says_so(void)
{
    static const int64_t year_ms = INT64_C(365) * 86400 * 1000;
    struct log_world f;
    some_partitions(&f);
    /* Kafka's have a random id, which tells no time. */
    const char *kafka = "a-b-9.0123456789ab4def8123456789abcdef-stray";
    make_dir(&f, kafka);
    log_manager_set_strays_aside(f.manager, want_none, &f);
    fixture_shutdown(&f);
    CHECK_INT(fixture_start(&f), 0);
    fixture_settle(&f);
    int64_t now_ms = env_wall_ms(f.env);
    stray_expire(f.manager, now_ms + 100 * year_ms);
    fixture_settle(&f);
    char *name = find_name(&f, "a-b-1.", "-stray");
    CHECK(name != NULL);
    mem_free(name);
    f.manager->config.stray_retention_ms = year_ms;
    stray_expire(f.manager, now_ms + year_ms / 2);
    fixture_settle(&f);
    name = find_name(&f, "a-b-1.", "-stray");
    CHECK(name != NULL);
    mem_free(name);
    stray_expire(f.manager, now_ms + year_ms + 60000);
    fixture_settle(&f);
    CHECK(!find_name(&f, "a-b-1.", ""));
    CHECK(has_path(&f, kafka, ""));
    CHECK_INT(f.manager->stray_count, 1);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(strays_are_set_aside_and_kept), TAP_TEST(no_descriptor_proves_nothing),
         TAP_TEST(a_directory_without_an_id_goes_by_its_name),
         TAP_TEST(another_topic_of_the_name_is_set_aside), TAP_TEST(only_names_of_our_making_count),
         TAP_TEST(a_long_topic_keeps_its_partition), TAP_TEST(they_go_only_when_a_setting_says_so))
