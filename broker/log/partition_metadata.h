/* What the directory of a partition says of itself: of which topic it is, which of the directories
 * that were made for it (checkpoints.h), and whose place it took. All functions block. */
#ifndef BROKER_LOG_PARTITION_METADATA_H
#define BROKER_LOG_PARTITION_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/uuid.h"
#include "env/env.h"

/* Places that an earlier one of a replica's folders took; older ones are forgotten. */
enum { PARTITION_METADATA_BEFORE_MAX = 8 };

struct partition_metadata_place {
    struct uuid incarnation;
    struct uuid dir; /* the directory.id of its log directory */
};

struct partition_metadata {
    struct uuid topic_id;
    struct uuid incarnation; /* zero: an older version made it */
    /* A replica that moved here took the place of that incarnation, in the log directory with that
     * directory.id (future.h); zero: it took nobody's. */
    struct uuid replaces;
    struct uuid replaces_dir;
    /* And of those whose place that one had taken, the newest first: the folder of one may still be
     * there, in a directory that failed when it was to go and works again. */
    struct partition_metadata_place before[PARTITION_METADATA_BEFORE_MAX];
    size_t before_count;
};

/* ERR_NOT_FOUND, ERR_MALFORMED, or an error of the disk. */
int partition_metadata_read(struct env *env, const char *path,
                            struct partition_metadata *found) MUST_CHECK;
int partition_metadata_topic_id(struct env *env, const char *path,
                                struct uuid *topic_id) MUST_CHECK;
/* A replica moves from the folder of `from` into the log directory `dir`: `heir`, which names
 * `from` as what it replaces, takes all the places that `from` took. */
void partition_metadata_inherit(struct partition_metadata *heir,
                                const struct partition_metadata *from, const struct uuid *dir);
/* Whether the folder took the place of that incarnation in that directory. */
bool partition_metadata_took(const struct partition_metadata *heir, const struct uuid *incarnation,
                             const struct uuid *dir);
/* Does nothing for a topic without an id. */
int partition_metadata_write(struct env *env, const char *dir,
                             const struct partition_metadata *metadata) MUST_CHECK;

#endif
