/* The settings of a topic or of this broker with their values and sources, as DescribeConfigs and
 * CreateTopics tell them.
 *
 * A value comes from the first of: the topic, this broker's dynamic settings, those of all brokers,
 * the file, the default. All that say something are the synonyms of the setting (KIP-226). A
 * setting in milliseconds also has those in older units as synonyms, but, as in Kafka, only behind
 * an entry of its own. What is told as the value is in Kafka's normal form; the synonyms of brokers
 * are as they were written. A password, and what is not known, is never told. */
#ifndef BROKER_CLUSTER_SETTINGS_H
#define BROKER_CLUSTER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/mem.h"
#include "kafka/config.h"
#include "meta/image.h"

enum settings_source { /* numbers of the protocol */
                       SETTINGS_FROM_TOPIC = 1,
                       SETTINGS_FROM_BROKER = 2,
                       SETTINGS_FROM_ALL_BROKERS = 3,
                       SETTINGS_FROM_FILE = 4,
                       SETTINGS_FROM_DEFAULT = 5,
                       SETTINGS_FROM_LOGGER = 6
};

/* Three older units and four sources, and the topic's own. */
enum { SETTINGS_SYNONYMS_MAX = 13 };

struct setting_synonym {
    const char *name;
    const char *value; /* NULL when sensitive */
    int8_t source;
};

struct setting {
    const char *name;
    const char *value; /* NULL when unset or sensitive */
    const char *doc;
    int8_t type;   /* number of the protocol */
    int8_t source; /* enum settings_source */
    bool read_only;
    bool sensitive;
    struct setting_synonym synonyms[SETTINGS_SYNONYMS_MAX];
    int synonym_count;
};

/* Where to look. Everything is borrowed; so are the texts of a setting, beside numbers that are
 * printed into the arena. */
struct settings {
    struct arena *arena;
    const struct config *config;
    const struct image *image;
    int32_t node_id;
    config_override *topic; /* a topic's own values, NULL for none */
    void *topic_data;
    bool raw; /* values that were set are told as they were written, as CreateTopics does */
};

/* Whether the topic, or the broker, is told to have the setting. */
bool settings_is_topic(const struct settings *settings, enum config_id id);
bool settings_is_broker(const struct settings *settings, enum config_id id);
/* How many a topic has at most. */
size_t settings_topic_count(void);

/* All return ERR_NO_MEMORY when the arena's limit is reached. */
int settings_of_topic(const struct settings *settings, enum config_id id,
                      struct setting *setting) MUST_CHECK;
/* Of a topic that was just made: `value` is what the controller's settings say of it, from its file
 * or by default. Nothing is printed, so nothing can fail. */
void settings_of_new_topic(const struct settings *settings, enum config_id id, const char *value,
                           bool from_file, struct setting *setting);
int settings_of_broker(const struct settings *settings, enum config_id id,
                       struct setting *setting) MUST_CHECK;

/* Dynamic settings of this broker, and of all, that have no row of their own: with a listener's
 * name in front, or unknown. Walk: start with *cursor = 0; false at the end. */
bool settings_next_other(const struct settings *settings, size_t *cursor, const char **key);
int settings_of_other(const struct settings *settings, const char *key,
                      struct setting *setting) MUST_CHECK;
/* How many the walk finds at most. */
size_t settings_other_count(const struct settings *settings);

/* A dynamic setting of all brokers as it stands in the image. */
void settings_of_all_brokers(const struct image_config *config, struct setting *setting);

#endif
