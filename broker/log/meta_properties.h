/* meta.properties of a log directory: whose it is. */
#ifndef BROKER_LOG_META_PROPERTIES_H
#define BROKER_LOG_META_PROPERTIES_H

#include "base/buf.h"
#include "base/uuid.h"
#include "env/env.h"

struct meta_properties {
    int32_t node_id;
    char *cluster_id; /* owned; NULL = not known */
    struct uuid directory_id;
    bool dirty; /* the file lacks something or does not exist */
};

void meta_properties_close(struct meta_properties *meta);
/* Reads <dir>/meta.properties (versions 0 and 1; node.id or broker.id) and compares it with this
 * broker; what is missing is filled in (a new directory id, our mark) and `dirty` set. `cluster_id`
 * may be NULL. Errors, with a sentence in `problem`: ERR_INVALID (unreadable, or of another
 * broker), ERR_INCONSISTENT_CLUSTER_ID, ERR_IO and the like. */
int meta_properties_load(struct env *env, const char *dir, int32_t node_id, const char *cluster_id,
                         struct meta_properties *meta, struct buf *problem) MUST_CHECK;
/* ERR_INVALID with a sentence in `problem` when the directory is one of Apache Kafka: a
 * meta.properties that this software did not write, or Kafka's own metadata beside none of ours. */
int meta_properties_check_owner(struct env *env, const char *dir, struct buf *problem) MUST_CHECK;
int meta_properties_store(struct env *env, const char *dir,
                          const struct meta_properties *meta) MUST_CHECK;

#endif
