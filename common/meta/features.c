/* The table of features, and what the image says of them. */
#include "meta/features.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

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

/* ---- levels of a new cluster ---- */

void features_levels_init(struct features_levels *levels)
{
    for (size_t i = 0; i < FEATURES_COUNT; i++)
        levels->of[i] = FEATURES_UNSAID;
}

bool features_levels_said(const struct features_levels *levels)
{
    for (size_t i = 0; i < FEATURES_COUNT; i++)
        if (levels->of[i] != FEATURES_UNSAID)
            return true;
    return false;
}

void features_levels_print(const struct features_levels *levels, struct buf *out)
{
    const char *comma = "";
    for (size_t i = 0; i < FEATURES_COUNT; i++) {
        if (levels->of[i] == FEATURES_UNSAID)
            continue;
        ASSERT(levels->of[i] >= features[i].min && levels->of[i] <= features[i].max);
        buf_printf(out, "%s%s=%d", comma, features[i].name, levels->of[i]);
        comma = ",";
    }
}

/* "NAME=LEVEL" at the beginning of the text; how long it is, or 0. */
static size_t features_levels_read_one(struct features_levels *levels, const char *text)
{
    for (size_t i = 0; i < FEATURES_COUNT; i++) {
        size_t len = strlen(features[i].name);
        char *end;
        if (strncmp(text, features[i].name, len) != 0 || text[len] != '=')
            continue;
        long level = strtol(text + len + 1, &end, 10);
        if (end == text + len + 1 || level < features[i].min || level > features[i].max)
            return 0;
        levels->of[i] = (int16_t)level;
        return (size_t)(end - text);
    }
    return 0;
}

int features_levels_read(struct features_levels *levels, const char *text)
{
    features_levels_init(levels);
    for (;;) {
        size_t len = features_levels_read_one(levels, text);
        text += len;
        if (len == 0 || (*text != '\0' && *text != ','))
            return ERR_INVALID;
        if (*text == '\0')
            return 0;
        text++;
    }
}
