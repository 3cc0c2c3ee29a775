/* Values and sources of settings. Nothing can fail but printing a number when memory is out. */
#include "broker/handlers/settings.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"

/* Settings that say the same in other words, in the order in which they win. */
enum { SETTINGS_FAMILY_MAX = 3 };
static const enum config_id settings_families[][SETTINGS_FAMILY_MAX] = {
    {CONFIG_NODE_ID, CONFIG_BROKER_ID, CONFIG_COUNT},
    {CONFIG_BROKER_ID, CONFIG_NODE_ID, CONFIG_COUNT},
    {CONFIG_LOG_RETENTION_MS, CONFIG_LOG_RETENTION_MINUTES, CONFIG_LOG_RETENTION_HOURS},
    {CONFIG_LOG_ROLL_MS, CONFIG_LOG_ROLL_HOURS, CONFIG_COUNT},
    {CONFIG_LOG_ROLL_JITTER_MS, CONFIG_LOG_ROLL_JITTER_HOURS, CONFIG_COUNT},
    {CONFIG_LOG_FLUSH_INTERVAL_MS, CONFIG_LOG_FLUSH_SCHEDULER_INTERVAL_MS, CONFIG_COUNT},
};

static int settings_family(enum config_id id, enum config_id family[SETTINGS_FAMILY_MAX])
{
    for (size_t i = 0; i < ARRAY_LEN(settings_families); i++) {
        if (settings_families[i][0] != id)
            continue;
        int count = 0;
        while (count < SETTINGS_FAMILY_MAX && settings_families[i][count] != CONFIG_COUNT) {
            family[count] = settings_families[i][count];
            count++;
        }
        return count;
    }
    family[0] = id;
    return 1;
}

static const char *settings_lookup(const struct settings *settings, enum settings_source source,
                                   enum config_id id)
{
    const struct config_row *row = config_row(id);
    char node[12];
    switch (source) {
    case SETTINGS_FROM_BROKER:
        snprintf(node, sizeof(node), "%" PRId32, settings->node_id);
        return image_config(settings->image, META__CONFIG_RECORD__RESOURCE__BROKER, node,
                            row->name);
    case SETTINGS_FROM_ALL_BROKERS:
        return image_config(settings->image, META__CONFIG_RECORD__RESOURCE__BROKER, "", row->name);
    case SETTINGS_FROM_FILE:
        return config_is_set(settings->config, id) ? config_str(settings->config, id) : NULL;
    default:
        return row->default_text;
    }
}

static void settings_add(struct setting *setting, const char *name, const char *value,
                         int8_t source)
{
    ASSERT(setting->synonym_count < SETTINGS_SYNONYMS_MAX);
    setting->synonyms[setting->synonym_count++] = (struct setting_synonym){
        .name = name, .value = setting->sensitive ? NULL : value, .source = source};
}

/* Source by source, in each the settings that say the same. */
static void settings_add_broker_chain(const struct settings *settings, enum config_id id,
                                      struct setting *setting)
{
    enum config_id family[SETTINGS_FAMILY_MAX];
    int count = settings_family(id, family);
    for (int source = SETTINGS_FROM_BROKER; source <= SETTINGS_FROM_DEFAULT; source++) {
        for (int i = 0; i < count; i++) {
            const char *value = settings_lookup(settings, source, family[i]);
            if (value)
                settings_add(setting, config_row(family[i])->name, value, (int8_t)source);
        }
    }
}

static void settings_begin(struct setting *setting, const struct config_row *row, const char *name)
{
    static const int8_t types[] = {
        [CONFIG_TYPE_BOOL] = 1,     [CONFIG_TYPE_STRING] = 2, [CONFIG_TYPE_INT] = 3,
        [CONFIG_TYPE_LONG] = 5,     [CONFIG_TYPE_DOUBLE] = 6, [CONFIG_TYPE_LIST] = 7,
        [CONFIG_TYPE_PASSWORD] = 9,
    };
    *setting = (struct setting){
        .name = name,
        .doc = row->doc,
        .type = types[row->type],
        .source = SETTINGS_FROM_DEFAULT,
        .sensitive = row->type == CONFIG_TYPE_PASSWORD,
    };
}

bool settings_is_topic(enum config_id id)
{
    return config_row(id)->topic_name != NULL;
}

bool settings_is_broker(enum config_id id)
{
    return !(config_row(id)->flags & CONFIG_TOPIC_ONLY);
}

size_t settings_topic_count(void)
{
    size_t count = 0;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++)
        count += settings_is_topic(id);
    return count;
}

/* What is in force when no topic says otherwise: what several older units say together is a number
 * that stands in no file. */
static int settings_print(const struct settings *settings, enum config_id id, const char **value)
{
    const struct config_row *row = config_row(id);
    bool number = row->type == CONFIG_TYPE_INT || row->type == CONFIG_TYPE_LONG;
    if (!number) {
        *value = config_str(settings->config, id);
        return 0;
    }
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRId64, config_int(settings->config, id));
    *value = arena_strndup(settings->arena, text, (size_t)len);
    return *value ? 0 : ERR_NO_MEMORY;
}

int settings_of_topic(const struct settings *settings, enum config_id id, struct setting *setting)
{
    const struct config_row *row = config_row(id);
    settings_begin(setting, row, row->topic_name);
    const char *own =
        settings->topic ? settings->topic(settings->topic_data, row->topic_name) : NULL;
    if (own)
        settings_add(setting, row->topic_name, own, SETTINGS_FROM_TOPIC);
    if (!(row->flags & CONFIG_TOPIC_ONLY))
        settings_add_broker_chain(settings, id, setting);
    if (setting->synonym_count)
        setting->source = setting->synonyms[0].source;
    if (setting->source <= SETTINGS_FROM_ALL_BROKERS) {
        setting->value = setting->synonyms[0].value;
        return 0;
    }
    return settings_print(settings, id, &setting->value);
}

void settings_of_broker(const struct settings *settings, enum config_id id, struct setting *setting)
{
    const struct config_row *row = config_row(id);
    settings_begin(setting, row, row->name);
    setting->read_only = !(row->flags & CONFIG_DYNAMIC);
    settings_add_broker_chain(settings, id, setting);
    if (setting->synonym_count == 0)
        return;
    setting->source = setting->synonyms[0].source;
    /* The value of another unit is no value of this setting, but both ids are one. */
    bool same = id == CONFIG_NODE_ID || id == CONFIG_BROKER_ID;
    if (same || setting->synonyms[0].name == row->name)
        setting->value = setting->synonyms[0].value;
}

void settings_of_all_brokers(const struct image_config *config, struct setting *setting)
{
    enum config_id id = config_find(config->key);
    /* What is not known may be a secret. */
    *setting = (struct setting){.read_only = true, .sensitive = true};
    if (id != CONFIG_COUNT)
        settings_begin(setting, config_row(id), config->key);
    setting->name = config->key;
    setting->value = setting->sensitive ? NULL : config->value;
    setting->source = SETTINGS_FROM_ALL_BROKERS;
    settings_add(setting, config->key, config->value, SETTINGS_FROM_ALL_BROKERS);
}
