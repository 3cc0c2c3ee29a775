/* DescribeLogDirs: what lies in each log directory of this broker, and how large it is. A directory
 * that failed is listed with its error and without content. Asked for all, the answer has the
 * folders of partitions that the metadata did not name too, each as a topic with the name of the
 * folder. */
#include "broker/handlers/handlers.h"

#include <string.h>

#include "base/err.h"
#include "broker/broker.h"
#include "broker/net/request.h"
#include "broker/replica/partition_ops.h"
#include "kafka/messages/describe_log_dirs.h"

typedef struct describe_log_dirs_response_describe_log_dirs_result described_dir;
typedef struct describe_log_dirs_response_describe_log_dirs_topic described_topic;
typedef struct describe_log_dirs_response_describe_log_dirs_partition described_partition;

struct describe {
    struct request *request;
    struct partition_dirs_op op;
};

/* ---- what is asked for ---- */

/* Those that are not here are passed over. */
static bool describe_ask(struct describe *describe)
{
    struct request *request = describe->request;
    const struct describe_log_dirs_request *body = request->body;
    struct partition_dirs_op *op = &describe->op;
    size_t count = 0;
    for (int32_t i = 0; i < body->topics.count; i++)
        count += (size_t)body->topics.items[i].partitions.count;
    struct partition_ref *wanted = arena_alloc_array(&request->arena, count, sizeof(*wanted));
    if (!wanted)
        return false;
    op->wanted = wanted;
    op->all = body->topics.count < 0;
    for (int32_t i = 0; i < body->topics.count; i++) {
        struct wire_str topic = body->topics.items[i].topic;
        for (int32_t j = 0; j < body->topics.items[i].partitions.count; j++)
            op->wanted_count +=
                partitions_by_name(request->broker->partitions, topic.data, (size_t)topic.len,
                                   body->topics.items[i].partitions.items[j],
                                   &wanted[op->wanted_count]) == 0;
    }
    return true;
}

/* ---- the answer ---- */

/* Folders that the metadata did not name are a topic each. */
static bool describe_same_topic(const struct partition_dir_entry *a,
                                const struct partition_dir_entry *b)
{
    return a->lag >= 0 && b->lag >= 0 && strcmp(a->topic, b->topic) == 0;
}

static bool describe_fill_topic(struct request *request, const struct partition_dir_entry *entries,
                                size_t count, described_topic *topic)
{
    topic->name = wire_str_from(entries[0].topic);
    described_partition *out =
        WIRE_ARRAY(&request->arena, &topic->partitions, (int32_t)count,
                   &describe_log_dirs_response_describe_log_dirs_partition_desc);
    for (size_t i = 0; out && i < count; i++, out++) {
        out->partition_index = entries[i].index;
        out->partition_size = entries[i].size;
        out->offset_lag = entries[i].lag; /* -1: nobody knows */
        out->is_future_key = entries[i].future;
    }
    return out != NULL;
}

static bool describe_fill_topics(struct request *request, const struct partition_dir_entry *entries,
                                 size_t count, described_dir *dir)
{
    described_topic *topic = WIRE_ARRAY(&request->arena, &dir->topics, (int32_t)count,
                                        &describe_log_dirs_response_describe_log_dirs_topic_desc);
    int32_t topics = 0;
    if (!topic)
        return false;
    for (size_t first = 0, end; first < count; first = end) {
        end = first + 1;
        while (end < count && describe_same_topic(&entries[first], &entries[end]))
            end++;
        if (!describe_fill_topic(request, &entries[first], end - first, &topic[topics++]))
            return false;
    }
    dir->topics.count = topics;
    return true;
}

static bool describe_fill_dir(struct describe *describe, const struct partition_dir *from,
                              described_dir *dir)
{
    struct request *request = describe->request;
    dir->log_dir = wire_str_from(from->path);
    dir->usable_bytes = from->free; /* -1 as ours, where it is not known */
    dir->total_bytes = from->size;
    dir->is_cordoned = from->cordoned;
    if (from->failed) {
        dir->error_code = err_to_wire(ERR_KAFKA_STORAGE_ERROR);
        return true;
    }
    return describe_fill_topics(request, &describe->op.entries[from->first], from->count, dir);
}

static void describe_done(struct partition_op *op)
{
    struct describe *describe =
        CONTAINER_OF(CONTAINER_OF(op, struct partition_dirs_op, op), struct describe, op);
    struct request *request = describe->request;
    struct describe_log_dirs_response response;
    wire_defaults(&describe_log_dirs_response_desc, &response);
    bool ok = op->err == 0 &&
              WIRE_ARRAY(&request->arena, &response.results, (int32_t)describe->op.dir_count,
                         &describe_log_dirs_response_describe_log_dirs_result_desc);
    for (size_t i = 0; ok && i < describe->op.dir_count; i++)
        ok = describe_fill_dir(describe, &describe->op.dirs[i], &response.results.items[i]);
    if (ok)
        request_reply(request, &response, NULL);
    else
        request_fail(request, op->err ? op->err : ERR_NO_MEMORY,
                     "asks for more than fits in memory");
}

void handle_describe_log_dirs(struct request *request)
{
    struct describe *describe = request_alloc(request, sizeof(*describe));
    if (!describe)
        return;
    describe->request = request;
    describe->op.op.done = describe_done;
    if (describe_ask(describe))
        partitions_dirs(request->broker->partitions, &describe->op);
    else
        request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
}
