/* Describing and changing levels. All entries of a resource are looked at before the first level
 * changes. Failure modes, all Kafka's: another node's id, an area or a level that is not there, an
 * operation for lists, taking the root's level away. */
#include "broker/handlers/logger_settings.h"

#include "base/err.h"
#include "broker/broker.h"

/* As Java reads an int: a sign and decimal digits. */
static bool logger_settings_id(struct wire_str name, int32_t *id)
{
    int32_t at = name.len > 0 && (name.data[0] == '-' || name.data[0] == '+');
    int64_t value = 0;
    if (at >= name.len)
        return false;
    for (; at < name.len; at++) {
        if (name.data[at] < '0' || name.data[at] > '9')
            return false;
        value = value * 10 + (name.data[at] - '0');
        if (value > INT32_MAX)
            return false;
    }
    *id = (int32_t)(name.data[0] == '-' ? -value : value);
    return true;
}

const char *logger_settings_check(struct arena *arena, int32_t node_id, struct wire_str name,
                                  int *err)
{
    const char *sentence;
    int32_t id;
    *err = 0;
    if (wire_str_is_empty(name))
        sentence = "Broker id must not be empty";
    else if (!logger_settings_id(name, &id))
        sentence = arena_printf(arena, "Broker id must be an integer, but it is: %.*s",
                                WIRE_STR_ARGS(name));
    else if (id != node_id)
        sentence = arena_printf(arena, "Unexpected broker id, expected %d but received %.*s",
                                node_id, WIRE_STR_ARGS(name));
    else
        return NULL;
    *err = sentence ? ERR_INVALID_REQUEST : ERR_NO_MEMORY;
    return sentence;
}

static bool logger_settings_area(struct wire_str name, enum logger_area *area)
{
    return logger_area_find(name.data, (size_t)name.len, area);
}

static int logger_settings_check_set(struct config_alter *alter,
                                     struct config_alter_resource *resource,
                                     const struct config_alter_entry *entry)
{
    enum logger_level level;
    if (logger_level_find(entry->value.data, (size_t)entry->value.len, &level))
        return 0;
    return config_alter_refuse(alter, resource, ERR_INVALID_CONFIG,
                               "Cannot set the log level of %.*s to %.*s as it is not a supported "
                               "log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, "
                               "WARN",
                               WIRE_STR_ARGS(entry->name), WIRE_STR_ARGS(entry->value));
}

static int logger_settings_check_entry(struct config_alter *alter,
                                       struct config_alter_resource *resource,
                                       const struct config_alter_entry *entry)
{
    enum logger_area area;
    int8_t operation = entry->operation;
    if (operation == CONFIG_ALTER_APPEND || operation == CONFIG_ALTER_SUBTRACT)
        return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                                   "%s operation is not allowed for the BROKER_LOGGER resource",
                                   operation == CONFIG_ALTER_APPEND ? "APPEND" : "SUBTRACT");
    if (operation != CONFIG_ALTER_SET && operation != CONFIG_ALTER_DELETE)
        return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                                   "Unknown operation type %d is not allowed for the "
                                   "BROKER_LOGGER resource",
                                   operation);
    if (!alter->request->broker->levels || !logger_settings_area(entry->name, &area))
        return config_alter_refuse(alter, resource, ERR_INVALID_CONFIG,
                                   "Logger %.*s does not exist!", WIRE_STR_ARGS(entry->name));
    if (operation == CONFIG_ALTER_SET)
        return logger_settings_check_set(alter, resource, entry);
    if (area == LOGGER_ROOT)
        return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                                   "Removing the log level of the root logger is not allowed");
    return 0;
}

/* Values that are not there, and areas that stand twice. */
static int logger_settings_check_values(struct config_alter *alter,
                                        struct config_alter_resource *resource)
{
    bool seen[LOGGER_AREAS] = {false};
    for (int32_t i = 0; i < resource->entry_count; i++) {
        enum logger_area area;
        if (!logger_settings_area(resource->entries[i].name, &area))
            continue;
        if (seen[area])
            return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                                       "Error due to duplicate config keys");
        seen[area] = true;
    }
    for (int32_t i = 0; i < resource->entry_count; i++)
        if (resource->entries[i].operation != CONFIG_ALTER_DELETE &&
            wire_str_is_null(resource->entries[i].value))
            return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                                       "Null value not supported for : %.*s",
                                       WIRE_STR_ARGS(resource->entries[i].name));
    return 0;
}

static int logger_settings_check_all(struct config_alter *alter,
                                     struct config_alter_resource *resource)
{
    int32_t id, own = alter->request->broker->node_id;
    int err = logger_settings_check_values(alter, resource);
    if (err)
        return err;
    if (!logger_settings_id(resource->name, &id))
        return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                                   "Node id must be an integer, but it is: %.*s",
                                   WIRE_STR_ARGS(resource->name));
    if (id != own)
        return config_alter_refuse(alter, resource, ERR_INVALID_REQUEST,
                                   "Unexpected node id. Expected %d, but received %d", own, id);
    for (int32_t i = 0; !err && i < resource->entry_count; i++)
        err = logger_settings_check_entry(alter, resource, &resource->entries[i]);
    return err;
}

/* It has been checked. */
static void logger_settings_apply(struct config_alter *alter,
                                  const struct config_alter_entry *entry)
{
    struct logger_levels *levels = alter->request->broker->levels;
    enum logger_area area = LOGGER_ROOT;
    enum logger_level level = LOGGER_INFO;
    bool found = logger_settings_area(entry->name, &area);
    ASSERT(found);
    if (entry->operation == CONFIG_ALTER_SET) {
        found = logger_level_find(entry->value.data, (size_t)entry->value.len, &level);
        ASSERT(found);
        logger_levels_set(levels, area, level);
    } else {
        logger_levels_unset(levels, area);
    }
    request_warn(alter->request, "%s changed the log level of %s: it is %s now",
                 request_peer(alter->request), logger_area_name(area),
                 logger_level_word(logger_levels_get(levels, area)));
}

void logger_settings_alter(struct config_alter *alter, struct config_alter_resource *resource)
{
    if (logger_settings_check_all(alter, resource) || alter->validate_only)
        return;
    for (int32_t i = 0; i < resource->entry_count; i++)
        logger_settings_apply(alter, &resource->entries[i]);
}
