/* An agent (tools/agent) inside a node: sources, channels and sinks on a loop and a thread of their
 * own, so that neither the broker's nor the controller's loop ever waits for them.
 *
 * What is wrong with its file stops nothing: the log says why no agent works, and it is tried again
 * every second. Agent and broker share a process all the same: who wants one to outlive the other
 * runs `flume-ng agent` beside it. */
#ifndef SERVER_GUEST_H
#define SERVER_GUEST_H

#include "tools/server/node.h"

extern const struct guest_type agent_guest_type;

#endif
