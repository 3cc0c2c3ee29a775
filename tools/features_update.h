/* kafka-features upgrade, downgrade and disable. */
#ifndef TOOLS_FEATURES_UPDATE_H
#define TOOLS_FEATURES_UPDATE_H

#include "tools/tool.h"

/* The command is the first argument. The exit status. */
int features_update_run(struct tool_run *run);

#endif
