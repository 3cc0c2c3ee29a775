/* Values and sources of settings. Nothing can fail but printing when memory is out. */
#include "broker/cluster/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
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

/* Both ids are one: each is told under the name that was asked for. */
static bool settings_is_id(enum config_id id)
{
    return id == CONFIG_NODE_ID || id == CONFIG_BROKER_ID;
}

/* ---- where a value is looked for ---- */

static void settings_own_name(const struct settings *settings, char name[12])
{
    snprintf(name, 12, "%" PRId32, settings->node_id);
}

/* What was set while the brokers ran, for this one or for all. */
static const char *settings_dynamic(const struct settings *settings, enum settings_source source,
                                    const char *key)
{
    char own[12];
    settings_own_name(settings, own);
    return image_config(settings->image, META__CONFIG_RECORD__RESOURCE__BROKER,
                        source == SETTINGS_FROM_BROKER ? own : "", key);
}

static const char *settings_lookup(const struct settings *settings, enum settings_source source,
                                   enum config_id id)
{
    const struct config_row *row = config_row(id);
    switch (source) {
    case SETTINGS_FROM_BROKER:
    case SETTINGS_FROM_ALL_BROKERS:
        return settings_dynamic(settings, source, row->name);
    case SETTINGS_FROM_FILE:
        return config_is_set(settings->config, id) ? config_str(settings->config, id) : NULL;
    default:
        return row->flags & CONFIG_OWN_DEFAULT ? NULL : row->default_text;
    }
}

static const char *settings_topic_own(const struct settings *settings, const struct config_row *row)
{
    return settings->topic ? settings->topic(settings->topic_data, row->topic_name) : NULL;
}

/* ---- what is made of it ---- */

static void settings_add(struct setting *setting, const char *name, const char *value,
                         int8_t source)
{
    ASSERT(setting->synonym_count < SETTINGS_SYNONYMS_MAX);
    setting->synonyms[setting->synonym_count++] = (struct setting_synonym){
        .name = name, .value = setting->sensitive ? NULL : value, .source = source};
}

/* Source by source, in each the settings that say the same. What comes before the first entry of
 * the setting's own name is left out. */
static void settings_add_broker_chain(const struct settings *settings, enum config_id id,
                                      struct setting *setting)
{
    enum config_id family[SETTINGS_FAMILY_MAX];
    int count = settings_family(id, family);
    bool begun = false;
    for (int source = SETTINGS_FROM_BROKER; source <= SETTINGS_FROM_DEFAULT; source++) {
        for (int i = 0; i < count; i++) {
            enum config_id name = settings_is_id(id) ? id : family[i];
            if (source == SETTINGS_FROM_DEFAULT && name != family[i])
                continue; /* the id under its other name */
            const char *value = settings_lookup(settings, source, family[i]);
            begun |= value && name == id;
            if (value && begun)
                settings_add(setting, config_row(name)->name, value, (int8_t)source);
        }
    }
}

static void settings_begin(struct setting *setting, const struct config_row *row, const char *name)
{
    static const int8_t types[] = {
        [CONFIG_TYPE_BOOL] = 1,  [CONFIG_TYPE_STRING] = 2, [CONFIG_TYPE_INT] = 3,
        [CONFIG_TYPE_SHORT] = 4, [CONFIG_TYPE_LONG] = 5,   [CONFIG_TYPE_DOUBLE] = 6,
        [CONFIG_TYPE_LIST] = 7,  [CONFIG_TYPE_CLASS] = 8,  [CONFIG_TYPE_PASSWORD] = 9,
    };
    *setting = (struct setting){
        .name = name,
        .doc = row->doc,
        .type = types[row->type],
        .source = SETTINGS_FROM_DEFAULT,
        .sensitive = row->type == CONFIG_TYPE_PASSWORD,
    };
}

/* Nothing is known of it: it may be a secret. */
static void settings_begin_unknown(struct setting *setting, const char *name)
{
    *setting = (struct setting){.name = name,
                                .doc = "Not known here; no effect.",
                                .source = SETTINGS_FROM_DEFAULT,
                                .read_only = true,
                                .sensitive = true};
}

static int settings_normal(const struct settings *settings, const struct config_row *row,
                           const char *text, const char **out)
{
    struct buf normal;
    buf_init(&normal);
    config_normal(row, text, &normal);
    *out = arena_strndup(settings->arena, buf_text(&normal), normal.len);
    buf_close(&normal);
    return *out ? 0 : ERR_NO_MEMORY;
}

/* ---- topics ---- */

bool settings_is_topic(const struct settings *settings, enum config_id id)
{
    const struct config_row *row = config_row(id);
    return row->topic_name &&
           (!(row->flags & CONFIG_NOT_TOLD) || settings_topic_own(settings, row));
}

size_t settings_topic_count(void)
{
    size_t count = 0;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++)
        count += config_row(id)->topic_name != NULL;
    return count;
}

int settings_of_topic(const struct settings *settings, enum config_id id, struct setting *setting)
{
    const struct config_row *row = config_row(id);
    settings_begin(setting, row, row->topic_name);
    const char *own = settings_topic_own(settings, row);
    const char *normal = own;
    if (own && !settings->raw && settings_normal(settings, row, own, &normal))
        return ERR_NO_MEMORY;
    if (own)
        settings_add(setting, row->topic_name, normal, SETTINGS_FROM_TOPIC);
    if (!(row->flags & CONFIG_TOPIC_ONLY))
        settings_add_broker_chain(settings, id, setting);
    if (setting->synonym_count)
        setting->source = setting->synonyms[0].source;
    bool set = setting->source <= SETTINGS_FROM_ALL_BROKERS;
    setting->value = set ? setting->synonyms[0].value : config_str(settings->config, id);
    if (own || (set && settings->raw))
        return 0;
    return settings_normal(settings, row, setting->value, &setting->value);
}

void settings_of_new_topic(const struct settings *settings, enum config_id id, const char *value,
                           bool from_file, struct setting *setting)
{
    const struct config_row *row = config_row(id);
    const char *own = settings_topic_own(settings, row);
    const char *all = row->flags & CONFIG_TOPIC_ONLY
                          ? NULL
                          : settings_dynamic(settings, SETTINGS_FROM_ALL_BROKERS, row->name);
    settings_begin(setting, row, row->topic_name);
    setting->value = own ? own : all ? all : value;
    setting->source = own         ? SETTINGS_FROM_TOPIC
                      : all       ? SETTINGS_FROM_ALL_BROKERS
                      : from_file ? SETTINGS_FROM_FILE
                                  : SETTINGS_FROM_DEFAULT;
}

/* ---- brokers ---- */

bool settings_is_broker(const struct settings *settings, enum config_id id)
{
    const struct config_row *row = config_row(id);
    if (row->flags & CONFIG_TOPIC_ONLY)
        return false;
    return !(row->flags & CONFIG_NOT_TOLD) || config_is_set(settings->config, id) ||
           settings_dynamic(settings, SETTINGS_FROM_BROKER, row->name) ||
           settings_dynamic(settings, SETTINGS_FROM_ALL_BROKERS, row->name);
}

/* The value of another unit is no value of this setting; a default of our own is one. */
int settings_of_broker(const struct settings *settings, enum config_id id, struct setting *setting)
{
    const struct config_row *row = config_row(id);
    settings_begin(setting, row, row->name);
    setting->read_only = !(row->flags & CONFIG_DYNAMIC);
    settings_add_broker_chain(settings, id, setting);
    if (setting->synonym_count) {
        setting->source = setting->synonyms[0].source;
        setting->value = setting->synonyms[0].value;
    } else if (row->flags & CONFIG_OWN_DEFAULT) {
        setting->value = config_str(settings->config, id);
    }
    return setting->value ? settings_normal(settings, row, setting->value, &setting->value) : 0;
}

/* ---- dynamic settings without a row ---- */

static const struct image_config *settings_dynamic_list(const struct settings *settings,
                                                        enum settings_source source, size_t *count)
{
    char own[12];
    settings_own_name(settings, own);
    return image_configs(settings->image, META__CONFIG_RECORD__RESOURCE__BROKER,
                         source == SETTINGS_FROM_BROKER ? own : "", count);
}

size_t settings_other_count(const struct settings *settings)
{
    size_t own, all;
    (void)settings_dynamic_list(settings, SETTINGS_FROM_BROKER, &own);
    (void)settings_dynamic_list(settings, SETTINGS_FROM_ALL_BROKERS, &all);
    return own + all;
}

bool settings_next_other(const struct settings *settings, size_t *cursor, const char **key)
{
    size_t own, all;
    const struct image_config *mine = settings_dynamic_list(settings, SETTINGS_FROM_BROKER, &own);
    const struct image_config *those =
        settings_dynamic_list(settings, SETTINGS_FROM_ALL_BROKERS, &all);
    while (*cursor < own + all) {
        size_t i = (*cursor)++;
        *key = i < own ? mine[i].key : those[i - own].key;
        bool twice = i >= own && settings_dynamic(settings, SETTINGS_FROM_BROKER, *key);
        if (!twice && config_find(*key) == CONFIG_COUNT)
            return true;
    }
    return false;
}

int settings_of_other(const struct settings *settings, const char *key, struct setting *setting)
{
    bool listener;
    enum config_id id = config_find_base(key, &listener);
    const struct config_row *row = id < CONFIG_COUNT ? config_row(id) : NULL;
    if (row)
        settings_begin(setting, row, key);
    else
        settings_begin_unknown(setting, key);
    setting->read_only = true; /* as Kafka says of each of them, though it was changed */
    for (int source = SETTINGS_FROM_BROKER; source <= SETTINGS_FROM_ALL_BROKERS; source++) {
        const char *value = settings_dynamic(settings, source, key);
        if (value)
            settings_add(setting, key, value, (int8_t)source);
    }
    if (row && row->default_text)
        settings_add(setting, row->name, row->default_text, SETTINGS_FROM_DEFAULT);
    setting->source = setting->synonyms[0].source;
    setting->value = setting->synonyms[0].value;
    return setting->value ? settings_normal(settings, row, setting->value, &setting->value) : 0;
}

void settings_of_all_brokers(const struct image_config *config, struct setting *setting)
{
    bool listener;
    enum config_id id = config_find_base(config->key, &listener);
    if (id < CONFIG_COUNT)
        settings_begin(setting, config_row(id), config->key);
    else
        settings_begin_unknown(setting, config->key);
    if (id < CONFIG_COUNT)
        setting->read_only = listener || !(config_row(id)->flags & CONFIG_DYNAMIC);
    setting->value = setting->sensitive ? NULL : config->value;
    setting->source = SETTINGS_FROM_ALL_BROKERS;
    settings_add(setting, config->key, config->value, SETTINGS_FROM_ALL_BROKERS);
}
