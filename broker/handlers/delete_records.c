/* DeleteRecords: moves the log start of partitions that this broker leads.
 *
 * Happy path: the leader's log start moves at once, the followers take it over with their next
 * fetch, and each partition is answered when the new start is on the disk of every in-sync replica.
 * What is not by the time limit is answered REQUEST_TIMED_OUT: the records are gone from view, but
 * a crash may bring them back. Losing the leadership meanwhile is NOT_LEADER_OR_FOLLOWER. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/handlers/topic_name.h"
#include "broker/net/request.h"
#include "broker/replica/replica_manager.h"
#include "kafka/messages/delete_records.h"

struct deletion;

struct deletion_item {
    struct partition_wait wait;
    struct deletion *deletion;
    struct partition *partition; /* lives as long as it waits: its end calls the wait */
    struct delete_records_response_delete_records_partition_result *answer;
    bool waiting;
};

struct deletion {
    struct request *request;
    struct delete_records_response response;
    struct env_timer timer;
    struct deletion_item *items; /* in the request's arena */
    int32_t item_count;
    int32_t waiting;
};

static void deletion_finish(struct deletion *deletion)
{
    env_timer_stop(&deletion->timer);
    request_reply(deletion->request, &deletion->response, NULL);
}

static void deletion_answer(struct deletion_item *item, int err)
{
    item->waiting = false;
    item->answer->error_code = err_to_wire(err);
    item->answer->low_watermark = err ? -1 : partition_low_watermark(item->partition);
}

static void deletion_timeout(void *data)
{
    struct deletion *deletion = data;
    for (int32_t i = 0; i < deletion->item_count; i++) {
        struct deletion_item *item = &deletion->items[i];
        if (!item->waiting)
            continue;
        partition_wait_cancel(&item->wait);
        deletion_answer(item, ERR_REQUEST_TIMED_OUT);
    }
    deletion_finish(deletion);
}

static void deletion_safe(struct partition_wait *wait, int err)
{
    struct deletion_item *item = CONTAINER_OF(wait, struct deletion_item, wait);
    deletion_answer(item, err);
    if (--item->deletion->waiting == 0)
        deletion_finish(item->deletion);
}

/* Only a log whose old records are deleted may lose some: a compacted one keeps the last of each
 * key, and of the internal topics no client may take anything. 1 = it waits. */
static int deletion_begin(struct deletion_item *item, struct wire_str topic,
                          const struct delete_records_request_delete_records_partition *asked)
{
    int err;
    item->partition = replica_manager_by_name(item->deletion->request->broker->replicas, topic.data,
                                              (size_t)topic.len, asked->partition_index, &err);
    if (!item->partition)
        return err;
    if (topic_name_is_internal(topic))
        return ERR_INVALID_TOPIC_EXCEPTION;
    const struct log *log = partition_log(item->partition);
    if (log && log_config(log)->cleanup_compact && !log_config(log)->cleanup_delete)
        return ERR_POLICY_VIOLATION;
    return partition_delete_records(item->partition, asked->offset, &item->wait);
}

static bool deletion_prepare(struct deletion *deletion)
{
    const struct delete_records_request *body = deletion->request->body;
    struct arena *arena = &deletion->request->arena;
    wire_defaults(&delete_records_response_desc, &deletion->response);
    for (int32_t i = 0; i < body->topics.count; i++)
        deletion->item_count += body->topics.items[i].partitions.count;
    deletion->items =
        arena_alloc_array(arena, (size_t)deletion->item_count, sizeof(*deletion->items));
    if (!deletion->items || !WIRE_ARRAY(arena, &deletion->response.topics, body->topics.count,
                                        &delete_records_response_delete_records_topic_result_desc))
        return false;
    struct deletion_item *item = deletion->items;
    for (int32_t i = 0; i < body->topics.count; i++) {
        struct delete_records_response_delete_records_topic_result *topic =
            &deletion->response.topics.items[i];
        int32_t count = body->topics.items[i].partitions.count;
        topic->name = body->topics.items[i].name;
        if (!WIRE_ARRAY(arena, &topic->partitions, count,
                        &delete_records_response_delete_records_partition_result_desc))
            return false;
        for (int32_t j = 0; j < count; j++, item++) {
            item->deletion = deletion;
            item->wait.done = deletion_safe;
            item->answer = &topic->partitions.items[j];
        }
    }
    return true;
}

void handle_delete_records(struct request *request)
{
    const struct delete_records_request *body = request->body;
    struct deletion *deletion = arena_alloc(&request->arena, sizeof(*deletion));
    if (deletion)
        deletion->request = request;
    if (!deletion || !deletion_prepare(deletion)) {
        request_fail(request, ERR_NO_MEMORY, "names more partitions than fit in memory");
        return;
    }
    env_timer_init(request->broker->env, &deletion->timer, deletion_timeout, deletion);
    struct deletion_item *item = deletion->items;
    for (int32_t i = 0; i < body->topics.count; i++) {
        const struct delete_records_request_delete_records_topic *topic = &body->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++, item++) {
            item->answer->partition_index = topic->partitions.items[j].partition_index;
            int err = deletion_begin(item, topic->name, &topic->partitions.items[j]);
            item->waiting = err == PARTITION_WAITS;
            deletion->waiting += item->waiting;
            if (!item->waiting)
                deletion_answer(item, err);
        }
    }
    if (deletion->waiting == 0)
        deletion_finish(deletion);
    else
        env_timer_start(&deletion->timer, body->timeout_ms > 0 ? body->timeout_ms : 0);
}
