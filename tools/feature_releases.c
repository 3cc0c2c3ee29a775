/* Levels of features by the releases of Kafka.
 *
 * A release has several steps on the way to it ("4.0-IV2"), and its own name ("4.0") means the last
 * of them. Failure modes: a release that is not known, a feature or a level that this build does
 * not have. */
#include "tools/feature_releases.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* In the order of time. */
struct feature_release {
    const char *name;
};

static const struct feature_release releases[] = {
    {"3.3-IV3"}, {"3.4-IV0"}, {"3.5-IV0"}, {"3.5-IV1"}, {"3.5-IV2"}, {"3.6-IV0"}, {"3.6-IV1"},
    {"3.6-IV2"}, {"3.7-IV0"}, {"3.7-IV1"}, {"3.7-IV2"}, {"3.7-IV3"}, {"3.7-IV4"}, {"3.8-IV0"},
    {"3.9-IV0"}, {"4.0-IV0"}, {"4.0-IV1"}, {"4.0-IV2"}, {"4.0-IV3"}, {"4.1-IV0"}, {"4.1-IV1"},
    {"4.2-IV0"}, {"4.2-IV1"}, {"4.3-IV0"}, {"4.4-IV0"}, {"4.4-IV1"}, {"4.4-IV2"},
};

/* From which release on a cluster that is made with it has the level. */
static const struct {
    const char *feature;
    int16_t level;
    const char *release;
} releases_levels[] = {
    {"group.version", 1, "4.0-IV0"},
    {"transaction.version", 1, "4.0-IV2"},
    {"transaction.version", 2, "4.0-IV2"},
    {"eligible.leader.replicas.version", 1, "4.1-IV0"},
};

/* The last whose name is the text, or begins with it and "-IV". */
static const struct feature_release *releases_search(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = ARRAY_LEN(releases); i > 0; i--) {
        const char *name = releases[i - 1].name;
        if (strncmp(name, text, len) == 0 && (name[len] == '\0' || name[len] == '-'))
            return &releases[i - 1];
    }
    return NULL;
}

const struct feature_release *feature_releases_find(const struct tool_run *run, const char *text)
{
    const struct feature_release *last = &releases[ARRAY_LEN(releases) - 1];
    const struct feature_release *release = text ? releases_search(text) : last;
    if (!release)
        tool_fail(run, "Unknown release version '%s'. Supported versions are: %s to %s", text,
                  releases[0].name, last->name);
    return release;
}

int16_t feature_releases_level(const struct feature_release *release, const struct feature *feature)
{
    int16_t level = 0;
    for (size_t i = 0; i < ARRAY_LEN(releases_levels); i++) {
        const struct feature_release *since = releases_search(releases_levels[i].release);
        ASSERT(since); /* the second table names rows of the first */
        if (strcmp(releases_levels[i].feature, feature->name) == 0 && since <= release &&
            releases_levels[i].level > level && releases_levels[i].level <= feature->max)
            level = releases_levels[i].level;
    }
    return level > feature->min ? level : feature->min;
}

int feature_releases_print_mapping(const struct tool_run *run)
{
    static const struct report_column columns[] = {
        {.name = "feature"}, {.name = "level"}, REPORT_END};
    static const struct report_column one[] = {{.name = "releaseVersion"}, REPORT_END};
    const struct feature_release *release =
        feature_releases_find(run, options_get(run->options, "release-version"));
    if (!release)
        return 1;
    struct report *version = report_new(NULL), *levels = report_new("features");
    const struct report *both[] = {version, levels};
    enum report_format format = report_format(run);
    report_columns(version, one);
    report_columns(levels, columns);
    report_lines(levels, "{feature}={level}");
    report_text(version, release->name);
    for (size_t i = 0; i < FEATURES_COUNT; i++) {
        report_text(levels, features[i].name);
        report_number(levels, feature_releases_level(release, &features[i]));
    }
    if (format == REPORT_KAFKA)
        report_print(levels, format, stdout);
    else
        report_print_all(both, ARRAY_LEN(both), format, stdout);
    report_free(version);
    report_free(levels);
    return 0;
}

/* ---- dependencies ---- */

/* "NAME=LEVEL" of a feature and level that there are. */
static int releases_read(const struct tool_run *run, const char *text, struct report *report)
{
    const char *sign = strchr(text, '=');
    char *end = NULL;
    long level = sign ? strtol(sign + 1, &end, 10) : -1;
    if (!sign || end == sign + 1 || *end)
        return tool_misuse(run, "Can't parse feature=level string %s: write NAME=LEVEL", text);
    char *name = mem_strndup(text, (size_t)(sign - text));
    const struct feature *feature = features_find(name);
    int status = 0;
    if (!feature)
        status = tool_fail(run, "Unknown feature: %s", name);
    else if (level < feature->min || level > feature->max)
        status = tool_fail(run, "Feature level %ld is not supported for feature %s", level, name);
    if (status == 0) {
        report_text(report, name);
        report_number(report, level);
        report_value(report, json_array()); /* no feature here rests on another */
    }
    mem_free(name);
    return status;
}

int feature_releases_print_dependencies(const struct tool_run *run)
{
    static const struct report_column columns[] = {
        {.name = "feature"}, {.name = "level"}, {.name = "dependencies"}, REPORT_END};
    const char *text;
    size_t cursor = 0;
    int status = 0;
    if (!options_has(run->options, "feature"))
        return tool_misuse(run, "feature-dependencies needs --feature NAME=LEVEL");
    struct report *report = report_new("features");
    report_columns(report, columns);
    report_lines(report, "{feature}={level} has no dependencies.");
    while (status == 0 && (text = options_next(run->options, "feature", &cursor)))
        status = releases_read(run, text, report);
    if (status == 0)
        report_print(report, report_format(run), stdout);
    report_free(report);
    return status;
}
