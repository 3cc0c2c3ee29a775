/* Files and paths of the real env. */
#include "../tap.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "env/env.h"

static char root[64];
static struct env *env;

static void begin(void)
{
    if (!env)
        CHECK_INT(env_new(&env), 0);
    strncpy(root, "/tmp/millrace-file-XXXXXX", sizeof(root) - 1);
    CHECK(mkdtemp(root) != NULL);
}

static void finish(void)
{
    CHECK_INT(env_dir_remove(env, root), 0);
    CHECK(!env_path_exists(env, root));
    env_free(env);
    env = NULL;
}

static char path_text[128];
static const char *path(const char *name)
{
    snprintf(path_text, sizeof(path_text), "%s/%s", root, name);
    return path_text;
}

static void file_reads_back_what_was_written(void)
{
    struct env_file *file;
    char buffer[64];
    begin();
    CHECK_INT(env_file_open(env, path("a"), ENV_OPEN_READ, &file), ERR_NOT_FOUND);
    CHECK_INT(env_file_open(env, path("a"), ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file), 0);
    CHECK_INT(env_file_write(file, "hello world", 11, 3), 0);
    CHECK_INT(env_file_size(file), 14);
    CHECK_INT(env_file_read(file, buffer, 64, 3), 11);
    CHECK(memcmp(buffer, "hello world", 11) == 0);
    CHECK_INT(env_file_read(file, buffer, 4, 0), 4);
    CHECK(memcmp(buffer, "\0\0\0h", 4) == 0);
    CHECK_INT(env_file_read(file, buffer, 4, 14), 0);
    /* What was just written is in memory. */
    CHECK_INT(env_file_read_now(file, buffer, 64, 3), 11);
    CHECK_INT(env_file_read_now(file, buffer, 4, 14), 0);
    CHECK_INT(env_file_truncate(file, 5), 0);
    CHECK_INT(env_file_size(file), 5);
    CHECK_INT(env_file_sync(file), 0);
    env_file_close(file);
    CHECK_INT(
        env_file_open(env, path("a"), ENV_OPEN_WRITE | ENV_OPEN_CREATE | ENV_OPEN_EXCLUSIVE, &file),
        ERR_EXISTS);
    CHECK_INT(env_file_open(env, path("a"), ENV_OPEN_WRITE | ENV_OPEN_TRUNCATE, &file), 0);
    CHECK_INT(env_file_size(file), 0);
    env_file_close(file);
    finish();
}

static void writev_takes_more_parts_than_one_call(void)
{
    enum { PARTS = 3000 };
    static struct iovec parts[PARTS];
    static uint32_t numbers[PARTS];
    struct env_file *file;
    begin();
    for (uint32_t i = 0; i < PARTS; i++) {
        numbers[i] = i;
        parts[i] = (struct iovec){&numbers[i], i % 7 ? sizeof(numbers[i]) : 0};
    }
    CHECK_INT(env_file_open(env, path("v"), ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file), 0);
    CHECK_INT(env_file_writev(file, parts, PARTS, 10), 0);
    CHECK_INT(env_file_writev(file, parts, 0, 10), 0);
    uint64_t at = 10;
    for (uint32_t i = 0; i < PARTS; i++) {
        uint32_t got;
        if (i % 7 == 0)
            continue;
        CHECK_INT(env_file_read(file, &got, sizeof(got), at), sizeof(got));
        CHECK_INT(got, i);
        at += sizeof(got);
    }
    CHECK_INT(env_file_size(file), at);
    env_file_close(file);
    finish();
}

static void load_and_replace_work_on_whole_files(void)
{
    struct env_file *file;
    char *data;
    size_t len;
    begin();
    CHECK_INT(env_file_load(env, path("c"), 100, &data, &len), ERR_NOT_FOUND);
    CHECK_INT(env_file_replace(env, path("c"), "one", 3), 0);
    CHECK_INT(env_file_replace(env, path("c"), "seven", 5), 0);
    CHECK(!env_path_exists(env, path("c.tmp")));
    CHECK_INT(env_file_load(env, path("c"), 4, &data, &len), ERR_TOO_LARGE);
    CHECK_INT(env_file_load(env, path("c"), 5, &data, &len), 0);
    CHECK_INT(len, 5);
    CHECK_STR(data, "seven");
    mem_free(data);
    CHECK(mem_fail_at(1));
    CHECK_INT(env_file_load(env, path("c"), 5, &data, &len), ERR_NO_MEMORY);
    CHECK_INT(env_file_replace(env, path("absent/c"), "x", 1), ERR_NOT_FOUND);
    CHECK_INT(env_file_load(env, root, 4, &data, &len), ERR_NO_FILE);
    CHECK_INT(mkfifo(path("pipe"), 0600), 0);
    CHECK_INT(env_file_load(env, path("pipe"), 4, &data, &len), ERR_NO_FILE);
    CHECK_INT(env_file_open(env, path("pipe"), ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file),
              ERR_NO_FILE);
    CHECK_INT(mknod(path("socket"), S_IFSOCK | 0600, 0), 0);
    CHECK_INT(env_file_load(env, path("socket"), 4, &data, &len), ERR_NO_FILE);
    finish();
}

static void directories_are_made_listed_removed(void)
{
    char **names;
    size_t count;
    begin();
    CHECK_INT(env_dir_make(env, path("x/y/z")), 0);
    CHECK_INT(env_dir_make(env, path("x/y/z")), 0);
    CHECK_INT(env_dir_make(env, path("x/y/z/")), 0);
    for (int i = 9; i >= 0; i--) {
        char name[32];
        snprintf(name, sizeof(name), "x/f%d", i);
        CHECK_INT(env_file_replace(env, path(name), "", 0), 0);
    }
    CHECK_INT(env_dir_make(env, path("x/f1")), ERR_EXISTS);
    CHECK(env_dir_make(env, path("x/f1/below")) < 0);
    CHECK_INT(env_dir_sync(env, path("x")), 0);
    CHECK_INT(env_dir_list(env, path("x"), &names, &count), 0);
    CHECK_INT(count, 11);
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "f%zu", i);
        CHECK_STR(names[i], i < 10 ? name : "y");
    }
    env_dir_list_free(names, count);
    CHECK_INT(env_path_remove(env, path("x")) < 0, 1);
    CHECK_INT(env_dir_remove(env, path("x/f1")), ERR_INVALID);
    CHECK_INT(symlink(root, path("x/loop")), 0);
    CHECK_INT(env_dir_remove(env, path("x")), 0);
    CHECK_INT(env_dir_remove(env, path("x")), ERR_NOT_FOUND);
    CHECK_INT(env_dir_list(env, path("x"), &names, &count), ERR_NOT_FOUND);
    finish();
}

static void lock_excludes_a_second_holder(void)
{
    struct env_file *lock, *other;
    begin();
    CHECK_INT(env_path_lock(env, path(".lock"), &lock), 0);
    CHECK_INT(env_path_lock(env, path(".lock"), &other), ERR_LOCKED);
    env_file_close(lock);
    CHECK_INT(env_path_lock(env, path(".lock"), &lock), 0);
    env_file_close(lock);
    CHECK(env_path_rename(env, path(".lock"), root) < 0);
    CHECK_INT(env_path_remove(env, path(".lock")), 0);
    CHECK_INT(env_path_remove(env, path(".lock")), ERR_NOT_FOUND);
    CHECK(env_path_space(env, root) > 0);
    CHECK_INT(env_path_space(env, path("absent")), ERR_NOT_FOUND);
    CHECK(env_path_size(env, root) >= env_path_space(env, root));
    CHECK_INT(env_path_size(env, path("absent")), ERR_NOT_FOUND);
    finish();
}

TAP_MAIN(TAP_TEST(file_reads_back_what_was_written),
         TAP_TEST(writev_takes_more_parts_than_one_call),
         TAP_TEST(load_and_replace_work_on_whole_files),
         TAP_TEST(directories_are_made_listed_removed), TAP_TEST(lock_excludes_a_second_holder))
