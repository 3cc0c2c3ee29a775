/* add-controller and remove-controller of kafka-metadata-quorum. Each connects, and gives the exit
 * status. */
#ifndef TOOLS_QUORUM_CHANGE_H
#define TOOLS_QUORUM_CHANGE_H

#include "base/uuid.h"
#include "tools/tool.h"

int quorum_change_add(struct tool_run *run);
int quorum_change_remove(struct tool_run *run);

/* The same for those that have connected, and know what they want. 0, or 1 with the message
 * printed. */
int quorum_change_remove_voter(struct tool_run *run, int32_t id, const struct uuid *directory_id);
/* Forgets a controller that does not vote; one that is not registered is no error. */
int quorum_change_unregister(struct tool_run *run, int32_t id);

#endif
