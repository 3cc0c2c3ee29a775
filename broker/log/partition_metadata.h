/* What the directory of a partition says of itself: of which topic it is, which of the directories
 * that were made for it (checkpoints.h), and whose place it took. All functions block. */
#ifndef BROKER_LOG_PARTITION_METADATA_H
#define BROKER_LOG_PARTITION_METADATA_H

#include "base/check.h"
#include "base/uuid.h"
#include "env/env.h"

struct partition_metadata {
    struct uuid topic_id;
    struct uuid incarnation; /* zero: an older version made it */
    /* A replica that moved here took the place of that incarnation, in the log directory with that
     * directory.id (future.h); zero: it took nobody's. */
    struct uuid replaces;
    struct uuid replaces_dir;
};

/* ERR_NOT_FOUND, ERR_MALFORMED, or an error of the disk. */
int partition_metadata_read(struct env *env, const char *path,
                            struct partition_metadata *found) MUST_CHECK;
int partition_metadata_topic_id(struct env *env, const char *path,
                                struct uuid *topic_id) MUST_CHECK;
/* Does nothing for a topic without an id. */
int partition_metadata_write(struct env *env, const char *dir,
                             const struct partition_metadata *metadata) MUST_CHECK;

#endif
