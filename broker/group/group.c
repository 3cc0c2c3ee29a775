/* Groups: their life, and what both protocols share. */
#include "broker/group/group.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "broker/group/classic.h"
#include "broker/group/consumer.h"
#include "broker/group/lister.h"

enum {
    GROUP_OVERHEAD = 256, /* its places in tables, and what it has of its own with members */
    GROUP_ID_PREFIX_MAX = INT16_MAX - 37 /* a hyphen and a uuid follow: no string is longer */
};

struct env *group_env(const struct group *group)
{
    return group_manager_deps(group->shard->manager)->env;
}

struct logger *group_logger(const struct group *group)
{
    return group_manager_deps(group->shard->manager)->logger;
}

const struct group_settings *group_settings(const struct group *group)
{
    return &group_manager_deps(group->shard->manager)->settings;
}

const struct image *group_image(const struct group *group)
{
    return metadata_image(group_manager_deps(group->shard->manager)->metadata);
}

int64_t group_consumer_ms(const struct group *group, enum config_group_id id)
{
    const struct group_settings *settings = group_settings(group);
    const int64_t of_all[CONFIG_GROUP_SETTINGS] = {
        [CONFIG_GROUP_ASSIGNMENT] = settings->consumer_assignment_ms,
        [CONFIG_GROUP_HEARTBEAT] = settings->consumer_heartbeat_ms,
        [CONFIG_GROUP_SESSION] = settings->consumer_session_ms};
    const char *own = image_config(group_image(group), META__CONFIG_RECORD__RESOURCE__GROUP,
                                   group->id, config_group_row(id)->name);
    return config_group_value(id, own, of_all[id], settings->consumer_min[id],
                              settings->consumer_max[id]);
}

static size_t group_batch_max(const struct group *group)
{
    size_t max = machine_batch_max(&group->shard->machine);
    return max < RECORDS_RECORD_MAX ? max : RECORDS_RECORD_MAX;
}

void group_records(const struct group *group, struct records *records)
{
    const struct group_manager_deps *deps = group_manager_deps(group->shard->manager);
    records_init(records, env_wall_ms(deps->env));
    records->batch_max = group_batch_max(group);
}

size_t group_record_max(const struct group *group)
{
    size_t rest = RECORDS_OVERHEAD + strlen(group->id);
    size_t max = group_batch_max(group);
    return max > rest ? max - rest : 0;
}

void group_charge(struct group *group, int64_t *charged, int64_t bytes)
{
    ASSERT(bytes >= 0);
    ASSERT(*charged >= 0);
    group_manager_charge(group->shard->manager, bytes - *charged);
    *charged = bytes;
}

void group_charge_offsets(struct group *group)
{
    group_charge(group, &group->charged_offsets, group->offsets.bytes);
}

bool group_has_room(const struct group *group)
{
    return group_manager_has_room(group->shard->manager);
}

struct group *group_new(struct shard *shard, struct wire_str id)
{
    struct group *group = mem_alloc(sizeof(*group));
    group->shard = shard;
    group->id = wire_str_dup(id);
    list_push(&shard->order, &group->link);
    group_charge(group, &group->charged, (int64_t)sizeof(*group) + 2 * id.len + GROUP_OVERHEAD);
    offsets_init(&group->offsets);
    list_init(&group->commits);
    list_init(&group->writes);
    return group;
}

void group_free(struct group *group)
{
    ASSERT(!group->classic);
    ASSERT(!group->consumer);
    ASSERT(list_empty(&group->writes)); /* each holds the group */
    ASSERT(group->in_flight == 0);
    ASSERT(list_empty(&group->commits));
    lister_skip(group_manager_lister(group->shard->manager), &group->link);
    list_remove(&group->link);
    offsets_close(&group->offsets);
    group_charge(group, &group->charged_offsets, 0);
    group_charge(group, &group->charged, 0);
    mem_free(group->id);
    mem_free(group);
}

/* A classic group that was never stored is worth keeping only for who is in it. */
static bool group_has_state(const struct group *group)
{
    const struct classic *classic = group->classic;
    if (group->consumer)
        return true;
    return classic && (classic->state != CLASSIC_EMPTY || classic->stored ||
                       classic->member_count > 0 || classic->pending.count > 0);
}

void group_review(struct group *group)
{
    ASSERT(group->in_flight >= 0);
    if (group->in_flight > 0 || group_has_state(group) || !offsets_is_empty(&group->offsets))
        return;
    if (group->classic)
        classic_free(group->classic, ERR_UNKNOWN_MEMBER_ID);
    group->classic = NULL;
    map_del(&group->shard->groups, group->id, strlen(group->id));
    group_free(group);
}

void group_hold(struct group *group)
{
    ASSERT(group->in_flight >= 0);
    ASSERT(group->in_flight < INT32_MAX);
    group->in_flight++;
}

void group_release(struct group *group)
{
    ASSERT(group->in_flight > 0);
    group->in_flight--;
    if (machine_is_active(&group->shard->machine))
        group_review(group);
}

bool group_is_empty(const struct group *group)
{
    if (group->classic && group->classic->state != CLASSIC_EMPTY)
        return false;
    return !group->consumer || consumer_is_empty(group->consumer);
}

void group_subscribed(const struct group *group, struct subscribed *subscribed)
{
    *subscribed = (struct subscribed){.all = false};
    map_init(&subscribed->names);
    if (group->consumer)
        consumer_subscribed(group->consumer, subscribed);
    else if (group->classic)
        classic_subscribed(group->classic, subscribed);
}

void subscribed_add(struct subscribed *subscribed, struct wire_str topic)
{
    if (topic.len > 0)
        map_put(&subscribed->names, topic.data, (size_t)topic.len, subscribed);
}

bool subscribed_has(const struct subscribed *subscribed, struct wire_str topic)
{
    return subscribed->all ||
           (topic.len > 0 && map_get(&subscribed->names, topic.data, (size_t)topic.len));
}

void subscribed_close(struct subscribed *subscribed)
{
    map_close(&subscribed->names);
}

void group_put_members_gone(const struct group *group, struct records *records)
{
    if (group->consumer)
        consumer_put_tombstones(group->consumer, records);
    else if (group->classic && group->classic->stored)
        group_records_put_group(records, group_id(group), NULL);
}

void group_drop_members(struct group *group)
{
    if (group->classic)
        classic_free(group->classic, ERR_UNKNOWN_MEMBER_ID);
    if (group->consumer)
        consumer_free(group->consumer);
    group->classic = NULL;
    group->consumer = NULL;
}

struct leave_group_response_member_response *group_leave_members(struct group_leave *leave)
{
    const struct leave_group_request *request = leave->request;
    struct leave_group_response_member_response *out =
        WIRE_ARRAY(leave->arena, &leave->response.members, request->members.count,
                   &leave_group_response_member_response_desc);
    for (int32_t i = 0; out && i < request->members.count; i++) {
        out[i].member_id = request->members.items[i].member_id;
        out[i].group_instance_id = request->members.items[i].group_instance_id;
    }
    return out;
}

char *group_new_member_id(const struct group *group, struct wire_str prefix)
{
    uint8_t r[16];
    env_random_bytes(group_env(group), r, sizeof(r));
    if (prefix.len > GROUP_ID_PREFIX_MAX)
        prefix.len = GROUP_ID_PREFIX_MAX;
    return mem_printf("%.*s-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                      WIRE_STR_ARGS(prefix), r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8],
                      r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
}
