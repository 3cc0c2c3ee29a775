/* OffsetForLeaderEpoch: where an epoch ends in the leader's log.
 *
 * Happy path: one partition after another is asked. Failure modes are errors of single partitions.
 */
#include "broker/handlers/handlers.h"

#include "base/check.h"
#include "base/err.h"
#include "broker/broker.h"
#include "broker/net/request.h"
#include "broker/replica/partition_ops.h"
#include "kafka/messages/offset_for_leader_epoch.h"

typedef struct offset_for_leader_epoch_request_offset_for_leader_topic asked_topic;
typedef struct offset_for_leader_epoch_request_offset_for_leader_partition asked_partition;
typedef struct offset_for_leader_epoch_response_offset_for_leader_topic_result told_topic;
typedef struct offset_for_leader_epoch_response_epoch_end_offset told_partition;

struct epochs {
    struct request *request;
    struct offset_for_leader_epoch_response response;
    struct partition_epoch_op op;
    int32_t topic; /* whose turn it is, */
    int32_t at;    /* and the partition there */
};

static const asked_topic *epoch_topic(const struct epochs *epochs)
{
    const struct offset_for_leader_epoch_request *body = epochs->request->body;
    ASSERT(epochs->topic >= 0);
    ASSERT(epochs->topic < body->topics.count);
    return &body->topics.items[epochs->topic];
}

static void epoch_tell(struct epochs *epochs, int err)
{
    ASSERT(err <= 0);
    ASSERT(epochs->at < epoch_topic(epochs)->partitions.count);
    told_partition *told =
        &epochs->response.topics.items[epochs->topic].partitions.items[epochs->at];
    told->partition = epoch_topic(epochs)->partitions.items[epochs->at].partition;
    told->leader_epoch = err ? -1 : epochs->op.found;
    told->end_offset = err ? -1 : epochs->op.end_offset;
    told->error_code = err_to_wire(err);
    epochs->at++;
}

/* 0: `op` is under way; or the error. */
static int epoch_ask(struct epochs *epochs)
{
    const asked_topic *topic = epoch_topic(epochs);
    const asked_partition *asked = &topic->partitions.items[epochs->at];
    struct partitions *partitions = epochs->request->broker->partitions;
    int err = partitions_by_name(partitions, topic->topic.data, (size_t)topic->topic.len,
                                 asked->partition, &epochs->op.op.ref);
    if (err)
        return err;
    epochs->op.current_leader_epoch = asked->current_leader_epoch;
    epochs->op.epoch = asked->leader_epoch;
    partitions_epoch(partitions, &epochs->op);
    return 0;
}

static bool epoch_begin_topic(struct epochs *epochs)
{
    told_topic *told = &epochs->response.topics.items[epochs->topic];
    told->topic = epoch_topic(epochs)->topic;
    return WIRE_ARRAY(&epochs->request->arena, &told->partitions,
                      epoch_topic(epochs)->partitions.count,
                      &offset_for_leader_epoch_response_epoch_end_offset_desc) != NULL;
}

static void epoch_no_memory(struct epochs *epochs)
{
    request_fail(epochs->request, ERR_NO_MEMORY, "names more partitions than fit in memory");
}

/* Goes on until a partition is asked, or to the end. */
static void epoch_go(struct epochs *epochs)
{
    const struct offset_for_leader_epoch_request *body = epochs->request->body;
    for (; epochs->topic < body->topics.count; epochs->topic++, epochs->at = 0) {
        if (epochs->at == 0 && !epoch_begin_topic(epochs)) {
            epoch_no_memory(epochs);
            return;
        }
        while (epochs->at < epoch_topic(epochs)->partitions.count) {
            int err = epoch_ask(epochs);
            if (!err)
                return;
            epoch_tell(epochs, err);
        }
    }
    request_reply(epochs->request, &epochs->response, NULL);
}

static void epoch_done(struct partition_op *op)
{
    struct epochs *epochs =
        CONTAINER_OF(CONTAINER_OF(op, struct partition_epoch_op, op), struct epochs, op);
    epoch_tell(epochs, op->err);
    epoch_go(epochs);
}

void handle_offset_for_leader_epoch(struct request *request)
{
    const struct offset_for_leader_epoch_request *body = request->body;
    struct epochs *epochs = request_alloc(request, sizeof(*epochs));
    if (!epochs)
        return;
    epochs->request = request;
    epochs->op.op.done = epoch_done;
    wire_defaults(&offset_for_leader_epoch_response_desc, &epochs->response);
    if (WIRE_ARRAY(&request->arena, &epochs->response.topics, body->topics.count,
                   &offset_for_leader_epoch_response_offset_for_leader_topic_result_desc))
        epoch_go(epochs);
    else
        epoch_no_memory(epochs);
}
