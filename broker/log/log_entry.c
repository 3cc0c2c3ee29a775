/* The map of what partitions have a directory here.
 *
 * Happy path: one directory of a name, in the map under it. Failure mode: several; all but one of
 * them are in the map under their paths (twin.h says what becomes of them). */
#include "broker/log/log_entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "broker/log/log_manager_private.h"

struct log_entry *log_entry_get(const struct log_manager *manager, const char *topic,
                                int32_t partition)
{
    char name[LOG_NAME_MAX + 1];
    int len = snprintf(name, sizeof(name), "%s-%" PRId32, topic, partition);
    if (len < 0 || (size_t)len >= sizeof(name))
        return NULL;
    return map_get(&manager->entries, name, (size_t)len);
}

struct log_entry *log_entry_add(struct log_dir *dir, const char *name)
{
    struct log_entry *entry = mem_alloc(sizeof(*entry));
    entry->name = mem_strdup(name);
    entry->dir = dir;
    dir->entry_count++;
    map_put(&dir->manager->entries, name, strlen(name), entry);
    return entry;
}

void log_entry_free(struct log_entry *entry)
{
    ASSERT(entry->dir->entry_count > 0);
    entry->dir->entry_count--;
    mem_free(entry->name);
    mem_free(entry->folder);
    mem_free(entry->origin);
    mem_free(entry);
}

/* The further folders are in the map under their paths: no partition's name has a slash. */
static struct log_entry *log_entry_at(const struct log_dir *dir, const char *name)
{
    char *path = mem_printf("%s/%s", dir->path, name);
    struct log_entry *entry = map_get(&dir->manager->entries, path, strlen(path));
    mem_free(path);
    return entry;
}

struct log_entry *log_entry_next_copy(const struct log_entry *entry, int *at)
{
    const struct log_manager *manager = entry->dir->manager;
    struct log_entry *twin = NULL;
    while (!twin && *at < manager->config.dir_count) {
        twin = log_entry_at(&manager->dirs[(*at)++], entry->name);
        if (twin && twin->folder)
            twin = NULL; /* unfinished: it counts for nothing */
    }
    return twin;
}

static char *log_entry_key(const struct log_entry *entry)
{
    return entry->twin ? mem_printf("%s/%s", entry->dir->path, entry->name)
                       : mem_strdup(entry->name);
}

void log_entry_map(struct log_entry *entry, bool twin)
{
    entry->twin = twin;
    char *key = log_entry_key(entry);
    map_put(&entry->dir->manager->entries, key, strlen(key), entry);
    mem_free(key);
}

void log_entry_drop(struct log_entry *entry)
{
    char *key = log_entry_key(entry);
    const void *former = map_del(&entry->dir->manager->entries, key, strlen(key));
    ASSERT(former == entry);
    mem_free(key);
}

void log_entry_add_copy(struct log_dir *dir, const char *name)
{
    struct log_entry *first = map_get(&dir->manager->entries, name, strlen(name));
    ASSERT(first != NULL);
    ASSERT(first->dir != dir);
    struct log_entry *twin = log_entry_add(dir, name);
    twin->exists = true;
    log_entry_map(twin, true);
    log_entry_map(first, false);
    first->doubled = true;
}

struct log_entry *log_entry_find(const struct log_dir *dir, const char *name)
{
    struct log_entry *entry = map_get(&dir->manager->entries, name, strlen(name));
    return entry && entry->dir == dir ? entry : log_entry_at(dir, name);
}

static void log_entry_unmap(struct log_entry *entry)
{
    int at = 0;
    log_entry_drop(entry);
    struct log_entry *heir = entry->twin ? NULL : log_entry_next_copy(entry, &at);
    if (!heir)
        return;
    log_entry_drop(heir);
    log_entry_map(heir, false);
    heir->doubled = log_entry_next_copy(entry, &at) != NULL;
}

void log_entry_remove(struct log_entry *entry)
{
    ASSERT(!entry->busy);
    log_entry_unmap(entry);
    log_entry_free(entry);
}
