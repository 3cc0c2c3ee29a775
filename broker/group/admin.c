/* Looking at groups and deleting them: ListGroups, DescribeGroups, DeleteGroups. */
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "broker/group/classic.h"
#include "broker/group/consumer.h"
#include "broker/group/manager_private.h"
#include "broker/group/subscription.h"
#include "broker/group/write.h"

enum { ADMIN_NOT_FOUND_VERSION = 6 };

typedef struct list_groups_response_listed_group listed_group;

static const char *admin_state(const struct group *group)
{
    if (group->consumer)
        return consumer_state_name(group->consumer);
    return group->classic ? classic_state_name(group->classic) : "Empty";
}

/* ---- ListGroups ---- */

static bool list_names(const char *name, int32_t count, const struct wire_str *filter)
{
    for (int32_t i = 0; i < count; i++)
        if ((size_t)filter[i].len == strlen(name) &&
            strncasecmp(filter[i].data, name, (size_t)filter[i].len) == 0)
            return true;
    return count == 0;
}

static bool list_wants(const struct list_groups_request *request, const struct group *group)
{
    return list_names(admin_state(group), request->states_filter.count,
                      request->states_filter.items) &&
           list_names(group->consumer ? "consumer" : "classic", request->types_filter.count,
                      request->types_filter.items);
}

static void list_fill(const struct group *group, listed_group *out)
{
    const char *type = group->classic ? group->classic->protocol_type : NULL;
    out->group_id = group_id(group);
    out->protocol_type = wire_str_from(group->consumer ? SUBSCRIPTION_TYPE : type ? type : "");
    out->group_state = wire_str_from(admin_state(group));
    out->group_type = wire_str_from(group->consumer ? "consumer" : "classic");
}

void group_manager_list(struct group_manager *manager, const struct list_groups_request *request,
                        struct arena *arena, struct list_groups_response *response)
{
    struct shard *shard;
    size_t total = 0;
    size_t cursor = 0;
    wire_defaults(&list_groups_response_desc, response);
    while ((shard = map_next(&manager->shards, &cursor, NULL, NULL))) {
        if (shard->state == SHARD_ACTIVE)
            total += shard->groups.count;
        else
            response->error_code = err_to_wire(ERR_COORDINATOR_LOAD_IN_PROGRESS);
    }
    listed_group *out = WIRE_ARRAY(arena, &response->groups, (int32_t)total,
                                   &list_groups_response_listed_group_desc);
    response->groups.count = 0;
    if (!out)
        response->error_code = err_to_wire(ERR_UNKNOWN_SERVER_ERROR);
    cursor = 0;
    while (out && (shard = map_next(&manager->shards, &cursor, NULL, NULL))) {
        const struct group *group;
        size_t step = 0;
        while (shard->state == SHARD_ACTIVE &&
               (group = map_next(&shard->groups, &step, NULL, NULL)))
            if (list_wants(request, group))
                list_fill(group, &out[response->groups.count++]);
    }
}

/* ---- DescribeGroups ---- */

/* In Kafka's words, which its tools print as they are; null when memory is out. */
static struct wire_str describe_absence(struct wire_str group_id, bool exists, struct arena *arena)
{
    char *text = mem_printf(exists ? "Group %.*s is not a classic group." : "Group %.*s not found.",
                            WIRE_STR_ARGS(group_id));
    struct wire_str kept = wire_str_from(arena_strndup(arena, text, strlen(text)));
    mem_free(text);
    return kept;
}

static int describe_group(const struct group *group, int16_t version, struct arena *arena,
                          struct describe_groups_response_described_group *response)
{
    if (group && group->classic)
        return classic_describe(group->classic, arena, response);
    response->group_state = wire_str_from(group && !group->consumer ? "Empty" : "Dead");
    if (group && !group->consumer)
        return 0;
    if (version < ADMIN_NOT_FOUND_VERSION)
        return 0;
    response->error_message = describe_absence(response->group_id, group != NULL, arena);
    return ERR_GROUP_ID_NOT_FOUND;
}

void group_manager_describe(struct group_manager *manager, struct wire_str group_id,
                            int16_t version, struct arena *arena,
                            struct describe_groups_response_described_group *response)
{
    struct shard *shard;
    response->group_id = group_id;
    int err = group_manager_locate(manager, group_id, true, &shard);
    if (!err)
        err = describe_group(shard_find(shard, group_id), version, arena, response);
    response->error_code = err_to_wire(err);
}

/* ---- DeleteGroups ---- */

struct delete_item;

/* One request; lives until every group has its answer. */
struct delete
{
    struct group_delete *request;
    struct delete_item *items;
    int32_t waiting;
};

struct delete_item {
    struct delete *delete;
    struct delete_groups_response_deletable_group_result *result;
};

static void delete_finish(struct delete *delete, struct delete_item *item, int err)
{
    if (item)
        item->result->error_code = err_to_wire(err);
    if (--delete->waiting > 0)
        return;
    struct group_delete *request = delete->request;
    mem_free(delete->items);
    mem_free(delete);
    request->done(request);
}

static void delete_stored(void *data, int err)
{
    struct delete_item *item = data;
    delete_finish(item->delete, item, err);
}

static int delete_group(struct group_manager *manager, struct wire_str group_id,
                        struct delete_item *item)
{
    struct shard *shard;
    struct records records;
    int err = group_manager_locate(manager, group_id, true, &shard);
    struct group *group = err ? NULL : shard_find(shard, group_id);
    if (err)
        return err;
    if (!group)
        return ERR_GROUP_ID_NOT_FOUND;
    if (!group_is_empty(group))
        return ERR_NON_EMPTY_GROUP;
    group_records(group, &records);
    group_put_tombstones(group, &records);
    group_hold(group);
    bool stored = records.count > 0 || records.err;
    if (stored)
        err = write_records(group, &records, delete_stored, item);
    if (!err)
        group_drop_members(group);
    if (!stored)
        delete_stored(item, 0);
    records_close(&records);
    group_release(group);
    return err;
}

void group_manager_delete(struct group_manager *manager, struct group_delete *op)
{
    int32_t count = op->request->groups_names.count;
    wire_defaults(&delete_groups_response_desc, &op->response);
    struct delete_groups_response_deletable_group_result *results =
        WIRE_ARRAY(op->arena, &op->response.results, count,
                   &delete_groups_response_deletable_group_result_desc);
    struct delete *delete = mem_alloc(sizeof(*delete));
    delete->request = op;
    delete->items = mem_alloc((size_t)(count + 1) * sizeof(*delete->items));
    delete->waiting = 1; /* for this function itself */
    for (int32_t i = 0; results && i < count; i++) {
        struct delete_item *item = &delete->items[i];
        item->delete = delete;
        item->result = &results[i];
        item->result->group_id = op->request->groups_names.items[i];
        delete->waiting++;
        int err = delete_group(manager, op->request->groups_names.items[i], item);
        if (err)
            delete_finish(delete, item, err);
    }
    delete_finish(delete, NULL, 0);
}
