/* The coordinator's front: finds the shard of a group, and what comes from outside: leadership,
 * topics. */
#include "broker/group/group_manager.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "broker/coordinator/coordinator_key.h"
#include "broker/group/classic.h"
#include "broker/group/consumer.h"
#include "broker/group/manager_private.h"
#include "config/config.h"
#include "meta/features.h"

/* ---- settings ---- */

static bool settings_list_has(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += len)
        if ((at == list || at[-1] == ',' || at[-1] == ' ') &&
            (at[len] == '\0' || at[len] == ',' || at[len] == ' '))
            return true;
    return false;
}

static unsigned settings_migration(const char *policy)
{
    if (strcmp(policy, "bidirectional") == 0)
        return GROUP_MIGRATION_UPGRADE | GROUP_MIGRATION_DOWNGRADE;
    if (strcmp(policy, "upgrade") == 0)
        return GROUP_MIGRATION_UPGRADE;
    return strcmp(policy, "downgrade") == 0 ? GROUP_MIGRATION_DOWNGRADE : 0;
}

void group_settings_read(struct group_settings *settings, const struct config *config)
{
    *settings = (struct group_settings){
        .session_min_ms = config_int(config, CONFIG_GROUP_MIN_SESSION_TIMEOUT_MS),
        .session_max_ms = config_int(config, CONFIG_GROUP_MAX_SESSION_TIMEOUT_MS),
        .initial_rebalance_delay_ms = config_int(config, CONFIG_GROUP_INITIAL_REBALANCE_DELAY_MS),
        .max_size = config_int(config, CONFIG_GROUP_MAX_SIZE),
        .offset_metadata_max = config_int(config, CONFIG_OFFSET_METADATA_MAX_BYTES),
        .retention_ms = config_int(config, CONFIG_OFFSETS_RETENTION_MINUTES) * 60000,
        .retention_check_ms = config_int(config, CONFIG_OFFSETS_RETENTION_CHECK_INTERVAL_MS),
        .commit_timeout_ms = config_int(config, CONFIG_OFFSETS_COMMIT_TIMEOUT_MS),
        .consumer_session_ms = config_int(config, CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS),
        .consumer_heartbeat_ms = config_int(config, CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS),
        .consumer_assignment_ms = config_int(config, CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS),
        .commit_at_once_max = GROUP_COMMIT_AT_ONCE_MAX,
        .assign_at_once_max = GROUP_ASSIGN_AT_ONCE_MAX,
        .consumer_max_size = config_int(config, CONFIG_GROUP_CONSUMER_MAX_SIZE),
        .memory_max = config_int(config, CONFIG_GROUP_COORDINATOR_MEMORY_MAX_BYTES),
        .migration = settings_migration(config_str(config, CONFIG_GROUP_CONSUMER_MIGRATION_POLICY)),
        .consumer_enabled = settings_list_has(
            config_str(config, CONFIG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS), "consumer"),
        .assignors = config_str(config, CONFIG_GROUP_CONSUMER_ASSIGNORS),
    };
    for (enum config_group_id id = 0; id < CONFIG_GROUP_SETTINGS; id++) {
        settings->consumer_min[id] = config_int(config, config_group_min(id));
        settings->consumer_max[id] = config_int(config, config_group_max(id));
    }
}

/* ---- which partition ---- */

bool group_manager_has_consumers(const struct group_manager *manager)
{
    return manager->deps.settings.consumer_enabled &&
           features_level_of(metadata_image(manager->deps.metadata), FEATURE_GROUP_VERSION) > 0;
}

int group_manager_locate(struct group_manager *manager, struct wire_str group_id, bool allow_empty,
                         struct shard **shard)
{
    const struct image_topic *topic = image_topic_by_name(
        metadata_image(manager->deps.metadata), GROUP_OFFSETS_TOPIC, strlen(GROUP_OFFSETS_TOPIC));
    if (wire_str_is_null(group_id) || (wire_str_is_empty(group_id) && !allow_empty) ||
        group_has_nul(group_id))
        return ERR_INVALID_GROUP_ID;
    if (!topic || topic->partition_count == 0)
        return ERR_NOT_COORDINATOR; /* whoever asks for the coordinator has the topic made */
    int32_t index = coordinator_key_partition(group_id, topic->partition_count);
    *shard = map_get_u64(&manager->shards, (uint32_t)index);
    if (!*shard)
        return ERR_NOT_COORDINATOR;
    int err = shard_may_answer(*shard);
    if (err)
        return err;
    const struct group *group = shard_find(*shard, group_id);
    return group && group->deleting ? ERR_COORDINATOR_LOAD_IN_PROGRESS : 0;
}

void group_manager_set_assignment_interval(struct group_manager *manager, int64_t interval_ms)
{
    ASSERT(interval_ms >= 0);
    manager->deps.settings.consumer_assignment_ms = interval_ms;
}

/* ---- leadership ---- */

void group_manager_leader_changed(struct group_manager *manager, int32_t partition, bool leader)
{
    struct shard *shard = map_del_u64(&manager->shards, (uint32_t)partition);
    if (shard)
        shard_free(shard, ERR_NOT_COORDINATOR);
    if (leader)
        map_put_u64(&manager->shards, (uint32_t)partition, shard_new(manager, partition));
}

/* ---- topics ---- */

static void manager_topic_seen(struct group_manager *manager, const struct image_topic *topic)
{
    struct manager_topic *seen = map_get(&manager->topics, &topic->id, sizeof(topic->id));
    if (seen && seen->partitions == topic->partition_count)
        return;
    if (!seen) {
        seen = mem_alloc(sizeof(*seen));
        map_put(&manager->topics, &topic->id, sizeof(topic->id), seen);
        matcher_topics_changed(manager->matcher);
    }
    seen->partitions = topic->partition_count;
    manager->topics_version++;
}

static void manager_partition_changed(void *data, const struct image_topic *topic,
                                      int32_t partition)
{
    (void)partition;
    manager_topic_seen(data, topic);
}

static void manager_topic_removed(void *data, const struct uuid *topic_id)
{
    struct group_manager *manager = data;
    struct manager_topic *topic = map_del(&manager->topics, topic_id, sizeof(*topic_id));
    if (!topic)
        return;
    manager->topics_version++;
    matcher_topics_changed(manager->matcher);
    mem_free(topic);
    sweep_start(&manager->sweep);
}

/* A snapshot: what it does not name is deleted. */
static void manager_replaced(void *data)
{
    struct group_manager *manager = data;
    const struct image *image = metadata_image(manager->deps.metadata);
    struct map old = manager->topics;
    const struct image_topic *topic;
    size_t cursor = 0;
    struct manager_topic *gone;
    map_init(&manager->topics);
    manager->topics_version++;
    matcher_topics_changed(manager->matcher);
    while ((topic = image_next_topic(image, &cursor)))
        manager_topic_seen(manager, topic);
    cursor = 0;
    while ((gone = map_next(&old, &cursor, NULL, NULL)))
        mem_free(gone);
    map_close(&old);
    sweep_start(&manager->sweep);
}

static const struct image *manager_image(void *data)
{
    return metadata_image(((struct group_manager *)data)->deps.metadata);
}

static void manager_matches_changed(void *data)
{
    ((struct group_manager *)data)->topics_version++;
}

struct matcher *group_manager_matcher(const struct group_manager *manager)
{
    return manager->matcher;
}

uint64_t group_manager_topics(const struct group_manager *manager)
{
    return manager->topics_version;
}

void group_manager_summarise(const struct group_manager *manager, struct buf *out)
{
    const struct shard *shard;
    size_t cursor = 0, groups = 0;
    while ((shard = map_next(&manager->shards, &cursor, NULL, NULL)))
        groups += shard->groups.count;
    buf_printf(out, "%zu groups in %zu partitions of %s, memory for them %lld of %lld bytes",
               groups, manager->shards.count, GROUP_OFFSETS_TOPIC, (long long)manager->bytes,
               (long long)manager->deps.settings.memory_max);
}

void group_manager_charge(struct group_manager *manager, int64_t bytes)
{
    int64_t max = manager->deps.settings.memory_max;
    manager->bytes += bytes;
    ASSERT(manager->bytes >= 0);
    /* Told at the limit, and once more when a tenth is free again, not at each step in between. */
    if (!manager->full && manager->bytes >= max) {
        manager->full = true;
        logger_error(manager->deps.logger,
                     "groups take %lld bytes: new members and new offsets are refused: delete "
                     "groups that nobody needs, or raise group.coordinator.memory.max.bytes",
                     (long long)manager->bytes);
    } else if (manager->full && manager->bytes < max - max / 10) {
        manager->full = false;
        logger_info(manager->deps.logger, "groups take %lld bytes: members are taken again",
                    (long long)manager->bytes);
    }
}

bool group_manager_has_room(const struct group_manager *manager)
{
    return manager->bytes < manager->deps.settings.memory_max;
}

struct sweep *group_manager_sweep(struct group_manager *manager)
{
    return &manager->sweep;
}

struct lister *group_manager_lister(struct group_manager *manager)
{
    return &manager->lister;
}

void group_manager_list(struct group_manager *manager, struct group_list *list)
{
    lister_add(&manager->lister, list);
}

/* ---- life ---- */

struct group_manager *group_manager_new(const struct group_manager_deps *deps)
{
    struct group_manager *manager = mem_alloc(sizeof(*manager));
    manager->deps = *deps;
    manager->machine_deps = (struct machine_deps){.env = deps->env,
                                                  .logger = deps->logger,
                                                  .topic = GROUP_OFFSETS_TOPIC,
                                                  .log = deps->log,
                                                  .log_data = deps->log_data,
                                                  .client = &shard_client};
    map_init(&manager->shards);
    map_init(&manager->topics);
    manager->matcher = matcher_new(&(struct matcher_deps){.env = deps->env,
                                                          .logger = deps->logger,
                                                          .image = manager_image,
                                                          .changed = manager_matches_changed,
                                                          .data = manager});
    manager->listener.partition_changed = manager_partition_changed;
    manager->listener.topic_removed = manager_topic_removed;
    manager->listener.replaced = manager_replaced;
    manager->listener.data = manager;
    metadata_listen(deps->metadata, &manager->listener);
    sweep_init(&manager->sweep, manager);
    lister_init(&manager->lister, manager);
    manager_replaced(manager);
    return manager;
}

void group_manager_free(struct group_manager *manager)
{
    struct shard *shard;
    size_t cursor = 0;
    struct manager_topic *topic;
    list_remove(&manager->listener.link);
    while ((shard = map_next(&manager->shards, &cursor, NULL, NULL)))
        shard_free(shard, ERR_COORDINATOR_NOT_AVAILABLE);
    sweep_close(&manager->sweep);
    lister_close(&manager->lister);
    matcher_free(manager->matcher);
    cursor = 0;
    while ((topic = map_next(&manager->topics, &cursor, NULL, NULL)))
        mem_free(topic);
    ASSERT(manager->bytes == 0);
    map_close(&manager->topics);
    map_close(&manager->shards);
    mem_free(manager);
}

const struct group_manager_deps *group_manager_deps(const struct group_manager *manager)
{
    return &manager->deps;
}

const struct machine_deps *group_manager_machine_deps(const struct group_manager *manager)
{
    return &manager->machine_deps;
}

/* ---- the classic protocol ---- */

static struct wire_str join_client_id(const struct group_join *join)
{
    return wire_str_is_null(join->client_id) ? wire_str_from("") : join->client_id;
}

/* What a member may say about itself: it is kept as long as the member, and goes into the record of
 * its group, which holds less. Clients name a handful of protocols. */
enum { JOIN_WORDS_MAX = 1 << 20, JOIN_PROTOCOLS_MAX = 64 };

static bool join_says_too_much(const struct join_group_request *request)
{
    int64_t bytes = 0;
    if (request->protocols.count > JOIN_PROTOCOLS_MAX)
        return true;
    for (int32_t i = 0; i < request->protocols.count; i++)
        bytes += (int64_t)request->protocols.items[i].name.len +
                 request->protocols.items[i].metadata.len;
    return bytes > JOIN_WORDS_MAX;
}

/* All of them are kept as text, and compared with what others say. */
static bool join_has_nul(const struct join_group_request *request)
{
    bool found = group_has_nul(request->group_instance_id) || group_has_nul(request->protocol_type);
    for (int32_t i = 0; i < request->protocols.count; i++)
        found |= group_has_nul(request->protocols.items[i].name);
    return found;
}

static int join_check(const struct group_manager *manager, const struct group_join *join)
{
    int32_t session_ms = join->request->session_timeout_ms;
    const struct group_settings *settings = &manager->deps.settings;
    if (session_ms < settings->session_min_ms || session_ms > settings->session_max_ms)
        return ERR_INVALID_SESSION_TIMEOUT;
    if (!wire_str_is_null(join->request->group_instance_id) &&
        wire_str_is_empty(join->request->group_instance_id))
        return ERR_INVALID_REQUEST;
    return join_says_too_much(join->request) || join_has_nul(join->request) ? ERR_INVALID_REQUEST
                                                                            : 0;
}

static void join_ignore(void *data, int err)
{
    (void)data;
    (void)err; /* the shard loads anew, or is gone */
}

/* A consumer group that nobody is in becomes whatever comes first. */
static void join_leave_protocol(struct group *group)
{
    struct records records;
    if (machine_check(&group->shard->machine))
        return;
    group_records(group, &records);
    group_put_members_gone(group, &records);
    group_drop_members(group);
    consumer_write(group, &records, join_ignore, NULL);
    records_close(&records);
}

void group_manager_join(struct group_manager *manager, struct group_join *join)
{
    const struct join_group_request *request = join->request;
    struct shard *shard;
    join->client_id = join_client_id(join);
    join->made_id = NULL;
    int err = group_manager_locate(manager, request->group_id, false, &shard);
    /* Who is no coordinator names nobody. */
    struct wire_str named =
        err && err != ERR_INVALID_GROUP_ID ? wire_str_from("") : request->member_id;
    if (!err)
        err = join_check(manager, join);
    struct group *group = err ? NULL : shard_find(shard, request->group_id);
    if (!err && !group && !wire_str_is_empty(request->member_id))
        err = ERR_UNKNOWN_MEMBER_ID;
    if (!err && !group && !group_manager_has_room(manager))
        err = ERR_GROUP_MAX_SIZE_REACHED;
    if (err) {
        classic_fail_join(join, err, named);
        return;
    }
    if (!group)
        group = shard_group(shard, request->group_id);
    group_hold(group);
    if (group->consumer && consumer_is_empty(group->consumer))
        join_leave_protocol(group);
    if (group->consumer) {
        consumer_classic_join(group->consumer, join);
    } else {
        if (!group->classic)
            group->classic = classic_new(group);
        classic_join(group->classic, join);
    }
    group_release(group);
}

static void sync_fail(struct group_sync *sync, int err)
{
    wire_defaults(&sync_group_response_desc, &sync->response);
    sync->response.error_code = err_to_wire(err);
    sync->done(sync);
}

void group_manager_sync(struct group_manager *manager, struct group_sync *sync)
{
    struct shard *shard;
    if (sync->version >= GROUP_SYNC_NAMES_VERSION &&
        (wire_str_is_null(sync->request->protocol_type) ||
         wire_str_is_null(sync->request->protocol_name))) {
        sync_fail(sync, ERR_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    int err = group_manager_locate(manager, sync->request->group_id, false, &shard);
    struct group *group = err ? NULL : shard_find(shard, sync->request->group_id);
    /* A new coordinator may have lost the join phase: the client joins again. */
    if (err == ERR_COORDINATOR_LOAD_IN_PROGRESS)
        err = ERR_REBALANCE_IN_PROGRESS;
    if (!err && (!group || (!group->classic && !group->consumer)))
        err = ERR_UNKNOWN_MEMBER_ID;
    if (err) {
        sync_fail(sync, err);
        return;
    }
    group_hold(group);
    if (group->consumer)
        consumer_classic_sync(group->consumer, sync);
    else
        classic_sync(group->classic, sync);
    group_release(group);
}

int group_manager_heartbeat(struct group_manager *manager, const struct heartbeat_request *request)
{
    struct shard *shard;
    int err = group_manager_locate(manager, request->group_id, false, &shard);
    /* While it loads, members are not to be thrown out: they are as alive as before. */
    if (err == ERR_COORDINATOR_LOAD_IN_PROGRESS)
        return 0;
    if (err)
        return err;
    struct group *group = shard_find(shard, request->group_id);
    if (group && group->consumer)
        return consumer_classic_heartbeat(group->consumer, request);
    return group && group->classic ? classic_heartbeat(group->classic, request)
                                   : ERR_UNKNOWN_MEMBER_ID;
}

/* ---- leaving ---- */

static int leave_one(struct group *group, struct wire_str member_id, struct wire_str instance_id,
                     struct wire_str reason)
{
    char text[200]; /* what a log line needs of it */
    snprintf(text, sizeof(text), "%.*s", WIRE_STR_ARGS(reason));
    return classic_leave(group->classic, member_id, instance_id, text[0] ? text : "on its own");
}

static bool leave_list(struct group *group, struct group_leave *leave)
{
    const struct leave_group_request *request = leave->request;
    struct leave_group_response_member_response *out = group_leave_members(leave);
    for (int32_t i = 0; out && i < request->members.count; i++) {
        const struct leave_group_request_member_identity *member = &request->members.items[i];
        int err =
            group ? leave_one(group, member->member_id, member->group_instance_id, member->reason)
                  : ERR_UNKNOWN_MEMBER_ID;
        out[i].error_code = err_to_wire(err);
    }
    return out != NULL;
}

static void leave_classic(struct group *group, struct group_leave *leave)
{
    int err = 0;
    if (leave->version < GROUP_LEAVE_LIST_VERSION)
        err = group ? leave_one(group, leave->request->member_id, WIRE_STR_NULL, WIRE_STR_NULL)
                    : ERR_UNKNOWN_MEMBER_ID;
    else if (!leave_list(group, leave))
        err = ERR_UNKNOWN_SERVER_ERROR;
    leave->response.error_code = err_to_wire(err);
    leave->done(leave);
}

void group_manager_leave(struct group_manager *manager, struct group_leave *leave)
{
    struct shard *shard;
    wire_defaults(&leave_group_response_desc, &leave->response);
    int err = group_manager_locate(manager, leave->request->group_id, false, &shard);
    struct group *group = err ? NULL : shard_find(shard, leave->request->group_id);
    if (err) {
        leave->response.error_code = err_to_wire(err);
        leave->done(leave);
        return;
    }
    if (!group || (!group->classic && !group->consumer)) {
        leave_classic(NULL, leave);
        return;
    }
    group_hold(group);
    if (group->consumer)
        consumer_classic_leave(group->consumer, leave);
    else
        leave_classic(group, leave);
    group_release(group);
}
