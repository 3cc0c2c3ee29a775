/* What brokers can speak, also for kafka-cluster api-versions. */
#ifndef TOOLS_BROKER_API_VERSIONS_H
#define TOOLS_BROKER_API_VERSIONS_H

#include "tools/tool.h"

/* Asks all brokers through run->client and prints; the exit status. */
int broker_api_versions_print(struct tool_run *run) MUST_CHECK;

#endif
