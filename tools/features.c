/* kafka-features: the features of the cluster and their versions.
 *
 * Happy path: one ApiVersions request gives what the broker supports and what the cluster has
 * settled on; features_update.c changes that, feature_releases.c knows what releases of Kafka stand
 * for. Failure modes: an unknown command, an option that it does not read. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/version.h"
#include "kafka/messages/api_versions.h"
#include "tools/feature_releases.h"
#include "tools/features_update.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row features_options[] = {
    TOOL_CONTROLLERS_OPTIONS,
    OPTION_WITH("describe", "node-id", "N", "describe: as this node has them."),
    OPTION_MANY_LETTER_WITH("upgrade|downgrade|disable|feature-dependencies", 'f', "feature",
                            "NAME=VERSION",
                            "upgrade, downgrade, feature-dependencies: the feature and its "
                            "version; disable: the feature."),
    OPTION_LETTER_WITH("upgrade|downgrade|version-mapping", 'r', "release-version", "VERSION",
                       "upgrade, downgrade: to the versions of all features in this release of "
                       "Kafka, such as 4.0; version-mapping: the release (the newest)."),
    OPTION_OLD_WITH("upgrade|downgrade", "metadata", "VERSION"),
    OPTION_WITH("downgrade|disable", "unsafe", NULL,
                "downgrade, disable: also where something may be lost."),
    OPTION_WITH("upgrade|downgrade|disable", "dry-run", NULL,
                "upgrade, downgrade, disable: only say whether it could be done."),
    REPORT_OPTION_WITH("describe|version-mapping|feature-dependencies"),
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
static int16_t features_finalized(const struct api_versions_response *response,
                                  struct wire_str name)
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
        report_number(report, features_finalized(response, rows[i].name));
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
    int64_t node;
    int status = tool_number(run, "node-id", 0, INT32_MAX, CLIENT_ANY, &node);
    if (status == 0)
        status = tool_connect(run);
    return status ? status : features_ask(run, (int32_t)node);
}

static int features_mapping(struct tool_run *run)
{
    return feature_releases_print_mapping(run);
}

static int features_dependencies(struct tool_run *run)
{
    return feature_releases_print_dependencies(run);
}

static const struct tool_command features_commands[] = {
    {"describe", features_describe},       {"upgrade", features_update_run},
    {"downgrade", features_update_run},    {"disable", features_update_run},
    {"version-mapping", features_mapping}, {"feature-dependencies", features_dependencies},
};

static int features_run(struct tool_run *run)
{
    return tool_run_command(run, features_commands, ARRAY_LEN(features_commands));
}

const struct tool tool_features = {
    .name = "features",
    .link = "kafka-features",
    .synopsis = "--bootstrap-server HOST:PORT describe|upgrade|downgrade|disable|"
                "version-mapping|feature-dependencies",
    .summary = "Show the features of the cluster and their versions, and change them.",
    .options = features_options,
    .positional = 1,
    .commands = "describe|upgrade|downgrade|disable|version-mapping|feature-dependencies",
    .controllers = true,
    .run = features_run,
};
