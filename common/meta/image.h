/* The image: the metadata of the cluster as it stands after a number of records. Controllers and
 * brokers both keep one and apply the same records to it (it lives in common because neither may
 * include the other). Pure memory: no env, no clock, nothing random, so applying is deterministic.
 *
 * Pointers handed out are borrowed until a record of the same object is applied: a broker's until
 * its next BrokerRecord, a topic's until its removal, the settings' of a resource until its next
 * ConfigRecord. A partition's stay until a record of that partition, or one that adds a partition
 * to the topic. */
#ifndef META_IMAGE_H
#define META_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/map.h"
#include "base/uuid.h"
#include "common/meta/records.pb-c.h"

enum { IMAGE_NO_NODE = -1 };
/* The newest leader epoch of a log that the metadata takes over: each change of the leader after
 * that counts on from it. */
enum { IMAGE_LEADER_EPOCH_TAKEN_MAX = INT32_MAX - (1 << 24) };

struct image_endpoint {
    char *listener;
    char *host;
    uint16_t port;
    int security;
};

struct image_broker {
    int32_t id;
    int64_t epoch;
    struct uuid incarnation;
    struct image_endpoint *endpoints;
    size_t endpoint_count;
    char *rack; /* NULL = none */
    bool fenced;
    bool stopping;
    struct uuid *log_dirs;
    int64_t *log_dir_epochs; /* the newest ones under which they served; 0 = not known */
    size_t log_dir_count;
    int64_t served_epoch;   /* the newest one under which it was unfenced; 0 = not known */
    bool keeps_epochs;      /* in its log directories */
    bool crashed;           /* before it registered, as far as it is known; not unfenced since */
    bool cordoned;          /* all of its log directories are: it gets no new replicas */
    uint32_t features_step; /* which levels of features it supports: meta/features.h */
};

struct image_ids {
    int32_t *ids;
    int32_t count;
};

struct image_partition {
    int32_t index;
    int32_t leader; /* IMAGE_NO_NODE */
    int32_t leader_epoch;
    int32_t partition_epoch;
    struct image_ids replicas;
    struct image_ids isr;
    struct image_ids adding;
    struct image_ids removing;
    struct image_ids offline; /* replicas that can't serve, as their brokers say */
    struct image_ids full;    /* replicas whose disk is nearly full, likewise */
    bool emptied;             /* the last member of the set may have lost its records: no leader */
    int64_t emptied_epoch;    /* under which it had them all; 0 = not known */
    struct image_ids elr;     /* replicas outside the set that have all that is committed */
    struct image_ids last_known_elr; /* that were such ones, or members, and may lack records */
};

struct image_config {
    char *key;
    char *value;
};

struct image_topic {
    struct uuid id;
    char *name;
    struct image_partition *partitions; /* by index, without gaps */
    int32_t partition_count;
};

struct image;

struct image *image_new(void);
void image_free(struct image *image);
/* Forgets everything, as before the first record. */
void image_clear(struct image *image);

/* What always holds; looks at everything in it, so it is for where all of it is made, and tests. */
void image_check(const struct image *image);

/* Applies one record. ERR_MALFORMED when it breaks a rule (unknown topic id, id of wrong size, no
 * fact, a partition that is neither there nor the next one); the image is unchanged then. */
int image_apply(struct image *image, const Meta__Record *record) MUST_CHECK;
enum { IMAGE_PARTITIONS_MAX = 1000000 }; /* of one topic */

enum { IMAGE_FEATURES_MAX = 64, IMAGE_FEATURE_UNSET = -1 };
/* The level of a feature as it was set last; IMAGE_FEATURE_UNSET. What counts: meta/features.h. */
int16_t image_feature(const struct image *image, const char *name);

const char *image_cluster_id(const struct image *image); /* "" before the first ClusterRecord */
int64_t image_next_producer_id(const struct image *image);

const struct image_broker *image_broker(const struct image *image, int32_t id);
const struct image_topic *image_topic_by_name(const struct image *image, const char *name,
                                              size_t len);
const struct image_topic *image_topic_by_id(const struct image *image, const struct uuid *id);
/* NULL when there is no such partition. */
const struct image_partition *image_partition(const struct image_topic *topic, int32_t index);
size_t image_topic_count(const struct image *image);

/* Walks: start with *cursor = 0, NULL at the end. Brokers come by rising id, topics by name.
 * Records that add or remove neither topics nor brokers may be applied during a walk. */
const struct image_broker *image_next_broker(const struct image *image, size_t *cursor);
const struct image_topic *image_next_topic(const struct image *image, size_t *cursor);

/* Dynamic settings of a topic ("name"), a broker ("0", or "" for all brokers) or a subscription of
 * client metrics; NULL when not set. */
const char *image_config(const struct image *image, Meta__ConfigRecord__Resource resource,
                         const char *name, const char *key);
/* All settings of one resource, sorted by key; *count may be 0. */
const struct image_config *image_configs(const struct image *image,
                                         Meta__ConfigRecord__Resource resource, const char *name,
                                         size_t *count);

/* Walk over the resources of that kind that have settings, in no order that means anything: names,
 * from *cursor = 0; NULL at the end. No ConfigRecord may be applied meanwhile. */
const char *image_next_config_resource(const struct image *image,
                                       Meta__ConfigRecord__Resource resource, size_t *cursor);
/* How many these are; no walk. */
size_t image_config_resources(const struct image *image, Meta__ConfigRecord__Resource resource);

bool image_ids_have(const struct image_ids *ids, int32_t id);
/* The same of a list in a record. */
bool image_has_id(const int32_t *ids, size_t count, int32_t id);

/* Applies the records of an entry, or of a snapshot, in order; stops at the first that is
 * refused. */
int image_apply_entry(struct image *image, const Meta__Entry *entry) MUST_CHECK;

/* The whole image as records, in an order in which they can be applied: fn is called for each; the
 * record is borrowed. This is the content of a snapshot, and equal images give equal bytes. */
int image_each_record(const struct image *image, int (*fn)(void *data, const Meta__Record *record),
                      void *data) MUST_CHECK;

/* The same as bytes: a packed Entry whose records are the image. ERR_NO_MEMORY. */
int image_pack(const struct image *image, struct buf *out) MUST_CHECK;

#endif
