/* Partitions with a folder in more than one log directory.
 *
 * Happy path: there is none. Else the copies are told apart by their topic ids, where these differ.
 * A replica
 * that moved to another log directory says so itself. Failure modes: two folders of one topic id
 * otherwise. The older one may be far behind, and a leader
 * that has it cuts the records of all others. Nothing here tells surely which one that is (times of
 * files change with a copy), so none is opened. The partition is offline here, and fetched anew
 * once another broker leads it. */
#include "broker/log/twin.h"

#include <string.h>

#include "base/mem.h"
#include "broker/log/log_manager_private.h"
#include "broker/log/partition_metadata.h"
#include "broker/log/stray.h"

enum { TWIN_MAX = 64 /* log directories: CONFIG_LOG_DIRS_MAX */ };

struct twin_copy {
    struct log_entry *entry;
    struct partition_metadata is;
    bool known;    /* the file could be read */
    bool replaced; /* another copy says that it took its place */
};

/* What can't be told counts as yes. */
static bool twin_may_be(const struct twin_copy *copy, const struct uuid *topic_id)
{
    const struct uuid *found = &copy->is.topic_id;
    return !copy->known || uuid_is_zero(found) || uuid_is_zero(topic_id) ||
           uuid_equal(found, topic_id);
}

static void twin_look(struct twin_copy *copy, struct log_entry *entry)
{
    char *path = mem_printf("%s/%s", entry->dir->path, entry->name);
    *copy = (struct twin_copy){.entry = entry};
    copy->known = partition_metadata_read(entry->dir->manager->env, path, &copy->is) == 0;
    mem_free(path);
}

/* The copies that may be of the topic, and how many they are. */
static size_t twin_collect(struct log_entry *entry, const struct uuid *topic_id,
                           struct twin_copy copies[TWIN_MAX])
{
    int at = 0;
    size_t count = 0;
    for (struct log_entry *next = entry; next && count < TWIN_MAX;
         next = log_entry_next_copy(entry, &at)) {
        twin_look(&copies[count], next);
        count += twin_may_be(&copies[count], topic_id);
    }
    return count;
}

/* A replica that moved names what it took the place of, from before the moment when it did. So a
 * crash in the middle leaves no doubt. How many are left. */
static size_t twin_sort_out(struct twin_copy *copies, size_t count)
{
    size_t left = count;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count && !copies[i].replaced; j++) {
            copies[i].replaced = i != j && copies[i].known && copies[j].known &&
                                 partition_metadata_took(&copies[j].is, &copies[i].is.incarnation,
                                                         &copies[i].entry->dir->id);
            left -= copies[i].replaced;
        }
    return left;
}

static void twin_make_first(struct log_entry *entry, struct log_entry *right)
{
    if (right == entry)
        return;
    log_entry_drop(entry); /* its key is taken by the other one, and the other way round */
    log_entry_drop(right);
    log_entry_map(right, false);
    log_entry_map(entry, true);
}

struct log_entry *twin_settle(struct log_entry *entry, const struct uuid *topic_id)
{
    struct twin_copy copies[TWIN_MAX];
    struct log_entry *right = entry;
    if (!entry->doubled)
        return entry;
    size_t count = twin_collect(entry, topic_id, copies);
    size_t left = count > 1 ? twin_sort_out(copies, count) : count;
    if (left > 1 || (left == 0 && count > 0))
        return entry;
    for (size_t i = 0; i < count; i++) {
        copies[i].entry->replaced = copies[i].replaced;
        if (!copies[i].replaced)
            right = copies[i].entry;
    }
    entry->doubled = false;
    twin_make_first(entry, right);
    right->doubled = false;
    right->replaces_others = count > 1;
    return right;
}

void twin_remove_replaced(struct log_entry *entry)
{
    struct log_manager *manager = entry->dir->manager;
    struct log_entry *twin;
    int at = 0;
    ASSERT(entry->replaces_others);
    entry->replaces_others = false;
    while ((twin = log_entry_next_copy(entry, &at))) {
        struct log_dir *dir = twin->dir;
        if (!twin->replaced || dir->failed)
            continue;
        char *path = mem_printf("%s/%s", dir->path, twin->name);
        char *aside = log_dir_aside(dir, twin->name, "-delete");
        int rc = env_path_rename(manager->env, path, aside);
        if (rc == ERR_NOT_FOUND) { /* a person was faster */
            mem_free(aside);
            log_entry_remove(twin);
        } else if (rc == 0) {
            logger_info(manager->logger,
                        "removing %s: the replica had moved to %s when the broker crashed", path,
                        entry->dir->path);
            log_trash_add(&manager->trash, aside, 0);
            log_entry_remove(twin);
        } else {
            mem_free(aside);
            log_dir_fail(dir, rc, "rename", path);
        }
        mem_free(path);
    }
}

void twin_tell(const struct log_entry *entry, struct buf *note)
{
    const struct log_entry *twin;
    int at = 0;
    buf_printf(note, "the partition %s is in more than one log directory, as %s/%s", entry->name,
               entry->dir->path, entry->name);
    while ((twin = log_entry_next_copy(entry, &at)))
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
    while (rc == 0 && (twin = log_entry_next_copy(entry, &at))) {
        rc = twin_move(twin);
        if (rc == 0)
            log_entry_remove(twin);
    }
    if (rc == 0)
        rc = twin_move(entry);
    if (rc == 0)
        entry->doubled = entry->replaces_others = false;
    return rc;
}
