/* Why a ConsumerGroupHeartbeat is refused, for a person: in Kafka's words where it has some, since
 * clients print them as they are. */
#include <string.h>

#include "base/err.h"
#include "broker/group/consumer.h"
#include "broker/group/manager_private.h"
#include "broker/group/topic_pattern.h"

static const char *explain_member(const struct group *group, struct group_consumer_heartbeat *beat)
{
    const struct consumer_group_heartbeat_request *request = beat->request;
    if (!wire_str_is_null(request->instance_id))
        return arena_printf(beat->arena, "Instance id %.*s is unknown.",
                            WIRE_STR_ARGS(request->instance_id));
    return arena_printf(beat->arena, "Member %.*s is not a member of group %s.",
                        WIRE_STR_ARGS(request->member_id), group->id);
}

/* The instance is another member's. */
static const char *explain_instance(const struct group *group, int err,
                                    struct group_consumer_heartbeat *beat)
{
    const struct consumer_group_heartbeat_request *request = beat->request;
    const struct consumer_member *owner =
        consumer_find_instance(group->consumer, request->instance_id);
    return arena_printf(
        beat->arena,
        err == ERR_FENCED_INSTANCE_ID
            ? "Static member %.*s with instance id %.*s was fenced by member %s."
            : "Static member %.*s with instance id %.*s cannot join the group because the instance "
              "id is owned by %s member.",
        WIRE_STR_ARGS(request->member_id), WIRE_STR_ARGS(request->instance_id), owner->id);
}

static const char *explain_epoch(const struct group *group, struct group_consumer_heartbeat *beat)
{
    int32_t epoch = beat->request->member_epoch;
    const struct consumer_member *member = consumer_find(group->consumer, beat->request->member_id);
    return arena_printf(
        beat->arena,
        "The consumer group member has a %s member epoch (%d) than the one known by the group "
        "coordinator (%d). The member must abandon all its partitions and rejoin.",
        epoch > member->epoch ? "greater" : "smaller", epoch, member->epoch);
}

/* "uniform,range" as a person writes it. */
static const char *explain_assignors(const char *enabled, struct group_consumer_heartbeat *beat)
{
    size_t len = strlen(enabled);
    char *text = arena_alloc(beat->arena, 2 * len + 1);
    size_t used = 0;
    for (size_t i = 0; text && i < len; i++) {
        if (enabled[i] == ' ')
            continue;
        text[used++] = enabled[i];
        if (enabled[i] == ',')
            text[used++] = ' ';
    }
    if (text)
        text[used] = '\0';
    return text;
}

static const char *explain_absence(const struct group *group, struct group_consumer_heartbeat *beat)
{
    bool stays = beat->request->member_epoch > CONSUMER_JOIN_EPOCH;
    return arena_printf(beat->arena,
                        group   ? "Group %.*s is not a consumer group."
                        : stays ? "Consumer group %.*s not found."
                                : "Group %.*s not found.",
                        WIRE_STR_ARGS(beat->request->group_id));
}

static const char *explain_expression(const struct group *group,
                                      struct group_consumer_heartbeat *beat)
{
    struct wire_str text = beat->request->subscribed_topic_regex;
    if (text.len > TOPIC_PATTERN_LEN_MAX)
        return arena_printf(beat->arena, "SubscribedTopicRegex has more than %d characters.",
                            TOPIC_PATTERN_LEN_MAX);
    return arena_printf(beat->arena,
                        "SubscribedTopicRegex `%.*s` is not a valid regular "
                        "expression: %s.",
                        WIRE_STR_ARGS(text),
                        group && group->consumer && consumer_has_all_patterns(group->consumer, text)
                            ? "the group has as many different ones as it may have"
                            : "it does not follow the syntax of RE2, or takes too long to match");
}

const char *consumer_explain(const struct group_manager *manager, const struct group *group,
                             int err, struct group_consumer_heartbeat *beat)
{
    const struct group_settings *settings = &manager->deps.settings;
    const char *assignors;
    switch (err) {
    case ERR_UNKNOWN_MEMBER_ID:
        return explain_member(group, beat);
    case ERR_FENCED_INSTANCE_ID:
    case ERR_UNRELEASED_INSTANCE_ID:
        return explain_instance(group, err, beat);
    case ERR_FENCED_MEMBER_EPOCH:
        return explain_epoch(group, beat);
    case ERR_GROUP_ID_NOT_FOUND:
        return explain_absence(group, beat);
    case ERR_INVALID_REGULAR_EXPRESSION:
        return explain_expression(group, beat);
    case ERR_GROUP_MAX_SIZE_REACHED:
        return arena_printf(
            beat->arena,
            group_manager_has_room(manager)
                ? "The consumer group has reached its maximum capacity of %lld members."
                : "All groups together have as much memory as group.coordinator.memory.max.bytes "
                  "gives them (the group may have %lld members).",
            (long long)settings->consumer_max_size);
    case ERR_UNSUPPORTED_ASSIGNOR:
        assignors = explain_assignors(settings->assignors, beat);
        return assignors
                   ? arena_printf(beat->arena,
                                  "ServerAssignor %.*s is not supported. Supported assignors: %s.",
                                  WIRE_STR_ARGS(beat->request->server_assignor), assignors)
                   : NULL;
    case ERR_INVALID_REQUEST:
        return "MemberId is that of a member with another InstanceId: a member id is one member.";
    default:
        return NULL;
    }
}
