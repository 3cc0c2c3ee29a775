/* The order of the sources of a setting. Nothing fails: what can't be taken counts as not set. */
#include "config/config_chain.h"

#include <inttypes.h>
#include <stdio.h>

#include "config/config_change.h"

static const Meta__ConfigRecord__Resource of_topic = META__CONFIG_RECORD__RESOURCE__TOPIC;
static const Meta__ConfigRecord__Resource of_broker = META__CONFIG_RECORD__RESOURCE__BROKER;

void config_chain_init(struct config_chain *chain, const struct config *config,
                       const struct image *image, int32_t node_id)
{
    *chain = (struct config_chain){.config = config, .image = image};
    snprintf(chain->broker, sizeof(chain->broker), "%" PRId32, node_id);
}

enum config_source config_chain_source(enum config_scope scope)
{
    static const enum config_source sources[] = {[CONFIG_OF_TOPIC] = CONFIG_FROM_TOPIC,
                                                 [CONFIG_OF_BROKER] = CONFIG_FROM_BROKER,
                                                 [CONFIG_OF_ALL_BROKERS] = CONFIG_FROM_ALL_BROKERS,
                                                 [CONFIG_OF_METRICS] = CONFIG_FROM_METRICS,
                                                 [CONFIG_OF_GROUP] = CONFIG_FROM_GROUP};
    return sources[scope];
}

static const char *chain_text(const struct config_chain *chain, enum config_scope scope,
                              const struct config_row *row)
{
    if (scope == CONFIG_OF_ALL_BROKERS)
        return image_config(chain->image, of_broker, "", row->name);
    if (scope == CONFIG_OF_BROKER)
        return chain->broker[0] ? image_config(chain->image, of_broker, chain->broker, row->name)
                                : NULL;
    if (chain->own)
        return chain->own(chain->own_data, row->topic_name);
    return chain->topic ? image_config(chain->image, of_topic, chain->topic, row->topic_name)
                        : NULL;
}

/* What was given while the cluster ran, if it would be taken today. */
static const char *chain_dynamic(const struct config_chain *chain, enum config_scope scope,
                                 const struct config_row *row)
{
    struct buf problem;
    const char *name = scope == CONFIG_OF_TOPIC ? row->topic_name : row->name;
    if (!name || (scope != CONFIG_OF_TOPIC && (row->flags & CONFIG_TOPIC_ONLY)))
        return NULL;
    const char *text = chain_text(chain, scope, row);
    if (!text)
        return NULL;
    buf_init(&problem);
    if (config_change_check(scope, name, text, &problem))
        text = NULL;
    buf_close(&problem);
    return text;
}

const char *config_chain_at(const struct config_chain *chain, enum config_source source,
                            enum config_id id)
{
    const struct config_row *row = config_row(id);
    switch (source) {
    case CONFIG_FROM_TOPIC:
        return chain_dynamic(chain, CONFIG_OF_TOPIC, row);
    case CONFIG_FROM_BROKER:
        return chain_dynamic(chain, CONFIG_OF_BROKER, row);
    case CONFIG_FROM_ALL_BROKERS:
        return chain_dynamic(chain, CONFIG_OF_ALL_BROKERS, row);
    case CONFIG_FROM_FILE:
        return chain->config && config_is_set(chain->config, id) ? config_str(chain->config, id)
                                                                 : NULL;
    default:
        return row->default_text;
    }
}

enum config_source config_chain_find(const struct config_chain *chain, enum config_source from,
                                     enum config_id id, struct config_parsed *value)
{
    const struct config_row *row = config_row(id);
    for (enum config_source source = from; source < CONFIG_FROM_FILE; source++) {
        const char *text = config_chain_at(chain, source, id);
        if (text && config_parse(row, text, value))
            return source;
    }
    if (chain->config) {
        *value = *config_value(chain->config, id);
        return config_is_set(chain->config, id) ? CONFIG_FROM_FILE : CONFIG_FROM_DEFAULT;
    }
    *value = (struct config_parsed){0};
    if (row->default_text) {
        bool parsed = config_parse(row, row->default_text, value);
        ASSERT(parsed);
    }
    return CONFIG_FROM_DEFAULT;
}

bool config_chain_bool(const struct config_chain *chain, enum config_id id)
{
    struct config_parsed value;
    ASSERT(config_row(id)->type == CONFIG_TYPE_BOOL);
    (void)config_chain_find(chain, CONFIG_FROM_TOPIC, id, &value);
    return value.number != 0;
}
