/* The levels of features that were set: a handful of them, by name. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "meta/image_private.h"

static size_t image_feature_position(const struct image *image, const char *name)
{
    size_t at = 0;
    while (at < image->feature_count && strcmp(image->features[at].name, name) < 0)
        at++;
    return at;
}

static bool image_feature_is(const struct image *image, size_t at, const char *name)
{
    return at < image->feature_count && strcmp(image->features[at].name, name) == 0;
}

int16_t image_feature(const struct image *image, const char *name)
{
    size_t at = image_feature_position(image, name);
    return image_feature_is(image, at, name) ? image->features[at].level : IMAGE_FEATURE_UNSET;
}

int image_apply_feature(struct image *image, const Meta__FeatureRecord *record)
{
    if (record->name[0] == 0 || record->level < 0 || record->level > INT16_MAX)
        return ERR_MALFORMED;
    size_t at = image_feature_position(image, record->name);
    if (!image_feature_is(image, at, record->name)) {
        if (image->feature_count == IMAGE_FEATURES_MAX)
            return ERR_MALFORMED;
        image->features =
            mem_realloc(image->features, (image->feature_count + 1) * sizeof(*image->features));
        memmove(&image->features[at + 1], &image->features[at],
                (image->feature_count - at) * sizeof(*image->features));
        image->features[at].name = mem_strdup(record->name);
        image->feature_count++;
    }
    image->features[at].level = (int16_t)record->level;
    ASSERT(image->feature_count <= IMAGE_FEATURES_MAX);
    return 0;
}

void image_close_features(struct image *image)
{
    for (size_t i = 0; i < image->feature_count; i++)
        mem_free(image->features[i].name);
    mem_free(image->features);
}
