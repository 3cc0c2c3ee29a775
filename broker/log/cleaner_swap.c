/* Finishing a swap of compacted segments that a crash cut short, at the start of a log.
 *
 * A .log.swap file is complete and durable, and its index files were renamed before it: so the old
 * segments that its offsets cover go, and it gets its name. Old segments behind its last offset, of
 * which nothing was left, may stay: what they hold is obsolete but no harm, and goes the next time.
 * Failure modes: one that is not whole all the same takes the place of nothing: ERR_CORRUPT. */
#include "broker/log/cleaner.h"

#include <string.h>

#include "base/mem.h"
#include "broker/log/batch_scan.h"
#include "broker/log/log_private.h"

enum { SWAP_BLOCK = 256 * 1024 };

static int remove_file(struct env *env, const char *dir, int64_t offset, const char *suffix)
{
    char name[SEGMENT_NAME_MAX];
    segment_name(offset, suffix, name);
    char *path = mem_printf("%s/%s", dir, name);
    int rc = env_path_remove(env, path);
    mem_free(path);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* The last offset in the file `name`, which has to be whole: at least one batch (of nothing no
 * segment is made), and all of them good. */
static int last_offset_in(struct env *env, const char *dir, const char *name, int64_t *last)
{
    struct batch_scan scan;
    struct env_file *file;
    char *path = mem_printf("%s/%s", dir, name);
    int rc = env_file_open(env, path, ENV_OPEN_READ, &file);
    mem_free(path);
    *last = -1;
    if (rc < 0)
        return rc;
    int64_t size = env_file_size(file);
    if (size >= 0) {
        batch_scan_init(&scan, file, 0, (uint64_t)size, SWAP_BLOCK);
        while ((rc = batch_scan_next(&scan)) == 1) {
            *last = batch_last_offset(&scan.batch);
            rc = batch_scan_body(&scan);
            if (rc == 0 && batch_check_crc(&scan.batch) != 0)
                rc = ERR_CORRUPT;
            if (rc < 0)
                break;
        }
        batch_scan_close(&scan);
    }
    env_file_close(file);
    if (rc == 0 && *last < 0)
        rc = ERR_CORRUPT;
    return size < 0 ? (int)size : rc;
}

static int rename_swap(struct env *env, const char *dir, int64_t base_offset, const char *suffix)
{
    char name[SEGMENT_NAME_MAX];
    segment_name(base_offset, suffix, name);
    char *to = mem_printf("%s/%s", dir, name), *from = mem_printf("%s.swap", to);
    int rc = env_path_rename(env, from, to);
    mem_free(from);
    mem_free(to);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Few segments have an index of aborted transactions; the others always did. */
static bool may_have(char **names, size_t count, int64_t offset, const char *suffix)
{
    char name[SEGMENT_NAME_MAX];
    bool listed = strcmp(suffix, ".txnindex") != 0;
    segment_name(offset, suffix, name);
    for (size_t i = 0; i < count && !listed; i++)
        listed = strncmp(names[i], name, strlen(name)) == 0; /* or with .swap behind it */
    return listed;
}

/* The new segment in `names[at]` takes the place of the old ones that its offsets cover. */
static int finish_swap(struct env *env, const char *dir, char **names, size_t count, size_t at)
{
    static const char *const suffixes[] = {".index", ".timeindex", ".txnindex", ".log"};
    int64_t base_offset, last, offset;
    int rc = 0;
    if (!segment_parse_name(names[at], &base_offset))
        return 0;
    rc = last_offset_in(env, dir, names[at], &last);
    for (size_t i = 0; i < count && rc == 0; i++) {
        const char *suffix = segment_parse_name(names[i], &offset);
        if (!suffix || strcmp(suffix, ".log") != 0 || offset < base_offset || offset > last)
            continue;
        for (size_t j = ARRAY_LEN(suffixes); j-- > 0 && rc == 0;)
            if (may_have(names, count, offset, suffixes[j]))
                rc = remove_file(env, dir, offset, suffixes[j]);
    }
    for (size_t j = 0; j < ARRAY_LEN(suffixes) && rc == 0; j++)
        if (may_have(names, count, base_offset, suffixes[j]))
            rc = rename_swap(env, dir, base_offset, suffixes[j]);
    return rc;
}

static bool is_swap(const char *name)
{
    int64_t offset;
    const char *suffix = segment_parse_name(name, &offset);
    return suffix && strcmp(suffix, ".log.swap") == 0;
}

int cleaner_finish_swaps(struct env *env, const char *dir)
{
    char **names;
    size_t count;
    int rc = env_dir_list(env, dir, &names, &count);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++)
        if (is_swap(names[i]))
            rc = finish_swap(env, dir, names, count, i);
    env_dir_list_free(names, count);
    return rc;
}
