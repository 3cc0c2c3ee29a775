/* ListPartitionReassignments: the partitions whose replicas are being moved, as the metadata says.
 * Answered at once; what is not being moved, or does not exist, is left out. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/handlers/nodes.h"
#include "kafka/messages/list_partition_reassignments.h"

typedef struct list_partition_reassignments_response_ongoing_topic_reassignment ongoing_topic;
typedef struct list_partition_reassignments_response_ongoing_partition_reassignment
    ongoing_partition;
typedef struct list_partition_reassignments_request_list_partition_reassignments_topics asked_topic;

static bool list_is_moving(const struct image_topic *topic, int32_t index)
{
    const struct image_partition *partition = image_partition(topic, index);
    return partition && (partition->adding.count > 0 || partition->removing.count > 0);
}

static void list_fill_partition(const struct image_partition *partition, ongoing_partition *out)
{
    out->partition_index = partition->index;
    out->replicas.count = partition->replicas.count;
    out->replicas.items = partition->replicas.ids;
    out->adding_replicas.count = partition->adding.count;
    out->adding_replicas.items = partition->adding.ids;
    out->removing_replicas.count = partition->removing.count;
    out->removing_replicas.items = partition->removing.ids;
}

/* Those of `asked` (NULL = all); *out moves on when there are some. False when memory is out. */
static bool list_add_topic(struct request *request, const struct image_topic *topic,
                           const asked_topic *asked, ongoing_topic **out)
{
    int32_t count = asked ? asked->partition_indexes.count : topic->partition_count;
    int32_t moving = 0;
    for (int32_t i = 0; i < count; i++)
        moving += list_is_moving(topic, asked ? asked->partition_indexes.items[i] : i);
    if (!moving)
        return true;
    ongoing_partition *partitions =
        WIRE_ARRAY(&request->arena, &(*out)->partitions, moving,
                   &list_partition_reassignments_response_ongoing_partition_reassignment_desc);
    if (!partitions)
        return false;
    (*out)->name = wire_str_from(topic->name);
    for (int32_t i = 0; i < count; i++) {
        int32_t index = asked ? asked->partition_indexes.items[i] : i;
        if (list_is_moving(topic, index))
            list_fill_partition(image_partition(topic, index), partitions++);
    }
    ++*out;
    return true;
}

static bool list_fill(struct request *request,
                      struct list_partition_reassignments_response *response)
{
    const struct list_partition_reassignments_request *body = request->body;
    const struct image *image = nodes_image(request);
    const struct image_topic *topic;
    int32_t count = body->topics.count < 0 ? (int32_t)image_topic_count(image) : body->topics.count;
    ongoing_topic *out =
        WIRE_ARRAY(&request->arena, &response->topics, count,
                   &list_partition_reassignments_response_ongoing_topic_reassignment_desc);
    size_t cursor = 0;
    bool ok = out != NULL;
    while (ok && body->topics.count < 0 && (topic = image_next_topic(image, &cursor)))
        ok = list_add_topic(request, topic, NULL, &out);
    for (int32_t i = 0; ok && i < body->topics.count; i++) {
        const asked_topic *asked = &body->topics.items[i];
        topic = image_topic_by_name(image, asked->name.data, (size_t)asked->name.len);
        ok = !topic || list_add_topic(request, topic, asked, &out);
    }
    if (ok)
        response->topics.count = (int32_t)(out - response->topics.items);
    return ok;
}

void handle_list_partition_reassignments(struct request *request)
{
    struct list_partition_reassignments_response response;
    wire_defaults(&list_partition_reassignments_response_desc, &response);
    response.error_message = WIRE_STR_NULL;
    if (list_fill(request, &response))
        request_reply(request, &response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
}
