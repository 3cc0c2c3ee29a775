/* The settings of a log, which change while it is open: most say when it is flushed. */
#include "broker/log/flush.h"
#include "broker/log/log_manager_private.h"

const struct log_config *log_config(const struct log *log)
{
    return &log->config;
}

void log_set_config(struct log *log, const struct log_config *config)
{
    log_check_in_use(log);
    int64_t durable = log_durable_offset(log);
    log->config = *config;
    for (uint32_t i = 0; i < log->segment_count; i++)
        log->segments[i]->index_interval = (uint32_t)config->index_interval_bytes;
    if (log->config.flush_messages <= 1 && log->flushed_offset < log->end_offset)
        flush_later(log);
    flush_look(log, env_now_ms(log->manager->env));
    if (log_durable_offset(log) != durable)
        log_notify_later(log);
    log_check_state(log);
}
