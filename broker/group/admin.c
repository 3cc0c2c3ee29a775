/* Looking at groups and deleting them: DescribeGroups, DeleteGroups. ListGroups is in lister.c. */
#include "base/err.h"
#include "broker/group/classic.h"
#include "broker/group/consumer.h"
#include "broker/group/manager_private.h"
#include "broker/group/write.h"

enum {
    ADMIN_NOT_FOUND_VERSION = 6,
    DELETE_SLICE = 5000 /* tombstones of one write: 350 kB, some milliseconds */
};

/* ---- DescribeGroups ---- */

/* In Kafka's words, which its tools print as they are; null when memory is out. */
static struct wire_str describe_absence(struct wire_str group_id, bool exists, struct arena *arena)
{
    return wire_str_from(
        arena_printf(arena, exists ? "Group %.*s is not a classic group." : "Group %.*s not found.",
                     WIRE_STR_ARGS(group_id)));
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
    struct machine_op op;
    struct delete *delete;
    struct group *group; /* NULL before it was found */
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

static void delete_end(struct delete_item *item, int err)
{
    struct group *group = item->group;
    group->deleting = false;
    delete_finish(item->delete, item, err);
    group_release(group);
}

/* The same of those that open transactions commit: the marker finds nothing then. */
static bool delete_put_pending(const struct group *group, struct records *records)
{
    const struct offsets_pending_topic *topic;
    size_t cursor = 0;
    while ((topic = offsets_next_pending_topic(&group->offsets, &cursor))) {
        struct wire_str name = wire_str_from(topic->name);
        size_t step = 0;
        int32_t partition;
        while (offsets_next_pending(topic, &step, &partition)) {
            if (records->count >= DELETE_SLICE)
                return false;
            if (!offsets_get(&group->offsets, name, partition))
                group_records_put_offset(records, group_id(group), name, partition, NULL);
        }
    }
    return true;
}

/* Tombstones of offsets, so many at a time; whether those were all. */
static bool delete_put_offsets(const struct group *group, struct records *records)
{
    const struct offsets_topic *topic;
    size_t cursor = 0;
    while ((topic = offsets_next_topic(&group->offsets, &cursor))) {
        size_t step = 0;
        int32_t partition;
        while (offsets_next(topic, &step, &partition)) {
            if (records->count >= DELETE_SLICE)
                return false;
            group_records_put_offset(records, group_id(group), wire_str_from(topic->name),
                                     partition, NULL);
        }
    }
    return delete_put_pending(group, records);
}

/* What was written is through, and memory without it: what is left is next. */
static void delete_go_on(void *data, int err)
{
    struct delete_item *item = data;
    struct group *group = item->group;
    struct records records;
    if (!err && group->shard->machine.state == MACHINE_CLOSED)
        err = ERR_NOT_COORDINATOR;
    if (!err && group->shard->machine.unsure) {
        /* A tombstone for what memory does not know can't be written: it is read again first. */
        machine_reload(&group->shard->machine);
        err = ERR_COORDINATOR_LOAD_IN_PROGRESS;
    }
    if (err) {
        delete_end(item, err);
        return;
    }
    group_records(group, &records);
    bool last = delete_put_offsets(group, &records);
    if (last)
        group_put_members_gone(group, &records);
    if (records.count > 0 || records.err)
        err = write_records(group, &records, delete_go_on, item);
    bool through = records.count == 0 && !records.err;
    records_close(&records);
    if (!err && last)
        group_drop_members(group);
    if (err || through)
        delete_end(item, err);
}

/* All that was on its way when the request came has arrived. */
static void delete_arrived(struct machine_op *op, int err)
{
    struct delete_item *item = CONTAINER_OF(op, struct delete_item, op);
    /* Whether the write before it got through is its own affair. */
    delete_go_on(item, op->machine->state == MACHINE_CLOSED ? err : 0);
}

static int delete_group(struct group_manager *manager, struct wire_str group_id,
                        struct delete_item *item)
{
    struct shard *shard;
    int err = group_manager_locate(manager, group_id, true, &shard);
    struct group *group = err ? NULL : shard_find(shard, group_id);
    if (!err && !group)
        err = ERR_GROUP_ID_NOT_FOUND;
    if (!err && !group_is_empty(group))
        err = ERR_NON_EMPTY_GROUP;
    if (err)
        return err;
    bool waits = group->in_flight > 0;
    item->group = group;
    group_hold(group);
    /* Nobody joins or commits until it is over: the answer is about one point in the log. */
    group->deleting = true;
    if (waits)
        machine_barrier(&shard->machine, &item->op, delete_arrived);
    else
        delete_go_on(item, 0);
    return 0;
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
