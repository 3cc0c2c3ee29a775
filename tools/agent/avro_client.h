/* flume-ng avro-client: the lines of a file to an avro source. */
#ifndef AGENT_AVRO_CLIENT_H
#define AGENT_AVRO_CLIENT_H

#include "tools/tools.h"

/* The status of the process. */
int avro_client_run(struct tool_run *run);

#endif
