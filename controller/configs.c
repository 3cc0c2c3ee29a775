/* Settings. Happy path: each resource is worked out as a list of keys with new values, every value
 * is checked, then all are emitted. Failure modes: one bad key refuses the whole resource, others
 * go through; more than fits one turn of the loop is refused as a whole. */
#include "controller/configs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "config/config_group.h"
#include "config/config_metrics.h"
#include "controller/elections.h"
#include "controller/eligible.h"
#include "meta/config_list.h"
#include "meta/features.h"

struct change {
    const char *key;
    const char *value; /* NULL = removed */
};

int configs_check(struct decision *decision, enum config_scope scope, const char *key,
                  const char *value, const char **sentence)
{
    struct buf problem;
    if (key[0] == 0) {
        *sentence = "A setting without a name.";
        return ERR_INVALID_CONFIG;
    }
    buf_init(&problem);
    int err = config_change_check(scope, key, value, &problem);
    if (err)
        *sentence = decision_text(decision, "%s", buf_text(&problem));
    buf_close(&problem);
    return err;
}

void configs_emit(struct decision *decision, Meta__ConfigRecord__Resource resource,
                  const char *name, const char *key, const char *value)
{
    Meta__ConfigRecord *record = decision_alloc(decision, 1, sizeof(*record));
    meta__config_record__init(record);
    record->resource = resource;
    record->name = decision_text(decision, "%s", name);
    record->key = decision_text(decision, "%s", key);
    record->removed = value == NULL;
    if (value)
        record->value = decision_text(decision, "%s", value);
    decision_emit(decision, META__RECORD__FACT_CONFIG, record);
}

/* ---- one resource ---- */

static int refuse(struct decision *decision, Meta__ResourceResult *result, int err,
                  const char *sentence)
{
    result->error = err_to_wire(err);
    result->message = decision_text(decision, "%s", sentence);
    return err;
}

/* The broker of the oldest build; NULL: there is none. For each command it is looked for once,
 * whatever number of resources that has. */
static const struct image_broker *find_oldest(const struct decision *decision)
{
    const struct image_broker *broker, *oldest = NULL;
    size_t cursor = 0;
    while ((broker = image_next_broker(decision->image, &cursor)))
        if (!oldest || broker->features_step < oldest->features_step)
            oldest = broker;
    return oldest;
}

/* Each broker has to know records of that kind. */
static int check_builds(struct decision *decision, const struct image_broker *oldest, uint32_t step,
                        const char *what, Meta__ResourceResult *result)
{
    if (!oldest || oldest->features_step >= step)
        return 0;
    return refuse(decision, result, ERR_UNSUPPORTED_VERSION,
                  decision_text(decision,
                                "Broker %d is of a build that does not know %s: upgrade it, or "
                                "unregister it if it is gone.",
                                oldest->id, what));
}

/* Whether it has settings, or there are not too many with some. */
static int check_room(struct decision *decision, const Meta__AlterConfigs__Resource *asked,
                      size_t most, const char *what, Meta__ResourceResult *result)
{
    size_t own;
    image_configs(decision->image, asked->type, asked->name, &own);
    if (own > 0 || image_config_resources(decision->image, asked->type) < most)
        return 0;
    return refuse(decision, result, ERR_POLICY_VIOLATION,
                  decision_text(decision, "There are %zu %s, and no more can be kept: remove one.",
                                most, what));
}

/* The group need not be there: its settings count when it is. */
static int check_group(struct decision *decision, const struct image_broker *oldest,
                       const Meta__AlterConfigs__Resource *asked, Meta__ResourceResult *result)
{
    if (asked->name[0] == 0)
        return refuse(decision, result, ERR_INVALID_REQUEST,
                      "Default group resources are not allowed.");
    if (strlen(asked->name) > CONFIG_GROUP_NAME_MAX)
        return refuse(decision, result, ERR_INVALID_REQUEST,
                      decision_text(decision,
                                    "A group with settings has a name of %d bytes at most.",
                                    CONFIG_GROUP_NAME_MAX));
    int err = check_builds(decision, oldest, FEATURES_STEP_GROUPS, "settings of groups", result);
    return err ? err
               : check_room(decision, asked, CONFIG_GROUPS_MAX, "groups with settings", result);
}

/* What a client is told depends on all of them, and each node keeps them. */
static int check_metrics(struct decision *decision, const struct image_broker *oldest,
                         const Meta__AlterConfigs__Resource *asked, Meta__ResourceResult *result)
{
    if (asked->name[0] == 0)
        return refuse(decision, result, ERR_INVALID_REQUEST, "Subscription name can't be empty");
    if (strlen(asked->name) > CONFIG_METRICS_NAME_MAX)
        return refuse(decision, result, ERR_INVALID_REQUEST,
                      decision_text(decision, "The name of a subscription has %d bytes at most.",
                                    CONFIG_METRICS_NAME_MAX));
    int err =
        check_builds(decision, oldest, FEATURES_STEP_CLIENT_METRICS, "client metrics", result);
    return err ? err
               : check_room(decision, asked, CONFIG_METRICS_SUBSCRIPTIONS_MAX,
                            "subscriptions of client metrics", result);
}

static int check_resource(struct decision *decision, const struct image_broker *oldest,
                          const Meta__AlterConfigs__Resource *asked, Meta__ResourceResult *result)
{
    if (asked->type == META__CONFIG_RECORD__RESOURCE__TOPIC) {
        if (image_topic_by_name(decision->image, asked->name, strlen(asked->name)))
            return 0;
        return refuse(decision, result, ERR_UNKNOWN_TOPIC_OR_PARTITION,
                      decision_text(decision, "The topic '%s' does not exist.", asked->name));
    }
    if (asked->type == META__CONFIG_RECORD__RESOURCE__CLIENT_METRICS)
        return check_metrics(decision, oldest, asked, result);
    if (asked->type == META__CONFIG_RECORD__RESOURCE__GROUP)
        return check_group(decision, oldest, asked, result);
    if (asked->type != META__CONFIG_RECORD__RESOURCE__BROKER)
        return refuse(decision, result, ERR_INVALID_REQUEST, "Unknown resource type.");
    if (asked->name[0] == 0)
        return 0;
    char *end;
    long id = strtol(asked->name, &end, 10);
    /* "+1" and "01" would be stored under names that no broker has. */
    if (*end || id < 0 || id > INT32_MAX ||
        strcmp(decision_text(decision, "%ld", id), asked->name) != 0)
        return refuse(decision, result, ERR_INVALID_REQUEST,
                      decision_text(decision, "'%s' is no broker id.", asked->name));
    if (!image_broker(decision->image, (int32_t)id))
        return refuse(decision, result, ERR_BROKER_ID_NOT_REGISTERED,
                      decision_text(decision, "No broker with id %ld is registered.", id));
    return 0;
}

static const char *list_change(struct decision *decision, const char *list, const char *more,
                               bool append)
{
    char *out = decision_alloc(decision, strlen(list) + strlen(more) + 2, 1);
    config_list_change(list, more, append, out);
    return out;
}

static const char *new_value(struct decision *decision, const Meta__AlterConfigs__Resource *asked,
                             const Meta__ConfigEntry *entry)
{
    const char *old = image_config(decision->image, asked->type, asked->name, entry->key);
    switch (entry->operation) {
    case META__CONFIG_ENTRY__OPERATION__DELETE:
        return NULL;
    case META__CONFIG_ENTRY__OPERATION__APPEND:
        return list_change(decision, old ? old : "", entry->value, true);
    case META__CONFIG_ENTRY__OPERATION__SUBTRACT:
        return list_change(decision, old ? old : "", entry->value, false);
    default:
        return entry->value;
    }
}

static enum config_scope scope_of(const Meta__AlterConfigs__Resource *asked)
{
    if (asked->type == META__CONFIG_RECORD__RESOURCE__TOPIC)
        return CONFIG_OF_TOPIC;
    if (asked->type == META__CONFIG_RECORD__RESOURCE__CLIENT_METRICS)
        return CONFIG_OF_METRICS;
    if (asked->type == META__CONFIG_RECORD__RESOURCE__GROUP)
        return CONFIG_OF_GROUP;
    return asked->name[0] == 0 ? CONFIG_OF_ALL_BROKERS : CONFIG_OF_BROKER;
}

/* The old AlterConfigs: settings that are not listed go. */
static size_t list_removed(const struct decision *decision,
                           const Meta__AlterConfigs__Resource *asked, const struct map *listed,
                           struct change *changes, size_t count)
{
    size_t old_count;
    const struct image_config *old =
        image_configs(decision->image, asked->type, asked->name, &old_count);
    for (size_t i = 0; i < old_count; i++)
        if (!map_get(listed, old[i].key, strlen(old[i].key)))
            changes[count++] = (struct change){old[i].key, NULL};
    return count;
}

/* `listed`: the keys so far. */
static int work_out_one(struct decision *decision, const Meta__AlterConfigs__Resource *asked,
                        Meta__ConfigEntry *entry, struct map *listed, Meta__ResourceResult *result,
                        struct change *change)
{
    if (map_put(listed, entry->key, strlen(entry->key), entry))
        return refuse(decision, result, ERR_INVALID_REQUEST,
                      decision_text(decision, "Duplicate key '%s'.", entry->key));
    const char *sentence;
    const char *value = new_value(decision, asked, entry);
    int err = value ? configs_check(decision, scope_of(asked), entry->key, value, &sentence) : 0;
    if (err)
        return refuse(decision, result, err, sentence);
    *change = (struct change){entry->key, value};
    return 0;
}

static int work_out(struct decision *decision, const Meta__AlterConfigs__Resource *asked,
                    Meta__ResourceResult *result, struct change *changes, size_t *count)
{
    struct map listed;
    int err = 0;
    map_init(&listed);
    for (size_t i = 0; !err && i < asked->n_entries; i++)
        err = work_out_one(decision, asked, asked->entries[i], &listed, result, &changes[i]);
    *count = asked->n_entries;
    if (!err && asked->replace_all)
        *count = list_removed(decision, asked, &listed, changes, *count);
    map_close(&listed);
    for (size_t i = 0; !err && i < *count; i++) {
        const char *sentence = eligible_why_not_setting(decision, asked->type, asked->name,
                                                        changes[i].key, changes[i].value);
        if (sentence)
            err = refuse(decision, result, ERR_INVALID_CONFIG, sentence);
    }
    return err;
}

/* NULL: it is not a topic's. */
static const struct image_topic *topic_of(const struct decision *decision,
                                          const Meta__AlterConfigs__Resource *asked)
{
    if (asked->type != META__CONFIG_RECORD__RESOURCE__TOPIC)
        return NULL;
    const struct image_topic *topic =
        image_topic_by_name(decision->image, asked->name, strlen(asked->name));
    ASSERT(topic != NULL); /* check_resource has found it */
    return topic;
}

/* What the changes of a command are a reason for. Settings of brokers concern all partitions, which
 * are looked at once, however many brokers the command names. */
struct aftermath {
    bool elect_all;    /* whoever may lead now does so at once */
    bool end_eligible; /* of all topics */
};

/* A setting of one broker counts where it is the controller. */
static bool concerns_all(const struct decision *decision, const Meta__AlterConfigs__Resource *asked)
{
    char own[16];
    (void)snprintf(own, sizeof(own), "%d", decision->rules->node_id);
    return asked->name[0] == '\0' || strcmp(asked->name, own) == 0;
}

static void note_aftermath(struct decision *decision, const Meta__AlterConfigs__Resource *asked,
                           bool elections, bool eligible, struct aftermath *after)
{
    const struct image_topic *topic = topic_of(decision, asked);
    if (elections && topic)
        elections_topic(decision, topic);
    else if (elections)
        after->elect_all |= concerns_all(decision, asked);
    if (eligible && topic)
        elections_end_eligible(decision, topic);
    else
        after->end_eligible |= eligible;
}

static void emit_changes(struct decision *decision, const Meta__AlterConfigs__Resource *asked,
                         const struct change *changes, size_t count, struct aftermath *after)
{
    bool elections = false, eligible = false;
    for (size_t i = 0; i < count; i++) {
        enum config_id id = config_change_find(scope_of(asked), changes[i].key);
        elections |= id == CONFIG_UNCLEAN_LEADER_ELECTION_ENABLE;
        eligible |= id == CONFIG_MIN_INSYNC_REPLICAS;
    }
    /* Keys of removed settings belong to the image: all are copied before the first one goes. */
    struct change *copies = decision_alloc(decision, count, sizeof(*copies));
    for (size_t i = 0; i < count; i++) {
        copies[i].key = decision_text(decision, "%s", changes[i].key);
        copies[i].value = changes[i].value;
    }
    for (size_t i = 0; i < count; i++) {
        const char *old = image_config(decision->image, asked->type, asked->name, copies[i].key);
        if (copies[i].value ? old && strcmp(old, copies[i].value) == 0 : !old)
            continue; /* nothing changes */
        configs_emit(decision, asked->type, asked->name, copies[i].key, copies[i].value);
    }
    note_aftermath(decision, asked, elections, eligible, after);
}

static void alter_one(struct decision *decision, const struct image_broker *oldest,
                      const Meta__AlterConfigs__Resource *asked, bool validate_only,
                      Meta__ResourceResult *result, struct aftermath *after)
{
    if (check_resource(decision, oldest, asked, result))
        return;
    size_t count = 0, old_count;
    image_configs(decision->image, asked->type, asked->name, &old_count);
    struct change *changes =
        decision_alloc(decision, asked->n_entries + old_count, sizeof(*changes));
    if (work_out(decision, asked, result, changes, &count) || validate_only)
        return;
    emit_changes(decision, asked, changes, count, after);
}

static bool is_too_much(const Meta__AlterConfigs *command)
{
    size_t count = 0;
    for (size_t i = 0; i < command->n_resources; i++) {
        const Meta__AlterConfigs__Resource *asked = command->resources[i];
        count += asked->n_entries;
        for (size_t j = 0; j < asked->n_entries && count <= CONFIG_CHANGES_MAX; j++) {
            const Meta__ConfigEntry *entry = asked->entries[j];
            if (entry->operation >= META__CONFIG_ENTRY__OPERATION__APPEND)
                count += config_list_count(entry->value, strlen(entry->value));
        }
    }
    return count > CONFIG_CHANGES_MAX;
}

void configs_command(struct decision *decision, const Meta__AlterConfigs *command,
                     Meta__CommandReply *reply)
{
    bool too_much = is_too_much(command);
    struct aftermath after = {.elect_all = false};
    const struct image_broker *oldest = find_oldest(decision);
    reply->resources = decision_alloc(decision, command->n_resources, sizeof(*reply->resources));
    for (size_t i = 0; i < command->n_resources; i++) {
        const Meta__AlterConfigs__Resource *asked = command->resources[i];
        Meta__ResourceResult *result = decision_alloc(decision, 1, sizeof(*result));
        meta__resource_result__init(result);
        result->type = asked->type;
        result->name = decision_text(decision, "%s", asked->name);
        if (too_much)
            refuse(decision, result, ERR_POLICY_VIOLATION, CONFIG_CHANGES_REFUSED);
        else
            alter_one(decision, oldest, asked, command->validate_only, result, &after);
        reply->resources[reply->n_resources++] = result;
    }
    if (after.elect_all)
        elections_all(decision);
    if (after.end_eligible)
        elections_end_eligible(decision, NULL);
}
