/* kafka-features upgrade, downgrade and disable. */
#ifndef TOOLS_FEATURES_UPDATE_H
#define TOOLS_FEATURES_UPDATE_H

#include "tools/tool.h"

/* `command` is one of the three. The exit status. */
int features_update_run(struct tool_run *run, const char *command);

#endif
