/* The list of tools; tools/main.c finds the one that was called, the completion of shells and the
 * manual pages are made of it. */
#ifndef TOOLS_TOOLS_H
#define TOOLS_TOOLS_H

#include "tools/tool.h"

#define TOOLS_LIST(X)                                                                              \
    X(tool_server_start)                                                                           \
    X(tool_server_stop)                                                                            \
    X(tool_topics)                                                                                 \
    X(tool_console_producer)                                                                       \
    X(tool_console_consumer)                                                                       \
    X(tool_producer_perf)                                                                          \
    X(tool_consumer_perf)                                                                          \
    X(tool_e2e_latency)                                                                            \
    X(tool_verifiable_producer)                                                                    \
    X(tool_verifiable_consumer)                                                                    \
    X(tool_configs)                                                                                \
    X(tool_client_metrics)                                                                         \
    X(tool_consumer_groups)                                                                        \
    X(tool_streams_reset)                                                                          \
    X(tool_groups)                                                                                 \
    X(tool_get_offsets)                                                                            \
    X(tool_delete_records)                                                                         \
    X(tool_leader_election)                                                                        \
    X(tool_reassign_partitions)                                                                    \
    X(tool_log_dirs)                                                                               \
    X(tool_replica_verification)                                                                   \
    X(tool_metadata_quorum)                                                                        \
    X(tool_broker_api_versions)                                                                    \
    X(tool_cluster)                                                                                \
    X(tool_features)                                                                               \
    X(tool_transactions)                                                                           \
    X(tool_storage)                                                                                \
    X(tool_metadata_shell)                                                                         \
    X(tool_dump_log)                                                                               \
    X(tool_zookeeper_start)                                                                        \
    X(tool_zookeeper_stop)                                                                         \
    X(tool_zk_server)                                                                              \
    X(tool_agent)                                                                                  \
    X(tool_status)                                                                                 \
    X(tool_drain)                                                                                  \
    X(tool_balance)                                                                                \
    X(tool_decommission)                                                                           \
    X(tool_service)                                                                                \
    X(tool_dev)                                                                                    \
    X(tool_completion)                                                                             \
    X(tool_man)                                                                                    \
    X(tool_acls)                                                                                   \
    X(tool_delegation_tokens)                                                                      \
    X(tool_streams_groups)                                                                         \
    X(tool_share_groups)                                                                           \
    X(tool_console_share_consumer)                                                                 \
    X(tool_console_share_producer)                                                                 \
    X(tool_share_consumer_perf)                                                                    \
    X(tool_verifiable_share_consumer)                                                              \
    X(tool_trogdor)                                                                                \
    X(tool_zookeeper_shell)                                                                        \
    X(tool_zookeeper_migration)                                                                    \
    X(tool_preferred_election)                                                                     \
    X(tool_run_class)                                                                              \
    X(tool_jmx)                                                                                    \
    X(tool_mirror_maker)                                                                           \
    X(tool_connect_mirror_maker)                                                                   \
    X(tool_connect_standalone)                                                                     \
    X(tool_connect_distributed)                                                                    \
    X(tool_connect_plugin_path)

#define TOOLS_DECLARE(row) extern const struct tool row;
TOOLS_LIST(TOOLS_DECLARE)
#undef TOOLS_DECLARE

/* All of them, in that order. */
extern const struct tool *const tools_all[];
extern const size_t tools_count;

#endif
