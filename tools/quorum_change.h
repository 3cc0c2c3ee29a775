/* add-controller and remove-controller of kafka-metadata-quorum. Each connects, and gives the exit
 * status. */
#ifndef TOOLS_QUORUM_CHANGE_H
#define TOOLS_QUORUM_CHANGE_H

#include "tools/tool.h"

int quorum_change_add(struct tool_run *run);
int quorum_change_remove(struct tool_run *run);

#endif
