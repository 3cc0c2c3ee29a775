/* The position file of a taildir source.
 *
 * Happy path: read at the start, replaced whole now and then. Failure modes: what is no such file
 * is refused with the reason; a crash in a replacement leaves the old one. */
#include "tools/agent/taildir_positions.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { TAILDIR_POSITIONS_MAX = 64 << 20 };

void taildir_positions_add(struct taildir_positions *positions, const struct taildir_position *row)
{
    ASSERT(row->path);
    positions->rows =
        mem_realloc(positions->rows, (positions->count + 1) * sizeof(*positions->rows));
    positions->rows[positions->count] = *row;
    positions->rows[positions->count++].path = mem_strdup(row->path);
}

void taildir_positions_close(struct taildir_positions *positions)
{
    for (size_t i = 0; i < positions->count; i++)
        mem_free(positions->rows[i].path);
    mem_free(positions->rows);
    *positions = (struct taildir_positions){0};
}

struct taildir_position *taildir_positions_find(const struct taildir_positions *positions,
                                                uint64_t inode, const char *path)
{
    struct taildir_position *found = NULL;
    for (size_t i = 0; i < positions->count; i++) {
        struct taildir_position *row = &positions->rows[i];
        if (row->inode == inode && !row->taken && (!found || strcmp(row->path, path) == 0))
            found = row;
    }
    return found;
}

static void taildir_positions_load_row(struct taildir_positions *positions, const json_t *object)
{
    const char *file = json_string_value(json_object_get(object, "file"));
    json_t *inode = json_object_get(object, "inode"), *pos = json_object_get(object, "pos");
    json_int_t head_len = json_integer_value(json_object_get(object, "headLen"));
    struct taildir_position row = {.inode = (uint64_t)json_integer_value(inode),
                                   .pos = (uint64_t)json_integer_value(pos)};
    if (!file || !json_is_integer(inode) || !json_is_integer(pos) || json_integer_value(pos) < 0)
        return;
    row.path = (char *)(uintptr_t)file;
    if (head_len > 0 && head_len <= TAILDIR_HEAD_MAX) {
        row.head_len = (uint32_t)head_len;
        row.head = (uint32_t)json_integer_value(json_object_get(object, "head"));
    }
    taildir_positions_add(positions, &row);
}

int taildir_positions_load(struct env *env, const char *path, struct taildir_positions *positions,
                           struct buf *problem)
{
    char *text;
    size_t len, i;
    json_error_t error;
    json_t *row;
    *positions = (struct taildir_positions){0};
    int err = env_file_load(env, path, TAILDIR_POSITIONS_MAX, &text, &len);
    if (err == ERR_NOT_FOUND)
        return 0;
    if (err) {
        buf_printf(problem, "can't read %s: %s", path, err_text(err));
        return err;
    }
    json_t *root = len == 0 ? json_array() : json_loadb(text, len, 0, &error);
    mem_free(text);
    if (!json_is_array(root)) {
        buf_printf(problem,
                   "%s is no position file (a JSON array): move it away, and the files are read "
                   "from their beginning",
                   path);
        json_decref(root);
        return ERR_MALFORMED;
    }
    json_array_foreach(root, i, row) taildir_positions_load_row(positions, row);
    json_decref(root);
    return 0;
}

int taildir_positions_store(struct env *env, const char *path,
                            const struct taildir_positions *positions)
{
    json_t *root = json_array();
    for (size_t i = 0; i < positions->count; i++) {
        const struct taildir_position *row = &positions->rows[i];
        json_t *object =
            json_pack("{sIsI}", "inode", (json_int_t)row->inode, "pos", (json_int_t)row->pos);
        json_t *file = json_stringn(row->path, strlen(row->path));
        /* A path that is no UTF-8 is found by its inode alone. */
        json_object_set_new(object, "file", file ? file : json_string("?"));
        if (row->head_len > 0) {
            json_object_set_new(object, "head", json_integer(row->head));
            json_object_set_new(object, "headLen", json_integer(row->head_len));
        }
        json_array_append_new(root, object);
    }
    size_t size = json_dumpb(root, NULL, 0, JSON_COMPACT);
    char *text = mem_alloc(size + 1);
    json_dumpb(root, text, size, JSON_COMPACT);
    json_decref(root);
    int err = env_file_replace(env, path, text, size);
    mem_free(text);
    return err;
}

/* ---- on the worker pool ---- */

struct taildir_store {
    struct env_work work;
    struct env *env;
    char *path;
    struct taildir_positions positions;
    pthread_mutex_t lock; /* held while it writes */
    bool forgotten;       /* under the lock */
    int err;
    void (*done)(void *data, int err);
    void *data;
};

static void taildir_store_run(struct env_work *work)
{
    struct taildir_store *store = CONTAINER_OF(work, struct taildir_store, work);
    pthread_mutex_lock(&store->lock);
    if (!store->forgotten)
        store->err = taildir_positions_store(store->env, store->path, &store->positions);
    pthread_mutex_unlock(&store->lock);
}

static void taildir_store_done(struct env_work *work)
{
    struct taildir_store *store = CONTAINER_OF(work, struct taildir_store, work);
    if (!store->forgotten)
        store->done(store->data, store->err);
    pthread_mutex_destroy(&store->lock);
    taildir_positions_close(&store->positions);
    mem_free(store->path);
    mem_free(store);
}

struct taildir_store *taildir_positions_store_start(struct env *env, const char *path,
                                                    struct taildir_positions *positions,
                                                    void (*done)(void *data, int err), void *data)
{
    struct taildir_store *store = mem_alloc(sizeof(*store));
    store->env = env;
    store->path = mem_strdup(path);
    store->positions = *positions;
    store->done = done;
    store->data = data;
    pthread_mutex_init(&store->lock, NULL);
    env_work_submit(env, &store->work, taildir_store_run, taildir_store_done);
    return store;
}

void taildir_store_forget(struct taildir_store *store)
{
    pthread_mutex_lock(&store->lock);
    ASSERT(!store->forgotten);
    store->forgotten = true;
    pthread_mutex_unlock(&store->lock);
}
