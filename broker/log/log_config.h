/* The settings of a log, as values: who works them out (broker/cluster/live_settings) needs to know
 * no more of logs. */
#ifndef BROKER_LOG_LOG_CONFIG_H
#define BROKER_LOG_LOG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

/* Settings of one log: the broker's log.* defaults under the topic's overrides. Times in ms, sizes
 * in bytes; -1 or INT64_MAX = no limit, as in Kafka. The wide ones come first: logs with the same
 * bytes share them (log_private.h), and no padding may lie between. */
struct log_config {
    int64_t segment_bytes;
    int64_t segment_ms;
    int64_t segment_jitter_ms;
    int64_t segment_index_bytes;
    int64_t index_interval_bytes;
    int64_t retention_bytes;
    int64_t retention_ms;
    int64_t file_delete_delay_ms;
    int64_t flush_messages; /* 1 (our default): every append is flushed before it counts as durable;
                             * larger: flushed in the background, and durable as soon as appended */
    int64_t flush_ms;
    int64_t max_message_bytes; /* largest batch taken from a client */
    int64_t timestamp_before_max_ms;
    int64_t timestamp_after_max_ms;
    int64_t delete_retention_ms;
    int64_t min_compaction_lag_ms;
    int64_t max_compaction_lag_ms;
    double min_cleanable_dirty_ratio;
    int64_t producer_id_expiration_ms;
    int32_t compression_level; /* of that codec's library, or COMPRESS_LEVEL_DEFAULT */
    int8_t compression;        /* codec number 0..4 to rewrite to, -1 = producer (keep what came) */
    bool log_append_time;      /* message.timestamp.type=LogAppendTime */
    bool cleanup_delete;
    bool cleanup_compact;
    bool headers_only; /* the records of clients' batches are not looked at but for keys */
    bool doubted; /* when it is opened: the metadata takes the records that were here for lost */
};

#endif
