/* What parts count. The names under which they are shown are Flume's (monitor.c). Everything counts
 * events, unless its name says otherwise. */
#ifndef AGENT_COUNTERS_H
#define AGENT_COUNTERS_H

#include <stdint.h>

struct source_counters {
    int64_t received, accepted;               /* events that came in, and that the channels have */
    int64_t append_received, append_accepted; /* of these one at a time */
    int64_t batch_received, batch_accepted;   /* batches */
    int64_t read_fail, channel_fail, generic_fail; /* failures */
    int64_t connections;                           /* open ones */
    int64_t start_ms, stop_ms;
};

struct channel_counters {
    int64_t put_attempt, put_success;
    int64_t take_attempt, take_success;
    int64_t start_ms, stop_ms;
};

struct sink_counters {
    int64_t drain_attempt, drain_success;
    int64_t batch_empty, batch_underflow, batch_complete; /* batches */
    int64_t connection_created, connection_closed, connection_failed;
    int64_t write_fail, read_fail; /* failures */
    int64_t start_ms, stop_ms;
};

#endif
