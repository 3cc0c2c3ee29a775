/* Records for a broker's metadata, as the active controller would send them: one entry each, at the
 * index after the newest. What the image refuses aborts. */
#ifndef TESTS_LIB_METADATA_FEED_H
#define TESTS_LIB_METADATA_FEED_H

#include "broker/cluster/metadata.h"

/* `body` is the record that belongs to `fact`. */
void feed_record(struct metadata *metadata, Meta__Record__FactCase fact, void *body);
/* With a listener PLAINTEXT at 127.0.0.1 and one log directory. */
void feed_broker(struct metadata *metadata, int32_t id, int64_t epoch, uint16_t port, bool fenced);
/* The first letters of its name are a topic's id. */
struct uuid feed_topic_id(const char *name);
void feed_topic(struct metadata *metadata, const char *name);
void feed_topic_removed(struct metadata *metadata, const char *name);
void feed_partition(struct metadata *metadata, const char *topic,
                    const struct image_partition *partition);
void feed_setting(struct metadata *metadata, Meta__ConfigRecord__Resource resource,
                  const char *name, const char *key, const char *value);
/* Whom it is for: meta/quota.h. A value of 0 takes the quota away. */
void feed_quota(struct metadata *metadata, const char *user, const char *client_id, const char *ip,
                const char *key, double value);
/* A command as the channel to the controllers sends it; for meta__frame__free_unpacked. */
Meta__Frame *feed_copy(Meta__Command *command);

#endif
