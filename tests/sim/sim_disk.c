/* The simulated disks behind env.h: paths, handles, locks, and the faults that a driver asked for.
 *
 * Happy path: every call goes through disk_begin, which counts it and lets faults in, and then
 * works on the tree of sim_object.h at once. The time that it takes holds up the env's loop, or the
 * job that made the call.
 *
 * Failure modes: ERR_CLOSED on a dead env; ERR_IO from an injected fault and after the power
 * failed; ERR_NO_SPACE while the disk is full. */
#include "sim_object.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    SYNC_MIN_US = 50,
    SYNC_MAX_US = 2000,
    CALL_MAX_US = 20, /* a call that only touches the page cache */
    COLD_PIECE = 512, /* of a file: in memory or not */
    FILES_LIMIT = 1 << 20
};
#define DISK_SIZE ((int64_t)1 << 40)

struct env_file {
    struct list link; /* in env->files */
    struct env *env;
    struct sim_object *object; /* NULL when the env is dead */
    bool writable, lock, closed;
};

/* ---- the disk of a node ---- */

void sim_disk_init(struct sim_node *node)
{
    node->root = object_new(true);
    node->root->refs = 1;
    list_init(&node->changes);
    node->sync_min_us = SYNC_MIN_US;
    node->sync_max_us = SYNC_MAX_US;
    node->call_max_us = CALL_MAX_US;
    node->files_limit = FILES_LIMIT;
}

static void disk_forget_changes(struct sim_node *node)
{
    while (!list_empty(&node->changes))
        change_free(LIST_ENTRY(node->changes.next, struct sim_change, link));
}

void sim_disk_close(struct sim_node *node)
{
    disk_forget_changes(node);
    object_unref(node->root);
}

void sim_disk_lose(struct sim_node *node)
{
    changes_lose(node);
    disk_forget_changes(node);
    node->used = object_lose(node->sim, node->root);
}

static void disk_forget_file(struct env_file *file)
{
    if (!file->object)
        return;
    if (file->lock)
        file->object->locked = false;
    object_unref(file->object);
    file->object = NULL;
}

void sim_disk_kill(struct env *env)
{
    LIST_EACH(link, &env->files)
        disk_forget_file(LIST_ENTRY(link, struct env_file, link));
}

void sim_disk_free(struct env *env)
{
    struct list *link;
    while ((link = list_pop(&env->files)))
        mem_free(LIST_ENTRY(link, struct env_file, link));
}

/* Time that a call takes: a job's end comes later by it, a loop stands still for it. */
static void disk_spend(struct env *env, int64_t cost_us)
{
    struct sim *sim = env->node->sim;
    if (sim->in_worker) {
        sim->worker_us += cost_us;
        return;
    }
    int64_t from_us = env->resume_us > sim->now_us ? env->resume_us : sim->now_us;
    env->resume_us = from_us + cost_us;
    struct sim_node *node = env->node;
    node->still_us = node->still_step == sim->steps ? node->still_us + cost_us : cost_us;
    node->still_step = sim->steps;
    if (node->still_us > node->still_max_us)
        node->still_max_us = node->still_us;
}

/* After sim_disk_chill all that the file has is cold. */
static void disk_look_at(const struct env *env, struct sim_object *object)
{
    if (env->node->cold_us == 0 || object->chill == env->node->chill)
        return;
    object->chill = env->node->chill;
    object->cold_count = (object->live.len + COLD_PIECE - 1) / COLD_PIECE;
    mem_free(object->cold);
    object->cold = mem_alloc(object->cold_count + 1);
    memset(object->cold, 1, object->cold_count);
}

/* Whether a range of a file has pieces that are not in memory. */
static bool disk_is_cold(const struct env *env, struct sim_object *object, uint64_t offset,
                         size_t len)
{
    const struct sim_node *node = env->node;
    if (node->cold_us == 0 || node->sim->looking || len == 0)
        return false;
    disk_look_at(env, object);
    for (uint64_t i = offset / COLD_PIECE; i <= (offset + len - 1) / COLD_PIECE; i++)
        if (i < object->cold_count && object->cold[i])
            return true;
    return false;
}

/* Brings it into memory. */
static void disk_warm(struct env *env, struct sim_object *object, uint64_t offset, size_t len)
{
    if (!disk_is_cold(env, object, offset, len))
        return;
    disk_spend(env, env->node->cold_us);
    env->node->cold_reads++;
    for (uint64_t i = offset / COLD_PIECE; i <= (offset + len - 1) / COLD_PIECE; i++)
        if (i < object->cold_count)
            object->cold[i] = 0;
}

void sim_disk_chill(struct sim_node *node, int64_t us)
{
    node->cold_us = us;
    node->chill++;
    node->still_max_us = 0;
    node->cold_reads = 0;
}

uint64_t sim_disk_cold_reads(const struct sim_node *node)
{
    return node->cold_reads;
}

int64_t sim_disk_stood_us(const struct sim_node *node)
{
    return node->still_max_us;
}

enum disk_verdict { DISK_GO, DISK_TEAR };

/* Whether this call is one of those that sim_disk_fail has chosen. */
static bool disk_must_fail(struct sim_node *node, enum sim_disk_kind kind)
{
    if (node->fail_at == 0 || !(node->fail_kinds & (unsigned)kind))
        return false;
    if (node->fail_at > 1) {
        node->fail_at--;
        return false;
    }
    if (--node->fail_count == 0)
        node->fail_at = 0;
    return true;
}

/* The gate of every call: counts it and lets faults in. DISK_GO, DISK_TEAR (the power fails while
 * this change is made) or ERR_x. */
static int disk_begin(struct env *env, enum sim_disk_kind kind)
{
    struct sim_node *node = env->node;
    if (env->dead)
        return ERR_CLOSED;
    if (node->frozen)
        return ERR_IO;
    if (node->sim->looking)
        return DISK_GO;
    if (node->sim->in_worker)
        disk_spend(env, sim_between(node->sim, 1, node->call_max_us));
    if (disk_must_fail(node, kind))
        return node->fail_err;
    if (kind & (SIM_DISK_OPEN | SIM_DISK_READ))
        return DISK_GO;
    node->change_count++;
    if (node->crash_at == 0 || --node->crash_at > 0)
        return DISK_GO;
    node->frozen = node->sim->crash_due = true;
    return DISK_TEAR;
}

/* The same for calls that happen whole or not at all. */
static int disk_begin_whole(struct env *env, enum sim_disk_kind kind)
{
    int rc = disk_begin(env, kind);
    return rc == DISK_TEAR ? ERR_IO : rc;
}

int disk_walk(struct sim_node *node, const char *path, struct sim_object **dir, char name[256])
{
    struct sim_object *at = node->root;
    name[0] = 0;
    for (;;) {
        while (*path == '/' || (path[0] == '.' && (path[1] == '/' || !path[1])))
            path++;
        if (!*path)
            break;
        if (name[0]) {
            at = map_get(&at->names, name, strlen(name));
            if (!at)
                return ERR_NOT_FOUND;
            if (!at->is_dir)
                return ERR_INVALID;
        }
        size_t len = strcspn(path, "/");
        if (len > 255)
            return ERR_INVALID;
        memcpy(name, path, len);
        name[len] = 0;
        path += len;
    }
    *dir = at;
    return 0;
}

int disk_find(struct sim_node *node, const char *path, struct sim_object **object)
{
    char name[256];
    struct sim_object *dir;
    int rc = disk_walk(node, path, &dir, name);
    if (rc < 0)
        return rc;
    *object = name[0] ? map_get(&dir->names, name, strlen(name)) : dir;
    return *object ? 0 : ERR_NOT_FOUND;
}

/* ---- env.h: files ---- */

static struct env_file *file_new(struct env *env, struct sim_object *object)
{
    struct env_file *file = mem_alloc(sizeof(*file));
    file->env = env;
    file->object = object;
    object->refs++;
    list_push(&env->files, &file->link);
    return file;
}

/* Bytes that still fit on the disk. A file that is open counts no more once its name is gone, but
 * may still be cut: `used` may so be below 0. */
static uint64_t disk_room(const struct sim_node *node)
{
    int64_t size = node->disk_size ? (int64_t)node->disk_size : DISK_SIZE;
    int64_t used = (int64_t)node->used;
    return node->full || used > size ? 0 : (uint64_t)(size - used);
}

static int file_truncate(struct env *env, struct sim_object *object, uint64_t size)
{
    int rc = disk_begin_whole(env, SIM_DISK_WRITE);
    if (rc < 0)
        return rc;
    if (size > object->live.len && disk_room(env->node) < size - object->live.len)
        return ERR_NO_SPACE;
    env->node->used += size - object->live.len;
    object_resize(&object->live, size);
    object_note_dirty(object, size, 0, true);
    return 0;
}

static int file_create(struct env *env, struct sim_object *dir, const char *name,
                       struct sim_object **object)
{
    int rc = disk_begin_whole(env, SIM_DISK_NAME);
    if (rc < 0)
        return rc;
    if (disk_room(env->node) == 0)
        return ERR_NO_SPACE;
    *object = object_new(false);
    change_make(env->node, NULL, NULL, dir, name, *object);
    return 0;
}

int64_t env_files_limit(struct env *env)
{
    return env->node->files_limit;
}

bool env_files_ready(struct env *env, int count)
{
    struct sim_node *node = env->node;
    if (node->fail_err == ERR_TOO_MANY_FILES && disk_must_fail(node, SIM_DISK_OPEN))
        return false;
    env->spare_files = count;
    return true;
}

/* Of the descriptors that the loop holds back. */
static bool file_takes_spare(struct env *env)
{
    if (env->spare_files == 0 || env->node->sim->in_worker)
        return false;
    env->spare_files--;
    return true;
}

int env_file_open(struct env *env, const char *path, int flags, struct env_file **out)
{
    char name[256];
    struct sim_object *dir, *object;
    int rc = disk_begin_whole(env, SIM_DISK_OPEN);
    if (rc < 0 && !(rc == ERR_TOO_MANY_FILES && file_takes_spare(env)))
        return rc;
    rc = disk_walk(env->node, path, &dir, name);
    if (rc < 0)
        return rc;
    object = name[0] ? map_get(&dir->names, name, strlen(name)) : dir;
    if (!object && !(flags & ENV_OPEN_CREATE))
        return ERR_NOT_FOUND;
    if (object && (flags & ENV_OPEN_EXCLUSIVE))
        return ERR_EXISTS;
    if (object && object->is_dir)
        return ERR_INVALID;
    if (!object)
        rc = file_create(env, dir, name, &object);
    else if ((flags & ENV_OPEN_TRUNCATE) && object->live.len > 0)
        rc = file_truncate(env, object, 0);
    if (rc < 0)
        return rc;
    *out = file_new(env, object);
    (*out)->writable = flags & ENV_OPEN_WRITE;
    return 0;
}

void env_file_close(struct env_file *file)
{
    ASSERT(!file->closed);
    disk_forget_file(file);
    file->closed = true; /* the memory stays with the env: who still sends from it is found */
}

ssize_t env_file_read(struct env_file *file, void *buffer, size_t len, uint64_t offset)
{
    int rc = disk_begin_whole(file->env, SIM_DISK_READ);
    if (rc < 0)
        return rc;
    struct buf *live = &file->object->live;
    if (offset >= live->len)
        return 0;
    size_t n = live->len - offset < len ? (size_t)(live->len - offset) : len;
    disk_warm(file->env, file->object, offset, n);
    if (n)
        memcpy(buffer, live->data + offset, n);
    return (ssize_t)n;
}

ssize_t env_file_read_now(struct env_file *file, void *buffer, size_t len, uint64_t offset)
{
    const struct buf *live = &file->object->live;
    size_t n = offset < live->len && live->len - offset < len ? (size_t)(live->len - offset) : len;
    if (offset < live->len && disk_is_cold(file->env, file->object, offset, n))
        return ERR_AGAIN;
    return env_file_read(file, buffer, len, offset);
}

int sim_disk_copy(struct env_file *file, void *out, size_t len, uint64_t offset)
{
    ASSERT(!file->closed); /* its number may be another file's by now */
    if (!file->object)
        return ERR_CLOSED;
    struct buf *live = &file->object->live;
    if (offset > live->len || live->len - offset < len)
        return ERR_EOF;
    disk_warm(file->env, file->object, offset, len);
    memcpy(out, live->data + offset, len);
    return 0;
}

static void file_put(struct env_file *file, const void *data, size_t len, uint64_t offset)
{
    struct sim_node *node = file->env->node;
    struct buf *live = &file->object->live;
    if (len == 0)
        return;
    disk_look_at(file->env, file->object); /* what is written from now on is in memory */
    if (offset + len > live->len) {
        node->used += offset + len - live->len;
        object_resize(live, offset + len);
    }
    memcpy(live->data + offset, data, len);
    object_note_dirty(file->object, offset, len, false);
    sim_mix(node->sim, crc32c((uint32_t)offset, data, len));
}

int env_file_write(struct env_file *file, const void *data, size_t len, uint64_t offset)
{
    struct sim_node *node = file->env->node;
    int rc = disk_begin(file->env, SIM_DISK_WRITE);
    if (rc < 0)
        return rc;
    if (!file->writable)
        return ERR_INVALID;
    if (rc == DISK_TEAR) {
        file_put(file, data, (size_t)sim_between(node->sim, 0, (int64_t)len), offset);
        return ERR_IO;
    }
    uint64_t size = file->object->live.len;
    if (offset + len > size && disk_room(node) < offset + len - size) {
        uint64_t end = size + disk_room(node);
        size_t fits = offset < end ? (size_t)(end - offset) : 0;
        file_put(file, data, fits, offset);
        return ERR_NO_SPACE;
    }
    file_put(file, data, len, offset);
    return 0;
}

int env_file_writev(struct env_file *file, const struct iovec *parts, int count, uint64_t offset)
{
    for (int i = 0; i < count; i++) {
        int rc = env_file_write(file, parts[i].iov_base, parts[i].iov_len, offset);
        if (rc < 0)
            return rc;
        offset += parts[i].iov_len;
    }
    return 0;
}

int64_t env_file_size(struct env_file *file)
{
    int rc = disk_begin_whole(file->env, SIM_DISK_READ);
    return rc < 0 ? rc : (int64_t)file->object->live.len;
}

int env_file_truncate(struct env_file *file, uint64_t size)
{
    if (!file->object)
        return ERR_CLOSED;
    return file->writable ? file_truncate(file->env, file->object, size) : ERR_INVALID;
}

int env_file_sync(struct env_file *file)
{
    int rc = disk_begin_whole(file->env, SIM_DISK_SYNC);
    if (rc < 0)
        return rc;
    struct sim_node *node = file->env->node;
    disk_spend(file->env, sim_between(node->sim, node->sync_min_us, node->sync_max_us));
    if (node->fail_sync) {
        node->fail_sync = false;
        object_sync_failed(file->object);
        return ERR_IO;
    }
    object_sync(file->object);
    return 0;
}

/* ---- env.h: paths ---- */

static int dir_make_one(struct env *env, const char *path)
{
    char name[256];
    struct sim_object *dir;
    int rc = disk_begin_whole(env, SIM_DISK_READ);
    if (rc == 0)
        rc = disk_walk(env->node, path, &dir, name);
    if (rc < 0 || !name[0])
        return rc;
    struct sim_object *there = map_get(&dir->names, name, strlen(name));
    if (there)
        return there->is_dir ? 0 : ERR_EXISTS;
    rc = disk_begin_whole(env, SIM_DISK_NAME);
    if (rc < 0)
        return rc;
    if (disk_room(env->node) == 0)
        return ERR_NO_SPACE;
    change_make(env->node, NULL, NULL, dir, name, object_new(true));
    return 0;
}

int env_dir_make(struct env *env, const char *path)
{
    char *part = mem_strdup(path);
    int rc = 0;
    for (char *slash = strchr(part, '/'); slash && rc == 0; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        rc = dir_make_one(env, part);
        *slash = '/';
    }
    mem_free(part);
    return rc < 0 ? rc : dir_make_one(env, path);
}

int env_dir_sync(struct env *env, const char *path)
{
    struct sim_node *node = env->node;
    struct sim_object *dir;
    int rc = disk_begin_whole(env, SIM_DISK_SYNC);
    if (rc == 0)
        rc = disk_find(node, path, &dir);
    if (rc < 0)
        return rc;
    if (!dir->is_dir)
        return ERR_INVALID;
    disk_spend(env, sim_between(node->sim, node->sync_min_us, node->sync_max_us));
    LIST_EACH(link, &node->changes) {
        struct sim_change *change = LIST_ENTRY(link, struct sim_change, link);
        if (change->from == dir || change->to == dir)
            change_apply(change);
    }
    return 0;
}

static int disk_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int env_dir_list(struct env *env, const char *path, char ***names, size_t *count)
{
    struct sim_object *dir;
    int rc = disk_begin_whole(env, SIM_DISK_READ);
    if (rc == 0)
        rc = disk_find(env->node, path, &dir);
    if (rc < 0)
        return rc;
    if (!dir->is_dir)
        return ERR_INVALID;
    size_t cursor = 0, len, used = 0;
    const void *name;
    char **list = mem_alloc((dir->names.count + 1) * sizeof(*list));
    while (map_next(&dir->names, &cursor, &name, &len))
        list[used++] = mem_strndup(name, len);
    qsort(list, used, sizeof(*list), disk_compare);
    *names = list;
    *count = used;
    return 0;
}

static void disk_unlink(struct sim_node *node, struct sim_object *dir, const char *name)
{
    struct sim_object *object = map_get(&dir->names, name, strlen(name));
    if (!object->is_dir)
        node->used -= object->live.len;
    change_make(node, dir, name, NULL, NULL, NULL);
}

static int disk_remove_empty(struct env *env, const char *path)
{
    char name[256];
    struct sim_object *dir;
    int rc = disk_begin_whole(env, SIM_DISK_NAME);
    if (rc == 0)
        rc = disk_walk(env->node, path, &dir, name);
    if (rc == 0 && !name[0])
        rc = ERR_INVALID;
    if (rc == 0)
        disk_unlink(env->node, dir, name);
    return rc;
}

/* What is in it goes first, one by one, so a power loss may leave a part. */
int env_dir_remove(struct env *env, const char *path)
{
    char **names;
    size_t count;
    int rc = env_dir_list(env, path, &names, &count);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        char *child = mem_printf("%s/%s", path, names[i]);
        if (rc == 0)
            rc = env_path_remove(env, child);
        if (rc == ERR_INVALID)
            rc = env_dir_remove(env, child);
        mem_free(child);
    }
    env_dir_list_free(names, count);
    return rc < 0 ? rc : disk_remove_empty(env, path);
}

int env_path_lock(struct env *env, const char *path, struct env_file **lock)
{
    struct env_file *file;
    int rc = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file);
    if (rc < 0)
        return rc;
    if (file->object->locked) {
        env_file_close(file);
        return ERR_LOCKED;
    }
    file->lock = file->object->locked = true;
    *lock = file;
    return 0;
}

int env_path_rename(struct env *env, const char *from, const char *to)
{
    char from_name[256], to_name[256];
    struct sim_object *from_dir, *to_dir;
    int rc = disk_begin_whole(env, SIM_DISK_NAME);
    if (rc == 0)
        rc = disk_walk(env->node, from, &from_dir, from_name);
    if (rc == 0)
        rc = disk_walk(env->node, to, &to_dir, to_name);
    if (rc < 0)
        return rc;
    struct sim_object *object = map_get(&from_dir->names, from_name, strlen(from_name));
    struct sim_object *target = map_get(&to_dir->names, to_name, strlen(to_name));
    if (!object)
        return ERR_NOT_FOUND;
    if (object == target)
        return 0;
    if (target && (target->is_dir != object->is_dir || (target->is_dir && target->names.count)))
        return target->is_dir ? ERR_EXISTS : ERR_INVALID;
    if (target && !target->is_dir)
        env->node->used -= target->live.len;
    change_make(env->node, from_dir, from_name, to_dir, to_name, object);
    return 0;
}

int env_path_remove(struct env *env, const char *path)
{
    char name[256];
    struct sim_object *dir;
    int rc = disk_begin_whole(env, SIM_DISK_NAME);
    if (rc == 0)
        rc = disk_walk(env->node, path, &dir, name);
    if (rc < 0)
        return rc;
    struct sim_object *object = map_get(&dir->names, name, strlen(name));
    if (!object)
        return ERR_NOT_FOUND;
    if (object->is_dir)
        return ERR_INVALID;
    disk_unlink(env->node, dir, name);
    return 0;
}

bool env_path_exists(struct env *env, const char *path)
{
    struct sim_object *object;
    return !env->dead && disk_find(env->node, path, &object) == 0;
}

int64_t env_path_space(struct env *env, const char *path)
{
    struct sim_object *object;
    int rc = disk_begin_whole(env, SIM_DISK_READ);
    if (rc == 0)
        rc = disk_find(env->node, path, &object);
    if (rc < 0)
        return rc;
    return (int64_t)disk_room(env->node);
}

int64_t env_path_size(struct env *env, const char *path)
{
    int64_t space = env_path_space(env, path);
    return space < 0 ? space : space + (int64_t)env->node->used;
}

/* ---- faults ---- */

void sim_node_disk_full(struct sim_node *node, bool full)
{
    node->full = full;
    node->disk_size = 0;
}

void sim_node_disk_left(struct sim_node *node, int64_t bytes)
{
    node->full = false;
    node->disk_size = node->used + (uint64_t)bytes;
}

void sim_disk_fail_sync(struct sim_node *node)
{
    node->fail_sync = true;
}

void sim_disk_fail_at(struct sim_node *node, uint64_t n)
{
    sim_disk_fail(node, SIM_DISK_ANY, n, 1, ERR_IO);
}

void sim_disk_fail(struct sim_node *node, unsigned kinds, uint64_t n, uint64_t count, int err)
{
    node->fail_kinds = kinds;
    node->fail_at = n;
    node->fail_count = count;
    node->fail_err = err;
}

void sim_disk_crash_at(struct sim_node *node, uint64_t n)
{
    node->crash_at = n;
}

void sim_disk_set_sync_us(struct sim_node *node, int64_t min_us, int64_t max_us)
{
    ASSERT(min_us <= max_us);
    node->sync_min_us = min_us;
    node->sync_max_us = max_us;
}

uint64_t sim_disk_changes(const struct sim_node *node)
{
    return node->change_count;
}

int sim_disk_flip(struct sim_node *node, const char *path, uint64_t offset)
{
    struct sim_object *object;
    int rc = disk_find(node, path, &object);
    if (rc < 0)
        return rc;
    if (object->is_dir)
        return ERR_INVALID;
    if (offset >= object->live.len)
        return ERR_EOF;
    object->live.data[offset] ^= 0xff;
    if (offset < object->durable.len)
        object->durable.data[offset] ^= 0xff;
    return 0;
}
