/* OffsetForLeaderEpoch: where an epoch ends in the leader's log. Answered at once. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/net/request.h"
#include "broker/replica/replica_manager.h"
#include "kafka/messages/offset_for_leader_epoch.h"

static void
epoch_fill(struct request *request, struct wire_str topic,
           const struct offset_for_leader_epoch_request_offset_for_leader_partition *asked,
           struct offset_for_leader_epoch_response_epoch_end_offset *answer)
{
    int err;
    struct partition *partition = replica_manager_by_name(
        request->broker->replicas, topic.data, (size_t)topic.len, asked->partition, &err);
    answer->partition = asked->partition;
    answer->leader_epoch = -1;
    answer->end_offset = -1;
    if (partition)
        err = partition_end_of_epoch(partition, asked->current_leader_epoch, asked->leader_epoch,
                                     &answer->leader_epoch, &answer->end_offset);
    answer->error_code = err_to_wire(err);
}

void handle_offset_for_leader_epoch(struct request *request)
{
    const struct offset_for_leader_epoch_request *body = request->body;
    struct arena *arena = &request->arena;
    struct offset_for_leader_epoch_response response;
    wire_defaults(&offset_for_leader_epoch_response_desc, &response);
    bool ok =
        WIRE_ARRAY(arena, &response.topics, body->topics.count,
                   &offset_for_leader_epoch_response_offset_for_leader_topic_result_desc) != NULL;
    for (int32_t i = 0; ok && i < body->topics.count; i++) {
        const struct offset_for_leader_epoch_request_offset_for_leader_topic *asked =
            &body->topics.items[i];
        struct offset_for_leader_epoch_response_offset_for_leader_topic_result *topic =
            &response.topics.items[i];
        topic->topic = asked->topic;
        ok = WIRE_ARRAY(arena, &topic->partitions, asked->partitions.count,
                        &offset_for_leader_epoch_response_epoch_end_offset_desc) != NULL;
        for (int32_t j = 0; ok && j < asked->partitions.count; j++)
            epoch_fill(request, asked->topic, &asked->partitions.items[j],
                       &topic->partitions.items[j]);
    }
    if (ok)
        request_reply(request, &response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "names more partitions than fit in memory");
}
