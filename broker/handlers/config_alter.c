/* Changing settings. Happy path: each resource is checked, those that pass go to the controller in
 * one command, which checks the values of topics once more and writes. Failure modes: one bad
 * entry refuses its resource, others go through.
 *
 * APPEND and SUBTRACT start from the value in force. The controller knows the dynamic value only,
 * so where there is none they are sent as a SET of what comes out for the default. */
#include "broker/handlers/config_alter.h"

#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "broker/broker.h"
#include "broker/handlers/logger_settings.h"
#include "broker/handlers/nodes.h"
#include "broker/handlers/origin.h"
#include "broker/handlers/resources.h"
#include "kafka/config.h"
#include "meta/config_list.h"

enum { CONFIG_ALTER_NOTE_MAX = 512 }; /* bytes of names in one line of the log */

int config_alter_refuse(struct config_alter *alter, struct config_alter_resource *resource, int err,
                        const char *format, ...)
{
    struct buf text;
    va_list args;
    buf_init(&text);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    resource->error_code = err_to_wire(err);
    resource->message = command_keep(&alter->request->arena, buf_text(&text));
    buf_close(&text);
    return err;
}

/* ---- one entry ---- */

static const struct config_row *config_alter_row(const struct config_alter_resource *resource,
                                                 const char *key)
{
    bool listener;
    enum config_id id = resource->type == RESOURCES_TOPIC ? config_find_topic(key)
                                                          : config_find_base(key, &listener);
    return id == CONFIG_COUNT ? NULL : config_row(id);
}

/* What is wrong with the names of settings of a broker, in Kafka's words. A value of an unknown
 * name is kept and shown as a secret, as Kafka does. */
enum config_alter_wrong {
    CONFIG_ALTER_FIXED,
    CONFIG_ALTER_LISTENER_ONLY,
    CONFIG_ALTER_BROKER_ONLY,
    CONFIG_ALTER_WRONGS
};

static const char *const config_alter_sentences[CONFIG_ALTER_WRONGS] = {
    [CONFIG_ALTER_FIXED] = "Cannot update these configs dynamically: ",
    [CONFIG_ALTER_LISTENER_ONLY] = "These security configs can be dynamically updated only "
                                   "per-listener using the listener prefix: ",
    [CONFIG_ALTER_BROKER_ONLY] = "Cannot update these configs at default cluster level, broker id "
                                 "must be specified: ",
};

static bool config_alter_is_wrong(const struct config_alter_resource *resource, const char *key,
                                  enum config_alter_wrong wrong)
{
    bool listener;
    enum config_id id = config_find_base(key, &listener);
    unsigned flags = id < CONFIG_COUNT && !listener ? config_row(id)->flags : CONFIG_DYNAMIC;
    switch (wrong) {
    case CONFIG_ALTER_FIXED:
        return !(flags & CONFIG_DYNAMIC);
    case CONFIG_ALTER_LISTENER_ONLY:
        return flags & CONFIG_PER_LISTENER;
    default:
        return wire_str_is_empty(resource->name) && !config_is_for_all(id, listener);
    }
}

/* Names all settings that are wrong in the same way. Taking a value back is never wrong. */
static int config_alter_check_names(struct config_alter *alter,
                                    struct config_alter_resource *resource,
                                    const Meta__AlterConfigs__Resource *out)
{
    for (enum config_alter_wrong wrong = 0; wrong < CONFIG_ALTER_WRONGS; wrong++) {
        struct buf names;
        buf_init(&names);
        for (size_t i = 0; i < out->n_entries; i++)
            if (out->entries[i]->operation != META__CONFIG_ENTRY__OPERATION__DELETE &&
                config_alter_is_wrong(resource, out->entries[i]->key, wrong))
                buf_printf(&names, "%s%s", names.len ? ", " : "", out->entries[i]->key);
        bool found = names.len > 0;
        if (found)
            config_alter_refuse(alter, resource, ERR_INVALID_REQUEST, "%s[%s]",
                                config_alter_sentences[wrong], buf_text(&names));
        buf_close(&names);
        if (found)
            return ERR_INVALID_REQUEST;
    }
    return 0;
}

/* What Kafka's log cleaner says to a number of threads, although they change nothing here. The
 * value is checked. */
static int config_alter_check_cleaners(const struct broker *broker, const char *value,
                                       struct buf *problem)
{
    int64_t threads = config_int_or(broker->config, CONFIG_LOG_CLEANER_THREADS, value);
    int64_t now = live_settings_int(&broker->live, CONFIG_LOG_CLEANER_THREADS);
    if (threads < 1)
        buf_printf(problem, "Log cleaner threads should be at least 1");
    else if (threads < now / 2 || threads > now * 2)
        buf_printf(problem, "Log cleaner threads cannot be %s the current value %lld",
                   threads < now ? "reduced to less than half" : "increased to more than double",
                   (long long)now);
    return problem->len ? ERR_INVALID_CONFIG : 0;
}

/* The table of settings knows the values, this broker the rest. */
static int config_alter_check_broker(const struct broker *broker, struct wire_str name,
                                     const struct config_row *row, const char *key,
                                     const char *value, struct buf *problem)
{
    int err = config_check_value(row, key, value, problem);
    if (!err && row == config_row(CONFIG_LOG_CLEANER_THREADS))
        err = config_alter_check_cleaners(broker, value, problem);
    else if (!err && row == config_row(CONFIG_CORDONED_LOG_DIRS) &&
             wire_str_is(name, broker->live.own_name))
        err = config_check_cordoned(broker->config, value, problem);
    return err;
}

static int config_alter_check_value(struct config_alter *alter,
                                    struct config_alter_resource *resource,
                                    const struct config_alter_entry *entry, const char *key,
                                    const char *value)
{
    const struct config_row *row = config_alter_row(resource, key);
    bool append = entry->operation == CONFIG_ALTER_APPEND;
    bool list = append || entry->operation == CONFIG_ALTER_SUBTRACT;
    if (list && !row)
        return config_alter_refuse(alter, resource, ERR_INVALID_CONFIG, "Unknown config name: %s",
                                   key);
    if (list && row->type != CONFIG_TYPE_LIST)
        return config_alter_refuse(alter, resource, ERR_INVALID_CONFIG,
                                   "Can't %s to key %s because its type is not LIST.",
                                   append ? "APPEND" : "SUBTRACT", key);
    bool topic = resource->type == RESOURCES_TOPIC;
    /* What is added to these is wrong by itself. */
    bool part = append && row == config_row(CONFIG_CORDONED_LOG_DIRS);
    if ((entry->operation != CONFIG_ALTER_SET && !part) || (!row && !topic))
        return 0;
    struct buf problem;
    buf_init(&problem);
    int err = topic ? config_topic_check(key, value, &problem)
                    : config_alter_check_broker(alter->request->broker, resource->name, row, key,
                                                value, &problem);
    if (err) /* Kafka's code for a bad value differs between the two */
        config_alter_refuse(alter, resource, topic ? err : ERR_INVALID_REQUEST, "%s",
                            buf_text(&problem));
    buf_close(&problem);
    return err;
}

static int config_alter_check_entry(struct config_alter *alter,
                                    struct config_alter_resource *resource,
                                    const struct config_alter_entry *entry)
{
    if (entry->operation < CONFIG_ALTER_SET || entry->operation > CONFIG_ALTER_SUBTRACT)
        return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                                   "Unknown operation type %d.", entry->operation);
    if (entry->operation != CONFIG_ALTER_DELETE && wire_str_is_null(entry->value))
        return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                                   "Null value not supported for : %.*s",
                                   WIRE_STR_ARGS(entry->name));
    return 0;
}

/* ---- lists ---- */

/* Turns APPEND and SUBTRACT into SET when no dynamic value is there. */
static int config_alter_resolve_list(struct config_alter *alter,
                                     const struct config_alter_resource *resource, const char *name,
                                     Meta__ConfigEntry *entry)
{
    const struct image *image = nodes_image(alter->request);
    bool append = entry->operation == META__CONFIG_ENTRY__OPERATION__APPEND;
    Meta__ConfigRecord__Resource type = (Meta__ConfigRecord__Resource)resource->type;
    const struct config_row *row = config_alter_row(resource, entry->key);
    if (!row || image_config(image, type, name, entry->key))
        return 0;
    enum config_id id = config_find(row->name);
    const char *base = row->flags & CONFIG_TOPIC_ONLY
                           ? row->default_text
                           : config_str(alter->request->broker->config, id);
    base = base ? base : "";
    char *value = arena_alloc(&alter->request->arena, strlen(base) + strlen(entry->value) + 2);
    if (!value)
        return ERR_NO_MEMORY;
    config_list_change(base, entry->value, append, value);
    entry->value = value;
    entry->operation = META__CONFIG_ENTRY__OPERATION__SET;
    return 0;
}

/* ---- one resource ---- */

static int config_alter_fill_entry(struct config_alter *alter,
                                   struct config_alter_resource *resource,
                                   const struct config_alter_entry *entry, Meta__ConfigEntry *out)
{
    struct arena *arena = &alter->request->arena;
    int err = config_alter_check_entry(alter, resource, entry);
    if (err)
        return err;
    err = command_text(arena, entry->name, &out->key);
    if (!err)
        err = command_text(arena, entry->value, &out->value);
    if (err == ERR_INVALID)
        return config_alter_refuse(alter, resource, ERR_INVALID_CONFIG,
                                   "A setting must not contain a NUL character.");
    out->operation = (Meta__ConfigEntry__Operation)entry->operation;
    return err;
}

static int config_alter_check_all(struct config_alter *alter,
                                  struct config_alter_resource *resource,
                                  Meta__AlterConfigs__Resource *out)
{
    int err =
        resource->type == RESOURCES_BROKER ? config_alter_check_names(alter, resource, out) : 0;
    for (size_t i = 0; !err && i < out->n_entries; i++) {
        const struct config_alter_entry *entry = &resource->entries[i];
        err = config_alter_check_value(alter, resource, entry, out->entries[i]->key,
                                       out->entries[i]->value);
        if (!err && entry->operation >= CONFIG_ALTER_APPEND)
            err = config_alter_resolve_list(alter, resource, out->name, out->entries[i]);
    }
    return err;
}

static int config_alter_fill(struct config_alter *alter, struct config_alter_resource *resource,
                             Meta__AlterConfigs__Resource *out)
{
    struct arena *arena = &alter->request->arena;
    size_t count = (size_t)resource->entry_count;
    if (resource->type == RESOURCES_BROKER_LOGGER) /* only single levels can be changed */
        return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST, "Unknown resource type %d",
                                   resource->type);
    if (resource->type != RESOURCES_TOPIC && resource->type != RESOURCES_BROKER)
        return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                                   "Settings of resource type %d can't be changed here.",
                                   resource->type);
    if (resource->type == RESOURCES_TOPIC && wire_str_is_empty(resource->name))
        return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                                   "Default topic resources are not allowed.");
    int err = command_text(arena, resource->name, &out->name);
    if (err == ERR_INVALID)
        return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                                   "The name contains a NUL character.");
    out->type = (Meta__ConfigRecord__Resource)resource->type;
    out->replace_all = alter->replace_all;
    out->n_entries = count;
    out->entries = command_messages(arena, count, &meta__config_entry__descriptor);
    if (err || !out->entries)
        return ERR_NO_MEMORY;
    for (size_t i = 0; !err && i < count; i++)
        err = config_alter_fill_entry(alter, resource, &resource->entries[i], out->entries[i]);
    return err ? err : config_alter_check_all(alter, resource, out);
}

/* ---- the request ---- */

/* A change that is accepted and does nothing must not look as if it did. */
static void config_alter_note_idle(struct config_alter *alter, size_t i, struct buf *names)
{
    const struct config_alter_resource *resource = alter->sent[i];
    const Meta__AlterConfigs__Resource *sent = alter->command.resources[i];
    for (size_t j = 0; j < sent->n_entries && names->len < CONFIG_ALTER_NOTE_MAX; j++) {
        const char *key = sent->entries[j]->key;
        const struct config_row *row = config_alter_row(resource, key);
        bool own = row && (resource->type == RESOURCES_TOPIC || config_find(key) < CONFIG_COUNT);
        bool idle = !own || (row->flags & CONFIG_NO_EFFECT);
        if (idle && sent->entries[j]->operation != META__CONFIG_ENTRY__OPERATION__DELETE)
            buf_printf(names, "%s%.80s", names->len ? ", " : "", key);
    }
}

static void config_alter_note(struct config_alter *alter)
{
    struct buf names;
    buf_init(&names);
    for (size_t i = 0; !alter->validate_only && i < alter->command.n_resources; i++)
        if (!alter->sent[i]->error_code)
            config_alter_note_idle(alter, i, &names);
    if (names.len > 0)
        request_warn(alter->request, "settings changed by %s: accepted, no effect: %s",
                     request_peer(alter->request), buf_text(&names));
    buf_close(&names);
}

static void config_alter_result(void *data, int err, const char *sentence,
                                const Meta__CommandReply *reply)
{
    struct config_alter *alter = data;
    struct arena *arena = &alter->request->arena;
    for (size_t i = 0; i < alter->command.n_resources; i++) {
        struct config_alter_resource *resource = alter->sent[i];
        const Meta__ResourceResult *decided =
            !err && i < reply->n_resources ? reply->resources[i] : NULL;
        resource->error_code =
            decided ? (int16_t)decided->error : err_to_wire(err ? err : ERR_UNKNOWN_SERVER_ERROR);
        resource->message = command_keep(arena, decided ? decided->message : sentence);
    }
    config_alter_note(alter);
}

static void config_alter_finish(void *data, int err)
{
    struct config_alter *alter = data;
    (void)err;
    alter->answer(alter);
}

static const struct command_events config_alter_events = {
    .result = config_alter_result,
    .finish = config_alter_finish,
};

struct config_alter *config_alter_new(struct request *request, int32_t count)
{
    struct config_alter *alter = arena_alloc(&request->arena, sizeof(*alter));
    if (!alter)
        return NULL;
    alter->request = request;
    alter->count = count;
    alter->resources = arena_alloc_array(&request->arena, (size_t)count, sizeof(*alter->resources));
    if (!alter->resources)
        return NULL;
    for (int32_t i = 0; i < count; i++)
        alter->resources[i].message = WIRE_STR_NULL;
    return alter;
}

struct config_alter_entry *config_alter_entries(struct config_alter *alter,
                                                struct config_alter_resource *resource,
                                                int32_t count)
{
    resource->entry_count = count;
    resource->entries =
        arena_alloc_array(&alter->request->arena, (size_t)count, sizeof(*resource->entries));
    return resource->entries;
}

/* Kafka refuses each resource that stands twice. */
static void config_alter_find_doubles(struct config_alter *alter)
{
    struct map seen[RESOURCES_GROUP + 1] = {0};
    for (int32_t i = 0; i < alter->count; i++) {
        struct config_alter_resource *resource = &alter->resources[i];
        if (resource->type < 0 || resource->type > RESOURCES_GROUP)
            continue; /* refused later */
        struct wire_str name = resource->name;
        struct config_alter_resource *first =
            map_put(&seen[resource->type], name.data, (size_t)name.len, resource);
        if (!first)
            continue;
        config_alter_refuse(alter, first, ERR_INVALID_REQUEST,
                            "Each resource must appear at most once.");
        config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                            "Each resource must appear at most once.");
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        map_close(&seen[i]);
}

static bool config_alter_prepare(struct config_alter *alter)
{
    struct arena *arena = &alter->request->arena;
    size_t count = (size_t)alter->count;
    meta__alter_configs__init(&alter->command);
    alter->command.validate_only = alter->validate_only;
    alter->command.resources =
        command_messages(arena, count, &meta__alter_configs__resource__descriptor);
    alter->sent = arena_alloc_array(arena, count, sizeof(*alter->sent));
    if (!alter->command.resources || !alter->sent)
        return false;
    config_alter_find_doubles(alter);
    for (size_t i = 0; i < count; i++) {
        struct config_alter_resource *resource = &alter->resources[i];
        if (resource->error_code)
            continue;
        if (resource->type == RESOURCES_BROKER_LOGGER && !alter->replace_all) {
            logger_settings_alter(alter, resource);
            continue;
        }
        size_t at = alter->command.n_resources;
        int err = config_alter_fill(alter, resource, alter->command.resources[at]);
        if (err == ERR_NO_MEMORY)
            return false;
        if (!err)
            alter->sent[alter->command.n_resources++] = resource;
    }
    return true;
}

void config_alter_run(struct config_alter *alter)
{
    struct request *request = alter->request;
    if (!config_alter_prepare(alter)) {
        request_fail(request, ERR_NO_MEMORY, "changes more than fits in memory");
        return;
    }
    if (alter->command.n_resources == 0) {
        alter->answer(alter);
        return;
    }
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_ALTER_CONFIGS;
    command.alter_configs = &alter->command;
    command_send(request->broker->channel, origin_of(request), &command, COMMAND_TIMEOUT_DEFAULT_MS,
                 &config_alter_events, alter);
}
