/* Committed offsets.
 *
 * Happy path of a commit: the member is who it says, the records are appended, and when they are on
 * every in-sync replica the offsets count and the client hears. Failure modes: fenced or unknown
 * members, unknown topics, too much metadata: refused before anything is written; a write that
 * takes longer than offsets.commit.timeout.ms is answered as not available, and still counts if it
 * gets through. */
#include "broker/group/commits.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "broker/group/classic.h"
#include "broker/group/consumer.h"
#include "broker/group/manager_private.h"
#include "broker/group/subscription.h"
#include "broker/group/write.h"

enum { COMMIT_EPOCH_VERSION = 9, COMMIT_IDS_VERSION = 10 };

/* Lives until all of it is written; the request may be answered before (its time is over). A large
 * one is written in several turns, each when the last is stored; commits of the group that come
 * meanwhile wait behind it, so that offsets count in the order in which they were sent. */
struct commit {
    struct group_commit *request; /* NULL once it is answered */
    struct group *group;
    struct list link; /* in the group's commits, from the one that takes several turns on */
    int32_t topic;    /* what is to be written next */
    int32_t partition;
    struct env_timer timer;
};

typedef struct offset_commit_request_offset_commit_request_topic commit_topic;
typedef struct offset_commit_request_offset_commit_request_partition commit_partition;
typedef struct offset_commit_response_offset_commit_response_topic commit_topic_answer;

/* ---- answering ---- */

/* Every partition without an error of its own gets `err`. */
static void commit_answer(struct group_commit *commit, int err)
{
    ASSERT(err <= 0);
    ASSERT(commit->done != NULL);
    for (int32_t i = 0; i < commit->response.topics.count; i++) {
        commit_topic_answer *topic = &commit->response.topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++)
            if (!topic->partitions.items[j].error_code)
                topic->partitions.items[j].error_code = err_to_wire(err);
    }
    txn_guard_clear(&commit->guard);
    commit->done(commit);
}

static bool commit_prepare(struct group_commit *commit)
{
    const struct offset_commit_request *request = commit->request;
    wire_defaults(&offset_commit_response_desc, &commit->response);
    commit_topic_answer *topic =
        WIRE_ARRAY(commit->arena, &commit->response.topics, request->topics.count,
                   &offset_commit_response_offset_commit_response_topic_desc);
    for (int32_t i = 0; topic && i < request->topics.count; i++, topic++) {
        const commit_topic *from = &request->topics.items[i];
        topic->name = from->name;
        topic->topic_id = from->topic_id;
        if (!WIRE_ARRAY(commit->arena, &topic->partitions, from->partitions.count,
                        &offset_commit_response_offset_commit_response_partition_desc))
            return false;
        for (int32_t j = 0; j < from->partitions.count; j++)
            topic->partitions.items[j].partition_index = from->partitions.items[j].partition_index;
    }
    return topic != NULL;
}

/* ---- checks ---- */

static int commit_check_producer(const struct group_commit *commit)
{
    if (!commit->transactional)
        return 0;
    if (commit->producer_id < 0)
        return ERR_INVALID_PRODUCER_ID_MAPPING;
    return commit->producer_epoch < 0 ? ERR_INVALID_PRODUCER_EPOCH : 0;
}

/* Older producers name no member (KIP-447): then anybody may commit. A rebalance under way does not
 * matter, but for who has taken part in a later one. Before v6 there is one error for all that is
 * not of now. */
static int commit_check_txn_member(const struct group *group, const struct group_commit *commit)
{
    const struct offset_commit_request *request = commit->request;
    int32_t generation = request->generation_id_or_member_epoch;
    bool by_id = commit->version >= COMMIT_IDS_VERSION;
    int err = 0;
    if (!group || (!group->consumer && !group->classic))
        return generation < 0 ? 0 : by_id ? ERR_GROUP_ID_NOT_FOUND : ERR_ILLEGAL_GENERATION;
    if (generation < 0 && wire_str_is_empty(request->member_id) &&
        wire_str_is_null(request->group_instance_id))
        return 0;
    if (group->consumer)
        err = consumer_check_txn_commit(group->consumer, request->member_id,
                                        request->group_instance_id, generation);
    else
        err = classic_check_txn_commit(group->classic, request->member_id,
                                       request->group_instance_id, generation);
    return err == ERR_STALE_MEMBER_EPOCH && !by_id ? ERR_ILLEGAL_GENERATION : err;
}

static int commit_check_member(const struct group *group, const struct group_commit *commit)
{
    const struct offset_commit_request *request = commit->request;
    int32_t generation = request->generation_id_or_member_epoch;
    if (commit->transactional)
        return commit_check_txn_member(group, commit);
    if (group && group->consumer)
        return consumer_check_commit(group->consumer, request->member_id,
                                     request->group_instance_id, generation, commit->version);
    if (group && group->classic)
        return classic_check_commit(group->classic, request->member_id, request->group_instance_id,
                                    generation);
    if (generation < 0)
        return 0;
    return commit->version >= COMMIT_EPOCH_VERSION ? ERR_GROUP_ID_NOT_FOUND
                                                   : ERR_ILLEGAL_GENERATION;
}

static const struct image_topic *commit_find_topic(const struct image *image,
                                                   const struct group_commit *commit,
                                                   const commit_topic *topic)
{
    if (commit->version >= COMMIT_IDS_VERSION)
        return image_topic_by_id(image, &topic->topic_id);
    return image_topic_by_name(image, topic->name.data, (size_t)topic->name.len);
}

/* ---- writing ---- */

/* Clients choose both numbers. */
int64_t commits_later_ms(int64_t from_ms, int64_t by_ms)
{
    return from_ms > 0 && by_ms > INT64_MAX - from_ms ? INT64_MAX : from_ms + by_ms;
}

/* Whether memory holds one already, which it takes the place of. */
static bool commit_has_place(const struct group *group, const struct group_commit *commit,
                             const struct image_topic *topic, int32_t partition)
{
    struct wire_str name = wire_str_from(topic->name);
    return commit->transactional
               ? offsets_is_pending_of(&group->offsets, commit->producer_id, name, partition)
               : offsets_get(&group->offsets, name, partition) != NULL;
}

/* Nobody can read a partition that does not exist, and a client that makes numbers up would fill
 * the memory and the log. */
static int commit_check_partition(const struct group *group, const struct group_commit *commit,
                                  const struct image_topic *topic,
                                  const commit_partition *partition)
{
    if (partition->partition_index < 0 || partition->partition_index >= topic->partition_count)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (!group_has_room(group) &&
        !commit_has_place(group, commit, topic, partition->partition_index))
        return ERR_INVALID_COMMIT_OFFSET_SIZE;
    return partition->committed_metadata.len > group_settings(group)->offset_metadata_max
               ? ERR_OFFSET_METADATA_TOO_LARGE
               : 0;
}

static void commit_put_partition(const struct group *group, const struct group_commit *commit,
                                 const struct image_topic *known, const commit_partition *from,
                                 struct records *records)
{
    const struct offset_commit_request *request = commit->request;
    bool stamped = commit->version == 1 && from->commit_timestamp >= 0;
    struct offset offset = {.topic_id = known->id,
                            .offset = from->committed_offset,
                            .leader_epoch = from->committed_leader_epoch,
                            .commit_ms = stamped ? from->commit_timestamp : records->wall_ms,
                            .expire_ms = -1,
                            .metadata = from->committed_metadata};
    ASSERT(from->partition_index >= 0);
    ASSERT(from->partition_index < known->partition_count);
    if (offset.metadata.len < 0)
        offset.metadata = wire_str_from("");
    if (request->retention_time_ms >= 0)
        offset.expire_ms = commits_later_ms(offset.commit_ms, request->retention_time_ms);
    group_records_put_offset(records, group_id(group), wire_str_from(known->name),
                             from->partition_index, &offset);
}

static void commit_put_topic(struct commit *commit, struct records *records)
{
    const struct group *group = commit->group;
    struct group_commit *request = commit->request;
    ASSERT(request != NULL);
    ASSERT(commit->topic < request->request->topics.count);
    ASSERT(request->response.topics.count == request->request->topics.count);
    const commit_topic *topic = &request->request->topics.items[commit->topic];
    commit_topic_answer *answer = &request->response.topics.items[commit->topic];
    const struct image_topic *known = commit_find_topic(group_image(group), request, topic);
    int unknown = request->version >= COMMIT_IDS_VERSION ? ERR_UNKNOWN_TOPIC_ID
                                                         : ERR_UNKNOWN_TOPIC_OR_PARTITION;
    while (commit->partition < topic->partitions.count &&
           records->count < group_settings(group)->commit_at_once_max) {
        const commit_partition *from = &topic->partitions.items[commit->partition];
        int err = known ? commit_check_partition(group, request, known, from) : unknown;
        answer->partitions.items[commit->partition++].error_code = err_to_wire(err);
        if (!err)
            commit_put_partition(group, request, known, from, records);
    }
    ASSERT(commit->partition <= topic->partitions.count);
    if (commit->partition < topic->partitions.count)
        return;
    commit->topic++;
    commit->partition = 0;
}

static bool commit_is_over(const struct commit *commit)
{
    return !commit->request || commit->topic >= commit->request->request->topics.count;
}

static void commit_put(struct commit *commit, struct records *records)
{
    while (!commit_is_over(commit) &&
           records->count < group_settings(commit->group)->commit_at_once_max)
        commit_put_topic(commit, records);
}

static void commit_end(struct commit *commit, int err)
{
    ASSERT(err <= 0);
    env_timer_stop(&commit->timer);
    list_remove(&commit->link);
    if (commit->request)
        commit_answer(commit->request, err);
    mem_free(commit);
}

static void commit_stored(void *data, int err);

/* Whether no other turn is needed: the rest is on its way to the log, or the commit is at its end
 * and gone. */
static bool commit_go_on(struct commit *commit)
{
    struct records records;
    int broken = commit->request ? txn_guard_check(&commit->request->guard) : 0;
    if (broken) {
        commit_end(commit, broken);
        return true;
    }
    group_records(commit->group, &records);
    if (commit->request && commit->request->transactional) {
        records.producer_id = commit->request->producer_id;
        records.producer_epoch = commit->request->producer_epoch;
    }
    commit_put(commit, &records);
    bool whole = commit_is_over(commit);
    bool writes = records.count > 0 || records.err;
    int err = writes ? write_records(commit->group, &records, commit_stored, commit) : 0;
    records_close(&records);
    if (whole)
        list_remove(&commit->link);
    if (!writes || err)
        commit_end(commit, err);
    return whole || err;
}

/* Those that waited behind one that took several turns, up to the next such one. */
static void commit_next(struct group *group)
{
    while (!list_empty(&group->commits)) {
        struct commit *next = LIST_ENTRY(group->commits.next, struct commit, link);
        int err = group->shard->machine.state == MACHINE_CLOSED ? ERR_NOT_COORDINATOR
                  : group->deleting                             ? ERR_COORDINATOR_LOAD_IN_PROGRESS
                                                                : 0;
        if (!err && next->request)
            err = commit_check_member(group, next->request);
        if (err)
            commit_end(next, err);
        else if (!commit_go_on(next))
            return;
    }
}

static void commit_stored(void *data, int err)
{
    struct commit *commit = data;
    struct group *group = commit->group;
    bool part = !list_empty(&commit->link);
    ASSERT(group->in_flight > 0);
    if (!err && part && group->deleting)
        err = ERR_COORDINATOR_LOAD_IN_PROGRESS; /* the deletion is of one point in the log */
    if (err || !part)
        commit_end(commit, err);
    else if (!commit_go_on(commit))
        return;
    if (part)
        commit_next(group);
}

static void commit_late(void *data)
{
    struct commit *commit = data;
    struct group_commit *request = commit->request;
    ASSERT(request != NULL); /* the timer is stopped with the commit */
    commit->request = NULL;
    commit_answer(request, ERR_COORDINATOR_NOT_AVAILABLE);
}

static void commit_begin(struct group *group, struct group_commit *request)
{
    struct commit *commit = mem_alloc(sizeof(*commit));
    ASSERT(request->done != NULL);
    *commit = (struct commit){.request = request, .group = group};
    env_timer_init(group_env(group), &commit->timer, commit_late, commit);
    env_timer_start(&commit->timer, group_settings(group)->commit_timeout_ms);
    bool first = list_empty(&group->commits);
    list_push(&group->commits, &commit->link);
    if (first)
        commit_go_on(commit);
}

void group_manager_commit(struct group_manager *manager, struct group_commit *commit)
{
    struct shard *shard;
    if (!commit_prepare(commit)) {
        commit->response.topics.count = 0;
        txn_guard_clear(&commit->guard);
        commit->done(commit);
        return;
    }
    int err = commit_check_producer(commit);
    if (!err)
        err = group_manager_locate(manager, commit->request->group_id, !commit->transactional,
                                   &shard);
    struct group *group = err ? NULL : shard_find(shard, commit->request->group_id);
    if (!err)
        err = commit_check_member(group, commit);
    if (err) {
        commit_answer(commit, err);
        return;
    }
    group = shard_group(shard, commit->request->group_id);
    group_hold(group);
    commit_begin(group, commit);
    group_release(group);
}

int group_manager_guard(struct group_manager *manager, struct group_commit *commit)
{
    struct shard *shard;
    ASSERT(commit->transactional);
    int err = group_manager_locate(manager, commit->request->group_id, false, &shard);
    if (!err)
        txn_guard_set(&shard->guards, &commit->guard, commit->producer_id);
    return err;
}

bool group_manager_is_outdated(const struct group_commit *commit)
{
    return txn_guard_check(&commit->guard) == ERR_INVALID_TXN_STATE;
}

/* ---- fetching ---- */

/* An offset means the topic that had its name when it was committed. That topic's deletion makes it
 * void at once, whatever is on its way, and whether or not a tombstone could be written yet: a
 * coordinator's image has every topic that the ones before it took commits for. */
bool commits_is_stale(const struct group *group, struct wire_str topic, const struct offset *offset)
{
    const struct image *image = group_image(group);
    if (uuid_is_zero(&offset->topic_id))
        return !image_topic_by_name(image, topic.data, (size_t)topic.len);
    return !image_topic_by_id(image, &offset->topic_id);
}

typedef struct offset_fetch_response_offset_fetch_response_topics fetch_topic;
typedef struct offset_fetch_response_offset_fetch_response_partitions fetch_partition;

static void fetch_fill(const struct group *group, struct wire_str topic, int32_t index,
                       bool require_stable, fetch_partition *out)
{
    const struct offset *offset = group ? offsets_get(&group->offsets, topic, index) : NULL;
    if (offset && commits_is_stale(group, topic, offset))
        offset = NULL;
    out->partition_index = index;
    out->committed_offset = -1;
    out->committed_leader_epoch = -1;
    out->metadata = wire_str_from("");
    if (group && require_stable && offsets_is_pending(&group->offsets, topic, index)) {
        out->error_code = err_to_wire(ERR_UNSTABLE_OFFSET_COMMIT);
    } else if (offset) {
        out->committed_offset = offset->offset;
        out->committed_leader_epoch = offset->leader_epoch;
        out->metadata = offset->metadata;
    }
}

static void fetch_fill_unknown(const fetch_topic *topic, int err)
{
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        topic->partitions.items[i].committed_offset = -1;
        topic->partitions.items[i].metadata = wire_str_from("");
        topic->partitions.items[i].error_code = err_to_wire(err);
    }
}

static bool fetch_asked_topic(const struct group_fetch *fetch, const struct group *group,
                              const struct offset_fetch_request_offset_fetch_request_topics *topic,
                              const struct image_topic *known, fetch_topic *out)
{
    out->name = topic->name;
    out->topic_id = topic->topic_id;
    if (!WIRE_ARRAY(fetch->arena, &out->partitions, topic->partition_indexes.count,
                    &offset_fetch_response_offset_fetch_response_partitions_desc))
        return false;
    for (int32_t i = 0; i < topic->partition_indexes.count; i++)
        fetch_fill(group, known ? wire_str_from(known->name) : topic->name,
                   topic->partition_indexes.items[i], fetch->require_stable,
                   &out->partitions.items[i]);
    if (fetch->by_id && !known)
        fetch_fill_unknown(out, ERR_UNKNOWN_TOPIC_ID);
    return true;
}

/* Topics whose id nobody knows come behind all others, as in Kafka. */
static bool fetch_asked(const struct group_fetch *fetch, const struct group *group,
                        const struct image *image,
                        struct offset_fetch_response_offset_fetch_response_group *response)
{
    const struct offset_fetch_request_offset_fetch_request_group *request = fetch->request;
    fetch_topic *out = WIRE_ARRAY(fetch->arena, &response->topics, request->topics.count,
                                  &offset_fetch_response_offset_fetch_response_topics_desc);
    for (int last = 0; out && last <= fetch->by_id; last++)
        for (int32_t i = 0; i < request->topics.count; i++) {
            const struct offset_fetch_request_offset_fetch_request_topics *topic =
                &request->topics.items[i];
            const struct image_topic *known =
                fetch->by_id ? image_topic_by_id(image, &topic->topic_id) : NULL;
            if (fetch->by_id && (last == 0) != (known != NULL))
                continue;
            if (!fetch_asked_topic(fetch, group, topic, known, out++))
                return false;
        }
    return out != NULL;
}

static bool fetch_all_of_topic(const struct group_fetch *fetch, const struct group *group,
                               const struct offsets_topic *topic, fetch_topic *out)
{
    const struct offset *offset;
    int32_t partition;
    size_t step = 0;
    fetch_partition *to =
        WIRE_ARRAY(fetch->arena, &out->partitions, (int32_t)topic->partitions.count,
                   &offset_fetch_response_offset_fetch_response_partitions_desc);
    out->partitions.count = 0;
    while (to && (offset = offsets_next(topic, &step, &partition))) {
        if (commits_is_stale(group, out->name, offset))
            continue;
        fetch_fill(group, out->name, partition, fetch->require_stable, to++);
        out->partitions.count++;
    }
    return to != NULL;
}

static bool fetch_all(const struct group_fetch *fetch, const struct group *group,
                      const struct image *image,
                      struct offset_fetch_response_offset_fetch_response_group *response)
{
    const struct offsets_topic *topic;
    size_t cursor = 0;
    int32_t count = group ? (int32_t)group->offsets.topics.count : 0;
    fetch_topic *out = WIRE_ARRAY(fetch->arena, &response->topics, count,
                                  &offset_fetch_response_offset_fetch_response_topics_desc);
    response->topics.count = 0;
    while (group && out && (topic = offsets_next_topic(&group->offsets, &cursor))) {
        const struct image_topic *known =
            image_topic_by_name(image, topic->name, strlen(topic->name));
        if (fetch->by_id && !known)
            continue;
        out->name = wire_str_from(topic->name);
        if (known)
            out->topic_id = known->id;
        if (!fetch_all_of_topic(fetch, group, topic, out))
            return false;
        if (out->partitions.count == 0)
            continue;
        out++;
        response->topics.count++;
    }
    return out != NULL;
}

static int fetch_check(const struct group_fetch *fetch, const struct group *group)
{
    const struct offset_fetch_request_offset_fetch_request_group *request = fetch->request;
    if (!fetch->check_member || (wire_str_is_null(request->member_id) && request->member_epoch < 0))
        return 0;
    if (group && group->consumer)
        return consumer_check_fetch(group->consumer, request->member_id, request->member_epoch);
    return 0;
}

void group_manager_fetch(struct group_manager *manager, const struct group_fetch *fetch,
                         struct offset_fetch_response_offset_fetch_response_group *response)
{
    const struct offset_fetch_request_offset_fetch_request_group *request = fetch->request;
    const struct image *image = metadata_image(group_manager_deps(manager)->metadata);
    struct shard *shard;
    response->group_id = request->group_id;
    int err = group_manager_locate(manager, request->group_id, true, &shard);
    const struct group *group = err ? NULL : shard_find(shard, request->group_id);
    if (!err)
        err = fetch_check(fetch, group);
    if (!err && !(request->topics.count < 0 ? fetch_all(fetch, group, image, response)
                                            : fetch_asked(fetch, group, image, response)))
        err = ERR_UNKNOWN_SERVER_ERROR;
    response->error_code = err_to_wire(err);
    if (err)
        response->topics.count = 0;
}

/* ---- deleting (KIP-496) ---- */

static void delete_offsets_stored(void *data, int err)
{
    struct group_offset_delete *op = data;
    ASSERT(err <= 0);
    ASSERT(op->done != NULL);
    op->response.error_code = err_to_wire(err);
    if (err)
        op->response.topics.count = 0;
    op->done(op);
}

static int delete_offsets_check(const struct group *group)
{
    if (!group)
        return ERR_GROUP_ID_NOT_FOUND;
    if (group_is_empty(group) || group->consumer)
        return 0;
    const char *type = group->classic->protocol_type;
    return type && strcmp(type, SUBSCRIPTION_TYPE) == 0 ? 0 : ERR_NON_EMPTY_GROUP;
}

/* What is on its way to the log is deleted with the rest: the tombstone stands behind it. Memory
 * does not know of it yet, so then any partition may have one. */
static bool delete_offsets_has(const struct group *group, struct wire_str topic, int32_t index)
{
    return offsets_get(&group->offsets, topic, index) ||
           offsets_is_pending(&group->offsets, topic, index) || group->in_flight > 0 ||
           group->shard->machine.unsure;
}

typedef struct offset_delete_request_offset_delete_request_topic delete_topic;
typedef struct offset_delete_response_offset_delete_response_topic delete_topic_answer;

static bool delete_offsets_put_topic(const struct group *group, struct group_offset_delete *op,
                                     const struct subscribed *subscribed, const delete_topic *topic,
                                     delete_topic_answer *out, struct records *records)
{
    const struct image_topic *known =
        image_topic_by_name(group_image(group), topic->name.data, (size_t)topic->name.len);
    int err = subscribed_has(subscribed, topic->name) ? ERR_GROUP_SUBSCRIBED_TO_TOPIC : 0;
    out->name = topic->name;
    struct offset_delete_response_offset_delete_response_partition *to =
        WIRE_ARRAY(op->arena, &out->partitions, topic->partitions.count,
                   &offset_delete_response_offset_delete_response_partition_desc);
    for (int32_t i = 0; to && i < topic->partitions.count; i++, to++) {
        int32_t index = topic->partitions.items[i].partition_index;
        bool exists = known && index >= 0 && index < known->partition_count;
        to->partition_index = index;
        to->error_code = err_to_wire(exists ? err : ERR_UNKNOWN_TOPIC_OR_PARTITION);
        if (exists && !err && delete_offsets_has(group, topic->name, index))
            group_records_put_offset(records, group_id(group), topic->name, index, NULL);
    }
    return to != NULL;
}

static bool delete_offsets_put(const struct group *group, struct group_offset_delete *op,
                               const struct subscribed *subscribed, struct records *records)
{
    const struct offset_delete_request *request = op->request;
    delete_topic_answer *out =
        WIRE_ARRAY(op->arena, &op->response.topics, request->topics.count,
                   &offset_delete_response_offset_delete_response_topic_desc);
    for (int32_t i = 0; out && i < request->topics.count; i++, out++)
        if (!delete_offsets_put_topic(group, op, subscribed, &request->topics.items[i], out,
                                      records))
            return false;
    return out != NULL;
}

void group_manager_delete_offsets(struct group_manager *manager, struct group_offset_delete *op)
{
    struct subscribed subscribed;
    struct records records;
    struct shard *shard;
    wire_defaults(&offset_delete_response_desc, &op->response);
    int err = group_manager_locate(manager, op->request->group_id, false, &shard);
    struct group *group = err ? NULL : shard_find(shard, op->request->group_id);
    if (!err)
        err = delete_offsets_check(group);
    if (err) {
        delete_offsets_stored(op, err);
        return;
    }
    group_records(group, &records);
    group_subscribed(group, &subscribed);
    if (!delete_offsets_put(group, op, &subscribed, &records))
        err = ERR_UNKNOWN_SERVER_ERROR;
    subscribed_close(&subscribed);
    bool writes = !err && (records.count > 0 || records.err);
    if (writes)
        err = write_records(group, &records, delete_offsets_stored, op);
    records_close(&records);
    if (!writes || err)
        delete_offsets_stored(op, err);
}
