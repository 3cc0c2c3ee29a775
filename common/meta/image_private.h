/* What the files of the image share; nobody else includes it. */
#ifndef META_IMAGE_PRIVATE_H
#define META_IMAGE_PRIVATE_H

#include "meta/image.h"
#include "meta/quota.h"

struct image_topic_slot {
    struct image_topic topic;
    int32_t partition_cap; /* room in topic.partitions */
};

/* The settings of one resource, sorted by key; exists while it has any. */
struct image_settings {
    Meta__ConfigRecord__Resource resource;
    char *name;
    struct image_config *entries;
    size_t count;
};

struct image_feature {
    char *name;
    int16_t level;
};

struct image {
    char *cluster_id;
    int64_t next_producer_id;
    struct image_broker **brokers; /* by id */
    size_t broker_count;
    struct image_topic_slot **topics; /* by name */
    size_t topic_count;
    size_t topic_cap;
    struct map topics_by_name;
    struct map topics_by_id;
    struct image_feature *features; /* by name; those that were set */
    size_t feature_count;
    struct image_quota **quotas; /* by whom they are for */
    size_t quota_count;
    size_t quota_cap;
    size_t quota_keys[QUOTA_KEYS]; /* how many have a value of that key */
    struct map settings;           /* resource byte + name -> struct image_settings */
    size_t settings_of[META__CONFIG_RECORD__RESOURCE__GROUP + 1]; /* how many are of a resource */
};

/* image_features.c */
int image_apply_feature(struct image *image, const Meta__FeatureRecord *record) MUST_CHECK;
void image_close_features(struct image *image);

/* image_quotas.c */
int image_apply_quota(struct image *image, const Meta__ClientQuotaRecord *record) MUST_CHECK;
void image_close_quotas(struct image *image);
int image_each_quota(const struct image *image, int (*fn)(void *data, const Meta__Record *record),
                     void *data) MUST_CHECK;

#endif
