/* The list of tools; tools/main.c finds the one that was called. */
#ifndef TOOLS_TOOLS_H
#define TOOLS_TOOLS_H

#include "tools/tool.h"

#define TOOLS_LIST(X)                                                                              \
    X(tool_server_start)                                                                           \
    X(tool_server_stop)                                                                            \
    X(tool_topics)                                                                                 \
    X(tool_console_producer)                                                                       \
    X(tool_console_consumer)                                                                       \
    X(tool_configs)                                                                                \
    X(tool_consumer_groups)                                                                        \
    X(tool_groups)                                                                                 \
    X(tool_get_offsets)                                                                            \
    X(tool_metadata_quorum)                                                                        \
    X(tool_broker_api_versions)                                                                    \
    X(tool_cluster)                                                                                \
    X(tool_storage)                                                                                \
    X(tool_dump_log)                                                                               \
    X(tool_zookeeper_start)                                                                        \
    X(tool_zookeeper_stop)                                                                         \
    X(tool_zk_server)                                                                              \
    X(tool_status)                                                                                 \
    X(tool_service)                                                                                \
    X(tool_dev)

#define TOOLS_DECLARE(row) extern const struct tool row;
TOOLS_LIST(TOOLS_DECLARE)
#undef TOOLS_DECLARE

#endif
