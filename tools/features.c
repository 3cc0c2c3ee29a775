/* kafka-features: the features of the cluster and their versions.
 *
 * Happy path: one ApiVersions request gives what the broker supports and what the cluster has
 * settled on; features_update.c changes that. Failure modes: an unknown command; those about
 * versions of the metadata, which there are none of here. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/version.h"
#include "kafka/messages/api_versions.h"
#include "tools/features_update.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row features_options[] = {
    TOOL_CONTROLLERS_OPTIONS,
    OPTION("node-id", "N", "describe: as this node has them."),
    OPTION_MANY("feature", "NAME=VERSION",
                "upgrade, downgrade: the feature and its new version; disable: the feature."),
    OPTION_OLD("metadata", "VERSION"),
    OPTION_OLD("release-version", "VERSION"),
    OPTION("unsafe", NULL, "downgrade, disable: also where something may be lost."),
    OPTION("dry-run", NULL, "upgrade, downgrade, disable: only say whether it could be done."),
    REPORT_OPTION,
    TOOL_LAST_OPTIONS,
};

typedef struct api_versions_response_supported_feature_key features_row;

static int features_compare(const void *a, const void *b)
{
    struct wire_str left = ((const features_row *)a)->name, right = ((const features_row *)b)->name;
    int32_t len = left.len < right.len ? left.len : right.len;
    int order = len > 0 ? memcmp(left.data, right.data, (size_t)len) : 0;
    return order ? order : left.len - right.len;
}

/* 0 where the cluster has settled on none. */
static int16_t features_level(const struct api_versions_response *response, struct wire_str name)
{
    for (int32_t i = 0; i < response->finalized_features.count; i++)
        if (wire_str_equal(response->finalized_features.items[i].name, name))
            return response->finalized_features.items[i].max_version_level;
    return 0;
}

static void features_print(const struct tool_run *run, struct api_versions_response *response)
{
    static const struct report_column columns[] = {{.name = "feature"},
                                                   {.name = "supportedMinVersion"},
                                                   {.name = "supportedMaxVersion"},
                                                   {.name = "finalizedVersionLevel"},
                                                   {.name = "epoch"},
                                                   REPORT_END};
    struct report *report = report_new("features");
    features_row *rows = response->supported_features.items;
    report_columns(report, columns);
    report_lines(report, "Feature: {feature}\tSupportedMinVersion: {supportedMinVersion}\t"
                         "SupportedMaxVersion: {supportedMaxVersion}\t"
                         "FinalizedVersionLevel: {finalizedVersionLevel}\tEpoch: {epoch}");
    if (response->supported_features.count > 0)
        qsort(rows, (size_t)response->supported_features.count, sizeof(*rows), features_compare);
    for (int32_t i = 0; i < response->supported_features.count; i++) {
        int64_t epoch = response->finalized_features_epoch;
        report_string(report, rows[i].name);
        report_number(report, rows[i].min_version);
        report_number(report, rows[i].max_version);
        report_number(report, features_level(response, rows[i].name));
        report_number_unless(report, epoch < 0 ? -1 : epoch, -1);
    }
    report_print(report, report_format(run), stdout);
    report_free(report);
}

static int features_ask(struct tool_run *run, int32_t node)
{
    struct api_versions_request request;
    struct client_answer answer = {0};
    struct buf text;
    int version = client_version(run->client, node, KAFKA_API_API_VERSIONS, INT16_MAX);
    if (version < 0)
        return tool_fail_client(run);
    wire_defaults(&api_versions_request_desc, &request);
    request.client_software_name = wire_str_from("millrace");
    request.client_software_version = wire_str_from(MILLRACE_VERSION);
    if (tool_call(run, node, KAFKA_API_API_VERSIONS, version, &request, &answer))
        return 1;
    struct api_versions_response *response = answer.response;
    int status = 0;
    if (response->error_code) {
        buf_init(&text);
        status = tool_fail(run, "%s", tool_error_text(response->error_code, WIRE_STR_NULL, &text));
        buf_close(&text);
    } else {
        features_print(run, response);
    }
    client_answer_free(&answer);
    return status;
}

static int features_describe(struct tool_run *run)
{
    static const char *const others[] = {"feature", "metadata", "release-version", "unsafe",
                                         "dry-run"};
    int64_t node;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (options_has(run->options, others[i]))
            return tool_misuse(run, "--%s does not go with describe: leave it out", others[i]);
    int status = tool_number(run, "node-id", 0, INT32_MAX, CLIENT_ANY, &node);
    if (status == 0)
        status = tool_connect(run);
    return status ? status : features_ask(run, (int32_t)node);
}

static int features_run(struct tool_run *run)
{
    static const char *const changes[] = {"upgrade", "downgrade", "disable"};
    static const char *const tables[] = {"version-mapping", "feature-dependencies"};
    const char *command = options_positional(run->options, 0);
    if (command && strcmp(command, "describe") == 0)
        return features_describe(run);
    for (size_t i = 0; command && i < ARRAY_LEN(changes); i++)
        if (strcmp(command, changes[i]) == 0)
            return features_update_run(run, command);
    for (size_t i = 0; command && i < ARRAY_LEN(tables); i++)
        if (strcmp(command, tables[i]) == 0)
            return tool_fail(run,
                             "%s: there are no versions of the metadata to choose from here; "
                             "describe shows the features of the cluster",
                             command);
    return tool_misuse(run,
                       "%s%sthe commands are describe, upgrade, downgrade, disable, "
                       "version-mapping, feature-dependencies",
                       command ? command : "", command ? " is none of them: " : "which command? ");
}

const struct tool tool_features = {
    .name = "features",
    .link = "kafka-features",
    .synopsis = "--bootstrap-server HOST:PORT describe|upgrade|downgrade|disable",
    .summary = "Show the features of the cluster and their versions, and change them.",
    .options = features_options,
    .positional = 1,
    .commands = "describe|upgrade|downgrade|disable|version-mapping|feature-dependencies",
    .controllers = true,
    .run = features_run,
};
