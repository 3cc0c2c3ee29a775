/* Changing settings. Happy path: each resource is checked, those that pass go to the controller in
 * one command, which checks the values once more and writes. Failure modes: one bad entry refuses
 * its resource, others go through.
 *
 * APPEND and SUBTRACT start from the value in force. The controller changes what the resource
 * itself was given; where that is nothing, they are sent as a SET of what comes out. */
#include "broker/handlers/config_alter.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/map.h"
#include "broker/broker.h"
#include "broker/group/topic_pattern.h"
#include "broker/handlers/logger_settings.h"
#include "broker/handlers/origin.h"
#include "broker/handlers/resources.h"
#include "config/config_change.h"
#include "config/config_group.h"
#include "config/config_metrics.h"
#include "meta/config_list.h"

int config_alter_refuse(struct config_alter *alter, struct config_alter_resource *resource, int err,
                        const char *format, ...)
{
    struct buf text;
    ASSERT(err < 0);
    ASSERT(resource != NULL);
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

static enum config_scope config_alter_scope(const struct config_alter_resource *resource)
{
    if (resource->type == RESOURCES_TOPIC)
        return CONFIG_OF_TOPIC;
    if (resource->type == RESOURCES_CLIENT_METRICS)
        return CONFIG_OF_METRICS;
    if (resource->type == RESOURCES_GROUP)
        return CONFIG_OF_GROUP;
    return wire_str_is_empty(resource->name) ? CONFIG_OF_ALL_BROKERS : CONFIG_OF_BROKER;
}

/* Names are looked at first, and all that are wrong in the same way are told. Taking a value
 * back is never wrong. */
static int config_alter_check_names(struct config_alter *alter,
                                    struct config_alter_resource *resource,
                                    const Meta__AlterConfigs__Resource *out)
{
    struct buf problem;
    const char **names = arena_alloc_array(&alter->request->arena, out->n_entries, sizeof(*names));
    size_t count = 0;
    if (!names)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < out->n_entries; i++)
        if (out->entries[i]->operation == META__CONFIG_ENTRY__OPERATION__SET)
            names[count++] = out->entries[i]->key;
    ASSERT(count <= out->n_entries);
    buf_init(&problem);
    int err = config_change_check_names(config_alter_scope(resource), names, count, &problem);
    if (err)
        config_alter_refuse(alter, resource, err, "%s", buf_text(&problem));
    buf_close(&problem);
    return err;
}

/* Only lists can be added to, and taken from. */
static int config_alter_check_list(struct config_alter *alter,
                                   struct config_alter_resource *resource,
                                   const Meta__ConfigEntry *entry)
{
    bool append = entry->operation == META__CONFIG_ENTRY__OPERATION__APPEND;
    bool list = append || entry->operation == META__CONFIG_ENTRY__OPERATION__SUBTRACT;
    const struct config_row *row = config_change_row(config_alter_scope(resource), entry->key);
    ASSERT(entry->key != NULL);
    if (list && !row)
        return config_alter_refuse(alter, resource, ERR_INVALID_CONFIG, "Unknown config name: %s",
                                   entry->key);
    if (list && row->type != CONFIG_TYPE_LIST)
        return config_alter_refuse(alter, resource, ERR_INVALID_CONFIG,
                                   "Can't %s to key %s because its type is not LIST.",
                                   append ? "APPEND" : "SUBTRACT", entry->key);
    return 0;
}

/* The controller, which has no engine for them, takes expressions as they are. */
static int config_alter_check_match(const Meta__ConfigEntry *entry, struct buf *problem)
{
    struct config_metrics_match match;
    const char *list = entry->value;
    if (strcmp(entry->key, config_metrics_row(CONFIG_METRICS_MATCH)->name) != 0)
        return 0;
    while (config_metrics_next_match(&list, &match) > 0) {
        struct topic_pattern *pattern;
        if (topic_pattern_new(wire_str_of(match.expression, match.len), &pattern)) {
            buf_printf(problem, "Illegal client matching pattern: %.*s", (int)match.len,
                       match.expression);
            return ERR_INVALID_CONFIG;
        }
        topic_pattern_free(pattern);
    }
    return 0;
}

/* The table of settings knows the values; our own file says what they have to fit. */
static int config_alter_check_value(struct config_alter *alter,
                                    struct config_alter_resource *resource,
                                    const Meta__ConfigEntry *entry)
{
    enum config_scope scope = config_alter_scope(resource);
    if (entry->operation != META__CONFIG_ENTRY__OPERATION__SET)
        return 0; /* of a list, the controller looks at what comes out */
    struct buf problem;
    buf_init(&problem);
    int err = config_change_check(scope, entry->key, entry->value, &problem);
    bool of_broker = scope == CONFIG_OF_BROKER || scope == CONFIG_OF_ALL_BROKERS;
    if (!err && scope == CONFIG_OF_METRICS)
        err = config_alter_check_match(entry, &problem);
    if (!err && of_broker &&
        config_check_fit(alter->request->broker->config, config_change_find(scope, entry->key),
                         entry->value, &problem))
        err = ERR_INVALID_REQUEST;
    if (err)
        config_alter_refuse(alter, resource, err, "%s", buf_text(&problem));
    buf_close(&problem);
    return err;
}

/* What the group has after the change has to fit together, and what our own file allows. */
static int config_alter_check_group(struct config_alter *alter,
                                    struct config_alter_resource *resource,
                                    const Meta__AlterConfigs__Resource *out)
{
    struct config_chain chain = live_settings_chain(alter->request->broker->live);
    int64_t values[CONFIG_GROUP_SETTINGS];
    bool own[CONFIG_GROUP_SETTINGS];
    for (enum config_group_id id = 0; id < CONFIG_GROUP_SETTINGS; id++) {
        const char *name = config_group_row(id)->name;
        const char *text =
            alter->replace_all
                ? NULL
                : image_config(chain.image, META__CONFIG_RECORD__RESOURCE__GROUP, out->name, name);
        struct config_parsed value;
        for (size_t i = 0; i < out->n_entries; i++)
            if (strcmp(out->entries[i]->key, name) == 0)
                text = out->entries[i]->operation == META__CONFIG_ENTRY__OPERATION__SET
                           ? out->entries[i]->value
                           : NULL;
        own[id] = text && config_parse(config_group_row(id), text, &value);
        if (!own[id])
            (void)config_chain_find(&chain, CONFIG_FROM_BROKER, config_group_base(id), &value);
        values[id] = value.number;
    }
    ASSERT(ARRAY_LEN(values) == CONFIG_GROUP_SETTINGS);
    struct buf problem;
    buf_init(&problem);
    int err = config_group_check_fit(alter->request->broker->config, values, own, &problem);
    if (err)
        config_alter_refuse(alter, resource, err, "%s", buf_text(&problem));
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

/* Turns APPEND and SUBTRACT into SET when the resource itself has no value. */
static int config_alter_resolve_list(struct config_alter *alter,
                                     const struct config_alter_resource *resource, const char *name,
                                     Meta__ConfigEntry *entry)
{
    struct config_chain chain = live_settings_chain(alter->request->broker->live);
    enum config_scope scope = config_alter_scope(resource);
    enum config_source source = config_chain_source(scope);
    struct config_parsed base;
    bool append = entry->operation == META__CONFIG_ENTRY__OPERATION__APPEND;
    enum config_id id = config_change_find(scope, entry->key);
    if (entry->operation <= META__CONFIG_ENTRY__OPERATION__DELETE || scope >= CONFIG_OF_METRICS)
        return 0; /* a subscription has no values of others, a group no lists */
    if (scope == CONFIG_OF_TOPIC)
        chain.topic = name;
    else if (scope == CONFIG_OF_BROKER)
        snprintf(chain.broker, sizeof(chain.broker), "%s", name);
    if (config_chain_find(&chain, source, id, &base) <= source)
        return 0; /* the controller changes that */
    const char *text = base.text ? base.text : "";
    ASSERT(entry->value != NULL);
    char *value = arena_alloc(&alter->request->arena, strlen(text) + strlen(entry->value) + 2);
    if (!value)
        return ERR_NO_MEMORY;
    config_list_change(text, entry->value, append, value);
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

static int config_alter_check_doubles(struct config_alter *alter,
                                      struct config_alter_resource *resource,
                                      const Meta__AlterConfigs__Resource *out)
{
    struct map seen;
    int err = 0;
    map_init(&seen);
    for (size_t i = 0; !err && i < out->n_entries; i++)
        if (map_put(&seen, out->entries[i]->key, strlen(out->entries[i]->key), resource))
            err = config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                                      "Error due to duplicate config keys");
    map_close(&seen);
    return err;
}

static int config_alter_check_all(struct config_alter *alter,
                                  struct config_alter_resource *resource,
                                  Meta__AlterConfigs__Resource *out)
{
    int err = config_alter_check_doubles(alter, resource, out);
    for (size_t i = 0; !err && i < out->n_entries; i++) {
        err = config_alter_check_list(alter, resource, out->entries[i]);
        if (!err)
            err = config_alter_resolve_list(alter, resource, out->name, out->entries[i]);
    }
    if (!err)
        err = config_alter_check_names(alter, resource, out);
    for (size_t i = 0; !err && i < out->n_entries; i++)
        err = config_alter_check_value(alter, resource, out->entries[i]);
    if (!err && resource->type == RESOURCES_GROUP)
        err = config_alter_check_group(alter, resource, out);
    return err;
}

static int config_alter_fill(struct config_alter *alter, struct config_alter_resource *resource,
                             Meta__AlterConfigs__Resource *out)
{
    struct arena *arena = &alter->request->arena;
    size_t count = (size_t)resource->entry_count;
    ASSERT(resource->entry_count >= 0);
    if (resource->type == RESOURCES_BROKER_LOGGER) /* only single levels can be changed */
        return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST, "Unknown resource type %d",
                                   resource->type);
    if (resource->type != RESOURCES_TOPIC && resource->type != RESOURCES_BROKER &&
        resource->type != RESOURCES_CLIENT_METRICS && resource->type != RESOURCES_GROUP)
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

static void config_alter_result(void *data, int err, const char *sentence,
                                const Meta__CommandReply *reply)
{
    struct config_alter *alter = data;
    struct arena *arena = &alter->request->arena;
    for (size_t i = 0; i < alter->command.n_resources; i++) {
        ASSERT(alter->sent[i] != NULL);
        struct config_alter_resource *resource = alter->sent[i];
        const Meta__ResourceResult *decided =
            !err && i < reply->n_resources ? reply->resources[i] : NULL;
        resource->error_code =
            decided ? (int16_t)decided->error : err_to_wire(err ? err : ERR_UNKNOWN_SERVER_ERROR);
        resource->message = command_keep(arena, decided ? decided->message : sentence);
    }
}

static void config_alter_finish(void *data, int err)
{
    struct config_alter *alter = data;
    ASSERT(alter->answer != NULL);
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
    ASSERT(count >= 0);
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
    ASSERT(count >= 0);
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

/* The controller works through all of it in one turn of its loop, and refuses the same. Expressions
 * of subscriptions are compiled, too: of no more of them than there may be. */
static bool config_alter_is_too_much(const struct config_alter *alter)
{
    size_t count = 0, metrics = 0;
    ASSERT(alter->count >= 0);
    for (int32_t i = 0; i < alter->count; i++) {
        const struct config_alter_resource *resource = &alter->resources[i];
        count += (size_t)resource->entry_count;
        metrics += resource->type == RESOURCES_CLIENT_METRICS;
        for (int32_t j = 0; j < resource->entry_count && count <= CONFIG_CHANGES_MAX; j++) {
            const struct config_alter_entry *entry = &resource->entries[j];
            if (entry->operation >= CONFIG_ALTER_APPEND && !wire_str_is_null(entry->value))
                count += config_list_count(entry->value.data, (size_t)entry->value.len);
        }
    }
    return count > CONFIG_CHANGES_MAX || metrics > CONFIG_METRICS_SUBSCRIPTIONS_MAX;
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
        ASSERT(at < count);
        int err = config_alter_fill(alter, resource, alter->command.resources[at]);
        if (err == ERR_NO_MEMORY)
            return false;
        if (!err)
            alter->sent[alter->command.n_resources++] = resource;
    }
    ASSERT(alter->command.n_resources <= count);
    return true;
}

void config_alter_run(struct config_alter *alter)
{
    struct request *request = alter->request;
    ASSERT(alter->answer != NULL);
    ASSERT(alter->count == 0 || alter->resources != NULL);
    if (config_alter_is_too_much(alter)) {
        for (int32_t i = 0; i < alter->count; i++) {
            alter->resources[i].error_code = err_to_wire(ERR_POLICY_VIOLATION);
            alter->resources[i].message = wire_str_from(CONFIG_CHANGES_REFUSED);
        }
        alter->answer(alter);
        return;
    }
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
