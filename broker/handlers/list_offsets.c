/* ListOffsets: offsets by timestamp, the earliest and the latest.
 *
 * Happy path: one partition after another is asked. A lookup that has to open a batch takes longer,
 * and the request goes on after it: however many partitions it names, one batch is opened for it at
 * a time. Failure modes are errors of single partitions. */
#include "broker/handlers/handlers.h"

#include "base/check.h"
#include "base/err.h"
#include "base/map.h"
#include "broker/broker.h"
#include "broker/net/request.h"
#include "broker/replica/partition_ops.h"
#include "kafka/messages/list_offsets.h"

enum {
    LIST_OFFSETS_COMMITTED = 1, /* of isolation levels */
    LIST_OFFSETS_EPOCH_VERSION = 4,
    LIST_OFFSETS_NOT_AVAILABLE_VERSION = 5
};

/* Timestamps below 0 ask for a place, -1 the end and -2 the start. The version that brought each,
 * by its number without the sign. */
static const int16_t list_offsets_special_versions[] = {0, 0, 0, 7, 8, 9, 11};

typedef struct list_offsets_request_list_offsets_topic asked_topic;
typedef struct list_offsets_request_list_offsets_partition asked_partition;
typedef struct list_offsets_response_list_offsets_topic_response told_topic;
typedef struct list_offsets_response_list_offsets_partition_response told_partition;

/* What stands twice in a request, in one entry of its topic or in two, is refused, as by Kafka: one
 * lookup by time may have to open a large batch. */
struct list_offsets_seen {
    struct map topics;     /* name -> its first entry */
    struct map partitions; /* of that entry's number and the partition */
};

static bool list_offsets_is_repeated(struct list_offsets_seen *seen,
                                     const struct list_offsets_request *body, int32_t at,
                                     int32_t partition)
{
    struct wire_str name = body->topics.items[at].name;
    void *first = map_get(&seen->topics, name.data, (size_t)name.len);
    ASSERT(at >= 0);
    ASSERT(at < body->topics.count);
    if (!first) {
        first = &body->topics.items[at];
        map_put(&seen->topics, name.data, (size_t)name.len, first);
    }
    uint64_t number = (uint64_t)((asked_topic *)first - body->topics.items);
    return map_put_u64(&seen->partitions, number << 32 | (uint32_t)partition, first) != NULL;
}

struct list_offsets {
    struct request *request;
    struct list_offsets_response response;
    struct list_offsets_seen seen;
    struct partition_offsets_op op; /* of the partition whose turn it is */
    int32_t topic;                  /* that it belongs to */
    int32_t at;                     /* its place there */
};

static const asked_topic *list_offsets_topic(const struct list_offsets *list)
{
    const struct list_offsets_request *body = list->request->body;
    ASSERT(list->topic >= 0);
    ASSERT(list->topic < body->topics.count);
    return &body->topics.items[list->topic];
}

static bool list_offsets_is_unknown(int64_t timestamp, int16_t version)
{
    return timestamp < 0 && (timestamp <= -(int64_t)ARRAY_LEN(list_offsets_special_versions) ||
                             version < list_offsets_special_versions[-timestamp]);
}

/* 0: list->op is under way; or the error. */
static int list_offsets_ask(struct list_offsets *list)
{
    const struct list_offsets_request *body = list->request->body;
    const asked_topic *topic = list_offsets_topic(list);
    const asked_partition *asked = &topic->partitions.items[list->at];
    struct partitions *partitions = list->request->broker->partitions;
    ASSERT(list->at < topic->partitions.count);
    ASSERT(!partition_op_is_open(&list->op.op));
    if (list_offsets_is_repeated(&list->seen, body, list->topic, asked->partition_index))
        return ERR_INVALID_REQUEST;
    if (list_offsets_is_unknown(asked->timestamp, list->request->version))
        return ERR_UNSUPPORTED_VERSION;
    int err = partitions_by_name(partitions, topic->name.data, (size_t)topic->name.len,
                                 asked->partition_index, &list->op.op.ref);
    if (err)
        return err;
    list->op.current_leader_epoch = asked->current_leader_epoch;
    list->op.timestamp = asked->timestamp;
    list->op.follower = body->replica_id >= 0;
    list->op.committed = body->isolation_level == LIST_OFFSETS_COMMITTED;
    partitions_offsets(partitions, &list->op);
    return 0;
}

/* False when memory is out. */
static bool list_offsets_tell(struct list_offsets *list, int err)
{
    struct request *request = list->request;
    ASSERT(err <= 0);
    ASSERT(list->at < list->response.topics.items[list->topic].partitions.count);
    told_partition *told = &list->response.topics.items[list->topic].partitions.items[list->at];
    if (err == ERR_OFFSET_NOT_AVAILABLE && request->version < LIST_OFFSETS_NOT_AVAILABLE_VERSION)
        err = ERR_LEADER_NOT_AVAILABLE;
    told->partition_index = list_offsets_topic(list)->partitions.items[list->at].partition_index;
    told->error_code = err_to_wire(err);
    list->at++;
    if (err)
        return true;
    told->offset = list->op.found.offset;
    told->timestamp = list->op.found.timestamp_ms;
    if (request->version >= LIST_OFFSETS_EPOCH_VERSION && told->offset >= 0)
        told->leader_epoch = list->op.found.leader_epoch;
    if (request->version > 0 || told->offset < 0)
        return true;
    int64_t *old = WIRE_ARRAY(&request->arena, &told->old_style_offsets, 1, NULL);
    if (old)
        *old = told->offset;
    told->offset = told->timestamp = -1;
    return old != NULL;
}

static bool list_offsets_begin_topic(struct list_offsets *list)
{
    ASSERT(list->at == 0);
    told_topic *told = &list->response.topics.items[list->topic];
    told->name = list_offsets_topic(list)->name;
    return WIRE_ARRAY(&list->request->arena, &told->partitions,
                      list_offsets_topic(list)->partitions.count,
                      &list_offsets_response_list_offsets_partition_response_desc) != NULL;
}

static void list_offsets_end(struct list_offsets *list, bool ok)
{
    struct request *request = list->request;
    struct list_offsets_response response = list->response;
    ASSERT(!partition_op_is_open(&list->op.op));
    map_close(&list->seen.topics);
    map_close(&list->seen.partitions);
    mem_free(list);
    if (ok)
        request_reply(request, &response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "names more partitions than fit in memory");
}

/* Goes on until a partition is asked, or to the end. */
static void list_offsets_go(struct list_offsets *list)
{
    const struct list_offsets_request *body = list->request->body;
    for (; list->topic < body->topics.count; list->topic++, list->at = 0) {
        bool ok = list->at > 0 || list_offsets_begin_topic(list);
        while (ok && list->at < list_offsets_topic(list)->partitions.count) {
            int err = list_offsets_ask(list);
            if (!err)
                return;
            ok = list_offsets_tell(list, err);
        }
        if (!ok) {
            list_offsets_end(list, false);
            return;
        }
    }
    list_offsets_end(list, true);
}

static void list_offsets_done(struct partition_op *op)
{
    struct list_offsets *list =
        CONTAINER_OF(CONTAINER_OF(op, struct partition_offsets_op, op), struct list_offsets, op);
    ASSERT(op->err <= 0);
    if (list_offsets_tell(list, op->err))
        list_offsets_go(list);
    else
        list_offsets_end(list, false);
}

void handle_list_offsets(struct request *request)
{
    const struct list_offsets_request *body = request->body;
    struct list_offsets *list = mem_alloc(sizeof(*list));
    list->request = request;
    list->topic = list->at = 0;
    list->op = (struct partition_offsets_op){.op.done = list_offsets_done};
    map_init(&list->seen.topics);
    map_init(&list->seen.partitions);
    wire_defaults(&list_offsets_response_desc, &list->response);
    if (WIRE_ARRAY(&request->arena, &list->response.topics, body->topics.count,
                   &list_offsets_response_list_offsets_topic_response_desc))
        list_offsets_go(list);
    else
        list_offsets_end(list, false);
}
