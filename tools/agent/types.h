/* The list of types: a new one is a line here and a file. Each row is the name of its variable, an
 * `X_type` that begins with its `struct part_type`. */
#ifndef AGENT_TYPES_H
#define AGENT_TYPES_H

#include "tools/agent/channel.h"
#include "tools/agent/interceptor.h"
#include "tools/agent/part.h"
#include "tools/agent/selector.h"
#include "tools/agent/sink.h"
#include "tools/agent/sink_group.h"
#include "tools/agent/source.h"

#define AGENT_SOURCE_TYPES(X)                                                                      \
    X(seq_source_type)                                                                             \
    X(stress_source_type)                                                                          \
    X(spooldir_source_type)                                                                        \
    X(avro_source_type)                                                                            \
    X(exec_source_type)                                                                            \
    X(http_source_type)                                                                            \
    X(kafka_source_type)                                                                           \
    X(netcat_source_type)                                                                          \
    X(netcat_udp_source_type)                                                                      \
    X(syslog_tcp_source_type)                                                                      \
    X(syslog_multiport_source_type)                                                                \
    X(syslog_udp_source_type)                                                                      \
    X(taildir_source_type)                                                                         \
    X(thrift_source_type)                                                                          \
    X(jms_source_type)                                                                             \
    X(twitter_source_type)                                                                         \
    X(scribe_source_type)                                                                          \
    X(avro_legacy_source_type)                                                                     \
    X(thrift_legacy_source_type)

#define AGENT_CHANNEL_TYPES(X)                                                                     \
    X(memory_channel_type)                                                                         \
    X(file_channel_type)                                                                           \
    X(spillable_channel_type)                                                                      \
    X(kafka_channel_type)                                                                          \
    X(jdbc_channel_type)                                                                           \
    X(pseudo_channel_type)

#define AGENT_SINK_TYPES(X)                                                                        \
    X(avro_sink_type)                                                                              \
    X(http_sink_type)                                                                              \
    X(kafka_sink_type)                                                                             \
    X(null_sink_type)                                                                              \
    X(file_roll_sink_type)                                                                         \
    X(logger_sink_type)                                                                            \
    X(thrift_sink_type)                                                                            \
    X(hdfs_sink_type)                                                                              \
    X(hive_sink_type)                                                                              \
    X(hbase_sink_type)                                                                             \
    X(hbase2_sink_type)                                                                            \
    X(asynchbase_sink_type)                                                                        \
    X(morphline_sink_type)                                                                         \
    X(kite_sink_type)                                                                              \
    X(irc_sink_type)

#define AGENT_INTERCEPTOR_TYPES(X)                                                                 \
    X(timestamp_interceptor_type)                                                                  \
    X(host_interceptor_type)                                                                       \
    X(static_interceptor_type)                                                                     \
    X(remove_header_interceptor_type)                                                              \
    X(uuid_interceptor_type)                                                                       \
    X(search_replace_interceptor_type)                                                             \
    X(regex_filter_interceptor_type)                                                               \
    X(regex_extractor_interceptor_type)                                                            \
    X(morphline_interceptor_type)

#define AGENT_SELECTOR_TYPES(X)                                                                    \
    X(replicating_selector_type)                                                                   \
    X(multiplexing_selector_type)                                                                  \
    X(load_balancing_selector_type)

#define AGENT_PROCESSOR_TYPES(X)                                                                   \
    X(default_processor_type)                                                                      \
    X(failover_processor_type)                                                                     \
    X(load_balance_processor_type)

#define TYPES_SOURCE(row)      extern const struct source_type row;
#define TYPES_CHANNEL(row)     extern const struct channel_type row;
#define TYPES_SINK(row)        extern const struct sink_type row;
#define TYPES_INTERCEPTOR(row) extern const struct interceptor_type row;
#define TYPES_PLAIN(row)       extern const struct part_type row;
AGENT_SOURCE_TYPES(TYPES_SOURCE)
AGENT_CHANNEL_TYPES(TYPES_CHANNEL)
AGENT_SINK_TYPES(TYPES_SINK)
AGENT_INTERCEPTOR_TYPES(TYPES_INTERCEPTOR)
AGENT_SELECTOR_TYPES(TYPES_PLAIN)
AGENT_PROCESSOR_TYPES(TYPES_PLAIN)
#undef TYPES_SOURCE
#undef TYPES_CHANNEL
#undef TYPES_SINK
#undef TYPES_INTERCEPTOR
#undef TYPES_PLAIN

/* All of them, in that order. */
extern const struct part_type *const agent_types[];
extern const size_t agent_types_count;

#endif
