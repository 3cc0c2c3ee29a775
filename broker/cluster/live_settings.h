/* The settings in force on this broker now: dynamic ones of a topic win over those of this broker,
 * these over those of all brokers, and all over the file (kafka/config.h). Nothing is kept: each
 * call looks into the image, so a change counts from the moment it is applied here. */
#ifndef BROKER_CLUSTER_LIVE_SETTINGS_H
#define BROKER_CLUSTER_LIVE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/cluster/metadata.h"
#include "broker/log/log.h"
#include "kafka/config.h"

/* Embedded by who asks; both pointers are borrowed. */
struct live_settings {
    const struct config *config;
    const struct metadata *metadata;
    char own_name[12]; /* our id, as the resource of settings */
};

void live_settings_init(struct live_settings *live, const struct config *config,
                        const struct metadata *metadata, int32_t node_id);
/* Whether dynamic settings of brokers under this name ("" = of all) are ours too. */
bool live_settings_concern(const struct live_settings *live, const char *name);

/* Of the broker: a SHORT, INT or LONG. */
int64_t live_settings_int(const struct live_settings *live, enum config_id id);
/* Of a topic; the row has a topic name. */
int64_t live_settings_topic_int(const struct live_settings *live, const char *topic,
                                enum config_id id);
/* All that the log of a partition wants to know. */
void live_settings_log(const struct live_settings *live, const char *topic,
                       struct log_config *config);

#endif
