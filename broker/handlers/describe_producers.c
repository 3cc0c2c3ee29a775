/* DescribeProducers: the idempotent producers that a partition's log knows. Answered at once, by
 * the leader only. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/net/request.h"
#include "broker/replica/replica_manager.h"
#include "kafka/messages/describe_producers.h"

typedef struct describe_producers_response_partition_response described_partition;
typedef struct describe_producers_response_producer_state described_producer;

static bool describe_count(void *data, const struct log_producer *producer)
{
    (void)producer;
    ++*(int32_t *)data;
    return true;
}

static bool describe_copy(void *data, const struct log_producer *producer)
{
    described_producer **out = data;
    **out = (described_producer){
        .producer_id = producer->producer_id,
        .producer_epoch = producer->producer_epoch,
        .last_sequence = producer->last_sequence,
        .last_timestamp = producer->last_timestamp_ms,
        .coordinator_epoch = producer->coordinator_epoch,
        .current_txn_start_offset = producer->current_txn_start_offset,
    };
    ++*out;
    return true;
}

static bool describe_fill_producers(struct request *request, const struct log *log,
                                    described_partition *out)
{
    int32_t count = 0;
    log_each_producer(log, describe_count, &count);
    described_producer *producers = WIRE_ARRAY(&request->arena, &out->active_producers, count,
                                               &describe_producers_response_producer_state_desc);
    if (!producers)
        return false;
    log_each_producer(log, describe_copy, &producers);
    return true;
}

static bool describe_fill_partition(struct request *request, struct wire_str topic, int32_t index,
                                    described_partition *out)
{
    int err;
    struct partition *partition = replica_manager_by_name(request->broker->replicas, topic.data,
                                                          (size_t)topic.len, index, &err);
    const struct log *log = partition ? partition_log(partition) : NULL;
    if (partition)
        err = partition_state(partition) == PARTITION_LEADER ? 0 : ERR_NOT_LEADER_OR_FOLLOWER;
    if (!err && !log)
        err = ERR_KAFKA_STORAGE_ERROR;
    out->partition_index = index;
    out->error_code = err_to_wire(err);
    return err || describe_fill_producers(request, log, out);
}

static bool describe_fill_topic(struct request *request,
                                const struct describe_producers_request_topic_request *asked,
                                struct describe_producers_response_topic_response *topic)
{
    described_partition *out =
        WIRE_ARRAY(&request->arena, &topic->partitions, asked->partition_indexes.count,
                   &describe_producers_response_partition_response_desc);
    topic->name = asked->name;
    bool ok = out != NULL;
    for (int32_t i = 0; ok && i < asked->partition_indexes.count; i++)
        ok = describe_fill_partition(request, asked->name, asked->partition_indexes.items[i],
                                     &out[i]);
    return ok;
}

void handle_describe_producers(struct request *request)
{
    const struct describe_producers_request *body = request->body;
    struct describe_producers_response response;
    wire_defaults(&describe_producers_response_desc, &response);
    bool ok = WIRE_ARRAY(&request->arena, &response.topics, body->topics.count,
                         &describe_producers_response_topic_response_desc) != NULL;
    for (int32_t i = 0; ok && i < body->topics.count; i++)
        ok = describe_fill_topic(request, &body->topics.items[i], &response.topics.items[i]);
    if (ok)
        request_reply(request, &response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
}
