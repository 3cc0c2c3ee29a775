/* The table of features, and what the image says of them. */
#include "meta/features.h"

#include <string.h>

#define FEATURES_ROW(constant, name, min, max, initial, founding, step)                            \
    {name, min, max, initial, founding, step},
const struct feature features[FEATURES_COUNT] = {FEATURES_LIST(FEATURES_ROW)};
#undef FEATURES_ROW

const struct feature *features_find(const char *name)
{
    for (size_t i = 0; i < FEATURES_COUNT; i++)
        if (strcmp(features[i].name, name) == 0)
            return &features[i];
    return NULL;
}

int16_t features_max(const struct feature *feature, uint32_t step)
{
    ASSERT(feature->initial <= feature->max);
    return step >= feature->step ? feature->max : feature->initial;
}

int16_t features_level(const struct image *image, const struct feature *feature)
{
    ASSERT(feature->min <= feature->initial);
    ASSERT(feature->initial <= feature->max);
    ASSERT(feature->founding <= feature->max);
    int16_t level = image_feature(image, feature->name);
    return level == IMAGE_FEATURE_UNSET ? feature->initial : level;
}

int16_t features_level_of(const struct image *image, enum feature_id id)
{
    return features_level(image, &features[id]);
}
