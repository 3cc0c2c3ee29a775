/* Settings of groups. Happy path: a name is one of three, its value a number within the limits of
 * the brokers' files. Failure modes: none of these, or a session that ends before a heartbeat. */
#include "config/config_group.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

static const struct config_group_setting {
    struct config_row row;
    enum config_id base, min, max;
} config_groups[CONFIG_GROUP_SETTINGS] = {
    [CONFIG_GROUP_ASSIGNMENT] = {{.name = "consumer.assignment.interval.ms",
                                  .type = CONFIG_TYPE_INT,
                                  .min = 0,
                                  .max = CONFIG_MAX_INT,
                                  .flags = CONFIG_DYNAMIC,
                                  .doc = "How long after one assignment the next is made."},
                                 CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS,
                                 CONFIG_GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS,
                                 CONFIG_GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS},
    [CONFIG_GROUP_HEARTBEAT] = {{.name = "consumer.heartbeat.interval.ms",
                                 .type = CONFIG_TYPE_INT,
                                 .min = 1,
                                 .max = CONFIG_MAX_INT,
                                 .flags = CONFIG_DYNAMIC,
                                 .doc = "How often a member sends a heartbeat."},
                                CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS,
                                CONFIG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS,
                                CONFIG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS},
    [CONFIG_GROUP_SESSION] = {{.name = "consumer.session.timeout.ms",
                               .type = CONFIG_TYPE_INT,
                               .min = 1,
                               .max = CONFIG_MAX_INT,
                               .flags = CONFIG_DYNAMIC,
                               .doc = "How long a member may be silent before it leaves."},
                              CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS,
                              CONFIG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS,
                              CONFIG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS},
};

const struct config_row *config_group_row(enum config_group_id id)
{
    ASSERT(id < CONFIG_GROUP_SETTINGS);
    return &config_groups[id].row;
}

enum config_id config_group_base(enum config_group_id id)
{
    ASSERT(id < CONFIG_GROUP_SETTINGS);
    return config_groups[id].base;
}

enum config_id config_group_min(enum config_group_id id)
{
    ASSERT(id < CONFIG_GROUP_SETTINGS);
    return config_groups[id].min;
}

enum config_id config_group_max(enum config_group_id id)
{
    ASSERT(id < CONFIG_GROUP_SETTINGS);
    return config_groups[id].max;
}

enum config_group_id config_group_find(const char *name)
{
    enum config_group_id id = 0;
    while (id < CONFIG_GROUP_SETTINGS && strcmp(config_groups[id].row.name, name) != 0)
        id++;
    ASSERT(id <= CONFIG_GROUP_SETTINGS);
    return id;
}

int config_group_check(const char *name, const char *value, struct buf *problem)
{
    enum config_group_id id = config_group_find(name);
    if (id < CONFIG_GROUP_SETTINGS)
        return config_check_value(&config_groups[id].row, name, value, problem) ? ERR_INVALID_CONFIG
                                                                                : 0;
    buf_printf(problem, CONFIG_GROUP_UNKNOWN "%s", name);
    return ERR_INVALID_CONFIG;
}

/* Kafka's words. */
static int config_group_refuse(enum config_group_id id, const char *than, enum config_id limit,
                               struct buf *problem)
{
    ASSERT(id < CONFIG_GROUP_SETTINGS);
    ASSERT(limit < CONFIG_COUNT);
    buf_printf(problem, "%s must be %s than or equal to %s", config_groups[id].row.name, than,
               config_row(limit)->name);
    return ERR_INVALID_CONFIG;
}

int config_group_check_fit(const struct config *config, const int64_t values[CONFIG_GROUP_SETTINGS],
                           const bool own[CONFIG_GROUP_SETTINGS], struct buf *problem)
{
    ASSERT(config != NULL);
    for (enum config_group_id id = 0; id < CONFIG_GROUP_SETTINGS; id++) {
        if (!own[id])
            continue;
        if (values[id] < config_int(config, config_groups[id].min))
            return config_group_refuse(id, "greater", config_groups[id].min, problem);
        if (values[id] > config_int(config, config_groups[id].max))
            return config_group_refuse(id, "less", config_groups[id].max, problem);
    }
    if (values[CONFIG_GROUP_SESSION] > values[CONFIG_GROUP_HEARTBEAT])
        return 0;
    buf_printf(problem, "consumer.session.timeout.ms must be greater than "
                        "consumer.heartbeat.interval.ms");
    return ERR_INVALID_CONFIG;
}

int64_t config_group_value(enum config_group_id id, const char *own, int64_t base, int64_t min,
                           int64_t max)
{
    struct config_parsed parsed;
    ASSERT(id < CONFIG_GROUP_SETTINGS);
    if (!own || !config_parse(config_group_row(id), own, &parsed))
        return base;
    int64_t least = parsed.number < max ? parsed.number : max;
    return least > min ? least : min;
}
