/* Elections of preferred leaders, for tools that have moved replicas. */
#ifndef TOOLS_LEADER_ELECTION_H
#define TOOLS_LEADER_ELECTION_H

#include "tools/partition_list.h"

/* Has the preferred replica of each lead where it is in sync; the list gets sorted. A partition
 * whose preferred replica can't lead stays with its leader. 0, or 1 with the message printed. */
int leader_election_prefer(struct tool_run *run, struct partition_list *list);

#endif
