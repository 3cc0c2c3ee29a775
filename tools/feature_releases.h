/* Which levels of the features each release of Kafka stands for: `kafka-storage version-mapping`,
 * `kafka-features version-mapping` and `upgrade --release-version` ask it.
 *
 * Kafka's own metadata.version is no feature here, as it is in no answer of our brokers: their
 * metadata has one form, and what may differ between builds has a feature of its own. */
#ifndef TOOLS_FEATURE_RELEASES_H
#define TOOLS_FEATURE_RELEASES_H

#include "meta/features.h"
#include "tools/report.h"

/* "4.0", "4.0-IV2", or the newest when NULL; "" ends with the message printed and returns NULL. */
struct feature_release;
const struct feature_release *feature_releases_find(const struct tool_run *run, const char *text);
/* The level of the feature in a cluster of that release, at most what this build supports. */
int16_t feature_releases_level(const struct feature_release *release,
                               const struct feature *feature);

/* The two commands, of both tools; the exit status. */
int feature_releases_print_mapping(const struct tool_run *run);
int feature_releases_print_dependencies(const struct tool_run *run);

#endif
