/* Config filters of Flume: values that stand somewhere else than in the file.
 *
 *     a1.configfilters = f1
 *     a1.configfilters.f1.type = env        an environment variable
 *     a1.configfilters.f1.type = external   what a command prints that gets the key as argument
 *     a1.sinks.k1.sink.directory = /var/log/${f1['key']} */
#ifndef AGENT_CONFIG_FILTER_H
#define AGENT_CONFIG_FILTER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/props.h"

/* Whether `name`, of a placeholder, asks a filter: NAME['KEY'], with quotes of either kind or none.
 */
bool config_filter_is_asked(const char *name);
/* Its value, the caller's to mem_free; NULL with a sentence in `problem`. `lines` are those of the
 * configuration. A command has CONFIG_FILTER_MS, and is waited for. */
char *config_filter_look(const struct props *lines, const char *agent, const char *name,
                         struct buf *problem) MUST_CHECK;

/* Runs the program argv[0]: true when it ends with status 0 within ten seconds; what it printed, 64
 * kB at most, is in `out`. Blocks. */
bool config_filter_run(char *const *argv, struct buf *out);

#endif
