/* The settings of a log, which change while it is open: most say when it is flushed.
 *
 * Most logs of a broker have the same ones, and some hundred bytes for each of many thousand logs
 * add up: so equal ones are kept once, for as many logs as have them. */
#include <stddef.h>

#include "base/mem.h"
#include "broker/log/flush.h"
#include "broker/log/log_manager_private.h"

/* Without the padding at the end, of which nobody says what it holds. */
enum { LOG_CONFIG_KEY_LEN = offsetof(struct log_config, doubted) + sizeof(bool) };
STATIC_ASSERT(sizeof(struct log_config) - LOG_CONFIG_KEY_LEN < sizeof(int64_t),
              "the last member is what the key ends with");
STATIC_ASSERT(offsetof(struct log_config, doubted) - offsetof(struct log_config, compression) ==
                  5 * sizeof(bool),
              "no padding between the members");

struct log_config_shared {
    struct log_config config; /* first: a log points to it */
    size_t logs;
};
STATIC_ASSERT(offsetof(struct log_config_shared, config) == 0, "a log points to it");

const struct log_config *log_config(const struct log *log)
{
    return log->config;
}

const struct log_config *log_config_keep(struct log_manager *manager,
                                         const struct log_config *config)
{
    struct log_config_shared *shared = map_get(&manager->configs, config, LOG_CONFIG_KEY_LEN);
    if (!shared) {
        shared = mem_alloc(sizeof(*shared));
        shared->config = *config;
        map_put(&manager->configs, config, LOG_CONFIG_KEY_LEN, shared);
    }
    shared->logs++;
    return &shared->config;
}

void log_config_release(struct log_manager *manager, const struct log_config *config)
{
    struct log_config_shared *shared = map_get(&manager->configs, config, LOG_CONFIG_KEY_LEN);
    ASSERT(shared != NULL);
    ASSERT(&shared->config == config);
    ASSERT(shared->logs > 0);
    if (--shared->logs > 0)
        return;
    map_del(&manager->configs, config, LOG_CONFIG_KEY_LEN);
    mem_free(shared);
}

void log_set_config(struct log *log, const struct log_config *config)
{
    log_check_in_use(log);
    int64_t durable = log_durable_offset(log);
    const struct log_config *before = log->config;
    log->config = log_config_keep(log->manager, config);
    log_config_release(log->manager, before);
    for (uint32_t i = 0; i < log->segment_count; i++)
        log->segments[i]->index_interval = (uint32_t)log->config->index_interval_bytes;
    if (log->config->flush_messages <= 1 && log->flushed_offset < log->end_offset)
        flush_later(log);
    flush_look(log, env_now_ms(log->manager->env));
    if (log_durable_offset(log) != durable)
        log_notify_later(log);
    log_check_state(log);
}
