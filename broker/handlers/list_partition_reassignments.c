/* ListPartitionReassignments: the partitions whose replicas are being moved. What is not being
 * moved, or does not exist, is left out.
 *
 * Who is told that nothing moves may take a throttle away, so an answer is never older than its
 * question: the active controller is asked how far it is, and this node's metadata is read when it
 * is as far. Failure modes: no controller answers, or this node stays behind; both are told as a
 * time-out. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/handlers/nodes.h"
#include "broker/handlers/origin.h"
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

/* ---- asking ---- */

enum {
    LIST_WAIT_MS = 4000 /* elections are over by then; tools ask this where no controller is, too */
};

struct list_moves {
    struct request *request;
    struct list_partition_reassignments_response response;
    int64_t index; /* of the newest entry at the controller */
};

static void list_refuse(struct list_moves *list, int err, const char *sentence)
{
    list->response.error_code = err_to_wire(err);
    list->response.error_message = command_keep(&list->request->arena, sentence);
}

static void list_result(void *data, int err, const char *sentence, const Meta__CommandReply *reply)
{
    struct list_moves *list = data;
    if (err == ERR_REQUEST_TIMED_OUT)
        sentence = "No active controller has answered in time.";
    if (err)
        list_refuse(list, err, sentence);
    else
        list->index = reply->index;
}

static void list_finish(void *data, int err)
{
    struct list_moves *list = data;
    struct request *request = list->request;
    if (err && !list->response.error_code)
        list_refuse(list, err, err_text(err));
    if (!err && metadata_index(request->broker->metadata) < list->index)
        list_refuse(list, ERR_REQUEST_TIMED_OUT,
                    "This node has not heard from the active controller for some seconds.");
    if (list->response.error_code || list_fill(request, &list->response))
        request_reply(request, &list->response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
}

static const struct command_events list_events = {
    .result = list_result,
    .finish = list_finish,
};

void handle_list_partition_reassignments(struct request *request)
{
    const struct list_partition_reassignments_request *body = request->body;
    struct list_moves *list = arena_alloc(&request->arena, sizeof(*list));
    if (!list) {
        request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
        return;
    }
    *list = (struct list_moves){.request = request};
    wire_defaults(&list_partition_reassignments_response_desc, &list->response);
    list->response.error_message = WIRE_STR_NULL;
    Meta__DescribeQuorum describe = META__DESCRIBE_QUORUM__INIT;
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_DESCRIBE_QUORUM;
    command.describe_quorum = &describe;
    command_send(request->broker->channel, origin_of(request), &command,
                 body->timeout_ms < LIST_WAIT_MS ? body->timeout_ms : LIST_WAIT_MS, &list_events,
                 list);
}
