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
#include "broker/replica/partition_ops.h"
#include "kafka/messages/delete_records.h"

struct deletion;

struct deletion_item {
    struct partition_delete_op op;
    struct deletion *deletion;
    struct delete_records_response_delete_records_partition_result *answer;
};

struct deletion {
    struct request *request;
    struct delete_records_response response;
    struct env_timer timer;
    struct deletion_item *items; /* in the request's arena */
    int32_t item_count;
    int32_t open; /* not done yet; and one while the handler runs */
};

static void deletion_finish(struct deletion *deletion)
{
    env_timer_stop(&deletion->timer);
    request_reply(deletion->request, &deletion->response, NULL);
}

static void deletion_answer(struct deletion_item *item, int err)
{
    item->answer->error_code = err_to_wire(err);
    item->answer->low_watermark = err ? -1 : item->op.low_watermark;
}

static void deletion_timeout(void *data)
{
    struct deletion *deletion = data;
    for (int32_t i = 0; i < deletion->item_count; i++) {
        struct deletion_item *item = &deletion->items[i];
        if (!partition_op_is_open(&item->op.op))
            continue;
        partition_op_cancel(&item->op.op);
        deletion_answer(item, ERR_REQUEST_TIMED_OUT);
    }
    deletion_finish(deletion);
}

static void deletion_settle(struct deletion *deletion)
{
    ASSERT(deletion->open > 0);
    if (--deletion->open == 0)
        deletion_finish(deletion);
}

static void deletion_done(struct partition_op *op)
{
    struct deletion_item *item =
        CONTAINER_OF(CONTAINER_OF(op, struct partition_delete_op, op), struct deletion_item, op);
    deletion_answer(item, op->err);
    deletion_settle(item->deletion);
}

/* Of the internal topics no client may take anything. 0: it is under way. */
static int deletion_begin(struct deletion_item *item, struct wire_str topic,
                          const struct delete_records_request_delete_records_partition *asked)
{
    struct partitions *partitions = item->deletion->request->broker->partitions;
    int err = partitions_by_name(partitions, topic.data, (size_t)topic.len, asked->partition_index,
                                 &item->op.op.ref);
    if (!err && topic_name_is_internal(topic))
        err = ERR_INVALID_TOPIC_EXCEPTION;
    if (err)
        return err;
    item->op.offset = asked->offset;
    item->deletion->open++;
    partitions_delete(partitions, &item->op);
    return 0;
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
            item->op.op.done = deletion_done;
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
    deletion->open = 1;
    env_timer_start(&deletion->timer, body->timeout_ms > 0 ? body->timeout_ms : 0);
    for (int32_t i = 0; i < body->topics.count; i++) {
        const struct delete_records_request_delete_records_topic *topic = &body->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++, item++) {
            item->answer->partition_index = topic->partitions.items[j].partition_index;
            int err = deletion_begin(item, topic->name, &topic->partitions.items[j]);
            if (err)
                deletion_answer(item, err);
        }
    }
    deletion_settle(deletion);
}
