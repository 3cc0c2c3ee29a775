/* A look into the directories of a taildir source.
 *
 * Happy path: on the worker pool, each directory is listed, each name is matched, each file that
 * matches is looked at for its inode and size. Failure modes: of a directory that is not
 * there, or can't be read, nothing is known: `missed` says so, and `err` says why. */
#include "tools/agent/taildir_scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/path_look.h"

void taildir_groups_unref(struct taildir_groups *groups)
{
    ASSERT(groups->refs > 0);
    if (--groups->refs > 0)
        return;
    for (size_t i = 0; i < groups->count; i++) {
        mem_free(groups->rows[i].name);
        mem_free(groups->rows[i].dir);
        expression_free(groups->rows[i].pattern);
        headers_unref(groups->rows[i].headers);
    }
    mem_free(groups->rows);
    mem_free(groups);
}

/* headers.GROUP.NAME = VALUE */
static void taildir_group_headers(struct taildir_group *group, const struct part *part)
{
    char *prefix = mem_printf("headers.%s.", group->name);
    const char *rest, *value;
    for (size_t at = 0; (value = part_next(part, prefix, &at, &rest));) {
        struct headers *more = headers_set(group->headers, rest, value, strlen(value));
        headers_unref(group->headers);
        group->headers = more;
    }
    mem_free(prefix);
}

/* filegroups.GROUP = DIRECTORY/EXPRESSION */
static void taildir_group_read(struct taildir_groups *groups, const struct part *part,
                               const char *name, struct buf *problems)
{
    struct taildir_group *group = &groups->rows[groups->count];
    char *key = mem_printf("filegroups.%s", name);
    const char *path = part_textf(part, "%s", key);
    const char *slash = path ? strrchr(path, '/') : NULL;
    if (!path) {
        part_complain(part, key, problems, "it is missing: the path of the group's files");
    } else if (path[0] != '/' || !slash[1]) {
        part_complain(part, key, problems,
                      "\"%s\" is no absolute path that ends with a name or an expression", path);
    } else if ((group->pattern = expression_new(part, key, slash + 1, true, problems))) {
        group->name = mem_strdup(name);
        group->dir = slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
        taildir_group_headers(group, part);
        groups->count++;
    }
    mem_free(key);
}

/* filegroups.GROUP and headers.GROUP.NAME whose group is in no list. */
static void taildir_groups_check(const struct part *part, const char *prefix, struct buf *problems)
{
    const char *rest;
    char name[256];
    for (size_t at = 0; part_next(part, prefix, &at, &rest);) {
        size_t len = strcspn(rest, ".");
        bool found = false;
        for (size_t i = 0; !found && part_list(part, "filegroups", i, name, sizeof(name)); i++)
            found = strlen(name) == len && memcmp(name, rest, len) == 0;
        char *key = mem_printf("%s%s", prefix, rest);
        if (!found)
            part_complain(part, key, problems, "filegroups does not name %.*s", (int)len, rest);
        mem_free(key);
    }
}

struct taildir_groups *taildir_groups_new(const struct part *part, struct buf *problems)
{
    struct taildir_groups *groups = mem_alloc(sizeof(*groups));
    size_t before = problems->len;
    char name[256];
    groups->refs = 1;
    for (size_t i = 0; part_list(part, "filegroups", i, name, sizeof(name)); i++) {
        groups->rows = mem_realloc(groups->rows, (groups->count + 1) * sizeof(*groups->rows));
        groups->rows[groups->count] = (struct taildir_group){0};
        taildir_group_read(groups, part, name, problems);
    }
    taildir_groups_check(part, "filegroups.", problems);
    taildir_groups_check(part, "headers.", problems);
    if (problems->len == before)
        return groups;
    taildir_groups_unref(groups);
    return NULL;
}

/* ---- a look ---- */

static void taildir_scan_add(struct taildir_scan *scan, size_t *cap, char *path, size_t group)
{
    struct env_path_info info;
    int err = env_path_look(scan->env, path, &info);
    if (err && err != ERR_NOT_FOUND) {
        scan->missed[group] = TAILDIR_PARTLY;
        scan->err = err;
    }
    if (err || !info.regular) {
        mem_free(path); /* it went away between the two calls */
        return;
    }
    if (scan->count == *cap) {
        *cap = *cap ? *cap * 2 : 16;
        scan->found = mem_realloc(scan->found, *cap * sizeof(*scan->found));
    }
    scan->found[scan->count++] = (struct taildir_found){.path = path,
                                                        .device = info.device,
                                                        .inode = info.inode,
                                                        .size = info.size,
                                                        .modified_ms = info.modified_ms,
                                                        .group = group};
}

static int taildir_found_compare(const void *a, const void *b)
{
    const struct taildir_found *one = a, *other = b;
    if (one->modified_ms != other->modified_ms)
        return one->modified_ms < other->modified_ms ? -1 : 1;
    return strcmp(one->path, other->path);
}

static void taildir_scan_run(struct env_work *work)
{
    struct taildir_scan *scan = CONTAINER_OF(work, struct taildir_scan, work);
    size_t cap = 0;
    for (size_t g = 0; g < scan->groups->count; g++) {
        const struct taildir_group *group = &scan->groups->rows[g];
        char **names;
        size_t count;
        int err = env_dir_list(scan->env, group->dir, &names, &count);
        if (err) {
            scan->missed[g] = err == ERR_NOT_FOUND ? TAILDIR_ABSENT : TAILDIR_UNSEEN;
            scan->err = err == ERR_NOT_FOUND ? scan->err : err;
            continue;
        }
        for (size_t i = 0; i < count; i++)
            if (expression_finds(group->pattern, names[i], strlen(names[i])))
                taildir_scan_add(scan, &cap, mem_printf("%s/%s", group->dir, names[i]), g);
        env_dir_list_free(names, count);
    }
    if (scan->count > 1)
        qsort(scan->found, scan->count, sizeof(*scan->found), taildir_found_compare);
}

static void taildir_scan_done(struct env_work *work)
{
    struct taildir_scan *scan = CONTAINER_OF(work, struct taildir_scan, work);
    if (scan->data)
        scan->done(scan->data, scan);
    for (size_t i = 0; i < scan->count; i++)
        mem_free(scan->found[i].path);
    mem_free(scan->found);
    mem_free(scan->missed);
    taildir_groups_unref(scan->groups);
    mem_free(scan);
}

struct taildir_scan *taildir_scan_start(struct env *env, struct taildir_groups *groups,
                                        void (*done)(void *data, struct taildir_scan *scan),
                                        void *data)
{
    struct taildir_scan *scan = mem_alloc(sizeof(*scan));
    scan->env = env;
    scan->groups = groups;
    scan->done = done;
    scan->data = data;
    scan->missed = mem_alloc(groups->count * sizeof(*scan->missed));
    groups->refs++;
    env_work_submit(env, &scan->work, taildir_scan_run, taildir_scan_done);
    return scan;
}
