/* The coordinator's surroundings in memory; see group_world.h. */
#include "group_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "broker/coordinator/coordinator_key.h"
#include "broker/group/manager_private.h"
#include "broker/group/group_records.h"
#include "group_assignment.h"
#include "kafka/batch.h"
#include "kafka/messages/consumer_protocol.h"

/* ---- metadata ---- */

static void world_apply(struct group_world *world, Meta__Record **records, size_t count)
{
    Meta__Entry entry = META__ENTRY__INIT;
    Meta__IndexedEntry indexed = META__INDEXED_ENTRY__INIT, *all[] = {&indexed};
    Meta__Entries entries = META__ENTRIES__INIT;
    entry.records = records;
    entry.n_records = count;
    indexed.index = ++world->metadata_index;
    indexed.term = 1;
    indexed.entry = &entry;
    entries.entries = all;
    entries.n_entries = 1;
    entries.committed_index = indexed.index;
    int err = metadata_apply_entries(world->metadata, &entries);
    ASSERT(!err);
}

void group_world_add_topic(struct group_world *world, const char *name, int32_t partitions)
{
    uint8_t id[16];
    int32_t replica = 0;
    Meta__TopicRecord topic = META__TOPIC_RECORD__INIT;
    Meta__Record fact = META__RECORD__INIT, *facts[] = {&fact};
    env_random_bytes(world->env, id, sizeof(id));
    topic.id = (ProtobufCBinaryData){sizeof(id), id};
    topic.name = (char *)(uintptr_t)name;
    fact.fact_case = META__RECORD__FACT_TOPIC;
    fact.topic = &topic;
    world_apply(world, facts, 1);
    for (int32_t i = 0; i < partitions; i++) {
        Meta__PartitionRecord partition = META__PARTITION_RECORD__INIT;
        partition.topic_id = topic.id;
        partition.partition = i;
        partition.n_replicas = partition.n_isr = 1;
        partition.replicas = partition.isr = &replica;
        fact.fact_case = META__RECORD__FACT_PARTITION;
        fact.partition = &partition;
        world_apply(world, facts, 1);
    }
}

struct uuid group_world_topic_id(const struct group_world *world, const char *name)
{
    const struct image_topic *topic =
        image_topic_by_name(metadata_image(world->metadata), name, strlen(name));
    ASSERT(topic);
    return topic->id;
}

void group_world_set_feature(struct group_world *world, const char *name, int32_t level)
{
    Meta__FeatureRecord feature = META__FEATURE_RECORD__INIT;
    Meta__Record fact = META__RECORD__INIT, *facts[] = {&fact};
    feature.name = (char *)(uintptr_t)name;
    feature.level = level;
    fact.fact_case = META__RECORD__FACT_FEATURE;
    fact.feature = &feature;
    world_apply(world, facts, 1);
}

void group_world_remove_topic(struct group_world *world, const char *name)
{
    struct uuid id = group_world_topic_id(world, name);
    Meta__TopicRemovedRecord removed = META__TOPIC_REMOVED_RECORD__INIT;
    Meta__Record fact = META__RECORD__INIT, *facts[] = {&fact};
    removed.id = (ProtobufCBinaryData){sizeof(id.bytes), id.bytes};
    fact.fact_case = META__RECORD__FACT_TOPIC_REMOVED;
    fact.topic_removed = &removed;
    world_apply(world, facts, 1);
}

/* ---- the world ---- */

bool group_world_pool;

static void world_no_lines(void *data, const char *line, int len)
{
    (void)data;
    (void)line;
    (void)len;
}

void group_world_init(struct group_world *world, uint64_t seed)
{
    memset(world, 0, sizeof(*world));
    world->sim = sim_new(seed);
    world->node = sim_node_new(world->sim, "a");
    world->env = sim_env_new(world->node);
    list_init(&world->calls);
    logger_init(&world->logger, "test", NULL, NULL);
    if (!getenv("GROUP_WORLD_LOG"))
        world->logger.sink = world_no_lines;
    world->metadata = metadata_new(world->env, &world->logger);
    world->deps = (struct group_manager_deps){
        .env = world->env,
        .logger = &world->logger,
        .metadata = world->metadata,
        .log = &group_world_log_ops,
        .log_data = world,
        .settings = {.session_min_ms = 6000,
                     .session_max_ms = 1800000,
                     .initial_rebalance_delay_ms = 3000,
                     .max_size = GROUP_WORLD_MEMBERS,
                     .offset_metadata_max = 4096,
                     .retention_ms = 7 * 86400000LL,
                     .retention_check_ms = 600000,
                     .commit_timeout_ms = 5000,
                     .consumer_session_ms = 45000,
                     .consumer_heartbeat_ms = 5000,
                     .consumer_max_size = GROUP_WORLD_MEMBERS,
                     .commit_at_once_max = GROUP_COMMIT_AT_ONCE_MAX,
                     .assign_at_once_max = group_world_pool ? 0 : GROUP_ASSIGN_AT_ONCE_MAX,
                     .memory_max = 1 << 30,
                     .migration = GROUP_MIGRATION_UPGRADE | GROUP_MIGRATION_DOWNGRADE,
                     .consumer_enabled = true,
                     .assignors = "uniform,range"}};
    for (int i = 0; i < GROUP_WORLD_PARTITIONS; i++)
        group_world_log_init(world, &world->logs[i]);
    group_world_add_topic(world, GROUP_OFFSETS_TOPIC, GROUP_WORLD_PARTITIONS);
    group_world_add_topic(world, "t", 8);
    group_world_add_topic(world, "u", 4);
    world->batch_max = 1 << 20;
    world->assignment_words = -1;
    world->manager = group_manager_new(&world->deps);
    world->load_ms = 1;
    for (int32_t i = 0; i < GROUP_WORLD_PARTITIONS; i++)
        group_world_lead(world, i);
    group_world_run(world, 10);
}

/* Every call begins with its link; its arena and timer are freed here. */
struct call {
    struct list link;
    struct arena *arena;
    struct env_timer *timer;
    void *owner;
};

static void world_keep(struct group_world *world, void *owner, struct arena *arena,
                       struct env_timer *timer)
{
    struct call *call = mem_alloc(sizeof(*call));
    call->arena = arena;
    call->timer = timer;
    call->owner = owner;
    arena_init(arena, 1 << 24);
    list_push(&world->calls, &call->link);
}

void group_world_close(struct group_world *world)
{
    struct list *step;
    group_manager_free(world->manager);
    while ((step = list_pop(&world->calls))) {
        struct call *call = LIST_ENTRY(step, struct call, link);
        arena_close(call->arena);
        if (call->timer && call->timer->env)
            env_timer_stop(call->timer);
        mem_free(call->owner);
        mem_free(call);
    }
    for (int i = 0; i < GROUP_WORLD_PARTITIONS; i++) {
        env_timer_stop(&world->logs[i].safe_timer);
        env_timer_stop(&world->logs[i].load_timer);
        buf_close(&world->logs[i].bytes);
    }
    metadata_free(world->metadata);
    sim_free(world->sim);
}

void group_world_run(struct group_world *world, int64_t ms)
{
    sim_run_for(world->sim, ms * 1000);
}

static bool world_is_set(void *data)
{
    const bool *flag = data;
    return *flag;
}

bool group_world_until(struct group_world *world, const bool *flag, int64_t ms)
{
    return *flag || sim_run_until(world->sim, world_is_set, (void *)(uintptr_t)flag,
                                  sim_now_us(world->sim) + ms * 1000);
}

/* ---- leadership ---- */

void group_world_lead(struct group_world *world, int32_t partition)
{
    group_manager_leader_changed(world->manager, partition, true);
}

void group_world_failover(struct group_world *world, bool lose_tail)
{
    for (int32_t i = 0; i < GROUP_WORLD_PARTITIONS; i++) {
        group_world_lose(world, i, lose_tail);
        group_world_lead(world, i);
    }
    group_world_run(world, world->load_ms + 1);
}

void group_world_restart(struct group_world *world)
{
    group_manager_free(world->manager);
    world->manager = group_manager_new(&world->deps);
    group_world_failover(world, false);
}

int32_t group_world_partition(const char *group)
{
    return coordinator_key_partition(wire_str_from(group), GROUP_WORLD_PARTITIONS);
}

/* ---- requests ---- */

static struct wire_str keep_text(char to[GROUP_WORLD_TEXT], const char *text)
{
    if (!text)
        return WIRE_STR_NULL;
    snprintf(to, GROUP_WORLD_TEXT, "%s", text);
    return wire_str_from(to);
}

static void keep_str(char to[GROUP_WORLD_TEXT], struct wire_str str)
{
    snprintf(to, GROUP_WORLD_TEXT, "%.*s", WIRE_STR_ARGS(str));
}

/* Splits at commas; the parts live in the arena. */
static int32_t split(struct arena *arena, const char *list, struct wire_str *parts, int32_t max)
{
    int32_t count = 0;
    while (list && *list && count < max) {
        size_t len = strcspn(list, ",");
        parts[count++] = wire_str_of(arena_strndup(arena, list, len), len);
        list += len + (list[len] == ',');
    }
    return count;
}

static struct wire_bytes make_subscription(struct arena *arena, const char *topics, int32_t words,
                                           int16_t version)
{
    struct wire_str parts[8];
    struct consumer_protocol_subscription subscription;
    struct wire_out out;
    if (strcmp(topics, "-") == 0)
        return (struct wire_bytes){(const uint8_t *)topics, 1};
    if (strcmp(topics, "!") == 0)
        return (struct wire_bytes){(const uint8_t *)topics, 0};
    wire_defaults(&consumer_protocol_subscription_desc, &subscription);
    subscription.topics.count = split(arena, topics, parts, 8);
    subscription.topics.items = parts;
    if (words > 0)
        subscription.user_data = (struct wire_bytes){arena_alloc(arena, (size_t)words), words};
    wire_out_init(&out);
    wire_put_i16(&out, version);
    int err = wire_encode(&consumer_protocol_subscription_desc, version, &subscription, &out);
    ASSERT(!err);
    uint8_t *bytes = arena_alloc(arena, out.memory.len);
    memcpy(bytes, out.memory.data, out.memory.len);
    struct wire_bytes made = {bytes, (int32_t)out.memory.len};
    wire_out_close(&out);
    return made;
}

static void join_answered(void *data)
{
    struct group_world_join *join = data;
    if (join->answered)
        join->answered(join->data);
}

static void join_done(struct group_join *op)
{
    struct group_world_join *join = CONTAINER_OF(op, struct group_world_join, op);
    const struct join_group_response *response = &op->response;
    ASSERT(!join->done);
    join->done = true;
    join->err = err_from_wire(response->error_code);
    join->generation = response->generation_id;
    join->skip = response->skip_assignment;
    keep_str(join->member_id, response->member_id);
    keep_str(join->leader, response->leader);
    keep_str(join->protocol, response->protocol_name);
    join->member_count = response->members.count;
    for (int32_t i = 0; i < response->members.count; i++)
        keep_str(join->members[i], response->members.items[i].member_id);
    env_timer_start(&join->answer_timer, 0);
}

struct group_world_join *group_world_join(struct group_world *world,
                                          const struct group_world_join_args *args)
{
    struct group_world_join *join = mem_alloc(sizeof(*join));
    struct wire_str names[4];
    world_keep(world, join, &join->arena, &join->answer_timer);
    env_timer_init(world->env, &join->answer_timer, join_answered, join);
    wire_defaults(&join_group_request_desc, &join->request);
    join->request.group_id = keep_text(join->texts[0], args->group);
    join->request.member_id = keep_text(join->texts[1], args->member_id ? args->member_id : "");
    join->request.group_instance_id = keep_text(join->texts[2], args->instance);
    join->request.protocol_type = keep_text(join->texts[3], args->type ? args->type : "consumer");
    join->request.session_timeout_ms = args->session_ms ? args->session_ms : 10000;
    join->request.rebalance_timeout_ms = args->rebalance_ms ? args->rebalance_ms : 30000;
    int32_t count = split(&join->arena, args->protocols ? args->protocols : "range", names, 4);
    for (int32_t i = 0; i < count; i++) {
        join->protocols[i].name = names[i];
        join->protocols[i].metadata =
            make_subscription(&join->arena, args->topics ? args->topics : "t", args->words,
                              args->subscription_version);
    }
    join->request.protocols.count = count;
    join->request.protocols.items = join->protocols;
    join->op.request = &join->request;
    join->op.version = args->version ? args->version : 9;
    join->op.client_id = wire_str_from("client");
    join->op.client_host = "/127.0.0.1";
    join->op.arena = &join->arena;
    join->op.done = join_done;
    group_manager_join(world->manager, &join->op);
    return join;
}

static struct wire_bytes sync_assignment(struct group_world *world, struct group_world_sync *sync,
                                         int32_t index, uint64_t mask)
{
    if (world->assignment_bytes)
        return (struct wire_bytes){arena_alloc(&sync->arena, (size_t)world->assignment_bytes),
                                   world->assignment_bytes};
    return world->real_assignments
               ? group_assignment_write(&sync->arena, mask, world->assignment_words)
               : (struct wire_bytes){sync->bytes[index], 8};
}

static void sync_answered(void *data)
{
    struct group_world_sync *sync = data;
    if (sync->answered)
        sync->answered(sync->data);
}

static void sync_done(struct group_sync *op)
{
    struct group_world_sync *sync = CONTAINER_OF(op, struct group_world_sync, op);
    ASSERT(!sync->done);
    sync->done = true;
    sync->err = err_from_wire(op->response.error_code);
    if (op->response.assignment.len >= 8)
        sync->assigned = bytes_get_u64(op->response.assignment.data);
    sync->readable = group_assignment_read(op->response.assignment, sync->masks);
    sync->assignment_version =
        op->response.assignment.len >= 2 ? bytes_get_u16(op->response.assignment.data) : -1;
    env_timer_start(&sync->answer_timer, 0);
}

struct group_world_sync *group_world_sync(struct group_world *world, const char *group,
                                          const char *member_id, const char *instance,
                                          int32_t generation, const char (*ids)[GROUP_WORLD_TEXT],
                                          const uint64_t *masks, int32_t count)
{
    struct group_world_sync *sync = mem_alloc(sizeof(*sync));
    world_keep(world, sync, &sync->arena, &sync->answer_timer);
    env_timer_init(world->env, &sync->answer_timer, sync_answered, sync);
    wire_defaults(&sync_group_request_desc, &sync->request);
    sync->request.group_id = keep_text(sync->texts[0], group);
    sync->request.member_id = keep_text(sync->texts[1], member_id);
    sync->request.group_instance_id = keep_text(sync->texts[2], instance);
    sync->request.generation_id = generation;
    for (int32_t i = 0; i < count; i++) {
        bytes_put_u64(sync->bytes[i], masks[i]);
        sync->assignments[i].member_id = keep_text(sync->texts[3 + i], ids[i]);
        sync->assignments[i].assignment = sync_assignment(world, sync, i, masks[i]);
    }
    sync->request.assignments.count = count;
    sync->request.assignments.items = sync->assignments;
    sync->op.request = &sync->request;
    sync->op.version = world->sync_version ? world->sync_version : 4;
    sync->op.arena = &sync->arena;
    sync->op.done = sync_done;
    group_manager_sync(world->manager, &sync->op);
    return sync;
}

int group_world_heartbeat(struct group_world *world, const char *group, const char *member_id,
                          const char *instance, int32_t generation)
{
    struct heartbeat_request request = {.group_id = wire_str_from(group),
                                        .generation_id = generation,
                                        .member_id = wire_str_from(member_id),
                                        .group_instance_id = wire_str_from(instance)};
    return group_manager_heartbeat(world->manager, &request);
}

struct leave {
    struct group_leave op;
    struct leave_group_request request;
    struct leave_group_request_member_identity member;
    struct arena arena;
    int err;
    bool done;
};

static void leave_done(struct group_leave *op)
{
    struct leave *leave = CONTAINER_OF(op, struct leave, op);
    leave->done = true;
    leave->err = err_from_wire(op->response.error_code);
    if (!leave->err && op->response.members.count == 1)
        leave->err = err_from_wire(op->response.members.items[0].error_code);
}

int group_world_leave(struct group_world *world, const char *group, const char *member_id,
                      const char *instance)
{
    struct leave *leave = mem_alloc(sizeof(*leave));
    world_keep(world, leave, &leave->arena, NULL);
    wire_defaults(&leave_group_request_desc, &leave->request);
    wire_defaults(&leave_group_request_member_identity_desc, &leave->member);
    leave->request.group_id = wire_str_from(group);
    leave->member.member_id = wire_str_from(member_id);
    leave->member.group_instance_id = wire_str_from(instance);
    leave->request.members.count = 1;
    leave->request.members.items = &leave->member;
    leave->op.request = &leave->request;
    leave->op.version = 5;
    leave->op.arena = &leave->arena;
    leave->op.done = leave_done;
    group_manager_leave(world->manager, &leave->op);
    group_world_until(world, &leave->done, 10000);
    return leave->done ? leave->err : ERR_TIMED_OUT;
}

static void commit_done(struct group_commit *op)
{
    struct group_world_commit *commit = CONTAINER_OF(op, struct group_world_commit, op);
    ASSERT(!commit->done);
    commit->done = true;
    commit->err = err_from_wire(op->response.topics.items[0].partitions.items[0].error_code);
}

static struct group_world_commit *commit_make(struct group_world *world, const char *group,
                                              const char *member_id, const char *instance,
                                              int32_t generation, const char *topic,
                                              int32_t partition, int64_t offset)
{
    struct group_world_commit *commit = mem_alloc(sizeof(*commit));
    world_keep(world, commit, &commit->arena, NULL);
    wire_defaults(&offset_commit_request_desc, &commit->request);
    wire_defaults(&offset_commit_request_offset_commit_request_topic_desc, &commit->topic);
    wire_defaults(&offset_commit_request_offset_commit_request_partition_desc, &commit->partition);
    commit->request.group_id = keep_text(commit->texts[0], group);
    commit->request.member_id = keep_text(commit->texts[1], member_id ? member_id : "");
    commit->request.group_instance_id = keep_text(commit->texts[2], instance);
    commit->request.generation_id_or_member_epoch = generation;
    commit->request.topics.count = 1;
    commit->request.topics.items = &commit->topic;
    commit->topic.name = keep_text(commit->texts[3], topic);
    commit->topic.partitions.count = 1;
    commit->topic.partitions.items = &commit->partition;
    commit->partition.partition_index = partition;
    commit->partition.committed_offset = offset;
    commit->partition.committed_metadata = wire_str_from("note");
    commit->op.request = &commit->request;
    commit->op.version = 9;
    commit->op.arena = &commit->arena;
    commit->op.done = commit_done;
    return commit;
}

struct group_world_commit *group_world_commit(struct group_world *world, const char *group,
                                              const char *member_id, const char *instance,
                                              int32_t generation, const char *topic,
                                              int32_t partition, int64_t offset)
{
    struct group_world_commit *commit =
        commit_make(world, group, member_id, instance, generation, topic, partition, offset);
    group_manager_commit(world->manager, &commit->op);
    return commit;
}

struct group_world_commit *group_world_make_txn(struct group_world *world, int64_t producer_id,
                                                int16_t producer_epoch, const char *group,
                                                const char *member_id, int32_t generation,
                                                const char *topic, int32_t partition,
                                                int64_t offset)
{
    struct group_world_commit *commit =
        commit_make(world, group, member_id, NULL, generation, topic, partition, offset);
    commit->op.version = GROUP_TXN_COMMIT_VERSION;
    commit->op.transactional = true;
    commit->op.producer_id = producer_id;
    commit->op.producer_epoch = producer_epoch;
    return commit;
}

struct group_world_commit *group_world_commit_txn(struct group_world *world, int64_t producer_id,
                                                  int16_t producer_epoch, const char *group,
                                                  const char *member_id, int32_t generation,
                                                  const char *topic, int32_t partition,
                                                  int64_t offset)
{
    struct group_world_commit *commit = group_world_make_txn(
        world, producer_id, producer_epoch, group, member_id, generation, topic, partition, offset);
    group_manager_commit(world->manager, &commit->op);
    return commit;
}

static void mark_done(struct group_marker *op)
{
    struct group_world_mark *mark = CONTAINER_OF(op, struct group_world_mark, op);
    ASSERT(!mark->done);
    mark->done = true;
}

struct group_world_mark *group_world_mark(struct group_world *world, const char *group,
                                          int64_t producer_id, int16_t producer_epoch, bool commit)
{
    struct group_world_mark *mark = mem_alloc(sizeof(*mark));
    world_keep(world, mark, &mark->arena, NULL);
    mark->op.partition = group_world_partition(group);
    mark->op.marker = (struct txn_marker){
        .producer_id = producer_id, .producer_epoch = producer_epoch, .commit = commit};
    mark->op.done = mark_done;
    group_manager_write_marker(world->manager, &mark->op);
    return mark;
}

int64_t group_world_fetch(struct group_world *world, const char *group, const char *topic,
                          int32_t partition)
{
    return group_world_fetch_as(world, group, topic, partition, NULL, -1);
}

int64_t group_world_fetch_as(struct group_world *world, const char *group, const char *topic,
                             int32_t partition, const char *member_id, int32_t epoch)
{
    struct arena arena;
    struct offset_fetch_request_offset_fetch_request_group request;
    struct offset_fetch_request_offset_fetch_request_topics asked;
    struct offset_fetch_response_offset_fetch_response_group response;
    struct group_fetch fetch = {.request = &request,
                                .require_stable = world->stable,
                                .arena = &arena,
                                .check_member = true};
    arena_init(&arena, 1 << 20);
    wire_defaults(&offset_fetch_request_offset_fetch_request_group_desc, &request);
    wire_defaults(&offset_fetch_request_offset_fetch_request_topics_desc, &asked);
    wire_defaults(&offset_fetch_response_offset_fetch_response_group_desc, &response);
    request.group_id = wire_str_from(group);
    request.member_id = wire_str_from(member_id);
    request.member_epoch = epoch;
    request.topics.count = 1;
    request.topics.items = &asked;
    asked.name = wire_str_from(topic);
    asked.partition_indexes.count = 1;
    asked.partition_indexes.items = &partition;
    group_manager_fetch(world->manager, &fetch, &response);
    int64_t result = err_from_wire(response.error_code);
    if (!result)
        result = err_from_wire(response.topics.items[0].partitions.items[0].error_code);
    if (!result)
        result = response.topics.items[0].partitions.items[0].committed_offset;
    arena_close(&arena);
    return result;
}

/* ---- the consumer protocol ---- */

static void beat_answered(void *data)
{
    struct group_world_beat *beat = data;
    if (beat->answered)
        beat->answered(beat->data);
}

static int beat_topic(struct group_world *world, const struct uuid *id)
{
    struct uuid t = group_world_topic_id(world, "t");
    return uuid_equal(id, &t) ? 0 : 1;
}

static void beat_done(struct group_consumer_heartbeat *op)
{
    struct group_world_beat *beat = CONTAINER_OF(op, struct group_world_beat, op);
    const struct consumer_group_heartbeat_response *response = &op->response;
    ASSERT(!beat->done);
    beat->done = true;
    beat->err = err_from_wire(response->error_code);
    keep_str(beat->member_id, response->member_id);
    beat->epoch = response->member_epoch;
    snprintf(beat->message, sizeof(beat->message), "%.*s", WIRE_STR_ARGS(response->error_message));
    beat->has_assignment = response->assignment != NULL;
    for (int32_t i = 0; response->assignment && i < response->assignment->topic_partitions.count;
         i++) {
        const struct consumer_group_heartbeat_response_topic_partitions *topic =
            &response->assignment->topic_partitions.items[i];
        if (!image_topic_by_id(metadata_image(beat->world->metadata), &topic->topic_id))
            continue; /* deleted meanwhile */
        for (int32_t j = 0; j < topic->partitions.count && topic->partitions.items[j] < 64; j++)
            beat->assigned[beat_topic(beat->world, &topic->topic_id)] |=
                1ULL << topic->partitions.items[j];
    }
    env_timer_start(&beat->answer_timer, 0);
}

static void beat_own(struct group_world *world, struct group_world_beat *beat,
                     const uint64_t *owned)
{
    static const char *const names[] = {"t", "u"};
    beat->request.topic_partitions.count = 0;
    beat->request.topic_partitions.items = beat->owned;
    for (int i = 0; i < 2; i++) {
        int32_t at = beat->request.topic_partitions.count;
        int32_t count = 0;
        for (int32_t p = 0; p < 64; p++)
            if (owned[i] >> p & 1)
                beat->owned_partitions[at][count++] = p;
        if (count == 0)
            continue;
        beat->owned[at].topic_id = group_world_topic_id(world, names[i]);
        beat->owned[at].partitions.count = count;
        beat->owned[at].partitions.items = beat->owned_partitions[at];
        beat->request.topic_partitions.count++;
    }
}

struct group_world_beat *group_world_beat(struct group_world *world,
                                          const struct group_world_beat_args *args)
{
    struct group_world_beat *beat = mem_alloc(sizeof(*beat));
    beat->world = world;
    world_keep(world, beat, &beat->arena, &beat->answer_timer);
    env_timer_init(world->env, &beat->answer_timer, beat_answered, beat);
    wire_defaults(&consumer_group_heartbeat_request_desc, &beat->request);
    beat->request.group_id = keep_text(beat->texts[0], args->group);
    beat->request.member_id = keep_text(beat->texts[1], args->member_id ? args->member_id : "");
    beat->request.member_epoch = args->epoch;
    beat->request.instance_id = keep_text(beat->texts[2], args->instance);
    beat->request.subscribed_topic_regex = keep_text(beat->texts[3], args->regex);
    beat->request.server_assignor = keep_text(beat->texts[4], args->assignor);
    beat->request.rebalance_timeout_ms = args->rebalance_ms ? args->rebalance_ms : -1;
    if (args->topics) {
        beat->request.subscribed_topic_names.count =
            split(&beat->arena, args->topics, beat->topics, 4);
        beat->request.subscribed_topic_names.items = beat->topics;
    }
    if (args->owned)
        beat_own(world, beat, args->owned);
    beat->op.request = &beat->request;
    beat->op.version = 1;
    beat->op.client_id = wire_str_from("client");
    beat->op.client_host = "/127.0.0.1";
    beat->op.arena = &beat->arena;
    beat->op.done = beat_done;
    group_manager_consumer_heartbeat(world->manager, &beat->op);
    return beat;
}
