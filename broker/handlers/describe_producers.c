/* DescribeProducers: the idempotent producers that a partition's log knows, the leader's or a
 * follower's, which may differ: a transaction that hangs is looked for on both.
 *
 * Happy path: one partition after another is asked. Failure modes are errors of single partitions.
 */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/net/request.h"
#include "broker/replica/partition_ops.h"
#include "kafka/messages/describe_producers.h"

typedef struct describe_producers_response_partition_response described_partition;
typedef struct describe_producers_response_producer_state described_producer;

struct describe {
    struct request *request;
    struct describe_producers_response response;
    struct partition_producers_op op;
    int32_t topic; /* whose turn it is, */
    int32_t at;    /* and the partition there */
};

static const struct describe_producers_request_topic_request *
describe_topic(const struct describe *describe)
{
    const struct describe_producers_request *body = describe->request->body;
    return &body->topics.items[describe->topic];
}

static bool describe_fill_producers(struct describe *describe, described_partition *out)
{
    const struct partition_producers_op *op = &describe->op;
    described_producer *producers =
        WIRE_ARRAY(&describe->request->arena, &out->active_producers, (int32_t)op->count,
                   &describe_producers_response_producer_state_desc);
    for (size_t i = 0; producers && i < op->count; i++)
        producers[i] = (described_producer){
            .producer_id = op->producers[i].producer_id,
            .producer_epoch = op->producers[i].producer_epoch,
            .last_sequence = op->producers[i].last_sequence,
            .last_timestamp = op->producers[i].last_timestamp_ms,
            .coordinator_epoch = op->producers[i].coordinator_epoch,
            .current_txn_start_offset = op->producers[i].current_txn_start_offset,
        };
    return producers != NULL;
}

/* False when memory is out. */
static bool describe_tell(struct describe *describe, int err)
{
    described_partition *out =
        &describe->response.topics.items[describe->topic].partitions.items[describe->at];
    out->partition_index = describe_topic(describe)->partition_indexes.items[describe->at];
    out->error_code = err_to_wire(err);
    describe->at++;
    return err || describe_fill_producers(describe, out);
}

/* 0: describe->op is under way; or the error. */
static int describe_ask(struct describe *describe)
{
    const struct describe_producers_request_topic_request *topic = describe_topic(describe);
    struct partitions *partitions = describe->request->broker->partitions;
    int err =
        partitions_by_name(partitions, topic->name.data, (size_t)topic->name.len,
                           topic->partition_indexes.items[describe->at], &describe->op.op.ref);
    if (!err)
        partitions_producers(partitions, &describe->op);
    return err;
}

static bool describe_begin_topic(struct describe *describe)
{
    struct describe_producers_response_topic_response *told =
        &describe->response.topics.items[describe->topic];
    told->name = describe_topic(describe)->name;
    return WIRE_ARRAY(&describe->request->arena, &told->partitions,
                      describe_topic(describe)->partition_indexes.count,
                      &describe_producers_response_partition_response_desc) != NULL;
}

static void describe_no_memory(struct describe *describe)
{
    request_fail(describe->request, ERR_NO_MEMORY, "asks for more than fits in memory");
}

/* Goes on until a partition is asked, or to the end. */
static void describe_go(struct describe *describe)
{
    const struct describe_producers_request *body = describe->request->body;
    for (; describe->topic < body->topics.count; describe->topic++, describe->at = 0) {
        bool ok = describe->at > 0 || describe_begin_topic(describe);
        while (ok && describe->at < describe_topic(describe)->partition_indexes.count) {
            int err = describe_ask(describe);
            if (!err)
                return;
            ok = describe_tell(describe, err);
        }
        if (!ok) {
            describe_no_memory(describe);
            return;
        }
    }
    request_reply(describe->request, &describe->response, NULL);
}

static void describe_done(struct partition_op *op)
{
    struct describe *describe =
        CONTAINER_OF(CONTAINER_OF(op, struct partition_producers_op, op), struct describe, op);
    bool ok = describe_tell(describe, op->err);
    mem_free(describe->op.producers);
    if (ok)
        describe_go(describe);
    else
        describe_no_memory(describe);
}

void handle_describe_producers(struct request *request)
{
    const struct describe_producers_request *body = request->body;
    struct describe *describe = request_alloc(request, sizeof(*describe));
    if (!describe)
        return;
    describe->request = request;
    describe->op.op.done = describe_done;
    wire_defaults(&describe_producers_response_desc, &describe->response);
    if (WIRE_ARRAY(&request->arena, &describe->response.topics, body->topics.count,
                   &describe_producers_response_topic_response_desc))
        describe_go(describe);
    else
        describe_no_memory(describe);
}
