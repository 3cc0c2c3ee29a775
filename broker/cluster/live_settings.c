/* The settings in force. Nothing fails: a dynamic value that can't be read (an older release let it
 * in) counts as not set. */
#include "broker/cluster/live_settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

static const Meta__ConfigRecord__Resource of_topic = META__CONFIG_RECORD__RESOURCE__TOPIC;
static const Meta__ConfigRecord__Resource of_broker = META__CONFIG_RECORD__RESOURCE__BROKER;

/* Where the settings of a topic are looked for. */
struct live_source {
    const struct live_settings *live;
    const struct image *image;
    const char *topic;
    bool of_brokers; /* there are dynamic settings of brokers: mostly there are none */
};

void live_settings_init(struct live_settings *live, const struct config *config,
                        const struct metadata *metadata, int32_t node_id)
{
    *live = (struct live_settings){.config = config, .metadata = metadata};
    snprintf(live->own_name, sizeof(live->own_name), "%" PRId32, node_id);
}

bool live_settings_concern(const struct live_settings *live, const char *name)
{
    return name[0] == '\0' || strcmp(name, live->own_name) == 0;
}

/* Dynamic settings of this broker win over those of all brokers. */
static const char *live_of_broker(const struct live_settings *live, const struct image *image,
                                  const char *name)
{
    const char *value = image_config(image, of_broker, live->own_name, name);
    return value ? value : image_config(image, of_broker, "", name);
}

int64_t live_settings_int(const struct live_settings *live, enum config_id id)
{
    const char *value = live_of_broker(live, metadata_image(live->metadata), config_row(id)->name);
    return config_int_or(live->config, id, value);
}

/* ---- topics ---- */

static struct live_source live_source_of(const struct live_settings *live, const char *topic)
{
    const struct image *image = metadata_image(live->metadata);
    size_t own, all;
    image_configs(image, of_broker, live->own_name, &own);
    image_configs(image, of_broker, "", &all);
    return (struct live_source){live, image, topic, own + all > 0};
}

static const char *live_override(void *data, const char *key)
{
    const struct live_source *source = data;
    const char *value = image_config(source->image, of_topic, source->topic, key);
    if (value || !source->of_brokers)
        return value;
    return live_of_broker(source->live, source->image, config_row(config_find_topic(key))->name);
}

int64_t live_settings_topic_int(const struct live_settings *live, const char *topic,
                                enum config_id id)
{
    struct live_source source = live_source_of(live, topic);
    return config_topic_int(live->config, live_override, &source, id);
}

/* internal.segment.bytes, where it is set, is for tests. */
static int64_t live_segment_bytes(struct live_source *source)
{
    const struct config *config = source->live->config;
    int64_t internal =
        config_topic_int(config, live_override, source, CONFIG_INTERNAL_SEGMENT_BYTES);
    if (internal > 0)
        return internal;
    return config_topic_int(config, live_override, source, CONFIG_LOG_SEGMENT_BYTES);
}

static int8_t live_codec(const char *name)
{
    static const char *const names[] = {"uncompressed", "gzip", "snappy", "lz4", "zstd"};
    for (int8_t i = 0; i < (int8_t)ARRAY_LEN(names); i++)
        if (config_is_word(name, names[i]))
            return i;
    return -1; /* producer */
}

void live_settings_log(const struct live_settings *live, const char *topic,
                       struct log_config *config)
{
    struct live_source source = live_source_of(live, topic);
    const struct config *base = live->config;
#define TOPIC_INT(id) config_topic_int(base, live_override, &source, id)
#define TOPIC_STR(id) config_topic_str(base, live_override, &source, id)
    const char *cleanup = TOPIC_STR(CONFIG_LOG_CLEANUP_POLICY);
    *config = (struct log_config){
        .segment_bytes = live_segment_bytes(&source),
        .segment_ms = TOPIC_INT(CONFIG_LOG_ROLL_MS),
        .segment_jitter_ms = TOPIC_INT(CONFIG_LOG_ROLL_JITTER_MS),
        .segment_index_bytes = TOPIC_INT(CONFIG_LOG_INDEX_SIZE_MAX_BYTES),
        .index_interval_bytes = TOPIC_INT(CONFIG_LOG_INDEX_INTERVAL_BYTES),
        .retention_bytes = TOPIC_INT(CONFIG_LOG_RETENTION_BYTES),
        .retention_ms = TOPIC_INT(CONFIG_LOG_RETENTION_MS),
        .file_delete_delay_ms = TOPIC_INT(CONFIG_LOG_SEGMENT_DELETE_DELAY_MS),
        .flush_messages = TOPIC_INT(CONFIG_LOG_FLUSH_INTERVAL_MESSAGES),
        .flush_ms = TOPIC_INT(CONFIG_LOG_FLUSH_INTERVAL_MS),
        .max_message_bytes = TOPIC_INT(CONFIG_MESSAGE_MAX_BYTES),
        .log_append_time =
            config_is_word(TOPIC_STR(CONFIG_LOG_MESSAGE_TIMESTAMP_TYPE), "LogAppendTime"),
        .timestamp_before_max_ms = TOPIC_INT(CONFIG_LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS),
        .timestamp_after_max_ms = TOPIC_INT(CONFIG_LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS),
        .cleanup_delete = strstr(cleanup, "delete") != NULL,
        .cleanup_compact = strstr(cleanup, "compact") != NULL,
        .delete_retention_ms = TOPIC_INT(CONFIG_LOG_CLEANER_DELETE_RETENTION_MS),
        .min_compaction_lag_ms = TOPIC_INT(CONFIG_LOG_CLEANER_MIN_COMPACTION_LAG_MS),
        .max_compaction_lag_ms = TOPIC_INT(CONFIG_LOG_CLEANER_MAX_COMPACTION_LAG_MS),
        .min_cleanable_dirty_ratio = config_topic_double(base, live_override, &source,
                                                         CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO),
        .compression = live_codec(TOPIC_STR(CONFIG_COMPRESSION_TYPE)),
        .headers_only =
            config_is_word(config_str(base, CONFIG_PRODUCE_BATCH_VALIDATION), "headers"),
        .producer_id_expiration_ms = live_settings_int(live, CONFIG_PRODUCER_ID_EXPIRATION_MS),
    };
#undef TOPIC_INT
#undef TOPIC_STR
}
