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
#include "broker/log/log_manager_private.h"
#include "broker/log/partition_metadata.h"
#include "broker/log/stray.h"

/* What can't be told counts as yes. */
static bool twin_may_be(const struct log_entry *entry, const struct uuid *topic_id)
{
    struct uuid found;
    char *path = mem_printf("%s/%s", entry->dir->path, entry->name);
    int rc = partition_metadata_topic_id(entry->dir->manager->env, path, &found);
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
    while ((twin = log_entry_next_copy(entry, &at))) {
        if (!twin_may_be(twin, topic_id))
            continue;
        if (found)
            return entry;
        found = true;
        right = twin;
    }
    entry->doubled = false;
    if (right != entry) {
        log_entry_drop(right);
        log_entry_map(right, false);
        log_entry_map(entry, true);
    }
    return right;
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
        entry->doubled = false;
    return rc;
}
