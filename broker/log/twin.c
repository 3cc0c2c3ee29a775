/* Partitions with a folder in more than one log directory.
 *
 * Happy path: there is none. Else the copies are told apart by their topic ids, where these differ.
 * Failure modes: two folders of one topic id. The older one may be far behind, and a leader
 * that has it cuts the records of all others. Nothing here tells surely which one that is (times of
 * files change with a copy), so none is opened. The partition is offline here, and fetched anew
 * once another broker leads it. */
#include "broker/log/twin.h"

#include <string.h>

#include "base/mem.h"
#include "broker/log/log_open.h"
#include "broker/log/stray.h"

/* The further folders are in the map under their paths: no partition's name has a slash. */
static struct log_entry *twin_get(const struct log_dir *dir, const char *name)
{
    char *path = mem_printf("%s/%s", dir->path, name);
    struct log_entry *entry = map_get(&dir->manager->entries, path, strlen(path));
    mem_free(path);
    return entry;
}

/* The next further folder, in the directories from number *at on. */
static struct log_entry *twin_next(const struct log_entry *entry, int *at)
{
    const struct log_manager *manager = entry->dir->manager;
    struct log_entry *twin = NULL;
    while (!twin && *at < manager->config.dir_count)
        twin = twin_get(&manager->dirs[(*at)++], entry->name);
    return twin;
}

static char *twin_key(const struct log_entry *entry)
{
    return entry->twin ? mem_printf("%s/%s", entry->dir->path, entry->name)
                       : mem_strdup(entry->name);
}

static void twin_map(struct log_entry *entry, bool twin)
{
    entry->twin = twin;
    char *key = twin_key(entry);
    map_put(&entry->dir->manager->entries, key, strlen(key), entry);
    mem_free(key);
}

static void twin_drop(struct log_entry *entry)
{
    char *key = twin_key(entry);
    map_del(&entry->dir->manager->entries, key, strlen(key));
    mem_free(key);
}

void twin_add(struct log_dir *dir, const char *name)
{
    struct log_entry *first = map_get(&dir->manager->entries, name, strlen(name));
    struct log_entry *twin = log_manager_add_entry(dir->manager, dir, name);
    twin->exists = true;
    twin_map(twin, true);
    twin_map(first, false);
    first->doubled = true;
}

struct log_entry *twin_find(const struct log_dir *dir, const char *name)
{
    struct log_entry *entry = map_get(&dir->manager->entries, name, strlen(name));
    return entry && entry->dir == dir ? entry : twin_get(dir, name);
}

void twin_unmap(struct log_entry *entry)
{
    int at = 0;
    twin_drop(entry);
    struct log_entry *heir = entry->twin ? NULL : twin_next(entry, &at);
    if (!heir)
        return;
    twin_drop(heir);
    twin_map(heir, false);
    heir->doubled = twin_next(entry, &at) != NULL;
}

/* What can't be told counts as yes. */
static bool twin_may_be(const struct log_entry *entry, const struct uuid *topic_id)
{
    struct uuid found;
    char *path = mem_printf("%s/%s", entry->dir->path, entry->name);
    int rc = log_open_read_topic_id(entry->dir->manager->env, path, &found);
    mem_free(path);
    return rc < 0 || uuid_is_zero(&found) || uuid_is_zero(topic_id) || uuid_equal(&found, topic_id);
}

struct log_entry *twin_settle(struct log_entry *entry, const struct uuid *topic_id)
{
    struct log_entry *right = entry, *twin;
    int at = 0;
    if (!entry->doubled)
        return entry;
    bool found = twin_may_be(entry, topic_id);
    while ((twin = twin_next(entry, &at))) {
        if (!twin_may_be(twin, topic_id))
            continue;
        if (found)
            return entry;
        found = true;
        right = twin;
    }
    entry->doubled = false;
    if (right != entry) {
        twin_drop(right);
        twin_map(right, false);
        twin_map(entry, true);
    }
    return right;
}

void twin_tell(const struct log_entry *entry, struct buf *note)
{
    const struct log_entry *twin;
    int at = 0;
    buf_printf(note, "the partition %s is in more than one log directory, as %s/%s", entry->name,
               entry->dir->path, entry->name);
    while ((twin = twin_next(entry, &at)))
        buf_printf(note, " and %s/%s", twin->dir->path, twin->name);
    buf_printf(note,
               ", and which one is right is not known: if no other broker leads it, stop this "
               "one, move the wrong folder away and start it again");
}

static int twin_move(struct log_entry *entry)
{
    struct log_dir *dir = entry->dir;
    if (dir->failed)
        return ERR_KAFKA_STORAGE_ERROR;
    int rc = stray_move(entry, "the partition is in more than one log directory");
    if (rc < 0 && rc != ERR_NOT_FOUND) {
        log_dir_fail(dir, rc, "set aside folders of", dir->path);
        return ERR_KAFKA_STORAGE_ERROR;
    }
    for (int which = 0; which < LOG_CHECKPOINTS; which++)
        dir->checkpoint_dirty[which] = true;
    return 0;
}

int twin_set_aside(struct log_entry *entry)
{
    struct log_entry *twin;
    int at = 0, rc = entry->dir->failed ? ERR_KAFKA_STORAGE_ERROR : 0;
    while (rc == 0 && (twin = twin_next(entry, &at))) {
        rc = twin_move(twin);
        if (rc == 0)
            log_manager_remove_entry(twin);
    }
    if (rc == 0)
        rc = twin_move(entry);
    if (rc == 0)
        entry->doubled = false;
    return rc;
}
