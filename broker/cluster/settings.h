/* The settings of a topic or of this broker with their values and sources, as DescribeConfigs and
 * CreateTopics tell them.
 *
 * Values come from the chain of config/config_chain.h, which also says what is in force. All
 * sources that say something are the synonyms of the setting (KIP-226). A setting in
 * milliseconds also has those in older units as synonyms, but, as in Kafka, only behind an entry
 * of its own. What is told as the value is in Kafka's normal form; the synonyms of brokers are
 * as they were written. A password is never told. */
#ifndef BROKER_CLUSTER_SETTINGS_H
#define BROKER_CLUSTER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/mem.h"
#include "config/config_chain.h"
#include "config/config_group.h"
#include "config/config_metrics.h"

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
    int8_t source; /* enum config_source */
    bool read_only;
    bool sensitive;
    struct setting_synonym synonyms[SETTINGS_SYNONYMS_MAX];
    int synonym_count;
};

/* Who asks. The chain is borrowed; so are the texts of a setting, beside values that are printed
 * into the arena. */
struct settings {
    struct arena *arena;
    struct config_chain chain;
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
/* Of a topic that was just made: `value` is what the controller says of it, from its file or by
 * default. Nothing is printed, so nothing can fail. */
void settings_of_new_topic(const struct settings *settings, enum config_id id, const char *value,
                           bool from_file, struct setting *setting);
int settings_of_broker(const struct settings *settings, enum config_id id,
                       struct setting *setting) MUST_CHECK;

/* What all brokers were given; false when that is nothing. */
bool settings_of_all_brokers(const struct settings *settings, enum config_id id,
                             struct setting *setting);

/* Of the subscription of client metrics with that name, whether it is there or not. */
int settings_of_metrics(const struct settings *settings, const char *name,
                        enum config_metrics_id id, struct setting *setting) MUST_CHECK;

/* Of the group with that name, whether it is there or not: its own value, else this broker's. */
int settings_of_group(const struct settings *settings, const char *name, enum config_group_id id,
                      struct setting *setting) MUST_CHECK;

#endif
