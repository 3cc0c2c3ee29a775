/* Features of the cluster: versions of what its brokers do that are settled for all of them at once
 * (KIP-584, KIP-1022). An operator raises a level when every node has a build that supports it, and
 * from that moment of the metadata on all act by it. A level that was never set is the feature's
 * initial one, so that a new cluster needs no record of it. Level 0 means that it is off. */
#ifndef META_FEATURES_H
#define META_FEATURES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "meta/image.h"

/* Rises with each build that supports a level more, or knows records that older ones refuse;
 * brokers say it when they register. Builds of before transaction.version 2 say none, which is 0,
 * and support the initial levels. */
enum {
    FEATURES_STEP_LEVELS = 1,         /* the levels of before the next steps */
    FEATURES_STEP_QUOTAS = 2,         /* records of client quotas */
    FEATURES_STEP_CLIENT_METRICS = 3, /* of subscriptions of client metrics */
    FEATURES_STEP_ELIGIBLE = 4,       /* eligible replicas in the records of partitions */
    FEATURES_STEP_GROUPS = 5,         /* settings of groups */
    FEATURES_STEP = FEATURES_STEP_GROUPS
};

/* X(constant, name, lowest and highest level that this build supports, initial level, level of new
 * clusters, the first step that supports the highest level). */
#define FEATURES_LIST(X)                                                                           \
    /* 1: replicas outside an in-sync set that is too small may lead cleanly (KIP-966) */          \
    X(ELIGIBLE_LEADER_REPLICAS_VERSION, "eligible.leader.replicas.version", 0, 1, 0, 0,            \
      FEATURES_STEP_ELIGIBLE)                                                                      \
    /* 1: groups of the consumer protocol (KIP-848) */                                             \
    X(GROUP_VERSION, "group.version", 0, 1, 1, 1, FEATURES_STEP_LEVELS)                            \
    /* 1: records of __transaction_state may have fields that older builds don't know; 2: who \
     * produces adds partitions by it, and gets a new epoch at each end (KIP-890) */    \
    X(TRANSACTION_VERSION, "transaction.version", 0, 2, 1, 2, FEATURES_STEP_LEVELS)

#define FEATURES_ENUM_ROW(constant, ...) FEATURE_##constant,
enum feature_id { FEATURES_LIST(FEATURES_ENUM_ROW) FEATURES_COUNT };
#undef FEATURES_ENUM_ROW

struct feature {
    const char *name;
    int16_t min, max;
    int16_t initial, founding;
    uint32_t step; /* from which on builds support `max` */
};

/* The highest level of the feature that builds of that step support. */
int16_t features_max(const struct feature *feature, uint32_t step);

/* By enum feature_id, which is the order of their names. */
extern const struct feature features[FEATURES_COUNT];

/* Levels that somebody wants a new cluster to begin with; FEATURES_UNSAID: the one of the table. */
enum { FEATURES_UNSAID = -1 };
struct features_levels {
    int16_t of[FEATURES_COUNT];
};
void features_levels_init(struct features_levels *levels);
bool features_levels_said(const struct features_levels *levels);
/* "group.version=1,transaction.version=2" of those that are said, appended; and back: ERR_INVALID
 * for a feature or a level that this build does not have. */
void features_levels_print(const struct features_levels *levels, struct buf *out);
int features_levels_read(struct features_levels *levels, const char *text) MUST_CHECK;

/* NULL when this build knows no such feature. */
const struct feature *features_find(const char *name);
/* The level that counts now, by what the image says. It may be one that only newer builds
 * support. */
int16_t features_level(const struct image *image, const struct feature *feature);
int16_t features_level_of(const struct image *image, enum feature_id id);

#endif
