/* Topic commands. Happy path: check the name, the counts and the settings, choose replicas, emit
 * the topic, its settings and its partitions. Failure modes: each topic of a command fails or
 * succeeds on its own, with a code and a sentence; a failed one emits nothing. */
#include "controller/topics.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "controller/configs.h"
#include "controller/elections.h"
#include "controller/mutations.h"
#include "controller/placement.h"
#include "controller/policy.h"

/* The replicas of the partitions [first, first + count) of one topic. */
struct layout {
    int32_t first;
    int32_t count;
    int32_t replication_factor;
    int32_t **replicas; /* [count] */
};

static int fail(struct decision *decision, Meta__TopicResult *result, int err, const char *sentence)
{
    ASSERT(err < 0);
    ASSERT(sentence != NULL);
    result->error = err_to_wire(err);
    result->message = decision_text(decision, "%s", sentence);
    return err;
}

static Meta__TopicResult *new_result(struct decision *decision, const char *name)
{
    Meta__TopicResult *result = decision_alloc(decision, 1, sizeof(*result));
    ASSERT(name != NULL);
    meta__topic_result__init(result);
    result->name = decision_text(decision, "%s", name);
    result->partitions = -1;
    result->replication_factor = -1;
    return result;
}

/* The client's quota lets it create or delete so many partitions. */
static int take_quota(struct decision *decision, Meta__TopicResult *result, int32_t partitions)
{
    if (mutations_take(decision, partitions))
        return 0;
    return fail(decision, result, ERR_THROTTLING_QUOTA_EXCEEDED,
                "The throttling quota has been exceeded.");
}

/* ---- names ---- */

static bool topics_is_internal(const char *name)
{
    return strcmp(name, "__consumer_offsets") == 0 || strcmp(name, "__transaction_state") == 0;
}

static int check_legal(struct decision *decision, Meta__TopicResult *result, const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *text = NULL;
    size_t len = strlen(name);
    if (len == 0)
        text = "Topic name is invalid: the empty string is not allowed";
    else if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        text = "Topic name is invalid: '.' or '..' is not allowed";
    else if (len > TOPICS_NAME_MAX)
        text = decision_text(decision,
                             "Topic name is invalid: the length of '%s' is longer than the max "
                             "allowed length %d",
                             name, TOPICS_NAME_MAX);
    else if (strspn(name, letters) != len)
        text = decision_text(decision,
                             "Topic name is invalid: '%s' contains one or more characters other "
                             "than ASCII alphanumerics, '.', '_' and '-'",
                             name);
    return text ? fail(decision, result, ERR_INVALID_TOPIC_EXCEPTION, text) : 0;
}

/* Metric names turn '.' into '_', so two topics that differ only there would be one. The names that
 * exist, so turned: made once for a command, when the first of its names needs it. */
struct topic_names {
    struct map turned; /* turned name -> name */
    bool made;
};

static size_t names_turn(const char *name, char turned[TOPICS_NAME_MAX + 1])
{
    size_t len = strlen(name);
    ASSERT(len <= TOPICS_NAME_MAX);
    for (size_t i = 0; i <= len; i++)
        turned[i] = name[i] == '.' ? '_' : name[i];
    return len;
}

static void names_add(struct topic_names *names, const char *name)
{
    char turned[TOPICS_NAME_MAX + 1];
    size_t len = names_turn(name, turned);
    map_put(&names->turned, turned, len, (void *)(uintptr_t)name);
}

static const char *names_find(const struct decision *decision, struct topic_names *names,
                              const char *name)
{
    char turned[TOPICS_NAME_MAX + 1];
    const struct image_topic *topic;
    size_t cursor = 0;
    while (!names->made && (topic = image_next_topic(decision->image, &cursor)))
        if (strpbrk(topic->name, "._"))
            names_add(names, topic->name);
    names->made = true;
    size_t len = names_turn(name, turned);
    return map_get(&names->turned, turned, len);
}

static int check_name(struct decision *decision, Meta__TopicResult *result,
                      struct topic_names *names, const char *name)
{
    int err = check_legal(decision, result, name);
    if (err)
        return err;
    if (image_topic_by_name(decision->image, name, strlen(name)))
        return fail(decision, result, ERR_TOPIC_ALREADY_EXISTS,
                    decision_text(decision, "Topic '%s' already exists.", name));
    if (!strpbrk(name, "._"))
        return 0;
    const char *other = names_find(decision, names, name);
    if (other)
        return fail(
            decision, result, ERR_INVALID_TOPIC_EXCEPTION,
            decision_text(decision, "Topic '%s' collides with existing topic: %s", name, other));
    return 0;
}

/* ---- layouts ---- */

const char *topics_why_not_replicas(struct decision *decision, const int32_t *replicas,
                                    size_t count, const int32_t *there, size_t n_there)
{
    if (count == 0)
        return "The manual partition assignment includes an empty replica list.";
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++)
            if (replicas[j] == replicas[i])
                return decision_text(decision,
                                     "The manual partition assignment includes the broker %d more "
                                     "than once.",
                                     replicas[i]);
        const struct image_broker *broker = image_broker(decision->image, replicas[i]);
        if (!broker)
            return decision_text(decision,
                                 "The manual partition assignment includes broker %d, but no such "
                                 "broker is registered.",
                                 replicas[i]);
        if (broker->cordoned && !image_has_id(there, n_there, replicas[i]))
            return decision_text(decision,
                                 "The manual partition assignment includes broker %d, but all of "
                                 "its log directories are cordoned.",
                                 replicas[i]);
    }
    return NULL;
}

static int check_one_assignment(struct decision *decision, Meta__TopicResult *result,
                                const Meta__Assignment *assignment)
{
    bool live = false;
    const char *why =
        topics_why_not_replicas(decision, assignment->replicas, assignment->n_replicas, NULL, 0);
    for (size_t i = 0; i < assignment->n_replicas; i++)
        live |= decision_live(decision, assignment->replicas[i]);
    if (!why && !live)
        why = decision_text(decision,
                            "All brokers specified in the manual partition assignment for "
                            "partition %d are fenced or in controlled shutdown.",
                            assignment->partition);
    return why ? fail(decision, result, ERR_INVALID_REPLICA_ASSIGNMENT, why) : 0;
}

/* Takes the assignments in any order; the partitions must be first, first + 1, ... each once. */
static int layout_manual(struct decision *decision, Meta__TopicResult *result,
                         Meta__Assignment **assignments, struct layout *layout)
{
    layout->replicas = decision_alloc(decision, (size_t)layout->count, sizeof(int32_t *));
    for (int32_t i = 0; i < layout->count; i++) {
        const Meta__Assignment *assignment = assignments[i];
        int64_t at = (int64_t)assignment->partition - layout->first;
        if (at < 0 || at >= layout->count || layout->replicas[at])
            return fail(decision, result, ERR_INVALID_REPLICA_ASSIGNMENT,
                        "partitions should be a consecutive 0-based integer sequence");
        int err = check_one_assignment(decision, result, assignment);
        if (err)
            return err;
        if (layout->replication_factor < 0)
            layout->replication_factor = (int32_t)assignment->n_replicas;
        if ((size_t)layout->replication_factor != assignment->n_replicas)
            return fail(decision, result, ERR_INVALID_REPLICA_ASSIGNMENT,
                        decision_text(decision,
                                      "The manual partition assignment includes a partition with "
                                      "%zu replica(s), but this is not consistent with previous "
                                      "partitions, which have %d replica(s).",
                                      assignment->n_replicas, layout->replication_factor));
        layout->replicas[at] = decision_alloc(decision, assignment->n_replicas, sizeof(int32_t));
        memcpy(layout->replicas[at], assignment->replicas,
               assignment->n_replicas * sizeof(int32_t));
    }
    return 0;
}

static int fail_replication(struct decision *decision, Meta__TopicResult *result, int32_t wanted,
                            const struct placement *placement)
{
    bool cordoned = placement->cordoned_count > 0;
    int32_t usable = placement->broker_count + placement->spare_count;
    const char *reason =
        placement->broker_count == 0 && usable + placement->cordoned_count > 0
            ? decision_text(decision, "All brokers are currently fenced%s.",
                            cordoned ? " or have all their log directories cordoned" : "")
            : decision_text(decision,
                            "The target replication factor of %d cannot be reached because only "
                            "%d broker(s) are registered%s.",
                            wanted, usable,
                            cordoned ? " or some brokers have all their log directories cordoned"
                                     : "");
    return fail(decision, result, ERR_INVALID_REPLICATION_FACTOR,
                decision_text(decision, "Unable to replicate the partition %d time(s): %s", wanted,
                              reason));
}

static int layout_spread(struct decision *decision, Meta__TopicResult *result,
                         struct layout *layout)
{
    int err = 0;
    struct placement placement;
    placement_init(&placement, decision->image, decision->random(decision->random_data));
    int32_t usable = placement.broker_count + placement.spare_count;
    if (placement.broker_count == 0 || layout->replication_factor > usable) {
        err = fail_replication(decision, result, layout->replication_factor, &placement);
    } else {
        size_t width = (size_t)layout->replication_factor;
        layout->replicas = decision_alloc(decision, (size_t)layout->count, sizeof(int32_t *));
        for (int32_t i = 0; i < layout->count; i++) {
            layout->replicas[i] = decision_alloc(decision, width, sizeof(int32_t));
            placement_choose(&placement, layout->first + i, layout->replication_factor,
                             layout->replicas[i]);
        }
    }
    placement_close(&placement);
    return err;
}

static void emit_partition(struct decision *decision, const struct uuid *topic_id, int32_t index,
                           int32_t *replicas, size_t count)
{
    Meta__PartitionRecord *record = decision_alloc(decision, 1, sizeof(*record));
    ASSERT(count > 0);
    ASSERT(index >= 0);
    meta__partition_record__init(record);
    record->topic_id = decision_uuid(decision, topic_id);
    record->partition = index;
    record->replicas = replicas;
    record->n_replicas = count;
    record->isr = decision_alloc(decision, count, sizeof(*record->isr));
    for (size_t i = 0; i < count; i++)
        if (decision_live(decision, replicas[i]))
            record->isr[record->n_isr++] = replicas[i];
    ASSERT(record->n_isr > 0);
    record->leader = record->isr[0];
    decision_emit(decision, META__RECORD__FACT_PARTITION, record);
}

/* ---- create ---- */

static int check_counts(struct decision *decision, const Meta__CreateTopics__Topic *topic,
                        Meta__TopicResult *result, struct layout *layout)
{
    const struct decision_rules *rules = decision->rules;
    if (topic->n_assignments) {
        if (topic->partitions != -1)
            return fail(decision, result, ERR_INVALID_REQUEST,
                        "A manual partition assignment was specified, but numPartitions was not "
                        "set to -1.");
        if (topic->replication_factor != -1)
            return fail(decision, result, ERR_INVALID_REQUEST,
                        "A manual partition assignment was specified, but replication factor was "
                        "not set to -1.");
        if (topic->n_assignments > TOPICS_PARTITIONS_MAX)
            return fail(decision, result, ERR_POLICY_VIOLATION,
                        "Excessively large number of partitions per request.");
        layout->count = (int32_t)topic->n_assignments;
        layout->replication_factor = -1;
        return 0;
    }
    if (topic->replication_factor < -1 || topic->replication_factor == 0 ||
        topic->replication_factor > INT16_MAX)
        return fail(decision, result, ERR_INVALID_REPLICATION_FACTOR,
                    "Replication factor must be larger than 0, or -1 to use the default value.");
    if (topic->partitions < -1 || topic->partitions == 0)
        return fail(decision, result, ERR_INVALID_PARTITIONS,
                    "Number of partitions was set to an invalid non-positive value.");
    layout->count = topic->partitions == -1 ? rules->default_partitions : topic->partitions;
    layout->replication_factor = topic->replication_factor == -1 ? rules->default_replication_factor
                                                                 : topic->replication_factor;
    if (layout->count > TOPICS_PARTITIONS_MAX)
        return fail(decision, result, ERR_POLICY_VIOLATION,
                    "Excessively large number of partitions per request.");
    return 0;
}

static int check_settings(struct decision *decision, const Meta__CreateTopics__Topic *topic,
                          Meta__TopicResult *result)
{
    if (topic->n_configs > TOPICS_CONFIGS_MAX)
        return fail(
            decision, result, ERR_INVALID_CONFIG,
            decision_text(decision, "A topic has at most %d settings.", TOPICS_CONFIGS_MAX));
    for (size_t i = 0; i < topic->n_configs; i++) {
        const char *sentence;
        int err = configs_check(decision, CONFIG_OF_TOPIC, topic->configs[i]->key,
                                topic->configs[i]->value, &sentence);
        if (err)
            return fail(decision, result, err, sentence);
    }
    return 0;
}

/* The topics that brokers need for themselves are as they need them. */
static int check_policy(struct decision *decision, const Meta__CreateTopics__Topic *topic,
                        const struct layout *layout, Meta__TopicResult *result)
{
    const char *why =
        topics_is_internal(topic->name)
            ? NULL
            : policy_why_not(decision, topic, layout->count, layout->replication_factor);
    return why ? fail(decision, result, ERR_POLICY_VIOLATION, why) : 0;
}

static void emit_topic(struct decision *decision, const Meta__CreateTopics__Topic *topic,
                       const struct layout *layout, Meta__TopicResult *result)
{
    struct uuid id;
    decision_new_uuid(decision, &id);
    Meta__TopicRecord *record = decision_alloc(decision, 1, sizeof(*record));
    meta__topic_record__init(record);
    record->id = decision_uuid(decision, &id);
    record->name = result->name;
    decision_emit(decision, META__RECORD__FACT_TOPIC, record);
    for (size_t i = 0; i < topic->n_configs; i++)
        configs_emit(decision, META__CONFIG_RECORD__RESOURCE__TOPIC, result->name,
                     topic->configs[i]->key, topic->configs[i]->value);
    for (int32_t i = 0; i < layout->count; i++)
        emit_partition(decision, &id, i, layout->replicas[i], (size_t)layout->replication_factor);
    result->id = record->id;
}

static void copy_settings(struct decision *decision, const Meta__CreateTopics__Topic *topic,
                          Meta__TopicResult *result)
{
    result->configs = decision_alloc(decision, topic->n_configs, sizeof(*result->configs));
    for (size_t i = 0; i < topic->n_configs; i++) {
        Meta__ConfigEntry *entry = decision_alloc(decision, 1, sizeof(*entry));
        meta__config_entry__init(entry);
        entry->key = decision_text(decision, "%s", topic->configs[i]->key);
        entry->value = decision_text(decision, "%s", topic->configs[i]->value);
        result->configs[result->n_configs++] = entry;
    }
    ASSERT(result->n_configs == topic->n_configs);
}

static void create_one(struct decision *decision, const Meta__CreateTopics__Topic *topic,
                       bool validate_only, struct topic_names *names, int32_t *left,
                       Meta__TopicResult *result)
{
    struct layout layout = {0};
    if (check_name(decision, result, names, topic->name) ||
        check_counts(decision, topic, result, &layout) || check_settings(decision, topic, result))
        return;
    if (layout.count > *left) {
        fail(decision, result, ERR_POLICY_VIOLATION,
             "Excessively large number of partitions per request.");
        return;
    }
    int err = topic->n_assignments ? layout_manual(decision, result, topic->assignments, &layout)
                                   : layout_spread(decision, result, &layout);
    if (err || check_policy(decision, topic, &layout, result))
        return;
    *left -= layout.count;
    ASSERT(*left >= 0);
    result->partitions = layout.count;
    result->replication_factor = layout.replication_factor;
    copy_settings(decision, topic, result);
    if (validate_only || take_quota(decision, result, layout.count))
        return;
    emit_topic(decision, topic, &layout, result);
    if (names->made)
        names_add(names, result->name);
}

/* The broker that was asked tells them to the client: a topic's settings are the controller's. */
static void add_defaults(struct decision *decision, Meta__CommandReply *reply)
{
    const struct decision_rules *rules = decision->rules;
    const char *key, *value;
    bool from_file;
    size_t count = 0;
    while (rules->topic_default &&
           rules->topic_default(rules->topic_default_data, count, &key, &value, &from_file))
        count++;
    reply->topic_defaults = decision_alloc(decision, count, sizeof(*reply->topic_defaults));
    for (size_t i = 0; i < count; i++) {
        Meta__TopicDefault *out = decision_alloc(decision, 1, sizeof(*out));
        meta__topic_default__init(out);
        (void)rules->topic_default(rules->topic_default_data, i, &key, &value, &from_file);
        out->key = decision_text(decision, "%s", key);
        out->value = decision_text(decision, "%s", value);
        out->from_file = from_file;
        reply->topic_defaults[reply->n_topic_defaults++] = out;
    }
    ASSERT(reply->n_topic_defaults == count);
}

void topics_create(struct decision *decision, const Meta__CreateTopics *command,
                   Meta__CommandReply *reply)
{
    struct topic_names names = {.made = false};
    int32_t left = TOPICS_PARTITIONS_MAX;
    map_init(&names.turned);
    reply->topics = decision_alloc(decision, command->n_topics, sizeof(*reply->topics));
    for (size_t i = 0; i < command->n_topics; i++) {
        Meta__TopicResult *result = new_result(decision, command->topics[i]->name);
        create_one(decision, command->topics[i], command->validate_only, &names, &left, result);
        reply->topics[reply->n_topics++] = result;
    }
    ASSERT(reply->n_topics == command->n_topics);
    map_close(&names.turned);
    add_defaults(decision, reply);
}

/* ---- delete ---- */

static const struct image_topic *find_to_delete(struct decision *decision,
                                                const Meta__DeleteTopics__Topic *asked,
                                                Meta__TopicResult *result)
{
    if (asked->name[0] && asked->id.len) {
        fail(decision, result, ERR_INVALID_REQUEST,
             "You may not specify both topic name and topic id.");
        return NULL;
    }
    if (asked->name[0]) {
        const struct image_topic *topic =
            image_topic_by_name(decision->image, asked->name, strlen(asked->name));
        if (!topic)
            fail(decision, result, ERR_UNKNOWN_TOPIC_OR_PARTITION,
                 "This server does not host this topic-partition.");
        return topic;
    }
    struct uuid id;
    const struct image_topic *topic = NULL;
    if (asked->id.len == sizeof(id.bytes)) {
        memcpy(id.bytes, asked->id.data, sizeof(id.bytes));
        result->id = decision_uuid(decision, &id);
        topic = image_topic_by_id(decision->image, &id);
    }
    if (!topic)
        fail(decision, result, ERR_UNKNOWN_TOPIC_ID, "This server does not host this topic ID.");
    return topic;
}

void topics_delete(struct decision *decision, const Meta__DeleteTopics *command,
                   Meta__CommandReply *reply)
{
    reply->topics = decision_alloc(decision, command->n_topics, sizeof(*reply->topics));
    for (size_t i = 0; i < command->n_topics; i++) {
        Meta__TopicResult *result = new_result(decision, command->topics[i]->name);
        reply->topics[reply->n_topics++] = result;
        const struct image_topic *topic = find_to_delete(decision, command->topics[i], result);
        if (!topic)
            continue;
        result->name = decision_text(decision, "%s", topic->name);
        result->id = decision_uuid(decision, &topic->id);
        if (take_quota(decision, result, topic->partition_count))
            continue;
        Meta__TopicRemovedRecord *record = decision_alloc(decision, 1, sizeof(*record));
        meta__topic_removed_record__init(record);
        record->id = result->id;
        decision_emit(decision, META__RECORD__FACT_TOPIC_REMOVED, record);
    }
}

/* ---- grow ---- */

/* What it has when a reassignment that is under way has ended. */
static int32_t topics_replication_factor(const struct image_partition *partition)
{
    ASSERT(partition->removing.count < partition->replicas.count);
    return partition->replicas.count - partition->removing.count;
}

static int grow_layout(struct decision *decision, const Meta__CreatePartitions__Topic *asked,
                       const struct image_topic *topic, int32_t left, Meta__TopicResult *result,
                       struct layout *layout)
{
    int32_t have = topic->partition_count;
    /* Which partition a group lives in is its id modulo their number. */
    if (topics_is_internal(topic->name))
        return fail(decision, result, ERR_INVALID_PARTITIONS,
                    decision_text(decision,
                                  "The number of partitions for the internal topic %s can't be "
                                  "changed: groups and transactions are found by it.",
                                  topic->name));
    if (have == 0)
        return fail(decision, result, ERR_INVALID_PARTITIONS,
                    decision_text(decision,
                                  "Topic %s has no partition: delete it and create it again.",
                                  topic->name));
    if (asked->count == have)
        return fail(decision, result, ERR_INVALID_PARTITIONS,
                    decision_text(decision, "Topic already has %d partition(s).", have));
    if (asked->count < have)
        return fail(decision, result, ERR_INVALID_PARTITIONS,
                    decision_text(decision,
                                  "The topic %s currently has %d partition(s); %d would not be an "
                                  "increase.",
                                  topic->name, have, asked->count));
    layout->first = have;
    layout->count = asked->count - have;
    if (layout->count > left)
        return fail(decision, result, ERR_POLICY_VIOLATION,
                    "Excessively large number of partitions per request.");
    layout->replication_factor = topics_replication_factor(image_partition(topic, 0));
    if (asked->n_assignments == 0)
        return layout_spread(decision, result, layout);
    if (asked->n_assignments != (size_t)layout->count)
        return fail(decision, result, ERR_INVALID_REPLICA_ASSIGNMENT,
                    decision_text(decision,
                                  "Attempted to add %d additional partition(s), but only %zu "
                                  "assignment(s) were specified.",
                                  layout->count, asked->n_assignments));
    return layout_manual(decision, result, asked->assignments, layout);
}

static void grow_one(struct decision *decision, const Meta__CreatePartitions__Topic *asked,
                     bool validate_only, int32_t *left, Meta__TopicResult *result)
{
    struct layout layout = {0};
    const struct image_topic *topic =
        image_topic_by_name(decision->image, asked->name, strlen(asked->name));
    if (!topic) {
        fail(decision, result, ERR_UNKNOWN_TOPIC_OR_PARTITION,
             "This server does not host this topic-partition.");
        return;
    }
    result->id = decision_uuid(decision, &topic->id);
    if (grow_layout(decision, asked, topic, *left, result, &layout))
        return;
    *left -= layout.count;
    ASSERT(*left >= 0);
    result->partitions = asked->count;
    result->replication_factor = layout.replication_factor;
    if (validate_only || take_quota(decision, result, layout.count))
        return;
    struct uuid id = topic->id;
    for (int32_t i = 0; i < layout.count; i++)
        emit_partition(decision, &id, layout.first + i, layout.replicas[i],
                       (size_t)layout.replication_factor);
}

void topics_grow(struct decision *decision, const Meta__CreatePartitions *command,
                 Meta__CommandReply *reply)
{
    int32_t left = TOPICS_PARTITIONS_MAX;
    reply->topics = decision_alloc(decision, command->n_topics, sizeof(*reply->topics));
    for (size_t i = 0; i < command->n_topics; i++) {
        Meta__TopicResult *result = new_result(decision, command->topics[i]->name);
        grow_one(decision, command->topics[i], command->validate_only, &left, result);
        reply->topics[reply->n_topics++] = result;
    }
    ASSERT(reply->n_topics == command->n_topics);
}
