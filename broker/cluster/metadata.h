/* What this broker knows of the cluster: the image, fed by the metadata stream of the active
 * controller, and the parts of the broker that want to hear of changes.
 *
 * Entries are applied in the order of their index; one that is not newer than what is applied is
 * dropped, so an older controller can't overwrite what a newer one said. */
#ifndef BROKER_CLUSTER_METADATA_H
#define BROKER_CLUSTER_METADATA_H

#include <stdint.h>

#include "base/list.h"
#include "base/logger.h"
#include "common/meta/channel.pb-c.h"
#include "env/env.h"
#include "meta/image.h"

struct metadata;

/* Embedded by who listens. Members may be NULL. Called after the image has changed, once for each
 * record, in order; `topic` and names are borrowed. */
struct metadata_listener {
    struct list link;
    void (*partition_changed)(void *data, const struct image_topic *topic, int32_t partition);
    void (*topic_removed)(void *data,
                          const struct uuid *topic_id); /* already gone from the image */
    void (*broker_changed)(void *data, int32_t id);
    void (*config_changed)(void *data, Meta__ConfigRecord__Resource resource, const char *name,
                           const char *key);
    void (*quotas_changed)(void *data);
    /* A snapshot has replaced everything: compare all of it. */
    void (*replaced)(void *data);
    /* After each frame of changes, when all of the above were called. */
    void (*settled)(void *data);
    void *data;
};

/* Embedded by who waits until an index is applied. */
struct metadata_wait {
    struct list link;
    struct env_timer timer;
    int64_t index;
    bool applied;                                      /* it was, when the wait began */
    void (*done)(struct metadata_wait *wait, int err); /* 0, ERR_TIMED_OUT, or
                                                        * ERR_BROKER_NOT_AVAILABLE at the end */
};

struct metadata *metadata_new(struct env *env, struct logger *logger);
void metadata_free(struct metadata *metadata);
/* All who wait are told ERR_BROKER_NOT_AVAILABLE; nobody may begin to wait any more. */
void metadata_end_waits(struct metadata *metadata);
void metadata_listen(struct metadata *metadata, struct metadata_listener *listener);

const struct image *metadata_image(const struct metadata *metadata);
/* Index of the newest entry applied; 0 before the first. */
int64_t metadata_index(const struct metadata *metadata);
/* The term in which it was written. */
int64_t metadata_term(const struct metadata *metadata);

/* Applies what the stream brought. ERR_MALFORMED for records that break a rule or a gap in the
 * indexes: the connection is then dropped and followed anew. */
int metadata_apply_entries(struct metadata *metadata, const Meta__Entries *entries) MUST_CHECK;
int metadata_apply_snapshot(struct metadata *metadata, const Meta__Snapshot *snapshot) MUST_CHECK;

/* Calls wait->done once `index` is applied or the time is over; never before it returns. */
void metadata_wait(struct metadata *metadata, struct metadata_wait *wait, int64_t index,
                   int64_t timeout_ms, void (*done)(struct metadata_wait *wait, int err));

#endif
