/* What a person does to the disk of a node that is down: files and folders removed and copied.
 *
 * Happy path: everything that the page cache still holds is written first, as by an unmount, then
 * names change on both sides at once. Failure modes: a path that isn't there, or leads through a
 * file, is reported; the disk of a running node is refused by an assertion. */
#include "sim_object.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static void hand_sync(struct sim_object *object)
{
    size_t cursor = 0;
    struct sim_object *child;
    if (!object->is_dir) {
        object_sync(object);
        return;
    }
    while ((child = map_next(&object->names, &cursor, NULL, NULL)))
        hand_sync(child);
}

static void hand_unmount(struct sim_node *node)
{
    ASSERT(sim_node_is_down(node));
    while (!list_empty(&node->changes))
        change_apply(LIST_ENTRY(node->changes.next, struct sim_change, link));
    hand_sync(node->root);
}

static uint64_t hand_size(const struct sim_object *object)
{
    size_t cursor = 0;
    uint64_t size = 0;
    struct sim_object *child;
    if (!object->is_dir)
        return object->live.len;
    while ((child = map_next(&object->names, &cursor, NULL, NULL)))
        size += hand_size(child);
    return size;
}

static struct sim_object *hand_copy(const struct sim_object *object)
{
    struct sim_object *copy = object_new(object->is_dir);
    size_t cursor = 0, len;
    const void *name;
    struct sim_object *child;
    if (!object->is_dir) {
        object_resize(&copy->live, object->live.len);
        if (object->live.len > 0)
            memcpy(copy->live.data, object->live.data, object->live.len);
        object_note_dirty(copy, 0, object->live.len, false);
        object_sync(copy);
        return copy;
    }
    while ((child = map_next(&object->names, &cursor, &name, &len))) {
        char *key = mem_strndup(name, len);
        names_set(copy, key, hand_copy(child));
        mem_free(key);
    }
    return copy;
}

int sim_disk_remove(struct sim_node *node, const char *path)
{
    char name[256];
    struct sim_object *dir;
    hand_unmount(node);
    int rc = disk_walk(node, path, &dir, name);
    if (rc < 0)
        return rc;
    struct sim_object *object = name[0] ? map_get(&dir->names, name, strlen(name)) : NULL;
    if (!object)
        return ERR_NOT_FOUND;
    node->used -= hand_size(object);
    names_set(dir, name, NULL);
    return 0;
}

int sim_disk_make(struct sim_node *node, const char *path)
{
    char name[256];
    struct sim_object *dir;
    hand_unmount(node);
    int rc = disk_walk(node, path, &dir, name);
    if (rc == 0 && !name[0])
        rc = ERR_INVALID;
    if (rc == 0)
        names_set(dir, name, object_new(true));
    return rc;
}

int sim_disk_copy_tree(struct sim_node *node, const char *from, const char *to)
{
    char name[256];
    struct sim_object *source, *dir;
    hand_unmount(node);
    int rc = disk_find(node, from, &source);
    if (rc == 0)
        rc = disk_walk(node, to, &dir, name);
    if (rc == 0 && !name[0])
        rc = ERR_INVALID;
    if (rc < 0)
        return rc;
    struct sim_object *copy = hand_copy(source);
    struct sim_object *old = map_get(&dir->names, name, strlen(name));
    node->used += hand_size(copy);
    node->used -= old ? hand_size(old) : 0;
    names_set(dir, name, copy);
    return 0;
}

/* What `path` names, on a disk that is not in use. */
static int hand_find(struct sim_node *node, const char *path, struct sim_object **dir,
                     char name[256], struct sim_object **object)
{
    hand_unmount(node);
    int rc = disk_walk(node, path, dir, name);
    *object = rc == 0 && name[0] ? map_get(&(*dir)->names, name, strlen(name)) : NULL;
    return rc == 0 && !*object ? ERR_NOT_FOUND : rc;
}

int sim_disk_swap(struct sim_node *a, struct sim_node *b, const char *path)
{
    char name[256];
    struct sim_object *dir_a, *dir_b, *object_a, *object_b;
    int rc = hand_find(a, path, &dir_a, name, &object_a);
    if (rc == 0)
        rc = hand_find(b, path, &dir_b, name, &object_b);
    if (rc < 0)
        return rc;
    uint64_t size_a = hand_size(object_a), size_b = hand_size(object_b);
    struct sim_object *copy = hand_copy(object_a);
    names_set(dir_a, name, hand_copy(object_b));
    names_set(dir_b, name, copy);
    a->used += size_b - size_a;
    b->used += size_a - size_b;
    return 0;
}

void sim_disk_set_files_limit(struct sim_node *node, int64_t limit)
{
    node->files_limit = limit;
}

int sim_disk_each(struct sim_node *node, const char *path, void (*fn)(void *data, const char *name),
                  void *data)
{
    struct sim_object *dir;
    int rc = disk_find(node, path, &dir);
    if (rc < 0)
        return rc;
    if (!dir->is_dir)
        return ERR_INVALID;
    size_t cursor = 0, len, used = 0;
    const void *name;
    char **names = mem_alloc((dir->names.count + 1) * sizeof(*names));
    while (map_next(&dir->names, &cursor, &name, &len))
        names[used++] = mem_strndup(name, len);
    for (size_t i = 0; i < used; i++) {
        fn(data, names[i]);
        mem_free(names[i]);
    }
    mem_free(names);
    return 0;
}

bool sim_node_is_faulty(const struct sim_node *node)
{
    return node->full || node->disk_size || node->frozen || node->fail_sync || node->crash_at > 0 ||
           node->fail_at > 0 || node->fail_memory > 0;
}

void sim_disk_look(struct sim *sim, bool looking)
{
    sim->looking = looking;
}

void sim_disk_set_unordered(struct sim_node *node, bool unordered)
{
    node->unordered = unordered;
}

void sim_disk_set_call_us(struct sim_node *node, int64_t max_us)
{
    ASSERT(max_us > 0);
    node->call_max_us = max_us;
}
