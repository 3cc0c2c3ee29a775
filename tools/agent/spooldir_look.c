/* A look into a spooldir source's directory, on the worker pool: it walks the directory, and those
 * in it, and keeps the best of the files that may be read, with its first bytes. Failure modes: a
 * directory that can't be looked into is named, and the others are looked into all the same. */
#include "tools/agent/spooldir_look.h"

#include <string.h>

#include "base/mem.h"
#include "tools/agent/expression.h"

enum { SPOOLDIR_DEPTH_MAX = 32 }; /* directories in directories */

void spooldir_rules_unref(struct spooldir_rules *rules)
{
    ASSERT(rules->refs > 0);
    if (--rules->refs > 0)
        return;
    expression_free(rules->include);
    expression_free(rules->ignore);
    mem_free(rules->dir);
    mem_free(rules->suffix);
    mem_free(rules->tracker);
    mem_free(rules->refused);
    mem_free(rules);
}

struct spooldir_rules *spooldir_rules_new(const struct part *part, struct buf *problems)
{
    struct spooldir_rules *rules = mem_alloc(sizeof(*rules));
    rules->refs = 1;
    rules->dir = mem_strdup(part_text(part, "spoolDir"));
    rules->suffix = mem_strdup(part_text(part, "fileSuffix"));
    rules->refused = mem_strdup("\n");
    const char *tracker = part_text(part, "trackerDir");
    rules->tracker =
        tracker[0] == '/' ? mem_strdup(tracker) : mem_printf("%s/%s", rules->dir, tracker);
    rules->marks = part_is(part, "trackingPolicy", "tracker_dir");
    rules->recursive = part_flag(part, "recursiveDirectorySearch");
    rules->youngest = part_is(part, "consumeOrder", "youngest");
    rules->include =
        expression_new(part, "includePattern", part_text(part, "includePattern"), true, problems);
    rules->ignore =
        expression_new(part, "ignorePattern", part_text(part, "ignorePattern"), true, problems);
    return rules;
}

static bool spooldir_takes(const struct spooldir_rules *rules, const char *name)
{
    size_t len = strlen(name), suffix = strlen(rules->suffix);
    bool read = !rules->marks && suffix > 0 && len >= suffix &&
                strcmp(name + len - suffix, rules->suffix) == 0;
    return name[0] != '.' && !read && expression_finds(rules->include, name, len) &&
           !expression_finds(rules->ignore, name, len);
}

static bool spooldir_is_refused(const struct spooldir_rules *rules, const char *path)
{
    char *line = mem_printf("\n%s\n", path); /* no end of a longer one */
    bool found = strstr(rules->refused, line) != NULL;
    mem_free(line);
    return found;
}

/* The first bytes of the file that was found; none when it can't be read, which its reader tells.
 */
static void spooldir_look_at_head(struct spooldir_look *look)
{
    struct env_file *file;
    if (env_file_open(look->env, look->path, ENV_OPEN_READ, &file))
        return;
    ssize_t got = env_file_read(file, look->head, sizeof(look->head), 0);
    look->head_len = got > 0 ? (size_t)got : 0;
    env_file_close(file);
}

char *spooldir_mark(const struct spooldir_rules *rules, const char *path)
{
    ASSERT(strncmp(path, rules->dir, strlen(rules->dir)) == 0);
    return mem_printf("%s%s%s", rules->tracker, path + strlen(rules->dir), rules->suffix);
}

static bool spooldir_is_done(const struct spooldir_look *look, const char *path)
{
    if (spooldir_is_refused(look->rules, path))
        return true;
    if (!look->rules->marks)
        return false;
    char *mark = spooldir_mark(look->rules, path);
    bool marked = env_path_exists(look->env, mark);
    mem_free(mark);
    return marked;
}

/* Takes the path over. */
static void spooldir_look_at(struct spooldir_look *look, char *path,
                             const struct env_path_info *info)
{
    const struct spooldir_rules *rules = look->rules;
    bool usable = spooldir_takes(rules, strrchr(path, '/') + 1) && !spooldir_is_done(look, path);
    bool better =
        usable && (!look->path || (rules->youngest ? info->modified_ms > look->info.modified_ms
                                                   : info->modified_ms < look->info.modified_ms));
    mem_free(better ? look->path : path);
    if (!better)
        return;
    look->path = path;
    look->info = *info;
}

/* A directory that is looked into, and those that it is in. */
struct spooldir_in {
    const struct spooldir_in *outer; /* NULL = it is the outermost one */
    uint64_t device, inode;
    int depth;
};

static struct spooldir_in spooldir_enter(struct spooldir_look *look, const char *dir,
                                         const struct spooldir_in *outer)
{
    struct env_path_info info;
    struct spooldir_in in = {.outer = outer, .depth = outer ? outer->depth + 1 : 0};
    if (env_path_look(look->env, dir, &info) == 0) {
        in.device = info.device;
        in.inode = info.inode;
    }
    ASSERT(in.depth <= SPOOLDIR_DEPTH_MAX);
    return in;
}

/* Not one that we are in: a link leads there, and all of it would be found twice, or for ever. */
static bool spooldir_may_enter(const struct spooldir_look *look, const struct env_path_info *info,
                               const struct spooldir_in *in)
{
    if (!look->rules->recursive || in->depth == SPOOLDIR_DEPTH_MAX)
        return false;
    for (; in; in = in->outer)
        if (in->device == info->device && in->inode == info->inode)
            return false;
    return true;
}

static void spooldir_look_into(struct spooldir_look *look, const char *dir,
                               const struct spooldir_in *in)
{
    char **names;
    size_t count;
    int err = env_dir_list(look->env, dir, &names, &count);
    if (err && !look->missed) {
        look->missed = mem_strdup(dir);
        look->err = err;
    }
    for (size_t i = 0; !err && i < count; i++) {
        struct env_path_info info;
        char *path = mem_printf("%s/%s", dir, names[i]);
        if (names[i][0] == '.' || env_path_look(look->env, path, &info) != 0) {
            mem_free(path);
        } else if (info.regular) {
            spooldir_look_at(look, path, &info);
        } else {
            if (spooldir_may_enter(look, &info, in)) {
                struct spooldir_in inner = spooldir_enter(look, path, in);
                spooldir_look_into(look, path, &inner);
            }
            mem_free(path);
        }
    }
    if (!err)
        env_dir_list_free(names, count);
}

static void spooldir_look_run(struct env_work *work)
{
    struct spooldir_look *look = CONTAINER_OF(work, struct spooldir_look, work);
    /* The tracker's directory, however its path is spelled, counts as one that we are in. */
    struct spooldir_in tracker = spooldir_enter(look, look->rules->tracker, NULL);
    struct spooldir_in dir = spooldir_enter(look, look->rules->dir, &tracker);
    spooldir_look_into(look, look->rules->dir, &dir);
    if (look->path)
        spooldir_look_at_head(look);
}

static void spooldir_look_end(struct env_work *work)
{
    struct spooldir_look *look = CONTAINER_OF(work, struct spooldir_look, work);
    if (look->data)
        look->done(look->data, look);
    spooldir_rules_unref(look->rules);
    mem_free(look->missed);
    mem_free(look->path);
    mem_free(look);
}

struct spooldir_look *spooldir_look_start(struct env *env, struct spooldir_rules *rules,
                                          void (*done)(void *data, struct spooldir_look *look),
                                          void *data)
{
    struct spooldir_look *look = mem_alloc(sizeof(*look));
    ASSERT(rules->refs > 0);
    look->env = env;
    look->rules = rules;
    look->rules->refs++;
    look->done = done;
    look->data = data;
    env_work_submit(env, &look->work, spooldir_look_run, spooldir_look_end);
    return look;
}
