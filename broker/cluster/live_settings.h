/* The settings in force on this broker, in the order of config/config_chain.h: worked out and
 * parsed once, when one of them changes. Who depends on one keeps what it was told, or reads it
 * here.
 *
 * A part of the broker subscribes to the settings it depends on. It is told once after each frame
 * of metadata in which one of them changed, before anybody who waits for that metadata goes on. So
 * a change is in force when the client that made it is answered. A setting that brokers take while
 * they run and that nobody subscribes to would be accepted and ignored: live_settings_check refuses
 * that.
 *
 * What a topic says of itself is worked out once for all of its partitions, which keep it. */
#ifndef BROKER_CLUSTER_LIVE_SETTINGS_H
#define BROKER_CLUSTER_LIVE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/cluster/metadata.h"
#include "broker/log/log_config.h"
#include "config/config_chain.h"

struct live_settings;

/* Embedded by who depends on settings of the broker. */
struct live_subscriber {
    struct list link;
    const enum config_id *ids; /* borrowed */
    size_t count;
    void (*changed)(void *data); /* one of them, or more, has another value now */
    void *data;
    bool due; /* the rest is live_settings' */
};

/* All are borrowed and outlive it. Made before its subscribers listen to the metadata, it has
 * worked out what a frame changes before they see it. */
struct live_settings *live_settings_new(const struct config *config, struct metadata *metadata,
                                        int32_t node_id);
/* Its subscribers have left, or hear of nothing any more. */
void live_settings_free(struct live_settings *live);

/* The file was read again (config_take_live): whose settings differ is told before this returns.
 * `config` is borrowed in place of the one before. */
void live_settings_reload(struct live_settings *live, const struct config *config);

/* The subscriber reads the values itself first: it is told of changes only. */
void live_settings_subscribe(struct live_settings *live, struct live_subscriber *subscriber);
void live_settings_unsubscribe(struct live_subscriber *subscriber);
bool live_settings_is_subscribed(const struct live_settings *live, enum config_id id);
/* Whether the setting is one that brokers take while they run, so that one has to subscribe. */
bool live_settings_is_live(enum config_id id);
/* Stops the process when such a setting has no subscriber. */
void live_settings_check(const struct live_settings *live);

/* Where it looks, for who tells values with their sources. */
struct config_chain live_settings_chain(const struct live_settings *live);
/* Of the broker: a SHORT, INT or LONG. */
int64_t live_settings_int(const struct live_settings *live, enum config_id id);
bool live_settings_bool(const struct live_settings *live, enum config_id id);
/* Of the broker: a STRING or LIST, "" where there is none; until it changes. */
const char *live_settings_text(const struct live_settings *live, enum config_id id);

/* What the partitions of a topic depend on: the topic's own values over those of the broker. */
struct live_topic {
    struct log_config log;
    int64_t min_insync;
};

void live_settings_topic(const struct live_settings *live, const char *topic,
                         struct live_topic *settings);
/* One that no log needs, a STRING or LIST; until it changes. */
const char *live_settings_topic_text(const struct live_settings *live, const char *topic,
                                     enum config_id id);
/* The settings of the broker that are in it, to subscribe to. */
const enum config_id *live_settings_topic_ids(size_t *count);

#endif
