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

/* A default of our own, where Kafka has none, is not told as one. */
static const char *settings_lookup(const struct settings *settings, enum config_source source,
                                   enum config_id id)
{
    bool untold = source == CONFIG_FROM_DEFAULT && (config_row(id)->flags & CONFIG_OWN_DEFAULT);
    return untold ? NULL : config_chain_at(&settings->chain, source, id);
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
    for (enum config_source source = CONFIG_FROM_BROKER; source <= CONFIG_FROM_DEFAULT; source++) {
        for (int i = 0; i < count; i++) {
            enum config_id name = settings_is_id(id) ? id : family[i];
            if (source == CONFIG_FROM_DEFAULT && name != family[i])
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
        .source = CONFIG_FROM_DEFAULT,
        .sensitive = row->type == CONFIG_TYPE_PASSWORD,
    };
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
    return row->topic_name && (!(row->flags & CONFIG_NOT_TOLD) ||
                               config_chain_at(&settings->chain, CONFIG_FROM_TOPIC, id));
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
    const char *own = config_chain_at(&settings->chain, CONFIG_FROM_TOPIC, id);
    const char *normal = own;
    if (own && !settings->raw && settings_normal(settings, row, own, &normal))
        return ERR_NO_MEMORY;
    if (own)
        settings_add(setting, row->topic_name, normal, CONFIG_FROM_TOPIC);
    if (!(row->flags & CONFIG_TOPIC_ONLY))
        settings_add_broker_chain(settings, id, setting);
    if (setting->synonym_count)
        setting->source = setting->synonyms[0].source;
    bool set = setting->source <= CONFIG_FROM_ALL_BROKERS;
    setting->value = set ? setting->synonyms[0].value : config_str(settings->chain.config, id);
    if (own || (set && settings->raw))
        return 0;
    return settings_normal(settings, row, setting->value, &setting->value);
}

void settings_of_new_topic(const struct settings *settings, enum config_id id, const char *value,
                           bool from_file, struct setting *setting)
{
    struct config_parsed found;
    const struct config_row *row = config_row(id);
    enum config_source source = config_chain_find(&settings->chain, CONFIG_FROM_TOPIC, id, &found);
    bool told = source >= CONFIG_FROM_FILE;
    settings_begin(setting, row, row->topic_name);
    setting->value = told ? value : found.text;
    setting->source = (int8_t)(!told ? source : from_file ? CONFIG_FROM_FILE : CONFIG_FROM_DEFAULT);
}

/* ---- brokers ---- */

bool settings_is_broker(const struct settings *settings, enum config_id id)
{
    const struct config_row *row = config_row(id);
    if (row->flags & CONFIG_TOPIC_ONLY)
        return false;
    bool set = false;
    for (enum config_source source = CONFIG_FROM_BROKER; source < CONFIG_FROM_DEFAULT; source++)
        set |= config_chain_at(&settings->chain, source, id) != NULL;
    return set || !(row->flags & CONFIG_NOT_TOLD);
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
        setting->value = config_str(settings->chain.config, id);
    }
    return setting->value ? settings_normal(settings, row, setting->value, &setting->value) : 0;
}

bool settings_of_all_brokers(const struct settings *settings, enum config_id id,
                             struct setting *setting)
{
    const struct config_row *row = config_row(id);
    const char *value = config_chain_at(&settings->chain, CONFIG_FROM_ALL_BROKERS, id);
    if (!value)
        return false;
    settings_begin(setting, row, row->name);
    setting->value = setting->sensitive ? NULL : value;
    setting->source = CONFIG_FROM_ALL_BROKERS;
    settings_add(setting, row->name, value, CONFIG_FROM_ALL_BROKERS);
    return true;
}

/* ---- client metrics ---- */

int settings_of_metrics(const struct settings *settings, const char *name,
                        enum config_metrics_id id, struct setting *setting)
{
    const struct config_row *row = config_metrics_row(id);
    settings_begin(setting, row, row->name);
    const char *own = image_config(settings->chain.image,
                                   META__CONFIG_RECORD__RESOURCE__CLIENT_METRICS, name, row->name);
    int err = settings_normal(settings, row, own ? own : row->default_text, &setting->value);
    if (!err && own) {
        setting->source = CONFIG_FROM_METRICS;
        settings_add(setting, row->name, setting->value, CONFIG_FROM_METRICS);
    }
    return err;
}

/* ---- groups ---- */

int settings_of_group(const struct settings *settings, const char *name, enum config_group_id id,
                      struct setting *setting)
{
    const struct config_row *row = config_group_row(id);
    const struct config *config = settings->chain.config;
    const char *own =
        image_config(settings->chain.image, META__CONFIG_RECORD__RESOURCE__GROUP, name, row->name);
    struct config_parsed base;
    char text[2][24];
    (void)config_chain_find(&settings->chain, CONFIG_FROM_BROKER, config_group_base(id), &base);
    int64_t value =
        config_group_value(id, own, base.number, config_int(config, config_group_min(id)),
                           config_int(config, config_group_max(id)));
    snprintf(text[0], sizeof(text[0]), "%" PRId64, value);
    snprintf(text[1], sizeof(text[1]), "%" PRId64, base.number);
    settings_begin(setting, row, row->name);
    setting->value = arena_strndup(settings->arena, text[0], strlen(text[0]));
    const char *other = arena_strndup(settings->arena, text[1], strlen(text[1]));
    if (own) {
        setting->source = CONFIG_FROM_GROUP;
        settings_add(setting, row->name, setting->value, CONFIG_FROM_GROUP);
    }
    settings_add(setting, row->name, other, CONFIG_FROM_DEFAULT);
    return setting->value && other ? 0 : ERR_NO_MEMORY;
}
