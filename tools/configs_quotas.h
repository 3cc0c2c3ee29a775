/* kafka-configs for users, clients and ips: their quotas. */
#ifndef TOOLS_CONFIGS_QUOTAS_H
#define TOOLS_CONFIGS_QUOTAS_H

#include "tools/tool.h"

/* Whether the command line names users, clients or ips. */
bool configs_quotas_are_meant(const struct tool_run *run);
/* Describes or alters, as the options say; the exit status. */
int configs_quotas_run(struct tool_run *run);

#endif
