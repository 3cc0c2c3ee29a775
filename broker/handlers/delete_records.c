/* DeleteRecords: moves the log start of partitions that this broker leads, and answers with the new
 * one; followers take it over with their next fetch. Answered at once. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/net/request.h"
#include "broker/replica/replica_manager.h"
#include "kafka/messages/delete_records.h"

/* Only a log whose old records are deleted may lose some: a compacted one keeps the last of each
 * key. */
static int delete_records_cut(struct request *request, struct wire_str topic,
                              const struct delete_records_request_delete_records_partition *asked,
                              int64_t *log_start)
{
    int err;
    struct partition *partition = replica_manager_by_name(
        request->broker->replicas, topic.data, (size_t)topic.len, asked->partition_index, &err);
    if (!partition)
        return err;
    const struct log *log = partition_log(partition);
    if (log && !log_config(log)->cleanup_delete)
        return ERR_POLICY_VIOLATION;
    return partition_delete_records(partition, asked->offset, log_start);
}

static bool delete_records_topic(struct request *request,
                                 const struct delete_records_request_delete_records_topic *asked,
                                 struct delete_records_response_delete_records_topic_result *topic)
{
    struct delete_records_response_delete_records_partition_result *out =
        WIRE_ARRAY(&request->arena, &topic->partitions, asked->partitions.count,
                   &delete_records_response_delete_records_partition_result_desc);
    topic->name = asked->name;
    for (int32_t i = 0; out && i < asked->partitions.count; i++) {
        int64_t log_start = -1;
        int err = delete_records_cut(request, asked->name, &asked->partitions.items[i], &log_start);
        out[i].partition_index = asked->partitions.items[i].partition_index;
        out[i].low_watermark = err ? -1 : log_start;
        out[i].error_code = err_to_wire(err);
    }
    return out != NULL;
}

void handle_delete_records(struct request *request)
{
    const struct delete_records_request *body = request->body;
    struct delete_records_response response;
    wire_defaults(&delete_records_response_desc, &response);
    bool ok = WIRE_ARRAY(&request->arena, &response.topics, body->topics.count,
                         &delete_records_response_delete_records_topic_result_desc) != NULL;
    for (int32_t i = 0; ok && i < body->topics.count; i++)
        ok = delete_records_topic(request, &body->topics.items[i], &response.topics.items[i]);
    if (ok)
        request_reply(request, &response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "names more partitions than fit in memory");
}
