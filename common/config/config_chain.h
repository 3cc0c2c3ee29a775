/* Where the value of a setting comes from. The order stands here once, for the broker that acts on
 * a value, for the one that tells it (DescribeConfigs, CreateTopics) and for the controller: the
 * topic, this broker, all brokers, the file, the default (KIP-226).
 *
 * What a topic or a broker was given counts only while it would be taken (config_change.h): what
 * an older release let in is as if it was not set, for all who ask. */
#ifndef CONFIG_CHAIN_H
#define CONFIG_CHAIN_H

#include "config/config_change.h"
#include "meta/image.h"

enum config_source { /* numbers of the protocol */
                     CONFIG_FROM_TOPIC = 1,
                     CONFIG_FROM_BROKER = 2,
                     CONFIG_FROM_ALL_BROKERS = 3,
                     CONFIG_FROM_FILE = 4,
                     CONFIG_FROM_DEFAULT = 5,
                     CONFIG_FROM_LOGGER = 6,  /* levels of the log: no setting has it */
                     CONFIG_FROM_METRICS = 7, /* a subscription of client metrics, likewise */
                     CONFIG_FROM_GROUP = 8    /* a group, likewise */
};

/* What a topic that may not be in the image yet says of one of its settings; NULL for nothing. */
typedef const char *config_own(void *data, const char *topic_name);

/* Embedded by who asks; everything is borrowed. */
struct config_chain {
    const struct config *config; /* NULL: nothing is in the file */
    const struct image *image;
    char broker[12];   /* the id, as the resource of settings; "" = of none in particular */
    const char *topic; /* NULL: of no topic in the image */
    config_own *own;   /* asked instead of the image when it is not NULL */
    void *own_data;
};

/* A chain of the broker, without a topic. */
void config_chain_init(struct config_chain *chain, const struct config *config,
                       const struct image *image, int32_t node_id);

/* Where a change in that scope goes. */
enum config_source config_chain_source(enum config_scope scope);
/* What that source says, as it was written; NULL for nothing. Of a setting with older units the
 * file says only what is written in this one. */
const char *config_chain_at(const struct config_chain *chain, enum config_source source,
                            enum config_id id);
/* The value in force, and where it comes from; `from` is the first source that is asked. A setting
 * in ms is what its older units say, where it is not given itself. */
enum config_source config_chain_find(const struct config_chain *chain, enum config_source from,
                                     enum config_id id, struct config_parsed *value);
bool config_chain_bool(const struct config_chain *chain, enum config_id id);

#endif
