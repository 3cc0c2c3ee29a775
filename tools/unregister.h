/* Taking nodes that are gone for good out of the cluster's lists. */
#ifndef TOOLS_UNREGISTER_H
#define TOOLS_UNREGISTER_H

#include "tools/tool.h"

/* 0, or 1 with the message printed: a broker that is not registered, say. */
int unregister_broker(struct tool_run *run, int32_t id);

#endif
