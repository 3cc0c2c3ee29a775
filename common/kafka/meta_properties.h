/* meta.properties of a log directory: whose it is. */
#ifndef KAFKA_META_PROPERTIES_H
#define KAFKA_META_PROPERTIES_H

#include "base/buf.h"
#include "base/uuid.h"
#include "config/config.h"
#include "env/env.h"
#include "meta/features.h"

struct meta_properties {
    int32_t node_id;
    char *cluster_id; /* owned; NULL = not known */
    bool has_cluster; /* the file says it */
    struct uuid directory_id;
    bool formatted; /* by kafka-storage, and no node has started with it yet */
    /* What kafka-storage was told of a new cluster; only where `formatted`. */
    struct features_levels levels;
    bool dirty; /* the file lacks something or does not exist */
};

void meta_properties_close(struct meta_properties *meta);
/* A random id whose text does not begin with a dash, which tools would take for an option. */
struct uuid meta_properties_new_id(struct env *env);
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

/* What kafka-storage says of a node's directories (log.dirs, metadata.log.dir), taken together.
 *
 * A cluster id in them means that the node has lived, so that an empty controller's directory is a
 * lost one. Formatting gives them the id before the node lives: hence a mark, which counts only
 * where no directory has lived without it, and which the first start takes away. */
struct meta_formatted {
    char *cluster_id;              /* owned; NULL = none of them has one */
    bool fresh;                    /* formatted, and not started since */
    struct features_levels levels; /* of the first that says some */
};

/* Reads them all. Errors as meta_properties_load; directories of two clusters are one, too. */
int meta_formatted_look(struct env *env, const struct config *config,
                        struct meta_formatted *formatted, struct buf *problem) MUST_CHECK;
/* Takes the mark off them all. */
int meta_formatted_clear(struct env *env, const struct config *config,
                         struct buf *problem) MUST_CHECK;
void meta_formatted_close(struct meta_formatted *formatted);
/* The i-th of the directories, each once; NULL behind the last. */
const char *meta_formatted_dir(const struct config *config, int i);

#endif
