/* What the directory of a partition says of itself: of which topic it is, and which of the
 * directories that were made for it (checkpoints.h). All functions block. */
#ifndef BROKER_LOG_PARTITION_METADATA_H
#define BROKER_LOG_PARTITION_METADATA_H

#include "base/check.h"
#include "base/uuid.h"
#include "env/env.h"

/* ERR_NOT_FOUND, ERR_MALFORMED, or an error of the disk. A zero incarnation: an older version made
 * it. */
int partition_metadata_read(struct env *env, const char *path, struct uuid *topic_id,
                            struct uuid *incarnation) MUST_CHECK;
int partition_metadata_topic_id(struct env *env, const char *path,
                                struct uuid *topic_id) MUST_CHECK;
/* Does nothing for a topic without an id. */
int partition_metadata_write(struct env *env, const char *dir, const struct uuid *topic_id,
                             const struct uuid *incarnation) MUST_CHECK;

#endif
