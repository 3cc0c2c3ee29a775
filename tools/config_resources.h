/* What has settings: the resources of a kind, as the cluster lists them. */
#ifndef TOOLS_CONFIG_RESOURCES_H
#define TOOLS_CONFIG_RESOURCES_H

#include "tools/tool.h"

/* The numbers of Kafka's ConfigResource types that tools name. */
enum { CONFIG_RESOURCES_CLIENT_METRICS = 16 };

/* `each` for one name after the other, until it returns something else than 0, which is returned; 1
 * with the message printed when the cluster does not tell them. A broker that knows only client
 * metrics there is asked for these. */
int config_resources_each(struct tool_run *run, int8_t type,
                          int (*each)(void *data, const char *name), void *data);

#endif
