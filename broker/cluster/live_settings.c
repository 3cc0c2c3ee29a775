/* The settings in force.
 *
 * Happy path: a record changes a setting of this broker or of all, the values are worked out again,
 * and at the end of the frame each subscriber of one that changed is told. Nothing fails: the chain
 * passes over what can't be taken. */
#include "broker/cluster/live_settings.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "kafka/compress.h"

struct live_value {
    struct config_parsed now; /* its text is `text` */
    char *text;
};

struct live_settings {
    const struct config *config;
    struct metadata *metadata;
    struct metadata_listener listener;
    int32_t node_id;
    struct list subscribers;
    struct live_value values[CONFIG_COUNT]; /* of those that are live */
};

/* ---- values of the broker ---- */

bool live_settings_is_live(enum config_id id)
{
    unsigned flags = config_row(id)->flags;
    return (flags & CONFIG_DYNAMIC) &&
           !(flags & (CONFIG_NO_EFFECT | CONFIG_TOPIC_ONLY | CONFIG_AT_CONTROLLER));
}

struct config_chain live_settings_chain(const struct live_settings *live)
{
    struct config_chain chain;
    config_chain_init(&chain, live->config, metadata_image(live->metadata), live->node_id);
    return chain;
}

static const struct config_parsed *live_value(const struct live_settings *live, enum config_id id)
{
    ASSERT(id < CONFIG_COUNT);
    return live_settings_is_live(id) ? &live->values[id].now : config_value(live->config, id);
}

static bool live_is_same(const struct config_parsed *a, const struct config_parsed *b)
{
    if (!a->text || !b->text)
        return a->text == b->text && a->number == b->number;
    return a->number == b->number && a->real == b->real && strcmp(a->text, b->text) == 0;
}

/* Text is copied: that of the image goes with its record. */
static void live_keep(struct live_value *value, const struct config_parsed *parsed)
{
    mem_free(value->text);
    value->text = parsed->text ? mem_strdup(parsed->text) : NULL;
    value->now = *parsed;
    value->now.text = value->text;
    ASSERT((value->text == NULL) == (value->now.text == NULL));
}

static void live_mark(struct live_settings *live, enum config_id id)
{
    ASSERT(live_settings_is_live(id));
    LIST_EACH(step, &live->subscribers) {
        struct live_subscriber *subscriber = LIST_ENTRY(step, struct live_subscriber, link);
        for (size_t i = 0; i < subscriber->count; i++)
            subscriber->due |= subscriber->ids[i] == id;
    }
}

static void live_work_out(struct live_settings *live)
{
    struct config_chain chain = live_settings_chain(live);
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        struct config_parsed parsed;
        if (!live_settings_is_live(id))
            continue;
        (void)config_chain_find(&chain, CONFIG_FROM_BROKER, id, &parsed);
        if (live_is_same(&live->values[id].now, &parsed))
            continue;
        live_keep(&live->values[id], &parsed);
        live_mark(live, id);
    }
}

static void live_config_changed(void *data, Meta__ConfigRecord__Resource resource, const char *name,
                                const char *key)
{
    struct live_settings *live = data;
    (void)key;
    if (resource == META__CONFIG_RECORD__RESOURCE__BROKER &&
        (name[0] == '\0' || strcmp(name, live_settings_chain(live).broker) == 0))
        live_work_out(live);
}

static void live_replaced(void *data)
{
    live_work_out(data);
}

static void live_settled(void *data)
{
    struct live_settings *live = data;
    LIST_EACH(step, &live->subscribers) {
        struct live_subscriber *subscriber = LIST_ENTRY(step, struct live_subscriber, link);
        if (!subscriber->due)
            continue;
        subscriber->due = false;
        subscriber->changed(subscriber->data);
    }
}

void live_settings_reload(struct live_settings *live, const struct config *config)
{
    ASSERT(config != NULL);
    live->config = config;
    live_work_out(live);
    live_settled(live);
}

/* ---- subscribers ---- */

void live_settings_subscribe(struct live_settings *live, struct live_subscriber *subscriber)
{
    for (size_t i = 0; i < subscriber->count; i++)
        ASSERT(live_settings_is_live(subscriber->ids[i]));
    ASSERT(subscriber->changed != NULL);
    ASSERT(subscriber->count == 0 || subscriber->ids != NULL);
    subscriber->due = false;
    list_init(&subscriber->link);
    list_push(&live->subscribers, &subscriber->link);
}

void live_settings_unsubscribe(struct live_subscriber *subscriber)
{
    list_remove(&subscriber->link);
}

bool live_settings_is_subscribed(const struct live_settings *live, enum config_id id)
{
    LIST_EACH(step, &live->subscribers) {
        const struct live_subscriber *subscriber = LIST_ENTRY(step, struct live_subscriber, link);
        for (size_t i = 0; i < subscriber->count; i++)
            if (subscriber->ids[i] == id)
                return true;
    }
    return false;
}

void live_settings_check(const struct live_settings *live)
{
    for (enum config_id id = 0; id < CONFIG_COUNT; id++)
        ASSERT(!live_settings_is_live(id) || live_settings_is_subscribed(live, id));
}

/* ---- life ---- */

struct live_settings *live_settings_new(const struct config *config, struct metadata *metadata,
                                        int32_t node_id)
{
    struct live_settings *live = mem_alloc(sizeof(*live));
    ASSERT(config != NULL);
    ASSERT(metadata != NULL);
    live->config = config;
    live->metadata = metadata;
    live->node_id = node_id;
    list_init(&live->subscribers);
    live_work_out(live);
    live->listener = (struct metadata_listener){.config_changed = live_config_changed,
                                                .replaced = live_replaced,
                                                .settled = live_settled,
                                                .data = live};
    metadata_listen(metadata, &live->listener);
    return live;
}

void live_settings_free(struct live_settings *live)
{
    if (!live)
        return;
    list_remove(&live->listener.link);
    for (size_t i = 0; i < CONFIG_COUNT; i++)
        mem_free(live->values[i].text);
    mem_free(live);
}

int64_t live_settings_int(const struct live_settings *live, enum config_id id)
{
    enum config_type type = config_row(id)->type;
    ASSERT(type == CONFIG_TYPE_SHORT || type == CONFIG_TYPE_INT || type == CONFIG_TYPE_LONG);
    return live_value(live, id)->number;
}

bool live_settings_bool(const struct live_settings *live, enum config_id id)
{
    ASSERT(config_row(id)->type == CONFIG_TYPE_BOOL);
    return live_value(live, id)->number != 0;
}

const char *live_settings_text(const struct live_settings *live, enum config_id id)
{
    const char *text = live_value(live, id)->text;
    return text ? text : "";
}

/* ---- topics ---- */

/* The topic's own value, else the broker's. */
static struct config_parsed live_of_topic(const struct live_settings *live,
                                          const struct config_chain *chain, enum config_id id)
{
    struct config_parsed parsed;
    const char *own = config_chain_at(chain, CONFIG_FROM_TOPIC, id);
    return own && config_parse(config_row(id), own, &parsed) ? parsed : *live_value(live, id);
}

static void live_take_policy(struct log_config *config, const struct config_parsed *value)
{
    ASSERT(value->text != NULL);
    config->cleanup_delete = strstr(value->text, "delete") != NULL;
    config->cleanup_compact = strstr(value->text, "compact") != NULL;
}

static void live_take_time(struct log_config *config, const struct config_parsed *value)
{
    ASSERT(value->text != NULL);
    config->log_append_time = config_is_word(value->text, "LogAppendTime");
}

static void live_take_ratio(struct log_config *config, const struct config_parsed *value)
{
    config->min_cleanable_dirty_ratio = value->real;
}

static void live_take_codec(struct log_config *config, const struct config_parsed *value)
{
    static const char *const names[] = {"uncompressed", "gzip", "snappy", "lz4", "zstd"};
    ASSERT(value->text != NULL);
    config->compression = -1; /* producer */
    config->compression_level = COMPRESS_LEVEL_DEFAULT;
    for (int8_t i = 0; i < (int8_t)ARRAY_LEN(names); i++)
        if (config_is_word(value->text, names[i]))
            config->compression = i;
}

static void live_take_gzip(struct log_config *config, const struct config_parsed *value)
{
    if (config->compression == COMPRESS_GZIP)
        config->compression_level = (int32_t)value->number;
}

/* Kafka's default, 9, stands for the fast compressor. */
static void live_take_lz4(struct log_config *config, const struct config_parsed *value)
{
    enum { LIVE_LZ4_FAST = 9 };
    if (config->compression == COMPRESS_LZ4 && value->number != LIVE_LZ4_FAST)
        config->compression_level = (int32_t)value->number;
}

static void live_take_zstd(struct log_config *config, const struct config_parsed *value)
{
    if (config->compression == COMPRESS_ZSTD)
        config->compression_level = (int32_t)value->number;
}

/* What a log is told, in this order: a whole number goes into its member, other values are taken
 * by a function. */
#define LIVE_TOPIC_FIELDS(NUMBER, TAKEN)                                                           \
    NUMBER(CONFIG_LOG_SEGMENT_BYTES, log.segment_bytes)                                            \
    NUMBER(CONFIG_LOG_ROLL_MS, log.segment_ms)                                                     \
    NUMBER(CONFIG_LOG_ROLL_JITTER_MS, log.segment_jitter_ms)                                       \
    NUMBER(CONFIG_LOG_INDEX_SIZE_MAX_BYTES, log.segment_index_bytes)                               \
    NUMBER(CONFIG_LOG_INDEX_INTERVAL_BYTES, log.index_interval_bytes)                              \
    NUMBER(CONFIG_LOG_RETENTION_BYTES, log.retention_bytes)                                        \
    NUMBER(CONFIG_LOG_RETENTION_MS, log.retention_ms)                                              \
    NUMBER(CONFIG_LOG_SEGMENT_DELETE_DELAY_MS, log.file_delete_delay_ms)                           \
    NUMBER(CONFIG_LOG_FLUSH_INTERVAL_MESSAGES, log.flush_messages)                                 \
    NUMBER(CONFIG_LOG_FLUSH_INTERVAL_MS, log.flush_ms)                                             \
    NUMBER(CONFIG_MESSAGE_MAX_BYTES, log.max_message_bytes)                                        \
    NUMBER(CONFIG_LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS, log.timestamp_before_max_ms)                \
    NUMBER(CONFIG_LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS, log.timestamp_after_max_ms)                  \
    NUMBER(CONFIG_LOG_CLEANER_DELETE_RETENTION_MS, log.delete_retention_ms)                        \
    NUMBER(CONFIG_LOG_CLEANER_MIN_COMPACTION_LAG_MS, log.min_compaction_lag_ms)                    \
    NUMBER(CONFIG_LOG_CLEANER_MAX_COMPACTION_LAG_MS, log.max_compaction_lag_ms)                    \
    NUMBER(CONFIG_PRODUCER_ID_EXPIRATION_MS, log.producer_id_expiration_ms)                        \
    NUMBER(CONFIG_MIN_INSYNC_REPLICAS, min_insync)                                                 \
    TAKEN(CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO, live_take_ratio)                                 \
    TAKEN(CONFIG_LOG_MESSAGE_TIMESTAMP_TYPE, live_take_time)                                       \
    TAKEN(CONFIG_LOG_CLEANUP_POLICY, live_take_policy)                                             \
    TAKEN(CONFIG_COMPRESSION_TYPE, live_take_codec)                                                \
    TAKEN(CONFIG_COMPRESSION_GZIP_LEVEL, live_take_gzip)                                           \
    TAKEN(CONFIG_COMPRESSION_LZ4_LEVEL, live_take_lz4)                                             \
    TAKEN(CONFIG_COMPRESSION_ZSTD_LEVEL, live_take_zstd)

#define LIVE_ID(id, ...) id,
static const enum config_id live_topic_ids[] = {LIVE_TOPIC_FIELDS(LIVE_ID, LIVE_ID)};

const enum config_id *live_settings_topic_ids(size_t *count)
{
    *count = ARRAY_LEN(live_topic_ids);
    return live_topic_ids;
}

static struct config_chain live_topic_chain(const struct live_settings *live, const char *topic)
{
    struct config_chain chain = live_settings_chain(live);
    size_t own;
    (void)image_configs(chain.image, META__CONFIG_RECORD__RESOURCE__TOPIC, topic, &own);
    chain.topic = own > 0 ? topic : NULL; /* as a rule none: a start asks this of each partition */
    return chain;
}

const char *live_settings_topic_text(const struct live_settings *live, const char *topic,
                                     enum config_id id)
{
    struct config_chain chain = live_topic_chain(live, topic);
    ASSERT(topic != NULL);
    return live_of_topic(live, &chain, id).text;
}

void live_settings_topic(const struct live_settings *live, const char *topic,
                         struct live_topic *settings)
{
    struct config_parsed value;
    struct config_chain chain = live_topic_chain(live, topic);
    *settings = (struct live_topic){
        .log.headers_only =
            config_is_word(config_str(live->config, CONFIG_PRODUCE_BATCH_VALIDATION), "headers")};
#define LIVE_NUMBER(id, member)                                                                    \
    value = live_of_topic(live, &chain, id);                                                       \
    settings->member = value.number;
#define LIVE_TAKEN(id, take)                                                                       \
    value = live_of_topic(live, &chain, id);                                                       \
    take(&settings->log, &value);
    LIVE_TOPIC_FIELDS(LIVE_NUMBER, LIVE_TAKEN)
    value = live_of_topic(live, &chain, CONFIG_INTERNAL_SEGMENT_BYTES);
    if (value.number > 0)
        settings->log.segment_bytes = value.number; /* for tests: it wins where it is set */
}
