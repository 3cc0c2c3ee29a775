/* Which directories of log.dirs may stand beside each other: by links, before they are there, and
 * by names that only look alike. */
#include "../../tap.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../lib/config_maker.h"
#include "base/err.h"
#include "base/mem.h"
#include "tools/server/log_dirs.h"

static char root[64];

static char *at(const char *path)
{
    return path[0] == '.' || path[0] == '/' ? mem_strdup(path) : mem_printf("%s/%s", root, path);
}

/* 0, or the error; `words` are in the sentence then. */
static int check(const char *one, const char *other, const char *words)
{
    struct buf problem;
    buf_init(&problem);
    char *a = at(one), *b = at(other);
    char *text = mem_printf("broker.id=1\nlog.dirs=%s,%s\n", a, b);
    struct config *config = config_make(text);
    int err = log_dirs_check(config, &problem);
    if (err != 0 && !strstr(buf_text(&problem), words))
        CHECK_STR(buf_text(&problem), words);
    if (err == 0)
        CHECK_INT(problem.len, 0);
    config_free(config);
    mem_free(text);
    mem_free(a);
    mem_free(b);
    buf_close(&problem);
    return err;
}

static void make(const char *path)
{
    char *whole = at(path);
    CHECK_INT(mkdir(whole, 0755), 0);
    mem_free(whole);
}

static void link_to(const char *path, const char *name)
{
    char *to = at(path), *from = at(name);
    CHECK_INT(symlink(to, from), 0);
    mem_free(to);
    mem_free(from);
}

static void begin(void)
{
    snprintf(root, sizeof(root), "/tmp/millrace-log-dirs-XXXXXX");
    CHECK(mkdtemp(root) != NULL);
    make("a");
    make("a/b");
    make("c");
    link_to("a", "link");
    link_to("a/b", "deep");
}

static void finish(void)
{
    static const char *const names[] = {"link", "deep", "a/b", "a", "c"};
    CHECK_INT(chdir("/"), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = at(names[i]);
        CHECK_INT(remove(path), 0);
        mem_free(path);
    }
    CHECK_INT(remove(root), 0);
}

static void directories_beside_each_other_are_fine(void)
{
    begin();
    CHECK_INT(check("a", "c", ""), 0);
    CHECK_INT(check("a", "ab", ""), 0); /* not there */
    CHECK_INT(check("new/a", "new/ab", ""), 0);
    CHECK_INT(check("a/b", "c", ""), 0);
    CHECK_INT(check("link/x", "c/x", ""), 0);
    CHECK_INT(check("a/b/../../new", "a", ""), 0);
    CHECK_INT(chdir(root), 0);
    CHECK_INT(check("./new", "a", ""), 0);
    finish();
}

static void one_directory_twice_is_refused(void)
{
    begin();
    CHECK_INT(check("a", "link", "are the same"), ERR_INVALID);
    CHECK_INT(check("link/b", "deep", "are the same"), ERR_INVALID);
    finish();
}

static void one_inside_another_is_refused(void)
{
    static const char *const inside[][2] = {
        {"a", "a/b"},
        {"a/b", "a"},
        {"link", "a/b"},
        {"a", "deep"},
        {"deep", "a/b/c"},
        {"a", "a/new"},
        {"a", "link/new/newer"},
        {"new", "new/newer"},
        {"a", "c/../a/./b"},
        {"new", "new/x/../y//z"},
        {"a", "./a/b"},
        {"c", "./c/new"},
    };
    begin();
    CHECK_INT(chdir(root), 0);
    for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
        char *one = at(inside[i][0]), *other = at(inside[i][1]);
        bool first = i == 1;
        char *words =
            mem_printf("%s lies in %s: move it out", first ? one : other, first ? other : one);
        CHECK_INT(check(inside[i][0], inside[i][1], words), ERR_INVALID);
        mem_free(words);
        mem_free(one);
        mem_free(other);
    }
    CHECK_INT(check("a", "/", "lies in /"), ERR_INVALID);
    finish();
}

TAP_MAIN(TAP_TEST(directories_beside_each_other_are_fine), TAP_TEST(one_directory_twice_is_refused),
         TAP_TEST(one_inside_another_is_refused))
