/* The levels of features in Kafka's releases. */
#include "../tap.h"

#include "tools/feature_releases.h"

static int16_t level(const char *release, const struct feature *feature)
{
    struct tool_run run = {.called = "test"};
    const struct feature_release *found = feature_releases_find(&run, release);
    CHECK(found != NULL);
    return feature_releases_level(found, feature);
}

static void the_newest_release_has_the_highest_level_of_each(void)
{
    for (size_t i = 0; i < FEATURES_COUNT; i++) {
        CHECK_INT(level(NULL, &features[i]), features[i].max);
        CHECK_INT(level("3.3", &features[i]), features[i].min);
    }
}

static void levels_never_fall(void)
{
    static const char *const names[] = {"3.3-IV3", "3.9",     "4.0-IV0", "4.0-IV1",
                                        "4.0-IV2", "4.0-IV3", "4.1",     "4.4"};
    for (size_t i = 0; i < FEATURES_COUNT; i++)
        for (size_t r = 1; r < ARRAY_LEN(names); r++)
            CHECK(level(names[r - 1], &features[i]) <= level(names[r], &features[i]));
}

static void names_of_releases(void)
{
    struct tool_run run = {.called = "test"};
    CHECK(feature_releases_find(&run, "4.0") == feature_releases_find(&run, "4.0-IV3"));
    CHECK(feature_releases_find(&run, "4.0") != feature_releases_find(&run, "4.0-IV2"));
    CHECK(!feature_releases_find(&run, "4"));
    CHECK(!feature_releases_find(&run, "4.0-"));
    CHECK(!feature_releases_find(&run, "4.0-IV"));
    CHECK(!feature_releases_find(&run, ""));
    CHECK(!feature_releases_find(&run, "nonsense"));
}

TAP_MAIN(TAP_TEST(the_newest_release_has_the_highest_level_of_each), TAP_TEST(levels_never_fall),
         TAP_TEST(names_of_releases))
