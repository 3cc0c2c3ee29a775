/* What a simulated disk holds, and what of it survives a loss of power.
 *
 * Happy path: a change is made on the live side and remembered: a file remembers its ranges, a node
 * the changes of its directories, in order. A sync brings them over to the durable side. The
 * content is not remembered: as in a page cache, what is written back is what the range holds then.
 *
 * Failure modes: what a power loss finds remembered survives by chance: of the directories' changes
 * a beginning, of a file's ranges a beginning cut at a sector, or any sectors (a kernel writes back
 * in the order it likes). A sector is whole or was never written. */
#include "sim_object.h"

#include <string.h>

#include "base/mem.h"

enum { SECTOR = 512 };

/* ---- objects ---- */

static void names_close(struct map *names)
{
    size_t cursor = 0;
    struct sim_object *object;
    while ((object = map_next(names, &cursor, NULL, NULL)))
        object_unref(object);
    map_close(names);
}

void object_unref(struct sim_object *object)
{
    ASSERT(object->refs > 0);
    if (--object->refs > 0)
        return;
    if (object->is_dir) {
        names_close(&object->names);
        names_close(&object->durable_names);
    } else {
        buf_close(&object->live);
        buf_close(&object->durable);
        mem_free(object->dirty);
        mem_free(object->cold);
    }
    mem_free(object);
}

struct sim_object *object_new(bool is_dir)
{
    struct sim_object *object = mem_alloc(sizeof(*object));
    object->is_dir = is_dir;
    return object;
}

static void names_put(struct map *names, const char *name, struct sim_object *object)
{
    object->refs++;
    struct sim_object *old = map_put(names, name, strlen(name), object);
    if (old)
        object_unref(old);
}

static void names_del(struct map *names, const char *name)
{
    struct sim_object *old = map_del(names, name, strlen(name));
    if (old)
        object_unref(old);
}

void object_resize(struct buf *bytes, uint64_t len)
{
    if (len > bytes->cap) {
        size_t cap = bytes->cap ? bytes->cap : 256;
        while (cap < len)
            cap *= 2;
        bytes->data = mem_realloc(bytes->data, cap);
        bytes->cap = cap;
    }
    if (len > bytes->len)
        memset(bytes->data + bytes->len, 0, len - bytes->len);
    bytes->len = len;
}

/* ---- durability of files ---- */

void object_note_dirty(struct sim_object *object, uint64_t offset, uint64_t len, bool truncated)
{
    if (object->dirty_count > 0 && !truncated) {
        struct sim_dirty *last = &object->dirty[object->dirty_count - 1];
        if (!last->truncated && last->offset + last->len == offset) {
            last->len += len;
            return;
        }
    }
    if (object->dirty_count == object->dirty_cap) {
        object->dirty_cap = object->dirty_cap ? object->dirty_cap * 2 : 4;
        object->dirty = mem_realloc(object->dirty, object->dirty_cap * sizeof(*object->dirty));
    }
    object->dirty[object->dirty_count++] = (struct sim_dirty){offset, len, truncated};
}

/* Copies what the file now has in [offset, end) to the durable side. A sector goes as a whole, also
 * where only a part of it was dirty: a write torn in the page cache tears no sector on the disk. */
static void object_flush_range(struct sim_object *object, uint64_t offset, uint64_t end)
{
    if (offset >= end)
        return;
    offset -= offset % SECTOR;
    end = (end + SECTOR - 1) / SECTOR * SECTOR;
    if (end > object->live.len)
        end = object->live.len;
    if (offset >= end)
        return;
    if (object->durable.len < end)
        object_resize(&object->durable, end);
    memcpy(object->durable.data + offset, object->live.data + offset, end - offset);
}

static void object_flush(struct sim_object *object, const struct sim_dirty *dirty)
{
    if (dirty->truncated)
        object_resize(&object->durable, dirty->offset);
    else
        object_flush_range(object, dirty->offset, dirty->offset + dirty->len);
}

void object_sync(struct sim_object *object)
{
    for (size_t i = 0; i < object->dirty_count; i++)
        object_flush(object, &object->dirty[i]);
    object->dirty_count = 0;
}

void object_sync_failed(struct sim_object *object)
{
    size_t kept = 0;
    for (size_t i = 0; i < object->dirty_count; i++)
        if (object->dirty[i].truncated)
            object->dirty[kept++] = object->dirty[i];
    object->dirty_count = kept;
}

/* Of each range every sector survives or not, by chance. */
static void object_lose_scattered(struct sim *sim, struct sim_object *object)
{
    for (size_t i = 0; i < object->dirty_count; i++) {
        struct sim_dirty *dirty = &object->dirty[i];
        uint64_t end = dirty->offset + dirty->len;
        if (dirty->truncated && sim_chance(sim, 500))
            object_flush(object, dirty);
        for (uint64_t at = dirty->offset; !dirty->truncated && at < end;) {
            uint64_t next = (at / SECTOR + 1) * SECTOR;
            if (sim_chance(sim, 500))
                object_flush_range(object, at, next < end ? next : end);
            at = next;
        }
    }
}

/* The first ranges survive, and of the next one its beginning up to a sector. */
static void object_lose_tail(struct sim *sim, struct sim_object *object)
{
    size_t whole = (size_t)sim_between(sim, 0, (int64_t)object->dirty_count);
    for (size_t i = 0; i < whole; i++)
        object_flush(object, &object->dirty[i]);
    if (whole == object->dirty_count || object->dirty[whole].truncated)
        return;
    struct sim_dirty *dirty = &object->dirty[whole];
    uint64_t end = dirty->offset + (uint64_t)sim_between(sim, 0, (int64_t)dirty->len);
    object_flush_range(object, dirty->offset, end / SECTOR * SECTOR);
}

static uint64_t object_lose_names(struct sim *sim, struct sim_object *object)
{
    size_t cursor = 0, len;
    const void *name;
    struct sim_object *child;
    uint64_t bytes = 0;
    names_close(&object->names);
    while ((child = map_next(&object->durable_names, &cursor, &name, &len))) {
        child->refs++;
        map_put(&object->names, name, len, child);
        bytes += object_lose(sim, child);
    }
    return bytes;
}

uint64_t object_lose(struct sim *sim, struct sim_object *object)
{
    if (object->is_dir)
        return object_lose_names(sim, object);
    if (sim_chance(sim, 500))
        object_lose_tail(sim, object);
    else
        object_lose_scattered(sim, object);
    object->dirty_count = 0;
    object_resize(&object->live, object->durable.len);
    if (object->durable.len > 0)
        memcpy(object->live.data, object->durable.data, object->durable.len);
    return object->live.len;
}

/* ---- durability of directories ---- */

void change_free(struct sim_change *change)
{
    list_remove(&change->link);
    if (change->from)
        object_unref(change->from);
    if (change->to)
        object_unref(change->to);
    if (change->object)
        object_unref(change->object);
    mem_free(change->from_name);
    mem_free(change->to_name);
    mem_free(change);
}

void change_apply(struct sim_change *change)
{
    if (change->from)
        names_del(&change->from->durable_names, change->from_name);
    if (change->to)
        names_put(&change->to->durable_names, change->to_name, change->object);
    change_free(change);
}

/* A journal keeps the order of names, so a beginning survives. Without one any of them do, but for
 * what a sync of the directory has made sure of. */
void changes_lose(struct sim_node *node)
{
    int64_t count = 0;
    LIST_EACH(link, &node->changes)
        count++;
    int64_t kept = sim_between(node->sim, 0, count);
    if (sim_chance(node->sim, 500))
        kept = 0; /* the harshest case is the likeliest */
    LIST_EACH(link, &node->changes) {
        struct sim_change *change = LIST_ENTRY(link, struct sim_change, link);
        if (node->unordered ? sim_chance(node->sim, 500) : kept-- > 0)
            change_apply(change);
    }
}

void names_set(struct sim_object *dir, const char *name, struct sim_object *object)
{
    names_del(&dir->names, name);
    names_del(&dir->durable_names, name);
    if (!object)
        return;
    names_put(&dir->names, name, object);
    names_put(&dir->durable_names, name, object);
}

/* Makes a change live and remembers it. */
void change_make(struct sim_node *node, struct sim_object *from, const char *from_name,
                 struct sim_object *to, const char *to_name, struct sim_object *object)
{
    struct sim_change *change = mem_alloc(sizeof(*change));
    change->from = from;
    change->to = to;
    change->object = to ? object : NULL;
    if (from) {
        from->refs++;
        change->from_name = mem_strdup(from_name);
    }
    if (to) {
        to->refs++;
        object->refs++;
        change->to_name = mem_strdup(to_name);
        names_put(&to->names, to_name, object);
    }
    if (from)
        names_del(&from->names, from_name);
    list_push(&node->changes, &change->link);
}
