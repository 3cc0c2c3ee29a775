/* The settings of a topic or of this broker with their values and sources, as DescribeConfigs and
 * CreateTopics tell them.
 *
 * A value comes from the first of: the topic, this broker's dynamic settings, those of all brokers,
 * the file, the default. All that say something are the synonyms of the setting (KIP-226). A
 * setting in milliseconds also has those in older units as synonyms. */
#ifndef BROKER_HANDLERS_SETTINGS_H
#define BROKER_HANDLERS_SETTINGS_H

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
                       SETTINGS_FROM_DEFAULT = 5
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
};

/* Whether topics have the setting; whether brokers have it. */
bool settings_is_topic(enum config_id id);
bool settings_is_broker(enum config_id id);
size_t settings_topic_count(void);

/* ERR_NO_MEMORY when the arena's limit is reached. */
int settings_of_topic(const struct settings *settings, enum config_id id,
                      struct setting *setting) MUST_CHECK;
void settings_of_broker(const struct settings *settings, enum config_id id,
                        struct setting *setting);
/* A dynamic setting of all brokers as it stands in the image; the row may be unknown here: then it
 * counts as a secret. */
void settings_of_all_brokers(const struct image_config *config, struct setting *setting);

#endif
