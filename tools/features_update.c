/* Changing the levels of features.
 *
 * Happy path: one UpdateFeatures request to the controller, which takes all of them or none; then a
 * line for each. Failure modes: a level that is no number, a feature that is named twice; what the
 * controller refuses, which stands in the line of each feature, as with Kafka's tool. */
#include "tools/features_update.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "kafka/messages/update_features.h"
#include "tools/feature_releases.h"

enum {
    FEATURES_UPGRADE = 1, /* UpgradeType */
    FEATURES_SAFE_DOWNGRADE = 2,
    FEATURES_UNSAFE_DOWNGRADE = 3,
    FEATURES_MAX = 64, /* of one call */
    FEATURES_TIMEOUT_MS = 60000
};

typedef struct update_features_request_feature_update_key features_key;

struct features_update {
    struct tool_run *run;
    const char *command;
    bool disables, dry;
    features_key keys[FEATURES_MAX];
    int32_t count;
};

/* ---- the command line ---- */

static int features_add(struct features_update *update, const char *name, size_t len, int16_t level)
{
    bool unsafe = options_has(update->run->options, "unsafe");
    features_key *key = &update->keys[update->count];
    if (len == 0)
        return tool_misuse(update->run, "--feature needs a name");
    if (update->count == FEATURES_MAX)
        return tool_misuse(update->run, "more than %d features", FEATURES_MAX);
    *key = (features_key){.feature = wire_str_of(name, len), .max_version_level = level};
    key->upgrade_type = strcmp(update->command, "upgrade") == 0 ? FEATURES_UPGRADE
                        : unsafe                                ? FEATURES_UNSAFE_DOWNGRADE
                                                                : FEATURES_SAFE_DOWNGRADE;
    for (int32_t i = 0; i < update->count; i++)
        if (wire_str_equal(update->keys[i].feature, key->feature))
            return tool_misuse(update->run, "Feature %.*s was specified multiple times.",
                               WIRE_STR_ARGS(key->feature));
    update->count++;
    return 0;
}

static int features_read_one(struct features_update *update, const char *text)
{
    const char *sign = strchr(text, '=');
    char *end = NULL;
    long level = sign ? strtol(sign + 1, &end, 10) : -1;
    if (update->disables)
        return sign ? tool_misuse(update->run, "disable takes --feature NAME, without a version")
                    : features_add(update, text, strlen(text), 0);
    if (!sign || end == sign + 1 || *end || level < 0 || level > INT16_MAX)
        return tool_misuse(update->run, "Can't parse feature=level string %s: %s needs a number",
                           text, update->command);
    return features_add(update, text, (size_t)(sign - text), (int16_t)level);
}

/* All features at the levels that they have in the release. */
static int features_read_release(struct features_update *update, const char *text)
{
    const struct feature_release *release = feature_releases_find(update->run, text);
    if (!release)
        return 1;
    if (options_has(update->run->options, "feature"))
        return tool_misuse(update->run,
                           "Can not specify `release-version` with other feature flags.");
    for (size_t i = 0; i < FEATURES_COUNT; i++)
        if (features_add(update, features[i].name, strlen(features[i].name),
                         feature_releases_level(release, &features[i])))
            return 1;
    return 0;
}

static int features_read(struct features_update *update)
{
    const struct options *options = update->run->options;
    const char *release = options_get(options, "release-version"), *text;
    size_t cursor = 0;
    if (options_has(options, "metadata"))
        return tool_fail(update->run, "--metadata: the metadata has one form here, and no version: "
                                      "--release-version sets all features there are");
    if (release)
        return features_read_release(update, release);
    while ((text = options_next(options, "feature", &cursor)))
        if (features_read_one(update, text))
            return 1;
    return update->count ? 0
                         : tool_misuse(update->run, "%s needs --feature %s", update->command,
                                       update->disables ? "NAME" : "NAME=VERSION");
}

/* ---- the request ---- */

static bool features_moved(const void *response)
{
    const struct update_features_response *answer = response;
    return err_from_wire(answer->error_code) == ERR_NOT_CONTROLLER;
}

static int features_compare_keys(const void *a, const void *b)
{
    struct wire_str left = ((const features_key *)a)->feature;
    struct wire_str right = ((const features_key *)b)->feature;
    int32_t len = left.len < right.len ? left.len : right.len;
    int order = memcmp(left.data, right.data, (size_t)len);
    return order ? order : left.len - right.len;
}

static void features_print_key(const struct features_update *update, const features_key *key,
                               const char *error)
{
    char what[64];
    snprintf(what, sizeof(what), " to %d", key->max_version_level);
    if (error)
        printf("%s %s %.*s%s. %s\n", update->dry ? "Can not" : "Could not", update->command,
               WIRE_STR_ARGS(key->feature), update->disables ? "" : what, error);
    else
        printf("%.*s %s %s%s.\n", WIRE_STR_ARGS(key->feature), update->dry ? "can be" : "was",
               update->disables                          ? "disabled"
               : strcmp(update->command, "upgrade") == 0 ? "upgraded"
                                                         : "downgraded",
               update->disables ? "" : what);
}

static int features_print(struct features_update *update,
                          const struct update_features_response *response)
{
    struct buf text;
    buf_init(&text);
    const char *error = response->error_code
                            ? tool_error_text(response->error_code, response->error_message, &text)
                            : NULL;
    qsort(update->keys, (size_t)update->count, sizeof(*update->keys), features_compare_keys);
    for (int32_t i = 0; i < update->count; i++)
        features_print_key(update, &update->keys[i], error);
    buf_close(&text);
    return error ? tool_fail(update->run, "%d out of %d operation(s) failed.", update->count,
                             update->count)
                 : 0;
}

int features_update_run(struct tool_run *run)
{
    const char *command = options_positional(run->options, 0);
    struct features_update update = {.run = run,
                                     .command = command,
                                     .disables = strcmp(command, "disable") == 0,
                                     .dry = options_has(run->options, "dry-run")};
    struct update_features_request request;
    struct client_answer answer = {0};
    if (features_read(&update) || tool_connect(run))
        return 1;
    int version = tool_version(run, KAFKA_API_UPDATE_FEATURES);
    if (version < 0)
        return 1;
    /* What the oldest version says instead of a type. */
    for (int32_t i = 0; version == 0 && i < update.count; i++)
        update.keys[i].allow_downgrade = update.keys[i].upgrade_type != FEATURES_UPGRADE;
    wire_defaults(&update_features_request_desc, &request);
    request.timeout_ms = FEATURES_TIMEOUT_MS;
    request.feature_updates.items = update.keys;
    request.feature_updates.count = update.count;
    request.validate_only = update.dry;
    if (tool_call_controller(run, KAFKA_API_UPDATE_FEATURES, version, &request, features_moved,
                             &answer))
        return 1;
    int status = features_print(&update, answer.response);
    client_answer_free(&answer);
    return status;
}
