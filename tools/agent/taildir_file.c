/* The files of a taildir source.
 *
 * Happy path: a file is opened when it has more bytes than its position, is checked by its first
 * bytes, then and whenever it goes on after a rest, and stays open while it grows. Failure modes:
 * its path names another file by now, and it waits for its new name; it can't be opened, which is
 * told now and then, and tried again after the next look; too many are open, and another one is
 * closed. */
#include "tools/agent/taildir_file.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "env/path_look.h"

enum { TAILDIR_TELL_MS = 10000 }; /* between two lines about files that can't be read */

void taildir_files_init(struct taildir_files *files, struct env *env, struct logger *logger)
{
    *files = (struct taildir_files){.env = env, .logger = logger};
    map_init(&files->by_id);
    list_init(&files->all);
    list_init(&files->busy);
    list_init(&files->open);
}

void taildir_files_close(struct taildir_files *files)
{
    LIST_EACH(step, &files->all)
        taildir_file_free(LIST_ENTRY(step, struct taildir_file, link));
    ASSERT(files->open_count == 0);
    ASSERT(files->by_id.count == 0);
    map_close(&files->by_id);
}

struct taildir_file *taildir_files_find(const struct taildir_files *files,
                                        const struct taildir_found *found)
{
    uint64_t id[2] = {found->device, found->inode};
    return map_get(&files->by_id, id, sizeof(id));
}

struct taildir_file *taildir_file_new(struct taildir_files *files,
                                      const struct taildir_found *found,
                                      struct taildir_position *known)
{
    struct taildir_file *file = mem_alloc(sizeof(*file));
    file->files = files;
    file->id[0] = found->device;
    file->id[1] = found->inode;
    file->path = mem_strdup(found->path);
    file->group = found->group;
    if (known && known->pos <= (uint64_t)found->size) {
        file->pos = known->pos;
        file->head_len = known->head_len;
        file->head = known->head;
    }
    if (known)
        known->taken = true;
    list_init(&file->busy_link);
    list_init(&file->open_link);
    list_push(&files->all, &file->link);
    map_put(&files->by_id, file->id, sizeof(file->id), file);
    return file;
}

void taildir_file_free(struct taildir_file *file)
{
    ASSERT(!file->held);
    map_del(&file->files->by_id, file->id, sizeof(file->id));
    list_remove(&file->link);
    list_remove(&file->busy_link);
    taildir_file_close(file);
    headers_unref(file->headers);
    mem_free(file->path);
    mem_free(file);
}

bool taildir_file_rename(struct taildir_file *file, const char *path)
{
    if (strcmp(file->path, path) == 0)
        return false;
    mem_free(file->path);
    file->path = mem_strdup(path);
    return true;
}

void taildir_file_is_busy(struct taildir_file *file)
{
    if (list_empty(&file->busy_link))
        list_push(&file->files->busy, &file->busy_link);
}

void taildir_file_is_next(struct taildir_file *file)
{
    struct list *busy = &file->files->busy;
    ASSERT(file->verified);
    list_remove(&file->busy_link);
    list_push(busy->next, &file->busy_link); /* in front of the first */
}

void taildir_file_let_go(struct taildir_file *file)
{
    ASSERT(file->file);
    ASSERT(!file->held);
    file->file = NULL;
    list_remove(&file->open_link);
    file->files->open_count--;
}

void taildir_file_close(struct taildir_file *file)
{
    struct env_file *open = file->file;
    if (!open)
        return;
    taildir_file_let_go(file);
    env_file_close(open);
}

void taildir_file_failed(struct taildir_file *file, const char *what, int err)
{
    struct taildir_files *files = file->files;
    int64_t now_ms = env_now_ms(files->env);
    taildir_file_close(file);
    if (files->told_ms && now_ms - files->told_ms < TAILDIR_TELL_MS) {
        files->untold++;
        return;
    }
    logger_error(files->logger, "can't %s %s: %s (%zu others since the last line)", what,
                 file->path, err_text(err), files->untold);
    files->told_ms = now_ms;
    files->untold = 0;
}

/* One that has no name that a look finds stays open: it could not be opened again. */
static void taildir_files_make_room(struct taildir_files *files)
{
    LIST_EACH(step, &files->open) {
        struct taildir_file *file = LIST_ENTRY(step, struct taildir_file, open_link);
        if (files->open_count < TAILDIR_OPEN_MAX)
            return;
        if (file->listed && !file->held)
            taildir_file_close(file);
    }
}

/* Its path may name another file by now. The next look finds its new name. */
static int taildir_file_open(struct taildir_file *file)
{
    struct taildir_files *files = file->files;
    struct env_path_info info;
    taildir_files_make_room(files);
    int err = env_file_open(files->env, file->path, ENV_OPEN_READ, &file->file);
    if (err) {
        file->file = NULL;
        return err;
    }
    files->open_count++;
    file->verified = false;
    list_push(&files->open, &file->open_link);
    err = env_path_look(files->env, file->path, &info);
    if (!err && (info.device != file->id[0] || info.inode != file->id[1]))
        err = ERR_NOT_FOUND;
    if (err)
        taildir_file_close(file);
    return err;
}

int64_t taildir_file_left(struct taildir_file *file)
{
    int err = file->file ? 0 : taildir_file_open(file);
    if (err == ERR_NOT_FOUND)
        return 0;
    int64_t size = err ? err : env_file_size(file->file);
    if (size < 0) {
        taildir_file_failed(file, err ? "open" : "look at", (int)size);
        return 0;
    }
    list_remove(&file->open_link);
    list_push(&file->files->open, &file->open_link);
    if ((uint64_t)size < file->pos) {
        logger_warn(file->files->logger, "%s was cut: reading it from its beginning", file->path);
        file->pos = 0;
        file->head_len = 0;
        file->verified = false;
        file->waits = false;
    }
    return size - (int64_t)file->pos;
}

bool taildir_file_verify(struct taildir_file *file, const uint8_t *data, size_t len)
{
    ASSERT(len <= TAILDIR_HEAD_MAX);
    bool same = file->head_len <= len && crc32c(0, data, file->head_len) == file->head;
    if (file->head_len > 0 && !same) {
        logger_warn(file->files->logger,
                    "%s is another file than the one that was read before: reading it from its "
                    "beginning",
                    file->path);
        file->pos = 0;
        file->waits = false;
    }
    same = same || file->head_len == 0;
    file->head_len = (uint32_t)len;
    file->head = crc32c(0, data, len);
    file->verified = true;
    file->rests = false;
    return same;
}
